#include "decision/cache.h"

#include <stdlib.h>

#include "decision/decision.h"
#include "decision/policy.h"
#include "x509/engine.h"
#include "x509/store_index.h"

struct remembered {
    uint8_t key[CG_SHA256_SIZE];
    struct cg_decision *decision; /* NULL: free */
};

/* Sets of two; the one that was used last stands first. */
struct cg_decision_cache {
    struct remembered accepted[CG_DECISION_SETS][2];
    /* Apart, so that strangers never drive out what is known of peers. */
    struct remembered refused[CG_REFUSAL_SETS][2];
};

/* A string's length before its bytes; no string is another than the empty one. */
static size_t
put_text(struct cg_span *part, uint64_t *len, const char *text)
{
    *len = text == NULL ? UINT64_MAX : strlen(text);
    *part = cg_span(text, text == NULL ? 0 : (size_t)*len);
    return part->len;
}

_Static_assert(sizeof(void *) != 8 || sizeof(struct cg_peer) == 104,
        "cg_decision_cache_key() does not know every field of struct cg_peer");

bool
cg_decision_cache_key(struct cg_engine *engine, const struct cg_store *store,
        const struct cg_policy *policy, const struct cg_peer *peer, uint8_t key[CG_SHA256_SIZE])
{
    /* All lengths before all bytes: no two questions give the same input. */
    struct {
        uint8_t policy[CG_SHA256_SIZE];
        uint8_t store[CG_SHA256_SIZE];
        uint8_t revocation[CG_SHA256_SIZE];
        uint64_t staple;
        int64_t clock_floor;
        uint64_t phone;
        uint64_t address;
        uint64_t from_domain;
        uint64_t count;
        uint64_t lens[CG_MAX_CHAIN_CERTS + 1];
    } head = { 0 };
    struct cg_span parts[CG_MAX_CHAIN_CERTS + 5];
    size_t total = peer->leaf_len, count = 0;

    if (peer->leaf == NULL || peer->trace || peer->chain_count > CG_MAX_CHAIN_CERTS ||
            total > CG_MAX_CHAIN_BYTES || !cg_store_is_frozen(store))
        return false;
    head.clock_floor = peer->clock_floor;
    head.phone = peer->phone;
    head.count = peer->chain_count;
    head.lens[0] = peer->leaf_len;
    parts[count++] = cg_span(&head, sizeof(head));
    total += put_text(&parts[count++], &head.address, peer->address);
    total += put_text(&parts[count++], &head.from_domain, peer->from_domain);
    if (policy->revocation != CG_REVOCATION_OFF) {
        if (peer->revocation != NULL)
            memcpy(head.revocation, cg_revocation_get0_digest(peer->revocation), CG_SHA256_SIZE);
        if (peer->staple_len > CG_MAX_OCSP_BYTES)
            return false;
        head.staple = peer->staple == NULL ? UINT64_MAX : peer->staple_len;
        parts[count++] = cg_span(peer->staple, peer->staple == NULL ? 0 : peer->staple_len);
    }
    parts[count++] = cg_span(peer->leaf, peer->leaf_len);
    for (size_t i = 0; i < peer->chain_count; i++) {
        if (peer->chain_len[i] > CG_MAX_CHAIN_BYTES)
            return false;
        total += peer->chain_len[i];
        head.lens[i + 1] = peer->chain_len[i];
        parts[count++] = cg_span(peer->chain[i], peer->chain_len[i]);
    }
    if (total > CG_MAX_CHAIN_BYTES || !cg_policy_digest(policy, engine, head.policy))
        return false;
    memcpy(head.store, cg_store_get0_digest(store), CG_SHA256_SIZE);
    return cg_engine_sha256(engine, parts, count, key);
}

static struct remembered *
set_of(struct remembered sets[][2], size_t count, const uint8_t key[CG_SHA256_SIZE])
{
    uint32_t hash;

    memcpy(&hash, key, sizeof(hash));
    return sets[hash & (count - 1)];
}

static struct cg_decision *
find(struct remembered set[2], const uint8_t key[CG_SHA256_SIZE], int64_t now)
{
    for (size_t i = 0; i < 2; i++) {
        struct remembered found = set[i];

        if (found.decision == NULL || memcmp(found.key, key, CG_SHA256_SIZE) != 0 ||
                !cg_window_holds(&found.decision->same, now))
            continue;
        set[i] = set[0];
        set[0] = found;
        return cg_decision_ref(found.decision);
    }
    return NULL;
}

struct cg_decision *
cg_decision_cache_get(struct cg_engine *engine, const uint8_t key[CG_SHA256_SIZE], int64_t now)
{
    struct cg_decision_cache *cache = engine->decisions;
    struct cg_decision *decision;

    if (cache == NULL)
        return NULL;
    decision = find(set_of(cache->accepted, CG_DECISION_SETS, key), key, now);
    if (decision == NULL)
        decision = find(set_of(cache->refused, CG_REFUSAL_SETS, key), key, now);
    return decision;
}

static void
forget(struct remembered *entry)
{
    cg_decision_free(entry->decision);
    *entry = (struct remembered) { 0 };
}

static void
free_cache(struct cg_decision_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < CG_DECISION_SETS * 2; i++)
        forget(&cache->accepted[i / 2][i % 2]);
    for (size_t i = 0; i < CG_REFUSAL_SETS * 2; i++)
        forget(&cache->refused[i / 2][i % 2]);
    free(cache);
}

/* What a remembered decision keeps alive, but for what others hold too. */
static size_t
weight(const struct cg_decision *decision)
{
    size_t bytes = decision->cert->der_len;

    for (size_t i = 1; i < decision->path_count; i++)
        bytes += decision->path[i]->der_len;
    return bytes;
}

void
cg_decision_cache_put(struct cg_engine *engine, const uint8_t key[CG_SHA256_SIZE],
        const struct cg_decision *decision)
{
    struct remembered *set;

    if (decision->cert == NULL || weight(decision) > CG_MAX_REMEMBERED_BYTES)
        return;
    if (engine->decisions == NULL) {
        engine->decisions = calloc(1, sizeof(*engine->decisions));
        engine->free_decisions = free_cache;
    }
    if (engine->decisions == NULL)
        return;
    set = decision->verdict == CG_ACCEPT
            ? set_of(engine->decisions->accepted, CG_DECISION_SETS, key)
            : set_of(engine->decisions->refused, CG_REFUSAL_SETS, key);
    /* One of the same key has a window that is over. */
    if (set[0].decision == NULL || memcmp(set[0].key, key, CG_SHA256_SIZE) != 0) {
        forget(&set[1]);
        set[1] = set[0];
    } else {
        forget(&set[0]);
    }
    memcpy(set[0].key, key, CG_SHA256_SIZE);
    set[0].decision = cg_decision_ref(decision);
}
