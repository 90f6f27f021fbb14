/* Steps relay and close: bytes both ways, and an end that the peer understands. */
#include <errno.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "gateway/conn.h"
#include "gateway/worker.h"

enum step_result
do_relay(struct conn *conn)
{
    struct relay_io io = {
        .peer = { .ssl = conn->ssl, .fd = conn->peer.fd },
        .backend = { .fd = conn->backend.fd },
        .scratch = conn->worker->scratch,
    };
    enum relay_result result = relay_run(&conn->relay, &io);

    if (io.moved)
        conn->active = uv_now(&conn->worker->loop);
    if (result == RELAY_DONE) {
        conn_log_end(conn, "both sides", "are done");
        return STEP_END;
    }
    conn->step = &step_close;
    if (result == RELAY_BROKEN) {
        conn_log_end(conn, io.who, io.why);
        return STEP_NEXT;
    }
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
 * The alert or close_notify is on its way. A close now, with bytes of the peer unread, would send a
 * reset that overtakes it; so the peer's bytes are read for a moment, and go nowhere.
 */
enum step_result
do_close(struct conn *conn)
{
    size_t round = 0;
    ssize_t got;

    if (!conn->lingering) {
        conn->lingering = true;
        if (conn->ssl != NULL && SSL_is_init_finished(conn->ssl))
            (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
        if (conn->peer.fd < 0 || shutdown(conn->peer.fd, SHUT_WR) != 0)
            return STEP_END;
        conn_set_timer(conn, GW_LINGER_MS);
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
