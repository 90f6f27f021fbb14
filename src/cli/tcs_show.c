/* certgate tcs list, show, export: what is trusted. */
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/save.h"
#include "cli/table.h"
#include "cli/tcs.h"
#include "journal/entry.h"
#include "settings/values.h"

/* ---- list -------------------------------------------------------------------------------------- */

struct listing {
    struct cli_node node;
    const char *kind; /* NULL: all */
    int64_t within; /* days; -1: any */
    bool expired;
    struct table table;
    uint64_t shown;
};

static bool
is_wanted(const struct listing *listing, const json_t *one)
{
    const long long left = ask_number(one, "days_left");

    if (listing->kind != NULL && strcmp(journal_text(one, "kind"), listing->kind) != 0)
        return false;
    if (listing->within >= 0 && left > listing->within)
        return false;
    return !listing->expired || left < 0;
}

static int
put_page_json(struct listing *listing, json_t *rows)
{
    const json_t *one;
    size_t i;

    json_array_foreach(rows, i, one)
    {
        char *text = is_wanted(listing, one) ? json_dumps(one, JSON_COMPACT) : NULL;

        if (text != NULL)
            printf("%s%s", listing->shown++ == 0 ? "" : ",", text);
        else if (is_wanted(listing, one))
            return cli_fail("no memory");
        free(text);
    }
    return CLI_ACCEPT;
}

/* A page of a large store is printed before the next one is asked for. */
static int
put_page(void *arg, json_t *page, json_t *rows)
{
    struct listing *listing = arg;
    const json_t *one;
    size_t i;

    (void)page;
    if (listing->node.output == CLI_JSON)
        return put_page_json(listing, rows);
    json_array_foreach(rows, i, one)
    {
        if (!is_wanted(listing, one))
            continue;
        listing->shown++;
        table_addf(&listing->table, "%.16s", journal_text(one, "sha256"));
        table_member(&listing->table, one, "kind");
        table_addf(&listing->table, "%.10s", journal_text(one, "not_after"));
        table_member(&listing->table, one, "days_left");
        table_member(&listing->table, one, "key");
        table_member(&listing->table, one, "subject");
    }
    return table_print(&listing->table) ? CLI_ACCEPT : cli_fail("no memory");
}

static int
list(struct listing *listing, const char *query, uint64_t limit)
{
    static const struct table_column columns[] = { { "SHA-256", false }, { "Kind", false },
        { "Until", false }, { "Days left", true }, { "Key", false }, { "Subject", false },
        { NULL, false } };
    struct client *client = client_open(listing->node.state);
    char *escaped = query == NULL ? NULL : client_escape(query), *path = NULL;
    int result = CLI_USAGE;

    if (client == NULL)
        goto done;
    if (asprintf(&path, "/tcs%s%s", escaped == NULL ? "" : "?q=", escaped == NULL ? "" : escaped) <
            0) {
        path = NULL;
        (void)cli_fail("no memory");
        goto done;
    }
    table_init(&listing->table, columns, 0);
    if (listing->node.output == CLI_JSON)
        fputs("{\"certificates\":[", stdout);
    result = ask_each_page(client, path, "after", NULL, "certificates", limit, put_page, listing);
    table_release(&listing->table);
    if (listing->node.output == CLI_JSON)
        printf("],\"shown\":%llu}\n", (unsigned long long)listing->shown);
    else if (result == CLI_ACCEPT)
        printf("%s%llu certificate%s\n", listing->shown == 0 ? "" : "\n",
                (unsigned long long)listing->shown, listing->shown == 1 ? "" : "s");
done:
    free(path);
    free(escaped);
    client_close(client);
    return result;
}

static int
run_list(int argc, char **argv)
{
    static const char *const kinds[] = { "root", "intermediate", "end-entity", NULL };
    struct listing listing = { .node = CLI_NODE, .within = -1 };
    int64_t limit = 0;
    const struct option_row rows[] = { { "kind", OPTION_TEXT, &listing.kind },
        { "within", OPTION_NUMBER, &listing.within }, { "expired", OPTION_FLAG, &listing.expired },
        { "limit", OPTION_NUMBER, &limit }, { NULL, OPTION_FLAG, NULL } };
    size_t known = 0;
    int result;

    if (!options_read("tcs list", cli_tcs_list.help, rows, &listing.node, argc, argv, &result) ||
            !options_arguments("tcs list", argc, 0, 1, &result))
        return result;
    while (listing.kind != NULL && kinds[known] != NULL && strcmp(kinds[known], listing.kind) != 0)
        known++;
    if (kinds[known] == NULL)
        return cli_fail("--kind is root, intermediate or end-entity, not '%s'", listing.kind);
    return list(&listing, argv[optind], (uint64_t)limit);
}

/* ---- show -------------------------------------------------------------------------------------- */

static void
print_line(const char *title, const json_t *one, const char *name)
{
    printf("  %-10s ", title);
    cli_put_clean(journal_text(one, name), 0);
    putchar('\n');
}

static void
print_one(const json_t *one)
{
    cli_put_clean(journal_text(one, "subject"), 0);
    putchar('\n');
    print_line("kind", one, "kind");
    print_line("issuer", one, "issuer");
    print_line("serial", one, "serial");
    print_line("key", one, "key");
    print_line("from", one, "not_before");
    printf("  %-10s %s (%lld days left)\n", "until", journal_text(one, "not_after"),
            ask_number(one, "days_left"));
    print_line("SHA-256", one, "sha256");
    printf("  %-10s generation %lld\n", "since", ask_number(one, "since"));
}

static int
run_show(int argc, char **argv)
{
    bool pem = false;
    const struct option_row rows[] = { { "pem", OPTION_FLAG, &pem }, { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client = NULL;
    json_t *one = NULL;
    char sha256[65];
    int result;

    if (!options_read("tcs show", cli_tcs_show.help, rows, &node, argc, argv, &result) ||
            !options_arguments("tcs show", argc, 1, 1, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE : tcs_fingerprint(client, argv[optind], sha256);
    if (result == CLI_ACCEPT)
        result = client_get(client, &one, "/tcs/%s", sha256);
    if (result == CLI_ACCEPT && node.output == CLI_JSON)
        result = cli_put_json(json_incref(one));
    else if (result == CLI_ACCEPT && pem)
        fputs(journal_text(one, "pem"), stdout);
    else if (result == CLI_ACCEPT)
        print_one(one);
    json_decref(one);
    client_close(client);
    return result;
}

/* ---- export ------------------------------------------------------------------------------------ */

static int
run_export(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read("tcs export", cli_tcs_export.help, rows, &node, argc, argv, &result) ||
            !options_arguments("tcs export", argc, 0, 1, &result))
        return result;
    return save_answer(&node, &(struct client_request) { .method = "GET", .path = "/tcs/export" },
            argv[optind]);
}

const struct cli_command cli_tcs_list = {
    .name = "list",
    .summary = "what is trusted",
    .run = run_list,
    .help = "usage: certgate tcs list [OPTIONS] [TEXT]\n"
            "\n"
            "In order of fingerprints; with TEXT those whose subject holds it, or whose SHA-256 "
            "begins\n"
            "with it.\n"
            "\n"
            "  --kind K             root, intermediate or end-entity\n"
            "  --within DAYS        those that end within so many days, or have ended\n"
            "  --expired            those that have ended\n"
            "  --limit N            look at so many; 0, the default: at all\n" CLI_NODE_HELP "\n"
            "examples:\n"
            "  certgate tcs list --kind root\n"
            "  certgate tcs list 'Example Root'\n",
};

const struct cli_command cli_tcs_show = {
    .name = "show",
    .summary = "one trusted certificate",
    .run = run_show,
    .help = "usage: certgate tcs show [OPTIONS] SHA256      (or its first 8 digits and more)\n"
            "\n"
            "  --pem                the certificate itself\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate tcs show 4348a0e9 --pem | certgate inspect -\n",
};

const struct cli_command cli_tcs_export = {
    .name = "export",
    .summary = "all of it as PEM",
    .run = run_export,
    .help = "usage: certgate tcs export [OPTIONS] [FILE]      (default: standard output)\n"
            "\n"
            "  --state FOLDER       certgated's state directory, default " CLI_DEFAULT_STATE "\n"
            "\n"
            "example:\n"
            "  certgate tcs export | certgate check --tcs /dev/stdin peer.pem\n",
};
