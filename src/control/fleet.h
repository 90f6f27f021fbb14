/*
 * The workers: started, fed with generations, listened to, replaced when they die.
 */
#ifndef CONTROL_FLEET_H
#define CONTROL_FLEET_H

#include <sys/types.h>

#include "control/candidate.h"
#include "control/metrics.h"
#include "control/resolver.h"
#include "control/sockets.h"
#include "snapshot/ipc.h"

struct fleet_worker {
    unsigned number;
    pid_t pid; /* 0: not running */
    int socket; /* our end of the pair, -1 when closed */
    uint64_t ready; /* generation in force */
    int64_t started_ms;
    struct metrics_page *metrics; /* that it counts in, kept when it is replaced */
    int metrics_fd;
    int64_t restart_ms; /* when to start it again; 0: not waiting */
};

/* Called for what workers say; text is one line without newline. */
struct fleet_events {
    void (*record)(void *arg, const uint8_t *json, size_t len);
    void (*log)(void *arg, unsigned worker, int severity, const char *text);
    void (*ready)(void *arg, unsigned worker, uint64_t generation);
    void (*failed)(void *arg, unsigned worker, uint64_t generation, const char *text);
    void *arg;
};

struct fleet {
    struct fleet_worker *workers;
    unsigned count;
    char *program; /* path of certgate-worker */
    char *user;
    struct fleet_events events;
    uint8_t ticket_keys[IPC_MAX_TICKET_KEYS * IPC_TICKET_KEY_SIZE];
    size_t ticket_key_count;
    uint8_t *packet; /* receive buffer */
    /* The generation in force, for workers that are started again; borrowed. */
    uint64_t restarts;
    const struct candidate *candidate;
    struct sockets *sockets;
    struct resolver *resolver; /* borrowed; what it knows follows each generation */
    size_t *listeners; /* index into sockets->sets of each listener, in order of interfaces */
};

CG_CHECKED enum cg_status fleet_init(struct fleet *fleet, unsigned count, const char *program,
        const char *user, const struct fleet_events *events, struct cg_error *err);
void fleet_release(struct fleet *fleet);

/* Puts a new newest ticket key in front; older ones stay for resumption until they fall out. */
bool fleet_rotate_ticket_keys(struct fleet *fleet);
/* Sends the ticket keys to every running worker. */
void fleet_send_ticket_keys(struct fleet *fleet);

/* Starts worker i and gives it the generation in force. */
CG_CHECKED enum cg_status fleet_start(
        struct fleet *fleet, unsigned i, int64_t now_ms, struct cg_error *err);
/* Gives every running worker the generation that is set in the fleet. */
CG_CHECKED enum cg_status fleet_feed_all(struct fleet *fleet, struct cg_error *err);
/* Tells every running worker where the outbound interfaces' far ends of this name are. */
void fleet_send_addresses(struct fleet *fleet, const char *host);
/* Reads everything that worker i has sent. */
void fleet_receive(struct fleet *fleet, unsigned i);
/* Collects dead workers; those are due for a restart at restart_ms. */
void fleet_reap(struct fleet *fleet, int64_t now_ms);
/* Asks all workers to end within ms. */
void fleet_drain(struct fleet *fleet, uint32_t ms);
/* Workers that still run. */
unsigned fleet_running(const struct fleet *fleet);

#endif
