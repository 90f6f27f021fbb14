/* A CRL: RFC 5280 section 5.1, top to bottom. */
#include <stdlib.h>

#include "base/error.h"
#include "base/reader.h"
#include "revocation/evidence.h"
#include "x509/oid.h"

/* Sections 5.2 and 5.3, id-ce arcs. */
#define OID_CRL_NUMBER "\x55\x1d\x14"
#define OID_REASON_CODE "\x55\x1d\x15"
#define OID_INVALIDITY_DATE "\x55\x1d\x18"
#define OID_DELTA_INDICATOR "\x55\x1d\x1b"
#define OID_ISSUING_POINT "\x55\x1d\x1c"
#define OID_CERTIFICATE_ISSUER "\x55\x1d\x1d"

/* The first reason stays: it is the one that comes first in the CRL. */
static void
unusable(struct cg_evidence *evidence, const char *why)
{
    if (evidence->unusable == NULL)
        evidence->unusable = why;
}

/* A BOOLEAN under an implicit tag; the default FALSE is not written in DER, and says nothing if it is. */
static bool
read_flag(struct cg_reader *reader, uint8_t number, bool *out)
{
    struct cg_span contents;

    *out = false;
    if (!cg_der_next_is(reader, CG_DER_CONTEXT | number))
        return true;
    if (!cg_der_element(reader, CG_DER_CONTEXT | number, &contents) || contents.len != 1)
        return false;
    *out = contents.data[0] != 0;
    return true;
}

/* Section 5.2.5. What narrows a CRL to a part that we do not judge makes it unusable. */
static bool
read_issuing_point(struct cg_evidence *evidence, struct cg_span value)
{
    struct cg_reader reader = cg_reader(value), inside, point;
    bool indirect, attributes;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_reader_done(&reader))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0)) {
        if (!cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0, &point))
            return false;
        if (!cg_der_next_is(&point, CG_DER_CONTEXT_CONSTRUCTED | 0))
            unusable(evidence, "its distribution point is named relative to its issuer");
        else if (!cg_der_element(&point, CG_DER_CONTEXT_CONSTRUCTED | 0, &evidence->crl.point) ||
                !cg_reader_done(&point) || evidence->crl.point.len == 0)
            return false;
    }
    if (!read_flag(&inside, 1, &evidence->crl.only_user) ||
            !read_flag(&inside, 2, &evidence->crl.only_ca))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT | 3)) {
        if (!cg_der_element(&inside, CG_DER_CONTEXT | 3, NULL))
            return false;
        unusable(evidence, "it lists some reasons for revocation only");
    }
    if (!read_flag(&inside, 4, &indirect) || !read_flag(&inside, 5, &attributes))
        return false;
    if (indirect)
        unusable(evidence, "it is an indirect CRL");
    if (attributes)
        unusable(evidence, "it is for attribute certificates only");
    return cg_reader_done(&inside);
}

static bool
take_extension(void *context, const struct cg_extension *extension)
{
    struct cg_evidence *evidence = context;

    if (CG_SPAN_IS(extension->oid, OID_DELTA_INDICATOR)) {
        unusable(evidence, "it is a delta CRL");
        return true;
    }
    if (CG_SPAN_IS(extension->oid, OID_ISSUING_POINT)) {
        if (!read_issuing_point(evidence, extension->value))
            unusable(evidence, "its issuingDistributionPoint does not parse");
        return true;
    }
    return CG_SPAN_IS(extension->oid, OID_CRL_NUMBER) || extension->id == CG_EXT_AUTHORITY_KEY_ID;
}

/* What an entry's extensions say. */
struct entry_words {
    int reason;
    bool other_issuer;
};

static bool
take_entry_extension(void *context, const struct cg_extension *extension)
{
    struct cg_reader reader = cg_reader(extension->value);
    struct entry_words *words = context;
    uint32_t reason;

    if (CG_SPAN_IS(extension->oid, OID_REASON_CODE)) {
        if (cg_der_small_uint(&reader, CG_DER_ENUMERATED, &reason) && reason <= 10)
            words->reason = (int)reason;
        return true;
    }
    if (CG_SPAN_IS(extension->oid, OID_CERTIFICATE_ISSUER))
        words->other_issuer = true;
    return CG_SPAN_IS(extension->oid, OID_INVALIDITY_DATE);
}

static bool
read_rest(struct cg_reader *rest, int64_t *when, struct entry_words *words, bool *unknown)
{
    *words = (struct entry_words) { .reason = -1 };
    return cg_der_time(rest, when) &&
            (cg_reader_done(rest) ||
                    (cg_evidence_extensions(rest, take_entry_extension, words, unknown) &&
                            cg_reader_done(rest)));
}

/* Section 5.3: a critical extension of an entry that is not processed makes the whole CRL unusable. */
static bool
read_entry(struct cg_evidence *evidence, struct cg_reader *list, struct cg_crl_entry *out)
{
    struct entry_words words;
    struct cg_reader inside;
    struct cg_span serial;
    bool unknown = false;
    int64_t when;

    if (!cg_der_enter(list, CG_DER_SEQUENCE, &inside) || !cg_der_integer(&inside, &serial) ||
            serial.len > CG_MAX_CRL_ENTRY_BYTES || cg_reader_left(&inside) > CG_MAX_CRL_ENTRY_BYTES)
        return false;
    *out = (struct cg_crl_entry) { (uint32_t)(serial.data - evidence->der), (uint16_t)serial.len,
        (uint16_t)cg_reader_left(&inside) };
    if (!read_rest(&inside, &when, &words, &unknown))
        return false;
    if (words.other_issuer)
        unusable(evidence, "it is an indirect CRL");
    else if (unknown)
        unusable(evidence, "an entry has a critical extension that is not processed");
    return true;
}

static struct cg_span
serial_of(const uint8_t *der, const struct cg_crl_entry *entry)
{
    return cg_span(der + entry->serial, entry->serial_len);
}

/* Any order that is total will do; shorter first saves most comparisons of bytes. */
static int
compare_serials(struct cg_span a, struct cg_span b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.data, b.data, a.len);
}

static int
compare_entries(const void *a, const void *b, void *der)
{
    return compare_serials(serial_of(der, a), serial_of(der, b));
}

/* Grows with the entries read, never with a number that was read. */
static enum cg_status
read_entries(struct cg_evidence *evidence, struct cg_reader list, struct cg_error *err)
{
    struct cg_crl *crl = &evidence->crl;
    struct cg_crl_entry *grown;
    size_t size = 0;

    while (!cg_reader_done(&list)) {
        if (crl->entry_count == CG_MAX_CRL_ENTRIES)
            return cg_fail(err, CG_E_LIMIT, "the CRL has more than %d entries", CG_MAX_CRL_ENTRIES);
        if (crl->entry_count == size) {
            size = size == 0 ? 64 : size * 2;
            grown = reallocarray(crl->entries, size, sizeof(*grown));
            if (grown == NULL)
                return cg_fail(err, CG_E_NOMEM, "no memory for a CRL");
            crl->entries = grown;
        }
        if (!read_entry(evidence, &list, &crl->entries[crl->entry_count]))
            return cg_fail(err, CG_E_PARSE,
                    "not a CRL: entry %zu does not parse (RFC 5280 section 5.1.2.6)",
                    crl->entry_count + 1);
        crl->entry_count++;
    }
    if (crl->entry_count != 0)
        qsort_r(crl->entries, crl->entry_count, sizeof(*crl->entries), compare_entries,
                evidence->der);
    return CG_OK;
}

static bool
read_dates(struct cg_evidence *evidence, struct cg_reader *tbs)
{
    bool dated;
    int64_t next;

    if (!cg_der_time(tbs, &evidence->this_update))
        return false;
    dated = cg_der_next_is(tbs, CG_DER_UTC_TIME) || cg_der_next_is(tbs, CG_DER_GENERALIZED_TIME);
    if (dated && !cg_der_time(tbs, &next))
        return false;
    evidence->fresh = cg_evidence_window(evidence->this_update, dated ? &next : NULL);
    return true;
}

/* version, signature, issuer, thisUpdate and nextUpdate (section 5.1.2). */
static bool
read_head(struct cg_evidence *evidence, struct cg_reader *tbs)
{
    struct cg_span inner;
    bool bad_string = false;
    uint32_t version = 0;
    uint8_t tag;

    if (cg_der_next_is(tbs, CG_DER_INTEGER) &&
            (!cg_der_small_uint(tbs, CG_DER_INTEGER, &version) || version != 1))
        return false;
    if (!cg_der_next_is(tbs, CG_DER_SEQUENCE) || !cg_der_any(tbs, &tag, NULL, &inner) ||
            !cg_der_next_is(tbs, CG_DER_SEQUENCE) ||
            !cg_der_any(tbs, &tag, NULL, &evidence->crl.issuer))
        return false;
    if (!cg_span_equal(inner, evidence->body.algorithm))
        unusable(evidence, "its inner and outer signature algorithms differ");
    return cg_canonical_name_build(
                   evidence->crl.issuer, &evidence->crl.canonical_issuer, &bad_string) &&
            read_dates(evidence, tbs);
}

static bool
read_extensions(struct cg_evidence *evidence, struct cg_reader *tbs)
{
    struct cg_reader outer;
    bool unknown = false;

    if (cg_reader_done(tbs))
        return true;
    if (!cg_der_enter(tbs, CG_DER_CONTEXT_CONSTRUCTED | 0, &outer) ||
            !cg_evidence_extensions(&outer, take_extension, evidence, &unknown) ||
            !cg_reader_done(&outer))
        return false;
    if (unknown)
        unusable(evidence, "it has a critical extension that is not processed, or one twice");
    return cg_reader_done(tbs);
}

enum cg_status
cg_crl_parse(struct cg_evidence *evidence, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(evidence->der, evidence->len)), outer, tbs;
    struct cg_reader entries = { 0 };
    unsigned unused;
    uint8_t tag;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &outer) || !cg_reader_done(&reader) ||
            !cg_der_next_is(&outer, CG_DER_SEQUENCE) ||
            !cg_der_any(&outer, &tag, NULL, &evidence->body.tbs) ||
            !cg_der_next_is(&outer, CG_DER_SEQUENCE) ||
            !cg_der_any(&outer, &tag, NULL, &evidence->body.algorithm) ||
            !cg_der_bit_string(&outer, CG_DER_BIT_STRING, &evidence->body.signature, &unused) ||
            !cg_reader_done(&outer))
        return cg_fail(err, CG_E_PARSE, "not a CRL (RFC 5280 section 5.1)");
    if (unused != 0)
        evidence->body.signature.len = 0;
    reader = cg_reader(evidence->body.tbs);
    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &tbs) || !read_head(evidence, &tbs))
        return cg_fail(err, CG_E_PARSE,
                "not a CRL: version, issuer or dates do not parse (RFC 5280 section 5.1.2)");
    if (cg_der_next_is(&tbs, CG_DER_SEQUENCE) && !cg_der_enter(&tbs, CG_DER_SEQUENCE, &entries))
        return cg_fail(err, CG_E_PARSE, "not a CRL: its entries do not parse");
    if (!read_extensions(evidence, &tbs))
        return cg_fail(
                err, CG_E_PARSE, "not a CRL: its extensions do not parse (RFC 5280 section 5.2)");
    return read_entries(evidence, entries, err);
}

const struct cg_crl_entry *
cg_crl_find(const struct cg_evidence *evidence, struct cg_span serial)
{
    size_t low = 0, high = evidence->crl.entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cg_crl_entry *entry = &evidence->crl.entries[middle];
        int order = compare_serials(serial_of(evidence->der, entry), serial);

        if (order == 0)
            return entry;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void
cg_crl_entry_read(const struct cg_evidence *evidence, const struct cg_crl_entry *entry,
        int64_t *when, int *reason)
{
    struct cg_reader rest =
            cg_reader(cg_span(evidence->der + entry->serial + entry->serial_len, entry->rest_len));
    struct entry_words words;
    bool unknown = false;

    *when = 0;
    (void)read_rest(&rest, when, &words, &unknown); /* it parsed once */
    *reason = words.reason;
}
