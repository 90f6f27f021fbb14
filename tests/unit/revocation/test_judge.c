/* A whole path, several pieces of evidence, the two modes, and how long a decision stands. */
#include "court.h"

#include <openssl/ocsp.h>

static struct cg_evidence *
ca_crl(long revoked, int64_t this_update, int64_t next_update)
{
    return mint_crl(&(struct mint_crl) { .issuer = "CN=CA",
                            .signer = mint_key("P-256 ca"),
                            .this_update = this_update,
                            .next_update = next_update,
                            .revoked = { { revoked, 0, NULL } } },
            "ca");
}

static struct cg_evidence *
answer(const struct court *court, int status, int64_t next_update)
{
    return mint_ocsp(&(struct mint_ocsp) { .cert = court->leaf,
                             .issuer = court->ca,
                             .signer = mint_key("P-256 ca"),
                             .status = status,
                             .reason = -1,
                             .next_update = next_update },
            "ocsp");
}

static void
expect(struct court *court, struct cg_evidence *const *evidence, enum cg_reason reason,
        const char *certificate)
{
    struct cg_revocation *known = court_know(evidence);
    struct cg_decision *decision = court_judge(court, known);
    const struct cg_finding *finding = court_finding(decision);

    if (cg_decision_reason(decision) != reason)
        fail_msg("%s (%s)", cg_reason_info(cg_decision_reason(decision))->code, finding->found);
    assert_string_equal(finding->certificate, certificate);
    cg_decision_free(decision);
    cg_revocation_free(known);
}

static void
every_certificate_but_the_anchor(void **state)
{
    struct court *court = *state;
    struct mint_crl root = { .issuer = "CN=Root", .signer = mint_key("P-256 root") };

    expect(court, (struct cg_evidence *[]) { court_root_crl(), ca_crl(0, 0, 0), NULL },
            CG_REASON_NONE, "received");
    expect(court, (struct cg_evidence *[]) { ca_crl(0, 0, 0), NULL }, CG_REASON_REVOCATION_UNKNOWN,
            "sent 1 'CN=CA'");
    expect(court, (struct cg_evidence *[]) { court_root_crl(), NULL }, CG_REASON_REVOCATION_UNKNOWN,
            "received");
    root.revoked[0].serial = CA_SERIAL;
    expect(court, (struct cg_evidence *[]) { mint_crl(&root, "r"), ca_crl(0, 0, 0), NULL },
            CG_REASON_REVOKED, "sent 1 'CN=CA'");
    /* Revoked above tells more than unknown below. */
    expect(court, (struct cg_evidence *[]) { mint_crl(&root, "r"), NULL }, CG_REASON_REVOKED,
            "sent 1 'CN=CA'");
    root.revoked[0].serial = 1; /* its own: the anchor is trusted, whatever it says of itself */
    expect(court, (struct cg_evidence *[]) { mint_crl(&root, "r"), ca_crl(0, 0, 0), NULL },
            CG_REASON_NONE, "received");
}

static void
several(void **state)
{
    struct court *court = *state;
    const int64_t hour = 3600, day = MINT_DAY;

    /* The newest CRL counts, … */
    expect(court,
            (struct cg_evidence *[]) { court_root_crl(),
                    ca_crl(LEAF_SERIAL, MINT_NOW - 2 * hour, MINT_NOW + day),
                    ca_crl(0, MINT_NOW - hour, MINT_NOW + hour), NULL },
            CG_REASON_NONE, "received");
    expect(court,
            (struct cg_evidence *[]) { court_root_crl(),
                    ca_crl(0, MINT_NOW - 2 * hour, MINT_NOW + day),
                    ca_crl(LEAF_SERIAL, MINT_NOW - hour, MINT_NOW + hour), NULL },
            CG_REASON_REVOKED, "received");
    /* … and one that is stale does not. */
    expect(court,
            (struct cg_evidence *[]) { court_root_crl(),
                    ca_crl(LEAF_SERIAL, MINT_NOW - hour, MINT_NOW - 1),
                    ca_crl(0, MINT_NOW - 2 * hour, MINT_NOW + day), NULL },
            CG_REASON_NONE, "received");
    /* Either of both kinds settles it, and revoked wins. */
    expect(court,
            (struct cg_evidence *[]) { court_root_crl(), ca_crl(LEAF_SERIAL, 0, 0),
                    answer(court, V_OCSP_CERTSTATUS_GOOD, 0), NULL },
            CG_REASON_REVOKED, "received");
    expect(court,
            (struct cg_evidence *[]) { court_root_crl(), ca_crl(0, 0, 0),
                    answer(court, V_OCSP_CERTSTATUS_REVOKED, 0), NULL },
            CG_REASON_REVOKED, "received");
    expect(court,
            (struct cg_evidence *[]) { court_root_crl(), ca_crl(0, 0, 0),
                    answer(court, V_OCSP_CERTSTATUS_UNKNOWN, 0), NULL },
            CG_REASON_NONE, "received");
}

static void
modes(void **state)
{
    struct court *court = *state;
    struct cg_decision *decision;
    enum cg_reason reason;

    cg_policy_set_level(court->policy, CG_LEVEL_NONE); /* the level may be any */
    decision = court_judge(court, NULL);
    assert_int_equal(cg_decision_reason(decision), CG_REASON_REVOCATION_UNKNOWN);
    for (int level = 0; level < CG_LEVEL_HIGH; level++) {
        assert_int_equal(cg_decision_at_level(decision, (enum cg_level)level, &reason), CG_REJECT);
        assert_int_equal(reason, CG_REASON_REVOCATION_UNKNOWN);
    }
    assert_int_equal(cg_decision_revocation(decision, 0), CG_REVOCATION_UNKNOWN);
    assert_int_equal(cg_decision_revocation(decision, 1), CG_REVOCATION_UNKNOWN);
    assert_int_equal(cg_decision_revocation(decision, 2), CG_REVOCATION_NOT_ASKED);
    cg_decision_free(decision);

    cg_policy_set_revocation(court->policy, CG_REVOCATION_SOFT);
    decision = court_judge(court, NULL);
    assert_int_equal(cg_decision_verdict(decision), CG_ACCEPT);
    assert_int_equal(court_finding(decision)->outcome, CG_PASS);
    assert_non_null(strstr(court_finding(decision)->note, "revocation is soft"));
    cg_decision_free(decision);

    cg_policy_set_revocation(court->policy, CG_REVOCATION_OFF);
    decision = court_judge(court, NULL);
    assert_int_equal(cg_decision_count(decision), CG_CHECK_REVOCATION);
    cg_decision_free(decision);

    /* Named in a custom set it is hard, and it alone. */
    cg_policy_set_checks(court->policy, 1u << CG_CHECK_REVOCATION);
    assert_int_equal(cg_policy_revocation(court->policy), CG_REVOCATION_HARD);
    decision = court_judge(court, NULL);
    assert_int_equal(cg_decision_count(decision), 1);
    assert_int_equal(cg_decision_reason(decision), CG_REASON_REVOCATION_UNKNOWN);
    cg_decision_free(decision);
}

static void
nobody_to_ask(void **state)
{
    struct court *court = *state;
    struct mint leaf = court_leaf();
    struct cg_decision *decision;

    /* Without a path there is nobody whose word counts. */
    cg_policy_set_level(court->policy, CG_LEVEL_NONE);
    court->peer.chain_count = 0;
    expect(court, (struct cg_evidence *[]) { court_root_crl(), ca_crl(0, 0, 0), NULL },
            CG_REASON_REVOCATION_UNKNOWN, "received");
    /* Trusted as it stands: no issuer. */
    leaf.issuer = NULL;
    leaf.signer = NULL;
    court_hear(court, &leaf);
    cg_store_free(court->store);
    court->store = mint_store((struct cg_cert *[]) { court->leaf, NULL });
    decision = court_judge(court, NULL);
    assert_int_equal(cg_decision_verdict(decision), CG_ACCEPT);
    assert_int_equal(court_finding(decision)->outcome, CG_NOT_APPLICABLE);
    cg_decision_free(decision);
}

static void
critical_points_are_processed(void **state)
{
    static const struct {
        enum cg_revocation_mode mode;
        enum cg_reason reason;
    } rows[] = {
        { CG_REVOCATION_OFF, CG_REASON_CRITICAL_EXTENSION_UNKNOWN },
        { CG_REVOCATION_SOFT, CG_REASON_NONE },
        { CG_REVOCATION_HARD, CG_REASON_REVOCATION_UNKNOWN },
    };
    struct court *court = *state;
    struct mint leaf = court_leaf();

    leaf.extensions[2] = "crlDistributionPoints=critical,URI:http://crl.example/ca.crl";
    court_hear(court, &leaf);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_decision *decision;

        cg_policy_set_revocation(court->policy, rows[i].mode);
        decision = court_judge(court, NULL);
        assert_int_equal(cg_decision_reason(decision), rows[i].reason);
        cg_decision_free(decision);
    }
}

/* An administrator admits what nothing is known of, never what is revoked. */
static void
admitted(void **state)
{
    struct court *court = *state;

    assert_int_equal(cg_policy_admit(court->policy, cg_cert_get0_sha256(court->leaf), INT64_MAX,
                             "for now", NULL),
            CG_OK);
    expect(court, (struct cg_evidence *[]) { court_root_crl(), NULL }, CG_REASON_NONE, "received");
    expect(court, (struct cg_evidence *[]) { court_root_crl(), ca_crl(LEAF_SERIAL, 0, 0), NULL },
            CG_REASON_REVOKED, "received");
}

/* Never longer than what the decision rests on, and never from memory once the set is another. */
static void
how_long_it_stands(void **state)
{
    struct court *court = *state;
    struct cg_revocation *good = court_know(
            (struct cg_evidence *[]) { court_root_crl(), ca_crl(0, 0, MINT_NOW + 100), NULL });
    struct cg_revocation *bad = court_know((struct cg_evidence *[]) {
            court_root_crl(), ca_crl(LEAF_SERIAL, 0, MINT_NOW + 100), NULL });
    struct cg_decision *first = court_judge(court, good), *again, *other;

    assert_int_equal(cg_decision_good_until(first), MINT_NOW + 100);
    assert_true(cg_decision_signatures(first) != 0);
    again = court_judge(court, good);
    assert_ptr_equal(first, again);
    other = court_judge(court, bad);
    assert_int_equal(cg_decision_reason(other), CG_REASON_REVOKED);
    cg_decision_free(other);
    cg_decision_free(again);
    again = court_judge(court, good); /* the former is remembered, too */
    assert_ptr_equal(first, again);
    cg_decision_free(again);
    court->peer.now = MINT_NOW + 101;
    other = court_judge(court, good);
    assert_int_equal(cg_decision_reason(other), CG_REASON_REVOCATION_UNKNOWN);
    cg_decision_free(other);
    court->peer.now = MINT_NOW;
    other = court_judge(court, NULL);
    assert_int_equal(cg_decision_reason(other), CG_REASON_REVOCATION_UNKNOWN);
    cg_decision_free(other);
    cg_decision_free(first);
    cg_revocation_free(good);
    cg_revocation_free(bad);
}

/* Many wrong ones cost a bounded number of signatures. */
static void
wrong_ones_are_bounded(void **state)
{
    struct court *court = *state;
    struct cg_evidence *pieces[40] = { NULL };
    struct cg_revocation *known;
    struct cg_decision *decision;

    for (size_t i = 0; i < COUNT(pieces) - 1; i++)
        pieces[i] = mint_crl(&(struct mint_crl) { .issuer = "CN=CA",
                                     .signer = mint_key("P-256 other"),
                                     .this_update = MINT_NOW - (int64_t)i - 1 },
                "wrong");
    known = court_know(pieces);
    decision = court_judge(court, known);
    assert_int_equal(cg_decision_reason(decision), CG_REASON_REVOCATION_UNKNOWN);
    assert_true(cg_decision_signatures(decision) <= 3 + CG_MAX_EVIDENCE_TRIED);
    cg_decision_free(decision);
    cg_revocation_free(known);
}

static void
sets(void **state)
{
    struct cg_revocation *one =
            court_know((struct cg_evidence *[]) { court_root_crl(), ca_crl(0, 0, 0), NULL });
    struct cg_revocation *two;
    struct cg_evidence *crl = court_root_crl(), *copy = cg_evidence_ref(crl);

    (void)state;
    two = court_know((struct cg_evidence *[]) { crl, copy, NULL });
    assert_int_equal(cg_revocation_count(one), 2);
    assert_int_equal(cg_revocation_count(two), 1); /* the same twice */
    assert_memory_not_equal(
            cg_revocation_get0_digest(one), cg_revocation_get0_digest(two), CG_SHA256_SIZE);
    crl = court_root_crl();
    assert_int_equal(cg_revocation_add(two, crl, NULL), CG_E_USAGE);
    cg_evidence_free(crl);
    cg_revocation_free(one);
    cg_revocation_free(two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_certificate_but_the_anchor, court_make, court_drop),
        cmocka_unit_test_setup_teardown(several, court_make, court_drop),
        cmocka_unit_test_setup_teardown(modes, court_make, court_drop),
        cmocka_unit_test_setup_teardown(nobody_to_ask, court_make, court_drop),
        cmocka_unit_test_setup_teardown(critical_points_are_processed, court_make, court_drop),
        cmocka_unit_test_setup_teardown(admitted, court_make, court_drop),
        cmocka_unit_test_setup_teardown(how_long_it_stands, court_make, court_drop),
        cmocka_unit_test_setup_teardown(wrong_ones_are_bounded, court_make, court_drop),
        cmocka_unit_test(sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
