#include "checks/check.h"

static enum cg_outcome
in_tcs(const struct cg_subject *subject, struct cg_note *note)
{
    cg_note_text(note->wanted, "an exact copy in the Trusted Certificate Store");
    if (!cg_store_contains(subject->store, subject->leaf->sha256))
        return cg_note_fail(note, CG_REASON_NOT_IN_TCS, "no copy among %zu certificate%s",
                cg_store_count(subject->store), cg_store_count(subject->store) == 1 ? "" : "s");
    cg_note_text(note->found, "a copy");
    return CG_PASS;
}

const struct cg_check_row cg_check_in_tcs = {
    .info = {
        .id = "in-tcs",
        .title = "copy in the Trusted Certificate Store",
        .page = "Check there is a copy of the certificate in the IP Office system's Trusted Certificate Store.",
        .cites = "vendor page",
        .explain = "the byte-identical certificate is in the Trusted Certificate Store, in addition to its chain",
    },
    .run = in_tcs,
};
