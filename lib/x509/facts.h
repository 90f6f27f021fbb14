/*
 * What a certificate says, as spans into its own DER. Filled once by cg_cert_from_der(), never changed.
 */
#ifndef CG_X509_FACTS_H
#define CG_X509_FACTS_H

#include <certgate/cert.h>

#include "base/limits.h"
#include "base/span.h"

/* What was found wrong inside an otherwise readable certificate; bits of cg_cert.defects. */
#define CG_DEFECTS(X)                                                                             \
    X(DUPLICATE_EXTENSION, "an extension appears twice (RFC 5280 section 4.2)")                   \
    X(EXTENSIONS_BEFORE_V3, "extensions in a certificate below version 3 (section 4.1.2.9)")      \
    X(ALGORITHM_MISMATCH, "inner and outer signature algorithm differ (section 4.1.1.2)")         \
    X(SERIAL_NOT_POSITIVE, "serial number is not positive (section 4.1.2.2)")                     \
    X(SERIAL_TOO_LONG, "serial number is longer than 20 octets (section 4.1.2.2)")                \
    X(BASIC_CONSTRAINTS, "basicConstraints does not parse (section 4.2.1.9)")                     \
    X(KEY_USAGE, "keyUsage does not parse (section 4.2.1.3)")                                     \
    X(KEY_USAGE_EMPTY, "keyUsage has no bit (section 4.2.1.3)")                                   \
    X(EXT_KEY_USAGE, "extKeyUsage does not parse or is empty (section 4.2.1.12)")                 \
    X(SUBJECT_ALT_NAME, "subjectAltName does not parse or is empty (section 4.2.1.6)")            \
    X(NAME_CONSTRAINTS, "nameConstraints does not parse (section 4.2.1.10)")                      \
    X(CERTIFICATE_POLICIES, "certificatePolicies does not parse or repeats one (section 4.2.1.4)") \
    X(POLICY_MAPPINGS, "policyMappings does not parse or maps anyPolicy (section 4.2.1.5)")       \
    X(POLICY_CONSTRAINTS, "policyConstraints does not parse or is empty (section 4.2.1.11)")      \
    X(INHIBIT_ANY_POLICY, "inhibitAnyPolicy does not parse (section 4.2.1.14)")                   \
    X(SUBJECT_KEY_ID, "subjectKeyIdentifier does not parse (section 4.2.1.2)")                    \
    X(AUTHORITY_KEY_ID, "authorityKeyIdentifier does not parse (section 4.2.1.1)")                \
    X(NAME_ENCODING, "a distinguished name holds a string of another type than it says")          \
    X(EMPTY_ISSUER, "the issuer's name is empty (section 4.1.2.4)")                               \
    X(UNIQUE_ID, "unique identifiers in a version 1 certificate (section 4.1.2.8)")               \
    X(TIME_ENCODING, "a date before 2050 is not UTCTime, or one after is (section 4.1.2.5)")      \
    X(PATH_LEN_WITHOUT_CA, "basicConstraints has a path length but no CA flag (section 4.2.1.9)") \
    X(TOO_MANY_NAMES, "more SAN entries than are judged")

enum cg_defect {
#define X(name, text) CG_DEFECT_##name,
    CG_DEFECTS(X)
#undef X
            CG_DEFECT_COUNT
};

/* The sentence of the row; never NULL. */
const char *cg_defect_text(enum cg_defect defect);

enum cg_key_type {
    CG_KEY_UNKNOWN,
    CG_KEY_RSA,
    CG_KEY_RSA_PSS,
    CG_KEY_DSA,
    CG_KEY_EC,
    CG_KEY_ED25519,
    CG_KEY_ED448,
};

/* Extensions that we process; everything else is CG_EXT_OTHER. */
enum cg_extension_id {
    CG_EXT_OTHER,
    CG_EXT_SUBJECT_KEY_ID,
    CG_EXT_KEY_USAGE,
    CG_EXT_SUBJECT_ALT_NAME,
    CG_EXT_BASIC_CONSTRAINTS,
    CG_EXT_NAME_CONSTRAINTS,
    CG_EXT_CRL_DISTRIBUTION_POINTS,
    CG_EXT_CERTIFICATE_POLICIES,
    CG_EXT_POLICY_MAPPINGS,
    CG_EXT_AUTHORITY_KEY_ID,
    CG_EXT_POLICY_CONSTRAINTS,
    CG_EXT_EXT_KEY_USAGE,
    CG_EXT_INHIBIT_ANY_POLICY,
};

struct cg_extension {
    enum cg_extension_id id;
    bool critical;
    struct cg_span oid;
    struct cg_span value; /* contents of extnValue's OCTET STRING */
};

/* keyUsage bits (RFC 5280 section 4.2.1.3): bit i of the mask is bit i of the BIT STRING. */
enum {
    CG_KU_DIGITAL_SIGNATURE = 1 << 0,
    CG_KU_NON_REPUDIATION = 1 << 1,
    CG_KU_KEY_ENCIPHERMENT = 1 << 2,
    CG_KU_DATA_ENCIPHERMENT = 1 << 3,
    CG_KU_KEY_AGREEMENT = 1 << 4,
    CG_KU_KEY_CERT_SIGN = 1 << 5,
    CG_KU_CRL_SIGN = 1 << 6,
    CG_KU_ENCIPHER_ONLY = 1 << 7,
    CG_KU_DECIPHER_ONLY = 1 << 8,
};

/* Purposes that matter to us, as bits; the rest count only as "present". */
enum {
    CG_EKU_SERVER_AUTH = 1 << 0,
    CG_EKU_CLIENT_AUTH = 1 << 1,
    CG_EKU_ANY = 1 << 2,
    CG_EKU_SIP_DOMAIN = 1 << 3, /* RFC 5924 */
    CG_EKU_OTHER = 1 << 4,
    CG_EKU_OCSP_SIGNING = 1 << 5, /* RFC 6960 section 4.2.2.2 */
};

/* GeneralName, RFC 5280 section 4.2.1.6; the numbers are the context tags. */
enum cg_name_type {
    CG_NAME_OTHER = 0,
    CG_NAME_EMAIL = 1,
    CG_NAME_DNS = 2,
    CG_NAME_X400 = 3,
    CG_NAME_DIRECTORY = 4,
    CG_NAME_EDI = 5,
    CG_NAME_URI = 6,
    CG_NAME_IP = 7,
    CG_NAME_REGISTERED_ID = 8,
};

struct cg_general_name {
    enum cg_name_type type;
    struct cg_span value; /* contents; for directoryName the Name's own SEQUENCE, header included */
};

/*
 * A distinguished name ready for comparison (RFC 5280 section 7.1): for each RDN its length (2 octets)
 * and its attributes sorted; strings as UTF-8 prepared by stringprep.h. Equal names
 * have equal bytes, and a name is within a directoryName subtree when the subtree's bytes are a prefix.
 */
struct cg_canonical_name {
    uint8_t *data;
    size_t len;
    uint64_t hash; /* of the bytes; 0 is a possible value */
};

struct cg_cert {
    unsigned refs; /* atomic */
    const uint8_t *der;
    size_t der_len;
    uint8_t sha256[CG_SHA256_SIZE];

    int version;           /* 1, 2 or 3 */
    struct cg_span tbs;    /* tbsCertificate, header included: what is signed */
    struct cg_span serial; /* INTEGER contents */
    struct cg_span signature_algorithm; /* outer AlgorithmIdentifier, header included */
    struct cg_span signature;           /* BIT STRING bytes; empty when it has unused bits */
    struct cg_span issuer;              /* Name, header included */
    struct cg_span subject;
    struct cg_canonical_name canonical_issuer;
    struct cg_canonical_name canonical_subject;
    int64_t not_before;
    int64_t not_after;

    struct cg_span spki;           /* SubjectPublicKeyInfo, header included */
    struct cg_span key_oid;        /* algorithm */
    struct cg_span key_parameters; /* parameters, header included; empty where absent */
    struct cg_span key_bits_data;  /* subjectPublicKey bytes */
    uint8_t spki_sha256[CG_SHA256_SIZE];
    enum cg_key_type key_type;
    unsigned key_bits;          /* RSA, DSA: modulus bits; EC: field bits; 0 when unknown */
    struct cg_span key_curve;   /* EC: named curve OID contents; empty otherwise */

    struct cg_extension *extensions;
    size_t extension_count;
    uint32_t defects; /* bit i = enum cg_defect i */
    struct cg_span defect_where; /* OID of the extension concerned by the first defect, or empty */

    bool has_key_usage;
    uint16_t key_usage;
    bool has_basic_constraints;
    bool ca;
    bool has_path_len;
    uint32_t path_len;
    bool has_eku;
    uint32_t eku;      /* CG_EKU_… bits */
    struct cg_span eku_value; /* contents of the SEQUENCE OF OBJECT IDENTIFIER */
    bool has_san;
    struct cg_general_name *san;
    size_t san_count;
    bool has_subject_key_id;
    struct cg_span subject_key_id;
    struct cg_span authority_key_id;        /* keyIdentifier; empty where absent */
    struct cg_span authority_serial;        /* authorityCertSerialNumber INTEGER contents; empty where absent */
    struct cg_canonical_name authority_issuer; /* the one directoryName of authorityCertIssuer; data NULL where absent */
};

/*
 * The facts of bytes that stay the caller's, without digests: for a look into them. To be released, not
 * freed, whatever the status.
 */
CG_CHECKED enum cg_status cg_cert_init(
        struct cg_cert *cert, const uint8_t *der, size_t len, struct cg_error *err);
void cg_cert_release(struct cg_cert *cert);

/* True when defect d was found. */
static inline bool
cg_cert_has_defect(const struct cg_cert *cert, enum cg_defect d)
{
    return (cert->defects >> d & 1u) != 0;
}

/* The first extension with this id, or NULL. */
const struct cg_extension *cg_cert_extension(const struct cg_cert *cert, enum cg_extension_id id);

/* Parses one GeneralName (RFC 5280 section 4.2.1.6) at the cursor. */
struct cg_reader;
bool cg_general_name_read(struct cg_reader *reader, struct cg_general_name *out);
/* What is inside an otherName (an OID and one value), a directoryName or a registeredID is well formed. */
bool cg_general_name_well_formed(const struct cg_general_name *name);

/*
 * Builds the canonical form of a Name (its SEQUENCE, header included). False when it is malformed or
 * memory is short; *bad_string tells when a string is not of the type it says. Release with free(out->data).
 */
bool cg_canonical_name_build(struct cg_span name, struct cg_canonical_name *out, bool *bad_string);
bool cg_canonical_name_equal(
        const struct cg_canonical_name *a, const struct cg_canonical_name *b);

/* Dotted decimal text of an OID's contents, or a short name where we know one. */
struct cg_buf;
void cg_oid_text(struct cg_buf *buf, struct cg_span oid);
/* "CN=peer,O=Example" for people, escaped; "(empty)" for an empty name. */
void cg_name_text(struct cg_buf *buf, struct cg_span name);
/* RFC 4514 for programs, in ASCII without a quote: what it escapes is a backslash and two hex digits. */
void cg_name_rfc4514(struct cg_buf *buf, struct cg_span name);
/* "RSA 2048 bits" */
void cg_key_text(struct cg_buf *buf, const struct cg_cert *cert);
void cg_general_name_text(struct cg_buf *buf, const struct cg_general_name *name);

#endif
