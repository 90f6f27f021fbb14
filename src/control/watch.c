#include "control/watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Folders are watched, not files: a renewal puts another file, or another symbolic link, in the place of
 * the old one. What an event says of names is not looked at, since the change may be to a link above.
 */
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |            \
            IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define UNWATCHED (-1)

struct item {
    char *path;
    bool folder;
    unsigned tag;
    int near; /* watch of the folder that the path names … */
    int far; /* … and of the one in which the file is, behind symbolic links */
    bool there;
    struct stat facts;
    int64_t since_ms; /* first change that was not told yet */
    int64_t due_ms; /* when it is told; INT64_MAX: nothing is to be told */
};

struct watch {
    int fd;
    struct item *items;
    size_t count;
    int64_t retry_ms; /* INT64_MAX: everything is watched */
};

struct watch *
watch_new(void)
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL)
        return NULL;
    watch->retry_ms = INT64_MAX;
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd >= 0)
        return watch;
    free(watch);
    return NULL;
}

static void
clear(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        free(watch->items[i].path);
    free(watch->items);
    watch->items = NULL;
    watch->count = 0;
    watch->retry_ms = INT64_MAX;
}

void
watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    clear(watch);
    close(watch->fd);
    free(watch);
}

int
watch_fd(const struct watch *watch)
{
    return watch == NULL ? -1 : watch->fd;
}

/* Something happened to it: told when nothing more does, but not put off for ever. */
static void
touch(struct item *item, int64_t now)
{
    if (item->due_ms == INT64_MAX)
        item->since_ms = now;
    item->due_ms = now + WATCH_SETTLE_MS;
    if (item->due_ms > item->since_ms + WATCH_LONGEST_MS)
        item->due_ms = item->since_ms + WATCH_LONGEST_MS;
}

static int
watch_folder(const struct watch *watch, const char *path)
{
    return inotify_add_watch(watch->fd, path, EVENTS);
}

static int
watch_folder_of(const struct watch *watch, const char *path)
{
    char copy[PATH_MAX];

    (void)snprintf(copy, sizeof(copy), "%s", path);
    return watch_folder(watch, dirname(copy));
}

/* Watches the folders of an item; one that is watched already keeps its number. */
static void
attach(struct watch *watch, struct item *item, int64_t now)
{
    char real[PATH_MAX];

    if (item->folder) {
        item->near = item->far = watch_folder(watch, item->path);
    } else {
        item->near = watch_folder_of(watch, item->path);
        item->far = realpath(item->path, real) == NULL ? item->near : watch_folder_of(watch, real);
    }
    if (item->near == UNWATCHED || item->far == UNWATCHED)
        watch->retry_ms = now + WATCH_RETRY_MS;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether the file behind the path is another one than last time, or was written to. */
static bool
has_changed(struct item *item)
{
    struct stat now = { .st_ino = 0 };
    bool there = stat(item->path, &now) == 0;
    bool same = there == item->there && now.st_dev == item->facts.st_dev &&
            now.st_ino == item->facts.st_ino && now.st_size == item->facts.st_size &&
            same_time(&now.st_mtim, &item->facts.st_mtim) &&
            same_time(&now.st_ctim, &item->facts.st_ctim);

    item->there = there;
    item->facts = now;
    return !same;
}

bool
watch_set(struct watch *watch, const struct watch_item *items, size_t count, int64_t now_ms)
{
    /* A new instance: watches of before go with the old one, and so do the events that wait in it. */
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    clear(watch);
    if (fd < 0)
        return false;
    close(watch->fd);
    watch->fd = fd;
    watch->items = calloc(count + 1, sizeof(*watch->items));
    if (watch->items == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct item *item = &watch->items[i];

        *item = (struct item) { .path = strdup(items[i].path),
            .folder = items[i].folder,
            .tag = items[i].tag,
            .due_ms = INT64_MAX };
        if (item->path == NULL) {
            clear(watch);
            return false;
        }
        watch->count++;
        attach(watch, item, now_ms);
        (void)has_changed(item);
        touch(item, now_ms);
    }
    return true;
}

int64_t
watch_next_ms(const struct watch *watch)
{
    int64_t next = watch == NULL ? INT64_MAX : watch->retry_ms;

    for (size_t i = 0; watch != NULL && i < watch->count; i++)
        if (watch->items[i].due_ms < next)
            next = watch->items[i].due_ms;
    return next;
}

/* An event of a folder; UNWATCHED stands for events that were lost. */
static void
look(struct watch *watch, int folder, bool gone, int64_t now)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct item *item = &watch->items[i];

        if (folder != UNWATCHED && item->near != folder && item->far != folder)
            continue;
        if (gone) {
            item->near = item->near == folder ? UNWATCHED : item->near;
            item->far = item->far == folder ? UNWATCHED : item->far;
            watch->retry_ms = now + WATCH_RETRY_MS;
        }
        if (!has_changed(item) && !item->folder)
            continue;
        touch(item, now);
        if (!gone && !item->folder)
            attach(watch, item, now); /* the link may lead into another folder now */
    }
}

static void
take_events(struct watch *watch, int64_t now)
{
    union {
        struct inotify_event align;
        char bytes[sizeof(struct inotify_event) + NAME_MAX + 1];
    } buffer;
    ssize_t got;

    while ((got = read(watch->fd, buffer.bytes, sizeof(buffer.bytes))) > 0) {
        for (ssize_t at = 0; at < got;) {
            struct inotify_event event;

            memcpy(&event, buffer.bytes + at, sizeof(event));
            at += (ssize_t)sizeof(event) + (ssize_t)event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0)
                look(watch, UNWATCHED, false, now);
            else
                look(watch, event.wd, (event.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0, now);
        }
    }
}

/* What happened in a folder while it was not watched is seen by what is there now. */
static void
retry(struct watch *watch, int64_t now)
{
    if (now < watch->retry_ms)
        return;
    watch->retry_ms = INT64_MAX;
    for (size_t i = 0; i < watch->count; i++) {
        struct item *item = &watch->items[i];

        if (item->near != UNWATCHED && item->far != UNWATCHED)
            continue;
        attach(watch, item, now);
        if (has_changed(item))
            touch(item, now);
    }
}

unsigned
watch_run(struct watch *watch, int64_t now_ms)
{
    unsigned tags = 0;

    if (watch == NULL)
        return 0;
    take_events(watch, now_ms);
    retry(watch, now_ms);
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->items[i].due_ms > now_ms)
            continue;
        tags |= watch->items[i].tag;
        watch->items[i].due_ms = INT64_MAX;
    }
    return tags;
}
