/* Which of some certificates is ours, and which are sent along. */
#ifndef IDENTITY_CHAIN_H
#define IDENTITY_CHAIN_H

#include <openssl/evp.h>

#include "input/input.h"

/*
 * Sorts certificates that belong to a key.
 *
 * pool          as they came, in any order
 * now           seconds since 1970: our own must not have expired
 * chain         gets our own certificate and the CAs between it and its root, which peers have
 *               themselves (RFC 8446 section 4.4.2)
 * authorities   may be NULL; gets every CA certificate of the pool that is not our own, the root too
 *
 * Returns CG_OK, CG_E_USAGE (none is of this key, or it has expired), CG_E_LIMIT or CG_E_NOMEM. The
 * lists are emptied first; on failure they are empty.
 */
CG_CHECKED enum cg_status identity_chain_sort(const struct input_list *pool, const EVP_PKEY *key,
        int64_t now, struct input_list *chain, struct input_list *authorities,
        struct cg_error *err);

/* Appends a reference. */
CG_CHECKED enum cg_status identity_list_add(
        struct input_list *list, const struct cg_cert *cert, struct cg_error *err);

#endif
