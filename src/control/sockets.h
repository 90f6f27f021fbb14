/*
 * Listening sockets. certgated binds them all, one per worker and address, and keeps its copies, so that
 * a worker may die without its port. UNIX sockets are for local programs, on outbound interfaces.
 */
#ifndef CONTROL_SOCKETS_H
#define CONTROL_SOCKETS_H

#include <sys/stat.h>

#include "snapshot/snapshot.h"

struct socket_set {
    struct snapshot_address wanted; /* as configured; port 0 lets the system choose */
    struct snapshot_address bound;
    int *fds; /* one per worker; of a UNIX socket copies of one */
    struct stat file; /* of a UNIX socket: which file is ours to remove */
    bool in_use; /* marked while a generation is put together */
};

struct sockets {
    struct socket_set *sets;
    size_t count;
    unsigned workers;
};

/*
 * The set for an address: an existing one, or a new one bound now. NULL with the text when the address
 * cannot be bound.
 */
struct socket_set *sockets_get(
        struct sockets *sockets, const struct snapshot_address *wanted, struct cg_error *err);
/* Closes the sets that are not marked as in use. */
void sockets_sweep(struct sockets *sockets);
void sockets_release(struct sockets *sockets);

/* "127.0.0.1:8443", "[::1]:8443", "unix:/run/line.sock" */
#define SOCKETS_TEXT_SIZE 128
void sockets_text(const struct snapshot_address *address, char *out, size_t size);

#endif
