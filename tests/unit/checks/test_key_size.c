/* key-1024 and key-2048: one rule at two sizes. */
#include "trial.h"

#include <stdlib.h>

#include "support/mint.h"

/* clang-format off */
static const struct {
    const char *key;
    enum cg_outcome at_1024, at_2048;
    const char *found;
} rows[] = {
    /* Exact modulus bits. */
    { "RSA-1023", CG_FAIL, CG_FAIL, "RSA 1023 bits" },
    { "RSA-1024", CG_PASS, CG_FAIL, "RSA 1024 bits" },
    { "RSA-1025", CG_PASS, CG_FAIL, "RSA 1025 bits" },
    { "RSA-2047", CG_PASS, CG_FAIL, "RSA 2047 bits" },
    { "RSA-2048", CG_PASS, CG_PASS, "RSA 2048 bits" },
    { "RSA-512", CG_FAIL, CG_FAIL, "RSA 512 bits" },
    { "PSS-1024", CG_PASS, CG_FAIL, "RSASSA-PSS 1024 bits" },
    { "PSS-2047", CG_PASS, CG_FAIL, "RSASSA-PSS 2047 bits" },
    { "PSS-2048", CG_PASS, CG_PASS, "RSASSA-PSS 2048 bits" },
    { "DSA-1024", CG_PASS, CG_FAIL, "DSA 1024 bits" },
    /* Strength: 80 bits beside RSA 1024, 112 beside RSA 2048 (SP 800-57 part 1 table 2). */
    { "secp112r1", CG_FAIL, CG_FAIL, "EC secp112r1" },
    { "secp128r1", CG_FAIL, CG_FAIL, "EC secp128r1" },
    { "secp160r1", CG_PASS, CG_FAIL, "EC secp160r1" },
    { "P-192", CG_PASS, CG_FAIL, "EC P-192" },
    { "P-224", CG_PASS, CG_PASS, "EC P-224" },
    { "brainpoolP160r1", CG_PASS, CG_FAIL, "EC brainpoolP160r1" },
    { "P-256", CG_PASS, CG_PASS, "EC P-256" },
    { "secp256k1", CG_PASS, CG_PASS, "EC secp256k1" },
    { "P-384", CG_PASS, CG_PASS, "EC P-384" },
    { "P-521", CG_PASS, CG_PASS, "EC P-521" },
    { "ED25519", CG_PASS, CG_PASS, "Ed25519" },
    { "ED448", CG_PASS, CG_PASS, "Ed448" },
};
/* clang-format on */

static void
try_both(const char *why, struct cg_engine *engine, const struct cg_cert *leaf,
        enum cg_outcome at_1024, enum cg_outcome at_2048, enum cg_reason reason)
{
    struct trial trial = { .engine = engine };

    expect_outcome(why, &trial, try_check(&trial, CG_CHECK_KEY_1024, leaf), at_1024, reason);
    expect_text(why, trial.note.wanted, "RSA 1024 bits or more, or equal strength");
    expect_outcome(why, &trial, try_check(&trial, CG_CHECK_KEY_2048, leaf), at_2048, reason);
    expect_text(why, trial.note.wanted, "RSA 2048 bits or more, or equal strength");
}

static void
sizes(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    assert_non_null(engine);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert *leaf = mint_cert(&(struct mint) {
                .subject = "CN=a", .key = mint_key(rows[i].key), .signer = mint_key("P-256") });
        struct trial trial = { .engine = engine };

        try_both(rows[i].key, engine, leaf, rows[i].at_1024, rows[i].at_2048,
                CG_REASON_KEY_TOO_SMALL);
        (void)try_check(&trial, CG_CHECK_KEY_1024, leaf);
        expect_text(rows[i].key, trial.note.found, rows[i].found);
        cg_cert_free(leaf);
    }
    cg_engine_free(engine);
}

/* A certificate for a good key, changed at one place of its SubjectPublicKeyInfo: a key that is none. */
static const struct {
    const char *why;
    const char *key;
    size_t from_end; /* octets before the end of the SubjectPublicKeyInfo */
    uint8_t flip;
} damages[] = {
    { "a point off its curve", "P-256", 1, 0x01 },
    { "an Ed25519 key of an algorithm that nobody knows", "ED25519", 36, 0x70 },
    { "an even RSA exponent", "RSA-2048", 1, 0x01 },
};

static void
keys_that_are_none(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    assert_non_null(engine);
    for (size_t i = 0; i < COUNT(damages); i++) {
        struct mint what = {
            .subject = "CN=a", .key = mint_key(damages[i].key), .signer = mint_key("P-256 signer")
        };
        struct cg_cert *whole = mint_cert(&what), *leaf = NULL;
        struct cg_error err = { "" };
        size_t len, at;
        uint8_t *der = mint_der(&what, &len);

        at = (size_t)(whole->spki.data - whole->der) + whole->spki.len - damages[i].from_end;
        der[at] ^= damages[i].flip;
        if (cg_cert_from_der(der, len, &leaf, &err) != CG_OK)
            fail_msg("%s: %s", damages[i].why, err.text);
        try_both(damages[i].why, engine, leaf, CG_FAIL, CG_FAIL, CG_REASON_KEY_TYPE_UNKNOWN);
        cg_cert_free(leaf);
        cg_cert_free(whole);
        free(der);
    }
    cg_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(keys_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
