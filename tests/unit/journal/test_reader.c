#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "folder.h"
#include "journal/journal.h"

static struct journal_reader *
open_log(const struct folder *folder)
{
    struct cg_error err = { "" };
    struct journal_reader *reader = journal_reader_open(folder->log, true, &err);

    if (reader == NULL)
        fail_msg("%s", err.text);
    return reader;
}

/* What comes until the end, joined by spaces. */
static const char *
rest(struct journal_reader *reader, char *out, size_t size)
{
    enum journal_next next;
    const char *line;
    size_t len, at = 0;

    out[0] = '\0';
    while ((next = journal_reader_next(reader, &line, &len)) == JOURNAL_LINE)
        at += (size_t)snprintf(out + at, size - at, "%s%.*s", at == 0 ? "" : " ", (int)len, line);
    assert_int_equal(next, JOURNAL_END);
    return out;
}

static void
test_rotated_files_in_order(void **state)
{
    const struct folder *folder = *state;
    struct journal_reader *reader;
    char text[256];

    folder_put(folder, ".10", "a\nb\n");
    folder_put(folder, ".2", "c\ntorn");
    folder_put(folder, ".1", "d\n");
    folder_put(folder, "", "e\n\nf\nhal");
    reader = open_log(folder);
    assert_int_equal(journal_reader_bytes(reader), 4 + 6 + 2 + 8);
    assert_string_equal(rest(reader, text, sizeof(text)), "a b c d e  f");
    assert_int_equal(journal_reader_passed(reader), 1); /* the torn one */
    assert_int_equal(journal_reader_torn(reader), 3); /* may still be going on */
    /* What is appended comes when it is asked for again. */
    folder_put(folder, "", "e\n\nf\nhalf\ng\n");
    assert_string_equal(rest(reader, text, sizeof(text)), "half g");
    journal_reader_free(reader);
}

static void
test_a_line_without_end(void **state)
{
    const struct folder *folder = *state;
    struct journal_reader *reader;
    char text[64], *large = malloc(4 * JOURNAL_MAX_LINE + 64);
    const char *line;
    size_t len;

    /* At the limit, one over it, and far over it. */
    memset(large, 'x', 4 * JOURNAL_MAX_LINE);
    strcpy(large + JOURNAL_MAX_LINE, "\nb\n");
    folder_put(folder, ".3", large);
    memset(large, 'x', 4 * JOURNAL_MAX_LINE);
    strcpy(large + JOURNAL_MAX_LINE + 1, "\nc\n");
    folder_put(folder, ".2", large);
    memset(large, 'x', 4 * JOURNAL_MAX_LINE);
    strcpy(large + 4 * JOURNAL_MAX_LINE, "\nd\n");
    folder_put(folder, ".1", large);
    folder_put(folder, "", "e\n");
    free(large);
    reader = open_log(folder);
    assert_int_equal(journal_reader_next(reader, &line, &len), JOURNAL_LINE);
    assert_int_equal(len, JOURNAL_MAX_LINE);
    assert_string_equal(rest(reader, text, sizeof(text)), "b c d e");
    assert_int_equal(journal_reader_passed(reader), 2);
    journal_reader_free(reader);
}

static void
test_from_the_end(void **state)
{
    static const struct {
        const char *why;
        uint64_t bytes;
        const char *expect;
    } rows[] = {
        { "nothing", 0, "" },
        { "less than a line", 2, "" },
        { "a line and its start", 4, "ddd" },
        { "a line and a piece of the one before", 6, "ddd" },
        { "the whole file", 8, "ccc ddd" },
        { "a piece of the rotated one", 11, "ccc ddd" },
        { "all", 16, "aaa bbb ccc ddd" },
        { "more than all", UINT64_MAX, "aaa bbb ccc ddd" },
    };
    const struct folder *folder = *state;
    struct journal_reader *reader;
    char text[64];

    folder_put(folder, ".1", "aaa\nbbb\n");
    folder_put(folder, "", "ccc\nddd\n");
    reader = open_log(folder);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        journal_reader_from_end(reader, rows[i].bytes);
        if (strcmp(rest(reader, text, sizeof(text)), rows[i].expect) != 0)
            fail_msg("%s: '%s' is not '%s'", rows[i].why, text, rows[i].expect);
    }
    journal_reader_free(reader);
}

/* A line a second for a day, each of 100 octets and more: enough for the search to halve many times. */
static void
test_from_a_time(void **state)
{
    static const int64_t moments[] = { 0, 1, 59, 60, 61, 3600, 40000, 86398, 86399, 100000 };
    const int64_t start = INT64_C(1795564800);
    const struct folder *folder = *state;
    struct journal_reader *reader;
    struct cg_buf lines;
    const char *line;
    size_t len;

    cg_buf_init(&lines, 64 * 1024 * 1024);
    for (int64_t i = 0; i < 86400; i++) {
        cg_buf_add(&lines, "{\"v\":1,\"time\":\"");
        cg_buf_add_time(&lines, start + i);
        cg_buf_addf(&lines, "\",\"number\":%lld,\"fill\":\"%080d\"}\n", (long long)i, 0);
    }
    folder_put(folder, "", cg_buf_text(&lines));
    cg_buf_release(&lines);
    reader = open_log(folder);
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        long long first = -1, count = 0;

        journal_reader_from_time(reader, (start + moments[i]) * 1000);
        while (journal_reader_next(reader, &line, &len) == JOURNAL_LINE) {
            if (count++ == 0)
                assert_int_equal(sscanf(strstr(line, "number"), "number\":%lld", &first), 1);
        }
        /* Nothing that is wanted is skipped, and not much else is read: a block at most. */
        if (moments[i] < 86400)
            assert_true(count == 86400 - first && first <= moments[i]);
        if (first >= 0)
            assert_true(first + 60 + 6000 >= moments[i] || moments[i] >= 86400);
    }
    journal_reader_free(reader);
}

static void
test_following_a_rotation(void **state)
{
    const struct folder *folder = *state;
    struct journal_reader *reader;
    char text[64], from[128], to[128];

    folder_put(folder, "", "a\n");
    reader = open_log(folder);
    assert_string_equal(rest(reader, text, sizeof(text)), "a");
    assert_false(journal_reader_renew(reader));
    /* Rotated twice between two looks. */
    (void)snprintf(from, sizeof(from), "%s", folder->log);
    (void)snprintf(to, sizeof(to), "%s.2", folder->log);
    assert_int_equal(rename(from, to), 0);
    folder_put(folder, ".1", "b\nc\n");
    folder_put(folder, "", "d\n");
    assert_string_equal(rest(reader, text, sizeof(text)), "");
    assert_true(journal_reader_renew(reader));
    assert_string_equal(rest(reader, text, sizeof(text)), "b c d");
    assert_false(journal_reader_renew(reader));
    /* Emptied in its place, as copytruncate does. */
    folder_put(folder, "", "");
    assert_true(journal_reader_renew(reader));
    assert_string_equal(rest(reader, text, sizeof(text)), "");
    folder_put(folder, "", "e\n");
    assert_string_equal(rest(reader, text, sizeof(text)), "e");
    journal_reader_free(reader);
}

static void
test_half_a_line_that_is_taken_back(void **state)
{
    const struct folder *folder = *state;
    struct journal_reader *reader;
    char text[64];

    folder_put(folder, "", "a\nhalf");
    reader = open_log(folder);
    assert_string_equal(rest(reader, text, sizeof(text)), "a");
    assert_int_equal(truncate(folder->log, 2), 0);
    assert_true(journal_reader_renew(reader));
    folder_put(folder, "", "a\nwhole\n");
    assert_string_equal(rest(reader, text, sizeof(text)), "whole");
    journal_reader_free(reader);
}

static void
test_what_cannot_be_read(void **state)
{
    const struct folder *folder = *state;
    struct cg_error err = { "" };

    assert_null(journal_reader_open(folder->log, true, &err));
    assert_non_null(strstr(err.text, "No such file"));
    assert_null(journal_reader_open(folder->path, true, &err));
    assert_non_null(strstr(err.text, "Is a directory"));
}

int
main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_rotated_files_in_order),
        IN_FOLDER(test_a_line_without_end),
        IN_FOLDER(test_from_the_end),
        IN_FOLDER(test_from_a_time),
        IN_FOLDER(test_following_a_rotation),
        IN_FOLDER(test_half_a_line_that_is_taken_back),
        IN_FOLDER(test_what_cannot_be_read),
    };

    return cmocka_run_group_tests_name("journal-reader", tests, NULL, NULL);
}
