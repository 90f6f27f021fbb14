/* certgate explain: the whole story of a decision, or what a reason or check is. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/received.h"
#include "journal/words.h"
#include "settings/values.h"

/* Records of one connection that are told: one a class, and a few more while it lives. */
#define MAX_RECORDS 128
/* A story of a record of 128 KiB. */
#define MAX_STORY (1024 * 1024)

struct found {
    struct journal_entry entries[MAX_RECORDS];
    size_t count;
    size_t left_out;
    struct journal_entry decided; /* in which a resumed session was decided */
    bool has_decided;
};

/* ---- registry ---------------------------------------------------------------------------------- */

static void
explain_check(enum cg_check check)
{
    const struct cg_check_info *info = cg_check_info(check);
    const char *comma = "";

    printf("'%s' is a check: %s.\n\n", info->id, info->title);
    printf("It passes when %s.\n", info->explain);
    printf("The rule is from %s.\n", info->cites);
    printf("The page of the original system says: \"%s\"\n", info->page);
    fputs("\nLevels that ask for it: ", stdout);
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        if ((cg_level_info((enum cg_level)level)->checks >> check & 1) != 0) {
            printf("%s%s", comma, cg_level_name((enum cg_level)level));
            comma = ", ";
        }
    }
    puts(".");
    if (info->latchable)
        puts("It is skipped while the setting is latched, that is carried over unchanged by an "
             "upgrade.");
}

static void
explain_reason(enum cg_reason reason)
{
    const struct cg_reason_info *info = cg_reason_info(reason);

    printf("'%s' is a reason for which a peer is refused: %s.\n\n", info->code, info->explain);
    printf("What to do: %s.\n", info->remedy);
    if (info->alert >= 0)
        printf("The peer is told TLS alert %d, where it is refused in the handshake.\n",
                info->alert);
    printf("\n'certgate log --reason %s' shows who was.\n", info->code);
}

static void
explain_level(enum cg_level level)
{
    const struct cg_level_info *info = cg_level_info(level);

    printf("'%s' is a level, %s: %s.\n\nIt asks that\n", info->id, info->title, info->explain);
    for (int check = 0; check < CG_CHECK_COUNT; check++)
        if ((info->checks >> check & 1) != 0)
            printf("  %-22s %s\n", cg_check_info((enum cg_check)check)->id,
                    cg_check_info((enum cg_check)check)->title);
}

static json_t *
check_json(enum cg_check check)
{
    const struct cg_check_info *info = cg_check_info(check);
    json_t *levels = json_array();

    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        if ((cg_level_info((enum cg_level)level)->checks >> check & 1) != 0)
            (void)json_array_append_new(levels, json_string(cg_level_name((enum cg_level)level)));
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:o}", "check", info->id, "title", info->title,
            "passes_when", info->explain, "cites", info->cites, "page", info->page, "latchable",
            (int)info->latchable, "levels", levels);
}

static json_t *
reason_json(enum cg_reason reason)
{
    const struct cg_reason_info *info = cg_reason_info(reason);

    return json_pack("{s:s,s:s,s:s,s:o}", "reason", info->code, "means", info->explain, "remedy",
            info->remedy, "alert", info->alert < 0 ? json_null() : json_integer(info->alert));
}

static json_t *
level_json(enum cg_level level)
{
    const struct cg_level_info *info = cg_level_info(level);
    json_t *checks = json_array();

    for (int check = 0; check < CG_CHECK_COUNT; check++)
        if ((info->checks >> check & 1) != 0)
            (void)json_array_append_new(
                    checks, json_string(cg_check_info((enum cg_check)check)->id));
    return json_pack("{s:s,s:s,s:s,s:o}", "level", info->id, "title", info->title, "means",
            info->explain, "checks", checks);
}

/* False when the word is none of these. */
static bool
explain_word(const char *word, enum cli_output output, int *result)
{
    enum cg_check check;
    enum cg_reason reason;
    enum cg_level level;

    *result = CLI_ACCEPT;
    if (cg_check_from_name(word, &check)) {
        if (output == CLI_JSON)
            *result = cli_put_json(check_json(check));
        else
            explain_check(check);
    } else if (cg_reason_from_code(word, &reason) && reason != CG_REASON_NONE) {
        if (output == CLI_JSON)
            *result = cli_put_json(reason_json(reason));
        else
            explain_reason(reason);
    } else if (cg_level_from_name(word, &level) && level < CG_LEVEL_COUNT) {
        if (output == CLI_JSON)
            *result = cli_put_json(level_json(level));
        else
            explain_level(level);
    } else {
        return false;
    }
    return true;
}

/* The nearest check, reason or level to a mistyped one. */
static const char *
nearest_word(const char *word)
{
    const char *names[CG_CHECK_COUNT + CG_REASON_COUNT + CG_LEVEL_COUNT + 1] = { NULL };
    size_t count = 0;

    for (int i = 0; i < CG_CHECK_COUNT; i++)
        names[count++] = cg_check_info((enum cg_check)i)->id;
    for (int i = CG_REASON_NONE + 1; i < CG_REASON_COUNT; i++)
        names[count++] = cg_reason_info((enum cg_reason)i)->code;
    for (int i = 0; i < CG_LEVEL_COUNT; i++)
        names[count++] = cg_level_name((enum cg_level)i);
    return value_nearest(word, names);
}

static bool
is_incident(const char *word)
{
    return strlen(word) == JOURNAL_INCIDENT_LENGTH &&
            strspn(word, "abcdefghijklmnopqrstuvwxyz234567") == JOURNAL_INCIDENT_LENGTH;
}

/* ---- incidents --------------------------------------------------------------------------------- */

/* The records of the incident, and with `origin` the one in which a session was decided. */
static bool
collect(struct journal_reader *reader, const char *incident, bool origin, struct found *found)
{
    struct journal_filter filter;
    struct journal_notes notes = { 0 };
    struct journal_entry entry;
    enum journal_next next;
    const char *line;
    size_t len;

    journal_filter_init(&filter);
    filter.incident = incident;
    journal_reader_from_end(reader, UINT64_MAX);
    while ((next = journal_next_match(reader, &filter, &entry, &line, &len, &notes)) ==
            JOURNAL_LINE) {
        bool own = strcmp(entry.incident, incident) == 0;

        if (own && origin && !entry.resumed && !found->has_decided) {
            found->decided = entry; /* ownership moves */
            found->has_decided = true;
        } else if (own && !origin && found->count < MAX_RECORDS) {
            found->entries[found->count++] = entry;
        } else {
            found->left_out += own && !origin;
            journal_entry_release(&entry);
        }
    }
    return next == JOURNAL_END;
}

static const char *
decided_in(const struct found *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->entries[i].resumed && found->entries[i].decided_in[0] != '\0')
            return found->entries[i].decided_in;
    return NULL;
}

static void
tell(const char *incident, const struct found *found)
{
    const struct journal_entry *decided = found->has_decided ? &found->decided : NULL;
    struct cg_buf text;

    cg_buf_init(&text, MAX_STORY);
    cg_buf_addf(&text, "Incident %s", incident);
    if (found->count > 1)
        cg_buf_addf(&text, ": %zu decisions on one connection", found->count + found->left_out);
    cg_buf_add(&text, "\n\n");
    for (size_t i = 0; i < found->count; i++) {
        if (found->count > 1)
            cg_buf_addf(
                    &text, "%sDecision %zu of %zu\n\n", i == 0 ? "" : "\n", i + 1, found->count);
        journal_story(&found->entries[i], decided, &text);
    }
    if (decided != NULL) {
        cg_buf_addf(&text, "\nThe connection in which that session was decided, incident %s:\n\n",
                decided->incident);
        journal_story(decided, NULL, &text);
    }
    if (found->left_out != 0)
        cg_buf_addf(&text, "\n%zu more decisions of this connection are not told here.\n",
                found->left_out);
    fputs(cg_buf_text(&text), stdout);
    cg_buf_release(&text);
}

static int
put_found_json(const char *incident, const struct found *found)
{
    json_t *records = json_array();

    for (size_t i = 0; i < found->count; i++)
        (void)json_array_append(records, found->entries[i].json);
    return cli_put_json(json_pack("{s:s,s:o,s:O?}", "incident", incident, "records", records,
            "decided_in", found->has_decided ? found->decided.json : NULL));
}

static int
explain_incident(const char *incident, const char *path, enum cli_output output)
{
    struct cg_error err;
    struct journal_reader *reader = journal_reader_open(path, true, &err);
    struct found *found = calloc(1, sizeof(*found));
    int result = CLI_USAGE;
    const char *origin;

    if (reader == NULL || found == NULL) {
        (void)cli_fail("%s", reader == NULL ? err.text : "no memory");
        goto done;
    }
    if (!collect(reader, incident, false, found)) {
        (void)cli_fail("%s: cannot be read to its end", path);
        goto done;
    }
    origin = decided_in(found);
    if (origin != NULL && strcmp(origin, incident) != 0)
        (void)collect(reader, origin, true, found);
    if (found->count == 0) {
        (void)cli_fail("there is no incident '%s' in %s and its rotated files", incident, path);
        result = CLI_REJECT;
    } else if (output == CLI_JSON) {
        result = put_found_json(incident, found);
    } else {
        tell(incident, found);
        result = CLI_ACCEPT;
    }
done:
    for (size_t i = 0; found != NULL && i < found->count; i++)
        journal_entry_release(&found->entries[i]);
    if (found != NULL && found->has_decided)
        journal_entry_release(&found->decided);
    free(found);
    journal_reader_free(reader);
    return result;
}

static int
explain(const char *word, const char *file, const char *config, enum cli_output output)
{
    const char *nearest;
    char *path;
    int result;

    if (explain_word(word, output, &result))
        return result;
    if (!is_incident(word)) {
        nearest = nearest_word(word);
        return cli_fail("'%s' is no incident, check, reason or level%s%s%s", word,
                nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
                nearest == NULL ? "" : "'?");
    }
    path = cli_log_path(file, config);
    result = path == NULL ? CLI_USAGE : explain_incident(word, path, output);
    free(path);
    return result;
}

static int
run(int argc, char **argv)
{
    static const struct option known[] = { { "file", required_argument, NULL, 'f' },
        { "config", required_argument, NULL, 'c' }, { "format", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    const char *file = NULL, *config = CLI_DEFAULT_CONFIG;
    enum cli_output output = CLI_TEXT;
    int option, result = CLI_ACCEPT;

    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_explain.help, stdout);
            return CLI_ACCEPT;
        }
        if (option == 'f')
            file = optarg;
        else if (option == 'c')
            config = optarg;
        else if (option == 'o')
            result = cli_output(optarg, false, &output);
        else
            result = cli_unknown_option(option, argv, known, "explain");
    }
    if (result != CLI_ACCEPT)
        return result;
    if (optind + 1 != argc)
        return cli_fail("name one incident, check, reason or level; see certgate explain --help");
    return explain(argv[optind], file, config, output);
}

const struct cli_command cli_explain = {
    .name = "explain",
    .summary = "the whole story of an incident, or what a check, reason or level is",
    .run = run,
    .help = "usage: certgate explain [OPTIONS] INCIDENT|CHECK|REASON|LEVEL\n"
            "\n"
            "For an incident, as the log and answers to refused peers name it: when, who, from "
            "where,\n"
            "what was presented, what each check found and wanted, why it was refused, what to do, "
            "and\n"
            "at which levels it would have passed; every decision of that connection, and where a\n"
            "session was resumed the one that it rests on.\n"
            "\n"
            "  --file FILE     the decision log (default: what the configuration names)\n"
            "  --config FILE   default " CLI_DEFAULT_CONFIG "\n"
            "  --format F      text (default) or json\n"
            "\n"
            "Exit status: 0 explained, 1 no such incident, 2 wrong usage.\n"
            "\n"
            "examples:\n"
            "  certgate explain 7oc2ey4kpcaq47hcyhpotflg3i\n"
            "  certgate explain purpose-mismatch\n",
};
