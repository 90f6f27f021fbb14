#include <certgate/store.h>

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/error.h"
#include "x509/store_index.h"

/*
 * Two open-addressing tables over the entries: by fingerprint, and by subject. A slot holds the entry's
 * number plus one. Equal subjects are chained in the order of adding.
 */
struct cg_store {
    unsigned refs; /* atomic */
    bool frozen;
    struct cg_cert **entries;
    size_t count;
    size_t size;
    uint32_t *by_sha256;
    uint32_t *by_subject; /* first entry of each subject */
    uint32_t *next;       /* next entry with the same subject, plus one */
    size_t slots;         /* power of two, at least twice the entries */
    uint8_t digest[CG_SHA256_SIZE];
};

/* Entries of one store: a slot number must fit 32 bits with room to spare. */
#define MAX_ENTRIES (16u * 1024 * 1024)

struct cg_store *
cg_store_new(void)
{
    struct cg_store *store = calloc(1, sizeof(*store));

    if (store != NULL)
        store->refs = 1;
    return store;
}

static uint64_t
sha256_hash(const uint8_t sha256[CG_SHA256_SIZE])
{
    uint64_t hash;

    memcpy(&hash, sha256, sizeof(hash));
    return hash;
}

/* The slot where this fingerprint stands, or the empty one where it would. */
static size_t
sha256_slot(const struct cg_store *store, const uint8_t sha256[CG_SHA256_SIZE])
{
    size_t slot = sha256_hash(sha256) & (store->slots - 1);

    while (store->by_sha256[slot] != 0 &&
            memcmp(store->entries[store->by_sha256[slot] - 1]->sha256, sha256, CG_SHA256_SIZE) != 0)
        slot = (slot + 1) & (store->slots - 1);
    return slot;
}

static size_t
subject_slot(const struct cg_store *store, const struct cg_canonical_name *subject)
{
    size_t slot = subject->hash & (store->slots - 1);

    while (store->by_subject[slot] != 0 &&
            !cg_canonical_name_equal(
                    &store->entries[store->by_subject[slot] - 1]->canonical_subject, subject))
        slot = (slot + 1) & (store->slots - 1);
    return slot;
}

/* Grows the entries and the fingerprint table, which finds duplicates while the store is built. */
static enum cg_status
grow(struct cg_store *store, struct cg_error *err)
{
    size_t size = store->size == 0 ? 16 : store->size * 2;
    struct cg_cert **entries = realloc(store->entries, size * sizeof(struct cg_cert *));
    uint32_t *table;

    if (entries == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for %zu trusted certificates", size);
    store->entries = entries;
    table = calloc(size * 2, sizeof(*table));
    if (table == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for %zu trusted certificates", size);
    free(store->by_sha256);
    store->by_sha256 = table;
    store->size = size;
    store->slots = size * 2;
    for (size_t i = 0; i < store->count; i++)
        store->by_sha256[sha256_slot(store, store->entries[i]->sha256)] = (uint32_t)i + 1;
    return CG_OK;
}

enum cg_status
cg_store_add(struct cg_store *store, const struct cg_cert *cert, struct cg_error *err)
{
    enum cg_status status;
    size_t slot;

    if (store->frozen)
        return cg_fail(err, CG_E_USAGE, "the store is frozen");
    if (store->count == MAX_ENTRIES)
        return cg_fail(err, CG_E_LIMIT, "more than %u trusted certificates", MAX_ENTRIES);
    if (store->count == store->size) {
        status = grow(store, err);
        if (status != CG_OK)
            return status;
    }
    slot = sha256_slot(store, cert->sha256);
    if (store->by_sha256[slot] != 0)
        return CG_OK;
    store->entries[store->count++] = cg_cert_ref(cert);
    store->by_sha256[slot] = (uint32_t)store->count;
    return CG_OK;
}

static int
compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, CG_SHA256_SIZE);
}

/* Independent of the order of adding: the fingerprints are sorted first. */
static bool
compute_digest(struct cg_store *store)
{
    uint8_t *all = malloc(store->count == 0 ? 1 : store->count * CG_SHA256_SIZE);
    bool ok;

    if (all == NULL)
        return false;
    for (size_t i = 0; i < store->count; i++)
        memcpy(all + i * CG_SHA256_SIZE, store->entries[i]->sha256, CG_SHA256_SIZE);
    if (store->count > 1)
        qsort(all, store->count, CG_SHA256_SIZE, compare_digests);
    ok = EVP_Digest(all, store->count * CG_SHA256_SIZE, store->digest, NULL, EVP_sha256(), NULL) == 1;
    free(all);
    return ok;
}

/* Walks backwards, so that each chain ends up in the order of adding. */
static void
index_subjects(struct cg_store *store)
{
    for (size_t i = store->count; i-- > 0;) {
        size_t slot = subject_slot(store, &store->entries[i]->canonical_subject);

        store->next[i] = store->by_subject[slot];
        store->by_subject[slot] = (uint32_t)i + 1;
    }
}

enum cg_status
cg_store_freeze(struct cg_store *store, struct cg_error *err)
{
    enum cg_status status;

    if (store->frozen)
        return CG_OK;
    if (store->size == 0) {
        status = grow(store, err);
        if (status != CG_OK)
            return status;
    }
    store->by_subject = calloc(store->slots, sizeof(*store->by_subject));
    store->next = calloc(store->size, sizeof(*store->next));
    if (store->by_subject == NULL || store->next == NULL || !compute_digest(store)) {
        free(store->by_subject);
        free(store->next);
        store->by_subject = store->next = NULL;
        return cg_fail(err, CG_E_NOMEM, "no memory to index the trusted certificates");
    }
    index_subjects(store);
    store->frozen = true;
    return CG_OK;
}

struct cg_store *
cg_store_ref(const struct cg_store *store)
{
    struct cg_store *mine = (struct cg_store *)(uintptr_t)store; /* only the count changes */

    if (mine != NULL)
        __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void
cg_store_free(struct cg_store *store)
{
    if (store == NULL || __atomic_sub_fetch(&store->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < store->count; i++)
        cg_cert_free(store->entries[i]);
    free(store->entries);
    free(store->by_sha256);
    free(store->by_subject);
    free(store->next);
    free(store);
}

bool
cg_store_is_frozen(const struct cg_store *store)
{
    return store->frozen;
}

size_t
cg_store_count(const struct cg_store *store)
{
    return store->count;
}

const struct cg_cert *
cg_store_get0(const struct cg_store *store, size_t i)
{
    return store->entries[i];
}

bool
cg_store_contains(const struct cg_store *store, const uint8_t sha256[CG_SHA256_SIZE])
{
    return store->slots != 0 && store->by_sha256[sha256_slot(store, sha256)] != 0;
}

const uint8_t *
cg_store_get0_digest(const struct cg_store *store)
{
    return store->digest;
}

const struct cg_cert *
cg_store_next_by_subject(
        const struct cg_store *store, const struct cg_canonical_name *subject, size_t *cursor)
{
    uint32_t entry;

    if (!store->frozen || *cursor == SIZE_MAX)
        return NULL;
    entry = *cursor == 0 ? store->by_subject[subject_slot(store, subject)] : store->next[*cursor - 1];
    *cursor = entry == 0 ? SIZE_MAX : entry;
    return entry == 0 ? NULL : store->entries[entry - 1];
}
