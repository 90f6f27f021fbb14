/*
 * The workers: started, fed with generations, listened to, replaced when they die; and those of before an
 * upgrade, which only see their connections to an end.
 */
#ifndef CONTROL_FLEET_H
#define CONTROL_FLEET_H

#include <poll.h>
#include <sys/types.h>

#include "control/candidate.h"
#include "control/metrics.h"
#include "control/resolver.h"
#include "control/sockets.h"
#include "snapshot/ipc.h"

/* Workers of before upgrades that may still be ending; more, and an upgrade is refused. */
#define FLEET_MAX_RETIRED 512
#define FLEET_MAX_WORKERS 64
#define FLEET_MAX_POLLED (FLEET_MAX_WORKERS + FLEET_MAX_RETIRED)

struct fleet_worker {
    unsigned number;
    pid_t pid; /* 0: not running */
    int socket; /* our end of the pair, -1 when closed */
    uint64_t ready; /* generation in force */
    int64_t started_ms;
    struct metrics_page *metrics; /* that it counts in, kept when it is replaced */
    int metrics_fd;
    int64_t restart_ms; /* when to start it again; 0: not waiting */
    int64_t kill_ms; /* when to kill it if it has not ended; 0: it was not told to end */
    bool retired;
    unsigned knows; /* messages that its version knows: of a later one it is not told */
};

/* Called for what workers say; text is one line without newline. */
struct fleet_events {
    void (*record)(void *arg, const uint8_t *json, size_t len);
    void (*chain)(void *arg, const uint8_t *der, size_t len);
    void (*log)(void *arg, const struct fleet_worker *worker, int severity, const char *text);
    void (*ready)(void *arg, const struct fleet_worker *worker, uint64_t generation);
    void (*failed)(void *arg, struct fleet_worker *worker, uint64_t generation, const char *text);
    void (*confined)(void *arg, const struct fleet_worker *worker, enum ipc_confinement state,
            const char *text);
    void (*ended)(void *arg, const struct fleet_worker *worker, const char *text);
    /* NULL where nothing is known of revocation: a worker asks for it, and a new one gets what there is. */
    void (*ask)(void *arg, const uint8_t *payload, size_t len);
    enum cg_status (*feed)(void *arg, struct fleet_worker *worker, struct cg_error *err);
    void *arg;
};

struct fleet {
    struct fleet_worker *workers;
    unsigned count;
    struct fleet_worker *retired; /* in no order; room for FLEET_MAX_RETIRED */
    unsigned retired_count;
    struct metrics_page *past; /* what workers that are no more have counted */
    int past_fd;
    int program; /* the worker's program, open: what is started again is what was started */
    struct fleet_events events;
    int sessions; /* the workers' memory of TLS sessions */
    uint8_t *packet; /* receive buffer */
    uint64_t restarts;
    enum ipc_audit audit; /* what workers were told last */
    /* The generation in force, for workers that are started again; borrowed. */
    const struct candidate *candidate;
    struct sockets *sockets; /* NULL: workers get no listeners, they are only tried */
    struct resolver *resolver; /* borrowed; what it knows follows each generation; NULL: nothing */
    size_t *listeners; /* index into sockets->sets of each listener, in order of interfaces */
};

/* Nothing runs yet. */
CG_CHECKED enum cg_status fleet_init(
        struct fleet *fleet, const struct fleet_events *events, struct cg_error *err);
/* Opens the workers' program and makes room for `count`. */
CG_CHECKED enum cg_status fleet_prepare(
        struct fleet *fleet, unsigned count, const char *program, struct cg_error *err);
void fleet_release(struct fleet *fleet);

/* Starts worker i and gives it the generation in force. */
CG_CHECKED enum cg_status fleet_start(
        struct fleet *fleet, unsigned i, int64_t now_ms, struct cg_error *err);
/*
 * Gives every running worker the generation that is set in the fleet. Retired ones get no listeners with
 * it: they judge their connections by it.
 */
CG_CHECKED enum cg_status fleet_feed_all(struct fleet *fleet, struct cg_error *err);

/* Tells every running worker, where it is not what they know. */
void fleet_set_audit(struct fleet *fleet, enum ipc_audit audit);

/* Tells every running worker where the outbound interfaces' far ends of this name are. */
void fleet_send_addresses(struct fleet *fleet, const char *host);

/* One entry for each worker, retired ones behind; returns how many, at most FLEET_MAX_POLLED. */
size_t fleet_poll(const struct fleet *fleet, struct pollfd *fds);
/* Reads what came by the entries of fleet_poll(). */
void fleet_receive_polled(struct fleet *fleet, const struct pollfd *fds);

/* Collects dead workers, kills those past their limit; the dead are due for a restart at restart_ms. */
void fleet_reap(struct fleet *fleet, int64_t now_ms);
/* The earliest moment at which fleet_reap() or a restart has something to do, or `otherwise`. */
int64_t fleet_next_ms(const struct fleet *fleet, int64_t otherwise);
/* Asks all workers, or the retired only, to end within ms. */
void fleet_drain(struct fleet *fleet, uint32_t ms, int64_t now_ms);
void fleet_drain_retired(struct fleet *fleet, uint32_t ms, int64_t now_ms);
void fleet_drain_worker(
        struct fleet *fleet, struct fleet_worker *worker, uint32_t ms, int64_t now_ms);
/* What they have counted, all of it over time; returns how many pages, at most FLEET_MAX_POLLED + 1. */
size_t fleet_pages(const struct fleet *fleet, struct metrics_page **pages);
/* Takes over a worker of before an upgrade, or with pid 0 only what one has counted. */
void fleet_adopt(struct fleet *fleet, const struct fleet_worker *worker);
/* Workers that still run, the retired among them. */
unsigned fleet_running(const struct fleet *fleet);

#endif
