/* Messages between certgated and a worker over a real socket pair. */
#include "snapshot/ipc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    int ends[2];
    uint8_t *buffer;
};

static int
make(void **state)
{
    static struct pair pair;

    pair.buffer = malloc(IPC_MAX_PAYLOAD + 16);
    *state = &pair;
    return pair.buffer == NULL ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.ends) != 0;
}

static int
drop(void **state)
{
    struct pair *pair = *state;

    close(pair->ends[0]);
    close(pair->ends[1]);
    free(pair->buffer);
    return 0;
}

static void
one_packet_one_message(void **state)
{
    struct pair *pair = *state;
    struct ipc_message message;
    struct cg_error err = { "" };
    bool closed;

    assert_int_equal(ipc_send(pair->ends[0], IPC_READY, "12345678", 8, NULL, 0, &err), CG_OK);
    assert_int_equal(ipc_send(pair->ends[0], IPC_DRAIN, NULL, 0, NULL, 0, &err), CG_OK);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_OK);
    assert_int_equal(message.type, IPC_READY);
    assert_int_equal(message.len, 8);
    assert_memory_equal(message.payload, "12345678", 8);
    assert_int_equal(message.fd_count, 0);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_OK);
    assert_int_equal(message.type, IPC_DRAIN);
    assert_int_equal(message.len, 0);
    /* Nothing more is waiting, which is not the end. */
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_OK);
    assert_int_equal(message.type, IPC_TYPE_COUNT);
    assert_false(closed);
}

static void
the_end(void **state)
{
    struct pair *pair = *state;
    struct ipc_message message;
    bool closed;

    close(pair->ends[0]);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, NULL), CG_OK);
    assert_true(closed);
    assert_int_equal(message.type, IPC_TYPE_COUNT);
    assert_int_equal(ipc_send(pair->ends[1], IPC_READY, NULL, 0, NULL, 0, NULL), CG_E_USAGE);
    pair->ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* A worker that is killed has often not read everything; what it said before must not be lost. */
static void
last_words_of_one_that_left_messages_unread(void **state)
{
    struct pair *pair = *state;
    struct ipc_message message;
    bool closed;

    assert_int_equal(ipc_send(pair->ends[1], IPC_DRAIN, NULL, 0, NULL, 0, NULL), CG_OK);
    assert_int_equal(ipc_send(pair->ends[0], IPC_RECORD, "{1}", 3, NULL, 0, NULL), CG_OK);
    assert_int_equal(ipc_send(pair->ends[0], IPC_RECORD, "{2}", 3, NULL, 0, NULL), CG_OK);
    close(pair->ends[0]);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, NULL), CG_OK);
        assert_false(closed);
        assert_int_equal(message.type, IPC_RECORD);
        assert_int_equal(message.payload[1], '0' + i);
    }
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, NULL), CG_OK);
    assert_true(closed);
    pair->ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
descriptors_come_along(void **state)
{
    struct pair *pair = *state;
    struct ipc_message message;
    struct cg_error err = { "" };
    int fds[IPC_MAX_FDS + 1];
    bool closed;

    for (size_t i = 0; i <= IPC_MAX_FDS; i++)
        fds[i] = pair->ends[0];
    assert_int_equal(ipc_send(pair->ends[0], IPC_LISTENERS, "x", 1, fds, IPC_MAX_FDS, &err), CG_OK);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_OK);
    assert_int_equal(message.fd_count, IPC_MAX_FDS);
    for (size_t i = 0; i < message.fd_count; i++) {
        assert_true((fcntl(message.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
        close(message.fds[i]);
    }
    assert_int_equal(
            ipc_send(pair->ends[0], IPC_LISTENERS, "x", 1, fds, IPC_MAX_FDS + 1, &err), CG_E_LIMIT);
}

static void
the_largest_payload(void **state)
{
    struct pair *pair = *state;
    struct ipc_message message;
    struct cg_error err = { "" };
    uint8_t *payload = calloc(1, IPC_MAX_PAYLOAD + 1);
    bool closed;

    assert_non_null(payload);
    assert_int_equal(
            ipc_send(pair->ends[0], IPC_RECORD, payload, IPC_MAX_PAYLOAD, NULL, 0, &err), CG_OK);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_OK);
    assert_int_equal(message.len, IPC_MAX_PAYLOAD);
    assert_int_equal(
            ipc_send(pair->ends[0], IPC_RECORD, payload, IPC_MAX_PAYLOAD + 1, NULL, 0, &err),
            CG_E_LIMIT);
    assert_string_equal(err.text, "RECORD message of 131073 bytes is too large");
    free(payload);
}

/* A type that is none, and a packet longer than the buffer: refused, and their descriptors closed. */
static void
what_is_no_message(void **state)
{
    struct pair *pair = *state;
    struct ipc_message message;
    struct cg_error err = { "" };
    uint8_t *packet = calloc(1, IPC_MAX_PAYLOAD + 17);
    bool closed;

    assert_non_null(packet);
    packet[0] = IPC_TYPE_COUNT;
    assert_int_equal(send(pair->ends[0], packet, 1, 0), 1);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_E_PARSE);
    packet[0] = 0xff;
    assert_int_equal(send(pair->ends[0], packet, 100, 0), 100);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_E_PARSE);
    assert_int_equal(message.fd_count, 0);
    packet[0] = IPC_RECORD;
    assert_int_equal(send(pair->ends[0], packet, IPC_MAX_PAYLOAD + 17, 0), IPC_MAX_PAYLOAD + 17);
    assert_int_equal(ipc_receive(pair->ends[1], pair->buffer, &message, &closed, &err), CG_E_PARSE);
    free(packet);
}

/* A worker must never stand still because certgated does not read. */
static void
a_full_queue_is_told(void **state)
{
    struct pair *pair = *state;
    static const uint8_t payload[1024];
    enum cg_status status = CG_OK;
    size_t sent = 0;

    while (status == CG_OK && sent < 1000000) {
        status = ipc_send(pair->ends[0], IPC_RECORD, payload, sizeof(payload), NULL, 0, NULL);
        sent++;
    }
    assert_int_equal(status, CG_E_USAGE);
    assert_int_equal(errno, EAGAIN);
}

static void
every_type_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < IPC_TYPE_COUNT; i++)
        assert_string_not_equal(ipc_type_name((enum ipc_type)i), "unknown");
    assert_string_equal(ipc_type_name(IPC_TYPE_COUNT), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_packet_one_message, make, drop),
        cmocka_unit_test_setup_teardown(the_end, make, drop),
        cmocka_unit_test_setup_teardown(last_words_of_one_that_left_messages_unread, make, drop),
        cmocka_unit_test_setup_teardown(descriptors_come_along, make, drop),
        cmocka_unit_test_setup_teardown(the_largest_payload, make, drop),
        cmocka_unit_test_setup_teardown(what_is_no_message, make, drop),
        cmocka_unit_test_setup_teardown(a_full_queue_is_told, make, drop),
        cmocka_unit_test(every_type_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
