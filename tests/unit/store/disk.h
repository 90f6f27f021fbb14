/*
 * A disk that fails when it is told to: a layer over SQLite's own file system. It counts what would change
 * the disk (writes, truncations, syncs) and at a given count fills up, fails, or loses power.
 *
 * Losing power loses more than a killed process does: of what was written since a file's last sync any part
 * may be on the disk, in any order, torn between sectors.
 */
#ifndef TESTS_STORE_DISK_H
#define TESTS_STORE_DISK_H

#include <stdbool.h>

#define DISK_VFS "failing-disk"

enum disk_fault {
    DISK_WORKS,
    DISK_FULL, /* from then on nothing can be written */
    DISK_FAILS, /* the one act fails */
    DISK_KILLED, /* the process is killed; what was written stays */
    DISK_LOSES_POWER, /* the same, and what was not synced is partly lost */
};

/* Registers the layer; once per process. */
void disk_register(void);
/* at: the act that goes wrong, from 1; seed decides what a lost power loses. */
void disk_plan(enum disk_fault fault, unsigned at, unsigned seed);
/* True when the plan's act has come. */
bool disk_went_wrong(void);

#endif
