#include "gateway/presented.h"

#include "names/dns.h"

/* Our own dNSNames against the name asked for (RFC 9525 section 6.3), the very name before a wildcard. */
static enum cg_name_result
best_match(const struct cg_cert *cert, struct cg_span wanted)
{
    enum cg_name_result best = CG_NAME_NO_MATCH;

    for (size_t i = 0; i < cert->san_count && best != CG_NAME_MATCH; i++) {
        enum cg_name_result result = cert->san[i].type != CG_NAME_DNS
                ? CG_NAME_NO_MATCH
                : cg_dns_match(cert->san[i].value, wanted, true);

        if (result != CG_NAME_NO_MATCH)
            best = result;
    }
    return best;
}

const struct gw_presented *
presented_for(const struct gw_interface *iface, const char *name)
{
    const struct gw_presented *by_wildcard = NULL;
    struct cg_reference reference;

    /* An address is no server name, and nobody is found by one. */
    if (iface->presented_count == 1 || !cg_reference_parse(name, &reference) ||
            reference.kind != CG_REFERENCE_DNS)
        return &iface->presented[0];
    for (size_t i = 0; i < iface->presented_count; i++) {
        enum cg_name_result result = best_match(
                iface->presented[i].cert, cg_span(reference.text, strlen(reference.text)));

        if (result == CG_NAME_MATCH)
            return &iface->presented[i];
        if (result == CG_NAME_MATCH_WILDCARD && by_wildcard == NULL)
            by_wildcard = &iface->presented[i];
    }
    return by_wildcard == NULL ? &iface->presented[0] : by_wildcard;
}
