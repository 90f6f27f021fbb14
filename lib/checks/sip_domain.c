#include "base/buf.h"
#include "checks/check.h"
#include "names/names.h"

/* One domain against the certificate; a wildcard passes only by the allowance, which is noted. */
static enum cg_name_result
match(const struct cg_subject *subject, const char *domain, struct cg_note *note)
{
    bool wildcard = cg_policy_allows(subject->policy, CG_ALLOW_SIP_WILDCARD, subject->peer->now);
    enum cg_name_result result = cg_sip_match(subject->leaf, domain, wildcard);

    if (result == CG_NAME_MATCH_WILDCARD) {
        note->allowed = true;
        note->allowance = CG_ALLOW_SIP_WILDCARD;
        cg_note_text(note->note, "by a wildcard, only because allow-sip-wildcard is on");
    }
    return result;
}

static enum cg_outcome
refuse(enum cg_name_result result, struct cg_note *note)
{
    note->allowed = false;
    note->note[0] = '\0';
    note->reason =
            result == CG_NAME_NONE ? CG_REASON_SIP_IDENTITY_MISSING : CG_REASON_SIP_DOMAIN_MISMATCH;
    return CG_FAIL;
}

static enum cg_outcome
sip_domain(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_policy *policy = subject->policy;
    const char *from = subject->peer->from_domain;
    enum cg_name_result result = CG_NAME_NONE, best = CG_NAME_NONE;
    struct cg_buf text;

    if (policy->service != CG_SERVICE_SIP || subject->peer->phone) {
        cg_note_text(note->found, "only on SIP lines and trunks");
        return CG_NOT_APPLICABLE;
    }
    cg_buf_init(&text, CG_MAX_CERT_BYTES);
    cg_sip_identities_text(&text, subject->leaf);
    cg_note_text(note->found, "%s", text.len == 0 ? "no SIP identity" : cg_buf_text(&text));
    cg_buf_release(&text);
    if (policy->sip_domain_count == 0) {
        note->reason = CG_REASON_SIP_IDENTITY_MISSING;
        cg_note_text(note->wanted, "a SIP domain configured for this line");
        return CG_UNDECIDED;
    }
    cg_note_text(note->wanted, "%s", policy->sip_domains[0]);
    for (size_t i = 0; i < policy->sip_domain_count; i++) {
        result = match(subject, policy->sip_domains[i], note);
        if (result == CG_NAME_MATCH || result == CG_NAME_MATCH_WILDCARD)
            break;
        if (result == CG_NAME_NO_MATCH)
            best = result;
    }
    if (result != CG_NAME_MATCH && result != CG_NAME_MATCH_WILDCARD)
        return refuse(best, note);
    if (from != NULL) {
        result = match(subject, from, note);
        if (result != CG_NAME_MATCH && result != CG_NAME_MATCH_WILDCARD) {
            cg_note_text(note->wanted, "%.200s, the From domain of the first request", from);
            return refuse(CG_NAME_NO_MATCH, note);
        }
    }
    return CG_PASS;
}

const struct cg_check_row cg_check_sip_domain = {
    .info = {
        .id = "sip-domain",
        .title = "SIP domain",
        .page = "For SIP, verify that the certificate source is authoritative for the SIP domain as in accordance with RFC5922.",
        .cites = "RFC 5922 sections 7.1 and 7.2",
        .explain = "the line's SIP domain is one of the certificate's SIP identities; not for SIP phones",
    },
    .run = sip_domain,
};
