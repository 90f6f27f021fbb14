/*
 * Step connect, in a real worker that this program feeds as certgated would: which address of a far end is
 * taken, and what is said when there is none. The addresses are those of the loopback network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "gateway/clock.h"
#include "gateway/limits.h"
#include "gateway/worker.h"
#include "snapshot/ipc.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PATIENCE_MS 20000
#define GENERATION 7
#define MAX_ENDS 4

/* What an address of the far end does with a connection. */
enum end { END_NONE, REFUSES, SILENT, ANSWERS };

struct scene {
    pid_t worker;
    int control;
    int listener;
    struct sockaddr_in local;
    uint8_t packet[IPC_MAX_PAYLOAD + 16];
    uint16_t port; /* of all addresses of the far end */
    int ends[MAX_ENDS]; /* listening sockets, or -1 */
    int fillers[MAX_ENDS][3]; /* connections that take up a silent end's queue */
};

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the far end ------------------------------------------------------------------------------- */

/* 127.0.0.1, 127.0.0.2, … */
static struct sockaddr_in
loopback(size_t which, uint16_t port)
{
    return (struct sockaddr_in) { .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)which) };
}

static int
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

static int
connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)!connect(fd, (const struct sockaddr *)to, sizeof(*to));
    return fd;
}

/* A port that is free at all addresses of the far end: one that refuses is one that nobody has taken. */
static void
open_ends(struct scene *scene, const enum end ends[MAX_ENDS])
{
    struct sockaddr_in at = loopback(0, 0);
    int probe = listen_on(&at, 1);

    scene->port = ntohs(at.sin_port);
    close(probe);
    for (size_t i = 0; i < MAX_ENDS; i++) {
        at = loopback(i, scene->port);
        scene->ends[i] = -1;
        for (size_t j = 0; j < COUNT(scene->fillers[i]); j++)
            scene->fillers[i][j] = -1;
        if (ends[i] != SILENT && ends[i] != ANSWERS)
            continue;
        scene->ends[i] = listen_on(&at, ends[i] == SILENT ? 0 : 16);
        assert_true(scene->ends[i] >= 0);
        /* A full queue: the kernel drops every further SYN. */
        for (size_t j = 0; ends[i] == SILENT && j < COUNT(scene->fillers[i]); j++)
            scene->fillers[i][j] = connect_to(&at);
    }
}

static void
close_ends(struct scene *scene)
{
    for (size_t i = 0; i < MAX_ENDS; i++) {
        for (size_t j = 0; j < COUNT(scene->fillers[i]); j++)
            if (scene->fillers[i][j] >= 0)
                close(scene->fillers[i][j]);
        if (scene->ends[i] >= 0)
            close(scene->ends[i]);
    }
}

/* ---- the worker -------------------------------------------------------------------------------- */

static void
run_worker(int control)
{
    struct cg_error err;
    struct worker *worker;
    int status;

    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    worker = worker_new(control, gw_clock_system, &err);
    status = worker == NULL ? EXIT_FAILURE : worker_run(worker);
    worker_free(worker);
    exit(status);
}

static void
put_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static void
send_message(struct scene *scene, enum ipc_type type, const void *payload, size_t len, int fd)
{
    struct cg_error err;

    assert_int_equal(
            ipc_send(scene->control, type, payload, len, &fd, fd >= 0 ? 1 : 0, &err), CG_OK);
}

/* The text of the next message of that type; others are passed over. */
static const char *
receive(struct scene *scene, enum ipc_type type)
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

static void
send_generation(struct scene *scene, uint32_t connect_timeout_ms)
{
    struct snapshot_interface iface = { .name = "out",
        .role = CG_ROLE_OUTBOUND,
        .rules = { .level = CG_LEVEL_NONE, .max_depth = 10 },
        .others = true,
        .min_tls = TLS1_2_VERSION,
        .security = SECURITY_HIGH,
        .listen_count = 1,
        .connect_host = "far.example.test",
        .connect_port = scene->port,
        .handshake_timeout_ms = PATIENCE_MS,
        .connect_timeout_ms = connect_timeout_ms,
        .idle_timeout_ms = PATIENCE_MS,
        .max_connections = 10 };
    struct snapshot snapshot = {
        .generation = GENERATION, .node = "test", .interfaces = &iface, .interface_count = 1
    };
    uint8_t message[16];
    struct cg_error err;
    int file;

    memcpy(&iface.listen[0].at.addr, &scene->local, sizeof(scene->local));
    iface.listen[0].at.len = sizeof(scene->local);
    put_number(message, GENERATION, 8);
    put_number(message + 8, 0, 8);
    send_message(scene, IPC_LISTENERS, message, 16, scene->listener);
    assert_int_equal(snapshot_write(&snapshot, &file, &err), CG_OK);
    send_message(scene, IPC_SNAPSHOT, message, 8, file);
    close(file);
    (void)receive(scene, IPC_READY);
}

static void
send_addresses(struct scene *scene, size_t count)
{
    uint8_t message[12 + IPC_ADDRESS_SIZE * MAX_ENDS] = { 0 };
    uint8_t *at = message + 12;

    put_number(message, GENERATION, 8);
    for (size_t i = 0; i < count; i++, at += IPC_ADDRESS_SIZE) {
        at[10] = at[11] = 0xff;
        put_number(at + 12, INADDR_LOOPBACK + i, 4);
    }
    send_message(scene, IPC_ADDRESSES, message, (size_t)(at - message), -1);
}

static void
open_scene(struct scene *scene, const enum end ends[MAX_ENDS], uint32_t connect_timeout_ms)
{
    int pair[2];

    open_ends(scene, ends);
    scene->local = loopback(0, 0);
    scene->listener = listen_on(&scene->local, 16);
    assert_true(scene->listener >= 0);
    assert_int_equal(
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    scene->worker = fork();
    if (scene->worker == 0) {
        close(pair[0]);
        run_worker(pair[1]);
    }
    close(pair[1]);
    scene->control = pair[0];
    send_generation(scene, connect_timeout_ms);
}

static void
close_scene(struct scene *scene)
{
    static const uint8_t at_once[4] = { 0 };
    int status;

    send_message(scene, IPC_DRAIN, at_once, sizeof(at_once), -1);
    assert_int_equal(waitpid(scene->worker, &status, 0), scene->worker);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    close(scene->control);
    close(scene->listener);
    close_ends(scene);
}

/* Whoever of the far end is reached hangs up at once: the record of that names it. */
static void
hang_up(const struct scene *scene)
{
    struct pollfd ready[MAX_ENDS];

    for (size_t i = 0; i < MAX_ENDS; i++)
        ready[i] = (struct pollfd) { .fd = scene->fillers[i][0] >= 0 ? -1 : scene->ends[i],
            .events = POLLIN };
    assert_true(poll(ready, MAX_ENDS, PATIENCE_MS) > 0);
    for (size_t i = 0; i < MAX_ENDS; i++)
        if (ready[i].revents != 0)
            close(accept(ready[i].fd, NULL, NULL));
}

static void
assert_holds(const char *why, const char *json, const char *part)
{
    assert_non_null(json);
    assert_non_null(part);
    if (strstr(json, part) == NULL)
        fail_msg("%s: no %s in %s", why, part, json);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void
the_first_that_answers_is_taken(void **state)
{
    static const struct {
        const char *why;
        enum end ends[MAX_ENDS];
        size_t taken;
        int64_t at_least_ms; /* as long as a silent address has */
    } rows[] = {
        { "the only one", { ANSWERS }, 0, 0 },
        { "the first of two", { ANSWERS, ANSWERS }, 0, 0 },
        { "a refusal gives way at once", { REFUSES, ANSWERS }, 1, 0 },
        { "several do", { REFUSES, REFUSES, REFUSES, ANSWERS }, 3, 0 },
        { "a silent one keeps the next waiting", { SILENT, ANSWERS }, 1, GW_ATTEMPT_MS },
        { "two silent ones, each for its time", { SILENT, SILENT, ANSWERS }, 2, 2 * GW_ATTEMPT_MS },
        { "a refusal does not end the silent one's time", { REFUSES, SILENT, ANSWERS }, 2,
                GW_ATTEMPT_MS },
        { "a refusal beside a silent one gives way at once", { SILENT, REFUSES, ANSWERS }, 2,
                GW_ATTEMPT_MS },
    };
    struct scene *scene = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char peer[64];
        size_t count = 0;
        int64_t began;
        const char *json;
        int local;

        while (count < MAX_ENDS && rows[i].ends[count] != END_NONE)
            count++;
        open_scene(scene, rows[i].ends, PATIENCE_MS);
        send_addresses(scene, count);
        began = now_ms();
        local = connect_to(&scene->local);
        hang_up(scene);
        if (now_ms() - began < rows[i].at_least_ms)
            fail_msg("%s: only %lld ms", rows[i].why, (long long)(now_ms() - began));
        json = receive(scene, IPC_RECORD);
        (void)snprintf(
                peer, sizeof(peer), "\"peer\":\"127.0.0.%zu:%u\"", rows[i].taken + 1, scene->port);
        assert_holds(rows[i].why, json, peer);
        assert_holds(rows[i].why, json, "\"step\":\"handshake\"");
        close(local);
        close_scene(scene);
    }
}

static void
when_none_answers_all_are_named(void **state)
{
    static const struct {
        const char *why;
        enum end ends[MAX_ENDS];
        uint32_t timeout_ms;
        const char *detail; /* P stands for the port */
    } rows[] = {
        { "no address", { END_NONE }, PATIENCE_MS, "no address of far.example.test is known" },
        { "refused", { REFUSES, REFUSES }, PATIENCE_MS,
                "cannot connect to far.example.test: 127.0.0.1:P Connection refused, "
                "127.0.0.2:P Connection refused" },
        { "silent", { SILENT, REFUSES }, 2 * GW_ATTEMPT_MS,
                "cannot connect to far.example.test: 127.0.0.1:P no answer, "
                "127.0.0.2:P Connection refused" },
        { "no time for the second", { SILENT, ANSWERS }, GW_ATTEMPT_MS / 2,
                "cannot connect to far.example.test: 127.0.0.1:P no answer, 127.0.0.2:P not "
                "tried" },
    };
    struct scene *scene = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char detail[256] = "\"detail\":\"", byte;
        size_t used = strlen(detail), count = 0;
        struct pollfd over;
        const char *json;
        int local;

        while (count < MAX_ENDS && rows[i].ends[count] != END_NONE)
            count++;
        open_scene(scene, rows[i].ends, rows[i].timeout_ms);
        send_addresses(scene, count);
        local = connect_to(&scene->local);
        json = receive(scene, IPC_RECORD);
        for (const char *at = rows[i].detail; *at != '\0'; at++)
            used += (size_t)(*at == 'P'
                            ? snprintf(detail + used, sizeof(detail) - used, "%u", scene->port)
                            : snprintf(detail + used, sizeof(detail) - used, "%c", *at));
        assert_holds(rows[i].why, json, detail);
        assert_holds(rows[i].why, json, "\"reason\":\"backend-unavailable\"");
        assert_holds(rows[i].why, json, "\"step\":\"connect\",\"peer\":null");
        over = (struct pollfd) { .fd = local, .events = POLLIN };
        assert_int_equal(poll(&over, 1, PATIENCE_MS), 1);
        if (recv(local, &byte, 1, 0) != -1 || errno != ECONNRESET)
            fail_msg("%s: the program saw an empty answer", rows[i].why);
        close(local);
        close_scene(scene);
    }
}

/* A message that the worker cannot read, and its answer: it has been round its loop. */
static void
go_round(struct scene *scene)
{
    send_message(scene, IPC_ADDRESSES, "", 0, -1);
    assert_string_equal(receive(scene, IPC_LOG) + 1, "malformed ADDRESSES message");
}

static void
a_connection_before_the_first_answer_waits(void **state)
{
    static const enum end ends[MAX_ENDS] = { ANSWERS };
    struct scene *scene = *state;
    struct pollfd nobody;
    int local;

    open_scene(scene, ends, PATIENCE_MS);
    local = connect_to(&scene->local);
    go_round(scene);
    go_round(scene); /* the second time round, the connection was accepted before */
    nobody = (struct pollfd) { .fd = scene->ends[0], .events = POLLIN };
    assert_int_equal(poll(&nobody, 1, 0), 0);
    send_addresses(scene, 1);
    hang_up(scene);
    assert_holds("after the answer", receive(scene, IPC_RECORD), "\"peer\":\"127.0.0.1:");
    close(local);
    close_scene(scene);
}

static void
malformed_addresses_change_nothing(void **state)
{
    static const struct {
        const char *why;
        size_t len;
        bool refused; /* with a line; else taken for another generation's and passed over */
        uint64_t generation;
        uint32_t interface;
    } rows[] = {
        { "half an address", 12 + IPC_ADDRESS_SIZE / 2, true, GENERATION, 0 },
        { "one too many", 12 + IPC_ADDRESS_SIZE * (SNAPSHOT_MAX_ADDRESSES + 1), true, GENERATION,
                0 },
        { "no interface", 8, true, GENERATION, 0 },
        { "an interface that is not there", 12, false, GENERATION, 1 },
        { "another generation", 12, false, GENERATION - 1, 0 },
    };
    static const enum end ends[MAX_ENDS] = { ANSWERS };
    struct scene *scene = *state;
    int local;

    open_scene(scene, ends, PATIENCE_MS);
    send_addresses(scene, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t message[12 + IPC_ADDRESS_SIZE * (SNAPSHOT_MAX_ADDRESSES + 1)] = { 0 };

        put_number(message, rows[i].generation, 8);
        put_number(message + 8, rows[i].interface, 4);
        send_message(scene, IPC_ADDRESSES, message, rows[i].len, -1);
        if (rows[i].refused &&
                strcmp(receive(scene, IPC_LOG) + 1, "malformed ADDRESSES message") != 0)
            fail_msg("%s was taken", rows[i].why);
    }
    local = connect_to(&scene->local);
    hang_up(scene);
    assert_holds("the good ones stay", receive(scene, IPC_RECORD), "\"peer\":\"127.0.0.1:");
    close(local);
    close_scene(scene);
}

static int
make(void **state)
{
    static struct scene scene;

    *state = &scene;
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_that_answers_is_taken, make),
        cmocka_unit_test_setup(when_none_answers_all_are_named, make),
        cmocka_unit_test_setup(a_connection_before_the_first_answer_waits, make),
        cmocka_unit_test_setup(malformed_addresses_change_nothing, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
