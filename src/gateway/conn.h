/*
 * One connection: in exactly one named step, from accept to close (docs/ARCHITECTURE.md has the
 * picture). Steps say next, wait or end; the loop's callbacks do nothing but advance.
 */
#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

#include <uv.h>

#include "gateway/limits.h"
#include "gateway/proxy.h"
#include "gateway/relay.h"
#include "gateway/tls.h"

struct worker;
struct conn;

/* clang-format off */
#define CONN_STEPS(X)                                                                   \
    X(accept,    "TLS is set up on the accepted socket")                                \
    X(proxy,     "a balancer's PROXY header is read")                                   \
    X(handshake, "libssl talks to the peer; its certificate is judged in here")         \
    X(judge,     "what came out of the handshake is admitted or refused")               \
    X(dial,      "the backend is connected; the record is written")                     \
    X(relay,     "bytes go both ways")                                                  \
    X(close,     "our side is shut down and the peer's bytes are read to the end")
/* clang-format on */

enum step_result { STEP_NEXT, STEP_WAIT, STEP_END };

struct conn_step {
    const char *name;
    const char *explain;
    enum step_result (*run)(struct conn *conn);
};

/* A descriptor in the loop. */
struct gw_socket {
    uv_poll_t poll;
    int fd; /* -1: none */
    int events; /* UV_READABLE | UV_WRITABLE that the loop watches */
};

/* A PROXY header on its way in, and what it said. */
struct conn_told {
    struct proxy_ends ends;
    size_t len;
    uint8_t header[GW_MAX_PROXY_HEADER];
};

struct conn {
    struct worker *worker;
    struct generation *generation; /* keeps the interface alive */
    const struct gw_interface *iface;
    const struct conn_step *step;
    struct conn *previous;
    struct conn *next;
    struct conn *next_ready;
    bool ready; /* waits for its turn without waiting for a descriptor */

    struct gw_socket peer;
    struct gw_socket backend;
    uv_timer_t timer;
    unsigned handles; /* of the loop, to be closed before the memory goes */
    bool timed_out; /* the step's time is over */

    struct conn_told *told; /* what a balancer says, until the backend knows */
    char via[96]; /* the balancer's address and port; "" without one */
    char address[80]; /* of the peer */
    char endpoint[96]; /* address and port, for the record */
    SSL *ssl;
    struct handshake handshake;
    bool resumed;
    bool recorded;
    struct relay relay;
    uint64_t active; /* loop time of the last byte in step relay */
    size_t lingered; /* bytes thrown away in step close */
    bool lingering;
};

/*
 * Starts a connection on an accepted descriptor, which is taken over; false when there is no memory,
 * and then the descriptor is closed.
 */
bool conn_start(struct worker *worker, struct gw_interface *iface, int fd,
        const struct sockaddr *from, socklen_t from_len);
/* Runs the steps until the connection waits or has ended; then conn may be gone. */
void conn_advance(struct conn *conn);
/* Ends a connection in whatever step: the worker stops. */
void conn_abort(struct conn *conn, const char *why);

#endif
