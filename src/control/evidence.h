/*
 * What certgated keeps of revocation: CRLs and OCSP responses, by where they come from. It asks
 * certgate-fetch for them, hands them to workers, keeps them in STATE/revocation/ for the next start, and
 * never reads what is in them: how long they are good is what certgate-fetch says.
 */
#ifndef CONTROL_EVIDENCE_H
#define CONTROL_EVIDENCE_H

#include "control/fleet.h"

#define EVIDENCE_FOLDER "revocation"

struct evidence;

/* Ends certgate-fetch before another program takes this one's place; it is started again when it is needed. */
void evidence_quiet(struct evidence *evidence);

/* state: the state directory's descriptor, borrowed. NULL without memory. */
struct evidence *evidence_open(int state, const char *worker_program, struct fleet *fleet);
void evidence_close(struct evidence *evidence);
/* What is in force now; borrowed until the next call. Where no interface asks, nothing is fetched. */
void evidence_want(struct evidence *evidence, const struct candidate *candidate, int64_t now_ms);
/* A message ASK of a worker. */
void evidence_ask(struct evidence *evidence, const uint8_t *payload, size_t len, int64_t now_ms);
/* Gives a new worker all that is known. */
CG_CHECKED enum cg_status evidence_feed(
        const struct evidence *evidence, struct fleet_worker *worker, struct cg_error *err);
/* Readable when certgate-fetch says something; -1 for nothing. */
int evidence_fd(const struct evidence *evidence);
/* Takes what came and fetches what is due. */
void evidence_step(struct evidence *evidence, int64_t now_ms);
int64_t evidence_next_ms(const struct evidence *evidence);

#endif
