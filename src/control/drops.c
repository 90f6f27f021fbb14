#include "control/drops.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/commit.h"
#include "control/edits.h"
#include "control/say.h"
#include "control/watch.h"
#include "input/input.h"

#define REFUSED ".refused"
/* While another change waits to be confirmed. */
#define BUSY_MS 5000

/* The folders, and what a file in them is for. */
static const struct folder {
    const char *name;
    unsigned tag;
    bool removes;
} folders[] = { { "add", 1u << 0, false }, { "delete", 1u << 1, true } };

#define FOLDER_COUNT (sizeof(folders) / sizeof(folders[0]))

struct drops {
    struct watch *watch;
    char *paths[FOLDER_COUNT]; /* NULL until the store is there */
    int64_t again_ms; /* INT64_MAX: not before something changes */
};

struct drops *
drops_new(void)
{
    struct drops *drops = calloc(1, sizeof(*drops));

    if (drops == NULL)
        return NULL;
    drops->again_ms = INT64_MAX;
    drops->watch = watch_new();
    if (drops->watch != NULL)
        return drops;
    free(drops);
    return NULL;
}

void
drops_free(struct drops *drops)
{
    if (drops == NULL)
        return;
    for (size_t i = 0; i < FOLDER_COUNT; i++)
        free(drops->paths[i]);
    watch_free(drops->watch);
    free(drops);
}

int
drops_fd(const struct drops *drops)
{
    return drops == NULL ? -1 : watch_fd(drops->watch);
}

int64_t
drops_next_ms(const struct drops *drops)
{
    int64_t next;

    if (drops == NULL)
        return INT64_MAX;
    next = watch_next_ms(drops->watch);
    return drops->again_ms < next ? drops->again_ms : next;
}

/* The folders are made, and watched, once there is a store to change. */
static bool
follow(struct drops *drops, const struct control *control, int64_t now)
{
    struct watch_item items[FOLDER_COUNT];
    char *parent = NULL;
    bool ok;

    if (drops->paths[FOLDER_COUNT - 1] != NULL)
        return true;
    ok = asprintf(&parent, "%s/tcs", control->candidate->settings->state) > 0 &&
            (mkdir(parent, 0700) == 0 || errno == EEXIST);
    for (size_t i = 0; ok && i < FOLDER_COUNT; i++) {
        free(drops->paths[i]);
        drops->paths[i] = NULL;
        ok = asprintf(&drops->paths[i], "%s/%s", parent, folders[i].name) > 0 &&
                (mkdir(drops->paths[i], 0700) == 0 || errno == EEXIST);
        items[i] = (struct watch_item) { drops->paths[i], true, folders[i].tag };
    }
    free(parent);
    return ok && watch_set(drops->watch, items, FOLDER_COUNT, now);
}

/* ---- one file ---------------------------------------------------------------------------------- */

struct work {
    const struct folder *folder;
    struct input_list list;
    uint64_t changed;
};

static enum store_status
make_edits(void *arg, struct store_change *change, struct cg_error *err)
{
    struct work *work = arg;
    enum store_status status = STORE_OK;
    bool removed;

    work->changed = 0;
    if (!work->folder->removes)
        return edits_add_list(change, &work->list, &work->changed, err);
    for (size_t i = 0; status == STORE_OK && i < work->list.count; i++) {
        const uint8_t *der;
        size_t len;

        der = cg_cert_get0_der(work->list.certs[i], &len);
        status = store_tcs_remove_der(change, der, len, &removed, err);
        work->changed += status == STORE_OK && removed;
    }
    return status;
}

static void
refuse(const char *path, const char *why)
{
    char *refused = NULL;

    say("%s: nothing is done with it: %.*s", path, (int)strcspn(why, "\n"), why);
    if (asprintf(&refused, "%s" REFUSED, path) < 0 || rename(path, refused) != 0)
        (void)unlink(path);
    free(refused);
}

/* False when it is to be tried again later. */
static bool
take_file(struct control *control, const struct folder *folder, const char *path)
{
    struct work work = { .folder = folder };
    struct cg_error err = { "" };
    json_t *told = json_object();
    struct commit commit = { .author = { (int64_t)time(NULL), "certgated", path },
        .edit = make_edits,
        .arg = &work,
        .told = told };
    struct cg_buf problems;
    bool done = true;

    cg_buf_init(&problems, 64 * 1024);
    if (input_load(path, NULL, &work.list, &err) != CG_OK) {
        refuse(path, err.text);
        goto end;
    }
    switch (commit_run(control, &commit, &problems)) {
    case COMMIT_MADE:
    case COMMIT_SAME:
        say("%s: %llu of %zu certificates %s", path, (unsigned long long)work.changed,
                work.list.count, folder->removes ? "removed" : "added");
        (void)unlink(path);
        break;
    case COMMIT_BUSY:
    case COMMIT_FAILED:
        done = false;
        break;
    default:
        refuse(path, cg_buf_text(&problems));
    }
end:
    input_list_release(&work.list);
    json_decref(told);
    cg_buf_release(&problems);
    return done;
}

static int
is_dropped(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name), tail = sizeof(REFUSED) - 1;

    return entry->d_name[0] != '.' &&
            (len < tail || strcmp(entry->d_name + len - tail, REFUSED) != 0);
}

static void
look(struct drops *drops, struct control *control, const struct folder *folder, int64_t now)
{
    const char *where = drops->paths[folder - folders];
    struct dirent **entries = NULL;
    int count = scandir(where, &entries, is_dropped, alphasort);

    for (int i = 0; i < count; i++) {
        char *path = NULL;
        struct stat st;

        if (asprintf(&path, "%s/%s", where, entries[i]->d_name) > 0 && lstat(path, &st) == 0 &&
                S_ISREG(st.st_mode) && !take_file(control, folder, path))
            drops->again_ms = now + BUSY_MS;
        free(path);
        free(entries[i]);
    }
    free(entries);
}

void
drops_step(struct drops *drops, struct control *control, int64_t now_ms)
{
    unsigned changed;
    bool again;

    if (drops == NULL || control->candidate == NULL || control->store == NULL || control->stopping)
        return;
    if (!follow(drops, control, now_ms))
        return;
    changed = watch_run(drops->watch, now_ms);
    again = now_ms >= drops->again_ms;
    if (again)
        drops->again_ms = INT64_MAX;
    for (size_t i = 0; i < FOLDER_COUNT; i++)
        if (again || (changed & folders[i].tag) != 0)
            look(drops, control, &folders[i], now_ms);
}
