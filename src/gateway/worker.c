#include "gateway/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "base/reader.h"
#include "gateway/algorithms.h"
#include "gateway/live.h"
#include "gateway/sandbox.h"

/* ---- what goes to certgated -------------------------------------------------------------------- */

static void on_control(uv_poll_t *poll, int status, int events);

static void
watch_control(struct worker *worker)
{
    int events = UV_READABLE | (worker->outbox.first != NULL ? UV_WRITABLE : 0);

    if (worker->control_events == events || worker->ending)
        return;
    worker->control_events = events;
    uv_poll_start(&worker->control, events, on_control);
}

static void
stop(struct worker *worker, int status)
{
    worker->ending = true;
    worker->exit_status = status;
    uv_stop(&worker->loop);
}

static bool
send_control(struct worker *worker, enum ipc_type type, const void *payload, size_t len)
{
    enum cg_status status = outbox_put(&worker->outbox, type, payload, len);

    if (worker->outbox.broken)
        stop(worker, EXIT_FAILURE);
    watch_control(worker);
    if (worker->outbox.bytes >= GW_OUTBOX_PAUSE_BYTES && (worker->pauses & PAUSE_OUTBOX) == 0)
        worker->metrics->limit_outbox++;
    if (worker->outbox.bytes >= GW_OUTBOX_PAUSE_BYTES)
        worker_pause(worker, PAUSE_OUTBOX, true);
    return status == CG_OK;
}

void
worker_log(struct worker *worker, enum ipc_severity severity, const char *format, ...)
{
    char line[1024];
    va_list args;
    int len;

    line[0] = (char)severity;
    va_start(args, format);
    len = vsnprintf(line + 1, sizeof(line) - 1, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    (void)send_control(worker, IPC_LOG, line, (size_t)len + 1);
}

bool
worker_record(struct worker *worker, const char *json)
{
    bool sent = send_control(worker, IPC_RECORD, json, strlen(json));

    worker->metrics->records_lost += !sent;
    return sent;
}

bool
worker_chain_is_new(struct worker *worker, const uint8_t sha256[CG_SHA256_SIZE])
{
    uint64_t begin;
    uint64_t *place;

    memcpy(&begin, sha256, sizeof(begin));
    place = &worker->told[begin % GW_TOLD_CHAINS];
    if (*place == begin || worker->outbox.bytes >= GW_OUTBOX_PAUSE_BYTES / 2)
        return false; /* records have the way */
    *place = begin;
    return true;
}

void
worker_chain(struct worker *worker, const struct chain *chain)
{
    if (chain->total <= IPC_MAX_CHAIN)
        (void)send_control(worker, IPC_CHAIN, chain->bytes, chain->total);
}

void
worker_confined(struct worker *worker, enum ipc_confinement state, const char *text)
{
    char payload[256];
    int len = snprintf(payload + 1, sizeof(payload) - 1, "%s", text);

    payload[0] = (char)state;
    (void)send_control(worker, IPC_SANDBOX, payload, 1 + strnlen(payload + 1, (size_t)len));
}

static void
on_turn_over(uv_check_t *check)
{
    char call[64];

    while (sandbox_next_refused(call, sizeof(call)))
        worker_log(check->data, IPC_LOG_ERROR, "the sandbox refused system call %s", call);
}

static void
put_u64(uint8_t out[8], uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void
send_ready(struct worker *worker, uint64_t generation)
{
    uint8_t payload[8];

    put_u64(payload, generation);
    (void)send_control(worker, IPC_READY, payload, sizeof(payload));
}

static void
send_failed(struct worker *worker, uint64_t generation, const char *text)
{
    uint8_t payload[8 + CG_ERROR_TEXT_SIZE];
    size_t len = strnlen(text, CG_ERROR_TEXT_SIZE);

    put_u64(payload, generation);
    memcpy(payload + 8, text, len);
    (void)send_control(worker, IPC_FAILED, payload, 8 + len);
}

/* ---- what comes from certgated ----------------------------------------------------------------- */

static void
arrival_clear(struct arrival *arrival)
{
    for (size_t i = 0; i < SNAPSHOT_MAX_IDENTITIES; i++)
        EVP_PKEY_free(arrival->keys[i]);
    for (size_t i = 0; i < arrival->listener_count; i++)
        close(arrival->listeners[i].fd);
    memset(arrival, 0, sizeof(*arrival));
}

/* The parts of one generation come together; those of another one that never became whole go. */
static void
arrival_expect(struct arrival *arrival, uint64_t generation)
{
    if (arrival->generation == generation)
        return;
    arrival_clear(arrival);
    arrival->generation = generation;
}

static enum cg_status
got_key(struct worker *worker, const struct ipc_message *message, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    uint64_t generation;
    uint32_t identity;
    struct cg_span der;
    EVP_PKEY *key;

    if (!cg_read_u64(&reader, &generation) || !cg_read_u32(&reader, &identity) ||
            identity >= SNAPSHOT_MAX_IDENTITIES)
        return cg_fail(err, CG_E_PARSE, "malformed KEY message");
    if (!cg_read_bytes(&reader, cg_reader_left(&reader), &der))
        return cg_fail(err, CG_E_PARSE, "malformed KEY message");
    arrival_expect(&worker->arrival, generation);
    key = algorithms_private_key(der.data, der.len);
    if (key == NULL)
        return cg_fail(err, CG_E_CRYPTO, "the key of identity %u cannot be read", identity);
    EVP_PKEY_free(worker->arrival.keys[identity]);
    worker->arrival.keys[identity] = key;
    return CG_OK;
}

static enum cg_status
got_sessions(struct worker *worker, const struct ipc_message *message, struct cg_error *err)
{
    struct sessions *shared;

    if (message->fd_count != 1 || worker->generation != NULL)
        return cg_fail(err, CG_E_PARSE, "malformed SESSIONS message");
    shared = sessions_map(message->fds[0]);
    if (shared == NULL)
        return cg_fail(err, CG_E_NOMEM, "cannot map the sessions: %s", strerror(errno));
    sessions_free(worker->sessions);
    worker->sessions = shared;
    return CG_OK;
}

/* Connections of the worker that was here before are gone; everything else goes on counting. */
static enum cg_status
got_metrics(struct worker *worker, const struct ipc_message *message, struct cg_error *err)
{
    void *map;

    if (message->fd_count != 1 || worker->metrics_shared || worker->generation != NULL)
        return cg_fail(err, CG_E_PARSE, "malformed METRICS message");
    map = mmap(
            NULL, sizeof(*worker->metrics), PROT_READ | PROT_WRITE, MAP_SHARED, message->fds[0], 0);
    if (map == MAP_FAILED)
        return cg_fail(err, CG_E_NOMEM, "cannot map the metrics: %s", strerror(errno));
    free(worker->metrics);
    worker->metrics = map;
    worker->metrics_shared = true;
    for (size_t i = 0; i < METRICS_MAX_INTERFACES; i++)
        worker->metrics->interfaces[i].open = 0;
    return CG_OK;
}

static enum cg_status
got_listeners(struct worker *worker, struct ipc_message *message, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    struct arrival *arrival = &worker->arrival;
    size_t room = sizeof(arrival->listeners) / sizeof(arrival->listeners[0]);
    uint64_t generation;

    if (!cg_read_u64(&reader, &generation) || cg_reader_left(&reader) != 8 * message->fd_count)
        return cg_fail(err, CG_E_PARSE, "malformed LISTENERS message");
    arrival_expect(arrival, generation);
    if (message->fd_count > room - arrival->listener_count)
        return cg_fail(err, CG_E_LIMIT, "more listeners than %zu", room);
    for (size_t i = 0; i < message->fd_count; i++) {
        uint32_t interface = 0, listener = 0;

        (void)cg_read_u32(&reader, &interface);
        (void)cg_read_u32(&reader, &listener);
        arrival->listeners[arrival->listener_count].interface = interface;
        arrival->listeners[arrival->listener_count].listener = listener;
        arrival->listeners[arrival->listener_count++].fd = message->fds[i];
    }
    message->fd_count = 0; /* taken over */
    return CG_OK;
}

/*
 * Connections that came before the name was looked up go on, if it is theirs and that is done: each looks for
 * itself, for it may have to follow a reload first.
 */
static void
wake_connecting(struct worker *worker)
{
    for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
        if (conn->step == &step_connect)
            worker_ready(worker, conn);
}

/* Everything is built before anything switches; a failure leaves the generation in force as it was. */
static enum cg_status
switch_generation(struct worker *worker, const struct ipc_message *message, uint64_t *number,
        struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    struct generation *generation = NULL;
    struct snapshot *snapshot = NULL;
    enum cg_status status;

    if (!cg_read_u64(&reader, number) || !cg_reader_done(&reader) || message->fd_count != 1)
        return cg_fail(err, CG_E_PARSE, "malformed SNAPSHOT message");
    arrival_expect(&worker->arrival, *number);
    status = snapshot_map(message->fds[0], &snapshot, err);
    if (status == CG_OK && snapshot->generation != *number) {
        snapshot_free(snapshot);
        return cg_fail(err, CG_E_PARSE, "the snapshot is of another generation");
    }
    if (status == CG_OK)
        status = generation_new(snapshot, worker->arrival.keys, worker->metrics, worker->generation,
                &generation, err);
    if (status != CG_OK)
        return status;
    listeners_replace(worker, generation, &worker->arrival);
    generation_unref(worker->generation);
    worker->generation = generation;
    memset(worker->told, 0, sizeof(worker->told)); /* what was told may have been lost */
    live_look_at_all(worker);
    wake_connecting(worker);
    return CG_OK;
}

static void
got_snapshot(struct worker *worker, const struct ipc_message *message)
{
    struct cg_error err = { "" };
    uint64_t number = 0;

    if (switch_generation(worker, message, &number, &err) == CG_OK)
        send_ready(worker, number);
    else
        send_failed(worker, number, err.text);
    arrival_clear(&worker->arrival);
}

static enum cg_status
got_addresses(struct worker *worker, const struct ipc_message *message, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    struct generation *generation = worker->generation;
    struct gw_interface *iface;
    struct far_end to = { .known = true };
    struct cg_span address;
    uint64_t number;
    uint32_t index;

    if (!cg_read_u64(&reader, &number) || !cg_read_u32(&reader, &index) ||
            cg_reader_left(&reader) % IPC_ADDRESS_SIZE != 0 ||
            cg_reader_left(&reader) / IPC_ADDRESS_SIZE > SNAPSHOT_MAX_ADDRESSES)
        return cg_fail(err, CG_E_PARSE, "malformed ADDRESSES message");
    if (generation == NULL || generation->number != number || index >= generation->interface_count)
        return CG_OK; /* of a generation that could not be put in force */
    iface = &generation->interfaces[index];
    while (cg_read_bytes(&reader, IPC_ADDRESS_SIZE, &address))
        to.at[to.count++] = snapshot_address_from(address.data, iface->settings->connect_port);
    iface->far_end = to;
    wake_connecting(worker);
    return CG_OK;
}

static void
on_sweep(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    live_sweep(worker);
    for (size_t i = 0; worker->generation != NULL && i < worker->generation->interface_count; i++)
        pool_sweep(&worker->generation->interfaces[i].usage->pool, uv_now(&worker->loop),
                GW_POOL_IDLE_MS);
    sessions_sweep(worker->sessions, worker->clock() / 1000);
}

/* Evidence that came at once is settled at once; peers that it speaks against do not wait for their next byte. */
static void
settle_revocation(struct worker *worker)
{
    if (!revocation_settle(worker->revocation))
        return;
    worker->evidence++;
    live_look_at_all(worker);
}

static void
ask_control(void *arg, const void *payload, size_t len)
{
    (void)send_control(arg, IPC_ASK, payload, len);
}

static void
on_drain_over(uv_timer_t *timer)
{
    stop(timer->data, EXIT_SUCCESS);
}

static enum cg_status
got_drain(struct worker *worker, const struct ipc_message *message, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    uint32_t ms;

    if (!cg_read_u32(&reader, &ms) || !cg_reader_done(&reader))
        return cg_fail(err, CG_E_PARSE, "malformed DRAIN message");
    worker_pause(worker, PAUSE_DRAIN, true);
    /* Not only unpolled: the kernel must give new connections to the others' sockets. */
    listeners_replace(worker, worker->generation, NULL);
    live_drain(worker);
    uv_timer_start(&worker->drain_timer, on_drain_over, worker->conn_count == 0 ? 0 : ms, 0);
    return CG_OK;
}

static enum cg_status
got_audit(struct worker *worker, const struct ipc_message *message, struct cg_error *err)
{
    const enum ipc_audit before = worker->audit;

    if (message->len != 1 || message->payload[0] > IPC_AUDIT_UNAVAILABLE)
        return cg_fail(err, CG_E_PARSE, "malformed AUDIT message");
    worker->audit = (enum ipc_audit)message->payload[0];
    if (worker->audit == IPC_AUDIT_UNAVAILABLE && before != IPC_AUDIT_UNAVAILABLE)
        live_unrecorded(worker);
    return CG_OK;
}

static enum cg_status
dispatch(struct worker *worker, struct ipc_message *message, struct cg_error *err)
{
    switch (message->type) {
    case IPC_KEY:
        return got_key(worker, message, err);
    case IPC_METRICS:
        return got_metrics(worker, message, err);
    case IPC_SESSIONS:
        return got_sessions(worker, message, err);
    case IPC_LISTENERS:
        return got_listeners(worker, message, err);
    case IPC_SNAPSHOT:
        got_snapshot(worker, message);
        return CG_OK;
    case IPC_ADDRESSES:
        return got_addresses(worker, message, err);
    case IPC_EVIDENCE:
        return revocation_take(worker->revocation, message, err);
    case IPC_DRAIN:
        return got_drain(worker, message, err);
    case IPC_AUDIT:
        return got_audit(worker, message, err);
    default:
        return cg_fail(
                err, CG_E_PARSE, "message %s is not for a worker", ipc_type_name(message->type));
    }
}

static void
read_control(struct worker *worker)
{
    while (!worker->ending) {
        struct cg_error err = { "" };
        struct ipc_message message = { .type = IPC_TYPE_COUNT };
        bool closed = false;

        if (ipc_receive(worker->control_fd, worker->packet, &message, &closed, &err) != CG_OK ||
                closed) {
            /* Without certgated nothing can be recorded, so nothing may go on. */
            stop(worker, EXIT_FAILURE);
            return;
        }
        if (message.type == IPC_TYPE_COUNT)
            break;
        if (message.type == IPC_SNAPSHOT)
            settle_revocation(worker); /* before anybody is judged by the new rules */
        if (dispatch(worker, &message, &err) != CG_OK)
            worker_log(worker, IPC_LOG_ERROR, "%s", err.text);
        if (message.type == IPC_KEY)
            OPENSSL_cleanse(worker->packet, IPC_MAX_PAYLOAD);
        for (size_t i = 0; i < message.fd_count; i++)
            close(message.fds[i]);
    }
    settle_revocation(worker);
}

static void
on_control(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;

    if (status < 0) {
        stop(worker, EXIT_FAILURE);
        return;
    }
    if ((events & UV_WRITABLE) != 0) {
        outbox_flush(&worker->outbox);
        if (worker->outbox.bytes < GW_OUTBOX_PAUSE_BYTES / 2)
            worker_pause(worker, PAUSE_OUTBOX, false);
    }
    if ((events & UV_READABLE) != 0)
        read_control(worker);
    watch_control(worker);
}

/* The loop watches the connections as one: each by a handle of its own costs four calls more (measured). */
static void
on_ready(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->data;
    struct epoll_event ready[GW_EVENTS];
    int count;

    (void)status;
    (void)events;
    count = epoll_wait(worker->epoll, ready, GW_EVENTS, 0);
    for (int i = 0; i < count; i++)
        conn_event(&ready[i]);
}

/* ---- connections ------------------------------------------------------------------------------- */

void
worker_adopt(struct worker *worker, struct conn *conn)
{
    conn->next = worker->conns;
    if (conn->next != NULL)
        conn->next->previous = conn;
    worker->conns = conn;
    worker->conn_count++;
    conn->iface->usage->connections++;
    conn->iface->usage->metrics->connections++;
    conn->iface->usage->metrics->open++;
}

static void
unqueue(struct worker *worker, struct conn *conn)
{
    struct conn *before = NULL;

    if (!conn->ready)
        return;
    for (struct conn *at = worker->ready_first; at != conn; at = at->next_ready)
        before = at;
    if (before != NULL)
        before->next_ready = conn->next_ready;
    else
        worker->ready_first = conn->next_ready;
    if (worker->ready_last == conn)
        worker->ready_last = before;
    conn->ready = false;
}

void
worker_forget(struct worker *worker, struct conn *conn)
{
    struct usage *usage = conn->iface->usage;

    unqueue(worker, conn);
    if (worker->looked_at_next == conn)
        worker->looked_at_next = conn->next;
    sources_give(&worker->sources, conn->source);
    if (conn->previous != NULL)
        conn->previous->next = conn->next;
    else
        worker->conns = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    worker->conn_count--;
    usage->metrics->open--;
    usage->connections--;
    if (worker->limited) /* by whichever generation's limit */
        listeners_update(worker);
    if ((worker->pauses & PAUSE_DRAIN) != 0 && worker->conn_count == 0)
        stop(worker, EXIT_SUCCESS);
}

static void
on_turn(uv_idle_t *idle)
{
    struct worker *worker = idle->data;
    struct conn *last = worker->ready_last;
    struct conn *conn;

    /* Only those that were ready before: whoever asks again waits until descriptors were looked at. */
    do {
        conn = worker->ready_first;
        if (conn == NULL)
            break;
        worker->ready_first = conn->next_ready;
        if (worker->ready_first == NULL)
            worker->ready_last = NULL;
        conn->ready = false;
        conn_advance(conn);
    } while (conn != last);
    if (!live_turn(worker) && worker->ready_first == NULL)
        uv_idle_stop(&worker->turns);
}

void
worker_take_turns(struct worker *worker)
{
    uv_idle_start(&worker->turns, on_turn);
}

void
worker_ready(struct worker *worker, struct conn *conn)
{
    if (conn->ready)
        return;
    conn->ready = true;
    conn->next_ready = NULL;
    if (worker->ready_last != NULL)
        worker->ready_last->next_ready = conn;
    else
        worker->ready_first = conn;
    worker->ready_last = conn;
    worker_take_turns(worker);
}

/* ---- life -------------------------------------------------------------------------------------- */

struct worker *
worker_new(int control_fd, gw_clock *clock, struct cg_error *err)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (worker == NULL) {
        (void)cg_fail(err, CG_E_NOMEM, "no memory for the worker");
        return NULL;
    }
    worker->control_fd = control_fd;
    worker->clock = clock;
    outbox_init(&worker->outbox, control_fd);
    worker->packet = malloc(IPC_MAX_PAYLOAD + 16);
    worker->scratch = malloc(GW_RELAY_BYTES);
    worker->metrics = calloc(1, sizeof(*worker->metrics));
    worker->engine = cg_engine_new();
    worker->sessions = sessions_map(-1);
    worker->revocation = revocation_new(ask_control, worker);
    worker->leaves = leaves_new();
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->packet == NULL || worker->scratch == NULL || worker->metrics == NULL ||
            worker->engine == NULL || worker->sessions == NULL || worker->leaves == NULL ||
            worker->revocation == NULL || worker->epoll < 0 || uv_loop_init(&worker->loop) != 0) {
        (void)cg_fail(err, CG_E_NOMEM, "no memory for the worker");
        free(worker->packet);
        free(worker->scratch);
        free(worker->metrics);
        cg_engine_free(worker->engine);
        revocation_free(worker->revocation);
        sessions_free(worker->sessions);
        leaves_free(worker->leaves);
        if (worker->epoll >= 0)
            close(worker->epoll);
        free(worker);
        return NULL;
    }
    if (RAND_bytes((unsigned char *)&worker->sources.seed, sizeof(worker->sources.seed)) != 1) {
        (void)cg_fail(err, CG_E_CRYPTO, "no random numbers");
        worker->control_fd = -1;
    }
    worker->loop.data = worker;
    worker->control.data = worker->pause_timer.data = worker->drain_timer.data = worker;
    worker->turns.data = worker->sweep_timer.data = worker->refusals.data = worker;
    uv_timer_init(&worker->loop, &worker->pause_timer);
    uv_timer_init(&worker->loop, &worker->drain_timer);
    uv_timer_init(&worker->loop, &worker->sweep_timer);
    uv_timer_start(&worker->sweep_timer, on_sweep, GW_SWEEP_MS, GW_SWEEP_MS);
    uv_idle_init(&worker->loop, &worker->turns);
    uv_check_init(&worker->loop, &worker->refusals);
    uv_check_start(&worker->refusals, on_turn_over);
    uv_unref((uv_handle_t *)&worker->refusals);
    worker->ready.data = worker;
    if (uv_poll_init(&worker->loop, &worker->ready, worker->epoll) != 0 ||
            uv_poll_start(&worker->ready, UV_READABLE, on_ready) != 0) {
        (void)cg_fail(err, CG_E_USAGE, "connections cannot be watched");
        worker->control_fd = -1;
    }
    uv_unref((uv_handle_t *)&worker->ready);
    if (worker->control_fd >= 0 && uv_poll_init(&worker->loop, &worker->control, control_fd) != 0) {
        (void)cg_fail(err, CG_E_USAGE, "descriptor %d cannot be watched", control_fd);
        worker->control_fd = -1;
    }
    return worker;
}

int
worker_run(struct worker *worker)
{
    if (worker->control_fd < 0)
        return EXIT_FAILURE;
    watch_control(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    return worker->exit_status;
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void
worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    worker->ending = true;
    listeners_replace(worker, worker->generation, NULL);
    for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
        conn_abort(conn, "the worker ended");
    uv_run(&worker->loop, UV_RUN_NOWAIT);
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    uv_loop_close(&worker->loop);
    arrival_clear(&worker->arrival);
    generation_unref(worker->generation);
    outbox_finish(&worker->outbox); /* peers were served on the word that these are recorded */
    outbox_release(&worker->outbox);
    cg_engine_free(worker->engine);
    revocation_free(worker->revocation);
    sessions_free(worker->sessions);
    leaves_free(worker->leaves);
    close(worker->epoll);
    if (worker->metrics_shared)
        munmap(worker->metrics, sizeof(*worker->metrics));
    else
        free(worker->metrics);
    free(worker->packet);
    free(worker->scratch);
    free(worker);
}
