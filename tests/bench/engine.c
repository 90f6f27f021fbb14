/*
 * What a verdict costs, from DER, beside OpenSSL's d2i_X509 and X509_verify_cert and GnuTLS in the same run
 * and on one core, in rounds by turns, medians: nothing known, a new leaf under a known CA, the same chain
 * again; then hostile graphs, stores of many certificates, and two workers against one. tests/bench/run-engine builds and runs it.
 *
 *     bench-engine [ROUNDS]
 *
 * Ratios are what counts: they survive another machine. Not a test, since clocks are not.
 */
#include <openssl/x509_vfy.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "support/mint.h"

#define CHAINS 200

/* A leaf and the CA that issued it. */
struct chain {
    struct der leaf;
    struct der inter;
};

struct bench {
    const char *kind;
    struct der root;
    struct chain fresh[CHAINS]; /* each under a CA of its own */
    struct der leaves[CHAINS]; /* all under the CA of fresh[0] */
    struct cg_engine *engine;
    struct cg_store *store;
    struct cg_policy *policy;
    X509_STORE *openssl;
};

void
need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "engine: %s\n", what);
        exit(2);
    }
}

double
cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double
median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

struct der
mint_ca(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer, long serial)
{
    struct der out;
    struct mint mint = { .subject = subject,
        .issuer = issuer,
        .key = key,
        .signer = signer,
        .serial = serial,
        .extensions = { "basicConstraints=critical,CA:TRUE",
                "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash" } };

    out.bytes = mint_der(&mint, &out.len);
    return out;
}

struct der
mint_leaf(const char *issuer, EVP_PKEY *key, EVP_PKEY *signer, long serial)
{
    struct der out;
    struct mint mint = { .subject = "O=Bench,CN=leaf",
        .issuer = issuer,
        .key = key,
        .signer = signer,
        .serial = serial,
        .extensions = { "basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature",
                "extendedKeyUsage=serverAuth,clientAuth", "subjectKeyIdentifier=hash",
                "subjectAltName=DNS:leaf.example" } };

    out.bytes = mint_der(&mint, &out.len);
    return out;
}

EVP_PKEY *
new_key(const char *kind)
{
    return strcmp(kind, "RSA-2048") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
}

struct cg_store *
store_of(const struct der *root)
{
    struct cg_cert *cert;
    struct cg_store *store;

    need(cg_cert_from_der(root->bytes, root->len, &cert, NULL) == CG_OK, "root");
    store = mint_store((struct cg_cert *[]) { cert, NULL });
    cg_cert_free(cert);
    return store;
}

static void
prepare(struct bench *bench)
{
    EVP_PKEY *root_key = new_key(bench->kind);
    /* Two by turns: a leaf's key is never the one that was loaded last. */
    EVP_PKEY *leaf_keys[2] = { new_key(bench->kind), new_key(bench->kind) };
    const uint8_t *at;
    X509 *x509;
    char name[64];

    bench->root = mint_ca("O=Bench,CN=root", NULL, root_key, NULL, 1);
    for (int i = 0; i < CHAINS; i++) {
        EVP_PKEY *key = new_key(bench->kind);

        snprintf(name, sizeof(name), "O=Bench,CN=intermediate %d", i);
        bench->fresh[i].inter = mint_ca(name, "O=Bench,CN=root", key, root_key, i + 2);
        bench->fresh[i].leaf = mint_leaf(name, leaf_keys[i % 2], key, i + 2);
        for (int j = 0; i == 0 && j < CHAINS; j++)
            bench->leaves[j] = mint_leaf(name, leaf_keys[j % 2], key, 1000 + j);
        EVP_PKEY_free(key);
    }
    at = bench->root.bytes;
    x509 = d2i_X509(NULL, &at, (long)bench->root.len);
    bench->openssl = X509_STORE_new();
    need(x509 != NULL && X509_STORE_add_cert(bench->openssl, x509) == 1, "X509_STORE");
    X509_free(x509);
    bench->store = store_of(&bench->root);
    gnutls_trust(&bench->root);
    bench->policy = cg_policy_new();
    bench->engine = cg_engine_new();
    need(bench->policy != NULL && bench->engine != NULL, "no memory");
    cg_policy_set_level(bench->policy, CG_LEVEL_MEDIUM);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(leaf_keys[0]);
    EVP_PKEY_free(leaf_keys[1]);
}

static void
by_openssl(const struct bench *bench, const struct der *leaf, const struct der *inter)
{
    const uint8_t *at = leaf->bytes;
    X509 *cert = d2i_X509(NULL, &at, (long)leaf->len), *ca;
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    at = inter->bytes;
    ca = d2i_X509(NULL, &at, (long)inter->len);
    need(cert != NULL && ca != NULL && sk_X509_push(chain, ca) == 1, "d2i_X509");
    need(X509_STORE_CTX_init(context, bench->openssl, cert, chain) == 1, "X509_STORE_CTX_init");
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), MINT_NOW);
    need(X509_verify_cert(context) == 1, "X509_verify_cert");
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(chain, X509_free);
    X509_free(cert);
}

static void
by_gnutls(const struct bench *bench, const struct der *leaf, const struct der *inter)
{
    (void)bench;
    need(gnutls_judge(leaf, inter), "GnuTLS does not accept");
}

static void
by_certgate(const struct bench *bench, const struct der *leaf, const struct der *inter)
{
    const uint8_t *chain[] = { inter->bytes };
    const size_t len[] = { inter->len };
    struct cg_peer peer = { .leaf = leaf->bytes,
        .leaf_len = leaf->len,
        .chain = chain,
        .chain_len = len,
        .chain_count = 1,
        .now = MINT_NOW };
    struct cg_decision *decision;

    need(cg_evaluate(bench->engine, bench->store, bench->policy, &peer, &decision, NULL) == CG_OK,
            "cg_evaluate");
    need(cg_decision_verdict(decision) == CG_ACCEPT, "not accepted");
    cg_decision_free(decision);
}

typedef void (*judge_fn)(
        const struct bench *bench, const struct der *leaf, const struct der *inter);

/* The ways to ask: a chain of its own each time, leaves under one CA, one chain. */
enum { FRESH, NEW_LEAF, SAME, WAYS };

/* Who is asked, by turns within a round. */
static const judge_fn judges[] = { by_openssl, by_gnutls, by_certgate };
enum { OPENSSL, GNUTLS, OWN, JUDGES };

static double
run(const struct bench *bench, judge_fn judge, int way)
{
    double start = cpu_us();

    for (int i = 0; i < CHAINS; i++) {
        const struct chain *chain = &bench->fresh[way == FRESH ? i : 0];

        judge(bench, way == NEW_LEAF ? &bench->leaves[i] : &chain->leaf, &chain->inter);
    }
    return (cpu_us() - start) / CHAINS;
}

static void
measure(struct bench *bench, int rounds)
{
    static const char *const names[WAYS] = { "nothing known", "new leaf, known CA",
        "same chain again" };
    double *times = calloc((size_t)rounds * WAYS * JUDGES, sizeof(*times));
    double us[JUDGES];

    need(times != NULL, "no memory");
    for (int r = 0; r < rounds; r++) {
        cg_engine_free(bench->engine);
        bench->engine = cg_engine_new();
        need(bench->engine != NULL, "no engine");
        /* The first two ways each meet only what they have not seen: FRESH comes first. */
        for (int way = 0; way < WAYS; way++) {
            for (int judge = 0; judge < JUDGES; judge++)
                times[(way * JUDGES + judge) * rounds + r] = run(bench, judges[judge], way);
        }
    }
    for (int way = 0; way < WAYS; way++) {
        for (int judge = 0; judge < JUDGES; judge++)
            us[judge] = median(&times[(way * JUDGES + judge) * rounds], (size_t)rounds);
        printf("%-9s %-20s %8.1f us %8.1f us %8.1f us %8.2f x %8.2f x\n", bench->kind, names[way],
                us[OPENSSL], us[GNUTLS], us[OWN], us[OPENSSL] / us[OWN], us[GNUTLS] / us[OWN]);
    }
    free(times);
}

static void
release(struct bench *bench)
{
    for (int i = 0; i < CHAINS; i++) {
        free(bench->fresh[i].leaf.bytes);
        free(bench->fresh[i].inter.bytes);
        free(bench->leaves[i].bytes);
    }
    free(bench->root.bytes);
    gnutls_trust(NULL);
    cg_engine_free(bench->engine);
    cg_store_free(bench->store);
    cg_policy_free(bench->policy);
    X509_STORE_free(bench->openssl);
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = { "P-256", "RSA-2048" };
    static struct bench bench;
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    cpu_set_t one;

    need(rounds > 0 && rounds < 1000, "usage: bench-engine [ROUNDS]");
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    (void)sched_setaffinity(0, sizeof(one), &one);
    printf("%-9s %-20s %11s %11s %11s %20s\n", "keys", "verdict from DER", "OpenSSL", "GnuTLS",
            "certgate", "ratio to each");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bench = (struct bench) { .kind = kinds[i] };
        prepare(&bench);
        measure(&bench, rounds);
        release(&bench);
    }
    measure_hostile();
    measure_stores(rounds);
    measure_workers(rounds);
    return 0;
}
