#include "control/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* A worker that is fed and does not read for so long is broken. */
#define SEND_TIMEOUT_MS 5000
/* A worker that died younger than this is started again only after it. */
#define RESTART_DELAY_MS 1000
/* Room for the records of a burst while certgated writes its log. */
#define SOCKET_BUFFER (4 * 1024 * 1024)

enum cg_status
fleet_init(struct fleet *fleet, unsigned count, const char *program, const char *user,
        const struct fleet_events *events, struct cg_error *err)
{
    *fleet = (struct fleet) { .count = count, .events = *events };
    fleet->workers = calloc(count, sizeof(*fleet->workers));
    fleet->program = strdup(program);
    fleet->user = user == NULL ? NULL : strdup(user);
    fleet->packet = malloc(IPC_MAX_PAYLOAD + 16);
    if (fleet->workers == NULL || fleet->program == NULL || fleet->packet == NULL ||
            (user != NULL && fleet->user == NULL) || !fleet_rotate_ticket_keys(fleet)) {
        fleet_release(fleet);
        return cg_fail(err, CG_E_NOMEM, "no memory for the workers");
    }
    for (unsigned i = 0; i < count; i++) {
        struct fleet_worker *worker = &fleet->workers[i];

        *worker = (struct fleet_worker) { .number = i, .socket = -1, .metrics_fd = -1 };
        worker->metrics = metrics_page_new(&worker->metrics_fd);
        if (worker->metrics == NULL) {
            fleet_release(fleet);
            return cg_fail(err, CG_E_NOMEM, "no memory for the metrics");
        }
    }
    return CG_OK;
}

void
fleet_release(struct fleet *fleet)
{
    for (unsigned i = 0; fleet->workers != NULL && i < fleet->count; i++) {
        if (fleet->workers[i].socket >= 0)
            close(fleet->workers[i].socket);
        if (fleet->workers[i].metrics != NULL)
            metrics_page_free(fleet->workers[i].metrics, fleet->workers[i].metrics_fd);
    }
    OPENSSL_cleanse(fleet->ticket_keys, sizeof(fleet->ticket_keys));
    free(fleet->workers);
    free(fleet->program);
    free(fleet->user);
    free(fleet->packet);
    free(fleet->listeners);
    *fleet = (struct fleet) { 0 };
}

bool
fleet_rotate_ticket_keys(struct fleet *fleet)
{
    memmove(fleet->ticket_keys + IPC_TICKET_KEY_SIZE, fleet->ticket_keys,
            (IPC_MAX_TICKET_KEYS - 1) * IPC_TICKET_KEY_SIZE);
    if (RAND_bytes(fleet->ticket_keys, IPC_TICKET_KEY_SIZE) != 1)
        return false;
    if (fleet->ticket_key_count < IPC_MAX_TICKET_KEYS)
        fleet->ticket_key_count++;
    return true;
}

/* Sends and waits for room: what feeds a worker is small, and a worker always reads. */
static enum cg_status
send_to(struct fleet_worker *worker, enum ipc_type type, const void *payload, size_t len,
        const int *fds, size_t fd_count, struct cg_error *err)
{
    struct pollfd room = { .fd = worker->socket, .events = POLLOUT };
    enum cg_status status;

    for (;;) {
        status = ipc_send(worker->socket, type, payload, len, fds, fd_count, err);
        if (status != CG_E_USAGE || errno != EAGAIN)
            return status;
        if (poll(&room, 1, SEND_TIMEOUT_MS) <= 0)
            return cg_fail(err, CG_E_USAGE, "worker %u does not read", worker->number);
    }
}

static void
put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)(value >> 32));
    put_u32(at + 4, (uint32_t)value);
}

static enum cg_status
send_keys(struct fleet *fleet, struct fleet_worker *worker, struct cg_error *err)
{
    const struct snapshot *snapshot = &fleet->candidate->snapshot;
    enum cg_status status = CG_OK;
    uint8_t *message;
    size_t len;

    for (size_t i = 0; status == CG_OK && i < snapshot->identity_count; i++) {
        len = 12 + fleet->candidate->keys[i].len;
        message = malloc(len);
        if (message == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for a key");
        put_u64(message, snapshot->generation);
        put_u32(message + 8, (uint32_t)i);
        memcpy(message + 12, fleet->candidate->keys[i].data, fleet->candidate->keys[i].len);
        status = send_to(worker, IPC_KEY, message, len, NULL, 0, err);
        OPENSSL_cleanse(message, len);
        free(message);
    }
    return status;
}

static enum cg_status
send_listeners(struct fleet *fleet, struct fleet_worker *worker, struct cg_error *err)
{
    const struct snapshot *snapshot = &fleet->candidate->snapshot;
    uint8_t message[8 + 8 * IPC_MAX_FDS];
    int fds[IPC_MAX_FDS];
    size_t count = 0, next = 0;
    enum cg_status status = CG_OK;

    put_u64(message, snapshot->generation);
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        for (size_t j = 0; j < snapshot->interfaces[i].listen_count; j++) {
            put_u32(message + 8 + 8 * count, (uint32_t)i);
            put_u32(message + 12 + 8 * count, (uint32_t)j);
            fds[count++] = fleet->sockets->sets[fleet->listeners[next++]].fds[worker->number];
            if (count < IPC_MAX_FDS)
                continue;
            status = send_to(worker, IPC_LISTENERS, message, 8 + 8 * count, fds, count, err);
            count = 0;
            if (status != CG_OK)
                return status;
        }
    }
    if (count != 0)
        status = send_to(worker, IPC_LISTENERS, message, 8 + 8 * count, fds, count, err);
    return status;
}

static enum cg_status
send_ticket_keys(struct fleet *fleet, struct fleet_worker *worker, struct cg_error *err)
{
    return send_to(worker, IPC_TICKET_KEYS, fleet->ticket_keys,
            fleet->ticket_key_count * IPC_TICKET_KEY_SIZE, NULL, 0, err);
}

static enum cg_status
send_addresses(struct fleet *fleet, struct fleet_worker *worker, uint32_t interface,
        const struct resolver_name *name, struct cg_error *err)
{
    uint8_t message[12 + IPC_ADDRESS_SIZE * SNAPSHOT_MAX_ADDRESSES];
    size_t len = 12;

    put_u64(message, fleet->candidate->snapshot.generation);
    put_u32(message + 8, interface);
    for (size_t i = 0; i < name->count; i++)
        if (snapshot_address_octets(&name->addresses[i], message + len))
            len += IPC_ADDRESS_SIZE;
    return send_to(worker, IPC_ADDRESSES, message, len, NULL, 0, err);
}

/* What is known of the far ends whose name is host, or of all where that is NULL. */
static enum cg_status
send_far_ends(
        struct fleet *fleet, struct fleet_worker *worker, const char *host, struct cg_error *err)
{
    const struct snapshot *snapshot = &fleet->candidate->snapshot;
    enum cg_status status = CG_OK;
    struct resolver_name name;

    for (uint32_t i = 0; status == CG_OK && i < snapshot->interface_count; i++) {
        const struct snapshot_interface *it = &snapshot->interfaces[i];

        if (!snapshot_wants_name(it) || (host != NULL && strcmp(host, it->connect_host) != 0))
            continue;
        if (resolver_get(fleet->resolver, it->connect_host, &name) && name.answered)
            status = send_addresses(fleet, worker, i, &name, err);
    }
    return status;
}

static enum cg_status
feed(struct fleet *fleet, struct fleet_worker *worker, struct cg_error *err)
{
    uint8_t message[8];
    enum cg_status status;
    int fd = -1;

    put_u64(message, fleet->candidate->snapshot.generation);
    status = snapshot_write(&fleet->candidate->snapshot, &fd, err);
    if (status == CG_OK)
        status = send_keys(fleet, worker, err);
    if (status == CG_OK)
        status = send_listeners(fleet, worker, err);
    if (status == CG_OK)
        status = send_to(worker, IPC_SNAPSHOT, message, sizeof(message), &fd, 1, err);
    if (status == CG_OK)
        status = send_far_ends(fleet, worker, NULL, err);
    if (fd >= 0)
        close(fd);
    return status;
}

/*
 * In the child: only the socket stays open, and root is given up. Never returns. Beside the resolver's
 * threads only what is async-signal-safe may be called here (signal-safety(7)): user was looked up before.
 */
static void
become_worker(const struct fleet *fleet, const struct passwd *user, int socket)
{
    sigset_t none;

    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        _exit(70);
    if (socket == IPC_WORKER_FD) {
        if (fcntl(socket, F_SETFD, 0) != 0)
            _exit(70);
    } else if (dup2(socket, IPC_WORKER_FD) < 0) {
        _exit(70);
    }
    if (user != NULL &&
            (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(77);
    execl(fleet->program, "certgate-worker", (char *)NULL);
    _exit(71);
}

enum cg_status
fleet_start(struct fleet *fleet, unsigned i, int64_t now_ms, struct cg_error *err)
{
    struct fleet_worker *worker = &fleet->workers[i];
    const struct passwd *user = NULL;
    int pair[2], size = SOCKET_BUFFER;
    enum cg_status status;
    pid_t pid;

    worker->restart_ms = now_ms + RESTART_DELAY_MS;
    if (fleet->user != NULL && geteuid() == 0) {
        user = getpwnam(fleet->user);
        if (user == NULL)
            return cg_fail(err, CG_E_USAGE, "there is no user '%s' to run workers as", fleet->user);
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return cg_fail(err, CG_E_USAGE, "cannot make a socket pair: %s", strerror(errno));
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pid = fork();
    if (pid == 0)
        become_worker(fleet, user, pair[1]);
    close(pair[1]);
    if (pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
        close(pair[0]);
        return cg_fail(err, CG_E_USAGE, "cannot start a worker: %s", strerror(errno));
    }
    worker->pid = pid;
    worker->socket = pair[0];
    worker->started_ms = now_ms;
    worker->restart_ms = 0;
    worker->ready = 0;
    status = send_to(worker, IPC_METRICS, NULL, 0, &worker->metrics_fd, 1, err);
    if (status == CG_OK)
        status = send_ticket_keys(fleet, worker, err);
    if (status == CG_OK)
        status = feed(fleet, worker, err);
    return status;
}

void
fleet_send_ticket_keys(struct fleet *fleet)
{
    struct cg_error err;

    for (unsigned i = 0; i < fleet->count; i++)
        if (fleet->workers[i].socket >= 0 &&
                send_ticket_keys(fleet, &fleet->workers[i], &err) != CG_OK)
            fleet->events.log(fleet->events.arg, i, IPC_LOG_WARNING, err.text);
}

void
fleet_send_addresses(struct fleet *fleet, const char *host)
{
    struct cg_error err;

    for (unsigned i = 0; i < fleet->count; i++)
        if (fleet->workers[i].socket >= 0 &&
                send_far_ends(fleet, &fleet->workers[i], host, &err) != CG_OK)
            fleet->events.log(fleet->events.arg, i, IPC_LOG_WARNING, err.text);
}

enum cg_status
fleet_feed_all(struct fleet *fleet, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (unsigned i = 0; status == CG_OK && i < fleet->count; i++)
        if (fleet->workers[i].socket >= 0)
            status = feed(fleet, &fleet->workers[i], err);
    return status;
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
    char text[1024];
    size_t skip = message->type == IPC_FAILED ? 8 : 1;

    if (message->len >= skip)
        (void)snprintf(text, sizeof(text), "%.*s", (int)(message->len - skip),
                (const char *)message->payload + skip);
    switch (message->type) {
    case IPC_RECORD:
        events->record(events->arg, message->payload, message->len);
        break;
    case IPC_LOG:
        if (message->len >= 1)
            events->log(events->arg, worker->number, message->payload[0], text);
        break;
    case IPC_READY:
        if (message->len == 8) {
            worker->ready = get_u64(message->payload);
            events->ready(events->arg, worker->number, worker->ready);
        }
        break;
    case IPC_FAILED:
        if (message->len >= 8)
            events->failed(events->arg, worker->number, get_u64(message->payload), text);
        break;
    default:
        events->log(events->arg, worker->number, IPC_LOG_ERROR,
                "sent a message that is not its to send");
        break;
    }
}

void
fleet_receive(struct fleet *fleet, unsigned i)
{
    struct fleet_worker *worker = &fleet->workers[i];
    struct ipc_message message;
    struct cg_error err;
    bool closed = false;

    while (worker->socket >= 0) {
        if (ipc_receive(worker->socket, fleet->packet, &message, &closed, &err) != CG_OK) {
            fleet->events.log(fleet->events.arg, i, IPC_LOG_ERROR, err.text);
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

void
fleet_reap(struct fleet *fleet, int64_t now_ms)
{
    char text[128];
    int status;

    for (unsigned i = 0; i < fleet->count; i++) {
        struct fleet_worker *worker = &fleet->workers[i];

        if (worker->pid == 0 || waitpid(worker->pid, &status, WNOHANG) != worker->pid)
            continue;
        fleet_receive(fleet, i);
        if (WIFSIGNALED(status))
            (void)snprintf(text, sizeof(text), "process %d was ended by signal %d",
                    (int)worker->pid, WTERMSIG(status));
        else
            (void)snprintf(text, sizeof(text), "process %d ended with status %d", (int)worker->pid,
                    WEXITSTATUS(status));
        fleet->events.log(fleet->events.arg, i, IPC_LOG_WARNING, text);
        if (worker->socket >= 0)
            close(worker->socket);
        worker->socket = -1;
        worker->pid = 0;
        fleet->restarts++;
        worker->restart_ms = now_ms - worker->started_ms < RESTART_DELAY_MS
                ? worker->started_ms + RESTART_DELAY_MS
                : now_ms;
    }
}

void
fleet_drain(struct fleet *fleet, uint32_t ms)
{
    uint8_t message[4];
    struct cg_error err;

    put_u32(message, ms);
    for (unsigned i = 0; i < fleet->count; i++)
        if (fleet->workers[i].socket >= 0 &&
                send_to(&fleet->workers[i], IPC_DRAIN, message, sizeof(message), NULL, 0, &err) !=
                        CG_OK)
            fleet->events.log(fleet->events.arg, i, IPC_LOG_WARNING, err.text);
}

unsigned
fleet_running(const struct fleet *fleet)
{
    unsigned running = 0;

    for (unsigned i = 0; i < fleet->count; i++)
        running += fleet->workers[i].pid != 0;
    return running;
}
