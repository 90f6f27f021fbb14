/*
 * Who may still write when the state directory's disk gets full: the inventory stops first, then the log, and the
 * store, which holds what administrators changed, never: a file of the size of the reserve stands in the state
 * directory, and is removed when the store needs its room. See docs/decisions/0015-recording.md.
 */
#ifndef CONTROL_DISK_H
#define CONTROL_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define DISK_RESERVE "reserve"
/* Between two looks at how much is free. */
#define DISK_LOOK_MS 1000

enum disk_user { DISK_INVENTORY, DISK_LOG, DISK_USERS };

struct disk {
    int folder; /* of the state, borrowed; -1: nothing is limited */
    uint64_t reserve; /* octets; 0: nothing is limited */
    bool stands; /* the reserve is there */
    bool stopped[DISK_USERS];
    int64_t look_ms;
};

void disk_init(struct disk *disk, int folder, uint64_t reserve);
/* Another size: the reserve is made anew at the next look. */
void disk_settle(struct disk *disk, uint64_t reserve);
/* Looks how much is free, when it is time to, and makes the reserve when there is room for it. */
void disk_look(struct disk *disk, int64_t now_ms);
/* Whether this one may write. */
bool disk_allows(const struct disk *disk, enum disk_user user);
/* Whether a file lies on the state directory's disk. */
bool disk_holds(const struct disk *disk, int fd);
/* Before the store writes: the reserve goes when there is less than it free. */
void disk_make_room(struct disk *disk);
/* The node ends: what is reserved is free for all again. */
void disk_release(struct disk *disk);

#endif
