/* Steps relay and close: bytes both ways, and an end that the peer understands. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include <openssl/err.h>

#include "gateway/conn.h"
#include "gateway/worker.h"

/*
 * The connection broke off. A server that refuses our certificate in TLS 1.3 does so after the handshake
 * that we were content with: that gets a record of its own, and the program behind us sees a cut.
 */
static enum step_result
broken(struct conn *conn, const struct relay_io *io)
{
    enum step_result result;
    struct cg_buf detail;

    conn_log_end(conn, io->who, io->why);
    conn->cut = true;
    conn->step = &step_close;
    if (!conn_outbound(conn) || !io->by_peer || conn->relay.up.bytes != 0)
        return STEP_NEXT;
    tls_look_for_alert(conn->ssl, &conn->handshake);
    if (!tls_refused_late(conn->ssl, &conn->handshake))
        return STEP_NEXT;
    conn->step = &step_relay; /* where it was found out */
    cg_buf_init(&detail, GW_MAX_DETAIL);
    cg_buf_add(&detail, "the handshake was done, then the server ");
    if (conn->handshake.alert_received >= 0)
        cg_buf_addf(&detail, "refused us: alert %s (%d)",
                SSL_alert_desc_string_long(conn->handshake.alert_received),
                conn->handshake.alert_received);
    else
        cg_buf_addf(&detail, "%s before it had sent a byte", io->why);
    tls_tell_identity(&conn->handshake, &detail);
    result = conn_refuse(conn, CG_REASON_HANDSHAKE_FAILED, cg_buf_text(&detail));
    cg_buf_release(&detail);
    return result;
}

enum step_result
do_relay(struct conn *conn)
{
    struct relay_io io = {
        .peer = { .ssl = conn->ssl, .fd = conn->peer.fd, .dry = &conn->peer.dry },
        .backend = { .fd = conn->backend.fd, .dry = &conn->backend.dry },
        .scratch = conn->worker->scratch,
    };
    enum relay_result result = relay_run(&conn->relay, &io);

    if (io.moved)
        conn->active = uv_now(&conn->worker->loop);
    if (result == RELAY_DONE) {
        conn_log_end(conn, "both sides", "are done");
        return STEP_END;
    }
    if (result == RELAY_BROKEN)
        return broken(conn, &io);
    conn->step = &step_close;
    if (conn_idle_too_long(conn)) {
        conn_log_end(conn, "nobody", "sent a byte for the idle time");
        return STEP_NEXT;
    }
    conn->step = &step_relay;
    socket_watch(&conn->peer, io.peer.events);
    socket_watch(&conn->backend, io.backend.events);
    if (result == RELAY_AGAIN)
        worker_ready(conn->worker, conn);
    return STEP_WAIT;
}

/*
 * Whoever speaks plaintext must not take a cut for the end of what the other side had to say and, outbound,
 * a refusal for an empty answer. So it gets a reset (a UNIX socket has none), but not before it has taken
 * what came before, which a reset would throw away. True when its side is closed.
 */
static bool
cut_side(struct conn *conn, struct gw_socket *side, bool cut)
{
    uint64_t waited = uv_now(&conn->worker->loop) - conn->active;
    uint64_t patience = conn_outbound(conn) ? conn->iface->settings->idle_timeout_ms : GW_CUT_MS;
    int unread = 0;

    if (!cut || side->fd < 0)
        return true;
    if (ioctl(side->fd, SIOCOUTQ, &unread) == 0 && unread > 0 && waited < patience)
        return false;
    socket_cut(side);
    socket_close(side);
    return true;
}

/*
 * The alert or close_notify is on its way. A close now, with bytes of the peer unread, would send a
 * reset that overtakes it; so the peer's bytes are read for a moment, and go nowhere. True when that is
 * over.
 */
static bool
linger(struct conn *conn)
{
    uint64_t waited = uv_now(&conn->worker->loop) - conn->active;
    size_t round = 0;
    ssize_t got;

    if (conn->peer.fd < 0)
        return true;
    do {
        got = recv(conn->peer.fd, conn->worker->scratch, GW_RELAY_BYTES, 0);
        if (got > 0)
            conn->lingered += (size_t)got;
    } while ((got > 0 || (got < 0 && errno == EINTR)) && ++round < GW_RELAY_ROUNDS);
    if (got == 0 || (got < 0 && errno != EAGAIN) || conn->lingered >= GW_LINGER_BYTES ||
            waited >= GW_LINGER_MS) {
        socket_close(&conn->peer);
        return true;
    }
    socket_watch(&conn->peer, UV_READABLE);
    return false;
}

enum step_result
do_close(struct conn *conn)
{
    bool peer_too = conn->plain && conn->cut; /* to others a missing close_notify tells it */
    bool cut, over;

    if (!conn->lingering) {
        conn->lingering = true;
        conn->active = uv_now(&conn->worker->loop);
        /* To a peer close_notify says that it has the whole (RFC 8446 section 6.1). */
        if (conn->ssl != NULL && SSL_is_init_finished(conn->ssl) && !conn->cut)
            (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
        http_side_give_backend(conn);
        if (conn->peer.fd >= 0 && !peer_too && shutdown(conn->peer.fd, SHUT_WR) != 0)
            socket_close(&conn->peer);
        socket_watch(&conn->backend, 0);
        conn_set_timer(conn, GW_LINGER_MS);
    }
    cut = cut_side(conn, &conn->backend, conn_outbound(conn) || conn->cut);
    cut = cut_side(conn, &conn->peer, peer_too) && cut;
    over = peer_too || linger(conn);
    if (cut && over)
        return STEP_END;
    if (!cut)
        conn_set_timer(conn, GW_CUT_LOOK_MS);
    return STEP_WAIT;
}
