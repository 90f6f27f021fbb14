/*
 * A real worker in a process of its own, with one outbound interface, fed as certgated would feed it. Its
 * clock is the test's.
 */
#ifndef TESTS_WORKER_SCENE_H
#define TESTS_WORKER_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "gateway/clock.h"
#include "gateway/limits.h"
#include "gateway/worker.h"
#include "snapshot/ipc.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PATIENCE_MS 20000
#define GENERATION 7 /* the first */
#define SCENE_TIME (GW_CLOCK_FLOOR + 864000) /* at the beginning, in seconds */

struct worker_scene {
    pid_t pid;
    int control;
    int listener; /* of the interface */
    struct sockaddr_in local; /* where that listens */
    int64_t *clock_ms; /* shared with the worker */
    uint64_t generation;
    uint8_t packet[IPC_MAX_PAYLOAD + 16];
};

/* 127.0.0.1, 127.0.0.2, … */
static inline struct sockaddr_in
loopback(size_t which, uint16_t port)
{
    return (struct sockaddr_in) { .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)which) };
}

static inline int
listen_on(struct sockaddr_in *at, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(*at);

    if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof(*at)) == 0 && listen(fd, backlog) == 0 &&
            getsockname(fd, (struct sockaddr *)at, &len) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline int
connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)!connect(fd, (const struct sockaddr *)to, sizeof(*to));
    return fd;
}

/* ---- life -------------------------------------------------------------------------------------- */

/* The worker is a process that has no other way to its clock. */
static int64_t *scene_clock_ms;

static inline int64_t
scene_clock(void)
{
    return __atomic_load_n(scene_clock_ms, __ATOMIC_SEQ_CST);
}

static inline void
scene_set_clock(struct worker_scene *scene, int64_t seconds)
{
    __atomic_store_n(scene->clock_ms, seconds * 1000, __ATOMIC_SEQ_CST);
}

static inline void
scene_run_worker(int control)
{
    struct cg_error err;
    struct worker *worker;
    int status;

    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    worker = worker_new(control, scene_clock, &err);
    status = worker == NULL ? EXIT_FAILURE : worker_run(worker);
    worker_free(worker);
    exit(status);
}

static inline void
scene_start(struct worker_scene *scene)
{
    int pair[2];

    scene->generation = GENERATION - 1;
    scene->clock_ms = scene_clock_ms = mmap(NULL, sizeof(*scene->clock_ms), PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(scene->clock_ms != MAP_FAILED);
    scene_set_clock(scene, SCENE_TIME);
    scene->local = loopback(0, 0);
    scene->listener = listen_on(&scene->local, 16);
    assert_true(scene->listener >= 0);
    assert_int_equal(
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    scene->pid = fork();
    if (scene->pid == 0) {
        close(pair[0]);
        scene_run_worker(pair[1]);
    }
    close(pair[1]);
    scene->control = pair[0];
}

/* ---- messages ---------------------------------------------------------------------------------- */

static inline void
put_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static inline void
scene_send(struct worker_scene *scene, enum ipc_type type, const void *payload, size_t len, int fd)
{
    struct cg_error err;

    assert_int_equal(
            ipc_send(scene->control, type, payload, len, &fd, fd >= 0 ? 1 : 0, &err), CG_OK);
}

/* The text of the next message of that type; others are passed over. */
static inline const char *
scene_receive(struct worker_scene *scene, enum ipc_type type)
{
    struct pollfd readable = { .fd = scene->control, .events = POLLIN };
    struct ipc_message message;
    struct cg_error err;
    bool closed = false;

    do {
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
        assert_int_equal(
                ipc_receive(scene->control, scene->packet, &message, &closed, &err), CG_OK);
        assert_false(closed);
        if (message.type == IPC_FAILED)
            fail_msg("%.*s", (int)message.len - 8, (const char *)message.payload + 8);
    } while (message.type != type);
    scene->packet[1 + message.len] = '\0'; /* behind the octet of type */
    return (const char *)scene->packet + 1;
}

/* An interface that leads to far.example.test at this port, for scene_generation(). */
static inline struct snapshot_interface
scene_interface(uint16_t port)
{
    return (struct snapshot_interface) { .name = "out",
        .role = CG_ROLE_OUTBOUND,
        .rules = { .level = CG_LEVEL_NONE, .max_depth = 10 },
        .others = true,
        .min_tls = TLS1_2_VERSION,
        .security = SECURITY_HIGH,
        .listen_count = 1,
        .connect_host = "far.example.test",
        .connect_port = port,
        .handshake_timeout_ms = PATIENCE_MS,
        .connect_timeout_ms = PATIENCE_MS,
        .idle_timeout_ms = PATIENCE_MS,
        .max_connections = 10 };
}

/* The next generation, with this interface alone, and waits until it is in force. */
static inline void
scene_generation(struct worker_scene *scene, struct snapshot_interface iface)
{
    struct snapshot snapshot = { .generation = ++scene->generation,
        .node = "test",
        .interfaces = &iface,
        .interface_count = 1 };
    uint8_t message[16];
    struct cg_error err;
    int file;

    memcpy(&iface.listen[0].at.addr, &scene->local, sizeof(scene->local));
    iface.listen[0].at.len = sizeof(scene->local);
    put_number(message, scene->generation, 8);
    put_number(message + 8, 0, 8);
    scene_send(scene, IPC_LISTENERS, message, 16, scene->listener);
    assert_int_equal(snapshot_write(&snapshot, &file, &err), CG_OK);
    scene_send(scene, IPC_SNAPSHOT, message, 8, file);
    close(file);
    (void)scene_receive(scene, IPC_READY);
}

/* What the look-up of the far end's name gave: so many addresses of the loopback network. */
static inline void
scene_addresses(struct worker_scene *scene, size_t count)
{
    uint8_t message[12 + IPC_ADDRESS_SIZE * SNAPSHOT_MAX_ADDRESSES] = { 0 };
    uint8_t *at = message + 12;

    put_number(message, scene->generation, 8);
    for (size_t i = 0; i < count; i++, at += IPC_ADDRESS_SIZE) {
        at[10] = at[11] = 0xff;
        put_number(at + 12, INADDR_LOOPBACK + i, 4);
    }
    scene_send(scene, IPC_ADDRESSES, message, (size_t)(at - message), -1);
}

static inline void
scene_stop(struct worker_scene *scene)
{
    static const uint8_t at_once[4] = { 0 };
    int status;

    scene_send(scene, IPC_DRAIN, at_once, sizeof(at_once), -1);
    assert_int_equal(waitpid(scene->pid, &status, 0), scene->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    close(scene->control);
    close(scene->listener);
    munmap(scene->clock_ms, sizeof(*scene->clock_ms));
}

static inline void
assert_holds(const char *why, const char *json, const char *part)
{
    assert_non_null(json);
    assert_non_null(part);
    if (strstr(json, part) == NULL)
        fail_msg("%s: no %s in %s", why, part, json);
}

#endif
