/*
 * The walk: depth first with backtracking over the graph of possible issuers, best candidate first,
 * every rule judged as soon as a certificate is added. A second walk, made only where there is no path,
 * goes on after faults to find the attempt that came furthest: that is what the administrator is told.
 */
#include "x509/path.h"

#include "base/error.h"
#include "x509/crypto.h"
#include "x509/engine.h"
#include "x509/path_search.h"

/* How telling an attempt is; what ends at a trusted end beats what does not. */
enum {
    RANK_UNKNOWN_BROKEN = 10, /* no issuer, and something wrong before that */
    RANK_ROOT_BROKEN = 20,
    RANK_UNKNOWN = 30, /* no issuer; plus the number of certificates that fit so far */
    RANK_ANCHOR_SIGNATURE = 80, /* a trusted end, but a signature is wrong */
    RANK_ROOT = 90, /* an untrusted root, everything below it right */
    RANK_ANCHOR = 200, /* a trusted end, one rule broken; less for each further one */
    RANK_POLICY = 300,
};

static void
keep_attempt(struct cg_path_scratch *search, struct path_attempt *attempt, int rank,
        struct path_finding finding, int extra)
{
    if (rank <= attempt->rank)
        return;
    attempt->rank = rank;
    attempt->finding = finding;
    attempt->count = 0;
    for (size_t i = 0; i < search->depth; i++)
        attempt->nodes[attempt->count++] = search->path[i].node;
    if (extra >= 0 && attempt->count < CG_MAX_PATH_CERTS)
        attempt->nodes[attempt->count++] = (uint16_t)extra;
}

/* A path that ends at `anchor`: its policies, and whether it is better than the one we have. */
static void
complete(struct cg_path_scratch *search, uint16_t anchor, unsigned cost)
{
    struct path_attempt attempt = { 0 };

    keep_attempt(search, &attempt, 1, (struct path_finding) { 0 }, anchor);
    attempt.finding = cg_path_judge_policies(search, attempt.nodes, attempt.count);
    if (attempt.finding.reason != CG_REASON_NONE) {
        attempt.rank = RANK_POLICY;
        if (search->best.rank < attempt.rank)
            search->best = attempt;
        cg_path_trace(search, search->depth, &search->nodes[anchor], "trusted, but %s",
                cg_reason_info(attempt.finding.reason)->code);
        return;
    }
    cg_path_trace(search, search->depth, &search->nodes[anchor],
            cost == 0 ? "trusted: path found" : "trusted: path found, another is looked for");
    if (search->found.rank == 0 || cost < search->found_cost) {
        search->found = attempt;
        search->found_cost = cost;
    }
}

static void
push(struct cg_path_scratch *search, uint16_t node, unsigned cost, const struct path_step *below)
{
    struct path_step *step = &search->path[search->depth++];

    *step = (struct path_step) { .node = node, .cost = cost };
    if (below != NULL) {
        step->lengths = below->lengths + (search->nodes[node].self_issued ? 0 : 1);
        step->finding = below->finding;
        step->findings = below->findings;
        step->bad_signature = below->bad_signature;
    }
}

/* The first walk's step: any fault ends the branch. */
static void
try_issuer(struct cg_path_scratch *search, struct path_step *top, struct path_edge *edge)
{
    struct path_node *issuer = &search->nodes[edge->issuer];
    unsigned cost =
            top->cost + issuer->cost + (search->depth > 1 && search->nodes[top->node].sha1 ? 1 : 0);
    struct path_finding finding;

    if (cg_path_is_loop(search, issuer))
        return;
    if (issuer->fault == CG_REASON_NONE && issuer->distance == CG_PATH_UNREACHABLE) {
        cg_path_trace(search, search->depth, issuer, "leads to nothing trusted");
        return;
    }
    if (search->found.rank != 0 && cost >= search->found_cost)
        return;
    finding = cg_path_judge_edge(search, edge);
    if (finding.reason != CG_REASON_NONE) {
        cg_path_trace(
                search, search->depth, issuer, "no: %s", cg_reason_info(finding.reason)->code);
        return;
    }
    if (cg_path_is_anchor(search, issuer)) {
        complete(search, edge->issuer, cost);
        return;
    }
    if (issuer->cert->version < 3) {
        cg_path_trace(search, search->depth, issuer, "no: not-a-ca");
        return;
    }
    if (search->depth > search->query->max_depth) {
        cg_path_trace(search, search->depth, issuer, "no: path-too-deep");
        return;
    }
    cg_path_trace(search, search->depth, issuer, "fits");
    push(search, edge->issuer, cost, top);
}

/* Where an attempt of the second walk ended without a trusted end. */
static void
end_attempt(struct cg_path_scratch *search, int extra, enum cg_reason reason)
{
    const struct path_step *top = &search->path[search->depth - 1];
    uint16_t last = extra >= 0 ? (uint16_t)extra : top->node;
    struct path_finding finding = { reason, last, last };
    bool clean = top->findings == 0;
    int rank;

    if (reason == CG_REASON_ROOT_NOT_TRUSTED)
        rank = clean ? RANK_ROOT : RANK_ROOT_BROKEN;
    else
        rank = (clean ? RANK_UNKNOWN : RANK_UNKNOWN_BROKEN) +
                (int)(search->depth < 9 ? search->depth : 9);
    if (!clean && top->bad_signature)
        finding = top->finding;
    keep_attempt(search, &search->best, rank, finding, extra);
}

/* The second walk's step: faults are counted, and the walk goes on. */
static void
explain_issuer(struct cg_path_scratch *search, struct path_step *top, struct path_edge *edge)
{
    struct path_node *issuer = &search->nodes[edge->issuer];
    struct path_step before = *top;
    struct path_finding finding;
    int rank;

    if (cg_path_is_loop(search, issuer))
        return;
    finding = cg_path_judge_edge(search, edge);
    if (finding.reason == CG_REASON_NONE && cg_path_is_self_signed(search, issuer) &&
            !issuer->in_store)
        cg_path_trace(search, search->depth, issuer, "root, not trusted");
    else
        cg_path_trace(search, search->depth, issuer, "%s",
                finding.reason == CG_REASON_NONE ? "fits" : cg_reason_info(finding.reason)->code);
    if (finding.reason != CG_REASON_NONE) {
        if (top->findings++ == 0)
            top->finding = finding;
        top->bad_signature = top->bad_signature || finding.reason == CG_REASON_SIGNATURE_INVALID;
    }
    if (issuer->may_anchor && (search->query->partial_chain || issuer->self_issued)) {
        if (top->findings != 0) {
            rank = top->bad_signature ? RANK_ANCHOR_SIGNATURE : RANK_ANCHOR;
            keep_attempt(
                    search, &search->best, rank - (int)top->findings, top->finding, edge->issuer);
        }
    } else if (issuer->self_issued &&
            (issuer->edge_count == 0 || cg_path_is_self_signed(search, issuer))) {
        end_attempt(search, edge->issuer, CG_REASON_ROOT_NOT_TRUSTED);
    } else if (search->depth < CG_MAX_PATH_CERTS - 1) {
        push(search, edge->issuer, 0, top);
        cg_path_trace_end(search, search->depth, issuer);
        if (issuer->edge_count == 0)
            end_attempt(search, -1, CG_REASON_ISSUER_UNKNOWN);
    }
    top->finding = before.finding;
    top->findings = before.findings;
    top->bad_signature = before.bad_signature;
}

static void
walk(struct cg_path_scratch *search, unsigned limit)
{
    search->depth = 0;
    search->steps = 0;
    push(search, 0, 0, NULL);
    while (search->depth > 0 && !search->failed) {
        struct path_step *top = &search->path[search->depth - 1];
        const struct path_node *node = &search->nodes[top->node];

        if (top->next == node->edge_count) {
            search->depth--;
            continue;
        }
        if (search->steps == limit) {
            search->limited = true;
            return;
        }
        if (!search->explaining &&
                (search->limited || (search->found.rank != 0 && search->found_cost == 0)))
            return;
        search->steps++;
        if (search->explaining)
            explain_issuer(search, top, &search->edges[node->first_edge + top->next++]);
        else
            try_issuer(search, top, &search->edges[node->first_edge + top->next++]);
    }
}

/*
 * Paths of one: a self-signed certificate is trusted by an exact copy in the store and by nothing else;
 * with partial-chain so is a CA. True when that settles it.
 */
static bool
settle_alone(struct cg_path_scratch *search)
{
    struct path_node *leaf = &search->nodes[0];
    struct path_finding finding = { CG_REASON_ROOT_NOT_TRUSTED, 0, 0 };
    bool self_signed = cg_path_is_self_signed(search, leaf);

    if (!self_signed && !(search->query->partial_chain && leaf->in_store && leaf->cert->ca))
        return false;
    push(search, 0, 0, NULL);
    if (leaf->in_store) {
        cg_path_trace(search, 0, leaf, "an exact copy is trusted");
        keep_attempt(search, &search->found, 1, (struct path_finding) { 0 }, -1);
        search->found.finding = cg_path_judge_policies(search, search->found.nodes, 1);
        if (search->found.finding.reason == CG_REASON_NONE)
            return true;
        finding = search->found.finding;
        search->found = (struct path_attempt) { 0 };
    } else {
        cg_path_trace(search, 0, leaf, "self-signed, no exact copy is trusted");
    }
    keep_attempt(search, &search->best, RANK_ROOT, finding, -1);
    return true;
}

static void
explain_failure(struct cg_path_scratch *search)
{
    search->explaining = true;
    search->tracing = search->tracing && search->steps == 0;
    search->limited = false;
    walk(search, CG_PATH_EXPLAIN_EDGES);
    if (search->best.rank == 0) {
        search->depth = 1;
        end_attempt(search, -1, CG_REASON_ISSUER_UNKNOWN);
    }
}

static void
search_paths(struct cg_path_scratch *search)
{
    struct path_node *leaf = &search->nodes[0];
    enum cg_reason reason = cg_path_rate_leaf(leaf->cert);
    unsigned steps = 0;

    if (reason != CG_REASON_NONE) {
        push(search, 0, 0, NULL);
        cg_path_trace(search, 0, leaf, "no: %s", cg_reason_info(reason)->code);
        keep_attempt(
                search, &search->best, RANK_POLICY, (struct path_finding) { reason, 0, 0 }, -1);
        return;
    }
    if (settle_alone(search) || search->failed)
        return;
    cg_path_trace(search, 0, leaf, "its issuer is looked for");
    cg_path_trace_end(search, 1, leaf);
    if (leaf->distance != CG_PATH_UNREACHABLE) {
        walk(search, CG_MAX_EDGES);
        steps = search->steps;
    }
    if (search->found.rank != 0 || search->failed)
        return;
    /* A cut search does not know that there is no path, and must not say so. */
    if (search->limited) {
        search->best = (struct path_attempt) { 0 };
        search->depth = 1;
        keep_attempt(search, &search->best, RANK_POLICY,
                (struct path_finding) { CG_REASON_WORK_LIMIT_REACHED, 0, 0 }, -1);
        search->steps = steps;
        cg_path_trace(search, 0, leaf, "no: work-limit-reached");
        return;
    }
    explain_failure(search);
    search->steps = steps + search->steps;
}

/*
 * How long the answer stands. A clean path does while its certificates do; any other answer may change
 * whenever some candidate begins or ends. Word for word it only stays the same until then in any case,
 * since another path may come first; and words about dates name the moment of judging.
 */
static void
set_windows(const struct cg_path_scratch *search, struct cg_path_result *result)
{
    int64_t now = search->query->now;

    result->same = result->good = CG_WINDOW_ALWAYS;
    for (size_t i = 0; i < search->node_count; i++) {
        const struct cg_cert *cert = search->nodes[i].cert;

        cg_window_stay(&result->same, now, cert->not_before, cert->not_after);
    }
    for (size_t i = 0; i < result->count; i++)
        cg_window_narrow(&result->good, result->certs[i]->not_before, result->certs[i]->not_after);
    if (!result->valid || search->found_cost != 0)
        result->good = result->same;
    if (result->chain.reason == CG_REASON_CA_EXPIRED ||
            result->chain.reason == CG_REASON_CA_NOT_YET_VALID)
        cg_window_narrow(&result->same, now, now);
}

/* What the checks critical-extensions and extended-key-usage want to know of the path. */
static void
note_path(const struct cg_path_scratch *search, struct cg_path_result *result)
{
    const struct path_attempt *attempt = result->valid ? &search->found : &search->best;

    for (size_t i = 0; i < attempt->count; i++) {
        const struct path_node *node = &search->nodes[attempt->nodes[i]];

        result->certs[i] = node->cert;
        if (i != 0 && node->purpose_refused && result->ca_eku.reason == CG_REASON_NONE) {
            result->ca_eku.reason = CG_REASON_PURPOSE_MISMATCH;
            result->ca_eku.cert = node->cert;
        }
        if (result->valid && node->sha1 && i + 1 < attempt->count)
            result->used_sha1 = true;
    }
    result->count = attempt->count;
}

static void
note_critical(const struct cg_path_scratch *search, struct cg_path_result *result)
{
    bool crl_points = search->query->crl_points_processed;

    if (result->valid) {
        cg_path_find_unknown_critical(
                result->certs, result->count, crl_points, &result->critical);
        return;
    }
    cg_path_find_unknown_critical(&search->query->leaf, 1, crl_points, &result->critical);
    if (result->critical.reason == CG_REASON_NONE)
        cg_path_find_unknown_critical(search->query->sent, search->query->sent_count, crl_points,
                &result->critical);
}

static void
reset(struct cg_path_scratch *search, struct cg_engine *engine, const struct cg_path_query *query)
{
    search->query = query;
    search->engine = engine;
    if (search->memo_used)
        memset(search->memo, 0, sizeof(search->memo));
    search->memo_used = false;
    search->comparisons_left = CG_MAX_CONSTRAINT_COMPARISONS;
    search->signatures = search->judged = search->work = search->steps = 0;
    search->limited = search->failed = search->explaining = false;
    search->tracing = query->trace != NULL;
    search->depth = 0;
    search->best.rank = search->found.rank = 0;
    search->best.count = search->found.count = 0;
    search->found_cost = 0;
}

enum cg_status
cg_path_search(struct cg_engine *engine, const struct cg_path_query *query,
        struct cg_path_result *result, struct cg_error *err)
{
    struct cg_path_scratch *search = engine->scratch;

    *result = (struct cg_path_result) { 0 };
    reset(search, engine, query);
    cg_path_graph_build(search);
    search_paths(search);
    if (search->failed)
        return cg_fail(err, CG_E_CRYPTO,
                "the path could not be searched: no memory, or the library failed");
    result->valid = search->found.rank != 0;
    result->anchored = result->valid;
    note_path(search, result);
    note_critical(search, result);
    if (!result->valid)
        cg_path_explain(search, &search->best, &result->chain);
    set_windows(search, result);
    result->signatures = search->signatures;
    result->edges = search->steps;
    return CG_OK;
}
