#include <stdlib.h>

#include "checks/check.h"

/* The CAs' purposes: a note, unless the interface enforces them. */
static enum cg_outcome
judge_cas(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_path_fault *fault = &subject->path->ca_eku;

    if (!subject->path->valid || fault->reason == CG_REASON_NONE)
        return CG_PASS;
    if (!subject->policy->ca_eku) {
        cg_note_text(
                note->note, "a CA of the chain does not allow this purpose: %.300s", fault->found);
        return CG_PASS;
    }
    note->reason = CG_REASON_PURPOSE_MISMATCH;
    note->concerns = fault->cert;
    cg_note_text(note->found, "%s", fault->found);
    cg_note_text(note->wanted, "%s", fault->wanted);
    note->allowed = false;
    return CG_FAIL;
}

static enum cg_outcome
extended_key_usage(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_cert *leaf = subject->leaf;
    bool inbound = subject->policy->role == CG_ROLE_INBOUND;
    bool sip = subject->policy->service == CG_SERVICE_SIP;
    uint32_t purpose = inbound ? CG_EKU_CLIENT_AUTH : CG_EKU_SERVER_AUTH;
    char *text;

    cg_note_text(note->wanted, "%s%s", inbound ? "clientAuth" : "serverAuth",
            sip ? " or sipDomain" : "");
    if (!leaf->has_eku) {
        cg_note_text(note->found, "no extended key usage: not restricted");
        return judge_cas(subject, note);
    }
    if (cg_cert_has_defect(leaf, CG_DEFECT_EXT_KEY_USAGE))
        return cg_note_fail(
                note, CG_REASON_PURPOSE_MISMATCH, "a malformed or empty extended key usage");
    text = cg_cert_text(leaf, CG_FIELD_EXT_KEY_USAGE);
    cg_note_text(note->found, "%s", text == NULL ? "" : text);
    free(text);
    if ((leaf->eku & purpose) != 0 || (sip && (leaf->eku & CG_EKU_SIP_DOMAIN) != 0))
        return judge_cas(subject, note);
    if ((leaf->eku & CG_EKU_ANY) != 0) {
        cg_note_text(note->note, "by anyExtendedKeyUsage, which names no purpose");
        return judge_cas(subject, note);
    }
    if (inbound && (leaf->eku & CG_EKU_SERVER_AUTH) != 0 &&
            cg_policy_allows(subject->policy, CG_ALLOW_SERVER_AUTH_CLIENTS, subject->peer->now)) {
        note->allowed = true;
        note->allowance = CG_ALLOW_SERVER_AUTH_CLIENTS;
        cg_note_text(note->note, "serverAuth only: passes because allow-server-auth-clients is on");
        return judge_cas(subject, note);
    }
    note->reason = CG_REASON_PURPOSE_MISMATCH;
    return CG_FAIL;
}

const struct cg_check_row cg_check_extended_key_usage = {
    .info = {
        .id = "extended-key-usage",
        .title = "extended key usage",
        .page = "If the certificate has extended key usage settings, check that they match the purpose for which the certificate is being used.",
        .cites = "RFC 5280 section 4.2.1.12, RFC 5924",
        .explain = "absent, or it names clientAuth (inbound) or serverAuth (outbound), anyExtendedKeyUsage, or on SIP sipDomain",
        .latchable = true,
    },
    .run = extended_key_usage,
};
