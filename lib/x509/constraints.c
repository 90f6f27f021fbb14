#include "x509/constraints.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/reader.h"
#include "x509/constraint_match.h"

/* Subtrees of one extension: the widest real ones have some hundreds. */
#define MAX_SUBTREES 2048

/* permittedSubtrees and excludedSubtrees as cursors over GeneralSubtree. */
struct subtrees {
    struct cg_reader permitted;
    struct cg_reader excluded;
};

/* One run of a certificate's names over the subtrees, which are read once. */
struct judging {
    struct cg_general_name bases[MAX_SUBTREES];
    size_t permitted; /* the first ones */
    size_t count;
    unsigned *budget;
    struct cg_constraint_fault *fault;
};

static bool
read_subtrees(struct cg_span value, struct subtrees *out)
{
    struct cg_reader reader = cg_reader(value), inside;

    *out = (struct subtrees) { 0 };
    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) || !cg_reader_done(&reader))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0) &&
            !cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0, &out->permitted))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 1) &&
            !cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 1, &out->excluded))
        return false;
    return cg_reader_done(&inside);
}

/* GeneralSubtree: minimum is 0 and maximum absent in this profile, anything else is refused. */
static bool
read_subtree(struct cg_reader *reader, struct cg_general_name *base)
{
    struct cg_reader inside;
    uint32_t minimum = 0;

    if (!cg_der_enter(reader, CG_DER_SEQUENCE, &inside) || !cg_general_name_read(&inside, base))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT | 0) &&
            !cg_der_small_uint(&inside, CG_DER_CONTEXT | 0, &minimum))
        return false;
    return minimum == 0 && cg_reader_done(&inside);
}

static bool
all_well_formed(struct cg_reader list, size_t *count)
{
    struct cg_general_name base;

    while (!cg_reader_done(&list)) {
        if (!read_subtree(&list, &base) || !cg_general_name_well_formed(&base) ||
                !cg_subtree_base_valid(&base))
            return false;
        ++*count;
    }
    return true;
}

bool
cg_constraints_well_formed(struct cg_span value)
{
    struct subtrees subtrees;
    size_t permitted = 0, excluded = 0;

    if (!read_subtrees(value, &subtrees) || !all_well_formed(subtrees.permitted, &permitted) ||
            !all_well_formed(subtrees.excluded, &excluded))
        return false;
    /* GeneralSubtrees has at least one entry, and one of the two fields is there. */
    return permitted + excluded != 0 && (permitted != 0) == (subtrees.permitted.at != NULL) &&
            (excluded != 0) == (subtrees.excluded.at != NULL);
}

static enum cg_constraint_result
violated(struct judging *judging, const struct cg_general_name *name,
        const struct cg_general_name *base, const char *rule)
{
    struct cg_buf text;

    cg_buf_init(&text, 4 * CG_MAX_CERT_BYTES);
    cg_general_name_text(&text, name);
    snprintf(judging->fault->found, sizeof(judging->fault->found), "%s", cg_buf_text(&text));
    cg_buf_release(&text);
    cg_buf_init(&text, 4 * CG_MAX_CERT_BYTES);
    if (base != NULL)
        cg_general_name_text(&text, base);
    snprintf(judging->fault->wanted, sizeof(judging->fault->wanted), "%s%s%s", rule,
            base == NULL ? "" : " ", cg_buf_text(&text));
    cg_buf_release(&text);
    return CG_CONSTRAINT_VIOLATED;
}

/* False when the budget does not have what comparing with this type costs. */
static bool
pay(struct judging *judging, enum cg_name_type type)
{
    unsigned cost = cg_subtree_cost(type);

    if (*judging->budget < cost)
        return false;
    *judging->budget -= cost;
    return true;
}

/*
 * Excluded subtrees: not even a part of what the name stands for may be inside. Permitted subtrees: all
 * of it is inside one of those of its type, if there are any.
 */
static enum cg_constraint_result
judge_name(struct judging *judging, const struct cg_general_name *name)
{
    const struct cg_general_name *base, *outside = NULL;
    enum cg_subtree_relation relation;
    bool inside = false;

    if (!cg_subtree_name_valid(name))
        return violated(judging, name, NULL, "a valid name, since names are constrained");
    for (size_t i = 0; i < judging->count; i++) {
        base = &judging->bases[i];
        if (base->type != name->type || (i < judging->permitted && inside))
            continue;
        if (!pay(judging, base->type))
            return CG_CONSTRAINT_LIMIT;
        if (cg_subtree_cost(base->type) == 0)
            return violated(
                    judging, name, NULL, "no name of this type, its constraint is not processed");
        relation = cg_subtree_relate(base, name);
        if (i >= judging->permitted && relation != CG_SUBTREE_OUTSIDE)
            return violated(judging, name, base, "a name outside the excluded");
        if (i < judging->permitted) {
            inside = relation == CG_SUBTREE_INSIDE;
            outside = base;
        }
    }
    if (outside != NULL && !inside)
        return violated(judging, name, outside, "a name within the permitted");
    return CG_CONSTRAINT_OK;
}

/* Reads the subtrees into the run; false when there are more than are looked at. */
static bool
read_bases(struct judging *judging, struct cg_reader list)
{
    while (!cg_reader_done(&list)) {
        if (judging->count == MAX_SUBTREES || !read_subtree(&list, &judging->bases[judging->count]))
            return false;
        judging->count++;
    }
    return true;
}

static bool
is_constrained(const struct judging *judging, enum cg_name_type type)
{
    for (size_t i = 0; i < judging->count; i++)
        if (judging->bases[i].type == type)
            return true;
    return false;
}

/* A BMPString or UniversalString as the bytes it stands for; empty when they are not ASCII. */
static struct cg_span
narrow(uint8_t tag, struct cg_span text, uint8_t *out, size_t size)
{
    size_t width = tag == CG_DER_BMP_STRING ? 2 : tag == CG_DER_UNIVERSAL_STRING ? 4 : 1;
    size_t len = text.len / width;

    if (width == 1)
        return text;
    if (text.len % width != 0 || len > size)
        return cg_span(NULL, 0);
    for (size_t i = 0; i < text.len; i++) {
        if (i % width == width - 1)
            out[i / width] = text.data[i];
        else if (text.data[i] != 0)
            return cg_span(NULL, 0);
    }
    return cg_span(out, len);
}

/*
 * The attributes of the subject that stand for a name of another type: emailAddress for rfc822Name
 * (section 4.2.1.10), and for the received certificate CN for dNSName, since check sip-domain may take
 * it for a domain (RFC 5922 section 7.1) and old software for a host.
 */
static enum cg_constraint_result
judge_attributes(struct judging *judging, const struct cg_cert *cert, bool common_names)
{
    struct cg_reader reader = cg_reader(cert->subject), rdns, rdn, attribute;
    enum cg_constraint_result result = CG_CONSTRAINT_OK;
    struct cg_general_name name;
    struct cg_span oid, text;
    uint8_t narrowed[256];
    uint8_t tag;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return CG_CONSTRAINT_OK;
    while (result == CG_CONSTRAINT_OK && cg_der_enter(&rdns, CG_DER_SET, &rdn)) {
        while (result == CG_CONSTRAINT_OK && cg_der_enter(&rdn, CG_DER_SEQUENCE, &attribute)) {
            if (!cg_der_oid(&attribute, &oid) || !cg_der_any(&attribute, &tag, &text, NULL))
                continue;
            name.value = narrow(tag, text, narrowed, sizeof(narrowed));
            name.type = CG_NAME_EMAIL;
            if (CG_SPAN_IS(oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01") &&
                    is_constrained(judging, CG_NAME_EMAIL))
                result = judge_name(judging, &name);
            name.type = CG_NAME_DNS;
            if (common_names && CG_SPAN_IS(oid, "\x55\x04\x03") &&
                    cg_constraint_host_valid(name.value, 2))
                result = judge_name(judging, &name);
        }
    }
    return result;
}

/*
 * SmtpUTF8Mailbox, an otherName that constraints on rfc822Name hold for too (RFC 9598 section 6). One that
 * is not ASCII is no rfc822Name, and is refused where these are constrained.
 */
static bool
smtp_utf8_mailbox(const struct cg_general_name *name, struct cg_general_name *out)
{
    struct cg_reader reader = cg_reader(name->value), value;
    struct cg_span oid;

    out->type = CG_NAME_EMAIL;
    return name->type == CG_NAME_OTHER && cg_der_oid(&reader, &oid) &&
            CG_SPAN_IS(oid, "\x2b\x06\x01\x05\x05\x07\x08\x09") &&
            cg_der_enter(&reader, CG_DER_CONTEXT_CONSTRUCTED | 0, &value) &&
            cg_der_element(&value, CG_DER_UTF8_STRING, &out->value);
}

static enum cg_constraint_result
judge_san(struct judging *judging, const struct cg_general_name *name)
{
    enum cg_constraint_result result = judge_name(judging, name);
    struct cg_general_name mailbox;

    if (result == CG_CONSTRAINT_OK && smtp_utf8_mailbox(name, &mailbox) &&
            is_constrained(judging, CG_NAME_EMAIL))
        result = judge_name(judging, &mailbox);
    return result;
}

static bool
has_name_of(const struct cg_cert *cert, enum cg_name_type type)
{
    for (size_t i = 0; i < cert->san_count; i++)
        if (cert->san[i].type == type)
            return true;
    return false;
}

/* Everything that might be compared: the subject, each of its attributes, each SAN entry. */
static size_t
count_names(const struct cg_cert *cert)
{
    struct cg_reader reader = cg_reader(cert->subject), rdns, rdn;
    struct cg_span attribute;
    size_t count = 1 + cert->san_count;

    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return count;
    while (cg_der_enter(&rdns, CG_DER_SET, &rdn))
        while (cg_der_element(&rdn, CG_DER_SEQUENCE, &attribute))
            count++;
    return count;
}

enum cg_constraint_result
cg_constraints_check(struct cg_span value, const struct cg_cert *cert, bool end_entity,
        unsigned *budget, struct cg_constraint_fault *fault)
{
    struct judging judging;
    struct subtrees subtrees;
    struct cg_general_name subject = { CG_NAME_DIRECTORY, cert->subject };
    enum cg_constraint_result result = CG_CONSTRAINT_OK;

    judging.budget = budget;
    judging.fault = fault;
    judging.count = 0;
    if (!read_subtrees(value, &subtrees))
        return CG_CONSTRAINT_VIOLATED;
    if (cg_cert_has_defect(cert, CG_DEFECT_TOO_MANY_NAMES) ||
            !read_bases(&judging, subtrees.permitted))
        return CG_CONSTRAINT_LIMIT;
    judging.permitted = judging.count;
    if (!read_bases(&judging, subtrees.excluded))
        return CG_CONSTRAINT_LIMIT;
    if (judging.count > 1 && count_names(cert) > CG_MAX_CONSTRAINT_COMPARISONS / judging.count)
        return CG_CONSTRAINT_LIMIT;
    /* An empty subject is no directory name (section 4.1.2.6). */
    if (cert->canonical_subject.len != 0)
        result = judge_name(&judging, &subject);
    for (size_t i = 0; result == CG_CONSTRAINT_OK && i < cert->san_count; i++)
        result = judge_san(&judging, &cert->san[i]);
    if (result == CG_CONSTRAINT_OK)
        result = judge_attributes(&judging, cert, end_entity && !has_name_of(cert, CG_NAME_DNS));
    return result;
}
