#include "gateway/tls_tickets.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/error.h"
#include "base/reader.h"
#include "gateway/judge.h"
#include "gateway/tls.h"

bool
ticket_keys_load(struct ticket_keys *keys, const uint8_t *payload, size_t len)
{
    struct cg_reader reader = cg_reader(cg_span(payload, len));
    struct ticket_keys loaded = { .count = 0 };
    struct cg_span name, hmac, aes;

    while (!cg_reader_done(&reader)) {
        if (loaded.count == IPC_MAX_TICKET_KEYS ||
                !cg_read_bytes(&reader, sizeof(loaded.keys[0].name), &name) ||
                !cg_read_bytes(&reader, sizeof(loaded.keys[0].hmac), &hmac) ||
                !cg_read_bytes(&reader, sizeof(loaded.keys[0].aes), &aes))
            return false;
        memcpy(loaded.keys[loaded.count].name, name.data, name.len);
        memcpy(loaded.keys[loaded.count].hmac, hmac.data, hmac.len);
        memcpy(loaded.keys[loaded.count].aes, aes.data, aes.len);
        loaded.count++;
    }
    if (loaded.count == 0)
        return false;
    *keys = loaded;
    OPENSSL_cleanse(&loaded, sizeof(loaded));
    return true;
}

static bool
set_mac(EVP_MAC_CTX *mac, const uint8_t key[32])
{
    char digest[] = "SHA256";
    uint8_t copy[32];
    OSSL_PARAM params[3];
    bool ok;

    memcpy(copy, key, sizeof(copy));
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy, sizeof(copy));
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[2] = OSSL_PARAM_construct_end();
    ok = EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(copy, sizeof(copy));
    return ok;
}

/*
 * RFC 5077 section 4: AES-CBC and HMAC-SHA-256, chosen by the key's name. Returns as libssl wants it:
 * -1 failure, 0 no such key, 1 use it, 2 use it and issue a new ticket.
 */
static int
on_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
        EVP_MAC_CTX *mac, int sealing)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    const struct ticket_keys *keys = handshake->keys;
    size_t i = 0;

    if (keys->count == 0)
        return sealing ? -1 : 0;
    if (sealing) {
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
        memcpy(name, keys->keys[0].name, sizeof(keys->keys[0].name));
    } else {
        while (i < keys->count && memcmp(name, keys->keys[i].name, sizeof(keys->keys[i].name)) != 0)
            i++;
        if (i == keys->count)
            return 0;
    }
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys->keys[i].aes, iv, sealing) != 1 ||
            !set_mac(mac, keys->keys[i].hmac))
        return -1;
    return i == 0 ? 1 : 2;
}

/* What a class thinks of the peer, and how long what admits it holds. */
static bool
add_verdict(SSL *ssl, const struct handshake *handshake, const struct gw_class *class,
        struct ticket *out)
{
    struct ticket_verdict *verdict = &out->verdicts[out->verdict_count++];
    struct cg_decision *decision = NULL;
    struct cg_error err;

    if (class == handshake->class && handshake->decision != NULL)
        decision = cg_decision_ref(handshake->decision);
    else if (judge_peer(ssl, handshake, class, NULL, &decision, &err) != CG_OK)
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
 * The verdict of every class of the interface: which one the returning peer is of may only be known
 * when it speaks, and then the chain it sent is no longer at hand.
 */
static bool
ticket_from_handshake(const struct handshake *handshake, SSL *ssl, struct ticket *out)
{
    const struct gw_interface *iface = handshake->iface;
    X509 *leaf = SSL_get0_peer_certificate(ssl);

    memset(out, 0, sizeof(*out));
    out->generation = iface->generation->number;
    out->interface = iface->index;
    memcpy(out->policy, iface->digest, sizeof(out->policy));
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
    out->certificate = leaf != NULL;
    if (leaf != NULL && X509_digest(leaf, EVP_sha256(), out->leaf, NULL) != 1)
        return false;
    memcpy(out->chain, handshake->chain, sizeof(out->chain));
    out->chain_left_out = handshake->chain_left_out;
    for (size_t i = 0; i < iface->class_count; i++)
        if (!add_verdict(ssl, handshake, &iface->classes[i], out))
            return false;
    return true;
}

/* Called before a ticket is sealed, a renewed one of a resumed session among them: that keeps its verdict. */
static int
on_ticket_sealed(SSL *ssl, void *arg)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    uint8_t data[GW_MAX_TICKET_DATA];
    struct ticket ticket;
    size_t len;

    (void)arg;
    if (SSL_session_reused(ssl) == 1) {
        if (!handshake->has_ticket)
            return 0;
        ticket = handshake->ticket;
    } else if (!ticket_from_handshake(handshake, ssl, &ticket)) {
        ERR_clear_error();
        return 0;
    }
    len = ticket_encode(&ticket, data, sizeof(data));
    return len != 0 && SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, len) == 1;
}

/* The ticket is real; is its verdict still? If not, libssl goes on with a full handshake. */
static bool
honour(SSL *ssl, SSL_SESSION *session, struct handshake *handshake)
{
    const struct gw_interface *iface = handshake->iface;
    struct ticket_scene scene = {
        .generation = iface->generation->number,
        .interface = iface->index,
        .policy = iface->digest,
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

static SSL_TICKET_RETURN
on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
        SSL_TICKET_STATUS status, void *arg)
{
    struct handshake *handshake = SSL_get_app_data(ssl);

    (void)name;
    (void)name_len;
    (void)arg;
    switch (status) {
    case SSL_TICKET_SUCCESS:
        handshake->offered = true;
        return honour(ssl, session, handshake) ? SSL_TICKET_RETURN_USE
                                               : SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_SUCCESS_RENEW:
        handshake->offered = true;
        return honour(ssl, session, handshake) ? SSL_TICKET_RETURN_USE_RENEW
                                               : SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_NO_DECRYPT:
        handshake->offered = true;
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_EMPTY:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
        return SSL_TICKET_RETURN_IGNORE;
    }
}

bool
tls_tickets_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err)
{
    uint32_t lifetime = iface->settings->session_timeout_s;

    /* No cache at all: a session that is known by its id would come back without our callbacks. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (lifetime == 0) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(ctx, 0) == 1;
    }
    SSL_CTX_set_timeout(ctx, (long)lifetime);
    if (SSL_CTX_set_session_id_context(ctx, iface->digest, sizeof(iface->digest)) != 1 ||
            SSL_CTX_set_num_tickets(ctx, 1) != 1 ||
            SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) != 1 ||
            SSL_CTX_set_session_ticket_cb(ctx, on_ticket_sealed, on_ticket_opened, NULL) != 1) {
        ERR_clear_error();
        (void)cg_fail(err, CG_E_CRYPTO, "cannot set up session tickets");
        return false;
    }
    return true;
}
