/* Host names and addresses: RFC 9525 section 6. */
#include <arpa/inet.h>
#include <stdio.h>

#include "names/dns.h"

static bool
parse_address(const char *text, struct cg_reference *out)
{
    if (inet_pton(AF_INET, text, out->address) == 1)
        out->address_len = 4;
    else if (inet_pton(AF_INET6, text, out->address) == 1)
        out->address_len = 16;
    else
        return false;
    out->kind = CG_REFERENCE_IP;
    return true;
}

bool
cg_reference_parse(const char *text, struct cg_reference *out)
{
    size_t len = strlen(text);

    *out = (struct cg_reference) { .kind = CG_REFERENCE_DNS };
    if (len == 0 || len >= sizeof(out->text))
        return false;
    if (parse_address(text, out)) {
        memcpy(out->text, text, len + 1);
        return true;
    }
    /* The root label, written out. Behind a single label it would make a host of a top-level domain. */
    if (text[len - 1] == '.' && memchr(text, '.', len - 1) != NULL)
        len--;
    if (!cg_dns_name_is_valid(cg_span(text, len), false))
        return false;
    for (size_t i = 0; i < len; i++)
        out->text[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    return true;
}

enum cg_name_result
cg_host_match(const struct cg_cert *cert, const struct cg_reference *reference, size_t *which)
{
    struct cg_span wanted = cg_span(reference->text, strlen(reference->text));
    enum cg_name_result result, best = CG_NAME_NONE;

    *which = 0;
    for (size_t i = 0; i < cert->san_count; i++) {
        const struct cg_general_name *name = &cert->san[i];

        result = CG_NAME_NONE;
        if (name->type != CG_NAME_DNS && name->type != CG_NAME_IP)
            continue;
        if (reference->kind == CG_REFERENCE_IP && name->type == CG_NAME_IP)
            result = cg_span_equal(name->value, cg_span(reference->address, reference->address_len))
                    ? CG_NAME_MATCH
                    : CG_NAME_NO_MATCH;
        else if (reference->kind == CG_REFERENCE_DNS && name->type == CG_NAME_DNS)
            result = cg_dns_match(name->value, wanted, true);
        else
            result = CG_NAME_NO_MATCH;
        if (result == CG_NAME_MATCH || result == CG_NAME_MATCH_WILDCARD) {
            *which = i;
            return result;
        }
        best = result;
    }
    return best;
}
