/* The backend's side of a conversation: responses are read and passed on. */
#include "gateway/http_state.h"
#include "gateway/http_write.h"

/* The response has ended: the next request, or the end. */
static enum http_result
finish(struct http *http)
{
    http_sink_end(&http->response.sink);
    http_message_release(&http->response);
    /* What is left of this request must not become the beginning of the next, on this connection or another. */
    http->close_backend =
            http->close_backend || http->asking != ASK_SENT || http->to_backend.len != 0;
    http->clean = !http->close_backend;
    if (http->close_peer) {
        http->asking = ASK_OVER;
        http->answering = ANSWER_OVER;
        return HTTP_END;
    }
    cg_buf_release(&http->to_backend);
    http_message_release(&http->request);
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
        return http_fail_with(http, 502, "too many interim responses");
    if (http->request.head->minor > 0)
        http_write_response(&http->to_peer, head, &answer);
    http_message_release(&http->response);
    return HTTP_MORE;
}

/* RFC 9110 section 15.2.2: only to what was asked for. */
static enum http_result
pass_upgrade(struct http *http)
{
    const struct http_head *head = http->response.head;
    struct http_answer answer = { .framing = HTTP_BODY_NONE, .upgrade = true };

    if (!http->seen.upgrade_websocket)
        return http_fail_with(http, 502, "an upgrade that was not asked for");
    if (!http_head_option(head, cg_span("upgrade", 7)) ||
            !http_head_lists(head, "Upgrade", "websocket"))
        return http_fail_with(http, 502, "an upgrade to something else");
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
    struct http_message *response = &http->response;
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
    http->close_backend = !http_persists(head) || response->framing == HTTP_BODY_CLOSE ||
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
    struct http_message *response = &http->response;
    const struct http_head *head = response->head;
    struct http_fault fault;

    if (!http_parser_agrees(response->parser, head, &fault))
        return http_fail(http, fault);
    /* RFC 9112 section 6.1, RFC 9110 section 8.6: a length there promises a body that cannot come */
    if ((head->status < 200 || head->status == 204) &&
            (head->framing == HTTP_BODY_CHUNKED || head->length > 0))
        return http_fail_with(http, 502, "a body where the status allows none");
    if (head->status == 101)
        return pass_upgrade(http);
    if (head->status < 200)
        return pass_interim(http);
    return pass_final(http);
}

static enum http_result
take_response_head(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    switch (http_message_head(&http->response, HTTP_HEAD_RESPONSE, data, len, used, &http->fault)) {
    case HTTP_HEAD_MORE:
        return HTTP_MORE;
    case HTTP_HEAD_DONE:
        return read_response(http);
    case HTTP_HEAD_BAD:
        break;
    }
    return http_fail(http, http->fault);
}

static enum http_result
take_response_body(struct http *http, const uint8_t *data, size_t len, size_t *used)
{
    switch (http_message_body(&http->response, data, len, used, &http->fault)) {
    case HTTP_CHUNKS_MORE:
        return HTTP_MORE;
    case HTTP_CHUNKS_END:
        return finish(http);
    case HTTP_CHUNKS_BAD:
        break;
    }
    return http_fail_with(http, 502, http->fault.why);
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
    if (*used < len)
        http->clean = false;
    if (result == HTTP_DONE && *used < len)
        result = HTTP_CLOSE;
    if (result == HTTP_CLOSE)
        *used = len;
    return http_checked(http, result);
}

/* RFC 9110 section 9.2.2, and of those only the safe ones: the backend may have acted already. */
static bool
is_safe(struct cg_span method)
{
    return CG_SPAN_IS(method, "GET") || CG_SPAN_IS(method, "HEAD") || CG_SPAN_IS(method, "OPTIONS");
}

bool
http_repeatable(const struct http *http)
{
    enum http_framing framing =
            http->asking == ASK_HELD ? http->request.head->framing : http->request.framing;

    return framing == HTTP_BODY_NONE && is_safe(http->seen.method);
}

bool
http_backend_clean(const struct http *http)
{
    return http->clean;
}

static enum http_result
end_backend(struct http *http, bool in_order)
{
    bool again = http->answering == ANSWER_HEAD && !http->heard && http->asking == ASK_SENT &&
            http_repeatable(http);
    enum http_result result = standing(http);

    if (result != HTTP_MORE)
        return result;
    if (in_order && http->answering == ANSWER_BODY && http->response.framing == HTTP_BODY_CLOSE)
        return http_checked(http, finish(http));
    http->again = again;
    return http_fail_with(http, 502, "the backend closed before its response had ended");
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
