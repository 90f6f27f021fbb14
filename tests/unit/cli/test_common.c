/* What the command's options are read with. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* clang-format off */
static const struct {
    const char *text;
    bool valid;
    int64_t seconds;
} times[] = {
    { "0", true, 0 },
    { "-1", true, -1 },
    { "1795478400", true, INT64_C(1795478400) },
    { "253402300799", true, CLI_LATEST },
    { "253402300800", false, 0 },
    { "-62135596800", true, CLI_EARLIEST },
    { "-62135596801", false, 0 },
    { "9223372036854775808", false, 0 },
    { "1-1", false, 0 },
    { "-", false, 0 },
    { "", false, 0 },
    { " 1", false, 0 },
    { "1 ", false, 0 },
    { "1.5", false, 0 },
    { "now", false, 0 },
    { "2026-11-24T00:00:00Z", true, INT64_C(1795478400) },
    { "2026-11-24t00:00:00z", true, INT64_C(1795478400) },
    { "2026-11-24 00:00:00Z", true, INT64_C(1795478400) },
    { "2026-11-24T00:00:00.999Z", true, INT64_C(1795478400) },
    { "2026-11-24T01:00:00+01:00", true, INT64_C(1795478400) },
    { "2026-11-23T19:30:00-04:30", true, INT64_C(1795478400) },
    { "2026-11-24T00:00:00-00:00", true, INT64_C(1795478400) },
    { "1970-01-01T00:00:00Z", true, 0 },
    { "1969-12-31T23:59:59Z", true, -1 },
    { "0001-01-01T00:00:00Z", true, CLI_EARLIEST },
    { "9999-12-31T23:59:59Z", true, CLI_LATEST },
    { "9999-12-31T23:59:59-00:01", false, 0 },
    { "2028-02-29T00:00:00Z", true, INT64_C(1835395200) },
    { "2026-02-29T00:00:00Z", false, 0 },
    { "2026-04-31T00:00:00Z", false, 0 },
    { "2026-13-01T00:00:00Z", false, 0 },
    { "2026-00-01T00:00:00Z", false, 0 },
    { "2026-01-00T00:00:00Z", false, 0 },
    { "2026-01-01T24:00:00Z", false, 0 },
    { "2026-01-01T00:60:00Z", false, 0 },
    { "2026-01-01T00:00:60Z", false, 0 },
    { "2026-1-1T00:00:00Z", false, 0 },
    { "2026-01-01T00:00Z", false, 0 },
    { "2026-01-01T00:00:00", false, 0 },
    { "2026-01-01T00:00:00.Z", false, 0 },
    { "2026-01-01T00:00:00+1:00", false, 0 },
    { "2026-01-01T00:00:00+24:00", false, 0 },
    { "2026-01-01T00:00:00+0100", false, 0 },
    { "2026-01-01T00:00:00ZZ", false, 0 },
    { "2026-01-01", false, 0 },
};
/* clang-format on */

static void
read_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        int64_t seconds = 0;
        bool valid = cli_time(times[i].text, &seconds);

        if (valid != times[i].valid || (valid && seconds != times[i].seconds))
            fail_msg("'%s': %lld", times[i].text, (long long)seconds);
    }
}

static const struct {
    const char *text;
    const char *reference; /* NULL: none */
} references[] = {
    { "peer.example", "peer.example" }, { "192.0.2.1", "192.0.2.1" },
    { "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example" },
    { "M\xc3\x9cNCHEN.example", "xn--mnchen-3ya.example" },
    { "xn--mnchen-3ya.example", "xn--mnchen-3ya.example" },
    { "m\xfcnchen.example", NULL }, /* Latin-1 */
    { "\xe2\x80\xae.example", NULL }, /* right-to-left override */
};

static void
read_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(references); i++) {
        char *reference = cli_reference(references[i].text);

        if ((reference == NULL) != (references[i].reference == NULL) ||
                (reference != NULL && strcmp(reference, references[i].reference) != 0))
            fail_msg("'%s': %s", references[i].text, reference == NULL ? "none" : reference);
        free(reference);
    }
}

static void
read_addresses(void **state)
{
    (void)state;
    assert_true(cli_address("192.0.2.1"));
    assert_true(cli_address("2001:db8::1"));
    assert_false(cli_address(""));
    assert_false(cli_address("192.0.2"));
    assert_false(cli_address("[::1]"));
    assert_false(cli_address("fe80::1%eth0"));
    assert_false(cli_address("peer.example"));
}

static const struct {
    const char *text;
    bool valid;
    cg_check_set checks;
    const char *unknown;
} sets[] = {
    { "in-date", true, 1u << CG_CHECK_IN_DATE, "" },
    { "sip-domain,in-date", true, 1u << CG_CHECK_SIP_DOMAIN | 1u << CG_CHECK_IN_DATE, "" },
    { "chain,chain", true, 1u << CG_CHECK_CHAIN, "" },
    { "", false, 0, "" },
    { ",", false, 0, "" },
    { "chain,", true, 1u << CG_CHECK_CHAIN, "" },
    { "chain,chian", false, 0, "chian" },
    { "chain, in-date", false, 0, " in-date" },
};

static void
read_sets_of_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sets); i++) {
        char unknown[64] = "";
        cg_check_set checks = 0;
        bool valid = cli_checks(sets[i].text, &checks, unknown);

        if (valid != sets[i].valid || (valid && checks != sets[i].checks) ||
                (!valid && strcmp(unknown, sets[i].unknown) != 0))
            fail_msg("'%s': %#x, unknown '%s'", sets[i].text, checks, unknown);
    }
}

static const struct {
    const char *text;
    bool valid;
    int64_t until;
} allowances[] = {
    { "allow-sha1-chain", true, INT64_MAX },
    { "allow-sha1-chain=1970-01-01", true, 86399 },
    { "allow-sha1-chain=", false, 0 },
    { "allow-sha1-chain=2027-02-29", false, 0 },
    { "allow-sha1-chain=2027-06-30T00:00:00Z", false, 0 },
    { "sha1", false, 0 },
    { "=1970-01-01", false, 0 },
};

static void
read_allowances(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(allowances); i++) {
        struct cli_check_options options = { .json = false };
        bool valid = cli_allowance(allowances[i].text, &options);

        if (valid != allowances[i].valid || options.allowed[CG_ALLOW_SHA1_CHAIN] != valid ||
                (valid && options.allowed_until[CG_ALLOW_SHA1_CHAIN] != allowances[i].until))
            fail_msg("'%s'", allowances[i].text);
    }
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct {
    const char *text;
    bool valid;
    int64_t until;
} admissions[] = {
    { HEX, true, INT64_MAX },
    { HEX "@1970-01-01", true, 86399 },
    { HEX "@1970-01-01T00:01:00Z", true, 60 },
    { HEX "@60", true, 60 },
    { HEX "@", false, 0 },
    { HEX "@soon", false, 0 },
    { HEX "=1970-01-01", false, 0 },
    { "0011", false, 0 },
    { "", false, 0 },
};

static void
read_admissions(void **state)
{
    struct cli_check_options full = { .json = false };

    (void)state;
    for (size_t i = 0; i < COUNT(admissions); i++) {
        struct cli_check_options options = { .json = false };
        bool valid = cli_admit(admissions[i].text, &options);

        if (valid != admissions[i].valid || options.admitted_count != valid ||
                (valid && options.admitted[0].until != admissions[i].until))
            fail_msg("'%s'", admissions[i].text);
    }
    for (int i = 0; i < 64; i++)
        assert_true(cli_admit(HEX, &full));
    assert_false(cli_admit(HEX, &full));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_times),
        cmocka_unit_test(read_references),
        cmocka_unit_test(read_addresses),
        cmocka_unit_test(read_sets_of_checks),
        cmocka_unit_test(read_allowances),
        cmocka_unit_test(read_admissions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
