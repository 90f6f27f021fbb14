#include "base/buf.h"
#include "checks/check.h"

static void
put_time(char field[CG_MAX_NOTE], const char *before, int64_t when)
{
    struct cg_buf buf;

    cg_buf_init(&buf, CG_MAX_NOTE);
    cg_buf_add_time(&buf, when);
    cg_note_text(field, "%s%s", before, cg_buf_text(&buf));
    cg_buf_release(&buf);
}

static enum cg_outcome
in_date(const struct cg_subject *subject, struct cg_note *note)
{
    const struct cg_cert *leaf = subject->leaf;
    int64_t now = subject->peer->now;

    if (subject->peer->clock_floor != 0 && now < subject->peer->clock_floor) {
        put_time(note->found, "this machine's clock says ", now);
        put_time(note->wanted, "a clock not before ", subject->peer->clock_floor);
        note->reason = CG_REASON_TIME_UNKNOWN;
        return CG_FAIL;
    }
    /* The moment is named only where it decides: an accepted certificate's words stay true. */
    cg_note_text(note->wanted, "in date");
    if (now < leaf->not_before || now > leaf->not_after)
        put_time(note->wanted, "valid at ", now);
    if (now < leaf->not_before) {
        put_time(note->found, "valid only from ", leaf->not_before);
        note->reason = CG_REASON_NOT_YET_VALID;
        return CG_FAIL;
    }
    put_time(note->found, now > leaf->not_after ? "expired after " : "valid until ",
            leaf->not_after);
    if (now > leaf->not_after) {
        note->reason = CG_REASON_EXPIRED;
        return CG_FAIL;
    }
    return CG_PASS;
}

const struct cg_check_row cg_check_in_date = {
    .info = {
        .id = "in-date",
        .title = "in date",
        .page = "Check that the certificate is in date.",
        .cites = "RFC 5280 section 4.1.2.5",
        .explain = "notBefore <= now <= notAfter of the received certificate, both ends included",
    },
    .run = in_date,
};
