/*
 * The head of a request or a response, and llhttp's second opinion of it; then what follows as chunks. The
 * input's first octet says which, and where the stream is cut in two: a cut may change nothing.
 */
#include "fuzz.h"
#include "gateway/http_parser.h"

struct outcome {
    enum http_head_result result;
    size_t used;
};

/* Takes all of the data, or the head's part of it, in pieces of at most `piece`. */
static struct outcome
take(struct http_head *head, const uint8_t *data, size_t len, size_t piece)
{
    struct outcome outcome = { HTTP_HEAD_MORE, 0 };

    while (outcome.result == HTTP_HEAD_MORE && outcome.used < len) {
        size_t left = len - outcome.used, used = 0;

        outcome.result =
                http_head_take(head, data + outcome.used, left < piece ? left : piece, &used);
        FUZZ_CHECK(used <= (left < piece ? left : piece), "%zu octets used", used);
        outcome.used += used;
    }
    return outcome;
}

static void
check_span(const struct http_head *head, struct cg_span span)
{
    const uint8_t *raw = (const uint8_t *)head->raw.data;

    FUZZ_CHECK(span.len == 0 || (span.data >= raw && span.data + span.len <= raw + head->raw.len),
            "a span outside of the head");
}

static void
check_head(const struct http_head *head)
{
    check_span(head, head->method);
    check_span(head, head->target);
    check_span(head, head->reason);
    for (size_t i = 0; i < head->field_count; i++) {
        check_span(head, head->fields[i].name);
        check_span(head, head->fields[i].value);
        FUZZ_CHECK(http_is_token(head->fields[i].name), "a name that is no token");
    }
}

static void
take_chunks(struct http_parser *parser, const uint8_t *data, size_t len, size_t piece)
{
    enum http_chunks result = HTTP_CHUNKS_MORE;
    struct http_fault fault = { 0 };
    struct http_sink sink = { .chunked = true };
    struct cg_buf out;

    cg_buf_init(&out, 1024 * 1024);
    sink.out = &out;
    for (size_t at = 0, used; result == HTTP_CHUNKS_MORE && at < len; at += used) {
        size_t count = len - at < piece ? len - at : piece;

        result = http_parser_chunks(parser, data + at, count, &used, &sink, &fault);
        FUZZ_CHECK(used <= count && (used != 0 || result != HTTP_CHUNKS_MORE), "%zu octets", used);
    }
    FUZZ_CHECK(result != HTTP_CHUNKS_BAD || fault.why != NULL, "refused without a reason");
    cg_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum http_head_kind kind =
            len != 0 && (data[0] & 1) != 0 ? HTTP_HEAD_RESPONSE : HTTP_HEAD_REQUEST;
    struct http_head *head = http_head_new(kind), *cut = http_head_new(kind);
    struct http_parser *parser = http_parser_new();
    struct http_fault fault = { 0 };
    struct outcome whole, pieces;
    size_t piece = len == 0 ? 1 : 1u + data[0] / 2;

    FUZZ_CHECK(head != NULL && cut != NULL && parser != NULL, "no memory");
    data += len != 0;
    len -= len != 0;
    whole = take(head, data, len, SIZE_MAX);
    pieces = take(cut, data, len, piece);
    FUZZ_CHECK(whole.result == pieces.result &&
                    (whole.result != HTTP_HEAD_DONE || whole.used == pieces.used),
            "result %d, in pieces of %zu %d", (int)whole.result, piece, (int)pieces.result);
    FUZZ_CHECK(
            whole.result != HTTP_HEAD_BAD || (head->fault.status != 0 && head->fault.why != NULL),
            "refused without words");
    if (whole.result == HTTP_HEAD_DONE) {
        check_head(head);
        if (http_parser_agrees(parser, head, &fault) && head->framing == HTTP_BODY_CHUNKED)
            take_chunks(parser, data + whole.used, len - whole.used, piece);
    }
    http_parser_free(parser);
    http_head_free(head);
    http_head_free(cut);
    return 0;
}
