#include "trial.h"

#define FROM INT64_C(1000000000)
#define UNTIL INT64_C(1000086400)

/* clang-format off */
static const struct {
    const char *why;
    int64_t now, floor;
    int64_t from, until;
    enum cg_outcome outcome;
    enum cg_reason reason;
    const char *found, *wanted;
} rows[] = {
    { "a second before notBefore", FROM - 1, 0, FROM, UNTIL, CG_FAIL, CG_REASON_NOT_YET_VALID,
      "valid only from 2001-09-09T01:46:40Z", "valid at 2001-09-09T01:46:39Z" },
    { "the second of notBefore", FROM, 0, FROM, UNTIL, CG_PASS, 0,
      "valid until 2001-09-10T01:46:40Z", "in date" },
    { "a second after notBefore", FROM + 1, 0, FROM, UNTIL, CG_PASS, 0,
      "valid until 2001-09-10T01:46:40Z", "in date" },
    { "a second before notAfter", UNTIL - 1, 0, FROM, UNTIL, CG_PASS, 0,
      "valid until 2001-09-10T01:46:40Z", "in date" },
    { "the second of notAfter", UNTIL, 0, FROM, UNTIL, CG_PASS, 0,
      "valid until 2001-09-10T01:46:40Z", "in date" },
    { "a second after notAfter", UNTIL + 1, 0, FROM, UNTIL, CG_FAIL, CG_REASON_EXPIRED,
      "expired after 2001-09-10T01:46:40Z", "valid at 2001-09-10T01:46:41Z" },
    { "valid for one second", FROM, 0, FROM, FROM, CG_PASS, 0,
      "valid until 2001-09-09T01:46:40Z", "in date" },
    { "ends before it starts, between the two", FROM + 5, 0, FROM + 10, FROM, CG_FAIL, CG_REASON_NOT_YET_VALID,
      "valid only from 2001-09-09T01:46:50Z", "valid at 2001-09-09T01:46:45Z" },
    { "ends before it starts, after both", FROM + 11, 0, FROM + 10, FROM, CG_FAIL, CG_REASON_EXPIRED,
      "expired after 2001-09-09T01:46:40Z", "valid at 2001-09-09T01:46:51Z" },
    { "without a well-defined end (RFC 5280 section 4.1.2.5)", FROM, 0, FROM, INT64_C(253402300799), CG_PASS, 0,
      "valid until 9999-12-31T23:59:59Z", "in date" },
    { "before 1970", -1, 0, -10, 10, CG_PASS, 0,
      "valid until 1970-01-01T00:00:10Z", "in date" },
    { "a clock a second before the build", FROM, FROM + 1, FROM, UNTIL, CG_FAIL, CG_REASON_TIME_UNKNOWN,
      "this machine's clock says 2001-09-09T01:46:40Z", "a clock not before 2001-09-09T01:46:41Z" },
    { "a clock at the build's second", FROM, FROM, FROM, UNTIL, CG_PASS, 0,
      "valid until 2001-09-10T01:46:40Z", "in date" },
    { "a clock that is not believed does not say expired", UNTIL + 1, UNTIL + 2, FROM, UNTIL, CG_FAIL,
      CG_REASON_TIME_UNKNOWN, "this machine's clock says 2001-09-10T01:46:41Z", "a clock not before 2001-09-10T01:46:42Z" },
    { "a given time is never judged by the build date", 5, 0, 0, 10, CG_PASS, 0,
      "valid until 1970-01-01T00:00:10Z", "in date" },
};
/* clang-format on */

static void
boundaries(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert leaf = { .not_before = rows[i].from, .not_after = rows[i].until };
        struct trial trial = { .peer = { .now = rows[i].now, .clock_floor = rows[i].floor } };
        enum cg_outcome outcome = try_check(&trial, CG_CHECK_IN_DATE, &leaf);

        expect_outcome(rows[i].why, &trial, outcome, rows[i].outcome, rows[i].reason);
        expect_text(rows[i].why, trial.note.found, rows[i].found);
        expect_text(rows[i].why, trial.note.wanted, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(boundaries) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
