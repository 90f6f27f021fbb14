/* Tables as they are printed. */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct table_column columns[] = { { "Name", false }, { "Count", true },
    { "Rest", false }, { NULL, false } };

/* Runs what prints, and gives back what it printed. */
static const char *
printed(void (*print)(void))
{
    static char text[4096];
    FILE *file = tmpfile();
    int before;
    size_t len;

    assert_non_null(file);
    fflush(stdout);
    before = dup(STDOUT_FILENO);
    assert_true(before >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
    print();
    fflush(stdout);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    rewind(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void
print_rows(void)
{
    struct table table;

    table_init(&table, columns, 2);
    table_add(&table, "short");
    table_addf(&table, "%d", 7);
    table_add(&table, "one\ntwo\x1b[2J");
    table_add(&table, "a longer one");
    table_addf(&table, "%d", 1234567);
    table_add(&table, NULL);
    assert_true(table_print(&table));
    /* A later page keeps the widths, and has no titles. */
    table_add(&table, "x");
    table_addf(&table, "%d", 1);
    table_add(&table, "\xc3\xa9t\xc3\xa9");
    assert_true(table_print(&table));
    table_release(&table);
}

static void
test_rows(void **state)
{
    (void)state;
    assert_string_equal(printed(print_rows),
            "  Name            Count  Rest\n"
            "  short               7  one?two?[2J\n"
            "  a longer one  1234567  -\n"
            "  x                   1  \xc3\xa9t\xc3\xa9\n");
}

static void
print_members(void)
{
    json_t *object =
            json_pack("{s:s,s:i,s:b}", "time", "2026-11-25T08:01:02Z", "number", 12, "flag", 1);
    struct table table;

    table_init(&table, columns, 0);
    table_member(&table, object, "time");
    table_member(&table, object, "number");
    table_member(&table, object, "flag");
    table_member(&table, object, "nothing");
    table_member(&table, NULL, "nothing");
    table_member(&table, object, "flag");
    assert_true(table_print(&table));
    table_release(&table);
    json_decref(object);
}

static void
test_members(void **state)
{
    (void)state;
    assert_string_equal(printed(print_members),
            "Name              Count  Rest\n"
            "2026-11-25 08:01     12  yes\n"
            "-                     -  yes\n");
}

static void
print_nothing(void)
{
    struct table table;

    table_init(&table, columns, 0);
    assert_true(table_print(&table));
    table_release(&table);
}

static void
test_no_rows(void **state)
{
    (void)state;
    assert_string_equal(printed(print_nothing), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_no_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
