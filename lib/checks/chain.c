#include "base/buf.h"
#include "checks/check.h"

static enum cg_outcome
chain(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_path_result *path = subject->path;
    struct cg_buf text;

    if (!path->valid) {
        note->reason = path->chain.reason;
        note->concerns = path->chain.cert;
        cg_note_text(note->found, "%s", path->chain.found);
        cg_note_text(note->wanted, "%s", path->chain.wanted);
        cg_note_text(note->note, "%s", path->chain.note);
        return CG_FAIL;
    }
    cg_buf_init(&text, CG_MAX_CERT_BYTES);
    cg_name_text(&text, path->certs[path->count - 1]->subject);
    cg_note_text(note->found, "%zu certificate%s up to '%.300s'", path->count,
            path->count == 1 ? "" : "s", cg_buf_text(&text));
    cg_buf_release(&text);
    cg_note_text(note->wanted, "a path to a root in the Trusted Certificate Store");
    if (path->used_sha1) {
        note->allowed = true;
        note->allowance = CG_ALLOW_SHA1_CHAIN;
        cg_note_text(note->note, "only because allow-sha1-chain is on");
    }
    return CG_PASS;
}

const struct cg_check_row cg_check_chain = {
    .info = {
        .id = "chain",
        .title = "trust chain",
        .page = "Check there is a trust chain from the Trusted Certificate Store (TCS) to the root Certificate Authority (CA).",
        .cites = "RFC 5280 section 6",
        .explain = "a certification path leads to a self-signed root that is in the Trusted Certificate Store",
    },
    .run = chain,
};
