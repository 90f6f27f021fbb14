/* Service security: what no row may hold, and that a stricter one never allows more than a laxer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "snapshot/security.h"

/* What libssl takes a row for; NULL where it opens no TLS port. */
static SSL_CTX *
context(enum security security)
{
    const struct security_info *info = security_info(security);
    SSL_CTX *ctx;

    if (!info->tls)
        return NULL;
    ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(ctx);
    SSL_CTX_set_security_level(ctx, 0);
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, info->ciphers), 1);
    assert_int_equal(SSL_CTX_set_ciphersuites(ctx, info->suites), 1);
    return ctx;
}

static bool
holds(SSL_CTX *ctx, const char *name)
{
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);

    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
        if (strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)), name) == 0)
            return true;
    return false;
}

static void
names_lead_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        enum security found = SECURITY_COUNT;

        assert_true(security_from_name(security_info((enum security)i)->id, &found));
        assert_int_equal(found, i);
    }
    for (size_t i = 0; i < 4; i++) {
        static const char *const others[] = { "", "secure", "Secure-High", "secure-high " };
        enum security found;

        assert_false(security_from_name(others[i], &found));
    }
}

static void
libssl_knows_every_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        const struct security_info *info = security_info((enum security)i);
        SSL_CTX *ctx = context((enum security)i);
        int names = 2; /* as many as there are colons, and one more in each of the lists */

        if (ctx == NULL)
            continue;
        for (const char *c = info->ciphers; *c != '\0'; c++)
            names += *c == ':';
        for (const char *c = info->suites; *c != '\0'; c++)
            names += *c == ':';
        assert_int_equal(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ctx)), names);
        SSL_CTX_free(ctx);
    }
}

static void
no_row_holds_what_is_broken(void **state)
{
    static const int digests[] = { NID_undef, NID_sha1, NID_sha256, NID_sha384 };

    (void)state;
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        const struct security_info *info = security_info((enum security)i);
        SSL_CTX *ctx = context((enum security)i);
        STACK_OF(SSL_CIPHER) *ciphers = ctx == NULL ? NULL : SSL_CTX_get_ciphers(ctx);

        assert_true(info->min_tls == 0 || info->min_tls >= TLS1_2_VERSION);
        for (int j = 0; ctx != NULL && j < sk_SSL_CIPHER_num(ciphers); j++) {
            const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, j);
            int digest = SSL_CIPHER_get_digest_nid(cipher);
            bool known = false;

            for (size_t k = 0; k < sizeof(digests) / sizeof(digests[0]); k++)
                known = known || digest == digests[k];
            if (!known || SSL_CIPHER_get_bits(cipher, NULL) < 128 ||
                    SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null ||
                    SSL_CIPHER_get_cipher_nid(cipher) == NID_rc4)
                fail_msg("%s holds %s", info->id, SSL_CIPHER_get_name(cipher));
            if (i == SECURITY_HIGH && !SSL_CIPHER_is_aead(cipher))
                fail_msg("%s holds %s", info->id, SSL_CIPHER_get_name(cipher));
            if ((i == SECURITY_HIGH || i == SECURITY_MEDIUM) &&
                    SSL_CIPHER_get_kx_nid(cipher) == NID_kx_rsa)
                fail_msg("%s holds %s", info->id, SSL_CIPHER_get_name(cipher));
        }
        SSL_CTX_free(ctx);
    }
}

static void
a_stricter_row_allows_nothing_more(void **state)
{
    (void)state;
    for (unsigned i = SECURITY_MEDIUM; i <= SECURITY_HIGH; i++) {
        const struct security_info *strict = security_info((enum security)i);
        const struct security_info *lax = security_info((enum security)(i - 1));
        SSL_CTX *ctx = context((enum security)i), *below = context((enum security)(i - 1));
        STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);

        assert_true(strict->min_tls >= lax->min_tls);
        for (int j = 0; j < sk_SSL_CIPHER_num(ciphers); j++)
            assert_true(holds(below, SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, j))));
        for (size_t j = 0; strict->groups[j] != 0; j++)
            assert_true(security_has_group(lax, strict->groups[j]));
        SSL_CTX_free(ctx);
        SSL_CTX_free(below);
    }
}

static void
ports_and_certificates_are_as_the_contract_says(void **state)
{
    static const struct {
        const char *id;
        bool plain, tls, require_certificate;
    } wanted[] = {
        { "disabled", false, false, false },
        { "unsecure-only", true, false, false },
        { "unsecure+secure", true, true, false },
        { "secure-low", false, true, false },
        { "secure-medium", false, true, false },
        { "secure-high", false, true, true },
    };

    (void)state;
    assert_int_equal(SECURITY_COUNT, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < SECURITY_COUNT; i++) {
        enum security security = SECURITY_COUNT;
        const struct security_info *info;

        assert_true(security_from_name(wanted[i].id, &security));
        info = security_info(security);
        assert_int_equal(info->plain, wanted[i].plain);
        assert_int_equal(info->tls, wanted[i].tls);
        assert_int_equal(info->require_certificate, wanted[i].require_certificate);
    }
}

static void
only_groups_of_the_row_are_agreed_on(void **state)
{
    const struct security_info *info = security_info(SECURITY_HIGH);

    (void)state;
    assert_true(security_has_group(info, NID_X25519));
    assert_true(security_has_group(info, NID_X9_62_prime256v1));
    assert_false(security_has_group(info, NID_secp224r1));
    assert_false(security_has_group(info, NID_undef));
    assert_false(security_has_group(security_info(SECURITY_DISABLED), NID_X25519));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_back),
        cmocka_unit_test(libssl_knows_every_name),
        cmocka_unit_test(no_row_holds_what_is_broken),
        cmocka_unit_test(a_stricter_row_allows_nothing_more),
        cmocka_unit_test(ports_and_certificates_are_as_the_contract_says),
        cmocka_unit_test(only_groups_of_the_row_are_agreed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
