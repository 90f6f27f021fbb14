#include "trial.h"

#include <stdlib.h>

#include "support/mint.h"

/* clang-format off */
static const struct {
    const char *extension; /* as in an OpenSSL configuration file */
    const char *found; /* NULL: processed */
} rows[] = {
    /* The written list of what is processed. */
    { "keyUsage=critical,digitalSignature", NULL },
    { "certificatePolicies=critical,1.2.3", NULL },
    { "subjectAltName=critical,DNS:a.example", NULL },
    { "basicConstraints=critical,CA:TRUE", NULL },
    { "nameConstraints=critical,permitted;DNS:a.example", NULL },
    { "policyConstraints=critical,requireExplicitPolicy:0", NULL },
    { "extendedKeyUsage=critical,clientAuth", NULL },
    { "inhibitAnyPolicy=critical,0", NULL },
    { "policyMappings=critical,1.2.3:1.2.4", NULL },
    { "subjectKeyIdentifier=critical,hash", NULL },
    { "2.5.29.35=critical,DER:30:06:80:04:01:02:03:04", NULL },
    /* Processed only while revocation is checked. */
    { "crlDistributionPoints=critical,URI:http://a.example/crl", "critical extension cRLDistributionPoints" },
    /* Known by name, and not processed. */
    { "issuerAltName=critical,DNS:a.example", "critical extension issuerAltName" },
    { "freshestCRL=critical,URI:http://a.example/crl", "critical extension freshestCRL" },
    { "authorityInfoAccess=critical,OCSP;URI:http://a.example/", "critical extension authorityInfoAccess" },
    { "tlsfeature=critical,status_request", "critical extension tlsFeature" },
    { "nsCertType=critical,client", "critical extension nsCertType" },
    { "1.2.3.4=critical,DER:05:00", "critical extension 1.2.3.4" },
    /* Neighbours of what is processed. */
    { "2.5.29.14.1=critical,DER:05:00", "critical extension 2.5.29.14.1" },
    { "2.5.29=critical,DER:05:00", "critical extension 2.5.29" },
    /* Not critical: nobody minds. */
    { "1.2.3.4=DER:05:00", NULL },
    { "crlDistributionPoints=URI:http://a.example/crl", NULL },
    { "tlsfeature=status_request", NULL },
};
/* clang-format on */

static void
one_extension(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert *leaf = mint_cert(&(struct mint) {
                .subject = "CN=a", .key = mint_key("P-256"), .extensions = { rows[i].extension } });
        const struct cg_cert *certs[] = { leaf };
        struct trial trial = { .store = NULL };

        cg_path_find_unknown_critical(certs, 1, false, &trial.path.critical);
        expect_outcome(rows[i].extension, &trial,
                try_check(&trial, CG_CHECK_CRITICAL_EXTENSIONS, leaf),
                rows[i].found == NULL ? CG_PASS : CG_FAIL, CG_REASON_CRITICAL_EXTENSION_UNKNOWN);
        expect_text(rows[i].extension, trial.note.found,
                rows[i].found == NULL ? "none unknown" : rows[i].found);
        expect_text(rows[i].extension, trial.note.wanted,
                "no critical extension that is not processed here");
        cg_cert_free(leaf);
    }
}

/* Whichever certificate of the path has it, the finding names that one. */
static void
which_certificate(void **state)
{
    struct cg_cert *plain =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("P-256") });
    struct cg_cert *bad = mint_cert(&(struct mint) { .subject = "CN=b",
            .key = mint_key("P-256"),
            .extensions = { "1.2.3.4=DER:05:00", "1.2.3.5=critical,DER:05:00",
                    "1.2.3.6=critical,DER:05:00" } });

    (void)state;
    for (size_t place = 0; place < 3; place++) {
        const struct cg_cert *certs[] = { plain, plain, plain };
        struct trial trial = { .store = NULL };

        certs[place] = bad;
        cg_path_find_unknown_critical(certs, 3, false, &trial.path.critical);
        assert_int_equal(try_check(&trial, CG_CHECK_CRITICAL_EXTENSIONS, plain), CG_FAIL);
        assert_ptr_equal(trial.note.concerns, bad);
        expect_text("the first of them", trial.note.found, "critical extension 1.2.3.5");
    }
    cg_cert_free(plain);
    cg_cert_free(bad);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_extension),
        cmocka_unit_test(which_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
