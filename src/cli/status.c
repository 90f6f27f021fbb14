/* certgate status: the node and its interfaces at a glance. */
#include <string.h>

#include "cli/ask.h"
#include "cli/table.h"
#include "journal/entry.h"

static void
print_node(const json_t *status)
{
    const struct cli_style style = cli_style();
    const json_t *workers = json_object_get(status, "workers"),
                 *tcs = json_object_get(status, "tcs"),
                 *pending = json_object_get(status, "pending");
    const long long lost = ask_number(status, "records_lost");

    fputs("certgate ", stdout);
    cli_put_clean(journal_text(status, "version"), 0);
    fputs(" on ", stdout);
    cli_put_clean(journal_text(status, "node"), 0);
    printf(", generation %lld", ask_number(status, "generation"));
    if (journal_text(status, "started")[0] != '\0')
        printf(", since %s", journal_text(status, "started"));
    printf("\nworkers: %lld of %lld running, %lld restarted; %s\n", ask_number(workers, "running"),
            ask_number(workers, "wanted"), ask_number(workers, "restarts"),
            journal_text(status, "sandbox"));
    printf("trusted certificates: %lld", ask_number(tcs, "count"));
    if (ask_number(tcs, "expiring") != 0)
        printf(", %lld near their end (certgate expiring)", ask_number(tcs, "expiring"));
    putchar('\n');
    if (lost != 0)
        printf("%sdecision records lost: %lld%s\n", style.bad, lost, style.off);
    if (json_is_object(pending))
        printf("%sgeneration %lld takes itself back to %lld at %s unless you confirm it: certgate "
               "confirm%s\n",
                style.bad, ask_number(pending, "generation"), ask_number(pending, "back_to"),
                journal_text(pending, "reverts_at"), style.off);
}

/* "high, latched" */
static void
add_level(struct table *table, const json_t *rules)
{
    table_addf(table, "%s%s", journal_text(rules, "level"),
            json_is_true(json_object_get(rules, "latched")) ? ", latched" : "");
}

static void
add_allowances(struct table *table, const json_t *allowances)
{
    struct cg_buf text;
    const json_t *one;
    size_t i;

    cg_buf_init(&text, 4096);
    json_array_foreach(allowances, i, one)
    {
        cg_buf_addf(&text, "%s%s", i == 0 ? "" : ", ", journal_text(one, "name"));
        if (journal_text(one, "until")[0] != '\0')
            cg_buf_addf(&text, " until %.10s", journal_text(one, "until"));
    }
    table_add(table, cg_buf_text(&text));
    cg_buf_release(&text);
}

static void
add_class(struct table *table, const json_t *class)
{
    table_addf(table, "  %s %s", journal_text(class, "kind"), journal_text(class, "name"));
    for (int i = 0; i < 3; i++)
        table_add(table, "");
    add_level(table, class);
    table_member(table, class, "require_certificate");
    for (int i = 0; i < 3; i++)
        table_add(table, "");
    add_allowances(table, json_object_get(class, "allowances"));
}

static void
add_interface(struct table *table, const json_t *it)
{
    const json_t *class;
    size_t i;

    table_member(table, it, "name");
    table_member(table, it, "service");
    table_member(table, it, "role");
    table_member(table, it, "security");
    add_level(table, it);
    table_member(table, it, "require_certificate");
    table_member(table, it, "open");
    table_member(table, it, "accepted");
    table_member(table, it, "refused");
    add_allowances(table, json_object_get(it, "allowances"));
    json_array_foreach(json_object_get(it, "classes"), i, class) add_class(table, class);
}

static int
print_status(const json_t *status)
{
    static const struct table_column columns[] = { { "Interface", false }, { "Service", false },
        { "Role", false }, { "Security", false }, { "Level", false }, { "Required", false },
        { "Open", true }, { "Accepted", true }, { "Refused", true }, { "Allowances", false },
        { NULL, false } };
    const json_t *it;
    struct table table;
    size_t i;
    bool ok;

    print_node(status);
    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(status, "interfaces"), i, it) add_interface(&table, it);
    putchar('\n');
    ok = table_print(&table);
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read("status", cli_status.help, rows, &node, argc, argv, &result) ||
            !options_arguments("status", argc, 0, 0, &result))
        return result;
    return ask_show(&node, "/status", print_status);
}

const struct cli_command cli_status = {
    .name = "status",
    .summary = "the node and its interfaces at a glance",
    .run = run,
    .help = "usage: certgate status [OPTIONS]\n"
            "\n"
            "Shows the running certgated: its generation, workers and interfaces with their levels "
            "and\n"
            "latches, how many connections are open, how many peers were accepted and refused, and "
            "a\n"
            "change that waits to be confirmed.\n"
            "\n" CLI_NODE_HELP "\n"
            "Exit status: 0 shown, 1 refused, 2 certgated not reached.\n"
            "\n"
            "example:\n"
            "  certgate status --format json | jq '.interfaces[] | {name, level, refused}'\n",
};
