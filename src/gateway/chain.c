#include "gateway/chain.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/error.h"

static enum cg_status
encode_fail(struct cg_error *err)
{
    ERR_clear_error();
    return cg_fail(err, CG_E_CRYPTO, "cannot encode a received certificate");
}

static enum cg_status
measure(struct chain *chain, X509 *cert, enum cg_reason *reason, struct cg_error *err)
{
    int len = i2d_X509(cert, NULL);

    if (len <= 0)
        return encode_fail(err);
    *reason = CG_REASON_TOO_LARGE;
    if (chain->count == GW_MAX_CHAIN_CERTS)
        return cg_fail(err, CG_E_LIMIT, "more than %d certificates sent", GW_MAX_CHAIN_CERTS);
    chain->lens[chain->count++] = (uint32_t)len;
    chain->total += (size_t)len;
    if (chain->total > GW_MAX_CHAIN_BYTES)
        return cg_fail(
                err, CG_E_LIMIT, "more than %d bytes of certificates sent", GW_MAX_CHAIN_BYTES);
    *reason = CG_REASON_INTERNAL_ERROR;
    return CG_OK;
}

static enum cg_status
collect(X509 *leaf, STACK_OF(X509) * others, struct chain *chain, enum cg_reason *reason,
        struct cg_error *err)
{
    X509 *certs[GW_MAX_CHAIN_CERTS];
    enum cg_status status;
    uint8_t *at;

    certs[0] = leaf;
    status = measure(chain, leaf, reason, err);
    for (int i = 0; status == CG_OK && i < sk_X509_num(others); i++) {
        X509 *cert = sk_X509_value(others, i);

        if (cert == leaf)
            continue;
        status = measure(chain, cert, reason, err);
        if (status == CG_OK)
            certs[chain->count - 1] = cert;
    }
    if (status != CG_OK)
        return status;
    *reason = CG_REASON_INTERNAL_ERROR;
    chain->bytes = at = malloc(chain->total);
    if (at == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the chain sent");
    for (size_t i = 0; i < chain->count; i++)
        if (i2d_X509(certs[i], &at) != (int)chain->lens[i])
            return encode_fail(err);
    return CG_OK;
}

enum cg_status
chain_collect(X509 *leaf, STACK_OF(X509) * others, struct chain *chain, enum cg_reason *reason,
        struct cg_error *err)
{
    enum cg_status status;

    *reason = CG_REASON_INTERNAL_ERROR;
    status = collect(leaf, others, chain, reason, err);
    if (status == CG_OK)
        *reason = CG_REASON_NONE;
    else
        chain_release(chain);
    return status;
}

bool
chain_of_leaf(struct cg_span leaf, struct chain *chain)
{
    chain->bytes = malloc(leaf.len);
    if (chain->bytes == NULL)
        return false;
    memcpy(chain->bytes, leaf.data, leaf.len);
    chain->total = leaf.len;
    chain->lens[0] = (uint32_t)leaf.len;
    chain->count = 1;
    return true;
}

void
chain_certs(const struct chain *chain, struct cg_span out[GW_MAX_CHAIN_CERTS])
{
    const uint8_t *at = chain->bytes;

    for (size_t i = 0; i < chain->count; at += chain->lens[i], i++)
        out[i] = cg_span(at, chain->lens[i]);
}

bool
chain_digest(const struct chain *chain, uint8_t out[CG_SHA256_SIZE])
{
    bool ok = EVP_Digest(chain->bytes, chain->total, out, NULL, EVP_sha256(), NULL) == 1;

    ERR_clear_error();
    return ok;
}

void
chain_release(struct chain *chain)
{
    free(chain->bytes);
    *chain = (struct chain) { .count = 0 };
}
