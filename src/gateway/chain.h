/* The chain that a peer sent, as DER: what the library judges and what backends are told. */
#ifndef GATEWAY_CHAIN_H
#define GATEWAY_CHAIN_H

#include <certgate/certgate.h>
#include <openssl/ssl.h>

#include "base/span.h"
#include "gateway/limits.h"

/* Certificates one behind the other, the received one first; bounded. Each connection keeps one. */
struct chain {
    uint8_t *bytes;
    size_t total;
    uint32_t lens[GW_MAX_CHAIN_CERTS];
    uint32_t count;
};

/*
 * Encodes what libssl holds: leaf, and the certificates of `others` but for leaf itself (libssl lists it
 * there in some places).
 *
 * reason   why not, when it fails: too-large or internal-error
 * chain    to be released in any case
 */
CG_CHECKED enum cg_status chain_collect(X509 *leaf, STACK_OF(X509) * others, struct chain *chain,
        enum cg_reason *reason, struct cg_error *err);
/* A chain of one certificate, copied; false without memory. */
bool chain_of_leaf(struct cg_span leaf, struct chain *chain);
/* Where each certificate is, `chain->count` of them. */
void chain_certs(const struct chain *chain, struct cg_span out[GW_MAX_CHAIN_CERTS]);
bool chain_digest(const struct chain *chain, uint8_t out[CG_SHA256_SIZE]);
void chain_release(struct chain *chain);

#endif
