/*
 * A check: one rule with a stable id. It is pure: facts in, outcome and note out.
 */
#ifndef CG_CHECKS_CHECK_H
#define CG_CHECKS_CHECK_H

#include <certgate/decision.h>

#include "decision/policy.h"
#include "revocation/judge.h"
#include "x509/path.h"

/* Everything a check may look at. */
struct cg_subject {
    const struct cg_cert *leaf;
    const struct cg_policy *policy;
    const struct cg_peer *peer;
    const struct cg_store *store;
    const struct cg_path_result *path; /* searched whenever a check needs it */
    struct cg_engine *engine;
    const struct cg_revocation_result *revocation; /* made whenever the check is */
};

/* What a check says beside its outcome. Texts are escaped; concerns is NULL for the received one. */
struct cg_note {
    enum cg_reason reason;
    const struct cg_cert *concerns;
    bool allowed; /* passed only by `allowance` */
    enum cg_allowance allowance;
    char found[CG_MAX_NOTE];
    char wanted[CG_MAX_NOTE];
    char note[CG_MAX_NOTE];
};

struct cg_check_row {
    struct cg_check_info info;
    enum cg_outcome (*run)(const struct cg_subject *subject, struct cg_note *note);
};

extern const struct cg_check_row cg_check_in_date;
extern const struct cg_check_row cg_check_key_1024;
extern const struct cg_check_row cg_check_chain;
extern const struct cg_check_row cg_check_key_usage;
extern const struct cg_check_row cg_check_extended_key_usage;
extern const struct cg_check_row cg_check_critical_extensions;
extern const struct cg_check_row cg_check_key_2048;
extern const struct cg_check_row cg_check_not_self_signed;
extern const struct cg_check_row cg_check_not_reflected;
extern const struct cg_check_row cg_check_in_tcs;
extern const struct cg_check_row cg_check_host_name;
extern const struct cg_check_row cg_check_sip_domain;
extern const struct cg_check_row cg_check_revocation;

/* The row of a check. */
const struct cg_check_row *cg_check_row(enum cg_check check);

/* Sets the reason and what was found (printf style), and returns CG_FAIL. */
enum cg_outcome cg_note_fail(struct cg_note *note, enum cg_reason reason, const char *found, ...)
        __attribute__((format(printf, 3, 4)));
/* Sets text of one field; cut to fit. */
void cg_note_text(char field[CG_MAX_NOTE], const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
