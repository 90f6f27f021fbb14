/* The life of a connection: its descriptors, its timer, its beginning and its end. */
#include "gateway/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/record.h"
#include "gateway/worker.h"

#define X(name, explain) const struct conn_step step_##name = { #name, explain, do_##name };
CONN_STEPS(X)
#undef X

static void
on_event(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = poll->data;
    struct gw_socket *socket = poll == conn->peer.poll ? &conn->peer
            : poll == conn->backend.poll               ? &conn->backend
                                                       : connect_socket(conn, poll);

    (void)events;
    if (status < 0 && socket != NULL)
        socket->events =
                0; /* an error is pending: the loop stopped watching, the step will meet it */
    conn_advance(conn);
}

bool
socket_open(struct conn *conn, struct gw_socket *socket, int fd)
{
    uv_poll_t *poll = malloc(sizeof(*poll));

    if (poll == NULL)
        return false;
    poll->data = conn;
    if (uv_poll_init(&conn->worker->loop, poll, fd) != 0) {
        free(poll);
        return false;
    }
    socket->poll = poll;
    socket->fd = fd;
    socket->events = 0;
    conn->handles++;
    return true;
}

void
socket_watch(struct gw_socket *socket, int events)
{
    if (socket->fd < 0 || socket->events == events)
        return;
    socket->events = events;
    if (events == 0)
        uv_poll_stop(socket->poll);
    else if (uv_poll_start(socket->poll, events, on_event) != 0)
        socket->events = 0;
}

/* The last handle that closes takes the connection's memory with it. */
static void
handle_gone(struct conn *conn)
{
    if (--conn->handles != 0 || conn->step != NULL)
        return;
    worker_forget(conn->worker, conn);
    generation_unref(conn->generation);
    free(conn);
}

static void
on_poll_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    free(handle);
    handle_gone(conn);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

void
socket_close(struct gw_socket *socket)
{
    if (socket->fd < 0)
        return;
    uv_close((uv_handle_t *)socket->poll, on_poll_closed);
    close(socket->fd);
    socket->poll = NULL;
    socket->fd = -1;
    socket->events = 0;
}

void
socket_cut(const struct gw_socket *socket)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    if (socket->fd >= 0)
        (void)setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void
on_timer(uv_timer_t *timer)
{
    struct conn *conn = timer->data;

    conn->timed_out = true;
    conn_advance(conn);
}

void
conn_set_timer(struct conn *conn, uint64_t ms)
{
    conn->timed_out = false;
    uv_timer_start(&conn->timer, on_timer, ms, 0);
}

bool
conn_idle_too_long(struct conn *conn)
{
    uint64_t limit = conn->iface->settings->idle_timeout_ms;
    uint64_t idle = uv_now(&conn->worker->loop) - conn->active;

    if (!conn->timed_out)
        return false;
    if (idle >= limit)
        return true;
    conn_set_timer(conn, limit - idle);
    return false;
}

void
conn_count_bytes(struct conn *conn)
{
    struct metrics_interface *metrics = conn->iface->usage->metrics;

    metrics->bytes_from_peer += conn->relay.up.bytes - conn->counted_up;
    metrics->bytes_to_peer += conn->relay.down.bytes - conn->counted_down;
    conn->counted_up = conn->relay.up.bytes;
    conn->counted_down = conn->relay.down.bytes;
}

void
conn_log_end(struct conn *conn, const char *who, const char *why)
{
    char incident[INCIDENT_TEXT_SIZE];

    incident_text(conn->handshake.incident, incident);
    worker_log(conn->worker, IPC_LOG_DEBUG,
            "interface '%s': %s %s ended: %s %s; %llu bytes from the peer, %llu to it",
            conn->iface->settings->name, conn->endpoint, incident, who, why,
            (unsigned long long)conn->relay.up.bytes, (unsigned long long)conn->relay.down.bytes);
}

/*
 * An IPv4 peer on an IPv6 socket is known by its IPv4 address: that is what names are given as.
 * address stays as it was where there is none.
 */
static void
name_end(const struct sockaddr *from, char address[80], char endpoint[96])
{
    const struct sockaddr_in6 *from6 = (const struct sockaddr_in6 *)(const void *)from;
    const struct sockaddr_in *from4 = (const struct sockaddr_in *)(const void *)from;

    if (from->sa_family == AF_INET) {
        inet_ntop(AF_INET, &from4->sin_addr, address, 80);
        snprintf(endpoint, 96, "%s:%u", address, ntohs(from4->sin_port));
    } else if (from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&from6->sin6_addr)) {
        inet_ntop(AF_INET, from6->sin6_addr.s6_addr + 12, address, 80);
        snprintf(endpoint, 96, "%s:%u", address, ntohs(from6->sin6_port));
    } else if (from->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &from6->sin6_addr, address, 80);
        snprintf(endpoint, 96, "[%s]:%u", address, ntohs(from6->sin6_port));
    } else {
        snprintf(endpoint, 96, "unix");
    }
}

bool
conn_count_source(struct conn *conn, const struct sockaddr *from)
{
    uint32_t limit = conn->iface->settings->max_per_source;
    struct source *source;
    bool failed;

    sources_give(&conn->worker->sources, conn->source);
    conn->source = source = sources_take(&conn->worker->sources, from, &failed);
    if (source == NULL || source->connections <= limit) {
        if (source != NULL && source->connections <= limit / 2)
            source->limit_logged = false;
        return !failed;
    }
    conn->iface->usage->metrics->limit_source++;
    if (!source->limit_logged)
        worker_log(conn->worker, IPC_LOG_WARNING,
                "interface '%s': %s has %u connections, the limit of a source; more are closed",
                conn->iface->settings->name, conn->address, limit);
    source->limit_logged = true;
    return false;
}

void
conn_name_peer(struct conn *conn, const struct sockaddr *from)
{
    name_end(from, conn->address, conn->endpoint);
}

struct conn_told *
conn_told_new(void)
{
    struct conn_told *told = calloc(1, sizeof(*told));

    if (told == NULL)
        return NULL;
    told->header = malloc(GW_MAX_PROXY_HEADER);
    if (told->header == NULL) {
        free(told);
        return NULL;
    }
    return told;
}

void
conn_told_free(struct conn_told *told)
{
    if (told == NULL)
        return;
    free(told->header);
    free(told);
}

static void
conn_end(struct conn *conn)
{
    conn_count_bytes(conn);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    tls_handshake_release(&conn->handshake);
    relay_release(&conn->relay);
    http_side_free(conn->http);
    sip_side_free(conn->sip);
    connect_release(conn);
    conn_told_free(conn->told);
    conn->told = NULL;
    conn->step = NULL;
    socket_close(&conn->peer);
    socket_close(&conn->backend);
    uv_close((uv_handle_t *)&conn->timer, on_timer_closed);
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
    if (conn->step == &step_dial && !conn->recorded)
        conn_record_refusal(conn, CG_REASON_BACKEND_UNAVAILABLE, why);
    conn_record_end(conn, CG_REASON_HANDSHAKE_FAILED, why);
    if (conn_outbound(conn) || conn->step == &step_relay)
        socket_cut(&conn->backend);
    conn_end(conn);
}

bool
conn_start(const struct listener *listener, int fd, const struct sockaddr *from)
{
    const struct snapshot_interface *settings = listener->iface->settings;
    bool balancer = snapshot_networks_hold(settings->proxy_from, settings->proxy_from_count, from);
    bool outbound = settings->role == CG_ROLE_OUTBOUND;
    struct conn *conn = calloc(1, sizeof(*conn));
    char address[80];

    if (conn == NULL) {
        close(fd);
        return false;
    }
    conn->worker = listener->worker;
    conn->peer.fd = conn->backend.fd = -1;
    if (balancer)
        conn->told = conn_told_new();
    if ((balancer && conn->told == NULL) ||
            !socket_open(conn, outbound ? &conn->backend : &conn->peer, fd)) {
        conn_told_free(conn->told);
        free(conn);
        close(fd);
        return false;
    }
    conn->iface = listener->iface;
    conn->plain = listener->plain;
    conn->generation = generation_ref(listener->iface->generation);
    conn->timer.data = conn;
    uv_timer_init(&conn->worker->loop, &conn->timer);
    conn->handles++;
    if (outbound)
        name_end(from, address, conn->local);
    else
        conn_name_peer(conn, from);
    worker_adopt(conn->worker, conn);
    conn->step = &step_accept;
    conn->good_from = INT64_MIN;
    conn->good_until = INT64_MAX;
    conn->guess = classify_source(conn->iface, from);
    /* A balancer's connections are counted for whom it speaks of. */
    if (!balancer && settings->role == CG_ROLE_INBOUND && !conn_count_source(conn, from)) {
        conn_end(conn);
        return true;
    }
    if (conn->worker->audit == IPC_AUDIT_UNAVAILABLE)
        (void)conn_refuse(conn, CG_REASON_AUDIT_UNAVAILABLE, NULL);
    conn_advance(conn);
    return true;
}
