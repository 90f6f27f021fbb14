/* Messages to certgated: in order, none lost while the socket is full, bounded, and final when it is gone. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/limits.h"
#include "gateway/outbox.h"

#define PAYLOAD 8192

struct pair {
    int ours;
    int theirs;
    struct outbox outbox;
    uint8_t *packet;
};

static int
setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
    pair->ours = fds[0];
    pair->theirs = fds[1];
    pair->packet = malloc(IPC_MAX_PAYLOAD + 16);
    outbox_init(&pair->outbox, pair->ours);
    *state = pair;
    return 0;
}

static int
teardown(void **state)
{
    struct pair *pair = *state;

    outbox_release(&pair->outbox);
    close(pair->ours);
    if (pair->theirs >= 0)
        close(pair->theirs);
    free(pair->packet);
    free(pair);
    return 0;
}

static enum cg_status
put_number(struct pair *pair, uint32_t number)
{
    static uint8_t payload[PAYLOAD];

    memcpy(payload, &number, sizeof(number));
    return outbox_put(&pair->outbox, IPC_RECORD, payload, sizeof(payload));
}

/* The number of the next message, or -1 when none is there. */
static int
take_number(struct pair *pair)
{
    struct ipc_message message;
    uint32_t number;
    bool closed;

    assert_int_equal(ipc_receive(pair->theirs, pair->packet, &message, &closed, NULL), CG_OK);
    if (message.type == IPC_TYPE_COUNT)
        return -1;
    assert_int_equal(message.type, IPC_RECORD);
    assert_int_equal(message.len, PAYLOAD);
    memcpy(&number, message.payload, sizeof(number));
    return (int)number;
}

static void
keeps_order_while_the_socket_is_full(void **state)
{
    struct pair *pair = *state;
    int put = 0, taken = 0, number;

    while (put < 400)
        assert_int_equal(put_number(pair, (uint32_t)put++), CG_OK);
    assert_true(pair->outbox.bytes > 0);
    while (taken < put) {
        while ((number = take_number(pair)) >= 0)
            assert_int_equal(number, taken++);
        outbox_flush(&pair->outbox);
    }
    assert_int_equal(pair->outbox.bytes, 0);
    assert_null(pair->outbox.first);
    assert_false(pair->outbox.broken);
}

static void
is_bounded(void **state)
{
    struct pair *pair = *state;
    size_t put = 0;

    while (put_number(pair, 0) == CG_OK)
        put++;
    assert_true(pair->outbox.bytes <= GW_OUTBOX_BYTES);
    assert_true(pair->outbox.bytes > GW_OUTBOX_BYTES - PAYLOAD);
    assert_true(put * PAYLOAD >= GW_OUTBOX_BYTES / PAYLOAD * PAYLOAD);
    assert_false(pair->outbox.broken);
}

static void
refuses_what_no_message_can_hold(void **state)
{
    struct pair *pair = *state;
    uint8_t *large = calloc(1, IPC_MAX_PAYLOAD + 1);

    assert_int_equal(outbox_put(&pair->outbox, IPC_RECORD, large, IPC_MAX_PAYLOAD + 1), CG_E_LIMIT);
    assert_int_equal(take_number(pair), -1);
    free(large);
}

static void
notices_that_certgated_is_gone(void **state)
{
    struct pair *pair = *state;

    close(pair->theirs);
    pair->theirs = -1;
    assert_int_equal(put_number(pair, 1), CG_E_LIMIT);
    assert_true(pair->outbox.broken);
    assert_int_equal(put_number(pair, 2), CG_E_LIMIT);
}

struct taking {
    struct pair *pair;
    int taken;
};

/* Takes messages in order until the other end is closed. */
static void *
take_all(void *arg)
{
    struct taking *taking = arg;
    struct ipc_message message;
    uint32_t number;
    bool closed = false;

    while (ipc_receive(taking->pair->theirs, taking->pair->packet, &message, &closed, NULL) ==
                    CG_OK &&
            !closed) {
        if (message.type == IPC_TYPE_COUNT)
            continue;
        memcpy(&number, message.payload, sizeof(number));
        if (number != (uint32_t)taking->taken)
            break;
        taking->taken++;
    }
    return NULL;
}

static void
loses_nothing_when_the_worker_ends(void **state)
{
    struct pair *pair = *state;
    struct taking taking = { .pair = pair };
    pthread_t thread;
    int put = 0;

    while (put < 400)
        assert_int_equal(put_number(pair, (uint32_t)put++), CG_OK);
    assert_non_null(pair->outbox.first);
    assert_int_equal(pthread_create(&thread, NULL, take_all, &taking), 0);
    outbox_finish(&pair->outbox);
    assert_null(pair->outbox.first);
    shutdown(pair->ours, SHUT_RDWR);
    pthread_join(thread, NULL);
    assert_int_equal(taking.taken, put);
}

/* certgated hangs: the worker ends all the same. */
static void
does_not_wait_for_ever(void **state)
{
    struct pair *pair = *state;

    while (put_number(pair, 0) == CG_OK)
        continue;
    outbox_finish(&pair->outbox);
    assert_non_null(pair->outbox.first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_order_while_the_socket_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_no_message_can_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(notices_that_certgated_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(loses_nothing_when_the_worker_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_wait_for_ever, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
