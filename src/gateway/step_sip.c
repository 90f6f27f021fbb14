/*
 * Step sip: messages of the peer are read one by one, and each request is put under the rules of the
 * class that its From domain names before it reaches the backend. What the backend sends goes to the
 * peer as it is: a phone's own flow carries requests both ways (RFC 5626).
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/conn.h"
#include "gateway/live.h"
#include "gateway/record.h"
#include "gateway/sip.h"
#include "gateway/worker.h"

struct sip_side {
    struct relay_io io; /* both streams */
    uint8_t *in; /* GW_SIP_INPUT bytes of the peer, not yet passed on; NULL mostly */
    size_t in_len;
    size_t body_left; /* octets of the current message's body that are still to come */
    struct cg_buf to_backend;
    struct cg_buf to_peer; /* our own answer */
    bool asked; /* a request has been admitted */
    bool peer_ended;
    bool dialling; /* the request at the front of the input waits for the backend */
    bool ending; /* once the answer is written, the connection ends */
    bool timing_head; /* the timer is for a message's head */
};

void
sip_side_free(struct sip_side *side)
{
    if (side == NULL)
        return;
    cg_buf_release(&side->to_backend);
    cg_buf_release(&side->to_peer);
    free(side->in);
    free(side);
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
    char detail[160];

    if (conn->recorded)
        conn_log_end(conn, who, why);
    snprintf(detail, sizeof(detail), "%s %s before a request told what it is", who, why);
    conn_record_end(conn, CG_REASON_CLASS_UNKNOWN, detail);
    return leave(conn, &step_close);
}

static void
drop_input(struct sip_side *side, size_t len)
{
    side->in_len -= len;
    if (side->in_len != 0) {
        memmove(side->in, side->in + len, side->in_len);
    } else {
        free(side->in);
        side->in = NULL;
    }
}

/* Answers the request whose head is at the front of the input, where the interface is set to. */
static enum did
answer(struct conn *conn, size_t head_len, unsigned status, const char *phrase)
{
    struct sip_side *side = conn->sip;
    char incident[INCIDENT_TEXT_SIZE];

    incident_text(conn->handshake.incident, incident);
    side->ending = true;
    if (conn->iface->settings->answer &&
            sip_answer(side->in, head_len, status, phrase, incident, &side->to_peer))
        return DID_MOVE;
    return leave(conn, &step_close);
}

/* ---- messages of the peer ----------------------------------------------------------------------- */

/*
 * RFC 5923 section 4: an alias lets others reuse the connection for requests to what the Via names, so
 * it is for peers that proved who they are. From all others the parameter is cut out.
 */
static void
pass_head(struct conn *conn, const struct sip_head *head)
{
    struct sip_side *side = conn->sip;
    /* A connection may be left although its trunk is no longer configured: no class, no alias. */
    bool mutual = conn->class != NULL && conn->class->settings != NULL &&
            conn->handshake.received.count != 0;
    size_t cut = mutual ? 0 : head->alias_len;
    size_t until = cut != 0 ? head->alias_at : head->head_len;

    cg_buf_add_bytes(&side->to_backend, side->in, until);
    cg_buf_add_bytes(&side->to_backend, side->in + until + cut, head->head_len - until - cut);
    side->body_left = head->body_len;
    drop_input(side, head->head_len);
}

/*
 * Whose request it is. A trunk of which every request is judged stays one whatever it says next: with the name
 * of nobody's domain it would else go on under the rules of phones.
 */
static const struct gw_class *
classify(const struct conn *conn, const struct sip_head *head, const char **by)
{
    const struct gw_class *class =
            classify_from_domain(conn->iface, head->from_domain, class_by_source(&conn->guess), by);

    if ((class != NULL && class->settings != NULL) || conn->class == NULL ||
            conn->class->settings == NULL || !conn->class->settings->every_request)
        return class;
    *by = conn->class_by;
    return conn->class;
}

/* Who says this, and may it? */
static enum did
on_request(struct conn *conn, const struct sip_head *head)
{
    const struct gw_class *class;
    const char *by;

    if (!live_follow(conn))
        return answer(conn, head->head_len, 403, "Forbidden");
    class = classify(conn, head, &by);
    if (class == NULL) {
        conn_record_refusal(conn, CG_REASON_CLASS_UNKNOWN,
                "neither the source address nor the From domain is a trunk's");
        return answer(conn, head->head_len, 403, "Forbidden");
    }
    if (!conn_admit(conn, class, by, head->from_domain[0] != '\0' ? head->from_domain : NULL))
        return answer(conn, head->head_len, 403, "Forbidden");
    conn->class = class;
    conn->class_by = by;
    if (conn->backend.fd < 0) {
        conn->sip->dialling = true; /* and then this head once more */
        return leave(conn, &step_dial);
    }
    if (!conn_record_admission(conn))
        return answer(conn, head->head_len, 503, "Service Unavailable");
    conn->sip->asked = true;
    pass_head(conn, head);
    return DID_MOVE;
}

static enum did
on_head(struct conn *conn, const struct sip_head *head)
{
    if (head->request)
        return on_request(conn, head);
    if (!conn->sip->asked)
        return finish(conn, "the peer", "sent a response that nobody waits for");
    pass_head(conn, head);
    return DID_MOVE;
}

/* One thing at the front of the input: a piece of a body, a keep-alive, a head. */
static enum did
consume(struct conn *conn)
{
    struct sip_side *side = conn->sip;
    const char *why = "sent something that is not SIP";
    struct sip_head head;
    size_t used = 0;

    if (side->in_len == 0 || side->ending || side->to_backend.len >= GW_SIP_OUTPUT_MARK)
        return DID_NOTHING;
    if (side->body_left != 0) {
        used = side->body_left < side->in_len ? side->body_left : side->in_len;
        cg_buf_add_bytes(&side->to_backend, side->in, used);
        side->body_left -= used;
        drop_input(side, used);
        return DID_MOVE;
    }
    switch (sip_read(side->in, side->in_len, &used, &head, &why)) {
    case SIP_MORE:
        return DID_NOTHING;
    case SIP_KEEPALIVE:
        /* Before there is a backend the pong is ours to send (RFC 5626 section 3.5.1). */
        if (side->asked)
            cg_buf_add_bytes(&side->to_backend, side->in, used);
        else if (used >= 4)
            cg_buf_add(&side->to_peer, "\r\n");
        drop_input(side, used);
        return DID_MOVE;
    case SIP_HEAD:
        return on_head(conn, &head);
    case SIP_BAD:
        break;
    }
    return finish(conn, "the peer", why);
}

static enum did
consume_all(struct conn *conn)
{
    enum did all = DID_NOTHING, did;

    while ((did = consume(conn)) == DID_MOVE)
        all = did;
    return did == DID_LEAVE ? did : all;
}

static enum did
read_peer(struct conn *conn)
{
    struct sip_side *side = conn->sip;
    enum flow flow;
    size_t len;

    if (side->ending || side->peer_ended || side->in_len == GW_SIP_INPUT ||
            side->to_backend.len >= GW_SIP_OUTPUT_MARK)
        return DID_NOTHING;
    flow = stream_read(&side->io.peer, conn->worker->scratch, GW_SIP_INPUT - side->in_len, &len);
    if (flow == FLOW_BROKEN)
        return finish(conn, "the peer", side->io.peer.why);
    side->peer_ended = flow == FLOW_ENDED;
    if (len == 0)
        return side->peer_ended ? DID_MOVE : DID_NOTHING;
    if (side->in == NULL)
        side->in = malloc(GW_SIP_INPUT);
    if (side->in == NULL)
        return finish(conn, "the peer", "sent bytes that could not be held: no memory");
    memcpy(side->in + side->in_len, conn->worker->scratch, len);
    side->in_len += len;
    conn->relay.up.bytes += len;
    return DID_MOVE;
}

/* ---- the other way, and output ------------------------------------------------------------------- */

static enum did
write_backend(struct conn *conn)
{
    struct sip_side *side = conn->sip;
    size_t sent;

    if (side->to_backend.failed)
        return finish(conn, "the backend", "could not be sent bytes: no memory");
    if (side->to_backend.len == 0 || conn->backend.fd < 0)
        return DID_NOTHING;
    if (stream_write(&side->io.backend, (const uint8_t *)side->to_backend.data,
                side->to_backend.len, &sent) == FLOW_BROKEN)
        return finish(conn, "the backend", side->io.backend.why);
    cg_buf_drop(&side->to_backend, sent);
    return sent != 0 ? DID_MOVE : DID_NOTHING;
}

static enum did
write_peer(struct conn *conn)
{
    struct sip_side *side = conn->sip;
    size_t sent;

    /* libssl may hold a part of what waits: nothing of ours may come before the rest. */
    if (conn->relay.down.waiting != NULL)
        return DID_NOTHING;
    if (side->to_peer.len == 0)
        return side->ending ? leave(conn, &step_close) : DID_NOTHING;
    if (stream_write(&side->io.peer, (const uint8_t *)side->to_peer.data, side->to_peer.len,
                &sent) == FLOW_BROKEN)
        return finish(conn, "the peer", side->io.peer.why);
    cg_buf_drop(&side->to_peer, sent);
    return sent != 0 ? DID_MOVE : DID_NOTHING;
}

/* The backend's bytes, until our own answer takes their place. */
static enum did
relay_down(struct conn *conn)
{
    struct sip_side *side = conn->sip;
    struct relay_way *down = &conn->relay.down;
    enum flow flow;

    /* An answer of ours that is begun comes first, and after one that ends the connection comes nothing. */
    if (conn->backend.fd < 0 || (down->waiting == NULL && (side->ending || side->to_peer.len != 0)))
        return DID_NOTHING;
    side->io.moved = false;
    flow = side->ending ? relay_flush(down, &side->io.peer, &side->io)
                        : relay_turn(down, &side->io.backend, &side->io.peer, &side->io);
    switch (flow) {
    case FLOW_BROKEN:
        return finish(conn, side->io.who, side->io.why);
    case FLOW_ENDED:
        return finish(conn, "the backend", "closed the connection");
    case FLOW_MORE:
    case FLOW_WAIT:
        break;
    }
    return side->io.moved ? DID_MOVE : DID_NOTHING;
}

/* The peer has sent all it will: once that is with the backend, the connection is over. */
static enum did
settle(struct conn *conn)
{
    struct sip_side *side = conn->sip;

    if (!side->peer_ended || side->ending || side->to_backend.len != 0)
        return DID_NOTHING;
    return finish(conn, "the peer", "closed the connection");
}

/* ---- the step ------------------------------------------------------------------------------------ */

static enum did
turn(struct conn *conn)
{
    static enum did (*const parts[])(struct conn * conn) = { write_peer, write_backend, relay_down,
        consume_all, read_peer, consume_all, settle };
    enum did all = DID_NOTHING, did;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
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
    struct sip_side *side = conn->sip;
    bool head = side->body_left == 0 && (!side->asked || side->in_len != 0);

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
    if (conn->recorded)
        return finish(conn, "the peer", "did not finish a message in time");
    conn_record_refusal(conn, CG_REASON_HANDSHAKE_TIMEOUT, "no whole request came in time");
    return leave(conn, &step_close);
}

static bool
begin(struct conn *conn)
{
    struct sip_side *side = conn->sip = calloc(1, sizeof(*conn->sip));

    if (side == NULL)
        return false;
    cg_buf_init(&side->to_backend, GW_SIP_OUTPUT_MARK + GW_SIP_INPUT + GW_MAX_PROXY_HEADER * 5);
    cg_buf_init(&side->to_peer, GW_SIP_INPUT);
    side->io.peer =
            (struct stream) { .ssl = conn->ssl, .fd = conn->peer.fd, .dry = &conn->peer.dry };
    side->io.backend.dry = &conn->backend.dry;
    side->io.scratch = conn->worker->scratch;
    side->timing_head = true;
    conn_set_timer(conn, conn->iface->settings->request_timeout_ms);
    return true;
}

/* Back from step dial: the backend's PROXY header comes before anything else. */
static enum did
after_dial(struct conn *conn)
{
    struct sip_side *side = conn->sip;
    struct relay_way *up = &conn->relay.up;
    const char *why = NULL;
    struct sip_head head;
    size_t used;

    side->dialling = false;
    side->io.backend.fd = conn->backend.fd;
    side->timing_head = false; /* the step before has set the timer */
    if (up->waiting != NULL) {
        cg_buf_add_bytes(&side->to_backend, up->waiting, up->len);
        relay_release(&conn->relay);
    }
    if (conn->backend.fd >= 0)
        return DID_MOVE;
    if (sip_read(side->in, side->in_len, &used, &head, &why) != SIP_HEAD)
        return leave(conn, &step_close);
    return answer(conn, head.head_len, 503, "Service Unavailable");
}

enum step_result
do_sip(struct conn *conn)
{
    struct sip_side *side;
    enum did did = DID_MOVE;

    if (conn->sip == NULL && !begin(conn))
        return conn_refuse(conn, CG_REASON_INTERNAL_ERROR, "no memory for SIP");
    side = conn->sip;
    if (side->dialling && after_dial(conn) == DID_LEAVE)
        return STEP_NEXT;
    for (int round = 0; round < GW_RELAY_ROUNDS && did == DID_MOVE; round++) {
        side->io.peer.events = side->io.backend.events = 0;
        did = turn(conn);
        if (did == DID_MOVE)
            conn->active = uv_now(&conn->worker->loop);
    }
    if (did == DID_LEAVE || watch_time(conn) == DID_LEAVE)
        return STEP_NEXT;
    socket_watch(&conn->peer, side->io.peer.events);
    socket_watch(&conn->backend, side->io.backend.events);
    if (did == DID_MOVE)
        worker_ready(conn->worker, conn);
    return STEP_WAIT;
}
