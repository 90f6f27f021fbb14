/* What libssl holds of a peer once it is judged: nothing, and the connection does not notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "gateway/tls_sessions.h"
#include "tls_pair.h"

struct scene {
    SSL_CTX *server;
    SSL_CTX *client;
    struct identity identity;
    struct tls_pair pair;
};

static int
admit(X509_STORE_CTX *context, void *arg)
{
    (void)context;
    (void)arg;
    return 1;
}

static void
use(SSL_CTX *ctx, const struct identity *identity, int version)
{
    assert_int_equal(SSL_CTX_use_certificate(ctx, identity->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, identity->key), 1);
    assert_int_equal(
            SSL_CTX_add1_chain_cert(ctx, identity->cert), 1); /* so that there is a chain */
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, admit, NULL);
}

static void
open_scene(struct scene *scene, int version)
{
    *scene = (struct scene) { .server = SSL_CTX_new(TLS_server_method()),
        .client = SSL_CTX_new(TLS_client_method()),
        .identity = identity_of(EVP_EC_gen("P-256")) };
    use(scene->server, &scene->identity, version);
    use(scene->client, &scene->identity, version);
    SSL_CTX_set_session_id_context(scene->server, (const unsigned char *)"test", 4);
    tls_pair_open(&scene->pair, scene->client, scene->server);
    assert_true(tls_pair_shake(&scene->pair));
    assert_non_null(SSL_get0_peer_certificate(scene->pair.server));
    assert_true(sk_X509_num(SSL_get_peer_cert_chain(scene->pair.server)) > 0);
}

static void
close_scene(struct scene *scene)
{
    tls_pair_close(&scene->pair);
    SSL_CTX_free(scene->server);
    SSL_CTX_free(scene->client);
    identity_release(&scene->identity);
    ERR_clear_error();
}

static void
passes(SSL *from, SSL *to)
{
    char got[16];

    assert_int_equal(SSL_write(from, "words", 5), 5);
    assert_int_equal(SSL_read(to, got, sizeof(got)), 5);
    assert_memory_equal(got, "words", 5);
}

/* Sessions of all lengths around those at which DER spends another octet on one: 128, 256. */
static void
the_peer_is_dropped(int version)
{
    static const size_t appdata[] = { 0, 1, 20, 60, 120, 200, 700 };
    static const uint8_t bytes[700];

    for (size_t i = 0; i < sizeof(appdata) / sizeof(appdata[0]); i++) {
        struct scene scene;
        const SSL_CIPHER *cipher;
        SSL *server, *client;

        open_scene(&scene, version);
        server = scene.pair.server;
        client = scene.pair.client;
        cipher = SSL_get_current_cipher(server);
        assert_int_equal(
                SSL_SESSION_set1_ticket_appdata(SSL_get_session(server), bytes, appdata[i]), 1);
        tls_drop_peer(server);
        assert_null(SSL_get0_peer_certificate(server));
        assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(server)), 0);
        assert_ptr_equal(SSL_get_current_cipher(server), cipher);
        passes(client, server);
        passes(server, client);
        if (version == TLS1_3_VERSION) {
            assert_int_equal(SSL_key_update(server, SSL_KEY_UPDATE_REQUESTED), 1);
            passes(server, client);
            passes(client, server);
        }
        assert_int_equal(SSL_shutdown(server), 0);
        close_scene(&scene);
    }
}

static void
test_tls_1_2(void **state)
{
    (void)state;
    the_peer_is_dropped(TLS1_2_VERSION);
}

static void
test_tls_1_3(void **state)
{
    (void)state;
    the_peer_is_dropped(TLS1_3_VERSION);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_1_2),
        cmocka_unit_test(test_tls_1_3),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
