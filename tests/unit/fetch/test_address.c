/* Which addresses may be connected to: both ends of each special network, and what lies beside it. */
#include "fetch/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static const struct {
    const char *address;
    bool public, routed;
} rows[] = {
    { "0.0.0.0", false, false },
    { "0.255.255.255", false, false },
    { "1.0.0.0", true, true },
    { "9.255.255.255", true, true },
    { "10.0.0.0", false, true },
    { "10.255.255.255", false, true },
    { "11.0.0.0", true, true },
    { "100.63.255.255", true, true },
    { "100.64.0.0", false, true },
    { "100.127.255.255", false, true },
    { "100.128.0.0", true, true },
    { "126.255.255.255", true, true },
    { "127.0.0.1", false, false },
    { "127.255.255.255", false, false },
    { "128.0.0.0", true, true },
    { "169.253.255.255", true, true },
    { "169.254.169.254", false, false },
    { "169.255.0.0", true, true },
    { "172.15.255.255", true, true },
    { "172.16.0.0", false, true },
    { "172.31.255.255", false, true },
    { "172.32.0.0", true, true },
    { "192.0.0.8", false, false },
    { "192.0.2.1", false, false },
    { "192.0.3.0", true, true },
    { "192.167.255.255", true, true },
    { "192.168.0.1", false, true },
    { "192.169.0.0", true, true },
    { "198.17.255.255", true, true },
    { "198.18.0.0", false, false },
    { "198.19.255.255", false, false },
    { "198.51.100.1", false, false },
    { "203.0.113.1", false, false },
    { "223.255.255.255", true, true },
    { "224.0.0.1", false, false },
    { "255.255.255.255", false, false },
    { "::", false, false },
    { "::1", false, false },
    { "::ffff:127.0.0.1", false, false },
    { "::ffff:10.1.2.3", false, true },
    { "::ffff:8.8.8.8", true, true },
    { "64:ff9b::10.0.0.1", false, true },
    { "64:ff9b::8.8.8.8", true, true },
    { "100::1", false, false },
    { "1fff::1", false, false },
    { "2000::1", true, true },
    { "2001::1", false, false },
    { "2001:1ff:ffff::1", false, false },
    { "2001:200::1", true, true },
    { "2001:db8::1", false, false },
    { "2001:db9::1", true, true },
    { "2002:a00:1::1", false, false },
    { "2606:4700::1111", true, true },
    { "3fff:0fff::1", false, false },
    { "3fff:1000::1", true, true },
    { "4000::1", false, false },
    { "fc00::1", false, true },
    { "fdff::1", false, true },
    { "fe80::1", false, false },
    { "fec0::1", false, false },
    { "ff02::1", false, false },
    /* servers that give a cloud's machines their secrets */
    { "100.100.100.199", false, true },
    { "100.100.100.200", false, false },
    { "168.63.129.16", true, false },
    { "fd00:ec2::254", false, false },
    { "fd00:ec2::255", false, true },
    { "fd20:ce::254", false, false },
    { "64:ff9b::100.100.100.200", false, false },
};

static void
special_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_in four = { .sin_family = AF_INET };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        const struct sockaddr *address = (const struct sockaddr *)&six;

        if (inet_pton(AF_INET, rows[i].address, &four.sin_addr) == 1)
            address = (const struct sockaddr *)&four;
        else
            assert_int_equal(inet_pton(AF_INET6, rows[i].address, &six.sin6_addr), 1);
        if (address_is_public(address) != rows[i].public)
            fail_msg("%s: %s", rows[i].address, rows[i].public ? "refused" : "let through");
        if (address_is_routed(address) != rows[i].routed)
            fail_msg("%s: %s to look at a server", rows[i].address,
                    rows[i].routed ? "refused" : "let through");
    }
}

static void
no_other_family(void **state)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX };

    (void)state;
    assert_false(address_is_public((const struct sockaddr *)&local));
    assert_false(address_is_routed((const struct sockaddr *)&local));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_networks),
        cmocka_unit_test(no_other_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
