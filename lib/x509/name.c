/* Distinguished names: canonical form for comparison (RFC 5280 section 7.1) and text for people. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/reader.h"
#include "x509/facts.h"
#include "x509/oid.h"
#include "x509/stringprep.h"

/* One AttributeTypeAndValue. */
struct attribute {
    struct cg_span oid;
    uint8_t tag;
    struct cg_span value;
    struct cg_span whole; /* value with its header */
};

static bool
read_attribute(struct cg_reader *rdn, struct attribute *out)
{
    struct cg_reader inside;

    return cg_der_enter(rdn, CG_DER_SEQUENCE, &inside) && cg_der_oid(&inside, &out->oid) &&
            cg_der_any(&inside, &out->tag, &out->value, &out->whole) && cg_reader_done(&inside);
}

/* Bytes per character of the string types that are compared as text; 0 for all others. */
static size_t
character_width(uint8_t tag)
{
    switch (tag) {
    case CG_DER_UTF8_STRING:
    case CG_DER_NUMERIC_STRING:
    case CG_DER_PRINTABLE_STRING:
    case CG_DER_IA5_STRING:
    case CG_DER_VISIBLE_STRING:
    case CG_DER_T61_STRING:
        return 1;
    case CG_DER_BMP_STRING:
        return 2;
    case CG_DER_UNIVERSAL_STRING:
        return 4;
    default:
        return 0;
    }
}

static bool
is_ascii(struct cg_span text)
{
    uint8_t all = 0;

    for (size_t i = 0; i < text.len; i++)
        all |= text.data[i];
    return all < 0x80;
}

/* The string as UTF-8, T61String taken as Latin-1. False when a character is none. */
static bool
to_utf8(uint8_t tag, struct cg_span value, struct cg_buf *out)
{
    size_t width = character_width(tag);
    struct cg_reader reader = cg_reader(value);
    struct cg_span unit;

    if (tag == CG_DER_UTF8_STRING || (width == 1 && is_ascii(value))) {
        cg_buf_add_bytes(out, value.data, value.len);
        return true;
    }
    if (value.len % width != 0)
        return false;
    while (cg_read_bytes(&reader, width, &unit)) {
        uint32_t c = 0;

        for (size_t i = 0; i < width; i++)
            c = c << 8 | unit.data[i];
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
                (width == 1 && c >= 0x80 && tag != CG_DER_T61_STRING))
            return false;
        cg_buf_add_utf8(out, c);
        if (reader.at == reader.end)
            break;
    }
    return true;
}

static void
put_u16(struct cg_buf *out, size_t value)
{
    uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

    cg_buf_add_bytes(out, bytes, sizeof(bytes));
}

/*
 * type length, type, kind, value length, value: kind 0 is folded text, any other the raw tag. `text` is room for a
 * string; what it holds is of no value before and after.
 */
static bool
put_attribute(struct cg_buf *out, const struct attribute *attribute, struct cg_buf *text,
        bool *bad_string)
{
    struct cg_span value = attribute->value;
    uint8_t kind = attribute->tag;

    if (character_width(attribute->tag) != 0) {
        text->len = 0;
        if (to_utf8(attribute->tag, attribute->value, text) && cg_string_prepare(text)) {
            kind = 0;
            value = cg_span(text->data, text->len);
        } else {
            *bad_string = true;
        }
    }
    put_u16(out, attribute->oid.len);
    cg_buf_add_bytes(out, attribute->oid.data, attribute->oid.len);
    cg_buf_add_bytes(out, &kind, 1);
    put_u16(out, value.len);
    cg_buf_add_bytes(out, value.data, value.len);
    return !text->failed && !out->failed && value.len <= UINT16_MAX;
}

static int
compare_spans(const void *a, const void *b)
{
    const struct cg_span *left = a, *right = b;
    size_t len = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->data, right->data, len);

    if (order != 0)
        return order;
    return left->len < right->len ? -1 : left->len > right->len;
}

/* Brings the attributes that begin at these places into the order of their bytes; the last ends where all do. */
static bool
sort_attributes(struct cg_buf *out, const uint32_t *starts, size_t count)
{
    struct cg_span parts[CG_MAX_NAME_ATTRIBUTES];
    size_t len = out->len - starts[0];
    char *to = out->data + starts[0], *copy = malloc(len);

    if (copy == NULL)
        return false;
    memcpy(copy, to, len);
    for (size_t i = 0; i < count; i++) {
        size_t end = i + 1 < count ? starts[i + 1] : out->len;

        parts[i] = cg_span(copy + (starts[i] - starts[0]), end - starts[i]);
    }
    qsort(parts, count, sizeof(parts[0]), compare_spans);
    for (size_t i = 0; i < count; i++) {
        memcpy(to, parts[i].data, parts[i].len);
        to += parts[i].len;
    }
    free(copy);
    return true;
}

/*
 * One RDN: its length, and its attributes in the order of their canonical bytes, since a SET has none. An empty SET is
 * not allowed (RFC 5280 appendix A) but stands in certificates; it compares equal only to another one.
 */
static bool
put_rdn(struct cg_buf *out, struct cg_reader rdn, struct cg_buf *text, bool *bad_string)
{
    uint32_t starts[CG_MAX_NAME_ATTRIBUTES]; /* small, for it is cleared each time */
    struct attribute attribute;
    size_t count = 0, begin = out->len, total;

    put_u16(out, 0);
    while (!cg_reader_done(&rdn)) {
        if (count == CG_MAX_NAME_ATTRIBUTES)
            return false;
        starts[count++] = (uint32_t)out->len;
        if (!read_attribute(&rdn, &attribute) || !put_attribute(out, &attribute, text, bad_string))
            return false;
    }
    if (out->failed || (count > 1 && !sort_attributes(out, starts, count)))
        return false;
    total = out->len - begin - 2;
    out->data[begin] = (char)(total >> 8);
    out->data[begin + 1] = (char)total;
    return total <= UINT16_MAX;
}

bool
cg_canonical_name_build(struct cg_span name, struct cg_canonical_name *out, bool *bad_string)
{
    struct cg_reader reader = cg_reader(name), rdns, rdn;
    struct cg_buf buf, text;
    size_t count = 0;

    *out = (struct cg_canonical_name) { 0 };
    cg_buf_init(&buf, CG_MAX_CERT_BYTES * 4);
    cg_buf_init(&text, CG_MAX_CERT_BYTES * 4);
    if (!cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns) || !cg_reader_done(&reader))
        goto done;
    while (!cg_reader_done(&rdns)) {
        if (++count > CG_MAX_NAME_RDNS || !cg_der_enter(&rdns, CG_DER_SET, &rdn) ||
                !put_rdn(&buf, rdn, &text, bad_string))
            goto done;
    }
    out->len = buf.len;
    out->data = (uint8_t *)cg_buf_take(&buf);
    if (out->data == NULL)
        goto done;
    out->hash = cg_span_hash(cg_span(out->data, out->len));
done:
    cg_buf_release(&text);
    cg_buf_release(&buf);
    return out->data != NULL;
}

bool
cg_canonical_name_equal(const struct cg_canonical_name *a, const struct cg_canonical_name *b)
{
    return a->hash == b->hash && cg_span_equal(cg_span(a->data, a->len), cg_span(b->data, b->len));
}

static void
attribute_text(struct cg_buf *buf, const struct attribute *attribute)
{
    struct cg_buf text;

    cg_oid_text(buf, attribute->oid);
    cg_buf_add(buf, "=");
    cg_buf_init(&text, CG_MAX_CERT_BYTES * 4);
    if (character_width(attribute->tag) != 0 && to_utf8(attribute->tag, attribute->value, &text)) {
        cg_buf_add_escaped(buf, cg_span(text.data, text.len));
    } else {
        cg_buf_add(buf, "#");
        cg_buf_add_hex(buf, attribute->value, false);
    }
    cg_buf_release(&text);
}

/* What stands for itself: far less than RFC 4514 section 2.4 lets, so that no list or quoting trips. */
static bool
is_plain_in_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c != 0 && strchr(" -_.:/@()*'&!?", c) != NULL);
}

static void
attribute_rfc4514(struct cg_buf *buf, const struct attribute *attribute)
{
    struct cg_buf text;
    uint8_t c;

    cg_oid_text(buf, attribute->oid);
    cg_buf_add(buf, "=");
    cg_buf_init(&text, CG_MAX_CERT_BYTES * 4);
    if (character_width(attribute->tag) == 0 || !to_utf8(attribute->tag, attribute->value, &text)) {
        cg_buf_add(buf, "#");
        cg_buf_add_hex(buf, attribute->whole, false);
        text.len = 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        c = (uint8_t)text.data[i];
        /* a space at either end would be lost (section 2.4) */
        if (is_plain_in_name(c) && (c != ' ' || (i != 0 && i != text.len - 1))) {
            cg_buf_add_bytes(buf, &c, 1);
        } else {
            cg_buf_add(buf, "\\");
            cg_buf_add_hex(buf, cg_span(&c, 1), true);
        }
    }
    cg_buf_release(&text);
}

/* RFC 4514 section 2.1: the last RDN is written first. */
static void
name_text(struct cg_buf *buf, struct cg_span name,
        void (*put)(struct cg_buf *buf, const struct attribute *attribute))
{
    struct cg_reader reader = cg_reader(name), rdns, rdn, at;
    uint16_t order[CG_MAX_NAME_RDNS]; /* where each begins: small, for it is cleared each time */
    struct attribute attribute;
    size_t count = 0;

    if (name.len > UINT16_MAX || !cg_der_enter(&reader, CG_DER_SEQUENCE, &rdns))
        return;
    for (at = rdns; count < CG_MAX_NAME_RDNS; count++) {
        order[count] = (uint16_t)(at.at - rdns.at);
        if (!cg_der_enter(&at, CG_DER_SET, &rdn))
            break;
    }
    for (size_t i = count; i-- > 0;) {
        at = (struct cg_reader) { rdns.at + order[i], rdns.end };
        (void)cg_der_enter(&at, CG_DER_SET, &rdn);
        for (bool first = true; read_attribute(&rdn, &attribute); first = false) {
            if (!first)
                cg_buf_add(buf, "+");
            put(buf, &attribute);
        }
        if (i != 0)
            cg_buf_add(buf, ",");
    }
}

void
cg_name_text(struct cg_buf *buf, struct cg_span name)
{
    size_t before = buf->len;

    name_text(buf, name, attribute_text);
    if (buf->len == before)
        cg_buf_add(buf, "(empty)");
}

void
cg_name_rfc4514(struct cg_buf *buf, struct cg_span name)
{
    name_text(buf, name, attribute_rfc4514);
}
