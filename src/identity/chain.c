#include "identity/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "identity/key.h"
#include "x509/crypto.h"

enum cg_status
identity_list_add(struct input_list *list, const struct cg_cert *cert, struct cg_error *err)
{
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 4 : list->size * 2;
        struct cg_cert **grown = realloc(list->certs, size * sizeof(struct cg_cert *));

        if (grown == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for certificates");
        list->certs = grown;
        list->size = size;
    }
    list->certs[list->count++] = cg_cert_ref(cert);
    return CG_OK;
}

static bool
same(const struct cg_cert *a, const struct cg_cert *b)
{
    return memcmp(a->sha256, b->sha256, CG_SHA256_SIZE) == 0;
}

static bool
holds(const struct input_list *list, const struct cg_cert *cert)
{
    for (size_t i = 0; i < list->count; i++)
        if (same(list->certs[i], cert))
            return true;
    return false;
}

/* Ours is the one of the key; an end entity before a CA of the same key, the newer before the older. */
static const struct cg_cert *
find_own(const struct input_list *pool, const EVP_PKEY *key)
{
    const struct cg_cert *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        const struct cg_cert *cert = pool->certs[i];

        if (!identity_key_fits(cert, key))
            continue;
        if (best == NULL || (cg_cert_is_ca(best) && !cg_cert_is_ca(cert)) ||
                (cg_cert_is_ca(best) == cg_cert_is_ca(cert) && best->not_after < cert->not_after))
            best = cert;
    }
    return best;
}

static bool
issued(struct cg_engine *engine, const struct cg_cert *issuer, const struct cg_cert *cert)
{
    bool fresh;

    return cg_cert_is_ca(issuer) &&
            cg_canonical_name_equal(&issuer->canonical_subject, &cert->canonical_issuer) &&
            cg_signature_verify(engine, cert, issuer, true, &fresh) == CG_SIGNATURE_VALID;
}

/* Of several issuers, the same CA renewed among them, the one that is valid longest. */
static const struct cg_cert *
find_issuer(struct cg_engine *engine, const struct input_list *pool, const struct input_list *chain,
        const struct cg_cert *cert)
{
    const struct cg_cert *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        const struct cg_cert *issuer = pool->certs[i];

        if ((best == NULL || best->not_after < issuer->not_after) && !holds(chain, issuer) &&
                issued(engine, issuer, cert))
            best = issuer;
    }
    return best;
}

static enum cg_status
follow(struct cg_engine *engine, const struct input_list *pool, const struct cg_cert *own,
        struct input_list *chain, struct cg_error *err)
{
    enum cg_status status = CG_OK;
    const struct cg_cert *next = own;

    /* What issued itself is a root, and peers have it or would not believe it. */
    while (status == CG_OK && next != NULL && (next == own || !cg_cert_is_self_issued(next))) {
        if (chain->count == CG_MAX_CHAIN_CERTS)
            return cg_fail(
                    err, CG_E_LIMIT, "the chain has more than %d certificates", CG_MAX_CHAIN_CERTS);
        status = identity_list_add(chain, next, err);
        next = cg_cert_is_self_issued(next) ? NULL : find_issuer(engine, pool, chain, next);
    }
    return status;
}

static enum cg_status
check_own(const struct cg_cert *own, int64_t now, struct cg_error *err)
{
    enum cg_status status = CG_OK;
    char *until;

    if (own == NULL)
        return cg_fail(err, CG_E_USAGE, "none of the certificates is of the private key");
    if (own->not_after < now) {
        until = cg_cert_text(own, CG_FIELD_NOT_AFTER);
        status = cg_fail(err, CG_E_USAGE, "the certificate of the private key expired %s",
                until == NULL ? "" : until);
        free(until);
    }
    return status;
}

enum cg_status
identity_chain_sort(const struct input_list *pool, const EVP_PKEY *key, int64_t now,
        struct input_list *chain, struct input_list *authorities, struct cg_error *err)
{
    const struct cg_cert *own = find_own(pool, key);
    struct cg_engine *engine = NULL;
    enum cg_status status;

    *chain = (struct input_list) { NULL };
    if (authorities != NULL)
        *authorities = (struct input_list) { NULL };
    status = check_own(own, now, err);
    if (status != CG_OK)
        return status;
    engine = cg_engine_new();
    if (engine == NULL)
        status = cg_fail(err, CG_E_NOMEM, "no memory to check signatures");
    else
        status = follow(engine, pool, own, chain, err);
    for (size_t i = 0; status == CG_OK && authorities != NULL && i < pool->count; i++)
        if (cg_cert_is_ca(pool->certs[i]) && !same(pool->certs[i], own) &&
                !holds(authorities, pool->certs[i]))
            status = identity_list_add(authorities, pool->certs[i], err);
    if (status != CG_OK) {
        input_list_release(chain);
        if (authorities != NULL)
            input_list_release(authorities);
    }
    cg_engine_free(engine);
    return status;
}
