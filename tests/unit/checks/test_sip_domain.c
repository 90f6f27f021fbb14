/* Which domains count for which connection; what matches what is in names/test_sip.c. */
#include "trial.h"

#include <stdlib.h>

#include "names/presented.h"

#define SIP CG_SERVICE_SIP
#define NO_SAN                                                                                     \
    {                                                                                              \
        {                                                                                          \
            0,                                                                                     \
            {                                                                                      \
                NULL, 0                                                                            \
            }                                                                                      \
        }                                                                                          \
    }
#define WILDCARD "by a wildcard, only because allow-sip-wildcard is on"

/* clang-format off */
static struct {
    const char *why;
    struct cg_general_name san[MAX_PRESENTED];
    enum cg_service service;
    bool phone;
    const char *domains[2]; /* configured */
    const char *from; /* of the first request */
    enum cg_outcome outcome;
    enum cg_reason reason;
    const char *found, *wanted;
} rows[] = {
    { "the domain", { SAN(URI, "sip:a.example") }, SIP, false, { "a.example" }, NULL, CG_PASS, 0, "a.example", "a.example" },
    { "another domain", { SAN(URI, "sip:b.example") }, SIP, false, { "a.example" }, NULL, CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "b.example", "a.example" },
    { "the second configured", { SAN(URI, "sip:b.example") }, SIP, false, { "a.example", "b.example" }, NULL, CG_PASS, 0,
      "b.example", "a.example" },
    { "a name below it", { SAN(URI, "sip:x.a.example") }, SIP, false, { "a.example" }, NULL, CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "x.a.example", "a.example" },
    { "a wildcard", { SAN(DNS, "*.a.example") }, SIP, false, { "x.a.example" }, NULL, CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "*.a.example", "x.a.example" },
    { "a URI shuts out the dNSName", { SAN(URI, "sip:b.example"), SAN(DNS, "a.example") }, SIP, false, { "a.example" }, NULL,
      CG_FAIL, CG_REASON_SIP_DOMAIN_MISMATCH, "b.example", "a.example" },
    { "sips is no identity", { SAN(URI, "sips:a.example"), SAN(DNS, "b.example") }, SIP, false, { "a.example" }, NULL, CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "b.example", "a.example" },
    { "a user part is no identity", { SAN(URI, "sip:u@a.example") }, SIP, false, { "a.example" }, NULL, CG_FAIL,
      CG_REASON_SIP_IDENTITY_MISSING, "no SIP identity", "a.example" },
    { "no identity", NO_SAN, SIP, false, { "a.example" }, NULL, CG_FAIL, CG_REASON_SIP_IDENTITY_MISSING,
      "no SIP identity", "a.example" },
    { "only an address", { SAN(IP, "\xc0\0\x02\x07") }, SIP, false, { "a.example" }, NULL, CG_FAIL,
      CG_REASON_SIP_IDENTITY_MISSING, "no SIP identity", "a.example" },
    { "the From domain is the line's", { SAN(URI, "sip:a.example") }, SIP, false, { "a.example" }, "A.example", CG_PASS, 0,
      "a.example", "a.example" },
    { "the From domain is another identity", { SAN(URI, "sip:a.example"), SAN(URI, "sip:b.example") }, SIP, false,
      { "a.example" }, "b.example", CG_PASS, 0, "a.example, b.example", "a.example" },
    { "the From domain is none of them", { SAN(URI, "sip:a.example") }, SIP, false, { "a.example" }, "b.example", CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "a.example", "b.example, the From domain of the first request" },
    { "the From domain does not stand in for the line's", { SAN(URI, "sip:b.example") }, SIP, false, { "a.example" },
      "b.example", CG_FAIL, CG_REASON_SIP_DOMAIN_MISMATCH, "b.example", "a.example" },
    { "a From domain that is no name", { SAN(URI, "sip:a.example") }, SIP, false, { "a.example" }, "a b", CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "a.example", "a b, the From domain of the first request" },
    { "an empty From domain", { SAN(URI, "sip:a.example") }, SIP, false, { "a.example" }, "", CG_FAIL,
      CG_REASON_SIP_DOMAIN_MISMATCH, "a.example", ", the From domain of the first request" },
    { "none configured", { SAN(URI, "sip:a.example") }, SIP, false, { NULL }, NULL, CG_UNDECIDED,
      CG_REASON_SIP_IDENTITY_MISSING, "a.example", "a SIP domain configured for this line" },
    { "a phone", { SAN(URI, "sip:b.example") }, SIP, true, { "a.example" }, NULL, CG_NOT_APPLICABLE, 0,
      "only on SIP lines and trunks", "" },
    { "https", { SAN(URI, "sip:b.example") }, CG_SERVICE_HTTPS, false, { "a.example" }, NULL, CG_NOT_APPLICABLE, 0,
      "only on SIP lines and trunks", "" },
    { "an IP Office line", { SAN(URI, "sip:b.example") }, CG_SERVICE_LINE, false, { "a.example" }, NULL, CG_NOT_APPLICABLE, 0,
      "only on SIP lines and trunks", "" },
};
/* clang-format on */

static void
release(struct trial *trial)
{
    for (size_t i = 0; i < trial->policy.sip_domain_count; i++)
        free(trial->policy.sip_domains[i]);
}

static void
domains(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert leaf = presented_cert(rows[i].san);
        struct trial trial = { .policy = { .service = rows[i].service },
            .peer = { .phone = rows[i].phone, .from_domain = rows[i].from } };

        for (size_t d = 0; d < 2 && rows[i].domains[d] != NULL; d++)
            assert_int_equal(
                    cg_policy_add_sip_domain(&trial.policy, rows[i].domains[d], NULL), CG_OK);
        expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_SIP_DOMAIN, &leaf),
                rows[i].outcome, rows[i].reason);
        expect_text(rows[i].why, trial.note.found, rows[i].found);
        expect_text(rows[i].why, trial.note.wanted, rows[i].wanted);
        assert_false(trial.note.allowed);
        release(&trial);
    }
}

/* allow-sip-wildcard: one whole left-most label of a dNSName, up to its last second. */
static struct {
    const char *why;
    struct cg_general_name san[MAX_PRESENTED];
    const char *domain, *from;
    int64_t now;
    enum cg_outcome outcome;
    bool allowed;
} wildcards[] = {
    { "a wildcard", { SAN(DNS, "*.a.example") }, "x.a.example", NULL, 999, CG_PASS, true },
    { "in the last second", { SAN(DNS, "*.a.example") }, "x.a.example", NULL, 1000, CG_PASS, true },
    { "a second later", { SAN(DNS, "*.a.example") }, "x.a.example", NULL, 1001, CG_FAIL, false },
    { "two labels", { SAN(DNS, "*.a.example") }, "y.x.a.example", NULL, 1000, CG_FAIL, false },
    { "no label", { SAN(DNS, "*.a.example") }, "a.example", NULL, 1000, CG_FAIL, false },
    { "not in a URI", { SAN(URI, "sip:*.a.example") }, "x.a.example", NULL, 1000, CG_FAIL, false },
    { "not needed", { SAN(DNS, "x.a.example") }, "x.a.example", NULL, 1000, CG_PASS, false },
    { "needed for the From domain", { SAN(DNS, "x.b.example"), SAN(DNS, "*.a.example") },
            "x.b.example", "x.a.example", 1000, CG_PASS, true },
    { "refused for the From domain", { SAN(DNS, "*.a.example") }, "x.a.example", "x.b.example",
            1000, CG_FAIL, false },
};

static void
the_allowance(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wildcards); i++) {
        struct cg_cert leaf = presented_cert(wildcards[i].san);
        struct trial trial = { .policy = { .service = SIP },
            .peer = { .now = wildcards[i].now, .from_domain = wildcards[i].from } };

        cg_policy_allow(&trial.policy, CG_ALLOW_SIP_WILDCARD, 1000);
        assert_int_equal(cg_policy_add_sip_domain(&trial.policy, wildcards[i].domain, NULL), CG_OK);
        expect_outcome(wildcards[i].why, &trial, try_check(&trial, CG_CHECK_SIP_DOMAIN, &leaf),
                wildcards[i].outcome, CG_REASON_SIP_DOMAIN_MISMATCH);
        if (trial.note.allowed != wildcards[i].allowed)
            fail_msg("%s: allowed is %d", wildcards[i].why, trial.note.allowed);
        expect_text(wildcards[i].why, trial.note.note, wildcards[i].allowed ? WILDCARD : "");
        release(&trial);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains),
        cmocka_unit_test(the_allowance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
