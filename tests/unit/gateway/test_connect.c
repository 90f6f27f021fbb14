/*
 * Step connect, in a real worker that this program feeds as certgated would: which address of a far end is
 * taken, and what is said when there is none. The addresses are those of the loopback network.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "worker_scene.h"

#define MAX_ENDS 4

/* What an address of the far end does with a connection. */
enum end { END_NONE, REFUSES, SILENT, ANSWERS };

struct scene {
    struct worker_scene worker;
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
open_scene(struct scene *scene, const enum end ends[MAX_ENDS], uint32_t connect_timeout_ms)
{
    struct snapshot_interface iface;

    open_ends(scene, ends);
    scene_start(&scene->worker);
    iface = scene_interface(scene->port);
    iface.connect_timeout_ms = connect_timeout_ms;
    scene_generation(&scene->worker, iface);
}

static void
close_scene(struct scene *scene)
{
    scene_stop(&scene->worker);
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
        scene_addresses(&scene->worker, count);
        began = now_ms();
        local = connect_to(&scene->worker.local);
        hang_up(scene);
        if (now_ms() - began < rows[i].at_least_ms)
            fail_msg("%s: only %lld ms", rows[i].why, (long long)(now_ms() - began));
        json = scene_receive(&scene->worker, IPC_RECORD);
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
        scene_addresses(&scene->worker, count);
        local = connect_to(&scene->worker.local);
        json = scene_receive(&scene->worker, IPC_RECORD);
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
    scene_send(&scene->worker, IPC_ADDRESSES, "", 0, -1);
    assert_string_equal(scene_receive(&scene->worker, IPC_LOG) + 1, "malformed ADDRESSES message");
}

static void
a_connection_before_the_first_answer_waits(void **state)
{
    static const enum end ends[MAX_ENDS] = { ANSWERS };
    struct scene *scene = *state;
    struct pollfd nobody;
    int local;

    open_scene(scene, ends, PATIENCE_MS);
    local = connect_to(&scene->worker.local);
    go_round(scene);
    go_round(scene); /* the second time round, the connection was accepted before */
    nobody = (struct pollfd) { .fd = scene->ends[0], .events = POLLIN };
    assert_int_equal(poll(&nobody, 1, 0), 0);
    scene_addresses(&scene->worker, 1);
    hang_up(scene);
    assert_holds(
            "after the answer", scene_receive(&scene->worker, IPC_RECORD), "\"peer\":\"127.0.0.1:");
    close(local);
    close_scene(scene);
}

/* The look-up goes on for the new generation; the connection that waits for it came under the old one. */
static void
a_reload_does_not_keep_the_first_answer_from_one_that_waits(void **state)
{
    static const enum end ends[MAX_ENDS] = { ANSWERS };
    static const struct {
        const char *why;
        bool known; /* the new generation brings the addresses with it */
    } rows[] = { { "the answer comes after the reload", false },
        { "the answer came before the reload", true } };
    struct scene *scene = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct snapshot_interface iface;
        struct sockaddr_in to;
        int local;

        open_scene(scene, ends, PATIENCE_MS);
        local = connect_to(&scene->worker.local);
        go_round(scene);
        go_round(scene);
        iface = scene_interface(scene->port);
        to = loopback(0, scene->port);
        iface.connect_count = rows[i].known;
        memcpy(&iface.connect[0].addr, &to, sizeof(to));
        iface.connect[0].len = sizeof(to);
        scene_generation(&scene->worker, iface);
        if (!rows[i].known)
            scene_addresses(&scene->worker, 1);
        hang_up(scene);
        assert_holds(
                rows[i].why, scene_receive(&scene->worker, IPC_RECORD), "\"peer\":\"127.0.0.1:");
        close(local);
        close_scene(scene);
    }
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
    scene_addresses(&scene->worker, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t message[12 + IPC_ADDRESS_SIZE * (SNAPSHOT_MAX_ADDRESSES + 1)] = { 0 };

        put_number(message, rows[i].generation, 8);
        put_number(message + 8, rows[i].interface, 4);
        scene_send(&scene->worker, IPC_ADDRESSES, message, rows[i].len, -1);
        if (rows[i].refused &&
                strcmp(scene_receive(&scene->worker, IPC_LOG) + 1, "malformed ADDRESSES message") !=
                        0)
            fail_msg("%s was taken", rows[i].why);
    }
    local = connect_to(&scene->worker.local);
    hang_up(scene);
    assert_holds("the good ones stay", scene_receive(&scene->worker, IPC_RECORD),
            "\"peer\":\"127.0.0.1:");
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
        cmocka_unit_test_setup(a_reload_does_not_keep_the_first_answer_from_one_that_waits, make),
        cmocka_unit_test_setup(malformed_addresses_change_nothing, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
