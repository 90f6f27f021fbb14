/*
 * One connection: in exactly one named step, from accept to close (docs/ARCHITECTURE.md has the
 * picture). Steps say next, wait or end; the loop's callbacks do nothing but advance.
 *
 * The peer is the far end that speaks TLS, the backend is the plaintext side: on an inbound interface the
 * peer has connected to us and we dial the backend, on an outbound one it is the other way round.
 */
#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

#include <uv.h>

#include "gateway/classify.h"
#include "gateway/limits.h"
#include "gateway/proxy.h"
#include "gateway/relay.h"
#include "gateway/tls.h"

struct worker;
struct listener;
struct conn;
struct source;
struct http_side; /* step_http.c's */
struct sip_side; /* step_sip.c's */
struct connecting; /* step_connect.c's */

/* clang-format off */
#define CONN_STEPS(X)                                                                   \
    X(accept,    "the accepted socket is set up")                                       \
    X(proxy,     "a balancer's PROXY header is read")                                   \
    X(connect,   "outbound: the far end is connected")                                  \
    X(handshake, "libssl talks to the peer; its certificate is judged in here")         \
    X(judge,     "what came out of the handshake is admitted, refused or left to the first request") \
    X(dial,      "the backend is connected; the record is written")                     \
    X(http,      "requests are read, put under the rules of their class, and carried one by one") \
    X(sip,       "messages are read; each request is put under the rules of its class")  \
    X(relay,     "bytes go both ways")                                                  \
    X(close,     "our side is shut down and the peer's bytes are read to the end")
/* clang-format on */

enum step_result { STEP_NEXT, STEP_WAIT, STEP_END };

struct conn_step {
    const char *name;
    const char *explain;
    enum step_result (*run)(struct conn *conn);
};

#define X(name, explain)                                                                           \
    enum step_result do_##name(struct conn *conn);                                                 \
    extern const struct conn_step step_##name;
CONN_STEPS(X)
#undef X

/* A descriptor in the loop. */
struct gw_socket {
    struct conn *conn;
    int fd; /* -1: none */
    int events; /* UV_READABLE | UV_WRITABLE that are waited for */
    int armed; /* that the kernel watches for; 0: it does not know the socket */
    bool dry; /* read to the end, and no event has come since */
};

/* A PROXY header on its way in, and what it said. */
struct conn_told {
    struct proxy_ends ends;
    size_t len;
    uint8_t *header; /* GW_MAX_PROXY_HEADER bytes while it is read, then NULL */
};

/* By what a class has admitted the peer; what a connection is that was left all the same. */
struct admission {
    struct ticket_verdict verdict;
    enum cg_level level;
};

struct conn {
    struct worker *worker;
    struct generation *generation; /* keeps the interface alive */
    const struct gw_interface *iface;
    const struct conn_step *step;
    const struct conn_step *after_dial;
    struct conn *previous;
    struct conn *next;
    struct conn *next_ready;
    bool ready; /* waits for its turn without waiting for a descriptor */

    struct gw_socket peer;
    struct gw_socket backend;
    uv_timer_t timer;
    bool timed_out; /* the step's time is over */

    struct conn_told *told; /* what a balancer says, until the backend knows */
    char local[96]; /* outbound: the local program's address and port; "" inbound */
    char via[96]; /* the balancer's address and port; "" without one */
    char address[80]; /* of the peer */
    char endpoint[96]; /* address and port, for the record */
    struct source *source; /* that it is counted for, or NULL */
    uint64_t dialled_in; /* generation in which the backend was connected */
    bool plain; /* no TLS: a listener of an unsecured service */
    SSL *ssl;
    struct handshake handshake;
    bool resumed;
    bool ticketed; /* resumed, and what the ticket says of the classes still stands */
    bool recorded; /* the last decision is in a record */

    struct class_guess guess; /* what the source address tells */
    const struct gw_class *class; /* of the last verdict, or NULL */
    const char *class_by;
    uint64_t admitted; /* bit i: class i of the interface has admitted this peer */
    struct admission admissions[TICKET_MAX_CLASSES]; /* by those that have */
    uint64_t spoken; /* bit i: … after it judged the From domain of a request */

    int64_t good_from; /* first … */
    int64_t good_until; /* … and last second at which what admitted the peer holds */
    const char *live; /* while the record of a live connection is written: what becomes of it */
    uint64_t draining; /* loop time since which it may end when nothing passes; 0: it need not */
    bool cut; /* one side broke off: the other is not to take what came for the whole */
    uint64_t evidence; /* of revocation, by which it was judged: the worker's number */
    bool dismissed; /* no longer admitted, and that is recorded */

    struct connecting *connecting; /* attempts to reach the far end, while there are any */
    struct relay relay;
    struct http_side *http;
    struct sip_side *sip;
    uint64_t counted_up, counted_down; /* bytes that are in the metrics */
    uint64_t began; /* high-resolution time at which the handshake began */
    uint64_t active; /* loop time of the last byte after the handshake */
    size_t lingered; /* bytes thrown away in step close */
    bool lingering;
};

/*
 * Starts a connection on an accepted descriptor, which is taken over; false when there is no memory,
 * and then the descriptor is closed.
 */
bool conn_start(const struct listener *listener, int fd, const struct sockaddr *from);
/* Runs the steps until the connection waits or has ended; then conn may be gone. */
void conn_advance(struct conn *conn);
/* What the worker's epoll says of a connection's socket. */
struct epoll_event;
void conn_event(const struct epoll_event *event);
/* Ends a connection in whatever step: the worker stops. */
void conn_abort(struct conn *conn, const char *why);

/* NULL without memory. */
struct conn_told *conn_told_new(void);
/* NULL is allowed. */
void conn_told_free(struct conn_told *told);

/* For the steps. */

/* What one part of a turn did, in steps that have several things to look at. */
enum did { DID_NOTHING, DID_MOVE, DID_LEAVE /* conn->step is another */ };

/* True while a request waits for its answer. */
bool http_side_busy(const struct http_side *side);
/* What steps http and sip keep; NULL is allowed. */
void http_side_free(struct http_side *side);
/* True where the request that waits for a backend may go over a connection that others have used. */
bool http_side_takes_pooled(const struct http_side *side);
/* Leaves the backend's connection to others, where nothing is under way on it. */
void http_side_give_backend(struct conn *conn);
void sip_side_free(struct sip_side *side);
/* True where we are the TLS client: conn->backend is the accepted socket then. */
static inline bool
conn_outbound(const struct conn *conn)
{
    return conn->iface->settings->role == CG_ROLE_OUTBOUND;
}

/* Gives up all attempts that are under way. */
void connect_release(struct conn *conn);

void socket_open(struct conn *conn, struct gw_socket *socket, int fd);
void socket_watch(struct gw_socket *socket, int events);
void socket_close(struct gw_socket *socket);
/* The descriptor, which is the caller's from here on: the loop watches it no more. */
int socket_release(struct gw_socket *socket);
/* Gives the step so many milliseconds; then it runs with conn->timed_out. */
void conn_set_timer(struct conn *conn, uint64_t ms);
/* The timer is set once and looks, when it fires, how long ago the last byte was. */
bool conn_idle_too_long(struct conn *conn);
/* Puts the bytes of the connection that are not in the metrics yet into them. */
void conn_count_bytes(struct conn *conn);
/* The next socket_close() of a TCP socket sends a reset: nobody is to take what came for the whole. */
void socket_cut(const struct gw_socket *socket);
/* A debugging line: why the connection ended. */
void conn_log_end(struct conn *conn, const char *who, const char *why);
/* The peer's address and port from here on; what a balancer says may replace what accept said. */
void conn_name_peer(struct conn *conn, const struct sockaddr *from);

/*
 * Counts the connection for this source address from here on; false when that has as many as the
 * interface allows, and then the connection is to be closed without a word.
 */
bool conn_count_source(struct conn *conn, const struct sockaddr *from);

/* The certificate that a resumed session brought, or NULL; borrowed until the next call. */
const struct leaf *conn_resumed_leaf(const struct conn *conn);

/*
 * Writes a record: `decision`, or what the ticket says of the connection's class where that is NULL;
 * `before` is the acceptance that a later refusal follows. False when it cannot be handed over: then
 * nothing may be relayed.
 */
bool conn_record(
        struct conn *conn, const struct cg_decision *decision, const struct cg_decision *before);
/* Records how a connection stands that ends before a record told of it; nothing where one has. */
void conn_record_end(struct conn *conn, enum cg_reason reason, const char *why);
/* Records a refusal that no certificate led to. */
void conn_record_refusal(struct conn *conn, enum cg_reason reason, const char *detail);
/* The same, and step close follows. */
enum step_result conn_refuse(struct conn *conn, enum cg_reason reason, const char *detail);

/* By what the connection's class has admitted the peer; only once it has. */
static inline const struct admission *
conn_admission(const struct conn *conn)
{
    return &conn->admissions[conn->class - conn->iface->classes];
}

/*
 * A connection lives no longer than what admits it without being judged again: that holds from here to
 * there, both included, of a certificate that was judged.
 */
void conn_limit_time(struct conn *conn, int64_t from, int64_t until);
/*
 * The verdict of a class on a connection without TLS: nobody is asked for a certificate but those who must
 * show one or must use TLS. CG_OK with *out, or CG_E_NOMEM.
 */
enum cg_status conn_judge_plain(
        const struct conn *conn, const struct gw_class *class, struct cg_decision **out);
/*
 * The backend is to be told of the chain that the peer sent, and the session that it resumed holds only
 * the received certificate: on another connection a full handshake brings the rest. A reload may want
 * this of sessions that are resumed already; tickets are not honoured then.
 */
static inline bool
conn_lacks_chain(const struct conn *conn)
{
    return conn->resumed && conn->handshake.ticket.chain_left_out &&
            (conn->iface->settings->identity_fields & SNAPSHOT_FIELD_CLIENT_CERT_CHAIN) != 0;
}

/*
 * Whether the class admits this connection's peer, with the host of a SIP request's From URI where there
 * is one (NULL otherwise). A refusal is recorded; an admission is to be, with conn_record_admission(),
 * once the backend is there.
 */
bool conn_admit(
        struct conn *conn, const struct gw_class *class, const char *by, const char *from_domain);
/* Records the admission of the class if that is still to be done; false as conn_record(). */
bool conn_record_admission(struct conn *conn);

#endif
