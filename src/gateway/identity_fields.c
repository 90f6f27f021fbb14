#include "gateway/identity_fields.h"

#include "gateway/limits.h"
#include "x509/facts.h"

/* ---- base64 (RFC 4648 section 4) --------------------------------------------------------------- */

static void
add_base64(struct cg_buf *buf, struct cg_span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t left = bytes.len - at;
        uint32_t three = (uint32_t)bytes.data[at] << 16 |
                (left > 1 ? (uint32_t)bytes.data[at + 1] << 8 : 0) |
                (left > 2 ? bytes.data[at + 2] : 0);
        char four[4] = {
            digits[three >> 18],
            digits[three >> 12 & 63],
            left > 1 ? digits[three >> 6 & 63] : '=',
            left > 2 ? digits[three & 63] : '=',
        };

        cg_buf_add_bytes(buf, four, sizeof(four));
    }
}

/* A structured field's byte sequence (RFC 8941 section 3.3.5). */
static void
add_byte_sequence(struct cg_buf *buf, struct cg_span bytes)
{
    cg_buf_add(buf, ":");
    add_base64(buf, bytes);
    cg_buf_add(buf, ":");
}

/* PEM with everything escaped that RFC 3986 does not let stand anywhere, as Envoy does. */
static void
add_escaped_pem(struct cg_buf *buf, struct cg_span der)
{
    struct cg_buf line;

    cg_buf_add(buf, "-----BEGIN%20CERTIFICATE-----%0A");
    for (size_t at = 0; at < der.len; at += 48) {
        cg_buf_init(&line, 64);
        add_base64(&line, cg_span(der.data + at, der.len - at < 48 ? der.len - at : 48));
        for (size_t i = 0; i < line.len; i++) {
            char c = line.data[i];

            if (c == '+' || c == '/' || c == '=')
                cg_buf_addf(buf, "%%%02X", (unsigned)c);
            else
                cg_buf_add_bytes(buf, &c, 1);
        }
        cg_buf_add(buf, "%0A");
        buf->failed = buf->failed || line.failed;
        cg_buf_release(&line);
    }
    cg_buf_add(buf, "-----END%20CERTIFICATE-----%0A");
}

static struct cg_span
der_of(const struct cg_cert *cert)
{
    size_t len;
    const uint8_t *der = cg_cert_get0_der(cert, &len);

    return cg_span(der, len);
}

/* ---- X-Forwarded-Client-Cert ------------------------------------------------------------------- */

/* A name that is not what its type says goes nowhere: no escaping is agreed on for it. */
static bool
is_sound_name(const struct cg_general_name *name)
{
    const char *marks = name->type == CG_NAME_DNS ? "-._*" : "-._~:/?#[]@!$&'()*+,;=%";

    for (size_t i = 0; i < name->value.len; i++) {
        uint8_t c = name->value.data[i];

        if (c == 0 ||
                ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z') &&
                        strchr(marks, c) == NULL))
            return false;
    }
    return name->value.len > 0;
}

static void
add_names(struct cg_buf *buf, const struct cg_cert *cert, enum cg_name_type type, const char *key)
{
    for (size_t i = 0; i < cert->san_count; i++) {
        struct cg_span value = cert->san[i].value;
        bool quote;

        if (cert->san[i].type != type || !is_sound_name(&cert->san[i]))
            continue;
        /* Envoy: a value with one of , ; = is quoted; a quote cannot be in it here */
        quote = memchr(value.data, ',', value.len) != NULL ||
                memchr(value.data, ';', value.len) != NULL ||
                memchr(value.data, '=', value.len) != NULL;
        cg_buf_addf(buf, ";%s=%s", key, quote ? "\"" : "");
        cg_buf_add_bytes(buf, value.data, value.len);
        cg_buf_add(buf, quote ? "\"" : "");
    }
}

static void
add_xfcc(struct cg_buf *buf, const struct identity_facts *facts)
{
    cg_buf_add(buf, "Hash=");
    cg_buf_add_hex(buf, cg_span(cg_cert_get0_sha256(facts->leaf), CG_SHA256_SIZE), false);
    if ((facts->forms & IDENTITY_XFCC_CERT) != 0) {
        cg_buf_add(buf, ";Cert=\"");
        add_escaped_pem(buf, der_of(facts->leaf));
        cg_buf_add(buf, "\"");
    }
    cg_buf_add(buf, ";Subject=\"");
    cg_name_rfc4514(buf, facts->leaf->subject);
    cg_buf_add(buf, "\"");
    add_names(buf, facts->leaf, CG_NAME_URI, "URI");
    add_names(buf, facts->leaf, CG_NAME_DNS, "DNS");
}

/* ---- Certgate-Verdict -------------------------------------------------------------------------- */

/* A structured field's string (RFC 8941 section 3.3.3); what it cannot hold is '?'. */
static void
add_string(struct cg_buf *buf, const char *text)
{
    cg_buf_add(buf, "\"");
    for (; *text != '\0'; text++) {
        char c = *text >= 0x20 && *text < 0x7f ? *text : '?';

        if (c == '"' || c == '\\')
            cg_buf_add(buf, "\\");
        cg_buf_add_bytes(buf, &c, 1);
    }
    cg_buf_add(buf, "\"");
}

static void
add_verdict(struct cg_buf *buf, const struct identity_facts *facts)
{
    const char *space = "";

    cg_buf_addf(buf, "accept%s;level=%s;certificate%s;interface=",
            facts->allowances != 0 ? "-with-allowance" : "", cg_level_name(facts->level),
            facts->leaf != NULL ? "" : "=?0");
    add_string(buf, facts->interface);
    cg_buf_add(buf, ";incident=");
    add_string(buf, facts->incident);
    if (facts->allowances == 0)
        return;
    cg_buf_add(buf, ";allowances=\"");
    for (unsigned i = 0; i < CG_ALLOWANCES; i++)
        if ((facts->allowances >> i & 1u) != 0) {
            cg_buf_addf(buf, "%s%s", space, cg_allowance_name((enum cg_allowance)i));
            space = " ";
        }
    cg_buf_add(buf, "\"");
}

/* ---- the fields -------------------------------------------------------------------------------- */

static void
add_client_cert(struct cg_buf *buf, const struct identity_facts *facts)
{
    add_byte_sequence(buf, der_of(facts->leaf));
}

static void
add_client_cert_chain(struct cg_buf *buf, const struct identity_facts *facts)
{
    for (size_t i = 0; i < facts->chain_count; i++) {
        cg_buf_add(buf, i == 0 ? "" : ", ");
        add_byte_sequence(buf, facts->chain[i]);
    }
}

static void
add_address(struct cg_buf *buf, const struct identity_facts *facts)
{
    cg_buf_add(buf, facts->address);
}

static void
add_proto(struct cg_buf *buf, const struct identity_facts *facts)
{
    cg_buf_add(buf, facts->plain ? "http" : "https");
}

/* clang-format off */
static const struct row {
    const char *name;
    unsigned forms; /* any of these, and a certificate; 0: always */
    void (*add)(struct cg_buf *buf, const struct identity_facts *facts);
} rows[IDENTITY_MAX_FIELDS] = {
    { "Certgate-Verdict",        0, add_verdict },
    /* RFC 9440 section 2.3: no chain without the certificate */
    { "Client-Cert",             IDENTITY_CLIENT_CERT | IDENTITY_CLIENT_CERT_CHAIN, add_client_cert },
    { "Client-Cert-Chain",       IDENTITY_CLIENT_CERT_CHAIN, add_client_cert_chain },
    { "X-Forwarded-Client-Cert", IDENTITY_XFCC | IDENTITY_XFCC_CERT, add_xfcc },
    { "X-Forwarded-For",         0, add_address },
    { "X-Forwarded-Proto",       0, add_proto },
};
/* clang-format on */

bool
identity_fields_build(struct identity_fields *out, const struct identity_facts *facts)
{
    size_t ends[IDENTITY_MAX_FIELDS], from = 0;

    *out = (struct identity_fields) { 0 };
    cg_buf_init(&out->text, GW_MAX_IDENTITY_FIELDS);
    for (size_t i = 0; i < IDENTITY_MAX_FIELDS; i++) {
        size_t start = out->text.len;

        if (rows[i].forms != 0 && ((facts->forms & rows[i].forms) == 0 || facts->leaf == NULL))
            continue;
        rows[i].add(&out->text, facts);
        if (out->text.len == start)
            continue;
        out->fields[out->count].name = rows[i].name;
        ends[out->count++] = out->text.len;
    }
    if (out->text.failed) {
        identity_fields_release(out);
        return false;
    }
    for (size_t i = 0; i < out->count; i++) { /* the text moves no more */
        out->fields[i].value = cg_span(out->text.data + from, ends[i] - from);
        from = ends[i];
    }
    return true;
}

void
identity_fields_release(struct identity_fields *fields)
{
    cg_buf_release(&fields->text);
    fields->count = 0;
}
