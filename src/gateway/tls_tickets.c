#include "gateway/tls_tickets.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/error.h"
#include "base/reader.h"
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

static void
ticket_from_decision(const struct handshake *handshake, SSL *ssl, struct ticket *out)
{
    const struct gw_interface *iface = handshake->iface;
    const struct cg_decision *decision = handshake->decision;

    memset(out, 0, sizeof(*out));
    out->generation = iface->generation->number;
    out->interface = iface->index;
    memcpy(out->policy, iface->digest, sizeof(out->policy));
    out->tls_version = (uint16_t)SSL_version(ssl);
    out->level = cg_policy_level(iface->policy);
    out->decided = handshake->decided;
    memcpy(out->incident, handshake->incident, sizeof(out->incident));
    memcpy(out->sni, handshake->sni, handshake->sni_len);
    out->sni_len = handshake->sni_len;
    if (handshake->address != NULL)
        (void)snprintf(out->address, sizeof(out->address), "%s", handshake->address);
    if (decision == NULL) {
        /* No certificate asked of this peer: nothing that could run out but the session itself. */
        out->decided = handshake->clock() / 1000;
        out->good_from = INT64_MIN;
        out->good_until = INT64_MAX;
        return;
    }
    out->certificate = true;
    memcpy(out->leaf, cg_cert_get0_sha256(cg_decision_get0_cert(decision)), sizeof(out->leaf));
    memcpy(out->chain, handshake->chain, sizeof(out->chain));
    out->good_from = cg_decision_good_from(decision);
    out->good_until = cg_decision_good_until(decision);
    for (size_t i = 0; i < CG_LEVEL_COUNT; i++) {
        enum cg_reason reason = CG_REASON_NONE;

        (void)cg_decision_at_level(decision, (enum cg_level)i, &reason);
        out->levels[i] = (uint8_t)reason;
    }
    out->chain_passed = tls_chain_passed(decision);
    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);

        if (finding->allowed && finding->enforced)
            out->allowances |= 1u << finding->allowance;
    }
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
    } else {
        if (handshake->decision != NULL && cg_decision_get0_cert(handshake->decision) == NULL)
            return 0;
        ticket_from_decision(handshake, ssl, &ticket);
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
        .now = handshake->clock() / 1000,
        .lifetime = iface->settings->session_timeout_s,
    };
    struct ticket ticket;
    void *data;
    size_t len;

    handshake->has_ticket = false;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &len) != 1 ||
            !ticket_decode(data, len, &ticket) || !ticket_holds(&ticket, &scene))
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
        return honour(ssl, session, handshake) ? SSL_TICKET_RETURN_USE
                                               : SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_SUCCESS_RENEW:
        return honour(ssl, session, handshake) ? SSL_TICKET_RETURN_USE_RENEW
                                               : SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
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
