#include "gateway/live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

static void
no_time_limit(struct conn *conn)
{
    conn->good_from = INT64_MIN;
    conn->good_until = INT64_MAX;
}

/*
 * What becomes of a peer that is no longer admitted; the reason is in the record. True: it is to be
 * closed. Of a peer without a record nothing has reached a backend: it is refused, whatever the setting.
 */
static bool
dismiss(struct conn *conn, const struct cg_decision *decision)
{
    enum snapshot_live live = conn->iface->settings->live;
    bool fresh = !conn->recorded;

    if (conn->dismissed)
        return false;
    conn->dismissed = true;
    no_time_limit(conn);
    if (!fresh) {
        conn->live = live_names[live];
        conn->iface->usage->metrics->live_close += live == SNAPSHOT_LIVE_CLOSE;
        conn->iface->usage->metrics->live_drain += live == SNAPSHOT_LIVE_DRAIN;
        conn->iface->usage->metrics->live_leave += live == SNAPSHOT_LIVE_LEAVE;
    }
    (void)conn_record(conn, decision, NULL);
    conn->live = NULL;
    if (live == SNAPSHOT_LIVE_DRAIN)
        conn->draining = uv_now(&conn->worker->loop);
    return fresh || live == SNAPSHOT_LIVE_CLOSE;
}

/* The same for what has become of the configuration. */
static bool
dismiss_unknown(struct conn *conn, const char *why)
{
    struct cg_decision *decision =
            cg_decision_refuse(gw_other(conn->iface)->policy, CG_REASON_CLASS_UNKNOWN, why);
    bool closes = decision == NULL || dismiss(conn, decision);

    cg_decision_free(decision);
    return closes;
}

/*
 * The verdict of a class now. A resumed session brings the received certificate alone: where that is not
 * enough, the peer is refused here and judged in full when it comes back.
 */
static bool
still_admits(struct conn *conn, const struct gw_class *class, struct cg_decision **decision)
{
    struct admission *admission = &conn->admissions[class - conn->iface->classes];
    struct cg_error err = { "" };
    bool admitted;

    if (conn->plain)
        (void)conn_judge_plain(conn, class, decision);
    else if (judge_peer(&conn->handshake, class, NULL, decision, &err) != CG_OK)
        *decision = cg_decision_refuse(class->policy, CG_REASON_INTERNAL_ERROR, err.text);
    admitted = *decision != NULL && cg_decision_verdict(*decision) == CG_ACCEPT;
    if (admitted)
        *admission = (struct admission) { tls_verdict(*decision), cg_policy_level(class->policy) };
    else
        admission->verdict.chain_passed = false; /* not for what is told from here on */
    if (admitted && cg_decision_get0_cert(*decision) != NULL)
        conn_limit_time(conn, cg_decision_good_from(*decision), cg_decision_good_until(*decision));
    return admitted;
}

/* The classes by which the peer must be admitted; bits. */
static uint64_t
classes_of(const struct conn *conn)
{
    const struct gw_class *by_source = class_by_source(&conn->guess);

    return conn->admitted |
            (by_source != NULL ? (uint64_t)1 << (by_source - conn->iface->classes) : 0);
}

/* The decision that a record is still to tell of, or that later ones refer to, is the one in force. */
static void
keep_decision(struct conn *conn, const struct gw_class *class, struct cg_decision **decision)
{
    struct cg_decision *before = conn->handshake.decision;

    if (*decision == NULL || class != conn->class || (conn->recorded && before == NULL))
        return;
    conn->handshake.decision = *decision;
    *decision = before;
}

/* Judges by each of them; the first that does not admit it decides. True: it is to be closed. */
static bool
judge_again(struct conn *conn)
{
    uint64_t classes = classes_of(conn);

    no_time_limit(conn);
    for (size_t i = 0; i < conn->iface->class_count; i++) {
        struct cg_decision *decision = NULL;
        bool closes;

        if ((classes >> i & 1) == 0)
            continue;
        if (!still_admits(conn, &conn->iface->classes[i], &decision)) {
            conn->class = &conn->iface->classes[i];
            closes = decision == NULL || dismiss(conn, decision);
            cg_decision_free(decision);
            return closes;
        }
        keep_decision(conn, &conn->iface->classes[i], &decision);
        cg_decision_free(decision);
    }
    return false;
}

/* The same look at the peer's address as at the beginning, by the interface as it is now. */
static struct class_guess
guess_again(const struct conn *conn, const struct gw_interface *iface)
{
    struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&from;
    struct sockaddr_in *in4 = (struct sockaddr_in *)&from;

    if (inet_pton(AF_INET, conn->address, &in4->sin_addr) == 1)
        in4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, conn->address, &in6->sin6_addr) == 1)
        in6->sin6_family = AF_INET6;
    return classify_source(iface, (const struct sockaddr *)&from);
}

/*
 * Every class that has admitted the peer must be there still, and the one that its address made it must
 * be that of its address; else nothing admits it as what it is.
 */
static bool
move_classes(struct conn *conn, const struct gw_interface *iface)
{
    const struct gw_interface *old = conn->iface;
    const struct gw_class *by_source = class_by_source(&conn->guess);
    struct admission admissions[TICKET_MAX_CLASSES] = { { .level = CG_LEVEL_NONE } };
    uint64_t admitted = 0, spoken = 0;
    bool whole = true;

    conn->guess = guess_again(conn, iface);
    for (size_t i = 0; i < old->class_count; i++) {
        const struct gw_class *class = find_class(iface, &old->classes[i]);

        if ((conn->admitted >> i & 1) == 0)
            continue;
        if (class == NULL ||
                (by_source == &old->classes[i] && class != class_by_source(&conn->guess))) {
            whole = false;
            continue;
        }
        admitted |= (uint64_t)1 << (class - iface->classes);
        admissions[class - iface->classes] = conn->admissions[i];
        if ((conn->spoken >> i & 1) != 0)
            spoken |= (uint64_t)1 << (class - iface->classes);
    }
    conn->admitted = admitted;
    conn->spoken = spoken;
    memcpy(conn->admissions, admissions, sizeof(admissions));
    conn->class = conn->class != NULL ? find_class(iface, conn->class) : NULL;
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

/* True: the connection is to be closed. */
static bool
recheck(struct conn *conn, struct generation *generation)
{
    struct gw_interface *iface = find_interface(generation, conn->iface->settings->name);
    bool same, whole, gone;

    /* There is no such interface any more: what it says of live connections is the last word. */
    if (iface == NULL || iface->settings->role != conn->iface->settings->role ||
            iface->settings->mode != conn->iface->settings->mode)
        return dismiss_unknown(conn, "the interface is no longer configured");
    same = memcmp(iface->rules, conn->iface->rules, sizeof(iface->rules)) == 0;
    whole = move_over(conn, generation, iface);
    if (same && whole && classes_of(conn) == conn->admitted)
        return false;
    gone = conn->dismissed && conn->admitted == 0;
    /* What was judged by those rules counts no more: neither in a ticket nor of a From domain. */
    conn->ticketed = conn->ticketed && same;
    conn->spoken = same ? conn->spoken : 0;
    if (gone)
        return false; /* nothing is left that could admit it again */
    conn->dismissed = false; /* by the rules before these */
    conn->draining = 0;
    if (!whole)
        return dismiss_unknown(
                conn, "the trunk or line that admitted the peer is no longer configured for it");
    return conn->admitted != 0 && judge_again(conn);
}

/*
 * What is known of revocation has changed. A resumed session brings the received certificate alone: where
 * the CAs above it are not known here, its verdict stands until it ends.
 */
static bool
judge_by_evidence(struct conn *conn)
{
    uint64_t classes = classes_of(conn);
    bool gone = false;

    if (!conn->iface->revocation || conn->admitted == 0 || conn->dismissed)
        return false;
    if (!conn->resumed)
        return judge_again(conn);
    for (size_t i = 0; i < conn->iface->class_count && !gone; i++) {
        struct cg_decision *decision = NULL;
        struct cg_error err;

        if ((classes >> i & 1) != 0 && !conn->plain &&
                judge_peer(&conn->handshake, &conn->iface->classes[i], NULL, &decision, &err) ==
                        CG_OK &&
                cg_decision_reason(decision) == CG_REASON_REVOKED) {
            conn->class = &conn->iface->classes[i];
            gone = dismiss(conn, decision);
        }
        cg_decision_free(decision);
    }
    return gone;
}

bool
live_follow(struct conn *conn)
{
    struct worker *worker = conn->worker;
    int64_t now;

    if (conn->generation != worker->generation && recheck(conn, worker->generation))
        return false;
    if (conn->evidence != worker->evidence) {
        conn->evidence = worker->evidence;
        if (judge_by_evidence(conn))
            return false;
    }
    now = worker->clock() / 1000; /* it may have been set back, too */
    return (now >= conn->good_from && now <= conn->good_until) || !judge_again(conn);
}

static bool
is_live(const struct conn *conn)
{
    return (conn->admitted != 0 || conn->dismissed) &&
            (conn->step == &step_relay || conn->step == &step_http || conn->step == &step_sip);
}

static void
end(struct conn *conn)
{
    conn->step = &step_close;
    conn_advance(conn); /* conn may be gone now */
}

void
live_unrecorded(struct worker *worker)
{
    struct cg_decision *decision;
    struct conn *next;
    bool closes;

    for (struct conn *conn = worker->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (!is_live(conn) || conn->admitted == 0 ||
                conn->iface->settings->live == SNAPSHOT_LIVE_LEAVE)
            continue;
        decision = cg_decision_refuse(
                gw_other(conn->iface)->policy, CG_REASON_AUDIT_UNAVAILABLE, NULL);
        closes = decision == NULL || dismiss(conn, decision);
        cg_decision_free(decision);
        if (closes)
            end(conn);
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
    if (conn->draining == 0 || (!is_live(conn) && conn->step != &step_http))
        return false;
    if (now - conn->draining >= GW_DRAIN_MS)
        return true;
    /* A peer that is still admitted gets the answer that it waits for. */
    return now - conn->active >= GW_DRAIN_IDLE_MS &&
            (conn->dismissed || !http_side_busy(conn->http));
}

/* Looks at one connection, which may be gone afterwards. */
static void
look(struct conn *conn, uint64_t now)
{
    if (is_live(conn)) {
        conn_count_bytes(conn);
        if (!live_follow(conn)) {
            end(conn);
            return;
        }
        if (conn->step == &step_http && conn_lacks_chain(conn) && !http_side_busy(conn->http)) {
            conn_log_end(conn, "the connection", "is a resumed one without the chain sent");
            end(conn);
            return;
        }
    }
    if (drained(conn, now)) {
        conn_log_end(conn, "the connection", "was drained");
        conn_record_end(conn, CG_REASON_CLASS_UNKNOWN, "the worker ended");
        end(conn);
    }
}

bool
live_turn(struct worker *worker)
{
    uint64_t began = uv_hrtime();

    while (worker->looked_at_next != NULL && uv_hrtime() - began < GW_LOOK_NS) {
        struct conn *conn = worker->looked_at_next;

        worker->looked_at_next = conn->next;
        look(conn, uv_now(&worker->loop));
    }
    return worker->looked_at_next != NULL;
}

void
live_look_at_all(struct worker *worker)
{
    worker->looked_at_next = worker->conns;
    worker_take_turns(worker);
}

void
live_sweep(struct worker *worker)
{
    if ((worker->pauses & PAUSE_DRAIN) != 0)
        live_drain(worker); /* those whose handshake was not done when it began */
    if (worker->looked_at_next == NULL)
        live_look_at_all(worker);
}
