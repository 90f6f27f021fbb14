/*
 * llhttp beside our own reader: it reads each head a second time, and both must come to the same; and
 * it decodes chunked bodies, under rules of ours for what it would let through. The one file that
 * includes llhttp's header.
 */
#ifndef GATEWAY_HTTP_PARSER_H
#define GATEWAY_HTTP_PARSER_H

#include "gateway/http_head.h"

struct http_parser;

/* NULL without memory. */
struct http_parser *http_parser_new(void);
void http_parser_free(struct http_parser *parser);

/* True when llhttp reads a complete head as we did; else the fault says what it saw. */
bool http_parser_agrees(
        struct http_parser *parser, const struct http_head *head, struct http_fault *fault);

/* Where a body goes: as it is, or each piece as a chunk (RFC 9112 section 7.1). */
struct http_sink {
    struct cg_buf *out;
    bool chunked;
};

void http_sink_put(const struct http_sink *sink, const uint8_t *data, size_t len);
/* Ends the body: the last chunk, where there are chunks. */
void http_sink_end(const struct http_sink *sink);

enum http_chunks { HTTP_CHUNKS_MORE, HTTP_CHUNKS_END, HTTP_CHUNKS_BAD };

/*
 * Decodes what follows the head that http_parser_agrees() has read last. Takes octets up to the end of
 * the trailers, *used of them; extensions and trailers are dropped.
 */
enum http_chunks http_parser_chunks(struct http_parser *parser, const uint8_t *data, size_t len,
        size_t *used, const struct http_sink *sink, struct http_fault *fault);

#endif
