/* Judging the chain that a peer sent by the rules of one of the classes it could be of. */
#ifndef GATEWAY_JUDGE_H
#define GATEWAY_JUDGE_H

#include "gateway/chain.h"
#include "gateway/tls.h"

/* What the peer sent in a finished handshake; of a resumed session, the received certificate alone. */
CG_CHECKED enum cg_status chain_of_peer(SSL *ssl, const struct handshake *handshake,
        struct chain *chain, enum cg_reason *reason, struct cg_error *err);

/*
 * Judges by the class's rules.
 *
 * chain        count 0: the peer sent none
 * from_domain  host of the SIP request's From URI, or NULL while it is not known
 * out          set to NULL first; the caller owns it
 */
CG_CHECKED enum cg_status judge_chain(const struct handshake *handshake,
        const struct gw_class *class, const struct chain *chain, const char *from_domain,
        struct cg_decision **out, struct cg_error *err);

/* The same of a finished full handshake, whose chain libssl still holds. */
CG_CHECKED enum cg_status judge_peer(SSL *ssl, const struct handshake *handshake,
        const struct gw_class *class, const char *from_domain, struct cg_decision **out,
        struct cg_error *err);

/*
 * The From domain of a resumed session's request, by the received certificate alone: everything else its
 * ticket answers. *out is NULL where the class asks nothing of the kind.
 */
CG_CHECKED enum cg_status judge_from_domain(SSL *ssl, const struct handshake *handshake,
        const struct gw_class *class, const char *from_domain, struct cg_decision **out,
        struct cg_error *err);

#endif
