/*
 * Keys and signatures: the one place that asks OpenSSL for cryptography, and what the engine remembers
 * of it.
 */
#ifndef CG_X509_CRYPTO_H
#define CG_X509_CRYPTO_H

#include <certgate/decision.h>

#include "x509/facts.h"

enum cg_signature_result {
    CG_SIGNATURE_VALID,
    CG_SIGNATURE_INVALID,
    CG_SIGNATURE_REFUSED, /* algorithm unknown, its parameters wrong, MD2/MD4/MD5, or key of another type */
    CG_SIGNATURE_SHA1,    /* SHA-1, and not allowed: not verified */
    CG_SIGNATURE_KEY,     /* the issuer's key does not load */
    CG_SIGNATURE_FAILED,  /* no memory or an internal failure: the caller gives CG_E_CRYPTO */
};

/* What else is signed as a certificate is: a CRL, an OCSP response. Only certificates are no evidence. */
struct cg_signed {
    const uint8_t *sha256; /* of the whole */
    struct cg_span tbs; /* header included */
    struct cg_span algorithm; /* AlgorithmIdentifier, header included */
    struct cg_span signature; /* BIT STRING bytes; empty when it has unused bits */
    bool remember; /* the result, if it is valid: not for what a peer brings along */
};

/*
 * Verifies that `issuer`'s key signed `cert`. *fresh is set to whether a signature was really verified;
 * false when the engine remembered it. Only valid results are remembered, by both SHA-256 digests
 * (certificate and issuer's public key).
 */
enum cg_signature_result cg_signature_verify(struct cg_engine *engine, const struct cg_cert *cert,
        const struct cg_cert *issuer, bool allow_sha1, bool *fresh);

/* The same for evidence; SHA-1 is never allowed. */
enum cg_signature_result cg_signature_verify_signed(struct cg_engine *engine,
        const struct cg_signed *evidence, const struct cg_cert *issuer, bool *fresh);

/* What a verification with this certificate's key counts as against CG_MAX_SIGNATURES. */
unsigned cg_signature_weight(const struct cg_cert *issuer);

/*
 * Verifies that a certificate's own key signed it. The algorithm is not judged, since nothing hangs on
 * a self-signature: SHA-1 and MD5 verify here.
 */
enum cg_signature_result cg_signature_verify_own(
        struct cg_engine *engine, const struct cg_cert *cert, bool *fresh);

/* The signature algorithm's digest is SHA-1, whatever the key. */
bool cg_signature_is_sha1(const struct cg_cert *cert);
/* The signature algorithm is none that cg_signature_verify() would verify, whatever the key. */
bool cg_signature_is_refused(const struct cg_cert *cert);

/* Parameters of an RSASSA-PSS key: absent, or such as a signature may have (RFC 4055 section 3.1). */
bool cg_pss_key_parameters_valid(struct cg_span parameters);

/* SHA-1 or SHA-2 of the bytes, by the OID of the digest; 0 octets when it is none of them. */
size_t cg_digest_by_oid(const struct cg_engine *engine, struct cg_span oid, struct cg_span bytes, uint8_t out[CG_MAX_DIGEST]);

/* The public key loads: a key OpenSSL can use (RSA numbers, EC point on its curve, …). */
bool cg_key_loads(struct cg_engine *engine, const struct cg_cert *cert);

/* Security strength in bits as SP 800-57 part 1 has it; EC only by field size: 224 gives 112. 0 unknown. */
unsigned cg_key_strength(const struct cg_cert *cert);

#endif
