/* PKCS#12 containers (RFC 7292): their certificates, and their key where it is asked for by name. */
#ifndef INPUT_PKCS12_H
#define INPUT_PKCS12_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "input/input.h"

/*
 * Rounds of key derivation that are worked through for one container, its MAC and all its safes together:
 * today's have 2,048 to 600,000 for each of two or three parts; a million takes half a second, and the
 * container's author chooses the numbers.
 */
#define INPUT_MAX_DERIVATION_ROUNDS 2000000

/* True when the bytes are a PKCS#12 container on the outside. */
bool input_is_pkcs12(const uint8_t *bytes, size_t len);

/*
 * Appends a container's certificates, the one that belongs to its key first. password is NULL for none.
 * Private keys stay encrypted. On failure the list may have grown.
 */
CG_CHECKED enum cg_status input_add_pkcs12(struct input_list *list, const uint8_t *bytes,
        size_t len, const char *password, const char *name, struct cg_error *err);

/*
 * The one private key of a container; *out is owned by the caller, NULL on failure. CG_E_USAGE where it
 * holds none, or several.
 */
CG_CHECKED enum cg_status input_pkcs12_key(const uint8_t *bytes, size_t len, const char *password,
        const char *name, EVP_PKEY **out, struct cg_error *err);

/* input.c's: appends one certificate; `where` stands before the cause in an error. */
CG_CHECKED enum cg_status input_add_x509(
        struct input_list *list, X509 *x509, const char *where, struct cg_error *err);

#endif
