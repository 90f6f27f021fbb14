/*
 * One certificate's bytes, read by us and by d2i_X509: what we read OpenSSL must read, and say the same of
 * it, apart from the listed divergences (docs/decisions/0007).
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/reader.h"
#include "der_mutator.h"
#include "fuzz.h"
#include "x509/crypto.h"
#include "x509/engine.h"
#include "x509/facts.h"
#include "x509/path_search.h"

const size_t fuzz_prefix = 0;

/* An attribute value that is no text, or text of a type that is none of OpenSSL's. */
static bool
name_holds_other_types(struct cg_span name)
{
    static const char known[] = { CG_DER_UTF8_STRING, CG_DER_NUMERIC_STRING,
        CG_DER_PRINTABLE_STRING, CG_DER_T61_STRING, CG_DER_IA5_STRING, CG_DER_UNIVERSAL_STRING,
        CG_DER_BMP_STRING };
    struct cg_reader reader = cg_reader(name), rdns, rdn, attribute;
    struct cg_span oid;
    uint8_t tag;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return false;
    while (cg_der_enter(&rdns, CG_DER_SET, &rdn))
        while (cg_der_enter(&rdn, CG_DER_SEQUENCE, &attribute))
            if (cg_der_oid(&attribute, &oid) && cg_der_any(&attribute, &tag, NULL, NULL) &&
                    memchr(known, tag, sizeof(known)) == NULL)
                return true;
    return false;
}

static bool
has_other_types(const struct cg_cert *cert, X509 *x509)
{
    (void)x509;
    return name_holds_other_types(cert->subject) || name_holds_other_types(cert->issuer);
}

/* The same in a directoryName; x400Address and ediPartyName, which we do not look into at all. */
static bool
is_odd_name(const struct cg_general_name *name)
{
    return name->type == CG_NAME_X400 || name->type == CG_NAME_EDI ||
            (name->type == CG_NAME_DIRECTORY && name_holds_other_types(name->value));
}

/* One of these in the subjectAltName or in a constraint. */
static bool
has_odd_name(const struct cg_cert *cert, X509 *x509)
{
    struct cg_general_name name;
    const struct cg_extension *constraints = cg_cert_extension(cert, CG_EXT_NAME_CONSTRAINTS);
    struct cg_reader reader, inside, list, subtree;
    struct cg_span contents;
    uint8_t tag;

    (void)x509;
    for (size_t i = 0; i < cert->san_count; i++)
        if (is_odd_name(&cert->san[i]))
            return true;
    if (constraints == NULL)
        return false;
    reader = cg_reader(constraints->value);
    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside))
        return false;
    while (cg_der_any(&inside, &tag, &contents, NULL)) {
        list = cg_reader(contents);
        while (cg_der_enter(&list, CG_DER_SEQUENCE, &subtree))
            if (cg_general_name_read(&subtree, &name) && is_odd_name(&name))
                return true;
    }
    return false;
}

static bool
is_printable(struct cg_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

/* A name with letters beyond ASCII, or with control characters. */
static bool
name_is_wide(struct cg_span name)
{
    struct cg_reader reader = cg_reader(name), rdns, rdn, attribute;
    struct cg_span oid, value;
    uint8_t tag;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return false;
    while (cg_der_enter(&rdns, CG_DER_SET, &rdn))
        while (cg_der_enter(&rdn, CG_DER_SEQUENCE, &attribute))
            if (cg_der_oid(&attribute, &oid) && cg_der_any(&attribute, &tag, &value, NULL) &&
                    !is_printable(value))
                return true;
    return false;
}

static bool
has_wide_name(const struct cg_cert *cert, X509 *x509)
{
    (void)x509;
    return name_is_wide(cert->subject) || name_is_wide(cert->issuer);
}

static bool
has_bad_string(const struct cg_cert *cert, X509 *x509)
{
    (void)x509;
    return cg_cert_has_defect(cert, CG_DEFECT_NAME_ENCODING);
}

static bool
name_holds_empty_rdn(struct cg_span name)
{
    struct cg_reader reader = cg_reader(name), rdns, rdn;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return false;
    while (cg_der_enter(&rdns, CG_DER_SET, &rdn))
        if (cg_reader_done(&rdn))
            return true;
    return false;
}

static bool
has_empty_rdn(const struct cg_cert *cert, X509 *x509)
{
    (void)x509;
    return name_holds_empty_rdn(cert->subject) || name_holds_empty_rdn(cert->issuer);
}

/* Parameters of an AlgorithmIdentifier that are nothing OpenSSL has a type for. */
static bool
has_odd_parameters(struct cg_span identifier)
{
    struct cg_reader reader = cg_reader(identifier), inside;
    const uint8_t *at;
    struct cg_span oid;
    ASN1_TYPE *any;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, &oid) ||
            cg_reader_done(&inside))
        return false;
    at = inside.at;
    any = d2i_ASN1_TYPE(NULL, &at, (long)cg_reader_left(&inside));
    ASN1_TYPE_free(any);
    return any == NULL;
}

static bool
has_odd_algorithm(const struct cg_cert *cert, X509 *x509)
{
    struct cg_reader spki = cg_reader(cert->spki), inside;
    struct cg_span key = { NULL, 0 };
    uint8_t tag;

    (void)x509;
    /* The inner signature algorithm is the outer one, or the difference is a defect. */
    return cg_cert_has_defect(cert, CG_DEFECT_ALGORITHM_MISMATCH) ||
            has_odd_parameters(cert->signature_algorithm) ||
            (cg_der_enter(&spki, CG_DER_SEQUENCE, &inside) &&
                    cg_der_any(&inside, &tag, NULL, &key) && has_odd_parameters(key));
}

/* cRLDistributionPoints, Netscape's certificate type, proxyCertInfo, RFC 3779's addresses and AS numbers */
static bool
has_unread_extension(const struct cg_cert *cert, X509 *x509)
{
    static const int unread[] = { NID_crl_distribution_points, NID_netscape_cert_type,
        NID_proxyCertInfo, NID_sbgp_ipAddrBlock, NID_sbgp_autonomousSysNum };

    (void)cert;
    for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
        if (X509_get_ext_by_NID(x509, unread[i], -1) >= 0)
            return true;
    return false;
}

static bool
has_unknown_key(const struct cg_cert *cert, X509 *x509)
{
    (void)x509;
    return cert->key_type == CG_KEY_UNKNOWN;
}

enum fact {
    FACT_READABLE,
    FACT_SERIAL,
    FACT_SUBJECT,
    FACT_SELF_ISSUED,
    FACT_VALIDITY,
    FACT_KEY_LOADS,
    FACT_KEY_BITS,
    FACT_EXTENSIONS,
    FACT_CA,
    FACT_PATH_LENGTH,
    FACT_KEY_USAGE,
};

/* clang-format off */
static const struct divergence {
    enum fact fact;
    bool (*applies)(const struct cg_cert *cert, X509 *x509);
    const char *reason;
} divergences[] = {
    { FACT_READABLE, has_other_types,
      "an attribute value may be anything (RFC 5280 section 4.1.2.4); OpenSSL reads some types, and looks into them" },
    { FACT_READABLE, has_bad_string,
      "a string that is not what its type says is a defect of a certificate that is read all the same" },
    { FACT_READABLE, has_odd_algorithm,
      "parameters of an algorithm are looked into where the algorithm is used" },
    { FACT_READABLE, has_unknown_key,
      "a key of an unknown algorithm is read as one; OpenSSL gives up where its OID is long" },
    { FACT_SELF_ISSUED, has_empty_rdn,
      "an RDN without attributes counts when names are compared; OpenSSL passes over it" },
    { FACT_SELF_ISSUED, has_wide_name,
      "names are prepared by RFC 4518 as a whole (RFC 5280 section 7.1); OpenSSL folds ASCII letters and blanks" },
    { FACT_EXTENSIONS, has_odd_name,
      "names of types that no rule processes are not looked into; attribute values as in the subject" },
    { FACT_EXTENSIONS, has_unread_extension,
      "extensions that no rule of ours needs are not looked into" },
};
/* clang-format on */

static void
agree(bool same, enum fact fact, const struct cg_cert *cert, X509 *x509, const char *what)
{
    if (same)
        return;
    for (size_t i = 0; i < sizeof(divergences) / sizeof(divergences[0]); i++)
        if (divergences[i].fact == fact && divergences[i].applies(cert, x509))
            return;
    ERR_print_errors_fp(stderr);
    FUZZ_CHECK(same, "%s: OpenSSL says otherwise", what);
}

static bool
same_serial(const struct cg_cert *cert, X509 *x509)
{
    uint8_t *der = NULL;
    int len = i2d_ASN1_INTEGER(X509_get_serialNumber(x509), &der);
    bool same = len > 2 &&
            cg_span_equal(
                    cg_span(der + len - (int)cert->serial.len, cert->serial.len), cert->serial);

    OPENSSL_free(der);
    return same;
}

static bool
same_name(struct cg_span name, X509_NAME *theirs)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(theirs, &der);
    bool same = len > 0 && cg_span_equal(cg_span(der, (size_t)len), name);

    OPENSSL_free(der);
    return same;
}

static bool
same_time(int64_t ours, const ASN1_TIME *theirs)
{
    struct tm parts;

    return ASN1_TIME_to_tm(theirs, &parts) == 1 && (int64_t)timegm(&parts) == ours;
}

static void
compare_key(struct cg_engine *engine, const struct cg_cert *cert, X509 *x509)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);

    /* What we do not load fails key-1024, whatever size is said of it. */
    if (!cg_key_loads(engine, cert))
        return;
    agree(key != NULL, FACT_KEY_LOADS, cert, x509, "key loads");
    if (key != NULL)
        agree(cert->key_bits == (unsigned)EVP_PKEY_get_bits(key), FACT_KEY_BITS, cert, x509,
                "key size");
}

/* OpenSSL keeps the octets of the BIT STRING: bit 0 is 0x80, bit 8 is 0x8000. */
static uint32_t
key_usage_of(const struct cg_cert *cert)
{
    uint32_t usage = 0;

    for (unsigned bit = 0; bit < 16; bit++)
        if ((cert->key_usage >> bit & 1) != 0)
            usage |= 1u << (bit < 8 ? 7 - bit : 23 - bit);
    return usage;
}

/* Only where we find nothing wrong: then nothing is, and the extensions mean the same. */
static void
compare_extensions(const struct cg_cert *cert, X509 *x509)
{
    uint32_t flags = X509_get_extension_flags(x509);
    long path_len = X509_get_pathlen(x509);
    struct cg_span where;

    if (cert->defects != 0 || cg_path_malformed(cert, false, &where) != NULL)
        return;
    agree((flags & EXFLAG_INVALID) == 0, FACT_EXTENSIONS, cert, x509, "extensions");
    if ((flags & EXFLAG_INVALID) != 0)
        return;
    agree(cert->ca == ((flags & EXFLAG_CA) != 0), FACT_CA, cert, x509, "basicConstraints");
    agree(!(cert->ca && cert->has_path_len) || (long)cert->path_len == path_len, FACT_PATH_LENGTH,
            cert, x509, "path length");
    agree((cert->has_key_usage ? key_usage_of(cert) : UINT32_MAX) == X509_get_key_usage(x509),
            FACT_KEY_USAGE, cert, x509, "keyUsage");
}

static void
compare(struct cg_engine *engine, const struct cg_cert *cert, X509 *x509)
{
    X509_NAME *subject = X509_get_subject_name(x509), *issuer = X509_get_issuer_name(x509);

    agree(same_serial(cert, x509), FACT_SERIAL, cert, x509, "serial number");
    agree(same_name(cert->subject, subject), FACT_SUBJECT, cert, x509, "subject");
    agree(same_name(cert->issuer, issuer), FACT_SUBJECT, cert, x509, "issuer");
    agree(cg_cert_is_self_issued(cert) == (X509_NAME_cmp(subject, issuer) == 0), FACT_SELF_ISSUED,
            cert, x509, "self-issued");
    agree(same_time(cert->not_before, X509_get0_notBefore(x509)) &&
                    same_time(cert->not_after, X509_get0_notAfter(x509)),
            FACT_VALIDITY, cert, x509, "validity");
    compare_key(engine, cert, x509);
    compare_extensions(cert, x509);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct cg_engine *engine;
    struct cg_cert *cert = NULL;
    const uint8_t *at = data;
    X509 *x509;

    if (engine == NULL)
        engine = cg_engine_new();
    FUZZ_CHECK(engine != NULL, "no memory");
    if (cg_cert_from_der(data, len, &cert, NULL) != CG_OK)
        return 0;
    ERR_clear_error();
    x509 = d2i_X509(NULL, &at, (long)len);
    agree(x509 != NULL && at == data + len, FACT_READABLE, cert, x509, "readable");
    if (x509 != NULL)
        compare(engine, cert, x509);
    ERR_clear_error();
    X509_free(x509);
    cg_cert_free(cert);
    return 0;
}
