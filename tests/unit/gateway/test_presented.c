/* Which of several certificates a server name brings. */
#include "gateway/presented.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *const sans[] = {
    "subjectAltName=DNS:gw.example.com,IP:192.0.2.1", "subjectAltName=DNS:*.example.com",
    "subjectAltName=DNS:*.example.net,DNS:*.example.com,DNS:SIP.example.com,URI:sip:other.example",
    "subjectAltName=DNS:sip.example.com", NULL, /* a common name alone */
};

static struct gw_presented presented[COUNT(sans)];

static int
make(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sans); i++)
        presented[i].cert = mint_cert(&(struct mint) {
                .subject = "CN=cn.example", .key = mint_key("P-256"), .extensions = { sans[i] } });
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sans); i++)
        cg_cert_free(presented[i].cert);
    return 0;
}

static void
chosen(void **state)
{
    static const struct {
        const char *why, *name;
        size_t wanted;
    } rows[] = {
        { "none", "", 0 },
        { "of nobody", "other.example", 0 },
        { "the first", "gw.example.com", 0 },
        { "a wildcard", "phone.example.com", 1 },
        { "the very name before a wildcard, in the same certificate too", "sip.example.com", 2 },
        { "a wildcard that is not the first name", "a.example.net", 2 },
        { "two labels under a wildcard", "a.b.example.net", 0 },
        { "the wildcard's own domain", "example.net", 0 },
        { "a final dot", "phone.example.com.", 1 },
        { "an address", "192.0.2.1", 0 },
        { "a wildcard is no name", "*.example.net", 0 },
        { "a common name", "cn.example", 0 },
        { "no name at all", "\x01", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct gw_interface iface = { .presented = presented,
            .presented_count = COUNT(sans) };
        size_t found = (size_t)(presented_for(&iface, rows[i].name) - presented);

        if (found != rows[i].wanted)
            fail_msg("%s: %zu", rows[i].why, found);
    }
}

/* The order of the list counts among equals, and one certificate is for every name. */
static void
order(void **state)
{
    struct gw_presented turned[] = { presented[3], presented[2], presented[1] };
    struct gw_interface iface = { .presented = turned, .presented_count = 3 };

    (void)state;
    assert_ptr_equal(presented_for(&iface, "sip.example.com"), &turned[0]);
    assert_ptr_equal(presented_for(&iface, "phone.example.com"), &turned[1]);
    iface.presented_count = 1;
    assert_ptr_equal(presented_for(&iface, "phone.example.com"), &turned[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen),
        cmocka_unit_test(order),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
