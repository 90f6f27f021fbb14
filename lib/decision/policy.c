#include "decision/policy.h"

#include <stdlib.h>

#include "base/error.h"

struct cg_policy *
cg_policy_new(void)
{
    struct cg_policy *policy = calloc(1, sizeof(*policy));

    if (policy == NULL)
        return NULL;
    cg_policy_set_level(policy, CG_LEVEL_MEDIUM);
    policy->require_certificate = true;
    policy->max_depth = CG_DEFAULT_PATH_DEPTH;
    return policy;
}

void
cg_policy_free(struct cg_policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->sip_domain_count; i++)
        free(policy->sip_domains[i]);
    for (size_t i = 0; i < policy->identity_count; i++)
        cg_cert_free(policy->identities[i]);
    free(policy);
}

void
cg_policy_set_level(struct cg_policy *policy, enum cg_level level)
{
    policy->level = level;
    policy->checks = cg_level_info(level)->checks;
}

void
cg_policy_set_checks(struct cg_policy *policy, cg_check_set checks)
{
    policy->level = CG_LEVEL_CUSTOM;
    policy->checks = checks;
}

void
cg_policy_set_role(struct cg_policy *policy, enum cg_role role)
{
    policy->role = role;
}

void
cg_policy_set_service(struct cg_policy *policy, enum cg_service service)
{
    policy->service = service;
}

void
cg_policy_set_latched(struct cg_policy *policy, bool latched)
{
    policy->latched = latched;
}

void
cg_policy_set_ca_eku(struct cg_policy *policy, bool enforce)
{
    policy->ca_eku = enforce;
}

void
cg_policy_set_partial_chain(struct cg_policy *policy, bool allowed)
{
    policy->partial_chain = allowed;
}

void
cg_policy_set_require_certificate(struct cg_policy *policy, bool required)
{
    policy->require_certificate = required;
}

enum cg_status
cg_policy_set_max_depth(struct cg_policy *policy, unsigned depth, struct cg_error *err)
{
    if (depth > CG_MAX_PATH_DEPTH)
        return cg_fail(
                err, CG_E_LIMIT, "path depth %u, at most %d is possible", depth, CG_MAX_PATH_DEPTH);
    policy->max_depth = depth;
    return CG_OK;
}

void
cg_policy_allow(struct cg_policy *policy, enum cg_allowance allowance, int64_t until)
{
    policy->allowed[allowance] = true;
    policy->allowed_until[allowance] = until;
}

bool
cg_policy_allows(const struct cg_policy *policy, enum cg_allowance allowance, int64_t now)
{
    return policy->allowed[allowance] && now <= policy->allowed_until[allowance];
}

enum cg_status
cg_policy_add_name(struct cg_policy *policy, const char *name, struct cg_error *err)
{
    if (policy->name_count == CG_MAX_POLICY_NAMES)
        return cg_fail(err, CG_E_LIMIT, "more than %d names", CG_MAX_POLICY_NAMES);
    if (!cg_reference_parse(name, &policy->names[policy->name_count]))
        return cg_fail(err, CG_E_PARSE, "'%.100s' is neither a DNS name nor an IP address", name);
    policy->name_count++;
    return CG_OK;
}

enum cg_status
cg_policy_add_sip_domain(struct cg_policy *policy, const char *domain, struct cg_error *err)
{
    struct cg_reference checked;
    char *copy;

    if (policy->sip_domain_count == CG_MAX_POLICY_NAMES)
        return cg_fail(err, CG_E_LIMIT, "more than %d SIP domains", CG_MAX_POLICY_NAMES);
    if (!cg_reference_parse(domain, &checked))
        return cg_fail(err, CG_E_PARSE, "'%.100s' is not a SIP domain", domain);
    copy = strdup(checked.text);
    if (copy == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for a SIP domain");
    policy->sip_domains[policy->sip_domain_count++] = copy;
    return CG_OK;
}

enum cg_status
cg_policy_add_identity(
        struct cg_policy *policy, const struct cg_cert *identity, struct cg_error *err)
{
    if (policy->identity_count == CG_MAX_IDENTITIES)
        return cg_fail(err, CG_E_LIMIT, "more than %d identities", CG_MAX_IDENTITIES);
    policy->identities[policy->identity_count++] = cg_cert_ref(identity);
    return CG_OK;
}

enum cg_level
cg_policy_level(const struct cg_policy *policy)
{
    return policy->level;
}

cg_check_set
cg_policy_checks(const struct cg_policy *policy)
{
    return policy->checks;
}

bool
cg_policy_latched(const struct cg_policy *policy)
{
    return policy->latched;
}
