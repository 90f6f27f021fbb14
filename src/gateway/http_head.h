/*
 * The head of an HTTP/1.1 message: collected octet by octet under strict rules, then read. It takes less
 * than RFC 9112 lets a server tolerate, because whatever two readers understand differently smuggles.
 */
#ifndef GATEWAY_HTTP_HEAD_H
#define GATEWAY_HTTP_HEAD_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/span.h"
#include "gateway/limits.h"

/* What is wrong with a message: the status that answers it, and a sentence for the operator. */
struct http_fault {
    unsigned status;
    const char *why;
};

/* How a body is delimited (RFC 9112 section 6.3). */
enum http_framing {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNKED,
    HTTP_BODY_CLOSE, /* a response that ends with the connection */
};

enum http_head_kind { HTTP_HEAD_REQUEST, HTTP_HEAD_RESPONSE };

/* Where in its line the next octet stands. */
enum http_head_place { HTTP_AT_START, HTTP_IN_LINE, HTTP_AFTER_CR };

struct http_line {
    struct cg_span name;
    struct cg_span value; /* without white space around it */
};

/* Spans point into raw, which does not change any more once the head is complete. */
struct http_head {
    enum http_head_kind kind;
    struct cg_buf raw; /* without empty lines before the start line */
    enum http_head_place place;
    size_t lines; /* complete ones */
    size_t column; /* octets of this line before its CR */
    size_t size; /* octets of the head so far */
    size_t blanks;
    struct http_fault fault;

    struct cg_span method; /* request */
    struct cg_span target;
    unsigned status; /* response */
    struct cg_span reason;
    unsigned minor; /* HTTP/1.minor */
    struct http_line fields[GW_MAX_HTTP_FIELDS];
    size_t field_count;
    struct cg_span options[GW_MAX_HTTP_OPTIONS]; /* what Connection names */
    size_t option_count;
    enum http_framing framing; /* what the fields say; the status may say otherwise */
    uint64_t length; /* HTTP_BODY_LENGTH */
};

enum http_head_result { HTTP_HEAD_MORE, HTTP_HEAD_DONE, HTTP_HEAD_BAD };

/* NULL without memory. */
struct http_head *http_head_new(enum http_head_kind kind);
void http_head_free(struct http_head *head);

/*
 * Takes octets up to the empty line, *used of them; with HTTP_HEAD_DONE everything above is set, with
 * HTTP_HEAD_BAD the fault is.
 */
enum http_head_result http_head_take(
        struct http_head *head, const uint8_t *data, size_t len, size_t *used);

/* The value of the only field of that name; false when there is none, or several. */
bool http_head_field(const struct http_head *head, const char *name, struct cg_span *value);
/* True when Connection names the option, in any letter case. */
bool http_head_option(const struct http_head *head, struct cg_span option);
/* True when some field of that name lists the item, in any letter case (RFC 9110 section 5.6.1). */
bool http_head_lists(const struct http_head *head, const char *name, const char *item);

/* Letters A to Z compare as a to z (RFC 9110 section 5.1). */
bool http_same(struct cg_span a, struct cg_span b);
bool http_is(struct cg_span span, const char *text);
/* A token (RFC 9110 section 5.6.2). */
bool http_is_token(struct cg_span span);
/* A field value without control characters or white space around it (RFC 9110 section 5.5). */
bool http_is_value(struct cg_span span);
/* What stands before `stop`, which is passed over too; all that is left where there is none. */
struct cg_span http_cut(struct cg_reader *reader, uint8_t stop, bool *found);
/* The next element of a comma-separated list that is not empty. */
bool http_next_item(struct cg_span *list, struct cg_span *item);

#endif
