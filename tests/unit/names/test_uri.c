#include "presented.h"

/* clang-format off */
#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define NOTHING { NULL, 0 }

static const struct {
    const char *why;
    struct cg_span uri;
    bool valid;
    struct cg_span host;
    bool has_userinfo;
    struct cg_span userinfo;
} rows[] = {
    { "https", TEXT("https://a.test/path"), true, TEXT("a.test"), false, NOTHING },
    { "a port", TEXT("https://a.test:443"), true, TEXT("a.test"), false, NOTHING },
    { "an empty port", TEXT("https://a.test:/"), true, TEXT("a.test"), false, NOTHING },
    { "a port that is no number", TEXT("https://a.test:4x3/"), false, NOTHING, false, NOTHING },
    { "a query without a path", TEXT("https://a.test?x=@b.test"), true, TEXT("a.test"), false, NOTHING },
    { "a fragment", TEXT("https://a.test#@b.test"), true, TEXT("a.test"), false, NOTHING },
    { "userinfo", TEXT("https://bob@a.test/"), true, TEXT("a.test"), true, TEXT("bob") },
    { "userinfo that looks like a host", TEXT("https://b.test:1@a.test/"), true, TEXT("a.test"), true, TEXT("b.test:1") },
    { "two @", TEXT("https://x@b.test@a.test/"), true, TEXT("a.test"), true, TEXT("x@b.test") },
    { "an @ in the path", TEXT("https://a.test/x@b.test"), true, TEXT("a.test"), false, NOTHING },
    { "IPv6", TEXT("https://[2001:db8::1]:443/"), true, TEXT("2001:db8::1"), false, NOTHING },
    { "IPv6 with something behind", TEXT("https://[2001:db8::1]a/"), false, NOTHING, false, NOTHING },
    { "IPv6 that does not close", TEXT("https://[2001:db8::1/"), false, NOTHING, false, NOTHING },
    { "no authority", TEXT("mailto:bob@a.test"), false, NOTHING, false, NOTHING },
    { "one slash", TEXT("https:/a.test"), false, NOTHING, false, NOTHING },
    { "an empty host", TEXT("https:///path"), false, NOTHING, false, NOTHING },
    { "only a port", TEXT("https://:443/"), false, NOTHING, false, NOTHING },
    { "no scheme", TEXT("//a.test/"), false, NOTHING, false, NOTHING },
    { "an empty scheme", TEXT("://a.test/"), false, NOTHING, false, NOTHING },
    { "a scheme that starts with a digit", TEXT("1a://a.test/"), false, NOTHING, false, NOTHING },
    { "a scheme with its other characters", TEXT("a1+-.://a.test/"), true, TEXT("a.test"), false, NOTHING },
    { "nothing", TEXT(""), false, NOTHING, false, NOTHING },
    { "sip", TEXT("sip:a.test"), true, TEXT("a.test"), false, NOTHING },
    { "sips", TEXT("sips:a.test:5061"), true, TEXT("a.test"), false, NOTHING },
    { "sip with parameters", TEXT("sip:a.test;x=y"), true, TEXT("a.test"), false, NOTHING },
    { "sip with headers", TEXT("sip:a.test?x=y"), true, TEXT("a.test"), false, NOTHING },
    { "sip with a user", TEXT("sip:bob@a.test"), true, TEXT("a.test"), true, TEXT("bob") },
    { "sip with a user that has everything", TEXT("sip:a;b=c?d:pw@a.test:1;x"), true, TEXT("a.test"), true, TEXT("a;b=c?d:pw") },
    { "sip without a host", TEXT("sip:;x"), false, NOTHING, false, NOTHING },
    { "sip with a user and no host", TEXT("sip:bob@"), false, NOTHING, true, TEXT("bob") },
    { "a NUL stays in the host", TEXT("https://a.test\0.b.test/"), true, TEXT("a.test\0.b.test"), false, NOTHING },
};
/* clang-format on */

static void
hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct cg_span scheme, userinfo, host;
        bool has_userinfo;
        bool valid = cg_uri_host(rows[i].uri, &scheme, &userinfo, &has_userinfo, &host);

        if (valid != rows[i].valid || has_userinfo != rows[i].has_userinfo ||
                !cg_span_equal(userinfo, rows[i].userinfo))
            fail_msg("%s", rows[i].why);
        if (valid && !cg_span_equal(host, rows[i].host))
            fail_msg("%s: host '%.*s'", rows[i].why, (int)host.len, (const char *)host.data);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
