#include "gateway/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include <openssl/err.h>

#include "gateway/limits.h"

enum flow { FLOW_MORE, FLOW_WAIT, FLOW_ENDED, FLOW_BROKEN };

static enum flow
broken(struct relay_io *io, const char *why)
{
    io->why = why;
    return FLOW_BROKEN;
}

static void
drop_waiting(struct relay_way *way)
{
    free(way->waiting);
    way->waiting = NULL;
    way->at = way->len = 0;
}

/* Keeps what the other side did not take; data may be the scratch buffer or inside `waiting`. */
static enum flow
keep(struct relay_way *way, const uint8_t *data, size_t len, struct relay_io *io)
{
    if (way->waiting != NULL) {
        way->at = (size_t)(data - way->waiting);
        return FLOW_WAIT;
    }
    way->waiting = malloc(len);
    if (way->waiting == NULL)
        return broken(io, "no memory to hold back bytes");
    memcpy(way->waiting, data, len);
    way->at = 0;
    way->len = len;
    return FLOW_WAIT;
}

/* An SSL call that gave no byte: what to wait for, or the end. */
static enum flow
ssl_stopped(struct relay_io *io, int result, int *events)
{
    switch (SSL_get_error(io->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *events |= UV_READABLE;
        return FLOW_WAIT;
    case SSL_ERROR_WANT_WRITE:
        *events |= UV_WRITABLE;
        return FLOW_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return FLOW_ENDED;
    default:
        ERR_clear_error();
        return broken(io, "the peer ended without close_notify");
    }
}

static enum flow
write_backend(struct relay_way *way, const uint8_t *data, size_t len, struct relay_io *io)
{
    while (len > 0) {
        ssize_t sent = send(io->backend, data, len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            return broken(io, "the backend does not take any more bytes");
        if (sent < 0) {
            io->backend_events |= UV_WRITABLE;
            return keep(way, data, len, io);
        }
        io->moved = true;
        way->bytes += (uint64_t)sent;
        data += sent;
        len -= (size_t)sent;
    }
    drop_waiting(way);
    return FLOW_MORE;
}

static enum flow
write_peer(struct relay_way *way, const uint8_t *data, size_t len, struct relay_io *io)
{
    while (len > 0) {
        int sent = SSL_write(io->ssl, data, (int)len);

        if (sent <= 0) {
            enum flow flow = ssl_stopped(io, sent, &io->peer_events);

            /* libssl has sealed a record already: it must be given the same bytes again. */
            return flow == FLOW_WAIT ? keep(way, data, len, io)
                                     : broken(io, "the peer does not take any more bytes");
        }
        io->moved = true;
        way->bytes += (uint64_t)sent;
        data += sent;
        len -= (size_t)sent;
    }
    drop_waiting(way);
    return FLOW_MORE;
}

/*
 * Fills the scratch buffer from the peer while libssl holds bytes; what the kernel holds beyond that
 * comes with the next turn, for the loop is level-triggered.
 */
static enum flow
read_peer(struct relay_io *io, size_t *len, int *events)
{
    *len = 0;
    do {
        int got = SSL_read(io->ssl, io->scratch + *len, (int)(GW_RELAY_BYTES - *len));

        if (got <= 0)
            return ssl_stopped(io, got, events);
        *len += (size_t)got;
    } while (*len < GW_RELAY_BYTES && SSL_has_pending(io->ssl) == 1);
    if (SSL_has_pending(io->ssl) == 1)
        return FLOW_MORE;
    *events |= UV_READABLE;
    return FLOW_WAIT;
}

static enum flow
read_backend(struct relay_io *io, size_t *len, int *events)
{
    ssize_t got;

    *len = 0;
    do
        got = recv(io->backend, io->scratch, GW_RELAY_BYTES, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return FLOW_ENDED;
    if (got < 0 && errno != EAGAIN)
        return broken(io, "the backend reset the connection");
    if (got < 0 || got < GW_RELAY_BYTES)
        *events |= UV_READABLE;
    *len = got > 0 ? (size_t)got : 0;
    return got == GW_RELAY_BYTES ? FLOW_MORE : FLOW_WAIT;
}

/* close_notify becomes FIN. */
static enum flow
end_up(struct relay_way *way, struct relay_io *io)
{
    if (!way->passed && shutdown(io->backend, SHUT_WR) != 0 && errno != ENOTCONN)
        return broken(io, "the backend is gone");
    way->passed = true;
    return FLOW_ENDED;
}

/* FIN becomes close_notify, and a FIN behind it for peers that look at nothing else (RFC 8446 6.1). */
static enum flow
end_down(struct relay_way *way, struct relay_io *io)
{
    if (!way->passed) {
        int result = SSL_shutdown(io->ssl);

        if (result < 0) {
            enum flow flow = ssl_stopped(io, result, &io->peer_events);

            if (flow == FLOW_WAIT)
                return flow;
            return broken(io, "the peer is gone");
        }
        if (shutdown(io->peer, SHUT_WR) != 0 && errno != ENOTCONN)
            return broken(io, "the peer is gone");
    }
    way->passed = true;
    return FLOW_ENDED;
}

/* How one direction reads, writes and says that no more comes. */
struct route {
    enum flow (*read)(struct relay_io *io, size_t *len, int *events);
    enum flow (*write)(struct relay_way *way, const uint8_t *data, size_t len, struct relay_io *io);
    enum flow (*end)(struct relay_way *way, struct relay_io *io);
};

static const struct route route_up = { read_peer, write_backend, end_up };
static const struct route route_down = { read_backend, write_peer, end_down };

/* Reads once and writes what came; *events is what the source waits for. */
static enum flow
move(struct relay_way *way, const struct route *route, struct relay_io *io, int *events)
{
    enum flow source, sink = FLOW_MORE;
    size_t len = 0;

    source = route->read(io, &len, events);
    if (source == FLOW_ENDED)
        way->ended = true;
    if (source == FLOW_BROKEN)
        way->why = io->why;
    if (len > 0)
        sink = route->write(way, io->scratch, len, io);
    if (sink != FLOW_MORE)
        return sink;
    return source == FLOW_WAIT ? FLOW_WAIT : FLOW_MORE;
}

/* One direction's turn. While bytes wait for the sink, the source is not read and not waited for. */
static enum flow
turn(struct relay_way *way, const struct route *route, struct relay_io *io, int *source_events)
{
    for (int round = 0; round < GW_RELAY_ROUNDS; round++) {
        enum flow flow = FLOW_MORE;
        int events = 0;

        if (way->waiting != NULL)
            flow = route->write(way, way->waiting + way->at, way->len - way->at, io);
        if (flow != FLOW_MORE)
            return flow;
        if (way->why != NULL)
            return broken(io, way->why);
        if (way->ended)
            return route->end(way, io);
        flow = move(way, route, io, &events);
        if (flow == FLOW_WAIT && way->waiting == NULL)
            *source_events |= events;
        if (flow != FLOW_MORE)
            return flow;
    }
    return FLOW_MORE;
}

enum relay_result
relay_run(struct relay *relay, struct relay_io *io)
{
    enum flow up, down;

    io->peer_events = io->backend_events = 0;
    io->moved = false;
    io->why = NULL;
    ERR_clear_error();
    up = turn(&relay->up, &route_up, io, &io->peer_events);
    if (up == FLOW_BROKEN)
        return RELAY_BROKEN;
    down = turn(&relay->down, &route_down, io, &io->backend_events);
    if (down == FLOW_BROKEN)
        return RELAY_BROKEN;
    if (up == FLOW_ENDED && down == FLOW_ENDED)
        return RELAY_DONE;
    return up == FLOW_MORE || down == FLOW_MORE ? RELAY_AGAIN : RELAY_WAIT;
}

void
relay_release(struct relay *relay)
{
    drop_waiting(&relay->up);
    drop_waiting(&relay->down);
}
