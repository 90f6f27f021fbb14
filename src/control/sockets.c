#include "control/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

#define BACKLOG 1024
/* Local programs in the socket's group may connect; who that is, its folder decides. */
#define UNIX_MODE 0660

void
sockets_text(const struct snapshot_address *address, char *out, size_t size)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->addr;
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->addr.ss_family == AF_UNIX) {
        (void)snprintf(
                out, size, "unix:%s", ((const struct sockaddr_un *)&address->addr)->sun_path);
    } else if (address->addr.ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        (void)snprintf(out, size, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        (void)snprintf(out, size, "%s:%u", host, ntohs(v4->sin_port));
    }
}

/* A bound socket, or -1 with errno. */
static int
bind_one(const struct snapshot_address *address, bool reuse_port)
{
    int fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1,
        error;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
            (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
            (address->addr.ss_family == AF_INET6 &&
                    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
            bind(fd, (const struct sockaddr *)&address->addr, address->len) != 0) {
        error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/*
 * A first bind and listen without SO_REUSEPORT finds out whether somebody else holds the port: with it,
 * two programs would share the port and halve each other's connections.
 */
static bool
probe(const struct snapshot_address *wanted, struct snapshot_address *bound)
{
    int fd = bind_one(wanted, false), error = 0;
    bool ok = false;

    if (fd < 0)
        return false;
    bound->len = sizeof(bound->addr);
    if (listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)&bound->addr, &bound->len) == 0)
        ok = true;
    else
        error = errno;
    close(fd);
    errno = error;
    return ok;
}

/* ---- UNIX sockets ------------------------------------------------------------------------------ */

static const char *
path_of(const struct snapshot_address *address)
{
    return ((const struct sockaddr_un *)&address->addr)->sun_path;
}

/*
 * A path left behind by a program that did not remove it goes; false with errno where somebody listens
 * there, or where it is something else.
 */
static bool
clear_path(const struct snapshot_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code = 0;
    struct stat facts;

    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)&address->addr, address->len) != 0)
        code = errno;
    close(fd);
    if (code == ENOENT)
        return true;
    errno = code == 0 || code == EAGAIN ? EADDRINUSE : code;
    if (code != ECONNREFUSED || lstat(path_of(address), &facts) != 0)
        return false;
    errno = EEXIST;
    return S_ISSOCK(facts.st_mode) && unlink(path_of(address)) == 0;
}

/* The one listening socket at the path, and which file that is; -1 with errno. */
static int
bind_unix(const struct snapshot_address *address, struct stat *file)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

    if (fd < 0)
        return -1;
    /* Before bind(), so that at no moment others may connect; after it, against the umask. */
    if (fchmod(fd, UNIX_MODE) != 0 || !clear_path(address) ||
            bind(fd, (const struct sockaddr *)&address->addr, address->len) != 0)
        goto fail;
    if (chmod(path_of(address), UNIX_MODE) == 0 && listen(fd, BACKLOG) == 0 &&
            lstat(path_of(address), file) == 0)
        return fd;
    error = errno;
    (void)unlink(path_of(address));
    errno = error;
fail:
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Workers share one queue of connections: SO_REUSEPORT is for ports only. */
static bool
open_unix(struct socket_set *set, unsigned workers)
{
    set->bound = set->wanted;
    set->fds[0] = bind_unix(&set->wanted, &set->file);
    for (unsigned i = 1; i < workers && set->fds[0] >= 0; i++) {
        set->fds[i] = fcntl(set->fds[0], F_DUPFD_CLOEXEC, 0);
        if (set->fds[i] < 0)
            return false;
    }
    return set->fds[0] >= 0;
}

/* Only if the path still is ours: another program may have taken it over. */
static void
remove_path(const struct socket_set *set)
{
    struct stat facts;

    if (set->wanted.addr.ss_family == AF_UNIX && set->file.st_ino != 0 &&
            lstat(path_of(&set->wanted), &facts) == 0 && facts.st_dev == set->file.st_dev &&
            facts.st_ino == set->file.st_ino)
        (void)unlink(path_of(&set->wanted));
}

/* ---- sets -------------------------------------------------------------------------------------- */

static bool
open_ports(struct socket_set *set, unsigned workers)
{
    if (!probe(&set->wanted, &set->bound))
        return false;
    for (unsigned i = 0; i < workers; i++) {
        set->fds[i] = bind_one(&set->bound, true);
        if (set->fds[i] < 0 || listen(set->fds[i], BACKLOG) != 0)
            return false;
    }
    return true;
}

static void
close_set(struct socket_set *set, unsigned workers)
{
    remove_path(set);
    for (unsigned i = 0; set->fds != NULL && i < workers; i++)
        if (set->fds[i] >= 0)
            close(set->fds[i]);
    free(set->fds);
}

struct socket_set *
sockets_get(struct sockets *sockets, const struct snapshot_address *wanted, struct cg_error *err)
{
    struct socket_set *grown, set = { .wanted = *wanted, .in_use = true };
    char text[SOCKETS_TEXT_SIZE];

    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->sets[i].wanted.len == wanted->len && !sockets->sets[i].in_use &&
                memcmp(&sockets->sets[i].wanted.addr, &wanted->addr, wanted->len) == 0) {
            sockets->sets[i].in_use = true;
            return &sockets->sets[i];
        }
    sockets_text(wanted, text, sizeof(text));
    set.fds = calloc(sockets->workers, sizeof(int));
    grown = realloc(sockets->sets, (sockets->count + 1) * sizeof(*grown));
    if (grown != NULL)
        sockets->sets = grown;
    if (grown == NULL || set.fds == NULL) {
        free(set.fds);
        cg_fail(err, CG_E_NOMEM, "no memory to listen on %s", text);
        return NULL;
    }
    for (unsigned i = 0; i < sockets->workers; i++)
        set.fds[i] = -1;
    if (wanted->addr.ss_family == AF_UNIX ? !open_unix(&set, sockets->workers)
                                          : !open_ports(&set, sockets->workers)) {
        cg_fail(err, CG_E_USAGE, "cannot listen on %s: %s", text, strerror(errno));
        close_set(&set, sockets->workers);
        return NULL;
    }
    sockets->sets[sockets->count] = set;
    return &sockets->sets[sockets->count++];
}

void
sockets_sweep(struct sockets *sockets)
{
    size_t kept = 0;

    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->sets[i].in_use)
            sockets->sets[kept++] = sockets->sets[i];
        else
            close_set(&sockets->sets[i], sockets->workers);
    }
    sockets->count = kept;
}

void
sockets_release(struct sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        close_set(&sockets->sets[i], sockets->workers);
    free(sockets->sets);
    *sockets = (struct sockets) { 0 };
}
