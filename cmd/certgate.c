/* certgate: the command. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "settings/values.h"

static int
run(int argc, char **argv)
{
    const char *names[64] = { NULL }, *nearest;
    size_t count = 0;

    if (argc < 2) {
        (void)cli_help.run(1, argv);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return cli_help.run(1, argv);
    if (strcmp(argv[1], "--version") == 0)
        return cli_version.run(1, argv);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, argv[1]) == 0)
            return cli_run(cli_commands[i], argc - 1, argv + 1);
        names[count++] = cli_commands[i]->name;
    }
    nearest = value_nearest(argv[1], names);
    return cli_fail("unknown command '%s'%s%s%s", argv[1],
            nearest == NULL ? "; see certgate help" : "; did you mean '",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

int
main(int argc, char **argv)
{
    int result;

    (void)setlocale(LC_CTYPE, "");
    result = run(argc, argv);
    /* A verdict that could not be written is none. */
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail("standard output cannot be written");
    return result;
}
