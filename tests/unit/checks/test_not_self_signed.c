#include "trial.h"

#include "support/mint.h"

/* clang-format off */
static const struct {
    const char *why;
    struct mint what;
    const char *key, *signer; /* of mint_key() */
    enum cg_outcome outcome;
    const char *found;
} rows[] = {
    { "its own key, its own name", { .subject = "CN=a" }, "P-256", NULL, CG_FAIL, "signed with its own key" },
    { "the same with RSA", { .subject = "CN=a" }, "RSA-2048", NULL, CG_FAIL, "signed with its own key" },
    { "the same with RSASSA-PSS", { .subject = "CN=a", .pss = true }, "RSA-2048", NULL, CG_FAIL,
      "signed with its own key" },
    { "the same with Ed25519", { .subject = "CN=a" }, "ED25519", NULL, CG_FAIL, "signed with its own key" },
    { "the same with SHA-1", { .subject = "CN=a", .digest = "SHA1" }, "RSA-2048", NULL, CG_FAIL,
      "signed with its own key" },
    { "the same with MD5: no way around", { .subject = "CN=a", .digest = "MD5" }, "RSA-2048", NULL, CG_FAIL,
      "signed with its own key" },
    { "names that differ in case and spaces are the same name", { .subject = "CN=A  peer", .issuer = "CN=a peer" },
      "P-256", NULL, CG_FAIL, "signed with its own key" },
    { "the same name, another key", { .subject = "CN=a" }, "P-256", "P-256 ca", CG_PASS,
      "issuer and subject are the same name, but another key signed it" },
    { "the same name, a broken signature", { .subject = "CN=a", .spoil = true }, "P-256", NULL, CG_PASS,
      "issuer and subject are the same name, but another key signed it" },
    { "another name", { .subject = "CN=a", .issuer = "CN=ca" }, "P-256", "P-256 ca", CG_PASS,
      "issued by another name" },
    { "another name, its own key", { .subject = "CN=a", .issuer = "CN=ca" }, "P-256", NULL, CG_PASS,
      "issued by another name" },
    { "a CA is no exception", { .subject = "CN=a", .extensions = { "basicConstraints=critical,CA:TRUE" } }, "P-256",
      NULL, CG_FAIL, "signed with its own key" },
    { "nor is version 1", { .subject = "CN=a", .version = 1 }, "P-256", NULL, CG_FAIL, "signed with its own key" },
};
/* clang-format on */

static void
who_signed_it(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    assert_non_null(engine);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint what = rows[i].what;
        struct trial trial = { .engine = engine };
        struct cg_cert *leaf;

        what.key = mint_key(rows[i].key);
        what.signer = rows[i].signer == NULL ? NULL : mint_key(rows[i].signer);
        leaf = mint_cert(&what);
        /* Twice: what the engine remembers of the first must not change the second. */
        for (int round = 0; round < 2; round++)
            expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_NOT_SELF_SIGNED, leaf),
                    rows[i].outcome, CG_REASON_SELF_SIGNED);
        expect_text(rows[i].why, trial.note.found, rows[i].found);
        cg_cert_free(leaf);
    }
    cg_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(who_signed_it) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
