/* What a worker keeps of what it is told, and what it asks for. */
#include "gateway/revocation.h"

#include <sys/mman.h>
#include <unistd.h>

#include "../revocation/court.h"

struct asked {
    unsigned count;
    uint8_t kind;
    char url[256];
    size_t request_len;
};

static void
note(void *arg, const void *payload, size_t len)
{
    struct asked *asked = arg;
    const uint8_t *bytes = payload;
    size_t url_len;

    assert_true(len >= 11);
    url_len = (size_t)bytes[9] << 8 | bytes[10];
    assert_true(11 + url_len <= len && url_len < sizeof(asked->url));
    asked->count++;
    asked->kind = bytes[0];
    memcpy(asked->url, bytes + 11, url_len);
    asked->url[url_len] = '\0';
    asked->request_len = len - 11 - url_len;
}

/* A message EVIDENCE; der NULL: the item is no more. */
static enum cg_status
tell(struct revocation *revocation, uint8_t number, uint8_t kind, const uint8_t *der, size_t len)
{
    uint8_t payload[] = { 0, 0, 0, 0, 0, 0, 0, number, kind, 'x' };
    struct ipc_message message = {
        .type = IPC_EVIDENCE, .payload = payload, .len = sizeof(payload)
    };
    enum cg_status status;

    if (der != NULL) {
        message.fds[0] = memfd_create("test", MFD_CLOEXEC);
        message.fd_count = 1;
        assert_int_equal(write(message.fds[0], der, len), len);
    }
    status = revocation_take(revocation, &message, NULL);
    if (der != NULL)
        close(message.fds[0]);
    return status;
}

static void
items_come_and_go(void **state)
{
    struct revocation *revocation = revocation_new(note, NULL);
    struct mint_crl what = { .issuer = "CN=CA", .signer = mint_key("P-256 ca") };
    struct ipc_message message = {
        .type = IPC_EVIDENCE, .payload = (const uint8_t *)"short", .len = 5
    };
    uint8_t *der, *other;
    size_t len, other_len;

    (void)state;
    der = mint_crl_der(&what, &len);
    what.revoked[0].serial = 3;
    other = mint_crl_der(&what, &other_len);
    assert_false(revocation_settle(revocation));
    assert_null(revocation_set(revocation));
    assert_int_equal(tell(revocation, 1, CG_EVIDENCE_CRL, der, len), CG_OK);
    assert_int_equal(tell(revocation, 2, CG_EVIDENCE_CRL, other, other_len), CG_OK);
    assert_true(revocation_settle(revocation));
    assert_false(revocation_settle(revocation));
    assert_int_equal(cg_revocation_count(revocation_set(revocation)), 2);
    /* A number's new item takes the old one's place, and one that does not parse leaves nothing there. */
    assert_int_equal(tell(revocation, 2, CG_EVIDENCE_CRL, der, len), CG_OK);
    assert_true(revocation_settle(revocation));
    assert_int_equal(cg_revocation_count(revocation_set(revocation)), 1);
    assert_int_equal(tell(revocation, 1, CG_EVIDENCE_OCSP, der, len), CG_E_PARSE);
    assert_int_equal(tell(revocation, 2, CG_EVIDENCE_CRL, NULL, 0), CG_OK);
    assert_true(revocation_settle(revocation));
    assert_int_equal(cg_revocation_count(revocation_set(revocation)), 0);
    assert_int_equal(tell(revocation, 9, CG_EVIDENCE_CRL, NULL, 0), CG_OK); /* never known */
    assert_int_equal(tell(revocation, 3, 7, der, len), CG_E_PARSE);
    assert_int_equal(revocation_take(revocation, &message, NULL), CG_E_PARSE);
    assert_false(revocation_settle(revocation));
    free(der);
    free(other);
    revocation_free(revocation);
}

static void
ask(struct court *court, struct revocation *revocation, const struct cg_revocation *known,
        int64_t now)
{
    struct cg_decision *decision = court_judge(court, known);

    revocation_ask(revocation, court->engine, decision, now);
    cg_decision_free(decision);
}

/* The CRL first, the responder where that did not settle it, and nothing twice within a moment. */
static void
what_is_asked_for(void **state)
{
    struct court *court = *state;
    struct asked asked = { 0 };
    struct revocation *revocation = revocation_new(note, &asked);
    struct mint leaf = court_leaf();
    const uint8_t *certs[4];
    size_t lens[4];

    leaf.extensions[3] = "authorityInfoAccess=OCSP;URI:http://ocsp.example/";
    court_hear(court, &leaf);
    ask(court, revocation, NULL, MINT_NOW);
    assert_int_equal(asked.count, 1);
    assert_int_equal(asked.kind, CG_EVIDENCE_CRL);
    assert_string_equal(asked.url, "http://crl.example/ca.crl");
    assert_int_equal(asked.request_len, 0);
    ask(court, revocation, NULL, MINT_NOW + 1);
    assert_int_equal(asked.count, 2);
    assert_int_equal(asked.kind, CG_EVIDENCE_OCSP);
    assert_string_equal(asked.url, "http://ocsp.example/");
    assert_true(asked.request_len != 0);
    ask(court, revocation, NULL, MINT_NOW + 2);
    assert_int_equal(asked.count, 2);
    ask(court, revocation, NULL, MINT_NOW + 600);
    assert_int_equal(asked.count, 3);
    /* The CA above the peer was on a valid path. */
    assert_int_equal(revocation_known_cas(revocation, certs, lens, 4), 1);
    assert_memory_equal(certs[0], court->chain[0], lens[0]);
    revocation_free(revocation);
}

static void
nothing_is_asked_for(void **state)
{
    struct court *court = *state;
    struct asked asked = { 0 };
    struct revocation *revocation = revocation_new(note, &asked);
    struct cg_evidence *ca = mint_crl(
            &(struct mint_crl) { .issuer = "CN=CA", .signer = mint_key("P-256 ca") }, "ca");
    struct cg_revocation *known =
            court_know((struct cg_evidence *[]) { court_root_crl(), ca, NULL });

    ask(court, revocation, known, MINT_NOW); /* all is known */
    assert_int_equal(asked.count, 0);
    court->peer.chain_count = 0; /* no path: a stranger */
    ask(court, revocation, NULL, MINT_NOW);
    assert_int_equal(asked.count, 0);
    cg_revocation_free(known);
    revocation_free(revocation);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_and_go),
        cmocka_unit_test_setup_teardown(what_is_asked_for, court_make, court_drop),
        cmocka_unit_test_setup_teardown(nothing_is_asked_for, court_make, court_drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
