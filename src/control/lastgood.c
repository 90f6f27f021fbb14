#include "control/lastgood.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "control/say.h"

#define SNAPSHOT_NAME "last-good"
#define KEYS_NAME "last-good.keys"
#define MAX_KEYS_TEXT (SNAPSHOT_MAX_IDENTITIES * 8192)

bool
lastgood_exists(const struct state *state)
{
    return faccessat(state->folder, SNAPSHOT_NAME, F_OK, 0) == 0;
}

/* ---- keeping ----------------------------------------------------------------------------------- */

static bool
copy_whole(int from, int to)
{
    struct stat st;
    off_t at = 0;

    if (fstat(from, &st) != 0)
        return false;
    while (at < st.st_size)
        if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
            return false;
    return fsync(to) == 0;
}

/* From a memory file under another name to the disk, then renamed: the one before stays until then. */
static bool
keep_file(const struct state *state, const char *name, int from)
{
    char beside[64];
    bool ok;
    int fd;

    (void)snprintf(beside, sizeof(beside), "%s.new", name);
    fd = openat(state->folder, beside, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    ok = fd >= 0 && copy_whole(from, fd);
    if (fd >= 0)
        close(fd);
    if (ok && renameat(state->folder, beside, state->folder, name) == 0 &&
            fsync(state->folder) == 0)
        return true;
    (void)unlinkat(state->folder, beside, 0);
    return false;
}

static bool
keep_keys(const struct state *state, const struct candidate *candidate)
{
    json_t *list = json_array();
    char *text = NULL;
    bool ok;

    for (size_t i = 0; i < candidate->snapshot.identity_count; i++)
        (void)json_array_append_new(list, json_string(candidate->key_paths[i]));
    if (json_array_size(list) == candidate->snapshot.identity_count)
        text = json_dumps(list, JSON_COMPACT);
    ok = text != NULL && state_store_text(state, KEYS_NAME, text);
    free(text);
    json_decref(list);
    return ok;
}

bool
lastgood_save(const struct state *state, const struct candidate *candidate, struct cg_error *err)
{
    bool ok;
    int fd;

    if (snapshot_write(&candidate->snapshot, &fd, err) != CG_OK)
        return false;
    /* The keys' paths first: a snapshot without them is of no use. */
    ok = keep_keys(state, candidate) && keep_file(state, SNAPSHOT_NAME, fd);
    if (!ok)
        (void)cg_fail(err, CG_E_USAGE, "%s", strerror(errno));
    close(fd);
    return ok;
}

/* ---- using ------------------------------------------------------------------------------------- */

static json_t *
read_key_paths(const struct state *state, size_t count)
{
    int fd = openat(state->folder, KEYS_NAME, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(MAX_KEYS_TEXT);
    ssize_t len = text == NULL ? -1 : read(fd, text, MAX_KEYS_TEXT);
    json_t *list = len <= 0 ? NULL : json_loadb(text, (size_t)len, 0, NULL);

    if (fd >= 0)
        close(fd);
    free(text);
    if (json_array_size(list) == count)
        return list;
    json_decref(list);
    return NULL;
}

/* Takes over what the snapshot holds. */
static bool
take_snapshot(struct candidate *candidate, struct snapshot *read)
{
    struct settings *settings = candidate->settings;

    for (size_t i = 0; i < settings->interface_count; i++)
        snapshot_interface_release(&settings->interfaces[i]);
    free(settings->interfaces);
    settings->interfaces = read->interfaces;
    settings->interface_count = read->interface_count;
    candidate->snapshot = *read; /* ownership moves, piece by piece */
    free(read);
    candidate->keys = calloc(candidate->snapshot.identity_count + 1, sizeof(*candidate->keys));
    candidate->key_paths =
            calloc(candidate->snapshot.identity_count + 1, sizeof(*candidate->key_paths));
    return candidate->keys != NULL && candidate->key_paths != NULL;
}

struct candidate *
lastgood_load(const struct state *state, struct settings *settings, struct cg_buf *problems)
{
    struct candidate *candidate = calloc(1, sizeof(*candidate));
    int fd = openat(state->folder, SNAPSHOT_NAME, O_RDONLY | O_CLOEXEC);
    struct snapshot *read = NULL;
    struct cg_error err = { "there is none" };
    json_t *paths = NULL;
    bool ok = candidate != NULL && fd >= 0 && snapshot_read(fd, &read, &err) == CG_OK;

    if (fd >= 0)
        close(fd);
    if (candidate == NULL) {
        settings_free(settings);
        snapshot_free(read);
        return NULL;
    }
    candidate->settings = settings;
    if (!ok)
        goto fail;
    if (!take_snapshot(candidate, read))
        goto fail;
    (void)cg_fail(&err, CG_E_USAGE, "the paths of its keys are not there");
    paths = read_key_paths(state, candidate->snapshot.identity_count);
    if (paths == NULL)
        goto fail;
    for (size_t i = 0; i < candidate->snapshot.identity_count; i++)
        candidate_take_key(candidate, i, json_string_value(json_array_get(paths, i)), problems);
    candidate_find_user(candidate, problems);
    json_decref(paths);
    if (problems->len == 0)
        return candidate;
    candidate_free(candidate);
    return NULL;
fail:
    cg_buf_addf(problems, "the last good snapshot cannot be used: %s\n", err.text);
    candidate_free(candidate);
    return NULL;
}
