/* Accepting: listeners of the generation in force, paused one by one or all together. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/worker.h"

static bool
at_limit(const struct gw_interface *iface)
{
    return iface->usage->connections >= iface->settings->max_connections;
}

static void
on_pause_over(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    worker_pause(worker, PAUSE_DESCRIPTORS, false);
}

/* The process or the machine is out of descriptors: a pause, so that ends of connections free some. */
static void
out_of_descriptors(struct worker *worker, int code)
{
    if (!worker->descriptors_logged)
        worker_log(worker, IPC_LOG_ERROR, "cannot accept connections: %s; %zu are open",
                strerror(code), worker->conn_count);
    worker->descriptors_logged = true;
    worker->metrics->limit_descriptors++;
    worker_pause(worker, PAUSE_DESCRIPTORS, true);
    uv_timer_start(&worker->pause_timer, on_pause_over, GW_ACCEPT_PAUSE_MS, 0);
}

static void
on_connection(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    struct worker *worker = listener->worker;

    (void)events;
    if (status < 0)
        listener->polling = false; /* the loop has stopped watching a socket in error */
    for (int round = 0; round < GW_ACCEPT_ROUNDS && !at_limit(listener->iface); round++) {
        struct sockaddr_storage from = { 0 };
        socklen_t from_len = sizeof(from);
        int fd = accept4(
                listener->fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                out_of_descriptors(worker, errno);
            break;
        }
        worker->descriptors_logged = false;
        if (!conn_start(listener, fd, (struct sockaddr *)&from))
            worker_log(worker, IPC_LOG_ERROR, "interface '%s': no memory for a connection",
                    listener->iface->settings->name);
        if (worker->pauses != 0)
            return;
    }
    if (at_limit(listener->iface)) {
        struct usage *usage = listener->iface->usage;

        if (!usage->limit_logged)
            worker_log(worker, IPC_LOG_WARNING,
                    "interface '%s': %u connections, the limit; new ones wait",
                    listener->iface->settings->name, usage->connections);
        usage->limit_logged = true;
        usage->metrics->limit_connections++;
        listeners_update(worker);
    }
}

void
listeners_update(struct worker *worker)
{
    worker->limited = false;
    for (struct listener *listener = worker->listeners; listener != NULL;
            listener = listener->next) {
        bool full = at_limit(listener->iface), wanted = worker->pauses == 0 && !full;

        worker->limited = worker->limited || full;
        if (wanted && !listener->polling)
            listener->polling = uv_poll_start(&listener->poll, UV_READABLE, on_connection) == 0;
        if (!wanted && listener->polling) {
            uv_poll_stop(&listener->poll);
            listener->polling = false;
        }
    }
}

void
worker_pause(struct worker *worker, unsigned reason, bool on)
{
    unsigned before = worker->pauses;

    worker->pauses = on ? before | reason : before & ~reason;
    if ((before == 0) != (worker->pauses == 0))
        listeners_update(worker);
}

static void
on_listener_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    generation_unref(listener->generation);
    free(listener);
}

static void
listener_close(struct listener *listener)
{
    uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
    close(listener->fd);
}

static void
listener_open(struct worker *worker, struct generation *generation, uint32_t index, uint32_t which,
        int fd)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    int on = 1;

    if (listener == NULL || index >= generation->interface_count ||
            which >= generation->snapshot->interfaces[index].listen_count) {
        free(listener);
        close(fd);
        return;
    }
    listener->worker = worker;
    listener->fd = fd;
    listener->iface = &generation->interfaces[index];
    listener->plain = listener->iface->settings->listen[which].plain;
    listener->generation = generation_ref(generation);
    listener->poll.data = listener;
    /* Its connections inherit it. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (uv_poll_init(&worker->loop, &listener->poll, fd) != 0) {
        worker_log(worker, IPC_LOG_ERROR, "interface '%s': cannot watch a listening socket",
                listener->iface->settings->name);
        generation_unref(generation);
        free(listener);
        close(fd);
        return;
    }
    listener->next = worker->listeners;
    worker->listeners = listener;
}

void
listeners_replace(struct worker *worker, struct generation *generation, struct arrival *arrival)
{
    while (worker->listeners != NULL) {
        struct listener *old = worker->listeners;

        worker->listeners = old->next;
        listener_close(old);
    }
    for (size_t i = 0; arrival != NULL && i < arrival->listener_count; i++)
        listener_open(worker, generation, arrival->listeners[i].interface,
                arrival->listeners[i].listener, arrival->listeners[i].fd);
    if (arrival != NULL)
        arrival->listener_count = 0;
    listeners_update(worker);
}
