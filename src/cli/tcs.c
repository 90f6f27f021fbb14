/* certgate tcs: the Trusted Certificate Store. */
#include "cli/tcs.h"

static const struct cli_command *const actions[] = { &cli_tcs_lint, NULL };

const struct cli_command cli_tcs = {
    .name = "tcs",
    .summary = "the Trusted Certificate Store: list, add, remove, show, export, lint",
    .actions = actions,
    .help = "usage: certgate tcs ACTION ...\n",
};
