/*
 * Backend connections without a request, for whichever peer's comes next (RFC 9112 section 9.3). What is in
 * here has answered in full and said nothing since. One for each interface.
 */
#ifndef GATEWAY_POOL_H
#define GATEWAY_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_PLACES 64

struct pool {
    struct pooled {
        int fd;
        uint64_t generation; /* in which it was connected: another may have another backend */
        uint64_t since;
    } places[POOL_PLACES]; /* the one that came last is the last, and is taken first */
    size_t count;
};

/* A connection that the caller owns, or -1. */
int pool_take(struct pool *pool, uint64_t generation);
/* Takes it over; the one that waits for longest is closed where there are too many. */
void pool_give(struct pool *pool, int fd, uint64_t generation, uint64_t now_ms);
/* Closes those that have waited for longer than this, or that the backend has closed. */
void pool_sweep(struct pool *pool, uint64_t now_ms, uint64_t longest_ms);
void pool_close(struct pool *pool);

#endif
