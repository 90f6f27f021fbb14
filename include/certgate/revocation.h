/*
 * What is known about revocation: CRLs and OCSP responses, given as bytes and judged in an evaluation.
 */
#ifndef CERTGATE_REVOCATION_H
#define CERTGATE_REVOCATION_H

#include <certgate/cert.h>

enum cg_evidence_kind { CG_EVIDENCE_CRL, CG_EVIDENCE_OCSP };

enum cg_revocation_status {
    CG_REVOCATION_NOT_ASKED,
    CG_REVOCATION_GOOD,
    CG_REVOCATION_REVOKED,
    CG_REVOCATION_UNKNOWN,
};

/* One CRL or OCSP response. Immutable and reference-counted. */
struct cg_evidence;
struct cg_engine;

/*
 * Parses exactly one DER CRL (RFC 5280 section 5.1) or OCSP response (RFC 6960 section 4.2.1).
 *
 * source   a URL, a file, "stapled": copied, for words only
 * out      set to NULL first; the caller owns the reference
 *
 * What is well formed but not for us (a delta CRL, a responder's tryLater) parses too: the finding of
 * whoever meets it says why it is of no use. Returns CG_OK, CG_E_PARSE, CG_E_LIMIT, CG_E_NOMEM or
 * CG_E_CRYPTO.
 */
CG_CHECKED enum cg_status cg_evidence_from_der(enum cg_evidence_kind kind, const uint8_t *der,
        size_t len, const char *source, struct cg_evidence **out, struct cg_error *err);
struct cg_evidence *cg_evidence_ref(const struct cg_evidence *evidence);
void cg_evidence_free(struct cg_evidence *evidence);

enum cg_evidence_kind cg_evidence_kind(const struct cg_evidence *evidence);
/* The DER, borrowed; *len is set. */
const uint8_t *cg_evidence_get0_der(const struct cg_evidence *evidence, size_t *len);
/* SHA-256 of the DER, CG_SHA256_SIZE bytes, borrowed. */
const uint8_t *cg_evidence_get0_sha256(const struct cg_evidence *evidence);
/*
 * The seconds in which it may be believed, both included: of several answers, those in which all may.
 * What answers nothing has none: until lies before from.
 */
int64_t cg_evidence_fresh_from(const struct cg_evidence *evidence);
int64_t cg_evidence_fresh_until(const struct cg_evidence *evidence);
/* Why nothing can be told by it, a sentence; NULL where that is not so. Borrowed. */
const char *cg_evidence_unusable(const struct cg_evidence *evidence);

/* A set of them. Build it, freeze it, share it, as a store. */
struct cg_revocation;

struct cg_revocation *cg_revocation_new(void);
/* Takes its own reference; the same bytes twice change nothing. CG_OK, CG_E_LIMIT, CG_E_NOMEM or CG_E_USAGE. */
CG_CHECKED enum cg_status cg_revocation_add(struct cg_revocation *revocation,
        const struct cg_evidence *evidence, struct cg_error *err);
/* Ends adding and computes the digest. CG_OK or CG_E_CRYPTO. */
CG_CHECKED enum cg_status cg_revocation_freeze(
        struct cg_revocation *revocation, struct cg_error *err);
struct cg_revocation *cg_revocation_ref(const struct cg_revocation *revocation);
void cg_revocation_free(struct cg_revocation *revocation);
size_t cg_revocation_count(const struct cg_revocation *revocation);
/* SHA-256 over the fingerprints in ascending order: equal sets, equal digests. Frozen sets only. */
const uint8_t *cg_revocation_get0_digest(const struct cg_revocation *revocation);

/*
 * Where a certificate says that it can be asked about: the URLs of its cRLDistributionPoints (RFC 5280
 * section 4.2.1.13), and of the responders in its authorityInfoAccess (section 4.2.2.1). Only http and https,
 * printable ASCII, at most `max`. Each is malloc'ed text that the caller frees; returns how many.
 */
size_t cg_cert_crl_urls(const struct cg_cert *cert, char **urls, size_t max);
size_t cg_cert_ocsp_urls(const struct cg_cert *cert, char **urls, size_t max);

/*
 * The request that asks about cert, which issuer issued (RFC 6960 section 4.1.1): SHA-1 in its
 * certID as RFC 5019 section 2.1.1 has it, no nonce, so that answers can be kept. The caller frees *out.
 */
CG_CHECKED enum cg_status cg_ocsp_request(const struct cg_engine *engine, const struct cg_cert *cert, const struct cg_cert *issuer,
        uint8_t **out, size_t *len, struct cg_error *err);

#endif
