#include "support/mint_evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static X509_EXTENSION *
make_extension(const char *text)
{
    const char *equals = strchr(text, '=');
    X509_EXTENSION *extension;
    X509V3_CTX context;
    char name[64];
    CONF *conf = NCONF_new(NULL);

    assert_non_null(equals);
    assert_true((size_t)(equals - text) < sizeof(name));
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    X509V3_set_ctx(&context, NULL, NULL, NULL, NULL, 0);
    X509V3_set_nconf(&context, conf);
    extension = X509V3_EXT_nconf(conf, &context, name, equals + 1);
    if (extension == NULL)
        fail_msg("extension '%s' cannot be made", text);
    NCONF_free(conf);
    return extension;
}

static const EVP_MD *
digest_for(EVP_PKEY *key, const char *name)
{
    if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
        return NULL;
    return EVP_get_digestbyname(name != NULL ? name : "SHA256");
}

/* The bytes in malloc'ed memory; a spoilt signature changes inside its last value. */
static uint8_t *
copy_of(uint8_t *der, int size, bool spoil, size_t *len)
{
    uint8_t *copy;

    assert_true(size > 0);
    copy = malloc((size_t)size);
    assert_non_null(copy);
    memcpy(copy, der, (size_t)size);
    OPENSSL_free(der);
    if (spoil)
        copy[size - 2] ^= 1;
    *len = (size_t)size;
    return copy;
}

static X509_NAME *
make_name(const char *text)
{
    struct mint what = { .subject = text, .key = mint_key("ED25519") };
    size_t len;
    uint8_t *der = mint_der(&what, &len);
    const unsigned char *at = der;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(cert));

    X509_free(cert);
    free(der);
    return name;
}

static void
revoke(X509_CRL *crl, long serial, int reason, const char *extension)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, MINT_NOW - 2 * MINT_DAY);
    ASN1_ENUMERATED *code;
    X509_EXTENSION *more;

    assert_int_equal(ASN1_INTEGER_set(number, serial), 1);
    assert_int_equal(X509_REVOKED_set_serialNumber(entry, number), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
    if (reason != 0) {
        code = ASN1_ENUMERATED_new();
        assert_int_equal(ASN1_ENUMERATED_set(code, reason), 1);
        assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0), 1);
        ASN1_ENUMERATED_free(code);
    }
    if (extension != NULL) {
        more = make_extension(extension);
        assert_int_equal(X509_REVOKED_add_ext(entry, more, -1), 1);
        X509_EXTENSION_free(more);
    }
    assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(when);
}

uint8_t *
mint_crl_der(const struct mint_crl *what, size_t *len)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *issuer = make_name(what->issuer);
    ASN1_TIME *this_update =
            ASN1_TIME_set(NULL, what->this_update != 0 ? what->this_update : MINT_NOW - 3600);
    ASN1_TIME *next_update =
            ASN1_TIME_set(NULL, what->next_update != 0 ? what->next_update : MINT_NOW + MINT_DAY);
    unsigned char *der = NULL;
    X509_EXTENSION *extension;
    int size;

    if (what->version != 1) /* whose number is not written */
        assert_int_equal(X509_CRL_set_version(crl, 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, issuer), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, this_update), 1);
    if (what->next_update != -1)
        assert_int_equal(X509_CRL_set1_nextUpdate(crl, next_update), 1);
    for (size_t i = 0; i < 4 && what->revoked[i].serial != 0; i++)
        revoke(crl, what->revoked[i].serial, what->revoked[i].reason, what->revoked[i].extension);
    for (size_t i = 0; i < 4 && what->extensions[i] != NULL; i++) {
        extension = make_extension(what->extensions[i]);
        assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_CRL_sign(crl, what->signer, digest_for(what->signer, what->digest)) > 0);
    size = i2d_X509_CRL(crl, &der);
    X509_CRL_free(crl);
    X509_NAME_free(issuer);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    return copy_of(der, size, what->spoil, len);
}

static X509 *
openssl_cert(const struct cg_cert *cert)
{
    size_t len;
    const unsigned char *at = cg_cert_get0_der(cert, &len);
    X509 *x509 = d2i_X509(NULL, &at, (long)len);

    assert_non_null(x509);
    return x509;
}

static void
add_answer(OCSP_BASICRESP *basic, const struct mint_ocsp *what)
{
    const EVP_MD *hash = EVP_get_digestbyname(what->hash != NULL ? what->hash : "SHA1");
    X509 *cert = openssl_cert(what->cert), *issuer = openssl_cert(what->issuer);
    OCSP_CERTID *id = OCSP_cert_to_id(hash, cert, issuer);
    ASN1_TIME *revoked = ASN1_TIME_set(NULL, MINT_NOW - 2 * MINT_DAY);
    ASN1_TIME *this_update = ASN1_GENERALIZEDTIME_set(
            NULL, what->this_update != 0 ? what->this_update : MINT_NOW - 3600);
    ASN1_TIME *next_update = ASN1_GENERALIZEDTIME_set(
            NULL, what->next_update != 0 ? what->next_update : MINT_NOW + MINT_DAY);
    OCSP_SINGLERESP *single = OCSP_basic_add1_status(basic, id, what->status, what->reason, revoked,
            this_update, what->next_update == -1 ? NULL : next_update);
    X509_EXTENSION *extension;

    assert_non_null(single);
    if (what->answer_extension != NULL) {
        extension = make_extension(what->answer_extension);
        assert_int_equal(OCSP_SINGLERESP_add_ext(single, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    ASN1_TIME_free(revoked);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    OCSP_CERTID_free(id);
    X509_free(cert);
    X509_free(issuer);
}

uint8_t *
mint_ocsp_der(const struct mint_ocsp *what, size_t *len)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    X509 *responder = openssl_cert(what->responder != NULL ? what->responder : what->issuer);
    X509 *along = what->along != NULL ? openssl_cert(what->along) : NULL;
    OCSP_RESPONSE *response;
    unsigned long flags = OCSP_NOCERTS | (what->by_key ? OCSP_RESPID_KEY : 0);
    unsigned char *der = NULL;
    X509_EXTENSION *extension;
    EVP_MD_CTX *signing;
    int size;

    if (what->cert != NULL)
        add_answer(basic, what);
    if (what->extension != NULL) {
        extension = make_extension(what->extension);
        assert_int_equal(OCSP_BASICRESP_add_ext(basic, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    if (along != NULL)
        assert_int_equal(OCSP_basic_add1_cert(basic, along), 1);
    /* It signs with a key that is its certificate's; a forger makes it so. */
    assert_int_equal(X509_set_pubkey(responder, what->signer), 1);
    signing = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(signing, NULL, digest_for(what->signer, what->digest), NULL,
                             what->signer),
            1);
    assert_int_equal(OCSP_basic_sign_ctx(basic, responder, signing, NULL, flags), 1);
    EVP_MD_CTX_free(signing);
    response =
            OCSP_response_create(what->response_status, what->response_status == 0 ? basic : NULL);
    size = i2d_OCSP_RESPONSE(response, &der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    X509_free(responder);
    X509_free(along);
    return copy_of(der, size, what->spoil, len);
}

static struct cg_evidence *
parse(enum cg_evidence_kind kind, uint8_t *der, size_t len, const char *source)
{
    struct cg_evidence *evidence = NULL;
    struct cg_error err = { "" };

    if (cg_evidence_from_der(kind, der, len, source, &evidence, &err) != CG_OK)
        fail_msg("minted evidence '%s' does not parse: %s", source, err.text);
    free(der);
    return evidence;
}

struct cg_evidence *
mint_crl(const struct mint_crl *what, const char *source)
{
    size_t len;
    uint8_t *der = mint_crl_der(what, &len);

    return parse(CG_EVIDENCE_CRL, der, len, source);
}

struct cg_evidence *
mint_ocsp(const struct mint_ocsp *what, const char *source)
{
    size_t len;
    uint8_t *der = mint_ocsp_der(what, &len);

    return parse(CG_EVIDENCE_OCSP, der, len, source);
}
