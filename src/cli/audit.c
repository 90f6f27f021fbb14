/* certgate audit: who did what, and whether nobody has changed the record of it. */
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/table.h"
#include "journal/entry.h"

/* Rows that are shown unless told otherwise. */
#define USUAL_ROWS 50
/* Characters of a detail that a line has room for. */
#define DETAIL_WIDTH 100

/* ---- list -------------------------------------------------------------------------------------- */

static int
print_rows(const json_t *answer)
{
    static const struct table_column columns[] = { { "Number", true }, { "Time (UTC)", false },
        { "By", false }, { "Action", false }, { "Generation", true }, { "Detail", false },
        { NULL, false } };
    const json_t *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(answer, "rows"), i, one)
    {
        char *detail = json_dumps(json_object_get(one, "detail"), JSON_COMPACT);
        const size_t len = detail == NULL ? 0 : strlen(detail);

        table_member(&table, one, "number");
        table_member(&table, one, "time");
        table_member(&table, one, "actor");
        table_member(&table, one, "action");
        table_member(&table, one, "generation");
        table_addf(&table, "%.*s%s", DETAIL_WIDTH, len <= 2 ? "" : detail,
                len > DETAIL_WIDTH ? "..." : "");
        free(detail);
    }
    ok = table_print(&table);
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

/* The last rows: the API gives them oldest first. */
struct last {
    json_t *rows;
    size_t most; /* 0: all */
};

static int
keep_last(void *arg, json_t *page, json_t *rows)
{
    struct last *last = arg;

    (void)page;
    (void)json_array_extend(last->rows, rows);
    while (last->most != 0 && json_array_size(last->rows) > last->most)
        (void)json_array_remove(last->rows, 0);
    return CLI_ACCEPT;
}

static int
run_list(int argc, char **argv)
{
    int64_t limit = USUAL_ROWS, after = 0;
    const struct option_row rows[] = { { "limit", OPTION_NUMBER, &limit },
        { "after", OPTION_NUMBER, &after }, { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct last last;
    struct client *client;
    json_t *answer;
    char start[80];
    int result;

    if (!options_read("audit list", cli_audit_list.help, rows, &node, argc, argv, &result) ||
            !options_arguments("audit list", argc, 0, 0, &result))
        return result;
    last = (struct last) { json_array(), (size_t)limit };
    client = client_open(node.state);
    (void)snprintf(start, sizeof(start), "%lld", (long long)after);
    result = client == NULL
            ? CLI_USAGE
            : ask_each_page(client, "/audit", "after", start, "rows", 0, keep_last, &last);
    answer = json_pack("{s:o}", "rows", last.rows);
    if (result == CLI_ACCEPT)
        result = node.output == CLI_JSON ? cli_put_json(json_incref(answer)) : print_rows(answer);
    json_decref(answer);
    client_close(client);
    return result;
}

/* ---- verify ------------------------------------------------------------------------------------ */

static int
run_verify(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client;
    json_t *answer = NULL;
    bool fits = false;
    int result;

    if (!options_read("audit verify", cli_audit_verify.help, rows, &node, argc, argv, &result) ||
            !options_arguments("audit verify", argc, 0, 0, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE : client_get(client, &answer, "/audit/verify");
    if (result == CLI_ACCEPT) {
        fits = json_is_true(json_object_get(answer, "ok"));
        if (node.output == CLI_JSON) {
            result = cli_put_json(json_incref(answer));
        } else {
            fputs(fits ? "The audit is whole: " : "The audit has been changed: ", stdout);
            cli_put_clean(journal_text(answer, "message"), 0);
            putchar('\n');
        }
    }
    json_decref(answer);
    client_close(client);
    return result == CLI_ACCEPT && !fits ? CLI_REJECT : result;
}

static const struct cli_command *const actions[] = { &cli_audit_list, &cli_audit_verify, NULL };

const struct cli_command cli_audit = {
    .name = "audit",
    .summary = "who changed what: list it, verify that it is whole",
    .actions = actions,
    .help = "usage: certgate audit ACTION ...\n"
            "\n"
            "Every commit and every other act of an administrator is a row that carries the hash "
            "of the one\n"
            "before it.\n"
            "\n"
            "examples:\n"
            "  certgate audit list\n"
            "  certgate audit verify\n",
};

const struct cli_command cli_audit_list = {
    .name = "list",
    .summary = "the last acts, oldest first",
    .run = run_list,
    .help = "usage: certgate audit list [OPTIONS]\n"
            "\n"
            "  --limit N            the last so many, default 50; 0: all\n"
            "  --after NUMBER       only rows after this one\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate audit list --limit 0 --format json > audit.json\n",
};

const struct cli_command cli_audit_verify = {
    .name = "verify",
    .summary = "follow the chain of hashes",
    .run = run_verify,
    .help = "usage: certgate audit verify [OPTIONS]\n"
            "\n"
            "Looks at every row, at every generation's row, and compares the state in force with "
            "its row.\n"
            "A tail that was cut off is seen only by whoever kept the last hash: 'certgate audit "
            "list\n"
            "--limit 1 --format json' prints it.\n"
            "\n" CLI_NODE_HELP "\n"
            "Exit status: 0 whole, 1 changed, or refused, 2 certgated not reached.\n",
};
