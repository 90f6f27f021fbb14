#include "checks/check.h"

static enum cg_outcome
revocation(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_revocation_result *result = subject->revocation;

    note->concerns = result->concerns;
    cg_note_text(note->found, "%s", result->found);
    cg_note_text(note->note, "%s", result->note);
    cg_note_text(
            note->wanted, "an answer of the issuer that no certificate of the path is revoked");
    switch (result->status) {
    case CG_REVOCATION_GOOD:
        return CG_PASS;
    case CG_REVOCATION_NOT_ASKED:
        note->wanted[0] = '\0';
        cg_note_text(note->note, "it is trusted itself: nobody issued it who could revoke it");
        return CG_NOT_APPLICABLE;
    case CG_REVOCATION_REVOKED:
        note->reason = CG_REASON_REVOKED;
        return CG_FAIL;
    case CG_REVOCATION_UNKNOWN:
        break;
    }
    if (subject->policy->revocation == CG_REVOCATION_SOFT) {
        cg_note_text(
                note->note, "unknown whether it is revoked: passes because revocation is soft");
        return CG_PASS;
    }
    note->reason = CG_REASON_REVOCATION_UNKNOWN;
    return CG_FAIL;
}

const struct cg_check_row cg_check_revocation = {
    .info = {
        .id = "revocation",
        .title = "not revoked",
        .page = "(not on the page: off unless the interface says revocation = soft or hard)",
        .cites = "RFC 5280 section 6.3, RFC 6960",
        .explain = "a fresh CRL or OCSP response says that no certificate of the path is revoked; where nothing is known it passes while revocation is soft",
    },
    .run = revocation,
};
