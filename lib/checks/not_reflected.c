#include "checks/check.h"

static enum cg_outcome
not_reflected(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_policy *policy = subject->policy;

    cg_note_text(note->wanted, "a certificate other than ours");
    cg_note_text(note->found, "not ours");
    for (size_t i = 0; i < policy->identity_count; i++) {
        const struct cg_cert *ours = policy->identities[i];

        if (memcmp(ours->sha256, subject->leaf->sha256, CG_SHA256_SIZE) == 0)
            return cg_note_fail(note, CG_REASON_REFLECTED, "our own certificate");
        if (memcmp(ours->spki_sha256, subject->leaf->spki_sha256, CG_SHA256_SIZE) == 0)
            cg_note_text(note->note, "warning: another certificate over our own key");
    }
    return CG_PASS;
}

const struct cg_check_row cg_check_not_reflected = {
    .info = {
        .id = "not-reflected",
        .title = "not reflected",
        .page = "Not reflected.",
        .cites = "vendor page",
        .explain = "the certificate is none of those that we present ourselves; the same key in another certificate is a warning",
        .binding = true,
    },
    .run = not_reflected,
};
