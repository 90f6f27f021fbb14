#include "gateway/http_state.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http_write.h"

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

void
http_free(struct http *http)
{
    if (http == NULL)
        return;
    http_message_release(&http->request);
    http_message_release(&http->response);
    http_parser_free(http->request.parser);
    http_parser_free(http->response.parser);
    cg_buf_release(&http->path);
    cg_buf_release(&http->to_backend);
    cg_buf_release(&http->to_peer);
    free(http);
}

/* ---- for both sides ----------------------------------------------------------------------------- */

enum http_result
http_fail(struct http *http, struct http_fault fault)
{
    http->fault = fault;
    http->asking = ASK_BAD;
    http->answering = ANSWER_BAD;
    return HTTP_BAD;
}

enum http_result
http_fail_with(struct http *http, unsigned status, const char *why)
{
    return http_fail(http, (struct http_fault) { .status = status, .why = why });
}

enum http_result
http_checked(struct http *http, enum http_result result)
{
    if (http->to_backend.failed || http->to_peer.failed || http->path.failed)
        return http_fail_with(http, 500, "no room for output");
    return result;
}

bool
http_persists(const struct http_head *head)
{
    if (http_head_option(head, cg_span("close", 5)))
        return false;
    return head->minor > 0 || http_head_option(head, cg_span("keep-alive", 10));
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
    return http_checked(http, HTTP_END) == HTTP_END;
}

/* ---- what the owner asks ----------------------------------------------------------------------- */

const struct http_request *
http_request(const struct http *http)
{
    return http->asking == ASK_HEAD || http->seen.method.len == 0 ? NULL : &http->seen;
}

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
