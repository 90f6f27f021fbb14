/* The node as certgated runs it; shared by the files of the running process only. */
#ifndef CONTROL_NODE_H
#define CONTROL_NODE_H

#include <signal.h>

#include "control/candidate.h"
#include "control/control.h"
#include "control/disk.h"
#include "control/fleet.h"
#include "control/handover.h"
#include "control/sockets.h"
#include "control/state.h"
#include "inventory/expiring.h"

/* A new program that is being tried; pid 0: none. */
struct upgrade {
    pid_t pid;
    int output; /* what it says */
    int64_t deadline_ms;
    struct cg_buf text;
};

struct control {
    struct control_options options;
    char *text; /* of the configuration file, as it was read last */
    struct store *store; /* NULL: the file alone counts */
    char *unusable; /* why the store is not: what was in force last goes on, and nothing is changed */
    struct pending pending; /* the change that waits to be confirmed */
    struct candidate *candidate; /* in force; NULL while an upgrade could not read its settings */
    struct sockets sockets;
    size_t adopted_sets; /* the first of the sockets, from before an upgrade */
    struct fleet fleet;
    struct state state;
    struct handover handover; /* what the certgated before handed over */
    struct upgrade upgrade;
    uint64_t generation;
    uint64_t announced; /* generation whose being in force was said */
    int64_t feed_ms; /* when to hand the generation to the workers again; 0: they have it */
    int64_t started; /* seconds since 1970 */
    int64_t retry_ms; /* when to read the settings again; 0: not waiting */
    struct metrics_server *metrics;
    struct resolver *resolver;
    struct peers *peers; /* the inventory, or NULL */
    struct drops *drops; /* certificates that are dropped into folders; NULL: not watched */
    struct rates *rates;
    struct evidence *evidence; /* of revocation */
    struct probes *probes; /* servers that are being looked at; NULL: none can be */
    struct renewals *renewals; /* of our own certificates; NULL: they need a reload */
    struct api *api; /* NULL until settings are in force */
    struct recorder *recorder;
    struct expiring_report expiring; /* of the last daily look */
    int64_t expiry_due; /* the next one, seconds since 1970 */
    struct disk disk;
    int64_t words_ms; /* when workers were heard last, … */
    unsigned streaming; /* … so many times without a pause */
    int signal_fd;
    int client; /* waits for the outcome of an upgrade, or -1 */
    char confined[256]; /* what the workers said of their sandbox */
    bool adopted; /* started by an upgrade */
    bool stopping;
    bool failed;
};

/* What the process and its workers were started with cannot change on a reload. */
void control_check_reload(
        const struct control *control, const struct candidate *candidate, struct cg_buf *problems);
/* Settings that a reload or an upgrade cannot change. */
void control_check_fixed(const char *state, const char *log, unsigned workers,
        const struct settings *then, struct cg_buf *problems);

/* The metrics of the whole node, as text. */
void control_metrics(struct control *control, struct cg_buf *out);

/* Answers the client that waits, if one does, and lets it go. */
void control_answer(struct control *control, const char *text);

/* Takes over what the one before handed over, where there was one. */
bool start_adopt(struct control *control);
/* Reads the settings and starts the workers. After an upgrade a failure is not the end: it is tried again. */
bool start_begin(struct control *control, struct cg_buf *problems);

/* Serves one client of the control socket, or the signal that asks for the same. */
void requests_serve_client(struct control *control);
void requests_signal(struct control *control, unsigned signal);
void requests_add_signals(sigset_t *set);

/* Starts to try the program that may take this one's place. False when nothing was started; it is said. */
bool upgrade_start(struct control *control, struct cg_buf *problems);
/* Goes on with it: reads what the tried program says, and when it was fine, becomes it. */
void upgrade_step(struct control *control, int64_t now_ms);
/* Ends a trial that is under way. */
void upgrade_cancel(struct control *control);

#endif
