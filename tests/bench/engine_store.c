/* What a large Trusted Certificate Store costs: to build, to hold, and in a verdict below one root of it. */
#include <malloc.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "support/mint.h"

#define LEAVES 100
/* X509_STORE looks for duplicates in a stack that it sorts anew for each: 100,000 take minutes. */
#define OPENSSL_MOST 10000

struct world {
    struct der root;
    struct der peer; /* the pattern of what fills the store */
    size_t number; /* offset of six digits in its subject */
    struct der leaves[LEAVES];
};

/* What one size of store took. */
struct cost {
    double build_s;
    double bytes; /* each */
    double verdict_us;
};

static void
make_world(struct world *world)
{
    EVP_PKEY *root = new_key("P-256"), *peer = new_key("P-256");
    struct mint mint = { .subject = "O=Bench,CN=peer NUMBER.example",
        .issuer = "O=Bench,CN=root",
        .key = peer,
        .signer = root,
        .serial = 1,
        .extensions = { "basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature",
                "extendedKeyUsage=serverAuth,clientAuth", "subjectAltName=DNS:peer.example" } };
    uint8_t *found;

    world->root = mint_ca("O=Bench,CN=root", NULL, root, NULL, 1);
    world->peer.bytes = mint_der(&mint, &world->peer.len);
    found = memmem(world->peer.bytes, world->peer.len, "NUMBER", 6);
    need(found != NULL, "the pattern has no number");
    world->number = (size_t)(found - world->peer.bytes);
    for (long i = 0; i < LEAVES; i++)
        world->leaves[i] = mint_leaf("O=Bench,CN=root", peer, root, 100 + i);
    EVP_PKEY_free(root);
    EVP_PKEY_free(peer);
}

/* The i-th certificate; its signature is wrong, which nothing looks at in what is trusted as it is. */
static void
number(struct world *world, size_t i)
{
    char digits[8];

    snprintf(digits, sizeof(digits), "%06zu", i % 1000000);
    memcpy(world->peer.bytes + world->number, digits, 6);
}

static double
heap(void)
{
    return (double)mallinfo2().uordblks + (double)mallinfo2().hblkhd;
}

static struct cg_store *
build_own(struct world *world, size_t size, struct cost *cost)
{
    struct cg_store *store = cg_store_new();
    double before = heap(), start = cpu_us();
    struct cg_cert *cert;

    for (size_t i = 0; i < size; i++) {
        const struct der *der = i == size / 2 ? &world->root : &world->peer;

        number(world, i);
        need(cg_cert_from_der(der->bytes, der->len, &cert, NULL) == CG_OK &&
                        cg_store_add(store, cert, NULL) == CG_OK,
                "cg_store_add");
        cg_cert_free(cert);
    }
    need(cg_store_freeze(store, NULL) == CG_OK, "cg_store_freeze");
    cost->build_s = (cpu_us() - start) / 1e6;
    cost->bytes = (heap() - before) / (double)size;
    return store;
}

static X509_STORE *
build_openssl(struct world *world, size_t size, struct cost *cost)
{
    X509_STORE *store = X509_STORE_new();
    double before = heap(), start = cpu_us();

    for (size_t i = 0; i < size; i++) {
        const struct der *der = i == size / 2 ? &world->root : &world->peer;
        const uint8_t *at = der->bytes;
        X509 *cert;

        number(world, i);
        cert = d2i_X509(NULL, &at, (long)der->len);
        need(cert != NULL && X509_STORE_add_cert(store, cert) == 1, "X509_STORE_add_cert");
        X509_free(cert);
    }
    cost->build_s = (cpu_us() - start) / 1e6;
    cost->bytes = (heap() - before) / (double)size;
    return store;
}

static double
judge_own(const struct world *world, struct cg_engine *engine, const struct cg_store *store,
        const struct cg_policy *policy)
{
    double start = cpu_us();

    for (size_t i = 0; i < LEAVES; i++) {
        struct cg_peer peer = {
            .leaf = world->leaves[i].bytes, .leaf_len = world->leaves[i].len, .now = MINT_NOW
        };
        struct cg_decision *decision;

        need(cg_evaluate(engine, store, policy, &peer, &decision, NULL) == CG_OK, "cg_evaluate");
        need(cg_decision_verdict(decision) == CG_ACCEPT, "not accepted");
        cg_decision_free(decision);
    }
    return (cpu_us() - start) / LEAVES;
}

static double
judge_openssl(const struct world *world, X509_STORE *store)
{
    double start = cpu_us();

    for (size_t i = 0; i < LEAVES; i++) {
        const uint8_t *at = world->leaves[i].bytes;
        X509 *cert = d2i_X509(NULL, &at, (long)world->leaves[i].len);
        X509_STORE_CTX *context = X509_STORE_CTX_new();

        need(X509_STORE_CTX_init(context, store, cert, NULL) == 1, "X509_STORE_CTX_init");
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), MINT_NOW);
        need(X509_verify_cert(context) == 1, "X509_verify_cert");
        X509_STORE_CTX_free(context);
        X509_free(cert);
    }
    return (cpu_us() - start) / LEAVES;
}

static void
measure_size(struct world *world, size_t size, int rounds)
{
    struct cost own = { 0 }, theirs = { 0 };
    struct cg_store *store = build_own(world, size, &own);
    X509_STORE *openssl = size <= OPENSSL_MOST ? build_openssl(world, size, &theirs) : NULL;
    struct cg_policy *policy = cg_policy_new();
    double *times = calloc((size_t)rounds * 2, sizeof(*times));

    need(policy != NULL && times != NULL, "no memory");
    for (int r = 0; r < rounds; r++) {
        struct cg_engine *engine = cg_engine_new();

        times[r] = judge_own(world, engine, store, policy);
        times[rounds + r] = openssl == NULL ? 0 : judge_openssl(world, openssl);
        cg_engine_free(engine);
    }
    own.verdict_us = median(times, (size_t)rounds);
    theirs.verdict_us = median(times + rounds, (size_t)rounds);
    printf("%-12zu %10.2f s %8.0f B %8.1f us", size, own.build_s, own.bytes, own.verdict_us);
    if (openssl == NULL)
        printf("   %s\n", "not built: quadratic");
    else
        printf("   %10.2f s %8.0f B %8.1f us\n", theirs.build_s, theirs.bytes, theirs.verdict_us);
    free(times);
    X509_STORE_free(openssl);
    cg_store_free(store);
    cg_policy_free(policy);
}

void
measure_stores(int rounds)
{
    static const size_t sizes[] = { 10, 10000, 100000, 1000000 };
    static struct world world;

    make_world(&world);
    printf("\n%-12s %12s %10s %11s   %12s %10s %11s\n", "store (P-256)", "built in", "each",
            "new leaf", "OpenSSL", "each", "new leaf");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        measure_size(&world, sizes[i], rounds);
    for (size_t i = 0; i < LEAVES; i++)
        free(world.leaves[i].bytes);
    free(world.root.bytes);
    free(world.peer.bytes);
}
