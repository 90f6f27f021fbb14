/* X509_verify_cert as an application would call it: with purpose, time, name and depth, all else as it comes. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "baseline.h"

static X509 *
parse(const struct baseline_blob *blob)
{
    const unsigned char *at = blob->data;

    return d2i_X509(NULL, &at, (long)blob->len);
}

static const char *
set_name(X509_VERIFY_PARAM *param, const struct baseline_case *c)
{
    if (strcmp(c->name_kind, "-") == 0)
        return NULL;
    if (strcmp(c->name_kind, "ip") == 0)
        return X509_VERIFY_PARAM_set1_ip_asc(param, (const char *)c->name.data) == 1 ? NULL
                                                                                     : "no address";
    /* A SIP domain has no function of its own. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return c->name.len != 0 &&
                    X509_VERIFY_PARAM_set1_host(param, (const char *)c->name.data, c->name.len) == 1
            ? NULL
            : "no host name";
}

static const char *
verify(X509_STORE *store, STACK_OF(X509) * sent, X509 *leaf, const struct baseline_case *c)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    const char *reason = "no memory";
    X509_VERIFY_PARAM *param;

    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, leaf, sent) != 1)
        goto done;
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)c->time);
    if (c->depth >= 0)
        X509_VERIFY_PARAM_set_depth(param, c->depth);
    if (c->purpose != 'a')
        X509_VERIFY_PARAM_set_purpose(
                param, c->purpose == 's' ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
    reason = set_name(param, c);
    if (reason == NULL && X509_verify_cert(ctx) != 1)
        reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
done:
    X509_STORE_CTX_free(ctx);
    return reason;
}

const char *
baseline_judge(const struct baseline_case *c)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *sent = sk_X509_new_null();
    X509 *leaf = parse(&c->leaf), *cert;
    const char *reason = "does not parse";

    for (size_t i = 0; i < c->anchor_count; i++) {
        cert = parse(&c->anchors[i]);
        if (cert != NULL)
            X509_STORE_add_cert(store, cert);
        X509_free(cert);
    }
    for (size_t i = 0; i < c->sent_count; i++) {
        cert = parse(&c->sent[i]);
        if (cert != NULL && sk_X509_push(sent, cert) == 0)
            X509_free(cert);
    }
    if (leaf != NULL)
        reason = verify(store, sent, leaf, c);
    X509_free(leaf);
    sk_X509_pop_free(sent, X509_free);
    X509_STORE_free(store);
    ERR_clear_error();
    return reason;
}
