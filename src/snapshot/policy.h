/* What a snapshot says, as the library takes it. */
#ifndef SNAPSHOT_POLICY_H
#define SNAPSHOT_POLICY_H

#include "snapshot/snapshot.h"

/* The Trusted Certificate Store, frozen; *out is owned by the caller. */
CG_CHECKED enum cg_status snapshot_store(
        const struct snapshot *snapshot, struct cg_store **out, struct cg_error *err);
/* What peers of an interface are judged by under these rules of it; *out is owned by the caller. */
CG_CHECKED enum cg_status snapshot_policy(const struct snapshot *snapshot,
        const struct snapshot_interface *settings, const struct snapshot_rules *rules,
        struct cg_policy **out, struct cg_error *err);

#endif
