/* The inside of a decision. */
#ifndef CG_DECISION_DECISION_H
#define CG_DECISION_DECISION_H

#include <certgate/decision.h>

#include "base/limits.h"
#include "base/window.h"

struct cg_decision {
    unsigned refs; /* atomic */
    enum cg_level level;
    bool latched;
    enum cg_verdict verdict;
    enum cg_reason reason;
    bool by_allowance;
    bool admitted; /* checks of the level fail, and an administrator overrides them */
    char *detail; /* of a refusal that no check made; may be NULL */
    struct cg_finding findings[CG_CHECK_COUNT];
    size_t count;
    struct cg_cert *cert;
    struct cg_cert **path;
    size_t path_count;
    bool anchored;
    uint8_t revocation[CG_MAX_PATH_CERTS]; /* enum cg_revocation_status, by place in the path */
    struct cg_window good;
    struct cg_window same; /* while a new evaluation gives the same, word for word */
    unsigned signatures;
    unsigned edges;
    char *trace;
    /* Both atomic; what is asked for again is kept from then on. */
    bool asked;
    char *members;
};

/* Every check that levels are made of was made. */
bool cg_decision_knows_levels(const struct cg_decision *decision);

#endif
