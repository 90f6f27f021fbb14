#include <stdlib.h>

#include "checks/check.h"
#include "names/names.h"

/* What we look for, as text: the configured names, or the peer's address. */
static void
put_wanted(const struct cg_reference *references, size_t count, struct cg_note *note)
{
    size_t used = 0;

    for (size_t i = 0; i < count && used < CG_MAX_NOTE - 1; i++) {
        cg_note_text(note->wanted + used, "%s%.*s", i == 0 ? "" : " or ",
                (int)(CG_MAX_NOTE - used - 5), references[i].text);
        used = strlen(note->wanted);
        if (CG_MAX_NOTE - used < sizeof(references[i].text) + 8)
            break;
    }
}

static enum cg_outcome
host_name(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_policy *policy = subject->policy;
    const struct cg_reference *references = policy->names;
    size_t count = policy->name_count, which;
    struct cg_reference address;
    bool presented = false;
    char *san;

    if (subject->peer->phone) {
        cg_note_text(note->found, "a SIP phone has no name to compare");
        return CG_NOT_APPLICABLE;
    }
    if (count == 0 && policy->role == CG_ROLE_INBOUND && subject->peer->address != NULL &&
            cg_reference_parse(subject->peer->address, &address) &&
            address.kind == CG_REFERENCE_IP) {
        references = &address;
        count = 1;
    }
    if (count == 0) {
        note->reason = CG_REASON_NAME_MISSING;
        cg_note_text(note->found, "no name or address is configured for this peer");
        return CG_UNDECIDED;
    }
    put_wanted(references, count, note);
    san = cg_cert_text(subject->leaf, CG_FIELD_SAN);
    cg_note_text(note->found, "%s", san == NULL || *san == '\0' ? "no subjectAltName" : san);
    free(san);
    for (size_t i = 0; i < count; i++) {
        switch (cg_host_match(subject->leaf, &references[i], &which)) {
        case CG_NAME_MATCH_WILDCARD:
            cg_note_text(note->note, "by a wildcard name");
            return CG_PASS;
        case CG_NAME_MATCH:
            return CG_PASS;
        case CG_NAME_NO_MATCH:
            presented = true;
            break;
        case CG_NAME_NONE:
            break;
        }
    }
    note->reason = presented ? CG_REASON_NAME_MISMATCH : CG_REASON_NAME_MISSING;
    return CG_FAIL;
}

const struct cg_check_row cg_check_host_name = {
    .info = {
        .id = "host-name",
        .title = "host name",
        .page = "Perform hostname validation to verify that one of the SAN entries matches the connection's FQDN. If necessary, the SAN entry used can be an IP address.",
        .cites = "RFC 9525",
        .explain = "a subjectAltName dNSName or iPAddress is one of the configured names; inbound without one, the peer's address; not for SIP phones",
    },
    .run = host_name,
};
