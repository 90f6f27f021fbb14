/* The registry. What each level holds is pinned by golden/; here, that the tables hold together. */
#include "trial.h"

#include <ctype.h>

static void
names_lead_back(void **state)
{
    enum cg_check check;
    enum cg_level level;
    enum cg_role role;
    enum cg_service service;
    enum cg_allowance allowance;

    (void)state;
    for (int i = 0; i < CG_CHECK_COUNT; i++) {
        assert_true(cg_check_from_name(cg_check_info((enum cg_check)i)->id, &check));
        assert_int_equal(check, i);
    }
    for (int i = 0; i < CG_LEVEL_COUNT; i++) {
        assert_true(cg_level_from_name(cg_level_name((enum cg_level)i), &level));
        assert_int_equal(level, i);
    }
    for (int i = 0; i <= CG_ROLE_OUTBOUND; i++) {
        assert_true(cg_role_from_name(cg_role_name((enum cg_role)i), &role));
        assert_int_equal(role, i);
    }
    for (int i = 0; i <= CG_SERVICE_LINE; i++) {
        assert_true(cg_service_from_name(cg_service_name((enum cg_service)i), &service));
        assert_int_equal(service, i);
    }
    for (int i = 0; i < CG_ALLOW_COUNT; i++) {
        assert_true(cg_allowance_from_name(cg_allowance_name((enum cg_allowance)i), &allowance));
        assert_int_equal(allowance, i);
        assert_true(cg_allowance_explain((enum cg_allowance)i)[0] != '\0');
    }
    expect_text("a set of checks of one's own", cg_level_name(CG_LEVEL_CUSTOM), "custom");
}

static void
no_other_names(void **state)
{
    static const char *const wrong[] = { "", "High", "high ", "hig", "high+", "custom", "in_date" };
    enum cg_check check;
    enum cg_level level;
    enum cg_role role;
    enum cg_service service;
    enum cg_allowance allowance;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (cg_check_from_name(wrong[i], &check) || cg_level_from_name(wrong[i], &level) ||
                cg_role_from_name(wrong[i], &role) || cg_service_from_name(wrong[i], &service) ||
                cg_allowance_from_name(wrong[i], &allowance))
            fail_msg("'%s' is the name of something", wrong[i]);
}

/* Help, manuals and findings are made from these rows. */
static void
rows_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < CG_CHECK_COUNT; i++) {
        const struct cg_check_info *info = cg_check_info((enum cg_check)i);

        assert_non_null(cg_check_row((enum cg_check)i)->run);
        assert_true(info->title[0] != '\0' && info->page[0] != '\0' && info->cites[0] != '\0' &&
                info->explain[0] != '\0');
        for (const char *c = info->id; *c != '\0'; c++)
            assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-');
    }
}

/* Whoever passes a level passes every level below it. */
static void
levels_grow(void **state)
{
    static const enum cg_level below[][2] = { { CG_LEVEL_NONE, CG_LEVEL_LOW },
        { CG_LEVEL_LOW, CG_LEVEL_MEDIUM }, { CG_LEVEL_MEDIUM, CG_LEVEL_HIGH },
        { CG_LEVEL_MEDIUM, CG_LEVEL_MEDIUM_REMOTE }, { CG_LEVEL_HIGH, CG_LEVEL_HIGH_REMOTE },
        { CG_LEVEL_MEDIUM_REMOTE, CG_LEVEL_HIGH_REMOTE } };

    (void)state;
    for (size_t i = 0; i < COUNT(below); i++) {
        cg_check_set lower = cg_level_info(below[i][0])->checks;
        cg_check_set upper = cg_level_info(below[i][1])->checks;

        if ((lower & ~upper) != 0 || lower == upper)
            fail_msg("%s does not grow into %s", cg_level_name(below[i][0]),
                    cg_level_name(below[i][1]));
    }
    assert_int_equal(cg_level_info(CG_LEVEL_HIGH_REMOTE)->checks, CG_CHECKS_OF_LEVELS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_back),
        cmocka_unit_test(no_other_names),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(levels_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
