/* Comparison of distinguished names: RFC 5280 section 7.1, RFC 4518. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "x509/facts.h"

#define UTF8 CG_DER_UTF8_STRING
#define PRINTABLE CG_DER_PRINTABLE_STRING
#define IA5 CG_DER_IA5_STRING
#define T61 CG_DER_T61_STRING
#define BMP CG_DER_BMP_STRING
#define UNIVERSAL CG_DER_UNIVERSAL_STRING

struct value {
    uint8_t tag;
    const char *bytes;
    size_t len;
};
#define V(tag, bytes)                                                                              \
    {                                                                                              \
        tag, bytes, sizeof(bytes) - 1                                                              \
    }

static const struct {
    const char *why;
    struct value a;
    struct value b;
    bool equal;
} rows[] = {
    { "the same", V(PRINTABLE, "Example CA"), V(PRINTABLE, "Example CA"), true },
    { "another", V(PRINTABLE, "Example CA"), V(PRINTABLE, "Example CB"), false },
    { "a part", V(PRINTABLE, "Example"), V(PRINTABLE, "Example CA"), false },
    { "another string type", V(PRINTABLE, "Example CA"), V(UTF8, "Example CA"), true },
    { "IA5String", V(IA5, "a@b.example"), V(UTF8, "A@B.example"), true },
    { "BMPString", V(BMP, "\0C\0A"), V(PRINTABLE, "ca"), true },
    { "UniversalString", V(UNIVERSAL, "\0\0\0C\0\0\0A"), V(PRINTABLE, "CA"), true },
    { "TeletexString as Latin-1", V(T61, "M\xfcller"), V(UTF8, "M\xc3\xbcller"), true },
    { "case", V(PRINTABLE, "EXAMPLE ca"), V(PRINTABLE, "example CA"), true },
    { "blanks in the middle", V(PRINTABLE, "Example   CA"), V(PRINTABLE, "Example CA"), true },
    { "blanks at the ends", V(PRINTABLE, "  Example CA "), V(PRINTABLE, "Example CA"), true },
    { "a blank is not nothing", V(PRINTABLE, "ExampleCA"), V(PRINTABLE, "Example CA"), false },
    { "only blanks, and none", V(PRINTABLE, "   "), V(PRINTABLE, ""), true },
    { "tab, line feed", V(UTF8, "Example\t\nCA"), V(UTF8, "Example CA"), true },
    { "no-break space",
            V(UTF8,
                    "Example\xc2\xa0"
                    "CA"),
            V(UTF8, "Example CA"), true },
    { "ideographic space",
            V(UTF8,
                    "Example\xe3\x80\x80"
                    "CA"),
            V(UTF8, "Example CA"), true },
    { "soft hyphen",
            V(UTF8,
                    "Ex\xc2\xad"
                    "ample"),
            V(UTF8, "Example"), true },
    { "zero width space",
            V(UTF8,
                    "Ex\xe2\x80\x8b"
                    "ample"),
            V(UTF8, "Example"), true },
    { "control characters", V(UTF8, "Ex\x01\0ample"), V(UTF8, "Example"), true },
    { "case of Latin-1", V(UTF8, "M\xc3\x9cLLER"), V(UTF8, "m\xc3\xbcller"), true },
    { "multiplication sign is no letter", V(UTF8, "\xc3\x97"), V(UTF8, "\xc3\xb7"), false },
    { "case of Latin Extended-A", V(UTF8, "\xc5\xa0koda"), V(UTF8, "\xc5\xa1koda"), true },
    { "a small letter that stands first", V(UTF8, "\xc4\x81"), V(UTF8, "\xc4\x82"), false },
    { "case of Greek", V(UTF8, "\xce\x91\xce\x86"), V(UTF8, "\xce\xb1\xce\xac"), true },
    { "final sigma", V(UTF8, "\xcf\x82"), V(UTF8, "\xce\xa3"), true },
    { "case of Cyrillic", V(UTF8, "\xd0\x90\xd0\x81"), V(UTF8, "\xd0\xb0\xd1\x91"), true },
    { "case of Armenian", V(UTF8, "\xd4\xb1"), V(UTF8, "\xd5\xa1"), true },
    { "an accent is no nothing", V(UTF8, "e"), V(UTF8, "\xc3\xa9"), false },
    { "four octets", V(UTF8, "\xf0\x9f\x98\x80"), V(UTF8, "\xf0\x9f\x98\x81"), false },
    { "not UTF-8: byte by byte", V(UTF8, "A\xff"), V(UTF8, "A\xff"), true },
    { "not UTF-8: no case", V(UTF8, "A\xff"), V(UTF8, "a\xff"), false },
    { "not UTF-8: overlong", V(UTF8, "\xc1\x81"), V(UTF8, "A"), false },
    { "not UTF-8: cut", V(UTF8, "a\xe2\x80"), V(UTF8, "a"), false },
    { "half a BMP character", V(BMP, "\0C\0"), V(BMP, "\0C"), false },
    { "a number is no text", V(CG_DER_INTEGER, "a"), V(UTF8, "a"), false },
};

/* 30 (31 (30 oid string)): a name of one commonName, short forms only. */
static size_t
put_name(uint8_t out[128], const struct value *value)
{
    static const uint8_t oid[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
    uint8_t *at = out;
    size_t inner = sizeof(oid) + 2 + value->len;

    assert_true(inner + 4 < 0x7f);
    *at++ = CG_DER_SEQUENCE;
    *at++ = (uint8_t)(inner + 4);
    *at++ = CG_DER_SET;
    *at++ = (uint8_t)(inner + 2);
    *at++ = CG_DER_SEQUENCE;
    *at++ = (uint8_t)inner;
    memcpy(at, oid, sizeof(oid));
    at += sizeof(oid);
    *at++ = value->tag;
    *at++ = (uint8_t)value->len;
    memcpy(at, value->bytes, value->len);
    return inner + 6;
}

static void
build(const struct value *value, struct cg_canonical_name *out)
{
    uint8_t der[128];
    bool bad_string = false;

    assert_true(cg_canonical_name_build(cg_span(der, put_name(der, value)), out, &bad_string));
}

static void
compared_as_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cg_canonical_name a, b;

        build(&rows[i].a, &a);
        build(&rows[i].b, &b);
        if (cg_canonical_name_equal(&a, &b) != rows[i].equal)
            fail_msg("%s: expected %s", rows[i].why, rows[i].equal ? "equal" : "different");
        free(a.data);
        free(b.data);
    }
}

/* The attributes of one RDN are a set; the RDNs of a name are a list. */
static void
order_within_an_rdn(void **state)
{
#define CN_A                                                                                       \
    "\x30\x08\x06\x03\x55\x04\x03\x13\x01"                                                         \
    "a"
#define OU_B                                                                                       \
    "\x30\x08\x06\x03\x55\x04\x0b\x13\x01"                                                         \
    "B"
#define OU_SMALL_B                                                                                 \
    "\x30\x08\x06\x03\x55\x04\x0b\x0c\x01"                                                         \
    "b"
    static const char ab[] = "\x30\x16\x31\x14" CN_A OU_B;
    static const char ba[] = "\x30\x16\x31\x14" OU_SMALL_B CN_A;
    static const char apart[] = "\x30\x18\x31\x0a" CN_A "\x31\x0a" OU_B;
    static const char turned[] = "\x30\x18\x31\x0a" OU_B "\x31\x0a" CN_A;
    static const struct cg_span names[] = {
        { (const uint8_t *)ab, sizeof(ab) - 1 },
        { (const uint8_t *)ba, sizeof(ba) - 1 },
        { (const uint8_t *)apart, sizeof(apart) - 1 },
        { (const uint8_t *)turned, sizeof(turned) - 1 },
    };
    struct cg_canonical_name built[4];
    bool bad_string = false;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(cg_canonical_name_build(names[i], &built[i], &bad_string));
    assert_true(cg_canonical_name_equal(&built[0], &built[1]));
    assert_false(cg_canonical_name_equal(&built[0], &built[2]));
    assert_false(cg_canonical_name_equal(&built[2], &built[3]));
    for (size_t i = 0; i < 4; i++)
        free(built[i].data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compared_as_text),
        cmocka_unit_test(order_within_an_rdn),
    };

    return cmocka_run_group_tests_name("x509/name", tests, NULL, NULL);
}
