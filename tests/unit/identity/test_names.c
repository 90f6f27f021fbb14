/* What hosts become in a certificate of our own, and which are refused. */
#include "identity/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "identity/certify.h"
#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LONG_LABEL "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static size_t
count_hosts(const char *const *hosts)
{
    size_t count = 0;

    while (hosts[count] != NULL)
        count++;
    return count;
}

static void
accepted(void **state)
{
    static const struct {
        const char *why;
        const char *hosts[5];
        const char *subject;
        const char *wanted_subject, *wanted_sans;
    } rows[] = {
        { "names and addresses of both families",
                { "gw.example.com", "gw", "192.0.2.1", "2001:db8::1" }, NULL, "CN=gw.example.com",
                "DNS:gw.example.com, DNS:gw, IP:192.0.2.1, IP:2001:db8:0:0:0:0:0:1" },
        { "upper case and a final dot", { "GW.Example.COM." }, "CN=gw", "CN=gw",
                "DNS:gw.example.com" },
        { "a wildcard", { "*.example.com" }, NULL, "CN=*.example.com", "DNS:*.example.com" },
        { "a SIP domain is no common name", { "sip:example.com", "gw.example.com" }, NULL,
                "CN=gw.example.com", "URI:sip:example.com, DNS:gw.example.com" },
        { "an address alone", { "192.0.2.1" }, NULL, "CN=192.0.2.1", "IP:192.0.2.1" },
        { "a name that no common name has room for", { LONG_LABEL ".example.com", "gw" }, NULL,
                "CN=gw", "DNS:" LONG_LABEL ".example.com, DNS:gw" },
        { "only such", { LONG_LABEL ".example.com" }, NULL, "CN=certgate",
                "DNS:" LONG_LABEL ".example.com" },
        { "a subject of several parts", { "gw" }, "CN=gw.example.com,OU=Telephony,O=Example,C=AT",
                "CN=gw.example.com,OU=Telephony,O=Example,C=AT", "DNS:gw" },
        { "escapes in it", { "gw" }, "CN=gw,O=Example\\, Ltd\\2e", "CN=gw,O=Example, Ltd.",
                "DNS:gw" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct identity_names names;
        struct cg_error err = { "" };
        struct cg_cert *cert;
        char *subject, *sans;

        if (identity_names_from_hosts(rows[i].hosts, count_hosts(rows[i].hosts), rows[i].subject,
                    &names, &err) != CG_OK)
            fail_msg("%s: %s", rows[i].why, err.text);
        assert_int_equal(
                identity_self_sign(&names, mint_key("P-256"), MINT_NOW, 10, &cert, &err), CG_OK);
        subject = cg_cert_text(cert, CG_FIELD_SUBJECT);
        sans = cg_cert_text(cert, CG_FIELD_SAN);
        if (strcmp(subject, rows[i].wanted_subject) != 0 || strcmp(sans, rows[i].wanted_sans) != 0)
            fail_msg("%s: subject %s, names %s", rows[i].why, subject, sans);
        free(subject);
        free(sans);
        cg_cert_free(cert);
        identity_names_release(&names);
    }
}

static void
refused(void **state)
{
    static const struct {
        const char *why;
        const char *hosts[5];
        const char *subject;
        const char *wanted; /* is in the sentence */
    } rows[] = {
        { "no host", { NULL }, NULL, "0 host names" },
        { "an empty one", { "" }, NULL, "'' is neither" },
        { "a blank in it", { "gw example" }, NULL, "'gw example' is neither" },
        { "no A-label", { "g\xc3\xbc.example" }, NULL, "is neither" },
        { "a wildcard inside", { "gw.*.example.com" }, NULL, "is neither" },
        { "half a wildcard", { "g*.example.com" }, NULL, "is neither" },
        { "a SIP address of a user", { "sip:bob@example.com" }, NULL, "is neither" },
        { "a SIP domain that is an address", { "sip:192.0.2.1" }, NULL, "is neither" },
        { "a network", { "192.0.2.0/24" }, NULL, "is neither" },
        { "a subject without a type", { "gw" }, "gw", "each part must be" },
        { "an unknown type", { "gw" }, "CN=gw,X=1", "each part must be" },
        { "an empty value", { "gw" }, "CN=", "the value of CN" },
        { "a country of three letters", { "gw" }, "CN=gw,C=AUT", "the value of C" },
        { "an RDN of two attributes", { "gw" }, "CN=gw+O=x", "the value of CN" },
        { "an escape at the end", { "gw" }, "CN=gw\\", "the value of CN" },
        { "a common name that is too long", { "gw" }, "CN=" LONG_LABEL "ab", "the value of CN" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct identity_names names;
        struct cg_error err = { "" };

        if (identity_names_from_hosts(rows[i].hosts, count_hosts(rows[i].hosts), rows[i].subject,
                    &names, &err) != CG_E_USAGE)
            fail_msg("%s: not refused", rows[i].why);
        if (strstr(err.text, rows[i].wanted) == NULL)
            fail_msg("%s: '%s'", rows[i].why, err.text);
        assert_null(names.subject);
        assert_null(names.sans);
    }
}

/* Each once, whatever its case, and no more than there is room for. */
static void
list(void **state)
{
    struct identity_hosts hosts = { .count = 0 };
    char name[16];

    (void)state;
    assert_true(identity_hosts_add(&hosts, "gw"));
    assert_true(identity_hosts_add(&hosts, "GW"));
    assert_int_equal(hosts.count, 1);
    for (unsigned i = 1; i < IDENTITY_MAX_HOSTS; i++) {
        (void)snprintf(name, sizeof(name), "gw%u", i);
        assert_true(identity_hosts_add(&hosts, name));
    }
    assert_false(identity_hosts_add(&hosts, "one-more"));
    identity_hosts_release(&hosts);
    assert_int_equal(hosts.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
