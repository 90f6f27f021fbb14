#include "gateway/http_message.h"

void
http_message_release(struct http_message *message)
{
    http_head_free(message->head);
    message->head = NULL;
    message->framing = HTTP_BODY_NONE;
}

enum http_head_result
http_message_head(struct http_message *message, enum http_head_kind kind, const uint8_t *data,
        size_t len, size_t *used, struct http_fault *fault)
{
    enum http_head_result result;

    *used = 0;
    if (len == 0)
        return HTTP_HEAD_MORE;
    if (message->head == NULL)
        message->head = http_head_new(kind);
    if (message->parser == NULL)
        message->parser = http_parser_new();
    if (message->head == NULL || message->parser == NULL) {
        *fault = (struct http_fault) { 500, "no memory for a head" };
        return HTTP_HEAD_BAD;
    }
    result = http_head_take(message->head, data, len, used);
    if (result == HTTP_HEAD_BAD)
        *fault = message->head->fault;
    return result;
}

enum http_chunks
http_message_body(struct http_message *message, const uint8_t *data, size_t len, size_t *used,
        struct http_fault *fault)
{
    *used = len;
    switch (message->framing) {
    case HTTP_BODY_NONE:
        *used = 0;
        return HTTP_CHUNKS_END;
    case HTTP_BODY_CLOSE:
        http_sink_put(&message->sink, data, len);
        return HTTP_CHUNKS_MORE;
    case HTTP_BODY_LENGTH:
        if (len > message->left)
            *used = (size_t)message->left;
        http_sink_put(&message->sink, data, *used);
        message->left -= *used;
        return message->left == 0 ? HTTP_CHUNKS_END : HTTP_CHUNKS_MORE;
    case HTTP_BODY_CHUNKED:
        break;
    }
    return http_parser_chunks(message->parser, data, len, used, &message->sink, fault);
}
