/*
 * certgated --check: could this program start, or take over from the one that runs? One worker is started
 * and given everything but listeners, so that what is tried is what would serve.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "control/node.h"
#include "control/ports.h"
#include "control/say.h"

/* Longest that the tried worker may take to put the generation in force. */
#define READY_MS 30000

struct trial {
    const struct settings *settings;
    bool ready;
    bool failed;
};

static void
on_record(void *arg, const uint8_t *json, size_t len)
{
    (void)arg;
    (void)json;
    (void)len;
}

static void
on_chain(void *arg, const uint8_t *der, size_t len)
{
    on_record(arg, der, len);
}

static void
on_log(void *arg, const struct fleet_worker *worker, int severity, const char *text)
{
    (void)arg;
    (void)worker;
    (void)severity;
    say("tried worker: %s", text);
}

static void
on_ready(void *arg, const struct fleet_worker *worker, uint64_t generation)
{
    struct trial *trial = arg;

    (void)worker;
    (void)generation;
    trial->ready = true;
}

static void
on_failed(void *arg, struct fleet_worker *worker, uint64_t generation, const char *text)
{
    struct trial *trial = arg;

    (void)worker;
    (void)generation;
    say("tried worker: %s", text);
    trial->failed = true;
}

static void
on_confined(
        void *arg, const struct fleet_worker *worker, enum ipc_confinement state, const char *text)
{
    struct trial *trial = arg;

    (void)worker;
    if (trial->settings->sandbox == IPC_SANDBOX_OFF || state == IPC_CONFINED_FULL)
        return;
    say("tried worker: %s", text);
    trial->failed = trial->failed || trial->settings->sandbox == IPC_SANDBOX_REQUIRED;
}

static void
on_ended(void *arg, const struct fleet_worker *worker, const char *text)
{
    struct trial *trial = arg;

    (void)worker;
    say("tried worker: %s", text);
    trial->failed = true;
}

static bool
try_worker(struct candidate *candidate, const char *program)
{
    struct trial trial = { .settings = candidate->settings };
    const struct fleet_events events = { on_record, on_chain, on_log, on_ready, on_failed,
        on_confined, on_ended, NULL, NULL, &trial };
    int64_t limit = now_ms() + READY_MS;
    struct cg_error err = { "" };
    struct fleet fleet;
    struct pollfd *fds = NULL;
    bool ok = fleet_init(&fleet, &events, &err) == CG_OK &&
            fleet_prepare(&fleet, 1, program, &err) == CG_OK;

    fleet.candidate = candidate;
    ok = ok && fleet_start(&fleet, 0, now_ms(), &err) == CG_OK;
    fds = ok ? calloc(FLEET_MAX_POLLED, sizeof(*fds)) : NULL;
    while (fds != NULL && !trial.ready && !trial.failed && now_ms() < limit) {
        size_t count = fleet_poll(&fleet, fds);

        (void)poll(fds, count, 100);
        fleet_receive_polled(&fleet, fds);
        fleet_reap(&fleet, now_ms());
    }
    if (err.text[0] != '\0')
        say("%s", err.text);
    else if (!trial.ready && !trial.failed)
        say("tried worker: not ready in time");
    if (fleet.workers != NULL && fleet.workers[0].pid != 0) {
        (void)kill(fleet.workers[0].pid, SIGKILL);
        (void)waitpid(fleet.workers[0].pid, NULL, 0);
    }
    free(fds);
    fleet_release(&fleet);
    return trial.ready && !trial.failed;
}

/*
 * Binds what is new, for a moment. Sets that exist are not touched: their descriptors are the running
 * one's, and only numbers here.
 */
static void
try_ports(struct sockets *sockets, const struct candidate *candidate, struct cg_buf *problems)
{
    size_t *listeners = NULL, before = sockets->count;

    (void)ports_take(sockets, candidate, &listeners, problems);
    for (size_t i = 0; i < sockets->count; i++)
        sockets->sets[i].in_use = i < before;
    sockets_sweep(sockets);
    free(listeners);
}

int
control_try(const struct control_options *options)
{
    struct handover handover = { .state = STATE_NONE, .log = -1, .client = -1, .past = -1 };
    struct candidate *candidate = NULL;
    struct cg_error err = { "" };
    struct cg_buf problems;
    bool ok = false;

    cg_buf_init(&problems, 1024 * 1024);
    (void)signal(SIGPIPE, SIG_IGN);
    if (options->handover >= 0 && handover_read(options->handover, &handover, &err) != CG_OK)
        cg_buf_addf(&problems, "%s\n", err.text);
    if (problems.len == 0)
        candidate = candidate_look(options->config, (int64_t)time(NULL), NULL, &problems);
    if (candidate != NULL && options->handover >= 0) {
        control_check_fixed(handover.state_path, handover.log_path, handover.sockets.workers,
                candidate->settings, &problems);
        try_ports(&handover.sockets, candidate, &problems);
    }
    say_problems(&problems);
    if (candidate != NULL && problems.len == 0)
        ok = try_worker(candidate, options->worker_program);
    candidate_free(candidate);
    handover_release(&handover);
    cg_buf_release(&problems);
    return ok ? 0 : 1;
}
