#include "gateway/stream.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include <openssl/err.h>

#include "gateway/limits.h"

static enum flow
broken(struct stream *stream, const char *why)
{
    stream->why = why;
    return FLOW_BROKEN;
}

/* An SSL call that gave no byte: what to wait for, or the end. */
static enum flow
ssl_stopped(struct stream *stream, int result)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        stream->events |= UV_READABLE;
        return FLOW_WAIT;
    case SSL_ERROR_WANT_WRITE:
        stream->events |= UV_WRITABLE;
        return FLOW_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return FLOW_ENDED;
    default:
        ERR_clear_error();
        return broken(stream, "ended without close_notify");
    }
}

/* What one SSL_read() may do with the socket, and what it found out. */
struct reads {
    unsigned left;
    bool dry;
};

/*
 * Before each read of the socket: what is over the budget has to wait for the next turn. After it: a read
 * that did not fill its room has emptied the socket.
 */
static long
watch_reads(BIO *bio, int operation, const char *data, size_t len, int i, long l, int result,
        size_t *processed)
{
    struct reads *reads = (struct reads *)(void *)BIO_get_callback_arg(bio);

    (void)data, (void)i, (void)l;
    if (operation == (BIO_CB_READ | BIO_CB_RETURN))
        reads->dry = result <= 0 ? BIO_should_retry(bio) != 0 : *processed < len;
    if (operation != BIO_CB_READ)
        return result;
    if (reads->left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    reads->left--;
    return result;
}

static int
read_some(struct stream *stream, uint8_t *buffer, size_t size)
{
    struct reads reads = { .left = GW_TLS_READS };
    BIO *bio = SSL_get_rbio(stream->ssl);
    int got;

    BIO_set_callback_arg(bio, (char *)&reads);
    BIO_set_callback_ex(bio, watch_reads);
    got = SSL_read(stream->ssl, buffer, size > INT_MAX ? INT_MAX : (int)size);
    BIO_set_callback_ex(bio, NULL);
    if (stream->dry != NULL && reads.dry)
        *stream->dry = true;
    return got;
}

static bool
is_dry(const struct stream *stream)
{
    return stream->dry != NULL && *stream->dry;
}

/*
 * Fills the buffer while libssl holds bytes; what the kernel holds beyond that comes with the next turn,
 * for the loop is level-triggered.
 */
static enum flow
read_tls(struct stream *stream, uint8_t *buffer, size_t size, size_t *len)
{
    if (is_dry(stream) && SSL_has_pending(stream->ssl) == 0) {
        stream->events |= UV_READABLE;
        return FLOW_WAIT;
    }
    ERR_clear_error();
    do {
        int got = read_some(stream, buffer + *len, size - *len);

        if (got <= 0)
            return ssl_stopped(stream, got);
        *len += (size_t)got;
    } while (*len < size && SSL_has_pending(stream->ssl) == 1);
    if (SSL_has_pending(stream->ssl) == 1)
        return FLOW_MORE;
    stream->events |= UV_READABLE;
    return FLOW_WAIT;
}

static enum flow
read_plain(struct stream *stream, uint8_t *buffer, size_t size, size_t *len)
{
    ssize_t got;

    if (is_dry(stream)) {
        stream->events |= UV_READABLE;
        return FLOW_WAIT;
    }
    do
        got = recv(stream->fd, buffer, size, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return FLOW_ENDED;
    if (got < 0 && errno != EAGAIN)
        return broken(stream, "reset the connection");
    *len = got > 0 ? (size_t)got : 0;
    if (*len == size)
        return FLOW_MORE;
    if (stream->dry != NULL)
        *stream->dry = true;
    stream->events |= UV_READABLE;
    return FLOW_WAIT;
}

enum flow
stream_read(struct stream *stream, uint8_t *buffer, size_t size, size_t *len)
{
    *len = 0;
    return stream->ssl != NULL ? read_tls(stream, buffer, size, len)
                               : read_plain(stream, buffer, size, len);
}

/* Holds back, or lets go, what does not fill a segment. */
static void
cork(const struct stream *stream, int on)
{
    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

/* libssl hands the kernel one record at a time; several of them make fewer and larger segments together. */
static enum flow
write_tls(struct stream *stream, const uint8_t *data, size_t size, size_t *len)
{
    const bool several = size > SSL3_RT_MAX_PLAIN_LENGTH;
    enum flow flow = FLOW_MORE;

    ERR_clear_error();
    if (several)
        cork(stream, 1);
    while (flow == FLOW_MORE && *len < size) {
        size_t left = size - *len;
        int sent = SSL_write(stream->ssl, data + *len, left > INT_MAX ? INT_MAX : (int)left);

        if (sent > 0)
            *len += (size_t)sent;
        else
            flow = ssl_stopped(stream, sent);
    }
    if (several)
        cork(stream, 0);
    return flow == FLOW_MORE || flow == FLOW_WAIT ? flow
                                                  : broken(stream, "does not take any more bytes");
}

static enum flow
write_plain(struct stream *stream, const uint8_t *data, size_t size, size_t *len)
{
    while (*len < size) {
        ssize_t sent = send(stream->fd, data + *len, size - *len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            return broken(stream, "does not take any more bytes");
        if (sent < 0) {
            stream->events |= UV_WRITABLE;
            return FLOW_WAIT;
        }
        *len += (size_t)sent;
    }
    return FLOW_MORE;
}

enum flow
stream_write(struct stream *stream, const uint8_t *data, size_t size, size_t *len)
{
    *len = 0;
    return stream->ssl != NULL ? write_tls(stream, data, size, len)
                               : write_plain(stream, data, size, len);
}

enum flow
stream_end(struct stream *stream)
{
    if (stream->ssl != NULL) {
        int result;

        ERR_clear_error();
        result = SSL_shutdown(stream->ssl);
        if (result < 0) {
            enum flow flow = ssl_stopped(stream, result);

            return flow == FLOW_WAIT ? flow : broken(stream, "is gone");
        }
    }
    if (shutdown(stream->fd, SHUT_WR) != 0 && errno != ENOTCONN)
        return broken(stream, "is gone");
    return FLOW_ENDED;
}
