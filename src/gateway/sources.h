/* How many connections each source address has open in this worker: an IPv4 address, or an IPv6 /64. */
#ifndef GATEWAY_SOURCES_H
#define GATEWAY_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* One source; lives while it has connections. */
struct source {
    struct source *next; /* in its bucket */
    uint8_t prefix[16];
    uint32_t connections;
    bool limit_logged;
};

/* As many as fit a worker's descriptors: chains stay short. */
#define SOURCES_BUCKETS 4096

struct sources {
    uint64_t seed; /* so that nobody can choose addresses that share a bucket */
    struct source *buckets[SOURCES_BUCKETS];
};

/*
 * Counts one more connection of an address. NULL without memory, or for a family without addresses; the
 * connection is then not counted, and *failed tells which of the two it is.
 */
struct source *sources_take(struct sources *sources, const struct sockaddr *from, bool *failed);
/* One connection less; NULL is allowed. */
void sources_give(struct sources *sources, struct source *source);

#endif
