#include "gateway/generation.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gateway/tls.h"

static struct usage *
usage_for(const struct generation *before, const char *name)
{
    struct usage *usage;

    for (size_t i = 0; before != NULL && i < before->interface_count; i++)
        if (strcmp(before->interfaces[i].settings->name, name) == 0) {
            before->interfaces[i].usage->refs++;
            return before->interfaces[i].usage;
        }
    usage = calloc(1, sizeof(*usage));
    if (usage != NULL)
        usage->refs = 1;
    return usage;
}

static void
usage_unref(struct usage *usage)
{
    if (usage != NULL && --usage->refs == 0)
        free(usage);
}

static enum cg_status
build_store(const struct snapshot *snapshot, struct cg_store **out, struct cg_error *err)
{
    struct cg_store *store = cg_store_new();
    enum cg_status status = CG_OK;

    *out = NULL;
    if (store == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the trusted certificate store");
    for (size_t i = 0; i < snapshot->tcs_count && status == CG_OK; i++) {
        const struct snapshot_blob *blob = &snapshot->tcs[i];
        struct cg_cert *cert = NULL;

        status = cg_cert_from_der(blob->data, blob->len, &cert, err);
        if (status == CG_OK)
            status = cg_store_add(store, cert, err);
        cg_cert_free(cert);
    }
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
policy_names(
        struct cg_policy *policy, const struct snapshot_interface *settings, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (size_t i = 0; i < settings->name_count && status == CG_OK; i++)
        status = cg_policy_add_name(policy, settings->names[i], err);
    for (size_t i = 0; i < settings->sip_domain_count && status == CG_OK; i++)
        status = cg_policy_add_sip_domain(policy, settings->sip_domains[i], err);
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

static enum cg_status
build_policy(const struct snapshot *snapshot, const struct snapshot_interface *settings,
        struct cg_policy **out, struct cg_error *err)
{
    struct cg_policy *policy = cg_policy_new();
    enum cg_status status;

    *out = NULL;
    if (policy == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for a policy");
    if (settings->level == CG_LEVEL_CUSTOM)
        cg_policy_set_checks(policy, settings->checks);
    else
        cg_policy_set_level(policy, settings->level);
    cg_policy_set_role(policy, settings->role);
    cg_policy_set_service(policy, settings->service);
    cg_policy_set_latched(policy, settings->latched);
    cg_policy_set_ca_eku(policy, settings->ca_eku);
    cg_policy_set_partial_chain(policy, settings->partial_chain);
    cg_policy_set_require_certificate(policy, settings->require_certificate);
    for (size_t i = 0; i < settings->allowance_count; i++)
        cg_policy_allow(policy, settings->allowances[i].allowance, settings->allowances[i].until);
    status = cg_policy_set_max_depth(policy, settings->max_depth, err);
    if (status == CG_OK)
        status = policy_names(policy, settings, err);
    if (status == CG_OK)
        status = policy_identities(policy, snapshot, err);
    if (status == CG_OK) {
        *out = policy;
        policy = NULL;
    }
    cg_policy_free(policy);
    return status;
}

static void
digest_uint(EVP_MD_CTX *md, uint64_t value)
{
    EVP_DigestUpdate(md, &value, sizeof(value));
}

static void
digest_texts(EVP_MD_CTX *md, char *const *texts, size_t count)
{
    digest_uint(md, count);
    for (size_t i = 0; i < count; i++)
        EVP_DigestUpdate(md, texts[i], strlen(texts[i]) + 1);
}

/*
 * The generation's number alone would do while it only grows; the digest also holds when a node's state
 * was lost and its numbers start again. Read back by this machine's workers only, so byte order is free.
 */
static enum cg_status
digest_interface(struct gw_interface *iface, struct cg_error *err)
{
    const struct snapshot_interface *settings = iface->settings;
    const struct snapshot *snapshot = iface->generation->snapshot;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned len = 0;
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    if (ok) {
        digest_uint(md, snapshot->generation);
        EVP_DigestUpdate(md, settings->name, strlen(settings->name) + 1);
        digest_uint(md, (uint64_t)settings->level);
        digest_uint(md, cg_policy_checks(iface->policy));
        digest_uint(md, (uint64_t)settings->role << 8 | (uint64_t)settings->service);
        digest_uint(md,
                (uint64_t)settings->latched << 3 | (uint64_t)settings->ca_eku << 2 |
                        (uint64_t)settings->partial_chain << 1 |
                        (uint64_t)settings->require_certificate);
        digest_uint(md, settings->max_depth);
        digest_texts(md, settings->names, settings->name_count);
        digest_texts(md, settings->sip_domains, settings->sip_domain_count);
        for (size_t i = 0; i < settings->allowance_count; i++) {
            digest_uint(md, (uint64_t)settings->allowances[i].allowance);
            digest_uint(md, (uint64_t)settings->allowances[i].until);
        }
        EVP_DigestUpdate(md, cg_store_get0_digest(iface->generation->store), CG_SHA256_SIZE);
        for (size_t i = 0; i < snapshot->identity_count; i++)
            EVP_DigestUpdate(md, snapshot->identities[i].chain[0].data,
                    snapshot->identities[i].chain[0].len);
        ok = EVP_DigestFinal_ex(md, iface->digest, &len) == 1 && len == CG_SHA256_SIZE;
    }
    EVP_MD_CTX_free(md);
    return ok ? CG_OK : cg_fail(err, CG_E_CRYPTO, "cannot digest interface '%s'", settings->name);
}

static enum cg_status
build_interface(struct generation *generation, size_t i, EVP_PKEY *const *keys,
        const struct generation *before, struct cg_error *err)
{
    struct gw_interface *iface = &generation->interfaces[i];
    const struct snapshot *snapshot = generation->snapshot;
    struct cg_error cause = { "" };
    enum cg_status status;

    iface->settings = &snapshot->interfaces[i];
    iface->generation = generation;
    iface->index = (uint32_t)i;
    if (iface->settings->role != CG_ROLE_INBOUND)
        return cg_fail(err, CG_E_USAGE, "interface '%s': outbound interfaces are not served",
                iface->settings->name);
    if (iface->settings->identity >= snapshot->identity_count)
        return cg_fail(err, CG_E_USAGE, "interface '%s' has no identity", iface->settings->name);
    iface->usage = usage_for(before, iface->settings->name);
    if (iface->usage == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for interface '%s'", iface->settings->name);
    iface->usage->limit_logged = false;
    status = build_policy(snapshot, iface->settings, &iface->policy, &cause);
    if (status == CG_OK)
        status = digest_interface(iface, &cause);
    if (status == CG_OK)
        status = tls_context_new(iface, &snapshot->identities[iface->settings->identity],
                keys[iface->settings->identity], &iface->tls, &cause);
    if (status != CG_OK)
        return cg_fail(err, status, "interface '%s': %s", iface->settings->name, cause.text);
    return CG_OK;
}

enum cg_status
generation_new(struct snapshot *snapshot, EVP_PKEY *const *keys, const struct generation *before,
        struct generation **out, struct cg_error *err)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    enum cg_status status = CG_OK;

    *out = NULL;
    if (generation == NULL) {
        snapshot_free(snapshot);
        return cg_fail(err, CG_E_NOMEM, "no memory for a generation");
    }
    generation->refs = 1;
    generation->snapshot = snapshot;
    generation->number = snapshot->generation;
    status = build_store(snapshot, &generation->store, err);
    if (status != CG_OK)
        goto done;
    generation->interfaces = calloc(snapshot->interface_count + 1, sizeof(*generation->interfaces));
    if (generation->interfaces == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for a generation");
        goto done;
    }
    generation->interface_count = snapshot->interface_count;
    for (size_t i = 0; i < snapshot->interface_count && status == CG_OK; i++)
        status = build_interface(generation, i, keys, before, err);
    if (status == CG_OK) {
        *out = generation;
        generation = NULL;
    }
done:
    generation_unref(generation);
    return status;
}

struct generation *
generation_ref(struct generation *generation)
{
    generation->refs++;
    return generation;
}

void
generation_unref(struct generation *generation)
{
    if (generation == NULL || --generation->refs != 0)
        return;
    for (size_t i = 0; i < generation->interface_count; i++) {
        struct gw_interface *iface = &generation->interfaces[i];

        SSL_CTX_free(iface->tls);
        cg_policy_free(iface->policy);
        usage_unref(iface->usage);
    }
    free(generation->interfaces);
    cg_store_free(generation->store);
    snapshot_free(generation->snapshot);
    free(generation);
}
