/* CRLs: which are believed about whom (RFC 5280 section 6.3.3). */
#include "court.h"

#include "revocation/evidence.h"

#define POINT(text) "issuingDistributionPoint=critical,DER:" text
/* fullName with the URI of LEAF_POINT, and with another one of the same length. */
#define OUR_POINT                                                                                  \
    POINT("30:1f:a0:1d:a0:1b:86:19:68:74:74:70:3a:2f:2f:63:72:6c:2e:65:78:61:6d:70:6c:65:2f:63:"   \
          "61:"                                                                                    \
          "2e:63:72:6c")
#define OTHER_POINT                                                                                \
    POINT("30:1f:a0:1d:a0:1b:86:19:68:74:74:70:3a:2f:2f:63:72:6c:2e:65:78:61:6d:70:6c:65:2f:63:"   \
          "62:"                                                                                    \
          "2e:63:72:6c")

static const struct {
    const char *why;
    struct mint_crl what;
    const char *signer; /* NULL: the CA's */
    enum cg_reason reason;
    const char *part;
} rows[] = {
    { "not listed", { .revoked = { { 76, 1, NULL }, { 78, 1, NULL } } }, NULL, CG_REASON_NONE,
            "2 certificates not revoked" },
    { "empty", { 0 }, NULL, CG_REASON_NONE, "not revoked" },
    { "listed with a reason", { .revoked = { { LEAF_SERIAL, 1, NULL }, { 3, 0, NULL } } }, NULL,
            CG_REASON_REVOKED, "revoked 2026-11-22T00:00:00Z (keyCompromise), says the CRL of" },
    { "listed without one", { .revoked = { { 3, 0, NULL }, { LEAF_SERIAL, 0, NULL } } }, NULL,
            CG_REASON_REVOKED, "no reason given" },
    { "on hold", { .revoked = { { LEAF_SERIAL, 6, NULL } } }, NULL, CG_REASON_REVOKED,
            "certificateHold" },
    { "of another name", { .issuer = "CN=Other" }, NULL, CG_REASON_REVOCATION_UNKNOWN,
            "asked for at http://crl.example/ca.crl" },
    { "signed by another key", { 0 }, "P-256 other", CG_REASON_REVOCATION_UNKNOWN,
            "not signed by the issuer" },
    { "altered", { .spoil = true }, NULL, CG_REASON_REVOCATION_UNKNOWN, "not signed by" },
    { "altered and listed", { .spoil = true, .revoked = { { LEAF_SERIAL, 1, NULL } } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "not signed by" },
    { "SHA-1", { .digest = "SHA1" }, NULL, CG_REASON_REVOCATION_UNKNOWN, "SHA-1" },
    { "its last second", { .next_update = MINT_NOW }, NULL, CG_REASON_NONE, "not revoked" },
    { "a second too old", { .next_update = MINT_NOW - 1 }, NULL, CG_REASON_REVOCATION_UNKNOWN,
            "is stale since 2026-11-23T23:59:59Z" },
    { "ahead of our clock", { .this_update = MINT_NOW + CG_REVOCATION_SKEW }, NULL, CG_REASON_NONE,
            "not revoked" },
    { "too far ahead", { .this_update = MINT_NOW + CG_REVOCATION_SKEW + 1 }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "is of the future" },
    { "no nextUpdate, a day old",
            { .this_update = MINT_NOW - CG_REVOCATION_UNDATED, .next_update = -1 }, NULL,
            CG_REASON_NONE, "not revoked" },
    { "no nextUpdate, older",
            { .this_update = MINT_NOW - CG_REVOCATION_UNDATED - 1, .next_update = -1 }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "is stale" },
    { "version 1", { .version = 1, .revoked = { { LEAF_SERIAL, 0, NULL } } }, NULL,
            CG_REASON_REVOKED, "revoked" },
    { "delta", { .extensions = { "2.5.29.27=critical,DER:02:01:01" } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "it is a delta CRL" },
    { "delta, not marked critical", { .extensions = { "2.5.29.27=DER:02:01:01" } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "it is a delta CRL" },
    { "indirect", { .extensions = { POINT("30:03:84:01:ff") } }, NULL, CG_REASON_REVOCATION_UNKNOWN,
            "indirect" },
    { "indirect by an entry", { .revoked = { { 3, 0, "2.5.29.29=critical,DER:30:00" } } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "indirect" },
    { "entry with an unknown critical extension",
            { .revoked = { { LEAF_SERIAL, 0, "1.2.3.4=critical,DER:05:00" } } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "an entry has a critical extension" },
    { "entry with an unknown extension", { .revoked = { { LEAF_SERIAL, 0, "1.2.3.4=DER:05:00" } } },
            NULL, CG_REASON_REVOKED, "revoked" },
    { "unknown critical extension", { .extensions = { "1.2.3.4=critical,DER:05:00" } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "critical extension that is not processed" },
    { "unknown extension", { .extensions = { "1.2.3.4=DER:05:00" } }, NULL, CG_REASON_NONE,
            "not revoked" },
    { "crlNumber, critical even", { .extensions = { "2.5.29.20=critical,DER:02:01:07" } }, NULL,
            CG_REASON_NONE, "not revoked" },
    { "some reasons", { .extensions = { POINT("30:04:83:02:06:40") } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "some reasons" },
    { "attribute certificates", { .extensions = { POINT("30:03:85:01:ff") } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "attribute" },
    { "end entities", { .extensions = { POINT("30:03:81:01:ff") } }, NULL, CG_REASON_NONE,
            "not revoked" },
    { "CAs", { .extensions = { POINT("30:03:82:01:ff") } }, NULL, CG_REASON_REVOCATION_UNKNOWN,
            "it lists CAs only" },
    { "its point", { .extensions = { OUR_POINT } }, NULL, CG_REASON_NONE, "not revoked" },
    { "another point", { .extensions = { OTHER_POINT } }, NULL, CG_REASON_REVOCATION_UNKNOWN,
            "does not name" },
    { "relative point", { .extensions = { POINT("30:06:a0:04:a1:02:30:00") } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "relative" },
    { "malformed point", { .extensions = { POINT("30:02:81:00") } }, NULL,
            CG_REASON_REVOCATION_UNKNOWN, "does not parse" },
};

static void
believed_or_not(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint_crl what = rows[i].what;

        what.issuer = what.issuer == NULL ? "CN=CA" : what.issuer;
        what.signer = mint_key(rows[i].signer == NULL ? "P-256 ca" : rows[i].signer);
        court_expect(
                *state, rows[i].why, mint_crl(&what, "crl.example"), rows[i].reason, rows[i].part);
    }
}

static void
key_usage_of_the_issuer(void **state)
{
    static const struct {
        const char *why;
        const char *usage;
        enum cg_reason reason;
    } usages[] = {
        { "none", NULL, CG_REASON_NONE },
        { "both", "keyUsage=critical,keyCertSign,cRLSign", CG_REASON_NONE },
        { "no cRLSign", "keyUsage=critical,keyCertSign", CG_REASON_REVOCATION_UNKNOWN },
    };
    struct court *court = *state;

    for (size_t i = 0; i < COUNT(usages); i++) {
        struct mint ca = { .subject = "CN=CA",
            .issuer = "CN=Root",
            .key = mint_key("P-256 ca"),
            .signer = mint_key("P-256 root"),
            .extensions = { "basicConstraints=critical,CA:TRUE", usages[i].usage } };
        uint8_t *der = mint_der(&ca, &court->chain_len[0]);

        court->chain[0] = der;
        court_expect(court, usages[i].why,
                mint_crl(&(struct mint_crl) { .issuer = "CN=CA", .signer = mint_key("P-256 ca") },
                        "crl"),
                usages[i].reason, usages[i].reason == CG_REASON_NONE ? "not revoked" : "cRLSign");
        free(der);
    }
}

/* What does not parse at all; each is a good CRL with one octet changed. */
static void
not_a_crl(void **state)
{
    struct mint_crl what = {
        .issuer = "CN=CA", .signer = mint_key("P-256 ca"), .revoked = { { 3, 1, NULL } }
    };
    struct cg_evidence *evidence;
    struct cg_error err;
    size_t len;
    uint8_t *der = mint_crl_der(&what, &len);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        err.text[0] = '\0';
        assert_int_equal(cg_evidence_from_der(CG_EVIDENCE_CRL, der, cut, "cut", &evidence, &err),
                CG_E_PARSE);
        assert_null(evidence);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(
            cg_evidence_from_der(CG_EVIDENCE_CRL, der, len, "whole", &evidence, &err), CG_OK);
    cg_evidence_free(evidence);
    assert_int_equal(
            cg_evidence_from_der(CG_EVIDENCE_OCSP, der, len, "other", &evidence, &err), CG_E_PARSE);
    assert_int_equal(cg_evidence_from_der(
                             CG_EVIDENCE_CRL, der, CG_MAX_CRL_BYTES + 1, "large", &evidence, &err),
            CG_E_LIMIT);
    free(der);
}

/* Serial numbers of every length are found, whatever their order in the CRL. */
static void
entries_are_found(void **state)
{
    static const long serials[] = { 70000, 1, 300, 2 };
    struct mint_crl what = { .issuer = "CN=CA", .signer = mint_key("P-256 ca") };
    struct cg_evidence *evidence;

    (void)state;
    for (size_t i = 0; i < COUNT(serials); i++)
        what.revoked[i].serial = serials[i];
    evidence = mint_crl(&what, "a \"source\"\n");
    assert_string_equal(evidence->source, "a \"source\"\\x0a");
    for (size_t i = 0; i < COUNT(serials); i++) {
        struct mint cert = court_leaf();
        struct cg_cert *leaf;

        cert.serial = serials[i];
        leaf = mint_cert(&cert);
        assert_non_null(cg_crl_find(evidence, leaf->serial));
        cg_cert_free(leaf);
        cert.serial = serials[i] + 5;
        leaf = mint_cert(&cert);
        assert_null(cg_crl_find(evidence, leaf->serial));
        cg_cert_free(leaf);
    }
    cg_evidence_free(evidence);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(believed_or_not, court_make, court_drop),
        cmocka_unit_test_setup_teardown(key_usage_of_the_issuer, court_make, court_drop),
        cmocka_unit_test(not_a_crl),
        cmocka_unit_test(entries_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
