/*
 * Writes one manual page to standard output: a file in mdoc(7), with what the tables say in place of lines
 * such as @checks@.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/objects.h>

#include "cli/cli.h"
#include "config.h"
#include "settings/rows.h"
#include "snapshot/security.h"
#include "store/registry.h"

#define WIDTH 78

/* ---- mdoc -------------------------------------------------------------------------------------- */

static void
put_char(char c)
{
    if (c == '\\')
        fputs("\\e", stdout);
    else
        putchar(c);
}

/* Where a line begins, a dot or quote would make it a request. */
static void
put_start(char c)
{
    if (c == '.' || c == '\'')
        fputs("\\&", stdout);
}

/* Filled text: wrapped, and a line for each sentence. */
static void
put_text(const char *text)
{
    size_t at = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " \n");

        if (at != 0 && at + 1 + len > WIDTH) {
            putchar('\n');
            at = 0;
        }
        if (at != 0)
            putchar(' ');
        else
            put_start(text[0]);
        for (size_t i = 0; i < len; i++)
            put_char(text[i]);
        at += len + 1;
        if (len > 1 && strchr(".!?", text[len - 1]) != NULL && text[len] != '\0') {
            putchar('\n');
            at = 0;
        }
        text += len;
        text += strspn(text, " \n");
    }
    if (at != 0)
        putchar('\n');
}

/* Some words, and then others as they stand. */
static void
put_words(const char *before, const char *text, const char *after)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 64 * 1024);
    cg_buf_addf(&buf, "%s%s%s", before, text, after);
    put_text(cg_buf_text(&buf));
    cg_buf_release(&buf);
}

/* "The first letter large.", as a sentence. */
static void
put_sentence(const char *text)
{
    size_t len = strlen(text);
    char *sentence = malloc(len + 2);

    if (sentence == NULL)
        exit(1);
    memcpy(sentence, text, len + 1);
    if (sentence[0] >= 'a' && sentence[0] <= 'z')
        sentence[0] = (char)(sentence[0] - 'a' + 'A');
    if (len != 0 && strchr(".!?", sentence[len - 1]) == NULL)
        memcpy(sentence + len, ".", 2);
    put_text(sentence);
    free(sentence);
}

/* As it stands, hyphens to be copied among it. */
static void
put_literal(const char *text)
{
    bool start = true;

    puts(".Bd -literal");
    for (; *text != '\0'; text++) {
        if (start)
            put_start(*text);
        if (*text == '-')
            fputs("\\-", stdout);
        else
            put_char(*text);
        start = *text == '\n';
    }
    if (!start)
        putchar('\n');
    puts(".Ed");
}

static void
put_list_of(const char *names)
{
    puts(".Bd -literal -offset indent");
    for (; *names != '\0'; names++)
        put_char(*names == ':' ? '\n' : *names);
    puts("\n.Ed");
}

/* ---- what the tables say ----------------------------------------------------------------------- */

static void
date(void)
{
    static const char *const months[] = { "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December" };
    time_t when = (time_t)CERTGATE_RELEASE_TIME;
    struct tm day;

    (void)gmtime_r(&when, &day);
    printf(".Dd %s %d, %d\n", months[day.tm_mon], day.tm_mday, day.tm_year + 1900);
}

static void
synopsis(void)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        printf(".Nm\n.Cm %s\n%s", cli_commands[i]->name,
                cli_commands[i]->actions != NULL ? ".Ar action\n.Op Ar options ...\n"
                                                 : ".Op Ar options ...\n");
}

static void
put_command(const char *group, const struct cli_command *command)
{
    printf(".Ss certgate %s%s%s\n", group, group[0] == '\0' ? "" : " ", command->name);
    put_sentence(command->summary);
    put_literal(command->help);
}

static void
commands(void)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        const struct cli_command *command = cli_commands[i];

        put_command("", command);
        for (size_t j = 0; command->actions != NULL && command->actions[j] != NULL; j++)
            put_command(command->name, command->actions[j]);
    }
}

static void
node_settings(void)
{
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < node_row_count; i++) {
        const struct node_row *row = &node_rows[i];

        if (node_row_is_block(row))
            continue;
        printf(".It Ic %s No = Ar %s\n", row->name, row->value);
        put_sentence(row->help);
        if (row->initial[0] != '\0')
            printf("Default: %s.\n", row->initial);
    }
    puts(".El");
}

static void
blocks(void)
{
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < node_row_count; i++) {
        if (!node_row_is_block(&node_rows[i]))
            continue;
        printf(".It Ic %s Ar %s\n", node_rows[i].name, node_rows[i].value);
        put_sentence(node_rows[i].help);
    }
    puts(".El");
}

static void
block_settings(void)
{
    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < row_count; i++) {
        const struct row *row = &rows[i];
        const char *space = "";

        printf(".It Ic %s\n", row->name);
        put_sentence(row->help);
        put_words(row->list ? "A list, each " : "Value: ", row->wanted, ".");
        if (row->initial[0] != '\0')
            printf("Default: %s.\n", row->initial);
        fputs("In blocks ", stdout);
        for (unsigned kind = BLOCK_INTERFACE; kind <= BLOCK_LINE; kind <<= 1) {
            if ((row->blocks & kind) == 0)
                continue;
            printf("%s%s%s", space, block_kind_name((enum block_kind)kind),
                    (row->required & kind) != 0 ? " (required)" : "");
            space = ", ";
        }
        puts(".");
    }
    puts(".El");
}

static void
stored_settings(void)
{
    struct cg_buf values;

    puts(".Bl -tag -width Ds");
    for (size_t i = 0; i < registry_count(); i++) {
        const struct registry_row *row = registry_row(i);

        if (row->use == REGISTRY_OWN)
            continue;
        printf(".It Ic %s\n", row->name);
        put_sentence(row->help);
        cg_buf_init(&values, 4096);
        registry_describe_values(row, &values);
        put_words("Value: ", cg_buf_text(&values), ".");
        cg_buf_release(&values);
        if (row->initial != NULL && row->initial[0] != '\0')
            printf("Default: %s.\n", row->initial);
        if (row->latchable)
            puts("May be latched.");
    }
    puts(".El");
}

static void
checks(void)
{
    puts(".Bl -tag -width Ds");
    for (int i = 0; i < CG_CHECK_COUNT; i++) {
        const struct cg_check_info *info = cg_check_info((enum cg_check)i);

        printf(".It Cm %s\n", info->id);
        put_sentence(info->title);
        put_words("Passes when ", info->explain, ".");
        put_words("The page of the original system says: ", info->page, "");
        put_words("See ", info->cites, ".");
        if (info->latchable)
            puts("Skipped while the setting is latched.");
        if (info->binding)
            puts("Refuses a certificate that an administrator admits, too.");
    }
    puts(".El");
}

static void
levels(void)
{
    fputs(".Bl -column \"extended-key-usage\"", stdout);
    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        printf(" \"%s\"", cg_level_name((enum cg_level)level));
    fputs("\n.It Em check", stdout);
    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        printf(" Ta Em %s", cg_level_name((enum cg_level)level));
    putchar('\n');
    for (int check = 0; check < CG_CHECK_COUNT; check++) {
        printf(".It Cm %s", cg_check_info((enum cg_check)check)->id);
        for (int level = 0; level < CG_LEVEL_COUNT; level++)
            printf(" Ta %s",
                    (cg_level_info((enum cg_level)level)->checks >> check & 1) != 0 ? "x" : "\\&");
        putchar('\n');
    }
    puts(".El");
}

static void
level_words(void)
{
    puts(".Bl -tag -width Ds");
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        const struct cg_level_info *info = cg_level_info((enum cg_level)level);

        printf(".It Cm %s\n", info->id);
        put_sentence(info->title);
        put_sentence(info->explain);
    }
    puts(".El");
}

static void
allowances(void)
{
    puts(".Bl -tag -width Ds");
    for (int i = 0; i < CG_ALLOWANCES; i++) {
        printf(".It Cm %s\n", cg_allowance_name((enum cg_allowance)i));
        put_sentence(cg_allowance_explain((enum cg_allowance)i));
    }
    puts(".El");
}

static void
reasons(void)
{
    puts(".Bl -tag -width Ds");
    for (int i = CG_REASON_NONE + 1; i < CG_REASON_COUNT; i++) {
        const struct cg_reason_info *info = cg_reason_info((enum cg_reason)i);

        printf(".It Cm %s\n", info->code);
        put_sentence(info->explain);
        put_words("What to do: ", info->remedy, ".");
        if (info->alert >= 0)
            printf("TLS alert %d.\n", info->alert);
    }
    puts(".El");
}

static void
services(void)
{
    puts(".Bl -tag -width Ds");
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        const struct security_info *info = security_info((enum security)i);

        printf(".It Cm %s\n", info->id);
        put_sentence(info->explain);
        if (!info->tls)
            continue;
        printf("Lowest version: TLS 1.%d.\n", (info->min_tls & 0xff) - 1);
        puts("Ciphers, in the order of preference:");
        put_list_of(info->suites);
        put_list_of(info->ciphers);
        fputs("Keys are agreed on by", stdout);
        for (size_t j = 0; info->groups[j] != 0; j++)
            printf("%s %s", j == 0 ? "" : ",", OBJ_nid2sn(info->groups[j]));
        puts(".");
    }
    puts(".El");
}

static const struct {
    const char *line;
    void (*write)(void);
} parts[] = {
    { "@date@\n", date },
    { "@synopsis@\n", synopsis },
    { "@commands@\n", commands },
    { "@node-settings@\n", node_settings },
    { "@blocks@\n", blocks },
    { "@block-settings@\n", block_settings },
    { "@stored-settings@\n", stored_settings },
    { "@checks@\n", checks },
    { "@levels@\n", levels },
    { "@level-words@\n", level_words },
    { "@allowances@\n", allowances },
    { "@reasons@\n", reasons },
    { "@services@\n", services },
};

int
main(int argc, char **argv)
{
    char line[1024];
    FILE *in = argc == 2 ? fopen(argv[1], "re") : NULL;
    size_t part;

    if (in == NULL) {
        fputs("usage: make_man PAGE.in > PAGE\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        for (part = 0; part < sizeof(parts) / sizeof(parts[0]); part++)
            if (strcmp(line, parts[part].line) == 0)
                break;
        if (part < sizeof(parts) / sizeof(parts[0])) {
            parts[part].write();
        } else if (line[0] == '@') {
            fprintf(stderr, "make_man: %s: nothing is known as %s", argv[1], line);
            fclose(in);
            return 1;
        } else {
            fputs(line, stdout);
        }
    }
    fclose(in);
    return ferror(stdout) || fflush(stdout) != 0;
}
