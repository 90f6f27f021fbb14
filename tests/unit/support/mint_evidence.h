/* CRLs and OCSP responses for tests, made in the process with OpenSSL. */
#ifndef TESTS_MINT_EVIDENCE_H
#define TESTS_MINT_EVIDENCE_H

#include <certgate/certgate.h>

#include "support/mint.h"

struct mint_crl {
    const char *issuer; /* as mint.subject */
    EVP_PKEY *signer;
    int64_t this_update; /* 0: an hour before MINT_NOW */
    int64_t next_update; /* 0: a day after MINT_NOW; -1: none */
    int version; /* 0: 2 */
    const char *digest; /* NULL: SHA256, or none where the key wants none */
    bool spoil; /* break the signature */
    struct {
        long serial; /* 0 ends them */
        int reason; /* CRLReason; 0: no reasonCode */
        const char *extension; /* one more, as in mint.extensions; NULL: none */
    } revoked[4];
    const char *extensions[4];
};

uint8_t *mint_crl_der(const struct mint_crl *what, size_t *len);

struct mint_ocsp {
    const struct cg_cert *cert; /* asked about */
    const struct cg_cert *issuer; /* of the certID */
    const struct cg_cert *responder; /* NULL: the issuer */
    EVP_PKEY *signer; /* the responder's key */
    const struct cg_cert *along; /* the certificate that comes with it; NULL: none */
    int status; /* V_OCSP_CERTSTATUS_… */
    int reason; /* CRLReason of a revoked one, -1 for none */
    int64_t this_update; /* as in mint_crl */
    int64_t next_update;
    bool by_key; /* responderID is a key's digest */
    const char *hash; /* of the certID; NULL: SHA1 */
    const char *digest; /* NULL: SHA256 */
    const char *extension; /* of the response; NULL: none */
    const char *answer_extension; /* of the answer */
    bool spoil;
    int response_status; /* OCSP_RESPONSE_STATUS_…; but for successful there is no answer */
};

uint8_t *mint_ocsp_der(const struct mint_ocsp *what, size_t *len);

/* Parsed by the library under test, with this source. */
struct cg_evidence *mint_crl(const struct mint_crl *what, const char *source);
struct cg_evidence *mint_ocsp(const struct mint_ocsp *what, const char *source);

#endif
