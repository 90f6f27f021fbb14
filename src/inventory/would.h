/*
 * Who would break: what other settings would make of the peers in the inventory. Each is judged under the
 * settings in force and under those of a candidate, from the certificates that it sent; where these are not
 * kept, from its verdicts at the six levels, as far as these can answer. Reads nothing but the inventory.
 *
 * The inventory knows no peer without a certificate: who shows none, and would have to, is not among them.
 */
#ifndef INVENTORY_WOULD_H
#define INVENTORY_WOULD_H

#include "inventory/inventory.h"
#include "snapshot/snapshot.h"

/* Peers judged from certificates at one asking, twice each: some seconds. Those beyond are by their verdicts. */
#define WOULD_MAX_JUDGED 20000
/* How far back peers count for "no self-lockout" (shared contract, section 6). */
#define WOULD_USUAL_S (30 * INT64_C(86400))

struct would_query {
    const struct snapshot *now; /* in force */
    const struct snapshot *then; /* the candidate */
    int64_t at; /* seconds since 1970: judged at this moment, both times */
    int64_t since; /* peers last seen at or after */
    const char *const *interfaces;
    size_t interface_count; /* 0: all */
    unsigned most_judged; /* 0: WOULD_MAX_JUDGED */
};

enum would_kind {
    WOULD_REFUSE, /* admitted now, refused then */
    WOULD_ADMIT, /* the other way round */
    WOULD_UNSURE, /* admitted now as far as is known, and what is kept does not say what then */
};

/* One side of it. */
struct would_side {
    bool known;
    bool closed; /* the interface, trunk or line is not there, or its port is shut: reason is class-unknown */
    enum cg_level level;
    enum cg_reason reason; /* CG_REASON_NONE: admitted */
    bool by_allowance;
};

struct would_verdict {
    struct would_side now, then;
    bool from_certificates; /* false: from the verdicts at the six levels */
};

/* Peers that were looked at, those where something changes, by what came of it. */
struct would_counts {
    uint64_t seen, judged, refused, admitted, unsure;
    uint64_t expired; /* of those seen: refused now because they have expired since */
    uint64_t latched; /* of those seen: under rules whose latch ends */
};

/* False ends the walk. */
typedef bool would_visit(void *arg, enum would_kind kind, const struct inventory_peer *peer,
        const struct would_verdict *verdict);

/* Calls back for each peer for which something would change, by interface, class and the last seen first. */
CG_CHECKED enum cg_status would_each(struct inventory *inventory, const struct would_query *query,
        would_visit *visit, void *arg, struct would_counts *counts, struct cg_error *err);

/*
 * What would become of one certificate on an interface, whatever its trunk or line: for the administrator's
 * own. *found is false where the inventory does not have it there.
 */
CG_CHECKED enum cg_status would_one(struct inventory *inventory, const struct would_query *query,
        const char *interface, const char *sha256, struct would_verdict *out, bool *found,
        struct cg_error *err);

/* True when two places have the same rules, levels apart: then a change of level is all there is to answer. */
bool would_rules_alike(const struct snapshot_rules *a, const struct snapshot_rules *b);

#endif
