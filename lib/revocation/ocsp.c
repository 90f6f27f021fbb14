/* An OCSP response: RFC 6960 section 4.2.1, top to bottom. */
#include <stdlib.h>

#include "base/error.h"
#include "base/reader.h"
#include "revocation/evidence.h"

#define OID_BASIC "\x2b\x06\x01\x05\x05\x07\x30\x01\x01"

/* OCSPResponseStatus, by its number. */
static const char *const no_answer[] = {
    [1] = "the responder could not read the request (malformedRequest)",
    [2] = "the responder failed (internalError)",
    [3] = "the responder says to try later (tryLater)",
    [4] = "the responder is of no known state",
    [5] = "the responder wants signed requests (sigRequired)",
    [6] = "the responder does not answer us (unauthorized)",
};

/* No extension of a response or of an answer changes what it says; a critical one might. */
static bool
take_none(void *context, const struct cg_extension *extension)
{
    (void)context;
    (void)extension;
    return false;
}

static bool
read_extensions(struct cg_reader *reader, uint8_t number, bool *unknown)
{
    struct cg_reader outer;

    if (cg_reader_done(reader))
        return true;
    return cg_der_enter(reader, (uint8_t)(CG_DER_CONTEXT_CONSTRUCTED | number), &outer) &&
            cg_evidence_extensions(&outer, take_none, NULL, unknown) && cg_reader_done(&outer);
}

/* certID; the digest's parameters say nothing. */
static bool
read_id(struct cg_reader *reader, struct cg_ocsp_answer *out)
{
    struct cg_reader inside, algorithm;

    return cg_der_enter(reader, CG_DER_SEQUENCE, &inside) &&
            cg_der_enter(&inside, CG_DER_SEQUENCE, &algorithm) &&
            cg_der_oid(&algorithm, &out->hash) &&
            cg_der_element(&inside, CG_DER_OCTET_STRING, &out->issuer_name) &&
            cg_der_element(&inside, CG_DER_OCTET_STRING, &out->issuer_key) &&
            cg_der_integer(&inside, &out->serial) && cg_reader_done(&inside);
}

static bool
read_revoked(struct cg_reader inside, struct cg_ocsp_answer *out)
{
    struct cg_reader outer;
    uint32_t reason;

    out->status = CG_REVOCATION_REVOKED;
    if (!cg_der_time(&inside, &out->revoked_at))
        return false;
    if (cg_reader_done(&inside))
        return true;
    if (!cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0, &outer) ||
            !cg_der_small_uint(&outer, CG_DER_ENUMERATED, &reason) || !cg_reader_done(&outer))
        return false;
    out->reason = reason <= 10 ? (int)reason : -1;
    return cg_reader_done(&inside);
}

static bool
read_status(struct cg_reader *reader, struct cg_ocsp_answer *out)
{
    struct cg_reader inside;
    struct cg_span contents;

    out->reason = -1;
    if (cg_der_next_is(reader, CG_DER_CONTEXT | 0)) {
        out->status = CG_REVOCATION_GOOD;
        return cg_der_element(reader, CG_DER_CONTEXT | 0, &contents) && contents.len == 0;
    }
    if (cg_der_enter(reader, CG_DER_CONTEXT_CONSTRUCTED | 1, &inside))
        return read_revoked(inside, out);
    out->status = CG_REVOCATION_UNKNOWN;
    return cg_der_element(reader, CG_DER_CONTEXT | 2, &contents) && contents.len == 0;
}

static bool
read_answer(struct cg_reader *list, struct cg_ocsp_answer *out)
{
    struct cg_reader inside, outer;
    bool dated = false;
    int64_t next;

    *out = (struct cg_ocsp_answer) { 0 };
    if (!cg_der_enter(list, CG_DER_SEQUENCE, &inside) || !read_id(&inside, out) ||
            !read_status(&inside, out) || !cg_der_time(&inside, &out->this_update))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0)) {
        dated = true;
        if (!cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0, &outer) ||
                !cg_der_time(&outer, &next) || !cg_reader_done(&outer))
            return false;
    }
    out->fresh = cg_evidence_window(out->this_update, dated ? &next : NULL);
    return read_extensions(&inside, 1, &out->critical_unknown) && cg_reader_done(&inside);
}

static enum cg_status
read_answers(struct cg_evidence *evidence, struct cg_reader list, struct cg_error *err)
{
    struct cg_ocsp *ocsp = &evidence->ocsp;
    struct cg_ocsp_answer answer;
    struct cg_reader counting;
    size_t count = 0;

    for (counting = list; !cg_reader_done(&counting); count++) {
        if (count == CG_MAX_OCSP_ANSWERS)
            return cg_fail(err, CG_E_LIMIT, "the OCSP response has more than %d answers",
                    CG_MAX_OCSP_ANSWERS);
        if (!read_answer(&counting, &answer))
            return cg_fail(err, CG_E_PARSE,
                    "not an OCSP response: answer %zu does not parse (RFC 6960 section 4.2.1)",
                    count + 1);
    }
    if (count == 0) {
        evidence->unusable = "the response holds no answer";
        evidence->fresh = (struct cg_window) { 0, -1 };
        return CG_OK;
    }
    ocsp->answers = calloc(count, sizeof(*ocsp->answers));
    if (ocsp->answers == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for an OCSP response");
    evidence->fresh = CG_WINDOW_ALWAYS;
    while (ocsp->answer_count < count && read_answer(&list, &ocsp->answers[ocsp->answer_count])) {
        const struct cg_window *fresh = &ocsp->answers[ocsp->answer_count++].fresh;

        cg_window_narrow(&evidence->fresh, fresh->from, fresh->until);
    }
    return CG_OK;
}

static bool
read_responder(struct cg_ocsp *ocsp, struct cg_reader *data)
{
    struct cg_reader inside;
    struct cg_span name;
    bool bad_string = false;
    uint8_t tag;

    if (cg_der_enter(data, CG_DER_CONTEXT_CONSTRUCTED | 2, &inside))
        return cg_der_element(&inside, CG_DER_OCTET_STRING, &ocsp->responder_key) &&
                cg_reader_done(&inside);
    return cg_der_enter(data, CG_DER_CONTEXT_CONSTRUCTED | 1, &inside) &&
            cg_der_next_is(&inside, CG_DER_SEQUENCE) && cg_der_any(&inside, &tag, NULL, &name) &&
            cg_reader_done(&inside) && cg_canonical_name_build(name, &ocsp->responder, &bad_string);
}

/* What does not parse is left out: it can be nobody's certificate. */
static enum cg_status
read_certs(struct cg_ocsp *ocsp, struct cg_reader *basic, struct cg_error *err)
{
    struct cg_reader outer, list;
    struct cg_error unused;
    enum cg_status status;
    struct cg_span whole;
    uint8_t tag;

    if (cg_reader_done(basic))
        return CG_OK;
    if (!cg_der_enter(basic, CG_DER_CONTEXT_CONSTRUCTED | 0, &outer) ||
            !cg_der_enter(&outer, CG_DER_SEQUENCE, &list) || !cg_reader_done(&outer) ||
            !cg_reader_done(basic))
        return cg_fail(err, CG_E_PARSE, "not an OCSP response: its certificates do not parse");
    for (unsigned i = 0; !cg_reader_done(&list); i++) {
        if (i == CG_MAX_OCSP_CERTS)
            return cg_fail(err, CG_E_LIMIT, "the OCSP response has more than %d certificates",
                    CG_MAX_OCSP_CERTS);
        if (!cg_der_any(&list, &tag, NULL, &whole))
            return cg_fail(err, CG_E_PARSE, "not an OCSP response: its certificates do not parse");
        status = cg_cert_from_der(whole.data, whole.len, &ocsp->certs[ocsp->cert_count], &unused);
        if (status == CG_OK)
            ocsp->cert_count++;
        else if (status != CG_E_PARSE && status != CG_E_LIMIT)
            return cg_fail(err, status, "no memory for an OCSP response");
    }
    return CG_OK;
}

/* ResponseData: version 1 is the default and is not written. */
static enum cg_status
read_data(struct cg_evidence *evidence, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(evidence->body.tbs), data, list;
    enum cg_status status;
    int64_t produced;
    bool unknown = false;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &data) || !read_responder(&evidence->ocsp, &data) ||
            !cg_der_time(&data, &produced) || !cg_der_enter(&data, CG_DER_SEQUENCE, &list))
        return cg_fail(err, CG_E_PARSE,
                "not an OCSP response: version, responder or time do not parse (RFC 6960 section "
                "4.2.1)");
    status = read_answers(evidence, list, err);
    if (status != CG_OK)
        return status;
    if (!read_extensions(&data, 1, &unknown) || !cg_reader_done(&data))
        return cg_fail(err, CG_E_PARSE, "not an OCSP response: its extensions do not parse");
    if (unknown)
        evidence->unusable = "it has a critical extension that is not processed, or one twice";
    return CG_OK;
}

static enum cg_status
read_basic(struct cg_evidence *evidence, struct cg_span bytes, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(bytes), basic;
    enum cg_status status;
    unsigned unused;
    uint8_t tag;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &basic) || !cg_reader_done(&reader) ||
            !cg_der_next_is(&basic, CG_DER_SEQUENCE) ||
            !cg_der_any(&basic, &tag, NULL, &evidence->body.tbs) ||
            !cg_der_next_is(&basic, CG_DER_SEQUENCE) ||
            !cg_der_any(&basic, &tag, NULL, &evidence->body.algorithm) ||
            !cg_der_bit_string(&basic, CG_DER_BIT_STRING, &evidence->body.signature, &unused))
        return cg_fail(err, CG_E_PARSE, "not a basic OCSP response (RFC 6960 section 4.2.1)");
    if (unused != 0)
        evidence->body.signature.len = 0;
    status = read_certs(&evidence->ocsp, &basic, err);
    return status == CG_OK ? read_data(evidence, err) : status;
}

enum cg_status
cg_ocsp_parse(struct cg_evidence *evidence, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(evidence->der, evidence->len)), outer, wrapped;
    struct cg_reader bytes;
    struct cg_span oid, basic;
    uint32_t state;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &outer) || !cg_reader_done(&reader) ||
            !cg_der_small_uint(&outer, CG_DER_ENUMERATED, &state))
        return cg_fail(err, CG_E_PARSE, "not an OCSP response (RFC 6960 section 4.2.1)");
    if (state != 0) {
        evidence->unusable =
                no_answer[state < sizeof(no_answer) / sizeof(no_answer[0]) ? state : 4];
        evidence->fresh = (struct cg_window) { 0, -1 };
        return CG_OK;
    }
    if (!cg_der_enter(&outer, CG_DER_CONTEXT_CONSTRUCTED | 0, &wrapped) ||
            !cg_reader_done(&outer) || !cg_der_enter(&wrapped, CG_DER_SEQUENCE, &bytes) ||
            !cg_reader_done(&wrapped) || !cg_der_oid(&bytes, &oid) ||
            !cg_der_element(&bytes, CG_DER_OCTET_STRING, &basic) || !cg_reader_done(&bytes))
        return cg_fail(err, CG_E_PARSE, "not an OCSP response (RFC 6960 section 4.2.1)");
    if (!CG_SPAN_IS(oid, OID_BASIC)) {
        evidence->unusable = "it is no basic OCSP response";
        evidence->fresh = (struct cg_window) { 0, -1 };
        return CG_OK;
    }
    return read_basic(evidence, basic, err);
}
