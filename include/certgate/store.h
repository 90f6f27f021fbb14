/*
 * The Trusted Certificate Store (TCS): roots, intermediates and exact copies of peers' certificates.
 *
 * A store is a snapshot: build it, freeze it, share it. Any number of threads may evaluate against a
 * frozen store without locking.
 */
#ifndef CERTGATE_STORE_H
#define CERTGATE_STORE_H

#include <certgate/cert.h>

struct cg_store;

/* An empty store to be built; owned by the caller. NULL only without memory. */
struct cg_store *cg_store_new(void);

/*
 * Adds a certificate to a store that is still being built; takes its own reference.
 *
 * Adding the same certificate twice is CG_OK and changes nothing. Returns CG_OK, CG_E_NOMEM,
 * CG_E_LIMIT, or CG_E_USAGE when the store is frozen.
 */
CG_CHECKED enum cg_status cg_store_add(
        struct cg_store *store, const struct cg_cert *cert, struct cg_error *err);

/* Ends building; computes the indexes and the digest. CG_OK or CG_E_NOMEM. */
CG_CHECKED enum cg_status cg_store_freeze(struct cg_store *store, struct cg_error *err);

struct cg_store *cg_store_ref(const struct cg_store *store);
void cg_store_free(struct cg_store *store);

size_t cg_store_count(const struct cg_store *store);
/* Entry i in the order of adding, borrowed; i < cg_store_count(). */
const struct cg_cert *cg_store_get0(const struct cg_store *store, size_t i);
/* True when a byte-identical copy is in the (frozen) store. */
bool cg_store_contains(const struct cg_store *store, const uint8_t sha256[CG_SHA256_SIZE]);
/* SHA-256 over the entries' fingerprints in ascending order: equal stores, equal digests. */
const uint8_t *cg_store_get0_digest(const struct cg_store *store);

#endif
