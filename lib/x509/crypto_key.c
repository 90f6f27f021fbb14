/*
 * Public keys from the bytes of a SubjectPublicKeyInfo by EVP_PKEY_fromdata: OpenSSL's decoders, which
 * walk through every algorithm they know, are left out. RFC 3279, RFC 4055, RFC 5480, RFC 8410.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/reader.h"
#include "x509/crypto.h"
#include "x509/engine.h"

/* A positive INTEGER in native order, as OSSL_PARAM wants it; room for the largest RSA modulus. */
struct number {
    uint8_t bytes[CG_MAX_RSA_BITS / 8];
    size_t len;
};

static bool
read_number(struct cg_reader *reader, struct number *out)
{
    struct cg_span integer;

    if (!cg_der_integer(reader, &integer) || (integer.data[0] & 0x80) != 0)
        return false;
    while (integer.len != 0 && integer.data[0] == 0) {
        integer.data++;
        integer.len--;
    }
    if (integer.len == 0 || integer.len > sizeof(out->bytes))
        return false;
    out->len = integer.len;
    for (size_t i = 0; i < integer.len; i++) {
        size_t to = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? integer.len - 1 - i : i;

        out->bytes[to] = integer.data[i];
    }
    return true;
}

static bool
is_odd(const struct number *number)
{
    size_t lowest = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : number->len - 1;

    return (number->bytes[lowest] & 1) != 0;
}

static OSSL_PARAM
number_param(const char *name, struct number *number)
{
    return OSSL_PARAM_construct_BN(name, number->bytes, number->len);
}

static EVP_PKEY *
from_params(EVP_PKEY_CTX *maker, int selection, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;

    if (EVP_PKEY_fromdata(maker, &pkey, selection, params) != 1)
        pkey = NULL;
    return pkey;
}

/*
 * RFC 3279 section 2.3.1; the parameters are NULL, and absent where the writer forgot. An even
 * modulus or exponent, or exponent 1, is no RSA key: OpenSSL would load it. So would it an exponent that
 * makes hostile work of every verification.
 */
static bool
read_rsa(const struct cg_cert *cert, struct number *n, struct number *e)
{
    struct cg_reader reader = cg_reader(cert->key_bits_data), inside;

    if (cert->key_type == CG_KEY_RSA && cert->key_parameters.len != 0 &&
            !CG_SPAN_IS(cert->key_parameters, "\x05\x00"))
        return false;
    if (cert->key_type == CG_KEY_RSA_PSS && !cg_pss_key_parameters_valid(cert->key_parameters))
        return false;
    return cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) && cg_reader_done(&reader) &&
            read_number(&inside, n) && read_number(&inside, e) && cg_reader_done(&inside) &&
            is_odd(n) && is_odd(e) && e->len <= CG_MAX_RSA_EXPONENT_BITS / 8 &&
            !(e->len == 1 && e->bytes[0] == 1);
}

static EVP_PKEY *
load_rsa(struct cg_engine *engine, const struct cg_cert *cert)
{
    struct number n, e;
    OSSL_PARAM params[3];

    if (!read_rsa(cert, &n, &e))
        return NULL;
    params[0] = number_param(OSSL_PKEY_PARAM_RSA_N, &n);
    params[1] = number_param(OSSL_PKEY_PARAM_RSA_E, &e);
    params[2] = OSSL_PARAM_construct_end();
    return from_params(engine->make_rsa, EVP_PKEY_PUBLIC_KEY, params);
}

/* OpenSSL's name of a curve; NULL for curves it does not have and for explicit parameters. */
static const char *
curve_name(const struct cg_cert *cert)
{
    const uint8_t *at = cert->key_parameters.data;
    ASN1_OBJECT *object;
    int nid = NID_undef;

    if (CG_SPAN_IS(cert->key_curve, "\x2a\x86\x48\xce\x3d\x03\x01\x07"))
        return "P-256";
    if (cert->key_curve.len == 0)
        return NULL;
    object = d2i_ASN1_OBJECT(NULL, &at, (long)cert->key_parameters.len);
    if (object != NULL)
        nid = OBJ_obj2nid(object);
    ASN1_OBJECT_free(object);
    return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

/* The kept place of one of the curves that nearly all keys are on, or NULL. */
static EVP_PKEY **
kept_curve(struct cg_engine *engine, const struct cg_cert *cert)
{
    if (CG_SPAN_IS(cert->key_curve, "\x2a\x86\x48\xce\x3d\x03\x01\x07"))
        return &engine->curves[CG_CURVE_P256];
    if (CG_SPAN_IS(cert->key_curve, "\x2b\x81\x04\x00\x22"))
        return &engine->curves[CG_CURVE_P384];
    if (CG_SPAN_IS(cert->key_curve, "\x2b\x81\x04\x00\x23"))
        return &engine->curves[CG_CURVE_P521];
    return NULL;
}

/* OpenSSL checks that the point lies on the curve. */
static bool
set_point(EVP_PKEY *pkey, const struct cg_cert *cert)
{
    return EVP_PKEY_set1_encoded_public_key(
                   pkey, cert->key_bits_data.data, cert->key_bits_data.len) == 1;
}

/* RFC 5480 section 2.2: uncompressed or compressed points, never hybrid ones or the point at infinity. */
static bool
is_point(struct cg_span point)
{
    return point.len >= 2 && point.data[0] >= 2 && point.data[0] <= 4;
}

/* The key on a kept curve: a copy with this point. Whichever point the kept one holds is void. */
static EVP_PKEY *
from_curve(const EVP_PKEY *kept, const struct cg_cert *cert)
{
    EVP_PKEY *pkey = EVP_PKEY_dup((EVP_PKEY *)(uintptr_t)kept);

    if (pkey != NULL && !set_point(pkey, cert)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

static EVP_PKEY *
load_ec(struct cg_engine *engine, const struct cg_cert *cert)
{
    EVP_PKEY **kept = kept_curve(engine, cert);
    const char *curve = curve_name(cert);
    struct cg_span point = cert->key_bits_data;
    OSSL_PARAM params[3];
    EVP_PKEY *pkey;

    if (curve == NULL || !is_point(point))
        return NULL;
    if (kept != NULL && *kept != NULL)
        return from_curve(*kept, cert);
    params[0] = OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve, 0);
    params[1] = OSSL_PARAM_construct_octet_string(
            OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.len);
    params[2] = OSSL_PARAM_construct_end();
    pkey = from_params(engine->make_ec, EVP_PKEY_PUBLIC_KEY, params);
    if (pkey != NULL && kept != NULL)
        *kept = EVP_PKEY_dup(pkey);
    return pkey;
}

/* RFC 3279 section 2.3.2. Parameters inherited from the issuer are not supported. */
static EVP_PKEY *
load_dsa(struct cg_engine *engine, const struct cg_cert *cert)
{
    struct cg_reader parameters = cg_reader(cert->key_parameters), inside;
    struct cg_reader key = cg_reader(cert->key_bits_data);
    struct number p, q, g, y;
    OSSL_PARAM params[5];

    if (!cg_der_enter(&parameters, CG_DER_SEQUENCE, &inside) || !read_number(&inside, &p) ||
            !read_number(&inside, &q) || !read_number(&inside, &g) || !cg_reader_done(&inside) ||
            !read_number(&key, &y) || !cg_reader_done(&key))
        return NULL;
    params[0] = number_param(OSSL_PKEY_PARAM_FFC_P, &p);
    params[1] = number_param(OSSL_PKEY_PARAM_FFC_Q, &q);
    params[2] = number_param(OSSL_PKEY_PARAM_FFC_G, &g);
    params[3] = number_param(OSSL_PKEY_PARAM_PUB_KEY, &y);
    params[4] = OSSL_PARAM_construct_end();
    return from_params(engine->make_dsa, EVP_PKEY_PUBLIC_KEY, params);
}

/* RFC 8410 section 3: no parameters, the key is the raw bytes. */
static EVP_PKEY *
load_edwards(struct cg_engine *engine, const struct cg_cert *cert)
{
    const char *type = cert->key_type == CG_KEY_ED448 ? "ED448" : "ED25519";

    if (cert->key_parameters.len != 0)
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(
            engine->context, type, NULL, cert->key_bits_data.data, cert->key_bits_data.len);
}

EVP_PKEY *
cg_key_load(struct cg_engine *engine, const struct cg_cert *cert)
{
    EVP_PKEY *pkey = NULL;

    switch (cert->key_type) {
    case CG_KEY_RSA:
    case CG_KEY_RSA_PSS:
        pkey = load_rsa(engine, cert);
        break;
    case CG_KEY_EC:
        pkey = load_ec(engine, cert);
        break;
    case CG_KEY_DSA:
        pkey = load_dsa(engine, cert);
        break;
    case CG_KEY_ED25519:
    case CG_KEY_ED448:
        pkey = load_edwards(engine, cert);
        break;
    case CG_KEY_UNKNOWN:
        break;
    }
    if (pkey == NULL)
        ERR_clear_error();
    return pkey;
}

/*
 * What loading would say, without a key being made where that can be told: OpenSSL takes any RSA numbers
 * that read_rsa() does, and a point is tried on the kept key of its curve.
 */
static bool
would_load(struct cg_engine *engine, const struct cg_cert *cert)
{
    EVP_PKEY **kept = cert->key_type == CG_KEY_EC ? kept_curve(engine, cert) : NULL, *pkey;
    struct number n, e;
    bool loads;

    if (cert->key_type == CG_KEY_RSA || cert->key_type == CG_KEY_RSA_PSS)
        return read_rsa(cert, &n, &e);
    if (kept == NULL || *kept == NULL) {
        pkey = cg_key_load(engine, cert);
        loads = pkey != NULL;
        EVP_PKEY_free(pkey);
        return loads;
    }
    loads = is_point(cert->key_bits_data) && set_point(*kept, cert);
    if (!loads)
        ERR_clear_error();
    return loads;
}

/* Received keys come and go: they are not kept, so that they drive no CA's key out of the memory. */
bool
cg_key_loads(struct cg_engine *engine, const struct cg_cert *cert)
{
    bool loads;

    if (engine->has_loaded && memcmp(engine->loaded, cert->spki_sha256, CG_SHA256_SIZE) == 0)
        return true;
    loads = would_load(engine, cert);
    if (loads) {
        memcpy(engine->loaded, cert->spki_sha256, CG_SHA256_SIZE);
        engine->has_loaded = true;
    }
    return loads;
}

/* SP 800-57 part 1, table 2; between its rows the lower one counts. */
unsigned
cg_key_strength(const struct cg_cert *cert)
{
    static const struct {
        unsigned bits;
        unsigned strength;
    } modulus[] = { { 15360, 256 }, { 7680, 192 }, { 3072, 128 }, { 2048, 112 }, { 1024, 80 } };

    switch (cert->key_type) {
    case CG_KEY_RSA:
    case CG_KEY_RSA_PSS:
    case CG_KEY_DSA:
        for (size_t i = 0; i < sizeof(modulus) / sizeof(modulus[0]); i++)
            if (cert->key_bits >= modulus[i].bits)
                return modulus[i].strength;
        return cert->key_bits / 16;
    case CG_KEY_EC:
        return cert->key_bits / 2;
    case CG_KEY_ED25519:
        return 128;
    case CG_KEY_ED448:
        return 224;
    case CG_KEY_UNKNOWN:
        break;
    }
    return 0;
}
