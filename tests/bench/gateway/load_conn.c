/* Connections: from connect to the answer, and again. */
#include "load.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static char zeros[IO_CHUNK], sink[IO_CHUNK];

void
queue_ready(struct conn *c)
{
    if (c->queued)
        return;
    c->queued = true;
    c->next_ready = NULL;
    *load.ready_last = c;
    load.ready_last = &c->next_ready;
}

void
conn_close(struct conn *c, bool clean)
{
    if (c->ssl != NULL) {
        if (clean && !opt.rst)
            SSL_shutdown(c->ssl);
        else
            SSL_set_quiet_shutdown(c->ssl, 1);
        /* Without this an SSL freed before close_notify marks its session bad. */
        SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    if (c->fd >= 0) {
        if (opt.rst) {
            struct linger l = { 1, 0 };
            setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
        }
        close(c->fd);
        c->fd = -1;
    }
    c->state = ST_FREE;
}

void
conn_fail(struct conn *c, uint64_t *counter, const char *what)
{
    unsigned long e = ERR_peek_last_error();
    (*counter)++;
    snprintf(count.last_error, sizeof count.last_error, "%s: %s", what,
            e != 0 ? ERR_reason_error_string(e)
                   : (errno != 0 ? strerror(errno) : "closed by the peer"));
    ERR_clear_error();
    if (opt.mode == MODE_IDLE && c->state == ST_HOLD)
        load.held--;
    conn_close(c, false);
}

int
on_new_session(SSL *ssl, SSL_SESSION *s)
{
    struct conn *c = SSL_get_app_data(ssl);
    c->got_ticket = true;
    if (opt.mode != MODE_RESUME)
        return 0;
    SSL_SESSION_free(c->session);
    c->session = s;
    return 1;
}

void
conn_start(struct conn *c, uint64_t due)
{
    c->begun = due;
    c->activity = load.clock_now;
    c->resumed = c->upgraded = c->got_ticket = c->peer_closes = false;
    c->head_len = 0;
    c->state = ST_CONNECT;
    count.started++;
    errno = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        conn_fail(c, &count.err_connect, "socket");
        return;
    }
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (opt.sources > 1) {
        struct sockaddr_in src = { .sin_family = AF_INET };
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        src.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(c->serial % opt.sources));
        if (bind(c->fd, (struct sockaddr *)&src, sizeof src) != 0) {
            conn_fail(c, &count.err_connect, "bind");
            return;
        }
    }
    if (connect(c->fd, (struct sockaddr *)&opt.peer, sizeof opt.peer) != 0 &&
            errno != EINPROGRESS) {
        conn_fail(c, &count.err_connect, "connect");
        return;
    }
    struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
    if (epoll_ctl(load.ep, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        conn_fail(c, &count.err_connect, "epoll_ctl");
}

void
begin_exchange(struct conn *c)
{
    bool last = opt.mode == MODE_HANDSHAKE || opt.mode == MODE_RESUME;
    c->head_len = 0;
    c->body_to_eof = false;
    if (c->upgraded) {
        c->out = load.ws_frame;
        c->out_len = load.ws_frame_len;
        c->out_body = 0;
    } else {
        c->out = last && opt.proto == PROTO_HTTP ? load.request_close : load.request_keep;
        c->out_len = strlen(c->out);
        c->out_body = opt.mode == MODE_BULK && opt.upload ? opt.bytes : 0;
    }
    c->state = ST_SEND;
}

bool
due_time(uint64_t *due)
{
    if (opt.max_ops != 0 && count.started >= opt.max_ops &&
            (opt.mode == MODE_HANDSHAKE || opt.mode == MODE_RESUME))
        return false;
    if (opt.rate <= 0) {
        *due = load.clock_now;
        return true;
    }
    if (load.next_due == 0)
        load.next_due = load.clock_now;
    if (load.next_due > load.clock_now)
        return false;
    static uint64_t origin, issued;
    if (issued++ == 0)
        origin = load.next_due;
    *due = load.next_due;
    load.next_due = origin + (uint64_t)((double)issued * 1e9 / opt.rate);
    return true;
}

static void
op_done(struct conn *c)
{
    load.clock_now = now_ns();
    if (load.measuring && c->begun >= load.measure_from) {
        hist_add(load.clock_now - c->begun);
        count.ops++;
        if (opt.mode == MODE_BULK)
            count.bytes += opt.bytes;
        if (c->resumed)
            count.resumed++;
        else
            count.full++;
    }
}

/* The operation is over: close, hold or go round again.  True: go on driving this connection. */
static bool
conn_finished(struct conn *c)
{
    switch (opt.mode) {
    case MODE_HANDSHAKE:
    case MODE_RESUME:
        op_done(c);
        conn_close(c, true);
        return false;
    case MODE_IDLE:
        c->state = ST_HOLD;
        load.held++;
        return true;
    default:
        op_done(c);
        if (c->peer_closes) {
            conn_close(c, true);
            return false;
        }
        c->activity = load.clock_now;
        if (load.stopping || !due_time(&c->begun)) {
            c->state = ST_HOLD; /* with --rate: wait for the next due time */
            return false;
        }
        begin_exchange(c);
        return true;
    }
}

static bool
handshake_finished(struct conn *c)
{
    c->resumed = c->ssl != NULL && SSL_session_reused(c->ssl);
    if (load.negotiated[0] == '\0' && c->ssl != NULL)
        snprintf(load.negotiated, sizeof load.negotiated, "%s %s", SSL_get_version(c->ssl),
                SSL_get_cipher_name(c->ssl));
    if (opt.mode == MODE_REQUEST || opt.mode == MODE_BULK)
        c->begun = load.clock_now; /* a request's latency leaves the connection's out */
    bool once = opt.mode == MODE_HANDSHAKE || opt.mode == MODE_RESUME;
    if (once && opt.confirm == CONFIRM_NONE)
        return conn_finished(c);
    if (once && opt.confirm == CONFIRM_TICKET) {
        c->state = ST_TICKET;
        return true;
    }
    begin_exchange(c);
    return true;
}

/* Value of a header in c->head (case-insensitive name), or NULL. */
static const char *
header(const struct conn *c, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = strchr(c->head, '\n'); p != NULL; p = strchr(p, '\n')) {
        p++;
        if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
            p += len + 1;
            while (*p == ' ' || *p == '\t')
                p++;
            return p;
        }
    }
    return NULL;
}

/* Takes bytes off the wire.  1: the reply is complete, 0: more is needed, -1: it is wrong. */
static int
feed(struct conn *c, const char *buf, size_t n)
{
    while (n > 0 || (c->state == ST_BODY && c->body_left == 0 && !c->body_to_eof)) {
        if (c->state == ST_BODY) {
            if (c->body_to_eof)
                return 0;
            uint64_t take = n < c->body_left ? n : c->body_left;
            c->body_left -= take;
            buf += take;
            n -= take;
            if (c->body_left > 0)
                return 0;
            return n == 0 ? 1 : -1;
        }
        if (c->state == ST_WSFRAME) {
            while (n > 0 &&
                    (c->head_len < 2 || c->head_len < ((c->head[1] & 127) == 126 ? 4u : 2u))) {
                c->head[c->head_len++] = *buf++;
                n--;
            }
            size_t need = c->head_len < 2 ? 2 : (c->head[1] & 127) == 126 ? 4 : 2;
            if (c->head_len < need)
                return 0;
            uint64_t len = need == 4 ? (uint64_t)(uint8_t)c->head[2] << 8 | (uint8_t)c->head[3]
                                     : (uint8_t)c->head[1] & 127u;
            if ((c->head[1] & 128) != 0 || (c->head[1] & 127) == 127 || (c->head[0] & 15) > 2 ||
                    len != opt.bytes)
                return -1;
            c->state = ST_BODY;
            c->body_left = len;
            continue;
        }
        /* ST_HEAD */
        size_t room = HEAD_MAX - 1 - c->head_len, take = n < room ? n : room;
        size_t from = c->head_len > 3 ? c->head_len - 3 : 0;
        memcpy(c->head + c->head_len, buf, take);
        c->head_len += take;
        c->head[c->head_len] = '\0';
        char *end = strstr(c->head + from, "\r\n\r\n");
        if (end == NULL)
            return c->head_len < HEAD_MAX - 1 ? 0 : -1;
        size_t used = (size_t)(end + 4 - c->head) - (c->head_len - take);
        end[2] = '\0';
        buf += used;
        n -= used;
        const char *sp = strchr(c->head, ' ');
        int status = sp != NULL ? atoi(sp + 1) : 0;
        const char *v;
        if (strncmp(c->head, opt.proto == PROTO_SIP ? "SIP/2.0 " : "HTTP/1.", 7) != 0)
            return -1;
        if (opt.proto == PROTO_WS) {
            if (status != 101 || n != 0)
                return -1;
            c->upgraded = true;
            return 1;
        }
        if (status < 200 || status > 299)
            return -1;
        if ((v = header(c, "Transfer-Encoding")) != NULL)
            return -1; /* the test back end never sends it */
        if ((v = header(c, "Connection")) != NULL && strncasecmp(v, "close", 5) == 0)
            c->peer_closes = true;
        v = header(c, "Content-Length");
        c->state = ST_BODY;
        c->body_to_eof = v == NULL;
        c->body_left = v != NULL ? strtoull(v, NULL, 10) : 0;
        if (c->body_to_eof)
            c->peer_closes = true;
    }
    return 0;
}

static ssize_t
raw_read(struct conn *c, void *buf, size_t n, int *why)
{
    if (c->ssl == NULL) {
        ssize_t r = read(c->fd, buf, n);
        *why = r > 0              ? SSL_ERROR_NONE
                : r == 0          ? SSL_ERROR_ZERO_RETURN
                : errno == EAGAIN ? SSL_ERROR_WANT_READ
                                  : SSL_ERROR_SYSCALL;
        return r;
    }
    int r = SSL_read(c->ssl, buf, (int)n);
    *why = r > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, r);
    return r;
}

static ssize_t
raw_write(struct conn *c, const void *buf, size_t n, int *why)
{
    if (c->ssl == NULL) {
        ssize_t r = send(c->fd, buf, n, MSG_NOSIGNAL);
        *why = r >= 0 ? SSL_ERROR_NONE : errno == EAGAIN ? SSL_ERROR_WANT_WRITE : SSL_ERROR_SYSCALL;
        return r;
    }
    int r = SSL_write(c->ssl, buf, (int)n);
    *why = r > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, r);
    return r;
}

static bool
would_block(int why)
{
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void
tls_start(struct conn *c)
{
    int id = c->identity;
    if (opt.mode == MODE_HANDSHAKE || opt.mode == MODE_IDLE)
        id = (int)(load.next_identity++ % (uint64_t)load.nctxs);
    c->ssl = SSL_new(load.ctxs[id]);
    if (c->ssl == NULL)
        die("SSL_new");
    SSL_set_app_data(c->ssl, c);
    SSL_set_fd(c->ssl, c->fd);
    if (opt.sni != NULL)
        SSL_set_tlsext_host_name(c->ssl, opt.sni);
    if (c->session != NULL)
        SSL_set_session(c->ssl, c->session);
    SSL_set_connect_state(c->ssl);
}

/* What a state did. */
enum went { WENT_ON, WENT_NOWHERE /* it waits, or is over */ };

static enum went
check_connect(struct conn *c)
{
    int err = 0;
    socklen_t len = sizeof err;
    struct sockaddr_in sa;
    socklen_t salen = sizeof sa;

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err != 0) {
        errno = err;
        conn_fail(c, &count.err_connect, "connect");
        return WENT_NOWHERE;
    }
    if (getpeername(c->fd, (struct sockaddr *)&sa, &salen) != 0)
        return WENT_NOWHERE; /* still connecting */
    if (opt.plain)
        return handshake_finished(c) ? WENT_ON : WENT_NOWHERE;
    tls_start(c);
    c->state = ST_HANDSHAKE;
    return WENT_ON;
}

static enum went
shake(struct conn *c)
{
    int r = SSL_do_handshake(c->ssl);

    if (r == 1)
        return handshake_finished(c) ? WENT_ON : WENT_NOWHERE;
    if (!would_block(SSL_get_error(c->ssl, r)))
        conn_fail(c, &count.err_handshake, "handshake");
    return WENT_NOWHERE;
}

static enum went
wait_for_ticket(struct conn *c)
{
    int why;
    ssize_t n = raw_read(c, sink, sizeof sink, &why);

    if (c->got_ticket || n > 0)
        return conn_finished(c) ? WENT_ON : WENT_NOWHERE;
    if (!would_block(why))
        conn_fail(c, &count.err_io, "waiting for a ticket");
    return WENT_NOWHERE;
}

static enum went
send_some(struct conn *c)
{
    ssize_t n;
    int why;

    if (c->out_len == 0 && c->out_body == 0) {
        c->state = c->upgraded ? ST_WSFRAME : ST_HEAD;
        return WENT_ON;
    }
    if (c->out_len > 0) {
        n = raw_write(c, c->out, c->out_len, &why);
        if (n > 0) {
            c->out += n;
            c->out_len -= (size_t)n;
        }
    } else {
        n = raw_write(
                c, zeros, c->out_body < sizeof zeros ? (size_t)c->out_body : sizeof zeros, &why);
        if (n > 0) {
            c->out_body -= (uint64_t)n;
            c->activity = load.clock_now;
        }
    }
    if (n > 0)
        return WENT_ON;
    if (!would_block(why))
        conn_fail(c, &count.err_io, "write");
    return WENT_NOWHERE;
}

static void
unexpected(struct conn *c)
{
    char what[64];

    ERR_clear_error();
    errno = 0;
    snprintf(what, sizeof what, "unexpected reply '%.32s'", c->head_len > 8 ? c->head : "");
    for (char *p = what; *p != '\0'; p++)
        if (!isprint((unsigned char)*p) || *p == '"' || *p == '\\')
            *p = '.';
    conn_fail(c, &count.err_reply, what);
}

static enum went
read_some(struct conn *c)
{
    bool was_upgraded = c->upgraded, eof;
    int why, done;
    ssize_t n = raw_read(c, sink, sizeof sink, &why);

    if (n <= 0 && would_block(why))
        return WENT_NOWHERE;
    eof = n <= 0 && c->state == ST_BODY && c->body_to_eof;
    if (n <= 0 && !eof) {
        conn_fail(c, &count.err_io, "read");
        return WENT_NOWHERE;
    }
    c->activity = load.clock_now;
    done = eof ? 1 : feed(c, sink, (size_t)n);
    if (done < 0) {
        unexpected(c);
        return WENT_NOWHERE;
    }
    if (done == 0)
        return WENT_ON;
    if (c->upgraded && !was_upgraded && opt.mode == MODE_REQUEST) {
        c->begun = now_ns(); /* the upgrade itself is no request */
        begin_exchange(c);
        return WENT_ON;
    }
    return conn_finished(c) ? WENT_ON : WENT_NOWHERE;
}

static enum went
hold(struct conn *c)
{
    int why;
    ssize_t n = raw_read(c, sink, sizeof sink, &why);

    if (n > 0)
        return WENT_ON;
    if (!would_block(why))
        conn_fail(c, &count.err_io, "held connection");
    return WENT_NOWHERE;
}

void
drive(struct conn *c)
{
    static enum went (*const states[])(struct conn *) = {
        [ST_CONNECT] = check_connect,
        [ST_HANDSHAKE] = shake,
        [ST_TICKET] = wait_for_ticket,
        [ST_SEND] = send_some,
        [ST_HEAD] = read_some,
        [ST_BODY] = read_some,
        [ST_WSFRAME] = read_some,
        [ST_HOLD] = hold,
    };

    for (int turn = 0; turn < BURST; turn++) {
        errno = 0;
        if (c->state == ST_FREE || states[c->state](c) == WENT_NOWHERE)
            return;
    }
    queue_ready(c);
}
