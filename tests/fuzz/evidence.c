/*
 * A CRL or an OCSP response, read, compared with OpenSSL's reading, and judged over a path of two:
 *
 *     octet: bit 0 OCSP, bit 1 believe it as if its signature were good · received certificate · its issuer · evidence
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/reader.h"
#include "der_mutator.h"
#include "fuzz.h"
#include "revocation/evidence.h"
#include "revocation/judge.h"
#include "x509/engine.h"

const size_t fuzz_prefix = 1;

static void
check_inside(const struct cg_evidence *evidence, struct cg_span span, const char *what)
{
    FUZZ_CHECK(span.len == 0 ||
                    (span.data >= evidence->der &&
                            span.data + span.len <= evidence->der + evidence->len),
            "%s lies outside of the evidence", what);
}

/* Every entry that OpenSSL reads is found, and there are no others. */
static void
check_crl(const struct cg_evidence *evidence)
{
    const unsigned char *at = evidence->der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)evidence->len);
    STACK_OF(X509_REVOKED) *entries = crl == NULL ? NULL : X509_CRL_get_REVOKED(crl);

    check_inside(evidence, evidence->crl.issuer, "issuer");
    check_inside(evidence, evidence->crl.point, "distribution point");
    FUZZ_CHECK(crl == NULL || sk_X509_REVOKED_num(entries) == (int)evidence->crl.entry_count ||
                    (entries == NULL && evidence->crl.entry_count == 0),
            "%zu entries, OpenSSL has %d", evidence->crl.entry_count, sk_X509_REVOKED_num(entries));
    for (size_t i = 0; i < evidence->crl.entry_count; i++) {
        const struct cg_crl_entry *entry = &evidence->crl.entries[i];
        struct cg_span serial = cg_span(evidence->der + entry->serial, entry->serial_len);
        int64_t when;
        int reason;

        check_inside(evidence, serial, "serial number");
        FUZZ_CHECK(cg_crl_find(evidence, serial) != NULL, "an entry is not found");
        cg_crl_entry_read(evidence, entry, &when, &reason);
        FUZZ_CHECK(reason >= -1 && reason <= 10, "reason %d", reason);
    }
    X509_CRL_free(crl);
    ERR_clear_error();
}

static void
check_ocsp(const struct cg_evidence *evidence)
{
    const unsigned char *at = evidence->der;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)evidence->len);
    OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);

    FUZZ_CHECK(basic == NULL || evidence->ocsp.answer_count == 0 ||
                    OCSP_resp_count(basic) == (int)evidence->ocsp.answer_count,
            "%zu answers, OpenSSL has %d", evidence->ocsp.answer_count, OCSP_resp_count(basic));
    for (size_t i = 0; i < evidence->ocsp.answer_count; i++) {
        const struct cg_ocsp_answer *answer = &evidence->ocsp.answers[i];
        int wanted = answer->status == CG_REVOCATION_GOOD ? V_OCSP_CERTSTATUS_GOOD
                : answer->status == CG_REVOCATION_REVOKED ? V_OCSP_CERTSTATUS_REVOKED
                                                          : V_OCSP_CERTSTATUS_UNKNOWN;

        check_inside(evidence, answer->serial, "serial number");
        FUZZ_CHECK(basic == NULL ||
                        OCSP_single_get0_status(
                                OCSP_resp_get0(basic, (int)i), NULL, NULL, NULL, NULL) == wanted,
                "another status than OpenSSL's");
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
}

static void
judge(struct cg_engine *engine, struct cg_cert *leaf, struct cg_cert *issuer,
        const struct cg_evidence *evidence, bool believe)
{
    struct cg_revocation *known = cg_revocation_new();
    struct cg_path_result path = { .valid = true, .certs = { leaf, issuer }, .count = 2 };
    struct cg_peer peer = { .now = FUZZ_NOW, .revocation = known };
    struct cg_revocation_result result;

    FUZZ_CHECK(cg_revocation_add(known, evidence, NULL) == CG_OK &&
                    cg_revocation_freeze(known, NULL) == CG_OK,
            "no set");
    if (believe)
        cg_engine_note_believed(engine, evidence->sha256, issuer);
    FUZZ_CHECK(cg_revocation_judge(engine, &path, &peer, &result, NULL) == CG_OK, "no result");
    FUZZ_CHECK(result.status != CG_REVOCATION_NOT_ASKED && result.found[0] != '\0', "no words");
    FUZZ_CHECK(cg_window_holds(&result.good, FUZZ_NOW) && cg_window_holds(&result.same, FUZZ_NOW),
            "a result that does not stand now");
    FUZZ_CHECK(result.status == CG_REVOCATION_UNKNOWN || evidence->kind == CG_EVIDENCE_OCSP ||
                    evidence->unusable == NULL,
            "told by what is of no use: %s", result.found);
    for (const char *c = result.found; *c != '\0'; c++)
        FUZZ_CHECK(
                (unsigned char)*c >= 0x20 && *c != 0x7f, "found holds 0x%02x", (unsigned char)*c);
    cg_revocation_free(known);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct cg_engine *engine;
    struct cg_reader reader = cg_reader(cg_span(data, len));
    struct cg_cert *leaf = NULL, *issuer = NULL;
    struct cg_evidence *evidence = NULL;
    struct cg_error err = { "" };
    struct cg_span first, second;
    enum cg_evidence_kind kind;
    uint8_t octet, tag;
    char *urls[4];

    if (engine == NULL)
        engine = cg_engine_new();
    if (!cg_read_u8(&reader, &octet) || !cg_der_any(&reader, &tag, NULL, &first) ||
            !cg_der_any(&reader, &tag, NULL, &second) ||
            cg_cert_from_der(first.data, first.len, &leaf, &err) != CG_OK ||
            cg_cert_from_der(second.data, second.len, &issuer, &err) != CG_OK)
        goto done;
    for (size_t count = cg_cert_crl_urls(leaf, urls, 4); count != 0;)
        free(urls[--count]);
    for (size_t count = cg_cert_ocsp_urls(leaf, urls, 4); count != 0;)
        free(urls[--count]);
    kind = (octet & 1) != 0 ? CG_EVIDENCE_OCSP : CG_EVIDENCE_CRL;
    if (cg_evidence_from_der(kind, reader.at, cg_reader_left(&reader), "fuzz\n", &evidence, &err) !=
            CG_OK) {
        FUZZ_CHECK(evidence == NULL && err.text[0] != '\0', "refused without a reason");
        goto done;
    }
    check_inside(evidence, evidence->body.tbs, "what is signed");
    check_inside(evidence, evidence->body.signature, "signature");
    if (kind == CG_EVIDENCE_CRL)
        check_crl(evidence);
    else
        check_ocsp(evidence);
    judge(engine, leaf, issuer, evidence, (octet & 2) != 0);
done:
    cg_evidence_free(evidence);
    cg_cert_free(issuer);
    cg_cert_free(leaf);
    return 0;
}
