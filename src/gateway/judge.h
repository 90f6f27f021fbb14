/* Judging the chain that a peer sent by the rules of one of the classes it could be of. */
#ifndef GATEWAY_JUDGE_H
#define GATEWAY_JUDGE_H

#include "gateway/chain.h"
#include "gateway/tls.h"

/*
 * Judges what the peer sent (handshake->received) by the class's rules.
 *
 * from_domain  host of the SIP request's From URI, or NULL while it is not known
 * out          set to NULL first; the caller owns it
 */
CG_CHECKED enum cg_status judge_peer(const struct handshake *handshake,
        const struct gw_class *class, const char *from_domain, struct cg_decision **out,
        struct cg_error *err);

/*
 * The From domain of a resumed session's request, by the received certificate alone: everything else its
 * ticket answers. *out is NULL where the class asks nothing of the kind.
 */
CG_CHECKED enum cg_status judge_from_domain(const struct handshake *handshake,
        const struct gw_class *class, const char *from_domain, struct cg_decision **out,
        struct cg_error *err);

#endif
