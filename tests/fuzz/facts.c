/* One certificate's bytes: reading it, and everything that is said of it. */
#include <jansson.h>
#include <string.h>

#include "der_mutator.h"
#include "fuzz.h"
#include "x509/facts.h"

const size_t fuzz_prefix = 0;

/* Control characters are escaped wherever text of a certificate comes out. */
static void
check_text(char *text, const char *what)
{
    FUZZ_CHECK(text != NULL, "no memory for %s", what);
    for (const char *c = text; *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f, "%s holds 0x%02x", what,
                (unsigned char)*c);
    free(text);
}

static void
check_json(char *text)
{
    json_error_t where;
    json_t *object;

    FUZZ_CHECK(text != NULL, "no memory for JSON");
    object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    FUZZ_CHECK(json_is_object(object), "not JSON: %s: %s", where.text, text);
    json_decref(object);
    free(text);
}

static void
check_inside(const struct cg_cert *cert, struct cg_span span, const char *what)
{
    FUZZ_CHECK(span.len == 0 ||
                    (span.data >= cert->der && span.data + span.len <= cert->der + cert->der_len),
            "%s lies outside of the certificate", what);
}

static void
check_spans(const struct cg_cert *cert)
{
    check_inside(cert, cert->tbs, "tbsCertificate");
    check_inside(cert, cert->serial, "serialNumber");
    check_inside(cert, cert->subject, "subject");
    check_inside(cert, cert->issuer, "issuer");
    check_inside(cert, cert->spki, "subjectPublicKeyInfo");
    check_inside(cert, cert->signature, "signatureValue");
    check_inside(cert, cert->subject_key_id, "subjectKeyIdentifier");
    check_inside(cert, cert->authority_key_id, "authorityKeyIdentifier");
    for (size_t i = 0; i < cert->san_count; i++)
        check_inside(cert, cert->san[i].value, "subjectAltName");
    for (size_t i = 0; i < cert->extension_count; i++)
        check_inside(cert, cert->extensions[i].value, "extension");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cg_error err = { "" };
    struct cg_cert *cert = NULL;
    const uint8_t *der;
    size_t der_len;

    if (cg_cert_from_der(data, len, &cert, &err) != CG_OK) {
        FUZZ_CHECK(cert == NULL && err.text[0] != '\0', "refused without a reason");
        return 0;
    }
    der = cg_cert_get0_der(cert, &der_len);
    FUZZ_CHECK(der_len == len && memcmp(der, data, len) == 0, "other bytes");
    check_spans(cert);
    for (int field = CG_FIELD_SUBJECT; field <= CG_FIELD_KIND; field++)
        check_text(cg_cert_text(cert, (enum cg_cert_field)field), "a field");
    check_json(cg_cert_json(cert));
    cg_cert_free(cert);
    return 0;
}
