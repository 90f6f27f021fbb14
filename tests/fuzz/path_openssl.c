/*
 * Certification paths beside X509_verify_cert: a path that the checks in-date and chain accept OpenSSL must
 * accept too, on exactly that path (no purpose, no host name, security level 0, the same time). Where it
 * does not, the error must stand in the table below with its reason; docs/decisions/0007 says the same.
 *
 * The certificates come from a recipe (recipe.h) and form a graph, not only one path; so the search is
 * asked three times, and neither its memory nor the order of what was sent may change the verdict.
 */
#include <openssl/x509v3.h>
#include <string.h>

#include "fuzz.h"
#include "recipe.h"
#include "x509/facts.h"

#include <certgate/certgate.h>

/*
 * The leak detector's own, where there is one. OpenSSL 3.0 forgets a policyConstraints extension that stands
 * in a certificate without policies, and that is not ours to find.
 */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* What OpenSSL is asked, and what it said. */
struct question {
    const struct recipe *recipe;
    const struct cg_decision *decision;
    X509 *certs[CG_MAX_PATH_CERTS];
    size_t count;
    bool ignore_critical;
    int error; /* the first that is not listed */
    int depth;
};

static const struct cg_cert *
cert_at(const struct question *question, int depth)
{
    return cg_decision_path_get0(question->decision, (size_t)depth);
}

static bool
is_last_second(const struct question *question, int depth)
{
    return cg_cert_not_after(cert_at(question, depth)) == question->recipe->now;
}

static bool
has_critical_key_id(const struct question *question, int depth)
{
    static const enum cg_extension_id ids[] = { CG_EXT_SUBJECT_KEY_ID, CG_EXT_AUTHORITY_KEY_ID };

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        const struct cg_extension *extension = cg_cert_extension(cert_at(question, depth), ids[i]);

        if (extension != NULL && extension->critical)
            return true;
    }
    return false;
}

static bool
is_alone(const struct question *question, int depth)
{
    (void)depth;
    return question->count == 1;
}

/* OpenSSL takes a certificate for self-signed only where its authorityKeyIdentifier says so too. */
static bool
is_root_with_other_key_id(const struct question *question, int depth)
{
    X509 *cert = question->certs[depth];
    int error = X509_check_issued(cert, cert);

    return (size_t)depth + 1 == question->count &&
            (error == X509_V_ERR_AKID_SKID_MISMATCH ||
                    error == X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH);
}

static bool
is_version_2_root(const struct question *question, int depth)
{
    return (size_t)depth + 1 == question->count && cert_at(question, depth)->version == 2;
}

/* With a proxy certificate in the path OpenSSL judges all of it by other rules. */
static bool
has_proxy(const struct question *question, int depth)
{
    (void)depth;
    for (size_t d = 0; d < question->count; d++) {
        const struct cg_cert *cert = cert_at(question, (int)d);

        for (size_t i = 0; i < cert->extension_count; i++)
            if (CG_SPAN_IS(cert->extensions[i].oid, "\x2b\x06\x01\x05\x05\x07\x01\x0e"))
                return true;
    }
    return false;
}

static bool
is_self_issued_below(const struct question *question, int depth)
{
    return (size_t)depth + 1 < question->count && cg_cert_is_self_issued(cert_at(question, depth));
}

static bool
always(const struct question *question, int depth)
{
    (void)question;
    (void)depth;
    return true;
}

#define ANY_ERROR (-1)

/* clang-format off */
static const struct divergence {
    int error;
    bool (*applies)(const struct question *question, int depth);
    const char *reason;
} divergences[] = {
    { X509_V_ERR_CERT_HAS_EXPIRED, is_last_second,
      "notAfter's very second is inside the validity (RFC 5280 section 4.1.2.5); OpenSSL ends one second before" },
    { X509_V_ERR_AKID_SKID_MISMATCH, always,
      "key identifiers help to find an issuer and decide nothing (RFC 5280 sections 4.2.1.1 and 6.1)" },
    { X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, always,
      "the same, with issuer and serial number for a key identifier" },
    { X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, has_critical_key_id,
      "both key identifiers are on our list of critical extensions and not on OpenSSL's" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, is_root_with_other_key_id,
      "a root in the store ends the path, whatever its authorityKeyIdentifier says of itself" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, is_root_with_other_key_id, "the same" },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, is_root_with_other_key_id, "the same" },
    { X509_V_ERR_INVALID_CA, is_version_2_root,
      "like version 1, version 2 cannot say that it is a CA, and is believed of a root in the store" },
    { ANY_ERROR, has_proxy,
      "proxyCertInfo (RFC 3820) is an extension that we do not know: critical-extensions refuses it" },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, is_self_issued_below,
      "self-issued is not self-signed: another key of that name may have issued it (RFC 5280 section 6.1)" },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, is_self_issued_below, "the same" },
    { X509_V_ERR_KEYUSAGE_NO_CERTSIGN, is_alone,
      "an exact copy in the store is the whole path: its own signature needs no keyCertSign" },
};
/* clang-format on */

static bool
is_listed(const struct question *question, int error, int depth)
{
    for (size_t i = 0; i < sizeof(divergences) / sizeof(divergences[0]); i++)
        if ((divergences[i].error == error || divergences[i].error == ANY_ERROR) &&
                divergences[i].applies(question, depth))
            return true;
    return false;
}

static struct question *asked; /* X509_STORE_CTX has ex_data, but a static needs no index */

static int
on_verify(int ok, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context), depth = X509_STORE_CTX_get_error_depth(context);

    if (ok == 1 || is_listed(asked, error, depth))
        return 1;
    if (asked->error == X509_V_OK) {
        asked->error = error;
        asked->depth = depth;
    }
    return 0;
}

/* Whether it was `issuer`: exactly the next one of the path, and the last one itself, if OpenSSL agrees. */
static int
on_issued(X509_STORE_CTX *context, X509 *subject, X509 *issuer)
{
    size_t i = 0;
    int error;

    (void)context;
    while (i < asked->count && X509_cmp(asked->certs[i], subject) != 0)
        i++;
    if (i == asked->count || X509_cmp(asked->certs[i + 1 < asked->count ? i + 1 : i], issuer) != 0)
        return 0;
    error = X509_check_issued(issuer, subject);
    if (i + 1 == asked->count)
        return error == X509_V_OK ||
                (error == X509_V_ERR_KEYUSAGE_NO_CERTSIGN && is_alone(asked, (int)i));
    if (error == X509_V_OK || is_listed(asked, error, (int)i))
        return 1;
    if (asked->error == X509_V_OK) {
        asked->error = error;
        asked->depth = (int)i;
    }
    return 0;
}

/* False where OpenSSL reads one not at all: that is what facts_openssl.c asks about. */
static bool
read_path(struct question *question)
{
    question->count = cg_decision_path_count(question->decision);
    for (size_t i = 0; i < question->count; i++) {
        size_t len;
        const uint8_t *der = cg_cert_get0_der(cert_at(question, (int)i), &len), *at = der;

        question->certs[i] = d2i_X509(NULL, &at, (long)len);
        if (question->certs[i] == NULL)
            return false;
    }
    return true;
}

static void
set_up(X509_STORE_CTX *context, const struct question *question)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    unsigned long flags = X509_V_FLAG_POLICY_CHECK;

    if (question->recipe->partial_chain)
        flags |= X509_V_FLAG_PARTIAL_CHAIN;
    if (question->ignore_critical)
        flags |= X509_V_FLAG_IGNORE_CRITICAL;
    X509_VERIFY_PARAM_set_flags(param, flags);
    /* RFC 5280's user-initial-policy-set of any-policy; for OpenSSL a set that is not given is empty. */
    FUZZ_CHECK(X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) == 1, "no memory");
    X509_VERIFY_PARAM_set_time(param, question->recipe->now);
    X509_VERIFY_PARAM_set_auth_level(param, 0);
    X509_VERIFY_PARAM_set_depth(param, CG_MAX_PATH_CERTS);
    X509_STORE_CTX_set_verify_cb(context, on_verify);
}

static void
verify(struct question *question)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *trusted = sk_X509_new_null(), *sent = sk_X509_new_null();
    int result, error, depth;

    FUZZ_CHECK(store != NULL && context != NULL && trusted != NULL && sent != NULL, "no memory");
    asked = question;
    X509_STORE_set_check_issued(store, on_issued);
    for (size_t i = 1; i + 1 < question->count; i++)
        FUZZ_CHECK(sk_X509_push(sent, question->certs[i]) > 0, "no memory");
    FUZZ_CHECK(sk_X509_push(trusted, question->certs[question->count - 1]) > 0, "no memory");
    FUZZ_CHECK(X509_STORE_CTX_init(context, store, question->certs[0], sent) == 1, "no memory");
    X509_STORE_CTX_set0_trusted_stack(context, trusted);
    set_up(context, question);
    if (__lsan_disable != NULL)
        __lsan_disable();
    result = X509_verify_cert(context);
    if (__lsan_enable != NULL)
        __lsan_enable();
    error = X509_STORE_CTX_get_error(context);
    depth = X509_STORE_CTX_get_error_depth(context);
    if (question->error == X509_V_OK && result != 1 && !is_listed(question, error, depth)) {
        question->error = error;
        question->depth = depth;
    }
    FUZZ_CHECK(question->error == X509_V_OK, "OpenSSL refuses certificate %d of %zu: %s",
            question->depth, question->count, X509_verify_cert_error_string(question->error));
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_free(sent);
    sk_X509_free(trusted);
}

static void
ask_openssl(struct question *question)
{
    if (read_path(question))
        verify(question);
    for (size_t i = 0; i < question->count; i++)
        X509_free(question->certs[i]);
}

static struct cg_store *
make_store(const struct recipe *recipe)
{
    struct cg_store *store = cg_store_new();

    FUZZ_CHECK(store != NULL, "no memory");
    for (size_t i = 0; i < recipe->count; i++) {
        struct cg_cert *cert;

        if (!recipe->certs[i].trusted ||
                cg_cert_from_der(recipe->certs[i].der, recipe->certs[i].len, &cert, NULL) != CG_OK)
            continue;
        FUZZ_CHECK(cg_store_add(store, cert, NULL) == CG_OK, "no memory");
        cg_cert_free(cert);
    }
    FUZZ_CHECK(cg_store_freeze(store, NULL) == CG_OK, "no memory");
    return store;
}

static struct cg_policy *
make_policy(const struct recipe *recipe)
{
    struct cg_policy *policy = cg_policy_new();

    FUZZ_CHECK(policy != NULL, "no memory");
    cg_policy_set_checks(policy,
            1u << CG_CHECK_IN_DATE | 1u << CG_CHECK_CHAIN | 1u << CG_CHECK_CRITICAL_EXTENSIONS);
    cg_policy_set_role(policy, recipe->outbound ? CG_ROLE_OUTBOUND : CG_ROLE_INBOUND);
    cg_policy_set_partial_chain(policy, recipe->partial_chain);
    cg_policy_set_ca_eku(policy, recipe->ca_eku);
    if (recipe->allow_sha1)
        cg_policy_allow(policy, CG_ALLOW_SHA1_CHAIN, INT64_MAX);
    FUZZ_CHECK(cg_policy_set_max_depth(policy, recipe->max_depth, NULL) == CG_OK, "depth");
    return policy;
}

static struct cg_decision *
judge(const struct recipe *recipe, const struct cg_store *store, const struct cg_policy *policy,
        bool reversed)
{
    static struct cg_engine *engine;
    const uint8_t *chain[RECIPE_MAX_CERTS];
    size_t chain_len[RECIPE_MAX_CERTS];
    struct cg_peer peer = { .leaf = recipe->certs[0].der,
        .leaf_len = recipe->certs[0].len,
        .chain = chain,
        .chain_len = chain_len,
        .now = recipe->now };
    struct cg_decision *decision = NULL;

    if (engine == NULL)
        engine = cg_engine_new();
    for (size_t i = 1; i < recipe->count; i++) {
        size_t from = reversed ? recipe->count - i : i;

        if (!recipe->certs[from].sent)
            continue;
        chain[peer.chain_count] = recipe->certs[from].der;
        chain_len[peer.chain_count++] = recipe->certs[from].len;
    }
    FUZZ_CHECK(
            engine != NULL && cg_evaluate(engine, store, policy, &peer, &decision, NULL) == CG_OK,
            "no decision");
    return decision;
}

static bool
passes(const struct cg_decision *decision, cg_check_set checks)
{
    size_t count = cg_decision_count(decision);

    for (size_t i = 0; i < count; i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);

        if ((checks >> finding->check & 1u) != 0 && finding->outcome != CG_PASS)
            return false;
    }
    return count != 0;
}

/* Work that was cut short may end otherwise; nothing else may. */
static void
check_same(const struct cg_decision *a, const struct cg_decision *b, const char *when)
{
    if (cg_decision_reason(a) == CG_REASON_WORK_LIMIT_REACHED ||
            cg_decision_reason(b) == CG_REASON_WORK_LIMIT_REACHED)
        return;
    FUZZ_CHECK(cg_decision_verdict(a) == cg_decision_verdict(b), "%s: %s, then %s", when,
            cg_reason_info(cg_decision_reason(a))->code,
            cg_reason_info(cg_decision_reason(b))->code);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const cg_check_set path = 1u << CG_CHECK_IN_DATE | 1u << CG_CHECK_CHAIN;
    struct cg_decision *first, *again, *reversed;
    struct question question = { 0 };
    struct cg_policy *policy;
    struct cg_store *store;
    struct recipe recipe;

    recipe_make(&recipe, data, len);
    store = make_store(&recipe);
    policy = make_policy(&recipe);
    first = judge(&recipe, store, policy, false);
    again = judge(&recipe, store, policy, false);
    reversed = judge(&recipe, store, policy, true);
    check_same(first, again, "the same again");
    check_same(first, reversed, "in the opposite order");
    if (passes(first, path)) {
        FUZZ_CHECK(cg_decision_anchored(first), "a path that ends nowhere");
        question = (struct question) { &recipe, first, .ignore_critical = true };
        ask_openssl(&question);
    }
    if (cg_decision_verdict(first) == CG_ACCEPT) {
        question = (struct question) { &recipe, first, .ignore_critical = false };
        ask_openssl(&question);
    }
    cg_decision_free(first);
    cg_decision_free(again);
    cg_decision_free(reversed);
    cg_policy_free(policy);
    cg_store_free(store);
    recipe_release(&recipe);
    return 0;
}
