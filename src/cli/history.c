/* certgate history, confirm, revert: the generations, and the one that waits. */
#include "cli/ask.h"
#include "cli/change.h"
#include "cli/table.h"
#include "journal/entry.h"

#define USUAL_ROWS 20

static const struct option_row no_rows[] = { { NULL, OPTION_FLAG, NULL } };

/* ---- history ----------------------------------------------------------------------------------- */

static int
print_history(const json_t *answer)
{
    static const struct table_column columns[] = { { "Generation", true }, { "Time (UTC)", false },
        { "Kind", false }, { "By", false }, { "Comment", false }, { NULL, false } };
    const json_t *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(answer, "generations"), i, one)
    {
        table_member(&table, one, "number");
        table_member(&table, one, "time");
        if (ask_number(one, "source") != 0)
            table_addf(&table, "%s of %lld", journal_text(one, "kind"), ask_number(one, "source"));
        else
            table_member(&table, one, "kind");
        table_member(&table, one, "actor");
        table_member(&table, one, "comment");
    }
    ok = table_print(&table);
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_history(int argc, char **argv)
{
    int64_t limit = USUAL_ROWS;
    const struct option_row rows[] = { { "limit", OPTION_NUMBER, &limit },
        { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read("history", cli_history.help, rows, &node, argc, argv, &result) ||
            !options_arguments("history", argc, 0, 0, &result))
        return result;
    return ask_show_pages(&node, "/generations", "before", "generations", limit, print_history);
}

/* ---- confirm, revert --------------------------------------------------------------------------- */

static int
run_confirm(int argc, char **argv)
{
    struct cli_node node = CLI_NODE;
    struct client *client;
    json_t *answer = NULL;
    int result;

    if (!options_read("confirm", cli_confirm.help, no_rows, &node, argc, argv, &result) ||
            !options_arguments("confirm", argc, 0, 0, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE : client_post(client, "/confirm", json_object(), &answer);
    if (result == CLI_ACCEPT && node.output == CLI_JSON)
        result = cli_put_json(json_incref(answer));
    else if (result == CLI_ACCEPT)
        printf("Confirmed: generation %lld stays.\n", ask_number(answer, "generation"));
    json_decref(answer);
    client_close(client);
    return result;
}

static int
run_revert(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    struct client *client;
    int result;

    if (!options_read("revert", cli_revert.help, no_rows, &change.node, argc, argv, &result) ||
            !options_arguments("revert", argc, 0, 0, &result))
        return result;
    client = client_open(change.node.state);
    if (client == NULL)
        return CLI_USAGE;
    result = change_send(
            &change, client, &(struct client_request) { .method = "POST", .path = "/revert" });
    client_close(client);
    return result;
}

const struct cli_command cli_history = {
    .name = "history",
    .summary = "the generations: when, who, why",
    .run = run_history,
    .help = "usage: certgate history [OPTIONS]\n"
            "\n"
            "Newest first. 'certgate settings diff' says what two of them differ in, 'certgate "
            "settings\n"
            "rollback' goes back to one.\n"
            "\n"
            "  --limit N            so many, default 20; 0: all\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate history --limit 5\n",
};

const struct cli_command cli_confirm = {
    .name = "confirm",
    .summary = "keep a change that would take itself back",
    .run = run_confirm,
    .help = "usage: certgate confirm [OPTIONS]\n"
            "\n"
            "A change made with --confirm-within stays only if this comes in time.\n"
            "\n" CLI_NODE_HELP "\n"
            "Exit status: 0 it stays, 1 no change waits, 2 certgated not reached.\n",
};

const struct cli_command cli_revert = {
    .name = "revert",
    .summary = "take back at once a change that waits to be confirmed",
    .run = run_revert,
    .help = "usage: certgate revert [OPTIONS]\n"
            "\n"
            "Everything is as it was before the change made with --confirm-within, latches too. "
            "Changes\n"
            "that are in force for good are undone by 'certgate settings rollback'.\n"
            "\n" CLI_NODE_HELP "\n"
            "Exit status: 0 taken back, 1 no change waits, 2 certgated not reached.\n",
};
