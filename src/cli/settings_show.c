/* certgate settings list, get, history, diff, export: what only looks. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/change.h"
#include "cli/save.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "journal/entry.h"

static const struct option_row no_rows[] = { { NULL, OPTION_FLAG, NULL } };

/* ---- list -------------------------------------------------------------------------------------- */

/* Takes out what was not asked for. */
static void
filter(json_t *settings, char *const *patterns, int count, bool only_set)
{
    for (size_t i = json_array_size(settings); i-- > 0;) {
        const json_t *one = json_array_get(settings, i);
        bool wanted = count == 0;

        for (int j = 0; j < count; j++)
            wanted = wanted || fnmatch(patterns[j], journal_text(one, "name"), 0) == 0;
        if (!wanted || (only_set && !json_is_true(json_object_get(one, "is_set"))))
            (void)json_array_remove(settings, i);
    }
}

static const char *
origin(const json_t *one)
{
    if (json_is_true(json_object_get(one, "latched")))
        return "set, latched";
    return json_is_true(json_object_get(one, "is_set")) ? "set" : "default";
}

static int
print_list(const json_t *answer)
{
    static const struct table_column columns[] = { { "Setting", false }, { "Value", false },
        { "", false }, { "Since generation", true }, { NULL, false } };
    const json_t *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(answer, "settings"), i, one)
    {
        table_member(&table, one, "name");
        table_member(&table, one, "value");
        table_add(&table, origin(one));
        if (ask_number(one, "since") == 0)
            table_add(&table, "");
        else
            table_member(&table, one, "since");
    }
    ok = table_print(&table);
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_list(int argc, char **argv)
{
    bool only_set = false;
    const struct option_row rows[] = { { "set", OPTION_FLAG, &only_set },
        { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client = NULL;
    json_t *answer = NULL;
    int result;

    if (!options_read("settings list", cli_settings_list.help, rows, &node, argc, argv, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE : client_get(client, &answer, "/settings");
    if (result == CLI_ACCEPT) {
        filter(json_object_get(answer, "settings"), argv + optind, argc - optind, only_set);
        result = node.output == CLI_JSON ? cli_put_json(json_incref(answer)) : print_list(answer);
    }
    json_decref(answer);
    client_close(client);
    return result;
}

/* ---- get --------------------------------------------------------------------------------------- */

static int
print_value(const json_t *one)
{
    cli_put_clean(journal_text(one, "value"), 0);
    putchar('\n');
    return CLI_ACCEPT;
}

static int
print_setting(const json_t *one)
{
    const char *initial = journal_text(one, "default");

    cli_put_clean(journal_text(one, "name"), 0);
    fputs(" = ", stdout);
    cli_put_clean(journal_text(one, "value"), 0);
    printf("  (%s)\n  %s\n", origin(one), journal_text(one, "help"));
    if (json_is_true(json_object_get(one, "latched")))
        puts("  latched: carried over by an upgrade, so key-usage, extended-key-usage and\n"
             "  critical-extensions are skipped until the value is changed");
    printf("  values: %s\n", journal_text(one, "values"));
    if (initial[0] != '\0')
        printf("  default: %s\n", initial);
    if (ask_number(one, "since") != 0)
        printf("  since generation: %lld\n", ask_number(one, "since"));
    return CLI_ACCEPT;
}

static int
show_path(const struct cli_node *node, const char *name, const char *tail,
        int (*print)(const json_t *answer))
{
    char *escaped = client_escape(name), *path = NULL;
    int result;

    if (escaped == NULL || asprintf(&path, "/settings/%s%s", escaped, tail) < 0)
        result = cli_fail("no memory");
    else
        result = ask_show(node, path, print);
    free(escaped);
    free(path);
    return result;
}

static int
run_get(int argc, char **argv)
{
    bool value = false;
    const struct option_row rows[] = { { "value", OPTION_FLAG, &value },
        { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read("settings get", cli_settings_get.help, rows, &node, argc, argv, &result) ||
            !options_arguments("settings get", argc, 1, 1, &result))
        return result;
    return show_path(&node, argv[optind], "", value ? print_value : print_setting);
}

/* ---- history ----------------------------------------------------------------------------------- */

static int
print_history(const json_t *answer)
{
    static const struct table_column columns[] = { { "Generation", true }, { "Time (UTC)", false },
        { "Value", false }, { "By", false }, { NULL, false } };
    const json_t *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(answer, "history"), i, one)
    {
        table_member(&table, one, "generation");
        table_member(&table, one, "time");
        if (json_is_true(json_object_get(one, "latched")))
            table_addf(&table, "%s (latched)", journal_text(one, "value"));
        else if (json_is_string(json_object_get(one, "value")))
            table_member(&table, one, "value");
        else
            table_add(&table, "back to the default");
        table_member(&table, one, "actor");
    }
    ok = table_print(&table);
    if (json_array_size(json_object_get(answer, "history")) == 0)
        puts("It has never been set.");
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_history(int argc, char **argv)
{
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read("settings history", cli_settings_history.help, no_rows, &node, argc, argv,
                &result) ||
            !options_arguments("settings history", argc, 1, 1, &result))
        return result;
    return show_path(&node, argv[optind], "/history", print_history);
}

/* ---- diff -------------------------------------------------------------------------------------- */

static int
print_diff(const json_t *answer)
{
    const json_t *diff = json_object_get(answer, "diff");

    if (json_array_size(diff) == 0)
        puts("Nothing differs.");
    return change_print_diff(diff, SIZE_MAX, 0) ? CLI_ACCEPT : cli_fail("no memory");
}

/* A generation's number, as text that can stand in a query. */
static bool
is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 19;
}

static int
run_diff(int argc, char **argv)
{
    struct cli_node node = CLI_NODE;
    char path[80] = "/diff";
    int result;

    if (!options_read(
                "settings diff", cli_settings_diff.help, no_rows, &node, argc, argv, &result) ||
            !options_arguments("settings diff", argc, 0, 2, &result))
        return result;
    for (int i = optind; i < argc; i++)
        if (!is_number(argv[i]))
            return cli_fail("'%s' is no generation; see certgate history", argv[i]);
    if (argc - optind == 1)
        (void)snprintf(path, sizeof(path), "/diff?from=%s", argv[optind]);
    else if (argc - optind == 2)
        (void)snprintf(path, sizeof(path), "/diff?from=%s&to=%s", argv[optind], argv[optind + 1]);
    return ask_show(&node, path, print_diff);
}

/* ---- export ------------------------------------------------------------------------------------ */

static int
run_export(int argc, char **argv)
{
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read(
                "settings export", cli_settings_export.help, no_rows, &node, argc, argv, &result) ||
            !options_arguments("settings export", argc, 0, 1, &result))
        return result;
    return save_answer(&node,
            &(struct client_request) { .method = "GET", .path = "/settings/export" },
            optind < argc ? argv[optind] : NULL);
}

const struct cli_command cli_settings_list = {
    .name = "list",
    .summary = "all settings with their values and latches",
    .run = run_list,
    .help = "usage: certgate settings list [OPTIONS] [PATTERN...]\n"
            "\n"
            "  --set                only those that have been set\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate settings list 'checks.*' '*.level'\n",
};

const struct cli_command cli_settings_get = {
    .name = "get",
    .summary = "one setting: value, latch, what it may be",
    .run = run_get,
    .help = "usage: certgate settings get [OPTIONS] NAME\n"
            "\n"
            "  --value              only the value\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate settings get checks.management\n",
};

const struct cli_command cli_settings_history = {
    .name = "history",
    .summary = "what one setting has been, and who changed it",
    .run = run_history,
    .help = "usage: certgate settings history [OPTIONS] NAME\n\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate settings history checks.telephony\n",
};

const struct cli_command cli_settings_diff = {
    .name = "diff",
    .summary = "what differs between two generations",
    .run = run_diff,
    .help = "usage: certgate settings diff [OPTIONS] [FROM [TO]]\n"
            "\n"
            "Settings, trusted certificates, identities and pins. TO is the generation in force "
            "unless\n"
            "given, FROM the one before it; 'certgate history' lists them.\n"
            "\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate settings diff 41 42\n",
};

const struct cli_command cli_settings_export = {
    .name = "export",
    .summary = "all settings with their latches, as one file",
    .run = run_export,
    .help = "usage: certgate settings export [OPTIONS] [FILE]      (default: standard output)\n"
            "\n"
            "JSON with the latches, without passwords. It is what 'certgate settings import' "
            "reads;\n"
            "'certgate backup' has everything.\n"
            "\n"
            "  --state FOLDER       certgated's state directory, default " CLI_DEFAULT_STATE "\n"
            "\n"
            "example:\n"
            "  certgate settings export settings.json\n",
};
