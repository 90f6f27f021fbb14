/*
 * A load generator for TLS servers that demand a client certificate: one thread, epoll, OpenSSL. Full and
 * resumed handshakes, kept requests (HTTP, SIP, WebSocket), bulk both ways, and connections that are only held.
 * Shared by its files: load.c (measuring), load_conn.c (connections), load_setup.c (arguments, identities).
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "procstat.h"

#define HEAD_MAX 4096
#define IO_CHUNK 65536
#define BURST 32 /* reads or writes on one connection before the others get a turn */

enum mode { MODE_HANDSHAKE, MODE_RESUME, MODE_REQUEST, MODE_BULK, MODE_IDLE };
enum confirm { CONFIRM_REQUEST, CONFIRM_TICKET, CONFIRM_NONE };
enum proto { PROTO_HTTP, PROTO_SIP, PROTO_WS };
enum state {
    ST_FREE,
    ST_CONNECT,
    ST_HANDSHAKE,
    ST_TICKET,
    ST_SEND,
    ST_HEAD,
    ST_BODY,
    ST_WSFRAME,
    ST_HOLD
};

struct options {
    enum mode mode;
    enum confirm confirm;
    enum proto proto;
    int connections;
    double seconds, warmup, timeout, rate;
    uint64_t max_ops;
    int min_version, max_version;
    const char *cert, *key, *identities, *ca, *sni, *host, *path, *groups, *ciphers, *sigalgs;
    uint64_t bytes;
    bool upload, json, rst, plain;
    int sources;
    int opening; /* idle: connections being opened at once */
    pid_t pids[PROCSTAT_MAX_ROOTS];
    int npids;
    struct sockaddr_in peer;
};
extern struct options opt;
extern const char *const mode_names[];

struct conn {
    int fd;
    enum state state;
    bool queued, upgraded, resumed, got_ticket;
    SSL *ssl;
    SSL_SESSION *session;
    int identity, serial;
    uint64_t begun; /* when the operation was due */
    uint64_t activity; /* for the time-out */
    const char *out;
    size_t out_len;
    uint64_t out_body; /* upload: bytes of body still to write after out */
    char head[HEAD_MAX];
    size_t head_len;
    uint64_t body_left;
    bool body_to_eof, peer_closes;
    struct conn *next_ready;
};

/* What was counted while measuring. */
struct counters {
    uint64_t ops, bytes, resumed, full, started;
    uint64_t err_connect, err_handshake, err_io, err_timeout, err_reply;
    char last_error[256];
};

/* The run: one for the process. */
struct load {
    struct conn *conns;
    struct conn *ready_first, **ready_last;
    SSL_CTX **ctxs;
    int nctxs;
    int ep;
    uint64_t clock_now;
    char *request_keep, *request_close;
    char ws_frame[IO_CHUNK];
    size_t ws_frame_len;
    bool measuring, stopping;
    uint64_t measure_from, next_identity;
    uint64_t next_due; /* --rate: when the next operation is to start */
    int held;
    char negotiated[128];
};
extern struct load load;
extern struct counters count;

uint64_t now_ns(void);
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t errors_total(void);
/* A latency, in nanoseconds. */
void hist_add(uint64_t ns);

void conn_start(struct conn *c, uint64_t due);
void conn_close(struct conn *c, bool clean);
void conn_fail(struct conn *c, uint64_t *counter, const char *what);
void begin_exchange(struct conn *c);
void queue_ready(struct conn *c);
/* Runs a connection until it would block, ends, or has had its turn. */
void drive(struct conn *c);
int on_new_session(SSL *ssl, SSL_SESSION *s);
bool due_time(uint64_t *due);

void parse_args(int argc, char **argv);
void load_identities(void);
void make_requests(void);

#endif
