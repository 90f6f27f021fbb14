/* The server_name extension of a ClientHello (RFC 6066 section 3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/hello.h"

static const struct {
    const char *why;
    const char *bytes;
    size_t len;
    const char *name; /* NULL: none */
} rows[] = {
    { "one host name", "\0\6\0\0\3a.b", 8, "a.b" },
    { "capitals", "\0\6\0\0\3A.b", 8, "a.b" },
    { "nothing", "", 0, NULL },
    { "an empty list", "\0\0", 2, NULL },
    { "an empty name", "\0\3\0\0\0", 5, NULL },
    { "a list shorter than it says", "\0\7\0\0\3a.b", 8, NULL },
    { "a name shorter than it says", "\0\6\0\0\4a.b", 8, NULL },
    { "bytes behind the list", "\0\6\0\0\3a.bx", 9, NULL },
    { "bytes behind the name", "\0\7\0\0\3a.bx", 9, NULL },
    { "another type of name", "\0\6\1\0\3a.b", 8, NULL },
    { "a zero octet inside", "\0\6\0\0\3a\0b", 8, NULL },
    { "two names", "\0\14\0\0\3a.b\0\0\3c.d", 14, NULL },
};

static void
reads_the_name_or_none(void **state)
{
    char name[GW_MAX_SNI + 1];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool found = hello_server_name((const uint8_t *)rows[i].bytes, rows[i].len, name, &len);

        if (found != (rows[i].name != NULL) || strlen(name) != len ||
                strcmp(name, found ? rows[i].name : "") != 0)
            fail_msg("%s", rows[i].why);
    }
}

static void
bounds_the_name(void **state)
{
    uint8_t data[5 + GW_MAX_SNI + 1];
    char name[GW_MAX_SNI + 1];
    size_t len;

    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        unsigned host = GW_MAX_SNI + extra;

        memset(data, 'a', sizeof(data));
        data[0] = (uint8_t)((host + 3) >> 8);
        data[1] = (uint8_t)(host + 3);
        data[2] = 0;
        data[3] = (uint8_t)(host >> 8);
        data[4] = (uint8_t)host;
        assert_int_equal(hello_server_name(data, 5 + host, name, &len), extra == 0);
        assert_int_equal(len, extra == 0 ? GW_MAX_SNI : 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_name_or_none),
        cmocka_unit_test(bounds_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
