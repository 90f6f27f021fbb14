/* Backend connections between requests: which are taken again, and which never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/pool.h"

#define GENERATION 7

/* One end is given to the pool, the other is the backend's. */
static int
connected(int *backend)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    *backend = ends[1];
    return ends[0];
}

static void
leave_open(int backend)
{
    (void)backend;
}

static void
close_it(int backend)
{
    assert_int_equal(shutdown(backend, SHUT_WR), 0);
}

static void
speak(int backend)
{
    assert_int_equal(write(backend, "x", 1), 1);
}

static const struct {
    const char *why;
    void (*backend)(int fd);
    uint64_t generation;
    bool taken;
} rows[] = {
    { "open and silent", leave_open, GENERATION, true },
    { "of another generation, which may have another backend", leave_open, GENERATION + 1, false },
    { "closed by the backend", close_it, GENERATION, false },
    { "the backend has said something unasked", speak, GENERATION, false },
};

static void
test_only_what_is_sound_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pool pool = { .count = 0 };
        int backend, fd = connected(&backend), got;

        pool_give(&pool, fd, GENERATION, 1000);
        rows[i].backend(backend);
        got = pool_take(&pool, rows[i].generation);
        if ((got == fd) != rows[i].taken)
            fail_msg("%s", rows[i].why);
        assert_int_equal(pool.count, 0);
        if (got >= 0)
            close(got);
        assert_int_equal(pool_take(&pool, GENERATION), -1);
        close(backend);
    }
}

static void
test_the_newest_is_taken_first_and_the_oldest_goes(void **state)
{
    struct pool pool = { .count = 0 };
    int backends[POOL_PLACES + 1], fds[POOL_PLACES + 1];
    char byte;

    (void)state;
    for (size_t i = 0; i <= POOL_PLACES; i++) {
        fds[i] = connected(&backends[i]);
        pool_give(&pool, fds[i], GENERATION, 1000 + i);
    }
    assert_int_equal(pool.count, POOL_PLACES);
    assert_int_equal(read(backends[0], &byte, 1), 0); /* closed */
    assert_int_equal(read(backends[1], &byte, 1), -1); /* open */
    assert_int_equal(pool_take(&pool, GENERATION), fds[POOL_PLACES]);
    close(fds[POOL_PLACES]);
    pool_close(&pool);
    assert_int_equal(read(backends[1], &byte, 1), 0);
    for (size_t i = 0; i <= POOL_PLACES; i++)
        close(backends[i]);
}

static void
test_a_sweep_closes_what_is_old_or_ended(void **state)
{
    struct pool pool = { .count = 0 };
    int old, ended, fresh, fd;

    (void)state;
    pool_give(&pool, connected(&old), GENERATION, 1000);
    pool_give(&pool, connected(&ended), GENERATION, 2000);
    fd = connected(&fresh);
    pool_give(&pool, fd, GENERATION, 2000);
    close(ended);
    pool_sweep(&pool, 2999, 2000);
    assert_int_equal(pool.count, 2);
    pool_sweep(&pool, 3000, 2000);
    assert_int_equal(pool.count, 1);
    assert_int_equal(pool_take(&pool, GENERATION), fd);
    close(fd);
    close(old);
    close(fresh);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_sound_is_taken),
        cmocka_unit_test(test_the_newest_is_taken_first_and_the_oldest_goes),
        cmocka_unit_test(test_a_sweep_closes_what_is_old_or_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
