/* certgate peers: every certificate received, with its verdict at each level. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/received.h"

struct peers_options {
    struct cli_received received;
    enum cli_output output;
    bool has_level;
    enum cg_level level;
    int64_t expiring; /* days; -1: all */
};

/* What the rows are printed with. */
struct printing {
    const struct peers_options *options;
    struct cli_style style;
    json_t *list;
    uint64_t count;
};

/* The reason that is shown: at the level asked for, else of the last verdict. */
static const char *
shown_reason(const struct peers_options *options, const struct inventory_peer *peer)
{
    enum cg_reason reason;

    if (!options->has_level)
        return peer->accepted ? "" : peer->reason;
    reason = peer->at[options->level].reason;
    return reason == CG_REASON_NONE ? "" : cg_reason_info(reason)->code;
}

static void
print_strip(const struct cli_style *style, const struct inventory_peer *peer)
{
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        bool known = peer->at[level].known, accept = peer->at[level].reason == CG_REASON_NONE;

        printf("%s%s%s  ",
                !known           ? style->dim
                        : accept ? style->good
                                 : style->bad,
                !known           ? style->unknown
                        : accept ? style->yes
                                 : style->no,
                style->off);
    }
}

static void
print_row(const struct printing *printing, const struct inventory_peer *peer)
{
    static const char *const successors[] = { "", "replaced by ", "perhaps replaced by " };
    const struct cli_style *style = &printing->style;
    char seen[32], days[32];

    (void)snprintf(days, sizeof(days), "%lld",
            (long long)cli_days_left(peer->not_after, printing->options->received.now));
    cli_put_clean(peer->interface, 12);
    putchar(' ');
    cli_put_clean(peer->class[0] == '\0' ? "-" : peer->class, 10);
    printf(" %s %7llu ", cli_when(peer->last_seen, true, seen), (unsigned long long)peer->count);
    cli_put_clean(peer->peer, 21);
    printf(" %s%-6s%s ", peer->accepted ? style->good : style->bad,
            peer->accepted ? "accept" : "reject", style->off);
    print_strip(style, peer);
    cli_put_clean(shown_reason(printing->options, peer), 21);
    printf(" %5s  ", days);
    cli_put_clean(peer->subject[0] == '\0' ? peer->sha256 : peer->subject, 0);
    if (peer->successor != INVENTORY_NO_SUCCESSOR)
        printf("  %s(%s%.16s)%s", style->dim, successors[peer->successor], peer->successor_sha256,
                style->off);
    putchar('\n');
}

/* RFC 4180. */
static void
print_csv_text(const char *text, const char *end)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putchar('"');
        putchar((unsigned char)*text < 0x20 ? '?' : *text);
    }
    printf("\"%s", end);
}

static void
print_csv_row(const struct printing *printing, const struct inventory_peer *peer)
{
    char first[32], last[32], from[32], until[32];

    print_csv_text(peer->interface, ",");
    print_csv_text(peer->class, ",");
    print_csv_text(peer->sha256, ",");
    print_csv_text(peer->subject, ",");
    print_csv_text(peer->names, ",");
    print_csv_text(peer->issuer, ",");
    printf("%s,%s,%lld,%s,%s,%llu,", cli_when(peer->not_before, false, from),
            cli_when(peer->not_after, false, until),
            (long long)cli_days_left(peer->not_after, printing->options->received.now),
            cli_when(peer->first_seen, false, first), cli_when(peer->last_seen, false, last),
            (unsigned long long)peer->count);
    print_csv_text(peer->peer, ",");
    printf("%s,%s", peer->accepted ? "accept" : "reject", peer->accepted ? "" : peer->reason);
    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        printf(",%s",
                !peer->at[level].known ? ""
                        : peer->at[level].reason == CG_REASON_NONE
                        ? "accept"
                        : cg_reason_info(peer->at[level].reason)->code);
    printf(",%s\n", peer->successor_sha256);
}

static bool
print_peer(void *arg, const struct inventory_peer *peer)
{
    struct printing *printing = arg;
    const struct peers_options *options = printing->options;

    if (options->has_level &&
            (!peer->at[options->level].known || peer->at[options->level].reason == CG_REASON_NONE))
        return true;
    printing->count++;
    if (options->output == CLI_JSON)
        return json_array_append_new(printing->list, cli_peer_json(peer, options->received.now)) ==
                0;
    if (options->output == CLI_CSV)
        print_csv_row(printing, peer);
    else
        print_row(printing, peer);
    return true;
}

static void
print_head(enum cli_output output)
{
    if (output == CLI_TEXT) {
        printf("%-12s %-10s %-10s %7s %-21s %-6s n  l  m  h  m+ h+ %-21s %5s  %s\n", "INTERFACE",
                "CLASS", "LAST SEEN", "COUNT", "FROM", "NOW", "REASON", "DAYS", "SUBJECT");
    } else if (output == CLI_CSV) {
        fputs("interface,class,sha256,subject,names,issuer,not_before,not_after,days_left,first_"
              "seen,"
              "last_seen,count,peer,verdict,reason",
                stdout);
        for (int level = 0; level < CG_LEVEL_COUNT; level++)
            printf(",%s", cg_level_name((enum cg_level)level));
        puts(",successor");
    }
}

static int
show(const struct peers_options *options)
{
    struct printing printing = { .options = options, .style = cli_style(), .list = json_array() };
    struct inventory *inventory = cli_inventory(&options->received, NULL);
    struct inventory_query query = cli_query(&options->received);
    struct cg_error err;
    int result = CLI_USAGE;

    if (inventory == NULL || printing.list == NULL)
        goto done;
    if (options->expiring >= 0)
        query.expires_by = options->received.now + options->expiring * CLI_SECONDS_A_DAY;
    print_head(options->output);
    if (inventory_each(inventory, &query, print_peer, &printing, &err) != CG_OK) {
        (void)cli_fail("%s", err.text);
        goto done;
    }
    result = CLI_ACCEPT;
    if (options->output == CLI_JSON) {
        result = cli_put_json(printing.list);
        printing.list = NULL;
    } else if (options->output == CLI_TEXT) {
        printf("%llu certificate%s; n none, l low, m medium, h high, + with remote checks\n",
                (unsigned long long)printing.count, printing.count == 1 ? "" : "s");
    }
done:
    json_decref(printing.list);
    inventory_close(inventory);
    return result;
}

static int
take_option(int option, char **argv, const struct option *known, struct peers_options *options)
{
    struct cli_received *received = &options->received;

    switch (option) {
    case 'c':
        received->config = optarg;
        return CLI_ACCEPT;
    case 'I':
        received->inventory = optarg;
        return CLI_ACCEPT;
    case 'R':
        return cli_add_replay(optarg, received);
    case 'i':
        return cli_add_interface(optarg, received->interfaces, &received->interface_count);
    case 'l':
        options->has_level = true;
        return cg_level_from_name(optarg, &options->level) && options->level < CG_LEVEL_COUNT
                ? CLI_ACCEPT
                : cli_fail("unknown level '%s'; see certgate help levels", optarg);
    case 'e':
        return cli_days(optarg, &options->expiring)
                ? CLI_ACCEPT
                : cli_fail("--expiring '%s' is no number of days", optarg);
    case 's':
        return cli_moment(optarg, received->now, &received->since)
                ? CLI_ACCEPT
                : cli_fail("--since '%s' is neither a time nor how long ago (30d)", optarg);
    case 'a':
        return cli_time(optarg, &received->now)
                ? CLI_ACCEPT
                : cli_fail("--at '%s' is neither RFC 3339 nor seconds since 1970", optarg);
    case 'o':
        return cli_output(optarg, true, &options->output);
    default:
        return cli_unknown_option(option, argv, known, "peers");
    }
}

static int
run(int argc, char **argv)
{
    static const struct option known[] = { { "config", required_argument, NULL, 'c' },
        { "inventory", required_argument, NULL, 'I' }, { "replay", required_argument, NULL, 'R' },
        { "interface", required_argument, NULL, 'i' }, { "level", required_argument, NULL, 'l' },
        { "expiring", required_argument, NULL, 'e' }, { "since", required_argument, NULL, 's' },
        { "at", required_argument, NULL, 'a' }, { "format", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    struct peers_options options = { .received = { .config = CLI_DEFAULT_CONFIG,
                                             .since = INT64_MIN,
                                             .now = (int64_t)time(NULL) },
        .expiring = -1 };
    int option, result = CLI_ACCEPT;

    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_peers.help, stdout);
            return CLI_ACCEPT;
        }
        result = take_option(option, argv, known, &options);
    }
    if (result != CLI_ACCEPT)
        return result;
    if (optind != argc)
        return cli_fail("'%s' is no option; see certgate peers --help", argv[optind]);
    return show(&options);
}

const struct cli_command cli_peers = {
    .name = "peers",
    .summary = "every certificate received, with its verdict at all six levels",
    .run = run,
    .help = "usage: certgate peers [OPTIONS]\n"
            "\n"
            "Prints the peer inventory: interface, class, last seen, how often, from where, the "
            "last\n"
            "verdict, those at the six levels, the reason, days left, subject, and the certificate "
            "that\n"
            "has come in its place.\n"
            "\n"
            "  --interface I     only this interface; may be repeated\n"
            "  --level L         only those that this level would refuse, with its reason\n"
            "  --expiring DAYS   only those that expire within so many days\n"
            "  --since WHEN      only those seen since: a time, a date, or how long ago (30d)\n"
            "  --format F        text (default), json or csv\n"
            "  --config FILE     default " CLI_DEFAULT_CONFIG "\n"
            "  --inventory FILE  default: inventory.db in the state directory\n"
            "  --replay LOG      read this decision log and its rotated files instead; may be "
            "repeated\n"
            "  --at TIME         count days from this time: RFC 3339 or seconds since 1970\n"
            "\n"
            "example:\n"
            "  certgate peers --interface web --level high\n",
};
