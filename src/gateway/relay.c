#include "gateway/relay.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/limits.h"

static enum flow
broken(struct relay_io *io, const struct stream *stream, const char *why)
{
    io->by_peer = stream == &io->peer;
    io->who = io->by_peer ? "the peer" : "the backend";
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
static bool
keep(struct relay_way *way, const uint8_t *data, size_t len)
{
    if (way->waiting != NULL) {
        way->at = (size_t)(data - way->waiting);
        return true;
    }
    way->waiting = malloc(len);
    if (way->waiting == NULL)
        return false;
    memcpy(way->waiting, data, len);
    way->at = 0;
    way->len = len;
    return true;
}

static enum flow
pass(struct relay_way *way, struct stream *to, const uint8_t *data, size_t len, struct relay_io *io)
{
    size_t sent;
    enum flow flow = stream_write(to, data, len, &sent);

    io->moved = io->moved || sent > 0;
    way->bytes += sent;
    if (flow == FLOW_BROKEN)
        return broken(io, to, to->why);
    if (flow == FLOW_WAIT && !keep(way, data + sent, len - sent))
        return broken(io, to, "could not be sent bytes that were held back: no memory");
    if (flow == FLOW_MORE)
        drop_waiting(way);
    return flow;
}

/* Reads once and writes what came. */
static enum flow
move(struct relay_way *way, struct stream *from, struct stream *to, struct relay_io *io)
{
    enum flow source, sink = FLOW_MORE;
    size_t len = 0;

    source = stream_read(from, io->scratch, GW_RELAY_BYTES, &len);
    if (source == FLOW_ENDED)
        way->ended = true;
    if (source == FLOW_BROKEN)
        way->why = from->why;
    if (len > 0)
        sink = pass(way, to, io->scratch, len, io);
    if (sink != FLOW_MORE)
        return sink;
    return source == FLOW_WAIT ? FLOW_WAIT : FLOW_MORE;
}

static enum flow
end(struct relay_way *way, struct stream *to, struct relay_io *io)
{
    enum flow flow = way->passed ? FLOW_ENDED : stream_end(to);

    if (flow == FLOW_BROKEN)
        return broken(io, to, to->why);
    way->passed = flow == FLOW_ENDED;
    return flow;
}

enum flow
relay_flush(struct relay_way *way, struct stream *to, struct relay_io *io)
{
    return way->waiting == NULL ? FLOW_MORE
                                : pass(way, to, way->waiting + way->at, way->len - way->at, io);
}

/* One direction's turn. While bytes wait for the sink, the source is not read and not waited for. */
enum flow
relay_turn(struct relay_way *way, struct stream *from, struct stream *to, struct relay_io *io)
{
    for (int round = 0; round < GW_RELAY_ROUNDS; round++) {
        int before = from->events;
        enum flow flow = relay_flush(way, to, io);

        if (flow != FLOW_MORE)
            return flow;
        if (way->why != NULL)
            return broken(io, from, way->why);
        if (way->ended)
            return end(way, to, io);
        flow = move(way, from, to, io);
        if (flow != FLOW_WAIT || way->waiting != NULL)
            from->events = before;
        if (flow != FLOW_MORE)
            return flow;
    }
    return FLOW_MORE;
}

enum relay_result
relay_run(struct relay *relay, struct relay_io *io)
{
    enum flow up, down;

    io->peer.events = io->backend.events = 0;
    io->moved = false;
    io->who = io->why = NULL;
    up = relay_turn(&relay->up, &io->peer, &io->backend, io);
    if (up == FLOW_BROKEN)
        return RELAY_BROKEN;
    down = relay_turn(&relay->down, &io->backend, &io->peer, io);
    if (down == FLOW_BROKEN)
        return RELAY_BROKEN;
    if (up == FLOW_ENDED && down == FLOW_ENDED)
        return RELAY_DONE;
    return up == FLOW_MORE || down == FLOW_MORE ? RELAY_AGAIN : RELAY_WAIT;
}

bool
relay_prepend(struct relay_way *way, const uint8_t *data, size_t len)
{
    return len == 0 || keep(way, data, len);
}

void
relay_release(struct relay *relay)
{
    drop_waiting(&relay->up);
    drop_waiting(&relay->down);
}
