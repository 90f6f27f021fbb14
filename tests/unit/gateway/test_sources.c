/* Connections counted by source: one host is one source, by whatever family and socket it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "gateway/sources.h"

static struct sockaddr_storage
address(const char *text)
{
    struct sockaddr_storage from = { 0 };

    if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&from)->sin_addr) == 1) {
        from.ss_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&from)->sin6_addr), 1);
        from.ss_family = AF_INET6;
    }
    return from;
}

static struct source *
take(struct sources *sources, const char *text)
{
    struct sockaddr_storage from = address(text);
    bool failed;
    struct source *source = sources_take(sources, (struct sockaddr *)&from, &failed);

    assert_false(failed);
    return source;
}

static void
one_host_is_one_source(void **state)
{
    static const struct {
        const char *why, *one, *other;
        bool same;
    } rows[] = {
        { "the same address", "192.0.2.1", "192.0.2.1", true },
        { "its neighbour", "192.0.2.1", "192.0.2.2", false },
        { "IPv4 on an IPv6 socket", "192.0.2.1", "::ffff:192.0.2.1", true },
        { "two hosts of IPv4 on IPv6 sockets", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
        { "two addresses of one /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true },
        { "two networks", "2001:db8:0:1::1", "2001:db8:0:2::1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sources sources = { .seed = i };
        struct source *one = take(&sources, rows[i].one), *other = take(&sources, rows[i].other);

        if ((one == other) != rows[i].same)
            fail_msg("%s", rows[i].why);
        assert_int_equal(one->connections, rows[i].same ? 2 : 1);
        sources_give(&sources, one);
        sources_give(&sources, other);
    }
}

static void
a_source_is_forgotten_with_its_last_connection(void **state)
{
    struct sources sources = { .seed = 1 };
    struct source *kept[300];
    char text[32];

    (void)state;
    /* More than one in a bucket here and there, given back from the middle. */
    for (int i = 0; i < 300; i++) {
        (void)snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
        kept[i] = take(&sources, text);
    }
    for (int i = 0; i < 300; i++)
        sources_give(&sources, kept[(i * 7) % 300]);
    for (size_t i = 0; i < SOURCES_BUCKETS; i++)
        assert_null(sources.buckets[i]);
}

static void
what_has_no_address_is_not_counted(void **state)
{
    const struct sockaddr from = { .sa_family = AF_UNIX };
    struct sources sources = { .seed = 1 };
    bool failed = true;

    (void)state;
    assert_null(sources_take(&sources, &from, &failed));
    assert_false(failed);
    sources_give(&sources, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_host_is_one_source),
        cmocka_unit_test(a_source_is_forgotten_with_its_last_connection),
        cmocka_unit_test(what_has_no_address_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
