#include "control/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"
#include "control/say.h"

bool
state_open(struct state *state, const char *path, uint64_t *generation)
{
    char text[32];
    ssize_t len;
    int fd;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        say("state directory %s cannot be made: %s", path, strerror(errno));
        return false;
    }
    state->folder = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (state->folder < 0) {
        say("state directory %s cannot be opened: %s", path, strerror(errno));
        return false;
    }
    state->lock = openat(state->folder, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (state->lock < 0 || flock(state->lock, LOCK_EX | LOCK_NB) != 0) {
        say(errno == EWOULDBLOCK ? "another certgated uses the state directory %s"
                                 : "state directory %s cannot be locked",
                path);
        return false;
    }
    fd = openat(state->folder, "generation", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0) {
        say("the generation counter in %s cannot be read", path);
        return false;
    }
    text[len] = '\0';
    *generation = strtoull(text, NULL, 10);
    return true;
}

/* Written beside and renamed, so that a power cut leaves the old or the new text. */
bool
state_store_text(const struct state *state, const char *name, const char *text)
{
    char beside[64];
    bool ok;
    int fd;

    (void)snprintf(beside, sizeof(beside), "%s.new", name);
    fd = openat(state->folder, beside, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ok = write_all(fd, text, strlen(text)) && fsync(fd) == 0;
    close(fd);
    return ok && renameat(state->folder, beside, state->folder, name) == 0 &&
            fsync(state->folder) == 0;
}

bool
state_store_generation(const struct state *state, uint64_t generation)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)generation);
    return state_store_text(state, "generation", text);
}

bool
state_store_pending(const struct state *state, const struct pending *pending)
{
    char text[128];

    if (pending->generation == 0)
        return unlinkat(state->folder, "pending", 0) == 0 || errno == ENOENT;
    (void)snprintf(text, sizeof(text), "%llu %llu %lld %u\n",
            (unsigned long long)pending->generation, (unsigned long long)pending->back_to,
            (long long)pending->reverts_at, pending->within_s);
    return state_store_text(state, "pending", text);
}

void
state_load_pending(const struct state *state, int64_t now, struct pending *pending)
{
    int fd = openat(state->folder, "pending", O_RDONLY | O_CLOEXEC);
    unsigned long long generation, back_to;
    long long reverts_at, left;
    unsigned within_s;
    char text[128];
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    *pending = (struct pending) { .generation = 0 };
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return;
    text[len] = '\0';
    if (sscanf(text, "%llu %llu %lld %u", &generation, &back_to, &reverts_at, &within_s) != 4)
        return;
    /* A clock that was set back meanwhile gives no more time than there was. */
    left = reverts_at < now ? 0 : reverts_at - now > within_s ? within_s : reverts_at - now;
    *pending =
            (struct pending) { generation, back_to, now + left, within_s, now_ms() + left * 1000 };
}

bool
state_open_control(struct state *state, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", path, CONTROL_SOCKET);

    if (len < 0 || (size_t)len >= sizeof(address.sun_path)) {
        say("the state directory's path is too long for a socket");
        return false;
    }
    (void)unlinkat(state->folder, CONTROL_SOCKET, 0);
    state->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (state->control < 0 ||
            bind(state->control, (struct sockaddr *)&address, sizeof(address)) != 0 ||
            chmod(address.sun_path, 0600) != 0 || listen(state->control, 8) != 0) {
        say("the control socket %s cannot be opened: %s", address.sun_path, strerror(errno));
        return false;
    }
    return true;
}

void
state_close(struct state *state)
{
    const int descriptors[] = { state->control, state->lock, state->folder };

    if (state->control >= 0)
        (void)unlinkat(state->folder, CONTROL_SOCKET, 0);
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    *state = STATE_NONE;
}
