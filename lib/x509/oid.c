#include "x509/oid.h"

#include "base/buf.h"

enum oid_kind { KIND_OTHER, KIND_EXTENSION, KIND_KEY, KIND_PURPOSE, KIND_CURVE };

struct oid_row {
    const char *bytes;
    size_t len;
    const char *name;
    enum oid_kind kind;
    unsigned value; /* cg_extension_id, cg_key_type, CG_EKU_… or curve bits, by kind */
};

#define ROW(bytes, name, kind, value) { bytes, sizeof(bytes) - 1, name, kind, value }

/* clang-format off */
static const struct oid_row rows[] = {
    /* RFC 5280 section 4.2 */
    ROW("\x55\x1d\x0e", "subjectKeyIdentifier",   KIND_EXTENSION, CG_EXT_SUBJECT_KEY_ID),
    ROW("\x55\x1d\x0f", "keyUsage",               KIND_EXTENSION, CG_EXT_KEY_USAGE),
    ROW("\x55\x1d\x11", "subjectAltName",         KIND_EXTENSION, CG_EXT_SUBJECT_ALT_NAME),
    ROW("\x55\x1d\x13", "basicConstraints",       KIND_EXTENSION, CG_EXT_BASIC_CONSTRAINTS),
    ROW("\x55\x1d\x1e", "nameConstraints",        KIND_EXTENSION, CG_EXT_NAME_CONSTRAINTS),
    ROW("\x55\x1d\x1f", "cRLDistributionPoints",  KIND_EXTENSION, CG_EXT_CRL_DISTRIBUTION_POINTS),
    ROW("\x55\x1d\x20", "certificatePolicies",    KIND_EXTENSION, CG_EXT_CERTIFICATE_POLICIES),
    ROW("\x55\x1d\x21", "policyMappings",         KIND_EXTENSION, CG_EXT_POLICY_MAPPINGS),
    ROW("\x55\x1d\x23", "authorityKeyIdentifier", KIND_EXTENSION, CG_EXT_AUTHORITY_KEY_ID),
    ROW("\x55\x1d\x24", "policyConstraints",      KIND_EXTENSION, CG_EXT_POLICY_CONSTRAINTS),
    ROW("\x55\x1d\x25", "extKeyUsage",            KIND_EXTENSION, CG_EXT_EXT_KEY_USAGE),
    ROW("\x55\x1d\x36", "inhibitAnyPolicy",       KIND_EXTENSION, CG_EXT_INHIBIT_ANY_POLICY),
    /* extensions that we name but do not process */
    ROW("\x55\x1d\x12", "issuerAltName",          KIND_OTHER, 0),
    ROW("\x55\x1d\x2e", "freshestCRL",            KIND_OTHER, 0),
    ROW("\x2b\x06\x01\x05\x05\x07\x01\x01", "authorityInfoAccess", KIND_OTHER, 0),
    ROW("\x2b\x06\x01\x05\x05\x07\x01\x18", "tlsFeature",          KIND_OTHER, 0),
    ROW("\x60\x86\x48\x01\x86\xf8\x42\x01\x01", "nsCertType",      KIND_OTHER, 0),
    /* purposes: RFC 5280 section 4.2.1.12, RFC 5924 */
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x01", "serverAuth",      KIND_PURPOSE, CG_EKU_SERVER_AUTH),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x02", "clientAuth",      KIND_PURPOSE, CG_EKU_CLIENT_AUTH),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x14", "sipDomain",       KIND_PURPOSE, CG_EKU_SIP_DOMAIN),
    ROW("\x55\x1d\x25\x00",                 "anyExtendedKeyUsage", KIND_PURPOSE, CG_EKU_ANY),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x03", "codeSigning",     KIND_PURPOSE, CG_EKU_OTHER),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x04", "emailProtection", KIND_PURPOSE, CG_EKU_OTHER),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x08", "timeStamping",    KIND_PURPOSE, CG_EKU_OTHER),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x09", "OCSPSigning",     KIND_PURPOSE, CG_EKU_OCSP_SIGNING),
    ROW("\x60\x86\x48\x01\x86\xf8\x42\x04\x01", "nsSGC",       KIND_PURPOSE, CG_EKU_OTHER),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03", "msSGC",   KIND_PURPOSE, CG_EKU_OTHER),
    /* keys: RFC 3279, RFC 4055, RFC 5480, RFC 8410 */
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "rsaEncryption", KIND_KEY, CG_KEY_RSA),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "RSASSA-PSS",    KIND_KEY, CG_KEY_RSA_PSS),
    ROW("\x2a\x86\x48\xce\x38\x04\x01",         "DSA",           KIND_KEY, CG_KEY_DSA),
    ROW("\x2a\x86\x48\xce\x3d\x02\x01",         "EC",            KIND_KEY, CG_KEY_EC),
    ROW("\x2b\x65\x70",                         "Ed25519",       KIND_KEY, CG_KEY_ED25519),
    ROW("\x2b\x65\x71",                         "Ed448",         KIND_KEY, CG_KEY_ED448),
    /* curves: RFC 5480, RFC 5639, SEC 2 */
    ROW("\x2a\x86\x48\xce\x3d\x03\x01\x01", "P-192", KIND_CURVE, 192),
    ROW("\x2b\x81\x04\x00\x21",             "P-224", KIND_CURVE, 224),
    ROW("\x2a\x86\x48\xce\x3d\x03\x01\x07", "P-256", KIND_CURVE, 256),
    ROW("\x2b\x81\x04\x00\x22",             "P-384", KIND_CURVE, 384),
    ROW("\x2b\x81\x04\x00\x23",             "P-521", KIND_CURVE, 521),
    ROW("\x2b\x81\x04\x00\x0a",             "secp256k1", KIND_CURVE, 256),
    ROW("\x2b\x81\x04\x00\x06",             "secp112r1", KIND_CURVE, 112),
    ROW("\x2b\x81\x04\x00\x1c",             "secp128r1", KIND_CURVE, 128),
    ROW("\x2b\x81\x04\x00\x08",             "secp160r1", KIND_CURVE, 160),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x01", "brainpoolP160r1", KIND_CURVE, 160),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x03", "brainpoolP192r1", KIND_CURVE, 192),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x05", "brainpoolP224r1", KIND_CURVE, 224),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x07", "brainpoolP256r1", KIND_CURVE, 256),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x09", "brainpoolP320r1", KIND_CURVE, 320),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", "brainpoolP384r1", KIND_CURVE, 384),
    ROW("\x2b\x24\x03\x03\x02\x08\x01\x01\x0d", "brainpoolP512r1", KIND_CURVE, 512),
    /* signatures */
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", "md2WithRSAEncryption",    KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x03", "md4WithRSAEncryption",    KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "md5WithRSAEncryption",    KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "sha1WithRSAEncryption",   KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", "sha224WithRSAEncryption", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "sha256WithRSAEncryption", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", "sha384WithRSAEncryption", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", "sha512WithRSAEncryption", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\xce\x3d\x04\x01",         "ecdsa-with-SHA1",   KIND_OTHER, 0),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x01",     "ecdsa-with-SHA224", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x02",     "ecdsa-with-SHA256", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x03",     "ecdsa-with-SHA384", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\xce\x3d\x04\x03\x04",     "ecdsa-with-SHA512", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\xce\x38\x04\x03",         "dsa-with-SHA1",     KIND_OTHER, 0),
    ROW("\x60\x86\x48\x01\x65\x03\x04\x03\x02", "dsa-with-SHA256",   KIND_OTHER, 0),
    /* attributes: RFC 4519, RFC 5280 appendix A */
    ROW("\x55\x04\x03", "CN", KIND_OTHER, 0),
    ROW("\x55\x04\x05", "serialNumber", KIND_OTHER, 0),
    ROW("\x55\x04\x06", "C", KIND_OTHER, 0),
    ROW("\x55\x04\x07", "L", KIND_OTHER, 0),
    ROW("\x55\x04\x08", "ST", KIND_OTHER, 0),
    ROW("\x55\x04\x09", "street", KIND_OTHER, 0),
    ROW("\x55\x04\x0a", "O", KIND_OTHER, 0),
    ROW("\x55\x04\x0b", "OU", KIND_OTHER, 0),
    ROW("\x55\x04\x61", "organizationIdentifier", KIND_OTHER, 0),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress", KIND_OTHER, 0),
    ROW("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC", KIND_OTHER, 0),
    ROW("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID", KIND_OTHER, 0),
};
/* clang-format on */

static const struct oid_row *
find(struct cg_span oid)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (cg_span_equal(oid, cg_span(rows[i].bytes, rows[i].len)))
            return &rows[i];
    return NULL;
}

static unsigned
find_value(struct cg_span oid, enum oid_kind kind)
{
    const struct oid_row *row = find(oid);

    return row != NULL && row->kind == kind ? row->value : 0;
}

const char *
cg_oid_name(struct cg_span oid)
{
    const struct oid_row *row = find(oid);

    return row == NULL ? NULL : row->name;
}

enum cg_extension_id
cg_oid_extension(struct cg_span oid)
{
    return (enum cg_extension_id)find_value(oid, KIND_EXTENSION);
}

enum cg_key_type
cg_oid_key_type(struct cg_span oid)
{
    return (enum cg_key_type)find_value(oid, KIND_KEY);
}

uint32_t
cg_oid_purpose(struct cg_span oid)
{
    uint32_t bit = find_value(oid, KIND_PURPOSE);

    return bit == 0 ? CG_EKU_OTHER : bit;
}

unsigned
cg_oid_curve_bits(struct cg_span oid)
{
    return find_value(oid, KIND_CURVE);
}

/* X.690 section 8.19; an arc that does not fit 64 bits is shown as "…". */
void
cg_oid_text(struct cg_buf *buf, struct cg_span oid)
{
    const char *name = cg_oid_name(oid);
    uint64_t arc = 0;
    bool first = true, overflow = false;

    if (name != NULL) {
        cg_buf_add(buf, name);
        return;
    }
    for (size_t i = 0; i < oid.len; i++) {
        overflow = overflow || arc > (UINT64_MAX >> 7);
        arc = arc << 7 | (oid.data[i] & 0x7f);
        if ((oid.data[i] & 0x80) != 0)
            continue;
        if (overflow)
            cg_buf_add(buf, first ? "..." : "....");
        else if (first)
            cg_buf_addf(buf, "%llu.%llu", (unsigned long long)(arc < 80 ? arc / 40 : 2),
                    (unsigned long long)(arc < 80 ? arc % 40 : arc - 80));
        else
            cg_buf_addf(buf, ".%llu", (unsigned long long)arc);
        first = overflow = false;
        arc = 0;
    }
}
