#include "control/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/api/api.h"
#include "control/evidence.h"
#include "control/far_ends.h"
#include "control/keeping.h"
#include "control/lastgood.h"
#include "control/lockout.h"
#include "control/ports.h"
#include "control/recording.h"
#include "control/say.h"
#include "settings/text.h"

/* After a generation that could not be handed to the workers: they go on with the one before. */
#define FEED_AGAIN_MS 1000

/* ---- what it does, in words for machines --------------------------------------------------------- */

bool
commit_add_difference(void *arg, const struct store_difference *it)
{
    json_t *one = json_pack("{s:s,s:s,s:s?,s:s?,s:b,s:b}", "part", store_part_name(it->part),
            "name", it->name, "before", it->before, "after", it->after, "latched_before",
            it->latched_before, "latched_after", it->latched_after);

    return json_array_append_new(arg, one) == 0;
}

static bool
add_cleared(void *arg, const struct store_cleared *it)
{
    json_t *checks = json_array();

    for (unsigned i = 0; i < CG_CHECK_COUNT; i++)
        if ((it->begin & 1u << i) != 0)
            (void)json_array_append_new(checks, json_string(cg_check_info((enum cg_check)i)->id));
    return json_array_append_new(arg,
                   json_pack("{s:s,s:s?,s:s?,s:o}", "name", it->name, "before", it->before, "after",
                           it->after, "begin", checks)) == 0;
}

static enum store_status
tell(struct control *control, struct store_change *change, json_t *told, bool *clears,
        struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    json_t *diff = json_array(), *cleared = json_array();
    struct store_view now;
    enum store_status status = store_now(control->store, &now, err);

    if (status == STORE_OK)
        status = store_diff(&now, &pending, commit_add_difference, diff, err);
    if (status == STORE_OK)
        status = store_preview_latches(change, add_cleared, cleared, err);
    *clears = json_array_size(cleared) != 0;
    if (told != NULL) {
        (void)json_object_set(told, "diff", diff);
        (void)json_object_set(told, "latches_cleared", cleared);
    }
    json_decref(diff);
    json_decref(cleared);
    return status;
}

/* Before a latch is gone for good, one file brings it back. */
static enum store_status
back_up(struct control *control, const char *state, struct commit *commit, struct cg_error *err)
{
    struct store_view now;
    char *folder = NULL, *path = NULL;
    enum store_status status = store_now(control->store, &now, err);

    if (status != STORE_OK)
        return status;
    if (asprintf(&folder, "%s/" KEEPING_BACKUPS, state) < 0 ||
            asprintf(&path, "%s/before-generation-%llu.certgate", folder,
                    (unsigned long long)now.generation + 1) < 0)
        status = store_fail(err, STORE_NOMEM, "no memory for a backup");
    else if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        status = store_fail(err, STORE_IO, "%s cannot be made: %s", folder, strerror(errno));
    else if (unlink(path) != 0 && errno != ENOENT)
        status = store_fail(err, STORE_IO, "%s cannot be removed: %s", path, strerror(errno));
    else
        status = store_backup(&now, path, commit->author.time, NULL, 0, NULL, err);
    if (status == STORE_OK && commit->told != NULL)
        (void)json_object_set_new(commit->told, "backup", json_string(path));
    free(folder);
    free(path);
    return status;
}

/* ---- one generation ---------------------------------------------------------------------------- */

/* What has been made and is not in force yet. */
struct next {
    struct candidate *candidate;
    size_t *listeners;
    char *text; /* of the file, where it was read again */
};

static void
next_release(struct control *control, struct next *next)
{
    /* Ports of what came to nothing; those that are left are closed once every worker has left them. */
    if (control->candidate != NULL && next->candidate != NULL)
        ports_keep(&control->sockets, control->candidate, control->fleet.listeners);
    free(next->text);
    free(next->listeners);
    candidate_free(next->candidate);
    *next = (struct next) { .text = NULL };
}

static enum commit_end
end_of(enum store_status status)
{
    switch (status) {
    case STORE_OK:
        return COMMIT_MADE;
    case STORE_UNCHANGED:
        return COMMIT_SAME;
    case STORE_INVALID:
    case STORE_MISSING:
    case STORE_EXISTS:
        return COMMIT_INVALID;
    case STORE_BUSY:
        return COMMIT_BUSY;
    default:
        return COMMIT_FAILED;
    }
}

/* A node without a store: the file is the state, and each load of it is one generation. */
static enum commit_end
make_from_file(struct control *control, struct commit *commit, struct next *next, const char *text,
        struct cg_buf *problems)
{
    if (commit->edit != NULL) {
        cg_buf_addf(problems,
                "this node keeps everything in %s (store = false): edit it, then 'certgate "
                "reload'\n",
                control->options.config);
        return COMMIT_INVALID;
    }
    next->candidate =
            candidate_load(control->options.config, text, NULL, commit->author.time, problems);
    return next->candidate == NULL ? COMMIT_INVALID : COMMIT_MADE;
}

/* Who is admitted now and would be refused is told before, and stops what was not forced. */
static bool
locks_out(struct control *control, struct commit *commit, const struct candidate *candidate,
        struct cg_buf *problems)
{
    struct cg_error err = { "no memory" };
    json_t *look;
    bool refuses;

    if (commit->told == NULL || control->candidate == NULL)
        return false;
    look = lockout_look(control, candidate, commit->administrator, commit->author.time, &err);
    if (look == NULL) {
        cg_buf_addf(problems, "who would be refused cannot be told: %s\n", err.text);
        return !commit->force;
    }
    refuses = lockout_refuses(look);
    (void)json_object_set(commit->told, "would_refuse", look);
    if (refuses && !commit->force && !commit->preview)
        cg_buf_addf(problems,
                "%lld peers of the last 30 days would be refused, %lld may be%s: see the list; "
                "force "
                "it if that is wanted, best with a time to confirm it within\n",
                (long long)json_integer_value(json_object_get(look, "total")),
                (long long)json_integer_value(json_object_get(look, "unsure")),
                json_is_false(json_object_get(json_object_get(look, "self"), "admitted"))
                        ? ", and your own certificate would be"
                        : "");
    json_decref(look);
    return refuses && !commit->force && !commit->preview;
}

/* The change as it would be, whole; then what it does, and whether that is wanted. */
static enum commit_end
consider(struct control *control, struct commit *commit, struct store_change *change,
        struct next *next, const char *text, struct cg_buf *problems)
{
    const struct store_view pending = store_pending(change);
    struct cg_error err = { "" };
    bool clears = false;
    enum store_status status =
            commit->edit == NULL ? STORE_OK : commit->edit(commit->arg, change, &err);

    if (status == STORE_OK)
        status = keeping_sync(control, change, text, commit->author.time, problems, &err);
    if (status != STORE_OK) {
        if (problems->len == 0)
            cg_buf_addf(problems, "%s\n", err.text);
        return end_of(status);
    }
    next->candidate =
            candidate_load(control->options.config, text, &pending, commit->author.time, problems);
    if (next->candidate == NULL)
        return COMMIT_INVALID;
    status = tell(control, change, commit->told, &clears, &err);
    if (status == STORE_OK && locks_out(control, commit, next->candidate, problems))
        return COMMIT_LOCKOUT;
    if (status == STORE_OK && clears && !commit->no_backup && !commit->preview)
        status = back_up(control, next->candidate->settings->state, commit, &err);
    if (status != STORE_OK)
        cg_buf_addf(problems, "%s\n", err.text);
    return end_of(status);
}

/* What can change while certgated runs, and the ports; nothing is in force yet. */
static bool
prepare(struct control *control, struct next *next, struct cg_buf *problems)
{
    if (control->candidate != NULL)
        control_check_reload(control, next->candidate, problems);
    return problems->len == 0 &&
            ports_take(&control->sockets, next->candidate, &next->listeners, problems);
}

/* On the disk before the change is: whatever happens between the two, it does not stay unconfirmed. */
static bool
announce_pending(struct control *control, const struct commit *commit, struct cg_buf *problems)
{
    struct pending pending = { .reverts_at = commit->author.time + commit->confirm_s,
        .within_s = commit->confirm_s };
    struct cg_error err = { "" };
    struct store_view now;

    if (commit->confirm_s == 0)
        return true;
    if (store_now(control->store, &now, &err) == STORE_OK) {
        pending.generation = now.generation + 1;
        pending.back_to = now.generation;
        if (state_store_pending(&control->state, &pending))
            return true;
        (void)snprintf(err.text, sizeof(err.text), "%s", strerror(errno));
    }
    cg_buf_addf(problems,
            "that the change waits to be confirmed cannot be written down, so a restart would let "
            "it stay: %s\n",
            err.text);
    return false;
}

static enum commit_end
make_from_store(struct control *control, struct commit *commit, struct next *next, const char *text,
        struct cg_buf *problems)
{
    struct store_change *change = NULL;
    struct cg_error err = { "" };
    struct store_view now;
    uint64_t generation = 0;
    enum store_status status = store_begin(control->store, &commit->author, &change, &err);
    enum commit_end end;

    if (status != STORE_OK) {
        cg_buf_addf(problems, "%s\n", err.text);
        return end_of(status);
    }
    end = consider(control, commit, change, next, text, problems);
    if (end == COMMIT_MADE && !prepare(control, next, problems))
        end = COMMIT_INVALID;
    if (end == COMMIT_MADE && commit->preview)
        end = COMMIT_PREVIEWED;
    if (end == COMMIT_MADE && !announce_pending(control, commit, problems))
        end = COMMIT_FAILED;
    if (end != COMMIT_MADE) {
        store_abort(change);
        return end;
    }
    status = store_commit(change, NULL, NULL, &generation, &err);
    if (status != STORE_OK && commit->confirm_s != 0)
        (void)state_store_pending(&control->state, &control->pending);
    if (status == STORE_UNCHANGED && store_now(control->store, &now, &err) == STORE_OK)
        generation = now.generation;
    else if (status != STORE_OK)
        cg_buf_addf(problems, "%s\n", err.text);
    next->candidate->snapshot.generation = generation;
    /* A store that was away holds what was committed after the last good snapshot. */
    if (status == STORE_UNCHANGED && control->candidate != NULL && generation > control->generation)
        return COMMIT_MADE;
    return end_of(status);
}

/* Sessions go by the number of their generation: none comes again with another content. */
static bool
is_current(struct control *control, struct cg_buf *problems)
{
    struct cg_error err = { "" };
    struct store_view now;

    if (store_now(control->store, &now, &err) != STORE_OK)
        cg_buf_addf(problems, "%s\n", err.text);
    else if (now.generation < control->generation)
        cg_buf_addf(problems,
                "the store is one of before: it holds generation %llu, in force is %llu; restart "
                "certgated to go back to it\n",
                (unsigned long long)now.generation, (unsigned long long)control->generation);
    else
        return true;
    store_close(control->store);
    control->store = NULL;
    return false;
}

/* A reload looks whether the store can be used again. */
static bool
find_store(struct control *control, const struct commit *commit, struct cg_buf *problems)
{
    if (control->unusable == NULL)
        return true;
    if (commit->reread && control->candidate != NULL &&
            keeping_open(control, control->candidate->settings, commit->author.time, problems) &&
            is_current(control, problems)) {
        say("the store can be used again");
        free(control->unusable);
        control->unusable = NULL;
        return true;
    }
    if (problems->len == 0)
        cg_buf_addf(problems, "%s\n", control->unusable);
    return false;
}

/* Made, but not in force; *next is to be released unless it is taken over. */
static enum commit_end
make(struct control *control, struct commit *commit, struct next *next, struct cg_buf *problems)
{
    const char *text = control->text;
    enum commit_end end;

    if (!find_store(control, commit, problems))
        return COMMIT_FAILED;
    if (commit->reread || text == NULL) {
        text = next->text = settings_text(control->options.config, problems);
        if (text == NULL)
            return COMMIT_INVALID;
    }
    if (control->store != NULL)
        return make_from_store(control, commit, next, text, problems);
    end = make_from_file(control, commit, next, text, problems);
    if (end == COMMIT_MADE && !prepare(control, next, problems))
        end = COMMIT_INVALID;
    if (end == COMMIT_MADE)
        next->candidate->snapshot.generation = control->generation + 1;
    return end;
}

static void
take_text(struct control *control, struct next *next)
{
    if (next->text == NULL)
        return;
    free(control->text);
    control->text = next->text; /* ownership moves to the node */
    next->text = NULL;
}

/* What a start without its store would serve. */
static void
keep_last_good(struct control *control)
{
    struct cg_error err;

    if (control->store != NULL && !lastgood_save(&control->state, control->candidate, &err))
        say("the last good snapshot cannot be kept: %s", err.text);
}

/* From here on everybody is judged by it. */
static void
put_in_force(struct control *control, struct next *next)
{
    struct candidate *old = control->candidate;
    size_t *old_listeners = control->fleet.listeners;
    struct cg_error err;

    control->fleet.candidate = control->candidate = next->candidate;
    control->fleet.listeners = next->listeners;
    control->generation = next->candidate->snapshot.generation;
    next->candidate = NULL;
    next->listeners = NULL;
    take_text(control, next);
    recording_settle(control);
    far_ends_want(control->resolver, &control->candidate->snapshot);
    evidence_want(control->evidence, control->candidate, now_ms());
    if (fleet_feed_all(&control->fleet, &err) != CG_OK) {
        say("generation %llu does not reach the workers, and it is tried again: %s",
                (unsigned long long)control->generation, err.text);
        control->feed_ms = now_ms() + FEED_AGAIN_MS;
    }
    candidate_free(old);
    free(old_listeners);
    keep_last_good(control);
}

void
commit_tell(struct control *control, const char *actor)
{
    json_t *event =
            json_pack("{s:I,s:s}", "generation", (json_int_t)control->generation, "actor", actor);
    json_t *waits = control->pending.generation == 0
            ? json_null()
            : json_pack("{s:I,s:I,s:I}", "generation", (json_int_t)control->pending.generation,
                      "back_to", (json_int_t)control->pending.back_to, "reverts_at",
                      (json_int_t)control->pending.reverts_at);
    char *text = json_dumps(event, JSON_COMPACT),
         *pending = json_dumps(waits, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text != NULL)
        api_event(control->api, "generation", text, strlen(text));
    if (pending != NULL)
        api_event(control->api, "pending", pending, strlen(pending));
    free(text);
    free(pending);
    json_decref(event);
    json_decref(waits);
}

static void
wait_for_confirmation(struct control *control, struct commit *commit, uint64_t before)
{
    if (commit->confirm_s == 0)
        return;
    control->pending = (struct pending) { .generation = control->generation,
        .back_to = before,
        .reverts_at = commit->author.time + commit->confirm_s,
        .within_s = commit->confirm_s,
        .due_ms = now_ms() + (int64_t)commit->confirm_s * 1000 };
    say("generation %llu takes itself back in %u s unless it is confirmed ('certgate confirm')",
            (unsigned long long)control->generation, commit->confirm_s);
}

void
commit_feed_again(struct control *control, int64_t now)
{
    struct cg_error err;

    if (control->feed_ms == 0 || now < control->feed_ms || control->stopping)
        return;
    control->feed_ms = fleet_feed_all(&control->fleet, &err) == CG_OK ? 0 : now + FEED_AGAIN_MS;
}

/* ---- the two ways ------------------------------------------------------------------------------ */

enum commit_end
commit_run(struct control *control, struct commit *commit, struct cg_buf *problems)
{
    const uint64_t before = control->generation;
    struct next next = { .text = NULL };
    enum commit_end end;

    if (control->upgrade.pid != 0) {
        cg_buf_add(problems, "an upgrade is under way: try again when it is done\n");
        return COMMIT_BUSY;
    }
    if (control->pending.generation != 0 && !commit->reverts && !commit->preview) {
        cg_buf_addf(problems,
                "generation %llu waits to be confirmed: 'certgate confirm' keeps it, 'certgate "
                "revert' takes it back; then try again\n",
                (unsigned long long)control->pending.generation);
        return COMMIT_BUSY;
    }
    recording_make_room(control);
    end = make(control, commit, &next, problems);
    /* With a store this number is only a copy, and what was committed is in force. */
    if (end == COMMIT_MADE &&
            !state_store_generation(&control->state, next.candidate->snapshot.generation) &&
            control->store == NULL) {
        cg_buf_addf(problems, "the generation counter cannot be written: %s\n", strerror(errno));
        end = COMMIT_FAILED;
    }
    if (end == COMMIT_MADE) {
        put_in_force(control, &next);
        wait_for_confirmation(control, commit, before);
        commit_tell(control, commit->author.actor);
    } else if (end == COMMIT_SAME) {
        take_text(control, &next);
    }
    next_release(control, &next);
    return end;
}

/* Without its store a start serves what was in force last, and says so. */
static bool
go_on(struct control *control, struct next *next, struct cg_buf *problems)
{
    struct settings *settings;
    struct cg_buf why;
    bool ok;

    cg_buf_init(&why, 64 * 1024);
    settings = settings_load_text(control->options.config, next->text, NULL, &why);
    next->candidate = settings == NULL ? NULL : lastgood_load(&control->state, settings, &why);
    ok = next->candidate != NULL && prepare(control, next, &why);
    if (ok) {
        control->unusable = strndup(cg_buf_text(problems), strcspn(cg_buf_text(problems), "\n"));
        say_problems(problems);
        say("what was in force last goes on: generation %llu; nothing can be changed until the "
            "store is usable and 'certgate reload' has found it so",
                (unsigned long long)next->candidate->snapshot.generation);
        problems->len = 0;
    } else {
        cg_buf_add(problems, cg_buf_text(&why));
    }
    cg_buf_release(&why);
    return ok;
}

bool
commit_first(struct control *control, const struct settings *file, struct candidate **candidate,
        size_t **listeners, struct cg_buf *problems)
{
    struct commit commit = {
        .author = { (int64_t)time(NULL), "certgated", "start" },
        .reread = true,
        .force = true,
    };
    struct next next = { .text = NULL };
    bool ok;

    if (keeping_open(control, file, commit.author.time, problems)) {
        const enum commit_end end = make(control, &commit, &next, problems);

        ok = end == COMMIT_MADE || end == COMMIT_SAME;
    } else {
        next.text = settings_text(control->options.config, problems);
        ok = next.text != NULL && lastgood_exists(&control->state) &&
                go_on(control, &next, problems);
    }
    if (!ok) {
        next_release(control, &next);
        return false;
    }
    *candidate = next.candidate;
    *listeners = next.listeners;
    next.candidate = NULL;
    next.listeners = NULL;
    take_text(control, &next);
    return true;
}

void
commit_started(struct control *control)
{
    keep_last_good(control);
}
