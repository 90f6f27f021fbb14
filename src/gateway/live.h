/*
 * Connected peers that are no longer admitted: the settings, the trust store or the clock has changed
 * since (shared contract, section 8). They are closed, drained or left, as their interface says.
 */
#ifndef GATEWAY_LIVE_H
#define GATEWAY_LIVE_H

#include "gateway/worker.h"

/*
 * Begins to put every admitted connection under the rules of the worker's generation, of what is known of
 * revocation, and of the clock. Judging thousands again takes longer than the others may wait, so that is
 * done bit by bit, and requests that come meanwhile are preceded by live_follow(), as all verdicts are.
 */
void live_look_at_all(struct worker *worker);
/* Goes on with that for a moment; false when all have been looked at. */
bool live_turn(struct worker *worker);
/*
 * Puts a connection under the rules of the worker's generation, and of the clock. False when nothing
 * admits the peer any more: that is recorded, and the connection is to be closed.
 */
bool live_follow(struct conn *conn);
/*
 * Decisions must be recorded and cannot be: established connections follow the interface's setting. Those that are
 * left are as they were.
 */
void live_unrecorded(struct worker *worker);
/* The worker is to end: connections that requests come on end when none is under way. */
void live_drain(struct worker *worker);
/* Once a second: whose time is over, and which drained connections may end. */
void live_sweep(struct worker *worker);

#endif
