#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "journal/entry.h"

static void
test_times(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t ms;
    } rows[] = {
        { "1970-01-01T00:00:00Z", true, 0 },
        { "1970-01-01T00:00:01.5Z", true, 1500 },
        { "1970-01-01T00:00:01.05Z", true, 1050 },
        { "1970-01-01T00:00:01.123456Z", true, 1123 },
        { "2026-11-25T00:00:00.001Z", true, INT64_C(1795564800001) },
        { "2026-11-25T00:00:00", false, 0 },
        { "2026-11-25T00:00:00+01:00", false, 0 },
        { "2026-13-25T00:00:00Z", false, 0 },
        { "2026-11-25T24:00:00Z", false, 0 },
        { "2026-11-25 00:00:00Z", false, 0 },
        { "2026-11-25T00:00:00Zx", false, 0 },
        { "", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ms = 0;

        if (journal_time(rows[i].text, strlen(rows[i].text), &ms) != rows[i].good ||
                (rows[i].good && ms != rows[i].ms))
            fail_msg("'%s': %lld", rows[i].text, (long long)ms);
    }
}

static void
test_what_is_no_record(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "\"text\"",
        "{}",
        "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":\"web\"}",
        "{\"time\":\"yesterday\",\"interface\":\"web\",\"verdict\":\"accept\"}",
        "{\"time\":\"2026-11-25T00:00:00.000Z\",\"verdict\":\"accept\"}",
        "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":\"web\",\"verdict\":\"perhaps\"}",
        "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":1,\"verdict\":\"accept\"}",
        "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":\"web\",\"verdict\":\"accept\","
        "\"verdict\":"
        "\"reject\"}",
    };
    struct journal_entry entry;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (journal_entry_parse(lines[i], strlen(lines[i]), &entry))
            fail_msg("taken for a record: %s", lines[i]);
}

/* Members of another type are as if they were not there. */
static void
test_members(void **state)
{
    static const char line[] =
            "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":\"web\",\"verdict\":\"reject\","
            "\"reason\":null,\"peer\":7,\"presented\":2,\"resumed\":true,\"findings\":{},"
            "\"later\":[1],\"levels\":{\"high\":{\"verdict\":\"reject\",\"reason\":\"not-in-tcs\"},"
            "\"low\":{\"verdict\":\"accept\",\"reason\":null},\"medium\":{\"verdict\":\"reject\","
            "\"reason\":\"of-tomorrow\"}}}";
    struct journal_entry entry;
    enum cg_reason reason;

    (void)state;
    assert_true(journal_entry_parse(line, sizeof(line) - 1, &entry));
    assert_string_equal(entry.reason, "");
    assert_string_equal(entry.peer, "");
    assert_true(entry.has_presented && entry.presented == 2 && entry.resumed && !entry.accepted);
    assert_null(entry.findings);
    assert_null(entry.certificate);
    assert_string_equal(entry.sha256, "");
    assert_true(journal_entry_at_level(&entry, CG_LEVEL_HIGH, &reason));
    assert_int_equal(reason, CG_REASON_NOT_IN_TCS);
    assert_true(journal_entry_at_level(&entry, CG_LEVEL_LOW, &reason));
    assert_int_equal(reason, CG_REASON_NONE);
    assert_false(journal_entry_at_level(&entry, CG_LEVEL_MEDIUM, &reason)); /* a later release's */
    assert_false(journal_entry_at_level(&entry, CG_LEVEL_NONE, &reason));
    journal_entry_release(&entry);
}

/* The backend was away: the certificate stands in the decision that had admitted it. */
static void
test_peer_decision(void **state)
{
    static const char line[] =
            "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":\"web\",\"verdict\":\"reject\","
            "\"reason\":\"backend-unavailable\",\"peer_decision\":{\"verdict\":\"accept\","
            "\"certificate\":{\"sha256\":\"aa\",\"subject\":\"CN=a\"}}}";
    struct journal_entry entry;

    (void)state;
    assert_true(journal_entry_parse(line, sizeof(line) - 1, &entry));
    assert_string_equal(entry.sha256, "aa");
    assert_string_equal(entry.subject, "CN=a");
    journal_entry_release(&entry);
}

/* Who is admitted by an administrator, and where that would have to be written for one who is not. */
static void
test_admission(void **state)
{
    static const struct {
        const char *class, *place;
        bool admitted;
        const char *allowances;
    } rows[] = {
        { "\"other\"", "web", true, "\"admitted-by-administrator\"" },
        { "\"phone\"", "web", true, "\"allow-sha1-chain\",\"admitted-by-administrator\"" },
        { "null", "web", false, "\"allow-sha1-chain\"" },
        { "\"carrier\"", "carrier", false, "" },
        { "\"carrier\"", "carrier", false, "7" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct journal_entry entry;
        char line[512];
        int len = snprintf(line, sizeof(line),
                "{\"time\":\"2026-11-25T00:00:00.000Z\",\"interface\":\"web\",\"verdict\":"
                "\"accept\",\"class\":%s,\"allowances\":[%s]}",
                rows[i].class, rows[i].allowances);

        assert_true(journal_entry_parse(line, (size_t)len, &entry));
        assert_string_equal(journal_entry_place(&entry), rows[i].place);
        assert_int_equal(journal_entry_admitted(&entry), rows[i].admitted);
        journal_entry_release(&entry);
    }
}

static void
test_addresses_and_text(void **state)
{
    static const char *const rows[][2] = {
        { "192.0.2.1:5555", "192.0.2.1" },
        { "[2001:db8::1]:5555", "2001:db8::1" },
        { "unix", "unix" },
        { "", "" },
    };
    struct cg_buf text;
    char address[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        journal_peer_address(rows[i][0], address, sizeof(address));
        assert_string_equal(address, rows[i][1]);
    }
    cg_buf_init(&text, 256);
    journal_add_clean(&text, "a\x1b[31mb\n\x7f\xc2\x9b\xc3\xa4");
    assert_string_equal(cg_buf_text(&text), "a?[31mb???\xc3\xa4");
    cg_buf_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_peer_decision),
        cmocka_unit_test(test_admission),
        cmocka_unit_test(test_addresses_and_text),
    };

    return cmocka_run_group_tests_name("journal-entry", tests, NULL, NULL);
}
