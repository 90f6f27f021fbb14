/* PROXY headers: what is one, where it ends, and what we write is what we read. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/limits.h"
#include "gateway/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TCP4                                                                                       \
    "\xc0\x00\x02\x01\xc0\x00\x02\x02\x15\xb3\x01\xbb" /* 192.0.2.1:5555 to 192.0.2.2:443 */

struct row {
    const char *what;
    const char *data;
    size_t len;
    enum proxy_result result;
    const char *from; /* "" unspecified */
};

#define ROW(what, data, result, from)                                                              \
    {                                                                                              \
        what, data, sizeof(data) - 1, result, from                                                 \
    }

static const struct row rows[] = {
    ROW("v1 over IPv4", "PROXY TCP4 192.0.2.1 192.0.2.2 5555 443\r\n", PROXY_DONE,
            "192.0.2.1:5555"),
    ROW("v1 over IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 5555 443\r\n", PROXY_DONE,
            "2001:db8::1:5555"),
    ROW("v1 port 0 and 65535", "PROXY TCP4 192.0.2.1 192.0.2.2 0 65535\r\n", PROXY_DONE,
            "192.0.2.1:0"),
    ROW("v1 unknown", "PROXY UNKNOWN\r\n", PROXY_DONE, ""),
    ROW("v1 unknown with addresses", "PROXY UNKNOWN 1 2 3 4\r\n", PROXY_DONE, ""),
    ROW("v1 of another family", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", PROXY_BAD, ""),
    ROW("v1 with UDP4", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", PROXY_BAD, ""),
    ROW("v1 with a port of 65536", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", PROXY_BAD, ""),
    ROW("v1 with a leading zero", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", PROXY_BAD, ""),
    ROW("v1 with a sign", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", PROXY_BAD, ""),
    ROW("v1 with two spaces", "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", PROXY_BAD, ""),
    ROW("v1 with a word too many", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", PROXY_BAD, ""),
    ROW("v1 with a word too few", "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", PROXY_BAD, ""),
    ROW("v1 with nothing in it", "PROXY \r\n", PROXY_BAD, ""),
    ROW("v1 ended by a bare LF", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", PROXY_BAD, ""),
    ROW("v1 with a NUL", "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", PROXY_BAD, ""),
    ROW("v1 in lower case", "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", PROXY_BAD, ""),
    ROW("a ClientHello", "\x16\x03\x01\x02", PROXY_BAD, ""),
    ROW("nothing yet", "", PROXY_MORE, ""),
    ROW("v2 over IPv4", SIGNATURE "\x21\x11\x00\x0c" TCP4, PROXY_DONE, "192.0.2.1:5555"),
    ROW("v2 with a TLV", SIGNATURE "\x21\x11\x00\x10" TCP4 "\x04\x00\x01\x00", PROXY_DONE,
            "192.0.2.1:5555"),
    ROW("v2 with its checksum", SIGNATURE "\x21\x11\x00\x13" TCP4 "\x03\x00\x04\xeb\x22\x38\xc5",
            PROXY_DONE, "192.0.2.1:5555"),
    ROW("v2 with a wrong checksum",
            SIGNATURE "\x21\x11\x00\x13" TCP4 "\x03\x00\x04\x01\x02\x03\x04", PROXY_BAD, ""),
    ROW("v2 with a short checksum", SIGNATURE "\x21\x11\x00\x10" TCP4 "\x03\x00\x01\x01", PROXY_BAD,
            ""),
    ROW("v2 with a TLV that does not fit", SIGNATURE "\x21\x11\x00\x10" TCP4 "\x04\x00\x02\x00",
            PROXY_BAD, ""),
    ROW("v2 too short for its addresses", SIGNATURE "\x21\x11\x00\x0b" TCP4, PROXY_BAD, ""),
    ROW("v2 LOCAL", SIGNATURE "\x20\x00\x00\x00", PROXY_DONE, ""),
    ROW("v2 LOCAL with addresses", SIGNATURE "\x20\x11\x00\x0c" TCP4, PROXY_DONE, ""),
    ROW("v2 of no family", SIGNATURE "\x21\x00\x00\x00", PROXY_DONE, ""),
    ROW("v2 over UDP", SIGNATURE "\x21\x12\x00\x0c" TCP4, PROXY_BAD, ""),
    ROW("v2 with another command", SIGNATURE "\x22\x11\x00\x0c" TCP4, PROXY_BAD, ""),
    ROW("version 3", SIGNATURE "\x31\x11\x00\x0c" TCP4, PROXY_BAD, ""),
    ROW("v2 too long", SIGNATURE "\x21\x11\xff\xff" TCP4, PROXY_BAD, ""),
};

static void
text_of(const struct sockaddr_storage *address, char *out, size_t size)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    char host[INET6_ADDRSTRLEN];

    out[0] = '\0';
    if (address->ss_family == AF_INET)
        snprintf(out, size, "%s:%u", inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host)),
                ntohs(in4->sin_port));
    else if (address->ss_family == AF_INET6)
        snprintf(out, size, "%s:%u", inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)),
                ntohs(in6->sin6_port));
}

static void
reads_what_balancers_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = NULL;
        struct proxy_ends ends;
        char from[80];
        size_t used;
        enum proxy_result result =
                proxy_read((const uint8_t *)rows[i].data, rows[i].len, &used, &ends, &why);

        if (result != rows[i].result)
            fail_msg("%s: %d (%s)", rows[i].what, result, why == NULL ? "" : why);
        if (result == PROXY_BAD)
            assert_non_null(why);
        if (result != PROXY_DONE)
            continue;
        text_of(&ends.from, from, sizeof(from));
        if (strcmp(from, rows[i].from) != 0 || used != rows[i].len)
            fail_msg("%s: from '%s', %zu used", rows[i].what, from, used);
    }
}

/* However it is cut, a good header asks for more; and what follows it is not taken. */
static void
knows_where_a_header_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t more[256];
        const char *why = NULL;
        struct proxy_ends ends;
        size_t used;

        if (rows[i].result != PROXY_DONE)
            continue;
        for (size_t cut = 0; cut < rows[i].len; cut++)
            if (proxy_read((const uint8_t *)rows[i].data, cut, &used, &ends, &why) != PROXY_MORE)
                fail_msg("%s, cut at %zu", rows[i].what, cut);
        memcpy(more, rows[i].data, rows[i].len);
        memcpy(more + rows[i].len, "\r\n\x16\x03", 4);
        assert_int_equal(proxy_read(more, rows[i].len + 4, &used, &ends, &why), PROXY_DONE);
        assert_int_equal(used, rows[i].len);
    }
}

static void
a_line_that_does_not_end_is_refused_at_its_limit(void **state)
{
    uint8_t line[200];
    const char *why = NULL;
    struct proxy_ends ends;
    size_t used;

    (void)state;
    memset(line, ' ', sizeof(line));
    memcpy(line, "PROXY UNKNOWN", 13);
    assert_int_equal(proxy_read(line, 106, &used, &ends, &why), PROXY_MORE);
    assert_int_equal(proxy_read(line, 107, &used, &ends, &why), PROXY_BAD);
}

static struct proxy_facts
facts_between(const char *from, const char *to)
{
    struct proxy_facts facts = { .authority = "gw.example.test" };
    struct sockaddr_storage *both[] = { &facts.ends.from, &facts.ends.to };
    const char *texts[] = { from, to };

    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)both[i];
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)both[i];

        if (inet_pton(AF_INET, texts[i], &in4->sin_addr) == 1) {
            in4->sin_family = AF_INET;
            in4->sin_port = htons((in_port_t)(5061 + i));
        } else {
            assert_int_equal(inet_pton(AF_INET6, texts[i], &in6->sin6_addr), 1);
            in6->sin6_family = AF_INET6;
            in6->sin6_port = htons((in_port_t)(5061 + i));
        }
    }
    return facts;
}

static void
reads_what_it_writes(void **state)
{
    static const struct {
        const char *from, *to, *wanted_from, *wanted_to;
    } pairs[] = {
        { "192.0.2.1", "192.0.2.2", "192.0.2.1:5061", "192.0.2.2:5062" },
        { "2001:db8::1", "2001:db8::2", "2001:db8::1:5061", "2001:db8::2:5062" },
        { "::ffff:192.0.2.1", "192.0.2.2", "192.0.2.1:5061", "192.0.2.2:5062" },
        { "192.0.2.1", "2001:db8::2", "::ffff:192.0.2.1:5061", "2001:db8::2:5062" },
    };

    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
            struct proxy_facts facts = facts_between(pairs[i].from, pairs[i].to);
            char from[80], to[80];
            const char *why = NULL;
            struct proxy_ends ends;
            size_t len, used;
            uint8_t *header = proxy_write(version, &facts, &len);

            assert_non_null(header);
            assert_int_equal(proxy_read(header, len, &used, &ends, &why), PROXY_DONE);
            assert_int_equal(used, len);
            text_of(&ends.from, from, sizeof(from));
            text_of(&ends.to, to, sizeof(to));
            assert_string_equal(from, pairs[i].wanted_from);
            assert_string_equal(to, pairs[i].wanted_to);
            free(header);
        }
    }
}

/* The value of a TLV, or NULL. */
static const uint8_t *
find_tlv(const uint8_t *at, const uint8_t *end, uint8_t type, size_t *len)
{
    while (end - at >= 3) {
        *len = (size_t)at[1] << 8 | at[2];
        if (at[0] == type)
            return at + 3;
        at += 3 + *len;
    }
    return NULL;
}

static void
tells_of_tls_and_the_certificate(void **state)
{
    static const uint8_t der[300] = { 0x30, 0x82 };
    static const struct {
        bool certificate, full, verified;
        uint8_t client, verify;
    } cases[] = {
        { false, true, false, 0x01, 1 },
        { true, true, true, 0x07, 0 },
        { true, true, false, 0x07, 1 },
        { true, false, true, 0x05, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proxy_facts facts = facts_between("192.0.2.1", "192.0.2.2");
        size_t len, ssl_len, value_len;
        const uint8_t *ssl, *value;
        uint8_t *header;

        facts.tls = "TLSv1.3";
        facts.certificate = cases[i].certificate ? der : NULL;
        facts.certificate_len = sizeof(der);
        facts.full_handshake = cases[i].full;
        facts.verified = cases[i].verified;
        header = proxy_write(2, &facts, &len);
        assert_non_null(header);
        value = find_tlv(header + 28, header + len, 0x02, &value_len);
        assert_int_equal(value_len, 15);
        assert_memory_equal(value, "gw.example.test", 15);
        ssl = find_tlv(header + 28, header + len, 0x20, &ssl_len);
        assert_non_null(ssl);
        assert_ptr_equal(ssl + ssl_len, header + len);
        assert_int_equal(ssl[0], cases[i].client);
        assert_memory_equal(ssl + 1, "\0\0\0", 3);
        assert_int_equal(ssl[4], cases[i].verify);
        assert_non_null(find_tlv(ssl + 5, ssl + ssl_len, 0x21, &value_len));
        value = find_tlv(ssl + 5, ssl + ssl_len, 0x28, &value_len);
        assert_int_equal(value != NULL, cases[i].certificate);
        if (value != NULL) {
            assert_int_equal(value_len, sizeof(der));
            assert_memory_equal(value, der, sizeof(der));
        }
        free(header);
    }
}

static void
says_nothing_of_tls_where_there_is_none(void **state)
{
    struct proxy_facts facts = facts_between("192.0.2.1", "192.0.2.2");
    size_t len, tlv_len;
    uint8_t *header;

    (void)state;
    facts.authority = NULL;
    facts.tls = facts.cipher = NULL;
    facts.unique_id = "abc234";
    header = proxy_write(2, &facts, &len);
    assert_non_null(header);
    assert_null(find_tlv(header + 28, header + len, 0x20, &tlv_len));
    assert_non_null(find_tlv(header + 28, header + len, 0x05, &tlv_len));
    free(header);
}

static void
what_does_not_fit_is_not_written(void **state)
{
    static uint8_t der[65536];
    struct proxy_facts facts = facts_between("192.0.2.1", "192.0.2.2");
    size_t len;

    (void)state;
    facts.tls = "TLSv1.3";
    facts.certificate = der;
    facts.certificate_len = sizeof(der);
    assert_null(proxy_write(2, &facts, &len));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_balancers_send),
        cmocka_unit_test(knows_where_a_header_ends),
        cmocka_unit_test(a_line_that_does_not_end_is_refused_at_its_limit),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(tells_of_tls_and_the_certificate),
        cmocka_unit_test(says_nothing_of_tls_where_there_is_none),
        cmocka_unit_test(what_does_not_fit_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
