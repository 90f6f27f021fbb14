#include "x509/stringprep.h"

struct range {
    uint32_t first;
    uint32_t last;
    uint32_t step; /* 2: every second one, its small letter stands beside it */
    int delta;
};

/* clang-format off */
/* RFC 3454 table B.2, where a letter has one small letter of no more bytes. */
static const struct range small_letters[] = {
    { 0x00c0, 0x00d6, 1,  32 }, { 0x00d8, 0x00de, 1,  32 }, /* Latin */
    { 0x0100, 0x012e, 2,   1 }, { 0x0132, 0x0136, 2,   1 }, { 0x0139, 0x0147, 2, 1 },
    { 0x014a, 0x0176, 2,   1 }, { 0x0178, 0x0178, 1, -121 }, { 0x0179, 0x017d, 2, 1 },
    { 0x01cd, 0x01db, 2,   1 }, { 0x01de, 0x01ee, 2,   1 }, { 0x01f8, 0x021e, 2, 1 },
    { 0x0222, 0x0232, 2,   1 }, { 0x1e00, 0x1e94, 2,   1 }, { 0x1ea0, 0x1efe, 2, 1 },
    { 0x0386, 0x0386, 1,  38 }, { 0x0388, 0x038a, 1,  37 }, /* Greek */
    { 0x038c, 0x038c, 1,  64 }, { 0x038e, 0x038f, 1,  63 },
    { 0x0391, 0x03a1, 1,  32 }, { 0x03a3, 0x03ab, 1,  32 }, { 0x03c2, 0x03c2, 1, 1 },
    { 0x0400, 0x040f, 1,  80 }, { 0x0410, 0x042f, 1,  32 }, /* Cyrillic */
    { 0x0460, 0x0480, 2,   1 }, { 0x048a, 0x04be, 2,   1 }, { 0x04c1, 0x04cd, 2, 1 },
    { 0x04d0, 0x052e, 2,   1 },
    { 0x0531, 0x0556, 1,  48 }, /* Armenian */
    { 0xff21, 0xff3a, 1,  32 }, /* full width */
};

/* RFC 4518 section 2.2: mapped to SPACE. */
static const struct range spaces[] = {
    { 0x0009, 0x000d, 1, 0 }, { 0x0020, 0x0020, 1, 0 }, { 0x0085, 0x0085, 1, 0 },
    { 0x00a0, 0x00a0, 1, 0 }, { 0x1680, 0x1680, 1, 0 }, { 0x2000, 0x200a, 1, 0 },
    { 0x2028, 0x2029, 1, 0 }, { 0x202f, 0x202f, 1, 0 }, { 0x205f, 0x205f, 1, 0 },
    { 0x3000, 0x3000, 1, 0 },
};

/* The same section: mapped to nothing. */
static const struct range shapeless[] = {
    { 0x0000, 0x0008, 1, 0 }, { 0x000e, 0x001f, 1, 0 }, { 0x007f, 0x0084, 1, 0 },
    { 0x0086, 0x009f, 1, 0 }, { 0x00ad, 0x00ad, 1, 0 }, { 0x034f, 0x034f, 1, 0 },
    { 0x06dd, 0x06dd, 1, 0 }, { 0x070f, 0x070f, 1, 0 }, { 0x1806, 0x1806, 1, 0 },
    { 0x180b, 0x180e, 1, 0 }, { 0x200b, 0x200f, 1, 0 }, { 0x202a, 0x202e, 1, 0 },
    { 0x2060, 0x2063, 1, 0 }, { 0x206a, 0x206f, 1, 0 }, { 0xfe00, 0xfe0f, 1, 0 },
    { 0xfeff, 0xfeff, 1, 0 }, { 0xfff9, 0xfffc, 1, 0 }, { 0x1d173, 0x1d17a, 1, 0 },
    { 0xe0001, 0xe0001, 1, 0 }, { 0xe0020, 0xe007f, 1, 0 },
};
/* clang-format on */

static const struct range *
find(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last &&
                (c - ranges[i].first) % ranges[i].step == 0)
            return &ranges[i];
    return NULL;
}
#define IN(ranges, c) find(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

static size_t
put_utf8(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

void
cg_buf_add_utf8(struct cg_buf *buf, uint32_t c)
{
    uint8_t encoded[4];

    cg_buf_add_bytes(buf, encoded, put_utf8(c, encoded));
}

/* Octets of the next character, 0 for none. RFC 3629: shortest form, no surrogates, up to U+10FFFF. */
static size_t
take_utf8(const struct cg_buf *text, size_t at, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t byte = (uint8_t)text->data[at];
    size_t len = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;

    *out = byte;
    if (len == 1)
        return 1;
    if (byte < 0xc2 || byte > 0xf4 || len > text->len - at)
        return 0;
    *out = byte & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        byte = (uint8_t)text->data[at + i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        *out = *out << 6 | (byte & 0x3f);
    }
    return *out < least[len] || *out > 0x10ffff || (*out >= 0xd800 && *out < 0xe000) ? 0 : len;
}

static bool
is_utf8(const struct cg_buf *text)
{
    uint32_t c;
    size_t len;

    for (size_t at = 0; at < text->len; at += len) {
        len = take_utf8(text, at, &c);
        if (len == 0)
            return false;
    }
    return true;
}

/* One character as it is compared: 0 for none, a blank for white space. */
static uint32_t
map(uint32_t c)
{
    const struct range *range;

    if (c > ' ' && c < 0x7f)
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    if (c == ' ' || IN(spaces, c) != NULL)
        return ' ';
    if (IN(shapeless, c) != NULL)
        return 0;
    range = IN(small_letters, c);
    return range == NULL ? c : (uint32_t)((int)c + range->delta);
}

bool
cg_string_prepare(struct cg_buf *text)
{
    bool space = false;
    size_t to = 0;
    uint32_t c;

    if (!is_utf8(text))
        return false;
    for (size_t at = 0; at < text->len;) {
        at += take_utf8(text, at, &c);
        c = map(c);
        if (c == ' ')
            space = to != 0;
        if (c == 0 || c == ' ')
            continue;
        if (space)
            text->data[to++] = ' ';
        space = false;
        to += put_utf8(c, (uint8_t *)text->data + to);
    }
    text->len = to;
    return true;
}
