/*
 * The Trusted Certificate Store (TCS): roots, intermediates and exact copies of peers' certificates.
 *
 * A store is a snapshot: build it, freeze it, share it. Any number of threads may evaluate against a
 * frozen store without locking. It keeps the DER and an index of some 100 bytes for each certificate; those that
 * an evaluation needs are parsed by its engine.
 */
#ifndef CERTGATE_STORE_H
#define CERTGATE_STORE_H

#include <certgate/cert.h>

struct cg_store;

/* An empty store to be built; owned by the caller. NULL only without memory. */
struct cg_store *cg_store_new(void);

/*
 * Adds a certificate to a store that is still being built; its DER is copied.
 *
 * Adding the same certificate twice is CG_OK and changes nothing. Returns CG_OK, CG_E_NOMEM,
 * CG_E_LIMIT, or CG_E_USAGE when the store is frozen.
 */
CG_CHECKED enum cg_status cg_store_add(
        struct cg_store *store, const struct cg_cert *cert, struct cg_error *err);

/*
 * The same from DER, which is refused where cg_cert_from_der() refuses it, with its statuses. The bytes are
 * borrowed, not copied: they have to stay where and what they are until the store is freed.
 */
CG_CHECKED enum cg_status cg_store_borrow_der(
        struct cg_store *store, const uint8_t *der, size_t len, struct cg_error *err);
/* Has release(owner) called when the store is freed, so that borrowed bytes may go. One owner. */
void cg_store_set_owner(struct cg_store *store, void *owner, void (*release)(void *owner));

/* Ends building; computes the indexes and the digest. CG_OK, CG_E_NOMEM or CG_E_CRYPTO. */
CG_CHECKED enum cg_status cg_store_freeze(struct cg_store *store, struct cg_error *err);

struct cg_store *cg_store_ref(const struct cg_store *store);
void cg_store_free(struct cg_store *store);

size_t cg_store_count(const struct cg_store *store);
/* Of entry i in the order of adding, i < cg_store_count(): DER (*len is set) and SHA-256, borrowed. */
const uint8_t *cg_store_get0_der(const struct cg_store *store, size_t i, size_t *len);
const uint8_t *cg_store_get0_sha256(const struct cg_store *store, size_t i);
/* True when a byte-identical copy is in the (frozen) store. */
bool cg_store_contains(const struct cg_store *store, const uint8_t sha256[CG_SHA256_SIZE]);
/* SHA-256 over the entries' fingerprints in ascending order: equal stores, equal digests. */
const uint8_t *cg_store_get0_digest(const struct cg_store *store);

#endif
