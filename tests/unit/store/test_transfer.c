/* Settings as JSON, and the one-file backup. */
#include "store/fixture.h"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEVER INT64_C(4102444800)

static const struct {
    const char *json;
    const char *words; /* of the refusal; NULL: taken */
} documents[] = {
    { "{\"certgate-settings\":1,\"settings\":{}}", NULL },
    { "{\"certgate-settings\":1,\"generation\":7,\"settings\":{\"max-path-depth\":4}}", NULL },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":\"5\",\"partial-chain\":true}}",
            NULL },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":{\"value\":6}}}", NULL },
    { "", "line" },
    { "{", "line 1" },
    { "[]", "no settings of certgate" },
    { "{\"settings\":{}}", "no settings of certgate" },
    { "{\"certgate-settings\":2,\"settings\":{}}", "no settings of certgate" },
    { "{\"certgate-settings\":1}", "'settings' is no object" },
    { "{\"certgate-settings\":1,\"settings\":[]}", "'settings' is no object" },
    { "{\"certgate-settings\":1,\"settings\":{},\"tcs\":1}", "'tcs' is unknown" },
    { "{\"certgate-settings\":1,\"settings\":{\"a\":1,\"a\":1}}", "duplicate" },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-dept\":4}}", "did you mean" },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":99}}", "'99' is not a number" },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":4.5}}", "neither a value" },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":null}}", "neither a value" },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":{\"valu\":4}}}",
            "neither a value" },
    { "{\"certgate-settings\":1,\"settings\":{\"checks.management\":"
      "{\"value\":\"high\",\"latched\":\"yes\"}}}",
            "neither a value" },
    { "{\"certgate-settings\":1,\"settings\":{\"max-path-depth\":4,\"checks.telephony\":\"x\"}}",
            "is not one of none, low" },
};

static void
documents_are_taken_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(documents); i++) {
        struct store_change *change = fixture_begin(fixture);
        struct cg_error err = { "" };
        enum store_status status = store_import_settings(
                change, documents[i].json, strlen(documents[i].json), NULL, &err);

        fixture_expect(status, documents[i].words == NULL ? STORE_OK : STORE_INVALID, &err,
                documents[i].words);
        if (status == STORE_OK)
            store_abort(change);
        else
            assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_INVALID);
    }
    assert_int_equal(fixture_now(fixture).generation, 0);
}

/* One of everything. */
static void
fill(struct fixture *fixture)
{
    struct store_change *change = fixture_begin(fixture);
    struct cg_span chain[] = { fixture_cert(0), fixture_cert(1) };
    struct store_identity web = { "web", "/k/web.pem", chain, 2, 0 },
                          sip = { "sip", "/k/sip.pem", chain + 1, 1, 0 };
    struct store_pin pin = { { 1, 2, 3 }, "web", NEVER, "a \"reason\"", "inc-1", 0 };

    fixture_set(change, "checks.management", "high");
    fixture_set(change, "line.head office.level", "low");
    fixture_set(change, "interface.web.allow", "allow-sip-wildcard until 2027-01-31");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(
                store_tcs_add(change, fixture_cert(i).data, fixture_cert(i).len, NULL, NULL),
                STORE_OK);
    assert_int_equal(store_identity_put(change, &web, NULL), STORE_OK);
    assert_int_equal(store_identity_put(change, &sip, NULL), STORE_OK);
    assert_int_equal(store_pin_put(change, &pin, NULL), STORE_OK);
    (void)fixture_commit(change);
}

static char *
dump_now(struct fixture *fixture)
{
    struct store_view view = fixture_now(fixture);

    return fixture_dump(&view);
}

static void
an_export_can_be_imported_again(void **state)
{
    struct fixture *fixture = *state;
    struct store_change *change;
    struct store_view view;
    char *json, *again;

    fill(fixture);
    view = fixture_now(fixture);
    assert_int_equal(store_export_settings(&view, &json, NULL), STORE_OK);
    (void)fixture_save(fixture, "checks.management", "none");
    (void)fixture_save(fixture, "line.head office.level", "none");
    change = fixture_begin(fixture);
    assert_int_equal(store_import_settings(change, json, strlen(json), NULL, NULL), STORE_OK);
    (void)fixture_commit(change);
    view = fixture_now(fixture);
    assert_int_equal(store_export_settings(&view, &again, NULL), STORE_OK);
    assert_string_equal(strstr(again, "\"settings\""), strstr(json, "\"settings\""));
    free(json);
    free(again);
}

/* ------------------------------------------------------------------ backup */

static const struct store_key keys[] = {
    { "web", { (const uint8_t *)"WEB KEY", 7 } },
    { "sip", { (const uint8_t *)"SIP KEY\n", 8 } },
};

static const char *
back_up(struct fixture *fixture, const char *passphrase)
{
    const char *path = fixture_path(fixture, "backup");
    struct store_view view = fixture_now(fixture);
    struct cg_error err = { "" };

    fixture_expect(store_backup(&view, path, FIXTURE_TIME + 5, passphrase == NULL ? NULL : keys,
                           passphrase == NULL ? 0 : COUNT(keys), passphrase, &err),
            STORE_OK, &err, NULL);
    return path;
}

static void
a_backup_restores_everything_as_one_commit(void **state)
{
    struct fixture *fixture = *state;
    struct fixture *other;
    struct store_backup_info info;
    struct store_change *change;
    char *before, *after;
    const char *path;
    struct stat st;

    fill(fixture);
    before = dump_now(fixture);
    path = back_up(fixture, NULL);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(store_backup_inspect(path, &info, NULL), STORE_OK);
    assert_int_equal(info.generation, FIXTURE_FIRST);
    assert_int_equal(info.time, FIXTURE_TIME + 5);
    assert_int_equal(info.certificates, 5);
    assert_false(info.encrypted);

    (void)fixture_save(fixture, "checks.telephony", "none"); /* is not in the backup */
    change = fixture_begin(fixture);
    assert_int_equal(store_restore(change, path, NULL, NULL, NULL, NULL, NULL), STORE_OK);
    assert_int_equal(fixture_commit(change), FIXTURE_FIRST + 2);
    after = dump_now(fixture);
    assert_string_equal(after, before);
    free(after);

    assert_int_equal(fixture_setup((void **)&other), 0); /* on another node */
    change = fixture_begin(other);
    assert_int_equal(store_restore(change, path, NULL, NULL, NULL, NULL, NULL), STORE_OK);
    assert_int_equal(fixture_commit(change), FIXTURE_FIRST);
    after = dump_now(other);
    assert_string_equal(after, before);
    assert_int_equal(fixture_teardown((void **)&other), 0);
    free(after);
    free(before);
}

static enum store_status
take_key(void *arg, const struct store_key *key, struct cg_error *err)
{
    (void)err;
    cg_buf_addf(arg, "%s=%.*s;", key->identity, (int)key->bytes.len, (const char *)key->bytes.data);
    return STORE_OK;
}

static enum store_status
refuse_key(void *arg, const struct store_key *key, struct cg_error *err)
{
    (void)arg;
    return store_fail(err, STORE_READ_ONLY, "cannot write the key of %s", key->identity);
}

static void
keys_need_a_passphrase(void **state)
{
    struct fixture *fixture = *state;
    struct store_view view;
    struct store_change *change;
    struct store_backup_info info;
    struct cg_error err = { "" };
    struct cg_buf taken;
    const char *path;
    uint8_t *bytes;
    size_t len;

    fill(fixture);
    view = fixture_now(fixture);
    path = fixture_path(fixture, "backup");
    fixture_expect(store_backup(&view, path, 1, keys, 1, NULL, &err), STORE_INVALID, &err,
            "only with a passphrase");
    fixture_expect(
            store_backup(&view, path, 1, keys, 1, "", &err), STORE_INVALID, &err, "passphrase");
    assert_int_equal(store_backup_inspect(path, &info, NULL), STORE_MISSING); /* none was made */

    path = back_up(fixture, "open sesame");
    bytes = fixture_read(path, &len);
    assert_null(memmem(bytes, len, "WEB KEY", 7));
    free(bytes);
    assert_int_equal(store_backup_inspect(path, &info, NULL), STORE_OK);
    assert_true(info.encrypted);

    cg_buf_init(&taken, 4096);
    change = fixture_begin(fixture);
    fixture_expect(store_restore(change, path, NULL, "open says me", take_key, &taken, &err),
            STORE_INVALID, &err, "passphrase is wrong");
    assert_int_equal(taken.len, 0);
    store_abort(change);

    change = fixture_begin(fixture);
    fixture_set(change, "partial-chain", "true");
    assert_int_equal(
            store_restore(change, path, NULL, "open sesame", take_key, &taken, NULL), STORE_OK);
    assert_string_equal(cg_buf_text(&taken), "web=WEB KEY;sip=SIP KEY\n;");
    store_abort(change);
    cg_buf_release(&taken);

    change = fixture_begin(fixture);
    fixture_expect(store_restore(change, path, NULL, "open sesame", refuse_key, NULL, &err),
            STORE_READ_ONLY, &err, "cannot write");
    assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_INVALID);

    change = fixture_begin(fixture); /* everything but the keys needs none */
    assert_int_equal(store_restore(change, path, NULL, NULL, NULL, NULL, NULL), STORE_OK);
    assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_UNCHANGED);
}

static void
expect_refused(struct fixture *fixture, const char *path, size_t at, enum store_status other)
{
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };
    enum store_status status = store_restore(change, path, NULL, NULL, NULL, NULL, &err);

    if (status != STORE_DAMAGED && status != other)
        fail_msg("at octet %zu: %s, %s", at, store_status_name(status), err.text);
    assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_INVALID);
}

static void
a_damaged_or_cut_backup_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    const char *path, *broken = fixture_path(fixture, "broken");
    char *before, *after;
    uint8_t *bytes;
    size_t len;

    fill(fixture);
    path = back_up(fixture, "open sesame");
    (void)fixture_save(fixture, "checks.telephony", "none");
    before = dump_now(fixture);
    bytes = fixture_read(path, &len);
    for (size_t i = 0; i < len; i += i < 200 || i + 200 > len ? 1 : 17) {
        bytes[i] ^= 1;
        fixture_write(broken, bytes, len);
        expect_refused(fixture, broken, i, i < 16 ? STORE_FOREIGN : STORE_DAMAGED);
        bytes[i] ^= 1;
    }
    for (size_t i = 0; i < len; i += i < 200 || i + 200 > len ? 1 : 17) {
        fixture_write(broken, bytes, i);
        expect_refused(fixture, broken, i, STORE_DAMAGED);
    }
    fixture_write(broken, "hello, this is some other file, and long enough to be looked at", 64);
    expect_refused(fixture, broken, 0, STORE_FOREIGN);
    expect_refused(fixture, fixture_path(fixture, "missing"), 0, STORE_MISSING);
    expect_refused(fixture, fixture->folder, 0, STORE_FOREIGN);
    after = dump_now(fixture);
    assert_string_equal(after, before);
    free(before);
    free(after);
    free(bytes);
}

/* A file whose digest is right, and whose contents lie. */
static void
forge(uint8_t *bytes, size_t len, size_t at, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        bytes[at + i] ^= 0xff;
    assert_int_equal(EVP_Digest(bytes, len - 32, bytes + len - 32, NULL, EVP_sha256(), NULL), 1);
    fixture_write(path, bytes, len);
    for (size_t i = 0; i < count; i++)
        bytes[at + i] ^= 0xff;
}

static void
a_forged_backup_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    const char *path, *forged = fixture_path(fixture, "forged");
    uint8_t *bytes;
    size_t len;

    fill(fixture);
    path = back_up(fixture, "open sesame");
    bytes = fixture_read(path, &len);
    for (size_t i = 0; i + 36 < len; i += i < 1000 ? 1 : 7) {
        struct store_change *change = fixture_begin(fixture);
        enum store_status status;

        forge(bytes, len, i, 1 + i % 4, forged);
        status = store_restore(change, forged, NULL, NULL, NULL, NULL, NULL);
        if (status == STORE_OK) /* a certificate with another signature, a sealed key, a name */
            store_abort(change);
        else
            assert_int_equal(store_commit(change, NULL, NULL, NULL, NULL), STORE_INVALID);
    }
    forge(bytes, len, 30, 1, forged); /* what is sealed vouches for the rest */
    {
        struct store_change *change = fixture_begin(fixture);

        assert_int_not_equal(
                store_restore(change, forged, NULL, "open sesame", NULL, NULL, NULL), STORE_OK);
        store_abort(change);
    }
    free(bytes);
}

static void
a_backup_that_cannot_be_written_leaves_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    struct store_backup_info info;
    struct store_view view;
    const char *path, *part;
    struct cg_error err = { "" };

    fill(fixture);
    path = back_up(fixture, NULL);
    part = fixture_path(fixture, "backup.part");
    assert_int_equal(mkdir(part, 0700), 0);
    view = fixture_now(fixture);
    fixture_expect(store_backup(&view, path, 1, NULL, 0, NULL, &err), STORE_IO, &err,
            "no backup was made");
    assert_int_equal(store_backup_inspect(path, &info, NULL), STORE_OK);
    assert_int_equal(rmdir(part), 0);
    fixture_expect(store_backup(&view, "/nowhere/backup", 1, NULL, 0, NULL, &err), STORE_IO, &err,
            "no backup was made");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(documents_are_taken_whole_or_not_at_all),
        WITH_STORE(an_export_can_be_imported_again),
        WITH_STORE(a_backup_restores_everything_as_one_commit),
        WITH_STORE(keys_need_a_passphrase),
        WITH_STORE(a_damaged_or_cut_backup_changes_nothing),
        WITH_STORE(a_forged_backup_is_harmless),
        WITH_STORE(a_backup_that_cannot_be_written_leaves_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
