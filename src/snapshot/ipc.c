#include "snapshot/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/reader.h"

/* One octet of type in front of the payload; the packet's own length bounds it. */
#define HEADER_SIZE 1

const char *
ipc_type_name(enum ipc_type type)
{
    static const char *const names[] = {
#define X(name, from, fds, when) #name,
        IPC_MESSAGES(X)
#undef X
    };

    return type < IPC_TYPE_COUNT ? names[type] : "unknown";
}

static const char *const sandbox_names[] = { "off", "on", "required" };

const char *
ipc_sandbox_name(enum ipc_sandbox sandbox)
{
    return sandbox_names[sandbox];
}

bool
ipc_sandbox_from_name(const char *name, enum ipc_sandbox *out)
{
    for (size_t i = 0; i < sizeof(sandbox_names) / sizeof(sandbox_names[0]); i++) {
        if (strcmp(sandbox_names[i], name) == 0) {
            *out = (enum ipc_sandbox)i;
            return true;
        }
    }
    return false;
}

enum cg_status
ipc_send(int socket, enum ipc_type type, const void *payload, size_t len, const int *fds,
        size_t fd_count, struct cg_error *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * IPC_MAX_FDS)];
    } control;
    uint8_t header = (uint8_t)type;
    struct iovec parts[2] = { { &header, HEADER_SIZE }, { (void *)(uintptr_t)payload, len } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = len == 0 ? 1 : 2 };
    struct cmsghdr *rights;
    ssize_t sent;

    if (len > IPC_MAX_PAYLOAD || fd_count > IPC_MAX_FDS)
        return cg_fail(
                err, CG_E_LIMIT, "%s message of %zu bytes is too large", ipc_type_name(type), len);
    if (fd_count != 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * fd_count);
    }
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return cg_fail(err, CG_E_USAGE, "cannot send %s: %s", ipc_type_name(type), strerror(errno));
    return CG_OK;
}

static void
take_fds(struct msghdr *received, struct ipc_message *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(received); c != NULL; c = CMSG_NXTHDR(received, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        message->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(message->fds, CMSG_DATA(c), message->fd_count * sizeof(int));
    }
}

enum cg_status
ipc_receive(int socket, uint8_t *buffer, struct ipc_message *message, bool *closed,
        struct cg_error *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * IPC_MAX_FDS)];
    } control;
    struct iovec part = { buffer, IPC_MAX_PAYLOAD + 16 };
    struct msghdr received = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes) };
    bool reset = false;
    ssize_t len;

    message->type = IPC_TYPE_COUNT;
    message->payload = NULL;
    message->len = message->fd_count = 0;
    *closed = false;
    /*
     * An end that was closed with messages unread is told by ECONNRESET, once and before what it had sent
     * (unix(7)): its last words come with the next call.
     */
    do
        len = recvmsg(socket, &received, MSG_CMSG_CLOEXEC);
    while (len < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return CG_OK;
    if (len <= 0) {
        *closed = true;
        return len == 0 || errno == ECONNRESET
                ? CG_OK
                : cg_fail(err, CG_E_USAGE, "cannot receive: %s", strerror(errno));
    }
    take_fds(&received, message);
    if ((received.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || buffer[0] >= IPC_TYPE_COUNT) {
        for (size_t i = 0; i < message->fd_count; i++)
            close(message->fds[i]);
        message->fd_count = 0;
        return cg_fail(err, CG_E_PARSE, "malformed message of %zd bytes, type %u", len, buffer[0]);
    }
    message->type = (enum ipc_type)buffer[0];
    message->payload = buffer + HEADER_SIZE;
    message->len = (size_t)len - HEADER_SIZE;
    return CG_OK;
}
