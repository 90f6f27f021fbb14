/* The set of what is known. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/error.h"
#include "revocation/evidence.h"

struct cg_revocation *
cg_revocation_new(void)
{
    struct cg_revocation *revocation = calloc(1, sizeof(*revocation));

    if (revocation != NULL)
        revocation->refs = 1;
    return revocation;
}

enum cg_status
cg_revocation_add(
        struct cg_revocation *revocation, const struct cg_evidence *evidence, struct cg_error *err)
{
    struct cg_evidence **grown;
    size_t size;

    if (revocation->frozen)
        return cg_fail(err, CG_E_USAGE, "a frozen set takes no more revocation data");
    if (revocation->count == CG_MAX_EVIDENCE)
        return cg_fail(err, CG_E_LIMIT, "more than %d CRLs and OCSP responses", CG_MAX_EVIDENCE);
    if (revocation->count == revocation->size) {
        size = revocation->size == 0 ? 16 : revocation->size * 2;
        grown = reallocarray(revocation->items, size, sizeof(struct cg_evidence *));
        if (grown == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for revocation data");
        revocation->items = grown;
        revocation->size = size;
    }
    revocation->items[revocation->count++] = cg_evidence_ref(evidence);
    return CG_OK;
}

static int
compare(const void *a, const void *b)
{
    const struct cg_evidence *const *left = a, *const *right = b;

    return memcmp((*left)->sha256, (*right)->sha256, CG_SHA256_SIZE);
}

/* What was added twice stands side by side once sorted. */
static void
drop_twins(struct cg_revocation *revocation)
{
    size_t kept = 0;

    for (size_t i = 0; i < revocation->count; i++) {
        if (kept != 0 && compare(&revocation->items[kept - 1], &revocation->items[i]) == 0)
            cg_evidence_free(revocation->items[i]);
        else
            revocation->items[kept++] = revocation->items[i];
    }
    revocation->count = kept;
}

enum cg_status
cg_revocation_freeze(struct cg_revocation *revocation, struct cg_error *err)
{
    EVP_MD_CTX *hashing = EVP_MD_CTX_new();
    bool ok = hashing != NULL && EVP_DigestInit_ex(hashing, EVP_sha256(), NULL) == 1;

    if (revocation->count != 0)
        qsort(revocation->items, revocation->count, sizeof(struct cg_evidence *), compare);
    drop_twins(revocation);
    for (size_t i = 0; ok && i < revocation->count; i++)
        ok = EVP_DigestUpdate(hashing, revocation->items[i]->sha256, CG_SHA256_SIZE) == 1;
    ok = ok && EVP_DigestFinal_ex(hashing, revocation->digest, NULL) == 1;
    EVP_MD_CTX_free(hashing);
    revocation->frozen = ok;
    return ok ? CG_OK : cg_fail(err, CG_E_CRYPTO, "cannot compute the digest of revocation data");
}

struct cg_revocation *
cg_revocation_ref(const struct cg_revocation *revocation)
{
    struct cg_revocation *mine =
            (struct cg_revocation *)(uintptr_t)revocation; /* only the count changes */

    if (mine != NULL)
        __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void
cg_revocation_free(struct cg_revocation *revocation)
{
    if (revocation == NULL || __atomic_sub_fetch(&revocation->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < revocation->count; i++)
        cg_evidence_free(revocation->items[i]);
    free(revocation->items);
    free(revocation);
}

size_t
cg_revocation_count(const struct cg_revocation *revocation)
{
    return revocation->count;
}

const uint8_t *
cg_revocation_get0_digest(const struct cg_revocation *revocation)
{
    return revocation->digest;
}
