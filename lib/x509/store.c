#include <certgate/store.h>

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/error.h"
#include "x509/store_index.h"

/* One trusted certificate: where its bytes are, and what finds it. One cache line. */
struct entry {
    const uint8_t *der; /* in a block of ours, or borrowed */
    uint64_t subject; /* hash of the canonical name */
    uint32_t len;
    uint32_t next; /* the next entry with the same subject, plus one */
    uint32_t key_id; /* hash; 0: it has none */
    uint32_t serial; /* hash, of issuer and number */
    uint8_t sha256[CG_SHA256_SIZE];
};

_Static_assert(sizeof(struct entry) == 64, "an entry of the store's index has grown");

/* Copied certificates, one behind the other. */
struct block {
    struct block *before;
    size_t used;
    size_t size;
    uint8_t bytes[];
};

#define MIN_BLOCK (8u * 1024)
#define MAX_BLOCK (1024u * 1024)

/*
 * Two open-addressing tables over the entries: by fingerprint, and by the hash of the subject. A slot holds the
 * entry's number plus one. Equal subjects are chained in the order of adding.
 */
struct cg_store {
    unsigned refs; /* atomic */
    bool frozen;
    struct entry *entries;
    size_t count;
    size_t size;
    uint32_t *by_sha256;
    uint32_t *by_subject; /* first entry of each subject */
    size_t slots; /* power of two, at least twice the entries */
    struct block *blocks;
    EVP_MD_CTX *hashing; /* set up for SHA-256; until the store is frozen */
    void *owner; /* of borrowed bytes, or NULL */
    void (*release)(void *owner);
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

void
cg_store_set_owner(struct cg_store *store, void *owner, void (*release)(void *owner))
{
    store->owner = owner;
    store->release = release;
}

/* ---- hashes ------------------------------------------------------------------------------------ */

/* Never 0, which is that there is nothing. */
static uint32_t
fold(uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32) | 1;
}

static uint32_t
serial_hash(const struct cg_canonical_name *issuer, struct cg_span serial)
{
    return fold(cg_span_hash(serial) ^ issuer->hash);
}

struct cg_issuer_hint
cg_issuer_hint(const struct cg_cert *subject)
{
    struct cg_issuer_hint hint = { .name = subject->canonical_issuer.hash };

    if (subject->authority_key_id.len != 0)
        hint.key_id = fold(cg_span_hash(subject->authority_key_id));
    if (subject->authority_serial.len != 0 && subject->authority_issuer.data != NULL)
        hint.serial = serial_hash(&subject->authority_issuer, subject->authority_serial);
    return hint;
}

/* As key_id_fit() in path_graph.c has it of two certificates. */
static enum cg_issuer_fit
fit(const struct cg_issuer_hint *hint, const struct entry *entry)
{
    if (hint->key_id != 0 && entry->key_id != 0)
        return hint->key_id == entry->key_id ? CG_ISSUER_MAY : CG_ISSUER_MISFIT;
    if (hint->serial != 0)
        return hint->serial == entry->serial ? CG_ISSUER_MAY : CG_ISSUER_MISFIT;
    return CG_ISSUER_UNTOLD;
}

static bool
hash_bytes(struct cg_store *store, struct cg_span bytes, uint8_t out[CG_SHA256_SIZE])
{
    const EVP_MD *type = NULL; /* the one it is set up for */

    if (store->hashing == NULL) {
        store->hashing = EVP_MD_CTX_new();
        type = EVP_sha256();
    }
    return store->hashing != NULL && EVP_DigestInit_ex2(store->hashing, type, NULL) == 1 &&
            EVP_DigestUpdate(store->hashing, bytes.data, bytes.len) == 1 &&
            EVP_DigestFinal_ex(store->hashing, out, NULL) == 1;
}

/* ---- building ---------------------------------------------------------------------------------- */

/* The slot where this fingerprint stands, or the empty one where it would. */
static size_t
sha256_slot(const struct cg_store *store, const uint8_t sha256[CG_SHA256_SIZE])
{
    uint64_t hash;
    size_t slot;

    memcpy(&hash, sha256, sizeof(hash));
    slot = hash & (store->slots - 1);
    while (store->by_sha256[slot] != 0 &&
            memcmp(store->entries[store->by_sha256[slot] - 1].sha256, sha256, CG_SHA256_SIZE) != 0)
        slot = (slot + 1) & (store->slots - 1);
    return slot;
}

static size_t
subject_slot(const struct cg_store *store, uint64_t subject)
{
    size_t slot = subject & (store->slots - 1);

    while (store->by_subject[slot] != 0 &&
            store->entries[store->by_subject[slot] - 1].subject != subject)
        slot = (slot + 1) & (store->slots - 1);
    return slot;
}

/* Grows the entries and the fingerprint table, which finds duplicates while the store is built. */
static enum cg_status
grow(struct cg_store *store, struct cg_error *err)
{
    size_t size = store->size == 0 ? 16 : store->size * 2;
    struct entry *entries = realloc(store->entries, size * sizeof(*entries));
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
        store->by_sha256[sha256_slot(store, store->entries[i].sha256)] = (uint32_t)i + 1;
    return CG_OK;
}

static enum cg_status
make_room(struct cg_store *store, struct cg_error *err)
{
    if (store->frozen)
        return cg_fail(err, CG_E_USAGE, "the store is frozen");
    if (store->count == MAX_ENTRIES)
        return cg_fail(err, CG_E_LIMIT, "more than %u trusted certificates", MAX_ENTRIES);
    return store->count == store->size ? grow(store, err) : CG_OK;
}

/* Room in the last block, or in a new one: each is as large as all before it, within bounds. */
static uint8_t *
reserve(struct cg_store *store, size_t len)
{
    struct block *block = store->blocks;
    size_t size = block == NULL ? MIN_BLOCK : 2 * block->size;

    if (block == NULL || block->size - block->used < len) {
        size = size > MAX_BLOCK ? MAX_BLOCK : size;
        size = size < len ? len : size;
        block = malloc(sizeof(*block) + size);
        if (block == NULL)
            return NULL;
        *block = (struct block) { .before = store->blocks, .size = size };
        store->blocks = block;
    }
    block->used += len;
    return block->bytes + block->used - len;
}

static void
insert(struct cg_store *store, size_t slot, const struct cg_cert *cert, const uint8_t *der,
        const uint8_t sha256[CG_SHA256_SIZE])
{
    struct entry *entry = &store->entries[store->count++];

    *entry = (struct entry) { .der = der,
        .len = (uint32_t)cert->der_len,
        .subject = cert->canonical_subject.hash,
        .key_id = cert->has_subject_key_id ? fold(cg_span_hash(cert->subject_key_id)) : 0,
        .serial = serial_hash(&cert->canonical_issuer, cert->serial) };
    memcpy(entry->sha256, sha256, CG_SHA256_SIZE);
    store->by_sha256[slot] = (uint32_t)store->count;
}

enum cg_status
cg_store_add(struct cg_store *store, const struct cg_cert *cert, struct cg_error *err)
{
    enum cg_status status = make_room(store, err);
    uint8_t *copy;
    size_t slot;

    if (status != CG_OK)
        return status;
    slot = sha256_slot(store, cert->sha256);
    if (store->by_sha256[slot] != 0)
        return CG_OK;
    copy = reserve(store, cert->der_len);
    if (copy == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for a trusted certificate");
    memcpy(copy, cert->der, cert->der_len);
    insert(store, slot, cert, copy, cert->sha256);
    return CG_OK;
}

enum cg_status
cg_store_borrow_der(struct cg_store *store, const uint8_t *der, size_t len, struct cg_error *err)
{
    enum cg_status status = make_room(store, err);
    uint8_t sha256[CG_SHA256_SIZE];
    struct cg_cert cert;
    size_t slot;

    if (status != CG_OK)
        return status;
    status = cg_cert_init(&cert, der, len, err);
    if (status != CG_OK)
        goto done;
    if (!hash_bytes(store, cg_span(der, len), sha256)) {
        status = cg_fail(err, CG_E_CRYPTO, "cannot compute the certificate's SHA-256");
        goto done;
    }
    slot = sha256_slot(store, sha256);
    if (store->by_sha256[slot] == 0)
        insert(store, slot, &cert, der, sha256);
done:
    cg_cert_release(&cert);
    return status;
}

/* ---- freezing ---------------------------------------------------------------------------------- */

static int
compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, CG_SHA256_SIZE);
}

/* Independent of the order of adding: the fingerprints are sorted first. */
static enum cg_status
compute_digest(struct cg_store *store, struct cg_error *err)
{
    uint8_t *all = malloc(store->count == 0 ? 1 : store->count * CG_SHA256_SIZE);
    bool ok;

    if (all == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory to index the trusted certificates");
    for (size_t i = 0; i < store->count; i++)
        memcpy(all + i * CG_SHA256_SIZE, store->entries[i].sha256, CG_SHA256_SIZE);
    if (store->count > 1)
        qsort(all, store->count, CG_SHA256_SIZE, compare_digests);
    ok = hash_bytes(store, cg_span(all, store->count * CG_SHA256_SIZE), store->digest);
    free(all);
    return ok ? CG_OK
              : cg_fail(err, CG_E_CRYPTO, "cannot compute the trusted certificates' SHA-256");
}

/* Walks backwards, so that each chain ends up in the order of adding. */
static void
index_subjects(struct cg_store *store)
{
    for (size_t i = store->count; i-- > 0;) {
        size_t slot = subject_slot(store, store->entries[i].subject);

        store->entries[i].next = store->by_subject[slot];
        store->by_subject[slot] = (uint32_t)i + 1;
    }
}

/* What was room to grow goes back; that it cannot is no failure. */
static void
trim(struct cg_store *store)
{
    size_t size = store->count == 0 ? 1 : store->count;
    struct entry *entries = realloc(store->entries, size * sizeof(*entries));

    if (entries != NULL) {
        store->entries = entries;
        store->size = size;
    }
}

enum cg_status
cg_store_freeze(struct cg_store *store, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    if (store->frozen)
        return CG_OK;
    if (store->size == 0)
        status = grow(store, err);
    if (status == CG_OK)
        status = compute_digest(store, err);
    if (status != CG_OK)
        return status;
    store->by_subject = calloc(store->slots, sizeof(*store->by_subject));
    if (store->by_subject == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory to index the trusted certificates");
    index_subjects(store);
    trim(store);
    EVP_MD_CTX_free(store->hashing);
    store->hashing = NULL;
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
    struct block *before;

    if (store == NULL || __atomic_sub_fetch(&store->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (struct block *block = store->blocks; block != NULL; block = before) {
        before = block->before;
        free(block);
    }
    if (store->release != NULL)
        store->release(store->owner);
    EVP_MD_CTX_free(store->hashing);
    free(store->entries);
    free(store->by_sha256);
    free(store->by_subject);
    free(store);
}

/* ---- looking up -------------------------------------------------------------------------------- */

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

const uint8_t *
cg_store_get0_der(const struct cg_store *store, size_t i, size_t *len)
{
    *len = store->entries[i].len;
    return store->entries[i].der;
}

const uint8_t *
cg_store_get0_sha256(const struct cg_store *store, size_t i)
{
    return store->entries[i].sha256;
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

bool
cg_store_next_issuer(const struct cg_store *store, const struct cg_issuer_hint *hint,
        size_t *cursor, struct cg_store_match *out)
{
    uint32_t entry;

    if (!store->frozen || *cursor == SIZE_MAX)
        return false;
    entry = *cursor == 0 ? store->by_subject[subject_slot(store, hint->name)]
                         : store->entries[*cursor - 1].next;
    *cursor = entry == 0 ? SIZE_MAX : entry;
    if (entry == 0)
        return false;
    *out = (struct cg_store_match) { entry - 1, fit(hint, &store->entries[entry - 1]) };
    return true;
}
