/* The life of a connection: its descriptors, its timer, its beginning and its end. */
#include "gateway/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/record.h"
#include "gateway/worker.h"

#define X(name, explain) const struct conn_step step_##name = { #name, explain, do_##name };
CONN_STEPS(X)
#undef X

/* Which of a connection's sockets an event is of: the low bits of the pointer that the kernel keeps. */
enum { OF_PEER, OF_BACKEND, OF_ATTEMPT, OF_MASK = 3 };
_Static_assert(_Alignof(struct conn) > OF_MASK, "no room for the mark");

/* Has the kernel watch for exactly these; false when it does not. */
static bool
arm(struct gw_socket *socket, int events)
{
    struct conn *conn = socket->conn;
    uintptr_t mark = socket == &conn->peer ? OF_PEER
            : socket == &conn->backend     ? OF_BACKEND
                                           : OF_ATTEMPT;
    struct epoll_event event = {
        .events = ((events & UV_READABLE) != 0 ? EPOLLIN : 0u) |
                ((events & UV_WRITABLE) != 0 ? EPOLLOUT : 0u),
        .data.u64 = (uintptr_t)conn | mark,
    };
    int operation = events == 0  ? EPOLL_CTL_DEL
            : socket->armed == 0 ? EPOLL_CTL_ADD
                                 : EPOLL_CTL_MOD;

    if (epoll_ctl(conn->worker->epoll, operation, socket->fd, &event) != 0)
        return false;
    socket->armed = events;
    return true;
}

void
conn_event(const struct epoll_event *event)
{
    struct conn *conn = (struct conn *)((uintptr_t)event->data.u64 & ~(uintptr_t)OF_MASK);
    uintptr_t mark = (uintptr_t)event->data.u64 & OF_MASK;
    struct gw_socket *socket = mark == OF_PEER ? &conn->peer
            : mark == OF_BACKEND               ? &conn->backend
                                               : NULL;
    const uint32_t broken = EPOLLERR | EPOLLHUP;
    int events = ((event->events & (EPOLLIN | broken)) != 0 ? UV_READABLE : 0) |
            ((event->events & (EPOLLOUT | broken)) != 0 ? UV_WRITABLE : 0);

    if (conn->step == NULL)
        return; /* ended, in the same turn of the loop */
    if (socket == NULL) {
        conn->peer.dry = false; /* it may have become that */
    } else if (socket->fd < 0) {
        return; /* closed, in the same turn */
    } else if ((events & socket->events) == 0) {
        (void)arm(socket, socket->events); /* nobody waits for it any more */
        return;
    } else {
        socket->dry = false;
    }
    conn_advance(conn);
}

void
socket_open(struct conn *conn, struct gw_socket *socket, int fd)
{
    /* What is not watched yet has said nothing yet: reading it before the first event is in vain. */
    *socket = (struct gw_socket) { .conn = conn, .fd = fd, .dry = true };
}

/*
 * A socket that is not to be read for now stays watched until it has something to read, which it mostly
 * has not before it is to be read again.
 */
void
socket_watch(struct gw_socket *socket, int events)
{
    if (socket->fd < 0 || socket->events == events)
        return;
    socket->events = events;
    if (socket->armed != events && socket->armed != (events | UV_READABLE) && !arm(socket, events))
        socket->events = 0;
}

/* At the end of the loop's turn: nothing that came in it speaks of the connection any more. */
static void
on_timer_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    worker_forget(conn->worker, conn);
    generation_unref(conn->generation);
    free(conn);
}

int
socket_release(struct gw_socket *socket)
{
    int fd = socket->fd;

    if (socket->armed != 0)
        (void)arm(socket, 0);
    socket->fd = -1;
    socket->events = socket->armed = 0;
    return fd;
}

void
socket_close(struct gw_socket *socket)
{
    if (socket->fd < 0)
        return;
    close(socket->fd); /* the kernel watches it no more */
    socket->fd = -1;
    socket->events = socket->armed = 0;
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
    if (balancer && conn->told == NULL) {
        free(conn);
        close(fd);
        return false;
    }
    socket_open(conn, outbound ? &conn->backend : &conn->peer, fd);
    conn->iface = listener->iface;
    conn->plain = listener->plain;
    conn->generation = generation_ref(listener->iface->generation);
    conn->timer.data = conn;
    uv_timer_init(&conn->worker->loop, &conn->timer);
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
