/* Changes that take themselves back unless they are confirmed. */
#include <string.h>
#include <time.h>

#include "control/commit.h"
#include "control/recording.h"
#include "control/say.h"

static void
forget_pending(struct control *control)
{
    control->pending = (struct pending) { .generation = 0 };
    (void)state_store_pending(&control->state, &control->pending);
}

bool
commit_confirm(struct control *control, const struct store_author *author)
{
    struct cg_error err;

    if (control->pending.generation == 0)
        return false;
    recording_make_room(control);
    /* Without its store a node cannot be changed, so it cannot be taken back either: it waits. */
    if (control->store == NULL)
        return false;
    if (store_audit_add(control->store, author->time, author->actor, "confirm", NULL, &err) !=
            STORE_OK)
        say("%s", err.text);
    say("generation %llu is confirmed by %s", (unsigned long long)control->pending.generation,
            author->actor);
    forget_pending(control);
    commit_tell(control, author->actor);
    return true;
}

static enum store_status
roll_back(void *arg, struct store_change *change, struct cg_error *err)
{
    const struct control *control = arg;

    return store_rollback(change, control->pending.back_to, STORE_LATCHES_AS_THEN, err);
}

enum commit_end
commit_revert(struct control *control, const struct store_author *author, struct cg_buf *problems)
{
    struct pending pending = control->pending;
    struct commit commit = { .author = *author,
        .edit = roll_back,
        .arg = control,
        .force = true,
        .no_backup = true,
        .reverts = true };
    enum commit_end end;

    if (pending.generation == 0) {
        cg_buf_add(problems, "no change waits to be confirmed\n");
        return COMMIT_INVALID;
    }
    end = commit_run(control, &commit, problems);
    if (end == COMMIT_MADE || end == COMMIT_SAME) {
        say("generation %llu is taken back: generation %llu is as %llu was",
                (unsigned long long)pending.generation, (unsigned long long)control->generation,
                (unsigned long long)pending.back_to);
        forget_pending(control);
        commit_tell(control, author->actor);
    }
    return end;
}

void
commit_step(struct control *control, int64_t now)
{
    const struct store_author author = { (int64_t)time(NULL), "certgated",
        "nobody confirmed it in time" };
    struct cg_buf problems;

    if (control->pending.generation == 0 || now < control->pending.due_ms ||
            control->candidate == NULL)
        return;
    cg_buf_init(&problems, 64 * 1024);
    switch (commit_revert(control, &author, &problems)) {
    case COMMIT_MADE:
    case COMMIT_SAME:
        break;
    default:
        say("generation %llu cannot be taken back, and it is tried again:",
                (unsigned long long)control->pending.generation);
        say_problems(&problems);
        control->pending.due_ms = now + 5000;
    }
    cg_buf_release(&problems);
}

int64_t
commit_next_ms(const struct control *control)
{
    int64_t next = control->feed_ms == 0 ? INT64_MAX : control->feed_ms;

    if (control->pending.generation != 0 && control->pending.due_ms < next)
        next = control->pending.due_ms;
    return next;
}
