/* From DER to facts: RFC 5280 section 4.1, top to bottom. */
#include <certgate/cert.h>

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/reader.h"
#include "x509/extensions.h"
#include "x509/facts.h"
#include "x509/oid.h"

#define X(name, text) [CG_DEFECT_##name] = text,
static const char *const defect_texts[] = { CG_DEFECTS(X) };
#undef X

const char *
cg_defect_text(enum cg_defect defect)
{
    return defect < CG_DEFECT_COUNT ? defect_texts[defect] : "unknown defect";
}

/* Bits of a non-negative INTEGER's contents; 0 for zero and for negative ones. */
static unsigned
integer_bits(struct cg_span integer)
{
    size_t at = 0;
    unsigned bits;

    if (integer.len == 0 || (integer.data[0] & 0x80) != 0)
        return 0;
    while (at < integer.len && integer.data[at] == 0)
        at++;
    if (at == integer.len || integer.len - at > CG_MAX_RSA_BITS / 8)
        return 0;
    bits = (unsigned)(integer.len - at) * 8;
    for (uint8_t top = integer.data[at]; (top & 0x80) == 0; top = (uint8_t)(top << 1))
        bits--;
    return bits;
}

/* RFC 8017 section A.1.1 */
static unsigned
rsa_bits(struct cg_span key)
{
    struct cg_reader reader = cg_reader(key), inside;
    struct cg_span modulus, exponent;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_der_integer(&inside, &modulus) ||
            !cg_der_integer(&inside, &exponent) || !cg_reader_done(&inside) ||
            !cg_reader_done(&reader))
        return 0;
    return integer_bits(modulus);
}

/* RFC 3279 section 2.3.2: the modulus p stands in the parameters. */
static unsigned
dsa_bits(struct cg_span parameters)
{
    struct cg_reader reader = cg_reader(parameters), inside;
    struct cg_span modulus;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_der_integer(&inside, &modulus))
        return 0;
    return integer_bits(modulus);
}

static void
measure_key(struct cg_cert *cert)
{
    struct cg_reader parameters = cg_reader(cert->key_parameters);

    switch (cert->key_type) {
    case CG_KEY_RSA:
    case CG_KEY_RSA_PSS:
        cert->key_bits = rsa_bits(cert->key_bits_data);
        break;
    case CG_KEY_DSA:
        cert->key_bits = dsa_bits(cert->key_parameters);
        break;
    case CG_KEY_EC:
        if (cg_der_oid(&parameters, &cert->key_curve))
            cert->key_bits = cg_oid_curve_bits(cert->key_curve);
        break;
    case CG_KEY_ED25519:
        cert->key_bits = 256;
        break;
    case CG_KEY_ED448:
        cert->key_bits = 456;
        break;
    case CG_KEY_UNKNOWN:
        break;
    }
}

/* AlgorithmIdentifier: an OID and at most one element of parameters (section 4.1.1.2). */
static bool
read_algorithm(struct cg_span whole, struct cg_span *oid, struct cg_span *parameters)
{
    struct cg_reader reader = cg_reader(whole), inside;
    uint8_t tag;

    *parameters = cg_span(NULL, 0);
    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, oid))
        return false;
    if (!cg_reader_done(&inside) && !cg_der_any(&inside, &tag, NULL, parameters))
        return false;
    return cg_reader_done(&inside);
}

/* An element with this identifier octet, header included. */
static bool
read_whole(struct cg_reader *reader, uint8_t tag, struct cg_span *whole)
{
    uint8_t found;

    return cg_der_next_is(reader, tag) && cg_der_any(reader, &found, NULL, whole);
}

static bool
read_spki(struct cg_cert *cert)
{
    struct cg_reader reader = cg_reader(cert->spki), inside;
    struct cg_span algorithm;
    unsigned unused;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) ||
            !read_whole(&inside, CG_DER_SEQUENCE, &algorithm) ||
            !read_algorithm(algorithm, &cert->key_oid, &cert->key_parameters) ||
            !cg_der_bit_string(&inside, CG_DER_BIT_STRING, &cert->key_bits_data, &unused) ||
            unused != 0 || !cg_reader_done(&inside))
        return false;
    cert->key_type = cg_oid_key_type(cert->key_oid);
    measure_key(cert);
    return true;
}

/* Section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
static bool
read_date(struct cg_cert *cert, struct cg_reader *reader, int64_t *out)
{
    const int64_t start_of_2050 = 2524608000;
    bool utc = cg_der_next_is(reader, CG_DER_UTC_TIME);

    if (!cg_der_time(reader, out))
        return false;
    if (utc != (*out < start_of_2050) && *out >= 0)
        cg_cert_note_defect(cert, CG_DEFECT_TIME_ENCODING, cg_span(NULL, 0));
    return true;
}

static bool
read_validity(struct cg_cert *cert, struct cg_reader *tbs)
{
    struct cg_reader inside;

    return cg_der_enter(tbs, CG_DER_SEQUENCE, &inside) &&
            read_date(cert, &inside, &cert->not_before) &&
            read_date(cert, &inside, &cert->not_after) && cg_reader_done(&inside);
}

static bool
read_version(struct cg_cert *cert, struct cg_reader *tbs)
{
    struct cg_reader inside;
    uint32_t version = 0;

    if (cg_der_next_is(tbs, CG_DER_CONTEXT_CONSTRUCTED | 0) &&
            (!cg_der_enter(tbs, CG_DER_CONTEXT_CONSTRUCTED | 0, &inside) ||
                    !cg_der_small_uint(&inside, CG_DER_INTEGER, &version) ||
                    !cg_reader_done(&inside)))
        return false;
    if (version > 2)
        return false;
    cert->version = (int)version + 1;
    return true;
}

/* A leading zero octet only keeps the number positive: it is not counted. */
static bool
read_serial(struct cg_cert *cert, struct cg_reader *tbs)
{
    size_t octets;

    if (!cg_der_integer(tbs, &cert->serial))
        return false;
    octets = cert->serial.len - (cert->serial.data[0] == 0 ? 1 : 0);
    if ((cert->serial.data[0] & 0x80) != 0 || octets == 0)
        cg_cert_note_defect(cert, CG_DEFECT_SERIAL_NOT_POSITIVE, cg_span(NULL, 0));
    if (octets > 20)
        cg_cert_note_defect(cert, CG_DEFECT_SERIAL_TOO_LONG, cg_span(NULL, 0));
    return true;
}

static bool
read_name(struct cg_cert *cert, struct cg_reader *tbs, struct cg_span *name,
        struct cg_canonical_name *canonical)
{
    bool bad_string = false;

    if (!read_whole(tbs, CG_DER_SEQUENCE, name) ||
            !cg_canonical_name_build(*name, canonical, &bad_string))
        return false;
    if (bad_string)
        cg_cert_note_defect(cert, CG_DEFECT_NAME_ENCODING, cg_span(NULL, 0));
    return true;
}

/* issuerUniqueID [1], subjectUniqueID [2], extensions [3] */
static bool
read_tail(struct cg_cert *cert, struct cg_reader *tbs)
{
    struct cg_span contents;
    unsigned unused;

    for (uint8_t n = 1; n <= 2; n++) {
        if (!cg_der_next_is(tbs, CG_DER_CONTEXT | n))
            continue;
        if (!cg_der_bit_string(tbs, CG_DER_CONTEXT | n, &contents, &unused))
            return false;
        if (cert->version == 1)
            cg_cert_note_defect(cert, CG_DEFECT_UNIQUE_ID, cg_span(NULL, 0));
    }
    if (cg_reader_done(tbs))
        return true;
    if (!cg_der_element(tbs, CG_DER_CONTEXT_CONSTRUCTED | 3, &contents))
        return false;
    if (cert->version != 3)
        cg_cert_note_defect(cert, CG_DEFECT_EXTENSIONS_BEFORE_V3, cg_span(NULL, 0));
    return cg_extensions_read(cert, contents) && cg_reader_done(tbs);
}

/* Reads the fields in order; returns the name of the one that failed, or NULL. */
static const char *
read_tbs(struct cg_cert *cert, struct cg_reader *tbs, struct cg_span *algorithm)
{
    struct cg_span oid, parameters;

    if (!read_version(cert, tbs))
        return "version";
    if (!read_serial(cert, tbs))
        return "serialNumber";
    if (!read_whole(tbs, CG_DER_SEQUENCE, algorithm) ||
            !read_algorithm(*algorithm, &oid, &parameters))
        return "signature";
    if (!read_name(cert, tbs, &cert->issuer, &cert->canonical_issuer))
        return "issuer";
    if (cert->canonical_issuer.len == 0)
        cg_cert_note_defect(cert, CG_DEFECT_EMPTY_ISSUER, cg_span(NULL, 0));
    if (!read_validity(cert, tbs))
        return "validity";
    if (!read_name(cert, tbs, &cert->subject, &cert->canonical_subject))
        return "subject";
    if (!read_whole(tbs, CG_DER_SEQUENCE, &cert->spki) || !read_spki(cert))
        return "subjectPublicKeyInfo";
    if (!read_tail(cert, tbs))
        return "extensions";
    return NULL;
}

static enum cg_status
parse(struct cg_cert *cert, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(cert->der, cert->der_len)), outer, tbs;
    struct cg_span tbs_contents, algorithm, oid, parameters;
    const char *field = NULL;
    const uint8_t *at;
    unsigned unused;
    uint8_t tag;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &outer))
        return cg_fail(err, CG_E_PARSE, "not a DER certificate: no complete SEQUENCE at byte 0");
    if (!cg_reader_done(&reader))
        return cg_fail(err, CG_E_PARSE, "%zu byte%s after the certificate's end at byte %zu",
                cg_reader_left(&reader), cg_reader_left(&reader) == 1 ? "" : "s",
                (size_t)(reader.at - cert->der));
    at = outer.at;
    if (!cg_der_next_is(&outer, CG_DER_SEQUENCE) ||
            !cg_der_any(&outer, &tag, &tbs_contents, &cert->tbs)) {
        field = "tbsCertificate";
    } else {
        tbs = cg_reader(tbs_contents);
        field = read_tbs(cert, &tbs, &algorithm);
        at = tbs.at;
    }
    if (field == NULL) {
        at = outer.at;
        if (!read_whole(&outer, CG_DER_SEQUENCE, &cert->signature_algorithm) ||
                !read_algorithm(cert->signature_algorithm, &oid, &parameters))
            field = "signatureAlgorithm";
        else if (!cg_der_bit_string(&outer, CG_DER_BIT_STRING, &cert->signature, &unused) ||
                !cg_reader_done(&outer))
            field = "signatureValue";
        else if (unused != 0)
            cert->signature = cg_span(NULL, 0);
    }
    if (field != NULL)
        return cg_fail(
                err, CG_E_PARSE, "malformed %s at byte %zu", field, (size_t)(at - cert->der));
    if (!cg_span_equal(algorithm, cert->signature_algorithm))
        cg_cert_note_defect(cert, CG_DEFECT_ALGORITHM_MISMATCH, cg_span(NULL, 0));
    return CG_OK;
}

static enum cg_status
check_size(size_t len, struct cg_error *err)
{
    if (len != 0 && len <= CG_MAX_CERT_BYTES)
        return CG_OK;
    return cg_fail(err, len == 0 ? CG_E_PARSE : CG_E_LIMIT,
            "certificate of %zu bytes, at most %d are read", len, CG_MAX_CERT_BYTES);
}

enum cg_status
cg_cert_init(struct cg_cert *cert, const uint8_t *der, size_t len, struct cg_error *err)
{
    enum cg_status status = check_size(len, err);

    *cert = (struct cg_cert) { .refs = 1, .der = der, .der_len = len };
    return status == CG_OK ? parse(cert, err) : status;
}

void
cg_cert_release(struct cg_cert *cert)
{
    free(cert->canonical_issuer.data);
    free(cert->canonical_subject.data);
    free(cert->authority_issuer.data);
    free(cert->extensions);
    free(cert->san);
    *cert = (struct cg_cert) { 0 };
}

enum cg_status
cg_cert_from_der(const uint8_t *der, size_t len, struct cg_cert **out, struct cg_error *err)
{
    struct cg_cert *cert;
    uint8_t *copy;
    enum cg_status status = check_size(len, err);

    *out = NULL;
    if (status != CG_OK)
        return status;
    cert = malloc(sizeof(*cert));
    copy = malloc(len);
    if (cert == NULL || copy == NULL) {
        free(cert);
        free(copy);
        return cg_fail(err, CG_E_NOMEM, "no memory for a certificate");
    }
    memcpy(copy, der, len);
    status = cg_cert_init(cert, copy, len, err);
    if (status != CG_OK)
        goto done;
    if (EVP_Digest(cert->der, len, cert->sha256, NULL, EVP_sha256(), NULL) != 1 ||
            EVP_Digest(cert->spki.data, cert->spki.len, cert->spki_sha256, NULL, EVP_sha256(),
                    NULL) != 1) {
        status = cg_fail(err, CG_E_CRYPTO, "cannot compute the certificate's SHA-256");
        goto done;
    }
    *out = cert; /* ownership moves to the caller */
    cert = NULL;
done:
    cg_cert_free(cert);
    return status;
}

struct cg_cert *
cg_cert_ref(const struct cg_cert *cert)
{
    struct cg_cert *mine = (struct cg_cert *)(uintptr_t)cert; /* only the count changes */

    if (mine != NULL)
        __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void
cg_cert_free(struct cg_cert *cert)
{
    if (cert == NULL || __atomic_sub_fetch(&cert->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    free((uint8_t *)(uintptr_t)cert->der);
    cg_cert_release(cert);
    free(cert);
}

const uint8_t *
cg_cert_get0_der(const struct cg_cert *cert, size_t *len)
{
    *len = cert->der_len;
    return cert->der;
}

const uint8_t *
cg_cert_get0_sha256(const struct cg_cert *cert)
{
    return cert->sha256;
}

int64_t
cg_cert_not_before(const struct cg_cert *cert)
{
    return cert->not_before;
}

int64_t
cg_cert_not_after(const struct cg_cert *cert)
{
    return cert->not_after;
}

bool
cg_cert_is_self_issued(const struct cg_cert *cert)
{
    return cg_canonical_name_equal(&cert->canonical_issuer, &cert->canonical_subject);
}

bool
cg_cert_is_ca(const struct cg_cert *cert)
{
    return cert->ca || (cert->version == 1 && cg_cert_is_self_issued(cert));
}

const struct cg_extension *
cg_cert_extension(const struct cg_cert *cert, enum cg_extension_id id)
{
    for (size_t i = 0; i < cert->extension_count; i++)
        if (cert->extensions[i].id == id)
            return &cert->extensions[i];
    return NULL;
}
