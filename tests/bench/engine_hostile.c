/* What a hostile peer can cost: graphs made to be searched for long, each judged by a new engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "bench.h"
#include "support/mint.h"

#define MAX_CAS 16
#define MAX_SENT CG_MAX_CANDIDATES

struct graph {
    struct der sent[MAX_SENT];
    size_t count;
    struct der leaf;
    struct der trusted;
};

static void
add(struct graph *graph, struct der der)
{
    need(graph->count < MAX_SENT, "too many certificates");
    graph->sent[graph->count++] = der;
}

/*
 * `cas` authorities, each signed by `each` others, and a trusted one of one of the names that signed
 * none of them: every way looks promising, every signature is right, and no way ends well.
 */
static void
make_mesh(struct graph *graph, const char *kind, int cas, int each)
{
    EVP_PKEY *keys[MAX_CAS], *stranger = new_key(kind);
    char subject[24], issuer[24];

    for (int i = 0; i < cas; i++)
        keys[i] = new_key(kind);
    for (int i = 0; i < cas; i++) {
        for (int j = 1; j <= each; j++) {
            int by = (i + j) % cas;

            snprintf(subject, sizeof(subject), "CN=mesh %d", i);
            snprintf(issuer, sizeof(issuer), "CN=mesh %d", by);
            add(graph, mint_ca(subject, issuer, keys[i], keys[by], (long)graph->count + 1));
        }
    }
    snprintf(issuer, sizeof(issuer), "CN=mesh %d", cas / 2);
    graph->leaf = mint_leaf(issuer, keys[cas / 2], keys[cas / 2], 1);
    graph->trusted = mint_ca("CN=mesh 0", NULL, stranger, NULL, 1);
    for (int i = 0; i < cas; i++)
        EVP_PKEY_free(keys[i]);
    EVP_PKEY_free(stranger);
}

/* As many CAs of the issuer's name as are read, each with another key and below a trusted root. */
static void
make_namesakes(struct graph *graph, const char *kind, int count)
{
    EVP_PKEY *root = new_key(kind), *issuer = new_key(kind);

    for (int i = 0; i < count; i++) {
        EVP_PKEY *key = new_key(kind);

        add(graph, mint_ca("CN=namesake", "CN=root", key, root, i + 2));
        EVP_PKEY_free(key);
    }
    graph->leaf = mint_leaf("CN=namesake", issuer, issuer, 1);
    graph->trusted = mint_ca("CN=root", NULL, root, NULL, 1);
    EVP_PKEY_free(root);
    EVP_PKEY_free(issuer);
}

static void
judge(const struct graph *graph, const char *what, const char *kind)
{
    const uint8_t *chain[MAX_SENT];
    size_t len[MAX_SENT];
    struct cg_peer peer = { .leaf = graph->leaf.bytes,
        .leaf_len = graph->leaf.len,
        .chain = chain,
        .chain_len = len,
        .chain_count = graph->count,
        .now = MINT_NOW };
    struct cg_policy *policy = cg_policy_new();
    struct cg_store *store = store_of(&graph->trusted);
    struct cg_decision *decision = NULL;
    double times[5], start;

    for (size_t i = 0; i < graph->count; i++) {
        chain[i] = graph->sent[i].bytes;
        len[i] = graph->sent[i].len;
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct cg_engine *engine = cg_engine_new();

        cg_decision_free(decision);
        start = cpu_us();
        need(cg_evaluate(engine, store, policy, &peer, &decision, NULL) == CG_OK, "cg_evaluate");
        times[i] = cpu_us() - start;
        cg_engine_free(engine);
    }
    need(cg_decision_verdict(decision) == CG_REJECT, "a hostile graph was accepted");
    need(cg_decision_signatures(decision) <= CG_MAX_SIGNATURES &&
                    cg_decision_edges(decision) <= CG_MAX_EDGES,
            "a work limit does not hold");
    printf("%-34s %-9s %5zu %8.1f ms %5u %5u  %s\n", what, kind, graph->count,
            median(times, sizeof(times) / sizeof(times[0])) / 1e3, cg_decision_signatures(decision),
            cg_decision_edges(decision), cg_reason_info(cg_decision_reason(decision))->code);
    cg_decision_free(decision);
    cg_store_free(store);
    cg_policy_free(policy);
}

void
measure_hostile(void)
{
    static const struct {
        const char *what;
        const char *kind;
        int cas; /* 0: namesakes */
        int each;
    } rows[] = {
        { "16: 4 CAs, each signed by all", "P-256", 4, 4 },
        { "16: CAs in a ring", "P-256", 16, 1 },
        { "128: 16 CAs, each signed by 8", "P-256", 16, 8 },
        { "128: 16 CAs, each signed by 8", "P-384", 16, 8 },
        { "128: 16 CAs, each signed by 8", "RSA-2048", 16, 8 },
        { "16: of one name, none signed", "P-256", 0, 16 },
        { "128: of one name, none signed", "P-256", 0, 128 },
        { "128: of one name, none signed", "P-384", 0, 128 },
    };

    printf("\n%-34s %-9s %5s %11s %5s %5s\n", "hostile graph (new engine)", "keys", "sent",
            "verdict", "sigs", "edges");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static struct graph graph;

        memset(&graph, 0, sizeof(graph));
        if (rows[i].cas == 0)
            make_namesakes(&graph, rows[i].kind, rows[i].each);
        else
            make_mesh(&graph, rows[i].kind, rows[i].cas, rows[i].each);
        judge(&graph, rows[i].what, rows[i].kind);
        for (size_t k = 0; k < graph.count; k++)
            free(graph.sent[k].bytes);
        free(graph.leaf.bytes);
        free(graph.trusted.bytes);
    }
}
