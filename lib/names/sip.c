/* SIP identities: RFC 5922 sections 7.1 and 7.2. */
#include "base/buf.h"
#include "base/reader.h"
#include "names/dns.h"

/* Which part of the certificate holds the identities. */
enum source { SOURCE_URI, SOURCE_DNS, SOURCE_CN };

/*
 * A SAN URI with scheme sip and no user part, and its host. One whose host cannot be read is an identity
 * all the same: it never matches, and it keeps dNSNames from being looked at (section 7.1, "if and only
 * if no other identity is found").
 */
static bool
sip_uri_host(const struct cg_general_name *name, struct cg_span *host)
{
    struct cg_span scheme, userinfo;
    bool has_userinfo;

    if (name->type != CG_NAME_URI)
        return false;
    if (!cg_uri_host(name->value, &scheme, &userinfo, &has_userinfo, host))
        *host = cg_span(NULL, 0);
    return !has_userinfo && cg_names_equal_ignoring_case(scheme, cg_span("sip", 3));
}

/* The most specific commonName of the subject (the last one), where it is a string of single bytes. */
static bool
common_name(const struct cg_cert *cert, struct cg_span *out)
{
    struct cg_reader reader = cg_reader(cert->subject), rdns, rdn, attribute;
    struct cg_span oid, value;
    uint8_t tag, found = 0;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return false;
    while (cg_der_enter(&rdns, CG_DER_SET, &rdn))
        while (cg_der_enter(&rdn, CG_DER_SEQUENCE, &attribute))
            if (cg_der_oid(&attribute, &oid) && cg_der_any(&attribute, &tag, &value, NULL) &&
                    CG_SPAN_IS(oid, "\x55\x04\x03")) {
                *out = value;
                found = tag;
            }
    return found == CG_DER_UTF8_STRING || found == CG_DER_PRINTABLE_STRING ||
            found == CG_DER_IA5_STRING || found == CG_DER_T61_STRING;
}

/*
 * Iterates over the identities. *cursor starts at 0. Section 7.1: URIs first; only where there is none,
 * dNSNames; only where there is no subjectAltName at all, the CN.
 */
static bool
next_identity(const struct cg_cert *cert, enum source source, size_t *cursor, struct cg_span *out)
{
    if (source == SOURCE_CN)
        return (*cursor)++ == 0 && common_name(cert, out);
    while (*cursor < cert->san_count) {
        const struct cg_general_name *name = &cert->san[(*cursor)++];

        if (source == SOURCE_URI && sip_uri_host(name, out))
            return true;
        if (source == SOURCE_DNS && name->type == CG_NAME_DNS) {
            *out = name->value;
            return true;
        }
    }
    return false;
}

static enum source
choose_source(const struct cg_cert *cert)
{
    struct cg_span identity;
    size_t cursor = 0;

    if (!cert->has_san)
        return SOURCE_CN;
    /* Where names were left out, a URI may be among them. */
    if (cg_cert_has_defect(cert, CG_DEFECT_TOO_MANY_NAMES))
        return SOURCE_URI;
    return next_identity(cert, SOURCE_URI, &cursor, &identity) ? SOURCE_URI : SOURCE_DNS;
}

/* Whole name, no suffix (section 7.2). Only a URI can name an address; it is compared as one. */
static enum cg_name_result
match_identity(struct cg_span identity, enum source source, const struct cg_reference *domain,
        bool allow_wildcard)
{
    struct cg_reference host;
    char text[sizeof(host.text)];

    if (domain->kind == CG_REFERENCE_DNS)
        return cg_dns_match(identity, cg_span(domain->text, strlen(domain->text)),
                allow_wildcard && source == SOURCE_DNS);
    if (source != SOURCE_URI || identity.len >= sizeof(text) ||
            (identity.len != 0 && memchr(identity.data, '\0', identity.len) != NULL))
        return CG_NAME_NO_MATCH;
    if (identity.len != 0)
        memcpy(text, identity.data, identity.len);
    text[identity.len] = '\0';
    return cg_reference_parse(text, &host) && host.kind == CG_REFERENCE_IP &&
                    cg_span_equal(cg_span(host.address, host.address_len),
                            cg_span(domain->address, domain->address_len))
            ? CG_NAME_MATCH
            : CG_NAME_NO_MATCH;
}

enum cg_name_result
cg_sip_match(const struct cg_cert *cert, const char *domain, bool allow_wildcard)
{
    enum source source = choose_source(cert);
    enum cg_name_result result, best = CG_NAME_NONE;
    struct cg_reference reference;
    struct cg_span identity;
    size_t cursor = 0;

    if (!cg_reference_parse(domain, &reference))
        return CG_NAME_NO_MATCH;
    while (next_identity(cert, source, &cursor, &identity)) {
        result = match_identity(identity, source, &reference, allow_wildcard);
        if (result != CG_NAME_NO_MATCH)
            return result;
        best = CG_NAME_NO_MATCH;
    }
    return best;
}

void
cg_sip_identities_text(struct cg_buf *buf, const struct cg_cert *cert)
{
    enum source source = choose_source(cert);
    struct cg_span identity;
    size_t cursor = 0;

    while (next_identity(cert, source, &cursor, &identity)) {
        cg_buf_add(buf, buf->len == 0 ? "" : ", ");
        cg_buf_add_escaped(buf, identity);
    }
}
