#include "trial.h"

#include <stdlib.h>

#include "support/mint.h"

#define WANTED "an exact copy in the Trusted Certificate Store"

/* What differs from the copy that is in the store; everything else is the same. */
static const struct {
    const char *why;
    struct mint what;
    const char *key;
    enum cg_outcome outcome;
} rows[] = {
    { "the copy", { .subject = "CN=a" }, "ED25519", CG_PASS },
    { "another serial number", { .subject = "CN=a", .serial = 2 }, "ED25519", CG_FAIL },
    { "a second longer", { .subject = "CN=a", .not_before = 1000, .not_after = 2001 }, "ED25519",
            CG_FAIL },
    { "another key", { .subject = "CN=a" }, "ED25519 other", CG_FAIL },
    { "another subject", { .subject = "CN=b", .issuer = "CN=a" }, "ED25519", CG_FAIL },
    { "another signature", { .subject = "CN=a", .spoil = true }, "ED25519", CG_FAIL },
};

static void
only_a_copy(void **state)
{
    struct mint copy = {
        .subject = "CN=a", .key = mint_key("ED25519"), .not_before = 1000, .not_after = 2000
    };
    struct mint other = { .subject = "CN=other", .key = mint_key("ED25519") };
    struct cg_cert *certs[] = { mint_cert(&other), mint_cert(&copy), NULL };
    struct cg_store *store = mint_store(certs);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint what = rows[i].what;
        struct trial trial = { .store = store };
        struct cg_cert *leaf;

        what.key = mint_key(rows[i].key);
        if (what.not_after == 0) {
            what.not_before = copy.not_before;
            what.not_after = copy.not_after;
        }
        leaf = mint_cert(&what);
        expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_IN_TCS, leaf),
                rows[i].outcome, CG_REASON_NOT_IN_TCS);
        expect_text(rows[i].why, trial.note.found,
                rows[i].outcome == CG_PASS ? "a copy" : "no copy among 2 certificates");
        expect_text(rows[i].why, trial.note.wanted, WANTED);
        cg_cert_free(leaf);
    }
    cg_store_free(store);
    cg_cert_free(certs[0]);
    cg_cert_free(certs[1]);
}

static void
small_stores(void **state)
{
    struct mint what = { .subject = "CN=a", .key = mint_key("ED25519") };
    struct mint other = { .subject = "CN=b", .key = mint_key("ED25519") };
    struct cg_cert *leaf = mint_cert(&what), *one = mint_cert(&other);
    struct cg_store *empty = mint_store((struct cg_cert *[]) { NULL });
    struct cg_store *single = mint_store((struct cg_cert *[]) { one, NULL });
    struct trial trial = { .store = empty };

    (void)state;
    expect_outcome("empty", &trial, try_check(&trial, CG_CHECK_IN_TCS, leaf), CG_FAIL,
            CG_REASON_NOT_IN_TCS);
    expect_text("empty", trial.note.found, "no copy among 0 certificates");
    trial.store = single;
    expect_outcome(
            "one", &trial, try_check(&trial, CG_CHECK_IN_TCS, leaf), CG_FAIL, CG_REASON_NOT_IN_TCS);
    expect_text("one", trial.note.found, "no copy among 1 certificate");
    cg_store_free(empty);
    cg_store_free(single);
    cg_cert_free(leaf);
    cg_cert_free(one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_copy),
        cmocka_unit_test(small_stores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
