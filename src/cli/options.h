/* Options of subcommands as rows, and those that every command has that asks certgated. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/cli.h"
#include "cli/received.h"

/* Values of one option that may be repeated. */
#define OPTIONS_MAX_LIST 64

struct option_list {
    const char *values[OPTIONS_MAX_LIST];
    size_t count;
};

enum option_kind {
    OPTION_FLAG, /* bool: true when given */
    OPTION_TEXT, /* const char * */
    OPTION_LIST, /* struct option_list: may be repeated */
    OPTION_NUMBER, /* int64_t, 0 or more */
    OPTION_DURATION, /* int64_t, seconds: "10m" */
    OPTION_MOMENT, /* int64_t, seconds since 1970: a time, a date, or how long ago */
};

struct option_row {
    const char *name; /* NULL ends the rows */
    enum option_kind kind;
    void *to;
};

/* Whom a command asks, and how it answers. */
struct cli_node {
    const char *state;
    enum cli_output output;
};
#define CLI_NODE ((struct cli_node) { CLI_DEFAULT_STATE, CLI_TEXT })

/* The lines of help for what every command has that asks certgated. */
#define CLI_NODE_HELP                                                                              \
    "  --format F           text (default) or json\n"                                              \
    "  --state FOLDER       certgated's state directory, default /var/lib/certgate\n"

/*
 * Reads the options; optind is then the first argument. False when that is all, with the exit status in
 * *result: --help was asked for, or something does not fit.
 *
 * words   the command as it is typed, "settings set"
 * node    what --state and --format say, or NULL where there are none
 */
bool options_read(const char *words, const char *help, const struct option_row *rows,
        struct cli_node *node, int argc, char **argv, int *result);

/* True when there are so many arguments; otherwise *result, and it is told how the command goes. */
bool options_arguments(const char *words, int argc, int low, int high, int *result);

/*
 * The digits of a fingerprint or of its beginning, in lower case, without colons; how many, 0 when it is
 * none. 64 are the whole of a SHA-256.
 */
size_t options_digits(const char *text, char out[65]);

#endif
