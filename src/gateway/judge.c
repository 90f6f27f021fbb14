#include "gateway/judge.h"

#include "base/error.h"
#include "base/limits.h"

enum cg_status
chain_of_peer(SSL *ssl, const struct handshake *handshake, struct chain *chain,
        enum cg_reason *reason, struct cg_error *err)
{
    return handshake->leaf != NULL
            ? chain_copy(cg_span(handshake->leaf, handshake->leaf_len), chain, reason, err)
            : chain_of(ssl, chain, reason, err);
}

/* The OCSP response that a server sent along, where it did. */
static void
take_staple(const struct handshake *handshake, struct cg_peer *peer)
{
    unsigned char *staple = NULL;
    long len;

    if (handshake->ssl == NULL || handshake->iface->settings->role != CG_ROLE_OUTBOUND)
        return;
    len = SSL_get_tlsext_status_ocsp_resp((SSL *)(uintptr_t)handshake->ssl, &staple);
    if (len <= 0 || staple == NULL)
        return;
    peer->staple = staple;
    peer->staple_len = (size_t)len;
}

static enum cg_status
evaluate(const struct handshake *handshake, const struct gw_class *class,
        const struct cg_policy *policy, const struct chain *chain, const char *from_domain,
        struct cg_decision **out, struct cg_error *err)
{
    const bool asks =
            cg_policy_revocation(policy) != CG_REVOCATION_OFF && handshake->revocation != NULL;
    const uint8_t *cas[CG_MAX_CANDIDATES];
    size_t cas_len[CG_MAX_CANDIDATES];
    enum cg_status status;
    struct cg_peer peer = {
        .now = handshake->clock() / 1000,
        .clock_floor = GW_CLOCK_FLOOR,
        .address = handshake->address,
        .from_domain = from_domain,
        .phone = class->phone,
    };

    if (chain->count != 0) {
        peer.leaf = chain->certs[0];
        peer.leaf_len = chain->lens[0];
        peer.chain = chain->certs + 1;
        peer.chain_len = chain->lens + 1;
        peer.chain_count = chain->count - 1;
    }
    /* A session brings the received certificate alone; what is above it is mostly known. */
    if (asks && handshake->leaf != NULL && chain->count == 1) {
        peer.chain = cas;
        peer.chain_len = cas_len;
        peer.chain_count =
                revocation_known_cas(handshake->revocation, cas, cas_len, CG_MAX_CANDIDATES);
    }
    if (asks) {
        peer.revocation = revocation_set(handshake->revocation);
        take_staple(handshake, &peer);
    }
    status = cg_evaluate(
            handshake->engine, handshake->iface->generation->store, policy, &peer, out, err);
    if (asks && status == CG_OK)
        revocation_ask(handshake->revocation, handshake->engine, *out, peer.now);
    return status;
}

enum cg_status
judge_chain(const struct handshake *handshake, const struct gw_class *class,
        const struct chain *chain, const char *from_domain, struct cg_decision **out,
        struct cg_error *err)
{
    return evaluate(handshake, class, class->policy, chain, from_domain, out, err);
}

enum cg_status
judge_peer(SSL *ssl, const struct handshake *handshake, const struct gw_class *class,
        const char *from_domain, struct cg_decision **out, struct cg_error *err)
{
    struct chain chain = { .count = 0 };
    enum cg_reason reason;
    enum cg_status status = chain_of_peer(ssl, handshake, &chain, &reason, err);

    *out = NULL;
    if (status == CG_OK)
        status = judge_chain(handshake, class, &chain, from_domain, out, err);
    chain_release(&chain);
    return status;
}

enum cg_status
judge_from_domain(SSL *ssl, const struct handshake *handshake, const struct gw_class *class,
        const char *from_domain, struct cg_decision **out, struct cg_error *err)
{
    struct chain chain = { .count = 0 };
    enum cg_reason reason;
    enum cg_status status = CG_OK;

    *out = NULL;
    if (class->domains == NULL)
        return CG_OK;
    status = chain_of_peer(ssl, handshake, &chain, &reason, err);
    if (status == CG_OK)
        status = evaluate(handshake, class, class->domains, &chain, from_domain, out, err);
    chain_release(&chain);
    return status;
}
