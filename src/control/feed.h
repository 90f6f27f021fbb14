/* What a worker is told: each function sends whole messages and waits for room, a bounded time. */
#ifndef CONTROL_FEED_H
#define CONTROL_FEED_H

#include "control/fleet.h"

CG_CHECKED enum cg_status feed_send(struct fleet_worker *worker, enum ipc_type type,
        const void *payload, size_t len, const int *fds, size_t fd_count, struct cg_error *err);

/* The generation that is set in the fleet; `snapshot` is its memory file. Retired workers get no listeners. */
CG_CHECKED enum cg_status feed_generation(
        const struct fleet *fleet, struct fleet_worker *worker, int snapshot, struct cg_error *err);
/* What is known of the far ends whose name is host, or of all where that is NULL. */
CG_CHECKED enum cg_status feed_far_ends(const struct fleet *fleet, struct fleet_worker *worker,
        const char *host, struct cg_error *err);
CG_CHECKED enum cg_status feed_audit(
        struct fleet_worker *worker, enum ipc_audit audit, struct cg_error *err);
/* One CRL or OCSP response; fd -1: it is known no longer. */
CG_CHECKED enum cg_status feed_evidence(struct fleet_worker *worker, uint64_t number,
        enum cg_evidence_kind kind, const char *source, int fd, struct cg_error *err);
CG_CHECKED enum cg_status feed_drain(
        struct fleet_worker *worker, uint32_t ms, struct cg_error *err);

#endif
