/* What changes something: one commit, what it does in words, and what stands in its way. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "cli/client.h"
#include "cli/options.h"

struct change {
    struct cli_node node;
    bool preview;
    bool force;
    bool no_backup;
    int64_t confirm_s; /* 0: it stays */
    const char *comment;
};
#define CHANGE_NEW ((struct change) { .node = CLI_NODE })

/* Rows of the options that every change has. */
/* clang-format off */
#define CHANGE_OPTIONS(change)                                                                     \
    { "preview", OPTION_FLAG, &(change)->preview },                                                \
    { "force", OPTION_FLAG, &(change)->force },                                                    \
    { "no-backup", OPTION_FLAG, &(change)->no_backup },                                            \
    { "confirm-within", OPTION_DURATION, &(change)->confirm_s },                                   \
    { "comment", OPTION_TEXT, &(change)->comment }
/* clang-format on */

#define CHANGE_HELP                                                                                \
    "  --preview            only say what it would do\n"                                           \
    "  --force              also where peers seen in the last 30 days would be refused, or you\n"  \
    "  --confirm-within T   takes itself back after T (10m) unless 'certgate confirm' comes\n"     \
    "  --no-backup          clear upgrade latches without a backup before\n"                       \
    "  --comment TEXT       why, for the history\n" CLI_NODE_HELP

#define CHANGE_STATUS                                                                              \
    "Exit status: 0 done, or nothing to do; 1 refused: by certgated, or because somebody would "   \
    "be\nrefused; 2 wrong usage, or certgated not reached.\n"

/* Commits the edits (a reference is taken) and says what that does; the exit status. */
int change_make(const struct change *change, json_t *edits);
/* The same for a single edit. */
int change_make_one(const struct change *change, json_t *edit);

/* The members of the request beside `edits`: options of the change. NULL without memory. */
json_t *change_options(const struct change *change);
/* Asks, and reports. */
int change_send(
        const struct change *change, struct client *client, const struct client_request *request);
/* What differs between two states, at most so many rows of it. False without memory. */
bool change_print_diff(const json_t *diff, size_t most, int indent);
/* What a commit answered, as text or JSON; the exit status. */
int change_report(const struct change *change, const struct client_answer *answer);

#endif
