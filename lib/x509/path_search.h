/*
 * The path search's inside, shared by path.c (the walk), path_graph.c (who may have issued whom),
 * path_rules.c (RFC 5280 section 6 on one step) and path_fault.c (words).
 */
#ifndef CG_X509_PATH_SEARCH_H
#define CG_X509_PATH_SEARCH_H

#include "x509/path.h"

/* Certificates that one search looks at: sent and, by name, from the store. */
#define CG_PATH_MAX_NODES 512
/* Steps of the second walk, which only looks for words for a refusal. */
#define CG_PATH_EXPLAIN_EDGES 128
/* Remembered judgements of name constraints; a power of two. */
#define CG_PATH_MEMO_SLOTS 1024

#define CG_PATH_UNREACHABLE UINT16_MAX

enum path_known { PATH_UNKNOWN, PATH_YES, PATH_NO };

/* A certificate and what can be said of it alone. */
struct path_node {
    const struct cg_cert *cert; /* a reference of its own, until the next search */
    int sent; /* 0: received certificate, n: n-th of what came with it, -1: only in the store */
    bool in_store;
    bool self_issued;
    bool may_anchor; /* trusted, and what it is can end a path */
    bool sha1; /* signed with SHA-1 */
    bool critical_unknown;
    bool purpose_refused;
    enum path_known own; /* its own key signed it */
    enum cg_reason fault; /* why it can be nobody's issuer */
    unsigned cost; /* what choosing it costs in preference */
    uint16_t distance; /* fewest steps to an anchor through faultless issuers, by name */
    uint16_t first_edge;
    uint16_t edge_count;
};

/* A candidate issuer of a certificate, by name. */
struct path_edge {
    uint16_t issuer;
    bool tried; /* signature is known */
    uint8_t signature; /* enum cg_signature_result */
    int score;
};

/* What is wrong, in a form that costs nothing until it is told. */
struct path_finding {
    enum cg_reason reason;
    uint16_t at; /* the certificate concerned */
    uint16_t
            other; /* the one it was judged against: subject for constraints, issuer for signatures */
};

/* One certificate of the path being built; the received one is step 0. */
struct path_step {
    uint16_t node;
    uint16_t next; /* edge to try next, relative */
    unsigned lengths; /* non-self-issued intermediates up to and with this one */
    unsigned cost;
    /* second walk only */
    struct path_finding finding; /* the first */
    unsigned findings;
    bool bad_signature;
};

struct path_attempt {
    int rank; /* 0: none yet */
    struct path_finding finding;
    uint16_t nodes[CG_MAX_PATH_CERTS];
    size_t count;
};

struct path_memo {
    uint32_t key; /* 0: free */
    uint8_t result;
};

/* Kept by the engine between searches, so that a search allocates nothing. */
struct cg_path_scratch {
    const struct cg_path_query *query;
    struct cg_engine *engine;
    struct path_node nodes[CG_PATH_MAX_NODES];
    size_t node_count;
    struct path_edge edges[CG_MAX_EDGES];
    size_t edge_count;
    struct path_memo memo[CG_PATH_MEMO_SLOTS];
    bool memo_used;
    unsigned comparisons_left;
    unsigned signatures; /* verified in this search */
    unsigned judged; /* these and those from memory: limits must not hang on what is remembered */
    unsigned work; /* what these count as */
    unsigned steps; /* edges considered */
    unsigned step_limit;
    bool limited; /* a limit cut the search */
    bool failed; /* no memory or a failing library */
    bool explaining; /* the second walk */
    bool tracing;
    struct path_step path[CG_MAX_PATH_CERTS];
    size_t depth; /* certificates in path */
    struct path_attempt best; /* why there is none */
    struct path_attempt found; /* rank 1: there is one */
    unsigned found_cost;
};

struct cg_path_scratch *cg_path_scratch_new(void);
void cg_path_scratch_free(struct cg_path_scratch *scratch);

/* Fills nodes and edges from the query; edges sorted, best first. */
void cg_path_graph_build(struct cg_path_scratch *search);
/* Lets go of the nodes' certificates. */
void cg_path_graph_release(struct cg_path_scratch *search);

/* What can be said of a certificate that would be an issuer. */
void cg_path_rate_issuer(const struct cg_path_query *query, struct path_node *node);
/* Why the received certificate cannot have any path; reason NONE when nothing speaks against it. */
enum cg_reason cg_path_rate_leaf(const struct cg_cert *leaf);
/* What is malformed in a path certificate: a defect's sentence and the extension, or NULL. */
const char *cg_path_malformed(const struct cg_cert *cert, bool leaf, struct cg_span *where);

/* Whether the node's own key signed it; verified once. */
bool cg_path_is_self_signed(struct cg_path_scratch *search, struct path_node *node);
/* The last certificate of the path ends it. */
bool cg_path_is_anchor(struct cg_path_scratch *search, struct path_node *node);
/* The certificate, or one with its name and key, is in the path already. */
bool cg_path_is_loop(const struct cg_path_scratch *search, const struct path_node *node);
/* Everything of section 6.1 that the edge's issuer on top of the path is judged by, signature last. */
struct path_finding cg_path_judge_edge(struct cg_path_scratch *search, struct path_edge *edge);
/* Policies of the complete path. */
struct path_finding cg_path_judge_policies(
        struct cg_path_scratch *search, const uint16_t *nodes, size_t count);

/* found, wanted and note of a finding. */
void cg_path_explain(struct cg_path_scratch *search, const struct path_attempt *attempt,
        struct cg_path_fault *fault);
/* A line of the trace for an issuer that is nowhere; nothing where there are candidates. */
void cg_path_trace_end(struct cg_path_scratch *search, size_t depth, const struct path_node *node);
/* A line of the trace: the node at this depth and what became of it. */
void cg_path_trace(struct cg_path_scratch *search, size_t depth, const struct path_node *node,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
