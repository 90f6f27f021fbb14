/* What `certgate tcs` can do: a table of its own. */
#ifndef CLI_TCS_H
#define CLI_TCS_H

#include "cli/cli.h"

extern const struct cli_command cli_tcs_lint;

#endif
