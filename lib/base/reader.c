#include "base/reader.h"

static bool
read_uint(struct cg_reader *reader, size_t width, uint64_t *out)
{
    struct cg_span bytes;
    uint64_t value = 0;

    if (!cg_read_bytes(reader, width, &bytes))
        return false;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes.data[i];
    *out = value;
    return true;
}

bool
cg_read_u16(struct cg_reader *reader, uint16_t *out)
{
    uint64_t value;

    if (!read_uint(reader, 2, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

bool
cg_read_u32(struct cg_reader *reader, uint32_t *out)
{
    uint64_t value;

    if (!read_uint(reader, 4, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool
cg_read_u64(struct cg_reader *reader, uint64_t *out)
{
    return read_uint(reader, 8, out);
}

/* X.690 section 8.1.3, definite form only; section 10.1: the least number of octets. */
static bool
read_length(struct cg_reader *reader, size_t *out)
{
    uint8_t first, byte;
    size_t length = 0;

    if (!cg_read_u8(reader, &first))
        return false;
    if (first < 0x80) {
        *out = first;
        return true;
    }
    if (first == 0x80 || first > 0x84)
        return false;
    for (unsigned i = 0; i < (first & 0x7fu); i++) {
        if (!cg_read_u8(reader, &byte) || (i == 0 && byte == 0))
            return false;
        length = length << 8 | byte;
    }
    if (length < 0x80)
        return false;
    *out = length;
    return true;
}

/*
 * Of the universal class the sequences, the sets and what is one of them underneath (EXTERNAL, EMBEDDED PDV,
 * CHARACTER STRING) are constructed, and all else is primitive in DER (X.690 section 10.2); 0 is no type.
 */
static bool
form_is_right(uint8_t tag)
{
    const uint32_t constructed = 1u << 8 | 1u << 11 | 1u << 16 | 1u << 17 | 1u << 29;

    if ((tag & 0xc0) != 0)
        return true;
    return tag != 0 && tag != 0x20 &&
            ((constructed >> (tag & 0x1f) & 1) != 0) == ((tag & 0x20) != 0);
}

bool
cg_der_any(struct cg_reader *reader, uint8_t *tag, struct cg_span *contents, struct cg_span *whole)
{
    struct cg_reader cursor = *reader;
    struct cg_span body;
    uint8_t first;
    size_t length;

    if (!cg_read_u8(&cursor, &first) || (first & 0x1f) == 0x1f || !form_is_right(first))
        return false;
    if (!read_length(&cursor, &length) || !cg_read_bytes(&cursor, length, &body))
        return false;
    *tag = first;
    if (contents != NULL)
        *contents = body;
    if (whole != NULL)
        *whole = cg_span(reader->at, (size_t)(cursor.at - reader->at));
    *reader = cursor;
    return true;
}

bool
cg_der_element(struct cg_reader *reader, uint8_t tag, struct cg_span *contents)
{
    uint8_t found;

    return cg_der_next_is(reader, tag) && cg_der_any(reader, &found, contents, NULL);
}

bool
cg_der_enter(struct cg_reader *reader, uint8_t tag, struct cg_reader *inside)
{
    struct cg_span contents;

    if (!cg_der_element(reader, tag, &contents))
        return false;
    *inside = cg_reader(contents);
    return true;
}

bool
cg_der_boolean(struct cg_reader *reader, bool *out)
{
    struct cg_reader cursor = *reader;
    struct cg_span contents;

    if (!cg_der_element(&cursor, CG_DER_BOOLEAN, &contents) || contents.len != 1)
        return false;
    if (contents.data[0] != 0x00 && contents.data[0] != 0xff)
        return false;
    *out = contents.data[0] == 0xff;
    *reader = cursor;
    return true;
}

/* X.690 section 8.3.2: the first nine bits are never all alike. */
bool
cg_der_integer_well_formed(struct cg_span contents)
{
    if (contents.len == 0)
        return false;
    if (contents.len == 1)
        return true;
    if (contents.data[0] == 0x00)
        return (contents.data[1] & 0x80) != 0;
    if (contents.data[0] == 0xff)
        return (contents.data[1] & 0x80) == 0;
    return true;
}

static bool
read_integer(struct cg_reader *reader, uint8_t tag, struct cg_span *contents)
{
    struct cg_reader cursor = *reader;
    struct cg_span body;

    if (!cg_der_element(&cursor, tag, &body) || !cg_der_integer_well_formed(body))
        return false;
    *contents = body;
    *reader = cursor;
    return true;
}

bool
cg_der_integer(struct cg_reader *reader, struct cg_span *contents)
{
    return read_integer(reader, CG_DER_INTEGER, contents);
}

bool
cg_der_small_uint(struct cg_reader *reader, uint8_t tag, uint32_t *out)
{
    struct cg_reader cursor = *reader;
    struct cg_span contents;
    uint64_t value = 0;

    if (!read_integer(&cursor, tag, &contents) || contents.len > 5 ||
            (contents.data[0] & 0x80) != 0)
        return false;
    for (size_t i = 0; i < contents.len; i++)
        value = value << 8 | contents.data[i];
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    *reader = cursor;
    return true;
}

/* X.690 section 8.19.2: every arc ends, and none starts with 0x80. */
bool
cg_der_oid_well_formed(struct cg_span contents)
{
    bool at_start = true;

    if (contents.len == 0)
        return false;
    for (size_t i = 0; i < contents.len; i++) {
        if (at_start && contents.data[i] == 0x80)
            return false;
        at_start = (contents.data[i] & 0x80) == 0;
    }
    return at_start;
}

bool
cg_der_oid(struct cg_reader *reader, struct cg_span *contents)
{
    struct cg_reader cursor = *reader;
    struct cg_span body;

    if (!cg_der_element(&cursor, CG_DER_OID, &body) || !cg_der_oid_well_formed(body))
        return false;
    *contents = body;
    *reader = cursor;
    return true;
}

bool
cg_der_bit_string(struct cg_reader *reader, uint8_t tag, struct cg_span *bytes, unsigned *unused)
{
    struct cg_reader cursor = *reader;
    struct cg_span body;
    unsigned spare;

    if (!cg_der_element(&cursor, tag, &body) || body.len == 0)
        return false;
    spare = body.data[0];
    if (spare > 7 || (body.len == 1 && spare != 0))
        return false;
    if (spare != 0 && (body.data[body.len - 1] & ((1u << spare) - 1)) != 0)
        return false;
    *bytes = cg_span(body.data + 1, body.len - 1);
    *unused = spare;
    *reader = cursor;
    return true;
}

static bool
two_digits(const uint8_t *at, int *out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *out = (at[0] - '0') * 10 + (at[1] - '0');
    return true;
}

/* Days since 1970-01-01 of a Gregorian date, by counting from March of year 0. */
static int64_t
days_from_date(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400; /* rounded down: January of year 0 has y = -1 */
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool
cg_der_time(struct cg_reader *reader, int64_t *out)
{
    struct cg_reader cursor = *reader;
    struct cg_span text;
    uint8_t tag;
    int century, year, month, day, hour, minute, second;
    const uint8_t *at;

    if (!cg_der_any(&cursor, &tag, &text, NULL))
        return false;
    at = text.data;
    if (tag == CG_DER_UTC_TIME && text.len == 13) {
        if (!two_digits(at, &year))
            return false;
        year += year >= 50 ? 1900 : 2000;
        at += 2;
    } else if (tag == CG_DER_GENERALIZED_TIME && text.len == 15) {
        if (!two_digits(at, &century) || !two_digits(at + 2, &year))
            return false;
        year += century * 100;
        at += 4;
    } else {
        return false;
    }
    if (!two_digits(at, &month) || !two_digits(at + 2, &day) || !two_digits(at + 4, &hour) ||
            !two_digits(at + 6, &minute) || !two_digits(at + 8, &second) || at[10] != 'Z')
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
            minute > 59 || second > 59)
        return false;
    *out = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *reader = cursor;
    return true;
}
