/* The rows of the reasons; which alert each sends is pinned by golden/reasons.txt. */
#include <certgate/decision.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

static void
rows_are_whole(void **state)
{
    (void)state;
    for (int i = CG_REASON_NONE + 1; i < CG_REASON_COUNT; i++) {
        const struct cg_reason_info *info = cg_reason_info((enum cg_reason)i);
        enum cg_reason back;

        assert_non_null(info->code);
        assert_true(info->explain[0] != '\0' && info->remedy[0] != '\0');
        assert_true(cg_reason_from_code(info->code, &back));
        if (back != (enum cg_reason)i)
            fail_msg("'%s' is the code of two reasons", info->code);
        for (const char *c = info->code; *c != '\0'; c++)
            assert_true(islower((unsigned char)*c) || *c == '-');
        /* Sentences for an operator: no capital first, no full stop last. */
        assert_false(info->remedy[strlen(info->remedy) - 1] == '.');
        assert_false(info->explain[strlen(info->explain) - 1] == '.');
    }
}

static void
what_is_no_reason(void **state)
{
    enum cg_reason reason;

    (void)state;
    assert_false(cg_reason_from_code("", &reason));
    assert_false(cg_reason_from_code("Expired", &reason));
    assert_string_equal(cg_reason_info(CG_REASON_COUNT)->code, "internal-error");
    assert_string_equal(cg_reason_info((enum cg_reason) - 1)->code, "internal-error");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(what_is_no_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
