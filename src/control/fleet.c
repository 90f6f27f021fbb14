#include "control/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "control/feed.h"
#include "control/spawn.h"
#include "snapshot/sessions.h"

/* A worker that died younger than this is started again only after it. */
#define RESTART_DELAY_MS 1000
/* A worker that has not ended so long after its limit is killed. */
#define KILL_DELAY_MS 5000
/* Room for the records of a burst while certgated writes its log. */
#define SOCKET_BUFFER (4 * 1024 * 1024)

enum cg_status
fleet_init(struct fleet *fleet, const struct fleet_events *events, struct cg_error *err)
{
    *fleet = (struct fleet) { .program = -1, .sessions = -1, .events = *events };
    fleet->past = metrics_page_new(&fleet->past_fd);
    fleet->packet = malloc(IPC_MAX_PAYLOAD + 16);
    fleet->retired = calloc(FLEET_MAX_RETIRED, sizeof(*fleet->retired));
    if (fleet->packet == NULL || fleet->retired == NULL || fleet->past == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the workers");
    return CG_OK;
}

static void
release_workers(struct fleet *fleet)
{
    for (unsigned i = 0; i < fleet->count; i++) {
        if (fleet->workers[i].socket >= 0)
            close(fleet->workers[i].socket);
        metrics_page_free(fleet->workers[i].metrics, fleet->workers[i].metrics_fd);
    }
    free(fleet->workers);
    fleet->workers = NULL;
    fleet->count = 0;
    if (fleet->program >= 0)
        close(fleet->program);
    fleet->program = -1;
}

enum cg_status
fleet_prepare(struct fleet *fleet, unsigned count, const char *program, struct cg_error *err)
{
    if (count > FLEET_MAX_WORKERS)
        return cg_fail(err, CG_E_LIMIT, "more workers than %d", FLEET_MAX_WORKERS);
    release_workers(fleet); /* of an attempt that failed */
    fleet->program = open(program, O_PATH | O_CLOEXEC);
    if (fleet->program < 0 || faccessat(fleet->program, "", X_OK, AT_EMPTY_PATH) != 0)
        return cg_fail(err, CG_E_USAGE, "the worker program %s cannot be run: %s", program,
                strerror(errno));
    if (fleet->sessions < 0)
        fleet->sessions = sessions_file();
    if (fleet->sessions < 0)
        return cg_fail(err, CG_E_NOMEM, "no memory for sessions: %s", strerror(errno));
    fleet->workers = calloc(count, sizeof(*fleet->workers));
    if (fleet->workers == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the workers");
    fleet->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct fleet_worker *worker = &fleet->workers[i];

        *worker = (struct fleet_worker) {
            .number = i, .socket = -1, .metrics_fd = -1, .knows = IPC_TYPE_COUNT
        };
        worker->metrics = metrics_page_new(&worker->metrics_fd);
        if (worker->metrics == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for the metrics");
    }
    return CG_OK;
}

/* Every worker, those of before an upgrade behind the others. */
static struct fleet_worker *
worker_at(const struct fleet *fleet, unsigned i)
{
    return i < fleet->count ? &fleet->workers[i] : &fleet->retired[i - fleet->count];
}

static unsigned
worker_count(const struct fleet *fleet)
{
    return fleet->count + fleet->retired_count;
}

void
fleet_release(struct fleet *fleet)
{
    release_workers(fleet);
    for (unsigned i = 0; i < fleet->retired_count; i++) {
        if (fleet->retired[i].socket >= 0)
            close(fleet->retired[i].socket);
        metrics_page_free(fleet->retired[i].metrics, fleet->retired[i].metrics_fd);
    }
    metrics_page_free(fleet->past, fleet->past_fd);
    if (fleet->sessions >= 0)
        close(fleet->sessions);
    free(fleet->retired);
    free(fleet->packet);
    free(fleet->listeners);
    *fleet = (struct fleet) { .program = -1, .past_fd = -1, .sessions = -1 };
}

static void
say_of(struct fleet *fleet, struct fleet_worker *worker, int severity, const struct cg_error *err)
{
    fleet->events.log(fleet->events.arg, worker, severity, err->text);
}

enum cg_status
fleet_start(struct fleet *fleet, unsigned i, int64_t now_ms, struct cg_error *err)
{
    struct fleet_worker *worker = &fleet->workers[i];
    int pair[2], size = SOCKET_BUFFER, snapshot;
    enum cg_status status;
    pid_t pid;

    status = snapshot_write(&fleet->candidate->snapshot, &snapshot, err);
    if (status != CG_OK)
        return status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        close(snapshot);
        return cg_fail(err, CG_E_USAGE, "cannot make a socket pair: %s", strerror(errno));
    }
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pid = spawn_worker(fleet->program, fleet->candidate, pair[1]);
    close(pair[1]);
    if (pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
        status = cg_fail(err, CG_E_USAGE, "cannot start a worker: %s", strerror(errno));
        close(pair[0]);
        close(snapshot);
        return status;
    }
    worker->pid = pid;
    worker->socket = pair[0];
    worker->started_ms = now_ms;
    worker->restart_ms = worker->kill_ms = 0;
    worker->ready = 0;
    /* One that does not take this has ended or is about to: its end is what will be said. */
    if (feed_send(worker, IPC_METRICS, NULL, 0, &worker->metrics_fd, 1, err) != CG_OK ||
            feed_send(worker, IPC_SESSIONS, NULL, 0, &fleet->sessions, 1, err) != CG_OK ||
            feed_audit(worker, fleet->audit, err) != CG_OK ||
            (fleet->events.feed != NULL &&
                    fleet->events.feed(fleet->events.arg, worker, err) != CG_OK) ||
            feed_generation(fleet, worker, snapshot, err) != CG_OK)
        (void)kill(pid, SIGKILL);
    close(snapshot);
    return CG_OK;
}

void
fleet_set_audit(struct fleet *fleet, enum ipc_audit audit)
{
    struct cg_error err;

    if (fleet->audit == audit)
        return;
    fleet->audit = audit;
    for (unsigned i = 0; i < worker_count(fleet); i++)
        if (worker_at(fleet, i)->socket >= 0 &&
                feed_audit(worker_at(fleet, i), audit, &err) != CG_OK)
            say_of(fleet, worker_at(fleet, i), IPC_LOG_WARNING, &err);
}

void
fleet_send_addresses(struct fleet *fleet, const char *host)
{
    struct cg_error err;

    for (unsigned i = 0; i < worker_count(fleet); i++)
        if (worker_at(fleet, i)->socket >= 0 &&
                feed_far_ends(fleet, worker_at(fleet, i), host, &err) != CG_OK)
            say_of(fleet, worker_at(fleet, i), IPC_LOG_WARNING, &err);
}

enum cg_status
fleet_feed_all(struct fleet *fleet, struct cg_error *err)
{
    struct fleet_worker *worker;
    enum cg_status status;
    struct cg_error cause;
    int snapshot;

    status = snapshot_write(&fleet->candidate->snapshot, &snapshot, err);
    if (status != CG_OK)
        return status;
    for (unsigned i = 0; i < worker_count(fleet); i++) {
        worker = worker_at(fleet, i);
        if (worker->socket < 0 || feed_generation(fleet, worker, snapshot, &cause) == CG_OK)
            continue;
        /* It would go on with what is no longer in force; one that is started again gets the new. */
        say_of(fleet, worker, IPC_LOG_ERROR, &cause);
        if (worker->pid != 0)
            (void)kill(worker->pid, SIGKILL);
    }
    close(snapshot);
    return CG_OK;
}

static uint64_t
get_u64(const uint8_t *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static void
take_message(struct fleet *fleet, struct fleet_worker *worker, const struct ipc_message *message)
{
    const struct fleet_events *events = &fleet->events;
    char text[1024] = "";
    size_t skip = message->type == IPC_FAILED ? 8 : 1;

    if (message->len >= skip)
        (void)snprintf(text, sizeof(text), "%.*s", (int)(message->len - skip),
                (const char *)message->payload + skip);
    switch (message->type) {
    case IPC_RECORD:
        events->record(events->arg, message->payload, message->len);
        break;
    case IPC_CHAIN:
        events->chain(events->arg, message->payload, message->len);
        break;
    case IPC_ASK:
        if (events->ask != NULL)
            events->ask(events->arg, message->payload, message->len);
        break;
    case IPC_LOG:
        if (message->len >= 1)
            events->log(events->arg, worker, message->payload[0], text);
        break;
    case IPC_READY:
        if (message->len == 8) {
            worker->ready = get_u64(message->payload);
            events->ready(events->arg, worker, worker->ready);
        }
        break;
    case IPC_FAILED:
        if (message->len >= 8)
            events->failed(events->arg, worker, get_u64(message->payload), text);
        break;
    case IPC_SANDBOX:
        if (message->len >= 1 && message->payload[0] <= IPC_CONFINED_FULL)
            events->confined(events->arg, worker, (enum ipc_confinement)message->payload[0], text);
        break;
    default:
        events->log(events->arg, worker, IPC_LOG_ERROR, "sent a message that is not its to send");
        break;
    }
}

static void
receive(struct fleet *fleet, struct fleet_worker *worker)
{
    struct ipc_message message;
    struct cg_error err;
    bool closed = false;

    while (worker->socket >= 0) {
        if (ipc_receive(worker->socket, fleet->packet, &message, &closed, &err) != CG_OK) {
            say_of(fleet, worker, IPC_LOG_ERROR, &err);
            closed = true;
        }
        if (closed) {
            close(worker->socket);
            worker->socket = -1;
            break;
        }
        if (message.type == IPC_TYPE_COUNT)
            break;
        for (size_t f = 0; f < message.fd_count; f++)
            close(message.fds[f]);
        take_message(fleet, worker, &message);
    }
}

size_t
fleet_poll(const struct fleet *fleet, struct pollfd *fds)
{
    for (unsigned i = 0; i < worker_count(fleet); i++)
        fds[i] = (struct pollfd) { .fd = worker_at(fleet, i)->socket, .events = POLLIN };
    return worker_count(fleet);
}

void
fleet_receive_polled(struct fleet *fleet, const struct pollfd *fds)
{
    for (unsigned i = 0; i < worker_count(fleet); i++)
        if (fds[i].revents != 0)
            receive(fleet, worker_at(fleet, i));
}

static void
say_end(struct fleet *fleet, struct fleet_worker *worker, int status)
{
    char text[160];

    if (worker->retired && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        (void)snprintf(text, sizeof(text), "has ended");
    else if (WIFSIGNALED(status))
        (void)snprintf(text, sizeof(text), "process %d was ended by signal %d%s", (int)worker->pid,
                WTERMSIG(status), spawn_end_text(status));
    else if (spawn_end_text(status)[0] != '\0')
        (void)snprintf(
                text, sizeof(text), "process %d %s", (int)worker->pid, spawn_end_text(status));
    else
        (void)snprintf(text, sizeof(text), "process %d ended with status %d", (int)worker->pid,
                WEXITSTATUS(status));
    fleet->events.ended(fleet->events.arg, worker, text);
}

static void
forget_retired(struct fleet *fleet)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < fleet->retired_count; i++) {
        struct fleet_worker *worker = &fleet->retired[i];

        if (worker->pid != 0) {
            fleet->retired[kept++] = *worker;
            continue;
        }
        if (worker->metrics != NULL)
            metrics_page_add(fleet->past, worker->metrics);
        metrics_page_free(worker->metrics, worker->metrics_fd);
    }
    fleet->retired_count = kept;
}

void
fleet_adopt(struct fleet *fleet, const struct fleet_worker *worker)
{
    struct fleet_worker *retired = &fleet->retired[fleet->retired_count];

    if (fleet->retired_count == FLEET_MAX_RETIRED)
        return; /* never: who hands over has counted them */
    *retired = *worker;
    retired->retired = true;
    retired->metrics = metrics_page_map(worker->metrics_fd);
    fleet->retired_count++;
    forget_retired(fleet);
}

size_t
fleet_pages(const struct fleet *fleet, struct metrics_page **pages)
{
    unsigned count = worker_count(fleet);

    for (unsigned i = 0; i < count; i++)
        pages[i] = worker_at(fleet, i)->metrics;
    pages[count] = fleet->past;
    return count + 1;
}

void
fleet_reap(struct fleet *fleet, int64_t now_ms)
{
    int status;

    for (unsigned i = 0; i < worker_count(fleet); i++) {
        struct fleet_worker *worker = worker_at(fleet, i);

        if (worker->pid == 0)
            continue;
        if (worker->kill_ms != 0 && worker->kill_ms <= now_ms)
            (void)kill(worker->pid, SIGKILL);
        if (waitpid(worker->pid, &status, WNOHANG) != worker->pid)
            continue;
        receive(fleet, worker);
        say_end(fleet, worker, status);
        if (worker->socket >= 0)
            close(worker->socket);
        worker->socket = -1;
        worker->pid = 0;
        worker->kill_ms = 0;
        fleet->restarts += !worker->retired;
        worker->restart_ms = now_ms - worker->started_ms < RESTART_DELAY_MS
                ? worker->started_ms + RESTART_DELAY_MS
                : now_ms;
    }
    forget_retired(fleet);
}

int64_t
fleet_next_ms(const struct fleet *fleet, int64_t otherwise)
{
    int64_t next = otherwise;

    for (unsigned i = 0; i < worker_count(fleet); i++) {
        const struct fleet_worker *worker = worker_at(fleet, i);

        if (worker->kill_ms != 0 && worker->kill_ms < next)
            next = worker->kill_ms;
        if (!worker->retired && worker->restart_ms != 0 && worker->restart_ms < next)
            next = worker->restart_ms;
    }
    return next;
}

void
fleet_drain_worker(struct fleet *fleet, struct fleet_worker *worker, uint32_t ms, int64_t now_ms)
{
    struct cg_error err;

    if (worker->pid != 0)
        worker->kill_ms = now_ms + ms + KILL_DELAY_MS;
    if (worker->socket >= 0 && feed_drain(worker, ms, &err) != CG_OK)
        say_of(fleet, worker, IPC_LOG_WARNING, &err);
}

void
fleet_drain(struct fleet *fleet, uint32_t ms, int64_t now_ms)
{
    for (unsigned i = 0; i < worker_count(fleet); i++)
        fleet_drain_worker(fleet, worker_at(fleet, i), ms, now_ms);
}

void
fleet_drain_retired(struct fleet *fleet, uint32_t ms, int64_t now_ms)
{
    for (unsigned i = 0; i < fleet->retired_count; i++)
        if (fleet->retired[i].kill_ms == 0)
            fleet_drain_worker(fleet, &fleet->retired[i], ms, now_ms);
}

unsigned
fleet_running(const struct fleet *fleet)
{
    unsigned running = 0;

    for (unsigned i = 0; i < worker_count(fleet); i++)
        running += worker_at(fleet, i)->pid != 0;
    return running;
}
