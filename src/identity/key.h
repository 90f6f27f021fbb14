/* Private keys of our own: made, read, written to a file of their owner's alone, compared. */
#ifndef IDENTITY_KEY_H
#define IDENTITY_KEY_H

#include <openssl/evp.h>

#include <certgate/certgate.h>

/* Largest file that is read for a key: RSA of 16,384 bits as PEM has 13 KiB. */
#define IDENTITY_MAX_KEY_BYTES (64 * 1024)

enum identity_kind {
    IDENTITY_P256,
    IDENTITY_P384,
    IDENTITY_RSA2048,
    IDENTITY_RSA3072,
    IDENTITY_ED25519,
    IDENTITY_KINDS
};

/* "p256"; never NULL. */
const char *identity_kind_name(enum identity_kind kind);
bool identity_kind_from_name(const char *name, enum identity_kind *out);
/* All names for an error or a manual: "p256, p384, …". */
const char *identity_kind_names(void);
/* The kind of a key that is there already; false when we make none such. */
bool identity_kind_of(const EVP_PKEY *key, enum identity_kind *out);

/* A new key; *out is set to NULL first and owned by the caller. */
CG_CHECKED enum cg_status identity_key_new(
        enum identity_kind kind, EVP_PKEY **out, struct cg_error *err);

/*
 * Reads a private key in PEM without a passphrase. The text in err names the file, never what is in it.
 *
 * Returns CG_OK, CG_E_USAGE (it cannot be read), CG_E_PARSE (no such key in it), CG_E_LIMIT or CG_E_NOMEM.
 */
CG_CHECKED enum cg_status identity_key_load(const char *path, EVP_PKEY **out, struct cg_error *err);

/* PKCS#8 in PEM, for its owner alone (mode 0600), whole or not at all; an old file of the name is replaced. */
CG_CHECKED enum cg_status identity_key_save(
        const EVP_PKEY *key, const char *path, struct cg_error *err);

/* The certificate is of this key. */
bool identity_key_fits(const struct cg_cert *cert, const EVP_PKEY *key);

#endif
