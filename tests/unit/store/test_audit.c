/* The audit: written with what it tells of, and chained. */
#include "store/fixture.h"

#include <jansson.h>
#include <sqlite3.h>

static bool
list(void *arg, const struct store_audit *audit)
{
    cg_buf_addf(arg, "%llu %s %s %llu\n", (unsigned long long)audit->number, audit->actor,
            audit->action, (unsigned long long)audit->generation);
    return true;
}

static bool
last_detail(void *arg, const struct store_audit *audit)
{
    json_t **json = arg;

    json_decref(*json);
    *json = json_loads(audit->detail, JSON_REJECT_DUPLICATES, NULL);
    return true;
}

/* Five rows: creation, three commits, a login. */
static void
fill(struct fixture *fixture)
{
    struct store_change *change = fixture_begin(fixture);

    fixture_set(change, "checks.management", "high");
    assert_int_equal(
            store_tcs_add(change, fixture_cert(0).data, fixture_cert(0).len, NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    (void)fixture_save(fixture, "checks.management", "low");
    assert_int_equal(store_audit_add(fixture->store, FIXTURE_TIME, "DOMAIN\\ada", "login",
                             "{\"from\":\"192.0.2.1\"}", NULL),
            STORE_OK);
    change = fixture_begin(fixture);
    assert_int_equal(
            store_rollback(change, FIXTURE_FIRST, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    (void)fixture_commit(change);
}

static void
every_change_has_its_row(void **state)
{
    struct fixture *fixture = *state;
    struct cg_buf text;
    uint64_t broken = 1;
    json_t *json = NULL, *first;

    fill(fixture);
    store_abort(fixture_begin(fixture)); /* what did not happen is not told */
    cg_buf_init(&text, 4096);
    assert_int_equal(store_audit_list(fixture->store, 0, list, &text, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&text),
            "1 tester create 0\n2 tester commit 100\n3 tester commit 101\n"
            "4 DOMAIN\\ada login 101\n5 tester rollback 102\n");
    cg_buf_release(&text);
    assert_int_equal(store_audit_verify(fixture->store, &broken, NULL), STORE_OK);
    assert_int_equal(broken, 0);

    assert_int_equal(store_audit_list(fixture->store, 4, last_detail, &json, NULL), STORE_OK);
    assert_int_equal(json_integer_value(json_object_get(json, "source")), 100);
    assert_string_equal(json_string_value(json_object_get(json, "comment")), "a test");
    assert_int_equal(json_array_size(json_object_get(json, "changes")), 1);
    first = json_array_get(json_object_get(json, "changes"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "part")), "setting");
    assert_string_equal(json_string_value(json_object_get(first, "name")), "checks.management");
    assert_string_equal(json_string_value(json_object_get(first, "before")), "low");
    assert_string_equal(json_string_value(json_object_get(first, "after")), "high");
    json_decref(json);
}

static void
a_cleared_latch_is_written_down(void **state)
{
    struct fixture *fixture = *state;
    json_t *json = NULL;

    (void)fixture_upgrade(
            fixture, "{\"certgate-settings\":1,\"settings\":{\"checks.management\":\"medium\"}}");
    (void)fixture_save(fixture, "checks.management", "high");
    assert_int_equal(store_audit_list(fixture->store, 0, last_detail, &json, NULL), STORE_OK);
    assert_string_equal(json_string_value(json_object_get(
                                json_array_get(json_object_get(json, "changes"), 0), "latch")),
            "cleared");
    json_decref(json);
}

static void
details_are_json_objects(void **state)
{
    static const char *const bad[] = { "", "[]", "{", "{\"a\":1,\"a\":2}", "text" };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(store_audit_add(fixture->store, 1, "a", "b", bad[i], NULL), STORE_INVALID);
    assert_int_equal(store_audit_add(fixture->store, 1, "a\n", "b", NULL, NULL), STORE_INVALID);
    assert_int_equal(store_audit_add(fixture->store, 1, "a", "", NULL, NULL), STORE_INVALID);
    assert_int_equal(store_audit_add(fixture->store, 1, "a", "b", NULL, NULL), STORE_OK);
    assert_int_equal(store_audit_verify(fixture->store, NULL, NULL), STORE_OK);
}

static const struct {
    const char *sql;
    uint64_t row; /* first that does not fit; 0: what does not is no row */
} tampering[] = {
    { "UPDATE audit SET actor = 'somebody' WHERE number = 3", 3 },
    { "UPDATE audit SET time = time + 1 WHERE number = 1", 1 },
    { "UPDATE audit SET action = 'Login' WHERE number = 4", 4 },
    { "UPDATE audit SET generation = 100 WHERE number = 4", 4 },
    { "UPDATE audit SET detail = '{}' WHERE number = 2", 2 },
    { "UPDATE audit SET hash = zeroblob(32) WHERE number = 2", 2 },
    { "UPDATE audit SET previous = zeroblob(32) WHERE number = 2", 2 },
    { "DELETE FROM audit WHERE number = 1", 1 },
    { "DELETE FROM audit WHERE number = 3", 3 },
    { "DELETE FROM audit", 0 },
    { "DELETE FROM audit WHERE number = 5", 0 },
    { "UPDATE audit SET number = 6 WHERE number = 5", 5 },
    { "UPDATE setting SET value = 'none' WHERE name = 'checks.management' AND died IS NULL", 0 },
    { "UPDATE setting SET latched = 1 WHERE name = 'checks.management' AND died IS NULL", 0 },
    { "UPDATE tcs SET died = 102 WHERE died IS NULL", 0 },
    { "UPDATE generation SET digest = zeroblob(32) WHERE number = 101", 0 },
};

static void
tampering_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tampering); i++) {
        struct fixture *fixture;
        struct cg_error err = { "" };
        uint64_t broken = 99;
        sqlite3 *db;

        assert_int_equal(fixture_setup((void **)&fixture), 0);
        fill(fixture);
        assert_int_equal(store_audit_verify(fixture->store, &broken, NULL), STORE_OK);
        assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, tampering[i].sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_changes(db) == 0, 0);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        if (store_audit_verify(fixture->store, &broken, &err) != STORE_DAMAGED ||
                broken != tampering[i].row)
            fail_msg("%s: row %llu, %s", tampering[i].sql, (unsigned long long)broken, err.text);
        assert_int_equal(fixture_teardown((void **)&fixture), 0);
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_change_has_its_row),
        WITH_STORE(a_cleared_latch_is_written_down),
        WITH_STORE(details_are_json_objects),
        cmocka_unit_test(tampering_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
