/* certgate identity show: what we present, to whom, and for how long. */
#include <string.h>

#include "cli/ask.h"
#include "cli/identity.h"
#include "cli/table.h"
#include "journal/entry.h"

/* Texts of a list, with commas. */
static void
add_list(struct cg_buf *out, const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const char *text = json_string_value(one);

        cg_buf_addf(out, "%s%s", i == 0 ? "" : ", ", text == NULL ? "" : text);
    }
}

static int
print_all(const json_t *answer)
{
    static const struct table_column columns[] = { { "Identity", false }, { "Until", false },
        { "Days left", true }, { "Key", false }, { "Signed by", false }, { "From", false },
        { "Interfaces", false }, { "Subject", false }, { NULL, false } };
    const json_t *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(answer, "identities"), i, one)
    {
        struct cg_buf interfaces;

        cg_buf_init(&interfaces, 16 * 1024);
        add_list(&interfaces, json_object_get(one, "interfaces"));
        table_member(&table, one, "name");
        table_addf(&table, "%.10s", journal_text(one, "not_after"));
        table_member(&table, one, "days_left");
        table_member(&table, one, "key");
        table_add(&table, json_is_true(json_object_get(one, "self_signed")) ? "itself" : "a CA");
        table_addf(&table, "%s%s", journal_text(one, "from"),
                json_is_true(json_object_get(one, "csr")) ? ", request waits" : "");
        table_add(&table, cg_buf_text(&interfaces));
        table_member(&table, one, "subject");
        cg_buf_release(&interfaces);
    }
    ok = table_print(&table);
    if (json_array_size(json_object_get(answer, "identities")) == 0)
        puts("There is no identity; 'certgate identity create NAME --host NAME' makes one.");
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static void
print_line(const char *title, const char *text)
{
    printf("  %-10s ", title);
    cli_put_clean(text[0] == '\0' ? "-" : text, 0);
    putchar('\n');
}

static void
print_one(const json_t *one)
{
    const json_t *link;
    struct cg_buf names;
    size_t i;

    cg_buf_init(&names, 64 * 1024);
    add_list(&names, json_object_get(one, "sans"));
    cli_put_clean(journal_text(one, "name"), 0);
    putchar('\n');
    print_line("subject", journal_text(one, "subject"));
    print_line("names", cg_buf_text(&names));
    print_line("issuer", journal_text(one, "issuer"));
    print_line("key", journal_text(one, "key"));
    print_line("key file", journal_text(one, "key_path"));
    print_line("from", journal_text(one, "not_before"));
    printf("  %-10s %s (%lld days left)\n", "until", journal_text(one, "not_after"),
            ask_number(one, "days_left"));
    print_line("SHA-256", journal_text(one, "sha256"));
    json_array_foreach(json_object_get(one, "chain"), i, link)
            print_line("sent along", journal_text(link, "subject"));
    cg_buf_release(&names);
    cg_buf_init(&names, 64 * 1024);
    add_list(&names, json_object_get(one, "interfaces"));
    print_line("interfaces", cg_buf_text(&names));
    if (json_is_true(json_object_get(one, "csr")))
        puts("  a request to a CA waits for its answer: certgate identity install");
    cg_buf_release(&names);
}

static int
show_one(const struct cli_node *node, const json_t *answer, const char *name)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(answer, "identities"), i, one)
    {
        if (strcmp(journal_text(one, "name"), name) != 0)
            continue;
        if (node->output == CLI_JSON)
            return cli_put_json(json_incref(one));
        print_one(one);
        return CLI_ACCEPT;
    }
    (void)cli_fail("there is no identity '%s'; see certgate identity show", name);
    return CLI_REJECT;
}

static int
run(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client;
    json_t *answer = NULL;
    int result;

    if (!options_read("identity show", cli_identity_show.help, rows, &node, argc, argv, &result) ||
            !options_arguments("identity show", argc, 0, 1, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE : client_get(client, &answer, "/identities");
    if (result == CLI_ACCEPT && optind < argc)
        result = show_one(&node, answer, argv[optind]);
    else if (result == CLI_ACCEPT)
        result = node.output == CLI_JSON ? cli_put_json(json_incref(answer)) : print_all(answer);
    json_decref(answer);
    client_close(client);
    return result;
}

const struct cli_command cli_identity_show = {
    .name = "show",
    .summary = "all of them, or one whole",
    .run = run,
    .help = "usage: certgate identity show [OPTIONS] [NAME]\n\n" CLI_NODE_HELP "\n"
            "example:\n"
            "  certgate identity show main\n",
};
