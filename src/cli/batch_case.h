/* One line of a batch: what it asks, put together from the command line and its keys. */
#ifndef CLI_BATCH_CASE_H
#define CLI_BATCH_CASE_H

#include <jansson.h>

#include "cli/cli.h"

/* A line of 128 certificates at their largest, as base64. */
#define BATCH_MAX_LINE (8 * 1024 * 1024)
#define BATCH_MAX_LIST 256

struct batch_case {
    struct cli_check_options options; /* names, domains and lists: borrowed or own, see the flags */
    struct input_list anchors;
    struct input_list identities;
    bool own_anchors, own_identities, own_sent;
    bool own_names, own_domains;
    bool has_level, has_checks; /* the line's own */
    uint8_t *leaf;
    size_t leaf_len;
    uint8_t *sent[BATCH_MAX_LIST];
    size_t sent_len[BATCH_MAX_LIST];
    size_t sent_count;
    char error[512];
};

/* Keeps the first failure: the text up to "%s", `what`, and the rest. Returns false. */
bool batch_fail(struct batch_case *c, const char *format, const char *what);

/*
 * Reads the keys of a line into a case that is all zero; what the line leaves out comes from `options`,
 * which must outlive it, as must the line. False with c->error.
 */
bool batch_case_read(
        struct batch_case *c, const struct cli_check_options *options, const json_t *line);
void batch_case_release(struct batch_case *c);

#endif
