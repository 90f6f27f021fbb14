/* From the accepted socket to a handshake that is judged: steps accept, proxy, handshake and judge. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "gateway/conn.h"
#include "gateway/live.h"
#include "gateway/tls_sessions.h"
#include "gateway/worker.h"

#define CLASS_IMPOSSIBLE "the source address is no trunk's and this interface serves no phones"

/* The class that the source address gives, and whether it could do without a certificate. */
static void
take_guess(struct conn *conn)
{
    conn->handshake.class = conn->guess.known;
    conn->handshake.certificate_required = conn->guess.certificate_required;
    conn->class = conn->guess.known;
    conn->class_by = conn->guess.by;
}

enum step_result
do_accept(struct conn *conn)
{
    const struct snapshot_interface *settings = conn->iface->settings;

    conn->evidence = conn->worker->evidence;
    conn->handshake = (struct handshake) {
        .iface = conn->iface,
        .engine = conn->worker->engine,
        .revocation = conn->worker->revocation,
        .clock = conn->worker->clock,
        .sessions = conn->worker->sessions,
        .address = conn->address[0] != '\0' ? conn->address : NULL,
        .presented = -1,
        .alert = -1,
        .alert_received = -1,
    };
    if (RAND_bytes(conn->handshake.incident, sizeof(conn->handshake.incident)) != 1)
        return conn_refuse(conn, CG_REASON_INTERNAL_ERROR, "no random numbers");
    if (conn_outbound(conn)) {
        conn->step = &step_connect;
        return STEP_NEXT;
    }
    conn_set_timer(conn, settings->handshake_timeout_ms);
    conn->step = conn->told != NULL ? &step_proxy : &step_handshake;
    return STEP_NEXT;
}

/* From here on the connection is the one that the balancer speaks of. */
static enum step_result
take_proxy(struct conn *conn)
{
    const struct sockaddr *from = (const struct sockaddr *)&conn->told->ends.from;

    memcpy(conn->via, conn->endpoint, sizeof(conn->via));
    free(conn->told->header); /* what it said is in `ends` */
    conn->told->header = NULL;
    if (from->sa_family == AF_UNSPEC) {
        conn_told_free(conn->told);
        conn->told = NULL;
    } else {
        conn_name_peer(conn, from);
        conn->handshake.address = conn->address;
        conn->guess = classify_source(conn->iface, from);
        if (!conn_count_source(conn, from))
            return STEP_END;
    }
    conn->step = &step_handshake;
    return STEP_NEXT;
}

/*
 * Reads the header and not a byte of what follows it: bytes are looked at first, and taken up to the
 * header's end, or all of them while it has not come.
 */
enum step_result
do_proxy(struct conn *conn)
{
    struct conn_told *told = conn->told;
    const char *why = NULL;
    enum proxy_result result;
    size_t used;
    ssize_t got;

    do
        got = recv(
                conn->peer.fd, told->header + told->len, GW_MAX_PROXY_HEADER - told->len, MSG_PEEK);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        return conn_refuse(conn, CG_REASON_HANDSHAKE_FAILED,
                "the balancer closed the connection before its PROXY header");
    if (got < 0) {
        if (conn->timed_out)
            return conn_refuse(conn, CG_REASON_HANDSHAKE_TIMEOUT,
                    "no PROXY header came from the balancer in time");
        socket_watch(&conn->peer, UV_READABLE);
        return STEP_WAIT;
    }
    result = proxy_read(told->header, told->len + (size_t)got, &used, &told->ends, &why);
    if (result == PROXY_BAD)
        return conn_refuse(conn, CG_REASON_HANDSHAKE_FAILED, why);
    if (result == PROXY_MORE)
        used = told->len + (size_t)got;
    got = recv(conn->peer.fd, told->header + told->len, used - told->len, 0);
    if (got < 0 || (size_t)got != used - told->len)
        return conn_refuse(
                conn, CG_REASON_INTERNAL_ERROR, "the PROXY header could not be read twice");
    told->len = used;
    return result == PROXY_DONE ? take_proxy(conn) : STEP_NEXT;
}

static enum step_result
handshake_failed(struct conn *conn, int ssl_error, int errno_value)
{
    const struct cg_decision *decision = conn->handshake.decision;
    enum step_result result;
    struct cg_buf detail;
    enum cg_reason reason;

    if (decision != NULL && cg_decision_verdict(decision) == CG_REJECT) {
        ERR_clear_error();
        (void)conn_record(conn, decision, NULL);
        conn->step = &step_close;
        return STEP_NEXT;
    }
    cg_buf_init(&detail, GW_MAX_DETAIL);
    reason = tls_failure(conn->ssl, &conn->handshake, ssl_error, errno_value, &detail);
    tls_tell_identity(&conn->handshake, &detail);
    result = conn_refuse(conn, reason, cg_buf_text(&detail));
    cg_buf_release(&detail);
    return result;
}

/* First entry: by now it is known who speaks, and so what is asked of it. */
static bool
begin(struct conn *conn, enum step_result *result)
{
    take_guess(conn);
    conn->began = uv_hrtime();
    *result = STEP_NEXT;
    if (!conn->guess.possible) {
        *result = conn_refuse(conn, CG_REASON_CLASS_UNKNOWN, CLASS_IMPOSSIBLE);
    } else if (conn->plain) {
        conn->step = &step_judge;
    } else {
        conn->ssl = tls_new(&conn->handshake, conn->peer.fd);
        if (conn->ssl != NULL)
            return true;
        *result = conn_refuse(conn, CG_REASON_INTERNAL_ERROR, "no memory for TLS");
    }
    return false;
}

enum step_result
do_handshake(struct conn *conn)
{
    enum step_result refused;
    int result, error;

    if (conn->ssl == NULL) {
        if (!begin(conn, &refused))
            return refused;
        if (!conn_outbound(conn)) { /* the peer speaks first, and mostly has not yet */
            socket_watch(&conn->peer, UV_READABLE);
            return STEP_WAIT;
        }
    }
    ERR_clear_error();
    errno = 0;
    result = SSL_do_handshake(conn->ssl);
    if (result == 1) {
        conn->step = &step_judge;
        return STEP_NEXT;
    }
    error = SSL_get_error(conn->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return handshake_failed(conn, error, errno);
    if (conn->timed_out)
        return conn_refuse(conn, CG_REASON_HANDSHAKE_TIMEOUT,
                conn_outbound(conn)             ? "the server did not finish the handshake in time"
                        : conn->handshake.hello ? "the peer did not finish the handshake in time"
                                                : "no ClientHello came in time");
    socket_watch(&conn->peer, error == SSL_ERROR_WANT_READ ? UV_READABLE : UV_WRITABLE);
    return STEP_WAIT;
}

static void
count_handshake(struct conn *conn)
{
    struct metrics_interface *metrics = conn->iface->usage->metrics;

    metrics_handshake(metrics, (uv_hrtime() - conn->began) / 1000);
    metrics->sessions_resumed += conn->resumed;
    metrics->sessions_declined += !conn->resumed && conn->handshake.offered;
    metrics->sessions_full += !conn->resumed && !conn->handshake.offered;
}

enum step_result
do_judge(struct conn *conn)
{
    static const struct conn_step *const after_judge[SNAPSHOT_MODES] = {
        [SNAPSHOT_MODE_TCP] = &step_relay,
        [SNAPSHOT_MODE_HTTP] = &step_http,
        [SNAPSHOT_MODE_SIP] = &step_sip,
    };
    const struct gw_class *class;
    struct cg_error err = { "" };

    socket_watch(&conn->peer, 0);
    if (!conn->plain && tls_finish(conn->ssl, &conn->handshake, &conn->resumed, &err) != CG_OK)
        return conn_refuse(conn, CG_REASON_INTERNAL_ERROR, err.text);
    if (!conn->plain && !conn_outbound(conn))
        tls_drop_peer(conn->ssl);
    conn->ticketed = conn->resumed;
    if (!conn->plain)
        count_handshake(conn);
    /* libssl asks no more, and the interface may be another one by the time the connection ends. */
    if (conn->ssl != NULL)
        SSL_set_security_callback(conn->ssl, conn->iface->default_security);
    conn->active = uv_now(&conn->worker->loop);
    if (!live_follow(conn)) {
        conn->step = &step_close;
        return STEP_NEXT;
    }
    class = conn->class = conn->guess.known;
    conn->class_by = conn->guess.by;
    if (!conn->guess.possible)
        return conn_refuse(conn, CG_REASON_CLASS_UNKNOWN, CLASS_IMPOSSIBLE);
    if (class != NULL && !conn_admit(conn, class, conn->guess.by, NULL)) {
        conn->step = &step_close;
        return STEP_NEXT;
    }
    conn->after_dial = after_judge[conn->iface->settings->mode];
    conn->step = gw_reads_requests(conn->iface) ? conn->after_dial : &step_dial;
    return STEP_NEXT;
}
