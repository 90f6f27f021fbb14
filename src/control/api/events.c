#include "control/api/events.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct listener {
    struct events *events;
    struct MHD_Connection *connection;
    struct cg_buf waiting; /* octets before `sent` are gone already */
    size_t sent;
    unsigned long lost;
    bool suspended;
    bool ended;
};

struct events {
    struct listener *listeners[EVENTS_MAX_LISTENERS];
    size_t count;
    int64_t beat_ms;
};

struct events *
events_new(void)
{
    return calloc(1, sizeof(struct events));
}

static void
wake(struct listener *it)
{
    if (!it->suspended)
        return;
    it->suspended = false;
    MHD_resume_connection(it->connection);
}

void
events_end(struct events *events)
{
    for (size_t i = 0; events != NULL && i < events->count; i++) {
        events->listeners[i]->ended = true;
        wake(events->listeners[i]);
    }
}

void
events_free(struct events *events)
{
    free(events);
}

static ssize_t
give(void *arg, uint64_t position, char *out, size_t max)
{
    struct listener *it = arg;
    size_t len = it->waiting.len - it->sent;

    (void)position;
    if (len == 0 && it->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (len == 0) {
        it->suspended = true;
        MHD_suspend_connection(it->connection);
        return 0;
    }
    if (len > max)
        len = max;
    memcpy(out, it->waiting.data + it->sent, len);
    it->sent += len;
    if (it->sent == it->waiting.len) {
        it->waiting.len = it->sent = 0;
    }
    return (ssize_t)len;
}

static void
forget(void *arg)
{
    struct listener *it = arg;
    struct events *events = it->events;

    for (size_t i = 0; i < events->count; i++)
        if (events->listeners[i] == it)
            events->listeners[i] = events->listeners[--events->count];
    cg_buf_release(&it->waiting);
    free(it);
}

bool
events_full(const struct events *events)
{
    return events->count == EVENTS_MAX_LISTENERS;
}

enum MHD_Result
events_begin(struct events *events, struct MHD_Connection *connection)
{
    struct listener *it = events_full(events) ? NULL : calloc(1, sizeof(*it));
    struct MHD_Response *response;
    enum MHD_Result result;

    if (it == NULL)
        return MHD_NO;
    it->events = events;
    it->connection = connection;
    cg_buf_init(&it->waiting, 2 * EVENTS_MAX_WAITING);
    cg_buf_add(&it->waiting, ": certgate\n\n");
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, give, it, forget);
    if (response == NULL) {
        cg_buf_release(&it->waiting);
        free(it);
        return MHD_NO;
    }
    events->listeners[events->count++] = it;
    (void)MHD_add_response_header(response, "Content-Type", "text/event-stream");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* What was sent makes room for what comes. */
static void
make_room(struct listener *it)
{
    if (it->sent == 0)
        return;
    memmove(it->waiting.data, it->waiting.data + it->sent, it->waiting.len - it->sent);
    it->waiting.len -= it->sent;
    it->sent = 0;
}

void
events_add(struct events *events, const char *event, const char *data, size_t len)
{
    for (size_t i = 0; i < events->count; i++) {
        struct listener *it = events->listeners[i];

        if (it->ended)
            continue;
        make_room(it);
        if (it->waiting.len + len + 256 > EVENTS_MAX_WAITING) {
            it->lost++;
            continue;
        }
        if (it->lost != 0)
            cg_buf_addf(&it->waiting, "event: lost\ndata: {\"count\":%lu}\n\n", it->lost);
        it->lost = 0;
        cg_buf_addf(&it->waiting, "event: %s\ndata: ", event);
        cg_buf_add_bytes(&it->waiting, data, len);
        cg_buf_add(&it->waiting, "\n\n");
        if (it->waiting.failed)
            it->ended = true; /* no memory: it comes again */
        wake(it);
    }
}

void
events_beat(struct events *events, int64_t now)
{
    if (events->count == 0 || now < events->beat_ms)
        return;
    events->beat_ms = now + EVENTS_BEAT_MS;
    for (size_t i = 0; i < events->count; i++) {
        cg_buf_add(&events->listeners[i]->waiting, ": still here\n\n");
        wake(events->listeners[i]);
    }
}

int64_t
events_next_ms(const struct events *events)
{
    return events->count == 0 ? INT64_MAX : events->beat_ms;
}
