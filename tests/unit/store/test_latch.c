/* The upgrade latch, sentence by sentence. */
#include "store/fixture.h"

static void
expect(struct fixture *fixture, const char *name, const char *value, bool latched)
{
    struct store_setting setting = fixture_get(fixture, name);

    if (strcmp(setting.value, value) != 0 || setting.latched != latched)
        fail_msg("%s is '%s'%s", name, setting.value, setting.latched ? ", latched" : "");
}

static void
it_skips_the_three_checks_of_the_page(void **state)
{
    (void)state;
    assert_int_equal(latch_checks(),
            1u << CG_CHECK_KEY_USAGE | 1u << CG_CHECK_EXTENDED_KEY_USAGE |
                    1u << CG_CHECK_CRITICAL_EXTENSIONS);
}

static void
a_new_system_has_none(void **state)
{
    struct fixture *fixture = *state;

    expect(fixture, "checks.management", "medium", false);
    (void)fixture_save(fixture, "checks.management", "high");
    (void)fixture_save(fixture, "line.hq.level", "medium");
    expect(fixture, "checks.management", "high", false);
    expect(fixture, "checks.telephony", "medium", false);
    expect(fixture, "line.hq.level", "medium", false);
}

static void
it_covers_medium_and_above(void **state)
{
    static const struct {
        const char *level;
        bool latched;
    } rows[] = {
        { "none", false },
        { "low", false },
        { "medium", true },
        { "high", true },
        { "medium+remote", true },
        { "high+remote", true },
    };
    struct fixture *fixture = *state;
    char json[256];

    assert_int_equal(COUNT(rows), CG_LEVEL_COUNT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)snprintf(json, sizeof(json),
                "{\"certgate-settings\":1,\"settings\":{\"trunk.t%zu.level\":\"%s\"}}", i,
                rows[i].level);
        (void)fixture_upgrade(fixture, json);
        (void)snprintf(json, sizeof(json), "trunk.t%zu.level", i);
        expect(fixture, json, rows[i].level, rows[i].latched);
    }
}

static const char medium[] =
        "{\"certgate-settings\":1,\"settings\":{\"checks.management\":\"medium\","
        "\"checks.telephony\":\"high\",\"line.hq.level\":\"high\","
        "\"max-path-depth\":5,\"partial-chain\":true}}";

static void
an_import_of_an_older_release_latches(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_upgrade(fixture, medium);
    expect(fixture, "checks.management", "medium", true);
    expect(fixture, "checks.telephony", "high", true);
    expect(fixture, "line.hq.level", "high", true);
    expect(fixture, "max-path-depth", "5", false);
    fixture_reopen(fixture);
    expect(fixture, "checks.management", "medium", true);
}

static void
releases_are_told_apart(void **state)
{
    static const struct {
        const char *release;
        enum store_status status;
        bool older;
    } rows[] = {
        { NULL, STORE_OK, false },
        { "11.1.2", STORE_OK, true },
        { "R11.1.2", STORE_OK, true },
        { "11.1.2.4", STORE_OK, true },
        { "11.1", STORE_OK, true },
        { "11", STORE_OK, true },
        { "9.12.7", STORE_OK, true },
        { "11.0.99", STORE_OK, true },
        { "11.1.3", STORE_OK, false },
        { "11.1.3.0", STORE_OK, false },
        { "11.1.10", STORE_OK, false },
        { "11.2", STORE_OK, false },
        { "12.0", STORE_OK, false },
        { "", STORE_INVALID, false },
        { "R", STORE_INVALID, false },
        { "11.1.", STORE_INVALID, false },
        { "11..1", STORE_INVALID, false },
        { "11.1.2 SP1", STORE_INVALID, false },
        { "-11", STORE_INVALID, false },
        { "1.2.3.4.5.6.7", STORE_INVALID, false },
        { "99999999999999999999", STORE_INVALID, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool older = true;

        if (latch_is_older(rows[i].release, &older, NULL) != rows[i].status ||
                older != rows[i].older)
            fail_msg("%s", rows[i].release);
    }
}

static void
an_import_of_this_release_does_not(void **state)
{
    static const char *const releases[] = { NULL, "11.1.3", "12.0" };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(releases); i++) {
        struct store_change *change = fixture_begin(fixture);

        assert_int_equal(
                store_import_settings(change, medium, strlen(medium), releases[i], NULL), STORE_OK);
        assert_int_equal(
                store_commit(change, NULL, NULL, NULL, NULL), i == 0 ? STORE_OK : STORE_UNCHANGED);
        expect(fixture, "checks.management", "medium", false);
        expect(fixture, "checks.telephony", "high", false);
    }
}

static void
any_committed_change_clears_it_for_good(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_upgrade(fixture, medium);
    (void)fixture_save(fixture, "checks.management", "high");
    expect(fixture, "checks.management", "high", false);
    (void)fixture_save(fixture, "checks.management", "medium");
    expect(fixture, "checks.management", "medium", false); /* Medium, High, Medium */
    expect(fixture, "checks.telephony", "high", true); /* each for itself */
    fixture_reopen(fixture);
    expect(fixture, "checks.management", "medium", false);

    (void)fixture_save(fixture, "checks.telephony", "none"); /* down as well as up */
    expect(fixture, "checks.telephony", "none", false);
    (void)fixture_save(fixture, "checks.telephony", "high");
    expect(fixture, "checks.telephony", "high", false);
}

static void
an_edit_that_is_not_saved_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change;

    (void)fixture_upgrade(fixture, medium);
    change = fixture_begin(fixture);
    fixture_set(change, "checks.management", "high");
    store_abort(change);
    expect(fixture, "checks.management", "medium", true);

    change = fixture_begin(fixture);
    fixture_set(change, "checks.management", "high");
    fixture_set(change, "checks.management", "medium"); /* thought better of it before saving */
    fixture_set(change, "max-path-depth", "6");
    (void)fixture_commit(change);
    expect(fixture, "checks.management", "medium", true);
}

static void
the_same_value_is_no_change(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change;

    (void)fixture_upgrade(fixture, medium);
    change = fixture_begin(fixture);
    fixture_set(change, "checks.management", "medium");
    assert_int_equal(store_unset(change, "checks.management", NULL), STORE_OK); /* to the same */
    assert_int_equal(store_import_settings(change, medium, strlen(medium), NULL, NULL), STORE_OK);
    assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_UNCHANGED);
    expect(fixture, "checks.management", "medium", true);

    change = fixture_begin(fixture);
    assert_int_equal(store_unset(change, "checks.telephony", NULL), STORE_OK); /* high to medium */
    (void)fixture_commit(change);
    expect(fixture, "checks.telephony", "medium", false);
}

static void
other_settings_and_the_tcs_leave_it_alone(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change;
    struct cg_span der = fixture_cert(1);

    (void)fixture_upgrade(fixture, medium);
    change = fixture_begin(fixture);
    fixture_set(change, "max-path-depth", "6");
    assert_int_equal(store_tcs_add(change, der.data, der.len, NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "checks.management", "medium", true);
}

static void
rolling_back_does_not_bring_it_back(void **state)
{
    struct fixture *fixture = *state;
    uint64_t latched = fixture_upgrade(fixture, medium);
    struct store_change *change;

    (void)fixture_save(fixture, "checks.management", "high");
    change = fixture_begin(fixture);
    assert_int_equal(store_rollback(change, latched, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "checks.management", "medium", false);
    expect(fixture, "checks.telephony", "high", true); /* never cleared */
}

static void
a_change_that_takes_itself_back_does(void **state)
{
    struct fixture *fixture = *state;
    uint64_t latched = fixture_upgrade(fixture, medium);
    struct store_change *change;

    (void)fixture_save(fixture, "checks.management", "high");
    change = fixture_begin(fixture);
    assert_int_equal(store_rollback(change, latched, STORE_LATCHES_AS_THEN, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "checks.management", "medium", true);
}

static void
rolling_an_import_back_clears_it(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = fixture_save(fixture, "checks.telephony", "high");
    struct store_change *change;

    (void)fixture_upgrade(fixture, medium);
    expect(fixture, "checks.telephony", "high", true);
    change = fixture_begin(fixture);
    assert_int_equal(store_rollback(change, before, STORE_LATCHES_AS_THEN, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "checks.telephony", "high", false);
    expect(fixture, "checks.management", "medium", false);
}

static void
a_backup_carries_it(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_path(fixture, "backup");
    struct store_view view;
    struct store_change *change;

    (void)fixture_upgrade(fixture, medium);
    (void)fixture_save(fixture, "line.hq.level", "medium");
    view = fixture_now(fixture);
    assert_int_equal(store_backup(&view, path, FIXTURE_TIME, NULL, 0, NULL, NULL), STORE_OK);
    (void)fixture_save(fixture, "checks.management", "high");
    (void)fixture_save(fixture, "checks.telephony", "low");
    change = fixture_begin(fixture);
    assert_int_equal(store_restore(change, path, NULL, NULL, NULL, NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "checks.management", "medium", true);
    expect(fixture, "checks.telephony", "high", true);
    expect(fixture, "line.hq.level", "medium", false); /* was cleared before */
}

static void
a_backup_of_an_older_release_latches(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_path(fixture, "backup");
    struct store_view view;
    struct store_change *change;

    (void)fixture_save(fixture, "line.hq.level", "high");
    (void)fixture_save(fixture, "trunk.sm.level", "low");
    view = fixture_now(fixture);
    assert_int_equal(store_backup(&view, path, FIXTURE_TIME, NULL, 0, NULL, NULL), STORE_OK);
    change = fixture_begin(fixture);
    assert_int_equal(store_restore(change, path, "11.1.2", NULL, NULL, NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "line.hq.level", "high", true);
    expect(fixture, "trunk.sm.level", "low", false);
    expect(fixture, "checks.management", "medium", true); /* a default is carried over too */
}

static void
an_export_carries_it(void **state)
{
    struct fixture *fixture = *state;
    struct store_view view;
    struct store_change *change;
    char *json;

    (void)fixture_upgrade(fixture, medium);
    view = fixture_now(fixture);
    assert_int_equal(store_export_settings(&view, &json, NULL), STORE_OK);
    (void)fixture_save(fixture, "checks.management", "high");
    change = fixture_begin(fixture);
    assert_int_equal(store_import_settings(change, json, strlen(json), NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    expect(fixture, "checks.management", "medium", true);
    free(json);
}

static void
it_means_nothing_elsewhere(void **state)
{
    static const char *const bad[] = {
        "{\"certgate-settings\":1,\"settings\":{\"checks.management\":{\"value\":\"low\","
        "\"latched\":true}}}",
        "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":{\"value\":3,"
        "\"latched\":true}}}",
    };
    struct fixture *fixture = *state;
    struct cg_error err = { "" };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct store_change *change = fixture_begin(fixture);

        fixture_expect(store_import_settings(change, bad[i], strlen(bad[i]), NULL, &err),
                STORE_INVALID, &err, "cannot be latched");
        store_abort(change);
    }
}

static void
a_preview_names_what_would_be_cleared_and_the_checks(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change;
    struct cg_buf text;

    (void)fixture_upgrade(fixture, medium);
    change = fixture_begin(fixture);
    cg_buf_init(&text, 4096);
    fixture_set(change, "checks.management", "high");
    fixture_set(change, "checks.telephony", "high");
    fixture_set(change, "line.hq.level", "low");
    fixture_set(change, "max-path-depth", "6");
    assert_int_equal(store_preview(change, &text, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&text),
            "checks.management: from 'medium' to 'high' clears the latch for good; now these "
            "checks "
            "apply: key-usage, extended-key-usage, critical-extensions\n"
            "line.hq.level: from 'high' to 'low' clears the latch for good; from medium on these "
            "checks will apply: key-usage, extended-key-usage, critical-extensions\n");
    cg_buf_release(&text);
    store_abort(change);
    expect(fixture, "checks.management", "medium", true); /* looking changes nothing */

    change = fixture_begin(fixture);
    fixture_set(change, "max-path-depth", "6");
    assert_int_equal(store_preview(change, &text, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&text), "");
    cg_buf_release(&text);
    store_abort(change);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_skips_the_three_checks_of_the_page),
        cmocka_unit_test(releases_are_told_apart),
        WITH_STORE(a_new_system_has_none),
        WITH_STORE(it_covers_medium_and_above),
        WITH_STORE(an_import_of_an_older_release_latches),
        WITH_STORE(an_import_of_this_release_does_not),
        WITH_STORE(any_committed_change_clears_it_for_good),
        WITH_STORE(an_edit_that_is_not_saved_does_not_count),
        WITH_STORE(the_same_value_is_no_change),
        WITH_STORE(other_settings_and_the_tcs_leave_it_alone),
        WITH_STORE(rolling_back_does_not_bring_it_back),
        WITH_STORE(a_change_that_takes_itself_back_does),
        WITH_STORE(rolling_an_import_back_clears_it),
        WITH_STORE(a_backup_carries_it),
        WITH_STORE(a_backup_of_an_older_release_latches),
        WITH_STORE(an_export_carries_it),
        WITH_STORE(it_means_nothing_elsewhere),
        WITH_STORE(a_preview_names_what_would_be_cleared_and_the_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
