/* Look-ups in a frozen store that path building needs; the order of equal keys is the order of adding. */
#ifndef CG_X509_STORE_INDEX_H
#define CG_X509_STORE_INDEX_H

#include <certgate/store.h>

#include "x509/facts.h"

/* Only a frozen store's digest says what is in it. */
bool cg_store_is_frozen(const struct cg_store *store);

/*
 * Iterates over the entries with this subject: *cursor starts at 0 and is kept between calls; NULL when
 * there is none left. Borrowed.
 */
const struct cg_cert *cg_store_next_by_subject(
        const struct cg_store *store, const struct cg_canonical_name *subject, size_t *cursor);

#endif
