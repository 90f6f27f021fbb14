#include "presented.h"

/* clang-format off */
static const struct {
    const char *why;
    const char *text;
    bool valid;
    int kind;
    const char *normal; /* what the reference is kept as */
} reference_rows[] = {
    { "a host name", "www.example.com", true, CG_REFERENCE_DNS, "www.example.com" },
    { "capitals are folded", "WWW.Example.COM", true, CG_REFERENCE_DNS, "www.example.com" },
    { "one trailing dot goes", "www.example.com.", true, CG_REFERENCE_DNS, "www.example.com" },
    { "two trailing dots", "www.example.com..", false, 0, "" },
    { "one label", "localhost", true, CG_REFERENCE_DNS, "localhost" },
    { "a dot behind one label", "com.", false, 0, "" },
    { "the root", ".", false, 0, "" },
    { "nothing", "", false, 0, "" },
    { "a leading dot", ".example.com", false, 0, "" },
    { "a wildcard", "*.example.com", false, 0, "" },
    { "a URL", "https://www.example.com", false, 0, "" },
    { "a port", "www.example.com:443", false, 0, "" },
    { "UTF-8 (the caller converts)", "b\xc3\xbc" "cher.example", false, 0, "" },
    { "IPv4", "192.0.2.1", true, CG_REFERENCE_IP, "192.0.2.1" },
    { "IPv4 out of range", "192.0.2.256", false, 0, "" },
    { "IPv4 of three numbers", "192.0.2", false, 0, "" },
    { "IPv4 with a trailing dot", "192.0.2.1.", false, 0, "" },
    { "IPv6", "2001:db8::1", true, CG_REFERENCE_IP, "2001:db8::1" },
    { "IPv6 with a tail of IPv4", "::ffff:192.0.2.1", true, CG_REFERENCE_IP, "::ffff:192.0.2.1" },
    { "IPv6 in brackets", "[2001:db8::1]", false, 0, "" },
    { "IPv6 with a zone", "fe80::1%eth0", false, 0, "" },
    { "IPv6 with two gaps", "2001::db8::1", false, 0, "" },
};

#define V4 "\xc0\x00\x02\x01"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"

static struct {
    const char *why;
    struct cg_general_name san[MAX_PRESENTED];
    const char *reference;
    enum cg_name_result expect;
    size_t which;
} match_rows[] = {
    { "a dNSName", { SAN(DNS, "www.example.com") }, "www.example.com", CG_NAME_MATCH, 0 },
    { "a wildcard", { SAN(DNS, "*.example.com") }, "www.example.com", CG_NAME_MATCH_WILDCARD, 0 },
    { "the second", { SAN(DNS, "a.example"), SAN(DNS, "b.example") }, "b.example", CG_NAME_MATCH, 1 },
    { "a bad name before a good one", { SAN(DNS, "*"), SAN(DNS, "b.example") }, "b.example", CG_NAME_MATCH, 1 },
    { "another name", { SAN(DNS, "a.example") }, "b.example", CG_NAME_NO_MATCH, 0 },
    { "no SAN", { { 0, { NULL, 0 } } }, "b.example", CG_NAME_NONE, 0 },
    { "only a URI", { SAN(URI, "https://b.example/") }, "b.example", CG_NAME_NONE, 0 },
    { "only an e-mail address", { SAN(EMAIL, "b.example") }, "b.example", CG_NAME_NONE, 0 },
    { "IPv4", { SAN(IP, V4) }, "192.0.2.1", CG_NAME_MATCH, 0 },
    { "another IPv4", { SAN(IP, V4) }, "192.0.2.2", CG_NAME_NO_MATCH, 0 },
    { "IPv4 with a mask", { SAN(IP, V4 "\xff\xff\xff\xff") }, "192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "IPv4 cut short", { SAN(IP, "\xc0\x00\x02") }, "192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "no octets at all", { SAN(IP, "") }, "192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "IPv4 as a dNSName", { SAN(DNS, "192.0.2.1") }, "192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "IPv4 as text in an iPAddress", { SAN(IP, "192.0.2.1") }, "192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "IPv6", { SAN(IP, V6) }, "2001:db8::1", CG_NAME_MATCH, 0 },
    { "IPv6 written out", { SAN(IP, V6) }, "2001:0DB8:0:0:0:0:0:1", CG_NAME_MATCH, 0 },
    { "IPv6 as a dNSName", { SAN(DNS, "2001:db8::1") }, "2001:db8::1", CG_NAME_NO_MATCH, 0 },
    { "an IPv4-mapped address is not IPv4", { SAN(IP, MAPPED) }, "192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "IPv4 is not its mapped address", { SAN(IP, V4) }, "::ffff:192.0.2.1", CG_NAME_NO_MATCH, 0 },
    { "the mapped address itself", { SAN(IP, MAPPED) }, "::ffff:192.0.2.1", CG_NAME_MATCH, 0 },
    { "an address for a name", { SAN(IP, V4) }, "b.example", CG_NAME_NO_MATCH, 0 },
    { "an address whose octets spell the name", { SAN(IP, "a.bc") }, "a.bc", CG_NAME_NO_MATCH, 0 },
    { "a name and an address", { SAN(DNS, "a.example"), SAN(IP, V4) }, "192.0.2.1", CG_NAME_MATCH, 1 },
};
/* clang-format on */

static void
references(void **state)
{
    struct cg_reference reference;

    (void)state;
    for (size_t i = 0; i < sizeof(reference_rows) / sizeof(*reference_rows); i++) {
        bool valid = cg_reference_parse(reference_rows[i].text, &reference);

        if (valid != reference_rows[i].valid)
            fail_msg("%s", reference_rows[i].why);
        if (valid &&
                ((int)reference.kind != reference_rows[i].kind ||
                        strcmp(reference.text, reference_rows[i].normal) != 0))
            fail_msg("%s: kept as '%s'", reference_rows[i].why, reference.text);
    }
}

/* The longest name, with and without its trailing dot, and one more letter. */
static void
longest_reference(void **state)
{
    struct cg_reference reference;
    char text[300];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 64 == 63 ? '.' : 'a';
    text[253] = '\0';
    assert_true(cg_reference_parse(text, &reference));
    assert_int_equal(strlen(reference.text), 253);
    text[253] = '.';
    text[254] = '\0';
    assert_true(cg_reference_parse(text, &reference));
    assert_int_equal(strlen(reference.text), 253);
    text[253] = 'a';
    assert_false(cg_reference_parse(text, &reference));
    text[254] = 'a';
    text[299] = '\0';
    assert_false(cg_reference_parse(text, &reference));
}

static void
matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(match_rows) / sizeof(*match_rows); i++) {
        struct cg_cert cert = presented_cert(match_rows[i].san);
        struct cg_reference reference;
        size_t which;

        assert_true(cg_reference_parse(match_rows[i].reference, &reference));
        if (cg_host_match(&cert, &reference, &which) != match_rows[i].expect ||
                which != match_rows[i].which)
            fail_msg("%s", match_rows[i].why);
    }
}

/* The CN is no name to compare with, whatever it says (RFC 9525 section 2). */
static void
never_the_common_name(void **state)
{
    static const uint8_t subject[] = "\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x03\x0c\x07"
                                     "b.examp";
    struct cg_cert cert = { .version = 3, .subject = cg_span(subject, sizeof(subject) - 1) };
    struct cg_reference reference;
    size_t which;

    (void)state;
    assert_true(cg_reference_parse("b.examp", &reference));
    assert_int_equal(cg_host_match(&cert, &reference, &which), CG_NAME_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(longest_reference),
        cmocka_unit_test(matches),
        cmocka_unit_test(never_the_common_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
