/* certgate tcs dependents, unused: who needs what is trusted, by the inventory of peers. */
#include <stdlib.h>

#include "cli/ask.h"
#include "cli/table.h"
#include "cli/tcs.h"
#include "journal/entry.h"

#define USUAL_DAYS 90

/* ---- dependents -------------------------------------------------------------------------------- */

static int
print_dependents(const json_t *answer)
{
    static const struct table_column columns[] = { { "Interface", false }, { "Class", false },
        { "Last seen (UTC)", false }, { "Times", true }, { "SHA-256", false }, { "Subject", false },
        { NULL, false } };
    const json_t *peers = json_object_get(answer, "peers"), *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(peers, i, one)
    {
        table_member(&table, one, "interface");
        table_member(&table, one, "class");
        table_member(&table, one, "last_seen");
        table_member(&table, one, "count");
        table_addf(&table, "%.16s", journal_text(one, "sha256"));
        table_member(&table, one, "subject");
    }
    ok = table_print(&table);
    if (json_array_size(peers) == 0)
        printf("No peer of the last %lld days needed it.\n", ask_number(answer, "days"));
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_dependents(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client = NULL;
    json_t *answer = NULL;
    char sha256[65];
    int result;

    if (!options_read(
                "tcs dependents", cli_tcs_dependents.help, rows, &node, argc, argv, &result) ||
            !options_arguments("tcs dependents", argc, 1, 1, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE : tcs_fingerprint(client, argv[optind], sha256);
    if (result == CLI_ACCEPT)
        result = client_get(client, &answer, "/tcs/%s/dependents", sha256);
    if (result == CLI_ACCEPT)
        result = node.output == CLI_JSON ? cli_put_json(json_incref(answer))
                                         : print_dependents(answer);
    json_decref(answer);
    client_close(client);
    return result;
}

/* ---- unused ------------------------------------------------------------------------------------ */

static int
print_unused(const json_t *answer)
{
    static const struct table_column columns[] = { { "SHA-256", false }, { "Kind", false },
        { "Until", false }, { "Since generation", true }, { "Subject", false }, { NULL, false } };
    const json_t *list = json_object_get(answer, "certificates"), *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(list, i, one)
    {
        table_addf(&table, "%.16s", journal_text(one, "sha256"));
        table_member(&table, one, "kind");
        table_addf(&table, "%.10s", journal_text(one, "not_after"));
        table_member(&table, one, "since");
        table_member(&table, one, "subject");
    }
    ok = table_print(&table);
    printf("%s%zu%s not needed by any peer of the last %lld days\n",
            json_array_size(list) == 0 ? "" : "\n", json_array_size(list),
            json_is_true(json_object_get(answer, "more")) ? " and more" : "",
            ask_number(answer, "days"));
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_unused(int argc, char **argv)
{
    int64_t days = USUAL_DAYS;
    const struct option_row rows[] = { { "days", OPTION_NUMBER, &days },
        { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    char path[80];
    int result;

    if (!options_read("tcs unused", cli_tcs_unused.help, rows, &node, argc, argv, &result) ||
            !options_arguments("tcs unused", argc, 0, 0, &result))
        return result;
    (void)snprintf(path, sizeof(path), "/tcs/unused?limit=1000&days=%lld", (long long)days);
    return ask_show(&node, path, print_unused);
}

const struct cli_command cli_tcs_dependents = {
    .name = "dependents",
    .summary = "which peers of the last 90 days needed one",
    .run = run_dependents,
    .help = "usage: certgate tcs dependents [OPTIONS] SHA256      (or its first 8 digits and "
            "more)\n"
            "\n"
            "Peers whose path led over this certificate, or whose own copy it is.\n"
            "\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate tcs dependents 4348a0e9\n",
};

const struct cli_command cli_tcs_unused = {
    .name = "unused",
    .summary = "what no peer has needed for 90 days",
    .run = run_unused,
    .help = "usage: certgate tcs unused [OPTIONS]\n"
            "\n"
            "Trusted certificates that stand in no path of a peer that was seen lately. What "
            "nobody needs is\n"
            "trust that nobody misses when it is gone.\n"
            "\n"
            "  --days N             not needed for so long, default 90\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate tcs unused --days 365\n",
};
