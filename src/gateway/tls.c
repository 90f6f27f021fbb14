#include "gateway/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "base/reader.h"
#include "gateway/hello.h"
#include "gateway/judge.h"
#include "gateway/presented.h"
#include "gateway/tls_policy.h"
#include "gateway/tls_sessions.h"

static enum cg_status
crypto_fail(struct cg_error *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = ERR_reason_error_string(code);

    ERR_clear_error();
    return cg_fail(err, CG_E_CRYPTO, "%s: %s", what, why != NULL ? why : "libssl does not say why");
}

/*
 * The first ClientHello, before tickets and extensions: the name that tickets are bound to, and by which
 * one of our certificates is chosen. All contexts of an interface differ in nothing but that.
 */
static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
    struct handshake *handshake = SSL_get_app_data(ssl);
    const unsigned char *data;
    SSL_CTX *chosen;
    size_t len;

    (void)arg;
    handshake->hello = true;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len) == 1)
        (void)hello_server_name(data, len, handshake->sni, &handshake->sni_len);
    chosen = presented_for(handshake->iface, handshake->sni)->tls;
    if (chosen == SSL_get_SSL_CTX(ssl) || SSL_set_SSL_CTX(ssl, chosen) == chosen)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/* Notes which fatal alert went out or came in: the high octet is the level, the low one the description. */
static void
on_info(const SSL *ssl, int where, int value)
{
    struct handshake *handshake = SSL_get_app_data(ssl);

    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && value >> 8 == SSL3_AL_FATAL)
        handshake->alert = value & 0xff;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        handshake->alert_received = value & 0xff;
}

/*
 * Notes what a server's messages say of its view of our certificate: that it asks for one, and, with a
 * ticket (RFC 8446 section 4.6.1: after our Finished), that it has taken what we showed.
 */
static void
on_message(
        int sent, int version, int content_type, const void *data, size_t len, SSL *ssl, void *arg)
{
    struct handshake *handshake = SSL_get_app_data(ssl);
    struct cg_reader reader = cg_reader(cg_span(data, len));
    uint8_t type;

    (void)version;
    (void)arg;
    if (sent != 0 || content_type != SSL3_RT_HANDSHAKE || !cg_read_u8(&reader, &type))
        return;
    if (type == SSL3_MT_CERTIFICATE_REQUEST)
        handshake->asked = true;
    if (type == SSL3_MT_NEWSESSION_TICKET)
        handshake->content = true;
}

/*
 * libssl's verify hook: called once a full handshake with all certificates sent, and its answer with the
 * X509_V_ERR code decides which alert the peer gets. Whatever goes wrong in here refuses.
 */
static int
on_certificate(X509_STORE_CTX *store_ctx, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct handshake *handshake = SSL_get_app_data(ssl);
    const struct gw_class *class = handshake->class;
    struct chain *chain = &handshake->received;
    struct cg_error err = { "" };
    enum cg_reason reason;
    int accepted = 0;

    (void)arg;
    cg_decision_free(handshake->decision);
    handshake->decision = NULL;
    handshake->decided = handshake->clock() / 1000;
    handshake->presented = sk_X509_num(X509_STORE_CTX_get0_untrusted(store_ctx));
    handshake->has_ticket = false;
    chain_release(chain);
    if (chain_collect(X509_STORE_CTX_get0_cert(store_ctx), X509_STORE_CTX_get0_untrusted(store_ctx),
                chain, &reason, &err) == CG_OK) {
        reason = CG_REASON_INTERNAL_ERROR;
        if (!chain_digest(chain, handshake->received_sha256))
            (void)cg_fail(&err, CG_E_CRYPTO, "cannot digest the chain sent");
        else if (class == NULL)
            reason = CG_REASON_NONE; /* judged with the first request */
        else if (judge_peer(handshake, class, NULL, &handshake->decision, &err) == CG_OK)
            reason = cg_decision_reason(handshake->decision);
    }
    if (handshake->decision == NULL && reason != CG_REASON_NONE)
        handshake->decision = cg_decision_refuse(
                class != NULL ? class->policy : gw_other(handshake->iface)->policy, reason,
                err.text);
    ERR_clear_error();
    X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
    /* In TLS 1.2 what the server staples comes after its certificate (RFC 6066 section 8): tls_finish(). */
    handshake->again = handshake->iface->settings->role == CG_ROLE_OUTBOUND &&
            handshake->iface->revocation && SSL_version(ssl) <= TLS1_2_VERSION &&
            (reason == CG_REASON_NONE || reason == CG_REASON_REVOCATION_UNKNOWN);
    if (handshake->again)
        reason = CG_REASON_NONE;
    if (reason == CG_REASON_NONE)
        accepted = 1;
    else
        X509_STORE_CTX_set_error(store_ctx, cg_reason_info(reason)->x509_error);
    return accepted;
}

static enum cg_status
use_identity(SSL_CTX *ctx, const struct snapshot_identity *identity, bool offer_chain,
        EVP_PKEY *key, struct cg_error *err)
{
    if (identity == NULL)
        return CG_OK;
    if (key == NULL)
        return cg_fail(err, CG_E_USAGE, "no key for identity '%s'", identity->name);
    for (size_t i = 0; i < (offer_chain ? identity->chain_count : 1); i++) {
        const uint8_t *at = identity->chain[i].data;
        X509 *cert = d2i_X509(NULL, &at, (long)identity->chain[i].len);
        int ok = cert != NULL &&
                (i == 0 ? SSL_CTX_use_certificate(ctx, cert)
                        : SSL_CTX_add1_chain_cert(ctx, cert)) == 1;

        X509_free(cert);
        if (!ok)
            return crypto_fail(err, "cannot use the identity's certificate");
    }
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return crypto_fail(err, "cannot use the identity's key");
    return CG_OK;
}

/* What a server does and a client does not. */
static void
configure_server(SSL_CTX *ctx)
{
    SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

/* The names that the request for a certificate carries; without them a client may show any. */
static bool
name_authorities(SSL_CTX *ctx, const struct snapshot *snapshot)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    bool ok = names != NULL;

    for (size_t i = 0; ok && i < snapshot->ca_name_count; i++) {
        const uint8_t *at = snapshot->ca_names[i].data;
        X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)snapshot->ca_names[i].len);

        ok = name != NULL && sk_X509_NAME_push(names, name) > 0;
        if (!ok)
            X509_NAME_free(name);
    }
    if (ok)
        SSL_CTX_set0_CA_list(ctx, names); /* ownership moves */
    else
        sk_X509_NAME_pop_free(names, X509_NAME_free);
    return ok;
}

static enum cg_status
configure(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err)
{
    const struct snapshot_interface *settings = iface->settings;

    /* A server's certificate is judged always; a client is asked for its own where that is wanted. */
    SSL_CTX_set_verify(ctx,
            settings->role == CG_ROLE_OUTBOUND || settings->ask_certificate ? SSL_VERIFY_PEER
                                                                            : SSL_VERIFY_NONE,
            NULL);
    SSL_CTX_set_cert_verify_callback(ctx, on_certificate, NULL);
    if (settings->role == CG_ROLE_INBOUND)
        configure_server(ctx);
    if (settings->ca_names && !name_authorities(ctx, iface->generation->snapshot))
        return cg_fail(err, CG_E_NOMEM, "no memory for the names of CAs");
    SSL_CTX_set_info_callback(ctx, on_info);
    SSL_CTX_set_max_cert_list(ctx, GW_MAX_CERT_MESSAGE);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx,
            SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
            SSL_CTX_set_min_proto_version(ctx, settings->min_tls) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1)
        return crypto_fail(err, "cannot set the TLS versions");
    if (!tls_policy_apply(ctx, iface, err))
        return CG_E_CRYPTO;
    if (settings->role == CG_ROLE_OUTBOUND) {
        /* Every server certificate is judged: no session is kept to skip that. */
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_msg_callback(ctx, on_message);
        return CG_OK;
    }
    return tls_sessions_apply(ctx, iface, err) ? CG_OK : CG_E_CRYPTO;
}

enum cg_status
tls_context_new(struct gw_interface *iface, const struct snapshot_identity *identity, EVP_PKEY *key,
        SSL_CTX **out, struct cg_error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(
            iface->settings->role == CG_ROLE_INBOUND ? TLS_server_method() : TLS_client_method());
    enum cg_status status;

    *out = NULL;
    ERR_clear_error();
    if (ctx == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for a TLS context");
    status = configure(ctx, iface, err);
    if (status == CG_OK)
        status = use_identity(ctx, identity, iface->settings->offer_chain, key, err);
    if (status == CG_OK) {
        *out = ctx;
        ctx = NULL;
    }
    SSL_CTX_free(ctx);
    return status;
}

/* What we ask for, as the record tells it. */
static void
take_server_name(struct handshake *handshake, const char *name)
{
    handshake->sni_len = strnlen(name, GW_MAX_SNI);
    for (size_t i = 0; i < handshake->sni_len; i++)
        handshake->sni[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    handshake->sni[handshake->sni_len] = '\0';
}

SSL *
tls_new(struct handshake *handshake, int fd)
{
    const struct snapshot_interface *settings = handshake->iface->settings;
    SSL *ssl = SSL_new(handshake->iface->presented[0].tls);
    bool ok;

    if (ssl == NULL)
        return NULL;
    SSL_set_app_data(ssl, handshake);
    handshake->ssl = ssl;
    ok = SSL_set_fd(ssl, fd) == 1;
    if (settings->role == CG_ROLE_INBOUND) {
        if (handshake->certificate_required)
            SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_set_accept_state(ssl);
    } else {
        /* RFC 6066 section 3: a name, never an address. */
        if (settings->server_name[0] != '\0') {
            ok = ok && SSL_set_tlsext_host_name(ssl, settings->server_name) == 1;
            take_server_name(handshake, settings->server_name);
        }
        if (handshake->iface->revocation)
            ok = ok && SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) == 1;
        handshake->hello = true;
        SSL_set_connect_state(ssl);
    }
    if (ok)
        return ssl;
    ERR_clear_error();
    SSL_free(ssl);
    return NULL;
}

bool
tls_begun(const SSL *ssl, const struct handshake *handshake)
{
    OSSL_HANDSHAKE_STATE state;

    if (ssl == NULL)
        return false;
    if (handshake->iface->settings->role == CG_ROLE_INBOUND)
        return handshake->hello;
    state = SSL_get_state(ssl);
    return state != TLS_ST_BEFORE && state != TLS_ST_CW_CLNT_HELLO && handshake->hello;
}

void
tls_handshake_release(struct handshake *handshake)
{
    cg_decision_free(handshake->decision);
    handshake->decision = NULL;
    chain_release(&handshake->received);
}

void
tls_settle(const SSL *ssl, struct handshake *handshake)
{
    if (SSL_session_reused(ssl) == 1)
        return;
    handshake->has_ticket = false;
    if (handshake->presented < 0)
        chain_release(&handshake->received);
}

enum cg_status
tls_finish(SSL *ssl, struct handshake *handshake, bool *resumed, struct cg_error *err)
{
    tls_settle(ssl, handshake);
    *resumed = SSL_session_reused(ssl) == 1;
    if (*resumed) {
        if (!handshake->has_ticket)
            return cg_fail(err, CG_E_CRYPTO, "a session was resumed without its verdict");
        return CG_OK;
    }
    if (handshake->presented < 0) {
        handshake->decided = handshake->clock() / 1000;
        handshake->presented = 0;
    }
    if (handshake->again && handshake->class != NULL) {
        cg_decision_free(handshake->decision);
        handshake->decision = NULL;
        handshake->again = false;
        return judge_peer(handshake, handshake->class, NULL, &handshake->decision, err);
    }
    if (handshake->decision != NULL || handshake->class == NULL)
        return CG_OK;
    if (handshake->received.count != 0)
        return cg_fail(err, CG_E_CRYPTO, "a certificate was received and not judged");
    return judge_peer(handshake, handshake->class, NULL, &handshake->decision, err);
}

struct ticket_verdict
tls_verdict(const struct cg_decision *decision)
{
    struct ticket_verdict verdict = { .reason = (uint8_t)cg_decision_reason(decision) };

    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);

        if (finding->allowed && finding->enforced)
            verdict.allowances |= (uint8_t)(1u << finding->allowance);
        if (finding->check == CG_CHECK_CHAIN)
            verdict.chain_passed = finding->outcome == CG_PASS && !finding->allowed;
    }
    verdict.chain_passed = verdict.chain_passed && !cg_decision_by_allowance(decision);
    return verdict;
}

/* Our own words where libssl's would puzzle an operator. */
static enum cg_reason
reason_of(int code, bool at_certificate)
{
    switch (code) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return CG_REASON_CERTIFICATE_MISSING;
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
        return at_certificate ? CG_REASON_TOO_LARGE : CG_REASON_HANDSHAKE_FAILED;
    case SSL_R_UNKNOWN_CERTIFICATE_TYPE:
        return CG_REASON_HANDSHAKE_FAILED;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return CG_REASON_HANDSHAKE_FAILED;
    default:
        return at_certificate ? CG_REASON_UNPARSABLE : CG_REASON_HANDSHAKE_FAILED;
    }
}

static void
describe_end(SSL *ssl, int errno_value, struct cg_buf *detail)
{
    uint64_t bytes = BIO_number_read(SSL_get_rbio(ssl));

    cg_buf_addf(
            detail, "the peer %s the connection ", errno_value == ECONNRESET ? "reset" : "closed");
    if (bytes == 0)
        cg_buf_add(detail, "before it sent a byte");
    else
        cg_buf_addf(detail, "during the handshake, after %llu bytes", (unsigned long long)bytes);
}

enum cg_reason
tls_failure(SSL *ssl, struct handshake *handshake, int ssl_error, int errno_value,
        struct cg_buf *detail)
{
    OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
    bool at_certificate = state == TLS_ST_SR_CERT || state == TLS_ST_CR_CERT;
    enum cg_reason reason = CG_REASON_HANDSHAKE_FAILED;
    unsigned long code;
    const char *data;
    int flags;
    bool first = true;

    if (ssl_error == SSL_ERROR_SYSCALL ||
            ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        describe_end(ssl, errno_value, detail);
        return reason;
    }
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *text = ERR_reason_error_string(code);

        /* The outermost cause is libssl's and comes last. */
        if (ERR_GET_LIB(code) == ERR_LIB_SSL)
            reason = reason_of(ERR_GET_REASON(code), at_certificate);
        cg_buf_addf(detail, "%s%s", first ? "" : "; ", text != NULL ? text : "unknown error");
        if ((flags & ERR_TXT_STRING) != 0 && data != NULL && data[0] != '\0')
            cg_buf_addf(detail, " (%s)", data);
        first = false;
    }
    if (reason == CG_REASON_CERTIFICATE_MISSING)
        handshake->presented = 0;
    return reason;
}

void
tls_look_for_alert(SSL *ssl, struct handshake *handshake)
{
    uint8_t byte;

    if (handshake->alert_received < 0 && SSL_read(ssl, &byte, sizeof(byte)) > 0)
        handshake->content = true;
    ERR_clear_error();
}

bool
tls_refused_late(const SSL *ssl, const struct handshake *handshake)
{
    if (handshake->alert_received >= 0)
        return true;
    /* An alert that a reset has overtaken (RFC 9293 section 3.10.7.4) looks the same as none. */
    return SSL_version(ssl) == TLS1_3_VERSION && handshake->asked && !handshake->content;
}

void
tls_tell_identity(const struct handshake *handshake, struct cg_buf *detail)
{
    if (!handshake->asked)
        return;
    cg_buf_add(detail,
            handshake->iface->settings->presented_count == 0
                    ? "; the server had asked for a certificate and this interface has no identity"
                    : "; the server had asked for our certificate");
}
