#include "presented.h"

#include "base/buf.h"

/* clang-format off */
/* Subjects in DER: an RDN sequence of common names, most significant first. */
#define CN7(tag, text) "\x31\x10\x30\x0e\x06\x03\x55\x04\x03" tag "\x07" text
#define ONE_CN(tag, text) "\x30\x12" CN7(tag, text)
#define TWO_CNS(a, tag, b) "\x30\x24" CN7("\x0c", a) CN7(tag, b)
#define UTF8 "\x0c"
#define PRINTABLE "\x13"
#define T61 "\x14"
#define BMP "\x1e"
#define DER(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define NO_SAN { { 0, { NULL, 0 } } }

static struct {
    const char *why;
    struct cg_general_name san[MAX_PRESENTED];
    struct cg_span subject;
    const char *domain;
    bool allow_wildcard;
    enum cg_name_result expect;
} rows[] = {
    /* RFC 5922 section 7.1, step 1: URIs */
    { "a SIP URI", { SAN(URI, "sip:a.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "the scheme in capitals", { SAN(URI, "SIP:a.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "another case", { SAN(URI, "sip:A.Test") }, {0}, "a.tESt", false, CG_NAME_MATCH },
    { "a port", { SAN(URI, "sip:a.test:5061") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "parameters", { SAN(URI, "sip:a.test;transport=tls;lr") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "port, parameters, headers", { SAN(URI, "sip:a.test:5061;lr?subject=x") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "sips is not sip", { SAN(URI, "sips:a.test") }, {0}, "a.test", false, CG_NAME_NONE },
    { "nor is im", { SAN(URI, "im:a.test") }, {0}, "a.test", false, CG_NAME_NONE },
    { "a user part", { SAN(URI, "sip:bob@a.test") }, {0}, "a.test", false, CG_NAME_NONE },
    { "an empty user part", { SAN(URI, "sip:@a.test") }, {0}, "a.test", false, CG_NAME_NONE },
    { "a user part with parameters", { SAN(URI, "sip:bob;x=y?@a.test") }, {0}, "a.test", false, CG_NAME_NONE },
    { "a user and a domain", { SAN(URI, "sip:bob@b.test"), SAN(URI, "sip:a.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "the user's domain of these", { SAN(URI, "sip:bob@b.test"), SAN(URI, "sip:a.test") }, {0}, "b.test", false, CG_NAME_NO_MATCH },
    { "a suffix", { SAN(URI, "sip:a.test") }, {0}, "sip.a.test", false, CG_NAME_NO_MATCH },
    { "a parent", { SAN(URI, "sip:sip.a.test") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a leading dot", { SAN(URI, "sip:.a.test") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a trailing dot", { SAN(URI, "sip:a.test.") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a NUL", { SAN(URI, "sip:a.test\0.b.test") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "slashes", { SAN(URI, "sip://a.test") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a space", { SAN(URI, "sip: a.test") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a wildcard in a URI", { SAN(URI, "sip:*.a.test") }, {0}, "sip.a.test", false, CG_NAME_NO_MATCH },
    { "a wildcard in a URI with the allowance", { SAN(URI, "sip:*.a.test") }, {0}, "sip.a.test", true, CG_NAME_NO_MATCH },
    { "IPv4", { SAN(URI, "sip:192.0.2.1:5061") }, {0}, "192.0.2.1", false, CG_NAME_MATCH },
    { "another IPv4", { SAN(URI, "sip:192.0.2.1") }, {0}, "192.0.2.2", false, CG_NAME_NO_MATCH },
    { "IPv6", { SAN(URI, "sip:[2001:DB8::1]:5061;lr") }, {0}, "2001:db8:0::1", false, CG_NAME_MATCH },
    { "IPv6 that does not close", { SAN(URI, "sip:[2001:db8::1") }, {0}, "2001:db8::1", false, CG_NAME_NO_MATCH },
    { "an address with a NUL", { SAN(URI, "sip:192.0.2.1\0") }, {0}, "192.0.2.1", false, CG_NAME_NO_MATCH },
    { "an address as a dNSName", { SAN(DNS, "192.0.2.1") }, {0}, "192.0.2.1", false, CG_NAME_NO_MATCH },
    { "an iPAddress is no SIP identity", { SAN(IP, "\xc0\x00\x02\x01") }, {0}, "192.0.2.1", false, CG_NAME_NONE },
    /* … dNSNames only without one */
    { "a dNSName", { SAN(DNS, "a.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "a dNSName in another case", { SAN(DNS, "A.TEST") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "a dNSName beside a SIP URI", { SAN(DNS, "a.test"), SAN(URI, "sip:b.test") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a dNSName beside an unreadable SIP URI", { SAN(DNS, "a.test"), SAN(URI, "sip:") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a dNSName beside a bad port", { SAN(DNS, "a.test"), SAN(URI, "sip:a.test:x") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    { "a dNSName beside a user's URI", { SAN(DNS, "a.test"), SAN(URI, "sip:bob@b.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "a dNSName beside sips", { SAN(DNS, "a.test"), SAN(URI, "sips:b.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "a dNSName beside https", { SAN(DNS, "a.test"), SAN(URI, "https://b.test/") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "the second dNSName", { SAN(DNS, "b.test"), SAN(DNS, "a.test") }, {0}, "a.test", false, CG_NAME_MATCH },
    { "a dNSName of the parent", { SAN(DNS, "a.test") }, {0}, "sip.a.test", false, CG_NAME_NO_MATCH },
    { "a wildcard", { SAN(DNS, "*.a.test") }, {0}, "sip.a.test", false, CG_NAME_NO_MATCH },
    { "a wildcard with the allowance", { SAN(DNS, "*.a.test") }, {0}, "sip.a.test", true, CG_NAME_MATCH_WILDCARD },
    { "a wildcard for the parent", { SAN(DNS, "*.a.test") }, {0}, "a.test", true, CG_NAME_NO_MATCH },
    { "a NUL in a dNSName", { SAN(DNS, "a.test\0") }, {0}, "a.test", false, CG_NAME_NO_MATCH },
    /* … step 2: the CN only without any subjectAltName */
    { "the CN", NO_SAN, DER(ONE_CN(UTF8, "ab.test")), "ab.test", false, CG_NAME_MATCH },
    { "the CN, PrintableString", NO_SAN, DER(ONE_CN(PRINTABLE, "AB.test")), "ab.test", false, CG_NAME_MATCH },
    { "the CN, TeletexString", NO_SAN, DER(ONE_CN(T61, "ab.test")), "ab.test", false, CG_NAME_MATCH },
    { "the CN in two-byte characters", NO_SAN, DER(ONE_CN(BMP, "ab.test")), "ab.test", false, CG_NAME_NONE },
    { "the most specific CN", NO_SAN, DER(TWO_CNS("xx.test", UTF8, "ab.test")), "ab.test", false, CG_NAME_MATCH },
    { "a CN further up", NO_SAN, DER(TWO_CNS("ab.test", UTF8, "xx.test")), "ab.test", false, CG_NAME_NO_MATCH },
    { "a CN above one that cannot be read", NO_SAN, DER(TWO_CNS("ab.test", BMP, "ab.test")), "ab.test", false, CG_NAME_NONE },
    { "a CN that is no name", NO_SAN, DER(ONE_CN(UTF8, "ab test")), "ab.test", false, CG_NAME_NO_MATCH },
    { "a wildcard CN", NO_SAN, DER(ONE_CN(UTF8, "*.b.tes")), "a.b.tes", true, CG_NAME_NO_MATCH },
    { "the CN beside a dNSName", { SAN(DNS, "b.test") }, DER(ONE_CN(UTF8, "ab.test")), "ab.test", false, CG_NAME_NO_MATCH },
    { "the CN beside an e-mail address", { SAN(EMAIL, "x@b.test") }, DER(ONE_CN(UTF8, "ab.test")), "ab.test", false, CG_NAME_NONE },
    { "no CN", NO_SAN, DER("\x30\x00"), "ab.test", false, CG_NAME_NONE },
    /* the reference */
    { "a reference with a trailing dot", { SAN(URI, "sip:a.test") }, {0}, "a.test.", false, CG_NAME_MATCH },
    { "a reference that is no domain", { SAN(URI, "sip:a test") }, {0}, "a test", false, CG_NAME_NO_MATCH },
    { "an empty reference", { SAN(URI, "sip:") }, {0}, "", false, CG_NAME_NO_MATCH },
};
/* clang-format on */

static void
identities(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct cg_cert cert = presented_cert(rows[i].san);
        enum cg_name_result result;

        cert.subject = rows[i].subject;
        result = cg_sip_match(&cert, rows[i].domain, rows[i].allow_wildcard);
        if (result != rows[i].expect)
            fail_msg("%s: %d", rows[i].why, (int)result);
    }
}

/* A subjectAltName that does not parse is there all the same: the CN is not looked at. */
static void
broken_san(void **state)
{
    static const char subject[] = ONE_CN(UTF8, "ab.test");
    struct cg_cert cert = { .version = 3, .has_san = true };

    (void)state;
    cert.subject = cg_span(subject, sizeof(subject) - 1);
    assert_int_equal(cg_sip_match(&cert, "ab.test", false), CG_NAME_NONE);
    cert.has_san = false;
    assert_int_equal(cg_sip_match(&cert, "ab.test", false), CG_NAME_MATCH);
}

/* Names beyond the bound are not judged, and may hold the URI that makes dNSNames count for nothing. */
static void
names_left_out(void **state)
{
    struct cg_general_name san[MAX_PRESENTED] = { SAN(DNS, "a.test") };
    struct cg_cert cert = presented_cert(san);

    (void)state;
    assert_int_equal(cg_sip_match(&cert, "a.test", false), CG_NAME_MATCH);
    cert.defects = 1u << CG_DEFECT_TOO_MANY_NAMES;
    assert_int_equal(cg_sip_match(&cert, "a.test", false), CG_NAME_NONE);
}

static void
as_text(void **state)
{
    struct cg_general_name san[MAX_PRESENTED] = { SAN(URI, "sip:a.test:5061"), SAN(DNS, "c.test"),
        SAN(URI, "sip:b\x01.test") };
    struct cg_cert cert = presented_cert(san);
    struct cg_buf text;

    (void)state;
    cg_buf_init(&text, 1000);
    cg_sip_identities_text(&text, &cert);
    assert_string_equal(cg_buf_text(&text), "a.test, b\\x01.test");
    cg_buf_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities),
        cmocka_unit_test(broken_san),
        cmocka_unit_test(names_left_out),
        cmocka_unit_test(as_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
