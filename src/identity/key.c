#include "identity/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "identity/files.h"

static const struct {
    const char *name;
    const char *algorithm;
    const char *group; /* EC */
    int bits; /* RSA; of the others what EVP_PKEY_get_bits() says */
} kinds[IDENTITY_KINDS] = {
    [IDENTITY_P256] = { "p256", "EC", "P-256", 256 },
    [IDENTITY_P384] = { "p384", "EC", "P-384", 384 },
    [IDENTITY_RSA2048] = { "rsa2048", "RSA", NULL, 2048 },
    [IDENTITY_RSA3072] = { "rsa3072", "RSA", NULL, 3072 },
    [IDENTITY_ED25519] = { "ed25519", "ED25519", NULL, 256 },
};

const char *
identity_kind_name(enum identity_kind kind)
{
    return kinds[kind].name;
}

bool
identity_kind_from_name(const char *name, enum identity_kind *out)
{
    for (unsigned i = 0; i < IDENTITY_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out = (enum identity_kind)i;
            return true;
        }
    }
    return false;
}

const char *
identity_kind_names(void)
{
    return "p256, p384, rsa2048, rsa3072 or ed25519";
}

static bool
is_of_group(const EVP_PKEY *key, const char *group)
{
    char name[32];
    size_t len;

    return EVP_PKEY_get_group_name(key, name, sizeof(name), &len) == 1 &&
            OBJ_txt2nid(name) == EC_curve_nist2nid(group);
}

bool
identity_kind_of(const EVP_PKEY *key, enum identity_kind *out)
{
    for (unsigned i = 0; i < IDENTITY_KINDS; i++) {
        if (EVP_PKEY_is_a(key, kinds[i].algorithm) != 1 ||
                EVP_PKEY_get_bits(key) != kinds[i].bits ||
                (kinds[i].group != NULL && !is_of_group(key, kinds[i].group)))
            continue;
        *out = (enum identity_kind)i;
        return true;
    }
    ERR_clear_error();
    return false;
}

enum cg_status
identity_key_new(enum identity_kind kind, EVP_PKEY **out, struct cg_error *err)
{
    if (kinds[kind].group != NULL)
        *out = EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].algorithm, kinds[kind].group);
    else if (kind == IDENTITY_ED25519)
        *out = EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].algorithm);
    else
        *out = EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].algorithm, (size_t)kinds[kind].bits);
    ERR_clear_error();
    if (*out == NULL)
        return cg_fail(err, CG_E_CRYPTO, "cannot make a key of kind %s", kinds[kind].name);
    return CG_OK;
}

/* No prompt: a key that needs a passphrase is an error, not a question on a terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* The whole file, at most `size` octets; no stream, whose buffer would keep the key. */
static enum cg_status
read_file(const char *path, uint8_t *bytes, size_t size, size_t *len, struct cg_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;

    *len = 0;
    while (got > 0 && *len < size) {
        do
            got = read(fd, bytes + *len, size - *len);
        while (got < 0 && errno == EINTR);
        if (got > 0)
            *len += (size_t)got;
    }
    if (got < 0)
        (void)cg_fail(err, CG_E_USAGE, "key %s cannot be read: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (got >= 0 && *len == size)
        return cg_fail(err, CG_E_LIMIT, "key %s: larger than %zu octets", path, size - 1);
    return got < 0 ? CG_E_USAGE : CG_OK;
}

enum cg_status
identity_key_load(const char *path, EVP_PKEY **out, struct cg_error *err)
{
    const size_t size = IDENTITY_MAX_KEY_BYTES + 1;
    uint8_t *bytes = OPENSSL_malloc(size);
    enum cg_status status;
    BIO *bio = NULL;
    size_t len = 0;

    *out = NULL;
    if (bytes == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for key %s", path);
    status = read_file(path, bytes, size, &len, err);
    if (status != CG_OK)
        goto done;
    bio = BIO_new_mem_buf(bytes, (int)len);
    if (bio != NULL)
        *out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    if (*out == NULL)
        status = cg_fail(
                err, CG_E_PARSE, "%s holds no private key in PEM without a passphrase", path);
done:
    BIO_free(bio);
    OPENSSL_clear_free(bytes, size);
    ERR_clear_error();
    return status;
}

enum cg_status
identity_key_save(const EVP_PKEY *key, const char *path, struct cg_error *err)
{
    BIO *bio = BIO_new(BIO_s_mem()); /* it cleanses what it held */
    enum cg_status status;
    char *text;
    long len;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        status = cg_fail(err, CG_E_CRYPTO, "cannot encode the key for %s", path);
    } else {
        len = BIO_get_mem_data(bio, &text);
        status = identity_file_write(path, text, (size_t)len, err);
    }
    BIO_free(bio);
    ERR_clear_error();
    return status;
}

bool
identity_key_fits(const struct cg_cert *cert, const EVP_PKEY *key)
{
    const uint8_t *at;
    size_t len;
    X509 *x509;
    bool fits;

    at = cg_cert_get0_der(cert, &len);
    x509 = d2i_X509(NULL, &at, (long)len);
    fits = x509 != NULL && X509_check_private_key(x509, key) == 1;
    X509_free(x509);
    ERR_clear_error();
    return fits;
}
