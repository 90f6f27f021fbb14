/*
 * One HTTP/1.1 conversation between a peer and a backend, as bytes in and bytes out (RFC 9110, RFC 9112).
 * No socket and no clock: the owner moves the bytes, and sets the time for each of them.
 *
 * Requests are carried one after the other: the next is read when the response to the last has ended.
 * Nothing of a request goes on before the owner has seen its head. (docs/protocols/http.md)
 */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "base/buf.h"
#include "base/span.h"

struct http;

enum http_result {
    HTTP_MORE, /* all bytes are used; more are wanted */
    HTTP_REQUEST, /* a request's head is complete: http_forward() or http_refuse() comes next */
    HTTP_WAIT, /* the request is complete, its response is not: no byte is used until it has ended */
    HTTP_DONE, /* backend: the response has ended, both connections may carry another */
    /* backend: there is no response to wait for, this backend connection is spent, and so is its output */
    HTTP_CLOSE,
    HTTP_END, /* nothing more will be said: the peer's connection closes after the output */
    HTTP_TUNNEL, /* 101 went on: from here both directions are opaque, and bytes not used belong to it */
    HTTP_BAD, /* http_status() and http_why() say what is wrong; http_refuse() may answer it */
};

/* Borrowed, until the response to the request has ended. */
struct http_request {
    struct cg_span method;
    struct cg_span target; /* as sent */
    struct cg_span path; /* "*", or decoded and without dot segments: for rules, never forwarded */
    struct cg_span host; /* authority: absolute-form's, else Host; empty for HTTP/1.0 without one */
    bool path_ambiguous; /* a backend may read another path out of it: no rule may rest on it */
    bool upgrade_websocket; /* RFC 6455 section 4.1; forwarded as such */
    bool keep_alive; /* the peer would like to */
};

/* A field that the gateway adds. */
struct http_field {
    const char *name;
    struct cg_span value;
};

/* NULL without memory. */
struct http *http_new(void);
void http_free(struct http *http);

/*
 * Bytes of the peer and of the backend; *used of them are done with. Output grows by about what is
 * used: feed at most GW_RELAY_BYTES at once, and nothing while the output is above GW_HTTP_OUTPUT_MARK.
 */
enum http_result http_take_peer(struct http *http, const uint8_t *data, size_t len, size_t *used);
enum http_result http_take_backend(
        struct http *http, const uint8_t *data, size_t len, size_t *used);
/* The backend sends nothing more: ends a response that ends so, breaks any other. */
enum http_result http_end_backend(struct http *http);
/* Its connection broke off: that ends none in order (RFC 9112 section 8). */
enum http_result http_break_backend(struct http *http);

/* The request that HTTP_REQUEST announced; NULL when there is none. */
const struct http_request *http_request(const struct http *http);
/*
 * Writes the request's head to the backend: without what concerns one connection only (RFC 9110 section
 * 7.6.1) and without every field by which the peer could claim an identity, then with `fields`. False
 * without memory, or when a field is malformed: then the peer is to be closed.
 */
bool http_forward(struct http *http, const struct http_field *fields, size_t count);
/*
 * True when the request of a broken backend connection may be sent over another one: it was safe and
 * without content, and nothing of its response had come. Then http_forward() comes next.
 */
bool http_again(struct http *http);
/*
 * Answers the peer in the backend's place, with the status and the incident (letters and digits; NULL:
 * none) and no reason; then HTTP_END holds. False when a response had begun: then the peer is to be closed.
 */
bool http_refuse(struct http *http, unsigned status, const char *incident);

/* True when http_again() would be, were the connection to break before anything of the response came. */
bool http_repeatable(const struct http *http);
/* The backend's connection could carry another request, of this peer or another: nothing is under way on it. */
bool http_backend_clean(const struct http *http);

/* Something of a final response has gone to the peer. */
bool http_begun(const struct http *http);
/* Between requests: the last one is answered, and nothing of a next one has come. */
bool http_idle(const struct http *http);
/* After HTTP_BAD: the status that answers it, and what is wrong, in words for the operator. */
unsigned http_status(const struct http *http);
const char *http_why(const struct http *http);

/* Output: the owner writes it and takes it away with cg_buf_drop(). */
struct cg_buf *http_to_backend(struct http *http);
struct cg_buf *http_to_peer(struct http *http);

#endif
