/* Routes about the whole state in one file. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/api/handlers.h"
#include "control/api/view.h"
#include "control/keeping.h"
#include "control/say.h"
#include "identity/files.h"

/* ---- backup ------------------------------------------------------------------------------------ */

struct keys {
    struct store_key keys[STORE_MAX_KEYS];
    char names[STORE_MAX_KEYS][SNAPSHOT_NAME_SIZE];
    size_t count;
    struct cg_error err;
};

static bool
take_key(void *arg, const struct store_identity *it)
{
    struct keys *keys = arg;
    int fd = open(it->key_path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = fd < 0 ? NULL : malloc(STORE_MAX_KEY_BYTES);
    ssize_t len = bytes == NULL ? -1 : read(fd, bytes, STORE_MAX_KEY_BYTES);

    if (fd >= 0)
        close(fd);
    if (len <= 0 || keys->count == STORE_MAX_KEYS) {
        (void)snprintf(keys->err.text, sizeof(keys->err.text), "the key %.300s cannot be read: %s",
                it->key_path, strerror(errno));
        free(bytes);
        return false;
    }
    (void)snprintf(keys->names[keys->count], SNAPSHOT_NAME_SIZE, "%s", it->name);
    keys->keys[keys->count] =
            (struct store_key) { keys->names[keys->count], { bytes, (size_t)len } };
    keys->count++;
    return true;
}

static void
release_keys(struct keys *keys)
{
    for (size_t i = 0; keys != NULL && i < keys->count; i++)
        OPENSSL_clear_free((void *)(uintptr_t)keys->keys[i].bytes.data, keys->keys[i].bytes.len);
    free(keys);
}

/* A file of nobody else's in the state directory, for the store reads and writes backups as files. */
static char *
scratch_path(const struct control *control)
{
    char *path = NULL;

    return asprintf(&path, "%s/backup.tmp", control->candidate->settings->state) < 0 ? NULL : path;
}

static bool
read_file(const char *path, struct cg_buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[65536];
    ssize_t len = 0;

    while (fd >= 0 && (len = read(fd, bytes, sizeof(bytes))) > 0)
        cg_buf_add_bytes(out, bytes, (size_t)len);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && len == 0 && !out->failed;
}

static enum store_status
write_backup(struct api_request *request, const struct store_view *view, const char *path,
        struct cg_error *err)
{
    const char *passphrase = api_text(request, "passphrase");
    struct keys *keys = NULL;
    enum store_status status = STORE_OK;

    if (passphrase != NULL && passphrase[0] != '\0') {
        keys = calloc(1, sizeof(*keys));
        if (keys == NULL)
            return store_fail(err, STORE_NOMEM, "no memory for the keys");
        status = store_identities(view, take_key, keys, err);
        if (status == STORE_OK && keys->err.text[0] != '\0') {
            *err = keys->err;
            status = STORE_IO;
        }
    }
    if (status == STORE_OK)
        status = store_backup(view, path, (int64_t)time(NULL), keys == NULL ? NULL : keys->keys,
                keys == NULL ? 0 : keys->count, keys == NULL ? NULL : passphrase, err);
    release_keys(keys);
    return status;
}

void
api_backup(struct api_request *request)
{
    char *path = NULL, actor[STORE_MAX_ACTOR];
    struct store_author author = api_author(request, actor);
    struct cg_error err = { "no memory" };
    struct store_view view;
    enum store_status status = STORE_NOMEM;

    if (!api_view(request, &view))
        return;
    path = scratch_path(request->control);
    if (path != NULL) {
        (void)unlink(path);
        status = write_backup(request, &view, path, &err);
    }
    if (status == STORE_OK && !read_file(path, &request->text))
        status = store_fail(&err, STORE_IO, "the backup cannot be read back");
    if (status == STORE_OK)
        status = store_audit_add(
                request->control->store, author.time, author.actor, "backup", NULL, &err);
    request->status = MHD_HTTP_OK;
    request->type = "application/octet-stream";
    if (status != STORE_OK)
        api_store_error(request, status, &err);
    if (path != NULL)
        (void)unlink(path);
    free(path);
}

/* ---- restore ----------------------------------------------------------------------------------- */

struct restore {
    struct api_request *request;
    const char *path;
    const char *passphrase;
    const char *from_release;
    char *folder; /* of keys */
    struct keys *keys;
    char *placed[STORE_MAX_KEYS]; /* paths of keys that were not there before */
    size_t placed_count;
};

static enum store_status
keep_key(void *arg, const struct store_key *key, struct cg_error *err)
{
    struct keys *keys = arg;
    uint8_t *copy;

    if (keys->count == STORE_MAX_KEYS || (copy = malloc(key->bytes.len + 1)) == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for the keys");
    memcpy(copy, key->bytes.data, key->bytes.len);
    (void)snprintf(keys->names[keys->count], SNAPSHOT_NAME_SIZE, "%s", key->identity);
    keys->keys[keys->count] =
            (struct store_key) { keys->names[keys->count], { copy, key->bytes.len } };
    keys->count++;
    return STORE_OK;
}

struct place {
    struct restore *restore;
    struct cg_error *err;
    enum store_status status;
};

static bool
write_key(struct restore *restore, const char *path, struct cg_span bytes, struct cg_error *err)
{
    char *copy = restore->placed_count == STORE_MAX_KEYS ? NULL : strdup(path);

    if (copy == NULL || identity_folder_make(restore->folder, err) != CG_OK ||
            identity_file_write(path, bytes.data, bytes.len, err) != CG_OK) {
        free(copy);
        return false;
    }
    restore->placed[restore->placed_count++] = copy;
    return true;
}

/*
 * Where the identity expects its key, if none is there: a key in force is never written over. Only in our own
 * folder: a path of the backup leads nowhere else, and keys that certgate.conf names are its author's.
 */
static bool
place_key(void *arg, const struct store_identity *it)
{
    struct place *place = arg;
    const struct keys *keys = place->restore->keys;

    if (!keeping_is_ours(place->restore->folder, it->key_path))
        return true;
    for (size_t i = 0; i < keys->count && place->status == STORE_OK; i++)
        if (strcmp(keys->names[i], it->name) == 0 && access(it->key_path, F_OK) != 0 &&
                !write_key(place->restore, it->key_path, keys->keys[i].bytes, place->err))
            place->status = STORE_IO;
    return place->status == STORE_OK;
}

/* Keys of what came to nothing go again. */
static void
settle_keys(struct restore *restore, bool stay)
{
    for (size_t i = 0; i < restore->placed_count; i++) {
        if (!stay)
            (void)unlink(restore->placed[i]);
        free(restore->placed[i]);
    }
    restore->placed_count = 0;
}

static enum store_status
restore(void *arg, struct store_change *change, struct cg_error *err)
{
    struct restore *it = arg;
    struct place place = { it, err, STORE_OK };
    struct store_view pending;
    enum store_status status = store_restore(change, it->path, it->from_release, it->passphrase,
            it->passphrase == NULL ? NULL : keep_key, it->keys, err);

    /* It is what was sent that is damaged, or no backup. */
    if (status == STORE_DAMAGED || status == STORE_FOREIGN || status == STORE_NEWER)
        return STORE_INVALID;
    if (status != STORE_OK)
        return status;
    pending = store_pending(change);
    status = store_identities(&pending, place_key, &place, err);
    return status == STORE_OK ? place.status : status;
}

static bool
write_file(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_all(fd, bytes, len);

    if (fd >= 0)
        close(fd);
    return ok;
}

void
api_restore(struct api_request *request)
{
    const char *passphrase = MHD_lookup_connection_value(
            request->connection, MHD_HEADER_KIND, "Certgate-Passphrase");
    struct restore work = { .request = request,
        .passphrase = passphrase,
        .from_release = api_query(request, "from_release"),
        .folder = NULL,
        .keys = calloc(1, sizeof(struct keys)) };
    char *path = NULL, actor[STORE_MAX_ACTOR];
    json_t *told = json_object();
    struct commit commit = { .author = api_author(request, actor),
        .edit = restore,
        .arg = &work,
        .force = api_query(request, "force") != NULL,
        .preview = api_query(request, "preview") != NULL,
        .no_backup = api_query(request, "no_backup") != NULL,
        .administrator = request->who.certificate,
        .told = told };
    struct cg_buf problems;
    struct store_view view;
    enum commit_end end;

    cg_buf_init(&problems, 1024 * 1024);
    if (!api_view(request, &view))
        goto done;
    work.path = path = scratch_path(request->control);
    if (path == NULL || work.keys == NULL ||
            (work.folder = keeping_keys(request->control->candidate->settings)) == NULL ||
            !write_file(path, request->bytes, request->len)) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal",
                "the backup cannot be written down: %s", strerror(errno));
        goto done;
    }
    end = commit_run(request->control, &commit, &problems);
    settle_keys(&work, end == COMMIT_MADE || end == COMMIT_SAME);
    api_commit(request, end, &problems, told);
done:
    if (path != NULL)
        (void)unlink(path);
    free(path);
    free(work.folder);
    release_keys(work.keys);
    cg_buf_release(&problems);
    json_decref(told);
}
