/*
 * Decisions that the engine remembers. What is found is what a fresh evaluation would say, word for
 * word: the key covers everything that is judged, and a decision is only found within its window.
 */
#ifndef CG_DECISION_CACHE_H
#define CG_DECISION_CACHE_H

#include <certgate/decision.h>

/*
 * The key of what cg_evaluate() is asked. False where decisions are not remembered: none received, a
 * trace wanted, more sent than fits into a handshake.
 */
bool cg_decision_cache_key(struct cg_engine *engine, const struct cg_store *store,
        const struct cg_policy *policy, const struct cg_peer *peer, uint8_t key[CG_SHA256_SIZE]);

/* A new reference to the decision that holds at `now`, or NULL. */
struct cg_decision *cg_decision_cache_get(
        struct cg_engine *engine, const uint8_t key[CG_SHA256_SIZE], int64_t now);

/* Remembers it, with a reference of its own; without memory, or where it is too large, nothing happens. */
void cg_decision_cache_put(struct cg_engine *engine, const uint8_t key[CG_SHA256_SIZE],
        const struct cg_decision *decision);

#endif
