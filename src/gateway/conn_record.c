/* Verdicts of a connection and their records. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "gateway/clock.h"
#include "gateway/conn.h"
#include "gateway/judge.h"
#include "gateway/record.h"
#include "gateway/worker.h"

const struct leaf *
conn_resumed_leaf(const struct conn *conn)
{
    const struct handshake *handshake = &conn->handshake;

    struct cg_span certs[GW_MAX_CHAIN_CERTS];

    if (!handshake->has_ticket || handshake->received.count == 0)
        return NULL;
    chain_certs(&handshake->received, certs);
    return leaves_get(conn->worker->leaves, handshake->ticket.leaf, certs[0]);
}

/* The rules that a record speaks of: of the class, or while that is not known the interface's. */
static const struct gw_class *
class_of(const struct conn *conn)
{
    return conn->class != NULL ? conn->class : gw_other(conn->iface);
}

/* A record is a decision, and each is counted once. */
static void
count_decision(struct conn *conn, const struct cg_decision *decision)
{
    struct metrics_interface *metrics = conn->iface->usage->metrics;
    bool allowed = decision != NULL ? cg_decision_by_allowance(decision)
                                    : conn_admission(conn)->verdict.allowances != 0;

    metrics->decisions[decision != NULL ? cg_decision_reason(decision) : CG_REASON_NONE]++;
    metrics->accepted_by_allowance += allowed;
}

/* What an admitted peer sent: from it certgated can say what other settings would make of the peer. */
static void
tell_chain(const struct conn *conn, const struct cg_decision *decision)
{
    if (decision == NULL || cg_decision_verdict(decision) != CG_ACCEPT ||
            cg_decision_get0_cert(decision) == NULL || conn->resumed ||
            conn->handshake.received.count == 0 ||
            !worker_chain_is_new(conn->worker, conn->handshake.received_sha256))
        return;
    worker_chain(conn->worker, &conn->handshake.received);
}

bool
conn_record(struct conn *conn, const struct cg_decision *decision, const struct cg_decision *before)
{
    const struct snapshot_interface *settings = conn->iface->settings;
    bool secured = tls_begun(conn->ssl, &conn->handshake);
    const char *cipher = secured ? SSL_get_cipher_name(conn->ssl) : NULL;
    const struct leaf *leaf = decision == NULL ? conn_resumed_leaf(conn) : NULL;
    struct record record = {
        .time_ms = conn->worker->clock(),
        .node = conn->generation->snapshot->node,
        .generation = conn->generation->number,
        .incident = conn->handshake.incident,
        .interface = settings->name,
        .service = settings->service,
        .role = settings->role,
        .step = conn->step->name,
        .peer = conn->endpoint[0] != '\0' ? conn->endpoint : NULL,
        .local = conn->local[0] != '\0' ? conn->local : NULL,
        .via = conn->via[0] != '\0' ? conn->via : NULL,
        .class = conn->class != NULL ? conn->class->name : NULL,
        .class_by = conn->class != NULL ? conn->class_by : NULL,
        .class_index = (size_t)(class_of(conn) - conn->iface->classes),
        .sni = conn->handshake.sni_len > 0 ? conn->handshake.sni : NULL,
        .tls = secured ? SSL_get_version(conn->ssl) : NULL,
        .cipher = cipher != NULL && strcmp(cipher, "(NONE)") != 0 ? cipher : NULL,
        .policy = class_of(conn)->policy,
        .decision = decision,
        .ticket = decision == NULL ? &conn->handshake.ticket : NULL,
        .ticket_cert = leaf != NULL ? leaf->json : NULL,
        .before = before,
        .presented = conn->handshake.presented,
        .alert_sent = conn->handshake.alert,
        .alert_received = conn->handshake.alert_received,
        .resumed = conn->resumed,
        .live = conn->live,
    };
    char *json = record_json(&record, IPC_MAX_PAYLOAD);
    bool written = json != NULL && worker_record(conn->worker, json);

    if (json == NULL)
        worker_log(conn->worker, IPC_LOG_ERROR, "no memory for a decision record");
    conn->recorded = true;
    count_decision(conn, decision);
    if (written)
        tell_chain(conn, decision);
    free(json);
    return written;
}

void
conn_record_refusal(struct conn *conn, enum cg_reason reason, const char *detail)
{
    struct cg_decision *decision = cg_decision_refuse(class_of(conn)->policy, reason, detail);

    if (decision == NULL)
        worker_log(conn->worker, IPC_LOG_ERROR, "no memory for a decision");
    else
        (void)conn_record(conn, decision, conn->handshake.decision);
    cg_decision_free(decision);
}

enum step_result
conn_refuse(struct conn *conn, enum cg_reason reason, const char *detail)
{
    conn_record_refusal(conn, reason, detail);
    conn->step = &step_close;
    return STEP_NEXT;
}

/* ---- verdicts ---------------------------------------------------------------------------------- */

/* A resumed session: what its ticket says of the class, and what only this request tells. */
static enum cg_status
judge_resumed(struct conn *conn, const struct gw_class *class, const char *from_domain,
        struct cg_decision **out, struct cg_error *err)
{
    const struct ticket *ticket = &conn->handshake.ticket;
    enum cg_reason reason = (enum cg_reason)ticket->verdicts[class - conn->iface->classes].reason;
    char incident[INCIDENT_TEXT_SIZE], detail[128];

    *out = NULL;
    if (reason == CG_REASON_NONE)
        return from_domain == NULL || class->phone
                ? CG_OK
                : judge_from_domain(&conn->handshake, class, from_domain, out, err);
    incident_text(ticket->incident, incident);
    snprintf(detail, sizeof(detail), "the session was resumed; its certificate was judged in %s",
            incident);
    *out = cg_decision_refuse(class->policy, reason, detail);
    return *out != NULL ? CG_OK : CG_E_NOMEM;
}

enum cg_status
conn_judge_plain(const struct conn *conn, const struct gw_class *class, struct cg_decision **out)
{
    enum cg_reason reason = CG_REASON_NONE;

    if (class != gw_other(conn->iface) && class->rules->require_certificate)
        reason = CG_REASON_CERTIFICATE_MISSING;
    else if (class != gw_other(conn->iface) && class->settings->tls_only)
        reason = CG_REASON_HANDSHAKE_FAILED; /* there was none */
    *out = cg_decision_refuse(class->policy, reason, "the connection came without TLS");
    return *out != NULL ? CG_OK : CG_E_NOMEM;
}

static bool
judged_before(const struct conn *conn, const struct gw_class *class, const char *from_domain)
{
    const unsigned index = (unsigned)(class - conn->iface->classes);

    if ((conn->admitted >> index & 1) == 0)
        return false;
    if (from_domain == NULL || class->domains == NULL)
        return true;
    return (conn->spoken >> index & 1) != 0 &&
            (class->settings == NULL || !class->settings->every_request);
}

/* A clock before the build of this program tells no time: what is judged by it would be refused. */
void
conn_limit_time(struct conn *conn, int64_t from, int64_t until)
{
    int64_t now = conn->worker->clock() / 1000;

    if (from < GW_CLOCK_FLOOR && now >= GW_CLOCK_FLOOR)
        from = GW_CLOCK_FLOOR;
    if (from > conn->good_from)
        conn->good_from = from;
    if (until < conn->good_until)
        conn->good_until = until;
}

static void
limit_time(struct conn *conn, const struct cg_decision *decision)
{
    const struct ticket *ticket = &conn->handshake.ticket;

    if (conn->ticketed && ticket->certificate)
        conn_limit_time(conn, ticket->good_from, ticket->good_until);
    else if (!conn->ticketed && decision != NULL && cg_decision_get0_cert(decision) != NULL)
        conn_limit_time(conn, cg_decision_good_from(decision), cg_decision_good_until(decision));
}

/*
 * Keeps what an admission says. An allowance that none of the class's records tells of yet wants another
 * record; on a resumed session it can only be one that the From domain of a request needed.
 */
static void
take_verdict(struct conn *conn, const struct gw_class *class, const struct cg_decision *decision)
{
    const size_t index = (size_t)(class - conn->iface->classes);
    struct ticket_verdict verdict = { 0 }, *ticket = &conn->handshake.ticket.verdicts[index];

    if (decision != NULL)
        verdict = tls_verdict(decision);
    if (conn->ticketed) {
        ticket->allowances |= verdict.allowances;
        ticket->chain_passed = ticket->chain_passed && ticket->allowances == 0;
        verdict = *ticket;
    }
    if ((conn->admitted >> index & 1) == 0 ||
            (verdict.allowances & ~conn->admissions[index].verdict.allowances) != 0)
        conn->recorded = false;
    conn->admissions[index] = (struct admission) { verdict, cg_policy_level(class->policy) };
    conn->admitted |= (uint64_t)1 << index;
}

bool
conn_admit(struct conn *conn, const struct gw_class *class, const char *by, const char *from_domain)
{
    struct handshake *handshake = &conn->handshake;
    struct cg_decision *decision = NULL;
    struct cg_error err = { "" };
    enum cg_status status = CG_OK;

    if (judged_before(conn, class, from_domain))
        return true;
    conn->class = class;
    conn->class_by = by;
    if (conn->plain)
        status = conn_judge_plain(conn, class, &decision);
    else if (conn->ticketed)
        status = judge_resumed(conn, class, from_domain, &decision, &err);
    else if (class == handshake->class && from_domain == NULL && handshake->decision != NULL)
        decision = cg_decision_ref(handshake->decision);
    else
        status = judge_peer(handshake, class, from_domain, &decision, &err);
    if (status != CG_OK) {
        conn_record_refusal(conn, CG_REASON_INTERNAL_ERROR, err.text);
        return false;
    }
    if (decision != NULL && cg_decision_verdict(decision) == CG_REJECT) {
        (void)conn_record(conn, decision, NULL);
        cg_decision_free(decision);
        return false;
    }
    take_verdict(conn, class, decision);
    if (conn->ticketed) {
        cg_decision_free(decision);
        decision = NULL;
    }
    cg_decision_free(handshake->decision);
    handshake->decision = decision;
    limit_time(conn, decision);
    if (from_domain != NULL)
        conn->spoken |= (uint64_t)1 << (class - conn->iface->classes);
    return true;
}

bool
conn_record_admission(struct conn *conn)
{
    const enum ipc_audit audit = conn->worker->audit;

    if (conn->recorded)
        return true;
    if (audit == IPC_AUDIT_UNAVAILABLE) {
        conn_record_refusal(conn, CG_REASON_AUDIT_UNAVAILABLE, NULL);
        return false;
    }
    /* What cannot be recorded does not happen, where that is required; the worker has counted it. */
    return conn_record(conn, conn->ticketed ? NULL : conn->handshake.decision, NULL) ||
            audit == IPC_AUDIT_BEST_EFFORT;
}

void
conn_record_end(struct conn *conn, enum cg_reason reason, const char *why)
{
    if (conn->recorded)
        return;
    if (conn->admitted != 0)
        (void)conn_record_admission(conn);
    else
        conn_record_refusal(conn, reason, why);
}
