/* Step dial: the backend of an admitted peer is connected, and what was decided is recorded. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/conn.h"
#include "gateway/introduce.h"
#include "gateway/live.h"
#include "gateway/worker.h"

static enum step_result
backend_unavailable(struct conn *conn, const char *what, int code)
{
    char detail[128];

    socket_close(&conn->backend);
    snprintf(detail, sizeof(detail), "%s: %s", what, strerror(code));
    conn_record_refusal(conn, CG_REASON_BACKEND_UNAVAILABLE, detail);
    /* A step that reads requests answers this one. */
    conn->step = conn->after_dial == &step_relay ? &step_close : conn->after_dial;
    return STEP_NEXT;
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
    conn->relay.up.waiting = introduce(
            settings->proxy == SNAPSHOT_PROXY_V1 ? 1 : 2, &ends, conn, &conn->relay.up.len);
    return conn->relay.up.waiting != NULL;
}

/* An idle connection keeps what it needs and no more: all findings are in the record. */
static void
forget_findings(struct conn *conn)
{
    if (gw_reads_requests(conn->iface))
        return; /* another request may have to be judged: the addresses stay, too */
    cg_decision_free(conn->handshake.decision);
    conn->handshake.decision = NULL;
    conn_told_free(conn->told);
    conn->told = NULL;
}

static enum step_result
dialled(struct conn *conn)
{
    /* Nothing has reached the backend: what admitted the peer must hold now. */
    if ((!conn->recorded && !live_follow(conn)) || !conn_record_admission(conn)) {
        conn->step = &step_close;
        return STEP_NEXT;
    }
    if (!tell_backend(conn)) {
        conn_log_end(conn, "the backend", "could not be sent a PROXY header");
        conn->step = &step_close;
        return STEP_NEXT;
    }
    forget_findings(conn);
    conn->active = uv_now(&conn->worker->loop);
    conn_set_timer(conn, conn->iface->settings->idle_timeout_ms);
    conn->step = conn->after_dial;
    return STEP_NEXT;
}

static enum step_result
begin(struct conn *conn)
{
    const struct snapshot_interface *settings = conn->iface->settings;
    const struct snapshot_address *to = &settings->backend;
    int fd = -1, code = 0, on = 1;

    conn->dialled_in = conn->generation->number;
    /* A PROXY header speaks of one peer: such a connection is nobody else's. */
    if (settings->proxy == SNAPSHOT_PROXY_OFF && http_side_takes_pooled(conn->http))
        fd = pool_take(&conn->iface->usage->pool, conn->dialled_in);
    if (fd >= 0) {
        socket_open(conn, &conn->backend, fd);
        return dialled(conn);
    }
    fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return backend_unavailable(conn, "no socket for the backend", errno);
    /* On the same machine the second call finds it connected (EISCONN), and nothing has to wait. */
    for (int attempt = 0; attempt < 2 && (attempt == 0 || code == EINPROGRESS); attempt++) {
        code = 0;
        if (connect(fd, (const struct sockaddr *)&to->addr, to->len) != 0)
            code = errno == EALREADY ? EINPROGRESS : errno;
    }
    if (to->addr.ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (code != 0 && code != EINPROGRESS && code != EISCONN) {
        close(fd);
        return backend_unavailable(conn, "cannot connect to the backend", code);
    }
    socket_open(conn, &conn->backend, fd);
    if (code != EINPROGRESS)
        return dialled(conn);
    socket_watch(&conn->peer, 0); /* what it sends meanwhile waits */
    conn_set_timer(conn, settings->connect_timeout_ms);
    socket_watch(&conn->backend, UV_WRITABLE);
    return STEP_WAIT;
}

enum step_result
do_dial(struct conn *conn)
{
    const struct snapshot_address *to = &conn->iface->settings->backend;
    int code = EISCONN;

    if (conn_outbound(conn))
        return dialled(conn); /* the local program has come by itself */
    if (conn->backend.fd < 0)
        return begin(conn);
    /* A turn may come for other reasons: connect() once more tells how the first stands (connect(2)). */
    if (connect(conn->backend.fd, (const struct sockaddr *)&to->addr, to->len) != 0)
        code = errno;
    if (code == EISCONN)
        return dialled(conn);
    if (code != EALREADY && code != EINPROGRESS)
        return backend_unavailable(conn, "cannot connect to the backend", code);
    if (conn->timed_out)
        return backend_unavailable(conn, "cannot connect to the backend", ETIMEDOUT);
    socket_watch(&conn->backend, UV_WRITABLE);
    return STEP_WAIT;
}
