#include "trial.h"

#include <stdlib.h>

#include "support/mint.h"

#define NOTHING NULL

/* clang-format off */
static const struct {
    const char *why;
    const char *extension; /* NULL: none */
    enum cg_outcome outcome;
    enum cg_reason reason;
    const char *found;
} rows[] = {
    { "absent", NOTHING, CG_FAIL, CG_REASON_KEY_USAGE_MISSING, "no key usage" },
    { "digitalSignature", "keyUsage=critical,digitalSignature", CG_PASS, 0, "digitalSignature" },
    { "not critical", "keyUsage=digitalSignature", CG_PASS, 0, "digitalSignature" },
    { "among others", "keyUsage=critical,nonRepudiation,keyEncipherment,digitalSignature", CG_PASS, 0,
      "digitalSignature, nonRepudiation, keyEncipherment" },
    { "every bit but the first", "2.5.29.15=critical,DER:03:03:07:7f:80", CG_FAIL, CG_REASON_KEY_USAGE_UNFIT,
      "nonRepudiation, keyEncipherment, dataEncipherment, keyAgreement, keyCertSign, cRLSign, encipherOnly, decipherOnly" },
    { "all nine bits", "2.5.29.15=critical,DER:03:03:07:ff:80", CG_PASS, 0,
      "digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyAgreement, keyCertSign, cRLSign, encipherOnly, decipherOnly" },
    { "keyEncipherment alone: TLS 1.3 and ECDHE sign", "keyUsage=critical,keyEncipherment", CG_FAIL,
      CG_REASON_KEY_USAGE_UNFIT, "keyEncipherment" },
    { "nonRepudiation alone", "keyUsage=critical,nonRepudiation", CG_FAIL, CG_REASON_KEY_USAGE_UNFIT, "nonRepudiation" },
    { "keyAgreement alone", "keyUsage=critical,keyAgreement", CG_FAIL, CG_REASON_KEY_USAGE_UNFIT, "keyAgreement" },
    { "a CA's", "keyUsage=critical,keyCertSign,cRLSign", CG_FAIL, CG_REASON_KEY_USAGE_UNFIT, "keyCertSign, cRLSign" },
    { "no bit at all (RFC 5280 section 4.2.1.3 forbids it)", "2.5.29.15=critical,DER:03:01:00", CG_FAIL,
      CG_REASON_KEY_USAGE_MISSING, "an empty key usage" },
    { "one octet of zeros", "2.5.29.15=critical,DER:03:02:07:00", CG_FAIL, CG_REASON_KEY_USAGE_MISSING,
      "an empty key usage" },
    { "an OCTET STRING", "2.5.29.15=critical,DER:04:02:07:80", CG_FAIL, CG_REASON_KEY_USAGE_MISSING,
      "a malformed key usage" },
    { "bytes behind it", "2.5.29.15=critical,DER:03:02:07:80:00", CG_FAIL, CG_REASON_KEY_USAGE_MISSING,
      "a malformed key usage" },
    { "empty contents", "2.5.29.15=critical,DER:03:00", CG_FAIL, CG_REASON_KEY_USAGE_MISSING,
      "a malformed key usage" },
};
/* clang-format on */

static void
bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert *leaf = mint_cert(&(struct mint) {
                .subject = "CN=a", .key = mint_key("P-256"), .extensions = { rows[i].extension } });
        struct trial trial = { .store = NULL };

        expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_KEY_USAGE, leaf),
                rows[i].outcome, rows[i].reason);
        expect_text(rows[i].why, trial.note.found, rows[i].found);
        expect_text(rows[i].why, trial.note.wanted, "digitalSignature");
        cg_cert_free(leaf);
    }
}

/* Two of them, the second harmless: a parser that takes the last one must not be talked round. */
static void
twice(void **state)
{
    struct cg_cert *leaf = mint_cert(&(struct mint) { .subject = "CN=a",
            .key = mint_key("P-256"),
            .extensions = {
                    "2.5.29.15=critical,DER:03:02:05:20", "2.5.29.15=critical,DER:03:02:07:80" } });
    struct trial trial = { .store = NULL };

    (void)state;
    assert_int_equal(try_check(&trial, CG_CHECK_KEY_USAGE, leaf), CG_FAIL);
    cg_cert_free(leaf);
}

static void
version_1_has_none(void **state)
{
    struct cg_cert *leaf =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("P-256"), .version = 1 });
    struct trial trial = { .store = NULL };

    (void)state;
    expect_outcome("version 1", &trial, try_check(&trial, CG_CHECK_KEY_USAGE, leaf), CG_FAIL,
            CG_REASON_KEY_USAGE_MISSING);
    cg_cert_free(leaf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits),
        cmocka_unit_test(twice),
        cmocka_unit_test(version_1_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
