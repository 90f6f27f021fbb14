#include "gateway/algorithms.h"

#include "gateway/public_keys.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEPT 24 /* algorithms of one operation, the end among them */

/*
 * By OpenSSL's first names: the suites, groups and signatures of snapshot/security.c and tls_policy.c,
 * the keys of the table in docs/decisions/0004, and what OpenSSL builds these of: AES-256-CTR and -ECB and
 * SHA-512 of its random numbers, SHAKE-256 of Ed448, MD5-SHA1 of every TLS context.
 */
/* clang-format off */
static const struct kept {
    int operation;
    const char *structure; /* of decoders: the only one that they are kept for */
    const char *names[MAX_KEPT];
} kept[] = {
    { OSSL_OP_DIGEST, NULL, { "SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512", "SHAKE-256", "MD5", "MD5-SHA1" } },
    { OSSL_OP_CIPHER, NULL, { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-128-CBC", "AES-256-CBC",
                              "AES-128-CBC-HMAC-SHA1", "AES-256-CBC-HMAC-SHA1", "AES-128-CBC-HMAC-SHA256",
                              "AES-256-CBC-HMAC-SHA256", "AES-256-CTR", "AES-256-ECB", "ChaCha20" } },
    { OSSL_OP_MAC, NULL, { "HMAC" } },
    { OSSL_OP_KDF, NULL, { "HKDF", "TLS13-KDF", "TLS1-PRF" } },
    { OSSL_OP_KEYMGMT, NULL, { "RSA", "RSA-PSS", "EC", "DSA", "ED25519", "ED448", "X25519", "X448", "HMAC" } },
    { OSSL_OP_KEYEXCH, NULL, { "ECDH", "X25519", "X448" } },
    { OSSL_OP_SIGNATURE, NULL, { "RSA", "ECDSA", "DSA", "ED25519", "ED448", "HMAC" } },
    { OSSL_OP_ASYM_CIPHER, NULL, { "RSA" } },
    { OSSL_OP_RAND, NULL, { "CTR-DRBG", "HASH-DRBG", "HMAC-DRBG", "SEED-SRC" } },
    { OSSL_OP_DECODER, "structure=SubjectPublicKeyInfo", { "RSA", "RSA-PSS", "EC", "DSA", "ED25519", "ED448" } },
};
/* clang-format on */

enum { OPERATIONS = sizeof(kept) / sizeof(kept[0]) };

/* One for the process, as OpenSSL's own contexts are: a provider's functions get no pointer of ours. */
static struct {
    OSSL_LIB_CTX *whole;
    OSSL_PROVIDER *provider; /* the default one, in `whole` */
    OSSL_PROVIDER *narrow; /* ours, in the process's context */
    OSSL_ALGORITHM rows[OPERATIONS][MAX_KEPT];
} algorithms;

/* By its first name. */
static bool
is_named(const OSSL_ALGORITHM *algorithm, const char *name)
{
    size_t len = strcspn(algorithm->algorithm_names, ":");

    return strlen(name) == len && strncmp(algorithm->algorithm_names, name, len) == 0;
}

static bool
is_kept(const struct kept *row, const OSSL_ALGORITHM *algorithm)
{
    if (row->structure != NULL &&
            (algorithm->property_definition == NULL ||
                    strstr(algorithm->property_definition, row->structure) == NULL))
        return false;
    for (size_t i = 0; i < MAX_KEPT && row->names[i] != NULL; i++)
        if (is_named(algorithm, row->names[i]))
            return true;
    return false;
}

/* Fills the table of an operation; false unless every name was found. */
static bool
filter(size_t which)
{
    const struct kept *row = &kept[which];
    size_t wanted = 0, found = 0;
    int no_cache = 0;
    const OSSL_ALGORITHM *all =
            OSSL_PROVIDER_query_operation(algorithms.provider, row->operation, &no_cache);

    while (wanted < MAX_KEPT && row->names[wanted] != NULL)
        wanted++;
    for (; all != NULL && all->algorithm_names != NULL && found < MAX_KEPT - 1; all++)
        if (is_kept(row, all))
            algorithms.rows[which][found++] = *all;
    return found == wanted && no_cache == 0;
}

static const OSSL_ALGORITHM *
on_query(void *context, int operation, int *no_cache)
{
    (void)context;
    *no_cache = 0;
    for (size_t i = 0; i < OPERATIONS; i++)
        if (kept[i].operation == operation)
            return algorithms.rows[i];
    return NULL;
}

/* The groups of TLS, for libssl. */
static int
on_capabilities(void *context, const char *capability, OSSL_CALLBACK *callback, void *arg)
{
    (void)context;
    return OSSL_PROVIDER_get_capabilities(algorithms.provider, capability, callback, arg);
}

static OSSL_ALGORITHM *
row_of(int operation, const char *name)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        for (size_t j = 0; kept[i].operation == operation && j < MAX_KEPT; j++) {
            OSSL_ALGORITHM *row = &algorithms.rows[i][j];

            if (row->algorithm_names != NULL && is_named(row, name))
                return row;
        }
    return NULL;
}

/* Keys on elliptic curves are decoded by way of what is known of them. */
static bool
remember_keys(const OSSL_DISPATCH *core)
{
    OSSL_ALGORITHM *decoder = row_of(OSSL_OP_DECODER, "EC");
    const OSSL_ALGORITHM *keymgmt = row_of(OSSL_OP_KEYMGMT, "EC");
    const OSSL_DISPATCH *functions = NULL;

    if (decoder != NULL && keymgmt != NULL)
        functions = public_keys_remember(core, decoder->implementation, keymgmt->implementation);
    if (functions != NULL)
        decoder->implementation = functions;
    return functions != NULL;
}

static int
on_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **functions,
        void **context)
{
    static const OSSL_DISPATCH table[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))on_query },
        { OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))on_capabilities },
        { 0, NULL },
    };

    (void)handle;
    if (!remember_keys(core))
        return 0;
    *functions = table;
    *context = OSSL_PROVIDER_get0_provider_ctx(algorithms.provider);
    return 1;
}

bool
algorithms_narrow(void)
{
    algorithms.whole = OSSL_LIB_CTX_new();
    if (algorithms.whole == NULL)
        return false;
    algorithms.provider = OSSL_PROVIDER_load(algorithms.whole, "default");
    if (algorithms.provider == NULL)
        return false;
    for (size_t i = 0; i < OPERATIONS; i++)
        if (!filter(i))
            return false;
    /* Once a provider is loaded by name, OpenSSL no longer falls back on its default one. */
    if (OSSL_PROVIDER_add_builtin(NULL, "certgate", on_init) != 1)
        return false;
    algorithms.narrow = OSSL_PROVIDER_load(NULL, "certgate");
    return algorithms.narrow != NULL;
}

EVP_PKEY *
algorithms_private_key(const uint8_t *der, size_t len)
{
    EVP_PKEY *key = d2i_AutoPrivateKey_ex(NULL, &der, (long)len, algorithms.whole, NULL);

    ERR_clear_error();
    return key;
}
