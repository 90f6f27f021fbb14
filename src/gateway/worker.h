/*
 * The worker: one loop, the connection to certgated on descriptor 3, the generation in force, its
 * listeners and all connections.
 */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include <uv.h>

#include "gateway/chain.h"
#include "gateway/conn.h"
#include "gateway/generation.h"
#include "gateway/leaves.h"
#include "gateway/outbox.h"
#include "gateway/revocation.h"
#include "gateway/sources.h"
#include "gateway/tls.h"
#include "snapshot/ipc.h"
#include "snapshot/snapshot.h"

/* Why nothing is accepted just now; bits. */
enum {
    PAUSE_DESCRIPTORS = 1 << 0, /* the process has none left */
    PAUSE_OUTBOX = 1 << 1, /* certgated does not keep up with the records */
    PAUSE_DRAIN = 1 << 2, /* the worker is to end */
};

struct listener {
    struct worker *worker;
    struct gw_interface *iface;
    struct generation *generation;
    struct listener *next;
    uv_poll_t poll;
    int fd;
    bool plain; /* accepts without TLS */
    bool polling;
};

/* What has come for a generation before its SNAPSHOT. */
struct arrival {
    uint64_t generation;
    EVP_PKEY *keys[SNAPSHOT_MAX_IDENTITIES];
    struct {
        uint32_t interface;
        uint32_t listener;
        int fd;
    } listeners[SNAPSHOT_MAX_INTERFACES * SNAPSHOT_MAX_LISTENERS];
    size_t listener_count;
};

struct worker {
    uv_loop_t loop;
    uv_poll_t control;
    uv_poll_t ready; /* of `epoll`: connections' sockets have something to say */
    int epoll;
    uv_timer_t pause_timer;
    uv_timer_t drain_timer;
    uv_timer_t sweep_timer;
    uv_check_t refusals; /* looks for system calls that the sandbox refused */
    uv_idle_t turns; /* runs while connections are ready without waiting */
    int control_fd;
    int control_events;
    uint8_t *packet;
    struct outbox outbox;

    struct cg_engine *engine;
    gw_clock *clock;
    struct metrics_page *metrics; /* certgated's, or our own while it has sent none */
    bool metrics_shared;
    struct sessions *sessions; /* all workers', or our own while certgated has sent none */
    struct leaves *leaves;
    struct revocation *revocation;
    uint64_t evidence; /* sets of it that there were: a connection notes by which it was judged */
    struct arrival arrival;
    struct generation *generation;
    struct listener *listeners;
    enum ipc_audit audit;
    unsigned pauses;
    uint64_t told[GW_TOLD_CHAINS]; /* begins of the digests of chains, each at its place; 0: none */
    bool limited; /* an interface has all the connections that it may have */
    bool descriptors_logged;

    struct sources sources;
    struct conn *conns;
    size_t conn_count;
    struct conn *ready_first;
    struct conn *ready_last;
    struct conn *looked_at_next; /* by live_turn(); NULL: all have been looked at */
    uint8_t *scratch; /* GW_RELAY_BYTES, for whoever's turn it is */
    bool ending;
    int exit_status;
};

/* Takes over the descriptor. NULL with a sentence when the worker cannot be set up. */
struct worker *worker_new(int control_fd, gw_clock *clock, struct cg_error *err);
/* Says what the process is confined by; before worker_run(). */
void worker_confined(struct worker *worker, enum ipc_confinement state, const char *text);
/* Serves until told to end or certgated is gone; the exit status of the process. */
int worker_run(struct worker *worker);
void worker_free(struct worker *worker);

/* One line for the operator; dropped only when certgated does not take it. */
void worker_log(struct worker *worker, enum ipc_severity severity, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* A decision record; false when it cannot be handed over, which is counted. */
bool worker_record(struct worker *worker, const char *json);
/* True once for each chain, as far as that is remembered: it is then to be handed over. */
bool worker_chain_is_new(struct worker *worker, const uint8_t sha256[CG_SHA256_SIZE]);
/* The chain of an admitted peer; nothing rests on whether it can be handed over. */
void worker_chain(struct worker *worker, const struct chain *chain);
/* Something is to be done as soon as descriptors were looked at. */
void worker_take_turns(struct worker *worker);
/* Gives the connection another turn soon. */
void worker_ready(struct worker *worker, struct conn *conn);
void worker_adopt(struct worker *worker, struct conn *conn);
/* The connection's memory is about to go. */
void worker_forget(struct worker *worker, struct conn *conn);

/* Sets or clears a reason for not accepting, and starts or stops the listeners accordingly. */
void worker_pause(struct worker *worker, unsigned reason, bool on);

/* Starts to serve the arrived listeners for the generation; the old ones are closed. */
void listeners_replace(
        struct worker *worker, struct generation *generation, struct arrival *arrival);
/* Polls what may accept now. */
void listeners_update(struct worker *worker);

#endif
