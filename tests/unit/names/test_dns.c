#include "presented.h"

#include "names/dns.h"

/* clang-format off */
#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define LABEL63 A60 "aaa"
#define NAME253 LABEL63 "." LABEL63 "." LABEL63 "." A60 "a"

#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

static const struct {
    const char *why;
    struct cg_span name;
    bool plain;    /* valid without a wildcard */
    bool wildcard; /* valid where a wildcard is allowed */
} valid_rows[] = {
    { "a host name", TEXT("www.example.com"), true, true },
    { "one label", TEXT("localhost"), true, true },
    { "one letter", TEXT("a"), true, true },
    { "capitals", TEXT("WWW.Example.COM"), true, true },
    { "digits in labels", TEXT("3com.4.example1"), true, true },
    { "an A-label", TEXT("xn--bcher-kva.example"), true, true },
    { "two hyphens inside", TEXT("a--b.example"), true, true },
    { "an underscore label", TEXT("_sip._tls.example.com"), true, true },
    { "a label of 63", TEXT(LABEL63 ".example"), true, true },
    { "a label of 64", TEXT(LABEL63 "a.example"), false, false },
    { "a name of 253", TEXT(NAME253), true, true },
    { "a name of 254", TEXT(NAME253 "a"), false, false },
    { "nothing", TEXT(""), false, false },
    { "the root", TEXT("."), false, false },
    { "a leading dot", TEXT(".example.com"), false, false },
    { "a trailing dot", TEXT("example.com."), false, false },
    { "an empty label", TEXT("www..example.com"), false, false },
    { "a space", TEXT("www example.com"), false, false },
    { "a leading space", TEXT(" example.com"), false, false },
    { "a hyphen first", TEXT("-a.example.com"), false, false },
    { "a hyphen last", TEXT("a-.example.com"), false, false },
    { "a NUL inside", TEXT("example.com\0.attacker.example"), false, false },
    { "a NUL at the end", TEXT("example.com\0"), false, false },
    { "UTF-8", TEXT("b\xc3\xbc" "cher.example"), false, false },
    { "Latin-1", TEXT("b\xfc" "cher.example"), false, false },
    { "a slash", TEXT("example.com/"), false, false },
    { "a port", TEXT("example.com:443"), false, false },
    { "an IPv4 address", TEXT("192.0.2.1"), false, false },
    { "a short IPv4 address", TEXT("127.1"), false, false },
    { "a number", TEXT("2130706433"), false, false },
    { "an IPv6 address", TEXT("2001:db8::1"), false, false },
    { "digits in the last label but not only", TEXT("192.0.2.1a"), true, true },
    { "a wildcard above two labels", TEXT("*.example.com"), false, true },
    { "a wildcard above one label", TEXT("*.com"), false, false },
    { "a wildcard alone", TEXT("*"), false, false },
    { "a wildcard and a dot", TEXT("*."), false, false },
    { "a wildcard with a trailing dot", TEXT("*.example.com."), false, false },
    { "a fragment before the wildcard", TEXT("a*.example.com"), false, false },
    { "a fragment behind the wildcard", TEXT("*a.example.com"), false, false },
    { "a fragment of an A-label", TEXT("xn--*.example.com"), false, false },
    { "two stars in one label", TEXT("**.example.com"), false, false },
    { "two wildcards", TEXT("*.*.example.com"), false, false },
    { "a wildcard inside", TEXT("www.*.example.com"), false, false },
    { "a wildcard at the end", TEXT("www.example.*"), false, false },
    { "a wildcard above an address", TEXT("*.0.2.1"), false, false },
};

static const struct {
    const char *why;
    struct cg_span presented;
    const char *reference;
    bool allow_wildcard;
    enum cg_name_result expect;
} match_rows[] = {
    { "the same", TEXT("www.example.com"), "www.example.com", true, CG_NAME_MATCH },
    { "another case", TEXT("WWW.EXAMPLE.com"), "www.example.com", true, CG_NAME_MATCH },
    { "another host", TEXT("ftp.example.com"), "www.example.com", true, CG_NAME_NO_MATCH },
    { "a suffix", TEXT("example.com"), "www.example.com", true, CG_NAME_NO_MATCH },
    { "a prefix", TEXT("www.example.com.au"), "www.example.com", true, CG_NAME_NO_MATCH },
    { "one letter more", TEXT("awww.example.com"), "www.example.com", true, CG_NAME_NO_MATCH },
    { "underscore for underscore", TEXT("_x.example.com"), "_x.example.com", true, CG_NAME_MATCH },
    { "no folding beyond ASCII letters", TEXT("a_b.example"), "a\x7f" "b.example", true, CG_NAME_NO_MATCH },
    { "a trailing dot presented", TEXT("www.example.com."), "www.example.com", true, CG_NAME_NO_MATCH },
    { "a wildcard", TEXT("*.example.com"), "www.example.com", true, CG_NAME_MATCH_WILDCARD },
    { "a wildcard in another case", TEXT("*.EXAMPLE.com"), "www.example.com", true, CG_NAME_MATCH_WILDCARD },
    { "a wildcard for a whole A-label", TEXT("*.example.com"), "xn--bcher-kva.example.com", true, CG_NAME_MATCH_WILDCARD },
    { "a wildcard above an A-label", TEXT("*.xn--bcher-kva.example"), "www.xn--bcher-kva.example", true, CG_NAME_MATCH_WILDCARD },
    { "a wildcard where none is allowed", TEXT("*.example.com"), "www.example.com", false, CG_NAME_NO_MATCH },
    { "a wildcard for no label", TEXT("*.example.com"), "example.com", true, CG_NAME_NO_MATCH },
    { "a wildcard for two labels", TEXT("*.example.com"), "a.b.example.com", true, CG_NAME_NO_MATCH },
    { "a wildcard for another domain", TEXT("*.example.com"), "www.example.net", true, CG_NAME_NO_MATCH },
    { "a wildcard above a single label", TEXT("*.com"), "example.com", true, CG_NAME_NO_MATCH },
    { "a wildcard for a single label", TEXT("*"), "localhost", true, CG_NAME_NO_MATCH },
    { "a fragment", TEXT("w*.example.com"), "www.example.com", true, CG_NAME_NO_MATCH },
    { "a NUL behind the reference", TEXT("www.example.com\0"), "www.example.com", true, CG_NAME_NO_MATCH },
};
/* clang-format on */

static void
valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(valid_rows) / sizeof(*valid_rows); i++) {
        if (cg_dns_name_is_valid(valid_rows[i].name, false) != valid_rows[i].plain)
            fail_msg("%s, without a wildcard", valid_rows[i].why);
        if (cg_dns_name_is_valid(valid_rows[i].name, true) != valid_rows[i].wildcard)
            fail_msg("%s, with a wildcard", valid_rows[i].why);
    }
}

static void
match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(match_rows) / sizeof(*match_rows); i++)
        if (cg_dns_match(match_rows[i].presented,
                    cg_span(match_rows[i].reference, strlen(match_rows[i].reference)),
                    match_rows[i].allow_wildcard) != match_rows[i].expect)
            fail_msg("%s", match_rows[i].why);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid),
        cmocka_unit_test(match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
