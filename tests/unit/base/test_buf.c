#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BYTES(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static void
grows_and_is_taken(void **state)
{
    struct cg_buf buf;
    char *text;

    (void)state;
    cg_buf_init(&buf, 10000);
    assert_string_equal(cg_buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        cg_buf_addf(&buf, "%04d,", i);
    assert_false(buf.failed);
    assert_int_equal(buf.len, 5000);
    text = cg_buf_take(&buf);
    assert_non_null(text);
    assert_int_equal(strlen(text), 5000);
    assert_memory_equal(text + 4995, "0999,", 6);
    free(text);
    assert_string_equal(cg_buf_text(&buf), ""); /* and can be used again */
    cg_buf_add(&buf, "again");
    assert_string_equal(cg_buf_text(&buf), "again");
    cg_buf_release(&buf);
}

static void
empty_is_a_text_too(void **state)
{
    struct cg_buf buf;
    char *text;

    (void)state;
    cg_buf_init(&buf, 1);
    text = cg_buf_take(&buf);
    assert_non_null(text);
    assert_string_equal(text, "");
    free(text);
}

/* The maximum counts bytes of text. What does not fit is left out whole, and so is everything after it. */
static void
the_maximum(void **state)
{
    static const struct {
        size_t max;
        const char *first, *second;
        bool failed;
        const char *text;
    } rows[] = {
        { 6, "abc", "def", false, "abcdef" },
        { 5, "abc", "def", true, "abc" },
        { 3, "abc", "", false, "abc" },
        { 2, "abc", "d", true, "" },
        { 0, "", "", false, "" },
        { 0, "a", "", true, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int printed = 0; printed < 2; printed++) {
            struct cg_buf buf;
            char *taken;

            cg_buf_init(&buf, rows[i].max);
            cg_buf_add(&buf, rows[i].first);
            if (printed)
                cg_buf_addf(&buf, "%s", rows[i].second);
            else
                cg_buf_add_bytes(&buf, rows[i].second, strlen(rows[i].second));
            assert_int_equal(buf.failed, rows[i].failed);
            assert_string_equal(cg_buf_text(&buf), rows[i].text);
            cg_buf_add(&buf, ""); /* a failure sticks */
            assert_int_equal(buf.failed, rows[i].failed);
            taken = cg_buf_take(&buf);
            assert_int_equal(taken == NULL, rows[i].failed);
            free(taken);
        }
    }
}

static const struct {
    const char *why;
    struct cg_span bytes;
    const char *escaped, *json;
} rows[] = {
    { "plain", BYTES("peer-1.example"), "peer-1.example", "\"peer-1.example\"" },
    { "a quote", BYTES("a\"b"), "a\"b", "\"a\\\"b\"" },
    { "a backslash", BYTES("a\\b"), "a\\x5cb", "\"a\\\\b\"" },
    { "a line feed", BYTES("a\nb"), "a\\x0ab", "\"a\\u000ab\"" },
    { "an escape sequence for a terminal", BYTES("\x1b[31m"), "\\x1b[31m", "\"\\u001b[31m\"" },
    { "delete", BYTES("a\x7f"), "a\\x7f", "\"a\x7f\"" },
    { "two bytes of UTF-8", BYTES("M\xc3\xbcnchen"), "M\xc3\xbcnchen", "\"M\xc3\xbcnchen\"" },
    { "three", BYTES("\xe2\x82\xac"), "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
    { "four", BYTES("\xf0\x9f\x94\x91"), "\xf0\x9f\x94\x91", "\"\xf0\x9f\x94\x91\"" },
    { "Latin-1", BYTES("M\xfcnchen"), "M\\xfcnchen", "\"M\\\\xfcnchen\"" },
    { "an overlong slash", BYTES("\xc0\xaf"), "\\xc0\\xaf", "\"\\\\xc0\\\\xaf\"" },
    { "overlong in three", BYTES("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf", "\"\\\\xe0\\\\x9f\\\\xbf\"" },
    { "half a surrogate pair", BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80",
            "\"\\\\xed\\\\xa0\\\\x80\"" },
    { "above U+10FFFF", BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80",
            "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"" },
    { "cut in the middle", BYTES("a\xe2\x82"), "a\\xe2\\x82", "\"a\\\\xe2\\\\x82\"" },
    { "a lone continuation", BYTES("\x80"), "\\x80", "\"\\\\x80\"" },
    { "a C1 control",
            BYTES("\xc2\x9b"
                  "31m"),
            "\\xc2\\x9b31m",
            "\"\xc2\x9b"
            "31m\"" },
    { "right-to-left override",
            BYTES("a\xe2\x80\xae"
                  "b"),
            "a\\xe2\\x80\\xaeb",
            "\"a\xe2\x80\xae"
            "b\"" },
    { "line separator", BYTES("\xe2\x80\xa8"), "\\xe2\\x80\\xa8", "\"\xe2\x80\xa8\"" },
};

static void
escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_buf buf;
        char text[64];

        cg_buf_init(&buf, 1000);
        cg_buf_add_escaped(&buf, rows[i].bytes);
        if (strcmp(cg_buf_text(&buf), rows[i].escaped) != 0)
            fail_msg("%s: escaped as %s", rows[i].why, cg_buf_text(&buf));
        cg_buf_release(&buf);
        memcpy(text, rows[i].bytes.data, rows[i].bytes.len);
        text[rows[i].bytes.len] = '\0';
        cg_buf_add_json(&buf, text);
        if (strcmp(cg_buf_text(&buf), rows[i].json) != 0)
            fail_msg("%s: as JSON %s", rows[i].why, cg_buf_text(&buf));
        cg_buf_release(&buf);
    }
}

static void
a_nul_is_not_the_end(void **state)
{
    struct cg_buf buf;

    (void)state;
    cg_buf_init(&buf, 100);
    cg_buf_add_escaped(&buf, cg_span("good.example\0.evil", 18));
    assert_string_equal(cg_buf_text(&buf), "good.example\\x00.evil");
    cg_buf_release(&buf);
}

static void
hex_and_times(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } times[] = {
        { 0, "1970-01-01T00:00:00Z" }, { -1, "1969-12-31T23:59:59Z" },
        { INT64_C(1795478400), "2026-11-24T00:00:00Z" },
        { INT64_C(253402300799), "9999-12-31T23:59:59Z" },
        { INT64_MAX, "9223372036854775807" }, /* in no calendar */
    };
    struct cg_buf buf;

    (void)state;
    cg_buf_init(&buf, 100);
    cg_buf_add_hex(&buf, cg_span("\x00\xab\xff", 3), false);
    cg_buf_add_hex(&buf, cg_span("\x00\xab\xff", 3), true);
    assert_string_equal(cg_buf_text(&buf), "00abff00ABFF");
    cg_buf_release(&buf);
    for (size_t i = 0; i < COUNT(times); i++) {
        cg_buf_add_time(&buf, times[i].seconds);
        assert_string_equal(cg_buf_text(&buf), times[i].text);
        cg_buf_release(&buf);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_is_taken),
        cmocka_unit_test(empty_is_a_text_too),
        cmocka_unit_test(the_maximum),
        cmocka_unit_test(escapes),
        cmocka_unit_test(a_nul_is_not_the_end),
        cmocka_unit_test(hex_and_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
