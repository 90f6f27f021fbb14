/* The inside of a policy. */
#ifndef CG_DECISION_POLICY_H
#define CG_DECISION_POLICY_H

#include <certgate/decision.h>

#include "base/limits.h"
#include "names/names.h"

/* A certificate that is admitted although checks fail on it. */
struct cg_admitted {
    uint8_t sha256[CG_SHA256_SIZE];
    int64_t until;
    char *reason;
};

struct cg_policy {
    enum cg_level level;
    cg_check_set checks;
    enum cg_role role;
    enum cg_service service;
    bool latched;
    bool ca_eku;
    bool partial_chain;
    bool require_certificate;
    enum cg_revocation_mode revocation; /* off exactly where `checks` lacks the check */
    unsigned max_depth;
    bool allowed[CG_ALLOW_COUNT];
    int64_t allowed_until[CG_ALLOW_COUNT];
    struct cg_reference names[CG_MAX_POLICY_NAMES];
    size_t name_count;
    char *sip_domains[CG_MAX_POLICY_NAMES];
    size_t sip_domain_count;
    struct cg_cert *identities[CG_MAX_IDENTITIES];
    size_t identity_count;
    struct cg_admitted *admitted; /* in the order of sha256 */
    size_t admitted_count;
    /* Over all of the above, made when first asked for: the policy may be shared by then. */
    unsigned digest_state; /* atomic; policy.c knows its values */
    uint8_t digest[CG_SHA256_SIZE];
};

/* SHA-256 over everything that the policy says: equal policies, equal digests. */
bool cg_policy_digest(
        const struct cg_policy *policy, struct cg_engine *engine, uint8_t out[CG_SHA256_SIZE]);

/* The allowance is on and has not ended at `now`. */
bool cg_policy_allows(const struct cg_policy *policy, enum cg_allowance allowance, int64_t now);

/* What is known of an admitted certificate, its end come or not; NULL when it is none. */
const struct cg_admitted *cg_policy_admitted(
        const struct cg_policy *policy, const uint8_t sha256[CG_SHA256_SIZE]);

#endif
