#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal/words.h"

#define HEAD                                                                                       \
    "{\"time\":\"2026-11-25T10:20:30.000Z\",\"node\":\"gate\",\"interface\":\"web\",\"service\":"  \
    "\"https\",\"role\":\"inbound\",\"peer\":\"192.0.2.1:5\",\"incident\":"                        \
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaa\","

static const struct {
    const char *why;
    const char *line;
    const char *words;
} rows[] = {
    { "refused",
            HEAD
            "\"class\":\"other\",\"verdict\":\"reject\",\"level\":\"high\",\"reason\":\"expired\","
            "\"certificate\":{\"subject\":\"CN=a\",\"sha256\":\"0123456789abcdef0123\"}}",
            "refused 192.0.2.1:5 on web at level high: expired (incident "
            "aaaaaaaaaaaaaaaaaaaaaaaaaa, "
            "certificate CN=a, SHA-256 0123456789abcdef)" },
    { "refused without a certificate, with control characters",
            HEAD "\"class\":null,\"verdict\":\"reject\",\"level\":\"low\",\"reason\":\"handshake-"
                 "failed\","
                 "\"detail\":\"a\\u001b[1mb\\n\"}",
            "refused 192.0.2.1:5 on web at level low: handshake-failed (incident "
            "aaaaaaaaaaaaaaaaaaaaaaaaaa): a?[1mb?" },
    { "admitted by allowance, as a trunk, latched",
            HEAD
            "\"class\":\"carrier\",\"verdict\":\"accept\",\"level\":\"medium\",\"latched\":true,"
            "\"allowances\":[\"allow-sha1-chain\",\"allow-sip-wildcard\"]}",
            "admitted 192.0.2.1:5 on web as carrier at level medium, latched by allowance "
            "allow-sha1-chain, allow-sip-wildcard (incident aaaaaaaaaaaaaaaaaaaaaaaaaa)" },
    { "resumed",
            HEAD "\"class\":\"other\",\"verdict\":\"accept\",\"level\":\"medium\",\"resumed\":true,"
                 "\"decided_in\":\"bbbbbbbbbbbbbbbbbbbbbbbbbb\"}",
            "admitted 192.0.2.1:5 on web at level medium (incident aaaaaaaaaaaaaaaaaaaaaaaaaa, "
            "resumed "
            "from bbbbbbbbbbbbbbbbbbbbbbbbbb)" },
};

static void
test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct journal_entry entry;
        struct cg_buf words;

        assert_true(journal_entry_parse(rows[i].line, strlen(rows[i].line), &entry));
        cg_buf_init(&words, 4096);
        journal_words(&entry, &words);
        if (strcmp(cg_buf_text(&words), rows[i].words) != 0)
            fail_msg("%s: %s", rows[i].why, cg_buf_text(&words));
        cg_buf_release(&words);
        journal_entry_release(&entry);
    }
}

/* The parts of the story that a record gives; each must stand in it. */
static void
test_story(void **state)
{
    static const struct {
        const char *why, *line, *tells;
    } stories[] = {
        { "no certificate",
                HEAD "\"class\":null,\"verdict\":\"reject\",\"reason\":\"certificate-missing\","
                     "\"level\":\"high\",\"presented\":0,\"alert_sent\":116}",
                "It presented no certificate." },
        { "the alert",
                HEAD
                "\"verdict\":\"reject\",\"reason\":\"certificate-missing\",\"alert_sent\":116}",
                "TLS alert 116" },
        { "not that far",
                HEAD "\"verdict\":\"reject\",\"reason\":\"handshake-timeout\",\"presented\":null}",
                "It did not come to a certificate." },
        { "the class",
                HEAD "\"verdict\":\"accept\",\"class\":\"carrier\",\"class_by\":\"from-domain\"}",
                "judged as 'carrier', because the From domain" },
        { "outbound",
                "{\"time\":\"2026-11-25T10:20:30.000Z\",\"interface\":\"out\",\"role\":"
                "\"outbound\","
                "\"peer\":\"192.0.2.7:443\",\"verdict\":\"accept\"}",
                "connecting to 192.0.2.7:443 from interface 'out'" },
        { "an allowance",
                HEAD "\"verdict\":\"accept\",\"level\":\"medium\",\"allowances\":[\"allow-sha1-"
                     "chain\"]}",
                "not simply verified" },
        { "an administrator",
                HEAD "\"verdict\":\"accept\",\"level\":\"medium\",\"allowances\":[\"allow-sha1-"
                     "chain\",\"admitted-by-administrator\"]}",
                "It was ADMITTED BY AN ADMINISTRATOR, although checks fail on it: it is not "
                "verified." },
        { "what an administrator overrides",
                HEAD "\"verdict\":\"accept\",\"allowances\":[\"admitted-by-administrator\"],"
                     "\"findings\":[{\"check\":\"in-date\",\"outcome\":\"fail\",\"reason\":"
                     "\"expired\",\"note\":\"admitted by an administrator: x\",\"allowance\":"
                     "\"admitted-by-administrator\"}]}",
                "overridden by the allowance admitted-by-administrator\n                 note: "
                "admitted by an administrator: x" },
        { "resumed, the other record away",
                HEAD "\"verdict\":\"accept\",\"resumed\":true,\"decided_in\":\"x\"}",
                "is not in the log files" },
        { "cut", HEAD "\"verdict\":\"accept\",\"cut\":true}", "too large" },
        { "a dead end",
                HEAD "\"verdict\":\"reject\",\"reason\":\"issuer-unknown\",\"certificate\":{},"
                     "\"path\":[{\"subject\":\"CN=a\"}],\"anchored\":false}",
                "to nothing that is trusted" },
        { "a certificate that a backend never saw",
                HEAD "\"verdict\":\"reject\",\"reason\":\"backend-unavailable\",\"peer_decision\":{"
                     "\"certificate\":{},\"path\":[{\"subject\":\"CN=a\"}],\"anchored\":true}}",
                "to a trusted certificate" },
        { "latched",
                HEAD "\"verdict\":\"accept\",\"latched\":true,\"findings\":[{\"check\":\"in-date\","
                     "\"outcome\":\"pass\"}]}",
                "The setting is latched" },
        { "a live connection",
                HEAD "\"verdict\":\"reject\",\"reason\":\"expired\",\"live\":\"close\"}",
                "the connection is closed" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct journal_entry entry;
        struct cg_buf text;

        assert_true(journal_entry_parse(stories[i].line, strlen(stories[i].line), &entry));
        cg_buf_init(&text, 65536);
        journal_story(&entry, NULL, &text);
        if (strstr(cg_buf_text(&text), stories[i].tells) == NULL)
            fail_msg("%s: %s", stories[i].why, cg_buf_text(&text));
        cg_buf_release(&text);
        journal_entry_release(&entry);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_story),
    };

    return cmocka_run_group_tests_name("journal-words", tests, NULL, NULL);
}
