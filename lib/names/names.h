/*
 * Reference identifiers against presented identifiers (RFC 9525, RFC 5922).
 */
#ifndef CG_NAMES_NAMES_H
#define CG_NAMES_NAMES_H

#include <certgate/policy.h>

#include "base/span.h"
#include "x509/facts.h"

/* A reference that we were configured with. */
struct cg_reference {
    enum { CG_REFERENCE_DNS, CG_REFERENCE_IP } kind;
    char text[256];       /* DNS: lower-case A-labels, no trailing dot; IP: as configured */
    uint8_t address[16];  /* IP only */
    size_t address_len;   /* 4 or 16 */
};

/*
 * Reads a reference: an IPv4 or IPv6 address (RFC 4291 text, brackets and zone refused) or a DNS name
 * in A-labels (letters, digits, hyphens, underscore tolerated; one trailing dot behind two or more labels
 * dropped; no wildcard). False when it is neither.
 */
bool cg_reference_parse(const char *text, struct cg_reference *out);

enum cg_name_result {
    CG_NAME_MATCH,
    CG_NAME_MATCH_WILDCARD, /* by a "*" as the whole left-most label */
    CG_NAME_NO_MATCH,
    CG_NAME_NONE,           /* nothing of a comparable kind is presented */
};

/*
 * Host name (RFC 9525 section 6): dNSName or iPAddress entries of the subjectAltName, never the CN.
 * *which is the index of the SAN entry that matched.
 */
enum cg_name_result cg_host_match(
        const struct cg_cert *cert, const struct cg_reference *reference, size_t *which);

/*
 * SIP domain (RFC 5922 section 7.1, 7.2): identities are hosts of SAN URIs `sip:host` without user
 * part; only if there is none, dNSNames; only if there is no SAN at all, the CN. Whole name,
 * case-insensitive; a wildcard dNSName matches only with allow_wildcard (result CG_NAME_MATCH_WILDCARD).
 */
enum cg_name_result cg_sip_match(
        const struct cg_cert *cert, const char *domain, bool allow_wildcard);

/* The SIP identities that the certificate presents, as text for a finding: "sip.example.com, …". */
struct cg_buf;
void cg_sip_identities_text(struct cg_buf *buf, const struct cg_cert *cert);

/* A valid DNS name as presented (optionally with "*" as the whole left-most label); no allocation. */
bool cg_dns_name_is_valid(struct cg_span name, bool allow_wildcard);
/*
 * Host of a URI (RFC 3986 authority, or sip: without "//"), without port, parameters and brackets; false
 * when it has none or is malformed. scheme, userinfo and has_userinfo are what was read until then.
 */
bool cg_uri_host(struct cg_span uri, struct cg_span *scheme, struct cg_span *userinfo,
        bool *has_userinfo, struct cg_span *host);

#endif
