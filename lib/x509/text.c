/* Facts as text for people and as JSON for machines. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/reader.h"
#include "x509/facts.h"
#include "x509/oid.h"

#define MAX_TEXT (1024 * 1024)

static const char *const key_usage_names[] = {
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
};

void
cg_key_text(struct cg_buf *buf, const struct cg_cert *cert)
{
    switch (cert->key_type) {
    case CG_KEY_UNKNOWN:
        cg_oid_text(buf, cert->key_oid);
        break;
    case CG_KEY_EC:
        cg_buf_add(buf, "EC ");
        if (cert->key_curve.len == 0)
            cg_buf_add(buf, "without a named curve");
        else
            cg_oid_text(buf, cert->key_curve);
        break;
    case CG_KEY_ED25519:
    case CG_KEY_ED448:
        cg_oid_text(buf, cert->key_oid);
        break;
    case CG_KEY_RSA:
        cg_buf_addf(buf, "RSA %u bits", cert->key_bits);
        break;
    case CG_KEY_RSA_PSS:
        cg_buf_addf(buf, "RSASSA-PSS %u bits", cert->key_bits);
        break;
    case CG_KEY_DSA:
        cg_buf_addf(buf, "DSA %u bits", cert->key_bits);
        break;
    }
}

static void
ip_text(struct cg_buf *buf, struct cg_span ip)
{
    if (ip.len == 4) {
        cg_buf_addf(buf, "%u.%u.%u.%u", ip.data[0], ip.data[1], ip.data[2], ip.data[3]);
    } else if (ip.len == 16) {
        for (size_t i = 0; i < 16; i += 2)
            cg_buf_addf(buf, "%s%x", i == 0 ? "" : ":", ip.data[i] << 8 | ip.data[i + 1]);
    } else {
        cg_buf_add_hex(buf, ip, false);
    }
}

void
cg_general_name_text(struct cg_buf *buf, const struct cg_general_name *name)
{
    static const char *const labels[] = {
        [CG_NAME_OTHER] = "otherName",
        [CG_NAME_EMAIL] = "email",
        [CG_NAME_DNS] = "DNS",
        [CG_NAME_X400] = "x400Address",
        [CG_NAME_DIRECTORY] = "dirName",
        [CG_NAME_EDI] = "ediPartyName",
        [CG_NAME_URI] = "URI",
        [CG_NAME_IP] = "IP",
        [CG_NAME_REGISTERED_ID] = "registeredID",
    };

    cg_buf_addf(buf, "%s:", labels[name->type]);
    switch (name->type) {
    case CG_NAME_EMAIL:
    case CG_NAME_DNS:
    case CG_NAME_URI:
        cg_buf_add_escaped(buf, name->value);
        break;
    case CG_NAME_IP:
        ip_text(buf, name->value);
        break;
    case CG_NAME_DIRECTORY:
        cg_name_text(buf, name->value);
        break;
    case CG_NAME_REGISTERED_ID:
        cg_oid_text(buf, name->value);
        break;
    default:
        cg_buf_addf(buf, "%zu bytes", name->value.len);
        break;
    }
}

/* Calls `item` for each key usage, purpose or SAN; the three lists are rendered in two ways each. */
struct list {
    struct cg_buf *buf;
    bool json;
    size_t count;
};

static void
list_item(struct list *list, const char *text)
{
    if (list->count++ != 0)
        cg_buf_add(list->buf, list->json ? "," : ", ");
    if (list->json)
        cg_buf_add_json(list->buf, text);
    else
        cg_buf_add(list->buf, text);
}

static void
list_key_usage(struct list *list, const struct cg_cert *cert)
{
    for (size_t i = 0; i < sizeof(key_usage_names) / sizeof(key_usage_names[0]); i++)
        if ((cert->key_usage & (1u << i)) != 0)
            list_item(list, key_usage_names[i]);
}

static void
list_ext_key_usage(struct list *list, const struct cg_cert *cert)
{
    struct cg_reader reader = cg_reader(cert->eku_value);
    struct cg_span oid;
    struct cg_buf text;

    while (cg_der_oid(&reader, &oid)) {
        cg_buf_init(&text, MAX_TEXT);
        cg_oid_text(&text, oid);
        list_item(list, cg_buf_text(&text));
        cg_buf_release(&text);
    }
}

static void
list_san(struct list *list, const struct cg_cert *cert)
{
    struct cg_buf text;

    for (size_t i = 0; i < cert->san_count; i++) {
        cg_buf_init(&text, MAX_TEXT);
        cg_general_name_text(&text, &cert->san[i]);
        list_item(list, cg_buf_text(&text));
        cg_buf_release(&text);
    }
}

static void
add_signature_name(struct cg_buf *buf, const struct cg_cert *cert)
{
    struct cg_reader reader = cg_reader(cert->signature_algorithm), inside;
    struct cg_span oid;

    if (cg_der_enter(&reader, CG_DER_SEQUENCE, &inside) && cg_der_oid(&inside, &oid))
        cg_oid_text(buf, oid);
}

static void
add_field(struct cg_buf *buf, const struct cg_cert *cert, enum cg_cert_field field)
{
    struct list list = { .buf = buf, .json = false };

    switch (field) {
    case CG_FIELD_SUBJECT:
        cg_name_text(buf, cert->subject);
        break;
    case CG_FIELD_ISSUER:
        cg_name_text(buf, cert->issuer);
        break;
    case CG_FIELD_SERIAL:
        cg_buf_add_hex(buf, cert->serial, true);
        break;
    case CG_FIELD_SHA256:
        cg_buf_add_hex(buf, cg_span(cert->sha256, CG_SHA256_SIZE), false);
        break;
    case CG_FIELD_NOT_BEFORE:
        cg_buf_add_time(buf, cert->not_before);
        break;
    case CG_FIELD_NOT_AFTER:
        cg_buf_add_time(buf, cert->not_after);
        break;
    case CG_FIELD_KEY:
        cg_key_text(buf, cert);
        break;
    case CG_FIELD_SIGNATURE:
        add_signature_name(buf, cert);
        break;
    case CG_FIELD_KEY_USAGE:
        list_key_usage(&list, cert);
        break;
    case CG_FIELD_EXT_KEY_USAGE:
        list_ext_key_usage(&list, cert);
        break;
    case CG_FIELD_SAN:
        list_san(&list, cert);
        break;
    case CG_FIELD_KIND:
        if (cg_cert_is_ca(cert))
            cg_buf_add(buf, cg_cert_is_self_issued(cert) ? "root" : "intermediate");
        else
            cg_buf_add(buf, cg_cert_is_self_issued(cert) ? "self-signed end entity" : "end entity");
        break;
    }
}

char *
cg_cert_text(const struct cg_cert *cert, enum cg_cert_field field)
{
    struct cg_buf buf;

    cg_buf_init(&buf, MAX_TEXT);
    add_field(&buf, cert, field);
    return cg_buf_take(&buf);
}

static void
json_field(struct cg_buf *buf, const char *name, const struct cg_cert *cert, enum cg_cert_field field)
{
    struct cg_buf text;

    cg_buf_init(&text, MAX_TEXT);
    add_field(&text, cert, field);
    cg_buf_addf(buf, "\"%s\":", name);
    cg_buf_add_json(buf, cg_buf_text(&text));
    buf->failed = buf->failed || text.failed;
    cg_buf_release(&text);
}

static void
json_list(struct cg_buf *buf, const char *name, bool present, const struct cg_cert *cert,
        void (*fill)(struct list *list, const struct cg_cert *cert))
{
    struct list list = { .buf = buf, .json = true };

    cg_buf_addf(buf, ",\"%s\":", name);
    if (!present) {
        cg_buf_add(buf, "null");
        return;
    }
    cg_buf_add(buf, "[");
    fill(&list, cert);
    cg_buf_add(buf, "]");
}

static void
json_defects(struct cg_buf *buf, const struct cg_cert *cert)
{
    struct list list = { .buf = buf, .json = true };

    cg_buf_add(buf, ",\"defects\":[");
    for (int d = 0; d < CG_DEFECT_COUNT; d++)
        if (cg_cert_has_defect(cert, (enum cg_defect)d))
            list_item(&list, cg_defect_text((enum cg_defect)d));
    cg_buf_add(buf, "]");
}

char *
cg_cert_json(const struct cg_cert *cert)
{
    static const struct {
        const char *name;
        enum cg_cert_field field;
    } fields[] = {
        { "subject", CG_FIELD_SUBJECT },
        { "issuer", CG_FIELD_ISSUER },
        { "serial", CG_FIELD_SERIAL },
        { "sha256", CG_FIELD_SHA256 },
        { "not_before", CG_FIELD_NOT_BEFORE },
        { "not_after", CG_FIELD_NOT_AFTER },
        { "kind", CG_FIELD_KIND },
        { "key", CG_FIELD_KEY },
        { "signature", CG_FIELD_SIGNATURE },
    };
    struct cg_buf buf;

    cg_buf_init(&buf, MAX_TEXT);
    cg_buf_add(&buf, "{");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (i != 0)
            cg_buf_add(&buf, ",");
        json_field(&buf, fields[i].name, cert, fields[i].field);
    }
    cg_buf_addf(&buf, ",\"version\":%d,\"key_bits\":%u", cert->version, cert->key_bits);
    json_list(&buf, "key_usage", cert->has_key_usage, cert, list_key_usage);
    json_list(&buf, "extended_key_usage", cert->has_eku, cert, list_ext_key_usage);
    json_list(&buf, "san", cert->has_san, cert, list_san);
    json_defects(&buf, cert);
    cg_buf_add(&buf, "}");
    return cg_buf_take(&buf);
}
