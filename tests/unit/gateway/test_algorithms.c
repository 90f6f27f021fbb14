/* The narrow library context: every kind of key and every suite that the TLS policy names still works, others are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "gateway/algorithms.h"
#include "snapshot/security.h"
#include "tls_pair.h"

/* clang-format off */
static const struct {
    const char *type;
    const char *parameter; /* bits or curve */
    int version;
    const char *suites; /* TLS 1.3, or ciphers of TLS 1.2 */
    const char *group;
} rows[] = {
    { "RSA", "2048", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519" },
    { "RSA", "2048", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "P-256" },
    { "RSA", "2048", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", "P-384" },
    { "EC", "P-256", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "P-521" },
    { "EC", "P-384", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X448" },
    { "EC", "P-521", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519" },
    { "ED25519", NULL, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519" },
    { "ED448", NULL, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519" },
    { "RSA-PSS", "2048", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", "P-256" },
    { "RSA", "2048", TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "AES256-SHA256", "X25519" },
    { "RSA", "2048", TLS1_2_VERSION, "AES128-GCM-SHA256", "X25519" },
    { "EC", "P-256", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", "X25519:P-256" },
    { "EC", "P-256", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA", "P-256" },
    { "ED25519", NULL, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", "X25519" },
};
/* clang-format on */

/* With all algorithms, as whoever made our keys and those of peers had them. */
static OSSL_LIB_CTX *whole;

static EVP_PKEY *
key_of(const char *type, const char *parameter)
{
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(whole, type, NULL);
    EVP_PKEY *key = NULL;

    EVP_PKEY_keygen_init(maker);
    if (parameter != NULL && parameter[0] == 'P')
        EVP_PKEY_CTX_set_group_name(maker, parameter);
    else if (parameter != NULL)
        EVP_PKEY_CTX_set_rsa_keygen_bits(maker, 2048);
    EVP_PKEY_generate(maker, &key);
    EVP_PKEY_CTX_free(maker);
    return key;
}

/* The certificate goes the way of a received one: libssl parses it from DER. */
static X509 *
parsed(X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    const unsigned char *at = der;
    X509 *again = d2i_X509(NULL, &at, len);

    OPENSSL_free(der);
    return again;
}

static int
accept_all(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    return X509_get0_pubkey(X509_STORE_CTX_get0_cert(store)) != NULL;
}

static SSL_CTX *
context_of(size_t row, const SSL_METHOD *method, const struct identity *identity)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    X509 *cert = parsed(identity->cert);

    SSL_CTX_set_min_proto_version(ctx, rows[row].version);
    SSL_CTX_set_max_proto_version(ctx, rows[row].version);
    SSL_CTX_set1_groups_list(ctx, rows[row].group);
    if (rows[row].version == TLS1_3_VERSION)
        SSL_CTX_set_ciphersuites(ctx, rows[row].suites);
    else
        SSL_CTX_set_cipher_list(ctx, rows[row].suites);
    SSL_CTX_use_certificate(ctx, cert);
    SSL_CTX_use_PrivateKey(ctx, identity->key);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
    X509_free(cert);
    return ctx;
}

static void
test_what_the_policy_names_works(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct identity identity = identity_of(key_of(rows[i].type, rows[i].parameter));
        SSL_CTX *client = context_of(i, TLS_client_method(), &identity);
        SSL_CTX *server = context_of(i, TLS_server_method(), &identity);
        struct tls_pair pair;

        tls_pair_open(&pair, client, server);
        if (!tls_pair_shake(&pair))
            fail_msg("%s with %s and %s: %s", rows[i].type, rows[i].suites, rows[i].group,
                    ERR_reason_error_string(ERR_peek_last_error()));
        tls_pair_close(&pair);
        SSL_CTX_free(client);
        SSL_CTX_free(server);
        identity_release(&identity);
    }
}

/* Every suite that some level of the service security names is one that libssl can still use. */
static void
test_every_level_finds_its_suites(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        const struct security_info *info = security_info((enum security)i);
        char list[4096] = "";
        size_t named = 1, found = 0;
        SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
        STACK_OF(SSL_CIPHER) * ciphers;

        if (!info->tls) {
            SSL_CTX_free(ctx);
            continue;
        }
        (void)snprintf(list, sizeof(list), "%s:%s", info->suites, info->ciphers);
        for (const char *at = list; *at != '\0'; at++)
            named += *at == ':';
        assert_int_equal(SSL_CTX_set_ciphersuites(ctx, info->suites), 1);
        assert_int_equal(SSL_CTX_set_cipher_list(ctx, info->ciphers), 1);
        ciphers = SSL_CTX_get_ciphers(ctx);
        found = (size_t)sk_SSL_CIPHER_num(ciphers);
        if (found != named)
            fail_msg("%s: %zu of %zu suites", info->id, found, named);
        SSL_CTX_free(ctx);
    }
}

static void
test_keys_that_are_handed_over_are_read(void **state)
{
    static const char *const types[][2] = { { "RSA", "2048" }, { "EC", "P-256" },
        { "ED25519", NULL } };

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        EVP_PKEY *key = key_of(types[i][0], types[i][1]), *again;
        uint8_t *der = NULL;
        int len = i2d_PrivateKey(key, &der);

        again = algorithms_private_key(der, (size_t)len);
        assert_non_null(again);
        assert_null(algorithms_private_key(der, (size_t)len - 1));
        assert_int_equal(EVP_PKEY_eq(key, again), 1);
        EVP_PKEY_free(again);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}

static EVP_PKEY *
public_key(const uint8_t *der, int len)
{
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, len);

    ERR_clear_error();
    return key;
}

/* A key is remembered by all of its octets: another one, or one spoiled, is not taken for it. */
static void
test_keys_on_curves_are_remembered_and_told_apart(void **state)
{
    static const char *const curves[] = { "P-256", "P-384", "P-521" };

    (void)state;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        EVP_PKEY *keys[2] = { key_of("EC", curves[i]), key_of("EC", curves[i]) };

        for (size_t j = 0; j < 4; j++) { /* each twice, in turns */
            uint8_t *der = NULL;
            int len = i2d_PUBKEY(keys[j % 2], &der);
            EVP_PKEY *again = public_key(der, len);

            assert_non_null(again);
            assert_int_equal(EVP_PKEY_eq(again, keys[j % 2]), 1);
            assert_int_equal(EVP_PKEY_eq(again, keys[1 - j % 2]), 0);
            der[len - 1] ^= 1; /* not on the curve */
            assert_null(public_key(der, len));
            assert_null(public_key(der, len - 1));
            EVP_PKEY_free(again);
            OPENSSL_free(der);
        }
        EVP_PKEY_free(keys[0]);
        EVP_PKEY_free(keys[1]);
    }
}

/* So that some share a place. */
static void
test_more_keys_than_are_remembered(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        EVP_PKEY *key = key_of("EC", "P-256"), *again;
        uint8_t *der = NULL;
        int len = i2d_PUBKEY(key, &der);

        again = public_key(der, len);
        assert_int_equal(EVP_PKEY_eq(again, key), 1);
        EVP_PKEY_free(again);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}

static void
test_the_rest_is_gone(void **state)
{
    (void)state;
    assert_null(EVP_CIPHER_fetch(NULL, "CAMELLIA-128-CBC", NULL));
    assert_null(EVP_MD_fetch(NULL, "SM3", NULL));
    assert_null(EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL));
    ERR_clear_error();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_policy_names_works),
        cmocka_unit_test(test_every_level_finds_its_suites),
        cmocka_unit_test(test_keys_that_are_handed_over_are_read),
        cmocka_unit_test(test_keys_on_curves_are_remembered_and_told_apart),
        cmocka_unit_test(test_more_keys_than_are_remembered),
        cmocka_unit_test(test_the_rest_is_gone),
    };

    int failed;

    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 || !algorithms_narrow())
        return 1;
    whole = OSSL_LIB_CTX_new();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    OSSL_LIB_CTX_free(whole);
    return failed;
}
