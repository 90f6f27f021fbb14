/*
 * One end of a connection as bytes: TLS or plain on a descriptor that does not block. What stops it is
 * said as events to wait for, as its end, or as a break.
 */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flow {
    FLOW_MORE, /* it may be called again at once */
    FLOW_WAIT, /* until the descriptor is ready for `events` */
    FLOW_ENDED, /* the other end has said that no more comes */
    FLOW_BROKEN, /* it is gone without saying so; `why` completes "the peer …" */
};

struct stream {
    SSL *ssl; /* NULL: plain */
    int fd;
    int events; /* UV_READABLE | UV_WRITABLE to wait for, collected by the calls below */
    const char *why; /* with FLOW_BROKEN */
    /*
     * Set when the descriptor was read to the end; cleared by whoever hears that it has more. Until then it
     * is not read in vain. NULL: nobody keeps it.
     */
    bool *dry;
};

/* Reads at most size bytes; *len is how many, and may be more than 0 with any result but FLOW_BROKEN. */
enum flow stream_read(struct stream *stream, uint8_t *buffer, size_t size, size_t *len);
/*
 * Writes; *len is how many bytes were taken. After FLOW_WAIT libssl wants to be given the same bytes
 * again, at whatever address, and may be given more behind them.
 */
enum flow stream_write(struct stream *stream, const uint8_t *data, size_t size, size_t *len);
/* Says that no more comes: FIN, and close_notify before it (RFC 8446 section 6.1). FLOW_ENDED when said. */
enum flow stream_end(struct stream *stream);

#endif
