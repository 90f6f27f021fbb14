/* certgate explain: the whole story of a decision, or what a reason or check is. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/received.h"
#include "journal/query.h"
#include "settings/values.h"

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

/* ---- incidents --------------------------------------------------------------------------------- */

static int
put_incident_json(const char *incident, const struct journal_incident *found)
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
    struct journal_incident *found;
    struct cg_error err;
    struct cg_buf text;
    int result = CLI_ACCEPT;

    if (journal_incident_find(path, incident, &found, &err) != CG_OK)
        return cli_fail("%s", err.text);
    if (found->count == 0) {
        (void)cli_fail("there is no incident '%s' in %s and its rotated files", incident, path);
        result = CLI_REJECT;
    } else if (output == CLI_JSON) {
        result = put_incident_json(incident, found);
    } else {
        cg_buf_init(&text, JOURNAL_MAX_STORY);
        journal_incident_tell(found, &text);
        fputs(cg_buf_text(&text), stdout);
        cg_buf_release(&text);
    }
    journal_incident_free(found);
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
    if (!journal_is_incident(word)) {
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
