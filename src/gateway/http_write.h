/* Heads as the gateway writes them, and which fields of the others it lets through. */
#ifndef GATEWAY_HTTP_WRITE_H
#define GATEWAY_HTTP_WRITE_H

#include "gateway/http.h"
#include "gateway/http_head.h"
#include "gateway/http_target.h"

/* True when the name and value can stand in a head. */
bool http_field_is_sound(const struct http_field *field);

/* The peer's request for the backend, with the gateway's own fields. */
void http_write_request(struct cg_buf *out, const struct http_head *head,
        const struct http_target *target, bool upgrade, const struct http_field *fields,
        size_t count);

/* What becomes of a response towards the peer. */
struct http_answer {
    enum http_framing framing; /* HTTP_BODY_LENGTH: of the response, also where no body follows */
    const char *connection; /* a Connection field's value, or NULL */
    bool upgrade; /* 101 */
};

void http_write_response(
        struct cg_buf *out, const struct http_head *head, const struct http_answer *answer);

/* A response of our own. request: the head it answers, as far as it was read, or NULL. */
void http_write_refusal(
        struct cg_buf *out, unsigned status, const char *incident, const struct http_head *request);

#endif
