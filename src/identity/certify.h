/* Certificates and requests of our own. */
#ifndef IDENTITY_CERTIFY_H
#define IDENTITY_CERTIFY_H

#include <openssl/evp.h>

#include "identity/names.h"

/* The longest that Apple's clients take, self-signed or not; two years and a quarter. */
#define IDENTITY_DEFAULT_DAYS 825
#define IDENTITY_MAX_DAYS 3653

/*
 * A certificate that the key signs itself, for TLS in both roles: no CA, digitalSignature (and
 * keyEncipherment for RSA), serverAuth and clientAuth, a random serial number.
 *
 * now    seconds since 1970; it is valid from an hour before, for peers whose clock is behind
 * days   how long it is valid in all, 1 to IDENTITY_MAX_DAYS
 * out    set to NULL first; the caller owns the reference
 */
CG_CHECKED enum cg_status identity_self_sign(const struct identity_names *names, EVP_PKEY *key,
        int64_t now, unsigned days, struct cg_cert **out, struct cg_error *err);

/* A request for such a certificate (PKCS#10, RFC 2986) in PEM; the caller frees it with free(). */
CG_CHECKED enum cg_status identity_request(
        const struct identity_names *names, EVP_PKEY *key, char **pem, struct cg_error *err);

#endif
