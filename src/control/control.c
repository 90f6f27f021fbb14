#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/candidate.h"
#include "control/far_ends.h"
#include "control/fleet.h"
#include "control/sockets.h"

/* How long established connections may go on after SIGTERM. */
#define DRAIN_MS 10000
/* Ticket keys: the newest encrypts; IPC_MAX_TICKET_KEYS of them decrypt. */
#define TICKET_ROTATION_MS (60 * 60 * 1000)
/* A local client of the control socket that says nothing for so long is dropped. */
#define CLIENT_TIMEOUT_S 2

struct control {
    const char *config;
    const char *worker_program;
    struct candidate *candidate; /* in force */
    struct sockets sockets;
    struct fleet fleet;
    struct resolver *resolver;
    uint64_t generation;
    uint64_t announced; /* generation whose being in force was said */
    int64_t rotate_ms;
    int state_fd;
    int lock_fd;
    int log_fd;
    int signal_fd;
    int control_fd;
    struct metrics_server *metrics;
    uint64_t records_lost;
    bool stopping;
    bool failed;
};

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line on standard error, written at once. */
static void
say(const char *format, ...)
{
    char text[2048];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len > sizeof(text) - 2)
        len = (int)sizeof(text) - 2;
    text[len] = '\n';
    (void)fprintf(stderr, "certgated: %.*s", len + 1, text);
    (void)fflush(stderr);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What workers say. */

static bool
write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len != 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void
on_record(void *arg, const uint8_t *json, size_t len)
{
    struct control *control = arg;
    char *line = malloc(len + 1);
    bool ok = line != NULL;

    if (ok) {
        memcpy(line, json, len);
        line[len] = '\n';
        ok = write_all(control->log_fd, line, len + 1);
    }
    control->records_lost += !ok;
    if (!ok)
        say("a decision record was lost: %s", strerror(errno));
    free(line);
}

static void
on_log(void *arg, unsigned worker, int severity, const char *text)
{
    (void)arg;
    (void)severity;
    say("worker %u: %s", worker, text);
}

static void
announce(struct control *control)
{
    const struct settings *settings = control->candidate->settings;
    size_t next = 0;
    char address[SOCKETS_TEXT_SIZE];

    for (unsigned i = 0; i < control->fleet.count; i++)
        if (control->fleet.workers[i].ready != control->generation)
            return;
    if (control->announced == control->generation)
        return;
    control->announced = control->generation;
    for (size_t i = 0; i < settings->interface_count; i++) {
        if (settings->interfaces[i].listen_count == 0)
            say("interface %s is closed: service-security %s", settings->interfaces[i].name,
                    security_info(settings->interfaces[i].security)->id);
        for (size_t j = 0; j < settings->interfaces[i].listen_count; j++) {
            sockets_text(&control->sockets.sets[control->fleet.listeners[next++]].bound, address,
                    sizeof(address));
            say("interface %s listening on %s at level %s", settings->interfaces[i].name, address,
                    cg_level_name(settings->interfaces[i].rules.level));
        }
    }
    say("generation %llu in force, %u worker%s, %zu trusted certificate%s",
            (unsigned long long)control->generation, control->fleet.count,
            control->fleet.count == 1 ? "" : "s", control->candidate->snapshot.tcs_count,
            control->candidate->snapshot.tcs_count == 1 ? "" : "s");
}

static void
on_ready(void *arg, unsigned worker, uint64_t generation)
{
    (void)worker;
    (void)generation;
    announce(arg);
}

static void
on_failed(void *arg, unsigned worker, uint64_t generation, const char *text)
{
    struct control *control = arg;

    say("worker %u cannot put generation %llu in force: %s", worker, (unsigned long long)generation,
            text);
    if (control->announced == 0) {
        control->failed = control->stopping = true;
        fleet_drain(&control->fleet, 0);
    }
}

/* State directory: the lock that keeps a second certgated out, and the generation counter. */

static bool
open_state(struct control *control, const char *path)
{
    char text[32];
    ssize_t len;
    int fd;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        say("state directory %s cannot be made: %s", path, strerror(errno));
        return false;
    }
    control->state_fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (control->state_fd < 0) {
        say("state directory %s cannot be opened: %s", path, strerror(errno));
        return false;
    }
    control->lock_fd = openat(control->state_fd, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (control->lock_fd < 0 || flock(control->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        say(errno == EWOULDBLOCK ? "another certgated uses the state directory %s"
                                 : "state directory %s cannot be locked",
                path);
        return false;
    }
    fd = openat(control->state_fd, "generation", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0) {
        say("the generation counter in %s cannot be read", path);
        return false;
    }
    text[len] = '\0';
    control->generation = strtoull(text, NULL, 10);
    return true;
}

/* Written beside and renamed, so that a power cut leaves the old or the new number. */
static bool
store_generation(const struct control *control, uint64_t generation)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)generation);
    int fd = openat(
            control->state_fd, "generation.new", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0)
        return false;
    ok = write_all(fd, text, (size_t)len) && fsync(fd) == 0;
    close(fd);
    return ok &&
            renameat(control->state_fd, "generation.new", control->state_fd, "generation") == 0 &&
            fsync(control->state_fd) == 0;
}

static int
open_log(const char *path)
{
    if (strcmp(path, "stdout") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
}

/* Marks and binds what a candidate listens on; *listeners is the caller's. */
static bool
take_listeners(struct sockets *sockets, const struct candidate *candidate, size_t **listeners,
        struct cg_buf *problems)
{
    const struct snapshot *snapshot = &candidate->snapshot;
    struct socket_set *set;
    struct cg_error err;
    size_t count = 0, total = 0;

    for (size_t i = 0; i < snapshot->interface_count; i++)
        total += snapshot->interfaces[i].listen_count;
    *listeners = calloc(total + 1, sizeof(**listeners));
    if (*listeners == NULL) {
        cg_buf_add(problems, "no memory\n");
        return false;
    }
    for (size_t i = 0; i < sockets->count; i++)
        sockets->sets[i].in_use = false;
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        for (size_t j = 0; j < snapshot->interfaces[i].listen_count; j++) {
            set = sockets_get(sockets, &snapshot->interfaces[i].listen[j].at, &err);
            if (set == NULL)
                cg_buf_addf(
                        problems, "interface '%s': %s\n", snapshot->interfaces[i].name, err.text);
            else
                (*listeners)[count++] = (size_t)(set - sockets->sets);
        }
    }
    return count == total;
}

/* The sets that the generation in force uses: others were bound for a candidate that came to nothing. */
static void
keep_current_sockets(struct control *control)
{
    size_t next = 0;

    for (size_t i = 0; i < control->sockets.count; i++)
        control->sockets.sets[i].in_use = false;
    if (control->candidate != NULL)
        for (size_t i = 0; i < control->candidate->snapshot.interface_count; i++)
            for (size_t j = 0; j < control->candidate->snapshot.interfaces[i].listen_count; j++)
                control->sockets.sets[control->fleet.listeners[next++]].in_use = true;
    sockets_sweep(&control->sockets);
}

/* What cannot change without a restart. */
static void
check_restart_settings(
        const struct settings *now, const struct settings *then, struct cg_buf *problems)
{
    if (strcmp(now->state, then->state) != 0)
        cg_buf_add(problems, "'state' cannot change on reload: restart certgated\n");
    if (now->workers != then->workers)
        cg_buf_add(problems, "'workers' cannot change on reload: restart certgated\n");
    if (now->metrics.len != then->metrics.len ||
            memcmp(&now->metrics.addr, &then->metrics.addr, now->metrics.len) != 0)
        cg_buf_add(problems, "'metrics' cannot change on reload: restart certgated\n");
    if (strcmp(now->log, then->log) != 0)
        cg_buf_add(problems, "'log' cannot change on reload: restart certgated\n");
}

/*
 * One reload: all or nothing. The old sets keep their places in sockets->sets until the sweep, so the
 * indexes of the generation in force stay right if the candidate fails.
 */
static bool
reload(struct control *control, struct cg_buf *problems)
{
    struct candidate *candidate = candidate_load(control->config, (int64_t)time(NULL), problems),
                     *old;
    struct cg_error err;
    size_t *listeners = NULL, *old_listeners;

    if (candidate == NULL)
        return false;
    check_restart_settings(control->candidate->settings, candidate->settings, problems);
    if (problems->len != 0 || !take_listeners(&control->sockets, candidate, &listeners, problems))
        goto fail;
    candidate->snapshot.generation = control->generation + 1;
    if (!store_generation(control, candidate->snapshot.generation)) {
        cg_buf_addf(problems, "the generation counter cannot be written: %s\n", strerror(errno));
        goto fail;
    }
    old = control->candidate;
    old_listeners = control->fleet.listeners;
    control->candidate = candidate;
    control->generation = candidate->snapshot.generation;
    control->fleet.candidate = candidate;
    control->fleet.listeners = listeners;
    far_ends_want(control->resolver, &candidate->snapshot);
    if (fleet_feed_all(&control->fleet, &err) != CG_OK)
        say("%s", err.text);
    candidate_free(old);
    free(old_listeners);
    return true;
fail:
    free(listeners);
    candidate_free(candidate);
    keep_current_sockets(control);
    return false;
}

static void
say_problems(const struct cg_buf *problems)
{
    const char *at = cg_buf_text(problems), *end;

    for (; (end = strchr(at, '\n')) != NULL; at = end + 1)
        say("%.*s", (int)(end - at), at);
}

/* Listeners that no interface names any more are closed once every worker has left them. */
static void
sweep_when_settled(struct control *control)
{
    size_t next = 0;
    size_t *moved;

    for (unsigned i = 0; i < control->fleet.count; i++)
        if (control->fleet.workers[i].ready != control->generation)
            return;
    for (size_t i = 0; i < control->sockets.count; i++)
        if (!control->sockets.sets[i].in_use)
            break;
        else if (i + 1 == control->sockets.count)
            return;
    moved = calloc(control->sockets.count + 1, sizeof(*moved));
    if (moved == NULL)
        return;
    for (size_t i = 0; i < control->sockets.count; i++)
        moved[i] = control->sockets.sets[i].in_use ? next++ : 0;
    next = 0;
    for (size_t i = 0; i < control->candidate->snapshot.interface_count; i++)
        for (size_t j = 0; j < control->candidate->snapshot.interfaces[i].listen_count; j++, next++)
            control->fleet.listeners[next] = moved[control->fleet.listeners[next]];
    free(moved);
    sockets_sweep(&control->sockets);
}

static bool
open_control_socket(struct control *control)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
            control->candidate->settings->state, CONTROL_SOCKET);

    if (len < 0 || (size_t)len >= sizeof(address.sun_path)) {
        say("the state directory's path is too long for a socket");
        return false;
    }
    (void)unlinkat(control->state_fd, CONTROL_SOCKET, 0);
    control->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->control_fd < 0 ||
            bind(control->control_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
            chmod(address.sun_path, 0600) != 0 || listen(control->control_fd, 8) != 0) {
        say("the control socket %s cannot be opened: %s", address.sun_path, strerror(errno));
        return false;
    }
    return true;
}

static void
metrics_of(void *arg, struct cg_buf *out)
{
    struct control *control = arg;
    struct fleet *fleet = &control->fleet;
    const struct metrics_node node = { .generation = control->generation,
        .records_lost = control->records_lost,
        .workers = fleet->count,
        .running = fleet_running(fleet),
        .restarts = fleet->restarts };
    struct metrics_page **pages = calloc(fleet->count, sizeof(struct metrics_page *));

    if (pages == NULL) {
        out->failed = true;
        return;
    }
    for (unsigned i = 0; i < fleet->count; i++)
        pages[i] = fleet->workers[i].metrics;
    metrics_render(&node, pages, fleet->count, out);
    free(pages);
}

/* One request a connection: "reload" or "metrics". The answer is "ok TEXT" or "error" and the problems. */
static void
serve_client(struct control *control)
{
    struct timeval limit = { .tv_sec = CLIENT_TIMEOUT_S };
    int client = accept4(control->control_fd, NULL, NULL, SOCK_CLOEXEC);
    struct cg_buf problems, answer;
    char request[64];
    ssize_t len;

    if (client < 0)
        return;
    (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    len = read(client, request, sizeof(request) - 1);
    request[len < 0 ? 0 : len] = '\0';
    cg_buf_init(&problems, 1024 * 1024);
    cg_buf_init(&answer, METRICS_MAX_TEXT);
    if (strcmp(request, "metrics\n") == 0) {
        cg_buf_add(&answer, "ok ");
        metrics_of(control, &answer);
    } else if (strcmp(request, "reload\n") != 0) {
        cg_buf_add(&answer, "error\nunknown request\n");
    } else if (reload(control, &problems)) {
        cg_buf_addf(&answer, "ok generation %llu\n", (unsigned long long)control->generation);
    } else {
        cg_buf_addf(&answer, "error\n%s", cg_buf_text(&problems));
        say("reload refused, generation %llu stays in force",
                (unsigned long long)control->generation);
        say_problems(&problems);
    }
    (void)write_all(client, cg_buf_text(&answer), answer.len);
    cg_buf_release(&problems);
    cg_buf_release(&answer);
    close(client);
}

static void
reload_by_signal(struct control *control)
{
    struct cg_buf problems;

    cg_buf_init(&problems, 1024 * 1024);
    if (!reload(control, &problems)) {
        say("reload refused, generation %llu stays in force",
                (unsigned long long)control->generation);
        say_problems(&problems);
    }
    cg_buf_release(&problems);
}

static void
take_signals(struct control *control)
{
    struct signalfd_siginfo info;

    while (read(control->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGHUP:
            reload_by_signal(control);
            break;
        case SIGTERM:
        case SIGINT:
            if (!control->stopping) {
                control->stopping = true;
                say("stopping: no new connections, established ones have %d s", DRAIN_MS / 1000);
                fleet_drain(&control->fleet, DRAIN_MS);
            } else {
                fleet_drain(&control->fleet, 0);
            }
            break;
        default:
            break;
        }
    }
}

static void
restart_workers(struct control *control, int64_t now)
{
    struct cg_error err;

    for (unsigned i = 0; !control->stopping && i < control->fleet.count; i++) {
        struct fleet_worker *worker = &control->fleet.workers[i];

        if (worker->restart_ms == 0 || worker->restart_ms > now)
            continue;
        if (fleet_start(&control->fleet, i, now, &err) != CG_OK)
            say("worker %u: %s", i, err.text);
        else
            say("worker %u started again as process %d", i, (int)worker->pid);
    }
}

static int
next_timeout(const struct control *control, int64_t now)
{
    int64_t next = control->rotate_ms;

    for (unsigned i = 0; i < control->fleet.count; i++)
        if (control->fleet.workers[i].restart_ms != 0 &&
                control->fleet.workers[i].restart_ms < next)
            next = control->fleet.workers[i].restart_ms;
    return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

static void
take_addresses(struct control *control)
{
    struct cg_buf lines;

    cg_buf_init(&lines, 64 * 1024);
    far_ends_pass_on(control->resolver, &control->fleet, &lines);
    say_problems(&lines);
    cg_buf_release(&lines);
}

static void
rotate_ticket_keys(struct control *control, int64_t now)
{
    if (now < control->rotate_ms)
        return;
    control->rotate_ms = now + TICKET_ROTATION_MS;
    if (!fleet_rotate_ticket_keys(&control->fleet))
        say("no randomness for a new ticket key: the old one stays");
    fleet_send_ticket_keys(&control->fleet);
}

static void
loop(struct control *control)
{
    struct pollfd *fds = calloc(control->fleet.count + 4, sizeof(*fds));
    int64_t now;

    if (fds == NULL) {
        say("no memory");
        control->failed = true;
        return;
    }
    while (!control->stopping || fleet_running(&control->fleet) != 0) {
        for (unsigned i = 0; i < control->fleet.count; i++)
            fds[i] = (struct pollfd) { .fd = control->fleet.workers[i].socket, .events = POLLIN };
        fds[control->fleet.count] = (struct pollfd) { .fd = control->signal_fd, .events = POLLIN };
        fds[control->fleet.count + 1] =
                (struct pollfd) { .fd = control->control_fd, .events = POLLIN };
        fds[control->fleet.count + 2] =
                (struct pollfd) { .fd = metrics_server_fd(control->metrics), .events = POLLIN };
        fds[control->fleet.count + 3] =
                (struct pollfd) { .fd = resolver_fd(control->resolver), .events = POLLIN };
        (void)poll(fds, control->fleet.count + 4, next_timeout(control, now_ms()));
        for (unsigned i = 0; i < control->fleet.count; i++)
            if (fds[i].revents != 0)
                fleet_receive(&control->fleet, i);
        if (fds[control->fleet.count].revents != 0)
            take_signals(control);
        now = now_ms();
        fleet_reap(&control->fleet, now);
        restart_workers(control, now);
        if (fds[control->fleet.count + 1].revents != 0 && !control->stopping)
            serve_client(control);
        metrics_server_run(control->metrics);
        if (fds[control->fleet.count + 3].revents != 0)
            take_addresses(control);
        rotate_ticket_keys(control, now);
        sweep_when_settled(control);
    }
    free(fds);
}

static bool
block_signals(struct control *control)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    (void)signal(SIGPIPE, SIG_IGN);
    control->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return control->signal_fd >= 0;
}

static bool
open_metrics(struct control *control)
{
    const struct settings *settings = control->candidate->settings;
    struct cg_error err;

    if (settings->metrics.len == 0 ||
            metrics_server_new(&settings->metrics, metrics_of, control, &control->metrics, &err) ==
                    CG_OK)
        return true;
    say("%s", err.text);
    return false;
}

/* Everything that can go wrong goes wrong here, before a worker exists. */
static bool
prepare(struct control *control)
{
    struct cg_buf problems;
    const struct settings *settings;
    size_t *listeners = NULL;
    bool ok = false;

    cg_buf_init(&problems, 1024 * 1024);
    control->candidate = candidate_load(control->config, (int64_t)time(NULL), &problems);
    if (control->candidate == NULL)
        goto done;
    settings = control->candidate->settings;
    if (!open_state(control, settings->state))
        goto done;
    control->sockets.workers = settings->workers;
    if (!take_listeners(&control->sockets, control->candidate, &listeners, &problems))
        goto done;
    control->log_fd = open_log(settings->log);
    if (control->log_fd < 0) {
        say("decision log %s cannot be opened: %s", settings->log, strerror(errno));
        goto done;
    }
    control->generation++;
    control->candidate->snapshot.generation = control->generation;
    if (!store_generation(control, control->generation)) {
        say("the generation counter cannot be written: %s", strerror(errno));
        goto done;
    }
    ok = open_control_socket(control) && open_metrics(control);
done:
    say_problems(&problems);
    cg_buf_release(&problems);
    control->fleet.listeners = listeners;
    return ok;
}

static bool
start(struct control *control)
{
    const struct fleet_events events = { on_record, on_log, on_ready, on_failed, control };
    const struct settings *settings = control->candidate->settings;
    size_t *listeners = control->fleet.listeners;
    struct cg_error err;

    control->rotate_ms = now_ms() + TICKET_ROTATION_MS;
    if (fleet_init(&control->fleet, settings->workers, control->worker_program, settings->user,
                &events, &err) != CG_OK) {
        free(listeners);
        say("%s", err.text);
        return false;
    }
    control->fleet.candidate = control->candidate;
    control->fleet.sockets = &control->sockets;
    control->fleet.listeners = listeners;
    control->resolver = control->fleet.resolver = resolver_new(NULL);
    if (control->resolver == NULL) {
        say("no threads to look names up");
        return false;
    }
    far_ends_want(control->resolver, &control->candidate->snapshot);
    for (unsigned i = 0; i < control->fleet.count; i++) {
        if (fleet_start(&control->fleet, i, now_ms(), &err) != CG_OK) {
            say("%s", err.text);
            return false;
        }
    }
    return true;
}

int
control_run(const char *config, const char *worker_program)
{
    struct control control = { .config = config,
        .worker_program = worker_program,
        .state_fd = -1,
        .lock_fd = -1,
        .log_fd = -1,
        .signal_fd = -1,
        .control_fd = -1 };
    const int *descriptors[] = { &control.state_fd, &control.lock_fd, &control.log_fd,
        &control.signal_fd, &control.control_fd };

    if (access(worker_program, X_OK) != 0) {
        say("the worker program %s cannot be run: %s", worker_program, strerror(errno));
        return 1;
    }
    control.failed = !block_signals(&control) || !prepare(&control) || !start(&control);
    if (!control.failed)
        loop(&control);
    if (control.control_fd >= 0)
        (void)unlinkat(control.state_fd, CONTROL_SOCKET, 0);
    metrics_server_free(control.metrics);
    fleet_release(&control.fleet);
    resolver_free(control.resolver);
    sockets_release(&control.sockets);
    candidate_free(control.candidate);
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
        if (*descriptors[i] >= 0)
            close(*descriptors[i]);
    return control.failed ? 1 : 0;
}
