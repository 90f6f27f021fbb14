/* certgate trust, pins: refused certificates that an administrator admits until a date. */
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/change.h"
#include "cli/table.h"
#include "journal/entry.h"
#include "settings/values.h"

/* ---- trust ------------------------------------------------------------------------------------- */

/* "2027-06-30" (its last second) or RFC 3339, as RFC 3339. */
static int
take_until(const char *text, char out[32])
{
    int64_t until;

    if (!value_end_date(text, &until) && !cli_time(text, &until))
        return cli_fail("--until '%s' is no date such as 2027-06-30", text);
    if (until <= (int64_t)time(NULL))
        return cli_fail("--until %s is over", text);
    (void)cli_when(until, false, out);
    return CLI_ACCEPT;
}

static int
run_trust(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *interface = NULL, *until = NULL, *reason = NULL;
    const struct option_row rows[] = { { "interface", OPTION_TEXT, &interface },
        { "until", OPTION_TEXT, &until }, { "reason", OPTION_TEXT, &reason },
        CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    char sha256[65], when[32];
    bool whole;
    int result;

    if (!options_read("trust", cli_trust.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("trust", argc, 1, 1, &result))
        return result;
    if (interface == NULL || until == NULL || reason == NULL || reason[0] == '\0')
        return cli_fail("--%s is missing: each exception is for one interface, until a date, with "
                        "a reason",
                interface == NULL       ? "interface"
                        : until == NULL ? "until"
                                        : "reason");
    result = take_until(until, when);
    if (result != CLI_ACCEPT)
        return result;
    whole = options_digits(argv[optind], sha256) == 64;
    return change_make_one(&change,
            json_pack("{s:s,s:s,s:s,s:s,s:s}", "op", "pin", whole ? "sha256" : "incident",
                    whole ? sha256 : argv[optind], "interface", interface, "until", when, "reason",
                    reason));
}

/* ---- pins -------------------------------------------------------------------------------------- */

static int
print_pins(const json_t *answer)
{
    static const struct table_column columns[] = { { "SHA-256", false }, { "Interface", false },
        { "Until (UTC)", false }, { "Incident", false }, { "Since generation", true },
        { "Reason", false }, { NULL, false } };
    const json_t *one;
    struct table table;
    size_t i;
    bool ok;

    table_init(&table, columns, 0);
    json_array_foreach(json_object_get(answer, "pins"), i, one)
    {
        table_addf(&table, "%.16s", journal_text(one, "sha256"));
        table_member(&table, one, "interface");
        table_member(&table, one, "until");
        table_member(&table, one, "incident");
        table_member(&table, one, "since");
        table_member(&table, one, "reason");
    }
    ok = table_print(&table);
    if (json_array_size(json_object_get(answer, "pins")) == 0)
        puts("No refused certificate is admitted by exception.");
    table_release(&table);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

static int
run_pins(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    int result;

    if (!options_read("pins", cli_pins.help, rows, &node, argc, argv, &result) ||
            !options_arguments("pins", argc, 0, 0, &result))
        return result;
    return ask_show(&node, "/pins", print_pins);
}

/* The pins that begin so, on that interface (NULL: on any), as edits. */
static json_t *
matching(const json_t *pins, const char *digits, const char *interface)
{
    json_t *edits = json_array();
    const json_t *one;
    size_t i;

    json_array_foreach(pins, i, one)
    {
        const char *sha256 = journal_text(one, "sha256"), *on = journal_text(one, "interface");

        if (strncmp(sha256, digits, strlen(digits)) == 0 &&
                (interface == NULL || strcmp(interface, on) == 0))
            (void)json_array_append_new(edits,
                    json_pack("{s:s,s:s,s:s}", "op", "unpin", "sha256", sha256, "interface", on));
    }
    return edits;
}

static int
run_remove(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *interface = NULL;
    const struct option_row rows[] = { { "interface", OPTION_TEXT, &interface },
        CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    struct client *client;
    json_t *answer = NULL, *edits;
    char digits[65];
    int result;

    if (!options_read(
                "pins remove", cli_pins_remove.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("pins remove", argc, 1, 1, &result))
        return result;
    if (options_digits(argv[optind], digits) < 8)
        return cli_fail("'%s' is no fingerprint: SHA-256 in hex, at least its first 8 digits",
                argv[optind]);
    client = client_open(change.node.state);
    result = client == NULL ? CLI_USAGE : client_get(client, &answer, "/pins");
    client_close(client);
    if (result != CLI_ACCEPT)
        return result;
    edits = matching(json_object_get(answer, "pins"), digits, interface);
    json_decref(answer);
    if (json_array_size(edits) == 1)
        return change_make(&change, edits);
    result = json_array_size(edits) == 0 ? CLI_REJECT : CLI_USAGE;
    (void)cli_fail(result == CLI_REJECT
                    ? "no certificate that begins with %s is admitted by exception"
                    : "several exceptions begin with %s; give more digits, or --interface",
            digits);
    json_decref(edits);
    return result;
}

static const struct cli_command *const actions[] = { &cli_pins_remove, NULL };

const struct cli_command cli_trust = {
    .name = "trust",
    .summary = "admit one refused certificate on one interface until a date",
    .run = run_trust,
    .help = "usage: certgate trust [OPTIONS] INCIDENT --interface I --until DATE --reason TEXT\n"
            "       certgate trust [OPTIONS] SHA256 --interface I --until DATE --reason TEXT\n"
            "\n"
            "For the peer that was refused and cannot get a new certificate by today. INCIDENT is "
            "the id of\n"
            "the refusal ('certgate log' and 'certgate explain' show it). The exception is "
            "listed by\n"
            "'certgate pins' and named in every decision that it makes.\n"
            "\n"
            "  --interface I        the interface, trunk or line that it is for\n"
            "  --until DATE         the last day, 2027-06-30, or a time in RFC 3339\n"
            "  --reason TEXT        why, for whoever comes after you\n" CHANGE_HELP
            "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate trust 01JB2V6N3KQ4 --interface sip --until 2026-12-24 \\\n"
            "      --reason 'carrier renews by Christmas, ticket 4711'\n",
};

const struct cli_command cli_pins = {
    .name = "pins",
    .summary = "the certificates admitted by exception",
    .run = run_pins,
    .actions = actions,
    .help = "usage: certgate pins [OPTIONS]\n"
            "       certgate pins remove [OPTIONS] SHA256\n"
            "\n"
            "Lists them with their ends and reasons; 'certgate trust' adds one.\n"
            "\n" CLI_NODE_HELP,
};

const struct cli_command cli_pins_remove = {
    .name = "remove",
    .summary = "admit it no longer",
    .run = run_remove,
    .help = "usage: certgate pins remove [OPTIONS] SHA256      (or its first 8 digits and more)\n"
            "\n"
            "  --interface I        where there are several\n" CHANGE_HELP "\n" CHANGE_STATUS,
};
