/* Where the far ends of outbound interfaces are: from the names in the settings to the workers. */
#ifndef CONTROL_FAR_ENDS_H
#define CONTROL_FAR_ENDS_H

#include "base/buf.h"
#include "control/fleet.h"
#include "control/resolver.h"

/* Has the names of the snapshot's outbound interfaces looked up, now and from time to time. */
void far_ends_want(struct resolver *resolver, const struct snapshot *snapshot);
/* Takes all news, tells the workers what concerns them, and adds lines for the operator. */
void far_ends_pass_on(struct resolver *resolver, struct fleet *fleet, struct cg_buf *lines);

#endif
