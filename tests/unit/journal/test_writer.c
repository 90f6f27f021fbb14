#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "folder.h"
#include "journal/journal.h"

#define LINE "{\"v\":1,\"time\":\"2026-11-25T00:00:00.000Z\"}"
/* 2026-11-25T00:00:00Z */
#define NOW INT64_C(1795564800)

static void
write_line(struct journal_writer *writer, const char *line, int64_t now)
{
    struct cg_error err;

    assert_int_equal(journal_write(writer, line, strlen(line), now, &err), JOURNAL_WRITTEN);
    assert_string_equal(err.text, "");
}

static struct journal_writer *
open_log(const struct folder *folder, struct journal_limits limits)
{
    struct cg_error err = { "" };
    struct journal_writer *writer = journal_open(folder->log, &limits, &err);

    if (writer == NULL)
        fail_msg("%s", err.text);
    return writer;
}

static void
test_rotation_by_size(void **state)
{
    const struct folder *folder = *state;
    struct journal_writer *writer =
            open_log(folder, (struct journal_limits) { .max_bytes = 8, .keep = 2 });
    char text[64];

    write_line(writer, "one", NOW);
    write_line(writer, "two", NOW); /* 8 octets: fits exactly */
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "one\ntwo\n");
    write_line(writer, "three", NOW);
    write_line(writer, "longer than a file may be", NOW); /* a record is never refused for that */
    write_line(writer, "last", NOW);
    journal_close(writer);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "last\n");
    assert_string_equal(
            folder_get(folder, ".1", text, sizeof(text)), "longer than a file may be\n");
    assert_string_equal(folder_get(folder, ".2", text, sizeof(text)), "three\n");
    assert_string_equal(folder_get(folder, ".3", text, sizeof(text)), "(none)");
}

static void
test_rotation_by_age(void **state)
{
    const struct folder *folder = *state;
    const struct journal_limits limits = { .max_age_s = 3600, .keep = 5 };
    struct journal_writer *writer = open_log(folder, limits);
    char text[256];

    write_line(writer, LINE, NOW);
    write_line(writer, "second", NOW + 3599);
    /* Opened again: the age is that of the first line, not of the opening. */
    journal_close(writer);
    writer = open_log(folder, limits);
    write_line(writer, "third", NOW + 3599);
    write_line(writer, "fourth", NOW + 3600);
    journal_close(writer);
    assert_string_equal(folder_get(folder, ".1", text, sizeof(text)), LINE "\nsecond\nthird\n");
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "fourth\n");
}

static void
test_a_rotation_that_fails_loses_nothing(void **state)
{
    const struct folder *folder = *state;
    struct journal_writer *writer =
            open_log(folder, (struct journal_limits) { .max_bytes = 4, .keep = 1 });
    struct cg_error err;
    char path[128], text[64];

    /* A folder stands where the rotated file would. */
    (void)snprintf(path, sizeof(path), "%s.1", folder->log);
    assert_int_equal(mkdir(path, 0700), 0);
    write_line(writer, "one", NOW);
    assert_int_equal(journal_write(writer, "two", 3, NOW, &err), JOURNAL_WRITTEN);
    assert_non_null(strstr(err.text, "cannot be rotated"));
    /* Not asked again for each record, and then it works. */
    write_line(writer, "three", NOW + JOURNAL_RETRY_S - 1);
    assert_int_equal(rmdir(path), 0);
    write_line(writer, "four", NOW + JOURNAL_RETRY_S);
    journal_close(writer);
    assert_string_equal(folder_get(folder, ".1", text, sizeof(text)), "one\ntwo\nthree\n");
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "four\n");
}

static void
test_torn_line_is_ended(void **state)
{
    const struct folder *folder = *state;
    struct journal_writer *writer;
    char text[64];

    folder_put(folder, "", "whole\nhal");
    writer = open_log(folder, (struct journal_limits) { .keep = 1 });
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "whole\nhal\n");
    write_line(writer, "next", NOW);
    journal_close(writer);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "whole\nhal\nnext\n");
}

static void
test_half_a_line_is_taken_back(void **state)
{
    const struct folder *folder = *state;
    struct journal_writer *writer = open_log(folder, (struct journal_limits) { .keep = 1 });
    struct rlimit before, small;
    struct cg_error err;
    char text[64];

    write_line(writer, "one", NOW);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    small = before;
    small.rlim_cur = 8; /* four octets more, of nine */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(journal_write(writer, "half way", 8, NOW, &err), JOURNAL_FAILED);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "one\n");
    write_line(writer, "two", NOW);
    journal_close(writer);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "one\ntwo\n");
}

static void
test_a_full_disk_is_told(void **state)
{
    const struct journal_limits limits = { .keep = 1 };
    struct cg_error err = { "" };
    struct journal_writer *writer = journal_open("/dev/full", &limits, &err);

    (void)state;
    assert_non_null(writer);
    assert_int_equal(journal_write(writer, "one", 3, NOW, &err), JOURNAL_FULL);
    assert_non_null(strstr(err.text, "No space left"));
    journal_close(writer);
}

static void
test_a_pipe_that_takes_half_a_line(void **state)
{
    struct journal_writer *writer;
    struct cg_error err;
    char line[8192], text[80000], *at;
    size_t len = 0, lines = 0;
    int ends[2];

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    /* One octet less than it holds of such lines: the last one goes in by half. */
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 65536) >= 65536);
    writer = journal_open_fd(ends[1], &err);
    assert_non_null(writer);
    while (journal_write(writer, line, sizeof(line), NOW, &err) == JOURNAL_WRITTEN)
        lines++;
    assert_true(lines > 0 && lines < 9);
    len = (size_t)read(ends[0], text, sizeof(text));
    assert_true(len > 0 && len <= sizeof(text) - 8);
    assert_int_equal(journal_write(writer, "next", 4, NOW, &err), JOURNAL_WRITTEN);
    len += (size_t)read(ends[0], text + len, sizeof(text) - len);
    /* Whatever was cut, the next line stands alone. */
    at = memrchr(text, '\n', len - 1);
    assert_non_null(at);
    assert_memory_equal(at, "\nnext\n", 6);
    journal_close(writer);
    close(ends[0]);
}

static void
test_what_is_no_line(void **state)
{
    const struct folder *folder = *state;
    struct journal_writer *writer = open_log(folder, (struct journal_limits) { .keep = 1 });
    char *large = calloc(1, JOURNAL_MAX_LINE + 1), text[8];
    struct cg_error err;

    memset(large, 'x', JOURNAL_MAX_LINE + 1);
    assert_int_equal(journal_write(writer, "a\nb", 3, NOW, &err), JOURNAL_FAILED);
    assert_int_equal(journal_write(writer, large, JOURNAL_MAX_LINE + 1, NOW, &err), JOURNAL_FAILED);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "");
    assert_int_equal(journal_write(writer, large, JOURNAL_MAX_LINE, NOW, &err), JOURNAL_WRITTEN);
    journal_close(writer);
    free(large);
}

static void
test_reopen(void **state)
{
    const struct folder *folder = *state;
    struct journal_writer *writer =
            open_log(folder, (struct journal_limits) { .keep = 1, .sync_each = true });
    struct cg_error err;
    char moved[128], text[64];

    write_line(writer, "one", NOW);
    (void)snprintf(moved, sizeof(moved), "%s.moved", folder->log);
    assert_int_equal(rename(folder->log, moved), 0);
    write_line(writer, "two", NOW); /* goes on where it was */
    assert_int_equal(journal_reopen(writer, &err), CG_OK);
    write_line(writer, "three", NOW);
    assert_int_equal(journal_sync(writer, &err), CG_OK);
    journal_close(writer);
    assert_string_equal(folder_get(folder, ".moved", text, sizeof(text)), "one\ntwo\n");
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "three\n");
}

static void
test_limits_are_checked(void **state)
{
    const struct folder *folder = *state;
    const struct journal_limits none = { .keep = 0 }, many = { .keep = JOURNAL_MAX_KEEP + 1 };
    struct cg_error err;

    assert_null(journal_open(folder->log, &none, &err));
    assert_null(journal_open(folder->log, &many, &err));
    assert_null(journal_open("/nowhere/log", &(struct journal_limits) { .keep = 1 }, &err));
    assert_non_null(strstr(err.text, "/nowhere/log"));
}

int
main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_rotation_by_size),
        IN_FOLDER(test_rotation_by_age),
        IN_FOLDER(test_a_rotation_that_fails_loses_nothing),
        IN_FOLDER(test_torn_line_is_ended),
        IN_FOLDER(test_half_a_line_is_taken_back),
        IN_FOLDER(test_a_full_disk_is_told),
        IN_FOLDER(test_a_pipe_that_takes_half_a_line),
        IN_FOLDER(test_what_is_no_line),
        IN_FOLDER(test_reopen),
        IN_FOLDER(test_limits_are_checked),
    };

    return cmocka_run_group_tests_name("journal-writer", tests, NULL, NULL);
}
