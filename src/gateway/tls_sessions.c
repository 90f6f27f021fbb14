#include "gateway/tls_sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/error.h"
#include "base/reader.h"
#include "gateway/judge.h"
#include "gateway/tls.h"

/* A session as libssl writes it, with the peer's certificate in it. */
#define MAX_SESSION_DER (GW_MAX_CERT_MESSAGE + SESSIONS_MAX_BYTES)

/* What a class thinks of the peer, and how long what admits it holds. */
static bool
add_verdict(const struct handshake *handshake, const struct gw_class *class, struct ticket *out)
{
    struct ticket_verdict *verdict = &out->verdicts[out->verdict_count++];
    struct cg_decision *decision = NULL;
    struct cg_error err;

    if (class == handshake->class && handshake->decision != NULL)
        decision = cg_decision_ref(handshake->decision);
    else if (judge_peer(handshake, class, NULL, &decision, &err) != CG_OK)
        return false;
    if (decision == NULL)
        return false;
    *verdict = tls_verdict(decision);
    for (size_t i = 0; class == gw_other(handshake->iface) && i < CG_LEVEL_COUNT; i++) {
        enum cg_reason reason = CG_REASON_NONE;

        (void)cg_decision_at_level(decision, (enum cg_level)i, &reason);
        out->levels[i] = (uint8_t)reason;
    }
    if (verdict->reason == CG_REASON_NONE && out->certificate) {
        if (cg_decision_good_from(decision) > out->good_from)
            out->good_from = cg_decision_good_from(decision);
        if (cg_decision_good_until(decision) < out->good_until)
            out->good_until = cg_decision_good_until(decision);
    }
    cg_decision_free(decision);
    return true;
}

/*
 * What a verdict here rests on beside the peer's certificates: the interface's rules and, where it is asked
 * for, all that is known of revocation, so that no session outlives a change of it.
 */
static bool
rests_on(const struct handshake *handshake, uint8_t out[CG_SHA256_SIZE])
{
    const struct gw_interface *iface = handshake->iface;
    const struct cg_revocation *known =
            handshake->revocation == NULL ? NULL : revocation_set(handshake->revocation);
    uint8_t both[2 * CG_SHA256_SIZE];

    memcpy(both, iface->digest, CG_SHA256_SIZE);
    memcpy(out, iface->digest, CG_SHA256_SIZE);
    if (!iface->revocation || known == NULL)
        return true;
    memcpy(both + CG_SHA256_SIZE, cg_revocation_get0_digest(known), CG_SHA256_SIZE);
    return EVP_Digest(both, sizeof(both), out, NULL, EVP_sha256(), NULL) == 1;
}

/*
 * The verdict of every class of the interface: which one the returning peer is of may only be known
 * when it speaks, and then the chain it sent is no longer at hand.
 */
static bool
ticket_from_handshake(const struct handshake *handshake, SSL *ssl, struct ticket *out)
{
    const struct gw_interface *iface = handshake->iface;
    const struct chain *received = &handshake->received;
    bool admitted = false;

    memset(out, 0, sizeof(*out));
    out->generation = iface->generation->number;
    out->interface = iface->index;
    if (!rests_on(handshake, out->policy))
        return false;
    out->tls_version = (uint16_t)SSL_version(ssl);
    out->decided = handshake->presented < 0 ? handshake->clock() / 1000 : handshake->decided;
    memcpy(out->incident, handshake->incident, sizeof(out->incident));
    memcpy(out->sni, handshake->sni, handshake->sni_len);
    out->sni_len = handshake->sni_len;
    if (handshake->address != NULL)
        (void)snprintf(out->address, sizeof(out->address), "%s", handshake->address);
    /* Without a certificate nothing runs out but the session itself. */
    out->good_from = INT64_MIN;
    out->good_until = INT64_MAX;
    out->certificate = received->count != 0;
    if (out->certificate &&
            EVP_Digest(received->bytes, received->lens[0], out->leaf, NULL, EVP_sha256(), NULL) !=
                    1)
        return false;
    memcpy(out->chain, handshake->received_sha256, sizeof(out->chain));
    out->chain_left_out = received->count > 1;
    for (size_t i = 0; i < iface->class_count; i++) {
        if (!add_verdict(handshake, &iface->classes[i], out))
            return false;
        admitted = admitted || out->verdicts[i].reason == CG_REASON_NONE;
    }
    return admitted; /* whom nobody admits drives out no session of others */
}

/*
 * Takes the peer's certificate, element [3] EXPLICIT, out of libssl's encoding of a session, in place:
 * libssl would parse it each time that the session is opened, which costs more than all the rest. The new
 * length, 0 when this is not an encoding as we know it.
 */
static size_t
drop_peer(uint8_t *der, size_t len)
{
    struct cg_reader outer = cg_reader(cg_span(der, len)), inside;
    struct cg_span element;
    size_t rest, before, header = 2;
    uint8_t tag;

    if (!cg_der_enter(&outer, CG_DER_SEQUENCE, &inside) || !cg_reader_done(&outer))
        return 0;
    rest = cg_reader_left(&inside);
    before = len - rest;
    do {
        if (cg_reader_done(&inside))
            return len;
        if (!cg_der_any(&inside, &tag, NULL, &element))
            return 0;
    } while (tag != (CG_DER_CONTEXT_CONSTRUCTED | 3));
    memmove(der + (element.data - der), inside.at, cg_reader_left(&inside));
    rest -= element.len;
    if (rest > 0xffff)
        return 0;
    /* What is shorter may need fewer octets for its length. */
    if (rest > 0xff)
        der[header++] = (uint8_t)(rest >> 8);
    if (rest > 0x7f)
        der[header++] = (uint8_t)rest;
    der[1] = (uint8_t)(rest > 0x7f ? 0x80 + header - 2 : rest);
    memmove(der + header, der + before, rest);
    return header + rest;
}

/* The session without the peer's certificate, for OPENSSL_clear_free(); NULL when that cannot be had. */
static uint8_t *
encode(const SSL_SESSION *session, size_t *len)
{
    uint8_t *der = NULL, *at;
    int size = i2d_SSL_SESSION(session, NULL);

    *len = 0;
    if (size <= 0 || size > MAX_SESSION_DER)
        return NULL;
    der = at = OPENSSL_malloc((size_t)size);
    if (der == NULL)
        return NULL;
    if (i2d_SSL_SESSION(session, &at) == size)
        *len = drop_peer(der, (size_t)size);
    if (*len != 0)
        return der;
    OPENSSL_clear_free(der, (size_t)size);
    return NULL;
}

/* Reads the session over itself: everything is as it was but for the peer, of which there is none. */
static void
drop_parsed(SSL *ssl, SSL_SESSION *session, struct cg_span der)
{
    STACK_OF(X509) *others = SSL_get_peer_cert_chain(ssl);
    const unsigned char *at = der.data;

    if (SSL_get0_peer_certificate(ssl) == NULL || session != SSL_get_session(ssl) ||
            d2i_SSL_SESSION(&session, &at, (long)der.len) != session)
        return;
    while (sk_X509_num(others) > 0)
        X509_free(sk_X509_pop(others));
}

/* The received certificate's DER before the session: its length in two octets, 0 for none. */
static bool
keep_session(struct handshake *handshake, SSL *ssl, SSL_SESSION *session)
{
    unsigned int id_len = 0;
    const uint8_t *id = SSL_SESSION_get_id(session, &id_len);
    const struct chain *received = &handshake->received;
    size_t leaf_len = received->count != 0 ? received->lens[0] : 0, len;
    int64_t now = handshake->clock() / 1000;
    uint8_t entry[SESSIONS_MAX_BYTES], *der;
    bool kept = false;

    if (id_len != SESSIONS_ID_SIZE || leaf_len > SESSIONS_MAX_BYTES - GW_MIN_SESSION)
        return false;
    der = encode(session, &len);
    if (der != NULL && len <= sizeof(entry) - 2 - leaf_len) {
        entry[0] = (uint8_t)(leaf_len >> 8);
        entry[1] = (uint8_t)leaf_len;
        if (leaf_len != 0)
            memcpy(entry + 2, received->bytes, leaf_len);
        memcpy(entry + 2 + leaf_len, der, len);
        kept = sessions_put(handshake->sessions, id, cg_span(entry, 2 + leaf_len + len), now,
                now + handshake->iface->settings->session_timeout_s);
        OPENSSL_cleanse(entry, 2 + leaf_len + len);
    }
    if (der != NULL)
        drop_parsed(
                ssl, session, cg_span(der, len)); /* at hand here; else tls_drop_peer() does it */
    OPENSSL_clear_free(der, len);
    return kept;
}

/* A session is made, one after a resumption in TLS 1.3 among them: that keeps its verdict. */
static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct handshake *handshake = SSL_get_app_data(ssl);
    uint8_t data[GW_MAX_TICKET_DATA];
    struct ticket ticket;
    bool known = true;
    size_t len;

    tls_settle(ssl, handshake);
    if (SSL_session_reused(ssl) != 1)
        known = ticket_from_handshake(handshake, ssl, &ticket);
    else if (handshake->has_ticket)
        ticket = handshake->ticket;
    else
        known = false;
    len = known ? ticket_encode(&ticket, data, sizeof(data)) : 0;
    if (len != 0 && SSL_SESSION_set1_ticket_appdata(session, data, len) == 1)
        (void)keep_session(handshake, ssl, session);
    ERR_clear_error();
    return 0; /* libssl's reference stays libssl's */
}

void
tls_drop_peer(SSL *ssl)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    uint8_t *der;
    size_t len;

    if (SSL_get0_peer_certificate(ssl) == NULL)
        return;
    der = encode(session, &len);
    if (der != NULL)
        drop_parsed(ssl, session, cg_span(der, len));
    OPENSSL_clear_free(der, len);
    ERR_clear_error();
}

/* The session is ours; does its verdict hold? If not, libssl goes on with a full handshake. */
static bool
honour(SSL *ssl, SSL_SESSION *session, struct handshake *handshake)
{
    const struct gw_interface *iface = handshake->iface;
    uint8_t rests[CG_SHA256_SIZE];
    struct ticket_scene scene = {
        .generation = iface->generation->number,
        .interface = iface->index,
        .policy = rests,
        .tls_version = (uint16_t)SSL_version(ssl),
        .address = handshake->address != NULL ? handshake->address : "",
        .sni = handshake->sni,
        .sni_len = handshake->sni_len,
        .needs_chain = (iface->settings->identity_fields & SNAPSHOT_FIELD_CLIENT_CERT_CHAIN) != 0,
        .now = handshake->clock() / 1000,
        .lifetime = iface->settings->session_timeout_s,
    };
    struct ticket ticket;
    void *data;
    size_t len;

    handshake->has_ticket = false;
    if (!rests_on(handshake, rests))
        return false;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &len) != 1 ||
            !ticket_decode(data, len, &ticket) || !ticket_holds(&ticket, &scene) ||
            ticket.verdict_count != iface->class_count)
        return false;
    /* A class that is known now and refuses what the ticket tells gets to see the certificate itself. */
    if (handshake->class != NULL &&
            ticket.verdicts[handshake->class - iface->classes].reason != CG_REASON_NONE)
        return false;
    handshake->ticket = ticket;
    handshake->has_ticket = true;
    return true;
}

/* The received certificate comes beside the session and must be the one that the verdict was about. */
static bool
take_leaf(struct handshake *handshake, struct cg_span leaf)
{
    const struct ticket *ticket = &handshake->ticket;
    uint8_t sha256[EVP_MAX_MD_SIZE];

    chain_release(&handshake->received);
    if (leaf.len == 0 || !ticket->certificate)
        return (leaf.len != 0) == ticket->certificate;
    if (EVP_Digest(leaf.data, leaf.len, sha256, NULL, EVP_sha256(), NULL) != 1 ||
            memcmp(sha256, ticket->leaf, sizeof(ticket->leaf)) != 0)
        return false;
    return chain_of_leaf(leaf, &handshake->received);
}

static SSL_SESSION *
open_session(SSL *ssl, struct handshake *handshake, struct cg_span entry)
{
    struct cg_reader reader = cg_reader(entry);
    SSL_SESSION *session = NULL;
    const unsigned char *at;
    struct cg_span leaf;
    uint16_t leaf_len;

    chain_release(&handshake->received);
    if (!cg_read_u16(&reader, &leaf_len) || !cg_read_bytes(&reader, leaf_len, &leaf))
        return NULL;
    at = reader.at;
    session = d2i_SSL_SESSION(NULL, &at, (long)cg_reader_left(&reader));
    if (session != NULL && honour(ssl, session, handshake) && take_leaf(handshake, leaf))
        return session;
    handshake->has_ticket = false;
    ERR_clear_error();
    SSL_SESSION_free(session);
    return NULL;
}

/* A peer comes with a session. Where it is none of ours, or does not hold, a full handshake follows. */
static SSL_SESSION *
on_get_session(SSL *ssl, const unsigned char *id, int id_len, int *copy)
{
    struct handshake *handshake = SSL_get_app_data(ssl);
    uint8_t entry[SESSIONS_MAX_BYTES];
    SSL_SESSION *session = NULL;
    size_t len;

    *copy = 0; /* the reference is libssl's from here on */
    if (id_len != SESSIONS_ID_SIZE)
        return NULL;
    len = sessions_get(handshake->sessions, id, handshake->clock() / 1000, entry);
    /* In TLS 1.2 the id may be one that TLS 1.3 makes up (RFC 8446 section 4.1.2). */
    handshake->offered = len != 0 || SSL_version(ssl) == TLS1_3_VERSION;
    if (len != 0)
        session = open_session(ssl, handshake, cg_span(entry, len));
    OPENSSL_cleanse(entry, len);
    return session;
}

bool
tls_sessions_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err)
{
    uint32_t lifetime = iface->settings->session_timeout_s;

    /* No tickets with the session in them: what they hold would be opened by a key that lives for long. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (lifetime == 0) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        return SSL_CTX_set_num_tickets(ctx, 0) == 1;
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_new_session);
    SSL_CTX_sess_set_get_cb(ctx, on_get_session);
    SSL_CTX_set_timeout(ctx, (long)lifetime);
    if (SSL_CTX_set_session_id_context(ctx, iface->digest, sizeof(iface->digest)) != 1 ||
            SSL_CTX_set_num_tickets(ctx, 1) != 1) {
        ERR_clear_error();
        (void)cg_fail(err, CG_E_CRYPTO, "cannot set up sessions");
        return false;
    }
    return true;
}
