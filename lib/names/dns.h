/* DNS name comparison, shared by host names and SIP domains. */
#ifndef CG_NAMES_DNS_H
#define CG_NAMES_DNS_H

#include "names/names.h"

/* ASCII letters in either case are the same (RFC 4343). */
bool cg_names_equal_ignoring_case(struct cg_span a, struct cg_span b);

/*
 * A presented dNSName against a reference that cg_reference_parse() accepted: CG_NAME_MATCH,
 * CG_NAME_MATCH_WILDCARD or CG_NAME_NO_MATCH. A presented name that is no valid name never matches.
 */
enum cg_name_result cg_dns_match(
        struct cg_span presented, struct cg_span reference, bool allow_wildcard);

#endif
