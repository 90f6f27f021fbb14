/*
 * Step connect: the far end of an outbound interface is connected. Its addresses are tried one after the
 * other, the next as soon as one has failed or has had its time, and the first that answers is taken
 * (RFC 8305 section 5, "happy eyeballs"; certgated has put them into order).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/conn.h"
#include "gateway/live.h"
#include "gateway/worker.h"

#define MAX_DETAIL 1024 /* a line about each of SNAPSHOT_MAX_ADDRESSES */

struct connecting {
    struct far_end to; /* as it was when the first was tried */
    struct gw_socket sockets[SNAPSHOT_MAX_ADDRESSES];
    int codes[SNAPSHOT_MAX_ADDRESSES]; /* errno of those that failed */
    size_t begun;
    uint64_t next; /* loop time at which another is tried beside those under way */
    uint64_t deadline;
};

void
connect_release(struct conn *conn)
{
    for (size_t i = 0; conn->connecting != NULL && i < conn->connecting->begun; i++)
        socket_close(&conn->connecting->sockets[i]);
    free(conn->connecting);
    conn->connecting = NULL;
}

static bool
begin(struct conn *conn)
{
    struct connecting *it = calloc(1, sizeof(*it));

    if (it == NULL)
        return false;
    for (size_t i = 0; i < SNAPSHOT_MAX_ADDRESSES; i++)
        it->sockets[i].fd = -1;
    it->next = uv_now(&conn->worker->loop);
    it->deadline = it->next + conn->iface->settings->connect_timeout_ms;
    conn->connecting = it;
    return true;
}

/* "cannot connect to sbc.example.com: 192.0.2.1:5061 Connection refused, [2001:db8::1]:5061 no answer" */
static enum step_result
unreachable(struct conn *conn)
{
    struct connecting *it = conn->connecting;
    enum step_result result;
    struct cg_buf detail;

    cg_buf_init(&detail, MAX_DETAIL);
    if (it->to.count == 0)
        cg_buf_addf(&detail, "no address of %s is known", conn->iface->settings->connect_host);
    else
        cg_buf_addf(&detail, "cannot connect to %s:", conn->iface->settings->connect_host);
    for (size_t i = 0; i < it->to.count; i++) {
        conn_name_peer(conn, (const struct sockaddr *)&it->to.at[i].addr);
        cg_buf_addf(&detail, "%s %s %s", i == 0 ? "" : ",", conn->endpoint,
                i >= it->begun              ? "not tried"
                        : it->codes[i] != 0 ? strerror(it->codes[i])
                                            : "no answer");
    }
    conn->endpoint[0] = conn->address[0] = '\0'; /* nobody is there */
    connect_release(conn);
    result = conn_refuse(conn, CG_REASON_BACKEND_UNAVAILABLE, cg_buf_text(&detail));
    cg_buf_release(&detail);
    return result;
}

static enum step_result
connected(struct conn *conn, size_t which)
{
    struct connecting *it = conn->connecting;
    int on = 1;

    conn_name_peer(conn, (const struct sockaddr *)&it->to.at[which].addr);
    conn->peer = it->sockets[which]; /* ownership moves to the connection */
    it->sockets[which] = (struct gw_socket) { .fd = -1 };
    connect_release(conn);
    (void)setsockopt(conn->peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    conn_set_timer(conn, conn->iface->settings->handshake_timeout_ms);
    conn->step = &step_handshake;
    return STEP_NEXT;
}

/* Tries the next address. */
static void
attempt(struct conn *conn)
{
    struct connecting *it = conn->connecting;
    const struct snapshot_address *to = &it->to.at[it->begun];
    struct gw_socket *attempt = &it->sockets[it->begun];
    int fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), code = 0;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&to->addr, to->len) != 0)
        code = errno;
    if (code == EINPROGRESS)
        code = 0;
    if (code == 0)
        socket_open(conn, attempt, fd);
    else if (fd >= 0)
        close(fd);
    it->codes[it->begun++] = code;
    it->next = uv_now(&conn->worker->loop) + (code == 0 ? GW_ATTEMPT_MS : 0);
    socket_watch(attempt, UV_WRITABLE);
}

/*
 * Looks how the attempts under way stand: connect() once more tells how the first ended (connect(2),
 * EALREADY and EISCONN). The index of one that is connected, or -1; *waiting is how many may yet be.
 */
static int
look(struct conn *conn, unsigned *waiting)
{
    struct connecting *it = conn->connecting;

    *waiting = 0;
    for (size_t i = 0; i < it->begun; i++) {
        const struct snapshot_address *to = &it->to.at[i];
        int code = EISCONN;

        if (it->sockets[i].fd < 0)
            continue;
        if (connect(it->sockets[i].fd, (const struct sockaddr *)&to->addr, to->len) != 0)
            code = errno;
        if (code == EISCONN)
            return (int)i;
        if (code == EALREADY || code == EINPROGRESS) {
            ++*waiting;
            continue;
        }
        it->codes[i] = code;
        it->next = uv_now(&conn->worker->loop);
        socket_close(&it->sockets[i]);
    }
    return -1;
}

/*
 * Until the name's first look-up has ended there is nothing to try: worker.c gives a turn when it has. A
 * reload may come meanwhile, and then it is the new generation's that ends. False: the connection is refused.
 */
static bool
take_addresses(struct conn *conn)
{
    struct connecting *it = conn->connecting;

    if (it->to.count != 0)
        return true;
    if (!live_follow(conn))
        return false;
    it->to = conn->iface->far_end;
    return true;
}

enum step_result
do_connect(struct conn *conn)
{
    uint64_t now = uv_now(&conn->worker->loop), wake;
    struct connecting *it;
    unsigned waiting = 0;
    int which;

    if (conn->connecting == NULL && !begin(conn))
        return conn_refuse(conn, CG_REASON_INTERNAL_ERROR, "no memory to connect to the far end");
    it = conn->connecting;
    wake = it->deadline;
    if (!take_addresses(conn)) {
        connect_release(conn);
        conn->step = &step_close;
        return STEP_NEXT;
    }
    if (it->to.count != 0) {
        for (;;) {
            which = look(conn, &waiting);
            if (which >= 0)
                return connected(conn, (size_t)which);
            if (it->begun == it->to.count || (waiting != 0 && now < it->next))
                break;
            attempt(conn);
        }
        if (waiting == 0)
            return unreachable(conn);
        if (it->begun < it->to.count && it->next < wake)
            wake = it->next;
    } else if (it->to.known) {
        return unreachable(conn);
    }
    if (now >= it->deadline)
        return unreachable(conn);
    conn_set_timer(conn, wake - now);
    return STEP_WAIT;
}
