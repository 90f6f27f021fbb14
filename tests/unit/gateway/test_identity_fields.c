/* What a backend is told of a peer: the forms, and that no certificate can write into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "gateway/identity_fields.h"
#include "gateway/limits.h"
#include "support/mint.h"

#define INCIDENT "abcdefghijklmnopqrstuvwxyz"

static struct identity_facts
facts_of(unsigned forms, const struct cg_cert *leaf)
{
    return (struct identity_facts) {
        .forms = forms,
        .leaf = leaf,
        .level = CG_LEVEL_HIGH,
        .interface = "web",
        .incident = INCIDENT,
        .address = "192.0.2.1",
    };
}

/* The value as text that the test frees, or NULL. */
static char *
value_of(const struct identity_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (strcmp(fields->fields[i].name, name) == 0)
            return strndup((const char *)fields->fields[i].value.data, fields->fields[i].value.len);
    return NULL;
}

static void
expect(const struct identity_facts *facts, const char *name, const char *wanted)
{
    struct identity_fields fields;
    char *value;

    assert_true(identity_fields_build(&fields, facts));
    value = value_of(&fields, name);
    if (wanted == NULL)
        assert_null(value);
    else if (value == NULL || strcmp(value, wanted) != 0)
        fail_msg("%s: %s\ninstead of %s", name, value == NULL ? "absent" : value, wanted);
    free(value);
    identity_fields_release(&fields);
}

static struct cg_cert *
certificate(const char *subject, const char *san)
{
    struct mint what = { .subject = subject, .key = mint_key("P-256") };
    char extension[400];

    snprintf(extension, sizeof(extension), "subjectAltName=%s", san == NULL ? "" : san);
    if (san != NULL)
        what.extensions[0] = extension;
    return mint_cert(&what);
}

/* What libcrypto makes of base64, as many octets as `wanted`. */
static void
expect_der(const char *base64, size_t len, struct cg_span wanted)
{
    unsigned char *out = malloc(len);
    int decoded = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)len);

    assert_true(decoded >= 0 && (size_t)decoded >= wanted.len && (size_t)decoded < wanted.len + 3);
    assert_memory_equal(out, wanted.data, wanted.len);
    free(out);
}

static struct cg_span
der(const struct cg_cert *cert)
{
    size_t len;
    const uint8_t *data = cg_cert_get0_der(cert, &len);

    return cg_span(data, len);
}

static void
verdicts_are_structured_items(void **state)
{
    struct cg_cert *cert = certificate("CN=a", NULL);
    struct identity_facts facts = facts_of(0, cert);

    (void)state;
    expect(&facts, "Certgate-Verdict",
            "accept;level=high;certificate;interface=\"web\";incident=\"" INCIDENT "\"");
    facts.level = CG_LEVEL_MEDIUM_REMOTE;
    facts.leaf = NULL;
    facts.interface = "a \"b\" \\ c\x01";
    expect(&facts, "Certgate-Verdict",
            "accept;level=medium+remote;certificate=?0;"
            "interface=\"a \\\"b\\\" \\\\ c?\";incident=\"" INCIDENT "\"");
    facts = facts_of(0, cert);
    facts.allowances = 1u << CG_ALLOW_SIP_WILDCARD | 1u << CG_ALLOW_SHA1_CHAIN;
    expect(&facts, "Certgate-Verdict",
            "accept-with-allowance;level=high;certificate;interface=\"web\";"
            "incident=\"" INCIDENT "\";allowances=\"allow-sip-wildcard allow-sha1-chain\"");
    facts.allowances = 1u << CG_ALLOW_ADMITTED;
    expect(&facts, "Certgate-Verdict",
            "accept-with-allowance;level=high;certificate;interface=\"web\";"
            "incident=\"" INCIDENT "\";allowances=\"admitted-by-administrator\"");
    cg_cert_free(cert);
}

static void
forms_come_when_they_are_asked_for(void **state)
{
    static const struct {
        unsigned forms;
        bool cert, chain, xfcc;
    } rows[] = {
        { 0, false, false, false },
        { IDENTITY_CLIENT_CERT, true, false, false },
        { IDENTITY_CLIENT_CERT_CHAIN, true, true, false },
        { IDENTITY_XFCC, false, false, true },
        { IDENTITY_XFCC_CERT, false, false, true },
        { IDENTITY_CLIENT_CERT | IDENTITY_CLIENT_CERT_CHAIN | IDENTITY_XFCC, true, true, true },
    };
    struct cg_cert *cert = certificate("CN=a", NULL);
    struct cg_span chain[] = { der(cert) };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t shown = 0; shown < 2; shown++) {
            struct identity_facts facts = facts_of(rows[i].forms, shown ? cert : NULL);
            struct identity_fields fields;

            facts.chain = chain;
            facts.chain_count = 1;
            assert_true(identity_fields_build(&fields, &facts));
            assert_int_equal(
                    fields.count, 3 + (shown ? rows[i].cert + rows[i].chain + rows[i].xfcc : 0));
            for (size_t n = 0; n < fields.count; n++)
                assert_true(fields.fields[n].value.len > 0);
            identity_fields_release(&fields);
            expect(&facts, "X-Forwarded-For", "192.0.2.1");
            expect(&facts, "X-Forwarded-Proto", "https");
            if (!shown || !rows[i].chain)
                expect(&facts, "Client-Cert-Chain", NULL);
            if (!shown || !rows[i].cert)
                expect(&facts, "Client-Cert", NULL);
            if (!shown || !rows[i].xfcc)
                expect(&facts, "X-Forwarded-Client-Cert", NULL);
        }
    }
    cg_cert_free(cert);
}

/* RFC 9440 section 2.2 and 2.3, over lengths with every padding. */
static void
certificates_are_byte_sequences(void **state)
{
    static const char *const subjects[] = { "CN=a", "CN=ab", "CN=abc" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct cg_cert *cert = certificate(subjects[i], NULL);
        struct cg_cert *other = certificate("CN=other", NULL);
        struct cg_span chain[] = { der(other), der(cert) };
        struct identity_facts facts = facts_of(IDENTITY_CLIENT_CERT_CHAIN, cert);
        struct identity_fields fields;
        char *value, *second;

        facts.chain = chain;
        facts.chain_count = 2;
        assert_true(identity_fields_build(&fields, &facts));
        value = value_of(&fields, "Client-Cert");
        assert_non_null(value);
        assert_int_equal(value[0], ':');
        assert_int_equal(value[strlen(value) - 1], ':');
        expect_der(value + 1, strlen(value) - 2, der(cert));
        free(value);
        value = value_of(&fields, "Client-Cert-Chain");
        assert_non_null(value);
        second = strstr(value, ":, :");
        assert_non_null(second);
        expect_der(value + 1, (size_t)(second - value) - 1, der(other));
        expect_der(second + 4, strlen(second) - 5, der(cert));
        free(value);
        identity_fields_release(&fields);
        cg_cert_free(cert);
        cg_cert_free(other);
    }
}

static void
envoys_form(void **state)
{
    static const struct {
        const char *subject;
        const char *san;
        const char *wanted; /* behind the hash */
    } rows[] = {
        { "CN=peer,O=Example Ltd", NULL, ";Subject=\"O=Example Ltd,CN=peer\"" },
        { "CN=peer", "DNS:a.example,DNS:*.b.example",
                ";Subject=\"CN=peer\";DNS=a.example;DNS=*.b.example" },
        { "CN=peer", "DNS:a.example,URI:sip:a.example,IP:192.0.2.1",
                ";Subject=\"CN=peer\";URI=sip:a.example;DNS=a.example" },
        { "CN=peer", "URI:sip:a.example;transport=tls",
                ";Subject=\"CN=peer\";URI=\"sip:a.example;transport=tls\"" },
        /* what would end a value, a pair or an element */
        { "CN=a\";URI=\"spiffe://admin", NULL,
                ";Subject=\"CN=a\\22\\3BURI\\3D\\22spiffe://admin\"" },
        { "CN=a\\", NULL, ";Subject=\"CN=a\\5C\"" },
        { "CN=a+OU=b", NULL, ";Subject=\"CN=a\\2BOU\\3Db\"" },
        { "CN= a ", NULL, ";Subject=\"CN=\\20a\\20\"" },
        { "CN=\xc3\xa4", NULL, ";Subject=\"CN=\\C3\\A4\"" },
        { "CN=a\r\nX-Admin: 1", NULL, ";Subject=\"CN=a\\0D\\0AX-Admin: 1\"" },
        { "", "DNS:a.example", ";Subject=\"\";DNS=a.example" },
        /* names that their types do not allow are left out */
        { "CN=peer", "DNS:a\";DNS=admin,URI:spiffe://a\\", ";Subject=\"CN=peer\"" },
        { "CN=peer", "DNS:a b,DNS:ok.example,URI:sip:a b", ";Subject=\"CN=peer\";DNS=ok.example" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cg_cert *cert = certificate(rows[i].subject, rows[i].san);
        struct identity_facts facts = facts_of(IDENTITY_XFCC, cert);
        char *hash = cg_cert_text(cert, CG_FIELD_SHA256);
        char wanted[400];

        snprintf(wanted, sizeof(wanted), "Hash=%s%s", hash, rows[i].wanted);
        expect(&facts, "X-Forwarded-Client-Cert", wanted);
        free(hash);
        cg_cert_free(cert);
    }
}

static void
envoys_form_with_the_certificate(void **state)
{
    struct cg_cert *cert = certificate("CN=peer", NULL);
    struct identity_facts facts = facts_of(IDENTITY_XFCC_CERT, cert);
    struct identity_fields fields;
    char *value, *at, *end, pem[4096];
    size_t len = 0, line = 0;

    (void)state;
    assert_true(identity_fields_build(&fields, &facts));
    value = value_of(&fields, "X-Forwarded-Client-Cert");
    assert_non_null(value);
    at = strstr(value, ";Cert=\"-----BEGIN%20CERTIFICATE-----%0A");
    assert_non_null(at);
    at += strlen(";Cert=\"-----BEGIN%20CERTIFICATE-----%0A");
    end = strstr(at, "%0A-----END%20CERTIFICATE-----%0A\";Subject=\"CN=peer\"");
    assert_non_null(end);
    for (; at < end; at++) {
        char c = *at;

        if (c == '%') {
            char digits[3] = { at[1], at[2], '\0' };

            c = (char)strtoul(digits, NULL, 16);
            at += 2;
        }
        if (c == '\n') {
            assert_int_equal(line, 64);
            line = 0;
            continue;
        }
        line++;
        pem[len++] = c;
        assert_true(len < sizeof(pem));
    }
    expect_der(pem, len, der(cert));
    free(value);
    identity_fields_release(&fields);
    cg_cert_free(cert);
}

static void
what_does_not_fit_is_no_identity(void **state)
{
    static const uint8_t bytes[GW_MAX_IDENTITY_FIELDS];
    struct cg_span chain[] = { { bytes, sizeof(bytes) } };
    struct cg_cert *cert = certificate("CN=peer", NULL);
    struct identity_facts facts = facts_of(IDENTITY_CLIENT_CERT_CHAIN, cert);
    struct identity_fields fields;

    (void)state;
    facts.chain = chain;
    facts.chain_count = 1;
    assert_false(identity_fields_build(&fields, &facts));
    assert_int_equal(fields.count, 0);
    cg_cert_free(cert);
}

/* The two modules together: what is built can be sent. */
static void
the_fields_can_be_forwarded(void **state)
{
    static const char request[] =
            "GET / HTTP/1.1\r\nHost: a.example\r\nClient-Cert: :AAAA:\r\n\r\n";
    struct cg_cert *cert = certificate("CN=a\r\nX: b", "DNS:a.example");
    struct identity_facts facts =
            facts_of(IDENTITY_CLIENT_CERT_CHAIN | IDENTITY_XFCC | IDENTITY_XFCC_CERT, cert);
    struct identity_fields fields;
    struct http *http = http_new();
    size_t used;

    (void)state;
    assert_true(identity_fields_build(&fields, &facts));
    assert_int_equal(http_take_peer(http, (const uint8_t *)request, sizeof(request) - 1, &used),
            HTTP_REQUEST);
    assert_true(http_forward(http, fields.fields, fields.count));
    assert_non_null(strstr(cg_buf_text(http_to_backend(http)), "\r\nClient-Cert: :MII"));
    assert_null(strstr(cg_buf_text(http_to_backend(http)), ":AAAA:"));
    http_free(http);
    identity_fields_release(&fields);
    cg_cert_free(cert);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_structured_items),
        cmocka_unit_test(forms_come_when_they_are_asked_for),
        cmocka_unit_test(certificates_are_byte_sequences),
        cmocka_unit_test(envoys_form),
        cmocka_unit_test(envoys_form_with_the_certificate),
        cmocka_unit_test(what_does_not_fit_is_no_identity),
        cmocka_unit_test(the_fields_can_be_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
