/*
 * Host names and addresses against what a certificate presents (RFC 9525), beside X509_check_host: what
 * we match OpenSSL must match too.
 */
#include <ctype.h>
#include <openssl/x509v3.h>

#include "fuzz.h"
#include "presented.h"

static bool
same_ignoring_case(struct cg_span presented, const char *text)
{
    size_t len = strlen(text);

    if (presented.len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (tolower(presented.data[i]) != tolower((unsigned char)text[i]))
            return false;
    return true;
}

/* The rules once more, as plainly as they can be said. */
static void
check_match(const struct presented *presented, const struct cg_reference *reference,
        enum cg_name_result result, size_t which)
{
    const struct cg_general_name *name = &presented->san[which];
    const char *parent = strchr(reference->text, '.');

    if (result != CG_NAME_MATCH && result != CG_NAME_MATCH_WILDCARD)
        return;
    FUZZ_CHECK(which < presented->cert.san_count, "entry %zu", which);
    if (reference->kind == CG_REFERENCE_IP) {
        FUZZ_CHECK(result == CG_NAME_MATCH && name->type == CG_NAME_IP &&
                        cg_span_equal(
                                name->value, cg_span(reference->address, reference->address_len)),
                "another address");
        return;
    }
    FUZZ_CHECK(name->type == CG_NAME_DNS, "a host matched by entry type %d", name->type);
    FUZZ_CHECK(cg_dns_name_is_valid(name->value, true), "matched by what is no name");
    if (result == CG_NAME_MATCH) {
        FUZZ_CHECK(same_ignoring_case(name->value, reference->text), "another name");
        return;
    }
    FUZZ_CHECK(name->value.len > 2 && name->value.data[0] == '*' && parent != NULL &&
                    same_ignoring_case(cg_span(name->value.data + 1, name->value.len - 1), parent),
            "another parent");
}

static void
check_openssl(const struct presented *presented, const struct cg_reference *reference)
{
    X509 *cert = presented_x509(presented);
    int result = reference->kind == CG_REFERENCE_IP
            ? X509_check_ip(cert, reference->address, reference->address_len, 0)
            : X509_check_host(cert, reference->text, strlen(reference->text),
                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                      NULL);

    FUZZ_CHECK(result == 1, "OpenSSL does not match '%s'", reference->text);
    X509_free(cert);
}

static void
check_uri(struct cg_span uri)
{
    struct cg_span scheme, userinfo, host;
    bool has_userinfo;

    if (!cg_uri_host(uri, &scheme, &userinfo, &has_userinfo, &host))
        return;
    FUZZ_CHECK(host.len != 0 && host.data >= uri.data && host.data + host.len <= uri.data + uri.len,
            "a host outside of its URI");
    FUZZ_CHECK(scheme.data == uri.data && scheme.len < uri.len, "a scheme outside of its URI");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct presented presented;
    struct cg_reference reference;
    enum cg_name_result result;
    size_t which = 0;

    presented_read(&presented, data, len);
    for (size_t i = 0; i < presented.cert.san_count; i++) {
        struct cg_span value = presented.san[i].value;

        check_uri(value);
        FUZZ_CHECK(!cg_dns_name_is_valid(value, false) || cg_dns_name_is_valid(value, true),
                "valid only without wildcards");
    }
    if (cg_reference_parse(presented.reference, &reference)) {
        result = cg_host_match(&presented.cert, &reference, &which);
        check_match(&presented, &reference, result, which);
        if (result == CG_NAME_MATCH || result == CG_NAME_MATCH_WILDCARD)
            check_openssl(&presented, &reference);
    }
    presented_release(&presented);
    return 0;
}
