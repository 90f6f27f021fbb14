/* A root, a CA below it, a peer's certificate below that, and what is known about them. */
#ifndef TEST_REVOCATION_COURT_H
#define TEST_REVOCATION_COURT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "support/mint_evidence.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LEAF_SERIAL 77
#define CA_SERIAL 5
#define LEAF_POINT "crlDistributionPoints=URI:http://crl.example/ca.crl"

struct court {
    struct cg_engine *engine;
    struct cg_cert *root;
    struct cg_cert *ca;
    struct cg_cert *leaf;
    struct cg_cert *delegate; /* of the CA, for OCSPSigning */
    struct cg_store *store;
    struct cg_policy *policy;
    struct cg_peer peer;
    const uint8_t *chain[1];
    size_t chain_len[1];
};

static inline struct mint
court_leaf(void)
{
    return (struct mint) { .subject = "CN=peer",
        .issuer = "CN=CA",
        .key = mint_key("P-256 leaf"),
        .signer = mint_key("P-256 ca"),
        .serial = LEAF_SERIAL,
        .extensions = {
                "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth", LEAF_POINT } };
}

static inline void
court_hear(struct court *court, const struct mint *leaf)
{
    cg_cert_free(court->leaf);
    court->leaf = mint_cert(leaf);
    court->peer.leaf = cg_cert_get0_der(court->leaf, &court->peer.leaf_len);
}

static inline int
court_make(void **state)
{
    static struct court court;
    struct mint leaf = court_leaf();

    court = (struct court) { .engine = cg_engine_new(), .policy = cg_policy_new() };
    court.root = mint_cert(&(struct mint) { .subject = "CN=Root",
            .key = mint_key("P-256 root"),
            .extensions = { "basicConstraints=critical,CA:TRUE",
                    "keyUsage=critical,keyCertSign,cRLSign" } });
    court.ca = mint_cert(&(struct mint) { .subject = "CN=CA",
            .issuer = "CN=Root",
            .key = mint_key("P-256 ca"),
            .signer = mint_key("P-256 root"),
            .serial = CA_SERIAL,
            .extensions = { "basicConstraints=critical,CA:TRUE",
                    "keyUsage=critical,keyCertSign,cRLSign" } });
    court.delegate = mint_cert(&(struct mint) { .subject = "CN=OCSP",
            .issuer = "CN=CA",
            .key = mint_key("P-256 ocsp"),
            .signer = mint_key("P-256 ca"),
            .serial = 9,
            .extensions = { "extendedKeyUsage=OCSPSigning" } });
    court.store = mint_store((struct cg_cert *[]) { court.root, NULL });
    court.chain[0] = cg_cert_get0_der(court.ca, &court.chain_len[0]);
    court.peer = (struct cg_peer) {
        .chain = court.chain, .chain_len = court.chain_len, .chain_count = 1, .now = MINT_NOW
    };
    court_hear(&court, &leaf);
    cg_policy_set_revocation(court.policy, CG_REVOCATION_HARD);
    *state = &court;
    return 0;
}

static inline int
court_drop(void **state)
{
    struct court *court = *state;

    cg_policy_free(court->policy);
    cg_store_free(court->store);
    cg_cert_free(court->leaf);
    cg_cert_free(court->delegate);
    cg_cert_free(court->ca);
    cg_cert_free(court->root);
    cg_engine_free(court->engine);
    return 0;
}

/* A frozen set of these, NULL ends them; they are given away. */
static inline struct cg_revocation *
court_know(struct cg_evidence *const *evidence)
{
    struct cg_revocation *known = cg_revocation_new();

    for (; *evidence != NULL; evidence++) {
        assert_int_equal(cg_revocation_add(known, *evidence, NULL), CG_OK);
        cg_evidence_free(*evidence);
    }
    assert_int_equal(cg_revocation_freeze(known, NULL), CG_OK);
    return known;
}

static inline struct cg_decision *
court_judge(struct court *court, const struct cg_revocation *known)
{
    struct cg_decision *decision = NULL;
    struct cg_error err = { "" };

    court->peer.revocation = known;
    if (cg_evaluate(court->engine, court->store, court->policy, &court->peer, &decision, &err) !=
            CG_OK)
        fail_msg("%s", err.text);
    court->peer.revocation = NULL;
    return decision;
}

static inline const struct cg_finding *
court_finding(const struct cg_decision *decision)
{
    const struct cg_finding *last = cg_decision_get0(decision, cg_decision_count(decision) - 1);

    assert_int_equal(last->check, CG_CHECK_REVOCATION);
    return last;
}

/* The CRL of the root, which says nothing bad of the CA. */
static inline struct cg_evidence *
court_root_crl(void)
{
    return mint_crl(
            &(struct mint_crl) { .issuer = "CN=Root", .signer = mint_key("P-256 root") }, "root");
}

/* What the verdict on the leaf is, given this one piece about it and a good CRL of its CA; `part` is in the finding. */
static inline void
court_expect(struct court *court, const char *why, struct cg_evidence *piece, enum cg_reason reason,
        const char *part)
{
    struct cg_revocation *known =
            court_know((struct cg_evidence *[]) { court_root_crl(), piece, NULL });
    struct cg_decision *decision = court_judge(court, known);
    const struct cg_finding *finding = court_finding(decision);

    if (cg_decision_reason(decision) != reason)
        fail_msg("%s: %s (%s)", why, cg_reason_info(cg_decision_reason(decision))->code,
                finding->found);
    if (strstr(finding->found, part) == NULL)
        fail_msg("%s: '%s', wanted '%s' in it", why, finding->found, part);
    cg_decision_free(decision);
    cg_revocation_free(known);
}

#endif
