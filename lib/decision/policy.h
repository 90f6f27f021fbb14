/* The inside of a policy. */
#ifndef CG_DECISION_POLICY_H
#define CG_DECISION_POLICY_H

#include <certgate/decision.h>

#include "base/limits.h"
#include "names/names.h"

struct cg_policy {
    enum cg_level level;
    cg_check_set checks;
    enum cg_role role;
    enum cg_service service;
    bool latched;
    bool ca_eku;
    bool partial_chain;
    bool require_certificate;
    unsigned max_depth;
    bool allowed[CG_ALLOW_COUNT];
    int64_t allowed_until[CG_ALLOW_COUNT];
    struct cg_reference names[CG_MAX_POLICY_NAMES];
    size_t name_count;
    char *sip_domains[CG_MAX_POLICY_NAMES];
    size_t sip_domain_count;
    struct cg_cert *identities[CG_MAX_IDENTITIES];
    size_t identity_count;
    /* Over all of the above, made when first asked for: the policy may be shared by then. */
    unsigned digest_state; /* atomic; policy.c knows its values */
    uint8_t digest[CG_SHA256_SIZE];
};

/* SHA-256 over everything that the policy says: equal policies, equal digests. */
bool cg_policy_digest(
        const struct cg_policy *policy, struct cg_engine *engine, uint8_t out[CG_SHA256_SIZE]);

/* The allowance is on and has not ended at `now`. */
bool cg_policy_allows(const struct cg_policy *policy, enum cg_allowance allowance, int64_t now);

#endif
