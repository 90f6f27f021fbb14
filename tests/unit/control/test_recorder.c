#include "control/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"
#include "journal/index.h"

/* 2026-11-25T00:00:00Z */
#define START INT64_C(1795564800)

static struct settings_recording
usual(void)
{
    struct settings_recording settings;

    recording_init(&settings);
    return settings;
}

static struct recorder *
open_log(const struct folder *folder)
{
    const struct settings_recording settings = usual();
    struct recorder *recorder = recorder_open(folder->log, -1, &settings);

    assert_non_null(recorder);
    return recorder;
}

static void
take(struct recorder *recorder, const char *line, int64_t now_ms)
{
    (void)recorder_take(recorder, line, strlen(line), NULL, now_ms, START + now_ms / 1000);
}

static void
step(struct recorder *recorder, uint64_t elsewhere, int64_t now_ms)
{
    recorder_step(recorder, elsewhere, now_ms, START + now_ms / 1000);
}

/* How many octets files may have from here on, as if the disk were full. */
static void
limit_files(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What certgated says meanwhile, through a pipe, which has no size. */
static int saying;
static char said[64 * 1024];

static void
listen_to_it(void)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    saying = ends[0];
}

/* Times that a text was said since the test began. */
static unsigned
heard(const char *text)
{
    size_t at = strlen(said);
    unsigned times = 0;
    ssize_t len;

    while ((len = read(saying, said + at, sizeof(said) - 1 - at)) > 0)
        at += (size_t)len;
    said[at] = '\0';
    for (const char *next = said; (next = strstr(next, text)) != NULL; next++)
        times++;
    return times;
}

static void
forget_what_was_heard(void)
{
    (void)heard("certgated");
    said[0] = '\0';
}

static void
test_records_wait_for_the_disk(void **state)
{
    const struct folder *folder = *state;
    struct recorder *recorder = open_log(folder);
    char text[256];

    forget_what_was_heard();
    take(recorder, "{\"a\":1}", 0);
    assert_true(recorder_works(recorder));
    assert_int_equal(recorder_next_ms(recorder), INT64_MAX);
    limit_files(10);
    take(recorder, "{\"b\":2}", 1000);
    take(recorder, "{\"c\":3}", 1001);
    assert_false(recorder_works(recorder));
    assert_int_equal(recorder_waiting(recorder), 2);
    assert_int_equal(recorder_next_ms(recorder), 2000);
    /* Once, not for each record or attempt. */
    step(recorder, 0, 2000);
    step(recorder, 0, 3000);
    assert_int_equal(heard("decisions cannot be recorded"), 1);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "{\"a\":1}\n");
    limit_files(RLIM_INFINITY);
    step(recorder, 0, 3500); /* not time yet */
    assert_false(recorder_works(recorder));
    step(recorder, 0, 4000);
    assert_true(recorder_works(recorder));
    assert_int_equal(heard("decisions are recorded again"), 1);
    take(recorder, "{\"d\":4}", 4001);
    /* In their order, and nothing twice. */
    assert_string_equal(folder_get(folder, "", text, sizeof(text)),
            "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n{\"d\":4}\n");
    assert_int_equal(recorder_lost(recorder), 0);
    recorder_close(recorder);
}

static void
test_what_does_not_fit_is_counted(void **state)
{
    const struct folder *folder = *state;
    struct recorder *recorder = open_log(folder);
    char *line = malloc(100001);
    uint64_t waiting;
    struct stat facts;

    forget_what_was_heard();
    memset(line, 'x', 100000);
    line[100000] = '\0';
    limit_files(0);
    for (int i = 0; i < 100; i++)
        take(recorder, line, i);
    waiting = recorder_waiting(recorder);
    assert_true(waiting > 0 && waiting * 100000 <= RECORDER_MAX_WAITING);
    assert_int_equal(recorder_lost(recorder), 100 - waiting);
    /* Told once a minute, those of the workers among them. */
    step(recorder, 3, 1000);
    assert_int_equal(heard("records were lost"), 0);
    step(recorder, 3, RECORDER_TELL_MS);
    (void)snprintf(
            line, 100, "%llu decision records were lost", (unsigned long long)(103 - waiting));
    assert_int_equal(heard(line), 1);
    step(recorder, 4, RECORDER_TELL_MS + 1);
    assert_int_equal(heard("lost"), 2); /* "are lost beyond" is the other */
    assert_int_equal(recorder_next_ms(recorder), RECORDER_TELL_MS + 1000);
    step(recorder, 4, 2 * RECORDER_TELL_MS);
    assert_int_equal(heard("1 decision record was lost"), 1);
    limit_files(RLIM_INFINITY);
    step(recorder, 4, 2 * RECORDER_TELL_MS + 1000);
    assert_int_equal(stat(folder->log, &facts), 0);
    assert_int_equal(facts.st_size, waiting * 100001);
    recorder_close(recorder);
    free(line);
}

static void
test_not_allowed(void **state)
{
    const struct folder *folder = *state;
    struct recorder *recorder = open_log(folder);
    char text[64];

    forget_what_was_heard();
    recorder_allow(recorder, false);
    step(recorder, 0, 0);
    assert_false(recorder_works(recorder));
    assert_int_equal(heard("kept for administrative changes"), 1);
    take(recorder, "{}", 1);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "");
    recorder_allow(recorder, true);
    step(recorder, 0, 2);
    assert_true(recorder_works(recorder));
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "{}\n");
    recorder_close(recorder);
}

/* A worker cannot bring the log to a halt with what is no record. */
static void
test_what_is_no_record(void **state)
{
    const struct folder *folder = *state;
    struct recorder *recorder = open_log(folder);
    char text[64];

    take(recorder, "{}\n{}", 0);
    assert_int_equal(recorder_lost(recorder), 1);
    assert_true(recorder_works(recorder));
    take(recorder, "{}", 1);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "{}\n");
    recorder_close(recorder);
}

static void
test_rotation_by_settings_and_by_others(void **state)
{
    const struct folder *folder = *state;
    struct settings_recording settings = usual();
    struct recorder *recorder = open_log(folder);
    char name[128], text[64];

    take(recorder, "{\"a\":1}", 0);
    settings.max_bytes = 10;
    recorder_settle(recorder, &settings);
    take(recorder, "{\"b\":2}", 1);
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "{\"b\":2}\n");
    assert_string_equal(folder_get(folder, ".1", text, sizeof(text)), "{\"a\":1}\n");
    settings.max_bytes = 0;
    recorder_settle(recorder, &settings);
    (void)snprintf(name, sizeof(name), "%s.renamed", folder->log);
    assert_int_equal(rename(folder->log, name), 0);
    recorder_reopen(recorder);
    take(recorder, "{\"c\":3}", 2);
    assert_string_equal(folder_get(folder, ".renamed", text, sizeof(text)), "{\"b\":2}\n");
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "{\"c\":3}\n");
    recorder_close(recorder);
}

/* The descriptor counts, not the name: what was handed over is written on. */
static void
test_handed_over(void **state)
{
    const struct folder *folder = *state;
    const struct settings_recording settings = usual();
    struct recorder *before = open_log(folder), *after;
    char name[128], text[64];

    take(before, "{\"a\":1}", 0);
    (void)snprintf(name, sizeof(name), "%s.renamed", folder->log);
    assert_int_equal(rename(folder->log, name), 0);
    after = recorder_open(folder->log, dup(recorder_fd(before)), &settings);
    assert_non_null(after);
    recorder_close(before);
    take(after, "{\"b\":2}", 1);
    assert_string_equal(
            folder_get(folder, ".renamed", text, sizeof(text)), "{\"a\":1}\n{\"b\":2}\n");
    assert_string_equal(folder_get(folder, "", text, sizeof(text)), "(none)");
    recorder_close(after);
}

/* What waited is found as quickly as what did not. */
static void
test_what_waited_is_in_the_index(void **state)
{
    static const char line[] =
            "{\"v\":1,\"time\":\"2026-11-25T09:08:07.123Z\",\"interface\":\"web\","
            "\"incident\":\"i\",\"verdict\":\"reject\",\"reason\":\"expired\"}";
    const struct folder *folder = *state;
    struct recorder *recorder = open_log(folder);
    struct index_reader index;
    struct stat facts;
    int fd;

    limit_files(10);
    take(recorder, line, 0);
    take(recorder, line, 1);
    assert_int_equal(recorder_waiting(recorder), 2);
    limit_files(RLIM_INFINITY);
    step(recorder, 0, 4000);
    assert_int_equal(recorder_waiting(recorder), 0);
    recorder_close(recorder);
    fd = open(folder->log, O_RDONLY);
    assert_int_equal(fstat(fd, &facts), 0);
    index_reader_open(&index, folder->log, fd, (uint64_t)facts.st_size);
    assert_int_equal(index.count, 2);
    index_reader_close(&index);
    close(fd);
}

static void
test_told_elsewhere(void **state)
{
    static const char line[] =
            "{\"v\":1,\"time\":\"2026-11-25T09:08:07.123Z\",\"interface\":\"web\",\"incident\":"
            "\"i\",\"verdict\":\"%s\",\"reason\":\"expired\"}";
    const struct folder *folder = *state;
    struct settings_recording settings = usual();
    struct recorder *recorder = open_log(folder);
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct journal_entry entry;
    char text[4096];

    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", folder->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    (void)snprintf(text, sizeof(text), "syslog:%s", at.sun_path);
    assert_null(recording_read(&settings, "log-to", text));
    recorder_settle(recorder, &settings);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof(text), line, i == 0 ? "accept" : "reject");
        assert_true(journal_entry_parse(text, strlen(text), &entry));
        recorder_tell_decision(recorder, &entry);
        journal_entry_release(&entry);
    }
    memset(text, 0, sizeof(text));
    assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, "refused a peer on web: expired (incident i)"));
    assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
    close(fd);
    recorder_tell(recorder, 4, START, "topic", "words");
    assert_int_equal(recorder_untold(recorder), 1);
    recorder_close(recorder);
}

static int
begin_to_listen(void **state)
{
    (void)state;
    listen_to_it();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)
        TEST(test_records_wait_for_the_disk),
        TEST(test_what_does_not_fit_is_counted),
        TEST(test_not_allowed),
        TEST(test_what_is_no_record),
        TEST(test_rotation_by_settings_and_by_others),
        TEST(test_handed_over),
        TEST(test_what_waited_is_in_the_index),
        TEST(test_told_elsewhere),
#undef TEST
    };

    (void)signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests_name("control-recorder", tests, begin_to_listen, NULL);
}
