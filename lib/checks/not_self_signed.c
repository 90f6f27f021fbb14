#include "checks/check.h"
#include "x509/crypto.h"

static enum cg_outcome
not_self_signed(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_cert *leaf = subject->leaf;
    bool fresh;

    cg_note_text(note->wanted, "a certificate signed by a CA");
    if (!cg_cert_is_self_issued(leaf)) {
        cg_note_text(note->found, "issued by another name");
        return CG_PASS;
    }
    /* Only the signature tells (a CA may certify its own name); one that cannot be verified counts as
     * its own, so that an unusual algorithm is no way around this check. */
    switch (cg_signature_verify(subject->engine, leaf, leaf, true, &fresh)) {
    case CG_SIGNATURE_INVALID:
        cg_note_text(
                note->found, "issuer and subject are the same name, but another key signed it");
        return CG_PASS;
    case CG_SIGNATURE_FAILED:
        return CG_UNDECIDED;
    default:
        return cg_note_fail(note, CG_REASON_SELF_SIGNED, "signed with its own key");
    }
}

const struct cg_check_row cg_check_not_self_signed = {
    .info = {
        .id = "not-self-signed",
        .title = "not self-signed",
        .page = "Check the certificate is not a self-signed certificate.",
        .cites = "RFC 5280 section 3.2",
        .explain = "not (subject = issuer and the signature verifies with the certificate's own key)",
    },
    .run = not_self_signed,
};
