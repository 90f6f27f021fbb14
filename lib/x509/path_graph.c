/*
 * Who may have issued whom: all certificates that can be reached from the received one by issuer name
 * (RFC 5280 section 7.1 comparison), and how far each is from a trusted end. The walk then never
 * enters a branch that cannot end well, however hostile what was sent is.
 */
#include <stdlib.h>

#include "x509/engine.h"
#include "x509/path_search.h"
#include "x509/store_index.h"

static bool
same_cert(const struct cg_cert *a, const struct cg_cert *b)
{
    return a == b || memcmp(a->sha256, b->sha256, CG_SHA256_SIZE) == 0;
}

static size_t
find_node(const struct cg_path_scratch *search, const struct cg_cert *cert)
{
    size_t i = 0;

    while (i < search->node_count && !same_cert(search->nodes[i].cert, cert))
        i++;
    return i;
}

/* The index of the certificate's node, made if need be; CG_PATH_MAX_NODES when there is no room. */
static size_t
add_node(struct cg_path_scratch *search, const struct cg_cert *cert, int sent)
{
    size_t i = find_node(search, cert);
    struct path_node *node;

    if (i < search->node_count)
        return i;
    if (i == CG_PATH_MAX_NODES)
        return i;
    node = &search->nodes[i];
    *node = (struct path_node) {
        .cert = cg_cert_ref(cert), .sent = sent, .distance = CG_PATH_UNREACHABLE
    };
    node->self_issued = cg_cert_is_self_issued(cert);
    node->in_store = sent < 0 || cg_store_contains(search->query->store, cert->sha256);
    cg_path_rate_issuer(search->query, node);
    search->node_count++;
    return i;
}

/* RFC 5280 section 4.2.1.1: does the subject's idea of its issuer's key fit? 1 yes, 0 unknown, -1 no. */
static int
key_id_fit(const struct cg_cert *subject, const struct cg_cert *issuer)
{
    if (subject->authority_key_id.len != 0 && issuer->has_subject_key_id)
        return cg_span_equal(subject->authority_key_id, issuer->subject_key_id) ? 1 : -1;
    if (subject->authority_serial.len != 0 && subject->authority_issuer.data != NULL)
        return cg_span_equal(subject->authority_serial, issuer->serial) &&
                        cg_canonical_name_equal(
                                &subject->authority_issuer, &issuer->canonical_issuer)
                ? 1
                : -1;
    return 0;
}

static void
add_edge(struct cg_path_scratch *search, struct path_node *subject, size_t issuer)
{
    for (size_t i = 0; i < subject->edge_count; i++)
        if (search->edges[subject->first_edge + i].issuer == issuer)
            return;
    if (issuer >= CG_PATH_MAX_NODES || search->edge_count == CG_MAX_EDGES)
        return;
    search->edges[search->edge_count++] = (struct path_edge) { .issuer = (uint16_t)issuer };
    subject->edge_count++;
}

/* The entry, if it is what its hashes promise. */
static void
add_store_issuer(struct cg_path_scratch *search, struct path_node *subject, size_t entry, int fit)
{
    struct cg_cert *cert = NULL;

    if (cg_engine_trusted(search->engine, search->query->store, entry, &cert) != CG_OK)
        search->failed = true;
    else if (cg_canonical_name_equal(&cert->canonical_subject, &subject->cert->canonical_issuer) &&
            key_id_fit(subject->cert, cert) == fit && !same_cert(cert, subject->cert))
        add_edge(search, subject, add_node(search, cert, -1));
    cg_cert_free(cert);
}

/*
 * There is no room for another candidate. Each node but the first came with an edge, so both run out together: what
 * a store has beyond that of one name is not even looked at.
 */
static bool
is_full(const struct cg_path_scratch *search)
{
    return search->edge_count == CG_MAX_EDGES || search->node_count == CG_PATH_MAX_NODES;
}

/*
 * Candidates from the store: those whose key id fits first, so that a store with more CAs of one name
 * than are looked at still gives the right ones.
 */
static void
add_store_issuers(struct cg_path_scratch *search, struct path_node *subject)
{
    const struct cg_store *store = search->query->store;
    const struct cg_issuer_hint hint = cg_issuer_hint(subject->cert);
    bool told = hint.key_id != 0 || hint.serial != 0; /* else all are alike */
    struct cg_store_match match;
    size_t cursor;

    for (int fit = told ? 1 : 0; fit >= (told ? -1 : 0) && !is_full(search); fit--) {
        cursor = 0;
        while (!is_full(search) && cg_store_next_issuer(store, &hint, &cursor, &match))
            if (match.fit == fit || (match.fit == CG_ISSUER_MAY && fit == -1))
                add_store_issuer(search, subject, match.entry, fit);
    }
}

static void
expand(struct cg_path_scratch *search, size_t index)
{
    struct path_node *subject = &search->nodes[index];

    subject->first_edge = (uint16_t)search->edge_count;
    add_store_issuers(search, subject);
    for (size_t i = 0; i < search->query->sent_count && i < CG_MAX_CANDIDATES; i++) {
        const struct cg_cert *cert = search->query->sent[i];

        if (cg_canonical_name_equal(&cert->canonical_subject, &subject->cert->canonical_issuer) &&
                !same_cert(cert, subject->cert) && !same_cert(cert, search->query->leaf))
            add_edge(search, subject, add_node(search, cert, (int)i + 1));
    }
}

/* Distances to an end, by relaxation: few certificates, short paths. */
static void
measure(struct cg_path_scratch *search)
{
    bool changed = true;

    for (size_t i = 1; i < search->node_count; i++)
        if (search->nodes[i].may_anchor && search->nodes[i].fault == CG_REASON_NONE)
            search->nodes[i].distance = 0;
    while (changed) {
        changed = false;
        for (size_t i = search->node_count; i-- > 0;) {
            struct path_node *node = &search->nodes[i];

            if (node->fault != CG_REASON_NONE && i != 0)
                continue;
            for (size_t e = 0; e < node->edge_count; e++) {
                uint16_t beyond =
                        search->nodes[search->edges[node->first_edge + e].issuer].distance;

                if (beyond != CG_PATH_UNREACHABLE && beyond + 1 < node->distance) {
                    node->distance = (uint16_t)(beyond + 1);
                    changed = true;
                }
            }
        }
    }
}

/* Cheapest and likeliest first: ends before ways, key ids that fit, near ends, trusted before sent. */
static int
score(const struct path_node *subject, const struct path_node *issuer)
{
    int points = 0;

    if (issuer->fault != CG_REASON_NONE)
        points -= 10000;
    if (issuer->distance == CG_PATH_UNREACHABLE)
        points -= 5000;
    else
        points -= 20 * issuer->distance;
    points -= 400 * (int)issuer->cost;
    points += 300 * key_id_fit(subject->cert, issuer->cert);
    if (issuer->may_anchor)
        points += 100;
    if (issuer->in_store)
        points += 10;
    if (!issuer->self_issued && !issuer->may_anchor)
        points += 5;
    return points;
}

/* Of twins the one that lives longest, which does not hang on the moment of judging. */
static bool
is_better(
        const struct cg_path_scratch *search, const struct path_edge *a, const struct path_edge *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    return search->nodes[a->issuer].cert->not_after > search->nodes[b->issuer].cert->not_after;
}

static void
sort_edges(struct cg_path_scratch *search, const struct path_node *subject)
{
    struct path_edge *edges = &search->edges[subject->first_edge];

    for (size_t i = 0; i < subject->edge_count; i++) {
        struct path_edge edge = edges[i];
        size_t j = i;

        edge.score = score(subject, &search->nodes[edge.issuer]);
        for (; j > 0 && is_better(search, &edge, &edges[j - 1]); j--)
            edges[j] = edges[j - 1];
        edges[j] = edge;
    }
}

void
cg_path_graph_release(struct cg_path_scratch *search)
{
    for (size_t i = 0; i < search->node_count; i++)
        cg_cert_free((struct cg_cert *)(uintptr_t)search->nodes[i].cert);
    search->node_count = 0;
}

void
cg_path_graph_build(struct cg_path_scratch *search)
{
    cg_path_graph_release(search);
    search->edge_count = 0;
    add_node(search, search->query->leaf, 0);
    for (size_t i = 0; i < search->node_count; i++)
        expand(search, i);
    measure(search);
    for (size_t i = 0; i < search->node_count; i++)
        sort_edges(search, &search->nodes[i]);
}

struct cg_path_scratch *
cg_path_scratch_new(void)
{
    return calloc(1, sizeof(struct cg_path_scratch));
}

void
cg_path_scratch_free(struct cg_path_scratch *scratch)
{
    if (scratch != NULL)
        cg_path_graph_release(scratch);
    free(scratch);
}
