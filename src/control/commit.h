/*
 * How a generation is made: the one way by which anything that is trusted or enforced changes.
 *
 * The files are read again or edits are made on the open change; the state as it would be is validated
 * as a whole, ports are bound, and only then it is committed and put in force.
 */
#ifndef CONTROL_COMMIT_H
#define CONTROL_COMMIT_H

#include <jansson.h>

#include "control/node.h"

/* Makes the edits. Anything but STORE_OK ends the commit; err says why. */
typedef enum store_status commit_edit(void *arg, struct store_change *change, struct cg_error *err);

struct commit {
    struct store_author author;
    bool reread; /* certgate.conf and the files that it names are read again */
    commit_edit *edit; /* may be NULL */
    void *arg;
    bool preview; /* only say what it would do */
    bool force; /* also where peers that are admitted now would be refused */
    bool no_backup; /* of the state before latches are cleared */
    uint32_t confirm_s; /* takes itself back after so long, unless confirmed; 0: never */
    bool reverts; /* it is the change that takes a waiting one back */
    const char *administrator; /* SHA-256 of the certificate of who asks; NULL or "": none */
    json_t *told; /* what it does, or would: an object that is filled */
};

enum commit_end {
    COMMIT_MADE,
    COMMIT_SAME, /* the state is the one in force: there is no new generation */
    COMMIT_PREVIEWED,
    COMMIT_LOCKOUT, /* it would refuse peers, and was not forced */
    COMMIT_INVALID,
    COMMIT_BUSY, /* a generation waits to be confirmed, or an upgrade is under way */
    COMMIT_FAILED /* the store or the system could not */
};

/* Makes the generation and puts it in force. Problems are lines in `problems`. */
enum commit_end commit_run(struct control *control, struct commit *commit, struct cg_buf *problems);

/*
 * The first generation of this process: only made, for workers are not there yet. *listeners and
 * *candidate are the caller's. Where the store cannot be used it is the one that was in force last.
 * False with problems.
 */
bool commit_first(struct control *control, const struct settings *file,
        struct candidate **candidate, size_t **listeners, struct cg_buf *problems);
/* It is in force now. */
void commit_started(struct control *control);

/* Hands the workers a generation that could not be handed to them when it was made. */
void commit_feed_again(struct control *control, int64_t now);

/* Appends a difference to the json_t array `arg`; secrets are not in it. */
bool commit_add_difference(void *arg, const struct store_difference *it);

/* Who listens to the admin API learns at once of the generation, and of what waits. */
void commit_tell(struct control *control, const char *actor);

/* ---- confirm.c ---- */

/* The generation that waits stays. False when none waits. */
bool commit_confirm(struct control *control, const struct store_author *author);
/* It goes back at once. COMMIT_INVALID when none waits. */
enum commit_end commit_revert(
        struct control *control, const struct store_author *author, struct cg_buf *problems);
/* Takes back what nobody confirmed in time. */
void commit_step(struct control *control, int64_t now);
/* When commit_step() or commit_feed_again() has to run next, in milliseconds of now_ms(). */
int64_t commit_next_ms(const struct control *control);

#endif
