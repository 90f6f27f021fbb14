#include "control/keeping.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/limits.h"
#include "config.h"
#include "control/say.h"
#include "input/input.h"

/* ---- opening ----------------------------------------------------------------------------------- */

static bool
make_store(struct control *control, const struct store_options *options, int64_t now,
        struct cg_error *err)
{
    const struct store_author author = { now, "certgated", "first start" };

    if (store_create(options, control->generation + 1, &author, err) != STORE_OK)
        return false;
    say("%s: a new store, filled from %s", options->path, control->options.config);
    return store_open(options, &control->store, err) == STORE_OK;
}

bool
keeping_open(struct control *control, const struct settings *settings, int64_t now,
        struct cg_buf *problems)
{
    struct store_options options = { .path = NULL };
    struct cg_error err = { "no memory" };
    enum store_status status = STORE_NOMEM;
    char *path = NULL;
    bool ok;

    if (!settings->store || control->store != NULL)
        return true;
    if (asprintf(&path, "%s/" CANDIDATE_STORE, settings->state) > 0) {
        options.path = path;
        status = store_open(&options, &control->store, &err);
    }
    ok = status == STORE_OK ||
            (status == STORE_MISSING && make_store(control, &options, now, &err));
    if (!ok)
        cg_buf_addf(problems, "%s\n", err.text);
    free(path);
    return ok;
}

/* ---- in step with the file --------------------------------------------------------------------- */

/* Settings that the file gives and the store has no value of. */
static enum store_status
seed_settings(const struct settings *file, struct store_change *change, struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    json_t *seeds = json_object(), *document = NULL;
    enum store_status status = STORE_OK;
    char *text = NULL;

    for (size_t i = 0; status == STORE_OK && i < file->given_count; i++) {
        const struct settings_given *given = &file->given[i];
        struct store_setting setting;

        status = store_get(&pending, given->name, &setting, err);
        if (status == STORE_OK && !setting.is_set)
            (void)json_object_set_new(seeds, given->name,
                    json_pack("{s:s,s:b}", "value", given->value, "latched", given->latched));
    }
    if (status != STORE_OK || json_object_size(seeds) == 0)
        goto done;
    document = json_pack("{s:i,s:O}", "certgate-settings", 1, "settings", seeds);
    text = document == NULL ? NULL : json_dumps(document, JSON_COMPACT);
    status = text == NULL ? store_fail(err, STORE_NOMEM, "no memory for the settings")
                          : store_import_settings(change, text, strlen(text), NULL, err);
done:
    free(text);
    json_decref(document);
    json_decref(seeds);
    return status;
}

static bool
has_block(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->interface_count; i++) {
        const struct snapshot_interface *it = &settings->interfaces[i];

        if (strcmp(it->name, name) == 0)
            return true;
        for (size_t j = 0; j < it->class_count; j++)
            if (strcmp(it->classes[j].name, name) == 0)
                return true;
    }
    return false;
}

struct stale {
    const struct settings *file;
    char (*names)[STORE_NAME_SIZE];
    size_t count;
};

static bool
find_stale(void *arg, const struct store_setting *setting)
{
    struct stale *stale = arg;
    const struct registry_row *row;
    char inside[SNAPSHOT_NAME_SIZE];

    if (!setting->is_set || strncmp(setting->name, "user.", 5) == 0 ||
            registry_find(setting->name, &row, NULL) != STORE_OK ||
            !registry_inside(row, setting->name, inside, sizeof(inside)) ||
            has_block(stale->file, inside) || stale->count == STORE_MAX_SETTINGS)
        return true;
    (void)snprintf(stale->names[stale->count++], STORE_NAME_SIZE, "%s", setting->name);
    return true;
}

/* What is set for a block that the file has no more counts for nobody, and for a new one of that name least. */
static enum store_status
drop_stale(const struct settings *file, struct store_change *change, struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    struct stale stale = { .file = file,
        .names = calloc(STORE_MAX_SETTINGS, sizeof(*stale.names)) };
    enum store_status status = stale.names == NULL
            ? store_fail(err, STORE_NOMEM, "no memory for the settings")
            : store_settings(&pending, find_stale, &stale, err);

    for (size_t i = 0; status == STORE_OK && i < stale.count; i++)
        status = store_unset(change, stale.names[i], err);
    free(stale.names);
    return status;
}

static enum store_status
add_list(struct store_change *change, const struct input_list *list, struct cg_error *err)
{
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < list->count; i++) {
        const uint8_t *der;
        size_t len;

        der = cg_cert_get0_der(list->certs[i], &len);
        status = store_tcs_add(change, der, len, NULL, err);
    }
    return status;
}

static enum store_status
seed_tcs(const struct settings *file, struct store_change *change, struct cg_error *err)
{
    struct input_list list = { 0 };
    enum store_status status;

    if (file->tcs == NULL)
        return STORE_OK;
    status = input_load(file->tcs, NULL, &list, err) == CG_OK ? STORE_OK : STORE_INVALID;
    if (status == STORE_OK)
        status = add_list(change, &list, err);
    input_list_release(&list);
    return status;
}

static enum store_status
put_identity(const struct settings_identity *it, struct store_change *change, struct cg_error *err)
{
    struct store_identity identity = { .name = it->name, .key_path = it->key };
    struct cg_span chain[CG_MAX_CHAIN_CERTS];
    struct input_list list = { 0 };
    enum store_status status = STORE_INVALID;

    if (input_load(it->certificate, NULL, &list, err) != CG_OK)
        return STORE_INVALID;
    if (list.count == 0 || list.count > CG_MAX_CHAIN_CERTS) {
        (void)store_fail(err, STORE_INVALID, "%s holds %zu certificates: 1 to %d are sent",
                it->certificate, list.count, CG_MAX_CHAIN_CERTS);
        goto done;
    }
    for (size_t i = 0; i < list.count; i++)
        chain[i].data = cg_cert_get0_der(list.certs[i], &chain[i].len);
    identity.chain = chain;
    identity.chain_count = list.count;
    status = store_identity_put(change, &identity, err);
done:
    input_list_release(&list);
    return status;
}

struct forgotten {
    const struct settings *file;
    const char *keys; /* folder of keys that we made */
    char names[SNAPSHOT_MAX_IDENTITIES][SNAPSHOT_NAME_SIZE];
    size_t count;
};

static bool
find_forgotten(void *arg, const struct store_identity *identity)
{
    struct forgotten *forgotten = arg;

    if (strncmp(identity->key_path, forgotten->keys, strlen(forgotten->keys)) == 0 ||
            forgotten->count == SNAPSHOT_MAX_IDENTITIES)
        return true;
    for (size_t i = 0; i < forgotten->file->identity_count; i++)
        if (forgotten->file->identities[i].certificate != NULL &&
                strcmp(forgotten->file->identities[i].name, identity->name) == 0)
            return true;
    (void)snprintf(forgotten->names[forgotten->count++], SNAPSHOT_NAME_SIZE, "%s", identity->name);
    return true;
}

/* Those of the file as their files are now; those that the file had once, and has no more, go. */
static enum store_status
sync_identities(const struct settings *file, struct store_change *change, struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    struct forgotten *forgotten = calloc(1, sizeof(*forgotten));
    enum store_status status;
    char *keys = NULL;

    if (forgotten == NULL || asprintf(&keys, "%s/" KEEPING_KEYS "/", file->state) < 0) {
        free(forgotten);
        return store_fail(err, STORE_NOMEM, "no memory for identities");
    }
    forgotten->file = file;
    forgotten->keys = keys;
    status = store_identities(&pending, find_forgotten, forgotten, err);
    for (size_t i = 0; status == STORE_OK && i < forgotten->count; i++)
        status = store_identity_remove(change, forgotten->names[i], NULL, err);
    for (size_t i = 0; status == STORE_OK && i < file->identity_count; i++)
        if (file->identities[i].certificate != NULL)
            status = put_identity(&file->identities[i], change, err);
    free(keys);
    free(forgotten);
    return status;
}

/* What the file is, and who reads it: another program may read it in another way. */
static enum store_status
put_configuration(const char *text, struct store_change *change, struct cg_error *err)
{
    char hex[2 * CG_SHA256_SIZE + 1];
    uint8_t digest[CG_SHA256_SIZE];
    char *whole = NULL;
    enum store_status status = STORE_NOMEM;

    if (asprintf(&whole, "%s\n%s", CERTGATE_VERSION, text) < 0)
        return store_fail(err, STORE_NOMEM, "no memory for the settings");
    if (EVP_Digest(whole, strlen(whole), digest, NULL, EVP_sha256(), NULL) == 1) {
        for (size_t i = 0; i < sizeof(digest); i++)
            (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        status = store_set(change, "node.configuration", hex, err);
    }
    free(whole);
    return status;
}

enum store_status
keeping_sync(struct control *control, struct store_change *change, const char *text,
        struct cg_buf *problems, struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    struct settings *file = candidate_settings(control->options.config, text, &pending, problems);
    struct store_view now;
    enum store_status status;

    if (file == NULL)
        return store_fail(err, STORE_INVALID, "%s is not valid", control->options.config);
    status = store_now(control->store, &now, err);
    if (status == STORE_OK && now.generation == 0)
        status = seed_tcs(file, change, err);
    if (status == STORE_OK)
        status = drop_stale(file, change, err);
    if (status == STORE_OK)
        status = seed_settings(file, change, err);
    if (status == STORE_OK)
        status = sync_identities(file, change, err);
    if (status == STORE_OK)
        status = put_configuration(text, change, err);
    settings_free(file);
    return status;
}
