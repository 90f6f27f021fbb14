/* certgate log: the decision log as a table. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/received.h"
#include "journal/query.h"
#include "settings/values.h"

#define USUAL_COUNT 50
/* The last part of the log in which the last records are looked for first; doubled until it is enough. */
#define FIRST_WINDOW (UINT64_C(1) << 20)

struct log_options {
    struct journal_filter filter;
    const char *file, *config;
    enum cli_output output;
    bool follow, has_count, has_window;
    uint64_t count; /* the last of those that match; 0: all */
    int64_t now;
};

/* ---- one record -------------------------------------------------------------------------------- */

static void
print_head(void)
{
    printf("%-23s %-12s %-21s %-10s %-7s %-13s %-21s %-26s %s\n", "TIME (UTC)", "INTERFACE", "PEER",
            "CLASS", "VERDICT", "LEVEL", "REASON", "INCIDENT", "SUBJECT");
}

static void
print_entry(const struct journal_entry *entry)
{
    const struct cli_style style = cli_style();
    const bool allowed = entry->accepted && json_array_size(entry->allowances) != 0;

    printf("%.10s %.12s ", entry->time, strlen(entry->time) > 11 ? entry->time + 11 : "");
    cli_put_clean(entry->interface, 12);
    putchar(' ');
    cli_put_clean(entry->peer[0] == '\0' ? "-" : entry->peer, 21);
    putchar(' ');
    cli_put_clean(entry->class[0] == '\0' ? "-" : entry->class, 10);
    printf(" %s%-7s%s ", entry->accepted ? style.good : style.bad,
            !entry->accepted  ? "reject"
                    : allowed ? "allowed"
                              : "accept",
            style.off);
    cli_put_clean(entry->level[0] == '\0' ? "-" : entry->level, 13);
    putchar(' ');
    cli_put_clean(entry->reason[0] != '\0' ? entry->reason
                    : entry->resumed       ? "(resumed)"
                                           : "-",
            21);
    putchar(' ');
    cli_put_clean(entry->incident, 26);
    putchar(' ');
    cli_put_clean(entry->subject[0] != '\0'    ? entry->subject
                    : entry->sha256[0] != '\0' ? entry->sha256
                                               : "(no certificate)",
            0);
    putchar('\n');
}

static void
print_line(const struct log_options *options, const struct journal_entry *entry, const char *line,
        size_t len)
{
    if (options->output == CLI_TEXT) {
        print_entry(entry);
    } else {
        (void)fwrite(line, 1, len, stdout);
        putchar('\n');
    }
}

/* ---- the log ----------------------------------------------------------------------------------- */

/* Goes through what is there; the first `skip` records that match are not printed. */
static bool
walk(const struct log_options *options, struct journal_reader *reader, bool print, uint64_t skip,
        struct journal_notes *notes)
{
    struct journal_entry entry;
    enum journal_next next;
    const char *line;
    size_t len;

    while ((next = journal_next_match(reader, &options->filter, &entry, &line, &len, notes)) ==
            JOURNAL_LINE) {
        if (print && notes->matched > skip)
            print_line(options, &entry, line, len);
        journal_entry_release(&entry);
    }
    return next == JOURNAL_END;
}

/* Some records, the newest first. */
struct last {
    struct journal_entry *entries;
    char **lines; /* as they stand in the log, where they are wanted so */
    size_t count;
    bool whole;
    bool failed;
};

static void
keep_last(void *arg, const struct journal_entry *entry, const char *line, size_t len)
{
    struct last *last = arg;

    if (last->whole && (last->lines[last->count] = strndup(line, len)) == NULL)
        last->failed = true;
    last->entries[last->count] = *entry;
    (void)json_incref(entry->json);
    last->count++;
}

static bool
print_page(const struct log_options *options, const char *path, struct journal_notes *notes)
{
    struct last last = { .entries = calloc(options->count, sizeof(*last.entries)),
        .lines = calloc(options->count, sizeof(*last.lines)),
        .whole = options->output != CLI_TEXT };
    const struct journal_query query = { .filter = options->filter,
        .limit = (unsigned)options->count };
    struct journal_page page = { 0 };
    struct cg_error err = { "no memory" };
    bool ok = last.entries != NULL && last.lines != NULL &&
            journal_query_run(path, &query, keep_last, &last, &page, &err) == CG_OK && !last.failed;

    notes->malformed = page.malformed;
    for (size_t i = last.count; i-- > 0;) {
        if (ok)
            print_line(options, &last.entries[i], last.lines[i],
                    last.whole ? strlen(last.lines[i]) : 0);
        journal_entry_release(&last.entries[i]);
        free(last.lines[i]);
    }
    if (!ok)
        (void)cli_fail("%s", err.text);
    free(last.entries);
    free(last.lines);
    return ok;
}

/* The last records that match: counted backwards in growing parts, then printed. */
static bool
print_last(const struct log_options *options, struct journal_reader *reader,
        struct journal_notes *notes)
{
    const uint64_t all = journal_reader_bytes(reader);
    uint64_t window = FIRST_WINDOW;

    for (;; window *= 4) {
        *notes = (struct journal_notes) { 0 };
        journal_reader_from_end(reader, window);
        if (!walk(options, reader, false, 0, notes))
            return false;
        if (notes->matched >= options->count || window >= all)
            break;
    }
    uint64_t skip = notes->matched > options->count ? notes->matched - options->count : 0;

    *notes = (struct journal_notes) { 0 };
    journal_reader_from_end(reader, window);
    return walk(options, reader, true, skip, notes);
}

static bool
print_all(const struct log_options *options, struct journal_reader *reader,
        struct journal_notes *notes)
{
    if (options->filter.since_ms != INT64_MIN)
        journal_reader_from_time(reader, options->filter.since_ms);
    return walk(options, reader, true, 0, notes);
}

static void
tell_notes(const char *path, const struct journal_reader *reader, const struct journal_notes *notes)
{
    uint64_t left_out = notes->malformed + journal_reader_passed(reader);

    if (left_out != 0)
        (void)cli_fail("note: %s: %llu line%s no decision record%s and left out", path,
                (unsigned long long)left_out, left_out == 1 ? " is" : "s are",
                left_out == 1 ? "" : "s");
}

/* The folder is watched, since a file that is rotated takes its watch along. */
static int
watch_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy == NULL ? -1 : inotify_init1(IN_CLOEXEC);

    if (fd >= 0 && inotify_add_watch(fd, dirname(copy), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        close(fd);
        fd = -1;
    }
    free(copy);
    return fd;
}

/* Until somebody ends us, or standard output is gone. */
static bool
follow(const struct log_options *options, struct journal_reader *reader, int watch)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    struct journal_notes notes = { 0 };

    for (;;) {
        do
            if (!walk(options, reader, true, 0, &notes))
                return false;
        while (journal_reader_renew(reader));
        if (fflush(stdout) != 0)
            return false;
        if (read(watch, events, sizeof(events)) < 0 && errno != EINTR)
            return false;
    }
}

static int
show(const struct log_options *options)
{
    char *path = cli_log_path(options->file, options->config);
    struct journal_reader *reader = NULL;
    struct journal_notes notes = { 0 };
    struct cg_error err;
    int watch = -1, result = CLI_USAGE;
    bool ok;

    if (path == NULL)
        return CLI_USAGE;
    if (options->follow && (watch = watch_folder(path)) < 0) {
        (void)cli_fail("%s cannot be followed: %s", path, strerror(errno));
        goto done;
    }
    reader = journal_reader_open(path, true, &err);
    if (reader == NULL) {
        (void)cli_fail("%s", err.text);
        goto done;
    }
    if (options->output == CLI_TEXT)
        print_head();
    ok = options->count == 0 ? print_all(options, reader, &notes)
            : options->count <= JOURNAL_MAX_PAGE && !options->follow
            ? print_page(options, path, &notes)
            : print_last(options, reader, &notes);
    tell_notes(path, reader, &notes);
    if (ok && options->follow)
        ok = follow(options, reader, watch);
    result = ok ? CLI_ACCEPT : cli_fail("%s: cannot be read to its end", path);
done:
    journal_reader_free(reader);
    if (watch >= 0)
        close(watch);
    free(path);
    return result;
}

/* ---- options ----------------------------------------------------------------------------------- */

static int
take_reason(const char *text, struct log_options *options)
{
    const char *names[CG_REASON_COUNT + 1] = { NULL }, *nearest;
    enum cg_reason reason;

    options->filter.reason = text;
    if (cg_reason_from_code(text, &reason))
        return CLI_ACCEPT;
    for (int i = CG_REASON_NONE + 1; i < CG_REASON_COUNT; i++)
        names[i - 1] = cg_reason_info((enum cg_reason)i)->code;
    nearest = value_nearest(text, names);
    return cli_fail("unknown reason '%s'%s%s%s", text,
            nearest == NULL ? "; see certgate help reasons" : "; did you mean '",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static int
take_moment(const char *name, const char *text, int64_t now, bool last, int64_t *out)
{
    int64_t seconds;

    if (!cli_moment(text, now, &seconds))
        return cli_fail(
                "%s '%s' is neither a time (RFC 3339, a date, seconds since 1970) nor how long "
                "ago (12h, 30d)",
                name, text);
    *out = seconds * 1000 + (last ? 999 : 0);
    return CLI_ACCEPT;
}

static int
take_count(const char *text, struct log_options *options)
{
    char *end;

    options->has_count = true;
    options->count = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || options->count > UINT32_MAX)
        return cli_fail("-n '%s' is not a number", text);
    return CLI_ACCEPT;
}

static int
take_option(int option, char **argv, const struct option *known, struct log_options *options)
{
    struct journal_filter *filter = &options->filter;

    switch (option) {
    case 'f':
        options->file = optarg;
        return CLI_ACCEPT;
    case 'c':
        options->config = optarg;
        return CLI_ACCEPT;
    case 'F':
        options->follow = true;
        return CLI_ACCEPT;
    case 'i':
        return cli_add_interface(optarg, filter->interfaces, &filter->interface_count);
    case 'v':
        filter->verdict = optarg;
        return strcmp(optarg, "accept") == 0 || strcmp(optarg, "reject") == 0
                ? CLI_ACCEPT
                : cli_fail("--verdict is accept or reject, not '%s'", optarg);
    case 'r':
        return take_reason(optarg, options);
    case 'C':
        filter->class = optarg;
        return CLI_ACCEPT;
    case 'p':
        filter->has_network = true;
        return value_network(optarg, &filter->network)
                ? CLI_ACCEPT
                : cli_fail("--peer '%s' is no address and no prefix like 192.0.2.0/24", optarg);
    case 's':
        filter->sha256 = optarg;
        return CLI_ACCEPT;
    case 'b':
        options->has_window = true;
        return take_moment("--since", optarg, options->now, false, &filter->since_ms);
    case 'u':
        options->has_window = true;
        return take_moment("--until", optarg, options->now, true, &filter->until_ms);
    case 'o':
        return cli_output(optarg, false, &options->output);
    case 'n':
        return take_count(optarg, options);
    default:
        return cli_unknown_option(option, argv, known, "log");
    }
}

static int
run(int argc, char **argv)
{
    static const struct option known[] = { { "file", required_argument, NULL, 'f' },
        { "config", required_argument, NULL, 'c' }, { "follow", no_argument, NULL, 'F' },
        { "interface", required_argument, NULL, 'i' }, { "verdict", required_argument, NULL, 'v' },
        { "reason", required_argument, NULL, 'r' }, { "class", required_argument, NULL, 'C' },
        { "peer", required_argument, NULL, 'p' }, { "sha256", required_argument, NULL, 's' },
        { "since", required_argument, NULL, 'b' }, { "until", required_argument, NULL, 'u' },
        { "format", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 } };
    struct log_options options = { .config = CLI_DEFAULT_CONFIG, .now = (int64_t)time(NULL) };
    int option, result = CLI_ACCEPT;

    journal_filter_init(&options.filter);
    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":n:", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_log.help, stdout);
            return CLI_ACCEPT;
        }
        result = take_option(option, argv, known, &options);
    }
    if (result != CLI_ACCEPT)
        return result;
    if (optind != argc)
        return cli_fail("'%s' is no option; see certgate log --help", argv[optind]);
    if (!options.has_count)
        options.count = options.has_window ? 0 : USUAL_COUNT;
    return show(&options);
}

const struct cli_command cli_log = {
    .name = "log",
    .summary = "who was admitted and who was refused, and why",
    .run = run,
    .help = "usage: certgate log [OPTIONS]\n"
            "\n"
            "Prints the decision log with its rotated files, oldest first: time, interface, peer,\n"
            "class, verdict, level, reason, incident and subject. 'certgate explain INCIDENT' "
            "tells\n"
            "the whole story of one.\n"
            "\n"
            "  --file FILE       the log (default: what the configuration names)\n"
            "  --config FILE     default " CLI_DEFAULT_CONFIG "\n"
            "  --follow          stay, and print what comes; goes on after a rotation\n"
            "  --interface I     only this interface; may be repeated\n"
            "  --verdict V       accept or reject\n"
            "  --reason R        see certgate help reasons\n"
            "  --class C         name of a trunk or line, phone, other\n"
            "  --peer ADDRESS    an address, or a prefix like 192.0.2.0/24\n"
            "  --sha256 HEX      the received certificate, or how its fingerprint begins\n"
            "  --since WHEN      a time (RFC 3339, a date, seconds since 1970) or how long ago: "
            "12h,\n"
            "  --until WHEN      30d, 2w\n"
            "  -n N              the last N that match, 0 for all (default: 50, or all with "
            "--since\n"
            "                    or --until)\n"
            "  --format F        text (default) or json: the records, one a line\n"
            "\n"
            "examples:\n"
            "  certgate log --verdict reject --since 24h\n"
            "  certgate log --follow --interface web\n",
};
