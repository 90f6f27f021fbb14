/* What people and machines read of a certificate: every field, escaped wherever it comes from outside. */
#include <certgate/cert.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* clang-format off */
static const struct {
    const char *why;
    struct mint what;
    const char *key, *signer;
    enum cg_cert_field field;
    const char *text;
} rows[] = {
    { "a subject", { .subject = "C=DE,O=Example,CN=peer" }, "P-256", NULL, CG_FIELD_SUBJECT, "CN=peer,O=Example,C=DE" },
    { "an empty one", { .subject = "", .issuer = "CN=CA" }, "P-256", NULL, CG_FIELD_SUBJECT, "(empty)" },
    { "an issuer", { .subject = "CN=a", .issuer = "CN=CA" }, "P-256", NULL, CG_FIELD_ISSUER, "CN=CA" },
    { "UTF-8", { .subject = "CN=M\xc3\xbcnchen" }, "P-256", NULL, CG_FIELD_SUBJECT, "CN=M\xc3\xbcnchen" },
    { "an escape sequence", { .subject = "CN=\x1b[31mred" }, "P-256", NULL, CG_FIELD_SUBJECT, "CN=\\x1b[31mred" },
    { "a line feed", { .subject = "CN=a\nb" }, "P-256", NULL, CG_FIELD_SUBJECT, "CN=a\\x0ab" },
    { "a serial number", { .subject = "CN=a", .serial = 0xabcdef }, "P-256", NULL, CG_FIELD_SERIAL, "00ABCDEF" },
    { "its first second", { .subject = "CN=a", .not_before = 1, .not_after = 2 }, "P-256", NULL, CG_FIELD_NOT_BEFORE,
      "1970-01-01T00:00:01Z" },
    { "its last", { .subject = "CN=a", .not_before = 1, .not_after = INT64_C(253402300799) }, "P-256", NULL,
      CG_FIELD_NOT_AFTER, "9999-12-31T23:59:59Z" },
    { "RSA", { .subject = "CN=a" }, "RSA-2048", NULL, CG_FIELD_KEY, "RSA 2048 bits" },
    { "a curve", { .subject = "CN=a" }, "P-384", NULL, CG_FIELD_KEY, "EC P-384" },
    { "Ed25519", { .subject = "CN=a" }, "ED25519", NULL, CG_FIELD_KEY, "Ed25519" },
    { "a key that nobody here knows", { .subject = "CN=a" }, "X25519", "P-256", CG_FIELD_KEY, "1.3.101.110" },
    { "a signature", { .subject = "CN=a" }, "P-256", NULL, CG_FIELD_SIGNATURE, "ecdsa-with-SHA256" },
    { "RSASSA-PSS", { .subject = "CN=a", .pss = true }, "RSA-2048", NULL, CG_FIELD_SIGNATURE, "RSASSA-PSS" },
    { "no key usage", { .subject = "CN=a" }, "P-256", NULL, CG_FIELD_KEY_USAGE, "" },
    { "two of them", { .subject = "CN=a", .extensions = { "keyUsage=digitalSignature,cRLSign" } }, "P-256", NULL,
      CG_FIELD_KEY_USAGE, "digitalSignature, cRLSign" },
    { "purposes", { .subject = "CN=a", .extensions = { "extendedKeyUsage=serverAuth,1.3.6.1.5.5.7.3.20,1.2.3" } }, "P-256",
      NULL, CG_FIELD_EXT_KEY_USAGE, "serverAuth, sipDomain, 1.2.3" },
    { "names of every kind", { .subject = "CN=a", .extensions = {
        "subjectAltName=DNS:a.example,IP:192.0.2.1,IP:2001:db8::1,URI:sip:a.example,email:x@a.example,RID:1.2.3" } },
      "P-256", NULL, CG_FIELD_SAN,
      "DNS:a.example, IP:192.0.2.1, IP:2001:db8:0:0:0:0:0:1, URI:sip:a.example, email:x@a.example, registeredID:1.2.3" },
    { "a NUL in a name", { .subject = "CN=a", .extensions = { "2.5.29.17=DER:30:07:82:05:61:00:62:0a:63" } }, "P-256",
      NULL, CG_FIELD_SAN, "DNS:a\\x00b\\x0ac" },
    { "an address of five octets", { .subject = "CN=a", .extensions = { "2.5.29.17=DER:30:07:87:05:01:02:03:04:05" } },
      "P-256", NULL, CG_FIELD_SAN, "IP:0102030405" },
    { "a root", { .subject = "CN=a", .extensions = { "basicConstraints=CA:TRUE" } }, "P-256", NULL, CG_FIELD_KIND, "root" },
    { "an intermediate", { .subject = "CN=a", .issuer = "CN=b", .extensions = { "basicConstraints=CA:TRUE" } }, "P-256",
      NULL, CG_FIELD_KIND, "intermediate" },
    { "an end entity", { .subject = "CN=a", .issuer = "CN=b" }, "P-256", NULL, CG_FIELD_KIND, "end entity" },
    { "one of its own", { .subject = "CN=a" }, "P-256", NULL, CG_FIELD_KIND, "self-signed end entity" },
    { "a version 1 root", { .subject = "CN=a", .version = 1 }, "P-256", NULL, CG_FIELD_KIND, "root" },
};
/* clang-format on */

static void
fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint what = rows[i].what;
        struct cg_cert *cert;
        char *text;

        what.key = mint_key(rows[i].key);
        what.signer = rows[i].signer == NULL ? NULL : mint_key(rows[i].signer);
        cert = mint_cert(&what);
        text = cg_cert_text(cert, rows[i].field);
        if (text == NULL || strcmp(text, rows[i].text) != 0)
            fail_msg("%s: '%s', wanted '%s'", rows[i].why, text, rows[i].text);
        free(text);
        cg_cert_free(cert);
    }
}

static void
fingerprint(void **state)
{
    struct cg_cert *cert =
            mint_cert(&(struct mint) { .subject = "CN=a", .key = mint_key("P-256") });
    char *text = cg_cert_text(cert, CG_FIELD_SHA256), digits[3];

    (void)state;
    assert_int_equal(strlen(text), 2 * CG_SHA256_SIZE);
    for (size_t i = 0; i < CG_SHA256_SIZE; i++) {
        memcpy(digits, text + 2 * i, 2);
        digits[2] = '\0';
        assert_int_equal(strtoul(digits, NULL, 16), cg_cert_get0_sha256(cert)[i]);
    }
    free(text);
    cg_cert_free(cert);
}

static void
json(void **state)
{
    struct cg_cert *cert = mint_cert(&(struct mint) { .subject = "CN=\"a\\\x1b",
            .issuer = "CN=CA",
            .key = mint_key("P-256"),
            .not_before = 1,
            .not_after = 2,
            .extensions = { "keyUsage=critical,digitalSignature",
                    "subjectAltName=DNS:a.example,IP:192.0.2.1", "2.5.29.37=DER:30:00" } });
    char *text = cg_cert_json(cert), *fingerprint_text = cg_cert_text(cert, CG_FIELD_SHA256);
    char wanted[2048];

    (void)state;
    (void)snprintf(wanted, sizeof(wanted),
            "{\"subject\":\"CN=\\\"a\\\\x5c\\\\x1b\",\"issuer\":\"CN=CA\",\"serial\":\"01\","
            "\"sha256\":\"%s\",\"not_before\":\"1970-01-01T00:00:01Z\","
            "\"not_after\":\"1970-01-01T00:00:02Z\",\"kind\":\"end entity\",\"key\":\"EC P-256\","
            "\"signature\":\"ecdsa-with-SHA256\",\"version\":3,\"key_bits\":256,"
            "\"key_usage\":[\"digitalSignature\"],\"extended_key_usage\":[],"
            "\"san\":[\"DNS:a.example\",\"IP:192.0.2.1\"],"
            "\"defects\":[\"extKeyUsage does not parse or is empty (section 4.2.1.12)\"]}",
            fingerprint_text);
    assert_string_equal(text, wanted);
    free(text);
    free(fingerprint_text);
    cg_cert_free(cert);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(fingerprint),
        cmocka_unit_test(json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
