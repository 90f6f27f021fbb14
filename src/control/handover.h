/*
 * What certgated hands to the certgated that takes its place: descriptors by number, and what the new one
 * cannot read anywhere else. Written into a memory file, which the new program finds by --handover.
 *
 * Both ends are this program, but of two versions: everything is read as if it came from outside.
 */
#ifndef CONTROL_HANDOVER_H
#define CONTROL_HANDOVER_H

#include "control/fleet.h"
#include "control/sockets.h"
#include "control/state.h"

struct handover {
    char *version; /* of who hands over */
    char *state_path;
    char *log_path;
    struct state state;
    int log;
    int client; /* a connection of the control socket that waits for the outcome, or -1 */
    uint64_t generation;
    uint8_t digest[CG_SHA256_SIZE]; /* of the snapshot in force */
    uint64_t restarts; /* so that counters go on */
    uint64_t records_lost;
    int past; /* the page of what was counted by workers that are no more */
    int sessions; /* the memory of TLS sessions */
    struct sockets sockets;
    struct fleet_worker *workers; /* pid 0: does not run, but has counted */
    unsigned worker_count;
};

/* The strings and arrays of `handover` are borrowed. *fd is the caller's. */
CG_CHECKED enum cg_status handover_write(
        const struct handover *handover, int *fd, struct cg_error *err);
/* Owned by the caller, who releases it; the descriptors in it are numbers until they are adopted. */
CG_CHECKED enum cg_status handover_read(int fd, struct handover *out, struct cg_error *err);
void handover_release(struct handover *handover);

/* Lets every descriptor survive an exec, or not any more. False with errno when one is not open. */
bool handover_inherit(const struct handover *handover, bool inherit);

#endif
