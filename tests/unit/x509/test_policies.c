/* Certificate policies: RFC 5280 section 6.1. */
#include "x509/policies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "support/mint.h"

#define MAX_CERTS 4
#define P1 "1.2.3.1"
#define P2 "1.2.3.2"
#define ANY "2.5.29.32.0"
#define OK CG_POLICY_OK
#define NO CG_POLICY_REQUIRED

/* What a certificate of the path says; NULL: it has no such extension. */
struct says {
    const char *policies;
    const char *constraints;
    const char *mappings;
    const char *inhibit_any;
    bool self_issued;
};

/* clang-format off */
static const struct {
    const char *why;
    size_t count; /* without the anchor, which says nothing */
    struct says certs[MAX_CERTS]; /* leaf first */
    enum cg_policy_result expect;
} rows[] = {
    { "nobody asks", 2, { { NULL }, { NULL } }, OK },
    { "asked for, none", 2, { { NULL }, { NULL, "requireExplicitPolicy:0" } }, NO },
    { "asked for, leaf has none", 2, { { NULL }, { P1, "requireExplicitPolicy:0" } }, NO },
    { "asked for, the same all along", 2, { { P1 }, { P1, "requireExplicitPolicy:0" } }, OK },
    { "asked for, another", 2, { { P2 }, { P1, "requireExplicitPolicy:0" } }, NO },
    { "one in common", 2, { { P2 }, { P1 "," P2, "requireExplicitPolicy:0" } }, OK },
    { "the CA has any", 2, { { P2 }, { ANY, "requireExplicitPolicy:0" } }, OK },
    { "the leaf has any", 2, { { ANY }, { P1, "requireExplicitPolicy:0" } }, OK },
    { "any is inhibited", 2, { { ANY }, { P1, "requireExplicitPolicy:0", NULL, "0" } }, NO },
    { "any inhibited one later", 2, { { ANY }, { P1, "requireExplicitPolicy:0", NULL, "1" } }, OK },
    { "any inhibited two up", 3, { { ANY }, { P1 }, { P1, "requireExplicitPolicy:0", NULL, "1" } }, NO },
    { "asked for from the next on", 2, { { NULL }, { P1, "requireExplicitPolicy:1" } }, NO },
    { "asked for beyond the path", 2, { { NULL }, { P1, "requireExplicitPolicy:2" } }, OK },
    { "the leaf asks itself", 1, { { NULL, "requireExplicitPolicy:0" } }, NO },
    { "the leaf asks and has", 1, { { P1, "requireExplicitPolicy:0" } }, OK },
    { "the leaf asks for later only", 1, { { NULL, "requireExplicitPolicy:1" } }, OK },
    { "mapped", 2, { { P2 }, { P1, "requireExplicitPolicy:0", P1 ":" P2 } }, OK },
    { "mapped away", 2, { { P1 }, { P1, "requireExplicitPolicy:0", P1 ":" P2 } }, NO },
    { "mapped out of any", 2, { { P2 }, { ANY, "requireExplicitPolicy:0", P1 ":" P2 } }, OK },
    { "mapping inhibited above", 3,
      { { P2 }, { P1, NULL, P1 ":" P2 }, { P1, "requireExplicitPolicy:0,inhibitPolicyMapping:0" } }, NO },
    { "mapping inhibited later", 3,
      { { P2 }, { P1, NULL, P1 ":" P2 }, { P1, "requireExplicitPolicy:0,inhibitPolicyMapping:1" } }, OK },
    { "self-issued does not count down", 3,
      { { NULL }, { P1, NULL, NULL, NULL, true }, { P1, "requireExplicitPolicy:2" } }, OK },
    { "not self-issued counts down", 3, { { NULL }, { P1 }, { P1, "requireExplicitPolicy:2" } }, NO },
    { "self-issued may use any although inhibited", 3,
      { { P1 }, { ANY, NULL, NULL, NULL, true }, { P1, "requireExplicitPolicy:0", NULL, "0" } }, OK },
};
/* clang-format on */

static struct cg_cert *
make(const struct says *says, size_t index)
{
    char text[4][128], subject[32], issuer[32];
    struct mint mint = { .subject = subject, .issuer = issuer, .key = mint_key("P-256") };
    const struct {
        const char *name;
        const char *value;
    } extensions[] = {
        { "certificatePolicies", says->policies },
        { "policyConstraints", says->constraints },
        { "policyMappings", says->mappings },
        { "inhibitAnyPolicy", says->inhibit_any },
    };
    size_t count = 0;

    snprintf(subject, sizeof(subject), "CN=%zu", index);
    snprintf(issuer, sizeof(issuer), "CN=%zu", says->self_issued ? index : index + 1);
    for (size_t i = 0; i < 4; i++) {
        if (extensions[i].value == NULL)
            continue;
        snprintf(text[count], sizeof(text[0]), "%s=%s", extensions[i].name, extensions[i].value);
        mint.extensions[count] = text[count];
        count++;
    }
    return mint_cert(&mint);
}

static void
every_row(void **state)
{
    static const struct says nothing;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cg_cert *certs[MAX_CERTS + 1];
        enum cg_policy_result found;
        struct cg_span where;
        size_t failed;

        for (size_t c = 0; c <= rows[i].count; c++) {
            certs[c] = make(c < rows[i].count ? &rows[i].certs[c] : &nothing, c);
            assert_true(cg_policies_well_formed(certs[c], &where));
        }
        found = cg_policies_check((const struct cg_cert *const *)certs, rows[i].count + 1, &failed);
        if (found != rows[i].expect)
            fail_msg("%s: %d instead of %d", rows[i].why, found, rows[i].expect);
        for (size_t c = 0; c <= rows[i].count; c++)
            cg_cert_free(certs[c]);
    }
}

static const char *const malformed[] = {
    "2.5.29.32=DER:30:00", /* no policy */
    "2.5.29.32=DER:30:0c:30:04:06:02:2a:03:30:04:06:02:2a:03", /* one twice */
    "2.5.29.32=DER:05:00",
    "2.5.29.33=DER:30:00", /* no mapping */
    "2.5.29.33=DER:30:0c:30:0a:06:04:55:1d:20:00:06:02:2a:03", /* anyPolicy mapped */
    "2.5.29.36=DER:30:00", /* neither field */
    "2.5.29.36=DER:30:03:80:01:ff", /* negative */
    "2.5.29.54=DER:02:01:ff",
    "2.5.29.54=DER:30:00",
};

static void
malformed_extensions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct cg_cert *cert = mint_cert(&(struct mint) {
                .subject = "CN=a", .key = mint_key("P-256"), .extensions = { malformed[i] } });
        struct cg_span where = { 0 };

        if (cg_policies_well_formed(cert, &where))
            fail_msg("%s: taken as well formed", malformed[i]);
        assert_int_not_equal(where.len, 0);
        cg_cert_free(cert);
    }
}

/* Every CA takes over all that is expected so far and maps 60 policies more: growth ends at the bound. */
static void
growth_is_bounded(void **state)
{
    enum { CAS = 10 };
    struct cg_cert *certs[CAS + 2];
    size_t failed;

    (void)state;
    certs[0] = make(&(struct says) { .policies = ANY }, 0);
    certs[CAS + 1] = make(&(struct says) { 0 }, CAS + 1);
    for (size_t c = 1; c <= CAS; c++) {
        char mappings[4096] = "policyMappings=", subject[16], issuer[16];
        size_t at = strlen(mappings);

        for (size_t i = 1; i <= 60; i++)
            at += (size_t)snprintf(mappings + at, sizeof(mappings) - at,
                    "%s1.2.%zu.%zu:1.3.%zu.%zu", i == 1 ? "" : ",", c, i, c, i);
        snprintf(subject, sizeof(subject), "CN=%zu", c);
        snprintf(issuer, sizeof(issuer), "CN=%zu", c + 1);
        certs[c] = mint_cert(&(struct mint) { .subject = subject,
                .issuer = issuer,
                .key = mint_key("P-256"),
                .extensions = { "certificatePolicies=" ANY, mappings,
                        "policyConstraints=requireExplicitPolicy:0" } });
    }
    assert_int_equal(
            cg_policies_check((const struct cg_cert *const *)certs, 4, &failed), CG_POLICY_OK);
    assert_int_equal(cg_policies_check((const struct cg_cert *const *)certs, CAS + 2, &failed),
            CG_POLICY_LIMIT);
    for (size_t i = 0; i < CAS + 2; i++)
        cg_cert_free(certs[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(malformed_extensions),
        cmocka_unit_test(growth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
