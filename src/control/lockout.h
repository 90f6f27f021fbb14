/*
 * No self-lockout (shared contract, section 6): who of the peers of the last 30 days a candidate would refuse,
 * and whether the administrator's own certificate is among them.
 */
#ifndef CONTROL_LOCKOUT_H
#define CONTROL_LOCKOUT_H

#include <jansson.h>

#include "control/node.h"

/* Peers that are named; all are counted. */
#define LOCKOUT_MAX_NAMED 200

/*
 * What the candidate would do to peers:
 *
 *   {"since": time, "total": N, "unsure": N, "peers": [{"interface", "class", "sha256", "subject", "last_seen",
 *    "count", "reason", "days_left"}], "admitted": N, "admits": [the same], "self": null or {"interface",
 *    "admitted", "reason"}}
 *
 * administrator   SHA-256 in hex of the certificate of who asks; NULL or "": none
 *
 * Returns the object, owned by the caller, or NULL with the text. Without an inventory it is JSON null.
 */
json_t *lockout_look(const struct control *control, const struct candidate *candidate,
        const char *administrator, int64_t now, struct cg_error *err);

/* True when somebody who is admitted would be refused, or may be: what is kept of a peer may not say. */
bool lockout_refuses(const json_t *look);

#endif
