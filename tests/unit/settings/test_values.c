#include "settings/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct {
    const char *text;
    bool valid;
    uint64_t ms;
} durations[] = {
    { "0s", true, 0 },
    { "1ms", true, 1 },
    { "10s", true, 10000 },
    { "5m", true, 300000 },
    { "2h", true, 7200000 },
    { "1000000000h", true, UINT64_C(3600000000000000) },
    { "1000000001ms", false, 0 },
    { "99999999999999999999999s", false, 0 },
    { "10", false, 0 },
    { "", false, 0 },
    { "s", false, 0 },
    { "-1s", false, 0 },
    { "+1s", false, 0 },
    { " 1s", false, 0 },
    { "1 s", false, 0 },
    { "1S", false, 0 },
    { "1.5s", false, 0 },
    { "7d", true, 604800000 },
    { "1w", false, 0 },
    { "1s ", false, 0 },
};

static const struct {
    const char *text;
    bool valid;
    uint64_t bytes;
} sizes[] = {
    { "0B", true, 0 },
    { "512B", true, 512 },
    { "64KB", true, 64000 },
    { "100MB", true, 100000000 },
    { "1000000000GB", true, UINT64_C(1000000000000000000) },
    { "1000000001B", false, 0 },
    { "100", false, 0 },
    { "MB", false, 0 },
    { "-1MB", false, 0 },
    { "1 MB", false, 0 },
    { "1mb", false, 0 },
    { "1.5MB", false, 0 },
};

static void
read_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t bytes = 0;

        if (value_size(sizes[i].text, &bytes) != sizes[i].valid || bytes != sizes[i].bytes)
            fail_msg("'%s' is %llu octets", sizes[i].text, (unsigned long long)bytes);
    }
}

static void
read_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        uint64_t ms = 0;
        bool valid = value_duration(durations[i].text, &ms);

        if (valid != durations[i].valid || ms != durations[i].ms)
            fail_msg("'%s' is %llu ms", durations[i].text, (unsigned long long)ms);
    }
}

static const struct {
    const char *text;
    bool valid, as_backend; /* … with UNIX sockets allowed */
    int family;
    unsigned port;
} addresses[] = {
    { "192.0.2.1:8443", true, true, AF_INET, 8443 },
    { "0.0.0.0:0", true, true, AF_INET, 0 },
    { "127.0.0.1:65535", true, true, AF_INET, 65535 },
    { "127.0.0.1:65536", false, false, 0, 0 },
    { "127.0.0.1:", false, false, 0, 0 },
    { "127.0.0.1", false, false, 0, 0 },
    { "127.0.0.1:-1", false, false, 0, 0 },
    { "127.0.0.1: 1", false, false, 0, 0 },
    { "127.0.0.1:1x", false, false, 0, 0 },
    { "127.0.0.1:18446744073709551616", false, false, 0, 0 },
    { "127.0.1:80", false, false, 0, 0 },
    { ":80", false, false, 0, 0 },
    { "", false, false, 0, 0 },
    { "localhost:80", false, false, 0, 0 }, /* names are not resolved here */
    { "[::1]:443", true, true, AF_INET6, 443 },
    { "[2001:db8::1]:5061", true, true, AF_INET6, 5061 },
    { "[]:443", false, false, 0, 0 },
    { "[::1]", false, false, 0, 0 },
    { "::1:443", false, false, 0, 0 },
    { "[127.0.0.1]:443", false, false, 0, 0 },
    { "[fe80::1%eth0]:443", false, false, 0, 0 },
    { "unix:/run/backend", false, true, AF_UNIX, 0 },
    { "unix:", false, false, 0, 0 },
};

static unsigned
port_of(const struct snapshot_address *address)
{
    const void *at = &address->addr;

    switch (address->addr.ss_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)at)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)at)->sin6_port);
    default:
        return 0;
    }
}

static void
read_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        for (int with_unix = 0; with_unix < 2; with_unix++) {
            struct snapshot_address address;
            bool valid = value_address(addresses[i].text, with_unix, &address);

            if (valid != (with_unix ? addresses[i].as_backend : addresses[i].valid))
                fail_msg("'%s'", addresses[i].text);
            if (valid &&
                    (address.addr.ss_family != addresses[i].family ||
                            port_of(&address) != addresses[i].port || address.len == 0))
                fail_msg("'%s': family %d port %u", addresses[i].text, address.addr.ss_family,
                        port_of(&address));
        }
    }
}

/* sun_path holds 108 octets, the NUL among them. */
static void
longest_unix_path(void **state)
{
    struct snapshot_address address;
    char text[256] = "unix:";

    (void)state;
    memset(text + 5, 'p', 107);
    assert_true(value_address(text, true, &address));
    assert_int_equal(address.len, sizeof(struct sockaddr_un));
    text[5 + 107] = 'p';
    assert_false(value_address(text, true, &address));
}

static const struct {
    const char *text;
    bool valid;
    unsigned bits;
} networks[] = {
    { "192.0.2.0/24", true, 120 },
    { "192.0.2.1", true, 128 },
    { "192.0.2.1/32", true, 128 },
    { "0.0.0.0/0", true, 96 },
    { "128.0.0.0/1", true, 97 },
    { "192.0.2.1/24", false, 0 }, /* a bit after the prefix */
    { "192.0.2.0/33", false, 0 },
    { "192.0.2.0/", false, 0 },
    { "192.0.2.0/-1", false, 0 },
    { "192.0.2.0/24x", false, 0 },
    { "192.0.2/24", false, 0 },
    { "2001:db8::/32", true, 32 },
    { "2001:db8::1", true, 128 },
    { "::/0", true, 0 },
    { "2001:db8::1/32", false, 0 },
    { "2001:db8::/129", false, 0 },
    { "", false, 0 },
    { "/24", false, 0 },
    { "example.com/24", false, 0 },
};

static void
read_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(networks); i++) {
        struct snapshot_network network;
        bool valid = value_network(networks[i].text, &network);

        if (valid != networks[i].valid || (valid && network.bits != networks[i].bits))
            fail_msg("'%s': %u bits", networks[i].text, network.bits);
    }
}

static const struct {
    const char *text;
    bool valid;
    int64_t last;
} dates[] = {
    { "1970-01-01", true, 86399 },
    { "2027-06-30", true, INT64_C(1814399999) },
    { "2028-02-29", true, INT64_C(1835481599) },
    { "2027-02-29", false, 0 },
    { "2027-04-31", false, 0 },
    { "2027-13-01", false, 0 },
    { "2027-00-01", false, 0 },
    { "2027-6-30", false, 0 },
    { "2027-06-30 ", false, 0 },
    { " 2027-06-30", false, 0 },
    { "2027-06-3", false, 0 },
    { "2027", false, 0 },
    { "", false, 0 },
};

static void
read_end_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        int64_t last = 0;
        bool valid = value_end_date(dates[i].text, &last);

        if (valid != dates[i].valid || (valid && last != dates[i].last))
            fail_msg("'%s': %lld", dates[i].text, (long long)last);
    }
}

static const struct {
    const char *text;
    bool valid;
    enum cg_allowance allowance;
    int64_t until;
} allowances[] = {
    { "allow-sha1-chain", true, CG_ALLOW_SHA1_CHAIN, INT64_MAX },
    { "allow-sip-wildcard until 1970-01-01", true, CG_ALLOW_SIP_WILDCARD, 86399 },
    { "allow-sha1-chain until", false, 0, 0 },
    { "allow-sha1-chain until ", false, 0, 0 },
    { "allow-sha1-chain until tomorrow", false, 0, 0 },
    { "allow-sha1-chain  until 1970-01-01", false, 0, 0 },
    { "sha1-chain", false, 0, 0 },
    { "", false, 0, 0 },
    { " until 1970-01-01", false, 0, 0 },
    { "an-allowance-with-a-name-that-is-longer-than-any-buffer-that-could-hold-it-here", false, 0,
            0 },
};

static void
read_allowances(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(allowances); i++) {
        struct snapshot_allowance allowance;
        bool valid = value_allowance(allowances[i].text, &allowance);

        if (valid != allowances[i].valid ||
                (valid &&
                        (allowance.allowance != allowances[i].allowance ||
                                allowance.until != allowances[i].until)))
            fail_msg("'%s'", allowances[i].text);
    }
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define COLONS                                                                                     \
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE" \
    ":FF"

static const struct {
    const char *text;
    const char *reason; /* NULL: no pin */
    int64_t until;
} pins[] = {
    { HEX " until 1970-01-01: why: because", "why: because", 86399 },
    { COLONS " until 1970-01-01: x", "x", 86399 },
    { HEX " until 1970-01-01T00:01:00Z: x", "x", 60 },
    { HEX " until 1970-01-01T00:01:00+01:00: x", NULL, 0 },
    { HEX " until 1970-02-30: x", NULL, 0 },
    { HEX " until 1970-02-30T00:01:00Z: x", NULL, 0 },
    { HEX " until 1970-01-01: ", NULL, 0 },
    { HEX " until 1970-01-01:x", NULL, 0 },
    { HEX " until 1970-01-01: a\nb", NULL, 0 },
    { HEX " until 1970-01-01", NULL, 0 },
    { HEX " until : x", NULL, 0 },
    { HEX ": x", NULL, 0 },
    { HEX, NULL, 0 },
    { HEX "0 until 1970-01-01: x", NULL, 0 },
    { "0g112233445566778899aabbccddeeff00112233445566778899aabbccddeeff until 1970-01-01: x", NULL,
            0 },
    { "0011 until 1970-01-01: x", NULL, 0 },
    { "", NULL, 0 },
};

static void
read_pins(void **state)
{
    char text[SNAPSHOT_REASON_SIZE + 128];
    struct snapshot_pin pin;
    const char *reason;
    int len;

    (void)state;
    for (size_t i = 0; i < COUNT(pins); i++) {
        bool valid = value_pin(pins[i].text, &pin, &reason);

        if (valid != (pins[i].reason != NULL) ||
                (valid && (pin.until != pins[i].until || strcmp(reason, pins[i].reason) != 0)))
            fail_msg("'%s'", pins[i].text);
        if (valid)
            assert_true(pin.sha256[1] == 0x11 && pin.sha256[31] == 0xff);
    }
    len = snprintf(text, sizeof(text), HEX " until 1970-01-01: %*s", SNAPSHOT_REASON_SIZE - 1, "x");
    assert_true(value_pin(text, &pin, &reason));
    text[len] = 'x';
    text[len + 1] = '\0';
    assert_false(value_pin(text, &pin, &reason));
}

static void
nearest_names(void **state)
{
    static const char *const names[] = { "level", "listen", "backend", "max-connections", NULL };
    static const struct {
        const char *typed, *nearest;
    } rows[] = {
        { "level", "level" },
        { "levle", "level" },
        { "lisen", "listen" },
        { "backends", "backend" },
        { "max_connections", "max-connections" },
        { "colour", NULL },
        { "x", NULL },
        { "", NULL },
    };
    char longest[200];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *nearest = value_nearest(rows[i].typed, names);

        if ((nearest == NULL) != (rows[i].nearest == NULL) ||
                (nearest != NULL && strcmp(nearest, rows[i].nearest) != 0))
            fail_msg("'%s': %s", rows[i].typed, nearest == NULL ? "none" : nearest);
    }
    memset(longest, 'l', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(value_nearest(longest, names));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_durations),
        cmocka_unit_test(read_sizes),
        cmocka_unit_test(read_addresses),
        cmocka_unit_test(longest_unix_path),
        cmocka_unit_test(read_networks),
        cmocka_unit_test(read_end_dates),
        cmocka_unit_test(read_allowances),
        cmocka_unit_test(read_pins),
        cmocka_unit_test(nearest_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
