#include "identity/certify.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "base/error.h"

/* 126 random bits; at most 20 octets are allowed, at least 64 bits wanted (RFC 5280 section 4.1.2.2). */
#define SERIAL_SIZE 16
/* The left-most 160 bits of a SHA-256 (RFC 7093 section 2, method 1). */
#define KEY_ID_SIZE 20
#define EARLIER_S 3600
#define SECONDS_A_DAY 86400

/* keyUsage bits from the left, as X509V3 numbers them. */
enum { KU_BIT_DIGITAL_SIGNATURE = 0, KU_BIT_KEY_ENCIPHERMENT = 2 };

static enum cg_status
crypto_fail(struct cg_error *err, const char *what)
{
    ERR_clear_error();
    return cg_fail(err, CG_E_CRYPTO, "cannot make %s", what);
}

static bool
push(STACK_OF(X509_EXTENSION) * list, int nid, bool critical, void *value)
{
    X509_EXTENSION *extension = value == NULL ? NULL : X509V3_EXT_i2d(nid, critical, value);

    if (extension != NULL && sk_X509_EXTENSION_push(list, extension) > 0)
        return true;
    X509_EXTENSION_free(extension);
    return false;
}

static bool
push_key_usage(STACK_OF(X509_EXTENSION) * list, const EVP_PKEY *key)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    /* RSA also encrypts the premaster secret where forward secrecy is not to be had (RFC 5246 7.4.2). */
    bool ok = bits != NULL && ASN1_BIT_STRING_set_bit(bits, KU_BIT_DIGITAL_SIGNATURE, 1) == 1 &&
            (EVP_PKEY_is_a(key, "RSA") != 1 ||
                    ASN1_BIT_STRING_set_bit(bits, KU_BIT_KEY_ENCIPHERMENT, 1) == 1) &&
            push(list, NID_key_usage, true, bits);

    ASN1_BIT_STRING_free(bits);
    return ok;
}

static bool
push_purposes(STACK_OF(X509_EXTENSION) * list)
{
    EXTENDED_KEY_USAGE *purposes = EXTENDED_KEY_USAGE_new();
    bool ok = purposes != NULL && sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_server_auth)) > 0 &&
            sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(NID_client_auth)) > 0 &&
            push(list, NID_ext_key_usage, false, purposes);

    EXTENDED_KEY_USAGE_free(purposes);
    return ok;
}

/* What a certificate of ours says, and a request asks for. NULL without memory. */
static STACK_OF(X509_EXTENSION) *
        extensions_of(const struct identity_names *names, const EVP_PKEY *key)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    BASIC_CONSTRAINTS *no_ca = BASIC_CONSTRAINTS_new();
    /* A subject that is empty leaves the names to an extension that must be critical (section 4.2.1.6). */
    bool nameless = X509_NAME_entry_count(names->subject) == 0;
    bool ok = list != NULL && no_ca != NULL && push(list, NID_basic_constraints, true, no_ca) &&
            push_key_usage(list, key) && push_purposes(list) &&
            push(list, NID_subject_alt_name, nameless, names->sans);

    BASIC_CONSTRAINTS_free(no_ca);
    if (ok)
        return list;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return NULL;
}

/* The digest of a signature; NULL where the algorithm brings its own. */
static const EVP_MD *
digest_for(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1)
        return NULL;
    return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384()
                                                                         : EVP_sha256();
}

static bool
set_serial(X509 *x509)
{
    uint8_t octets[SERIAL_SIZE];
    BIGNUM *number = NULL;
    bool ok = RAND_bytes(octets, sizeof(octets)) == 1;

    octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, and never shorter */
    ok = ok && (number = BN_bin2bn(octets, sizeof(octets), NULL)) != NULL &&
            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return ok;
}

static bool
add_key_id(X509 *x509)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    bool ok = id != NULL && X509_pubkey_digest(x509, EVP_sha256(), digest, NULL) == 1 &&
            ASN1_OCTET_STRING_set(id, digest, KEY_ID_SIZE) == 1 &&
            X509_add1_ext_i2d(x509, NID_subject_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;

    ASN1_OCTET_STRING_free(id);
    return ok;
}

static bool
set_dates(X509 *x509, int64_t now, unsigned days)
{
    int64_t from = now - EARLIER_S;
    /* Both ends are in it (section 4.1.2.5), so that a whole day would be a second more. */
    int64_t until = from + (int64_t)days * SECONDS_A_DAY - 1;

    return ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)from) != NULL &&
            ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)until) != NULL;
}

static bool
add_all(X509 *x509, const STACK_OF(X509_EXTENSION) * extensions)
{
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++)
        if (X509_add_ext(x509, sk_X509_EXTENSION_value(extensions, i), -1) != 1)
            return false;
    return true;
}

enum cg_status
identity_self_sign(const struct identity_names *names, EVP_PKEY *key, int64_t now, unsigned days,
        struct cg_cert **out, struct cg_error *err)
{
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    unsigned char *der = NULL;
    enum cg_status status;
    X509 *x509 = NULL;
    int len = 0;

    *out = NULL;
    if (days == 0 || days > IDENTITY_MAX_DAYS)
        return cg_fail(err, CG_E_USAGE, "%u days of validity, and there may be 1 to %d", days,
                IDENTITY_MAX_DAYS);
    x509 = X509_new();
    extensions = extensions_of(names, key);
    if (x509 == NULL || extensions == NULL || X509_set_version(x509, X509_VERSION_3) != 1 ||
            !set_serial(x509) || !set_dates(x509, now, days) ||
            X509_set_subject_name(x509, names->subject) != 1 ||
            X509_set_issuer_name(x509, names->subject) != 1 || X509_set_pubkey(x509, key) != 1 ||
            !add_all(x509, extensions) || !add_key_id(x509) ||
            X509_sign(x509, key, digest_for(key)) == 0 || (len = i2d_X509(x509, &der)) <= 0) {
        status = crypto_fail(err, "a certificate");
        goto done;
    }
    status = cg_cert_from_der(der, (size_t)len, out, err);
done:
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_free(x509);
    return status;
}

static char *
request_pem(const X509_REQ *request)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, *pem = NULL;
    long len;

    if (bio != NULL && PEM_write_bio_X509_REQ(bio, request) == 1) {
        len = BIO_get_mem_data(bio, &text);
        pem = strndup(text, (size_t)len);
    }
    BIO_free(bio);
    return pem;
}

enum cg_status
identity_request(
        const struct identity_names *names, EVP_PKEY *key, char **pem, struct cg_error *err)
{
    STACK_OF(X509_EXTENSION) *extensions = extensions_of(names, key);
    X509_REQ *request = X509_REQ_new();
    enum cg_status status = CG_OK;

    *pem = NULL;
    if (request != NULL && extensions != NULL &&
            X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
            X509_REQ_set_subject_name(request, names->subject) == 1 &&
            X509_REQ_set_pubkey(request, key) == 1 &&
            X509_REQ_add_extensions(request, extensions) == 1 &&
            X509_REQ_sign(request, key, digest_for(key)) != 0)
        *pem = request_pem(request);
    if (*pem == NULL)
        status = crypto_fail(err, "a certificate request");
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
    return status;
}
