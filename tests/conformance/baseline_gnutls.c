/* gnutls_x509_trust_list_verify_crt2 as an application would call it. */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "baseline.h"

static gnutls_x509_crt_t
parse(const struct baseline_blob *blob)
{
    gnutls_datum_t der = { blob->data, (unsigned)blob->len };
    gnutls_x509_crt_t crt;

    if (gnutls_x509_crt_init(&crt) < 0)
        return NULL;
    if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) < 0) {
        gnutls_x509_crt_deinit(crt);
        return NULL;
    }
    return crt;
}

static bool
name_matches(gnutls_x509_crt_t leaf, const struct baseline_case *c)
{
    unsigned char address[16];

    if (strcmp(c->name_kind, "ip") != 0)
        return strlen((const char *)c->name.data) == c->name.len &&
                gnutls_x509_crt_check_hostname2(leaf, (const char *)c->name.data, 0) != 0;
    if (inet_pton(AF_INET, (const char *)c->name.data, address) == 1)
        return gnutls_x509_crt_check_ip(leaf, address, 4, 0) != 0;
    return inet_pton(AF_INET6, (const char *)c->name.data, address) == 1 &&
            gnutls_x509_crt_check_ip(leaf, address, 16, 0) != 0;
}

/* The library reads the clock through a function that can be replaced. */
static time_t verification_time;

static time_t
given_time(time_t *out)
{
    if (out != NULL)
        *out = verification_time;
    return verification_time;
}

static const char *
verify(gnutls_x509_trust_list_t list, gnutls_x509_crt_t *chain, unsigned count,
        const struct baseline_case *c)
{
    const char *purpose = c->purpose == 's' ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)purpose, .size = 0
    };
    unsigned status = 0;

    if (gnutls_x509_trust_list_verify_crt2(list, chain, count, c->purpose == 'a' ? NULL : &data,
                c->purpose == 'a' ? 0 : 1, GNUTLS_VERIFY_ALLOW_UNSORTED_CHAIN, &status, NULL) < 0)
        return "cannot be verified";
    if (status != 0)
        return (status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0 ? "signer not found" : "not trusted";
    if (strcmp(c->name_kind, "-") != 0 && !name_matches(chain[0], c))
        return "another name";
    return NULL;
}

const char *
baseline_judge(const struct baseline_case *c)
{
    gnutls_x509_crt_t chain[BASELINE_MAX_CERTS + 1], crt;
    gnutls_x509_trust_list_t list;
    const char *reason = "does not parse";
    unsigned count = 0;

    verification_time = (time_t)c->time;
    gnutls_global_set_time_function(given_time);
    if (gnutls_x509_trust_list_init(&list, 0) < 0)
        return "no memory";
    for (size_t i = 0; i < c->anchor_count; i++) {
        crt = parse(&c->anchors[i]);
        if (crt != NULL)
            (void)gnutls_x509_trust_list_add_cas(list, &crt, 1, 0);
    }
    chain[0] = parse(&c->leaf);
    if (chain[0] != NULL) {
        count = 1;
        for (size_t i = 0; i < c->sent_count; i++) {
            crt = parse(&c->sent[i]);
            if (crt != NULL)
                chain[count++] = crt;
        }
        reason = verify(list, chain, count, c);
    }
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_x509_trust_list_deinit(list, 1);
    return reason;
}
