/* Accepted and refused peers for each minute and interface, for the last three hours; nothing is kept on disk. */
#ifndef CONTROL_RATES_H
#define CONTROL_RATES_H

#include "journal/entry.h"
#include "snapshot/snapshot.h"

#define RATES_MINUTES 180

struct rates;
struct rates *rates_new(void);
void rates_free(struct rates *rates); /* NULL is allowed */

/* Counts a record at its own time; one that is older than all minutes, or of one interface too many, is left out. */
void rates_take(struct rates *rates, const struct journal_entry *entry);
/* The same of its parts; reason is CG_REASON_NONE where none is to be counted. */
void rates_count(struct rates *rates, const char *interface, bool accepted, enum cg_reason reason,
        int64_t time_ms);

/*
 * {"minute0": time, "interfaces": [{"name", "accepted": [], "refused": []}],
 *  "reasons": [{"interface", "reason", "count"}]} of the last `minutes` whole minutes and the one of now.
 */
json_t *rates_json(const struct rates *rates, unsigned minutes, int64_t now);

#endif
