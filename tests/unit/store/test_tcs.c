/* The TCS: by fingerprint, twice is no change, and many at once. */
#include "store/fixture.h"

#include <openssl/evp.h>
#include <sqlite3.h>

static bool
collect(void *arg, const struct store_cert *cert)
{
    cg_buf_addf(arg, "%s %s %s %lld\n", cert->subject, store_cert_kind_name(cert->kind), cert->key,
            (long long)(cert->not_after - cert->not_before) / 86400);
    return true;
}

static bool
keep_one(void *arg, const struct store_cert *cert)
{
    memcpy(arg, cert->sha256, CG_SHA256_SIZE);
    return false;
}

static uint64_t
count(struct fixture *fixture)
{
    struct store_view view = fixture_now(fixture);
    uint64_t number = 0;

    assert_int_equal(store_tcs_count(&view, &number, NULL), STORE_OK);
    return number;
}

static void
add(struct store_change *change, unsigned i, bool is_new)
{
    struct cg_span der = fixture_cert(i);
    bool added = !is_new;

    assert_int_equal(store_tcs_add(change, der.data, der.len, &added, NULL), STORE_OK);
    assert_int_equal(added, is_new);
}

static void
adding_twice_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);

    add(change, 0, true);
    add(change, 0, false);
    add(change, 1, true);
    (void)fixture_commit(change);
    assert_int_equal(count(fixture), 2);
    change = fixture_begin(fixture);
    add(change, 0, false);
    assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_UNCHANGED);
}

struct ends {
    unsigned count;
    int64_t first, last; /* in order */
};

static bool
note_end(void *arg, const struct store_cert *cert)
{
    struct ends *ends = arg;

    if (ends->count++ == 0)
        ends->first = cert->not_after;
    assert_true(cert->not_after >= ends->last);
    ends->last = cert->not_after;
    return true;
}

static struct ends
expiring(struct fixture *fixture, int64_t until)
{
    const struct store_view view = fixture_now(fixture);
    struct ends ends = { .last = INT64_MIN };

    assert_int_equal(store_tcs_expiring(&view, until, note_end, &ends, NULL), STORE_OK);
    return ends;
}

static void
what_ends_by_a_moment(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_span der = fixture_cert(0);
    struct ends all;

    for (unsigned i = 0; i < 3; i++)
        add(change, i, true);
    (void)fixture_commit(change);
    all = expiring(fixture, INT64_MAX);
    assert_int_equal(all.count, 3);
    assert_int_equal(expiring(fixture, all.first - 1).count, 0);
    assert_true(expiring(fixture, all.first).count >= 1);
    assert_int_equal(expiring(fixture, all.last).count, 3);
    change = fixture_begin(fixture);
    assert_int_equal(store_tcs_remove_der(change, der.data, der.len, NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    assert_int_equal(expiring(fixture, INT64_MAX).count, 2);
}

static void
removal_is_by_fingerprint_or_content(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_span der = fixture_cert(1);
    uint8_t digest[CG_SHA256_SIZE];
    struct store_view view;
    bool removed;

    add(change, 0, true);
    add(change, 1, true);
    (void)fixture_commit(change);

    change = fixture_begin(fixture);
    assert_int_equal(
            EVP_Digest(fixture_cert(0).data, fixture_cert(0).len, digest, NULL, EVP_sha256(), NULL),
            1);
    assert_int_equal(store_tcs_remove(change, digest, &removed, NULL), STORE_OK);
    assert_true(removed);
    assert_int_equal(store_tcs_remove_der(change, der.data, der.len, &removed, NULL), STORE_OK);
    assert_true(removed);
    assert_int_equal(store_tcs_remove_der(change, der.data, der.len, &removed, NULL), STORE_OK);
    assert_false(removed);
    (void)fixture_commit(change);
    assert_int_equal(count(fixture), 0);
    view = fixture_now(fixture);
    assert_int_equal(store_tcs_get(&view, digest, keep_one, digest, NULL), STORE_MISSING);

    change = fixture_begin(fixture);
    add(change, 0, true); /* and back again */
    (void)fixture_commit(change);
    view = fixture_now(fixture);
    assert_int_equal(store_tcs_get(&view, digest, keep_one, digest, NULL), STORE_OK);
}

static void
adding_and_removing_within_a_change_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_span kept = fixture_cert(0), passing = fixture_cert(1);
    bool removed;

    add(change, 0, true);
    (void)fixture_commit(change);
    change = fixture_begin(fixture);
    add(change, 1, true);
    assert_int_equal(
            store_tcs_remove_der(change, passing.data, passing.len, &removed, NULL), STORE_OK);
    assert_true(removed);
    assert_int_equal(store_tcs_remove_der(change, kept.data, kept.len, &removed, NULL), STORE_OK);
    assert_true(removed);
    add(change, 0, true);
    assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_UNCHANGED);
}

static void
entries_have_their_facts(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct store_view view;
    struct cg_buf text;

    add(change, 0, true);
    add(change, 1, true);
    (void)fixture_commit(change);
    view = fixture_now(fixture);
    cg_buf_init(&text, 4096);
    assert_int_equal(store_tcs(&view, NULL, collect, &text, NULL), STORE_OK);
    assert_non_null(strstr(cg_buf_text(&text), "CN=number 0 root EC P-256 366\n"));
    assert_non_null(strstr(cg_buf_text(&text), "CN=number 1 end-entity EC P-256 366\n"));
    cg_buf_release(&text);
}

static void
listing_goes_on_where_it_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    uint8_t last[CG_SHA256_SIZE], now[CG_SHA256_SIZE];
    struct store_view view;
    size_t found = 0;

    for (unsigned i = 0; i < 8; i++)
        add(change, i, true);
    (void)fixture_commit(change);
    view = fixture_now(fixture);
    for (const uint8_t *after = NULL;; after = last) {
        memset(now, 0, sizeof(now));
        assert_int_equal(store_tcs(&view, after, keep_one, now, NULL), STORE_OK);
        if (now[0] == 0 && now[1] == 0 && now[2] == 0)
            break;
        assert_true(after == NULL || memcmp(last, now, sizeof(now)) < 0);
        memcpy(last, now, sizeof(now));
        found++;
    }
    assert_int_equal(found, 8);
}

static void
what_does_not_parse_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };

    fixture_expect(store_tcs_add(change, (const uint8_t *)"x", 1, NULL, &err), STORE_INVALID, &err,
            "not a certificate");
    store_abort(change);
}

/* Somebody, or the disk, changes an octet of a certificate behind our back. */
static void
an_entry_that_is_not_what_was_added_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_buf text;
    struct cg_error err = { "" };
    struct store_view view;
    sqlite3 *db;

    add(change, 0, true);
    (void)fixture_commit(change);
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                             "UPDATE certificate SET der = CAST(substr(der, 1, 99) || x'00'"
                             " || substr(der, 101) AS BLOB)",
                             NULL, NULL, NULL),
            SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    view = fixture_now(fixture);
    cg_buf_init(&text, 4096);
    fixture_expect(
            store_tcs(&view, NULL, collect, &text, &err), STORE_DAMAGED, &err, "restore a backup");
    cg_buf_release(&text);
}

/* A certificate that differs in its serial number alone: its signature is never looked at here. */
static void
number_certificate(struct cg_span der, uint8_t *copy, unsigned i)
{
    memcpy(copy, der.data, der.len);
    copy[der.len - 1] = (uint8_t)i;
    copy[der.len - 2] = (uint8_t)(i >> 8);
    copy[der.len - 3] = (uint8_t)(i >> 16);
}

static void
many_at_once(void **state)
{
    const unsigned many = 5000;
    struct fixture *fixture = *state;
    struct store_change *change = fixture_begin(fixture);
    struct cg_span der = fixture_cert(0);
    uint8_t *copy = malloc(der.len);
    uint64_t generation;

    assert_non_null(copy);
    for (unsigned i = 0; i < many; i++) {
        number_certificate(der, copy, i);
        assert_int_equal(store_tcs_add(change, copy, der.len, NULL, NULL), STORE_OK);
    }
    generation = fixture_commit(change);
    assert_int_equal(count(fixture), many);
    change = fixture_begin(fixture);
    for (unsigned i = 0; i < many; i++) {
        number_certificate(der, copy, i);
        assert_int_equal(store_tcs_remove_der(change, copy, der.len, NULL, NULL), STORE_OK);
    }
    (void)fixture_commit(change);
    assert_int_equal(count(fixture), 0);
    change = fixture_begin(fixture);
    assert_int_equal(
            store_rollback(change, generation, STORE_LATCHES_STAY_CLEARED, NULL), STORE_OK);
    (void)fixture_commit(change);
    assert_int_equal(count(fixture), many);
    assert_int_equal(store_audit_verify(fixture->store, NULL, NULL), STORE_OK);
    free(copy);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(adding_twice_changes_nothing),
        WITH_STORE(what_ends_by_a_moment),
        WITH_STORE(removal_is_by_fingerprint_or_content),
        WITH_STORE(adding_and_removing_within_a_change_is_none),
        WITH_STORE(entries_have_their_facts),
        WITH_STORE(listing_goes_on_where_it_stopped),
        WITH_STORE(what_does_not_parse_is_refused),
        WITH_STORE(an_entry_that_is_not_what_was_added_is_noticed),
        WITH_STORE(many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
