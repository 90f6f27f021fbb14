/* A snapshot's file in memory, counted: what was decoded and the trust store may both look into it. */
#ifndef SNAPSHOT_MAPPING_H
#define SNAPSHOT_MAPPING_H

#include <certgate/status.h>

#include "base/span.h"

struct snapshot_mapping;

/* The whole file, with one reference. fd stays the caller's. */
CG_CHECKED enum cg_status snapshot_mapping_new(
        int fd, struct snapshot_mapping **out, struct cg_error *err);
struct cg_span snapshot_mapping_bytes(const struct snapshot_mapping *mapping);
struct snapshot_mapping *snapshot_mapping_ref(struct snapshot_mapping *mapping);
/* NULL is allowed. */
void snapshot_mapping_unref(struct snapshot_mapping *mapping);

#endif
