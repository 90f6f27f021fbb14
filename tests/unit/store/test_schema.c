/* Files of older and newer certgates, of other programs, and damaged ones. */
#include "store/disk.h"
#include "store/fixture.h"
#include "store/schema.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
run_sql(const char *path, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A store of an older schema in place of the fixture's; schema-N.sql lies beside this file. */
static void
put_older(struct fixture *fixture, unsigned version)
{
    char name[512];
    uint8_t *text;
    size_t len;

    store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(unlink(fixture->path), 0);
    (void)snprintf(name, sizeof(name), "%s/schema-%u.sql", getenv("STORE_TEST_DATA"), version);
    text = fixture_read(name, &len);
    text[len] = '\0';
    run_sql(fixture->path, (const char *)text);
    free(text);
}

static void
collect_schema(struct fixture *fixture, struct cg_buf *out)
{
    struct store_view view = fixture_now(fixture);
    sqlite3_stmt *stmt;
    bool row = true;

    assert_int_equal(
            sql_rows(view.sql, &stmt, NULL,
                    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name", ""),
            STORE_OK);
    while (sql_next(view.sql, stmt, &row, NULL) == STORE_OK && row)
        cg_buf_addf(out, "%s\n", sql_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    assert_true(out->len != 0 && !out->failed);
}

/* What every schema-N.sql holds. */
static void
expect_contents(struct fixture *fixture)
{
    static const char settings[] =
            "checks.management=medium latched\n"
            "checks.telephony=medium by default\n"
            "partial-chain=false by default\n"
            "max-path-depth=4\n"
            "expiry.warning-days=60 by default\n"
            "node.configuration= by default\n"
            "line.hq.level=low\n"
            "tcs a09038b71f6360da0dcef41692f0fc351869956660507a7e689435480b4b7299"
            " root CN=number 0\n"
            "identity web /etc/certgate/web.key 3082";
    struct store_view view = fixture_now(fixture);
    struct store_setting setting;
    struct cg_error err = { "" };
    char *text = fixture_dump(&view);

    assert_int_equal(view.generation, 42);
    assert_int_equal(strncmp(text, settings, strlen(settings)), 0);
    free(text);
    fixture_expect(store_check(fixture->store, &err), STORE_OK, &err, NULL);
    fixture_expect(store_audit_verify(fixture->store, NULL, &err), STORE_OK, &err, NULL);
    assert_int_equal(store_at(fixture->store, 41, &view, NULL), STORE_OK);
    assert_int_equal(store_get(&view, "line.hq.level", &setting, NULL), STORE_OK);
    assert_string_equal(setting.value, "high");
    assert_true(setting.latched);
}

static void
every_older_schema_is_brought_up_to_date(void **state)
{
    struct fixture *fixture = *state;
    struct store_pin pin = { { 1 }, "web", FIXTURE_TIME + 1, "because", "", 0 };
    struct store_change *change;
    struct cg_buf new, upgraded;

    cg_buf_init(&new, (size_t)64 * 1024);
    collect_schema(fixture, &new);
    assert_true(schema_version() > 1);
    for (unsigned version = 1; version < schema_version(); version++) {
        put_older(fixture, version);
        fixture_reopen(fixture);
        expect_contents(fixture);
        cg_buf_init(&upgraded, (size_t)64 * 1024);
        collect_schema(fixture, &upgraded);
        assert_string_equal(cg_buf_text(&upgraded), cg_buf_text(&new));
        cg_buf_release(&upgraded);
        change = fixture_begin(fixture);
        assert_int_equal(store_pin_put(change, &pin, NULL), STORE_OK);
        assert_int_equal(fixture_commit(change), 43);
        fixture_reopen(fixture); /* once is enough */
        assert_int_equal(fixture_now(fixture).generation, 43);
    }
    cg_buf_release(&new);
}

static void
an_upgrade_that_loses_power_is_made_the_next_time(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = { .path = fixture->path, .vfs = DISK_VFS };
    unsigned at = 0;
    int status;

    disk_register();
    do {
        pid_t child;

        at++;
        put_older(fixture, 1);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct store *store;

            disk_plan(DISK_LOSES_POWER, at, at);
            if (store_open(&options, &store, NULL) != STORE_OK)
                _exit(1);
            store_close(store);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        fixture_reopen(fixture);
        expect_contents(fixture);
        assert_true(at < 200);
    } while (WIFSIGNALED(status));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(at > 5);
}

static void
expect_open(struct fixture *fixture, enum store_status expected, const char *words)
{
    const struct store_options options = { .path = fixture->path };
    struct store *store;
    struct cg_error err = { "" };

    fixture_expect(store_open(&options, &store, &err), expected, &err, words);
    assert_null(store);
}

static void
a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *before, *after;
    size_t len, len_after;

    store_close(fixture->store);
    fixture->store = NULL;
    run_sql(fixture->path, "PRAGMA user_version = 99");
    before = fixture_read(fixture->path, &len);
    expect_open(fixture, STORE_NEWER, "a newer certgate wrote this store (schema 99");
    after = fixture_read(fixture->path, &len_after);
    assert_int_equal(len, len_after);
    assert_memory_equal(before, after, len);
    free(before);
    free(after);
}

static void
other_files_are_left_alone(void **state)
{
    static const char letter[] =
            "Dear reader, this is a letter and not a store of anything at all.";
    struct fixture *fixture = *state;
    struct stat st;

    store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(unlink(fixture->path), 0);
    expect_open(fixture, STORE_MISSING, "there is no store");
    assert_int_not_equal(stat(fixture->path, &st), 0);

    fixture_write(fixture->path, "", 0);
    expect_open(fixture, STORE_DAMAGED, "the store is empty");
    assert_int_equal(stat(fixture->path, &st), 0);
    assert_int_equal(st.st_size, 0);

    fixture_write(fixture->path, letter, sizeof(letter));
    expect_open(fixture, STORE_DAMAGED, "restore a backup");
    assert_int_equal(stat(fixture->path, &st), 0);
    assert_int_equal(st.st_size, sizeof(letter));

    assert_int_equal(unlink(fixture->path), 0);
    run_sql(fixture->path, "CREATE TABLE recipe (name TEXT); PRAGMA user_version = 2");
    expect_open(fixture, STORE_FOREIGN, "another program's");
    run_sql(fixture->path, "SELECT * FROM recipe");

    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    expect_open(fixture, STORE_FOREIGN, "not a file");
    assert_int_equal(rmdir(fixture->path), 0);
}

static bool
ignore_cert(void *arg, const struct store_cert *cert)
{
    (void)arg;
    return cert->len != 0;
}

static bool
ignore_identity(void *arg, const struct store_identity *identity)
{
    (void)arg;
    return identity->chain_count != 0;
}

static bool
ignore_pin(void *arg, const struct store_pin *pin)
{
    (void)arg;
    return pin->until != 0;
}

static bool
ignore_setting(void *arg, const struct store_setting *setting)
{
    (void)arg;
    return setting->name[0] != '\0';
}

static bool
ignore_generation(void *arg, const struct store_generation *generation)
{
    (void)arg;
    return generation->number != 0;
}

/* Reads everything; true when nothing was found wrong. */
static bool
read_everything(const char *path)
{
    const struct store_options options = { .path = path };
    struct store *store = NULL;
    struct store_view view;
    struct cg_error err = { "" };
    enum store_status status[8] = { store_open(&options, &store, &err) };
    bool fine = true;

    if (status[0] == STORE_OK) {
        status[1] = store_now(store, &view, &err);
        status[2] = store_settings(&view, ignore_setting, NULL, &err);
        status[3] = store_tcs(&view, NULL, ignore_cert, NULL, &err);
        status[4] = store_identities(&view, ignore_identity, NULL, &err);
        status[5] = store_pins(&view, ignore_pin, NULL, &err);
        status[6] = store_history(store, 0, ignore_generation, NULL, &err);
        status[7] = store_audit_verify(store, NULL, &err);
    }
    for (size_t i = 0; i < COUNT(status); i++) {
        fine = fine && status[i] == STORE_OK;
        if (status[i] != STORE_OK && status[i] != STORE_DAMAGED && status[i] != STORE_FOREIGN &&
                status[i] != STORE_NEWER && status[i] != STORE_INVALID)
            fail_msg("step %zu: %s, %s", i, store_status_name(status[i]), err.text);
    }
    store_close(store);
    return fine;
}

static void
damage_is_found_or_harmless(void **state)
{
    static const struct {
        size_t step, count;
    } ways[] = { { 4096, 4096 }, { 1500, 200 }, { 97, 1 } };
    struct fixture *fixture = *state;
    unsigned found = 0, missed = 0;
    uint8_t *bytes, *broken;
    char name[256];
    size_t len;

    put_older(fixture, 1);
    fixture_reopen(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    bytes = fixture_read(fixture->path, &len);
    broken = malloc(len);
    assert_non_null(broken);
    assert_true(read_everything(fixture->path));
    for (size_t way = 0; way < COUNT(ways); way++) {
        for (size_t at = 0; at < len; at += ways[way].step) {
            memcpy(broken, bytes, len);
            for (size_t i = at; i < at + ways[way].count && i < len; i++)
                broken[i] ^= 0x5a;
            fixture_write(fixture->path, broken, len);
            if (read_everything(fixture->path))
                missed++; /* free space, an index that nothing used */
            else
                found++;
            (void)snprintf(name, sizeof(name), "%s-wal", fixture->path);
            (void)unlink(name);
        }
    }
    for (size_t cut = 1; cut < len; cut += 1000) {
        fixture_write(fixture->path, bytes, cut);
        if (read_everything(fixture->path))
            missed++;
        else
            found++;
    }
    assert_true(found > 40);
    assert_true(missed > 0); /* otherwise the test would not look at what it breaks */
    free(bytes);
    free(broken);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_older_schema_is_brought_up_to_date),
        WITH_STORE(an_upgrade_that_loses_power_is_made_the_next_time),
        WITH_STORE(a_newer_schema_is_refused_and_left_alone),
        WITH_STORE(other_files_are_left_alone),
        WITH_STORE(damage_is_found_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
