#include "store/fixture.h"

#include <dirent.h>
#include <unistd.h>

#include "support/mint.h"

static const struct store_author author = { FIXTURE_TIME, "tester", "a test" };

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct store_options options;

    assert_non_null(fixture);
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/certgate-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/store.db", fixture->folder);
    options = (struct store_options) { .path = fixture->path };
    assert_int_equal(store_create(&options, FIXTURE_FIRST, &author, NULL), STORE_OK);
    fixture_reopen(fixture);
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    DIR *folder = opendir(fixture->folder);
    struct dirent *entry;

    store_close(fixture->store);
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        (void)unlink(fixture_path(fixture, entry->d_name));
    (void)closedir(folder);
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

const char *
fixture_path(const struct fixture *fixture, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % COUNT(paths)];

    (void)snprintf(path, sizeof(paths[0]), "%s/%.255s", fixture->folder, name);
    return path;
}

void
fixture_reopen(struct fixture *fixture)
{
    const struct store_options options = { .path = fixture->path };
    struct cg_error err = { "" };

    store_close(fixture->store);
    fixture_expect(store_open(&options, &fixture->store, &err), STORE_OK, &err, NULL);
}

void
fixture_write(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

uint8_t *
fixture_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "r");
    uint8_t *bytes;
    long size;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    (void)fclose(file);
    *len = (size_t)size;
    return bytes;
}

void
fixture_expect(enum store_status status, enum store_status expected, const struct cg_error *err,
        const char *words)
{
    if (status != expected)
        fail_msg("%s instead of %s: %s", store_status_name(status), store_status_name(expected),
                err->text);
    if (words != NULL && strstr(err->text, words) == NULL)
        fail_msg("'%s' does not say '%s'", err->text, words);
}

struct store_change *
fixture_begin(struct fixture *fixture)
{
    struct store_change *change;
    struct cg_error err = { "" };

    fixture_expect(store_begin(fixture->store, &author, &change, &err), STORE_OK, &err, NULL);
    return change;
}

uint64_t
fixture_commit(struct store_change *change)
{
    uint64_t generation = 0;
    struct cg_error err = { "" };

    fixture_expect(store_commit(change, NULL, NULL, &generation, &err), STORE_OK, &err, NULL);
    return generation;
}

void
fixture_set(struct store_change *change, const char *name, const char *value)
{
    struct cg_error err = { "" };

    fixture_expect(store_set(change, name, value, &err), STORE_OK, &err, NULL);
}

struct store_view
fixture_now(struct fixture *fixture)
{
    struct store_view view;
    struct cg_error err = { "" };

    fixture_expect(store_now(fixture->store, &view, &err), STORE_OK, &err, NULL);
    return view;
}

struct store_setting
fixture_get(struct fixture *fixture, const char *name)
{
    struct store_view view = fixture_now(fixture);
    struct store_setting setting;
    struct cg_error err = { "" };

    fixture_expect(store_get(&view, name, &setting, &err), STORE_OK, &err, NULL);
    return setting;
}

uint64_t
fixture_save(struct fixture *fixture, const char *name, const char *value)
{
    struct store_change *change = fixture_begin(fixture);

    fixture_set(change, name, value);
    return fixture_commit(change);
}

uint64_t
fixture_upgrade(struct fixture *fixture, const char *json)
{
    struct store_change *change = fixture_begin(fixture);
    struct cg_error err = { "" };

    fixture_expect(store_import_settings(change, json, strlen(json), "11.1.2", &err), STORE_OK,
            &err, NULL);
    return fixture_commit(change);
}

/* ------------------------------------------------------------------ states as text */

static bool
dump_setting(void *arg, const struct store_setting *setting)
{
    cg_buf_addf(arg, "%s=%s%s%s\n", setting->name, setting->value,
            setting->latched ? " latched" : "", setting->is_set ? "" : " by default");
    return true;
}

static bool
dump_cert(void *arg, const struct store_cert *cert)
{
    char hex[STORE_HEX_SIZE];

    store_hex(hex, cert->sha256);
    cg_buf_addf(arg, "tcs %s %s %s\n", hex, store_cert_kind_name(cert->kind), cert->subject);
    return true;
}

static bool
dump_identity(void *arg, const struct store_identity *identity)
{
    cg_buf_addf(arg, "identity %s %s", identity->name, identity->key_path);
    for (size_t i = 0; i < identity->chain_count; i++) {
        cg_buf_add(arg, " ");
        cg_buf_add_hex(arg, identity->chain[i], false);
    }
    cg_buf_add(arg, "\n");
    return true;
}

static bool
dump_pin(void *arg, const struct store_pin *pin)
{
    char hex[STORE_HEX_SIZE];

    store_hex(hex, pin->sha256);
    cg_buf_addf(arg, "pin %s %s %lld %s %s\n", hex, pin->interface, (long long)pin->until,
            pin->reason, pin->incident);
    return true;
}

char *
fixture_dump(const struct store_view *view)
{
    struct cg_error err = { "" };
    struct cg_buf buf;
    char *text;

    cg_buf_init(&buf, (size_t)64 * 1024 * 1024);
    fixture_expect(store_settings(view, dump_setting, &buf, &err), STORE_OK, &err, NULL);
    fixture_expect(store_tcs(view, NULL, dump_cert, &buf, &err), STORE_OK, &err, NULL);
    fixture_expect(store_identities(view, dump_identity, &buf, &err), STORE_OK, &err, NULL);
    fixture_expect(store_pins(view, dump_pin, &buf, &err), STORE_OK, &err, NULL);
    text = cg_buf_take(&buf);
    assert_non_null(text);
    return text;
}

/* ------------------------------------------------------------------ certificates */

struct cg_span
fixture_cert(unsigned i)
{
    static struct cg_span made[16];
    char name[32];
    struct mint mint = { .subject = name, .key = mint_key("P-256"), .serial = (long)i + 1 };

    assert_true(i < COUNT(made));
    if (made[i].data == NULL) {
        (void)snprintf(name, sizeof(name), "CN=number %u", i);
        if (i % 2 == 0)
            mint.extensions[0] = "basicConstraints=critical,CA:TRUE";
        made[i].data = mint_der(&mint, &made[i].len);
    }
    return made[i];
}
