/* What one certgated hands to the next: whole or not at all, cut and changed at every byte. */
#include "control/handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

static int fds[2] = { 20, 21 }, unix_fds[2] = { 30, 31 };

static struct snapshot_address
port(uint16_t number)
{
    struct snapshot_address address = { .len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *v4 = (void *)&address.addr;

    v4->sin_family = AF_INET;
    v4->sin_port = htons(number);
    return address;
}

static struct snapshot_address
path(const char *name)
{
    struct snapshot_address address = { .len = sizeof(struct sockaddr_un) };
    struct sockaddr_un *un = (void *)&address.addr;

    un->sun_family = AF_UNIX;
    (void)strncpy(un->sun_path, name, sizeof(un->sun_path) - 1);
    return address;
}

/* Two addresses, two workers that serve, one of before and one that has just died. */
static int
write_sample(void)
{
    static char state_path[] = "/var/lib/certgate", log_path[] = "/var/log/certgate";
    struct socket_set sets[] = {
        { .wanted = port(0), .bound = port(8443), .fds = fds },
        { .wanted = path("/run/x"), .bound = path("/run/x"), .fds = unix_fds },
    };
    struct fleet_worker workers[] = {
        { .number = 0, .pid = 100, .socket = 40, .metrics_fd = 41 },
        { .number = 1, .pid = 0, .socket = -1, .metrics_fd = 42 },
        { .number = 0, .pid = 90, .socket = 43, .metrics_fd = 44, .kill_ms = 123456, .knows = 11 },
    };
    struct handover handover = {
        .state_path = state_path,
        .log_path = log_path,
        .state = { 10, 11, 12 },
        .log = 13,
        .client = -1,
        .generation = 7,
        .digest = { 1, 2, 3 },
        .restarts = 2,
        .records_lost = 1,
        .past = 14,
        .sessions = 15,
        .sockets = { .sets = sets, .count = 2, .workers = 2 },
        .workers = workers,
        .worker_count = 3,
    };
    struct cg_error err;
    int fd;

    sets[1].file.st_dev = 5;
    sets[1].file.st_ino = 6;
    assert_int_equal(handover_write(&handover, &fd, &err), CG_OK);
    return fd;
}

static void
test_what_is_written_is_read(void **state)
{
    struct handover got;
    struct cg_error err;
    int fd = write_sample();

    (void)state;
    assert_int_equal(handover_read(fd, &got, &err), CG_OK);
    assert_string_equal(got.state_path, "/var/lib/certgate");
    assert_string_equal(got.log_path, "/var/log/certgate");
    assert_memory_equal(&got.state, (&(struct state) { 10, 11, 12 }), sizeof(got.state));
    assert_int_equal(got.log, 13);
    assert_int_equal(got.client, -1);
    assert_int_equal(got.generation, 7);
    assert_int_equal(got.digest[2], 3);
    assert_int_equal(got.restarts, 2);
    assert_int_equal(got.records_lost, 1);
    assert_int_equal(got.past, 14);
    assert_int_equal(got.sessions, 15);
    assert_int_equal(got.sockets.workers, 2);
    assert_int_equal(got.sockets.count, 2);
    assert_memory_equal(got.sockets.sets[0].fds, fds, sizeof(fds));
    assert_int_equal(
            ((const struct sockaddr_in *)&got.sockets.sets[0].bound.addr)->sin_port, htons(8443));
    assert_int_equal(((const struct sockaddr_in *)&got.sockets.sets[0].wanted.addr)->sin_port, 0);
    assert_string_equal(
            ((const struct sockaddr_un *)&got.sockets.sets[1].wanted.addr)->sun_path, "/run/x");
    assert_int_equal(got.sockets.sets[1].file.st_dev, 5);
    assert_int_equal(got.sockets.sets[1].file.st_ino, 6);
    assert_int_equal(got.worker_count, 3);
    assert_int_equal(got.workers[0].pid, 100);
    assert_int_equal(got.workers[0].socket, 40);
    assert_int_equal(got.workers[1].pid, 0);
    assert_int_equal(got.workers[1].socket, -1);
    assert_int_equal(got.workers[1].metrics_fd, 42);
    assert_int_equal(got.workers[2].kill_ms, 123456);
    assert_int_equal(got.workers[2].knows, 11);
    handover_release(&got);
    close(fd);
}

static size_t
contents(int fd, uint8_t **bytes)
{
    off_t size = lseek(fd, 0, SEEK_END);

    *bytes = malloc((size_t)size);
    assert_non_null(*bytes);
    assert_int_equal(pread(fd, *bytes, (size_t)size, 0), size);
    return (size_t)size;
}

static enum cg_status
read_bytes(const uint8_t *bytes, size_t len, struct handover *out, struct cg_error *err)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    enum cg_status status;

    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    status = handover_read(fd, out, err);
    close(fd);
    return status;
}

static void
test_cut_anywhere_it_is_refused(void **state)
{
    struct handover got;
    struct cg_error err;
    uint8_t *bytes;
    int fd = write_sample();
    size_t len = contents(fd, &bytes);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(read_bytes(bytes, cut, &got, &err), CG_E_PARSE);
    free(bytes);
    close(fd);
}

/* Whatever comes out is whole: no crash, no leak, numbers within bounds. */
static void
test_changed_anywhere_it_stays_within_bounds(void **state)
{
    struct handover got;
    struct cg_error err;
    uint8_t *bytes;
    int fd = write_sample();
    size_t len = contents(fd, &bytes), read = 0, refused = 0;

    (void)state;
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0xff;
        if (read_bytes(bytes, len, &got, &err) == CG_OK) {
            assert_true(got.sockets.workers <= FLEET_MAX_WORKERS);
            assert_true(got.worker_count <= FLEET_MAX_RETIRED + FLEET_MAX_WORKERS);
            handover_release(&got);
            read++;
        } else {
            refused++;
        }
        bytes[i] ^= 0xff;
    }
    assert_true(read > 100); /* the octets of keys and addresses */
    assert_true(refused > 100); /* counts and names */
    free(bytes);
    close(fd);
}

static void
test_bytes_behind_the_end_are_refused(void **state)
{
    struct handover got;
    struct cg_error err;
    int fd = write_sample();

    (void)state;
    assert_int_equal(write(fd, "", 1), 1);
    assert_int_equal(handover_read(fd, &got, &err), CG_E_PARSE);
    assert_string_equal(err.text, "the handover is malformed");
    close(fd);
}

/* Where a text of the sample stands. */
static uint8_t *
find(uint8_t *bytes, size_t len, const char *text)
{
    uint8_t *at = memmem(bytes, len, text, strlen(text));

    assert_non_null(at);
    return at;
}

static void
test_workers_that_say_other_things_are_not_taken_over(void **state)
{
    struct handover got;
    struct cg_error err;
    uint8_t *bytes;
    int fd = write_sample();
    size_t len = contents(fd, &bytes);

    (void)state;
    *find(bytes, len, "RECORD") = 'X';
    assert_int_equal(read_bytes(bytes, len, &got, &err), CG_E_PARSE);
    assert_non_null(strstr(err.text, "say things that this one does not know: restart"));
    free(bytes);
    close(fd);
}

/* A version before, which knew one message less. */
static void
test_workers_that_say_less_are_taken_over(void **state)
{
    struct handover got;
    struct cg_error err;
    uint8_t *bytes, *last, *count;
    const char *name = ipc_type_name((enum ipc_type)(IPC_TYPE_COUNT - 1));
    int fd = write_sample();
    size_t len = contents(fd, &bytes), gone = 4 + strlen(name);

    (void)state;
    count = find(bytes, len, ipc_type_name((enum ipc_type)0)) - 8;
    assert_int_equal(count[3], IPC_TYPE_COUNT);
    count[3]--;
    last = find(bytes, len, name) - 4;
    memmove(last, last + gone, len - gone - (size_t)(last - bytes));
    assert_int_equal(read_bytes(bytes, len - gone, &got, &err), CG_OK);
    assert_int_equal(got.worker_count, 3);
    handover_release(&got);
    free(bytes);
    close(fd);
}

static void
test_another_form_is_refused(void **state)
{
    struct handover got;
    struct cg_error err;
    uint8_t *bytes;
    int fd = write_sample();
    size_t len = contents(fd, &bytes);

    (void)state;
    bytes[3]++;
    assert_int_equal(read_bytes(bytes, len, &got, &err), CG_E_PARSE);
    assert_non_null(strstr(err.text, "in a form that this one does not know: restart"));
    free(bytes);
    close(fd);
}

static void
test_descriptors_survive_an_exec_only_when_told(void **state)
{
    int open_fd = memfd_create("test", MFD_CLOEXEC);
    struct handover handover = { .state = STATE_NONE, .client = open_fd, .past = -1 };

    (void)state;
    assert_true(handover_inherit(&handover, true));
    assert_int_equal(fcntl(open_fd, F_GETFD), 0);
    assert_true(handover_inherit(&handover, false));
    assert_int_equal(fcntl(open_fd, F_GETFD), FD_CLOEXEC);
    close(open_fd);
    assert_false(handover_inherit(&handover, true));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_cut_anywhere_it_is_refused),
        cmocka_unit_test(test_changed_anywhere_it_stays_within_bounds),
        cmocka_unit_test(test_bytes_behind_the_end_are_refused),
        cmocka_unit_test(test_workers_that_say_other_things_are_not_taken_over),
        cmocka_unit_test(test_workers_that_say_less_are_taken_over),
        cmocka_unit_test(test_another_form_is_refused),
        cmocka_unit_test(test_descriptors_survive_an_exec_only_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
