/* What protects the keys in a backup: a passphrase, by scrypt (RFC 7914) and AES-256-GCM (SP 800-38D). */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "base/buf.h"
#include "store/status.h"

#define SEAL_SALT_SIZE 16
#define SEAL_NONCE_SIZE 12
#define SEAL_TAG_SIZE 16
#define SEAL_DIGEST_SIZE 32

struct seal {
    uint8_t salt[SEAL_SALT_SIZE];
    uint8_t nonce[SEAL_NONCE_SIZE];
    uint8_t tag[SEAL_TAG_SIZE];
};

/*
 * Encrypts plain in place and fills the seal; bound is a digest of everything that must not be changed
 * either.
 */
CG_CHECKED enum store_status seal_close(struct seal *seal, const char *passphrase,
        const uint8_t bound[SEAL_DIGEST_SIZE], uint8_t *text, size_t len, struct cg_error *err);

/* Decrypts in place; STORE_INVALID for a wrong passphrase or anything that was changed. */
CG_CHECKED enum store_status seal_open(const struct seal *seal, const char *passphrase,
        const uint8_t bound[SEAL_DIGEST_SIZE], uint8_t *text, size_t len, struct cg_error *err);

#endif
