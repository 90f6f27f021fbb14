/* One direction of a conversation: the head of a message, then its body, as http.c's two sides read them. */
#ifndef GATEWAY_HTTP_MESSAGE_H
#define GATEWAY_HTTP_MESSAGE_H

#include "gateway/http_parser.h"

struct http_message {
    struct http_head *head; /* NULL: nothing of it has come */
    struct http_parser *parser; /* kept from one message to the next */
    enum http_framing framing; /* of its body */
    uint64_t left; /* HTTP_BODY_LENGTH */
    struct http_sink sink;
};

/* Octets of the head, *used of them; the fault is set with HTTP_HEAD_BAD. */
enum http_head_result http_message_head(struct http_message *message, enum http_head_kind kind,
        const uint8_t *data, size_t len, size_t *used, struct http_fault *fault);
/* Octets of the body, *used of them, which go into the sink; the fault is set with HTTP_CHUNKS_BAD. */
enum http_chunks http_message_body(struct http_message *message, const uint8_t *data, size_t len,
        size_t *used, struct http_fault *fault);
/* Forgets the message; the parser stays for the next one. */
void http_message_release(struct http_message *message);

#endif
