#include "cli/options.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "settings/values.h"

#define MAX_ROWS 32
#define FIRST 256

static int
take_number(const char *name, const char *text, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return cli_fail("--%s '%s' is no number", name, text);
    *out = strtoll(text, NULL, 10);
    return CLI_ACCEPT;
}

static int
take_value(const struct option_row *row, const char *text)
{
    struct option_list *list = row->to;
    uint64_t ms;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->to = true;
        return CLI_ACCEPT;
    case OPTION_TEXT:
        *(const char **)row->to = text;
        return CLI_ACCEPT;
    case OPTION_LIST:
        if (list->count == OPTIONS_MAX_LIST)
            return cli_fail("--%s: more than %d of them", row->name, OPTIONS_MAX_LIST);
        list->values[list->count++] = text;
        return CLI_ACCEPT;
    case OPTION_NUMBER:
        return take_number(row->name, text, row->to);
    case OPTION_DURATION:
        if (!value_duration(text, &ms) || ms < 1000 || ms / 1000 > INT_MAX)
            return cli_fail("--%s '%s' is no duration such as 10m", row->name, text);
        *(int64_t *)row->to = (int64_t)(ms / 1000);
        return CLI_ACCEPT;
    case OPTION_MOMENT:
        if (!cli_moment(text, (int64_t)time(NULL), row->to))
            return cli_fail("--%s '%s' is neither a time nor how long ago (30d)", row->name, text);
        return CLI_ACCEPT;
    }
    return CLI_USAGE;
}

/* What getopt_long() wants, made of the rows; `known` holds MAX_ROWS + 4. */
static void
list_options(const struct option_row *rows, const struct cli_node *node, struct option *known)
{
    size_t count = 0;

    for (; rows[count].name != NULL && count < MAX_ROWS; count++)
        known[count] = (struct option) { rows[count].name,
            rows[count].kind == OPTION_FLAG ? no_argument : required_argument, NULL,
            FIRST + (int)count };
    known[count++] = (struct option) { "help", no_argument, NULL, 'h' };
    if (node != NULL) {
        known[count++] = (struct option) { "state", required_argument, NULL, 's' };
        known[count++] = (struct option) { "format", required_argument, NULL, 'o' };
    }
    known[count] = (struct option) { NULL, 0, NULL, 0 };
}

bool
options_read(const char *words, const char *help, const struct option_row *rows,
        struct cli_node *node, int argc, char **argv, int *result)
{
    struct option known[MAX_ROWS + 4];
    int option;

    list_options(rows, node, known);
    opterr = 0;
    optind = 0;
    *result = CLI_ACCEPT;
    while (*result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return false;
        }
        if (option == 's')
            node->state = optarg;
        else if (option == 'o')
            *result = cli_output(optarg, false, &node->output);
        else if (option >= FIRST)
            *result = take_value(&rows[option - FIRST], optarg);
        else
            *result = cli_unknown_option(option, argv, known, words);
    }
    return *result == CLI_ACCEPT;
}

bool
options_arguments(const char *words, int argc, int low, int high, int *result)
{
    const int given = argc - optind;

    *result = CLI_ACCEPT;
    if (given < low)
        *result = cli_fail("something is missing; see certgate %s --help", words);
    else if (given > high)
        *result = cli_fail("that is too much; see certgate %s --help", words);
    return *result == CLI_ACCEPT;
}

void
cli_put_help(const struct cli_command *group)
{
    fputs(group->help, stdout);
    if (group->actions == NULL)
        return;
    putchar('\n');
    for (size_t i = 0; group->actions[i] != NULL; i++)
        printf("  %-10s %s\n", group->actions[i]->name, group->actions[i]->summary);
    printf("\n'certgate %s ACTION --help' says more.\n", group->name);
}

int
cli_run(const struct cli_command *group, int argc, char **argv)
{
    const char *names[MAX_ROWS] = { NULL }, *nearest;
    size_t count = 0;

    if (group->actions == NULL)
        return group->run(argc, argv);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        cli_put_help(group);
        return CLI_ACCEPT;
    }
    if (group->run != NULL && (argc < 2 || argv[1][0] == '-'))
        return group->run(argc, argv);
    if (argc < 2)
        return cli_fail("say what to do; see certgate %s --help", group->name);
    for (size_t i = 0; group->actions[i] != NULL && count < MAX_ROWS - 1; i++) {
        if (strcmp(group->actions[i]->name, argv[1]) == 0)
            return group->actions[i]->run(argc - 1, argv + 1);
        names[count++] = group->actions[i]->name;
    }
    nearest = value_nearest(argv[1], names);
    if (nearest == NULL)
        return cli_fail("certgate %s knows no '%s'; see certgate %s --help", group->name, argv[1],
                group->name);
    return cli_fail("certgate %s knows no '%s'; did you mean '%s'?", group->name, argv[1], nearest);
}

size_t
options_digits(const char *text, char out[65])
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        if (*text == ':' && count != 0)
            continue;
        if (count == 64 || !isxdigit((unsigned char)*text))
            return 0;
        out[count++] = (char)tolower((unsigned char)*text);
    }
    out[count] = '\0';
    return count;
}
