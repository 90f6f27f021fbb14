#include "base/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BYTES(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static void
integers_of_every_width(void **state)
{
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct cg_reader reader = cg_reader(cg_span(bytes, sizeof(bytes)));
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;

    (void)state;
    assert_true(cg_read_u8(&reader, &u8) && u8 == 0x01);
    assert_true(cg_read_u16(&reader, &u16) && u16 == 0x0203);
    assert_true(cg_read_u32(&reader, &u32) && u32 == 0x04050607);
    assert_int_equal(cg_reader_left(&reader), 8);
    assert_true(cg_read_u64(&reader, &u64) && u64 == UINT64_C(0x08090a0b0c0d0e0f));
    assert_true(cg_reader_done(&reader));
    assert_false(cg_read_u8(&reader, &u8));
}

/* One byte too few: false, and the cursor stays. */
static void
nothing_is_taken_by_halves(void **state)
{
    static const uint8_t bytes[8] = { 0 };
    struct cg_span span;
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;

    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct cg_reader reader = cg_reader(cg_span(bytes, len)), whole = reader;

        assert_int_equal(cg_read_u16(&reader, &u16), len >= 2);
        assert_ptr_equal(reader.at, whole.at + (len >= 2 ? 2 : 0));
        reader = whole;
        assert_int_equal(cg_read_u32(&reader, &u32), len >= 4);
        assert_ptr_equal(reader.at, whole.at + (len >= 4 ? 4 : 0));
        reader = whole;
        assert_int_equal(cg_read_u64(&reader, &u64), len >= 8);
        assert_ptr_equal(reader.at, whole.at + (len >= 8 ? 8 : 0));
        reader = whole;
        assert_true(cg_read_bytes(&reader, len, &span));
        assert_int_equal(span.len, len);
        reader = whole;
        assert_false(cg_read_bytes(&reader, len + 1, &span));
        assert_false(cg_read_bytes(&reader, SIZE_MAX, &span));
        assert_ptr_equal(reader.at, whole.at);
    }
}

/* X.690 section 10.1: one way to write a length, and it must fit. */
static const struct {
    const char *why;
    struct cg_span bytes;
    bool valid;
    size_t contents;
} elements[] = {
    { "nothing", BYTES(""), false, 0 },
    { "only a tag", BYTES("\x04"), false, 0 },
    { "empty contents", BYTES("\x04\x00"), true, 0 },
    { "one octet", BYTES("\x04\x01x"), true, 1 },
    { "one octet missing", BYTES("\x04\x02x"), false, 0 },
    { "something behind it stays", BYTES("\x04\x01xyz"), true, 1 },
    { "indefinite", BYTES("\x30\x80\x00\x00"), false, 0 },
    { "a long form for what fits the short", BYTES("\x04\x81\x01x"), false, 0 },
    { "a long form that starts with zero", BYTES("\x04\x82\x00\x01x"), false, 0 },
    { "a length without its octets", BYTES("\x04\x82\x01"), false, 0 },
    { "a length of five octets", BYTES("\x04\x85\x01\x00\x00\x00\x00x"), false, 0 },
    { "the reserved length", BYTES("\x04\xffx"), false, 0 },
    { "4 GiB", BYTES("\x04\x84\xff\xff\xff\xffx"), false, 0 },
    { "a high tag number", BYTES("\x1f\x01\x00"), false, 0 },
    { "a high tag number, constructed", BYTES("\xbf\x20\x00"), false, 0 },
    { "a sequence that is not constructed", BYTES("\x10\x00"), false, 0 },
    { "an octet string in pieces", BYTES("\x24\x03\x04\x01x"), false, 0 },
    { "no type", BYTES("\x00\x00"), false, 0 },
    { "no type, constructed", BYTES("\x20\x00"), false, 0 },
    { "EXTERNAL is a sequence underneath", BYTES("\x28\x00"), true, 0 },
    { "context tags have either form", BYTES("\x80\x00"), true, 0 },
};

static void
elements_and_their_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(elements); i++) {
        struct cg_reader reader = cg_reader(elements[i].bytes), whole = reader;
        struct cg_span contents, all;
        uint8_t tag;
        bool valid = cg_der_any(&reader, &tag, &contents, &all);

        if (valid != elements[i].valid || (!valid && reader.at != whole.at))
            fail_msg("%s", elements[i].why);
        if (valid &&
                (contents.len != elements[i].contents || all.data != whole.at ||
                        all.data + all.len != reader.at))
            fail_msg("%s: %zu octets inside", elements[i].why, contents.len);
    }
}

/* 127, 128, 255, 256 and 65535, 65536: where the length takes another octet. */
static void
lengths_at_their_boundaries(void **state)
{
    static const struct {
        size_t len;
        size_t octets;
        uint8_t header[6];
    } rows[] = {
        { 127, 2, { 0x04, 0x7f } },
        { 128, 3, { 0x04, 0x81, 0x80 } },
        { 255, 3, { 0x04, 0x81, 0xff } },
        { 256, 4, { 0x04, 0x82, 0x01, 0x00 } },
        { 65535, 4, { 0x04, 0x82, 0xff, 0xff } },
        { 65536, 5, { 0x04, 0x83, 0x01, 0x00, 0x00 } },
    };
    static uint8_t bytes[65536 + 6];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_reader reader;
        struct cg_span contents;

        memcpy(bytes, rows[i].header, rows[i].octets);
        reader = cg_reader(cg_span(bytes, rows[i].octets + rows[i].len));
        assert_true(cg_der_element(&reader, CG_DER_OCTET_STRING, &contents));
        assert_int_equal(contents.len, rows[i].len);
        assert_true(cg_reader_done(&reader));
        reader = cg_reader(cg_span(bytes, rows[i].octets + rows[i].len - 1));
        assert_false(cg_der_element(&reader, CG_DER_OCTET_STRING, &contents));
    }
}

static void
another_tag(void **state)
{
    struct cg_reader reader = cg_reader(cg_span("\x04\x01x", 3)), inside;
    struct cg_span contents;

    (void)state;
    assert_true(cg_der_next_is(&reader, CG_DER_OCTET_STRING));
    assert_false(cg_der_next_is(&reader, CG_DER_SEQUENCE));
    assert_false(cg_der_element(&reader, CG_DER_SEQUENCE, &contents));
    assert_false(cg_der_enter(&reader, CG_DER_SEQUENCE, &inside));
    assert_true(cg_der_enter(&reader, CG_DER_OCTET_STRING, &inside));
    assert_int_equal(cg_reader_left(&inside), 1);
    assert_false(cg_der_next_is(&reader, CG_DER_OCTET_STRING));
}

static const struct {
    const char *why;
    struct cg_span bytes;
    bool valid;
    bool value;
} booleans[] = {
    { "false", BYTES("\x01\x01\x00"), true, false },
    { "true", BYTES("\x01\x01\xff"), true, true },
    { "BER's true", BYTES("\x01\x01\x01"), false, false },
    { "empty", BYTES("\x01\x00"), false, false },
    { "two octets", BYTES("\x01\x02\xff\xff"), false, false },
    { "an INTEGER", BYTES("\x02\x01\xff"), false, false },
};

static void
boolean_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(booleans); i++) {
        struct cg_reader reader = cg_reader(booleans[i].bytes), whole = reader;
        bool value = false, valid = cg_der_boolean(&reader, &value);

        if (valid != booleans[i].valid || (valid && value != booleans[i].value) ||
                (!valid && reader.at != whole.at))
            fail_msg("%s", booleans[i].why);
    }
}

static const struct {
    const char *why;
    struct cg_span bytes;
    bool integer; /* a well-formed INTEGER */
    bool small; /* … that cg_der_small_uint takes */
    uint32_t value;
} integers[] = {
    { "0", BYTES("\x02\x01\x00"), true, true, 0 },
    { "127", BYTES("\x02\x01\x7f"), true, true, 127 },
    { "128", BYTES("\x02\x02\x00\x80"), true, true, 128 },
    { "-128", BYTES("\x02\x01\x80"), true, false, 0 },
    { "-1", BYTES("\x02\x01\xff"), true, false, 0 },
    { "2^31", BYTES("\x02\x05\x00\x80\x00\x00\x00"), true, true, UINT32_C(1) << 31 },
    { "2^32 - 1", BYTES("\x02\x05\x00\xff\xff\xff\xff"), true, true, UINT32_MAX },
    { "2^32", BYTES("\x02\x05\x01\x00\x00\x00\x00"), true, false, 0 },
    { "2^40", BYTES("\x02\x06\x01\x00\x00\x00\x00\x00"), true, false, 0 },
    { "empty", BYTES("\x02\x00"), false, false, 0 },
    { "a zero too many", BYTES("\x02\x02\x00\x7f"), false, false, 0 },
    { "an 0xff too many", BYTES("\x02\x02\xff\x80"), false, false, 0 },
    { "another tag", BYTES("\x0a\x01\x00"), false, false, 0 },
};

static void
integer_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(integers); i++) {
        struct cg_reader reader = cg_reader(integers[i].bytes), whole = reader;
        struct cg_span contents;
        uint32_t value = 0;

        if (cg_der_integer(&reader, &contents) != integers[i].integer ||
                (!integers[i].integer && reader.at != whole.at))
            fail_msg("%s", integers[i].why);
        reader = whole;
        if (cg_der_small_uint(&reader, CG_DER_INTEGER, &value) != integers[i].small ||
                value != integers[i].value || (!integers[i].small && reader.at != whole.at))
            fail_msg("%s: as a small one %u", integers[i].why, value);
    }
}

static const struct {
    const char *why;
    struct cg_span bytes;
    bool valid;
} oids[] = {
    { "2.5.29.15", BYTES("\x06\x03\x55\x1d\x0f"), true },
    { "an arc of two octets", BYTES("\x06\x02\x88\x37"), true },
    { "empty", BYTES("\x06\x00"), false },
    { "an arc that does not end", BYTES("\x06\x03\x55\x1d\x8f"), false },
    { "an arc with a leading 0x80", BYTES("\x06\x03\x55\x80\x0f"), false },
    { "a first arc with a leading 0x80", BYTES("\x06\x02\x80\x01"), false },
    { "0x80 inside an arc", BYTES("\x06\x04\x55\x81\x80\x01"), true },
};

static void
oid_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(oids); i++) {
        struct cg_reader reader = cg_reader(oids[i].bytes);
        struct cg_span contents;

        if (cg_der_oid(&reader, &contents) != oids[i].valid)
            fail_msg("%s", oids[i].why);
    }
}

static const struct {
    const char *why;
    struct cg_span bytes;
    bool valid;
    unsigned unused;
    size_t len;
} bit_strings[] = {
    { "no bits", BYTES("\x03\x01\x00"), true, 0, 0 },
    { "one bit", BYTES("\x03\x02\x07\x80"), true, 7, 1 },
    { "eight bits", BYTES("\x03\x02\x00\xff"), true, 0, 1 },
    { "nine bits", BYTES("\x03\x03\x07\xff\x80"), true, 7, 2 },
    { "without the octet of unused bits", BYTES("\x03\x00"), false, 0, 0 },
    { "eight unused bits", BYTES("\x03\x02\x08\x00"), false, 0, 0 },
    { "unused bits of nothing", BYTES("\x03\x01\x01"), false, 0, 0 },
    { "an unused bit that is set", BYTES("\x03\x02\x07\xc0"), false, 0, 0 },
    { "the lowest unused bit is set", BYTES("\x03\x02\x07\x81"), false, 0, 0 },
};

static void
bit_string_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bit_strings); i++) {
        struct cg_reader reader = cg_reader(bit_strings[i].bytes);
        struct cg_span bytes = { NULL, 0 };
        unsigned unused = 0;
        bool valid = cg_der_bit_string(&reader, CG_DER_BIT_STRING, &bytes, &unused);

        if (valid != bit_strings[i].valid || unused != bit_strings[i].unused ||
                bytes.len != bit_strings[i].len)
            fail_msg("%s", bit_strings[i].why);
    }
}

#define UTC(text) BYTES("\x17\x0d" text)
#define GENERAL(text) BYTES("\x18\x0f" text)

/* RFC 5280 sections 4.1.2.5.1 and 4.1.2.5.2. */
static const struct {
    struct cg_span bytes;
    bool valid;
    int64_t seconds;
} times[] = {
    { UTC("700101000000Z"), true, 0 },
    { UTC("691231235959Z"), true, -1 },
    { UTC("500101000000Z"), true, -631152000 }, /* 50 is 1950 … */
    { UTC("491231235959Z"), true, INT64_C(2524607999) }, /* … and 49 is 2049 */
    { UTC("000229000000Z"), true, 951782400 }, /* 2000 is a leap year */
    { UTC("010229000000Z"), false, 0 },
    { UTC("000230000000Z"), false, 0 },
    { UTC("260431000000Z"), false, 0 },
    { UTC("260001000000Z"), false, 0 },
    { UTC("261301000000Z"), false, 0 },
    { UTC("260100000000Z"), false, 0 },
    { UTC("260101240000Z"), false, 0 },
    { UTC("260101006000Z"), false, 0 },
    { UTC("260101000060Z"), false, 0 }, /* no leap seconds */
    { UTC("26010100000 Z"), false, 0 },
    { UTC("2601010000-1Z"), false, 0 },
    { UTC("260101000000z"), false, 0 },
    { UTC("2601010000000"), false, 0 },
    { BYTES("\x17\x0b"
            "2601010000Z"),
            false, 0 }, /* without seconds */
    { BYTES("\x17\x11"
            "260101000000+0100"),
            false, 0 },
    { GENERAL("20500101000000Z"), true, INT64_C(2524608000) },
    { GENERAL("19691231235959Z"), true, -1 },
    { GENERAL("99991231235959Z"), true, INT64_C(253402300799) },
    { GENERAL("00000101000000Z"), true, INT64_C(-62167219200) },
    { GENERAL("19000229000000Z"), false, 0 }, /* 1900 is none */
    { GENERAL("24000229000000Z"), true, INT64_C(13574563200) },
    { BYTES("\x18\x11"
            "20500101000000.5Z"),
            false, 0 }, /* no fractions */
    { BYTES("\x18\x0d"
            "205001010000Z"),
            false, 0 },
    { BYTES("\x16\x0d"
            "700101000000Z"),
            false, 0 },
    { BYTES("\x17\x00"), false, 0 },
};

static void
time_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        struct cg_reader reader = cg_reader(times[i].bytes), whole = reader;
        int64_t seconds = 0;
        bool valid = cg_der_time(&reader, &seconds);

        if (valid != times[i].valid || seconds != times[i].seconds ||
                (!valid && reader.at != whole.at))
            fail_msg("'%.*s' gives %lld", (int)times[i].bytes.len - 2, times[i].bytes.data + 2,
                    (long long)seconds);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_width),
        cmocka_unit_test(nothing_is_taken_by_halves),
        cmocka_unit_test(elements_and_their_lengths),
        cmocka_unit_test(lengths_at_their_boundaries),
        cmocka_unit_test(another_tag),
        cmocka_unit_test(boolean_values),
        cmocka_unit_test(integer_values),
        cmocka_unit_test(oid_values),
        cmocka_unit_test(bit_string_values),
        cmocka_unit_test(time_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
