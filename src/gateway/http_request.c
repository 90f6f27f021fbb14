/* The peer's side of a conversation: requests are read, held for the owner's word, and sent on. */
#include "gateway/http_state.h"
#include "gateway/http_write.h"

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
        return http_fail_with(http, 501, "a method that is not served");
    if (!http_target_read(head, &http->target, &fault) ||
            !http_parser_agrees(http->request.parser, head, &fault))
        return http_fail(http, fault);
    *seen = (struct http_request) {
        .method = head->method,
        .target = head->target,
        .host = http->target.authority,
        .upgrade_websocket = wants_websocket(head),
        .keep_alive = http_persists(head),
    };
    http_target_path(&http->target, &http->path, &seen->path_ambiguous);
    seen->path = cg_span(http->path.data, http->path.len);
    http->asking = ASK_HELD;
    return HTTP_REQUEST;
}

static enum http_result
take_request_body(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    switch (http_message_body(&http->request, data, len, used, &http->fault)) {
    case HTTP_CHUNKS_MORE:
        return HTTP_MORE;
    case HTTP_CHUNKS_END:
        break;
    case HTTP_CHUNKS_BAD:
        return http_fail_with(http, 400, http->fault.why);
    }
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
        switch (http_message_head(
                &http->request, HTTP_HEAD_REQUEST, data, len, used, &http->fault)) {
        case HTTP_HEAD_MORE:
            return HTTP_MORE;
        case HTTP_HEAD_DONE:
            return http_checked(http, read_request(http));
        case HTTP_HEAD_BAD:
            return http_fail(http, http->fault);
        }
        break;
    case ASK_BODY:
        return http_checked(http, take_request_body(http, data, len, used));
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

bool
http_forward(struct http *http, const struct http_field *fields, size_t count)
{
    const struct http_head *head = http->request.head;
    struct http_message *request = &http->request;

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
    http->clean = false;
    return http_checked(http, HTTP_MORE) != HTTP_BAD;
}
