/* The workers' memory of sessions: what is found again and for how long, what is driven out, what others may do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/sessions.h"

#define NOW 1000
#define LATER 2000

/* As the file lies in memory: the turns of its places come first of each. */
enum { PLACE_SIZE = 56, AT_LEN = 4 };

/* Ids of one set differ behind the bytes that choose it. */
static const uint8_t *
id_of(uint32_t set, uint8_t which)
{
    static uint8_t id[SESSIONS_ID_SIZE];

    memset(id, 0, sizeof(id));
    memcpy(id, &set, sizeof(set));
    id[SESSIONS_ID_SIZE - 1] = which;
    return id;
}

static bool
put(struct sessions *sessions, uint8_t which, const char *text, int64_t now, int64_t expires)
{
    return sessions_put(sessions, id_of(7, which), cg_span(text, strlen(text)), now, expires);
}

static bool
holds(struct sessions *sessions, uint8_t which, const char *text, int64_t now)
{
    uint8_t out[SESSIONS_MAX_BYTES];
    size_t len = sessions_get(sessions, id_of(7, which), now, out);

    return len == strlen(text) && memcmp(out, text, len) == 0;
}

static void
test_what_one_worker_keeps_another_finds(void **state)
{
    int fd = sessions_file();
    struct sessions *one = sessions_map(fd), *two = sessions_map(fd);

    (void)state;
    assert_non_null(one);
    assert_non_null(two);
    assert_true(put(one, 1, "secret", NOW, LATER));
    assert_true(holds(two, 1, "secret", NOW));
    assert_true(holds(one, 1, "secret", NOW));
    assert_false(holds(two, 2, "secret", NOW));
    sessions_free(one);
    assert_true(holds(two, 1, "secret", NOW));
    sessions_free(two);
    close(fd);
}

static const struct {
    const char *why;
    int64_t now;
    bool found;
} times[] = {
    { "at once", NOW, true },
    { "in the last second", LATER, true },
    { "a second later", LATER + 1, false },
};

static void
test_a_session_ends_with_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct sessions *sessions = sessions_map(-1);

        assert_true(put(sessions, 1, "secret", NOW, LATER));
        if (holds(sessions, 1, "secret", times[i].now) != times[i].found)
            fail_msg("%s", times[i].why);
        sessions_free(sessions);
    }
}

static void
test_the_one_used_longest_ago_goes(void **state)
{
    struct sessions *sessions = sessions_map(-1);

    (void)state;
    for (uint8_t i = 0; i < SESSIONS_WAYS; i++)
        assert_true(put(sessions, i, "secret", NOW + i, LATER));
    assert_true(
            holds(sessions, 0, "secret", NOW + SESSIONS_WAYS)); /* used: not the oldest any more */
    assert_true(put(sessions, 100, "newcomer", NOW + SESSIONS_WAYS + 1, LATER));
    assert_true(holds(sessions, 0, "secret", NOW + SESSIONS_WAYS + 1));
    assert_false(holds(sessions, 1, "secret", NOW + SESSIONS_WAYS + 1));
    assert_true(holds(sessions, 2, "secret", NOW + SESSIONS_WAYS + 1));
    assert_true(holds(sessions, 100, "newcomer", NOW + SESSIONS_WAYS + 1));
    sessions_free(sessions);
}

static void
test_what_does_not_fit_is_not_kept(void **state)
{
    struct sessions *sessions = sessions_map(-1);
    static uint8_t bytes[SESSIONS_MAX_BYTES + 1];
    uint8_t out[SESSIONS_MAX_BYTES];

    (void)state;
    assert_true(
            sessions_put(sessions, id_of(1, 1), cg_span(bytes, SESSIONS_MAX_BYTES), NOW, LATER));
    assert_int_equal(sessions_get(sessions, id_of(1, 1), NOW, out), SESSIONS_MAX_BYTES);
    assert_false(sessions_put(sessions, id_of(2, 1), cg_span(bytes, sizeof(bytes)), NOW, LATER));
    assert_false(sessions_put(sessions, id_of(3, 1), cg_span(bytes, 0), NOW, LATER));
    sessions_free(sessions);
}

/* Looks through the whole file for the text. */
static bool
is_in(int fd, const char *text)
{
    size_t len = (size_t)lseek(fd, 0, SEEK_END);
    uint8_t *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    bool found = memmem(map, len, text, strlen(text)) != NULL;

    munmap(map, len);
    return found;
}

static void
test_what_has_expired_is_wiped(void **state)
{
    int fd = sessions_file();
    struct sessions *sessions = sessions_map(fd);

    (void)state;
    assert_true(put(sessions, 1, "a secret of before", NOW, NOW + 1));
    assert_true(put(sessions, 2, "a secret of today", NOW, LATER));
    for (int i = 0; i < SESSIONS_SWEEPS; i++)
        sessions_sweep(sessions, NOW + 2);
    assert_false(is_in(fd, "a secret of before"));
    assert_true(holds(sessions, 2, "a secret of today", NOW + 2));
    /* And by what takes its place, even where that is shorter. */
    assert_true(put(sessions, 3, "long and secret", NOW, NOW + 1));
    for (uint8_t i = 10; i < 10 + SESSIONS_WAYS; i++)
        assert_true(put(sessions, i, "short", NOW + 2, LATER));
    assert_false(is_in(fd, "and secret"));
    sessions_free(sessions);
    close(fd);
}

/* A worker that was killed while it wrote, or one that a peer took over, may have left anything. */
static void
test_nothing_that_is_in_the_file_is_believed(void **state)
{
    int fd = sessions_file();
    struct sessions *sessions = sessions_map(fd);
    uint8_t *raw =
            mmap(NULL, (size_t)lseek(fd, 0, SEEK_END), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint8_t *place = raw + (size_t)PLACE_SIZE * 7 * SESSIONS_WAYS;
    const uint32_t huge = SESSIONS_MAX_BYTES + 1, odd = 3;

    (void)state;
    assert_true(put(sessions, 1, "secret", NOW, LATER));
    assert_true(holds(sessions, 1, "secret", NOW));
    memcpy(place, &odd, sizeof(odd));
    assert_false(holds(sessions, 1, "secret", NOW)); /* it is being written */
    for (uint8_t i = 10; i < 10 + SESSIONS_WAYS - 1; i++)
        assert_true(put(sessions, i, "other", NOW, LATER)); /* the other places go on */
    memset(place, 0, sizeof(odd));
    assert_true(holds(sessions, 1, "secret", NOW));
    memcpy(place + AT_LEN, &huge, sizeof(huge));
    assert_false(holds(sessions, 1, "secret", NOW));
    munmap(raw, (size_t)lseek(fd, 0, SEEK_END));
    sessions_free(sessions);
    close(fd);
}

static void
test_the_file_keeps_its_size(void **state)
{
    int fd = sessions_file(), other = memfd_create("other", MFD_CLOEXEC);

    (void)state;
    assert_int_not_equal(ftruncate(fd, 0), 0);
    assert_int_not_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) + 4096), 0);
    assert_null(sessions_map(other));
    close(other);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_one_worker_keeps_another_finds),
        cmocka_unit_test(test_a_session_ends_with_its_time),
        cmocka_unit_test(test_the_one_used_longest_ago_goes),
        cmocka_unit_test(test_what_does_not_fit_is_not_kept),
        cmocka_unit_test(test_what_has_expired_is_wiped),
        cmocka_unit_test(test_nothing_that_is_in_the_file_is_believed),
        cmocka_unit_test(test_the_file_keeps_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
