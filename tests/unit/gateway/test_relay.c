/* The relay: bytes arrive whole and in order, a slow side holds the other back, ends are passed on. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <uv.h>

#include "gateway/limits.h"
#include "gateway/relay.h"
#include "tls_pair.h"

struct scene {
    SSL_CTX *server;
    SSL_CTX *client;
    struct identity identity;
    struct tls_pair pair;
    int backend; /* the backend's end; the relay has `ours` */
    int ours;
    uint8_t scratch[GW_RELAY_BYTES];
    struct relay relay;
    struct relay_io io;
};

static int
setup(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    int fds[2];

    signal(SIGPIPE, SIG_IGN); /* as the worker does */
    scene->server = SSL_CTX_new(TLS_server_method());
    scene->client = SSL_CTX_new(TLS_client_method());
    scene->identity = identity_of(EVP_EC_gen("P-256"));
    SSL_CTX_use_certificate(scene->server, scene->identity.cert);
    SSL_CTX_use_PrivateKey(scene->server, scene->identity.key);
    SSL_CTX_set_mode(scene->server,
            SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(scene->server, 1);
    SSL_CTX_set_mode(scene->client, SSL_MODE_ENABLE_PARTIAL_WRITE);
    tls_pair_open(&scene->pair, scene->client, scene->server);
    assert_true(tls_pair_shake(&scene->pair));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    scene->backend = fds[0];
    scene->ours = fds[1];
    scene->io = (struct relay_io) { .peer = { .ssl = scene->pair.server, .fd = scene->pair.server_fd },
        .backend = { .fd = scene->ours },
        .scratch = scene->scratch };
    *state = scene;
    return 0;
}

static int
teardown(void **state)
{
    struct scene *scene = *state;

    relay_release(&scene->relay);
    tls_pair_close(&scene->pair);
    close(scene->backend);
    close(scene->ours);
    SSL_CTX_free(scene->server);
    SSL_CTX_free(scene->client);
    identity_release(&scene->identity);
    free(scene);
    ERR_clear_error();
    return 0;
}

static uint8_t
byte_at(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

static void
fill(uint8_t *out, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = byte_at(from + i);
}

static void
check(const uint8_t *got, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (got[i] != byte_at(from + i))
            fail_msg("byte %zu is wrong", from + i);
}

#define TOTAL (3 * 1024 * 1024 + 7)

static void
moves_everything_up(void **state)
{
    struct scene *scene = *state;
    static uint8_t chunk[50000];
    size_t sent = 0, received = 0;

    while (received < TOTAL) {
        size_t want = TOTAL - sent < sizeof(chunk) ? TOTAL - sent : sizeof(chunk);
        ssize_t got;
        int wrote;

        fill(chunk, sent, want);
        wrote = want > 0 ? SSL_write(scene->pair.client, chunk, (int)want) : 0;
        if (wrote > 0)
            sent += (size_t)wrote;
        assert_int_not_equal(relay_run(&scene->relay, &scene->io), RELAY_BROKEN);
        got = read(scene->backend, chunk, 30000);
        if (got > 0) {
            check(chunk, received, (size_t)got);
            received += (size_t)got;
        }
    }
    assert_int_equal(scene->relay.up.bytes, TOTAL);
    assert_int_equal(relay_run(&scene->relay, &scene->io), RELAY_WAIT);
    assert_null(scene->relay.up.waiting);
}

static void
moves_everything_down(void **state)
{
    struct scene *scene = *state;
    static uint8_t chunk[50000];
    size_t sent = 0, received = 0;

    while (received < TOTAL) {
        size_t want = TOTAL - sent < sizeof(chunk) ? TOTAL - sent : sizeof(chunk);
        ssize_t wrote;
        int got;

        fill(chunk, sent, want);
        wrote = want > 0 ? write(scene->backend, chunk, want) : 0;
        if (wrote > 0)
            sent += (size_t)wrote;
        assert_int_not_equal(relay_run(&scene->relay, &scene->io), RELAY_BROKEN);
        got = SSL_read(scene->pair.client, chunk, 30000);
        if (got > 0) {
            check(chunk, received, (size_t)got);
            received += (size_t)got;
        }
    }
    assert_int_equal(scene->relay.down.bytes, TOTAL);
    assert_int_equal(relay_run(&scene->relay, &scene->io), RELAY_WAIT);
    assert_null(scene->relay.down.waiting);
}

/* Nobody reads at the backend: the relay holds one buffer, and does not even ask for more bytes. */
static void
a_slow_backend_holds_the_peer_back(void **state)
{
    struct scene *scene = *state;
    static uint8_t chunk[16384];
    int refused = 0;

    for (int i = 0; i < 2000 && refused < 50; i++) {
        if (SSL_write(scene->pair.client, chunk, sizeof(chunk)) <= 0)
            refused++;
        assert_int_not_equal(relay_run(&scene->relay, &scene->io), RELAY_BROKEN);
    }
    assert_int_equal(refused, 50);
    assert_non_null(scene->relay.up.waiting);
    assert_true(scene->relay.up.len <= GW_RELAY_BYTES);
    assert_int_equal(relay_run(&scene->relay, &scene->io), RELAY_WAIT);
    assert_int_equal(scene->io.peer.events, 0);
    assert_int_equal(scene->io.backend.events, UV_READABLE | UV_WRITABLE);
}

static void
a_slow_peer_holds_the_backend_back(void **state)
{
    struct scene *scene = *state;
    static uint8_t chunk[16384];
    int refused = 0;

    for (int i = 0; i < 2000 && refused < 50; i++) {
        if (write(scene->backend, chunk, sizeof(chunk)) <= 0)
            refused++;
        assert_int_not_equal(relay_run(&scene->relay, &scene->io), RELAY_BROKEN);
    }
    assert_int_equal(refused, 50);
    assert_non_null(scene->relay.down.waiting);
    assert_true(scene->relay.down.len <= GW_RELAY_BYTES);
    assert_int_equal(relay_run(&scene->relay, &scene->io), RELAY_WAIT);
    assert_int_equal(scene->io.backend.events, 0);
    assert_int_equal(scene->io.peer.events, UV_READABLE | UV_WRITABLE);
}

/* Runs as the level-triggered loop would: as long as a descriptor is ready. */
static enum relay_result
settle(struct scene *scene)
{
    enum relay_result result = RELAY_WAIT;

    for (int i = 0; i < 4 && result != RELAY_DONE && result != RELAY_BROKEN; i++)
        result = relay_run(&scene->relay, &scene->io);
    return result;
}

static void
a_peer_may_end_first_and_still_be_answered(void **state)
{
    struct scene *scene = *state;
    char text[16];

    assert_int_equal(SSL_write(scene->pair.client, "ask", 3), 3);
    assert_true(SSL_shutdown(scene->pair.client) >= 0);
    assert_int_equal(settle(scene), RELAY_WAIT);
    assert_int_equal(read(scene->backend, text, sizeof(text)), 3);
    assert_int_equal(read(scene->backend, text, sizeof(text)), 0); /* the end came through */
    assert_int_equal(write(scene->backend, "reply", 5), 5);
    shutdown(scene->backend, SHUT_WR);
    assert_int_equal(settle(scene), RELAY_DONE);
    assert_int_equal(SSL_read(scene->pair.client, text, sizeof(text)), 5);
    assert_int_equal(SSL_read(scene->pair.client, text, sizeof(text)), 0);
    assert_int_equal(
            SSL_get_shutdown(scene->pair.client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

static void
a_backend_may_end_first_and_still_be_told(void **state)
{
    struct scene *scene = *state;
    char text[16];

    assert_int_equal(write(scene->backend, "greeting", 8), 8);
    shutdown(scene->backend, SHUT_WR);
    assert_int_equal(settle(scene), RELAY_WAIT);
    assert_int_equal(SSL_read(scene->pair.client, text, sizeof(text)), 8);
    assert_int_equal(SSL_read(scene->pair.client, text, sizeof(text)), 0);
    assert_int_equal(SSL_get_error(scene->pair.client, 0), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(SSL_write(scene->pair.client, "late", 4), 4);
    assert_int_equal(settle(scene), RELAY_WAIT);
    assert_int_equal(read(scene->backend, text, sizeof(text)), 4);
    assert_int_equal(SSL_shutdown(scene->pair.client), 1);
    assert_int_equal(settle(scene), RELAY_DONE);
    assert_int_equal(read(scene->backend, text, sizeof(text)), 0);
}

/* What came before a peer vanished is delivered; that it vanished is not told as an end in order. */
static void
an_end_without_close_notify_is_broken(void **state)
{
    struct scene *scene = *state;
    char text[16];

    assert_int_equal(SSL_write(scene->pair.client, "half", 4), 4);
    shutdown(scene->pair.client_fd, SHUT_RDWR);
    while (relay_run(&scene->relay, &scene->io) != RELAY_BROKEN)
        assert_int_not_equal(scene->io.peer.events & UV_READABLE, 0);
    assert_string_equal(scene->io.why, "ended without close_notify");
    assert_int_equal(read(scene->backend, text, sizeof(text)), 4);
    assert_int_equal(read(scene->backend, text, sizeof(text)), -1);
    assert_int_equal(errno, EAGAIN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(moves_everything_up, setup, teardown),
        cmocka_unit_test_setup_teardown(moves_everything_down, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_backend_holds_the_peer_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_peer_holds_the_backend_back, setup, teardown),
        cmocka_unit_test_setup_teardown(
                a_peer_may_end_first_and_still_be_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backend_may_end_first_and_still_be_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_without_close_notify_is_broken, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
