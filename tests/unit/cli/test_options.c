/* Options as rows. */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define A64 "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

/* clang-format off */
static const struct {
    const char *text;
    size_t digits;
    const char *expect;
} fingerprints[] = {
    { A64, 64, A64 },
    { "AB:CD:EF", 6, "abcdef" },
    { "abcd", 4, "abcd" },
    { A64 "0", 0, NULL },
    { ":ab", 0, NULL },
    { "abcg", 0, NULL },
    { "ab cd", 0, NULL },
    { "", 0, NULL },
};

static const struct {
    const char *why;
    const char *words[6];
    bool goes_on;
    int status;
} lines[] = {
    { "nothing", { "x" }, true, CLI_ACCEPT },
    { "a flag, a text, a number", { "x", "--flag", "--text=a", "--number", "12" }, true, CLI_ACCEPT },
    { "ten minutes", { "x", "--duration", "10m" }, true, CLI_ACCEPT },
    { "below a second", { "x", "--duration", "500ms" }, false, CLI_USAGE },
    { "no number", { "x", "--number", "1x" }, false, CLI_USAGE },
    { "a negative number", { "x", "--number=-1" }, false, CLI_USAGE },
    { "no number at all", { "x", "--number=" }, false, CLI_USAGE },
    { "no time", { "x", "--moment", "soon" }, false, CLI_USAGE },
    { "JSON", { "x", "--format", "json" }, true, CLI_ACCEPT },
    { "another format", { "x", "--format", "xml" }, false, CLI_USAGE },
    { "a value missing", { "x", "--text" }, false, CLI_USAGE },
    { "an unknown one", { "x", "--flagg" }, false, CLI_USAGE },
};
/* clang-format on */

struct values {
    bool flag;
    const char *text;
    int64_t number, duration, moment;
    struct option_list list;
};

static bool
read_line(struct values *values, struct cli_node *node, const char *const *words, int *status)
{
    const struct option_row rows[] = { { "flag", OPTION_FLAG, &values->flag },
        { "text", OPTION_TEXT, &values->text }, { "number", OPTION_NUMBER, &values->number },
        { "duration", OPTION_DURATION, &values->duration },
        { "moment", OPTION_MOMENT, &values->moment }, { "list", OPTION_LIST, &values->list },
        { NULL, OPTION_FLAG, NULL } };
    static char copies[80][64];
    char *argv[81] = { NULL };
    int argc = 0;

    for (; words[argc] != NULL; argc++) {
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    return options_read("x", "usage: x\n", rows, node, argc, argv, status);
}

static void
test_fingerprints(void **state)
{
    char out[65];

    (void)state;
    for (size_t i = 0; i < COUNT(fingerprints); i++) {
        assert_int_equal(options_digits(fingerprints[i].text, out), fingerprints[i].digits);
        if (fingerprints[i].expect != NULL)
            assert_string_equal(out, fingerprints[i].expect);
    }
}

static void
test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct values values = { .number = -1 };
        struct cli_node node = CLI_NODE;
        int status = -1;

        if (read_line(&values, &node, lines[i].words, &status) != lines[i].goes_on ||
                status != lines[i].status)
            fail_msg("%s: status %d", lines[i].why, status);
    }
}

static void
test_values(void **state)
{
    const char *const words[] = { "x", "--flag", "--list", "a", "rest", "--list=b", "--number", "7",
        "--duration=2h", "--state", "/s", "--format=json", NULL };
    struct values values = { .number = -1 };
    struct cli_node node = CLI_NODE;
    int status = -1;

    (void)state;
    assert_true(read_line(&values, &node, words, &status));
    assert_true(values.flag);
    assert_int_equal(values.number, 7);
    assert_int_equal(values.duration, 7200);
    assert_int_equal(values.list.count, 2);
    assert_string_equal(values.list.values[1], "b");
    assert_string_equal(node.state, "/s");
    assert_int_equal(node.output, CLI_JSON);
    /* What is no option comes last. */
    assert_true(options_arguments("x", 12, 1, 1, &status));
    assert_false(options_arguments("x", 12, 2, 2, &status));
    assert_int_equal(status, CLI_USAGE);
    assert_false(options_arguments("x", 12, 0, 0, &status));
}

static void
test_a_list_has_an_end(void **state)
{
    const char *words[OPTIONS_MAX_LIST + 3] = { "x" };
    struct values values = { .number = -1 };
    struct cli_node node = CLI_NODE;
    int status = -1;

    (void)state;
    for (size_t i = 1; i <= OPTIONS_MAX_LIST; i++)
        words[i] = "--list=a";
    assert_true(read_line(&values, &node, words, &status));
    values.list.count = 0;
    words[OPTIONS_MAX_LIST + 1] = "--list=a";
    assert_false(read_line(&values, &node, words, &status));
    assert_int_equal(status, CLI_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_a_list_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
