/* Keys and signatures. */
#include "x509/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "support/mint.h"
#include "x509/engine.h"

static const struct {
    const char *why;
    const char *key;
    const char *digest;
    bool pss;
    bool allow_sha1;
    enum cg_signature_result expect;
} signatures[] = {
    { "RSA SHA-256", "RSA-2048", "SHA256", false, false, CG_SIGNATURE_VALID },
    { "RSA SHA-224", "RSA-2048", "SHA224", false, false, CG_SIGNATURE_VALID },
    { "RSA SHA-384", "RSA-2048", "SHA384", false, false, CG_SIGNATURE_VALID },
    { "RSA SHA-512", "RSA-2048", "SHA512", false, false, CG_SIGNATURE_VALID },
    { "RSA SHA-1, not allowed", "RSA-2048", "SHA1", false, false, CG_SIGNATURE_SHA1 },
    { "RSA SHA-1, allowed", "RSA-2048", "SHA1", false, true, CG_SIGNATURE_VALID },
    { "RSA MD5", "RSA-2048", "MD5", false, true, CG_SIGNATURE_REFUSED },
    { "RSA-PSS SHA-256", "RSA-2048", "SHA256", true, false, CG_SIGNATURE_VALID },
    { "RSA-PSS SHA-512", "RSA-2048", "SHA512", true, false, CG_SIGNATURE_VALID },
    { "RSA-PSS SHA-1, not allowed", "RSA-2048", "SHA1", true, false, CG_SIGNATURE_SHA1 },
    { "RSA-PSS SHA-1, allowed", "RSA-2048", "SHA1", true, true, CG_SIGNATURE_VALID },
    { "P-256 SHA-256", "P-256", "SHA256", false, false, CG_SIGNATURE_VALID },
    { "P-256 SHA-512", "P-256", "SHA512", false, false, CG_SIGNATURE_VALID },
    { "P-256 SHA-1, not allowed", "P-256", "SHA1", false, false, CG_SIGNATURE_SHA1 },
    { "P-384 SHA-384", "P-384", "SHA384", false, false, CG_SIGNATURE_VALID },
    { "P-521 SHA-512", "P-521", "SHA512", false, false, CG_SIGNATURE_VALID },
    { "brainpool", "brainpoolP256r1", "SHA256", false, false, CG_SIGNATURE_VALID },
    { "Ed25519", "ED25519", NULL, false, false, CG_SIGNATURE_VALID },
    { "Ed448", "ED448", NULL, false, false, CG_SIGNATURE_VALID },
    { "P-256 after Ed448: the hash context is clean", "P-256", "SHA384", false, false,
            CG_SIGNATURE_VALID },
};

static void
verifies_what_it_should(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    bool fresh;

    (void)state;
    assert_non_null(engine);
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        for (int spoil = 0; spoil <= 1; spoil++) {
            struct cg_cert *cert = mint_cert(&(struct mint) { .subject = "CN=a",
                    .key = mint_key(signatures[i].key),
                    .digest = signatures[i].digest,
                    .pss = signatures[i].pss,
                    .spoil = spoil != 0 });
            enum cg_signature_result expect = signatures[i].expect, found;

            if (spoil != 0 && expect == CG_SIGNATURE_VALID)
                expect = CG_SIGNATURE_INVALID;
            found = cg_signature_verify(engine, cert, cert, signatures[i].allow_sha1, &fresh);
            if (found != expect)
                fail_msg(
                        "%s, spoilt %d: %d instead of %d", signatures[i].why, spoil, found, expect);
            assert_int_equal(fresh, expect == CG_SIGNATURE_VALID || expect == CG_SIGNATURE_INVALID);
            cg_cert_free(cert);
        }
    }
    cg_engine_free(engine);
}

static void
remembers_valid_ones_only(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *good =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("P-256") });
    struct cg_cert *bad = mint_cert(
            &(struct mint) { .subject = "CN=a", .key = mint_key("P-256"), .spoil = true });
    bool fresh;

    (void)state;
    assert_int_equal(cg_signature_verify(engine, good, good, false, &fresh), CG_SIGNATURE_VALID);
    assert_true(fresh);
    assert_int_equal(cg_signature_verify(engine, good, good, false, &fresh), CG_SIGNATURE_VALID);
    assert_false(fresh);
    assert_int_equal(cg_signature_verify(engine, bad, bad, false, &fresh), CG_SIGNATURE_INVALID);
    assert_int_equal(cg_signature_verify(engine, bad, bad, false, &fresh), CG_SIGNATURE_INVALID);
    assert_true(fresh);
    cg_cert_free(good);
    cg_cert_free(bad);
    cg_engine_free(engine);
}

/* What is remembered with the allowance must not pass without it. */
static void
memory_does_not_allow_sha1(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *cert = mint_cert(
            &(struct mint) { .subject = "CN=a", .key = mint_key("P-256"), .digest = "SHA1" });
    bool fresh;

    (void)state;
    assert_int_equal(cg_signature_verify(engine, cert, cert, true, &fresh), CG_SIGNATURE_VALID);
    assert_int_equal(cg_signature_verify(engine, cert, cert, false, &fresh), CG_SIGNATURE_SHA1);
    cg_cert_free(cert);
    cg_engine_free(engine);
}

static void
wrong_keys(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *cert =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("P-256") });
    struct cg_cert *same_kind =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("P-256 other") });
    struct cg_cert *other_kind =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("RSA-2048") });
    bool fresh;

    (void)state;
    assert_int_equal(
            cg_signature_verify(engine, cert, same_kind, false, &fresh), CG_SIGNATURE_INVALID);
    assert_int_equal(
            cg_signature_verify(engine, cert, other_kind, false, &fresh), CG_SIGNATURE_REFUSED);
    cg_cert_free(cert);
    cg_cert_free(same_kind);
    cg_cert_free(other_kind);
    cg_engine_free(engine);
}

/* Old roots: their own signature is not judged, only recognised. */
static void
own_signature_with_md5(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *root = mint_cert(
            &(struct mint) { .subject = "CN=a", .key = mint_key("RSA-2048"), .digest = "MD5" });
    bool fresh;

    (void)state;
    assert_int_equal(cg_signature_verify_own(engine, root, &fresh), CG_SIGNATURE_VALID);
    assert_true(cg_signature_is_refused(root));
    cg_cert_free(root);
    cg_engine_free(engine);
}

/* Telling that a key loads and loading it must be the same. */
static bool
loads(struct cg_engine *engine, const struct cg_cert *cert)
{
    EVP_PKEY *pkey = cg_key_load(engine, cert);
    bool made = pkey != NULL;

    EVP_PKEY_free(pkey);
    assert_int_equal(cg_key_loads(engine, cert), made);
    return made;
}

static const struct {
    const char *key;
    unsigned strength;
} strengths[] = {
    { "RSA-1024", 80 },
    { "RSA-2048", 112 },
    { "P-224", 112 },
    { "P-256", 128 },
    { "P-521", 260 },
    { "ED25519", 128 },
    { "ED448", 224 },
};

static void
strength_of_keys(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (size_t i = 0; i < sizeof(strengths) / sizeof(strengths[0]); i++) {
        struct cg_cert *cert =
                mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key(strengths[i].key) });

        assert_int_equal(cg_key_strength(cert), strengths[i].strength);
        assert_true(loads(engine, cert));
        cg_cert_free(cert);
    }
    cg_engine_free(engine);
}

/* The certificate of this key with byte `at` of the subjectPublicKey set. */
static struct cg_cert *
with_key_byte(const char *key, size_t at, uint8_t value)
{
    struct cg_cert *cert = mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key(key) }),
                   *out;
    size_t offset = (size_t)(cert->key_bits_data.data - cert->der) + at;
    uint8_t *der = malloc(cert->der_len);

    assert_non_null(der);
    memcpy(der, cert->der, cert->der_len);
    der[offset] = value;
    assert_int_equal(cg_cert_from_der(der, cert->der_len, &out, NULL), CG_OK);
    free(der);
    cg_cert_free(cert);
    return out;
}

static const struct {
    const char *why;
    const char *key;
    size_t at;
    uint8_t value;
} broken_keys[] = {
    { "hybrid point", "P-256", 0, 0x06 },
    { "point of an unknown form", "P-256", 0, 0x05 },
    { "even modulus", "RSA-1024", 3 + 3 + 128, 0x00 },
    { "negative modulus", "RSA-1024", 3 + 3, 0x80 },
    { "even exponent", "RSA-1024", 3 + 3 + 128 + 5, 0x00 },
};

static void
broken_keys_do_not_load(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (size_t i = 0; i < sizeof(broken_keys) / sizeof(broken_keys[0]); i++) {
        struct cg_cert *cert =
                with_key_byte(broken_keys[i].key, broken_keys[i].at, broken_keys[i].value);

        if (loads(engine, cert))
            fail_msg("%s loads", broken_keys[i].why);
        cg_cert_free(cert);
    }
    cg_engine_free(engine);
}

/* What a hostile key can cost: a long exponent does not load, a long modulus counts for several. */
static void
dear_keys(void **state)
{
    static const struct {
        unsigned exponent; /* bits */
        bool loads;
    } lengths[] = { { 17, true }, { 64, true }, { 65, false }, { 1000, false } };
    struct cg_cert sized = { .key_type = CG_KEY_RSA };
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        BIGNUM *exponent = BN_new();
        EVP_PKEY *key = NULL;
        struct cg_cert *cert;

        assert_int_equal(BN_rand(exponent, (int)lengths[i].exponent, BN_RAND_TOP_ONE, 1), 1);
        assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(maker, 1024), 1);
        assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(maker, exponent), 1);
        assert_int_equal(EVP_PKEY_generate(maker, &key), 1);
        cert = mint_cert(&(struct mint) { .subject = "CN=a", .key = key });
        if (loads(engine, cert) != lengths[i].loads)
            fail_msg("exponent of %u bits", lengths[i].exponent);
        cg_cert_free(cert);
        EVP_PKEY_free(key);
        BN_free(exponent);
        EVP_PKEY_CTX_free(maker);
    }
    cg_engine_free(engine);
    assert_int_equal(cg_signature_weight(&sized), 1);
    sized.key_bits = 4096;
    assert_int_equal(cg_signature_weight(&sized), 1);
    sized.key_bits = 4097;
    assert_int_equal(cg_signature_weight(&sized), 4);
    sized.key_bits = 16384;
    assert_int_equal(cg_signature_weight(&sized), 16);
    sized.key_type = CG_KEY_EC;
    assert_int_equal(cg_signature_weight(&sized), 1);
}

/* A point that is not on its curve, whichever of its bytes is off. */
static void
point_off_the_curve(void **state)
{
    static const char *const keys[] = { "P-224", "P-256", "P-384", "P-521", "secp256k1" };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct cg_engine *engine = cg_engine_new();
        struct cg_cert *cert =
                mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key(keys[i]) });
        size_t last = cert->key_bits_data.len - 1;
        struct cg_cert *off =
                with_key_byte(keys[i], last, (uint8_t)(cert->key_bits_data.data[last] ^ 1));

        /* The first of its curve, and with the curve's parameters known. */
        if (loads(engine, off) || !loads(engine, cert) || loads(engine, off))
            fail_msg("%s", keys[i]);
        cg_cert_free(cert);
        cg_cert_free(off);
        cg_engine_free(engine);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_what_it_should),
        cmocka_unit_test(remembers_valid_ones_only),
        cmocka_unit_test(memory_does_not_allow_sha1),
        cmocka_unit_test(wrong_keys),
        cmocka_unit_test(own_signature_with_md5),
        cmocka_unit_test(strength_of_keys),
        cmocka_unit_test(broken_keys_do_not_load),
        cmocka_unit_test(dear_keys),
        cmocka_unit_test(point_off_the_curve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
