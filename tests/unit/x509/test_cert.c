/* What a certificate is found guilty of, and which of it no path and no received certificate may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/mint.h"
#include "x509/path_search.h"

#define NO_DEFECT CG_DEFECT_COUNT

static const struct {
    const char *why;
    const char *serial;
    const char *extensions[3];
    enum cg_defect defect;
    bool ca_refused;
    bool leaf_refused;
} rows[] = {
    { "nothing", "1", { NULL }, NO_DEFECT, false, false },
    /* section 4.1.2.2 */
    { "serial of 20 octets", "7fffffffffffffffffffffffffffffffffffffff", { NULL }, NO_DEFECT, false,
            false },
    { "the zero that keeps it positive is not counted", "ffffffffffffffffffffffffffffffffffffffff",
            { NULL }, NO_DEFECT, false, false },
    { "serial of 21 octets", "010000000000000000000000000000000000000000", { NULL },
            CG_DEFECT_SERIAL_TOO_LONG, true, true },
    { "serial zero", "00", { NULL }, CG_DEFECT_SERIAL_NOT_POSITIVE, false, false },
    { "serial negative", "-1", { NULL }, CG_DEFECT_SERIAL_NOT_POSITIVE, false, false },
    /* section 4.2 */
    { "an extension twice", "1", { "1.2.3.4=DER:05:00", "1.2.3.4=DER:05:00" },
            CG_DEFECT_DUPLICATE_EXTENSION, true, true },
    /* section 4.2.1.3 */
    { "key usage with another bit", "1", { "2.5.29.15=DER:03:02:00:01" }, NO_DEFECT, false, false },
    { "key usage without a bit", "1", { "2.5.29.15=DER:03:02:07:00" }, CG_DEFECT_KEY_USAGE_EMPTY,
            true, false },
    { "key usage of no octet", "1", { "2.5.29.15=DER:03:01:00" }, CG_DEFECT_KEY_USAGE_EMPTY, true,
            false },
    { "key usage that is no bit string", "1", { "2.5.29.15=DER:04:01:80" }, CG_DEFECT_KEY_USAGE,
            true, true },
    { "bytes behind the key usage", "1", { "2.5.29.15=DER:03:02:00:80:00" }, CG_DEFECT_KEY_USAGE,
            true, true },
    /* section 4.2.1.6 */
    { "SAN without a name", "1", { "2.5.29.17=DER:30:00" }, CG_DEFECT_SUBJECT_ALT_NAME, true,
            true },
    { "SAN with a name of no kind", "1", { "2.5.29.17=DER:30:03:09:01:01" },
            CG_DEFECT_SUBJECT_ALT_NAME, true, true },
    { "SAN cut short", "1", { "2.5.29.17=DER:30:05:82:09:61:62:63" }, CG_DEFECT_SUBJECT_ALT_NAME,
            true, true },
    { "SAN with a directoryName that is no name", "1", { "2.5.29.17=DER:30:06:a4:04:30:02:05:00" },
            CG_DEFECT_SUBJECT_ALT_NAME, true, true },
    { "SAN with a directoryName that is one", "1", { "2.5.29.17=DER:30:04:a4:02:30:00" },
            NO_DEFECT, false, false },
    { "SAN with an otherName without a value", "1", { "2.5.29.17=DER:30:05:a0:03:06:01:2a" },
            CG_DEFECT_SUBJECT_ALT_NAME, true, true },
    { "SAN with an otherName of two values", "1",
            { "2.5.29.17=DER:30:0b:a0:09:06:01:2a:a0:04:05:00:05:00" }, CG_DEFECT_SUBJECT_ALT_NAME,
            true, true },
    { "SAN with a registeredID that does not end", "1", { "2.5.29.17=DER:30:03:88:01:80" },
            CG_DEFECT_SUBJECT_ALT_NAME, true, true },
    { "bytes behind the SAN", "1", { "2.5.29.17=DER:30:03:82:01:61:05:00" },
            CG_DEFECT_SUBJECT_ALT_NAME, true, true },
    /* section 4.2.1.9 */
    { "CA flag written as 1", "1", { "2.5.29.19=DER:30:03:01:01:01" }, NO_DEFECT, false, false },
    { "path length without the CA flag", "1", { "2.5.29.19=DER:30:03:02:01:00" },
            CG_DEFECT_PATH_LEN_WITHOUT_CA, false, false },
    { "negative path length", "1", { "2.5.29.19=DER:30:06:01:01:ff:02:01:ff" },
            CG_DEFECT_BASIC_CONSTRAINTS, true, true },
    { "bytes in basicConstraints", "1", { "2.5.29.19=DER:30:05:01:01:ff:05:00" },
            CG_DEFECT_BASIC_CONSTRAINTS, true, true },
    /* section 4.2.1.12 */
    { "no purpose", "1", { "2.5.29.37=DER:30:00" }, CG_DEFECT_EXT_KEY_USAGE, true, true },
    { "a purpose that is no OID", "1", { "2.5.29.37=DER:30:02:05:00" }, CG_DEFECT_EXT_KEY_USAGE,
            true, true },
    /* sections 4.2.1.1 and 4.2.1.2 */
    { "subject key id that is no octet string", "1", { "2.5.29.14=DER:03:01:00" },
            CG_DEFECT_SUBJECT_KEY_ID, true, true },
    { "authority key id that is no sequence", "1", { "2.5.29.35=DER:04:01:00" },
            CG_DEFECT_AUTHORITY_KEY_ID, true, true },
    { "authority key id with two issuers", "1", { "2.5.29.35=DER:30:08:a1:06:82:01:61:82:01:62" },
            NO_DEFECT, false, false },
    { "authority key id with no issuer in the list", "1", { "2.5.29.35=DER:30:02:a1:00" },
            CG_DEFECT_AUTHORITY_KEY_ID, true, true },
    { "authority key id with a second issuer that is none", "1",
            { "2.5.29.35=DER:30:08:a1:06:82:01:61:99:01:62" }, CG_DEFECT_AUTHORITY_KEY_ID, true,
            true },
    { "authority key id with a serial in too many octets", "1",
            { "2.5.29.35=DER:30:04:82:02:00:01" }, CG_DEFECT_AUTHORITY_KEY_ID, true, true },
    { "empty authority key id", "1", { "2.5.29.35=DER:30:00" }, NO_DEFECT, false, false },
};

static void
defects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mint mint = {
            .subject = "CN=x", .key = mint_key("P-256"), .serial_hex = rows[i].serial
        };
        struct cg_cert *cert;
        struct cg_span where;
        uint32_t expect = rows[i].defect == NO_DEFECT ? 0 : 1u << rows[i].defect;

        memcpy(mint.extensions, rows[i].extensions, sizeof(rows[i].extensions));
        cert = mint_cert(&mint);
        if (cert->defects != expect)
            fail_msg("%s: defects %x, expected %x", rows[i].why, cert->defects, expect);
        if ((cg_path_malformed(cert, false, &where) != NULL) != rows[i].ca_refused)
            fail_msg("%s: of a CA", rows[i].why);
        if ((cg_path_malformed(cert, true, &where) != NULL) != rows[i].leaf_refused)
            fail_msg("%s: of a received certificate", rows[i].why);
        cg_cert_free(cert);
    }
}

/* Section 4.1: what is there depends on the version. */
static void
versions(void **state)
{
    static const struct {
        int version;
        const char *extension;
        bool defect;
    } versions[] = {
        { 1, NULL, false },
        { 1, "1.2.3.4=DER:05:00", true },
        { 2, NULL, false },
        { 2, "1.2.3.4=DER:05:00", true },
        { 3, NULL, false },
        { 3, "1.2.3.4=DER:05:00", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct cg_cert *cert = mint_cert(&(struct mint) { .subject = "CN=x",
                .key = mint_key("P-256"),
                .version = versions[i].version,
                .extensions = { versions[i].extension } });

        assert_int_equal(cert->version, versions[i].version);
        assert_int_equal(
                cg_cert_has_defect(cert, CG_DEFECT_EXTENSIONS_BEFORE_V3), versions[i].defect);
        cg_cert_free(cert);
    }
}

/* Version 4 and up, and negative ones. */
static void
no_such_version(void **state)
{
    static const char *const encoded[] = { "\x02\x01\x03", "\x02\x01\x7f", "\x02\x01\xff" };
    struct mint mint = { .subject = "CN=x", .key = mint_key("P-256") };
    struct cg_cert *cert = NULL;
    uint8_t *der, *version;
    size_t len;

    (void)state;
    der = mint_der(&mint, &len);
    version = memmem(der, len, "\xa0\x03\x02\x01\x02", 5);
    assert_non_null(version);
    for (size_t i = 0; i < sizeof(encoded) / sizeof(encoded[0]); i++) {
        memcpy(version + 2, encoded[i], 3);
        assert_int_equal(cg_cert_from_der(der, len, &cert, NULL), CG_E_PARSE);
        assert_null(cert);
    }
    free(der);
}

/* Bytes before, behind and inside: one certificate, in DER, and nothing else. */
static void
nothing_else(void **state)
{
    struct mint mint = { .subject = "CN=x", .key = mint_key("P-256") };
    struct cg_cert *cert = NULL;
    struct cg_error err;
    uint8_t more[2048];
    uint8_t *der;
    size_t len;

    (void)state;
    der = mint_der(&mint, &len);
    assert_true(len + 2 < sizeof(more));
    memcpy(more, der, len);
    more[len] = 0;
    assert_int_equal(cg_cert_from_der(more, len, &cert, &err), CG_OK);
    cg_cert_free(cert);
    assert_int_equal(cg_cert_from_der(more, len + 1, &cert, &err), CG_E_PARSE);
    assert_int_equal(cg_cert_from_der(more, len - 1, &cert, &err), CG_E_PARSE);
    /* the outer length in more octets than it needs (X.690 section 10.1) */
    assert_int_equal(more[1], 0x82);
    memmove(more + 5, more + 4, len - 4);
    more[1] = 0x83;
    more[4] = more[3];
    more[3] = more[2];
    more[2] = 0;
    assert_int_equal(cg_cert_from_der(more, len + 1, &cert, &err), CG_E_PARSE);
    assert_null(cert);
    free(der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defects),
        cmocka_unit_test(versions),
        cmocka_unit_test(no_such_version),
        cmocka_unit_test(nothing_else),
    };

    return cmocka_run_group_tests_name("x509/cert", tests, NULL, NULL);
}
