/* Signatures of certificates: RFC 3279, RFC 4055, RFC 5758, RFC 8410. */
#include "x509/crypto.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/reader.h"
#include "x509/engine.h"

/* How a signature algorithm's parameters must look. */
enum parameters {
    /*
     * RSA: NULL, and absent where the writer forgot (RFC 4055 section 5). ECDSA: absent (RFC 5758
     * section 3.2), but mbed TLS wrote NULL for years. They say nothing either way.
     */
    PARAMETERS_NULL,
    PARAMETERS_ABSENT, /* RFC 8410 section 3 */
    PARAMETERS_PSS, /* RSASSA-PSS-params, RFC 4055 section 3.1 */
};

struct algorithm {
    const char *oid;
    size_t oid_len;
    enum cg_key_type key;
    enum parameters parameters;
    enum cg_digest digest; /* of PSS: read from the parameters */
};

#define ROW(oid, key, parameters, digest)                                                          \
    {                                                                                              \
        oid, sizeof(oid) - 1, key, parameters, digest                                              \
    }

/* Absent on purpose: MD2, MD4 and every DSA signature. */
/* clang-format off */
static const struct algorithm algorithms[] = {
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x02",         CG_KEY_EC,      PARAMETERS_NULL,   CG_DIGEST_SHA256),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_SHA256),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x03",         CG_KEY_EC,      PARAMETERS_NULL,   CG_DIGEST_SHA384),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x04",         CG_KEY_EC,      PARAMETERS_NULL,   CG_DIGEST_SHA512),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x01",         CG_KEY_EC,      PARAMETERS_NULL,   CG_DIGEST_SHA224),
    ROW("\x2a\x86\x48\xce\x3d\x04\x01",             CG_KEY_EC,      PARAMETERS_NULL,   CG_DIGEST_SHA1),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c",     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_SHA384),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d",     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_SHA512),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e",     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_SHA224),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_SHA1),
    ROW("\x2b\x0e\x03\x02\x1d",                     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_SHA1),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",     CG_KEY_RSA,     PARAMETERS_NULL,   CG_DIGEST_MD5),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a",     CG_KEY_RSA_PSS, PARAMETERS_PSS,    CG_DIGEST_NONE),
    ROW("\x2b\x65\x70",                             CG_KEY_ED25519, PARAMETERS_ABSENT, CG_DIGEST_NONE),
    ROW("\x2b\x65\x71",                             CG_KEY_ED448,   PARAMETERS_ABSENT, CG_DIGEST_NONE),
};

/* Digests inside RSASSA-PSS-params, RFC 4055 section 2.1. */
static const struct {
    const char *oid;
    size_t oid_len;
    enum cg_digest digest;
} pss_digests[] = {
    { "\x2b\x0e\x03\x02\x1a",                     5, CG_DIGEST_SHA1 },
    { "\x60\x86\x48\x01\x65\x03\x04\x02\x04",     9, CG_DIGEST_SHA224 },
    { "\x60\x86\x48\x01\x65\x03\x04\x02\x01",     9, CG_DIGEST_SHA256 },
    { "\x60\x86\x48\x01\x65\x03\x04\x02\x02",     9, CG_DIGEST_SHA384 },
    { "\x60\x86\x48\x01\x65\x03\x04\x02\x03",     9, CG_DIGEST_SHA512 },
};
/* clang-format on */

/* A signature algorithm with its parameters read. */
struct scheme {
    const struct algorithm *algorithm;
    enum cg_digest digest;
    int salt; /* RSA-PSS */
};

static bool
is_null_or_absent(struct cg_reader *reader)
{
    struct cg_span contents;

    return cg_reader_done(reader) ||
            (cg_der_element(reader, CG_DER_NULL, &contents) && contents.len == 0 &&
                    cg_reader_done(reader));
}

static bool
read_digest(struct cg_reader *reader, enum cg_digest *out)
{
    struct cg_reader inside;
    struct cg_span oid;

    if (!cg_der_enter(reader, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, &oid) ||
            !is_null_or_absent(&inside))
        return false;
    for (size_t i = 0; i < sizeof(pss_digests) / sizeof(pss_digests[0]); i++) {
        if (cg_span_equal(oid, cg_span(pss_digests[i].oid, pss_digests[i].oid_len))) {
            *out = pss_digests[i].digest;
            return true;
        }
    }
    return false;
}

static bool
read_mask_generation(struct cg_reader *reader, enum cg_digest *out)
{
    struct cg_reader inside;
    struct cg_span oid;

    return cg_der_enter(reader, CG_DER_SEQUENCE, &inside) && cg_der_oid(&inside, &oid) &&
            CG_SPAN_IS(oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08") && read_digest(&inside, out) &&
            cg_reader_done(&inside);
}

/*
 * RSASSA-PSS-params (RFC 4055 section 3.1): the defaults are SHA-1, MGF1 with SHA-1, 20 and 1. The
 * mask generation must use the message's hash: RFC 8017 section 8.1 recommends it, everyone does it,
 * and a weaker one would slip past the rule on SHA-1. The trailer field is 1, nothing else exists.
 */
static bool
read_pss(struct cg_reader *reader, struct scheme *out)
{
    struct cg_reader fields, field;
    enum cg_digest mask = CG_DIGEST_SHA1;
    uint32_t salt = 20, trailer = 1;

    out->digest = CG_DIGEST_SHA1;
    if (!cg_der_enter(reader, CG_DER_SEQUENCE, &fields) || !cg_reader_done(reader))
        return false;
    if (cg_der_next_is(&fields, CG_DER_CONTEXT_CONSTRUCTED | 0) &&
            (!cg_der_enter(&fields, CG_DER_CONTEXT_CONSTRUCTED | 0, &field) ||
                    !read_digest(&field, &out->digest) || !cg_reader_done(&field)))
        return false;
    if (cg_der_next_is(&fields, CG_DER_CONTEXT_CONSTRUCTED | 1) &&
            (!cg_der_enter(&fields, CG_DER_CONTEXT_CONSTRUCTED | 1, &field) ||
                    !read_mask_generation(&field, &mask) || !cg_reader_done(&field)))
        return false;
    if (cg_der_next_is(&fields, CG_DER_CONTEXT_CONSTRUCTED | 2) &&
            (!cg_der_enter(&fields, CG_DER_CONTEXT_CONSTRUCTED | 2, &field) ||
                    !cg_der_small_uint(&field, CG_DER_INTEGER, &salt) || !cg_reader_done(&field)))
        return false;
    if (cg_der_next_is(&fields, CG_DER_CONTEXT_CONSTRUCTED | 3) &&
            (!cg_der_enter(&fields, CG_DER_CONTEXT_CONSTRUCTED | 3, &field) ||
                    !cg_der_small_uint(&field, CG_DER_INTEGER, &trailer) ||
                    !cg_reader_done(&field)))
        return false;
    if (!cg_reader_done(&fields) || trailer != 1 || mask != out->digest ||
            salt > CG_MAX_RSA_BITS / 8)
        return false;
    out->salt = (int)salt;
    return true;
}

bool
cg_pss_key_parameters_valid(struct cg_span parameters)
{
    struct cg_reader reader = cg_reader(parameters);
    struct scheme bound = { 0 };

    return parameters.len == 0 || read_pss(&reader, &bound);
}

/* The scheme of a certificate's signature; false when it is none that we verify. */
static bool
read_scheme(struct cg_span algorithm_identifier, struct scheme *out)
{
    struct cg_reader reader = cg_reader(algorithm_identifier), inside;
    struct cg_span oid;

    *out = (struct scheme) { 0 };
    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, &oid))
        return false;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (cg_span_equal(oid, cg_span(algorithms[i].oid, algorithms[i].oid_len)))
            out->algorithm = &algorithms[i];
    if (out->algorithm == NULL)
        return false;
    out->digest = out->algorithm->digest;
    switch (out->algorithm->parameters) {
    case PARAMETERS_NULL:
        return is_null_or_absent(&inside);
    case PARAMETERS_ABSENT:
        return cg_reader_done(&inside);
    case PARAMETERS_PSS:
        return read_pss(&inside, out);
    }
    return false;
}

/*
 * The key's type fits the scheme. An RSASSA-PSS key makes PSS signatures only, and where it has
 * parameters of its own these bind the hash and are the shortest salt (RFC 4055 section 3.3).
 */
static bool
key_fits(const struct scheme *scheme, const struct cg_cert *issuer)
{
    struct cg_reader parameters = cg_reader(issuer->key_parameters);
    struct scheme bound = { 0 };

    if (scheme->algorithm->key != CG_KEY_RSA_PSS)
        return issuer->key_type == scheme->algorithm->key;
    if (issuer->key_type == CG_KEY_RSA)
        return true;
    if (issuer->key_type != CG_KEY_RSA_PSS)
        return false;
    if (issuer->key_parameters.len == 0)
        return true;
    return read_pss(&parameters, &bound) && bound.digest == scheme->digest &&
            scheme->salt >= bound.salt;
}

/* Prepares the key's context for the scheme; kept, since most CAs sign everything the same way. */
static bool
prepare(struct cg_engine *engine, struct cg_key *key, const struct scheme *scheme)
{
    bool pss = scheme->algorithm->parameters == PARAMETERS_PSS;

    if (key->setup.ready && key->setup.digest == scheme->digest && key->setup.pss == pss &&
            key->setup.salt == scheme->salt)
        return true;
    key->setup.ready = false;
    if (key->verify == NULL)
        key->verify = EVP_PKEY_CTX_new_from_pkey(engine->context, key->pkey, NULL);
    if (key->verify == NULL || EVP_PKEY_verify_init(key->verify) != 1)
        return false;
    if (scheme->algorithm->key == CG_KEY_RSA &&
            EVP_PKEY_CTX_set_rsa_padding(key->verify, RSA_PKCS1_PADDING) != 1)
        return false;
    if (pss && EVP_PKEY_CTX_set_rsa_padding(key->verify, RSA_PKCS1_PSS_PADDING) != 1)
        return false;
    if (EVP_PKEY_CTX_set_signature_md(key->verify, engine->digests[scheme->digest]) != 1)
        return false;
    if (pss &&
            (EVP_PKEY_CTX_set_rsa_mgf1_md(key->verify, engine->digests[scheme->digest]) != 1 ||
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(key->verify, scheme->salt) != 1))
        return false;
    key->setup = (struct cg_key_setup) { true, pss, scheme->digest, scheme->salt };
    return true;
}

/* EdDSA signs the message itself; the context is clean for digests afterwards. */
static enum cg_signature_result
verify_edwards(struct cg_engine *engine, const struct cg_signed *what, struct cg_key *key)
{
    enum cg_signature_result result = CG_SIGNATURE_FAILED;

    if (EVP_MD_CTX_reset(engine->hashing) == 1 &&
            EVP_DigestVerifyInit_ex(
                    engine->hashing, NULL, NULL, engine->context, NULL, key->pkey, NULL) == 1)
        result = EVP_DigestVerify(engine->hashing, what->signature.data, what->signature.len,
                         what->tbs.data, what->tbs.len) == 1
                ? CG_SIGNATURE_VALID
                : CG_SIGNATURE_INVALID;
    (void)EVP_MD_CTX_reset(engine->hashing);
    return result;
}

static enum cg_signature_result
verify_scheme(struct cg_engine *engine, const struct cg_signed *what, const struct cg_cert *issuer,
        const struct scheme *scheme)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    enum cg_signature_result result;
    struct cg_key *key;
    unsigned len = 0;

    if (!key_fits(scheme, issuer))
        return CG_SIGNATURE_REFUSED;
    if (what->signature.len == 0)
        return CG_SIGNATURE_INVALID;
    key = cg_engine_key(engine, issuer);
    if (key == NULL)
        return CG_SIGNATURE_KEY;
    if (scheme->digest == CG_DIGEST_NONE) {
        result = verify_edwards(engine, what, key);
        goto done;
    }
    if (engine->digests[scheme->digest] == NULL) {
        result = CG_SIGNATURE_REFUSED;
        goto done;
    }
    if (EVP_DigestInit_ex2(engine->hashing, engine->digests[scheme->digest], NULL) != 1 ||
            EVP_DigestUpdate(engine->hashing, what->tbs.data, what->tbs.len) != 1 ||
            EVP_DigestFinal_ex(engine->hashing, digest, &len) != 1) {
        result = CG_SIGNATURE_FAILED;
        goto done;
    }
    /* A context that cannot be set up has a key too small for the hash or salt: nothing verifies. */
    result = prepare(engine, key, scheme) &&
                    EVP_PKEY_verify(key->verify, what->signature.data, what->signature.len, digest,
                            len) == 1
            ? CG_SIGNATURE_VALID
            : CG_SIGNATURE_INVALID;
done:
    /* What failed here is the peer's fault and must not colour the next caller's error report. */
    if (result != CG_SIGNATURE_VALID)
        ERR_clear_error();
    return result;
}

static enum cg_signature_result
verify_remembered(struct cg_engine *engine, const struct cg_cert *cert,
        const struct cg_cert *issuer, const struct scheme *scheme, bool *fresh)
{
    const struct cg_signed what = { .tbs = cert->tbs, .signature = cert->signature };
    enum cg_signature_result result;

    if (cg_engine_is_verified(engine, cert, issuer))
        return CG_SIGNATURE_VALID;
    result = verify_scheme(engine, &what, issuer, scheme);
    *fresh = result == CG_SIGNATURE_VALID || result == CG_SIGNATURE_INVALID;
    if (result == CG_SIGNATURE_VALID)
        cg_engine_note_verified(engine, cert, issuer);
    return result;
}

enum cg_signature_result
cg_signature_verify(struct cg_engine *engine, const struct cg_cert *cert,
        const struct cg_cert *issuer, bool allow_sha1, bool *fresh)
{
    struct scheme scheme;

    *fresh = false;
    if (!read_scheme(cert->signature_algorithm, &scheme) || scheme.digest == CG_DIGEST_MD5)
        return CG_SIGNATURE_REFUSED;
    if (scheme.digest == CG_DIGEST_SHA1 && !allow_sha1)
        return CG_SIGNATURE_SHA1;
    return verify_remembered(engine, cert, issuer, &scheme, fresh);
}

enum cg_signature_result
cg_signature_verify_own(struct cg_engine *engine, const struct cg_cert *cert, bool *fresh)
{
    struct scheme scheme;

    *fresh = false;
    if (!read_scheme(cert->signature_algorithm, &scheme))
        return CG_SIGNATURE_REFUSED;
    return verify_remembered(engine, cert, cert, &scheme, fresh);
}

enum cg_signature_result
cg_signature_verify_signed(struct cg_engine *engine, const struct cg_signed *evidence,
        const struct cg_cert *issuer, bool *fresh)
{
    enum cg_signature_result result;
    struct scheme scheme;

    *fresh = false;
    if (!read_scheme(evidence->algorithm, &scheme) || scheme.digest == CG_DIGEST_MD5)
        return CG_SIGNATURE_REFUSED;
    if (scheme.digest == CG_DIGEST_SHA1)
        return CG_SIGNATURE_SHA1;
    if (evidence->remember && cg_engine_is_believed(engine, evidence->sha256, issuer))
        return CG_SIGNATURE_VALID;
    result = verify_scheme(engine, evidence, issuer, &scheme);
    *fresh = result == CG_SIGNATURE_VALID || result == CG_SIGNATURE_INVALID;
    if (result == CG_SIGNATURE_VALID && evidence->remember)
        cg_engine_note_believed(engine, evidence->sha256, issuer);
    return result;
}

size_t
cg_digest_by_oid(const struct cg_engine *engine, struct cg_span oid, struct cg_span bytes,
        uint8_t out[CG_MAX_DIGEST])
{
    unsigned len = 0;

    for (size_t i = 0; i < sizeof(pss_digests) / sizeof(pss_digests[0]); i++)
        if (cg_span_equal(oid, cg_span(pss_digests[i].oid, pss_digests[i].oid_len)) &&
                EVP_Digest(bytes.data, bytes.len, out, &len,
                        engine->digests[pss_digests[i].digest], NULL) == 1)
            return len;
    return 0;
}

bool
cg_signature_is_sha1(const struct cg_cert *cert)
{
    struct scheme scheme;

    return read_scheme(cert->signature_algorithm, &scheme) && scheme.digest == CG_DIGEST_SHA1;
}

bool
cg_signature_is_refused(const struct cg_cert *cert)
{
    struct scheme scheme;

    return !read_scheme(cert->signature_algorithm, &scheme) || scheme.digest == CG_DIGEST_MD5;
}

unsigned
cg_signature_weight(const struct cg_cert *issuer)
{
    unsigned times = (issuer->key_bits + 4095) / 4096;

    if (issuer->key_type != CG_KEY_RSA && issuer->key_type != CG_KEY_RSA_PSS)
        return 1;
    return times == 0 ? 1 : times * times;
}
