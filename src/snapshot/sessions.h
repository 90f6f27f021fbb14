/*
 * Sessions of all workers of a node, in memory that they share: a peer resumes with whichever worker it
 * meets, and what a session holds is in no ticket and on no disk. certgated makes the file, keeps it
 * when workers are replaced, and never looks into it.
 *
 * A place is written by one worker at a time and read by any. One that is killed while it writes leaves
 * its place taken until the file goes: that is all that can happen.
 */
#ifndef SNAPSHOT_SESSIONS_H
#define SNAPSHOT_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define SESSIONS_ID_SIZE 32
/*
 * 16,384 sessions of up to half a page, which holds a certificate of 1 KiB beside what TLS keeps, and 8,192 of
 * up to a page; the kernel gives a page when it is used first, so that the 64 MiB are there only once so
 * many peers were. A peer in TLS 1.3 gets a session with each connection.
 */
#define SESSIONS_WAYS 8
#define SESSIONS_SMALL (2048 * SESSIONS_WAYS)
#define SESSIONS_LARGE (1024 * SESSIONS_WAYS)
#define SESSIONS_PLACES (SESSIONS_SMALL + SESSIONS_LARGE)
#define SESSIONS_SMALL_BYTES 2048
#define SESSIONS_MAX_BYTES 4096 /* a certificate of 3 KiB */

struct sessions;

/* The memory file, empty and sealed in size; -1 with errno. */
int sessions_file(void);
/* A worker's view of it, or with fd -1 one of its own; NULL without memory, or when it is no such file. */
struct sessions *sessions_map(int fd);
void sessions_free(struct sessions *sessions);

/* Keeps a copy, in place of the one that was used longest ago; false when it is too large. */
bool sessions_put(struct sessions *sessions, const uint8_t id[SESSIONS_ID_SIZE],
        struct cg_span bytes, int64_t now, int64_t expires);
/* Copies it out; the number of bytes, 0 when there is none that has not expired. */
size_t sessions_get(struct sessions *sessions, const uint8_t id[SESSIONS_ID_SIZE], int64_t now,
        uint8_t out[SESSIONS_MAX_BYTES]);
/* Wipes what has expired, some of the places with each call: all of them in SESSIONS_SWEEPS calls. */
void sessions_sweep(struct sessions *sessions, int64_t now);
#define SESSIONS_SWEEPS 64

#endif
