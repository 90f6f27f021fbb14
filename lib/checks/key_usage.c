#include <stdlib.h>

#include "checks/check.h"

static enum cg_outcome
key_usage(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_cert *leaf = subject->leaf;
    char *text;

    cg_note_text(note->wanted, "digitalSignature");
    if (!leaf->has_key_usage)
        return cg_note_fail(note, CG_REASON_KEY_USAGE_MISSING, "%s",
                cg_cert_has_defect(leaf, CG_DEFECT_KEY_USAGE) ? "a malformed key usage"
                        : cg_cert_has_defect(leaf, CG_DEFECT_KEY_USAGE_EMPTY) ? "an empty key usage"
                                                                              : "no key usage");
    text = cg_cert_text(leaf, CG_FIELD_KEY_USAGE);
    cg_note_text(note->found, "%s", text == NULL ? "" : text);
    free(text);
    if ((leaf->key_usage & CG_KU_DIGITAL_SIGNATURE) == 0) {
        note->reason = CG_REASON_KEY_USAGE_UNFIT;
        return CG_FAIL;
    }
    return CG_PASS;
}

const struct cg_check_row cg_check_key_usage = {
    .info = {
        .id = "key-usage",
        .title = "key usage",
        .page = "Check that the certificate has a key usage defined.",
        .cites = "RFC 5280 section 4.2.1.3",
        .explain = "the keyUsage extension is present with at least one bit, and allows digitalSignature",
        .latchable = true,
    },
    .run = key_usage,
};
