/* Bytes of a peer over TLS: how long one call may go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <uv.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "gateway/limits.h"
#include "gateway/stream.h"
#include "tls_pair.h"

struct scene {
    SSL_CTX *server;
    SSL_CTX *client;
    struct identity identity;
    struct tls_pair pair;
};

static int
setup(void **state)
{
    static struct scene scene;

    scene = (struct scene) { .server = SSL_CTX_new(TLS_server_method()),
        .client = SSL_CTX_new(TLS_client_method()),
        .identity = identity_of(EVP_EC_gen("P-256")) };
    assert_int_equal(SSL_CTX_use_certificate(scene.server, scene.identity.cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(scene.server, scene.identity.key), 1);
    SSL_CTX_set_num_tickets(scene.server, 0);
    SSL_CTX_set_read_ahead(scene.server, 1); /* as the gateway does */
    tls_pair_open(&scene.pair, scene.client, scene.server);
    assert_true(tls_pair_shake(&scene.pair));
    *state = &scene;
    return 0;
}

static int
teardown(void **state)
{
    struct scene *scene = *state;

    tls_pair_close(&scene->pair);
    SSL_CTX_free(scene->server);
    SSL_CTX_free(scene->client);
    identity_release(&scene->identity);
    ERR_clear_error();
    return 0;
}

static int
unread(const struct scene *scene)
{
    int bytes = 0;

    assert_int_equal(ioctl(scene->pair.server_fd, FIONREAD, &bytes), 0);
    return bytes;
}

#define UPDATES 10000 /* of 27 octets */

/* Sends key updates, which carry nothing for the reader; in few pieces, which a socket holds more of. */
static void
flood(struct scene *scene)
{
    const int room = 1024 * 1024;
    BIO *records = BIO_new(BIO_s_mem());
    const char *at;
    long len;

    SSL_set0_wbio(scene->pair.client, records);
    for (int i = 0; i < UPDATES; i++) {
        assert_int_equal(SSL_key_update(scene->pair.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(scene->pair.client), 1);
    }
    len = BIO_get_mem_data(records, &at);
    setsockopt(scene->pair.client_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    while (len > 0) {
        ssize_t sent = write(scene->pair.client_fd, at, (size_t)len);

        if (sent < 0)
            break;
        at += sent;
        len -= sent;
    }
}

static void
records_without_data_do_not_hold_the_reader(void **state)
{
    struct scene *scene = *state;
    struct stream stream = { .ssl = scene->pair.server, .fd = scene->pair.server_fd };
    uint8_t buffer[64];
    size_t len;
    int before, after;

    flood(scene);
    before = unread(scene);
    assert_in_range(before, 200 * 1024, INT32_MAX);
    assert_int_equal(stream_read(&stream, buffer, sizeof(buffer), &len), FLOW_WAIT);
    after = unread(scene);
    assert_int_equal(len, 0);
    assert_int_equal(stream.events, UV_READABLE);
    assert_in_range(after, 1, before - 1);
    while (unread(scene) > 0)
        assert_int_equal(stream_read(&stream, buffer, sizeof(buffer), &len), FLOW_WAIT);
}

static void
data_comes_whole(void **state)
{
    static uint8_t sent[60 * 1024], buffer[GW_RELAY_BYTES];
    struct scene *scene = *state;
    struct stream stream = { .ssl = scene->pair.server, .fd = scene->pair.server_fd };
    size_t len = 0, more;

    memset(sent, 'x', sizeof(sent));
    assert_int_equal(SSL_write(scene->pair.client, sent, sizeof(sent)), sizeof(sent));
    while (unread(scene) > 0 || SSL_has_pending(scene->pair.server) == 1) {
        assert_int_equal(
                stream_read(&stream, buffer + len, sizeof(buffer) - len, &more), FLOW_WAIT);
        len += more;
    }
    assert_int_equal(len, sizeof(sent));
    assert_memory_equal(buffer, sent, sizeof(sent));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
                records_without_data_do_not_hold_the_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(data_comes_whole, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
