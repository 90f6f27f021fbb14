/* How certgated begins: with nothing, or in the place of the one before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/api/api.h"
#include "control/commit.h"
#include "control/evidence.h"
#include "control/far_ends.h"
#include "control/node.h"
#include "control/peers.h"
#include "control/probes.h"
#include "control/rates.h"
#include "control/recorder.h"
#include "control/recording.h"
#include "control/say.h"

/* After an upgrade whose settings cannot be read: when to look again. */
#define RETRY_MS 5000

/*
 * What the one before handed over is ours. From here its workers go on whatever happens, until ours are
 * ready.
 */
bool
start_adopt(struct control *control)
{
    struct handover *handover = &control->handover;
    struct settings_recording recording;
    struct metrics_page *past;
    struct cg_error err = { "" };

    if (control->options.handover < 0)
        return true;
    if (handover_read(control->options.handover, handover, &err) != CG_OK ||
            !handover_inherit(handover, false)) {
        say("what the certgated before handed over cannot be used: %s", err.text);
        return false;
    }
    close(control->options.handover);
    control->adopted = true;
    control->state = handover->state;
    control->client = handover->client;
    control->generation = handover->generation;
    control->sockets = handover->sockets;
    control->adopted_sets = handover->sockets.count;
    handover->sockets = (struct sockets) { .workers = handover->sockets.workers };
    control->fleet.sessions = handover->sessions;
    control->fleet.restarts = handover->restarts;
    /* Whatever becomes of the settings, what its workers decide is recorded. */
    recording_init(&recording);
    if (!recording_open(control, handover->log_path, handover->log, &recording))
        return false;
    recorder_set_lost(control->recorder, handover->records_lost);
    past = metrics_page_map(handover->past);
    if (past != NULL)
        metrics_page_add(control->fleet.past, past);
    metrics_page_free(past, handover->past);
    for (unsigned i = 0; i < handover->worker_count; i++)
        fleet_adopt(&control->fleet, &handover->workers[i]);
    return true;
}

/*
 * The number of the generation that is about to begin. After an upgrade it is the one of before where the
 * snapshot is the same in every byte, so that sessions may resume; anything else is a commit.
 */
static bool
choose_generation(struct control *control, struct candidate *candidate, struct cg_buf *problems)
{
    uint8_t digest[CG_SHA256_SIZE];
    struct cg_error err;

    if (control->adopted && control->store == NULL && control->unusable == NULL) {
        if (candidate_digest(candidate, control->generation, digest, &err) != CG_OK) {
            cg_buf_addf(problems, "%s\n", err.text);
            return false;
        }
        if (memcmp(digest, control->handover.digest, sizeof(digest)) == 0) {
            candidate->snapshot.generation = control->generation;
            return true;
        }
    }
    if (candidate->snapshot.generation != control->generation &&
            !state_store_generation(&control->state, candidate->snapshot.generation)) {
        cg_buf_addf(problems, "the generation counter cannot be written: %s\n", strerror(errno));
        return false;
    }
    return true;
}

/* The state directory, the log and the control socket: opened, or those handed over. */
static bool
open_files(struct control *control, const struct settings *settings, struct cg_buf *problems)
{
    if (control->adopted) {
        control_check_fixed(control->handover.state_path, control->handover.log_path,
                control->handover.sockets.workers, settings, problems);
        return problems->len == 0;
    }
    control->sockets.workers = settings->workers;
    return state_open(&control->state, settings->state, &control->generation) &&
            recording_open(control, settings->log, -1, &settings->recording);
}

static void
metrics_of(void *arg, struct cg_buf *out)
{
    control_metrics(arg, out);
}

static bool
open_metrics(struct control *control, const struct settings *settings, struct cg_buf *problems)
{
    struct cg_error err;

    if (settings->metrics.len == 0 ||
            metrics_server_new(&settings->metrics, metrics_of, control, &control->metrics, &err) ==
                    CG_OK)
        return true;
    cg_buf_addf(problems, "%s\n", err.text);
    return false;
}

/* It was written down before its change was committed: one that was not is none. */
static void
load_pending(struct control *control, uint64_t generation)
{
    if (control->store == NULL && control->unusable == NULL)
        return;
    state_load_pending(&control->state, (int64_t)time(NULL), &control->pending);
    if (control->store == NULL || control->pending.generation <= generation)
        return;
    control->pending = (struct pending) { .generation = 0 };
    (void)state_store_pending(&control->state, &control->pending);
}

/* Everything that can go wrong goes wrong here, before a worker is started. */
static bool
prepare(struct control *control, struct cg_buf *problems)
{
    struct settings *file = settings_load(control->options.config, NULL, problems);
    struct candidate *candidate = NULL;
    size_t *listeners = NULL;
    struct cg_error err;
    bool ok = false;

    if (file == NULL || !open_files(control, file, problems) ||
            !commit_first(control, file, &candidate, &listeners, problems) ||
            !choose_generation(control, candidate, problems))
        goto done;
    load_pending(control, candidate->snapshot.generation);
    if (!control->adopted && !state_open_control(&control->state, candidate->settings->state))
        goto done;
    if (!open_metrics(control, candidate->settings, problems))
        goto done;
    if (control->api == NULL && (control->api = api_open(control, file, problems)) == NULL)
        goto done;
    if (control->resolver == NULL)
        control->resolver = control->fleet.resolver = resolver_new(NULL);
    if (control->resolver == NULL) {
        cg_buf_add(problems, "no threads to look names up\n");
        goto done;
    }
    if (fleet_prepare(&control->fleet, candidate->settings->workers,
                control->options.worker_program, &err) != CG_OK) {
        cg_buf_addf(problems, "%s\n", err.text);
        goto done;
    }
    control->generation = candidate->snapshot.generation;
    control->fleet.sockets = &control->sockets;
    control->fleet.listeners = listeners;
    control->fleet.candidate = control->candidate = candidate;
    recording_settle(control);
    listeners = NULL;
    candidate = NULL;
    commit_started(control);
    ok = true;
done:
    /* Sets of before stay, whatever a candidate made of them. */
    for (size_t i = 0; !ok && i < control->sockets.count; i++)
        control->sockets.sets[i].in_use = i < control->adopted_sets;
    if (!ok) {
        sockets_sweep(&control->sockets);
        metrics_server_free(control->metrics);
        control->metrics = NULL;
    }
    free(listeners);
    settings_free(file);
    candidate_free(candidate);
    return ok;
}

static void
say_user(const struct control *control)
{
    const struct settings *settings = control->candidate->settings;

    if (control->candidate->give_up_root && settings->user == NULL)
        say("'user' is not set: workers run as nobody");
    if (!control->candidate->give_up_root && settings->user != NULL &&
            control->candidate->uid != geteuid())
        say("certgated is not root, so workers do not become '%s'", settings->user);
}

/* Reads the settings and starts the workers. After an upgrade a failure is not the end: see retry(). */
bool
start_begin(struct control *control, struct cg_buf *problems)
{
    struct cg_buf answer;
    struct cg_error err;

    if (!prepare(control, problems)) {
        say_problems(problems);
        if (control->adopted)
            say("after the upgrade the settings cannot be put in force; workers of before go on, "
                "and it is tried again in %d s",
                    RETRY_MS / 1000);
        control->retry_ms = now_ms() + RETRY_MS;
        cg_buf_init(&answer, 1024 * 1024 + 64);
        cg_buf_addf(&answer, "error\n%s", cg_buf_text(problems));
        control_answer(control, cg_buf_text(&answer));
        cg_buf_release(&answer);
        return false;
    }
    if (control->candidate->settings->inventory && control->peers == NULL)
        control->peers = peers_open(control->candidate->settings->state);
    if (control->rates == NULL)
        control->rates = rates_new();
    say_user(control);
    far_ends_want(control->resolver, &control->candidate->snapshot);
    if (control->evidence == NULL)
        control->evidence = evidence_open(
                control->state.folder, control->options.worker_program, &control->fleet);
    evidence_want(control->evidence, control->candidate, now_ms());
    if (control->probes == NULL)
        control->probes = probes_new(control->options.worker_program);
    for (unsigned i = 0; i < control->fleet.count; i++) {
        if (fleet_start(&control->fleet, i, now_ms(), &err) != CG_OK) {
            say("%s", err.text);
            control->fleet.workers[i].restart_ms = now_ms() + RETRY_MS;
        }
    }
    return true;
}
