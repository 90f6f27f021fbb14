/* Answers that go to a file, whole or not at all. */
#ifndef CLI_SAVE_H
#define CLI_SAVE_H

#include "cli/client.h"
#include "cli/options.h"

/*
 * Asks, and keeps what comes in a file that is readable for its owner alone and replaces the one of that
 * name; on standard output without a path, or with "-". The exit status.
 */
int save_answer(
        const struct cli_node *node, const struct client_request *request, const char *path);

#endif
