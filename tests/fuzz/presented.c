#include "presented.h"

#include <openssl/x509v3.h>

#include "base/reader.h"
#include "fuzz.h"

/* What fits a short-form length inside three headers. */
#define MAX_COMMON_NAME 110

static uint8_t *
copy(const uint8_t *data, size_t len)
{
    uint8_t *out = malloc(len);

    FUZZ_CHECK(out != NULL || len == 0, "no memory");
    if (len != 0)
        memcpy(out, data, len);
    return out;
}

/* SEQUENCE { SET { SEQUENCE { commonName, UTF8String } } } */
static void
set_common_name(struct presented *presented, const uint8_t *text, size_t len)
{
    uint8_t size = (uint8_t)(len < MAX_COMMON_NAME ? len : MAX_COMMON_NAME);
    uint8_t head[] = { CG_DER_SEQUENCE, (uint8_t)(size + 11), CG_DER_SET, (uint8_t)(size + 9),
        CG_DER_SEQUENCE, (uint8_t)(size + 7), CG_DER_OID, 3, 0x55, 0x04, 0x03, CG_DER_UTF8_STRING,
        size };

    free(presented->subject);
    presented->subject = malloc(sizeof(head) + size);
    FUZZ_CHECK(presented->subject != NULL, "no memory");
    memcpy(presented->subject, head, sizeof(head));
    memcpy(presented->subject + sizeof(head), text, size);
    presented->cert.subject = cg_span(presented->subject, sizeof(head) + size);
}

static void
add_line(struct presented *presented, const uint8_t *line, size_t len)
{
    struct cg_general_name *name = &presented->san[presented->cert.san_count];

    if (len == 0)
        return;
    if (line[0] == 'N') {
        set_common_name(presented, line + 1, len - 1);
        return;
    }
    if (presented->cert.san_count == MAX_PRESENTED)
        return;
    name->type = line[0] == 'D' ? CG_NAME_DNS
            : line[0] == 'U'    ? CG_NAME_URI
            : line[0] == 'I'    ? CG_NAME_IP
                                : CG_NAME_OTHER;
    name->value = cg_span(copy(line + 1, len - 1), len - 1);
    presented->cert.san_count++;
    presented->cert.has_san = true;
}

void
presented_read(struct presented *presented, const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;

    *presented = (struct presented) { .cert = { .version = 3 } };
    presented->cert.san = presented->san;
    for (bool first = true; first || data < end; first = false) {
        const uint8_t *stop = data == end ? NULL : memchr(data, '\n', (size_t)(end - data));
        size_t size = (size_t)((stop == NULL ? end : stop) - data);

        if (first) {
            presented->reference = strndup((const char *)data, size);
            FUZZ_CHECK(presented->reference != NULL, "no memory");
        } else {
            add_line(presented, data, size);
        }
        data = stop == NULL ? end : stop + 1;
    }
}

void
presented_release(struct presented *presented)
{
    for (size_t i = 0; i < presented->cert.san_count; i++)
        free((void *)(uintptr_t)presented->san[i].value.data);
    free(presented->subject);
    free(presented->reference);
}

X509 *
presented_x509(const struct presented *presented)
{
    X509 *cert = X509_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();

    FUZZ_CHECK(cert != NULL && names != NULL, "no memory");
    for (size_t i = 0; i < presented->cert.san_count; i++) {
        const struct cg_general_name *from = &presented->san[i];
        GENERAL_NAME *name;
        ASN1_STRING *value;

        if (from->type != CG_NAME_DNS && from->type != CG_NAME_IP)
            continue;
        name = GENERAL_NAME_new();
        value = ASN1_STRING_type_new(
                from->type == CG_NAME_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
        FUZZ_CHECK(name != NULL && value != NULL &&
                        ASN1_STRING_set(value, from->value.data, (int)from->value.len) == 1,
                "no memory");
        GENERAL_NAME_set0_value(name, from->type == CG_NAME_DNS ? GEN_DNS : GEN_IPADD, value);
        FUZZ_CHECK(sk_GENERAL_NAME_push(names, name) > 0, "no memory");
    }
    FUZZ_CHECK(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1,
            "no memory");
    GENERAL_NAMES_free(names);
    return cert;
}
