#include "gateway/judge.h"

#include "base/error.h"
#include "base/limits.h"

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
        const struct cg_policy *policy, const char *from_domain, struct cg_decision **out,
        struct cg_error *err)
{
    const struct chain *chain = &handshake->received;
    _Static_assert(GW_MAX_CHAIN_CERTS <= CG_MAX_CANDIDATES, "a chain fits among the CAs");
    const bool asks =
            cg_policy_revocation(policy) != CG_REVOCATION_OFF && handshake->revocation != NULL;
    struct cg_span certs[GW_MAX_CHAIN_CERTS];
    const uint8_t *cas[CG_MAX_CANDIDATES];
    size_t cas_len[CG_MAX_CANDIDATES];
    enum cg_status status;
    struct cg_peer peer = {
        .now = handshake->clock() / 1000,
        .clock_floor = GW_CLOCK_FLOOR,
        .address = handshake->address,
        .from_domain = from_domain,
        .phone = class->phone,
        .chain = cas,
        .chain_len = cas_len,
    };

    chain_certs(chain, certs);
    if (chain->count != 0) {
        peer.leaf = certs[0].data;
        peer.leaf_len = certs[0].len;
        peer.chain_count = chain->count - 1;
    }
    for (size_t i = 0; i < peer.chain_count; i++) {
        cas[i] = certs[i + 1].data;
        cas_len[i] = certs[i + 1].len;
    }
    /* A session brings the received certificate alone; what is above it is mostly known. */
    if (asks && handshake->has_ticket && chain->count == 1)
        peer.chain_count =
                revocation_known_cas(handshake->revocation, cas, cas_len, CG_MAX_CANDIDATES);
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
judge_peer(const struct handshake *handshake, const struct gw_class *class, const char *from_domain,
        struct cg_decision **out, struct cg_error *err)
{
    *out = NULL;
    return evaluate(handshake, class, class->policy, from_domain, out, err);
}

enum cg_status
judge_from_domain(const struct handshake *handshake, const struct gw_class *class,
        const char *from_domain, struct cg_decision **out, struct cg_error *err)
{
    *out = NULL;
    return class->domains == NULL
            ? CG_OK
            : evaluate(handshake, class, class->domains, from_domain, out, err);
}
