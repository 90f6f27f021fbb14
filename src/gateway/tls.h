/*
 * TLS of an interface: what we offer, how a received certificate is judged in the handshake, what a
 * session must bring to be resumed, and what a failed handshake means.
 */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include <openssl/ssl.h>

#include <certgate/certgate.h>

#include "base/buf.h"
#include "gateway/chain.h"
#include "gateway/clock.h"
#include "gateway/generation.h"
#include "gateway/revocation.h"
#include "gateway/ticket.h"
#include "snapshot/ipc.h"
#include "snapshot/sessions.h"

/*
 * What libssl's callbacks leave for the steps of a connection, and what they need for it. It is the
 * SSL's application data.
 */
struct handshake {
    const struct gw_interface *iface;
    struct cg_engine *engine;
    gw_clock *clock;
    const SSL *ssl; /* that this is the application data of */
    struct sessions *sessions;
    struct revocation *revocation; /* what is known of it; NULL in tests that do not ask */
    bool again; /* outbound: what the server staples comes after its certificate was judged */
    const char *address; /* the peer's, or NULL */
    const struct gw_class
            *class; /* it is judged by in the handshake; NULL: not known before a request */
    bool certificate_required; /* whatever class the peer turns out to be of */
    uint8_t incident[TICKET_INCIDENT_SIZE];

    bool hello; /* a ClientHello came; outbound: it is made up */
    char sni[GW_MAX_SNI + 1];
    size_t sni_len;
    int presented; /* certificates in the peer's message; -1 while it has not come */
    int alert; /* the fatal alert that we sent, or -1 */
    int alert_received; /* the fatal alert that the peer sent, or -1 */
    bool asked; /* outbound: the server asked for our certificate … */
    bool content; /* … and has sent something that it sends nobody whose handshake it refuses */
    struct cg_decision *decision; /* owned; of the certificate received in this handshake */
    int64_t decided;
    /*
     * The peer's certificates, owned; none where it showed none. With a session that is offered, the
     * received certificate alone comes from there: tls_settle() takes it away again where the session was
     * not resumed after all.
     */
    struct chain received;
    uint8_t received_sha256[CG_SHA256_SIZE]; /* of what this handshake brought */
    bool offered; /* the peer came with a session of ours */
    bool has_ticket; /* the last session that was honoured … */
    struct ticket ticket; /* … with its verdict */
};

/*
 * A context for the interface: a server's, or a client's where its role is outbound, and then identity
 * and key may be NULL. The caller owns *out.
 */
CG_CHECKED enum cg_status tls_context_new(struct gw_interface *iface,
        const struct snapshot_identity *identity, EVP_PKEY *key, SSL_CTX **out,
        struct cg_error *err);

/* Frees what a handshake owns. */
void tls_handshake_release(struct handshake *handshake);

/*
 * Once it is sure whether the session that the peer offered is resumed. Where it is not, the peer has not
 * proved that the certificate of that session is its own: libssl may still decline a session that we have
 * found, for one because the hash of its cipher is not offered (RFC 8446 section 4.2.11).
 */
void tls_settle(const SSL *ssl, struct handshake *handshake);

/* A connection's TLS on a connected descriptor; NULL without memory. */
SSL *tls_new(struct handshake *handshake, int fd);

/*
 * Judges what came out of a finished handshake: the decision of the certificate, the one that a peer
 * without certificate gets, or the one that its ticket carries (then *resumed and no decision object).
 * Where the class is not known, neither is the decision.
 * CG_E_CRYPTO with a sentence when it does not fit together: the caller refuses with internal-error.
 */
CG_CHECKED enum cg_status tls_finish(
        SSL *ssl, struct handshake *handshake, bool *resumed, struct cg_error *err);

/* True once the peer has spoken TLS: version and cipher are then worth telling. */
bool tls_begun(const SSL *ssl, const struct handshake *handshake);

/* What of a decision outlives it: in tickets, and towards backends. */
struct ticket_verdict tls_verdict(const struct cg_decision *decision);

/*
 * Outbound: whether a connection that broke before a byte came was refused by the server. In TLS 1.3 our
 * side is done before the server judges our certificate, so that its refusal comes afterwards
 * (RFC 8446 appendix E.1.2).
 */
bool tls_refused_late(const SSL *ssl, const struct handshake *handshake);
/* Reads the alert that may have come before the reset that a write has met. */
void tls_look_for_alert(SSL *ssl, struct handshake *handshake);
/* Adds what an operator wants to know of our identity when a server refuses us; nothing otherwise. */
void tls_tell_identity(const struct handshake *handshake, struct cg_buf *detail);

/* Why a handshake failed, when no decision says so; empties the error queue into detail. */
enum cg_reason tls_failure(SSL *ssl, struct handshake *handshake, int ssl_error, int errno_value,
        struct cg_buf *detail);

#endif
