#include "recipe_extensions.h"

#define ANY_POLICY "\x06\x04\x55\x1d\x20\x00"

/* Values that names and constraints choose from. */
static const char *const dns_values[16] = { "example.com", "sub.example.com", ".example.com",
    "a.b.example.com", "*.example.com", "other.test", "", "EXAMPLE.COM", "com", "a_b.example.com",
    "example.com.", "*.sub.example.com", "a..example.com", "*", "xexample.com", "-a.example.com" };
static const char *const mail_values[16] = { "a@example.com", "example.com", ".example.com",
    "A@EXAMPLE.COM", "\"a b\"@example.com", "a@sub.example.com", "@example.com", "a@", "a", "",
    "a@b@example.com", "\"a\"@example.com", "other.test", "a@other.test", "a.@example.com",
    "a@[192.0.2.1]" };
static const char *const uri_values[16] = { "http://example.com/", "sip:example.com",
    "https://sub.example.com:443/x", "http://192.0.2.1/", "example.com", "http://[2001:db8::1]/",
    ".example.com", "http://a@example.com/", "sips:sub.example.com", "//example.com", "", "urn:x:y",
    "http://EXAMPLE.com", "http://other.test?a", "ldap:///cn=x", "sub.example.com" };
/* clang-format off */
static const struct {
    const char *bytes;
    size_t len;
} ip_values[16] = {
    { "\xc0\x00\x02\x01", 4 }, { "\xc0\x00\x02\x00\xff\xff\xff\x00", 8 }, { "\x0a\x00\x00\x01", 4 },
    { "\x00\x00\x00\x00\x00\x00\x00\x00", 8 }, { "\xc0\x00\x02\x01\xff\xff\xff\xff", 8 },
    { "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16 }, { "", 0 }, { "\xc0\x00\x02", 3 },
    { "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 32 },
    { "\xc0\x00\x02\x00\xff\x00\xff\x00", 8 }, { "\xc0\x00\x02\x01\x00", 5 },
    { "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01", 16 }, { "\xc0\x00\x02\xff", 4 },
    { "\x0a\x00\x00\x00\xff\x00\x00\x00", 8 }, { "\x7f\x00\x00\x01", 4 }, { "\xc0\xa8\x00\x01", 4 },
};
/* clang-format on */

static void
put_attribute(struct der_writer *out, const char *oid, size_t oid_len, uint8_t tag,
        const void *value, size_t len)
{
    size_t end = out->start;

    der_put_element(out, tag, value, len);
    der_put_element(out, CG_DER_OID, oid, oid_len);
    der_wrap(out, CG_DER_SEQUENCE, end);
}

/* The ways to write one and the same name, which RFC 5280 section 7.1 compares as equal or does not. */
static void
put_common_name(struct der_writer *out, char digit, uint8_t variant)
{
    char plain[] = "Fuzz CA 0", spaced[] = " fuzz  ca 0 ";
    char wide[18] = "", wider[36] = "";
    size_t end = out->start;

    plain[8] = digit;
    spaced[10] = digit;
    for (size_t i = 0; i < 9; i++) {
        wide[2 * i + 1] = plain[i];
        wider[4 * i + 3] = plain[i];
    }
    switch (variant) {
    case 0:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_UTF8_STRING, plain, 9);
        break;
    case 1:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_PRINTABLE_STRING, plain, 9);
        break;
    case 2:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_UTF8_STRING, spaced, 12);
        break;
    case 3:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_BMP_STRING, wide, sizeof(wide));
        break;
    case 4:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_T61_STRING, plain, 9);
        break;
    case 5:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_UNIVERSAL_STRING, wider, sizeof(wider));
        break;
    case 6:
        put_attribute(out, "\x55\x04\x0a", 3, CG_DER_UTF8_STRING, "Fuzz", 4);
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_UTF8_STRING, plain, 9);
        break;
    default:
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_IA5_STRING, plain, 9);
        break;
    }
    der_wrap(out, CG_DER_SET, end);
}

/* Low three bits: the name; the next three: how it is written; the top two: what stands beside it. */
void
recipe_put_name(struct der_writer *out, uint8_t octet)
{
    size_t end = out->start, inner;

    if (octet >> 6 == 2) {
        inner = out->start;
        put_attribute(out, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, CG_DER_IA5_STRING,
                mail_values[octet & 15], strlen(mail_values[octet & 15]));
        der_wrap(out, CG_DER_SET, inner);
    }
    if (octet >> 6 == 3) {
        inner = out->start;
        put_attribute(out, "\x55\x04\x03", 3, CG_DER_UTF8_STRING, dns_values[octet & 15],
                strlen(dns_values[octet & 15]));
        der_wrap(out, CG_DER_SET, inner);
    }
    if (octet >> 6 != 1)
        put_common_name(out, (char)('0' + (octet & 7)), octet >> 3 & 7);
    else if ((octet & 7) != 0) {
        inner = out->start;
        put_attribute(out, "\x55\x04\x0a", 3, CG_DER_UTF8_STRING, "Fuzz", 4);
        der_wrap(out, CG_DER_SET, inner);
    }
    der_wrap(out, CG_DER_SEQUENCE, end);
}

/* Extension: what was written since `end` is its value. */
static void
wrap_extension(struct der_writer *out, const char *oid, size_t oid_len, bool critical, size_t end)
{
    uint8_t yes = 0xff;

    der_wrap(out, CG_DER_OCTET_STRING, end);
    if (critical)
        der_put_element(out, CG_DER_BOOLEAN, &yes, 1);
    der_put_element(out, CG_DER_OID, oid, oid_len);
    der_wrap(out, CG_DER_SEQUENCE, end);
}

#define WRAP_EXTENSION(out, last, critical, end)                                                   \
    wrap_extension(out, "\x55\x1d" last, 3, critical, end)

static void
put_basic_constraints(struct der_writer *out, const uint8_t *record, bool leaf)
{
    uint8_t octet = record[RECIPE_BASIC], yes = (octet & 64) != 0 ? 0x01 : 0xff;
    size_t end = out->start;
    bool ca = leaf ? (octet & 2) != 0 : (octet & 2) == 0;

    if (leaf ? (octet & 1) == 0 : (octet & 1) != 0)
        return;
    if ((octet & 4) != 0)
        der_put_uint(out, CG_DER_INTEGER, octet >> 3 & 3);
    if (ca)
        der_put_element(out, CG_DER_BOOLEAN, &yes, 1);
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x13", (octet & 32) == 0, end);
}

/* 0 is what such a certificate usually has. */
static void
put_key_usage(struct der_writer *out, const uint8_t *record, bool leaf)
{
    uint8_t octet = record[RECIPE_KEY_USAGE], bits[2] = { 0, octet };
    size_t end = out->start;

    if (octet == 1)
        return;
    if (octet == 0)
        bits[1] = leaf ? 0x80 : 0x06;
    while (bits[1] != 0 && bits[0] < 7 && (bits[1] >> bits[0] & 1) == 0)
        bits[0]++;
    der_put_element(out, CG_DER_BIT_STRING, bits, bits[1] == 0 ? 1 : 2);
    WRAP_EXTENSION(out, "\x0f", true, end);
}

static void
put_ext_key_usage(struct der_writer *out, const uint8_t *record)
{
    static const char *const purposes[] = { "\x2b\x06\x01\x05\x05\x07\x03\x01",
        "\x2b\x06\x01\x05\x05\x07\x03\x02", "\x2b\x06\x01\x05\x05\x07\x03\x14",
        "\x2b\x06\x01\x05\x05\x07\x03\x04" };
    uint8_t octet = record[RECIPE_EXT_KEY_USAGE];
    size_t end = out->start;

    if (octet == 0)
        return;
    for (size_t i = 0; i < 4; i++)
        if ((octet >> i & 1) != 0)
            der_put_element(out, CG_DER_OID, purposes[i], 8);
    if ((octet & 16) != 0)
        der_put_element(out, CG_DER_OID, "\x55\x1d\x25\x00", 4);
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x25", (octet & 32) != 0, end);
}

static void
put_key_ids(struct der_writer *out, const uint8_t *record, const struct recipe_ids *ids)
{
    uint8_t octet = record[RECIPE_KEY_IDS], id[20];
    size_t end = out->start, inner;

    if ((octet & 1) == 0) {
        memset(id, ids->subject_key, sizeof(id));
        der_put_element(out, CG_DER_OCTET_STRING, id, sizeof(id));
        WRAP_EXTENSION(out, "\x0e", (octet & 32) != 0, end);
        end = out->start;
    }
    if ((octet & 2) != 0)
        return;
    if ((octet & 4) != 0) {
        der_put_uint(out, CG_DER_CONTEXT | 2,
                (uint8_t)(ids->issuer_serial + ((octet & 8) != 0 ? 1 : 0)));
        inner = out->start;
        recipe_put_name(out, ids->issuer_issuer);
        der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 4, inner);
        der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 1, inner);
    }
    if ((octet & 128) == 0) {
        memset(id, (octet & 16) != 0 ? ids->issuer_key + 1 : ids->issuer_key, sizeof(id));
        der_put_element(out, CG_DER_CONTEXT | 0, id, sizeof(id));
    }
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x23", (octet & 64) != 0, end);
}

/* A GeneralName: low three bits of `kind` its type, `value` which of the list. */
static void
put_general_name(struct der_writer *out, uint8_t kind, uint8_t value)
{
    size_t end = out->start;

    switch (kind & 7) {
    case 0:
        der_put_text(out, CG_DER_CONTEXT | 2, dns_values[value & 15]);
        break;
    case 1:
        der_put_element(
                out, CG_DER_CONTEXT | 7, ip_values[value & 15].bytes, ip_values[value & 15].len);
        break;
    case 2:
        der_put_text(out, CG_DER_CONTEXT | 1, mail_values[value & 15]);
        break;
    case 3:
        der_put_text(out, CG_DER_CONTEXT | 6, uri_values[value & 15]);
        break;
    case 4:
        recipe_put_name(out, value);
        der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 4, end);
        break;
    case 5:
        der_put_element(out, CG_DER_CONTEXT | 8, "\x2a\x03\x04", 3);
        break;
    case 6: /* otherName: SmtpUTF8Mailbox or something unknown */
        der_put_text(out, CG_DER_UTF8_STRING, mail_values[value & 15]);
        der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 0, end);
        der_put_element(out, CG_DER_OID,
                (value & 16) != 0 ? "\x2b\x06\x01\x05\x05\x07\x08\x09"
                                  : "\x2b\x06\x01\x05\x05\x07\x08\x05",
                8);
        der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 0, end);
        break;
    default:
        der_put_text(out, CG_DER_CONTEXT | 2, "leaf.example.com");
        break;
    }
}

static void
put_subtrees(struct der_writer *out, const uint8_t *list, size_t count, bool excluded)
{
    size_t end = out->start;

    for (size_t i = count; i-- > 0;) {
        uint8_t kind = list[2 * i];
        size_t inner = out->start;

        if (((kind & 8) != 0) != excluded)
            continue;
        if ((kind & 48) == 16)
            der_put_uint(out, CG_DER_CONTEXT | 0, (kind & 64) != 0 ? 1 : 0);
        if ((kind & 48) == 32)
            der_put_uint(out, CG_DER_CONTEXT | 1, 5);
        put_general_name(out, kind, list[2 * i + 1]);
        der_wrap(out, CG_DER_SEQUENCE, inner);
    }
    if (out->start != end)
        der_wrap(out, (uint8_t)(CG_DER_CONTEXT_CONSTRUCTED | (excluded ? 1 : 0)), end);
}

static void
put_name_constraints(struct der_writer *out, const uint8_t *record)
{
    const uint8_t *octets = record + RECIPE_CONSTRAINTS;
    size_t end = out->start;

    if (octets[0] == 0)
        return;
    put_subtrees(out, octets + 1, octets[0] & 3, true);
    put_subtrees(out, octets + 1, octets[0] & 3, false);
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x1e", (octets[0] & 4) == 0, end);
}

static void
put_subject_alt_name(struct der_writer *out, const uint8_t *record, bool leaf)
{
    const uint8_t *octets = record + RECIPE_NAMES;
    size_t end = out->start;

    if (octets[0] == 0 ? !leaf : (octets[0] & 7) == 4)
        return;
    if (octets[0] == 0)
        put_general_name(out, 7, 0);
    for (size_t i = octets[0] & 3; i-- > 0;)
        put_general_name(out, octets[1 + 2 * i], octets[2 + 2 * i]);
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x11", (octets[0] & 8) != 0, end);
}

/* anyPolicy, or one of seven of our own. */
static void
put_policy_id(struct der_writer *out, uint8_t number)
{
    char own[] = "\x2b\x06\x01\x04\x01\x86\x8d\x1f";

    own[7] = (char)(number & 7);
    if ((number & 7) == 0)
        der_put(out, ANY_POLICY, 6);
    else
        der_put_element(out, CG_DER_OID, own, 8);
}

static void
put_policies(struct der_writer *out, const uint8_t *record)
{
    const uint8_t *octets = record + RECIPE_POLICIES;
    size_t end = out->start;

    if (octets[0] == 0)
        return;
    for (size_t i = octets[0] & 3; i-- > 0;) {
        size_t inner = out->start;

        if ((octets[1 + i] & 8) != 0) {
            der_put_text(out, CG_DER_IA5_STRING, "http://example.com/cps");
            der_put_element(out, CG_DER_OID, "\x2b\x06\x01\x05\x05\x07\x02\x01", 8);
            der_wrap(out, CG_DER_SEQUENCE, inner);
            der_wrap(out, CG_DER_SEQUENCE, inner);
        }
        put_policy_id(out, octets[1 + i]);
        der_wrap(out, CG_DER_SEQUENCE, inner);
    }
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x20", (octets[0] & 4) != 0, end);
}

static void
put_mappings(struct der_writer *out, const uint8_t *record)
{
    const uint8_t *octets = record + RECIPE_MAPPINGS;
    size_t end = out->start;

    if (octets[0] == 0)
        return;
    for (size_t i = octets[0] & 3; i-- > 0;) {
        size_t inner = out->start;

        put_policy_id(out, octets[1 + i % 2] >> 4);
        put_policy_id(out, octets[1 + i % 2]);
        der_wrap(out, CG_DER_SEQUENCE, inner);
    }
    der_wrap(out, CG_DER_SEQUENCE, end);
    WRAP_EXTENSION(out, "\x21", (octets[0] & 4) == 0, end);
}

/* policyConstraints and inhibitAnyPolicy: 0 is absent, others are one more than what is written. */
static void
put_policy_limits(struct der_writer *out, const uint8_t *record)
{
    uint8_t octet = record[RECIPE_POLICY_LIMITS], inhibit = record[RECIPE_INHIBIT_ANY];
    size_t end = out->start;

    if (octet != 0) {
        if (octet >> 4 != 0)
            der_put_uint(out, CG_DER_CONTEXT | 1, (uint8_t)((octet >> 4) - 1));
        if ((octet & 15) != 0)
            der_put_uint(out, CG_DER_CONTEXT | 0, (uint8_t)((octet & 15) - 1));
        der_wrap(out, CG_DER_SEQUENCE, end);
        WRAP_EXTENSION(out, "\x24", true, end);
    }
    end = out->start;
    if (inhibit != 0) {
        der_put_uint(out, CG_DER_INTEGER, (uint8_t)(inhibit - 1));
        WRAP_EXTENSION(out, "\x36", true, end);
    }
}

static void
put_extra(struct der_writer *out, const uint8_t *record, bool leaf)
{
    static const struct {
        const char *oid;
        size_t oid_len;
        const char *value;
        size_t len;
    } rows[] = {
        { "\x2a\x03\x04\x05", 4, "\x05\x00", 2 }, /* unknown */
        { "\x55\x1d\x1f", 3, "\x30\x00", 2 }, /* cRLDistributionPoints without any */
        { "\x60\x86\x48\x01\x86\xf8\x42\x01\x01", 9, "\x03\x02\x06\x40", 4 }, /* Netscape's type */
        { "\x2b\x06\x01\x05\x05\x07\x01\x0e", 8, "\x30\x0a\x30\x08\x06\x06\x2b\x06\x01\x05\x05\x07",
                12 }, /* proxyCertInfo, RFC 3820 */
        { "\x55\x1d\x12", 3, "\x30\x05\x82\x03\x61\x2e\x62", 7 }, /* issuerAltName */
        { "\x2b\x06\x01\x05\x05\x07\x01\x07", 8, "\x30\x00", 2 }, /* RFC 3779 addresses */
        { "\x55\x1d\x0f", 3, "\x03\x02\x01\x06", 4 }, /* keyUsage once more */
    };
    uint8_t octet = record[RECIPE_EXTRA];
    size_t end = out->start, row = (octet & 15) - 1u;

    if ((octet & 15) == 0)
        return;
    if (row < sizeof(rows) / sizeof(rows[0])) {
        der_put(out, rows[row].value, rows[row].len);
        wrap_extension(out, rows[row].oid, rows[row].oid_len, (octet & 16) != 0, end);
    } else {
        put_basic_constraints(out, record, leaf);
    }
}

void
recipe_put_extensions(
        struct der_writer *out, const uint8_t *record, bool leaf, const struct recipe_ids *ids)
{
    size_t end = out->start;

    if ((record[RECIPE_VERSION] & 8) != 0)
        return;
    put_extra(out, record, leaf);
    put_policy_limits(out, record);
    put_mappings(out, record);
    put_policies(out, record);
    put_subject_alt_name(out, record, leaf);
    put_name_constraints(out, record);
    put_key_ids(out, record, ids);
    put_ext_key_usage(out, record);
    put_key_usage(out, record, leaf);
    put_basic_constraints(out, record, leaf);
    if (out->start == end)
        return;
    der_wrap(out, CG_DER_SEQUENCE, end);
    der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 3, end);
}
