/* Commits, what they leave behind, and the way back. */
#include "store/fixture.h"

#define NEVER INT64_C(4102444800)

static const struct store_author author = { FIXTURE_TIME, "tester", "" };

static void
expect_now(struct fixture *fixture, const char *expected)
{
    struct store_view view = fixture_now(fixture);
    char *text = fixture_dump(&view);

    assert_string_equal(text, expected);
    free(text);
}

static void
a_new_store_has_defaults_and_no_generation(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture_now(fixture).generation, 0);
    expect_now(fixture,
            "checks.management=medium by default\n"
            "checks.telephony=medium by default\n"
            "partial-chain=false by default\n"
            "max-path-depth=10 by default\n"
            "expiry.warning-days=60 by default\n"
            "node.configuration= by default\n");
}

static void
generations_grow_by_one_from_the_seed(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);

    assert_int_equal(fixture_commit(change), FIXTURE_FIRST); /* empty, and still the first */
    assert_int_equal(fixture_save(fixture, "partial-chain", "true"), FIXTURE_FIRST + 1);
    store_abort(fixture_begin(fixture));
    assert_int_equal(fixture_save(fixture, "partial-chain", "false"), FIXTURE_FIRST + 2);
    fixture_reopen(fixture);
    assert_int_equal(fixture_now(fixture).generation, FIXTURE_FIRST + 2);
}

static void
nobody_sees_a_change_before_its_commit(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct store_view pending;
    struct store_setting setting;

    fixture_set(change, "checks.telephony", "high");
    assert_string_equal(fixture_get(fixture, "checks.telephony").value, "medium");
    pending = store_pending(change);
    assert_int_equal(store_get(&pending, "checks.telephony", &setting, NULL), STORE_OK);
    assert_string_equal(setting.value, "high");
    (void)fixture_commit(change);
    assert_string_equal(fixture_get(fixture, "checks.telephony").value, "high");
}

static void
an_aborted_change_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_span der = fixture_cert(0);

    fixture_set(change, "checks.telephony", "high");
    assert_int_equal(store_tcs_add(change, der.data, der.len, NULL, NULL), STORE_OK);
    store_abort(change);
    assert_int_equal(fixture_now(fixture).generation, 0);
    change = fixture_begin(fixture);
    fixture_set(change, "checks.telephony", "high");
    store_close(fixture->store); /* ends what is open */
    fixture->store = NULL;
    fixture_reopen(fixture);
    assert_int_equal(fixture_now(fixture).generation, 0);
}

static void
one_change_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture), *second;
    struct cg_error err = { "" };

    fixture_expect(store_begin(fixture->store, &author, &second, &err), STORE_BUSY, &err, "tester");
    assert_null(second);
    fixture_expect(store_audit_add(fixture->store, FIXTURE_TIME, "a", "login", NULL, &err),
            STORE_BUSY, &err, NULL);
    store_abort(change);
}

static void
an_edit_that_fails_spoils_its_change(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };

    fixture_set(change, "checks.telephony", "high");
    fixture_expect(store_set(change, "checks.telephny", "high", &err), STORE_INVALID, &err,
            "did you mean 'checks.telephony'?");
    fixture_expect(store_commit(change, NULL, NULL, NULL, &err), STORE_INVALID, &err, "failed");
    assert_int_equal(fixture_now(fixture).generation, 0);
}

static enum store_status
refuse(void *arg, const struct store_view *pending, struct cg_error *err)
{
    struct store_setting setting;

    (void)arg;
    assert_int_equal(store_get(pending, "max-path-depth", &setting, NULL), STORE_OK);
    if (strcmp(setting.value, "3") == 0)
        return store_fail(err, STORE_INVALID, "three is not to be had");
    return STORE_OK;
}

static void
the_owner_sees_the_whole_state_and_may_refuse_it(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };
    uint64_t generation = 7;

    fixture_set(change, "max-path-depth", "3");
    fixture_expect(store_commit(change, refuse, NULL, &generation, &err), STORE_INVALID, &err,
            "three is not to be had");
    assert_int_equal(generation, 7);
    assert_int_equal(fixture_now(fixture).generation, 0);
    change = fixture_begin(fixture);
    fixture_set(change, "max-path-depth", "4");
    assert_int_equal(store_commit(change, refuse, NULL, &generation, &err), STORE_OK);
    assert_int_equal(generation, FIXTURE_FIRST);
}

static void
the_same_state_makes_no_generation(void **state)
{
    static const struct {
        const char *why, *name, *between, *value;
    } same[] = {
        { "the value in force, after another", "checks.telephony", "low", "high" },
        { "another way to write it", "max-path-depth", "8", "007" },
        { "a default that is not set", "checks.management", "low", "medium" },
        { "the same list in another order", "interface.web.allow", "",
                "allow-sip-wildcard,  allow-sha1-chain until 2027-06-30" },
    };
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };

    fixture_set(change, "checks.telephony", "high");
    fixture_set(change, "max-path-depth", "7");
    fixture_set(
            change, "interface.web.allow", "allow-sha1-chain until 2027-06-30, allow-sip-wildcard");
    (void)fixture_commit(change);
    for (size_t i = 0; i < COUNT(same); i++) {
        enum store_status status;

        change = fixture_begin(fixture);
        fixture_set(change, same[i].name, same[i].between);
        fixture_set(change, same[i].name, same[i].value);
        status = store_commit(change, NULL, NULL, NULL, &err);
        if (status != STORE_UNCHANGED)
            fail_msg("%s: %s", same[i].why, store_status_name(status));
    }
    assert_int_equal(fixture_now(fixture).generation, FIXTURE_FIRST);
}

/* A state with one of everything; i tells them apart. */
static uint64_t
everything(struct fixture *fixture, unsigned i)
{
    struct store_change *change = fixture_begin(fixture);
    struct cg_span der = fixture_cert(i), chain[] = { fixture_cert(i), fixture_cert(i + 1) };
    struct store_identity identity = { "web", i == 0 ? "/k/0.pem" : "/k/1.pem", chain, 2, 0 };
    struct store_pin pin = { { (uint8_t)i }, "web", NEVER + i, "because", "inc-1", 0 };
    struct cg_error err = { "" };

    fixture_set(change, "checks.management", i == 0 ? "high" : "low");
    fixture_set(change, "line.hq.level", "high");
    fixture_expect(store_tcs_add(change, der.data, der.len, NULL, &err), STORE_OK, &err, NULL);
    fixture_expect(store_identity_put(change, &identity, &err), STORE_OK, &err, NULL);
    fixture_expect(store_pin_put(change, &pin, &err), STORE_OK, &err, NULL);
    return fixture_commit(change);
}

static void
rolling_back_restores_the_whole_state_as_a_new_generation(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = everything(fixture, 0), second = everything(fixture, 3);
    struct store_view view = fixture_now(fixture);
    char *then, *later, *restored;
    struct store_change *change;

    later = fixture_dump(&view);
    assert_int_equal(store_at(fixture->store, first, &view, NULL), STORE_OK);
    then = fixture_dump(&view);
    assert_string_not_equal(then, later);

    change = fixture_begin(fixture);
    assert_int_equal(store_rollback(change, first, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    assert_int_equal(fixture_commit(change), second + 1);
    view = fixture_now(fixture);
    restored = fixture_dump(&view);
    assert_string_equal(restored, then);
    free(restored);

    change = fixture_begin(fixture);
    assert_int_equal(store_rollback(change, second, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    assert_int_equal(fixture_commit(change), second + 2);
    view = fixture_now(fixture);
    restored = fixture_dump(&view);
    assert_string_equal(restored, later);

    assert_int_equal(store_at(fixture->store, second, &view, NULL), STORE_OK);
    free(restored);
    restored = fixture_dump(&view);
    assert_string_equal(restored, later);
    free(restored);
    free(then);
    free(later);
}

static void
rolling_back_to_what_is_in_force_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = everything(fixture, 0);
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };

    assert_int_equal(store_rollback(change, first, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    fixture_expect(store_commit(change, NULL, NULL, NULL, &err), STORE_UNCHANGED, &err, "nothing");
    for (uint64_t i = 0; i < 3; i++) {
        static const uint64_t unknown[] = { 0, FIXTURE_FIRST - 1, FIXTURE_FIRST + 1 };

        change = fixture_begin(fixture);
        fixture_expect(store_rollback(change, unknown[i], STORE_LATCHES_STAY_CLEARED, &err),
                STORE_MISSING, &err, "no generation");
        store_abort(change);
    }
}

static bool
list_difference(void *arg, const struct store_difference *it)
{
    cg_buf_addf(arg, "%s %.8s: %.20s -> %.20s\n", store_part_name(it->part), it->name,
            it->before == NULL ? "none" : it->before, it->after == NULL ? "none" : it->after);
    return true;
}

static void
differences_lead_both_ways(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = everything(fixture, 0), second = everything(fixture, 3);
    struct store_view a, b;
    struct cg_buf text;

    assert_int_equal(store_at(fixture->store, first, &a, NULL), STORE_OK);
    assert_int_equal(store_at(fixture->store, second, &b, NULL), STORE_OK);
    cg_buf_init(&text, 4096);
    assert_int_equal(store_diff(&a, &b, list_difference, &text, NULL), STORE_OK);
    assert_non_null(strstr(cg_buf_text(&text), "setting checks.m: high -> low\n"));
    assert_non_null(strstr(cg_buf_text(&text), ": none -> CN=number 3\n"));
    assert_non_null(strstr(cg_buf_text(&text), "identity web: chain "));
    assert_non_null(strstr(cg_buf_text(&text), "pin 03000000: none -> until 2100-01-01T00:\n"));
    assert_null(strstr(cg_buf_text(&text), "line.hq"));
    cg_buf_release(&text);
    assert_int_equal(store_diff(&b, &a, list_difference, &text, NULL), STORE_OK);
    assert_non_null(strstr(cg_buf_text(&text), "setting checks.m: low -> high\n"));
    assert_non_null(strstr(cg_buf_text(&text), ": CN=number 3 -> none\n"));
    cg_buf_release(&text);
    assert_int_equal(store_diff(&a, &a, list_difference, &text, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&text), "");
    cg_buf_release(&text);
}

static bool
list_generation(void *arg, const struct store_generation *it)
{
    cg_buf_addf(arg, "%llu %s %s %s %llu\n", (unsigned long long)it->number, it->kind, it->actor,
            it->comment, (unsigned long long)it->source);
    return true;
}

static bool
list_past(void *arg, const struct store_past *it)
{
    cg_buf_addf(arg, "%llu %s%s\n", (unsigned long long)it->generation,
            it->value == NULL ? "none" : it->value, it->latched ? " latched" : "");
    return true;
}

static void
history_names_every_generation_and_every_value(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change;
    struct cg_buf text;

    (void)fixture_save(fixture, "trunk.a b.level", "low");
    (void)fixture_save(fixture, "trunk.a b.level", "high");
    change = fixture_begin(fixture);
    assert_int_equal(store_unset(change, "trunk.a b.level", NULL), STORE_OK);
    (void)fixture_commit(change);
    change = fixture_begin(fixture);
    assert_int_equal(
            store_rollback(change, FIXTURE_FIRST, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    (void)fixture_commit(change);

    cg_buf_init(&text, 4096);
    assert_int_equal(store_history(fixture->store, 0, list_generation, &text, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&text),
            "103 rollback tester a test 100\n102 commit tester a test 0\n"
            "101 commit tester a test 0\n100 commit tester a test 0\n");
    cg_buf_release(&text);
    assert_int_equal(store_history(fixture->store, 101, list_generation, &text, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&text), "100 commit tester a test 0\n");
    cg_buf_release(&text);
    assert_int_equal(
            store_setting_history(fixture->store, "trunk.a b.level", list_past, &text, NULL),
            STORE_OK);
    assert_string_equal(cg_buf_text(&text), "103 low\n102 none\n101 high\n100 low\n");
    cg_buf_release(&text);
}

static void
authors_are_text(void **state)
{
    static const struct store_author bad[] = {
        { FIXTURE_TIME, "", "" },
        { FIXTURE_TIME, "a\nb", "" },
        { FIXTURE_TIME, "\xff", "" },
        { FIXTURE_TIME, "a", "b\x1b[2J" },
        { -1, "a", "" },
    };
    struct fixture *fixture = *state;
    struct store_change *change;

    for (size_t i = 0; i < COUNT(bad); i++)
        if (store_begin(fixture->store, &bad[i], &change, NULL) != STORE_INVALID)
            fail_msg("author %zu", i);
}

static void
identities_are_checked(void **state)
{
    struct fixture *fixture = *state;
    struct cg_span chain[] = { fixture_cert(0) }, cut[] = { { fixture_cert(0).data, 100 } };
    const struct {
        const char *why;
        struct store_identity identity;
    } bad[] = {
        { "no name", { "", "/k", chain, 1, 0 } },
        { "a key that is none", { "a", "-----BEGIN PRIVATE KEY-----", chain, 1, 0 } },
        { "a relative path", { "a", "k", chain, 1, 0 } },
        { "no certificate", { "a", "/k", chain, 0, 0 } },
        { "a cut certificate", { "a", "/k", cut, 1, 0 } },
        { "too many", { "a", "/k", chain, 17, 0 } },
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct store_change *change = fixture_begin(fixture);

        if (store_identity_put(change, &bad[i].identity, NULL) != STORE_INVALID)
            fail_msg("%s", bad[i].why);
        store_abort(change);
    }
}

static void
pins_are_dated_and_have_a_reason(void **state)
{
    static const struct {
        const char *why;
        struct store_pin pin;
    } bad[] = {
        { "over already", { { 1 }, "web", FIXTURE_TIME, "because", "", 0 } },
        { "without a reason", { { 1 }, "web", NEVER, "", "", 0 } },
        { "without an interface", { { 1 }, "", NEVER, "because", "", 0 } },
    };
    struct fixture *fixture = *state;
    struct store_change *change;
    bool removed = true;

    for (size_t i = 0; i < COUNT(bad); i++) {
        change = fixture_begin(fixture);
        if (store_pin_put(change, &bad[i].pin, NULL) != STORE_INVALID)
            fail_msg("%s", bad[i].why);
        store_abort(change);
    }
    (void)everything(fixture, 0);
    change = fixture_begin(fixture);
    assert_int_equal(
            store_pin_remove(change, (uint8_t[32]) { 9 }, "web", &removed, NULL), STORE_OK);
    assert_false(removed);
    assert_int_equal(
            store_pin_remove(change, (uint8_t[32]) { 0 }, "web", &removed, NULL), STORE_OK);
    assert_true(removed);
    assert_int_equal(store_identity_remove(change, "web", &removed, NULL), STORE_OK);
    assert_true(removed);
    assert_int_equal(store_identity_remove(change, "web", &removed, NULL), STORE_OK);
    assert_false(removed);
    (void)fixture_commit(change);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_new_store_has_defaults_and_no_generation),
        WITH_STORE(generations_grow_by_one_from_the_seed),
        WITH_STORE(nobody_sees_a_change_before_its_commit),
        WITH_STORE(an_aborted_change_leaves_nothing),
        WITH_STORE(one_change_at_a_time),
        WITH_STORE(an_edit_that_fails_spoils_its_change),
        WITH_STORE(the_owner_sees_the_whole_state_and_may_refuse_it),
        WITH_STORE(the_same_state_makes_no_generation),
        WITH_STORE(rolling_back_restores_the_whole_state_as_a_new_generation),
        WITH_STORE(rolling_back_to_what_is_in_force_changes_nothing),
        WITH_STORE(differences_lead_both_ways),
        WITH_STORE(history_names_every_generation_and_every_value),
        WITH_STORE(authors_are_text),
        WITH_STORE(identities_are_checked),
        WITH_STORE(pins_are_dated_and_have_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
