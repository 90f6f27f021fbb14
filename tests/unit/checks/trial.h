/* One check at a time, on facts that a test writes down. */
#ifndef TEST_CHECKS_TRIAL_H
#define TEST_CHECKS_TRIAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "checks/check.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What a check may look at beside the certificate; all zero is: inbound, https, nothing configured. */
struct trial {
    struct cg_policy policy;
    struct cg_peer peer;
    struct cg_path_result path;
    const struct cg_store *store;
    struct cg_engine *engine;
    struct cg_note note; /* what the check said */
};

static inline enum cg_outcome
try_check(struct trial *trial, enum cg_check check, const struct cg_cert *leaf)
{
    struct cg_subject subject = { leaf, &trial->policy, &trial->peer, trial->store, &trial->path,
        trial->engine };

    trial->note = (struct cg_note) { .reason = CG_REASON_NONE };
    return cg_check_row(check)->run(&subject, &trial->note);
}

/* A check leaves its reason alone unless it refuses. */
static inline void
expect_outcome(const char *why, const struct trial *trial, enum cg_outcome found,
        enum cg_outcome wanted, enum cg_reason reason)
{
    if (found != wanted)
        fail_msg("%s: outcome %d, wanted %d (found: %s)", why, (int)found, (int)wanted,
                trial->note.found);
    if ((found == CG_FAIL || found == CG_UNDECIDED) && trial->note.reason != reason)
        fail_msg("%s: reason %s, wanted %s", why, cg_reason_info(trial->note.reason)->code,
                cg_reason_info(reason)->code);
}

static inline void
expect_text(const char *why, const char *found, const char *wanted)
{
    if (strcmp(found, wanted) != 0)
        fail_msg("%s: '%s', wanted '%s'", why, found, wanted);
}

#endif
