#include "gateway/generation.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gateway/tls.h"
#include "snapshot/policy.h"

static struct usage *
usage_for(struct metrics_page *metrics, const struct generation *before, const char *name)
{
    struct usage *usage;

    for (size_t i = 0; before != NULL && i < before->interface_count; i++)
        if (strcmp(before->interfaces[i].settings->name, name) == 0) {
            before->interfaces[i].usage->refs++;
            return before->interfaces[i].usage;
        }
    usage = calloc(1, sizeof(*usage));
    if (usage == NULL)
        return NULL;
    usage->refs = 1;
    usage->metrics = metrics_find(metrics, name);
    /* Names come and go with reloads; when the page is full the last place counts for all that follow. */
    if (usage->metrics == NULL)
        usage->metrics = &metrics->interfaces[METRICS_MAX_INTERFACES - 1];
    return usage;
}

static void
usage_unref(struct usage *usage)
{
    if (usage == NULL || --usage->refs != 0)
        return;
    pool_close(&usage->pool);
    free(usage);
}

static enum cg_status
build_class(const struct gw_interface *iface, struct gw_class *class, struct cg_error *err)
{
    const struct snapshot *snapshot = iface->generation->snapshot;
    const cg_check_set domain = 1u << CG_CHECK_SIP_DOMAIN;
    enum cg_status status =
            snapshot_policy(snapshot, iface->settings, class->rules, &class->policy, err);

    if (status != CG_OK || (cg_policy_checks(class->policy) & domain) == 0)
        return status;
    status = snapshot_policy(snapshot, iface->settings, class->rules, &class->domains, err);
    if (status == CG_OK) {
        cg_policy_set_revocation(class->domains, CG_REVOCATION_OFF); /* its ticket answers that */
        cg_policy_set_checks(class->domains, domain);
    }
    return status;
}

static enum cg_status
build_classes(struct gw_interface *iface, struct cg_error *err)
{
    const struct snapshot_interface *settings = iface->settings;
    enum cg_status status = CG_OK;

    /* A line of a service of its own has the purpose of lines: that of https (shared contract, section 4). */
    iface->classes = calloc(settings->class_count + 1, sizeof(*iface->classes));
    if (iface->classes == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory");
    iface->class_count = settings->class_count + 1;
    for (size_t i = 0; i < iface->class_count && status == CG_OK; i++) {
        struct gw_class *class = &iface->classes[i];

        class->settings = i == 0 ? NULL : &settings->classes[i - 1];
        class->rules = i == 0 ? &settings->rules : &settings->classes[i - 1].rules;
        class->phone = i == 0 && settings->phones;
        class->name = i != 0 ? class->settings->name : class->phone ? "phone" : "other";
        iface->revocation = iface->revocation || class->rules->revocation != CG_REVOCATION_OFF;
        status = build_class(iface, class, err);
    }
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

static void
digest_rules(EVP_MD_CTX *md, const struct gw_class *class)
{
    const struct snapshot_rules *rules = class->rules;

    EVP_DigestUpdate(md, class->name, strlen(class->name) + 1);
    digest_uint(md, (uint64_t)rules->level);
    digest_uint(md, cg_policy_checks(class->policy));
    digest_uint(md, class->settings != NULL && class->settings->tls_only);
    digest_uint(md,
            (uint64_t) class->phone << 4 | (uint64_t)rules->latched << 3 |
                    (uint64_t)rules->ca_eku << 2 | (uint64_t)rules->partial_chain << 1 |
                    (uint64_t)rules->require_certificate);
    digest_uint(md, (uint64_t)rules->revocation);
    digest_uint(md, rules->max_depth);
    digest_texts(md, rules->names, rules->name_count);
    digest_texts(md, rules->sip_domains, rules->sip_domain_count);
    for (size_t i = 0; i < rules->allowance_count; i++) {
        digest_uint(md, (uint64_t)rules->allowances[i].allowance);
        digest_uint(md, (uint64_t)rules->allowances[i].until);
    }
    digest_uint(md, rules->pin_count);
    for (size_t i = 0; i < rules->pin_count; i++) {
        EVP_DigestUpdate(md, rules->pins[i].sha256, sizeof(rules->pins[i].sha256));
        digest_uint(md, (uint64_t)rules->pins[i].until);
        EVP_DigestUpdate(md, rules->pins[i].reason, strlen(rules->pins[i].reason) + 1);
    }
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
        EVP_DigestUpdate(md, settings->name, strlen(settings->name) + 1);
        digest_uint(md,
                (uint64_t)settings->security << 16 | (uint64_t)settings->role << 8 |
                        (uint64_t)settings->service);
        for (size_t i = 0; i < iface->class_count; i++)
            digest_rules(md, &iface->classes[i]);
        EVP_DigestUpdate(md, cg_store_get0_digest(iface->generation->store), CG_SHA256_SIZE);
        for (size_t i = 0; i < snapshot->identity_count; i++)
            EVP_DigestUpdate(md, snapshot->identities[i].chain[0].data,
                    snapshot->identities[i].chain[0].len);
        ok = EVP_DigestFinal_ex(md, iface->rules, &len) == 1 && len == CG_SHA256_SIZE &&
                EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    }
    if (ok) {
        digest_uint(md, snapshot->generation);
        for (size_t i = 0; i < settings->presented_count; i++)
            digest_uint(md, settings->presented[i]);
        EVP_DigestUpdate(md, iface->rules, sizeof(iface->rules));
        ok = EVP_DigestFinal_ex(md, iface->digest, &len) == 1 && len == CG_SHA256_SIZE;
    }
    EVP_MD_CTX_free(md);
    return ok ? CG_OK : cg_fail(err, CG_E_CRYPTO, "cannot digest interface '%s'", settings->name);
}

/* One context for each of our certificates: which one a peer gets is known by its ClientHello. */
static enum cg_status
build_presented(struct gw_interface *iface, EVP_PKEY *const *keys, struct cg_error *err)
{
    const struct snapshot_interface *settings = iface->settings;
    const struct snapshot_identity *identities = iface->generation->snapshot->identities;
    enum cg_status status = CG_OK;

    if (settings->presented_count == 0 && settings->role == CG_ROLE_INBOUND)
        return cg_fail(err, CG_E_USAGE, "it has no identity");
    iface->presented = calloc(SNAPSHOT_MAX_PRESENTED, sizeof(*iface->presented));
    if (iface->presented == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory");
    iface->presented_count = settings->presented_count == 0 ? 1 : settings->presented_count;
    if (settings->presented_count == 0)
        return tls_context_new(iface, NULL, NULL, &iface->presented[0].tls, err);
    for (size_t i = 0; i < settings->presented_count && status == CG_OK; i++) {
        const struct snapshot_identity *identity = &identities[settings->presented[i]];

        status = cg_cert_from_der(
                identity->chain[0].data, identity->chain[0].len, &iface->presented[i].cert, err);
        if (status == CG_OK)
            status = tls_context_new(
                    iface, identity, keys[settings->presented[i]], &iface->presented[i].tls, err);
    }
    return status;
}

static enum cg_status
build_interface(struct generation *generation, size_t i, EVP_PKEY *const *keys,
        struct metrics_page *metrics, const struct generation *before, struct cg_error *err)
{
    struct gw_interface *iface = &generation->interfaces[i];
    const struct snapshot *snapshot = generation->snapshot;
    struct cg_error cause = { "" };
    enum cg_status status;

    iface->settings = &snapshot->interfaces[i];
    iface->generation = generation;
    iface->index = (uint32_t)i;
    iface->far_end.count = iface->settings->connect_count;
    iface->far_end.known = iface->far_end.count != 0;
    memcpy(iface->far_end.at, iface->settings->connect, sizeof(iface->far_end.at));
    iface->usage = usage_for(metrics, before, iface->settings->name);
    if (iface->usage == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for interface '%s'", iface->settings->name);
    iface->usage->limit_logged = false;
    status = build_classes(iface, &cause);
    if (status == CG_OK)
        status = digest_interface(iface, &cause);
    if (status == CG_OK)
        status = build_presented(iface, keys, &cause);
    if (status != CG_OK)
        return cg_fail(err, status, "interface '%s': %s", iface->settings->name, cause.text);
    return CG_OK;
}

enum cg_status
generation_new(struct snapshot *snapshot, EVP_PKEY *const *keys, struct metrics_page *metrics,
        const struct generation *before, struct generation **out, struct cg_error *err)
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
    status = snapshot_store(snapshot, &generation->store, err);
    if (status != CG_OK)
        goto done;
    snapshot_drop_tcs(snapshot);
    generation->interfaces = calloc(snapshot->interface_count + 1, sizeof(*generation->interfaces));
    if (generation->interfaces == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for a generation");
        goto done;
    }
    generation->interface_count = snapshot->interface_count;
    for (size_t i = 0; i < snapshot->interface_count && status == CG_OK; i++)
        status = build_interface(generation, i, keys, metrics, before, err);
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

        for (size_t j = 0; j < iface->presented_count; j++) {
            SSL_CTX_free(iface->presented[j].tls);
            cg_cert_free(iface->presented[j].cert);
        }
        free(iface->presented);
        for (size_t j = 0; j < iface->class_count; j++) {
            cg_policy_free(iface->classes[j].policy);
            cg_policy_free(iface->classes[j].domains);
        }
        free(iface->classes);
        usage_unref(iface->usage);
    }
    free(generation->interfaces);
    cg_store_free(generation->store);
    snapshot_free(generation->snapshot);
    free(generation);
}
