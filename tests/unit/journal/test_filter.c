#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "journal/filter.h"
#include "settings/values.h"

#define MS INT64_C(1795564800000)

/* As a worker writes it. */
static const char ours[] =
        "{\"v\":1,\"time\":\"2026-11-25T00:00:00.000Z\",\"node\":\"n\",\"generation\":1,"
        "\"incident\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"interface\":\"web\",\"peer\":\"192.0.2.9:"
        "5555\","
        "\"class\":\"other\",\"resumed\":true,\"decided_in\":\"bbbbbbbbbbbbbbbbbbbbbbbbbb\","
        "\"verdict\":\"reject\",\"level\":\"high\",\"reason\":\"not-in-tcs\",\"levels\":{\"low\":"
        "{\"verdict\":\"accept\",\"reason\":null},\"medium\":{\"verdict\":\"reject\",\"reason\":"
        "\"expired\"}},"
        "\"certificate\":{\"sha256\":\"0123456789abcdef\"}}";
/* The same by another hand: members in another order, with spaces. */
static const char theirs[] =
        "{ \"levels\": { \"low\": { \"verdict\": \"accept\" } }, \"verdict\": \"reject\", "
        "\"reason\":\n"
        "\"not-in-tcs\", \"interface\": \"w\\u0065b\", \"time\": \"2026-11-25T00:00:00.000Z\","
        "\"peer\":\"192.0.2.9:5555\",\"class\":\"other\",\"incident\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"decided_in\":\"bbbbbbbbbbbbbbbbbbbbbbbbbb\",\"certificate\":{\"sha256\":"
        "\"0123456789abcdef\"}}";

static const struct {
    const char *why;
    struct journal_filter filter;
    const char *network;
    bool expect;
} rows[] = {
    { "everything", { .until_ms = INT64_MAX }, NULL, true },
    { "its verdict", { .verdict = "reject", .until_ms = INT64_MAX }, NULL, true },
    { "the verdict of a level", { .verdict = "accept", .until_ms = INT64_MAX }, NULL, false },
    { "its reason", { .reason = "not-in-tcs", .until_ms = INT64_MAX }, NULL, true },
    { "the reason of a level", { .reason = "expired", .until_ms = INT64_MAX }, NULL, false },
    { "its interface", { .interfaces = { "web" }, .interface_count = 1, .until_ms = INT64_MAX },
            NULL, true },
    { "another interface", { .interfaces = { "we" }, .interface_count = 1, .until_ms = INT64_MAX },
            NULL, false },
    { "one of two", { .interfaces = { "sip", "web" }, .interface_count = 2, .until_ms = INT64_MAX },
            NULL, true },
    { "its class", { .class = "other", .until_ms = INT64_MAX }, NULL, true },
    { "another class", { .class = "phone", .until_ms = INT64_MAX }, NULL, false },
    { "its incident", { .incident = "aaaaaaaaaaaaaaaaaaaaaaaaaa", .until_ms = INT64_MAX }, NULL,
            true },
    { "that it was decided in", { .incident = "bbbbbbbbbbbbbbbbbbbbbbbbbb", .until_ms = INT64_MAX },
            NULL, true },
    { "another incident", { .incident = "cccccccccccccccccccccccccc", .until_ms = INT64_MAX }, NULL,
            false },
    { "its certificate", { .sha256 = "0123", .until_ms = INT64_MAX }, NULL, true },
    { "another certificate", { .sha256 = "123", .until_ms = INT64_MAX }, NULL, false },
    { "its address", { .until_ms = INT64_MAX }, "192.0.2.9", true },
    { "its network", { .until_ms = INT64_MAX }, "192.0.2.0/24", true },
    { "another address that begins alike", { .until_ms = INT64_MAX }, "192.0.2.90", false },
    { "an IPv6 network", { .until_ms = INT64_MAX }, "2001:db8::/32", false },
    { "at the first millisecond", { .since_ms = MS, .until_ms = INT64_MAX }, NULL, true },
    { "one too late", { .since_ms = MS + 1, .until_ms = INT64_MAX }, NULL, false },
    { "at the last millisecond", { .until_ms = MS }, NULL, true },
    { "one too early", { .until_ms = MS - 1 }, NULL, false },
};

static bool
passes(const struct journal_filter *filter, const char *line)
{
    struct journal_entry entry;
    bool has;

    assert_true(journal_entry_parse(line, strlen(line), &entry));
    has = journal_filter_has(filter, &entry);
    journal_entry_release(&entry);
    return has;
}

static void
test_filters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct journal_filter filter = rows[i].filter;

        filter.has_network = rows[i].network != NULL;
        if (filter.has_network)
            assert_true(value_network(rows[i].network, &filter.network));
        if (passes(&filter, ours) != rows[i].expect || passes(&filter, theirs) != rows[i].expect)
            fail_msg("%s", rows[i].why);
        /* Unparsed, nothing that matches is left out. */
        if (rows[i].expect && !journal_filter_may_have(&filter, ours, strlen(ours)))
            fail_msg("%s: left out unparsed", rows[i].why);
        if (!journal_filter_may_have(&filter, theirs, strlen(theirs)))
            fail_msg("%s: another notation is left out unparsed", rows[i].why);
    }
}

/* What makes it worth while: most of what does not match is seen without parsing. */
static void
test_unparsed(void **state)
{
    static const char *const by_text[] = { "the verdict of a level", "another interface",
        "another class", "another incident", "another certificate", "one too late",
        "one too early" };

    (void)state;
    for (size_t i = 0; i < sizeof(by_text) / sizeof(by_text[0]); i++)
        for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
            if (strcmp(by_text[i], rows[j].why) == 0 &&
                    journal_filter_may_have(&rows[j].filter, ours, strlen(ours)))
                fail_msg("%s: parsed in vain", rows[j].why);
}

/* A walk ends where nothing wanted can follow, and not at the first line that is a little late. */
static void
test_the_end_of_a_walk(void **state)
{
    const struct folder *folder = *state;
    struct journal_filter filter;
    struct journal_notes notes = { 0 };
    struct journal_reader *reader;
    struct journal_entry entry;
    struct cg_error err;
    const char *line;
    struct cg_buf text;
    size_t len, count = 0;

    cg_buf_init(&text, 65536);
    for (int i = 0; i < 4; i++) {
        static const char *const times[] = { "00:00:00", "00:00:50", "00:00:10", "00:02:00" };

        cg_buf_addf(&text,
                "{\"v\":1,\"time\":\"2026-11-25T%s.000Z\",\"interface\":\"web\",\"verdict\":"
                "\"accept\"}\n",
                times[i]);
    }
    cg_buf_add(&text, "this line is not come to\n");
    folder_put(folder, "", cg_buf_text(&text));
    cg_buf_release(&text);
    reader = journal_reader_open(folder->log, false, &err);
    assert_non_null(reader);
    journal_filter_init(&filter);
    filter.until_ms = MS + 20000;
    while (journal_next_match(reader, &filter, &entry, &line, &len, &notes) == JOURNAL_LINE) {
        journal_entry_release(&entry);
        count++;
    }
    journal_reader_free(reader);
    assert_int_equal(count, 2);
    assert_int_equal(notes.malformed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_unparsed),
        cmocka_unit_test_setup_teardown(test_the_end_of_a_walk, folder_make, folder_remove),
    };

    return cmocka_run_group_tests_name("journal-filter", tests, NULL, NULL);
}
