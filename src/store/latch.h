/*
 * The upgrade latch. Some checks were added to level medium in release 11.1.3; a setting that came over
 * from an older release goes on without them until its value is changed:
 *
 *  - Carrying a setting over from an older release latches it, where its level has such checks.
 *  - A committed change of its value clears the latch for good; setting it back does not bring it back.
 *  - The same value is no change, and neither is an edit that was not committed.
 *  - New systems have no latches; a backup carries those that are.
 */
#ifndef STORE_LATCH_H
#define STORE_LATCH_H

#include <certgate/policy.h>

#include "store/registry.h"

/* The checks that a latch skips. */
cg_check_set latch_checks(void);
/* Those of them that a value of the setting asks for; empty where it cannot be latched. */
cg_check_set latch_covers(const struct registry_row *row, const char *value);

/*
 * Says whether a release came before these checks: "11.1.2" did, "11.1.3" and "11.1.3.0" did not; a
 * leading R is allowed. STORE_INVALID when it is no release. NULL is none: *older is then false.
 */
CG_CHECKED enum store_status latch_is_older(const char *release, bool *older, struct cg_error *err);

#endif
