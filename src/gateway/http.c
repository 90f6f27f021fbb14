#include "gateway/http.h"

#include <stdlib.h>

#include "gateway/http_head.h"
#include "gateway/http_parser.h"
#include "gateway/http_target.h"
#include "gateway/http_write.h"

/* Where the peer's side stands. */
enum asking {
    ASK_HEAD, /* the next request's head is read */
    ASK_HELD, /* it is complete and waits for the owner's word */
    ASK_BODY, /* its content goes to the backend */
    ASK_SENT, /* it is complete; its response is out */
    ASK_TUNNEL,
    ASK_OVER, /* no further request is taken */
    ASK_BAD,
};

/* Where the backend's side stands. */
enum answering {
    ANSWER_NONE, /* nothing was asked */
    ANSWER_HEAD, /* a response is waited for */
    ANSWER_BODY, /* its content goes to the peer */
    ANSWER_TUNNEL,
    ANSWER_OVER,
    ANSWER_BAD,
};

/* One direction's message. */
struct message {
    struct http_head *head; /* NULL: nothing of it has come */
    struct http_parser *parser; /* kept from one message to the next */
    enum http_framing framing; /* of its body */
    uint64_t left; /* HTTP_BODY_LENGTH */
    struct http_sink sink;
};

struct http {
    enum asking asking;
    enum answering answering;
    struct message request;
    struct message response;
    struct http_target target;
    struct http_request seen; /* what the owner sees */
    struct cg_buf path; /* seen.path */
    struct cg_buf to_backend;
    struct cg_buf to_peer;
    struct http_fault fault;
    unsigned interims;
    bool heard; /* something of the response has come */
    bool answered; /* a final status was passed on: none of ours can follow */
    bool close_peer; /* the peer knows that its connection closes after this response */
    bool close_backend;
    bool again; /* the request that failed may be sent once more */
};

/* ---- life -------------------------------------------------------------------------------------- */

struct http *
http_new(void)
{
    struct http *http = calloc(1, sizeof(*http));

    if (http == NULL)
        return NULL;
    cg_buf_init(&http->path, GW_MAX_REQUEST_TARGET + 1);
    cg_buf_init(&http->to_backend, GW_MAX_HTTP_OUTPUT);
    cg_buf_init(&http->to_peer, GW_MAX_HTTP_OUTPUT);
    return http;
}

static void
message_release(struct message *message)
{
    http_head_free(message->head);
    message->head = NULL;
    message->framing = HTTP_BODY_NONE;
}

void
http_free(struct http *http)
{
    if (http == NULL)
        return;
    message_release(&http->request);
    message_release(&http->response);
    http_parser_free(http->request.parser);
    http_parser_free(http->response.parser);
    cg_buf_release(&http->path);
    cg_buf_release(&http->to_backend);
    cg_buf_release(&http->to_peer);
    free(http);
}

static enum http_result
fail(struct http *http, struct http_fault fault)
{
    http->fault = fault;
    http->asking = ASK_BAD;
    http->answering = ANSWER_BAD;
    return HTTP_BAD;
}

static enum http_result
fail_with(struct http *http, unsigned status, const char *why)
{
    return fail(http, (struct http_fault) { .status = status, .why = why });
}

/* The output is bounded, so memory is all that can fail it while the owner keeps to its mark. */
static enum http_result
checked(struct http *http, enum http_result result)
{
    if (http->to_backend.failed || http->to_peer.failed || http->path.failed)
        return fail_with(http, 500, "no room for output");
    return result;
}

/* ---- heads and bodies, both ways --------------------------------------------------------------- */

static enum http_head_result
take_head(struct http *http, struct message *message, enum http_head_kind kind, const uint8_t *data,
        size_t len, size_t *used)
{
    enum http_head_result result;

    *used = 0;
    if (len == 0)
        return HTTP_HEAD_MORE;
    if (message->head == NULL)
        message->head = http_head_new(kind);
    if (message->parser == NULL)
        message->parser = http_parser_new();
    if (message->head == NULL || message->parser == NULL) {
        http->fault = (struct http_fault) { 500, "no memory for a head" };
        return HTTP_HEAD_BAD;
    }
    result = http_head_take(message->head, data, len, used);
    if (result == HTTP_HEAD_BAD)
        http->fault = message->head->fault;
    return result;
}

/* True when the body has ended; with *bad it is malformed. */
static bool
take_body(struct http *http, struct message *message, const uint8_t *data, size_t len, size_t *used,
        bool *bad)
{
    enum http_chunks chunks;

    *bad = false;
    *used = len;
    switch (message->framing) {
    case HTTP_BODY_NONE:
        *used = 0;
        return true;
    case HTTP_BODY_CLOSE:
        http_sink_put(&message->sink, data, len);
        return false;
    case HTTP_BODY_LENGTH:
        if (len > message->left)
            *used = (size_t)message->left;
        http_sink_put(&message->sink, data, *used);
        message->left -= *used;
        return message->left == 0;
    case HTTP_BODY_CHUNKED:
        break;
    }
    chunks = http_parser_chunks(message->parser, data, len, used, &message->sink, &http->fault);
    *bad = chunks == HTTP_CHUNKS_BAD;
    return chunks == HTTP_CHUNKS_END;
}

/* ---- the peer's side --------------------------------------------------------------------------- */

/* RFC 9112 section 9.3. */
static bool
persists(const struct http_head *head)
{
    if (http_head_option(head, cg_span("close", 5)))
        return false;
    return head->minor > 0 || http_head_option(head, cg_span("keep-alive", 10));
}

/*
 * RFC 6455 section 4.1, and no body: what follows the head on the wire is then nothing but the
 * tunnel's, however a backend answers.
 */
static bool
wants_websocket(const struct http_head *head)
{
    return head->minor > 0 && CG_SPAN_IS(head->method, "GET") && head->framing == HTTP_BODY_NONE &&
            http_head_option(head, cg_span("upgrade", 7)) &&
            http_head_lists(head, "Upgrade", "websocket");
}

/* Methods that open a tunnel or send back what they got, with all that proxies added to it. */
static bool
is_unserved(struct cg_span method)
{
    return CG_SPAN_IS(method, "CONNECT") || CG_SPAN_IS(method, "TRACE");
}

static enum http_result
read_request(struct http *http)
{
    const struct http_head *head = http->request.head;
    struct http_request *seen = &http->seen;
    struct http_fault fault;

    if (is_unserved(head->method))
        return fail_with(http, 501, "a method that is not served");
    if (!http_target_read(head, &http->target, &fault) ||
            !http_parser_agrees(http->request.parser, head, &fault))
        return fail(http, fault);
    *seen = (struct http_request) {
        .method = head->method,
        .target = head->target,
        .host = http->target.authority,
        .upgrade_websocket = wants_websocket(head),
        .keep_alive = persists(head),
    };
    http_target_path(&http->target, &http->path, &seen->path_ambiguous);
    seen->path = cg_span(http->path.data, http->path.len);
    http->asking = ASK_HELD;
    return HTTP_REQUEST;
}

static enum http_result
take_request_body(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    bool bad, ended = take_body(http, &http->request, data, len, used, &bad);

    if (bad)
        return fail_with(http, 400, http->fault.why);
    if (!ended)
        return HTTP_MORE;
    http_sink_end(&http->request.sink);
    http->asking = ASK_SENT;
    return HTTP_WAIT;
}

enum http_result
http_take_peer(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    *used = 0;
    switch (http->asking) {
    case ASK_HEAD:
        switch (take_head(http, &http->request, HTTP_HEAD_REQUEST, data, len, used)) {
        case HTTP_HEAD_MORE:
            return HTTP_MORE;
        case HTTP_HEAD_DONE:
            return checked(http, read_request(http));
        case HTTP_HEAD_BAD:
            return fail(http, http->fault);
        }
        break;
    case ASK_BODY:
        return checked(http, take_request_body(http, data, len, used));
    case ASK_HELD:
        return HTTP_REQUEST;
    case ASK_SENT:
        return HTTP_WAIT;
    case ASK_TUNNEL:
        return HTTP_TUNNEL;
    case ASK_OVER:
        return HTTP_END;
    case ASK_BAD:
        break;
    }
    return HTTP_BAD;
}

const struct http_request *
http_request(const struct http *http)
{
    return http->asking == ASK_HEAD || http->seen.method.len == 0 ? NULL : &http->seen;
}

bool
http_forward(struct http *http, const struct http_field *fields, size_t count)
{
    const struct http_head *head = http->request.head;
    struct message *request = &http->request;

    if (http->asking != ASK_HELD)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!http_field_is_sound(&fields[i]))
            return false;
    http_write_request(
            &http->to_backend, head, &http->target, http->seen.upgrade_websocket, fields, count);
    request->framing = head->framing;
    request->left = head->length;
    request->sink = (struct http_sink) {
        .out = &http->to_backend,
        .chunked = head->framing == HTTP_BODY_CHUNKED,
    };
    http->asking = head->framing == HTTP_BODY_CHUNKED || head->length > 0 ? ASK_BODY : ASK_SENT;
    http->answering = ANSWER_HEAD;
    return checked(http, HTTP_MORE) != HTTP_BAD;
}

/* ---- the backend's side ------------------------------------------------------------------------ */

/* The response has ended: the next request, or the end. */
static enum http_result
finish(struct http *http)
{
    http_sink_end(&http->response.sink);
    message_release(&http->response);
    if (http->close_peer) {
        http->asking = ASK_OVER;
        http->answering = ANSWER_OVER;
        return HTTP_END;
    }
    /* What is left of this request must not become the beginning of the next, on this connection or another. */
    http->close_backend = http->close_backend || http->to_backend.len != 0;
    cg_buf_release(&http->to_backend);
    message_release(&http->request);
    cg_buf_release(&http->path); /* between requests a connection holds little */
    http->seen = (struct http_request) { 0 };
    http->asking = ASK_HEAD;
    http->answering = ANSWER_NONE;
    http->interims = 0;
    http->heard = false;
    http->answered = false;
    return http->close_backend ? HTTP_CLOSE : HTTP_DONE;
}

/* RFC 9110 section 15.2: passed on as they come, but HTTP/1.0 knows none. */
static enum http_result
pass_interim(struct http *http)
{
    const struct http_head *head = http->response.head;
    struct http_answer answer = { .framing = HTTP_BODY_NONE };

    if (++http->interims > GW_MAX_HTTP_INTERIMS)
        return fail_with(http, 502, "too many interim responses");
    if (http->request.head->minor > 0)
        http_write_response(&http->to_peer, head, &answer);
    message_release(&http->response);
    return HTTP_MORE;
}

/* RFC 9110 section 15.2.2: only to what was asked for. */
static enum http_result
pass_upgrade(struct http *http)
{
    const struct http_head *head = http->response.head;
    struct http_answer answer = { .framing = HTTP_BODY_NONE, .upgrade = true };

    if (!http->seen.upgrade_websocket)
        return fail_with(http, 502, "an upgrade that was not asked for");
    if (!http_head_option(head, cg_span("upgrade", 7)) ||
            !http_head_lists(head, "Upgrade", "websocket"))
        return fail_with(http, 502, "an upgrade to something else");
    http_write_response(&http->to_peer, head, &answer);
    http->answered = true;
    http->asking = ASK_TUNNEL;
    http->answering = ANSWER_TUNNEL;
    return HTTP_TUNNEL;
}

/* A response that a body cannot follow (RFC 9112 section 6.3); 1xx among them. */
static bool
is_bodiless(const struct http *http, unsigned status)
{
    return status < 200 || status == 204 || status == 304 || CG_SPAN_IS(http->seen.method, "HEAD");
}

/*
 * Decides how the body goes to the peer and whether the peer's connection lasts. It does not where the
 * request is still coming: the backend may never read the rest (RFC 9112 section 9.3).
 */
static enum http_result
pass_final(struct http *http)
{
    struct message *response = &http->response;
    const struct http_head *head = response->head;
    bool old = http->request.head->minor == 0;
    bool bodiless = is_bodiless(http, head->status);
    struct http_answer answer = { .framing = HTTP_BODY_NONE };

    response->framing = bodiless ? HTTP_BODY_NONE : head->framing;
    response->left = head->length;
    response->sink = (struct http_sink) { .out = &http->to_peer };
    if (head->framing == HTTP_BODY_LENGTH && head->status != 204)
        answer.framing = HTTP_BODY_LENGTH;
    else if (!bodiless && !old)
        answer.framing = HTTP_BODY_CHUNKED;
    response->sink.chunked = answer.framing == HTTP_BODY_CHUNKED;

    /* without a Host it was asked in HTTP/1.0: see http_write_request() */
    http->close_backend = !persists(head) || response->framing == HTTP_BODY_CLOSE ||
            http->target.authority.len == 0;
    http->close_peer = !http->seen.keep_alive || http->asking != ASK_SENT ||
            (!bodiless && answer.framing == HTTP_BODY_NONE);
    answer.connection = http->close_peer ? "close" : old ? "keep-alive" : NULL;
    http_write_response(&http->to_peer, head, &answer);
    http->answered = true;
    http->answering = ANSWER_BODY;
    if (response->framing == HTTP_BODY_NONE ||
            (response->framing == HTTP_BODY_LENGTH && response->left == 0))
        return finish(http);
    return HTTP_MORE;
}

static enum http_result
read_response(struct http *http)
{
    struct message *response = &http->response;
    const struct http_head *head = response->head;
    struct http_fault fault;

    if (!http_parser_agrees(response->parser, head, &fault))
        return fail(http, fault);
    /* RFC 9112 section 6.1, RFC 9110 section 8.6: a length there promises a body that cannot come */
    if ((head->status < 200 || head->status == 204) &&
            (head->framing == HTTP_BODY_CHUNKED || head->length > 0))
        return fail_with(http, 502, "a body where the status allows none");
    if (head->status == 101)
        return pass_upgrade(http);
    if (head->status < 200)
        return pass_interim(http);
    return pass_final(http);
}

static enum http_result
take_response_head(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    switch (take_head(http, &http->response, HTTP_HEAD_RESPONSE, data, len, used)) {
    case HTTP_HEAD_MORE:
        return HTTP_MORE;
    case HTTP_HEAD_DONE:
        return read_response(http);
    case HTTP_HEAD_BAD:
        break;
    }
    return fail(http, http->fault);
}

static enum http_result
take_response_body(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    bool bad, ended = take_body(http, &http->response, data, len, used, &bad);

    if (bad)
        return fail_with(http, 502, http->fault.why);
    return ended ? finish(http) : HTTP_MORE;
}

/* Where the backend's side stands, before any byte is looked at. */
static enum http_result
standing(const struct http *http)
{
    switch (http->answering) {
    case ANSWER_NONE:
        return HTTP_CLOSE;
    case ANSWER_HEAD:
    case ANSWER_BODY:
        return HTTP_MORE;
    case ANSWER_TUNNEL:
        return HTTP_TUNNEL;
    case ANSWER_OVER:
        return HTTP_END;
    case ANSWER_BAD:
        break;
    }
    return HTTP_BAD;
}

/* What a backend says unasked would be taken for the response to the next request: it is spent. */
enum http_result
http_take_backend(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    enum http_result result = standing(http);
    size_t taken;

    *used = 0;
    while (result == HTTP_MORE && *used < len) {
        http->heard = true;
        result = http->answering == ANSWER_HEAD
                ? take_response_head(http, data + *used, len - *used, &taken)
                : take_response_body(http, data + *used, len - *used, &taken);
        *used += taken;
    }
    if (result == HTTP_DONE && *used < len)
        result = HTTP_CLOSE;
    if (result == HTTP_CLOSE)
        *used = len;
    return checked(http, result);
}

/* RFC 9110 section 9.2.2, and of those only the safe ones: the backend may have acted already. */
static bool
is_safe(struct cg_span method)
{
    return CG_SPAN_IS(method, "GET") || CG_SPAN_IS(method, "HEAD") || CG_SPAN_IS(method, "OPTIONS");
}

static enum http_result
end_backend(struct http *http, bool in_order)
{
    bool again = http->answering == ANSWER_HEAD && !http->heard && http->asking == ASK_SENT &&
            http->request.framing == HTTP_BODY_NONE && is_safe(http->seen.method);
    enum http_result result = standing(http);

    if (result != HTTP_MORE)
        return result;
    if (in_order && http->answering == ANSWER_BODY && http->response.framing == HTTP_BODY_CLOSE)
        return checked(http, finish(http));
    http->again = again;
    return fail_with(http, 502, "the backend closed before its response had ended");
}

enum http_result
http_end_backend(struct http *http)
{
    return end_backend(http, true);
}

enum http_result
http_break_backend(struct http *http)
{
    return end_backend(http, false);
}

bool
http_again(struct http *http)
{
    if (!http->again)
        return false;
    http->again = false;
    http->asking = ASK_HELD;
    http->answering = ANSWER_NONE;
    cg_buf_release(&http->to_backend);
    return true;
}

/* ---- our own answer ---------------------------------------------------------------------------- */

bool
http_refuse(struct http *http, unsigned status, const char *incident)
{
    if (http->answered || http->asking == ASK_TUNNEL || http->asking == ASK_OVER)
        return false;
    for (const char *at = incident; at != NULL && *at != '\0'; at++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789", *at) == NULL)
            return false;
    http_write_refusal(&http->to_peer, status, incident, http->request.head);
    http->answered = true;
    http->again = false;
    http->asking = ASK_OVER;
    http->answering = ANSWER_OVER;
    return checked(http, HTTP_END) == HTTP_END;
}

/* ---- what the owner asks ----------------------------------------------------------------------- */

bool
http_begun(const struct http *http)
{
    return http->answered;
}

bool
http_idle(const struct http *http)
{
    return http->asking == ASK_HEAD && http->request.head == NULL;
}

unsigned
http_status(const struct http *http)
{
    return http->fault.status;
}

const char *
http_why(const struct http *http)
{
    return http->fault.why == NULL ? "" : http->fault.why;
}

struct cg_buf *
http_to_backend(struct http *http)
{
    return &http->to_backend;
}

struct cg_buf *
http_to_peer(struct http *http)
{
    return &http->to_peer;
}

void
http_drop(struct cg_buf *output, size_t len)
{
    if (output->failed)
        return;
    if (len >= output->len) {
        cg_buf_release(output);
        return;
    }
    memmove(output->data, output->data + len, output->len - len);
    output->len -= len;
}
