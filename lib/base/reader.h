/*
 * A bounds-checked cursor over untrusted bytes, and the DER elements read with it (X.690).
 *
 * Every function returns false and leaves the cursor where it was when the bytes do not hold what was
 * asked for. Nothing recurses; nothing is allocated.
 */
#ifndef CG_BASE_READER_H
#define CG_BASE_READER_H

#include "base/span.h"

struct cg_reader {
    const uint8_t *at;
    const uint8_t *end;
};

/* DER identifier octets used by X.509. */
enum {
    CG_DER_BOOLEAN = 0x01,
    CG_DER_INTEGER = 0x02,
    CG_DER_BIT_STRING = 0x03,
    CG_DER_OCTET_STRING = 0x04,
    CG_DER_NULL = 0x05,
    CG_DER_OID = 0x06,
    CG_DER_ENUMERATED = 0x0a,
    CG_DER_UTF8_STRING = 0x0c,
    CG_DER_NUMERIC_STRING = 0x12,
    CG_DER_PRINTABLE_STRING = 0x13,
    CG_DER_T61_STRING = 0x14,
    CG_DER_IA5_STRING = 0x16,
    CG_DER_UTC_TIME = 0x17,
    CG_DER_GENERALIZED_TIME = 0x18,
    CG_DER_VISIBLE_STRING = 0x1a,
    CG_DER_UNIVERSAL_STRING = 0x1c,
    CG_DER_BMP_STRING = 0x1e,
    CG_DER_SEQUENCE = 0x30,
    CG_DER_SET = 0x31,
    CG_DER_CONTEXT = 0x80, /* primitive [n]: CG_DER_CONTEXT | n */
    CG_DER_CONTEXT_CONSTRUCTED = 0xa0, /* constructed [n] */
};

static inline struct cg_reader
cg_reader(struct cg_span bytes)
{
    return (struct cg_reader) { .at = bytes.data, .end = bytes.data + bytes.len };
}

static inline bool
cg_reader_done(const struct cg_reader *reader)
{
    return reader->at == reader->end;
}

static inline size_t
cg_reader_left(const struct cg_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Raw bytes, and fixed-width big-endian integers. */
static inline bool
cg_read_bytes(struct cg_reader *reader, size_t len, struct cg_span *out)
{
    if (len > cg_reader_left(reader))
        return false;
    *out = cg_span(reader->at, len);
    reader->at += len;
    return true;
}

static inline bool
cg_read_u8(struct cg_reader *reader, uint8_t *out)
{
    if (cg_reader_done(reader))
        return false;
    *out = *reader->at++;
    return true;
}

bool cg_read_u16(struct cg_reader *reader, uint16_t *out);
bool cg_read_u32(struct cg_reader *reader, uint32_t *out);
bool cg_read_u64(struct cg_reader *reader, uint64_t *out);

/*
 * One DER element: identifier octet, contents, and the whole encoding. Either of contents and whole
 * may be NULL. High tag numbers, indefinite and non-minimal lengths, and universal types in a
 * form that is not theirs are refused (X.690 sections 10.1 and 10.2).
 */
bool cg_der_any(
        struct cg_reader *reader, uint8_t *tag, struct cg_span *contents, struct cg_span *whole);
/* The same where the identifier octet must be `tag`. */
bool cg_der_element(struct cg_reader *reader, uint8_t tag, struct cg_span *contents);
/* True when the next identifier octet is `tag`. */
static inline bool
cg_der_next_is(const struct cg_reader *reader, uint8_t tag)
{
    return reader->at < reader->end && *reader->at == tag;
}
/* Descends into an element with `tag`. */
bool cg_der_enter(struct cg_reader *reader, uint8_t tag, struct cg_reader *inside);
/* DER BOOLEAN: 0x00 or 0xff. */
bool cg_der_boolean(struct cg_reader *reader, bool *out);
/* A non-negative INTEGER that fits; minimal encoding. `tag` allows implicit tagging. */
bool cg_der_small_uint(struct cg_reader *reader, uint8_t tag, uint32_t *out);
/* INTEGER contents, minimal encoding, sign included. */
bool cg_der_integer(struct cg_reader *reader, struct cg_span *contents);
/* OBJECT IDENTIFIER contents with well-formed arcs. */
bool cg_der_oid(struct cg_reader *reader, struct cg_span *contents);
/* The contents of the two above under another tag. */
bool cg_der_integer_well_formed(struct cg_span contents);
bool cg_der_oid_well_formed(struct cg_span contents);
/* BIT STRING: bytes and number of unused bits, which must be zero in the last byte. */
bool cg_der_bit_string(
        struct cg_reader *reader, uint8_t tag, struct cg_span *bytes, unsigned *unused);
/* UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 allows them, as seconds since 1970. */
bool cg_der_time(struct cg_reader *reader, int64_t *out);

#endif
