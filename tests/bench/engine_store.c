/*
 * What a large Trusted Certificate Store costs: to build as a worker does, over bytes that are there already, or with
 * copies; to hold, beyond the DER; and in a verdict below one root of it. The verdicts of all sizes are measured by
 * turns, each by an engine that has seen the root and none of the leaves.
 */
#include <malloc.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "support/mint.h"

#define LEAVES 2000
/* Judged before the clock starts: what an engine sets up once is none of a verdict's cost. */
#define WARM 100
#define SIZES 4
/* X509_STORE looks for duplicates in a stack that it sorts anew for each: 100,000 take minutes. */
#define OPENSSL_MOST 10000

static const size_t sizes[SIZES] = { 10, 10000, 100000, 1000000 };

struct world {
    struct der root;
    struct der peer; /* the pattern of what fills the store */
    uint8_t *peers; /* as many as the largest store has, of the pattern's size each */
    struct der leaves[WARM + LEAVES];
};

/* One size of store. */
struct row {
    size_t size;
    struct cg_store *store;
    X509_STORE *openssl; /* NULL: not built */
    double built_s, each;
    double copied_s, copied_each;
    double openssl_s, openssl_each;
    double *times, *openssl_times;
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
    const size_t most = sizes[SIZES - 1];
    uint8_t *found;
    char digits[8];

    world->root = mint_ca("O=Bench,CN=root", NULL, root, NULL, 1);
    world->peer.bytes = mint_der(&mint, &world->peer.len);
    found = memmem(world->peer.bytes, world->peer.len, "NUMBER", 6);
    need(found != NULL, "the pattern has no number");
    world->peers = malloc(most * world->peer.len);
    need(world->peers != NULL, "no memory");
    /* Their signatures are wrong, which nothing looks at in what is trusted as it is. */
    for (size_t i = 0; i < most; i++) {
        snprintf(digits, sizeof(digits), "%06zu", i);
        memcpy(found, digits, 6);
        memcpy(world->peers + i * world->peer.len, world->peer.bytes, world->peer.len);
    }
    for (long i = 0; i < WARM + LEAVES; i++)
        world->leaves[i] = mint_leaf("O=Bench,CN=root", peer, root, 100 + i);
    EVP_PKEY_free(root);
    EVP_PKEY_free(peer);
}

/* The i-th certificate of a store of this size: the root stands in its middle. */
static struct der
trusted(const struct world *world, size_t i, size_t size)
{
    if (i == size / 2)
        return world->root;
    return (struct der) { world->peers + i * world->peer.len, world->peer.len };
}

static double
heap(void)
{
    return (double)mallinfo2().uordblks + (double)mallinfo2().hblkhd;
}

static void
build_own(const struct world *world, struct row *row)
{
    double before = heap(), start = cpu_us();

    row->store = cg_store_new();
    for (size_t i = 0; i < row->size; i++) {
        struct der der = trusted(world, i, row->size);

        need(cg_store_borrow_der(row->store, der.bytes, der.len, NULL) == CG_OK,
                "cg_store_borrow_der");
    }
    need(cg_store_freeze(row->store, NULL) == CG_OK, "cg_store_freeze");
    row->built_s = (cpu_us() - start) / 1e6;
    row->each = (heap() - before) / (double)row->size;
}

static void
build_copied(const struct world *world, struct row *row)
{
    struct cg_store *store = cg_store_new();
    double before = heap(), start = cpu_us(), der_bytes = 0;
    struct cg_cert *cert;

    for (size_t i = 0; i < row->size; i++) {
        struct der der = trusted(world, i, row->size);

        need(cg_cert_from_der(der.bytes, der.len, &cert, NULL) == CG_OK &&
                        cg_store_add(store, cert, NULL) == CG_OK,
                "cg_store_add");
        cg_cert_free(cert);
        der_bytes += (double)der.len;
    }
    need(cg_store_freeze(store, NULL) == CG_OK, "cg_store_freeze");
    row->copied_s = (cpu_us() - start) / 1e6;
    row->copied_each = (heap() - before - der_bytes) / (double)row->size;
    cg_store_free(store);
}

static void
build_openssl(const struct world *world, struct row *row)
{
    double before = heap(), start = cpu_us(), der_bytes = 0;

    row->openssl = X509_STORE_new();
    for (size_t i = 0; i < row->size; i++) {
        struct der der = trusted(world, i, row->size);
        const uint8_t *at = der.bytes;
        X509 *cert = d2i_X509(NULL, &at, (long)der.len);

        need(cert != NULL && X509_STORE_add_cert(row->openssl, cert) == 1, "X509_STORE_add_cert");
        X509_free(cert);
        der_bytes += (double)der.len;
    }
    row->openssl_s = (cpu_us() - start) / 1e6;
    row->openssl_each = (heap() - before - der_bytes) / (double)row->size;
}

static void
judge_own(const struct der *leaf, struct cg_engine *engine, const struct cg_store *store,
        const struct cg_policy *policy)
{
    struct cg_peer peer = { .leaf = leaf->bytes, .leaf_len = leaf->len, .now = MINT_NOW };
    struct cg_decision *decision;

    need(cg_evaluate(engine, store, policy, &peer, &decision, NULL) == CG_OK, "cg_evaluate");
    need(cg_decision_verdict(decision) == CG_ACCEPT, "not accepted");
    cg_decision_free(decision);
}

static double
judge_all(const struct world *world, const struct cg_store *store, const struct cg_policy *policy)
{
    struct cg_engine *engine = cg_engine_new();
    double start;

    need(engine != NULL, "no engine");
    for (size_t i = 0; i < WARM; i++)
        judge_own(&world->leaves[i], engine, store, policy);
    start = cpu_us();
    for (size_t i = WARM; i < WARM + LEAVES; i++)
        judge_own(&world->leaves[i], engine, store, policy);
    start = cpu_us() - start;
    cg_engine_free(engine);
    return start / LEAVES;
}

static double
judge_openssl(const struct world *world, X509_STORE *store)
{
    double start = cpu_us();

    for (size_t i = 0; i < WARM; i++) {
        const uint8_t *at = world->leaves[i].bytes;
        X509 *cert = d2i_X509(NULL, &at, (long)world->leaves[i].len);
        X509_STORE_CTX *context = X509_STORE_CTX_new();

        need(X509_STORE_CTX_init(context, store, cert, NULL) == 1, "X509_STORE_CTX_init");
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), MINT_NOW);
        need(X509_verify_cert(context) == 1, "X509_verify_cert");
        X509_STORE_CTX_free(context);
        X509_free(cert);
    }
    return (cpu_us() - start) / WARM;
}

static void
print_row(const struct row *row, size_t rounds, double least)
{
    double us = median(row->times, rounds);

    printf("%-9zu %7.2f s %6.0f B %9.2f s %6.0f B %8.1f us %6.2f x", row->size, row->built_s,
            row->each, row->copied_s, row->copied_each, us, us / least);
    if (row->openssl == NULL)
        printf("   %s\n", "not built: quadratic");
    else
        printf(" %9.2f s %6.0f B %8.1f us\n", row->openssl_s, row->openssl_each,
                median(row->openssl_times, rounds));
}

static void
measure_rows(const struct world *world, struct row rows[SIZES], size_t rounds)
{
    struct cg_policy *policy = cg_policy_new();
    double least;

    need(policy != NULL, "no memory");
    for (size_t i = 0; i < SIZES; i++) {
        rows[i].size = sizes[i];
        rows[i].times = calloc(rounds * 2, sizeof(double));
        need(rows[i].times != NULL, "no memory");
        rows[i].openssl_times = rows[i].times + rounds;
        build_copied(world, &rows[i]);
        build_own(world, &rows[i]);
        if (sizes[i] <= OPENSSL_MOST)
            build_openssl(world, &rows[i]);
    }
    for (size_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < SIZES; i++)
            rows[i].times[r] = judge_all(world, rows[i].store, policy);
        for (size_t i = 0; i < SIZES; i++)
            if (rows[i].openssl != NULL)
                rows[i].openssl_times[r] = judge_openssl(world, rows[i].openssl);
    }
    least = median(rows[0].times, rounds);
    for (size_t i = 0; i < SIZES; i++)
        print_row(&rows[i], rounds, least);
    cg_policy_free(policy);
}

void
measure_stores(int rounds)
{
    static struct world world;
    struct row rows[SIZES] = { 0 };

    make_world(&world);
    printf("\n%-9s %9s %8s %11s %8s %11s %8s %11s %8s %11s\n", "trusted", "mapped in", "each",
            "copied in", "each", "new leaf", "to 10", "OpenSSL", "each", "new leaf");
    measure_rows(&world, rows, (size_t)rounds);
    for (size_t i = 0; i < SIZES; i++) {
        X509_STORE_free(rows[i].openssl);
        cg_store_free(rows[i].store);
        free(rows[i].times);
    }
    for (size_t i = 0; i < WARM + LEAVES; i++)
        free(world.leaves[i].bytes);
    free(world.root.bytes);
    free(world.peer.bytes);
    free(world.peers);
}
