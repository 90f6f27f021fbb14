/* Look-ups in a frozen store that path building needs; the order of equal keys is the order of adding. */
#ifndef CG_X509_STORE_INDEX_H
#define CG_X509_STORE_INDEX_H

#include <certgate/store.h>

#include "x509/facts.h"

/* Only a frozen store's digest says what is in it. */
bool cg_store_is_frozen(const struct cg_store *store);

/*
 * What a certificate says of its issuer, as hashes that the index has of each entry: enough to pass by those that
 * are not the one without parsing them. Equal hashes prove nothing.
 */
struct cg_issuer_hint {
    uint64_t name;
    uint32_t key_id; /* 0: not said */
    uint32_t serial; /* issuer and number; 0: not said */
};

struct cg_issuer_hint cg_issuer_hint(const struct cg_cert *subject);

/* Whether an entry's key identifiers fit: MAY wants a look into the certificate, the others are final. */
enum cg_issuer_fit { CG_ISSUER_MISFIT = -1, CG_ISSUER_UNTOLD, CG_ISSUER_MAY };

struct cg_store_match {
    size_t entry; /* for cg_store_get0_der() */
    enum cg_issuer_fit fit;
};

/*
 * Iterates over the entries whose subject hashes to the hint's name: *cursor starts at 0 and is kept between calls.
 * False when there is none left.
 */
bool cg_store_next_issuer(const struct cg_store *store, const struct cg_issuer_hint *hint,
        size_t *cursor, struct cg_store_match *out);

#endif
