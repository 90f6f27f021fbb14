/*
 * The engine's inside: a library context of its own, fetched algorithms, and the bounded memories of
 * keys, of verified signatures and (the property of lib/decision) of decisions.
 */
#ifndef CG_X509_ENGINE_H
#define CG_X509_ENGINE_H

#include <certgate/decision.h>
#include <openssl/evp.h>

#include "x509/facts.h"

/* Sets of two: a newcomer takes the older place of its set. 512 CA keys, 8,192 signatures of each kind. */
#define CG_ENGINE_KEY_SETS 256
#define CG_ENGINE_VERIFIED_SETS 4096
/* CRLs and responses that were given to us: as many as a set of them holds. */
#define CG_ENGINE_BELIEVED_SETS 2048
/* CA certificates that peers send again and again: 256 of at most this size, 2 MiB with their facts. */
#define CG_ENGINE_CA_SETS 128
#define CG_ENGINE_MAX_CA_BYTES 4096
/* Trusted certificates that were asked for as issuers: 1,024, 2 MiB with their facts. */
#define CG_ENGINE_TRUSTED_SETS 512

/* Digests that signatures are made with; MD5 only to recognise old self-signed roots. */
enum cg_digest {
    CG_DIGEST_NONE, /* EdDSA hashes by itself */
    CG_DIGEST_MD5,
    CG_DIGEST_SHA1,
    CG_DIGEST_SHA224,
    CG_DIGEST_SHA256,
    CG_DIGEST_SHA384,
    CG_DIGEST_SHA512,
    CG_DIGEST_COUNT
};

/* Curves whose parameters are kept: setting them up costs ten times what reading a point does. */
enum { CG_CURVE_P256, CG_CURVE_P384, CG_CURVE_P521, CG_CURVE_COUNT };

/* What a loaded key's verification context is set up for at the moment. */
struct cg_key_setup {
    bool ready;
    bool pss;
    enum cg_digest digest;
    int salt;
};

struct cg_key {
    uint8_t spki_sha256[CG_SHA256_SIZE];
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *verify; /* made at the first signature */
    struct cg_key_setup setup;
};

struct cg_verified {
    uint8_t cert[CG_SHA256_SIZE];
    uint8_t spki[CG_SHA256_SIZE];
};

/* Valid signatures that were verified once. */
struct cg_verified_set {
    struct cg_verified pairs[2];
};

struct cg_decision_cache; /* lib/decision's */
struct cg_path_scratch; /* path.c's */

struct cg_engine {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *provider;
    EVP_MD *digests[CG_DIGEST_COUNT];
    EVP_MD_CTX *hashing;
    EVP_PKEY_CTX *make_rsa; /* EVP_PKEY_fromdata, prepared */
    EVP_PKEY_CTX *make_ec;
    EVP_PKEY_CTX *make_dsa;
    EVP_PKEY *curves[CG_CURVE_COUNT]; /* a key of each, NULL until the first loads */
    struct cg_key *keys; /* CG_ENGINE_KEY_SETS sets of two */
    uint8_t loaded[CG_SHA256_SIZE]; /* SPKI of the last received key that loaded: two checks ask */
    bool has_loaded;
    /* Apart, so that a stream of new leaves never drives out what is known of CAs. */
    struct cg_verified_set *verified_cas;
    struct cg_verified_set *verified_leaves;
    struct cg_verified_set *believed; /* NULL until the first evidence */
    struct cg_cert **cas; /* CG_ENGINE_CA_SETS sets of two, parsed */
    struct cg_cert **trusted; /* CG_ENGINE_TRUSTED_SETS sets of two: apart, for nobody else fills them */
    struct cg_path_scratch *scratch;
    struct cg_decision_cache *decisions; /* NULL until lib/decision makes one … */
    void (*free_decisions)(struct cg_decision_cache *cache); /* … and says how it is freed */
};

/* The key of this certificate, borrowed until the next call; NULL when it does not load. */
struct cg_key *cg_engine_key(struct cg_engine *engine, const struct cg_cert *cert);

/* A loaded key outside the memory; the caller frees it. NULL when it does not load. */
EVP_PKEY *cg_key_load(struct cg_engine *engine, const struct cg_cert *cert);

/*
 * cg_cert_from_der() for what came along with a received certificate: a CA that came before is not
 * parsed again. The caller owns the reference.
 */
CG_CHECKED enum cg_status cg_engine_cert(struct cg_engine *engine, const uint8_t *der, size_t len,
        struct cg_cert **out, struct cg_error *err);

/*
 * Entry i of a store, parsed, or found in memory by its SHA-256. The caller owns the reference. Other than
 * CG_OK only where memory or the cryptographic library fails: what is in a store parses.
 */
CG_CHECKED enum cg_status cg_engine_trusted(
        struct cg_engine *engine, const struct cg_store *store, size_t i, struct cg_cert **out);

/* SHA-256 over the parts one after the other. False when the library fails. */
bool cg_engine_sha256(struct cg_engine *engine, const struct cg_span *parts, size_t count,
        uint8_t out[CG_SHA256_SIZE]);

bool cg_engine_is_verified(
        const struct cg_engine *engine, const struct cg_cert *cert, const struct cg_cert *issuer);
void cg_engine_note_verified(
        struct cg_engine *engine, const struct cg_cert *cert, const struct cg_cert *issuer);

/* The same of evidence, by its SHA-256. Without memory nothing is remembered. */
bool cg_engine_is_believed(const struct cg_engine *engine, const uint8_t sha256[CG_SHA256_SIZE],
        const struct cg_cert *issuer);
void cg_engine_note_believed(struct cg_engine *engine, const uint8_t sha256[CG_SHA256_SIZE],
        const struct cg_cert *issuer);

#endif
