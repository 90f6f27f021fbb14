#include "control/keeping.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "config.h"
#include "control/lastgood.h"
#include "control/say.h"
#include "identity/identity.h"
#include "identity/names.h"
#include "input/input.h"

char *
keeping_keys(const struct settings *settings)
{
    char *state = realpath(settings->state, NULL), *folder = NULL;

    if (state != NULL && asprintf(&folder, "%s/keys", state) < 0)
        folder = NULL;
    free(state);
    return folder;
}

bool
keeping_is_ours(const char *folder, const char *key_path)
{
    size_t len = strlen(folder);

    /* A file of the folder itself: no path leads out of it again. */
    return strncmp(key_path, folder, len) == 0 && key_path[len] == '/' &&
            key_path[len + 1] != '\0' && key_path[len + 1] != '.' &&
            strchr(key_path + len + 1, '/') == NULL;
}

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

/* Nothing is ever made in place of a store that was there before: it may come back, and a backup is better. */
static enum store_status
open_or_make(struct control *control, const struct store_options *options, int64_t now,
        struct cg_error *err)
{
    enum store_status status = store_open(options, &control->store, err);

    if (status != STORE_MISSING)
        return status;
    if (!lastgood_exists(&control->state) || control->options.new_store)
        return make_store(control, options, now, err) ? STORE_OK : STORE_IO;
    return store_fail(err, STORE_MISSING,
            "%.200s: the store is gone: put it back, or start certgated once with --new-store, "
            "which fills a new one from %.200s, and then 'certgate restore' a backup",
            options->path, control->options.config);
}

bool
keeping_open(struct control *control, const struct settings *settings, int64_t now,
        struct cg_buf *problems)
{
    struct store_options options = { .path = NULL };
    struct cg_error err = { "no memory" };
    enum store_status status = STORE_NOMEM;
    char *path = NULL;

    if (!settings->store || control->store != NULL)
        return true;
    if (asprintf(&path, "%s/" CANDIDATE_STORE, settings->state) > 0) {
        options.path = path;
        status = open_or_make(control, &options, now, &err);
    }
    if (status != STORE_OK)
        cg_buf_addf(problems, "%s\n", err.text);
    free(path);
    return status == STORE_OK;
}

/* ---- in step with the file --------------------------------------------------------------------- */

static bool
find_past(void *arg, const struct store_past *past)
{
    (void)past;
    *(bool *)arg = true;
    return false;
}

/* A latch that was cleared is so for good: what had a value once gets none with the next. */
static enum store_status
may_latch(struct control *control, const struct settings_given *given, bool *latched,
        struct cg_error *err)
{
    bool known = false;
    enum store_status status = !given->latched
            ? STORE_OK
            : store_setting_history(control->store, given->name, find_past, &known, err);

    *latched = given->latched && !known;
    return status;
}

/* Settings that the file gives and the store has no value of. */
static enum store_status
seed_settings(struct control *control, const struct settings *file, struct store_change *change,
        struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    json_t *seeds = json_object(), *document = NULL;
    enum store_status status = STORE_OK;
    char *text = NULL;

    for (size_t i = 0; status == STORE_OK && i < file->given_count; i++) {
        const struct settings_given *given = &file->given[i];
        struct store_setting setting;
        bool latched = false;

        status = store_get(&pending, given->name, &setting, err);
        if (status != STORE_OK || setting.is_set)
            continue;
        status = may_latch(control, given, &latched, err);
        (void)json_object_set_new(seeds, given->name,
                json_pack("{s:s,s:b}", "value", given->value, "latched", latched));
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

    if (keeping_is_ours(forgotten->keys, identity->key_path) ||
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
    char *keys = keeping_keys(file);

    if (forgotten == NULL || keys == NULL) {
        free(keys);
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

/* Only before anybody is served: the resolver may take its time. */
static bool
find_hosts(const struct control *control, struct identity_hosts *hosts)
{
    char name[HOST_NAME_MAX + 1] = "";

    if (control->candidate == NULL && identity_hosts_of_machine(hosts))
        return true;
    return gethostname(name, sizeof(name) - 1) == 0 && identity_hosts_add(hosts, name);
}

/*
 * An interface that names no identity presents one that we make, as the original system does at its first
 * start: it signs itself, and is there to be replaced.
 */
static enum store_status
make_default(const struct control *control, const char *folder, int64_t now,
        struct store_change *change, struct cg_error *err)
{
    const struct identity_place place = { folder, SETTINGS_DEFAULT_IDENTITY, now };
    struct identity_hosts hosts = { .count = 0 };
    struct identity made = { .key_path = NULL };
    struct store_identity identity = { .name = SETTINGS_DEFAULT_IDENTITY };
    enum store_status status = STORE_INVALID;
    struct cg_span own;

    if (!find_hosts(control, &hosts))
        (void)store_fail(err, STORE_INVALID, "this machine has no name to make an identity of");
    else if (identity_create(&place,
                     &(struct identity_wish) { .hosts = (const char *const *)hosts.items,
                             .host_count = hosts.count,
                             .kind = IDENTITY_P256,
                             .days = IDENTITY_DEFAULT_DAYS },
                     &made, err) == CG_OK) {
        own.data = cg_cert_get0_der(made.chain.certs[0], &own.len);
        identity.key_path = made.key_path;
        identity.chain = &own;
        identity.chain_count = 1;
        status = store_identity_put(change, &identity, err);
        say("identity 'default' is made for %s: it signs itself, so peers have to be told to trust "
            "it, or another is installed ('certgate identity')",
                hosts.items[0]);
    }
    identity_hosts_release(&hosts);
    identity_release(&made);
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
keeping_sync(struct control *control, struct store_change *change, const char *text, int64_t now_s,
        struct cg_buf *problems, struct cg_error *err)
{
    const struct store_view pending = store_pending(change);
    struct settings *file = candidate_settings(control->options.config, text, &pending, problems);
    struct store_view now;
    enum store_status status;
    char *folder = NULL;

    if (file == NULL)
        return store_fail(err, STORE_INVALID, "%s is not valid", control->options.config);
    status = store_now(control->store, &now, err);
    if (status == STORE_OK && now.generation == 0)
        status = seed_tcs(file, change, err);
    if (status == STORE_OK)
        status = drop_stale(file, change, err);
    if (status == STORE_OK)
        status = seed_settings(control, file, change, err);
    if (status == STORE_OK)
        status = sync_identities(file, change, err);
    if (status == STORE_OK && file->wants_default) {
        folder = keeping_keys(file);
        if (folder == NULL)
            status = store_fail(err, STORE_NOMEM, "no memory for an identity");
        else
            status = make_default(control, folder, now_s, change, err);
    }
    if (status == STORE_OK)
        status = put_configuration(text, change, err);
    free(folder);
    settings_free(file);
    return status;
}
