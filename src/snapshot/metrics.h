/*
 * Counters that a worker writes and certgated reads: one page of shared memory for each worker, kept when
 * the worker is replaced. A worker only adds to what is its own; a torn read of a 64-bit counter cannot
 * happen on the machines we run on, and nothing but display depends on it.
 */
#ifndef SNAPSHOT_METRICS_H
#define SNAPSHOT_METRICS_H

#include <certgate/decision.h>

#include "snapshot/snapshot.h"

/* How the lines of one row look in Prometheus' text. */
enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

/* clang-format off */
/* Numbers of one interface. Rows with the same metric stand together. */
#define METRICS_INTERFACE(X)                                                                          \
    /* field                metric                             type     further labels         help */ \
    X(connections,          "certgate_connections_total",       COUNTER, "",                    "connections accepted") \
    X(open,                 "certgate_connections_open",        GAUGE,   "",                    "connections open now") \
    X(bytes_from_peer,      "certgate_bytes_total",             COUNTER, "direction=\"from_peer\"", "bytes relayed of the plaintext inside") \
    X(bytes_to_peer,        "certgate_bytes_total",             COUNTER, "direction=\"to_peer\"",   "") \
    X(sessions_full,        "certgate_sessions_total",          COUNTER, "outcome=\"full\"",    "finished handshakes: full because no session was offered, resumed, or full because the one offered did not hold") \
    X(sessions_resumed,     "certgate_sessions_total",          COUNTER, "outcome=\"resumed\"", "") \
    X(sessions_declined,    "certgate_sessions_total",          COUNTER, "outcome=\"declined\"", "") \
    X(limit_connections,    "certgate_limit_hits_total",        COUNTER, "limit=\"max-connections\"", "times that a limit was met") \
    X(limit_source,         "certgate_limit_hits_total",        COUNTER, "limit=\"max-per-source\"", "") \
    X(live_close,           "certgate_dismissed_total",         COUNTER, "live=\"close\"",      "connected peers that were no longer admitted, by what became of them") \
    X(live_drain,           "certgate_dismissed_total",         COUNTER, "live=\"drain\"",      "") \
    X(live_leave,           "certgate_dismissed_total",         COUNTER, "live=\"leave\"",      "")

/* Numbers of the worker as a whole. */
#define METRICS_WORKER(X)                                                                             \
    X(limit_descriptors,    "certgate_worker_limit_hits_total", COUNTER, "limit=\"descriptors\"", "times that a limit of the worker was met") \
    X(limit_outbox,         "certgate_worker_limit_hits_total", COUNTER, "limit=\"outbox\"",    "") \
    X(records_lost,         "certgate_worker_records_lost_total", COUNTER, "",                    "decision records that a worker could not hand over; certgate_records_lost_total counts them too")

/* Upper bounds of the handshake time histogram's buckets, in milliseconds. */
#define METRICS_BUCKETS(X) X(1) X(2) X(5) X(10) X(20) X(50) X(100) X(200) X(500) X(1000) X(2000) X(5000) X(10000)
/* clang-format on */

enum {
#define X(ms) METRICS_BUCKET_##ms,
    METRICS_BUCKETS(X)
#undef X
            METRICS_BUCKET_MORE,
    METRICS_BUCKET_COUNT
};

/* Interfaces that a page has room for, those of earlier generations among them. */
#define METRICS_MAX_INTERFACES (2 * SNAPSHOT_MAX_INTERFACES)

struct metrics_interface {
    char name[SNAPSHOT_NAME_SIZE]; /* "": free */
#define X(field, metric, type, labels, help) uint64_t field;
    METRICS_INTERFACE(X)
#undef X
    uint64_t decisions[CG_REASON_COUNT]; /* CG_REASON_NONE: accepted … */
    uint64_t accepted_by_allowance; /* … and of these, with an allowance */
    uint64_t handshake_buckets[METRICS_BUCKET_COUNT];
    uint64_t handshake_us; /* sum */
};

struct metrics_page {
#define X(field, metric, type, labels, help) uint64_t field;
    METRICS_WORKER(X)
#undef X
    struct metrics_interface interfaces[METRICS_MAX_INTERFACES];
};

/* The interface's numbers, a new place where it has none; NULL when the page is full. */
struct metrics_interface *metrics_find(struct metrics_page *page, const char *name);
/* Adds a finished handshake's time. */
void metrics_handshake(struct metrics_interface *metrics, uint64_t us);

#endif
