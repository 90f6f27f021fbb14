/* With the index or without it: the same records, in both directions; and what the index gets wrong is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "folder.h"
#include "journal/index.h"
#include "journal/query.h"

/* 2026-11-25T00:00:00Z */
#define START INT64_C(1795564800)
#define RECORDS 3000

/* One record of many kinds; what differs is of different periods, so that all combinations come. */
static void
make_record(char *out, size_t size, unsigned i)
{
    static const char *const interfaces[] = { "web", "sip", "line" };
    static const char *const reasons[] = { "expired", "not-in-tcs", "weak-key", "purpose-mismatch",
        "handshake-failed" };
    struct cg_buf time;
    char peer[64], certificate[128] = "";

    cg_buf_init(&time, 64);
    cg_buf_add_time(&time, START + i);
    if (i % 7 == 0)
        (void)snprintf(peer, sizeof(peer), "[2001:db8:%x::%x]:5", i % 5, i % 100);
    else if (i % 11 == 0)
        (void)snprintf(peer, sizeof(peer), "unix");
    else
        (void)snprintf(peer, sizeof(peer), "10.%u.%u.7:%u", i % 5, i % 200, i);
    if (i % 4 != 0)
        (void)snprintf(certificate, sizeof(certificate), ",\"certificate\":{\"sha256\":\"%s%x\"}",
                i % 100 == 1 ? "odd" : "", i % 50 + 0x1234567);
    (void)snprintf(out, size,
            "{\"v\":1,\"time\":\"%s\",\"interface\":\"%s\",\"incident\":\"i%u\",\"peer\":\"%s\","
            "\"class\":\"%s\",\"verdict\":\"%s\",\"reason\":%s%s%s,\"decided_in\":%s%u%s%s}",
            cg_buf_text(&time), interfaces[i % 3], i / 2, peer, i % 13 == 0 ? "hq" : "other",
            i % 2 == 0 ? "accept" : "reject", i % 2 == 0 ? "null" : "\"",
            i % 2 == 0 ? "" : reasons[i % 5], i % 2 == 0 ? "" : "\"", i % 17 == 0 ? "\"i" : "",
            i % 17 == 0 ? i / 3 : 0, i % 17 == 0 ? "\"" : "", certificate);
    cg_buf_release(&time);
}

static void
write_log(const struct folder *folder, unsigned from, unsigned to, uint64_t max_bytes)
{
    const struct journal_limits limits = { .max_bytes = max_bytes, .keep = 100 };
    struct cg_error err = { "" };
    struct journal_writer *writer = journal_open(folder->log, &limits, &err);
    char line[1024];

    assert_non_null(writer);
    for (unsigned i = from; i < to; i++) {
        make_record(line, sizeof(line), i);
        if (i % 500 == 7) /* nothing that the index knows */
            assert_int_equal(
                    journal_write(writer, "no record", 9, START + i, &err), JOURNAL_WRITTEN);
        assert_int_equal(
                journal_write(writer, line, strlen(line), START + i, &err), JOURNAL_WRITTEN);
    }
    journal_close(writer);
}

static void
note_incident(void *arg, const struct journal_entry *entry, const char *line, size_t len)
{
    (void)line;
    (void)len;
    cg_buf_addf(arg, "%s@%lld ", entry->incident, (long long)(entry->time_ms / 1000 - START));
}

/* What matches, newest first, in pages of seven. */
static void
ask_backwards(const struct folder *folder, const struct journal_filter *filter, struct cg_buf *out)
{
    struct journal_query query = { .filter = *filter, .limit = 7 };
    char before[JOURNAL_TOKEN_SIZE] = "";
    struct journal_page page;
    struct cg_error err = { "" };

    query.before = before;
    do {
        if (journal_query_run(folder->log, &query, note_incident, out, &page, &err) != CG_OK)
            fail_msg("%s", err.text);
        memcpy(before, page.next, sizeof(before));
    } while (before[0] != '\0');
}

static void
ask_forwards(const struct folder *folder, const struct journal_filter *filter, struct cg_buf *out)
{
    struct cg_error err = { "" };
    struct journal_reader *reader = journal_reader_open(folder->log, true, &err);
    struct journal_notes notes = { 0 };
    struct journal_entry entry;
    const char *line;
    size_t len;

    assert_non_null(reader);
    while (journal_next_match(reader, filter, &entry, &line, &len, &notes) == JOURNAL_LINE) {
        note_incident(out, &entry, line, len);
        journal_entry_release(&entry);
    }
    journal_reader_free(reader);
}

static const struct {
    const char *why;
    const char *interface, *verdict, *reason, *class, *sha256, *incident;
    const char *network; /* first octets, hex */
    unsigned bits;
    int64_t since, until; /* seconds; 0: any */
} rows[] = {
    { .why = "everything" },
    { .why = "an interface", .interface = "sip" },
    { .why = "no interface of ours", .interface = "none" },
    { .why = "refused", .verdict = "reject" },
    { .why = "admitted", .verdict = "accept" },
    { .why = "a reason", .reason = "expired" },
    { .why = "a class", .class = "hq" },
    { .why = "a certificate", .sha256 = "1234570" },
    { .why = "how one begins", .sha256 = "123457" },
    { .why = "how odd ones begin", .sha256 = "odd" },
    { .why = "an incident", .incident = "i700" },
    { .why = "a network", .network = "00000000000000000000ffff0a03", .bits = 112 },
    { .why = "part of an octet", .network = "00000000000000000000ffff0a02", .bits = 111 },
    { .why = "an IPv6 network", .network = "20010db80003", .bits = 48 },
    { .why = "from a time on", .since = 2900 },
    { .why = "until a time", .until = 100 },
    { .why = "between", .since = 1000, .until = 1100 },
    { .why = "all of it",
            .interface = "web",
            .verdict = "reject",
            .reason = "expired",
            .class = "other",
            .since = 500,
            .until = 2500 },
};

static struct journal_filter
filter_of(size_t i)
{
    struct journal_filter filter;

    journal_filter_init(&filter);
    if (rows[i].interface != NULL)
        filter.interfaces[filter.interface_count++] = rows[i].interface;
    filter.verdict = rows[i].verdict;
    filter.reason = rows[i].reason;
    filter.class = rows[i].class;
    filter.sha256 = rows[i].sha256;
    filter.incident = rows[i].incident;
    filter.has_network = rows[i].network != NULL;
    filter.network.bits = (uint8_t)rows[i].bits;
    for (size_t at = 0; filter.has_network && rows[i].network[2 * at] != '\0'; at++)
        assert_int_equal(sscanf(rows[i].network + 2 * at, "%2hhx", &filter.network.prefix[at]), 1);
    if (rows[i].since != 0)
        filter.since_ms = (START + rows[i].since) * 1000;
    if (rows[i].until != 0)
        filter.until_ms = (START + rows[i].until) * 1000;
    return filter;
}

/* Answers to all rows, joined. */
static void
ask_all(const struct folder *folder, struct cg_buf *out)
{
    cg_buf_init(out, 16 * 1024 * 1024);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct journal_filter filter = filter_of(i);
        const size_t before = out->len;

        cg_buf_addf(out, "\n%s: ", rows[i].why);
        ask_backwards(folder, &filter, out);
        if (out->len < before + 30 && i != 2)
            fail_msg("%s: nothing matches, so that nothing is tested", rows[i].why);
        cg_buf_add(out, "\nforwards: ");
        ask_forwards(folder, &filter, out);
    }
    assert_false(out->failed);
}

static void
drop_indexes(const struct folder *folder)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm %s/*" JOURNAL_INDEX_SUFFIX, folder->path);
    assert_int_equal(system(command), 0);
}

static void
test_the_same_with_and_without(void **state)
{
    const struct folder *folder = *state;
    struct cg_buf with, again, without;
    char name[128];
    struct stat facts;

    write_log(folder, 0, RECORDS, 200000);
    (void)snprintf(name, sizeof(name), "%s.2" JOURNAL_INDEX_SUFFIX, folder->log);
    assert_int_equal(stat(name, &facts), 0); /* there are several files, each with its index */
    ask_all(folder, &with);
    /* An index that misses its end, and one that has nothing. */
    assert_int_equal(truncate(name, 16 + 100 * (off_t)sizeof(struct index_row)), 0);
    (void)snprintf(name, sizeof(name), "%s.1" JOURNAL_INDEX_SUFFIX, folder->log);
    assert_int_equal(truncate(name, 3), 0);
    ask_all(folder, &again);
    drop_indexes(folder);
    ask_all(folder, &without);
    assert_string_equal(cg_buf_text(&with), cg_buf_text(&without));
    assert_string_equal(cg_buf_text(&again), cg_buf_text(&without));
    cg_buf_release(&with);
    cg_buf_release(&again);
    cg_buf_release(&without);
}

/* A process that was killed leaves rows unwritten, and another one goes on. */
static void
test_gaps(void **state)
{
    const struct folder *folder = *state;
    struct cg_buf with, without;
    char name[128];

    write_log(folder, 0, 1000, 0);
    (void)snprintf(name, sizeof(name), "%s" JOURNAL_INDEX_SUFFIX, folder->log);
    assert_int_equal(truncate(name, 16 + 900 * (off_t)sizeof(struct index_row)), 0);
    write_log(folder, 1000, 2000, 0);
    drop_indexes(folder); /* as if there had been none until now */
    write_log(folder, 2000, RECORDS, 0);
    ask_all(folder, &with);
    drop_indexes(folder);
    ask_all(folder, &without);
    assert_string_equal(cg_buf_text(&with), cg_buf_text(&without));
    cg_buf_release(&with);
    cg_buf_release(&without);
}

static void
expect(const struct folder *folder, const char *reason, const char *what, const char *why)
{
    struct journal_filter filter;
    struct cg_buf found;

    journal_filter_init(&filter);
    filter.reason = reason;
    for (int i = 0; i < 2; i++) {
        cg_buf_init(&found, 4096);
        (i == 0 ? ask_backwards : ask_forwards)(folder, &filter, &found);
        if (strcmp(cg_buf_text(&found), what) != 0)
            fail_msg("%s: '%s' is not '%s'", why, cg_buf_text(&found), what);
        cg_buf_release(&found);
    }
}

/* A line that was changed behind the index shows which lines are read at all, and what is believed. */
static void
test_what_is_read(void **state)
{
    const struct folder *folder = *state;
    char text[4096], *at;

    write_log(folder, 0, 10, 0); /* 1 is not-in-tcs, 5 expired */
    expect(folder, "not-in-tcs", "i0@1 ", "the only one");
    (void)folder_get(folder, "", text, sizeof(text));
    at = strstr(text, "\"reason\":\"expired\"");
    assert_non_null(at);
    memcpy(at, "\"reason\":\"expirid\"", 18);
    folder_put(folder, "", text);
    /* The same file, of the same size: the index still counts, but the line itself decides. */
    expect(folder, "expired", "", "what the line no longer says");
    expect(folder, "expirid", "", "what the index does not know");
    drop_indexes(folder);
    expect(folder, "expirid", "i2@5 ", "read without an index");
}

/* Emptied in its place, as logrotate's copytruncate does, while we write: no row of before is believed. */
static void
test_emptied_in_its_place(void **state)
{
    const struct folder *folder = *state;
    const struct journal_limits limits = { .keep = 1 };
    struct cg_error err = { "" };
    struct journal_writer *writer;
    struct cg_buf with, without;
    struct journal_filter filter;
    char line[1024];

    write_log(folder, 0, 600, 0);
    writer = journal_open(folder->log, &limits, &err);
    assert_non_null(writer);
    assert_int_equal(truncate(folder->log, 0), 0);
    for (unsigned i = 600; i < 1200; i++) {
        make_record(line, sizeof(line), i);
        assert_int_equal(
                journal_write(writer, line, strlen(line), START + i, &err), JOURNAL_WRITTEN);
    }
    journal_filter_init(&filter);
    filter.reason = "weak-key";
    for (int i = 0; i < 2; i++) {
        struct cg_buf *out = i == 0 ? &with : &without;

        cg_buf_init(out, 1024 * 1024);
        ask_backwards(folder, &filter, out);
        ask_forwards(folder, &filter, out);
        if (i == 0)
            drop_indexes(folder);
    }
    assert_true(with.len > 100);
    assert_string_equal(cg_buf_text(&with), cg_buf_text(&without));
    journal_close(writer);
    cg_buf_release(&with);
    cg_buf_release(&without);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)
        TEST(test_the_same_with_and_without),
        TEST(test_gaps),
        TEST(test_what_is_read),
        TEST(test_emptied_in_its_place),
#undef TEST
    };

    return cmocka_run_group_tests_name("journal-index", tests, NULL, NULL);
}
