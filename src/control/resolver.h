/*
 * Names of far ends, looked up by threads of their own: a name server that does not answer holds up
 * neither certgated nor the other names. A name is looked up when it is new, and again a while after each
 * look-up; getaddrinfo() does not tell how long an answer holds.
 *
 * All functions are for one thread.
 */
#ifndef CONTROL_RESOLVER_H
#define CONTROL_RESOLVER_H

#include <netdb.h>

#include "snapshot/snapshot.h"

#define RESOLVER_AGAIN_MS 30000
/* Names whose servers are silent hold a thread for half a minute each. */
#define RESOLVER_THREADS 4

struct resolver;

/* getaddrinfo() and freeaddrinfo(), or a test's own. */
struct resolver_source {
    int (*look_up)(const char *host, const char *port, const struct addrinfo *hints,
            struct addrinfo **out);
    void (*release)(struct addrinfo *list);
    int64_t again_ms;
};

/* What is known of a name. */
struct resolver_name {
    char host[SNAPSHOT_HOST_SIZE];
    struct snapshot_address
            addresses[SNAPSHOT_MAX_ADDRESSES]; /* no port; in the order to be tried */
    size_t count; /* a failure keeps what the last good look-up gave */
    bool answered; /* the first look-up has ended */
    int code; /* of the last one: 0 or what gai_strerror() explains */
};

/* What a look-up has changed. */
struct resolver_news {
    struct resolver_name name;
    bool moved; /* other addresses than before, or the name's first answer */
    bool failed; /* this one failed and the one before did not … */
    bool recovered; /* … or the other way round */
};

/* source NULL: the system's. NULL without memory or threads. */
struct resolver *resolver_new(const struct resolver_source *source);
void resolver_free(struct resolver *resolver);
/* Exactly these names from now on, looked up at once; what is known of those wanted before stays. */
void resolver_want(struct resolver *resolver, const char *const *hosts, size_t count);
/* What is known of a name; false when it is not wanted. */
bool resolver_get(struct resolver *resolver, const char *host, struct resolver_name *out);
/* Readable when there is news. */
int resolver_fd(const struct resolver *resolver);
/* Takes one piece of news; false when there is none. */
bool resolver_next(struct resolver *resolver, struct resolver_news *out);

/*
 * Puts at most SNAPSHOT_MAX_ADDRESSES of a list into the order in which they are to be tried: families in
 * turn, beginning with the first one's, the list's order within each (RFC 8305 section 4).
 */
size_t resolver_order(
        const struct addrinfo *list, struct snapshot_address out[SNAPSHOT_MAX_ADDRESSES]);

#endif
