/*
 * Step http: requests of the peer are read one by one, each is put under the rules of the class that it
 * belongs to, and carried to the backend once these admit the peer. No byte of a request goes on before.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/chain.h"
#include "gateway/conn.h"
#include "gateway/http.h"
#include "gateway/identity_fields.h"
#include "gateway/judge.h"
#include "gateway/live.h"
#include "gateway/record.h"
#include "gateway/worker.h"

/* Times that one request is sent again because a kept backend connection had gone. */
#define MAX_RETRIES 1

struct http_side {
    struct http *http;
    struct stream peer;
    struct stream backend;
    uint8_t *held; /* bytes of the peer, read and not yet used; NULL mostly */
    size_t held_len;
    uint8_t *early; /* bytes of the backend that belong to the tunnel */
    size_t early_len;
    bool asked; /* a request has come */
    bool forward; /* an admitted request waits for the backend */
    bool waiting; /* for a response: the peer is not read */
    bool peer_ended;
    bool tunnel; /* 101 has come: once the output is written, bytes go both ways */
    bool ending; /* once the output is written, the connection ends */
    bool timing_head; /* the timer is for a request's head */
    bool said_verified; /* the backend's connection began with a PROXY header that says so */
    unsigned retries;
    const struct gw_class *told; /* class that `fields` speak of, … */
    uint64_t told_generation; /* … in this generation, … */
    uint32_t told_allowances; /* … and the allowances that they name */
    struct identity_fields fields;
};

void
http_side_free(struct http_side *side)
{
    if (side == NULL)
        return;
    http_free(side->http);
    identity_fields_release(&side->fields);
    free(side->held);
    free(side->early);
    free(side);
}

bool
http_side_busy(const struct http_side *side)
{
    return side != NULL && http_request(side->http) != NULL;
}

bool
http_side_takes_pooled(const struct http_side *side)
{
    return side != NULL && side->retries == 0 && http_repeatable(side->http);
}

void
http_side_give_backend(struct conn *conn)
{
    if (conn->http == NULL || conn->backend.fd < 0 || !conn->backend.dry || conn->cut ||
            conn->iface->settings->proxy != SNAPSHOT_PROXY_OFF ||
            !http_backend_clean(conn->http->http))
        return;
    pool_give(&conn->iface->usage->pool, socket_release(&conn->backend), conn->dialled_in,
            uv_now(&conn->worker->loop));
}

static struct http_side *
side_new(void)
{
    struct http_side *side = calloc(1, sizeof(*side));

    if (side == NULL)
        return NULL;
    side->http = http_new();
    if (side->http == NULL) {
        free(side);
        return NULL;
    }
    return side;
}

static enum did
leave(struct conn *conn, const struct conn_step *step)
{
    conn->step = step;
    return DID_LEAVE;
}

/* The connection is over. A peer that goes before its class is known leaves a record all the same. */
static enum did
finish(struct conn *conn, const char *who, const char *why)
{
    if (conn->recorded)
        conn_log_end(conn, who, why);
    conn_record_end(conn, CG_REASON_CLASS_UNKNOWN,
            "the peer left before its first request told what it is");
    return leave(conn, &step_close);
}

/* Answers in the backend's place where that is possible and wanted, and ends the connection then. */
static enum did
answer(struct conn *conn, unsigned status)
{
    char incident[INCIDENT_TEXT_SIZE];

    conn_record_end(conn, CG_REASON_CLASS_UNKNOWN,
            "the first request is malformed, so that nothing tells what the peer is");
    incident_text(conn->handshake.incident, incident);
    conn->http->ending = true;
    conn->http->waiting = conn->http->forward = false;
    if (conn->iface->settings->answer && http_refuse(conn->http->http, status, incident))
        return DID_MOVE;
    return leave(conn, &step_close);
}

/* ---- what the backend is told ------------------------------------------------------------------- */

/*
 * The received certificate: of the decision in force or of the resumed session, where it is parsed already.
 * False when there is one and it cannot be had; the caller frees *out.
 */
static bool
received(struct conn *conn, struct cg_span sent, struct cg_cert **out)
{
    const struct cg_decision *decision = conn->handshake.decision;
    const struct cg_cert *judged = decision != NULL ? cg_decision_get0_cert(decision) : NULL;
    const struct leaf *resumed = conn_resumed_leaf(conn);

    *out = NULL;
    if (judged != NULL || resumed != NULL)
        *out = cg_cert_ref(judged != NULL ? judged : resumed->cert);
    else if (sent.len != 0)
        return cg_cert_from_der(sent.data, sent.len, out, NULL) == CG_OK;
    return true;
}

/* The fields stay as they are while the class and its verdict do: the certificate never changes. */
static bool
prepare_fields(struct conn *conn)
{
    struct http_side *side = conn->http;
    const struct chain *chain = &conn->handshake.received;
    struct cg_span certs[GW_MAX_CHAIN_CERTS] = { { NULL, 0 } };
    struct cg_cert *leaf = NULL;
    char incident[INCIDENT_TEXT_SIZE];
    struct identity_facts facts = { .forms = conn->iface->settings->identity_fields,
        .chain = certs + 1,
        .chain_count = chain->count > 1 ? chain->count - 1 : 0,
        .level = conn_admission(conn)->level,
        .interface = conn->iface->settings->name,
        .incident = incident,
        .allowances = conn_admission(conn)->verdict.allowances,
        .address = conn->address,
        .plain = conn->plain };
    bool ok;

    if (side->told == conn->class && side->told_generation == conn->generation->number &&
            side->told_allowances == facts.allowances)
        return true;
    identity_fields_release(&side->fields);
    side->told = NULL;
    incident_text(conn->handshake.incident, incident);
    chain_certs(chain, certs);
    ok = received(conn, certs[0], &leaf);
    facts.leaf = leaf;
    ok = ok && identity_fields_build(&side->fields, &facts);
    if (ok) {
        side->told = conn->class;
        side->told_generation = conn->generation->number;
        side->told_allowances = facts.allowances;
    }
    cg_cert_free(leaf);
    return ok;
}

static enum did
forward(struct conn *conn)
{
    struct http_side *side = conn->http;

    side->forward = false;
    if (!prepare_fields(conn) || !http_forward(side->http, side->fields.fields, side->fields.count))
        return finish(conn, "the request", "could not be forwarded: no memory");
    return DID_MOVE;
}

/* ---- requests ----------------------------------------------------------------------------------- */

/* A request's head is here: who is it, may it, and is there a backend? */
static enum did
on_request(struct conn *conn)
{
    struct http_side *side = conn->http;
    const struct http_request *request = http_request(side->http);
    const struct gw_class *class;
    const char *by;

    side->asked = true;
    side->retries = 0;
    /* What a backend may read as a line's path must not pass under the rules of another class. */
    if (request->path_ambiguous && request->upgrade_websocket && conn->iface->class_count > 1)
        return answer(conn, 400);
    if (!live_follow(conn))
        return answer(conn, 403);
    class = classify_path(conn->iface, request->path, request->upgrade_websocket, &by);
    if (request->upgrade_websocket && class == gw_other(conn->iface) &&
            classify_path_near(conn->iface, request->path))
        return answer(conn, 400);
    if (!conn_admit(conn, class, by, NULL))
        return answer(conn, 403);
    conn->class = class;
    conn->class_by = by;
    /* RFC 9110 section 15.5.20: it may be asked again over another connection. */
    if (conn_lacks_chain(conn))
        return answer(conn, 421);
    /* A PROXY header speaks of the whole connection: what is no more true needs another one. */
    if (side->said_verified && !conn_admission(conn)->verdict.chain_passed)
        socket_close(&conn->backend);
    if (conn->backend.fd < 0) {
        side->forward = true;
        conn->after_dial = &step_http;
        return leave(conn, &step_dial);
    }
    if (!conn_record_admission(conn))
        return answer(conn, 503);
    return forward(conn);
}

static bool
hold(struct http_side *side, const uint8_t *data, size_t len)
{
    if (data != side->held) {
        uint8_t *copy = len != 0 ? malloc(len) : NULL;

        if (len != 0 && copy == NULL)
            return false;
        if (len != 0)
            memcpy(copy, data, len);
        free(side->held);
        side->held = copy;
    }
    side->held_len = len;
    return true;
}

/* Gives the conversation bytes of the peer; what it does not take now is held. */
static enum did
feed(struct conn *conn, const uint8_t *data, size_t len)
{
    struct http_side *side = conn->http;
    enum did did = DID_MOVE;
    size_t used;

    while (len != 0 && did == DID_MOVE && !side->waiting && !side->ending && !side->tunnel &&
            http_to_backend(side->http)->len < GW_HTTP_OUTPUT_MARK) {
        enum http_result result = http_take_peer(side->http, data, len, &used);

        data += used;
        len -= used;
        if (result == HTTP_REQUEST)
            did = on_request(conn);
        else if (result == HTTP_WAIT)
            side->waiting = true;
        else if (result == HTTP_BAD)
            did = answer(conn, http_status(side->http));
        else if (result == HTTP_END)
            side->ending = true;
        else if (result == HTTP_TUNNEL)
            side->tunnel = true;
    }
    if (!hold(side, data, len))
        return finish(conn, "the peer", "sent bytes that could not be held: no memory");
    if (len == 0) {
        free(side->held);
        side->held = NULL;
    }
    return did;
}

/*
 * The peer sends no more. That takes nothing from the request that it has sent whole (TLS 1.3 lets one
 * side end alone, RFC 8446 section 6.1), nor from an answer on its way.
 */
static enum did
peer_over(struct conn *conn)
{
    struct http_side *side = conn->http;
    size_t used;

    side->waiting = http_take_peer(side->http, NULL, 0, &used) == HTTP_WAIT;
    if (side->waiting || http_to_peer(side->http)->len != 0)
        return DID_NOTHING;
    return finish(conn, "the peer", "closed the connection");
}

static enum did
read_peer(struct conn *conn)
{
    struct http_side *side = conn->http;
    enum flow flow;
    enum did did;
    uint8_t *held;
    size_t len;

    if (side->waiting || side->ending || side->tunnel ||
            http_to_backend(side->http)->len >= GW_HTTP_OUTPUT_MARK)
        return DID_NOTHING;
    if (side->held != NULL) {
        held = side->held;
        len = side->held_len;
        side->held = NULL;
        did = feed(conn, held, len);
        free(held);
        return did;
    }
    if (side->peer_ended)
        return peer_over(conn);
    flow = stream_read(&side->peer, conn->worker->scratch, GW_RELAY_BYTES, &len);
    if (flow == FLOW_BROKEN)
        return finish(conn, "the peer", side->peer.why);
    side->peer_ended = flow == FLOW_ENDED;
    if (len == 0)
        return side->peer_ended ? peer_over(conn) : DID_NOTHING;
    conn->relay.up.bytes += len;
    return feed(conn, conn->worker->scratch, len);
}

/* ---- responses ---------------------------------------------------------------------------------- */

/* The backend's connection broke: once more over a new one where that is harmless, else it is told. */
static enum did
backend_gone(struct conn *conn)
{
    struct http_side *side = conn->http;

    socket_close(&conn->backend);
    /* Without a class, for that is no longer configured, nothing says what a backend is to be told. */
    if (conn->class != NULL && side->retries++ < MAX_RETRIES && http_again(side->http)) {
        side->forward = true;
        conn->after_dial = &step_http;
        return leave(conn, &step_dial);
    }
    conn_log_end(conn, "the backend", http_why(side->http));
    conn->cut = http_begun(side->http);
    return answer(conn, 502);
}

static enum did
on_response(struct conn *conn, enum http_result result, const uint8_t *rest, size_t len)
{
    struct http_side *side = conn->http;

    switch (result) {
    case HTTP_DONE:
        side->waiting = false;
        if (len != 0)
            socket_close(&conn->backend); /* it speaks without being asked */
        break;
    case HTTP_CLOSE:
        side->waiting = false;
        socket_close(&conn->backend);
        break;
    case HTTP_END:
        side->ending = true;
        break;
    case HTTP_TUNNEL:
        side->tunnel = true;
        side->early = len != 0 ? malloc(len) : NULL;
        if (len != 0 && side->early == NULL)
            return finish(conn, "the backend", "sent bytes that could not be held: no memory");
        if (len != 0)
            memcpy(side->early, rest, len);
        side->early_len = len;
        break;
    case HTTP_BAD:
        return backend_gone(conn);
    case HTTP_MORE:
    case HTTP_WAIT:
    case HTTP_REQUEST:
        break;
    }
    return DID_MOVE;
}

static enum did
read_backend(struct conn *conn)
{
    struct http_side *side = conn->http;
    size_t len, used = 0;
    enum http_result result;
    enum flow flow;

    if (conn->backend.fd < 0 || side->ending || side->tunnel ||
            http_to_peer(side->http)->len >= GW_HTTP_OUTPUT_MARK)
        return DID_NOTHING;
    flow = stream_read(&side->backend, conn->worker->scratch, GW_RELAY_BYTES, &len);
    if (len != 0) {
        conn->relay.down.bytes += len;
        result = http_take_backend(side->http, conn->worker->scratch, len, &used);
        return on_response(conn, result, conn->worker->scratch + used, len - used);
    }
    if (flow != FLOW_ENDED && flow != FLOW_BROKEN)
        return DID_NOTHING;
    if (http_idle(side->http) || http_request(side->http) == NULL) {
        socket_close(&conn->backend); /* a kept connection: the next request gets a new one */
        return DID_MOVE;
    }
    result = flow == FLOW_ENDED ? http_end_backend(side->http) : http_break_backend(side->http);
    if (result != HTTP_BAD)
        socket_close(&conn->backend);
    return on_response(conn, result, NULL, 0);
}

/* ---- output ------------------------------------------------------------------------------------- */

/* A backend that takes no more may have answered all the same: reading it tells. */
static enum did
write_backend(struct conn *conn)
{
    struct http_side *side = conn->http;
    struct cg_buf *output = http_to_backend(side->http);
    size_t sent;

    if (output->len == 0 || conn->backend.fd < 0)
        return DID_NOTHING;
    if (stream_write(&side->backend, (const uint8_t *)output->data, output->len, &sent) ==
            FLOW_BROKEN)
        sent = output->len;
    cg_buf_drop(output, sent);
    return sent != 0 ? DID_MOVE : DID_NOTHING;
}

static enum did
write_peer(struct conn *conn)
{
    struct http_side *side = conn->http;
    struct cg_buf *output = http_to_peer(side->http);
    size_t sent;

    if (output->len == 0)
        return DID_NOTHING;
    if (stream_write(&side->peer, (const uint8_t *)output->data, output->len, &sent) == FLOW_BROKEN)
        return finish(conn, "the peer", side->peer.why);
    cg_buf_drop(output, sent);
    return sent != 0 ? DID_MOVE : DID_NOTHING;
}

/* Nothing is left to write: the tunnel or the end may begin. */
static enum did
settle(struct conn *conn)
{
    struct http_side *side = conn->http;

    if (http_to_peer(side->http)->len != 0)
        return DID_NOTHING;
    if (side->ending)
        return leave(conn, &step_close);
    if (!side->tunnel || http_to_backend(side->http)->len != 0)
        return DID_NOTHING;
    if (!relay_prepend(&conn->relay.up, side->held, side->held_len) ||
            !relay_prepend(&conn->relay.down, side->early, side->early_len))
        return finish(conn, "the tunnel", "could not begin: no memory");
    http_side_free(side);
    conn->http = NULL;
    conn_set_timer(conn, conn->iface->settings->idle_timeout_ms);
    return leave(conn, &step_relay);
}

/* ---- the step ----------------------------------------------------------------------------------- */

static enum did
turn(struct conn *conn)
{
    static enum did (*const parts[])(
            struct conn * conn) = { write_backend, read_backend, write_peer, settle, read_peer };
    enum did all = DID_NOTHING, did;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        conn->http->backend.fd = conn->backend.fd;
        did = parts[i](conn);
        if (did == DID_LEAVE)
            return did;
        if (did == DID_MOVE)
            all = did;
    }
    return all;
}

/* A head has its own, shorter time: a peer that never finishes one holds the place of others. */
static enum did
watch_time(struct conn *conn)
{
    struct http_side *side = conn->http;
    bool head = http_request(side->http) == NULL && (!side->asked || !http_idle(side->http));

    if (head != side->timing_head) {
        side->timing_head = head;
        conn_set_timer(conn,
                head ? conn->iface->settings->request_timeout_ms
                     : conn->iface->settings->idle_timeout_ms);
    }
    if (!conn->timed_out)
        return DID_NOTHING;
    if (!head)
        return conn_idle_too_long(conn) ? finish(conn, "nobody", "sent a byte for the idle time")
                                        : DID_NOTHING;
    if (!conn->recorded) {
        conn_record_refusal(conn, CG_REASON_HANDSHAKE_TIMEOUT, "no whole request came in time");
        return leave(conn, &step_close);
    }
    return finish(conn, "the peer", "did not finish a request in time");
}

static bool
begin(struct conn *conn)
{
    conn->http = side_new();
    if (conn->http == NULL)
        return false;
    conn->http->peer =
            (struct stream) { .ssl = conn->ssl, .fd = conn->peer.fd, .dry = &conn->peer.dry };
    conn->http->backend.dry = &conn->backend.dry;
    conn->http->timing_head = true;
    conn_set_timer(conn, conn->iface->settings->request_timeout_ms);
    return true;
}

/* Back from step dial with a backend, a PROXY header for it before anything else, or without one. */
static enum did
after_dial(struct conn *conn)
{
    struct http_side *side = conn->http;
    struct relay_way *up = &conn->relay.up;

    if (up->waiting != NULL) {
        cg_buf_add_bytes(http_to_backend(side->http), up->waiting, up->len);
        relay_release(&conn->relay);
    }
    side->timing_head = true; /* the step before has set the timer */
    side->said_verified = conn->iface->settings->proxy == SNAPSHOT_PROXY_V2 &&
            conn_admission(conn)->verdict.chain_passed;
    return conn->backend.fd < 0 ? answer(conn, 503) : forward(conn);
}

enum step_result
do_http(struct conn *conn)
{
    struct http_side *side;
    enum did did = DID_MOVE;

    if (conn->http == NULL && !begin(conn))
        return conn_refuse(conn, CG_REASON_INTERNAL_ERROR, "no memory for HTTP");
    side = conn->http;
    side->peer.events = side->backend.events = 0;
    if (side->forward && after_dial(conn) == DID_LEAVE)
        return STEP_NEXT;
    for (int round = 0; round < GW_RELAY_ROUNDS && did == DID_MOVE; round++) {
        side->peer.events = side->backend.events = 0;
        did = turn(conn);
        if (did == DID_MOVE)
            conn->active = uv_now(&conn->worker->loop);
    }
    if (did == DID_LEAVE || watch_time(conn) == DID_LEAVE)
        return STEP_NEXT;
    socket_watch(&conn->peer, side->peer.events);
    socket_watch(&conn->backend, side->backend.events);
    if (did == DID_MOVE)
        worker_ready(conn->worker, conn);
    return STEP_WAIT;
}
