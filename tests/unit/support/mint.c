#include "support/mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/conf.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 64

/* A key of an algorithm that has a size; DSA makes its parameters first. */
static EVP_PKEY *
generate_sized(const char *algorithm, int bits)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY *params = NULL, *key = NULL;

    assert_non_null(context);
    if (strcmp(algorithm, "DSA") == 0) {
        assert_int_equal(EVP_PKEY_paramgen_init(context), 1);
        assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(context, bits), 1);
        assert_int_equal(EVP_PKEY_paramgen(context, &params), 1);
        EVP_PKEY_CTX_free(context);
        context = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
        assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    } else {
        assert_int_equal(EVP_PKEY_keygen_init(context), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits), 1);
    }
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_free(params);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* "P-256" and "P-256 second" are two keys of one kind: what follows a blank only tells them apart. */
static EVP_PKEY *
generate(const char *name)
{
    char kind[32];
    size_t len = strcspn(name, " ");

    assert_true(len < sizeof(kind));
    memcpy(kind, name, len);
    kind[len] = '\0';
    if (strncmp(kind, "RSA-", 4) == 0)
        return EVP_RSA_gen((unsigned)atoi(kind + 4));
    if (strncmp(kind, "PSS-", 4) == 0)
        return generate_sized("RSA-PSS", atoi(kind + 4));
    if (strncmp(kind, "DSA-", 4) == 0)
        return generate_sized("DSA", atoi(kind + 4));
    if (strncmp(kind, "ED", 2) == 0 || kind[0] == 'X')
        return EVP_PKEY_Q_keygen(NULL, NULL, kind);
    return EVP_EC_gen(kind);
}

EVP_PKEY *
mint_key(const char *name)
{
    static struct {
        char name[32];
        EVP_PKEY *key;
    } keys[MAX_KEYS];
    size_t i = 0;

    while (i < MAX_KEYS && keys[i].key != NULL && strcmp(keys[i].name, name) != 0)
        i++;
    assert_true(i < MAX_KEYS && strlen(name) < sizeof(keys[i].name));
    if (keys[i].key == NULL) {
        keys[i].key = generate(name);
        assert_non_null(keys[i].key);
        memcpy(keys[i].name, name, strlen(name) + 1);
    }
    return keys[i].key;
}

static X509_NAME *
make_name(const char *text)
{
    X509_NAME *name = X509_NAME_new();
    char part[256];

    assert_non_null(name);
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        char *value;

        assert_true(len < sizeof(part));
        memcpy(part, text, len);
        part[len] = '\0';
        value = strchr(part, '=');
        assert_non_null(value);
        *value++ = '\0';
        assert_int_equal(X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
                                 (const unsigned char *)value, -1, -1, 0),
                1);
        text += len + (text[len] == ',');
    }
    return name;
}

static void
set_names(X509 *cert, const struct mint *what)
{
    X509_NAME *subject = make_name(what->subject);
    X509_NAME *issuer = make_name(what->issuer != NULL ? what->issuer : what->subject);

    assert_int_equal(X509_set_subject_name(cert, subject), 1);
    assert_int_equal(X509_set_issuer_name(cert, issuer), 1);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
}

static void
set_dates(X509 *cert, const struct mint *what)
{
    bool given = what->not_before != 0 || what->not_after != 0;
    ASN1_TIME *from = ASN1_TIME_set(NULL, given ? what->not_before : MINT_NOW - MINT_DAY);
    ASN1_TIME *until = ASN1_TIME_set(NULL, given ? what->not_after : MINT_NOW + 365 * MINT_DAY);

    assert_int_equal(X509_set1_notBefore(cert, from), 1);
    assert_int_equal(X509_set1_notAfter(cert, until), 1);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
}

static void
add_extension(X509 *cert, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[64];
    CONF *conf = NCONF_new(NULL); /* empty, but some extensions insist on one */
    X509_EXTENSION *extension;
    X509V3_CTX context;

    assert_non_null(equals);
    assert_true((size_t)(equals - text) < sizeof(name));
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509V3_set_nconf(&context, conf);
    extension = X509V3_EXT_nconf(conf, &context, name, equals + 1);
    if (extension == NULL)
        fail_msg("extension '%s' cannot be made", text);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
    NCONF_free(conf);
}

static void
sign(X509 *cert, const struct mint *what)
{
    EVP_PKEY *signer = what->signer != NULL ? what->signer : what->key;
    const EVP_MD *digest = EVP_get_digestbyname(what->digest != NULL ? what->digest : "SHA256");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;

    if (EVP_PKEY_is_a(signer, "ED25519") || EVP_PKEY_is_a(signer, "ED448"))
        digest = NULL;
    assert_int_equal(EVP_DigestSignInit(context, &inner, digest, NULL, signer), 1);
    if (what->pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_true(X509_sign_ctx(cert, context) > 0);
    EVP_MD_CTX_free(context);
}

static void
set_serial(X509 *cert, const struct mint *what)
{
    ASN1_INTEGER *serial = X509_get_serialNumber(cert);
    BIGNUM *number = NULL;

    if (what->serial_hex != NULL) {
        assert_true(BN_hex2bn(&number, what->serial_hex) != 0);
        assert_non_null(BN_to_ASN1_INTEGER(number, serial));
        BN_free(number);
    } else {
        assert_int_equal(ASN1_INTEGER_set(serial, what->serial == 0 ? 1 : what->serial), 1);
    }
}

uint8_t *
mint_der(const struct mint *what, size_t *len)
{
    X509 *cert = X509_new();
    uint8_t *der = NULL, *copy;
    int size;

    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, (what->version == 0 ? 3 : what->version) - 1), 1);
    set_serial(cert, what);
    set_names(cert, what);
    set_dates(cert, what);
    assert_int_equal(X509_set_pubkey(cert, what->key), 1);
    for (size_t i = 0; i < 12 && what->extensions[i] != NULL; i++)
        add_extension(cert, what->extensions[i]);
    sign(cert, what);
    size = i2d_X509(cert, &der);
    assert_true(size > 0);
    X509_free(cert);
    copy = malloc((size_t)size);
    assert_non_null(copy);
    memcpy(copy, der, (size_t)size);
    OPENSSL_free(der);
    /* Inside the last value: the encoding stays well formed. */
    if (what->spoil)
        copy[size - 2] ^= 1;
    *len = (size_t)size;
    return copy;
}

struct cg_cert *
mint_cert(const struct mint *what)
{
    struct cg_error err = { "" };
    struct cg_cert *cert = NULL;
    size_t len;
    uint8_t *der = mint_der(what, &len);

    if (cg_cert_from_der(der, len, &cert, &err) != CG_OK)
        fail_msg("minted certificate '%s' does not parse: %s", what->subject, err.text);
    free(der);
    return cert;
}

struct cg_store *
mint_store(struct cg_cert *const *certs)
{
    struct cg_store *store = cg_store_new();

    assert_non_null(store);
    for (; *certs != NULL; certs++)
        assert_int_equal(cg_store_add(store, *certs, NULL), CG_OK);
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    return store;
}
