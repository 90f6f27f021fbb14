/*
 * Public keys on elliptic curves, as received certificates hold them: OpenSSL 3.0 computes the curve anew for
 * each key that it decodes, a fifteenth of a handshake. So the decoder that the worker's library
 * context has remembers what it has decoded, octet by octet, and hands out copies. A key that it does
 * not know goes to OpenSSL's own decoder, and one that this refuses is not remembered.
 */
#ifndef GATEWAY_PUBLIC_KEYS_H
#define GATEWAY_PUBLIC_KEYS_H

#include <openssl/core.h>

/*
 * The decoder that stands before another: its functions, in static memory. One for the process, which decodes
 * in one thread.
 *
 * core      what libcrypto gave the provider
 * decoder   OpenSSL's functions for EC keys in SubjectPublicKeyInfo
 * keymgmt   OpenSSL's functions for the keys that come of it
 *
 * NULL when one of these lacks what is needed.
 */
const OSSL_DISPATCH *public_keys_remember(
        const OSSL_DISPATCH *core, const OSSL_DISPATCH *decoder, const OSSL_DISPATCH *keymgmt);

#endif
