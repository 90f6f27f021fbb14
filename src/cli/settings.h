/* What `certgate settings` can do: a table of its own. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/cli.h"

extern const struct cli_command cli_settings_list;
extern const struct cli_command cli_settings_get;
extern const struct cli_command cli_settings_set;
extern const struct cli_command cli_settings_unset;
extern const struct cli_command cli_settings_history;
extern const struct cli_command cli_settings_diff;
extern const struct cli_command cli_settings_rollback;
extern const struct cli_command cli_settings_export;
extern const struct cli_command cli_settings_import;

#endif
