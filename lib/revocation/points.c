/* Where a certificate says it can be asked about: RFC 5280 sections 4.2.1.13 and 4.2.2.1. */
#include <stdlib.h>
#include <strings.h>

#include "base/reader.h"
#include "revocation/evidence.h"

#define OID_AUTHORITY_INFO_ACCESS "\x2b\x06\x01\x05\x05\x07\x01\x01"
#define OID_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"

/*
 * The next distribution point: contents of its fullName, empty where it has none or its CRL is another
 * issuer's. False at the end and where the extension does not parse.
 */
static bool
next_point(struct cg_reader *list, struct cg_span *names)
{
    struct cg_reader inside, point;

    *names = cg_span(NULL, 0);
    if (cg_reader_done(list) || !cg_der_enter(list, CG_DER_SEQUENCE, &inside))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0)) {
        if (!cg_der_enter(&inside, CG_DER_CONTEXT_CONSTRUCTED | 0, &point))
            return false;
        if (cg_der_next_is(&point, CG_DER_CONTEXT_CONSTRUCTED | 0) &&
                !cg_der_element(&point, CG_DER_CONTEXT_CONSTRUCTED | 0, names))
            return false;
    }
    if (cg_der_next_is(&inside, CG_DER_CONTEXT | 1) &&
            !cg_der_element(&inside, CG_DER_CONTEXT | 1, NULL))
        return false;
    if (cg_der_next_is(&inside, CG_DER_CONTEXT_CONSTRUCTED | 2))
        *names = cg_span(NULL, 0);
    return true;
}

static bool
points_of(const struct cg_cert *cert, struct cg_reader *list)
{
    const struct cg_extension *extension = cg_cert_extension(cert, CG_EXT_CRL_DISTRIBUTION_POINTS);
    struct cg_reader reader;

    if (extension == NULL)
        return false;
    reader = cg_reader(extension->value);
    return cg_der_enter(&reader, CG_DER_SEQUENCE, list) && cg_reader_done(&reader);
}

/* Names that stand in both lists of GeneralNames, to the letter. */
static bool
share_a_name(struct cg_span ours, struct cg_span theirs)
{
    struct cg_reader a = cg_reader(ours), b;
    struct cg_general_name mine, other;

    while (cg_general_name_read(&a, &mine))
        for (b = cg_reader(theirs); cg_general_name_read(&b, &other);)
            if (mine.type == other.type && cg_span_equal(mine.value, other.value))
                return true;
    return false;
}

const char *
cg_crl_out_of_scope(const struct cg_evidence *evidence, const struct cg_cert *cert)
{
    struct cg_span names;
    struct cg_reader list;
    unsigned count = 0;

    if (evidence->crl.only_user && cert->ca)
        return "it lists end entities only";
    if (evidence->crl.only_ca && !cert->ca)
        return "it lists CAs only";
    if (evidence->crl.point.len == 0)
        return NULL;
    if (points_of(cert, &list))
        while (count++ < CG_MAX_REVOCATION_POINTS && next_point(&list, &names))
            if (share_a_name(evidence->crl.point, names))
                return NULL;
    return "it is of a distribution point that the certificate does not name";
}

/* What may be fetched, and be shown and logged as it stands. */
static bool
is_url(struct cg_span name)
{
    if (name.len > CG_MAX_EVIDENCE_SOURCE - 1 || name.len < 8 ||
            (strncasecmp((const char *)name.data, "http://", 7) != 0 &&
                    strncasecmp((const char *)name.data, "https://", 8) != 0))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= 0x20 || name.data[i] >= 0x7f || name.data[i] == '"' ||
                name.data[i] == '\\')
            return false;
    return true;
}

static size_t
add_url(const struct cg_general_name *name, char **urls, size_t count, size_t max)
{
    char *copy;

    if (count == max || name->type != CG_NAME_URI || !is_url(name->value))
        return count;
    copy = strndup((const char *)name->value.data, name->value.len);
    if (copy != NULL)
        urls[count++] = copy;
    return count;
}

size_t
cg_cert_crl_urls(const struct cg_cert *cert, char **urls, size_t max)
{
    struct cg_general_name name;
    struct cg_reader list, inside;
    struct cg_span names;
    size_t count = 0;

    if (!points_of(cert, &list))
        return 0;
    for (unsigned i = 0; i < CG_MAX_REVOCATION_POINTS && next_point(&list, &names); i++)
        for (inside = cg_reader(names); cg_general_name_read(&inside, &name);)
            count = add_url(&name, urls, count, max);
    return count;
}

static bool
responders_of(const struct cg_cert *cert, struct cg_reader *list)
{
    for (size_t i = 0; i < cert->extension_count; i++) {
        struct cg_reader reader = cg_reader(cert->extensions[i].value);

        if (CG_SPAN_IS(cert->extensions[i].oid, OID_AUTHORITY_INFO_ACCESS))
            return cg_der_enter(&reader, CG_DER_SEQUENCE, list) && cg_reader_done(&reader);
    }
    return false;
}

size_t
cg_cert_ocsp_urls(const struct cg_cert *cert, char **urls, size_t max)
{
    struct cg_general_name name;
    struct cg_reader list, inside;
    struct cg_span method;
    size_t count = 0;

    if (!responders_of(cert, &list))
        return 0;
    for (unsigned i = 0; i < CG_MAX_REVOCATION_POINTS && !cg_reader_done(&list); i++) {
        if (!cg_der_enter(&list, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, &method) ||
                !cg_general_name_read(&inside, &name))
            break;
        if (CG_SPAN_IS(method, OID_OCSP))
            count = add_url(&name, urls, count, max);
    }
    return count;
}
