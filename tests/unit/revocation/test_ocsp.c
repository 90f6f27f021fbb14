/* OCSP responses: which are believed about whom (RFC 6960 section 3.2). */
#include "court.h"

#include <openssl/ocsp.h>

enum responder { BY_CA, BY_DELEGATE, BY_ROOT };

static const struct {
    const char *why;
    struct mint_ocsp what;
    enum responder responder;
    const char *signer; /* NULL: the responder's */
    bool alone; /* the delegate's certificate does not come along */
    enum cg_reason reason;
    const char *part;
} rows[] = {
    { "good", { .status = V_OCSP_CERTSTATUS_GOOD }, BY_CA, NULL, false, CG_REASON_NONE,
            "not revoked" },
    { "revoked", { .status = V_OCSP_CERTSTATUS_REVOKED, .reason = 4 }, BY_CA, NULL, false,
            CG_REASON_REVOKED, "(superseded), says the OCSP response of" },
    { "revoked without a reason", { .status = V_OCSP_CERTSTATUS_REVOKED, .reason = -1 }, BY_CA,
            NULL, false, CG_REASON_REVOKED, "no reason given" },
    { "unknown to the responder", { .status = V_OCSP_CERTSTATUS_UNKNOWN }, BY_CA, NULL, false,
            CG_REASON_REVOCATION_UNKNOWN, "does not know the certificate" },
    { "by key", { .by_key = true }, BY_CA, NULL, false, CG_REASON_NONE, "not revoked" },
    { "SHA-256 in the certID", { .hash = "SHA256" }, BY_CA, NULL, false, CG_REASON_NONE,
            "not revoked" },
    { "SHA-512 in the certID", { .hash = "SHA512" }, BY_CA, NULL, false, CG_REASON_NONE,
            "not revoked" },
    { "MD5 in the certID", { .hash = "MD5" }, BY_CA, NULL, false, CG_REASON_REVOCATION_UNKNOWN,
            "asked for at" },
    { "signed with SHA-1", { .digest = "SHA1" }, BY_CA, NULL, false, CG_REASON_REVOCATION_UNKNOWN,
            "SHA-1" },
    { "signed by another key", { 0 }, BY_CA, "P-256 other", false, CG_REASON_REVOCATION_UNKNOWN,
            "not signed by the issuer" },
    { "altered", { .spoil = true }, BY_CA, NULL, false, CG_REASON_REVOCATION_UNKNOWN,
            "not signed by the issuer" },
    { "delegate", { 0 }, BY_DELEGATE, NULL, false, CG_REASON_NONE, "not revoked" },
    { "delegate by key", { .by_key = true }, BY_DELEGATE, NULL, false, CG_REASON_NONE,
            "not revoked" },
    { "delegate says revoked", { .status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1 }, BY_DELEGATE,
            NULL, false, CG_REASON_REVOKED, "keyCompromise" },
    { "delegate without its certificate", { 0 }, BY_DELEGATE, NULL, true,
            CG_REASON_REVOCATION_UNKNOWN, "nobody of the path appointed" },
    { "delegate's name, another key", { 0 }, BY_DELEGATE, "P-256 other", false,
            CG_REASON_REVOCATION_UNKNOWN, "not signed by" },
    { "the root is not its issuer", { 0 }, BY_ROOT, NULL, false, CG_REASON_REVOCATION_UNKNOWN,
            "of another issuer" },
    { "its last second", { .next_update = MINT_NOW }, BY_CA, NULL, false, CG_REASON_NONE,
            "not revoked" },
    { "stale", { .next_update = MINT_NOW - 1 }, BY_CA, NULL, false, CG_REASON_REVOCATION_UNKNOWN,
            "is stale" },
    { "of the future", { .this_update = MINT_NOW + CG_REVOCATION_SKEW + 1 }, BY_CA, NULL, false,
            CG_REASON_REVOCATION_UNKNOWN, "of the future" },
    { "no nextUpdate, of today", { .next_update = -1 }, BY_CA, NULL, false, CG_REASON_NONE,
            "not revoked" },
    { "no nextUpdate, old",
            { .next_update = -1, .this_update = MINT_NOW - CG_REVOCATION_UNDATED - 1 }, BY_CA, NULL,
            false, CG_REASON_REVOCATION_UNKNOWN, "is stale" },
    { "critical extension of the response", { .extension = "1.2.3.4=critical,DER:05:00" }, BY_CA,
            NULL, false, CG_REASON_REVOCATION_UNKNOWN, "critical extension" },
    { "critical extension of the answer", { .answer_extension = "1.2.3.4=critical,DER:05:00" },
            BY_CA, NULL, false, CG_REASON_REVOCATION_UNKNOWN, "critical extension" },
    { "extensions", { .extension = "1.2.3.4=DER:05:00", .answer_extension = "1.2.3.4=DER:05:00" },
            BY_CA, NULL, false, CG_REASON_NONE, "not revoked" },
    { "tryLater", { .response_status = OCSP_RESPONSE_STATUS_TRYLATER }, BY_CA, NULL, false,
            CG_REASON_REVOCATION_UNKNOWN, "asked for at" },
};

static struct mint_ocsp
complete(const struct court *court, size_t i)
{
    static const char *const keys[] = { "P-256 ca", "P-256 ocsp", "P-256 root" };
    const struct cg_cert *const certs[] = { court->ca, court->delegate, court->root };
    struct mint_ocsp what = rows[i].what;

    what.cert = court->leaf;
    what.issuer = court->ca;
    what.responder = certs[rows[i].responder];
    what.signer = mint_key(rows[i].signer != NULL ? rows[i].signer : keys[rows[i].responder]);
    if (rows[i].responder != BY_CA && !rows[i].alone)
        what.along = what.responder;
    return what;
}

static void
believed_or_not(void **state)
{
    struct court *court = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint_ocsp what = complete(court, i);

        court_expect(
                court, rows[i].why, mint_ocsp(&what, "ocsp.example"), rows[i].reason, rows[i].part);
    }
}

/* Two of one length are two questions: what was decided by one is not remembered for the other. */
static void
a_staple_is_known_by_its_bytes(void **state)
{
    static const enum cg_reason reasons[] = { CG_REASON_NONE, CG_REASON_REVOCATION_UNKNOWN,
        CG_REASON_NONE };
    struct court *court = *state;
    struct cg_revocation *known = court_know((struct cg_evidence *[]) { court_root_crl(), NULL });
    struct mint_ocsp what = complete(court, 0);
    size_t len;
    uint8_t *staple = mint_ocsp_der(&what, &len);

    court->peer.staple = staple;
    court->peer.staple_len = len;
    for (size_t i = 0; i < COUNT(reasons); i++) {
        struct cg_decision *decision = court_judge(court, known);

        assert_int_equal(cg_decision_reason(decision), reasons[i]);
        cg_decision_free(decision);
        staple[len - 1] ^= 1; /* in its signature */
    }
    free(staple);
    cg_revocation_free(known);
}

/* The same stapled: nothing but the CA's own status is known beside it. */
static void
stapled(void **state)
{
    struct court *court = *state;
    struct cg_revocation *known = court_know((struct cg_evidence *[]) { court_root_crl(), NULL });

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint_ocsp what = complete(court, i);
        size_t len;
        uint8_t *staple = mint_ocsp_der(&what, &len);
        struct cg_decision *decision;

        court->peer.staple = staple;
        court->peer.staple_len = len;
        decision = court_judge(court, known);
        if (cg_decision_reason(decision) != rows[i].reason)
            fail_msg("%s: %s (%s)", rows[i].why, cg_reason_info(cg_decision_reason(decision))->code,
                    court_finding(decision)->found);
        cg_decision_free(decision);
        free(staple);
    }
    court->peer.staple = (const uint8_t *)"junk";
    court->peer.staple_len = 4;
    {
        struct cg_decision *decision = court_judge(court, known);

        assert_int_equal(cg_decision_reason(decision), CG_REASON_REVOCATION_UNKNOWN);
        assert_non_null(strstr(court_finding(decision)->note, "not an OCSP response"));
        cg_decision_free(decision);
    }
    cg_revocation_free(known);
}

/* Whom the CA appointed, and whom it only certified (section 4.2.2.2). */
static void
delegates(void **state)
{
    static const struct {
        const char *why;
        struct mint what;
        const char *signer; /* NULL: the CA's */
        enum cg_reason reason;
        const char *part;
    } certs[] = {
        { "no OCSPSigning", { .extensions = { "extendedKeyUsage=serverAuth" } }, NULL,
                CG_REASON_REVOCATION_UNKNOWN, "not for OCSPSigning" },
        { "any purpose", { .extensions = { "extendedKeyUsage=anyExtendedKeyUsage" } }, NULL,
                CG_REASON_REVOCATION_UNKNOWN, "not for OCSPSigning" },
        { "no purpose", { 0 }, NULL, CG_REASON_REVOCATION_UNKNOWN, "not for OCSPSigning" },
        { "of the root", { .issuer = "CN=Root", .extensions = { "extendedKeyUsage=OCSPSigning" } },
                "P-256 root", CG_REASON_REVOCATION_UNKNOWN, "of another issuer" },
        { "forged", { .extensions = { "extendedKeyUsage=OCSPSigning" } }, "P-256 other",
                CG_REASON_REVOCATION_UNKNOWN, "not signed by the issuer" },
        { "out of date",
                { .extensions = { "extendedKeyUsage=OCSPSigning" },
                        .not_before = MINT_NOW - 9,
                        .not_after = MINT_NOW - 1 },
                NULL, CG_REASON_REVOCATION_UNKNOWN, "out of date" },
        { "key usage",
                { .extensions = { "extendedKeyUsage=OCSPSigning", "keyUsage=keyEncipherment" } },
                NULL, CG_REASON_REVOCATION_UNKNOWN, "key usage" },
        { "critical extension",
                { .extensions = { "extendedKeyUsage=OCSPSigning", "1.2.3=critical,DER:05:00" } },
                NULL, CG_REASON_REVOCATION_UNKNOWN, "critical extension" },
        { "as it should be",
                { .extensions = { "extendedKeyUsage=critical,OCSPSigning",
                          "keyUsage=digitalSignature" } },
                NULL, CG_REASON_NONE, "not revoked" },
    };
    struct court *court = *state;

    for (size_t i = 0; i < COUNT(certs); i++) {
        struct mint what = certs[i].what;
        struct cg_cert *delegate;
        struct mint_ocsp response;

        what.subject = "CN=responder";
        what.issuer = what.issuer == NULL ? "CN=CA" : what.issuer;
        what.key = mint_key("P-256 ocsp");
        what.signer = mint_key(certs[i].signer == NULL ? "P-256 ca" : certs[i].signer);
        delegate = mint_cert(&what);
        response = (struct mint_ocsp) { .cert = court->leaf,
            .issuer = court->ca,
            .responder = delegate,
            .along = delegate,
            .signer = what.key };
        court_expect(court, certs[i].why, mint_ocsp(&response, "ocsp.example"), certs[i].reason,
                certs[i].part);
        cg_cert_free(delegate);
    }
}

static void
not_a_response(void **state)
{
    struct court *court = *state;
    struct mint_ocsp what = complete(court, 11); /* with a certificate */
    struct cg_evidence *evidence;
    struct cg_error err;
    size_t len;
    uint8_t *der = mint_ocsp_der(&what, &len);

    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(cg_evidence_from_der(CG_EVIDENCE_OCSP, der, cut, "cut", &evidence, &err),
                CG_E_PARSE);
        assert_null(evidence);
    }
    assert_int_equal(
            cg_evidence_from_der(CG_EVIDENCE_OCSP, der, len, "whole", &evidence, &err), CG_OK);
    cg_evidence_free(evidence);
    assert_int_equal(cg_evidence_from_der(CG_EVIDENCE_OCSP, der, CG_MAX_OCSP_BYTES + 1, "large",
                             &evidence, &err),
            CG_E_LIMIT);
    free(der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(believed_or_not, court_make, court_drop),
        cmocka_unit_test_setup_teardown(a_staple_is_known_by_its_bytes, court_make, court_drop),
        cmocka_unit_test_setup_teardown(stapled, court_make, court_drop),
        cmocka_unit_test_setup_teardown(delegates, court_make, court_drop),
        cmocka_unit_test_setup_teardown(not_a_response, court_make, court_drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
