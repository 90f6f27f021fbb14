#include "store/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "store/limits.h"

#define KEY_SIZE 32
/* 64 MiB and a fifth of a second a guess; fixed by the version of the format, never read from a file. */
#define SCRYPT_N 65536
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MAX_MEMORY (UINT64_C(128) * 1024 * 1024)

static enum store_status
derive(const struct seal *seal, const char *passphrase, uint8_t key[KEY_SIZE], struct cg_error *err)
{
    size_t len = strnlen(passphrase, STORE_MAX_PASSPHRASE + 1);

    if (len == 0 || len > STORE_MAX_PASSPHRASE)
        return store_fail(
                err, STORE_INVALID, "a passphrase has 1 to %d octets", STORE_MAX_PASSPHRASE);
    if (EVP_PBE_scrypt(passphrase, len, seal->salt, sizeof(seal->salt), SCRYPT_N, SCRYPT_R,
                SCRYPT_P, SCRYPT_MAX_MEMORY, key, KEY_SIZE) != 1)
        return store_fail(err, STORE_NOMEM, "cannot derive a key from the passphrase");
    return STORE_OK;
}

/* Both directions; false when the cryptographic library fails, or a tag does not fit. */
static bool
cipher(struct seal *seal, const uint8_t key[KEY_SIZE], bool encrypt,
        const uint8_t bound[SEAL_DIGEST_SIZE], uint8_t *text, int len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t last[16];
    int out;
    bool ok = ctx != NULL &&
            EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, seal->nonce, encrypt) == 1 &&
            EVP_CipherUpdate(ctx, NULL, &out, bound, SEAL_DIGEST_SIZE) == 1 &&
            EVP_CipherUpdate(ctx, text, &out, text, len) == 1 &&
            (encrypt ||
                    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_SIZE, seal->tag) ==
                            1) &&
            EVP_CipherFinal_ex(ctx, last, &out) == 1 &&
            (!encrypt ||
                    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_SIZE, seal->tag) == 1);

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

enum store_status
seal_close(struct seal *seal, const char *passphrase, const uint8_t bound[SEAL_DIGEST_SIZE],
        uint8_t *text, size_t len, struct cg_error *err)
{
    uint8_t key[KEY_SIZE];
    enum store_status status;

    if (len > INT32_MAX || RAND_bytes(seal->salt, sizeof(seal->salt)) != 1 ||
            RAND_bytes(seal->nonce, sizeof(seal->nonce)) != 1)
        return store_fail(err, STORE_NOMEM, "cannot draw random numbers");
    status = derive(seal, passphrase, key, err);
    if (status == STORE_OK && !cipher(seal, key, true, bound, text, (int)len))
        status = store_fail(err, STORE_NOMEM, "cannot encrypt the keys");
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

enum store_status
seal_open(const struct seal *seal, const char *passphrase, const uint8_t bound[SEAL_DIGEST_SIZE],
        uint8_t *text, size_t len, struct cg_error *err)
{
    struct seal copy = *seal;
    uint8_t key[KEY_SIZE];
    enum store_status status = derive(seal, passphrase, key, err);

    if (status == STORE_OK &&
            (len > INT32_MAX || !cipher(&copy, key, false, bound, text, (int)len)))
        status = store_fail(err, STORE_INVALID,
                "the passphrase is wrong, or the backup was changed: nothing was restored");
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}
