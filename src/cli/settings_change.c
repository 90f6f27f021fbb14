/* certgate settings set, unset, rollback, import: each is one commit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/settings.h"

/* ---- set, unset -------------------------------------------------------------------------------- */

/* "NAME=VALUE" each, or "NAME VALUE" as the only two. NULL after saying what is wrong. */
static json_t *
set_edits(char **words, int count)
{
    json_t *edits = json_array();

    if (count == 2 && strchr(words[0], '=') == NULL) {
        (void)json_array_append_new(edits,
                json_pack("{s:s,s:s,s:s}", "op", "set", "name", words[0], "value", words[1]));
        return edits;
    }
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(words[i], '=');

        if (equals == NULL) {
            (void)cli_fail("'%s' is no NAME=VALUE", words[i]);
            json_decref(edits);
            return NULL;
        }
        (void)json_array_append_new(edits,
                json_pack("{s:s,s:s%,s:s}", "op", "set", "name", words[i],
                        (size_t)(equals - words[i]), "value", equals + 1));
    }
    return edits;
}

static int
run_set(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const struct option_row rows[] = { CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    json_t *edits;
    int result;

    if (!options_read(
                "settings set", cli_settings_set.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("settings set", argc, 1, 4096, &result))
        return result;
    edits = set_edits(argv + optind, argc - optind);
    return edits == NULL ? CLI_USAGE : change_make(&change, edits);
}

static int
run_unset(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const struct option_row rows[] = { CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    json_t *edits;
    int result;

    if (!options_read("settings unset", cli_settings_unset.help, rows, &change.node, argc, argv,
                &result) ||
            !options_arguments("settings unset", argc, 1, 4096, &result))
        return result;
    edits = json_array();
    for (int i = optind; i < argc; i++)
        (void)json_array_append_new(edits, json_pack("{s:s,s:s}", "op", "unset", "name", argv[i]));
    return change_make(&change, edits);
}

/* ---- rollback ---------------------------------------------------------------------------------- */

static int
run_rollback(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const struct option_row rows[] = { CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    const char *text;
    int result;

    if (!options_read("settings rollback", cli_settings_rollback.help, rows, &change.node, argc,
                argv, &result) ||
            !options_arguments("settings rollback", argc, 1, 1, &result))
        return result;
    text = argv[optind];
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return cli_fail("'%s' is no generation; see certgate history", text);
    return change_make_one(&change,
            json_pack("{s:s,s:I}", "op", "rollback", "generation",
                    (json_int_t)strtoll(text, NULL, 10)));
}

/* ---- import ------------------------------------------------------------------------------------ */

/* NULL after saying what is wrong. */
static json_t *
read_export(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    json_error_t cause;
    json_t *settings;

    if (file == NULL) {
        (void)cli_fail("%s: cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    settings = json_loadf(file, JSON_REJECT_DUPLICATES, &cause);
    if (settings == NULL)
        (void)cli_fail("%s:%d: %s", path, cause.line, cause.text);
    if (file != stdin)
        fclose(file);
    return settings;
}

static int
run_import(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *release = NULL;
    const struct option_row rows[] = { { "from-release", OPTION_TEXT, &release },
        CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    json_t *settings;
    int result;

    if (!options_read("settings import", cli_settings_import.help, rows, &change.node, argc, argv,
                &result) ||
            !options_arguments("settings import", argc, 1, 1, &result))
        return result;
    settings = read_export(argv[optind]);
    if (settings == NULL)
        return CLI_USAGE;
    return change_make_one(&change,
            json_pack("{s:s,s:o,s:s*}", "op", "import", "settings", settings, "from_release",
                    release));
}

const struct cli_command cli_settings_set = {
    .name = "set",
    .summary = "change settings, as one commit",
    .run = run_set,
    .help = "usage: certgate settings set [OPTIONS] NAME=VALUE...\n"
            "\n"
            "All of them, or none. Says which upgrade latches that clears and which checks then "
            "begin\n"
            "to apply; of peers seen in the last 30 days, who would be refused; and whether your "
            "own\n"
            "certificate would.\n"
            "\n" CHANGE_HELP "\n" CHANGE_STATUS "\n"
            "examples:\n"
            "  certgate settings set checks.management=high --preview\n"
            "  certgate settings set line.hq.level=medium checks.telephony=medium+remote "
            "--confirm-within 10m\n",
};

const struct cli_command cli_settings_unset = {
    .name = "unset",
    .summary = "back to the defaults",
    .run = run_unset,
    .help = "usage: certgate settings unset [OPTIONS] NAME...\n\n" CHANGE_HELP "\n" CHANGE_STATUS
            "\n"
            "example:\n"
            "  certgate settings unset interface.web.level\n",
};

const struct cli_command cli_settings_rollback = {
    .name = "rollback",
    .summary = "make everything what it was in an earlier generation",
    .run = run_rollback,
    .help = "usage: certgate settings rollback [OPTIONS] GENERATION\n"
            "\n"
            "Settings, trusted certificates, identities and pins, as a new generation. A latch "
            "that was\n"
            "cleared since stays cleared.\n"
            "\n" CHANGE_HELP "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate settings rollback 41 --preview\n",
};

const struct cli_command cli_settings_import = {
    .name = "import",
    .summary = "set what a file of 'export' says",
    .run = run_import,
    .help = "usage: certgate settings import [OPTIONS] FILE      (- for standard input)\n"
            "\n"
            "Settings that the file does not name stay.\n"
            "\n"
            "  --from-release R     the settings are of this release: from before 11.1.3, levels "
            "of medium\n"
            "                       and above are latched, as an upgrade does\n" CHANGE_HELP
            "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate settings import --from-release 11.1.2 settings.json --preview\n",
};
