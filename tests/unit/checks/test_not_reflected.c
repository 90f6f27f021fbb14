#include "trial.h"

#define WARNING "warning: another certificate over our own key"

/* A certificate is known by the first octets of its two digests here. */
struct digests {
    uint8_t cert, key;
};

/* clang-format off */
static const struct {
    const char *why;
    struct digests ours[3];
    size_t count;
    struct digests leaf;
    enum cg_outcome outcome;
    const char *found, *note;
} rows[] = {
    { "no identity", { { 0, 0 } }, 0, { 1, 1 }, CG_PASS, "not ours", "" },
    { "another certificate", { { 1, 1 } }, 1, { 2, 2 }, CG_PASS, "not ours", "" },
    { "ours", { { 1, 1 } }, 1, { 1, 1 }, CG_FAIL, "our own certificate", "" },
    { "the second of ours", { { 1, 1 }, { 2, 2 } }, 2, { 2, 2 }, CG_FAIL, "our own certificate", "" },
    { "the last of ours", { { 1, 1 }, { 2, 2 }, { 3, 3 } }, 3, { 3, 3 }, CG_FAIL, "our own certificate", "" },
    { "our key in another certificate", { { 1, 1 } }, 1, { 2, 1 }, CG_PASS, "not ours", WARNING },
    { "our second key in another certificate", { { 1, 1 }, { 2, 2 } }, 2, { 3, 2 }, CG_PASS, "not ours", WARNING },
    { "renewed with the same key, both ours", { { 1, 1 }, { 2, 1 } }, 2, { 2, 1 }, CG_FAIL, "our own certificate", WARNING },
};
/* clang-format on */

static void
identities(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert ours[3] = { 0 },
                       leaf = { .sha256 = { rows[i].leaf.cert },
                           .spki_sha256 = { rows[i].leaf.key } };
        struct trial trial = { .policy = { .identity_count = rows[i].count } };

        for (size_t k = 0; k < rows[i].count; k++) {
            ours[k].sha256[0] = rows[i].ours[k].cert;
            ours[k].spki_sha256[0] = rows[i].ours[k].key;
            trial.policy.identities[k] = &ours[k];
        }
        expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_NOT_REFLECTED, &leaf),
                rows[i].outcome, CG_REASON_REFLECTED);
        expect_text(rows[i].why, trial.note.found, rows[i].found);
        expect_text(rows[i].why, trial.note.note, rows[i].note);
        expect_text(rows[i].why, trial.note.wanted, "a certificate other than ours");
    }
}

/* The last octet of a digest counts like the first. */
static void
whole_digests(void **state)
{
    struct cg_cert ours = { .sha256 = { [31] = 1 }, .spki_sha256 = { [31] = 1 } };
    struct cg_cert leaf = { .sha256 = { [31] = 2 }, .spki_sha256 = { [31] = 2 } };
    struct trial trial = { .policy = { .identity_count = 1, .identities = { &ours } } };

    (void)state;
    expect_outcome("another", &trial, try_check(&trial, CG_CHECK_NOT_REFLECTED, &leaf), CG_PASS, 0);
    expect_text("another", trial.note.note, "");
    leaf.sha256[31] = 1;
    expect_outcome("ours", &trial, try_check(&trial, CG_CHECK_NOT_REFLECTED, &leaf), CG_FAIL,
            CG_REASON_REFLECTED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities),
        cmocka_unit_test(whole_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
