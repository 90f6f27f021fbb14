/*
 * What a conversation knows, shared by its parts: http.c (its life, and what the owner asks),
 * http_request.c (the peer's side) and http_response.c (the backend's side). Nobody else looks in here.
 */
#ifndef GATEWAY_HTTP_STATE_H
#define GATEWAY_HTTP_STATE_H

#include "gateway/http.h"
#include "gateway/http_message.h"
#include "gateway/http_target.h"

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

struct http {
    enum asking asking;
    enum answering answering;
    struct http_message request;
    struct http_message response;
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
    bool clean; /* the last response ended, with its request, and the backend's connection stays */
    bool again; /* the request that failed may be sent once more */
};

/* The conversation is broken: HTTP_BAD. */
enum http_result http_fail(struct http *http, struct http_fault fault);
enum http_result http_fail_with(struct http *http, unsigned status, const char *why);
/* The output is bounded, so memory is all that can fail it while the owner keeps to its mark. */
enum http_result http_checked(struct http *http, enum http_result result);
/* RFC 9112 section 9.3. */
bool http_persists(const struct http_head *head);

#endif
