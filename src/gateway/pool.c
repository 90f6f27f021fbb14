#include "gateway/pool.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Still open, and silent: what it says unasked would be taken for the response to the next request. */
static bool
is_sound(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void
drop(struct pool *pool, size_t at)
{
    close(pool->places[at].fd);
    pool->count--;
    memmove(&pool->places[at], &pool->places[at + 1], (pool->count - at) * sizeof(pool->places[0]));
}

int
pool_take(struct pool *pool, uint64_t generation)
{
    while (pool->count != 0) {
        struct pooled last = pool->places[pool->count - 1];

        if (last.generation == generation && is_sound(last.fd)) {
            pool->count--;
            return last.fd;
        }
        drop(pool, pool->count - 1);
    }
    return -1;
}

void
pool_give(struct pool *pool, int fd, uint64_t generation, uint64_t now_ms)
{
    if (pool->count == POOL_PLACES)
        drop(pool, 0);
    pool->places[pool->count++] =
            (struct pooled) { .fd = fd, .generation = generation, .since = now_ms };
}

void
pool_sweep(struct pool *pool, uint64_t now_ms, uint64_t longest_ms)
{
    for (size_t i = pool->count; i-- > 0;)
        if (now_ms - pool->places[i].since >= longest_ms || !is_sound(pool->places[i].fd))
            drop(pool, i);
}

void
pool_close(struct pool *pool)
{
    while (pool->count != 0)
        drop(pool, pool->count - 1);
}
