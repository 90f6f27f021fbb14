#include "gateway/http_parser.h"

#include <llhttp.h>
#include <stdlib.h>

/* What is no content of a chunked body: lines, for which the rules of a head hold. */
struct framing {
    enum http_head_place place;
    size_t size; /* octets since the last content */
    const uint8_t *from; /* of this call's octets: those before are looked at */
};

struct http_parser {
    llhttp_t llhttp;
    llhttp_settings_t settings;
    const struct http_sink *sink;
    struct framing framing;
    const char *why; /* our own objection */
};

/* ---- where a body goes ------------------------------------------------------------------------- */

void
http_sink_put(const struct http_sink *sink, const uint8_t *data, size_t len)
{
    if (len == 0) /* that would be the last chunk */
        return;
    if (sink->chunked)
        cg_buf_addf(sink->out, "%zx\r\n", len);
    cg_buf_add_bytes(sink->out, data, len);
    if (sink->chunked)
        cg_buf_add(sink->out, "\r\n");
}

void
http_sink_end(const struct http_sink *sink)
{
    if (sink->chunked)
        cg_buf_add(sink->out, "0\r\n\r\n");
}

/* ---- what llhttp lets through ------------------------------------------------------------------ */

static const char *
framing_octet(struct framing *framing, uint8_t c)
{
    bool cr = framing->place == HTTP_AFTER_CR;

    if (++framing->size > GW_MAX_CHUNK_FRAMING)
        return "chunk extensions or trailers that are too long";
    if (cr != (c == '\n'))
        return cr ? "a CR without LF in a chunked body" : "a bare LF in a chunked body";
    if (framing->place == HTTP_AT_START && (c == ' ' || c == '\t' || c == ':'))
        return "a line of a chunked body that begins with white space or a colon";
    if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
        return "a control character in a chunked body";
    framing->place = c == '\r' ? HTTP_AFTER_CR : c == '\n' ? HTTP_AT_START : HTTP_IN_LINE;
    return NULL;
}

/* Holds everything up to `end` that is no content against the rules; false with `why`. */
static bool
framing_until(struct http_parser *parser, const uint8_t *end)
{
    struct framing *framing = &parser->framing;

    while (framing->from < end && parser->why == NULL)
        parser->why = framing_octet(framing, *framing->from++);
    return parser->why == NULL;
}

/* ---- callbacks --------------------------------------------------------------------------------- */

static int
pause_parsing(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static int
chunk_header(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    if (llhttp->content_length > GW_MAX_HTTP_LENGTH)
        parser->why = "a chunk that is too large";
    return parser->why == NULL ? 0 : -1;
}

static int
body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    const uint8_t *data = (const uint8_t *)at;

    if (!framing_until(parser, data))
        return -1;
    http_sink_put(parser->sink, data, len);
    parser->framing.from = data + len;
    parser->framing.size = 0;
    return 0;
}

/* ---- calls ------------------------------------------------------------------------------------- */

struct http_parser *
http_parser_new(void)
{
    struct http_parser *parser = calloc(1, sizeof(*parser));

    if (parser == NULL)
        return NULL;
    llhttp_settings_init(&parser->settings);
    parser->settings.on_headers_complete = pause_parsing;
    parser->settings.on_message_complete = pause_parsing;
    parser->settings.on_chunk_header = chunk_header;
    parser->settings.on_body = body;
    return parser;
}

void
http_parser_free(struct http_parser *parser)
{
    free(parser);
}

/* Lengths and flags as llhttp understood them are what a lenient backend might understand, too. */
static bool
same_framing(const llhttp_t *llhttp, const struct http_head *head)
{
    bool chunked = (llhttp->flags & F_CHUNKED) != 0;
    bool length = (llhttp->flags & F_CONTENT_LENGTH) != 0;

    return chunked == (head->framing == HTTP_BODY_CHUNKED) &&
            length == (head->framing == HTTP_BODY_LENGTH) &&
            (!length || llhttp->content_length == head->length);
}

bool
http_parser_agrees(
        struct http_parser *parser, const struct http_head *head, struct http_fault *fault)
{
    bool request = head->kind == HTTP_HEAD_REQUEST;
    llhttp_t *llhttp = &parser->llhttp;
    llhttp_errno_t result;
    const char *method;

    *fault = (struct http_fault) { .status = request ? 400 : 502 };
    llhttp_init(llhttp, request ? HTTP_REQUEST : HTTP_RESPONSE, &parser->settings);
    llhttp->data = parser;
    parser->why = NULL;
    result = llhttp_execute(llhttp, head->raw.data, head->raw.len);
    if (request && result == HPE_INVALID_METHOD) {
        *fault = (struct http_fault) { 501, "a method that is not known" };
        return false;
    }
    if (result != HPE_PAUSED || llhttp_get_error_pos(llhttp) != head->raw.data + head->raw.len) {
        fault->why = "a head that llhttp refuses";
        return false;
    }
    method = request ? llhttp_method_name((llhttp_method_t)llhttp->method) : "";
    if ((request && !cg_span_equal(head->method, cg_span(method, strlen(method)))) ||
            (!request && llhttp->status_code != head->status) || llhttp->http_major != 1 ||
            llhttp->http_minor != head->minor || !same_framing(llhttp, head)) {
        fault->why = "a head that llhttp reads in another way";
        return false;
    }
    parser->framing = (struct framing) { .place = HTTP_AT_START };
    llhttp_resume(llhttp);
    return true;
}

enum http_chunks
http_parser_chunks(struct http_parser *parser, const uint8_t *data, size_t len, size_t *used,
        const struct http_sink *sink, struct http_fault *fault)
{
    const uint8_t *end = data + len;
    llhttp_errno_t result;

    *used = 0;
    if (len == 0)
        return HTTP_CHUNKS_MORE;
    parser->sink = sink;
    parser->framing.from = data;
    result = llhttp_execute(&parser->llhttp, (const char *)data, len);
    if (result != HPE_OK)
        end = (const uint8_t *)llhttp_get_error_pos(&parser->llhttp);
    *used = (size_t)(end - data);
    if (parser->why != NULL || !framing_until(parser, end)) {
        fault->why = parser->why;
        return HTTP_CHUNKS_BAD;
    }
    if (result == HPE_OK)
        return HTTP_CHUNKS_MORE;
    if (result == HPE_PAUSED)
        return HTTP_CHUNKS_END;
    fault->why = "a malformed chunked body";
    return HTTP_CHUNKS_BAD;
}
