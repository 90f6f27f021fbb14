#include "revocation/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "revocation/evidence.h"
#include "x509/crypto.h"

/* CRLReason (RFC 5280 section 5.3.1), by its number. */
static const char *const reasons[] = { "unspecified", "keyCompromise", "cACompromise",
    "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", NULL,
    "removeFromCRL", "privilegeWithdrawn", "aACompromise" };

/* One certificate of the path, being judged. */
struct question {
    struct cg_engine *engine;
    const struct cg_cert *cert;
    const struct cg_cert *issuer;
    int64_t now;
    unsigned tried; /* signatures that were no help */
    unsigned signatures;
    bool failed; /* the library did */
    struct cg_window same;
    char why[CG_MAX_NOTE]; /* why the last evidence is of no use; "" where there was none */
};

/* What one kind of evidence says, by its newest. */
struct answer {
    const struct cg_evidence *by; /* NULL: nothing */
    enum cg_revocation_status status;
    int64_t this_update;
    struct cg_window fresh;
    int64_t revoked_at;
    int reason;
};

static void text(char out[CG_MAX_NOTE], const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void
text(char out[CG_MAX_NOTE], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out, CG_MAX_NOTE, format, args);
    va_end(args);
}

struct stamp {
    char text[32];
};

static const char *
stamp(struct stamp *out, int64_t seconds)
{
    struct cg_buf buf;

    cg_buf_init(&buf, sizeof(out->text));
    cg_buf_add_time(&buf, seconds);
    snprintf(out->text, sizeof(out->text), "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
    return out->text;
}

static const char *
kind_of(const struct cg_evidence *evidence)
{
    return evidence->kind == CG_EVIDENCE_CRL ? "CRL" : "OCSP response";
}

static void
useless(struct question *q, const struct cg_evidence *evidence, const char *why)
{
    text(q->why, "%s from %.200s: %s", kind_of(evidence), evidence->source, why);
}

/* Within its time; both ends of it may change the answer. */
static bool
is_fresh(struct question *q, const struct cg_evidence *evidence, const struct cg_window *fresh)
{
    struct stamp when;
    char words[80];

    cg_window_stay(&q->same, q->now, fresh->from, fresh->until);
    if (cg_window_holds(fresh, q->now))
        return true;
    if (q->now < fresh->from)
        snprintf(words, sizeof(words), "it is of the future, %s",
                stamp(&when, fresh->from + CG_REVOCATION_SKEW));
    else
        snprintf(words, sizeof(words), "it is stale since %s", stamp(&when, fresh->until));
    useless(q, evidence, words);
    return false;
}

static bool
is_signed(struct question *q, const struct cg_evidence *evidence, const struct cg_cert *signer)
{
    enum cg_signature_result result;
    bool fresh = false;

    if (q->tried >= CG_MAX_EVIDENCE_TRIED) {
        useless(q, evidence, "it was not looked at: too many others are signed wrongly");
        return false;
    }
    result = cg_signature_verify_signed(q->engine, &evidence->body, signer, &fresh);
    q->signatures += fresh ? 1 : 0;
    if (result == CG_SIGNATURE_VALID)
        return true;
    q->tried++;
    q->failed = q->failed || result == CG_SIGNATURE_FAILED;
    useless(q, evidence,
            result == CG_SIGNATURE_SHA1 ? "it is signed with SHA-1"
                    : result == CG_SIGNATURE_REFUSED
                    ? "it is signed with an algorithm that is refused, "
                      "or another key than the issuer's"
                    : "it is not signed by the issuer of the path");
    return false;
}

static bool
is_newer(const struct answer *answer, int64_t this_update)
{
    return answer->by == NULL || this_update > answer->this_update;
}

/* RFC 5280 section 6.3.3, for a complete CRL of the certificate's own issuer. */
static void
ask_crl(struct question *q, const struct cg_evidence *crl, struct answer *answer)
{
    const struct cg_crl_entry *entry;
    const char *out_of_scope;

    if (!cg_canonical_name_equal(&crl->crl.canonical_issuer, &q->cert->canonical_issuer))
        return;
    out_of_scope = cg_crl_out_of_scope(crl, q->cert);
    if (crl->unusable != NULL || out_of_scope != NULL) {
        useless(q, crl, crl->unusable != NULL ? crl->unusable : out_of_scope);
        return;
    }
    if (!is_fresh(q, crl, &crl->fresh) || !is_newer(answer, crl->this_update))
        return;
    if (q->issuer->has_key_usage && (q->issuer->key_usage & CG_KU_CRL_SIGN) == 0) {
        useless(q, crl, "its issuer's key usage lacks cRLSign");
        return;
    }
    if (!is_signed(q, crl, q->issuer))
        return;
    *answer = (struct answer) { crl, CG_REVOCATION_GOOD, crl->this_update, crl->fresh, 0, -1 };
    entry = cg_crl_find(crl, q->cert->serial);
    if (entry == NULL)
        return;
    answer->status = CG_REVOCATION_REVOKED;
    cg_crl_entry_read(crl, entry, &answer->revoked_at, &answer->reason);
}

/* The certID is this certificate's (RFC 6960 section 4.1.1). */
static bool
is_about(const struct question *q, const struct cg_ocsp_answer *answer)
{
    uint8_t digest[CG_MAX_DIGEST];
    size_t len;

    if (!cg_span_equal(answer->serial, q->cert->serial))
        return false;
    len = cg_digest_by_oid(q->engine, answer->hash, q->cert->issuer, digest);
    if (len == 0 || !cg_span_equal(answer->issuer_name, cg_span(digest, len))) {
        len = cg_digest_by_oid(q->engine, answer->hash, q->issuer->subject, digest);
        if (len == 0 || !cg_span_equal(answer->issuer_name, cg_span(digest, len)))
            return false;
    }
    len = cg_digest_by_oid(q->engine, answer->hash, q->issuer->key_bits_data, digest);
    return len != 0 && cg_span_equal(answer->issuer_key, cg_span(digest, len));
}

/* The responderID is this certificate's: its name, or the SHA-1 of its key bits. */
static bool
is_responder(const struct cg_engine *engine, const struct cg_ocsp *ocsp,
        const struct cg_cert *cert)
{
    static const uint8_t sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
    uint8_t digest[CG_MAX_DIGEST];
    size_t len;

    if (ocsp->responder.data != NULL || ocsp->responder_key.len == 0)
        return cg_canonical_name_equal(&ocsp->responder, &cert->canonical_subject);
    len = cg_digest_by_oid(engine, cg_span(sha1, sizeof(sha1)), cert->key_bits_data, digest);
    return cg_span_equal(ocsp->responder_key, cg_span(digest, len));
}

/* Why the certificate does not make its key one that answers for the issuer (section 4.2.2.2); NULL: it does. */
static const char *
delegate_fault(struct question *q, const struct cg_cert *cert)
{
    struct cg_path_fault critical;
    bool fresh = false;

    if (!cg_canonical_name_equal(&cert->canonical_issuer, &q->issuer->canonical_subject))
        return "its responder's certificate is of another issuer";
    if (!cert->has_eku || (cert->eku & CG_EKU_OCSP_SIGNING) == 0)
        return "its responder's certificate is not for OCSPSigning";
    if (cert->has_key_usage &&
            (cert->key_usage & (CG_KU_DIGITAL_SIGNATURE | CG_KU_NON_REPUDIATION)) == 0)
        return "its responder's key usage allows no signature";
    if (cert->defects != 0)
        return "its responder's certificate is malformed";
    cg_path_find_unknown_critical(&cert, 1, true, &critical);
    if (critical.reason != CG_REASON_NONE)
        return "its responder's certificate has an unknown critical extension";
    cg_window_stay(&q->same, q->now, cert->not_before, cert->not_after);
    if (q->now < cert->not_before || q->now > cert->not_after)
        return "its responder's certificate is out of date";
    switch (cg_signature_verify(q->engine, cert, q->issuer, false, &fresh)) {
    case CG_SIGNATURE_VALID:
        q->signatures += fresh ? 1 : 0;
        return NULL;
    case CG_SIGNATURE_FAILED:
        q->failed = true;
        break;
    default:
        break;
    }
    q->tried++;
    return "its responder's certificate is not signed by the issuer of the path";
}

/* The issuer itself, or whom it sent. What the delegate's certificate ends with narrows the answer. */
static bool
is_authorised(struct question *q, const struct cg_evidence *evidence, struct cg_window *fresh)
{
    const struct cg_ocsp *ocsp = &evidence->ocsp;
    const char *why = "it is by a responder that nobody of the path appointed";

    if (is_responder(q->engine, ocsp, q->issuer))
        return is_signed(q, evidence, q->issuer);
    for (size_t i = 0; i < ocsp->cert_count && q->tried < CG_MAX_EVIDENCE_TRIED; i++) {
        if (!is_responder(q->engine, ocsp, ocsp->certs[i]))
            continue;
        why = delegate_fault(q, ocsp->certs[i]);
        if (why == NULL) {
            cg_window_narrow(fresh, ocsp->certs[i]->not_before, ocsp->certs[i]->not_after);
            return is_signed(q, evidence, ocsp->certs[i]);
        }
    }
    useless(q, evidence, why);
    return false;
}

static void
ask_ocsp(struct question *q, const struct cg_evidence *evidence, struct answer *answer)
{
    const struct cg_ocsp *ocsp = &evidence->ocsp;

    for (size_t i = 0; i < ocsp->answer_count; i++) {
        const struct cg_ocsp_answer *said = &ocsp->answers[i];
        struct cg_window fresh = said->fresh;

        if (!is_about(q, said))
            continue;
        if (evidence->unusable != NULL || said->critical_unknown)
            useless(q, evidence,
                    evidence->unusable != NULL
                            ? evidence->unusable
                            : "it has a critical extension that is not processed");
        else if (is_fresh(q, evidence, &fresh) && is_newer(answer, said->this_update) &&
                is_authorised(q, evidence, &fresh))
            *answer = (struct answer) { evidence, said->status, said->this_update, fresh,
                said->revoked_at, said->reason };
    }
}

/* What the peer brought along speaks for its own certificate, like any other response. */
static void
ask_staple(struct question *q, const struct cg_evidence *staple, struct answer *answer)
{
    if (staple == NULL)
        return;
    if (staple->unusable != NULL && staple->ocsp.answer_count == 0)
        useless(q, staple, staple->unusable);
    ask_ocsp(q, staple, answer);
}

static void
ask_all(struct question *q, const struct cg_revocation *known, const struct cg_evidence *staple,
        struct answer *crl, struct answer *ocsp)
{
    ask_staple(q, staple, ocsp);
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        if (known->items[i]->kind == CG_EVIDENCE_CRL)
            ask_crl(q, known->items[i], crl);
        else
            ask_ocsp(q, known->items[i], ocsp);
    }
}

/* Revoked by either is revoked; of two good ones, that which lasts longer. */
static const struct answer *
choose(const struct answer *crl, const struct answer *ocsp)
{
    if (crl->status == CG_REVOCATION_REVOKED)
        return crl;
    if (ocsp->status == CG_REVOCATION_REVOKED || crl->status != CG_REVOCATION_GOOD)
        return ocsp;
    return ocsp->status == CG_REVOCATION_GOOD && ocsp->fresh.until > crl->fresh.until ? ocsp : crl;
}

static void
tell_revoked(struct cg_revocation_result *result, const struct answer *answer)
{
    const char *why = answer->reason < 0 ? NULL : reasons[answer->reason];
    struct stamp when, issued;

    text(result->found, "revoked %s (%s), says the %s of %s from %.200s",
            stamp(&when, answer->revoked_at), why == NULL ? "no reason given" : why,
            kind_of(answer->by), stamp(&issued, answer->this_update), answer->by->source);
}

static void
tell_unknown(
        struct cg_revocation_result *result, const struct question *q, const struct answer *answer)
{
    char *urls[1] = { NULL };
    size_t named;

    if (answer->by != NULL) {
        text(result->found,
                "OCSP response from %.200s: the responder does not know the certificate",
                answer->by->source);
        return;
    }
    if (q->why[0] != '\0') {
        text(result->found, "%s", q->why);
        return;
    }
    named = cg_cert_crl_urls(q->cert, urls, 1);
    if (named == 0)
        named = cg_cert_ocsp_urls(q->cert, urls, 1);
    if (named != 0)
        text(result->found, "nothing is known yet; it can be asked for at %.300s", urls[0]);
    else
        text(result->found, "nothing is known, and the certificate names no CRL and no responder");
    free(urls[0]);
}

/* By the answer that ends first. */
static void
tell_good(struct cg_revocation_result *result, const struct answer *answer, size_t count)
{
    struct stamp until;

    text(result->found, "%zu certificate%s not revoked, says the %s from %.200s until %s", count,
            count == 1 ? "" : "s", kind_of(answer->by), answer->by->source,
            stamp(&until, answer->fresh.until));
}

/* Worse beats better, and the first of a kind is told. */
static bool
is_worse(const struct cg_revocation_result *result, enum cg_revocation_status status)
{
    if (result->status == CG_REVOCATION_REVOKED)
        return false;
    return status == CG_REVOCATION_REVOKED || result->status == CG_REVOCATION_NOT_ASKED ||
            (status == CG_REVOCATION_UNKNOWN && result->status == CG_REVOCATION_GOOD);
}

static enum cg_status
judge_cert(struct question *q, const struct cg_revocation *known, const struct cg_evidence *staple,
        size_t place, struct cg_revocation_result *result, struct answer *first_to_end)
{
    struct answer crl = { 0 }, ocsp = { 0 };
    const struct answer *answer;
    enum cg_revocation_status status;

    ask_all(q, known, staple, &crl, &ocsp);
    if (q->failed)
        return CG_E_CRYPTO;
    answer = choose(&crl, &ocsp);
    status = answer->by == NULL ? CG_REVOCATION_UNKNOWN : answer->status;
    result->certs[place] = (uint8_t)status;
    result->signatures += q->signatures;
    cg_window_narrow(&result->same, q->same.from, q->same.until);
    if (status == CG_REVOCATION_UNKNOWN)
        cg_window_narrow(&result->good, q->same.from, q->same.until);
    else
        cg_window_narrow(&result->good, answer->fresh.from, answer->fresh.until);
    if (status == CG_REVOCATION_GOOD &&
            (first_to_end->by == NULL || answer->fresh.until < first_to_end->fresh.until))
        *first_to_end = *answer;
    if (!is_worse(result, status))
        return CG_OK;
    result->status = status;
    result->concerns = q->cert;
    if (status == CG_REVOCATION_REVOKED)
        tell_revoked(result, answer);
    else if (status == CG_REVOCATION_UNKNOWN)
        tell_unknown(result, q, answer);
    return CG_OK;
}

/* A stapled response that does not parse is none, and the note says so. */
static enum cg_status
read_staple(const struct cg_peer *peer, struct cg_evidence **out,
        struct cg_revocation_result *result, struct cg_error *err)
{
    struct cg_error why = { "" };
    enum cg_status status;

    *out = NULL;
    if (peer->staple == NULL)
        return CG_OK;
    status = cg_evidence_from_der(
            CG_EVIDENCE_OCSP, peer->staple, peer->staple_len, "the handshake", out, &why);
    if (status == CG_E_PARSE || status == CG_E_LIMIT) {
        text(result->note, "the response in the handshake is of no use: %.300s", why.text);
        return CG_OK;
    }
    if (status != CG_OK)
        return cg_fail(err, status, "%s", why.text);
    (*out)->body.remember = false;
    return CG_OK;
}

enum cg_status
cg_revocation_judge(struct cg_engine *engine, const struct cg_path_result *path,
        const struct cg_peer *peer, struct cg_revocation_result *result, struct cg_error *err)
{
    struct cg_evidence *staple = NULL;
    struct answer first_to_end = { 0 };
    enum cg_status status;

    *result = (struct cg_revocation_result) { .good = CG_WINDOW_ALWAYS, .same = CG_WINDOW_ALWAYS };
    if (!path->valid) {
        result->status = CG_REVOCATION_UNKNOWN;
        text(result->found, "no path to a trusted root: there is nobody whose word counts");
        return CG_OK;
    }
    status = read_staple(peer, &staple, result, err);
    for (size_t i = 0; status == CG_OK && i + 1 < path->count; i++) {
        struct question q = { .engine = engine,
            .cert = path->certs[i],
            .issuer = path->certs[i + 1],
            .now = peer->now,
            .same = CG_WINDOW_ALWAYS };

        status = judge_cert(&q, peer->revocation, i == 0 ? staple : NULL, i, result, &first_to_end);
        if (status != CG_OK)
            status = cg_fail(
                    err, status, "revocation data could not be verified: the library failed");
    }
    if (status == CG_OK && result->status == CG_REVOCATION_GOOD)
        tell_good(result, &first_to_end, path->count - 1);
    cg_evidence_free(staple);
    return status;
}
