/*
 * Files and folders that somebody else changes: certificates that certbot or lego renews, folders that
 * certificates are dropped into. What changed is told once nothing has moved for a moment. There is no
 * clock in here: times are given, in milliseconds that only go forward.
 */
#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long nothing must happen before a change is told … */
#define WATCH_SETTLE_MS 500
/* … and when it is told although it goes on. */
#define WATCH_LONGEST_MS 10000
/* When a folder that could not be watched, because there is none, is looked for again. */
#define WATCH_RETRY_MS 5000

struct watch;

struct watch_item {
    const char *path; /* a file, perhaps behind symbolic links; or a folder, whose entries count */
    bool folder;
    unsigned tag; /* one bit, the caller's */
};

/* NULL without memory or where the kernel has no more watches to give. */
struct watch *watch_new(void);
void watch_free(struct watch *watch);

/* To be polled for reading; -1 for NULL. */
int watch_fd(const struct watch *watch);

/*
 * Watches these in place of what was watched; all of them are told once soon, since they may have changed
 * before. False without memory, then nothing is watched.
 */
bool watch_set(struct watch *watch, const struct watch_item *items, size_t count, int64_t now_ms);

/* When watch_run() has something to do although nothing can be read; INT64_MAX: never. */
int64_t watch_next_ms(const struct watch *watch);

/* Takes what the kernel tells; the tags of what has changed and come to rest. */
unsigned watch_run(struct watch *watch, int64_t now_ms);

#endif
