#include "checks/check.h"

static enum cg_outcome
critical_extensions(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_path_fault *fault = &subject->path->critical;

    cg_note_text(note->wanted, "no critical extension that is not processed here");
    if (fault->reason == CG_REASON_NONE) {
        cg_note_text(note->found, "none unknown");
        return CG_PASS;
    }
    note->reason = fault->reason;
    note->concerns = fault->cert;
    cg_note_text(note->found, "%s", fault->found);
    return CG_FAIL;
}

const struct cg_check_row cg_check_critical_extensions = {
    .info = {
        .id = "critical-extensions",
        .title = "critical extensions",
        .page = "Check that the certificate does not include any unknown extensions marked as critical.",
        .cites = "RFC 5280 section 4.2",
        .explain = "no certificate of the path has a critical extension that certgate does not process",
        .latchable = true,
    },
    .run = critical_extensions,
};
