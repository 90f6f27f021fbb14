/* Our own parameters stay at security level 2; what a peer's certificate is made of does not matter here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "gateway/tls_policy.h"
#include "tls_pair.h"

struct scene {
    struct gw_interface iface;
    SSL_CTX *server;
    SSL_CTX *client;
    struct identity identity;
};

static int
take_any(X509_STORE_CTX *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return 1;
}

static int
setup(void **state)
{
    static const struct snapshot_interface settings = { .role = CG_ROLE_INBOUND,
        .security = SECURITY_HIGH };
    static struct scene scene;
    struct cg_error err;

    scene = (struct scene) { .iface.settings = &settings,
        .server = SSL_CTX_new(TLS_server_method()),
        .client = SSL_CTX_new(TLS_client_method()),
        .identity = identity_of(EVP_EC_gen("P-256")) };
    assert_true(tls_policy_apply(scene.server, &scene.iface, &err));
    SSL_CTX_set_verify(scene.server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(scene.server, take_any, NULL);
    assert_int_equal(SSL_CTX_use_certificate(scene.server, scene.identity.cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(scene.server, scene.identity.key), 1);
    SSL_CTX_set_security_level(scene.client, 0);
    assert_int_equal(
            SSL_CTX_set1_groups_list(scene.client, "X25519:P-256:P-384:P-521:P-224:P-192"), 1);
    *state = &scene;
    return 0;
}

static int
teardown(void **state)
{
    struct scene *scene = *state;

    SSL_CTX_free(scene->server);
    SSL_CTX_free(scene->client);
    identity_release(&scene->identity);
    ERR_clear_error();
    return 0;
}

static bool
shakes_with(struct scene *scene, EVP_PKEY *key)
{
    struct identity peer = identity_of(key);
    struct tls_pair pair;
    bool done;

    assert_int_equal(SSL_CTX_use_certificate(scene->client, peer.cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(scene->client, peer.key), 1);
    tls_pair_open(&pair, scene->client, scene->server);
    done = tls_pair_shake(&pair) && SSL_get0_peer_certificate(pair.server) != NULL;
    if (!done)
        ERR_print_errors_fp(stderr);
    tls_pair_close(&pair);
    identity_release(&peer);
    return done;
}

static void
weak_keys_of_peers_reach_the_checks(void **state)
{
    struct scene *scene = *state;

    assert_true(shakes_with(scene, EVP_RSA_gen(1024)));
    SSL_CTX_set_max_proto_version(scene->client, TLS1_2_VERSION);
    assert_true(shakes_with(scene, EVP_RSA_gen(512)));
    assert_true(shakes_with(scene, EVP_EC_gen("P-192")));
    assert_true(shakes_with(scene, EVP_EC_gen("P-224")));
}

static void
strong_keys_too(void **state)
{
    struct scene *scene = *state;

    assert_true(shakes_with(scene, EVP_EC_gen("P-384")));
    assert_true(shakes_with(scene, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")));
    SSL_CTX_set_max_proto_version(scene->client, TLS1_2_VERSION);
    assert_true(shakes_with(scene, EVP_RSA_gen(2048)));
    assert_true(shakes_with(scene, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")));
}

static void
our_own_weak_key_is_refused(void **state)
{
    struct scene *scene = *state;
    struct identity weak = identity_of(EVP_RSA_gen(1024));

    assert_int_not_equal(SSL_CTX_use_certificate(scene->server, weak.cert), 1);
    identity_release(&weak);
}

static void
no_key_is_agreed_on_a_weak_curve(void **state)
{
    static const struct {
        const char *groups;
        bool agreed;
    } rows[] = { { "P-256", true }, { "P-384", true }, { "P-224", false }, { "P-192", false },
        { "secp256k1", false }, { "brainpoolP256r1", false } };
    struct scene *scene = *state;

    SSL_CTX_set_max_proto_version(scene->client, TLS1_2_VERSION);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tls_pair pair;
        struct identity peer = identity_of(EVP_RSA_gen(2048));

        assert_int_equal(SSL_CTX_set1_groups_list(scene->client, rows[i].groups), 1);
        SSL_CTX_use_certificate(scene->client, peer.cert);
        SSL_CTX_use_PrivateKey(scene->client, peer.key);
        tls_pair_open(&pair, scene->client, scene->server);
        if (i == 0) {
            /* The identity's own curve must be on the client's list as well. */
            assert_true(tls_pair_shake(&pair));
        } else if (tls_pair_shake(&pair) && !rows[i].agreed) {
            fail_msg("a key was agreed on %s", rows[i].groups);
        }
        tls_pair_close(&pair);
        identity_release(&peer);
        ERR_clear_error();
    }
}

static void
no_old_version_and_no_old_cipher(void **state)
{
    static const char *const ciphers[] = { "AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL-SHA256",
        "ADH-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA256" };
    struct scene *scene = *state;
    struct tls_pair pair;

    SSL_CTX_set_max_proto_version(scene->client, TLS1_2_VERSION);
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        assert_int_equal(SSL_CTX_set_cipher_list(scene->client, ciphers[i]), 1);
        tls_pair_open(&pair, scene->client, scene->server);
        if (tls_pair_shake(&pair))
            fail_msg("%s was negotiated", ciphers[i]);
        tls_pair_close(&pair);
        ERR_clear_error();
    }
}

/* ---- outbound: the client is ours ------------------------------------------------------------- */

static int
setup_outbound(void **state)
{
    static const struct snapshot_interface settings = { .role = CG_ROLE_OUTBOUND,
        .security = SECURITY_HIGH };
    static struct scene scene;
    struct cg_error err;

    scene = (struct scene) { .iface.settings = &settings,
        .server = SSL_CTX_new(TLS_server_method()),
        .client = SSL_CTX_new(TLS_client_method()) };
    assert_true(tls_policy_apply(scene.client, &scene.iface, &err));
    SSL_CTX_set_verify(scene.client, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(scene.client, take_any, NULL);
    SSL_CTX_set_security_level(scene.server, 0);
    assert_int_equal(SSL_CTX_set_cipher_list(scene.server, "ALL:@SECLEVEL=0"), 1);
    *state = &scene;
    return 0;
}

/* Takes the key over. groups and signatures are the server's; NULL leaves libssl's. */
static bool
server_shakes_with(struct scene *scene, EVP_PKEY *key, const char *groups, const char *signatures)
{
    struct identity peer = identity_of(key);
    struct tls_pair pair;
    bool done;

    assert_int_equal(SSL_CTX_use_certificate(scene->server, peer.cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(scene->server, peer.key), 1);
    if (groups != NULL)
        assert_int_equal(SSL_CTX_set1_groups_list(scene->server, groups), 1);
    if (signatures != NULL)
        assert_int_equal(SSL_CTX_set1_sigalgs_list(scene->server, signatures), 1);
    tls_pair_open(&pair, scene->client, scene->server);
    done = tls_pair_shake(&pair) && SSL_get0_peer_certificate(pair.client) != NULL;
    tls_pair_close(&pair);
    identity_release(&peer);
    ERR_clear_error();
    return done;
}

static void
weak_keys_of_servers_reach_the_checks(void **state)
{
    static const char groups[] = "P-256:P-224:P-192";
    struct scene *scene = *state;

    assert_true(server_shakes_with(scene, EVP_RSA_gen(1024), NULL, NULL));
    SSL_CTX_set_max_proto_version(scene->server, TLS1_2_VERSION);
    assert_true(server_shakes_with(scene, EVP_RSA_gen(512), NULL, NULL));
    assert_true(server_shakes_with(scene, EVP_EC_gen("P-192"), groups, NULL));
    assert_true(server_shakes_with(scene, EVP_EC_gen("P-224"), groups, NULL));
}

static void
a_server_agrees_on_nothing_weak(void **state)
{
    static const struct {
        const char *groups;
        const char *signatures;
        bool agreed;
    } rows[] = { { "P-256", "RSA+SHA256", true }, { "P-521", "RSA+SHA256", true },
        { "P-224", "RSA+SHA256", false }, { "P-192", "RSA+SHA256", false },
        { "secp256k1", "RSA+SHA256", false }, { "brainpoolP256r1", "RSA+SHA256", false },
        { "P-256", "RSA+SHA1", false }, { "P-256", "RSA+SHA224", false } };
    struct scene *scene = *state;

    SSL_CTX_set_max_proto_version(scene->server, TLS1_2_VERSION);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (server_shakes_with(scene, EVP_RSA_gen(2048), rows[i].groups, rows[i].signatures) !=
                rows[i].agreed)
            fail_msg("%s with %s: %s", rows[i].groups, rows[i].signatures,
                    rows[i].agreed ? "was not agreed" : "was agreed");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(weak_keys_of_peers_reach_the_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(strong_keys_too, setup, teardown),
        cmocka_unit_test_setup_teardown(our_own_weak_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(no_key_is_agreed_on_a_weak_curve, setup, teardown),
        cmocka_unit_test_setup_teardown(no_old_version_and_no_old_cipher, setup, teardown),
        cmocka_unit_test_setup_teardown(
                weak_keys_of_servers_reach_the_checks, setup_outbound, teardown),
        cmocka_unit_test_setup_teardown(a_server_agrees_on_nothing_weak, setup_outbound, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
