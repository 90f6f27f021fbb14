#include "gateway/live.h"

#include <string.h>

#include "gateway/judge.h"

static const char *const live_names[SNAPSHOT_LIVES] = {
    [SNAPSHOT_LIVE_CLOSE] = "close",
    [SNAPSHOT_LIVE_DRAIN] = "drain",
    [SNAPSHOT_LIVE_LEAVE] = "leave",
};

static struct gw_interface *
find_interface(const struct generation *generation, const char *name)
{
    for (size_t i = 0; i < generation->interface_count; i++)
        if (strcmp(generation->interfaces[i].settings->name, name) == 0)
            return &generation->interfaces[i];
    return NULL;
}

static const struct gw_class *
find_class(const struct gw_interface *iface, const struct gw_class *old)
{
    for (size_t i = 0; i < iface->class_count; i++)
        if (strcmp(iface->classes[i].name, old->name) == 0 &&
                (iface->classes[i].settings == NULL) == (old->settings == NULL))
            return &iface->classes[i];
    return NULL;
}

/* What becomes of a peer that is no longer admitted; the reason is in the record. */
static void
dismiss(struct conn *conn, const struct cg_decision *decision)
{
    enum snapshot_live live = conn->iface->settings->live;

    if (conn->dismissed)
        return;
    conn->dismissed = true;
    conn->good_until = INT64_MAX;
    conn->live = live_names[live];
    conn->iface->usage->metrics->live_close += live == SNAPSHOT_LIVE_CLOSE;
    conn->iface->usage->metrics->live_drain += live == SNAPSHOT_LIVE_DRAIN;
    conn->iface->usage->metrics->live_leave += live == SNAPSHOT_LIVE_LEAVE;
    (void)conn_record(conn, decision, NULL);
    conn->live = NULL;
    if (live == SNAPSHOT_LIVE_DRAIN)
        conn->draining = uv_now(&conn->worker->loop);
    if (live != SNAPSHOT_LIVE_CLOSE)
        return;
    conn->step = &step_close;
    conn_advance(conn);
}

/*
 * The verdict of a class now. A resumed session brings the received certificate alone: where that is not
 * enough, the peer is refused here and judged in full when it comes back.
 */
static bool
still_admits(struct conn *conn, const struct gw_class *class, struct cg_decision **decision)
{
    struct cg_error err = { "" };
    bool admitted;

    if (conn->plain && class == gw_other(conn->iface))
        return true;
    if (conn->plain)
        *decision = cg_decision_refuse(class->policy, CG_REASON_CERTIFICATE_MISSING, NULL);
    else if (judge_peer(conn->ssl, &conn->handshake, class, NULL, decision, &err) != CG_OK)
        *decision = cg_decision_refuse(class->policy, CG_REASON_INTERNAL_ERROR, err.text);
    admitted = *decision != NULL && cg_decision_verdict(*decision) == CG_ACCEPT;
    if (admitted && cg_decision_get0_cert(*decision) != NULL &&
            cg_decision_good_until(*decision) < conn->good_until)
        conn->good_until = cg_decision_good_until(*decision);
    return admitted;
}

/* Judges by every class that has admitted the peer; the first that no longer does decides. */
static void
judge_again(struct conn *conn)
{
    uint64_t admitted = conn->admitted;

    conn->good_until = INT64_MAX;
    for (size_t i = 0; i < conn->iface->class_count; i++) {
        struct cg_decision *decision = NULL;

        if ((admitted >> i & 1) == 0)
            continue;
        if (!still_admits(conn, &conn->iface->classes[i], &decision)) {
            conn->class = &conn->iface->classes[i];
            dismiss(conn, decision); /* conn may be gone now */
            cg_decision_free(decision);
            return;
        }
        cg_decision_free(decision);
    }
}

/* Every class that has admitted the peer must be there still; else nothing admits it as what it is. */
static bool
move_classes(struct conn *conn, const struct gw_interface *iface)
{
    const struct gw_interface *old = conn->iface;
    uint64_t admitted = 0, spoken = 0;
    bool whole = true;

    for (size_t i = 0; i < old->class_count; i++) {
        const struct gw_class *class = find_class(iface, &old->classes[i]);

        if ((conn->admitted >> i & 1) == 0)
            continue;
        if (class == NULL) {
            whole = false;
            continue;
        }
        admitted |= (uint64_t)1 << (class - iface->classes);
        if ((conn->spoken >> i & 1) != 0)
            spoken |= (uint64_t)1 << (class - iface->classes);
    }
    conn->admitted = admitted;
    conn->spoken = spoken;
    conn->class = conn->class != NULL ? find_class(iface, conn->class) : NULL;
    if (conn->guess.known != NULL)
        conn->guess.known = find_class(iface, conn->guess.known);
    conn->handshake.class = NULL; /* the handshake is over */
    return whole;
}

/* From here on the connection lives by the new generation's rules, later requests of it too. */
static bool
move_over(struct conn *conn, struct generation *generation, struct gw_interface *iface)
{
    bool whole = move_classes(conn, iface);

    conn->iface = conn->handshake.iface = iface;
    generation_unref(conn->generation);
    conn->generation = generation_ref(generation);
    return whole;
}

static void
recheck(struct conn *conn, struct generation *generation)
{
    struct gw_interface *iface = find_interface(generation, conn->iface->settings->name);
    struct cg_decision *decision;
    bool same, whole;

    if (iface == NULL || iface->settings->role != conn->iface->settings->role ||
            iface->settings->mode != conn->iface->settings->mode) {
        /* There is no such interface any more: what it says of live connections is the last word. */
        decision = cg_decision_refuse(gw_other(conn->iface)->policy, CG_REASON_CLASS_UNKNOWN,
                "the interface is no longer configured");
        dismiss(conn, decision);
        cg_decision_free(decision);
        return;
    }
    same = memcmp(iface->rules, conn->iface->rules, sizeof(iface->rules)) == 0;
    whole = move_over(conn, generation, iface);
    if (same)
        return;
    conn->dismissed = false; /* by the rules before these */
    if (whole) {
        judge_again(conn);
        return;
    }
    decision = cg_decision_refuse(gw_other(iface)->policy, CG_REASON_CLASS_UNKNOWN,
            "the trunk or line that admitted the peer is no longer configured");
    dismiss(conn, decision);
    cg_decision_free(decision);
}

static bool
is_live(const struct conn *conn)
{
    return conn->admitted != 0 &&
            (conn->step == &step_relay || conn->step == &step_http || conn->step == &step_sip);
}

void
live_new_generation(struct worker *worker)
{
    struct conn *next;

    for (struct conn *conn = worker->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (is_live(conn) && conn->generation != worker->generation)
            recheck(conn, worker->generation);
    }
}

void
live_drain(struct worker *worker)
{
    for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
        if (conn->step == &step_http && conn->draining == 0)
            conn->draining = uv_now(&worker->loop);
}

static bool
drained(const struct conn *conn, uint64_t now)
{
    return conn->draining != 0 &&
            (now - conn->active >= GW_DRAIN_IDLE_MS || now - conn->draining >= GW_DRAIN_MS);
}

void
live_sweep(struct worker *worker)
{
    int64_t second = worker->clock() / 1000;
    uint64_t now = uv_now(&worker->loop);
    struct conn *next;

    for (struct conn *conn = worker->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (!is_live(conn))
            continue;
        conn_count_bytes(conn);
        if (conn->generation != worker->generation) {
            recheck(conn, worker->generation);
        } else if (second > conn->good_until) {
            judge_again(conn);
        } else if (drained(conn, now)) {
            conn_log_end(conn, "the connection", "was drained");
            conn->step = &step_close;
            conn_advance(conn);
        }
    }
}
