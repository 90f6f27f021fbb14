#include "inventory/expiring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* 2026-11-25T00:00:00Z */
#define NOW INT64_C(1795564800)
#define DAY INT64_C(86400)

static void
test_spans(void **state)
{
    static const struct {
        const char *why;
        int64_t left; /* seconds */
        int64_t days;
        const char *id;
    } rows[] = {
        { "long ago", -100 * DAY, -100, "expired" },
        { "a second ago", -1, -1, "expired" },
        { "now", 0, 0, "7-days" },
        { "in a week, to its last second", 8 * DAY - 1, 7, "7-days" },
        { "the second after", 8 * DAY, 8, "30-days" },
        { "30 days", 31 * DAY - 1, 30, "30-days" },
        { "31 days", 31 * DAY, 31, "60-days" },
        { "60 days", 61 * DAY - 1, 60, "60-days" },
        { "61 days", 61 * DAY, 61, "later" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t days = expiring_days_left(NOW + rows[i].left, NOW);

        if (days != rows[i].days ||
                strcmp(expiring_spans[expiring_span_of(days)].id, rows[i].id) != 0)
            fail_msg("%s: %lld days, %s", rows[i].why, (long long)days,
                    expiring_spans[expiring_span_of(days)].id);
    }
}

static void
test_words(void **state)
{
    static const char *const expect[] = {
        "have expired: 1 peer; first CN=gone on 2026-11-24",
        "expire within 7 days: 2 trusted certificates, 1 identity; first gw on 2026-11-25",
        NULL,
        "expire within 60 days: 1 identity; first later on 2027-01-14",
    };
    struct expiring_report report = { 0 };
    struct cg_buf text;

    (void)state;
    expiring_add(&report, EXPIRING_PEER, "CN=gone", NOW - 1, NOW);
    expiring_add(&report, EXPIRING_TCS, "CN=root", NOW + 5 * DAY, NOW);
    expiring_add(&report, EXPIRING_IDENTITY, "gw", NOW + 10, NOW);
    expiring_add(&report, EXPIRING_TCS, "CN=other", NOW + 10, NOW);
    expiring_add(&report, EXPIRING_IDENTITY, "later", NOW + 50 * DAY, NOW);
    for (unsigned i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
        cg_buf_init(&text, 1024);
        assert_int_equal(expiring_words(&report, i, &text), expect[i] != NULL);
        assert_string_equal(cg_buf_text(&text), expect[i] == NULL ? "" : expect[i]);
        cg_buf_release(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests_name("inventory-expiring", tests, NULL, NULL);
}
