/* Disks that fill up, fail, cannot be written, or lose power in the middle of it. */
#include "store/disk.h"
#include "store/fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 40
#define NOBODY 65534

static const struct store_author author = { FIXTURE_TIME, "tester", "a test" };

/* What generation g consists of: each differs from the one before, in every part. */
static enum store_status
fill(struct store_change *change, uint64_t g, struct cg_error *err)
{
    struct cg_span der = fixture_cert((unsigned)(g % 16)), chain[] = { der };
    struct store_identity identity = { "web", "/k.pem", chain, 1, 0 };
    struct store_pin pin = { { (uint8_t)g, (uint8_t)(g >> 8) }, "web", FIXTURE_TIME + 1, "r", "",
        0 };
    char depth[8];
    bool removed;
    enum store_status status;

    (void)snprintf(depth, sizeof(depth), "%u", (unsigned)(g % 32 + 1));
    status = store_set(change, "max-path-depth", depth, err);
    if (status == STORE_OK)
        status = g / 16 % 2 == 0 ? store_tcs_add(change, der.data, der.len, NULL, err)
                                 : store_tcs_remove_der(change, der.data, der.len, &removed, err);
    if (status == STORE_OK)
        status = store_identity_put(change, &identity, err);
    if (status == STORE_OK)
        status = store_pin_put(change, &pin, err);
    return status;
}

static enum store_status
commit_next(struct store *store, uint64_t *generation, struct cg_error *err)
{
    struct store_change *change;
    struct store_view now;
    enum store_status status = store_now(store, &now, err);

    if (status == STORE_OK)
        status = store_begin(store, &author, &change, err);
    if (status != STORE_OK)
        return status;
    status = fill(change, now.generation == 0 ? FIXTURE_FIRST : now.generation + 1, err);
    if (status != STORE_OK) {
        store_abort(change);
        return status;
    }
    return store_commit(change, NULL, NULL, generation, err);
}

/* Every generation from the first to `last` is there, whole, and nothing else. */
static void
expect_generations(struct fixture *fixture, uint64_t last, const char *when)
{
    struct cg_error err = { "" };
    struct store_setting setting;
    struct store_view view;

    if (store_check(fixture->store, &err) != STORE_OK ||
            store_audit_verify(fixture->store, NULL, &err) != STORE_OK)
        fail_msg("%s: %s", when, err.text);
    for (uint64_t g = FIXTURE_FIRST; g <= last; g++) {
        if (store_at(fixture->store, g, &view, &err) != STORE_OK ||
                store_get(&view, "max-path-depth", &setting, &err) != STORE_OK)
            fail_msg("%s: %s", when, err.text);
        if ((uint64_t)atoi(setting.value) != g % 32 + 1 || setting.since != g)
            fail_msg("%s: generation %llu has %s", when, (unsigned long long)g, setting.value);
    }
    assert_int_equal(store_at(fixture->store, last + 1, &view, NULL), STORE_MISSING);
}

/* ------------------------------------------------------------------ power */

/* Commits, closes and opens again until the plan kills it; says each number once it is committed. */
static void
commit_until_killed(const char *path, int said)
{
    const struct store_options options = { .path = path, .vfs = DISK_VFS };
    struct store *store;
    uint64_t generation;

    for (;;) {
        if (store_open(&options, &store, NULL) != STORE_OK)
            _exit(2);
        for (unsigned i = 0; i < 3; i++) {
            if (commit_next(store, &generation, NULL) != STORE_OK)
                _exit(3);
            if (write(said, &generation, sizeof(generation)) != sizeof(generation))
                _exit(4);
        }
        store_close(store); /* takes the journal into the file */
    }
}

/* Runs a round in a child; the last number that it said, or `before`. */
static uint64_t
round_in_child(
        struct fixture *fixture, enum disk_fault fault, unsigned at, unsigned seed, uint64_t before)
{
    uint64_t said = before, generation;
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        disk_plan(fault, at, seed);
        commit_until_killed(fixture->path, ends[1]);
    }
    (void)close(ends[1]);
    while (read(ends[0], &generation, sizeof(generation)) == sizeof(generation)) {
        assert_int_equal(generation, said == 0 ? FIXTURE_FIRST : said + 1);
        said = generation;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("at %u: the child ended by itself, %d", at, status);
    return said;
}

static void
survive(struct fixture *fixture, enum disk_fault fault)
{
    unsigned seed = 20260101;
    uint64_t said = 0, now;
    char when[64];

    for (unsigned i = 0; i < 16; i++)
        (void)fixture_cert(i); /* before forking: each child must have the same */
    for (unsigned i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525u + 1013904223u;
        store_close(fixture->store);
        fixture->store = NULL;
        said = round_in_child(fixture, fault, 1 + seed / 65536 % 150, seed, said);
        fixture_reopen(fixture);
        now = fixture_now(fixture).generation;
        (void)snprintf(when, sizeof(when), "round %u, act %u", i, 1 + seed / 65536 % 150);
        /* What was being committed may be there; what was said to be committed must. */
        if (now != said && now != (said == 0 ? FIXTURE_FIRST : said + 1))
            fail_msg("%s: generation %llu, and %llu was committed", when, (unsigned long long)now,
                    (unsigned long long)said);
        if (now != 0)
            expect_generations(fixture, now, when);
        said = now;
    }
    assert_true(said > FIXTURE_FIRST + ROUNDS);
}

static void
a_killed_process_loses_nothing_committed(void **state)
{
    survive(*state, DISK_KILLED);
}

static void
a_lost_power_loses_nothing_committed(void **state)
{
    survive(*state, DISK_LOSES_POWER);
}

static void
a_creation_that_is_cut_short_leaves_no_half_store(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_path(fixture, "second.db");
    const struct store_options failing = { .path = path, .vfs = DISK_VFS },
                               working = { .path = path };
    struct cg_error err = { "" };
    struct store *second = NULL;
    int status = 0;

    for (unsigned at = 1;; at++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            disk_plan(DISK_LOSES_POWER, at, at);
            _exit(store_create(&failing, 1, &author, NULL) == STORE_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status))
            break;
        fixture_expect(store_open(&working, &second, &err), STORE_MISSING, &err, "no store");
        assert_true(at < 200);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_expect(store_open(&working, &second, &err), STORE_OK, &err, NULL);
    store_close(second);
    fixture_expect(store_create(&working, 1, &author, &err), STORE_EXISTS, &err, "already");
}

/* ------------------------------------------------------------------ full, failing */

static void
fail_at_every_act(struct fixture *fixture, enum disk_fault fault, enum store_status expected,
        const char *words)
{
    const struct store_options options = { .path = fixture->path, .vfs = DISK_VFS };
    uint64_t good = 0, generation;
    struct cg_error err = { "" };
    unsigned failures = 0;

    store_close(fixture->store);
    fixture_expect(store_open(&options, &fixture->store, &err), STORE_OK, &err, NULL);
    for (unsigned at = 1;; at++) {
        enum store_status status;
        bool wrong;

        disk_plan(fault, at, 0);
        status = commit_next(fixture->store, &generation, &err);
        wrong = disk_went_wrong();
        if (!wrong) {
            fixture_expect(status, STORE_OK, &err, NULL);
            break;
        }
        fixture_expect(status, expected, &err, words);
        failures++;
        /* While the disk is still full: what was good can be read, and it is all there is. */
        assert_int_equal(fixture_now(fixture).generation, good);
        if (good != 0)
            assert_int_equal(
                    atoi(fixture_get(fixture, "max-path-depth").value), (int)(good % 32 + 1));
        disk_plan(DISK_WORKS, 0, 0);
        fixture_expect(commit_next(fixture->store, &good, &err), STORE_OK, &err, NULL);
        expect_generations(fixture, good, "after the disk works again");
    }
    disk_plan(DISK_WORKS, 0, 0);
    assert_true(failures > 5);
    fixture_reopen(fixture);
    expect_generations(fixture, generation, "opened again");
}

static void
a_full_disk_saves_nothing_and_loses_nothing(void **state)
{
    fail_at_every_act(*state, DISK_FULL, STORE_FULL, "the disk is full: nothing was saved");
}

static void
a_failing_disk_saves_nothing_and_loses_nothing(void **state)
{
    fail_at_every_act(*state, DISK_FAILS, STORE_IO, "the disk fails: nothing was saved");
}

/* ------------------------------------------------------------------ read-only */

/* As somebody who may only read; the exit status says which expectation failed. */
static int
read_only(const char *path)
{
    struct store_options options = { .path = path };
    struct store *store;
    struct store_view now;
    struct store_change *change;
    struct cg_error err = { "" };

    if (geteuid() == 0 && setuid(NOBODY) != 0)
        return 1;
    if (store_open(&options, &store, &err) != STORE_READ_ONLY ||
            strstr(err.text, "cannot be written") == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    options.read_only = true;
    if (store_open(&options, &store, &err) != STORE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    if (store_now(store, &now, &err) != STORE_OK || now.generation != FIXTURE_FIRST ||
            store_audit_verify(store, NULL, &err) != STORE_OK)
        return 4;
    if (store_begin(store, &author, &change, &err) != STORE_READ_ONLY ||
            store_audit_add(store, FIXTURE_TIME, "a", "b", NULL, &err) != STORE_READ_ONLY)
        return 5;
    store_close(store);
    options.path = "/nowhere/store.db";
    return store_open(&options, &store, &err) == STORE_MISSING ? 0 : 6;
}

static void
a_disk_that_cannot_be_written_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    uint64_t generation;
    int status;
    pid_t child;

    assert_int_equal(commit_next(fixture->store, &generation, NULL), STORE_OK);
    store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(chmod(fixture->path, 0444), 0);
    assert_int_equal(chmod(fixture->folder, 0555), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(read_only(fixture->path));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(fixture->folder, 0700), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int
setup(void **state)
{
    disk_register();
    return fixture_setup(state);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_killed_process_loses_nothing_committed),
        WITH_STORE(a_lost_power_loses_nothing_committed),
        WITH_STORE(a_creation_that_is_cut_short_leaves_no_half_store),
        WITH_STORE(a_full_disk_saves_nothing_and_loses_nothing),
        WITH_STORE(a_failing_disk_saves_nothing_and_loses_nothing),
        WITH_STORE(a_disk_that_cannot_be_written_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
