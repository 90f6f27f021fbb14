/* Name constraints: RFC 5280 section 4.2.1.10. */
#include "x509/constraints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/mint.h"

#define OK CG_CONSTRAINT_OK
#define BAD CG_CONSTRAINT_VIOLATED

static const struct {
    const char *why;
    const char *constraints;
    const char *san; /* NULL: none */
    const char *subject;
    enum cg_constraint_result expect;
} rows[] = {
    /* dNSName */
    { "the domain itself", "permitted;DNS:a.example", "DNS:a.example", "", OK },
    { "below it", "permitted;DNS:a.example", "DNS:x.y.A.Example", "", OK },
    { "only ends alike", "permitted;DNS:a.example", "DNS:xa.example", "", BAD },
    { "above it", "permitted;DNS:a.example", "DNS:example", "", BAD },
    { "one of two names outside", "permitted;DNS:a.example", "DNS:a.example,DNS:b.example", "",
            BAD },
    { "either of two subtrees", "permitted;DNS:a.example,permitted;DNS:b.example", "DNS:b.example",
            "", OK },
    { "excluded itself", "excluded;DNS:a.example", "DNS:A.EXAMPLE", "", BAD },
    { "excluded below", "excluded;DNS:a.example", "DNS:x.a.example", "", BAD },
    { "not excluded", "excluded;DNS:a.example", "DNS:b.example", "", OK },
    { "excluded inside permitted", "permitted;DNS:example,excluded;DNS:a.example", "DNS:a.example",
            "", BAD },
    { "wildcard inside", "permitted;DNS:a.example", "DNS:*.a.example", "", OK },
    { "wildcard only partly inside", "permitted;DNS:x.a.example", "DNS:*.a.example", "", BAD },
    { "wildcard may be the excluded", "excluded;DNS:x.a.example", "DNS:*.a.example", "", BAD },
    { "wildcard is one label only", "excluded;DNS:y.x.a.example", "DNS:*.a.example", "", OK },
    { "wildcard below the excluded", "excluded;DNS:a.example", "DNS:*.x.a.example", "", BAD },
    { "leading dot: below", "permitted;DNS:.a.example", "DNS:x.a.example", "", OK },
    { "leading dot: not itself", "permitted;DNS:.a.example", "DNS:a.example", "", BAD },
    { "leading dot and wildcard", "permitted;DNS:.a.example", "DNS:*.a.example", "", OK },
    { "empty constraint allows all", "DER:30:06:a0:04:30:02:82:00", "DNS:a.example", "", OK },
    { "empty constraint excludes all", "DER:30:06:a1:04:30:02:82:00", "DNS:a.example", "", BAD },
    { "other types are free", "permitted;DNS:a.example", "IP:192.0.2.1", "CN=x", OK },
    { "a name that is none", "permitted;URI:a.example", "DNS:a b", "", BAD },
    { "a wildcard within a label", "excluded;DNS:b.example", "DNS:a*.c.example", "", BAD },
    /* common names of the received certificate */
    { "CN as a host, no dNSName", "permitted;DNS:a.example", NULL, "CN=b.example", BAD },
    { "CN as a host inside", "permitted;DNS:a.example", NULL, "CN=x.a.example", OK },
    { "CN is a person", "permitted;DNS:a.example", NULL, "CN=A Person", OK },
    { "CN beside an address only", "permitted;DNS:a.example", "IP:192.0.2.1", "CN=b.example", BAD },
    { "CN beside a dNSName", "permitted;DNS:a.example", "DNS:a.example", "CN=b.example", OK },
    /* iPAddress */
    { "in the network", "permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.77", "", OK },
    { "beside the network", "permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.3.77", "", BAD },
    { "other family", "permitted;IP:192.0.2.0/255.255.255.0", "IP:2001:db8::1", "", BAD },
    { "excluded network", "excluded;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.77", "", BAD },
    { "other family is not excluded", "excluded;IP:0.0.0.0/0.0.0.0", "IP:2001:db8::1", "", OK },
    { "IPv6", "permitted;IP:2001:db8::/ffff:ffff::", "IP:2001:db8::1", "", OK },
    /* URI */
    { "host is exactly it", "permitted;URI:a.example", "URI:https://user@A.example:8443/x", "",
            OK },
    { "below a host is outside", "permitted;URI:a.example", "URI:https://x.a.example/", "", BAD },
    { "leading dot: below", "permitted;URI:.a.example", "URI:https://x.a.example/", "", OK },
    { "leading dot: not itself", "permitted;URI:.a.example", "URI:https://a.example/", "", BAD },
    { "no authority", "permitted;URI:a.example", "URI:sip:a.example", "", BAD },
    { "no authority, excluded only", "excluded;URI:b.example", "URI:urn:x:y", "", BAD },
    { "host is an address", "excluded;URI:b.example", "URI:https://192.0.2.1/", "", BAD },
    { "no URI constraint: free", "permitted;DNS:a.example", "URI:sip:b.example", "", OK },
    /* rfc822Name */
    { "mailbox", "permitted;email:a@a.example", "email:a@A.example", "", OK },
    { "local part by case", "permitted;email:a@a.example", "email:A@a.example", "", BAD },
    { "all of a host", "permitted;email:a.example", "email:anyone@a.example", "", OK },
    { "a host below", "permitted;email:a.example", "email:a@x.a.example", "", BAD },
    { "leading dot", "permitted;email:.a.example", "email:a@x.a.example", "", OK },
    { "leading dot, itself", "permitted;email:.a.example", "email:a@a.example", "", BAD },
    { "excluded host", "excluded;email:a.example", "email:a@a.example", "", BAD },
    { "quoted is the same mailbox", "permitted;email:ab@a.example", "email:\"a\\b\"@a.example", "",
            OK },
    { "not a mailbox", "excluded;email:b.example", "email:a b@c.example", "", BAD },
    { "emailAddress of the subject", "permitted;email:a.example", NULL, "emailAddress=a@b.example",
            BAD },
    { "emailAddress inside", "permitted;email:a.example", NULL, "emailAddress=a@a.example", OK },
    { "emailAddress beside a dNSName", "permitted;email:a.example", "DNS:c.example",
            "emailAddress=a@b.example", BAD },
    { "SmtpUTF8Mailbox inside", "permitted;email:a.example",
            "otherName:1.3.6.1.5.5.7.8.9;UTF8:x@a.example", "", OK },
    { "SmtpUTF8Mailbox outside", "permitted;email:a.example",
            "otherName:1.3.6.1.5.5.7.8.9;UTF8:x@b.example", "", BAD },
    { "SmtpUTF8Mailbox excluded", "excluded;email:a.example",
            "otherName:1.3.6.1.5.5.7.8.9;UTF8:x@a.example", "", BAD },
    { "SmtpUTF8Mailbox beyond ASCII", "permitted;email:a.example",
            "otherName:1.3.6.1.5.5.7.8.9;UTF8:\xc3\xbc@a.example", "", BAD },
    { "SmtpUTF8Mailbox, hosts constrained", "permitted;DNS:a.example",
            "otherName:1.3.6.1.5.5.7.8.9;UTF8:x@b.example", "", OK },
    { "another otherName", "permitted;email:a.example",
            "otherName:1.3.6.1.5.5.7.8.5;UTF8:x@b.example", "", OK },
    /* types that are not processed */
    { "registeredID, none there", "excluded;RID:1.2.3", "DNS:a.example", "", OK },
    { "registeredID, one there", "excluded;RID:1.2.3", "RID:1.2.4", "", BAD },
};

static void
every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char constraints[256], san[256];
        struct cg_constraint_fault fault = { "", "" };
        struct mint ca = {
            .subject = "CN=ca", .key = mint_key("P-256"), .extensions = { constraints }
        };
        struct mint leaf = {
            .subject = rows[i].subject, .issuer = "CN=ca", .key = mint_key("P-256")
        };
        struct cg_cert *issuer, *cert;
        const struct cg_extension *extension;
        unsigned budget = 1000;
        enum cg_constraint_result found;

        snprintf(constraints, sizeof(constraints), "nameConstraints=%s", rows[i].constraints);
        snprintf(san, sizeof(san), "subjectAltName=%s", rows[i].san == NULL ? "" : rows[i].san);
        if (rows[i].san != NULL)
            leaf.extensions[0] = san;
        issuer = mint_cert(&ca);
        cert = mint_cert(&leaf);
        extension = cg_cert_extension(issuer, CG_EXT_NAME_CONSTRAINTS);
        assert_non_null(extension);
        if (!cg_constraints_well_formed(extension->value))
            fail_msg("%s: not well formed", rows[i].why);
        found = cg_constraints_check(extension->value, cert, true, &budget, &fault);
        if (found != rows[i].expect)
            fail_msg("%s: %s", rows[i].why, found == OK ? "passes" : fault.wanted);
        assert_int_equal(found == BAD, fault.found[0] != '\0');
        cg_cert_free(issuer);
        cg_cert_free(cert);
    }
}

/* directoryName: SEQUENCE { SET { CN=x } } inside [4]; the shorter name is a subtree of the longer. */
static void
directory_names(void **state)
{
    static const struct {
        const char *subject;
        enum cg_constraint_result expect;
    } subjects[] = {
        { "O=org", OK },
        { "O=ORG ,CN=a", OK },
        { "O=org,OU=b,CN=a", OK },
        { "O=orgs,CN=a", BAD },
        { "CN=a", BAD },
        { "", OK },
    };
    /* { permitted { directoryName O=org } } */
    static const uint8_t value[] = { 0x30, 0x16, 0xa0, 0x14, 0x30, 0x12, 0xa4, 0x10, 0x30, 0x0e,
        0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x03, 'o', 'r', 'g' };

    (void)state;
    assert_true(cg_constraints_well_formed(cg_span(value, sizeof(value))));
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        struct cg_cert *cert = mint_cert(&(struct mint) {
                .subject = subjects[i].subject, .issuer = "CN=ca", .key = mint_key("P-256") });
        struct cg_constraint_fault fault;
        unsigned budget = 1000;

        if (cg_constraints_check(cg_span(value, sizeof(value)), cert, true, &budget, &fault) !=
                subjects[i].expect)
            fail_msg("subject '%s'", subjects[i].subject);
        cg_cert_free(cert);
    }
}

#define BYTES(...) (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ })

static const struct {
    const char *why;
    const uint8_t *value;
    size_t len;
} malformed[] = {
    { "not a sequence", BYTES(0x04, 0x00) },
    { "empty", BYTES(0x30, 0x00) },
    { "empty permitted list", BYTES(0x30, 0x02, 0xa0, 0x00) },
    { "minimum 1", BYTES(0x30, 0x0a, 0xa0, 0x08, 0x30, 0x06, 0x82, 0x01, 'a', 0x80, 0x01, 0x01) },
    { "a maximum", BYTES(0x30, 0x0a, 0xa0, 0x08, 0x30, 0x06, 0x82, 0x01, 'a', 0x81, 0x01, 0x01) },
    { "host with a blank", BYTES(0x30, 0x09, 0xa0, 0x07, 0x30, 0x05, 0x82, 0x03, 'a', ' ', 'b') },
    { "host with a final dot", BYTES(0x30, 0x08, 0xa0, 0x06, 0x30, 0x04, 0x82, 0x02, 'a', '.') },
    { "two leading dots", BYTES(0x30, 0x09, 0xa0, 0x07, 0x30, 0x05, 0x82, 0x03, '.', '.', 'a') },
    { "a wildcard", BYTES(0x30, 0x09, 0xa0, 0x07, 0x30, 0x05, 0x82, 0x03, '*', '.', 'a') },
    { "address without mask", BYTES(0x30, 0x0a, 0xa0, 0x08, 0x30, 0x06, 0x87, 0x04, 10, 0, 0, 0) },
    { "mask with a hole",
            BYTES(0x30, 0x0e, 0xa0, 0x0c, 0x30, 0x0a, 0x87, 0x08, 10, 0, 0, 0, 255, 0, 255, 0) },
    { "mailbox without host", BYTES(0x30, 0x08, 0xa0, 0x06, 0x30, 0x04, 0x81, 0x02, 'a', '@') },
    { "bytes behind the lists",
            BYTES(0x30, 0x09, 0xa0, 0x05, 0x30, 0x03, 0x82, 0x01, 'a', 0x05, 0x00) },
};

static void
malformed_constraints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        if (cg_constraints_well_formed(cg_span(malformed[i].value, malformed[i].len)))
            fail_msg("%s: taken as well formed", malformed[i].why);
    /* minimum 0 is the default; writing it out changes nothing */
    assert_true(cg_constraints_well_formed(
            cg_span(BYTES(0x30, 0x0a, 0xa0, 0x08, 0x30, 0x06, 0x82, 0x01, 'a', 0x80, 0x01, 0x00))));
}

static void
comparisons_are_bounded(void **state)
{
    struct cg_cert *issuer = mint_cert(&(struct mint) { .subject = "CN=ca",
            .key = mint_key("P-256"),
            .extensions = { "nameConstraints=excluded;DNS:a.example,excluded;DNS:b.example" } });
    struct cg_cert *cert = mint_cert(&(struct mint) { .subject = "",
            .issuer = "CN=ca",
            .key = mint_key("P-256"),
            .extensions = { "subjectAltName=DNS:c.example,DNS:d.example" } });
    struct cg_span value = cg_cert_extension(issuer, CG_EXT_NAME_CONSTRAINTS)->value;
    struct cg_constraint_fault fault;
    unsigned budget = 4;

    (void)state;
    assert_int_equal(cg_constraints_check(value, cert, true, &budget, &fault), CG_CONSTRAINT_OK);
    assert_int_equal(budget, 0);
    budget = 3;
    assert_int_equal(cg_constraints_check(value, cert, true, &budget, &fault), CG_CONSTRAINT_LIMIT);
    cg_cert_free(issuer);
    cg_cert_free(cert);
}

/* Names times subtrees beyond the bound are not even begun; the bytes are those of dNSNames "a". */
static void
product_is_bounded(void **state)
{
    enum { NAMES = 1000, SUBTREES = 1050 };
    static char san[64 + NAMES * 9];
    static uint8_t value[8 + SUBTREES * 5];
    size_t at = (size_t)snprintf(
            san, sizeof(san), "2.5.29.17=DER:30:82:%02x:%02x", NAMES * 3 / 256, NAMES * 3 % 256);
    const size_t lists = SUBTREES * 5;
    struct cg_constraint_fault fault;
    unsigned budget = CG_MAX_CONSTRAINT_COMPARISONS;
    struct cg_cert *cert;
    uint8_t *to = value + 8;

    (void)state;
    for (size_t i = 0; i < NAMES; i++)
        at += (size_t)snprintf(san + at, sizeof(san) - at, ":82:01:61");
    cert = mint_cert(&(struct mint) {
            .subject = "", .issuer = "CN=ca", .key = mint_key("P-256"), .extensions = { san } });
    assert_int_equal(cert->san_count, NAMES);
    memcpy(value,
            (const uint8_t[]) { 0x30, 0x82, (uint8_t)((lists + 4) >> 8), (uint8_t)(lists + 4), 0xa0,
                    0x82, (uint8_t)(lists >> 8), (uint8_t)lists },
            8);
    for (size_t i = 0; i < SUBTREES; i++, to += 5)
        memcpy(to,
                "\x30\x03\x82\x01"
                "a",
                5);
    assert_int_equal(
            cg_constraints_check(cg_span(value, sizeof(value)), cert, true, &budget, &fault),
            CG_CONSTRAINT_LIMIT);
    assert_int_equal(budget, CG_MAX_CONSTRAINT_COMPARISONS);
    cg_cert_free(cert);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(directory_names),
        cmocka_unit_test(malformed_constraints),
        cmocka_unit_test(comparisons_are_bounded),
        cmocka_unit_test(product_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
