#include "snapshot/policy.h"

#include "base/error.h"
#include "snapshot/mapping.h"

static void
let_go(void *mapping)
{
    snapshot_mapping_unref(mapping);
}

static enum cg_status
add_trusted(const struct snapshot *snapshot, const struct snapshot_blob *blob,
        struct cg_store *store, struct cg_error *err)
{
    struct cg_cert *cert = NULL;
    enum cg_status status;

    if (snapshot->mapping != NULL)
        return cg_store_borrow_der(store, blob->data, blob->len, err);
    status = cg_cert_from_der(blob->data, blob->len, &cert, err);
    if (status == CG_OK)
        status = cg_store_add(store, cert, err);
    cg_cert_free(cert);
    return status;
}

enum cg_status
snapshot_store(const struct snapshot *snapshot, struct cg_store **out, struct cg_error *err)
{
    struct cg_store *store = cg_store_new();
    enum cg_status status = CG_OK;

    *out = NULL;
    if (store == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the trusted certificate store");
    if (snapshot->mapping != NULL)
        cg_store_set_owner(store, snapshot_mapping_ref(snapshot->mapping), let_go);
    for (size_t i = 0; i < snapshot->tcs_count && status == CG_OK; i++)
        status = add_trusted(snapshot, &snapshot->tcs[i], store, err);
    if (status == CG_OK)
        status = cg_store_freeze(store, err);
    if (status == CG_OK) {
        *out = store;
        store = NULL;
    }
    cg_store_free(store);
    return status;
}

static enum cg_status
policy_names(struct cg_policy *policy, const struct snapshot_rules *rules, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (size_t i = 0; i < rules->name_count && status == CG_OK; i++)
        status = cg_policy_add_name(policy, rules->names[i], err);
    for (size_t i = 0; i < rules->sip_domain_count && status == CG_OK; i++)
        status = cg_policy_add_sip_domain(policy, rules->sip_domains[i], err);
    return status;
}

/* Every certificate that this node presents anywhere counts for `not-reflected`. */
static enum cg_status
policy_identities(struct cg_policy *policy, const struct snapshot *snapshot, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (size_t i = 0; i < snapshot->identity_count && status == CG_OK; i++) {
        const struct snapshot_identity *identity = &snapshot->identities[i];
        struct cg_cert *cert = NULL;

        if (identity->chain_count == 0)
            return cg_fail(err, CG_E_USAGE, "identity '%s' has no certificate", identity->name);
        status = cg_cert_from_der(identity->chain[0].data, identity->chain[0].len, &cert, err);
        if (status == CG_OK)
            status = cg_policy_add_identity(policy, cert, err);
        cg_cert_free(cert);
    }
    return status;
}

enum cg_status
snapshot_policy(const struct snapshot *snapshot, const struct snapshot_interface *settings,
        const struct snapshot_rules *rules, struct cg_policy **out, struct cg_error *err)
{
    struct cg_policy *policy = cg_policy_new();
    enum cg_status status;

    *out = NULL;
    if (policy == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for a policy");
    if (rules->level == CG_LEVEL_CUSTOM)
        cg_policy_set_checks(policy, rules->checks);
    else
        cg_policy_set_level(policy, rules->level);
    if (rules->revocation != CG_REVOCATION_OFF)
        cg_policy_set_revocation(policy, rules->revocation);
    cg_policy_set_role(policy, settings->role);
    cg_policy_set_service(policy, settings->service);
    cg_policy_set_latched(policy, rules->latched);
    cg_policy_set_ca_eku(policy, rules->ca_eku);
    cg_policy_set_partial_chain(policy, rules->partial_chain);
    cg_policy_set_require_certificate(policy, rules->require_certificate);
    for (size_t i = 0; i < rules->allowance_count; i++)
        cg_policy_allow(policy, rules->allowances[i].allowance, rules->allowances[i].until);
    status = cg_policy_set_max_depth(policy, rules->max_depth, err);
    for (size_t i = 0; i < rules->pin_count && status == CG_OK; i++)
        status = cg_policy_admit(
                policy, rules->pins[i].sha256, rules->pins[i].until, rules->pins[i].reason, err);
    if (status == CG_OK)
        status = policy_names(policy, rules, err);
    if (status == CG_OK)
        status = policy_identities(policy, snapshot, err);
    if (status == CG_OK) {
        *out = policy;
        policy = NULL;
    }
    cg_policy_free(policy);
    return status;
}
