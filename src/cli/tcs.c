/* certgate tcs: the Trusted Certificate Store. */
#include <string.h>

#include "cli/cli.h"
#include "cli/tcs.h"
#include "settings/values.h"

static const struct cli_command *const actions[] = { &cli_tcs_lint, NULL };

static int
run(int argc, char **argv)
{
    const char *names[8] = { NULL }, *nearest;
    size_t count = 0;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(cli_tcs.help, stdout);
        return CLI_ACCEPT;
    }
    if (argc < 2)
        return cli_fail("say what to do: certgate tcs lint FOLDER|FILE...");
    for (size_t i = 0; actions[i] != NULL; i++) {
        if (strcmp(actions[i]->name, argv[1]) == 0)
            return actions[i]->run(argc - 1, argv + 1);
        names[count++] = actions[i]->name;
    }
    nearest = value_nearest(argv[1], names);
    return cli_fail("certgate tcs knows no '%s'%s%s%s", argv[1],
            nearest == NULL ? "; see certgate tcs --help" : "; did you mean '",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

const struct cli_command cli_tcs = {
    .name = "tcs",
    .summary = "look through trusted certificates (lint)",
    .run = run,
    .help = "usage: certgate tcs lint [--format text|json] FOLDER|FILE...\n"
            "\n"
            "  lint   what each certificate is, and what is wrong with it: 'certgate tcs lint "
            "--help'\n",
};
