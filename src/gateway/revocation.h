/*
 * What this worker knows about revocation: items that certgated hands it, as one set that verdicts are made
 * with; and what it asks certgated for. A verdict never waits for an answer.
 */
#ifndef GATEWAY_REVOCATION_H
#define GATEWAY_REVOCATION_H

#include <certgate/certgate.h>

#include "snapshot/ipc.h"

struct revocation;

/* Passes a message ASK on; what it returns says nothing to who asks. */
typedef void revocation_asker(void *arg, const void *payload, size_t len);

struct revocation *revocation_new(revocation_asker *ask, void *arg);
void revocation_free(struct revocation *revocation);

/* A message EVIDENCE. */
CG_CHECKED enum cg_status revocation_take(
        struct revocation *revocation, const struct ipc_message *message, struct cg_error *err);
/* Makes one set of all that came; true when it is another one than before. */
bool revocation_settle(struct revocation *revocation);
/* The set, frozen; borrowed until the next revocation_settle(). NULL before the first. */
const struct cg_revocation *revocation_set(const struct revocation *revocation);

/* Asks for what the decision did not find; the engine is the one that made it. */
void revocation_ask(struct revocation *revocation, const struct cg_engine *engine,
        const struct cg_decision *decision, int64_t now);

/*
 * CA certificates of paths that were valid, for sessions that come back with the received certificate
 * alone: adds at most `room` of them to a chain. They are trusted no more than what a peer sends.
 */
size_t revocation_known_cas(
        const struct revocation *revocation, const uint8_t **certs, size_t *lens, size_t room);

#endif
