#include "gateway/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "gateway/introduce.h"
#include "gateway/record.h"
#include "gateway/worker.h"

#define X(name, explain)                                                                           \
    static enum step_result do_##name(struct conn *conn);                                          \
    static const struct conn_step step_##name = { #name, explain, do_##name };
CONN_STEPS(X)
#undef X

/* ---- descriptors and time ---------------------------------------------------------------------- */

static void
on_event(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = poll->data;
    struct gw_socket *socket = poll == &conn->peer.poll ? &conn->peer : &conn->backend;

    (void)events;
    if (status < 0)
        socket->events =
                0; /* an error is pending: the loop stopped watching, the step will meet it */
    conn_advance(conn);
}

static bool
socket_open(struct conn *conn, struct gw_socket *socket, int fd)
{
    socket->poll.data = conn;
    if (uv_poll_init(&conn->worker->loop, &socket->poll, fd) != 0)
        return false;
    socket->fd = fd;
    conn->handles++;
    return true;
}

static void
socket_watch(struct gw_socket *socket, int events)
{
    if (socket->fd < 0 || socket->events == events)
        return;
    socket->events = events;
    if (events == 0)
        uv_poll_stop(&socket->poll);
    else if (uv_poll_start(&socket->poll, events, on_event) != 0)
        socket->events = 0;
}

static void
on_timer(uv_timer_t *timer)
{
    struct conn *conn = timer->data;

    conn->timed_out = true;
    conn_advance(conn);
}

static void
set_timer(struct conn *conn, uint64_t ms)
{
    conn->timed_out = false;
    uv_timer_start(&conn->timer, on_timer, ms, 0);
}

/* An IPv4 peer on an IPv6 socket is known by its IPv4 address: that is what names are given as. */
static void
name_peer(struct conn *conn, const struct sockaddr *from)
{
    const struct sockaddr_in6 *from6 = (const struct sockaddr_in6 *)(const void *)from;
    const struct sockaddr_in *from4 = (const struct sockaddr_in *)(const void *)from;

    if (from->sa_family == AF_INET) {
        inet_ntop(AF_INET, &from4->sin_addr, conn->address, sizeof(conn->address));
        snprintf(conn->endpoint, sizeof(conn->endpoint), "%s:%u", conn->address,
                ntohs(from4->sin_port));
    } else if (from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&from6->sin6_addr)) {
        inet_ntop(AF_INET, from6->sin6_addr.s6_addr + 12, conn->address, sizeof(conn->address));
        snprintf(conn->endpoint, sizeof(conn->endpoint), "%s:%u", conn->address,
                ntohs(from6->sin6_port));
    } else if (from->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &from6->sin6_addr, conn->address, sizeof(conn->address));
        snprintf(conn->endpoint, sizeof(conn->endpoint), "[%s]:%u", conn->address,
                ntohs(from6->sin6_port));
    } else {
        snprintf(conn->endpoint, sizeof(conn->endpoint), "unix");
    }
}

/* ---- the record -------------------------------------------------------------------------------- */

static struct cg_cert *
resumed_cert(const struct conn *conn)
{
    const X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
    unsigned char *der = NULL;
    int len = leaf != NULL ? i2d_X509(leaf, &der) : 0;
    struct cg_cert *cert = NULL;

    if (len > 0 && cg_cert_from_der(der, (size_t)len, &cert, NULL) != CG_OK)
        cert = NULL;
    OPENSSL_free(der);
    return cert;
}

/*
 * Writes the connection's one record: `decision`, or what its ticket says where that is NULL; `before`
 * is the acceptance that a later refusal follows.
 */
static bool
write_record(
        struct conn *conn, const struct cg_decision *decision, const struct cg_decision *before)
{
    const struct snapshot_interface *settings = conn->iface->settings;
    bool secured = conn->ssl != NULL && conn->handshake.hello;
    const char *cipher = secured ? SSL_get_cipher_name(conn->ssl) : NULL;
    struct cg_cert *cert = decision == NULL ? resumed_cert(conn) : NULL;
    struct record record = {
        .time_ms = conn->worker->clock(),
        .node = conn->generation->snapshot->node,
        .generation = conn->generation->number,
        .incident = conn->handshake.incident,
        .interface = settings->name,
        .service = settings->service,
        .role = settings->role,
        .step = conn->step->name,
        .peer = conn->endpoint,
        .via = conn->via[0] != '\0' ? conn->via : NULL,
        .sni = conn->handshake.sni_len > 0 ? conn->handshake.sni : NULL,
        .tls = secured ? SSL_get_version(conn->ssl) : NULL,
        .cipher = cipher != NULL && strcmp(cipher, "(NONE)") != 0 ? cipher : NULL,
        .policy = conn->iface->policy,
        .decision = decision,
        .ticket = decision == NULL ? &conn->handshake.ticket : NULL,
        .ticket_cert = cert,
        .before = before,
        .presented = conn->handshake.presented,
        .alert_sent = conn->handshake.alert,
        .resumed = conn->resumed,
    };
    char *json = record_json(&record, IPC_MAX_PAYLOAD);
    bool written = json != NULL && worker_record(conn->worker, json);

    if (json == NULL)
        worker_log(conn->worker, IPC_LOG_ERROR, "no memory for a decision record");
    conn->recorded = true;
    free(json);
    cg_cert_free(cert);
    return written;
}

/* Refuses for a reason that no certificate led to; the close step follows. */
static enum step_result
refuse(struct conn *conn, enum cg_reason reason, const char *detail)
{
    struct cg_decision *decision = cg_decision_refuse(conn->iface->policy, reason, detail);

    if (decision == NULL)
        worker_log(conn->worker, IPC_LOG_ERROR, "no memory for a decision");
    else
        (void)write_record(conn, decision, conn->handshake.decision);
    cg_decision_free(decision);
    conn->step = &step_close;
    return STEP_NEXT;
}

/* ---- the steps --------------------------------------------------------------------------------- */

static enum step_result
do_accept(struct conn *conn)
{
    const struct snapshot_interface *settings = conn->iface->settings;
    int on = 1;

    conn->handshake = (struct handshake) {
        .iface = conn->iface,
        .engine = conn->worker->engine,
        .clock = conn->worker->clock,
        .keys = &conn->worker->keys,
        .address = conn->address[0] != '\0' ? conn->address : NULL,
        .presented = -1,
        .alert = -1,
    };
    if (RAND_bytes(conn->handshake.incident, sizeof(conn->handshake.incident)) != 1)
        return refuse(conn, CG_REASON_INTERNAL_ERROR, "no random numbers");
    conn->ssl = tls_new(&conn->handshake, conn->peer.fd);
    if (conn->ssl == NULL)
        return refuse(conn, CG_REASON_INTERNAL_ERROR, "no memory for TLS");
    (void)setsockopt(conn->peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    set_timer(conn, settings->handshake_timeout_ms);
    conn->step = conn->told != NULL ? &step_proxy : &step_handshake;
    return STEP_NEXT;
}

/* From here on the connection is the one that the balancer speaks of. */
static enum step_result
take_proxy(struct conn *conn)
{
    memcpy(conn->via, conn->endpoint, sizeof(conn->via));
    if (conn->told->ends.from.ss_family == AF_UNSPEC) {
        free(conn->told);
        conn->told = NULL;
    } else {
        name_peer(conn, (const struct sockaddr *)&conn->told->ends.from);
        conn->handshake.address = conn->address;
    }
    conn->step = &step_handshake;
    return STEP_NEXT;
}

/*
 * Reads the header and not a byte of what follows it: bytes are looked at first, and taken up to the
 * header's end, or all of them while it has not come.
 */
static enum step_result
do_proxy(struct conn *conn)
{
    struct conn_told *told = conn->told;
    const char *why = NULL;
    enum proxy_result result;
    size_t used;
    ssize_t got;

    do
        got = recv(conn->peer.fd, told->header + told->len, sizeof(told->header) - told->len,
                MSG_PEEK);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        return refuse(conn, CG_REASON_HANDSHAKE_FAILED,
                "the balancer closed the connection before its PROXY header");
    if (got < 0) {
        if (conn->timed_out)
            return refuse(conn, CG_REASON_HANDSHAKE_TIMEOUT,
                    "no PROXY header came from the balancer in time");
        socket_watch(&conn->peer, UV_READABLE);
        return STEP_WAIT;
    }
    result = proxy_read(told->header, told->len + (size_t)got, &used, &told->ends, &why);
    if (result == PROXY_BAD)
        return refuse(conn, CG_REASON_HANDSHAKE_FAILED, why);
    if (result == PROXY_MORE)
        used = told->len + (size_t)got;
    got = recv(conn->peer.fd, told->header + told->len, used - told->len, 0);
    if (got < 0 || (size_t)got != used - told->len)
        return refuse(conn, CG_REASON_INTERNAL_ERROR, "the PROXY header could not be read twice");
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
        (void)write_record(conn, decision, NULL);
        conn->step = &step_close;
        return STEP_NEXT;
    }
    cg_buf_init(&detail, GW_MAX_DETAIL);
    reason = tls_failure(conn->ssl, &conn->handshake, ssl_error, errno_value, &detail);
    result = refuse(conn, reason, cg_buf_text(&detail));
    cg_buf_release(&detail);
    return result;
}

static enum step_result
do_handshake(struct conn *conn)
{
    int result, error;

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
        return refuse(conn, CG_REASON_HANDSHAKE_TIMEOUT,
                conn->handshake.hello ? "the peer did not finish the handshake in time"
                                      : "no ClientHello came in time");
    socket_watch(&conn->peer, error == SSL_ERROR_WANT_READ ? UV_READABLE : UV_WRITABLE);
    return STEP_WAIT;
}

static enum step_result
do_judge(struct conn *conn)
{
    struct cg_error err = { "" };

    socket_watch(&conn->peer, 0);
    if (tls_finish(conn->ssl, &conn->handshake, &conn->resumed, &err) != CG_OK)
        return refuse(conn, CG_REASON_INTERNAL_ERROR, err.text);
    if (!conn->resumed && cg_decision_verdict(conn->handshake.decision) == CG_REJECT) {
        (void)write_record(conn, conn->handshake.decision, NULL);
        conn->step = &step_close;
        return STEP_NEXT;
    }
    conn->step = &step_dial;
    return STEP_NEXT;
}

static enum step_result
backend_unavailable(struct conn *conn, const char *what, int code)
{
    char detail[128];

    snprintf(detail, sizeof(detail), "%s: %s", what, strerror(code));
    return refuse(conn, CG_REASON_BACKEND_UNAVAILABLE, detail);
}

static void
log_end(struct conn *conn, const char *why)
{
    char incident[INCIDENT_TEXT_SIZE];

    incident_text(conn->handshake.incident, incident);
    worker_log(conn->worker, IPC_LOG_DEBUG,
            "interface '%s': %s %s ended: %s; %llu bytes from the peer, %llu to it",
            conn->iface->settings->name, conn->endpoint, incident, why,
            (unsigned long long)conn->relay.up.bytes, (unsigned long long)conn->relay.down.bytes);
}

/* Puts the PROXY header, where one is wanted, before the peer's first byte. */
static bool
tell_backend(struct conn *conn)
{
    const struct snapshot_interface *settings = conn->iface->settings;
    struct proxy_ends ends = { 0 };
    socklen_t from_len = sizeof(ends.from), to_len = sizeof(ends.to);

    if (settings->proxy == SNAPSHOT_PROXY_OFF)
        return true;
    if (conn->told != NULL)
        ends = conn->told->ends;
    else if (getpeername(conn->peer.fd, (struct sockaddr *)&ends.from, &from_len) != 0 ||
            getsockname(conn->peer.fd, (struct sockaddr *)&ends.to, &to_len) != 0)
        return false;
    conn->relay.up.waiting = introduce(settings->proxy == SNAPSHOT_PROXY_V1 ? 1 : 2, &ends,
            conn->ssl, &conn->handshake, &conn->relay.up.len);
    return conn->relay.up.waiting != NULL;
}

static enum step_result
dialled(struct conn *conn)
{
    const struct cg_decision *decision = conn->resumed ? NULL : conn->handshake.decision;
    bool told_backend;
    int on = 1;

    if (!write_record(conn, decision, NULL)) {
        /* What cannot be recorded does not happen. */
        worker_log(conn->worker, IPC_LOG_ERROR, "a peer was refused: %s",
                cg_reason_info(CG_REASON_AUDIT_UNAVAILABLE)->code);
        conn->step = &step_close;
        return STEP_NEXT;
    }
    if (conn->iface->settings->backend.addr.ss_family != AF_UNIX)
        (void)setsockopt(conn->backend.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* All findings are written; an idle connection keeps what it needs and no more. */
    told_backend = tell_backend(conn);
    cg_decision_free(conn->handshake.decision);
    conn->handshake.decision = NULL;
    free(conn->told);
    conn->told = NULL;
    if (!told_backend) {
        log_end(conn, "no PROXY header could be made for the backend");
        conn->step = &step_close;
        return STEP_NEXT;
    }
    conn->active = uv_now(&conn->worker->loop);
    set_timer(conn, conn->iface->settings->idle_timeout_ms);
    conn->step = &step_relay;
    return STEP_NEXT;
}

static enum step_result
do_dial(struct conn *conn)
{
    const struct snapshot_interface *settings = conn->iface->settings;
    const struct snapshot_address *to = &settings->backend;
    int code = 0;
    socklen_t len = sizeof(code);

    if (conn->backend.fd < 0) {
        int fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
            return backend_unavailable(conn, "no socket for the backend", errno);
        if (connect(fd, (const struct sockaddr *)&to->addr, to->len) != 0)
            code = errno;
        if ((code != 0 && code != EINPROGRESS) || !socket_open(conn, &conn->backend, fd)) {
            close(fd);
            return backend_unavailable(conn, "cannot connect to the backend", code);
        }
        if (code == 0)
            return dialled(conn);
        set_timer(conn, settings->connect_timeout_ms);
        socket_watch(&conn->backend, UV_WRITABLE);
        return STEP_WAIT;
    }
    if (getsockopt(conn->backend.fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;
    if (code != 0)
        return backend_unavailable(conn, "cannot connect to the backend", code);
    if (conn->timed_out)
        return backend_unavailable(conn, "cannot connect to the backend", ETIMEDOUT);
    return dialled(conn);
}

/* The idle timer is set once and looks, when it fires, how long ago the last byte was. */
static bool
idle_too_long(struct conn *conn)
{
    uint64_t limit = conn->iface->settings->idle_timeout_ms;
    uint64_t idle = uv_now(&conn->worker->loop) - conn->active;

    if (!conn->timed_out)
        return false;
    if (idle >= limit)
        return true;
    set_timer(conn, limit - idle);
    return false;
}

static enum step_result
do_relay(struct conn *conn)
{
    struct relay_io io = {
        .ssl = conn->ssl,
        .peer = conn->peer.fd,
        .backend = conn->backend.fd,
        .scratch = conn->worker->scratch,
    };
    enum relay_result result = relay_run(&conn->relay, &io);

    if (io.moved)
        conn->active = uv_now(&conn->worker->loop);
    conn->step = &step_close;
    switch (result) {
    case RELAY_DONE:
        log_end(conn, "both sides are done");
        return STEP_END;
    case RELAY_BROKEN:
        log_end(conn, io.why);
        return STEP_NEXT;
    case RELAY_WAIT:
    case RELAY_AGAIN:
        break;
    }
    if (idle_too_long(conn)) {
        log_end(conn, "no byte for the idle time");
        (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
        return STEP_NEXT;
    }
    conn->step = &step_relay;
    socket_watch(&conn->peer, io.peer_events);
    socket_watch(&conn->backend, io.backend_events);
    if (result == RELAY_AGAIN)
        worker_ready(conn->worker, conn);
    return STEP_WAIT;
}

/*
 * The alert or close_notify is on its way. A close now, with bytes of the peer unread, would send a
 * reset that overtakes it; so the peer's bytes are read for a moment, and go nowhere.
 */
static enum step_result
do_close(struct conn *conn)
{
    size_t round = 0;
    ssize_t got;

    if (!conn->lingering) {
        conn->lingering = true;
        if (conn->ssl != NULL && SSL_is_init_finished(conn->ssl))
            (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
        if (shutdown(conn->peer.fd, SHUT_WR) != 0)
            return STEP_END;
        set_timer(conn, GW_LINGER_MS);
        socket_watch(&conn->backend, 0);
    }
    do {
        got = recv(conn->peer.fd, conn->worker->scratch, GW_RELAY_BYTES, 0);
        if (got > 0)
            conn->lingered += (size_t)got;
    } while ((got > 0 || (got < 0 && errno == EINTR)) && ++round < GW_RELAY_ROUNDS);
    if (got == 0 || (got < 0 && errno != EAGAIN) || conn->lingered >= GW_LINGER_BYTES ||
            conn->timed_out)
        return STEP_END;
    socket_watch(&conn->peer, UV_READABLE);
    return STEP_WAIT;
}

/* ---- beginning and end ------------------------------------------------------------------------- */

static void
on_handle_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct worker *worker = conn->worker;

    if (--conn->handles != 0)
        return;
    worker_forget(worker, conn);
    generation_unref(conn->generation);
    free(conn);
}

static void
socket_close(struct gw_socket *socket)
{
    if (socket->fd < 0)
        return;
    uv_close((uv_handle_t *)&socket->poll, on_handle_closed);
    close(socket->fd);
    socket->fd = -1;
}

static void
conn_end(struct conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    cg_decision_free(conn->handshake.decision);
    conn->handshake.decision = NULL;
    relay_release(&conn->relay);
    free(conn->told);
    conn->told = NULL;
    conn->step = NULL;
    socket_close(&conn->peer);
    socket_close(&conn->backend);
    uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

void
conn_advance(struct conn *conn)
{
    enum step_result result;

    if (conn->step == NULL)
        return;
    do
        result = conn->step->run(conn);
    while (result == STEP_NEXT);
    if (result == STEP_END)
        conn_end(conn);
}

void
conn_abort(struct conn *conn, const char *why)
{
    if (conn->step == NULL)
        return;
    if (conn->step != &step_relay && !conn->recorded)
        (void)refuse(conn, CG_REASON_HANDSHAKE_FAILED, why);
    conn_end(conn);
}

bool
conn_start(struct worker *worker, struct gw_interface *iface, int fd, const struct sockaddr *from,
        socklen_t from_len)
{
    const struct snapshot_interface *settings = iface->settings;
    bool balancer = snapshot_networks_hold(settings->proxy_from, settings->proxy_from_count, from);
    struct conn *conn = calloc(1, sizeof(*conn));

    (void)from_len;
    if (conn == NULL) {
        close(fd);
        return false;
    }
    conn->worker = worker;
    conn->peer.fd = conn->backend.fd = -1;
    if (balancer)
        conn->told = calloc(1, sizeof(*conn->told));
    if ((balancer && conn->told == NULL) || !socket_open(conn, &conn->peer, fd)) {
        free(conn->told);
        free(conn);
        close(fd);
        return false;
    }
    conn->iface = iface;
    conn->generation = generation_ref(iface->generation);
    conn->timer.data = conn;
    uv_timer_init(&worker->loop, &conn->timer);
    conn->handles++;
    name_peer(conn, from);
    worker_adopt(worker, conn);
    conn->step = &step_accept;
    conn_advance(conn);
    return true;
}
