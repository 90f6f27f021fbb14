/* certgate settings: what is enforced, and every change of it. */
#include "cli/settings.h"

static const struct cli_command *const actions[] = { &cli_settings_list, &cli_settings_get,
    &cli_settings_set, &cli_settings_unset, &cli_settings_history, &cli_settings_diff,
    &cli_settings_rollback, &cli_settings_export, &cli_settings_import, NULL };

const struct cli_command cli_settings_group = {
    .name = "settings",
    .summary = "show and change what is enforced: levels, service security, allowances",
    .actions = actions,
    .help = "usage: certgate settings ACTION ...\n"
            "\n"
            "Settings of the running certgated. Each change is one commit: checked as a whole, "
            "numbered,\n"
            "written into the history, and refused where it would shut somebody out, unless "
            "forced.\n"
            "\n"
            "examples:\n"
            "  certgate settings list\n"
            "  certgate settings set checks.management=high --preview\n"
            "  certgate settings set checks.management=high --confirm-within 10m\n",
};
