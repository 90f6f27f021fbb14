/* certgate expiring: what runs out soon, of what we trust, what we present and what we receive. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/received.h"
#include "inventory/expiring.h"

#define USUAL_WITHIN 60

struct expiring {
    struct cli_received received;
    enum cli_output output;
    int64_t days;
    json_t *items;
    bool ok;
};

static void
add_item(struct expiring *expiring, const char *kind, const char *name, const char *subject,
        const char *sha256, int64_t not_after, const char *note)
{
    int64_t left = cli_days_left(not_after, expiring->received.now);
    char until[32];

    if (left > expiring->days)
        return;
    expiring->ok &= json_array_append_new(expiring->items,
                            json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s?}", "kind", kind, "name",
                                    name, "subject", subject, "sha256", sha256, "not_after",
                                    cli_when(not_after, false, until), "days_left",
                                    (json_int_t)left, "urgency",
                                    expiring_spans[expiring_span_of(left)].id, "note", note)) == 0;
}

static void
add_certificate(
        struct expiring *expiring, const char *kind, const char *name, const struct cg_cert *cert)
{
    char *subject = cg_cert_text(cert, CG_FIELD_SUBJECT);
    char *sha256 = cg_cert_text(cert, CG_FIELD_SHA256);

    if (subject == NULL || sha256 == NULL)
        expiring->ok = false;
    else
        add_item(expiring, kind, name, subject, sha256, cg_cert_not_after(cert), NULL);
    free(subject);
    free(sha256);
}

/* One that cannot be read is told, and the others are looked at all the same. */
static void
add_file(struct expiring *expiring, const char *kind, const char *name, const char *path)
{
    struct input_list list = { NULL };
    struct cg_error err;

    if (input_load(path, NULL, &list, &err) != CG_OK) {
        (void)cli_fail("%s", err.text);
        expiring->ok = false;
    }
    for (size_t i = 0; i < list.count; i++)
        add_certificate(expiring, kind, name, list.certs[i]);
    input_list_release(&list);
}

/* A peer that was never admitted is not missed, and one that shows its next certificate already is fine. */
static bool
add_peer(void *arg, const struct inventory_peer *peer)
{
    static const char *const notes[] = { NULL, "its successor was seen",
        "perhaps its successor was seen" };

    if (peer->ever_accepted)
        add_item(arg, "peer", peer->interface, peer->subject, peer->sha256, peer->not_after,
                notes[peer->successor]);
    return true;
}

static bool
add_peers(struct expiring *expiring, const struct settings *settings)
{
    struct inventory_query query = cli_query(&expiring->received);
    struct inventory *inventory;
    struct cg_error err;
    char *usual = NULL;
    bool ok;

    /* A node that has not received anything yet has no inventory. */
    if (expiring->received.replay_count == 0 && expiring->received.inventory == NULL) {
        if (asprintf(&usual, "%s/inventory.db", settings->state) < 0)
            return false;
        ok = access(usual, F_OK) != 0;
        if (ok)
            (void)cli_fail(
                    "note: there is no peer inventory yet, so received certificates are left "
                    "out");
        free(usual);
        if (ok)
            return true;
    }
    inventory = cli_inventory(&expiring->received, settings);
    if (inventory == NULL)
        return false;
    query.expires_by = expiring->received.now + (expiring->days + 1) * CLI_SECONDS_A_DAY;
    ok = inventory_each(inventory, &query, add_peer, expiring, &err) == CG_OK;
    if (!ok)
        (void)cli_fail("%s", err.text);
    inventory_close(inventory);
    return ok;
}

static void
print_text(const struct expiring *expiring)
{
    const size_t count = json_array_size(expiring->items);

    for (size_t i = 0; i < EXPIRING_SPANS; i++) {
        bool first = true;

        for (size_t j = 0; j < count; j++) {
            const json_t *item = json_array_get(expiring->items, j);
            const char *subject = journal_text(item, "subject"), *note = journal_text(item, "note");

            if (strcmp(journal_text(item, "urgency"), expiring_spans[i].id) != 0)
                continue;
            if (first)
                puts(expiring_spans[i].title);
            first = false;
            printf("  %.10s %5lld days  %-9s ", journal_text(item, "not_after"),
                    (long long)json_integer_value(json_object_get(item, "days_left")),
                    journal_text(item, "kind"));
            cli_put_clean(journal_text(item, "name"), 14);
            putchar(' ');
            cli_put_clean(subject[0] == '\0' ? journal_text(item, "sha256") : subject, 0);
            printf("%s%s\n", note[0] == '\0' ? "" : "; ", note);
        }
    }
    if (count == 0)
        printf("Nothing expires within %lld days.\n", (long long)expiring->days);
}

static int
by_days(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "days_left"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "days_left"));

    return x < y ? -1 : x > y;
}

/* The nearest end first. */
static bool
sort_items(struct expiring *expiring)
{
    const size_t count = json_array_size(expiring->items);
    json_t **items = calloc(count + 1, sizeof(*items)), *sorted = json_array();

    if (items == NULL || sorted == NULL) {
        free(items);
        json_decref(sorted);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(expiring->items, i);
    qsort(items, count, sizeof(*items), by_days);
    for (size_t i = 0; i < count; i++)
        (void)json_array_append(sorted, items[i]);
    free(items);
    json_decref(expiring->items);
    expiring->items = sorted;
    return true;
}

static int
report(struct expiring *expiring)
{
    struct settings *settings = cli_settings(expiring->received.config);
    int result = CLI_USAGE;
    size_t count;

    expiring->items = json_array();
    expiring->ok = settings != NULL;
    if (settings == NULL)
        goto done;
    if (settings->tcs != NULL)
        add_file(expiring, "tcs", "", settings->tcs);
    for (size_t i = 0; i < settings->identity_count; i++)
        add_file(expiring, "identity", settings->identities[i].name,
                settings->identities[i].certificate);
    expiring->ok &= add_peers(expiring, settings) && sort_items(expiring);
    count = json_array_size(expiring->items);
    if (expiring->output == CLI_TEXT)
        print_text(expiring);
    else if (cli_put_json(json_pack("{s:I,s:O}", "days", (json_int_t)expiring->days, "expiring",
                     expiring->items)) != CLI_ACCEPT)
        goto done;
    if (expiring->ok)
        result = count == 0 ? CLI_ACCEPT : CLI_REJECT;
done:
    json_decref(expiring->items);
    settings_free(settings);
    return result;
}

static int
take_option(int option, char **argv, const struct option *known, struct expiring *expiring)
{
    struct cli_received *received = &expiring->received;

    switch (option) {
    case 'd':
        return cli_days(optarg, &expiring->days)
                ? CLI_ACCEPT
                : cli_fail("--days '%s' is no number of days", optarg);
    case 'c':
        received->config = optarg;
        return CLI_ACCEPT;
    case 'I':
        received->inventory = optarg;
        return CLI_ACCEPT;
    case 'R':
        return cli_add_replay(optarg, received);
    case 's':
        return cli_moment(optarg, received->now, &received->since)
                ? CLI_ACCEPT
                : cli_fail("--since '%s' is neither a time nor how long ago (30d)", optarg);
    case 'o':
        return cli_output(optarg, false, &expiring->output);
    default:
        return cli_unknown_option(option, argv, known, "expiring");
    }
}

static int
run(int argc, char **argv)
{
    static const struct option known[] = { { "days", required_argument, NULL, 'd' },
        { "config", required_argument, NULL, 'c' }, { "inventory", required_argument, NULL, 'I' },
        { "replay", required_argument, NULL, 'R' }, { "since", required_argument, NULL, 's' },
        { "format", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 } };
    const int64_t now = (int64_t)time(NULL);
    struct expiring expiring = { .received = { .config = CLI_DEFAULT_CONFIG,
                                         .since = now - CLI_USUAL_DAYS * CLI_SECONDS_A_DAY,
                                         .now = now },
        .days = USUAL_WITHIN };
    int option, result = CLI_ACCEPT;

    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_expiring.help, stdout);
            return CLI_ACCEPT;
        }
        result = take_option(option, argv, known, &expiring);
    }
    if (result != CLI_ACCEPT)
        return result;
    if (optind != argc)
        return cli_fail("'%s' is no option; see certgate expiring --help", argv[optind]);
    return report(&expiring);
}

const struct cli_command cli_expiring = {
    .name = "expiring",
    .summary = "what runs out soon of trusted, own and received certificates",
    .run = run,
    .help = "usage: certgate expiring [OPTIONS]\n"
            "\n"
            "Lists the trusted certificates, our identities and the peers' certificates that have\n"
            "expired or will within 7, 30 and 60 days; of peers those that were admitted and were "
            "seen\n"
            "lately.\n"
            "\n"
            "  --days N          default 60\n"
            "  --since WHEN      peers seen since: a time, a date, or how long ago (default 30d)\n"
            "  --config FILE     default " CLI_DEFAULT_CONFIG "\n"
            "  --inventory FILE  default: inventory.db in the state directory\n"
            "  --replay LOG      read this decision log and its rotated files instead; may be "
            "repeated\n"
            "  --format F        text (default) or json\n"
            "\n"
            "Exit status: 0 nothing expires within N days, 1 something does, 2 it could not all "
            "be\n"
            "looked at.\n"
            "\n"
            "example:\n"
            "  certgate expiring --days 14\n",
};
