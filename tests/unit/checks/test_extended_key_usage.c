#include "trial.h"

#include <stdlib.h>

#include "support/mint.h"

#define IN CG_ROLE_INBOUND
#define OUT CG_ROLE_OUTBOUND
#define WEB CG_SERVICE_HTTPS
#define SIP CG_SERVICE_SIP
#define LINE CG_SERVICE_LINE
#define REFUSED CG_FAIL
#define SIP_DOMAIN "1.3.6.1.5.5.7.3.20"

/* clang-format off */
static const struct {
    const char *why;
    const char *extension;
    enum cg_role role;
    enum cg_service service;
    enum cg_outcome outcome;
    const char *note;
} rows[] = {
    { "absent, inbound", NULL, IN, WEB, CG_PASS, "" },
    { "absent, outbound", NULL, OUT, WEB, CG_PASS, "" },
    { "absent, SIP", NULL, IN, SIP, CG_PASS, "" },
    { "client, inbound", "extendedKeyUsage=clientAuth", IN, WEB, CG_PASS, "" },
    { "client, outbound", "extendedKeyUsage=clientAuth", OUT, WEB, REFUSED, "" },
    { "server, inbound", "extendedKeyUsage=serverAuth", IN, WEB, REFUSED, "" },
    { "server, outbound", "extendedKeyUsage=serverAuth", OUT, WEB, CG_PASS, "" },
    { "both, inbound", "extendedKeyUsage=serverAuth,clientAuth", IN, WEB, CG_PASS, "" },
    { "both, outbound", "extendedKeyUsage=serverAuth,clientAuth", OUT, WEB, CG_PASS, "" },
    { "critical", "extendedKeyUsage=critical,clientAuth", IN, WEB, CG_PASS, "" },
    { "mail", "extendedKeyUsage=emailProtection", IN, WEB, REFUSED, "" },
    { "any, inbound", "extendedKeyUsage=anyExtendedKeyUsage", IN, WEB, CG_PASS,
      "by anyExtendedKeyUsage, which names no purpose" },
    { "any, outbound", "extendedKeyUsage=anyExtendedKeyUsage", OUT, WEB, CG_PASS,
      "by anyExtendedKeyUsage, which names no purpose" },
    { "any beside the right one needs no note", "extendedKeyUsage=anyExtendedKeyUsage,clientAuth", IN, WEB, CG_PASS, "" },
    { "Netscape step-up is not serverAuth", "extendedKeyUsage=nsSGC", OUT, WEB, REFUSED, "" },
    { "Microsoft step-up is not serverAuth", "extendedKeyUsage=msSGC", OUT, WEB, REFUSED, "" },
    { "sipDomain on SIP, inbound", "extendedKeyUsage=" SIP_DOMAIN, IN, SIP, CG_PASS, "" },
    { "sipDomain on SIP, outbound", "extendedKeyUsage=" SIP_DOMAIN, OUT, SIP, CG_PASS, "" },
    { "sipDomain on https", "extendedKeyUsage=" SIP_DOMAIN, IN, WEB, REFUSED, "" },
    { "sipDomain on a line", "extendedKeyUsage=" SIP_DOMAIN, IN, LINE, REFUSED, "" },
    { "client on SIP", "extendedKeyUsage=clientAuth", IN, SIP, CG_PASS, "" },
    { "server on SIP, inbound", "extendedKeyUsage=serverAuth", IN, SIP, REFUSED, "" },
    { "server on SIP, outbound", "extendedKeyUsage=serverAuth", OUT, SIP, CG_PASS, "" },
    { "client on a line", "extendedKeyUsage=clientAuth", IN, LINE, CG_PASS, "" },
    { "no purpose at all", "2.5.29.37=DER:30:00", IN, WEB, REFUSED, "" },
    { "a purpose that is no OID", "2.5.29.37=DER:30:03:02:01:05", IN, WEB, REFUSED, "" },
    { "bytes behind it", "2.5.29.37=DER:30:0a:06:08:2b:06:01:05:05:07:03:02:00", IN, WEB, REFUSED, "" },
    { "an arc more than clientAuth", "extendedKeyUsage=1.3.6.1.5.5.7.3.2.1", IN, WEB, REFUSED, "" },
    { "an arc less than clientAuth", "extendedKeyUsage=1.3.6.1.5.5.7.3", IN, WEB, REFUSED, "" },
};
/* clang-format on */

static struct cg_cert *
cert_with(const char *extension)
{
    return mint_cert(&(struct mint) {
            .subject = "CN=a", .key = mint_key("P-256"), .extensions = { extension } });
}

static void
purposes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert *leaf = cert_with(rows[i].extension);
        struct trial trial = { .policy = { .role = rows[i].role, .service = rows[i].service } };

        expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf),
                rows[i].outcome, CG_REASON_PURPOSE_MISMATCH);
        expect_text(rows[i].why, trial.note.note, rows[i].note);
        assert_false(trial.note.allowed);
        cg_cert_free(leaf);
    }
}

static void
words(void **state)
{
    struct cg_cert *leaf = cert_with("extendedKeyUsage=serverAuth,1.2.3.4");
    struct trial trial = { .policy = { .role = IN, .service = SIP } };

    (void)state;
    assert_int_equal(try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf), CG_FAIL);
    expect_text("found", trial.note.found, "serverAuth, 1.2.3.4");
    expect_text("wanted", trial.note.wanted, "clientAuth or sipDomain");
    assert_null(trial.note.concerns);
    cg_cert_free(leaf);
}

/* allow-server-auth-clients: an inbound peer that has serverAuth but not clientAuth, up to its last second. */
static const struct {
    const char *why;
    const char *extension;
    enum cg_role role;
    int64_t now;
    enum cg_outcome outcome;
    bool allowed;
} allowed_rows[] = {
    { "serverAuth alone", "extendedKeyUsage=serverAuth", IN, 999, CG_PASS, true },
    { "in its last second", "extendedKeyUsage=serverAuth", IN, 1000, CG_PASS, true },
    { "a second later", "extendedKeyUsage=serverAuth", IN, 1001, REFUSED, false },
    { "not needed", "extendedKeyUsage=serverAuth,clientAuth", IN, 1000, CG_PASS, false },
    { "not for other purposes", "extendedKeyUsage=emailProtection", IN, 1000, REFUSED, false },
    { "not for step-up", "extendedKeyUsage=nsSGC", IN, 1000, REFUSED, false },
    { "not outbound", "extendedKeyUsage=clientAuth", OUT, 1000, REFUSED, false },
};

static void
the_allowance(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(allowed_rows); i++) {
        struct cg_cert *leaf = cert_with(allowed_rows[i].extension);
        struct trial trial = { .policy = { .role = allowed_rows[i].role },
            .peer = { .now = allowed_rows[i].now } };

        cg_policy_allow(&trial.policy, CG_ALLOW_SERVER_AUTH_CLIENTS, 1000);
        expect_outcome(allowed_rows[i].why, &trial,
                try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf), allowed_rows[i].outcome,
                CG_REASON_PURPOSE_MISMATCH);
        if (trial.note.allowed != allowed_rows[i].allowed)
            fail_msg("%s: allowed is %d", allowed_rows[i].why, trial.note.allowed);
        cg_cert_free(leaf);
    }
}

/* A CA's purposes are a note, unless the interface enforces them. */
static void
purposes_of_cas(void **state)
{
    struct cg_cert ca = { .version = 3 };
    struct cg_cert *leaf = cert_with("extendedKeyUsage=serverAuth");
    struct trial trial = { .policy = { .role = OUT },
        .path = { .valid = true,
                .ca_eku = { .reason = CG_REASON_PURPOSE_MISMATCH,
                        .cert = &ca,
                        .found = "emailProtection",
                        .wanted = "serverAuth" } } };

    (void)state;
    expect_outcome(
            "noted", &trial, try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf), CG_PASS, 0);
    expect_text("note", trial.note.note,
            "a CA of the chain does not allow this purpose: emailProtection");
    trial.policy.ca_eku = true;
    expect_outcome("enforced", &trial, try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf),
            CG_FAIL, CG_REASON_PURPOSE_MISMATCH);
    assert_ptr_equal(trial.note.concerns, &ca);
    expect_text("found", trial.note.found, "emailProtection");
    trial.path.valid = false;
    expect_outcome("without a path there are no CAs to ask", &trial,
            try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf), CG_PASS, 0);
    cg_cert_free(leaf);
}

/* An allowance is for the received certificate's purposes only. */
static void
no_allowance_for_cas(void **state)
{
    struct cg_cert ca = { .version = 3 };
    struct cg_cert *leaf = cert_with("extendedKeyUsage=serverAuth");
    struct trial trial = { .policy = { .role = IN, .ca_eku = true },
        .path = {
                .valid = true, .ca_eku = { .reason = CG_REASON_PURPOSE_MISMATCH, .cert = &ca } } };

    (void)state;
    cg_policy_allow(&trial.policy, CG_ALLOW_SERVER_AUTH_CLIENTS, INT64_MAX);
    expect_outcome("enforced", &trial, try_check(&trial, CG_CHECK_EXTENDED_KEY_USAGE, leaf),
            CG_FAIL, CG_REASON_PURPOSE_MISMATCH);
    assert_false(trial.note.allowed);
    cg_cert_free(leaf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purposes),
        cmocka_unit_test(words),
        cmocka_unit_test(the_allowance),
        cmocka_unit_test(purposes_of_cas),
        cmocka_unit_test(no_allowance_for_cas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
