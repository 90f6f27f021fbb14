#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "control/api/api.h"
#include "control/commit.h"
#include "control/drops.h"
#include "control/evidence.h"
#include "control/expiry.h"
#include "control/far_ends.h"
#include "control/node.h"
#include "control/notify.h"
#include "control/peers.h"
#include "control/ports.h"
#include "control/probes.h"
#include "control/rates.h"
#include "control/recorder.h"
#include "control/recording.h"
#include "control/renewals.h"
#include "control/say.h"

/* Workers that speak so often without a pause of STREAM_MS are heard every GATHER_MS. */
#define STREAM_WORDS 8
#define STREAM_MS 1
#define GATHER_MS 3
/* With settings that cannot be read nobody said how long connections may go on. */
#define DRAIN_MS 10000

void
control_answer(struct control *control, const char *text)
{
    if (control->client < 0)
        return;
    (void)write_all(control->client, text, strlen(text));
    close(control->client);
    control->client = -1;
}

/* Nothing was ever served, and there are no workers of before: not starting is the clear answer. */
static void
give_up(struct control *control)
{
    if (control->announced != 0 || control->adopted || control->stopping)
        return;
    control->failed = control->stopping = true;
    fleet_drain(&control->fleet, 0, now_ms());
}

/* ---- what workers say -------------------------------------------------------------------------- */

static void
on_record(void *arg, const uint8_t *json, size_t len)
{
    recording_take(arg, json, len);
}

static void
on_chain(void *arg, const uint8_t *der, size_t len)
{
    struct control *control = arg;

    peers_take_chain(control->peers, cg_span(der, len), now_ms());
}

static void
on_log(void *arg, const struct fleet_worker *worker, int severity, const char *text)
{
    (void)arg;
    (void)severity;
    if (worker->retired)
        say("worker of before, process %d: %s", (int)worker->pid, text);
    else
        say("worker %u: %s", worker->number, text);
}

/* After an upgrade somebody may wait for the workers that do not come; those of before go on. */
static void
not_started(struct control *control, const char *text)
{
    struct cg_buf answer;

    cg_buf_init(&answer, 4096);
    cg_buf_addf(&answer, "error\na new worker %s; those of before go on\n", text);
    control_answer(control, cg_buf_text(&answer));
    cg_buf_release(&answer);
    give_up(control);
}

static void
on_ended(void *arg, const struct fleet_worker *worker, const char *text)
{
    struct control *control = arg;

    on_log(arg, worker, IPC_LOG_WARNING, text);
    if (!worker->retired && worker->ready == 0)
        not_started(control, text);
}

static void
on_confined(
        void *arg, const struct fleet_worker *worker, enum ipc_confinement state, const char *text)
{
    struct control *control = arg;
    enum ipc_sandbox wanted = control->candidate->settings->sandbox;

    if (worker->retired)
        return;
    /* Once for all workers, and again only where one of them has something else to say. */
    if (strcmp(control->confined, text) != 0) {
        (void)snprintf(control->confined, sizeof(control->confined), "%s", text);
        say("%s%s", wanted != IPC_SANDBOX_OFF && state != IPC_CONFINED_FULL ? "warning: " : "",
                text);
    }
    if (wanted == IPC_SANDBOX_REQUIRED && state != IPC_CONFINED_FULL)
        give_up(control);
}

/* The first generation of this process is served: those of before see their connections to an end. */
static void
settle_upgrade(struct control *control)
{
    char text[128];

    if (!control->adopted)
        return;
    control->adopted = false;
    say("certgated " CERTGATE_VERSION " has taken over from %s", control->handover.version);
    if (control->fleet.retired_count != 0)
        say("%u worker%s of before end%s with their connections, at the latest in %u s",
                control->fleet.retired_count, control->fleet.retired_count == 1 ? "" : "s",
                control->fleet.retired_count == 1 ? "s" : "",
                control->candidate->settings->retire_ms / 1000);
    fleet_drain_retired(&control->fleet, control->candidate->settings->retire_ms, now_ms());
    (void)snprintf(text, sizeof(text), "ok certgated " CERTGATE_VERSION ", generation %llu\n",
            (unsigned long long)control->generation);
    control_answer(control, text);
    handover_release(&control->handover);
}

static void
tell_manager(const struct control *control)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "READY=1\nSTATUS=generation %llu in force, %u worker%s",
            (unsigned long long)control->generation, control->fleet.count,
            control->fleet.count == 1 ? "" : "s");
    notify_manager(text);
}

static void
announce(struct control *control)
{
    const struct settings *settings;
    size_t next = 0;
    char address[SOCKETS_TEXT_SIZE];

    if (control->candidate == NULL || control->announced == control->generation)
        return;
    for (unsigned i = 0; i < control->fleet.count; i++)
        if (control->fleet.workers[i].ready != control->generation)
            return;
    settings = control->candidate->settings;
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
    expiry_say(control, (int64_t)time(NULL));
    tell_manager(control);
    settle_upgrade(control);
}

static void
on_ready(void *arg, const struct fleet_worker *worker, uint64_t generation)
{
    (void)generation;
    if (!worker->retired)
        announce(arg);
}

static void
on_failed(void *arg, struct fleet_worker *worker, uint64_t generation, const char *text)
{
    struct control *control = arg;

    if (worker->retired) {
        /* It cannot judge by what is in force now, so it must not go on for long. */
        say("worker of before, process %d, does not know generation %llu and ends: %s",
                (int)worker->pid, (unsigned long long)generation, text);
        fleet_drain_worker(
                &control->fleet, worker, control->candidate->settings->drain_ms, now_ms());
        return;
    }
    say("worker %u cannot put generation %llu in force: %s", worker->number,
            (unsigned long long)generation, text);
    not_started(control, text);
}

static void
on_ask(void *arg, const uint8_t *payload, size_t len)
{
    struct control *control = arg;

    evidence_ask(control->evidence, payload, len, now_ms());
}

static enum cg_status
feed_new(void *arg, struct fleet_worker *worker, struct cg_error *err)
{
    struct control *control = arg;

    return evidence_feed(control->evidence, worker, err);
}

/* ---- life -------------------------------------------------------------------------------------- */

/* Listeners that no interface names any more are closed once every worker has left them. */
static void
sweep_when_settled(struct control *control)
{
    if (control->candidate == NULL)
        return;
    for (unsigned i = 0; i < control->fleet.count; i++)
        if (control->fleet.workers[i].ready != control->generation)
            return;
    ports_sweep(&control->sockets, control->candidate, control->fleet.listeners);
}

void
control_metrics(struct control *control, struct cg_buf *out)
{
    struct fleet *fleet = &control->fleet;
    const struct metrics_node node = { .generation = control->generation,
        .records_lost = recording_lost(control),
        .records_waiting = recorder_waiting(control->recorder),
        .untold = recorder_untold(control->recorder),
        .recording = recorder_works(control->recorder),
        .workers = fleet->count,
        .running = fleet_running(fleet),
        .restarts = fleet->restarts };
    struct metrics_page **pages = calloc(FLEET_MAX_POLLED + 1, sizeof(struct metrics_page *));

    if (pages == NULL) {
        out->failed = true;
        return;
    }
    metrics_render(&node, pages, fleet_pages(fleet, pages), out);
    expiry_metrics(control->candidate, out);
    expiry_count(control, out);
    free(pages);
}

static void
stop(struct control *control)
{
    uint32_t ms = control->candidate == NULL ? DRAIN_MS : control->candidate->settings->drain_ms;

    if (control->stopping)
        ms = 0; /* asked twice */
    else
        say("stopping: no new connections, established ones have %u s", ms / 1000);
    control->stopping = true;
    api_close(control->api); /* who asks is told at once that nobody answers any more */
    control->api = NULL;
    notify_manager("STOPPING=1\nSTATUS=no new connections, established ones end");
    upgrade_cancel(control);
    fleet_drain(&control->fleet, ms, now_ms());
}

static void
take_signals(struct control *control)
{
    struct signalfd_siginfo info;

    while (read(control->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(control);
        else if (!control->stopping)
            requests_signal(control, info.ssi_signo);
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

static void
retry(struct control *control, int64_t now)
{
    struct cg_buf problems;

    if (control->candidate != NULL || control->stopping || now < control->retry_ms)
        return;
    cg_buf_init(&problems, 1024 * 1024);
    (void)start_begin(control, &problems);
    cg_buf_release(&problems);
}

static int
next_timeout(const struct control *control, int64_t now)
{
    int64_t next = fleet_next_ms(&control->fleet, INT64_MAX);

    if (control->candidate == NULL && control->retry_ms < next)
        next = control->retry_ms;
    if (control->upgrade.pid != 0 && control->upgrade.deadline_ms < next)
        next = control->upgrade.deadline_ms;
    if (peers_next_ms(control->peers) < next)
        next = peers_next_ms(control->peers);
    if (api_next_ms(control->api, now) < next)
        next = api_next_ms(control->api, now);
    if (commit_next_ms(control) < next)
        next = commit_next_ms(control);
    if (drops_next_ms(control->drops) < next)
        next = drops_next_ms(control->drops);
    if (evidence_next_ms(control->evidence) < next - now)
        next = now + evidence_next_ms(control->evidence);
    if (probes_next_ms(control->probes) < next)
        next = probes_next_ms(control->probes);
    if (renewals_next_ms(control->renewals) < next)
        next = renewals_next_ms(control->renewals);
    if (recording_next_ms(control) < next)
        next = recording_next_ms(control);
    return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

static void
take_addresses(struct control *control)
{
    struct cg_buf lines;

    if (control->resolver == NULL)
        return;
    cg_buf_init(&lines, 64 * 1024);
    far_ends_pass_on(control->resolver, &control->fleet, &lines);
    say_problems(&lines);
    cg_buf_release(&lines);
}

/* What is waited for beside the workers; then the ways into the admin API, and servers that are being looked at. */
enum {
    POLL_SIGNALS,
    POLL_CONTROL,
    POLL_UPGRADE,
    POLL_METRICS,
    POLL_RESOLVER,
    POLL_RENEWALS,
    POLL_DROPS,
    POLL_EVIDENCE,
    POLL_API,
    POLL_PROBES = POLL_API + API_WAYS,
    POLL_OTHERS = POLL_PROBES + PROBES_POLLED
};

static void
poll_others(const struct control *control, struct pollfd *fds)
{
    const int descriptors[POLL_API] = {
        [POLL_SIGNALS] = control->signal_fd,
        [POLL_CONTROL] = control->state.control,
        [POLL_UPGRADE] = control->upgrade.output,
        [POLL_METRICS] = metrics_server_fd(control->metrics),
        [POLL_RESOLVER] = control->resolver == NULL ? -1 : resolver_fd(control->resolver),
        [POLL_RENEWALS] = renewals_fd(control->renewals),
        [POLL_DROPS] = drops_fd(control->drops),
        [POLL_EVIDENCE] = evidence_fd(control->evidence),
    };

    for (size_t i = 0; i < POLL_API; i++)
        fds[i] = (struct pollfd) { .fd = descriptors[i], .events = POLLIN };
    api_poll(control->stopping ? NULL : control->api, &fds[POLL_API]);
    probes_poll(control->probes, &fds[POLL_PROBES]);
}

/*
 * In a stream of words from workers some are taken at a time: waking up for each record costs more than the
 * record. Nobody waits for what they say, and whatever else comes ends the wait.
 */
static void
wait_for_work(struct control *control, struct pollfd *fds, size_t workers)
{
    const nfds_t others = POLL_OTHERS;
    bool words = false;
    int64_t now;

    if (poll(fds, workers + others, next_timeout(control, now_ms())) <= 0)
        return;
    for (size_t i = workers; i < workers + others; i++)
        if (fds[i].revents != 0)
            return;
    for (size_t i = 0; i < workers; i++)
        words = words || (fds[i].revents & POLLIN) != 0;
    if (!words)
        return;
    now = now_ms();
    control->streaming = now - control->words_ms <= STREAM_MS ? control->streaming + 1 : 0;
    if (control->streaming > STREAM_WORDS)
        (void)poll(fds + workers, others, GATHER_MS);
    control->words_ms = now_ms();
}

static void
loop(struct control *control)
{
    struct pollfd *fds = calloc(FLEET_MAX_POLLED + POLL_OTHERS, sizeof(*fds)), *others;
    int64_t now;

    if (fds == NULL) {
        say("no memory");
        control->failed = true;
        return;
    }
    while (!control->stopping || fleet_running(&control->fleet) != 0) {
        others = fds + fleet_poll(&control->fleet, fds);
        poll_others(control, others);
        wait_for_work(control, fds, (size_t)(others - fds));
        fleet_receive_polled(&control->fleet, fds);
        if (others[POLL_SIGNALS].revents != 0)
            take_signals(control);
        now = now_ms();
        fleet_reap(&control->fleet, now);
        recording_step(control, now);
        expiry_step(control, (int64_t)time(NULL));
        restart_workers(control, now);
        if (others[POLL_CONTROL].revents != 0 && !control->stopping)
            requests_serve_client(control);
        peers_flush(control->peers, now);
        metrics_server_run(control->metrics);
        if (!control->stopping)
            api_run(control->api, now);
        if (others[POLL_RESOLVER].revents != 0)
            take_addresses(control);
        evidence_step(control->evidence, now);
        probes_step(control->probes, now);
        upgrade_step(control, now);
        commit_step(control, now);
        commit_feed_again(control, now);
        renewals_step(control->renewals, control, now);
        drops_step(control->drops, control, now);
        retry(control, now);
        sweep_when_settled(control);
    }
    free(fds);
}

static bool
block_signals(struct control *control)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    requests_add_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a log at the limit of its size is a failure like others */
    control->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return control->signal_fd >= 0;
}

int
control_run(const struct control_options *options)
{
    struct control control = { .options = *options,
        .state = STATE_NONE,
        .handover = { .state = STATE_NONE, .log = -1, .client = -1, .past = -1, .sessions = -1 },
        .upgrade = { .output = -1 },
        .disk = { .folder = -1 },
        .started = (int64_t)time(NULL),
        .signal_fd = -1,
        .client = -1 };
    const struct fleet_events events = { on_record, on_chain, on_log, on_ready, on_failed,
        on_confined, on_ended, on_ask, feed_new, &control };
    struct cg_buf problems;
    struct cg_error err;

    cg_buf_init(&problems, 1024 * 1024);
    control.failed = fleet_init(&control.fleet, &events, &err) != CG_OK ||
            !block_signals(&control) || !start_adopt(&control) ||
            (!start_begin(&control, &problems) && !control.adopted);
    cg_buf_release(&problems);
    control.drops = drops_new();
    if (control.drops == NULL)
        say("the folders tcs/add and tcs/delete cannot be watched");
    control.renewals = renewals_new();
    if (control.renewals == NULL)
        say("the files of our certificates cannot be watched: renewals need a reload");
    if (!control.failed)
        loop(&control);
    renewals_free(control.renewals);
    drops_free(control.drops);
    control_answer(&control, "error\ncertgated is stopping\n");
    api_close(control.api);
    evidence_close(control.evidence);
    probes_free(control.probes);
    rates_free(control.rates);
    metrics_server_free(control.metrics);
    peers_close(control.peers);
    store_close(control.store);
    recording_close(&control);
    free(control.text);
    free(control.unusable);
    state_close(&control.state);
    fleet_release(&control.fleet);
    resolver_free(control.resolver);
    sockets_release(&control.sockets);
    handover_release(&control.handover);
    candidate_free(control.candidate);
    if (control.signal_fd >= 0)
        close(control.signal_fd);
    return control.failed ? 1 : 0;
}
