/*
 * The certification path: from the received certificate to a self-signed root of the store (RFC 5280
 * section 6), searched best first over everything that was sent and everything that is trusted.
 */
#ifndef CG_X509_PATH_H
#define CG_X509_PATH_H

#include <certgate/decision.h>

#include "base/buf.h"
#include "base/window.h"
#include "x509/facts.h"

struct cg_path_query {
    const struct cg_cert *leaf;
    const struct cg_cert *const *sent; /* what came with it, any order, duplicates allowed */
    size_t sent_count;
    size_t unreadable; /* what else came along and is no certificate: only for words */
    const struct cg_store *store;
    int64_t now;
    enum cg_role role;
    enum cg_service service;
    bool allow_sha1;
    bool partial_chain;
    bool enforce_ca_eku;
    bool crl_points_processed; /* critical cRLDistributionPoints is known: revocation is checked */
    bool prefer_critical_known; /* false while latched: critical extensions do not matter */
    unsigned max_depth; /* intermediates between leaf and anchor */
    struct cg_buf *trace; /* NULL, or receives the search as an indented tree */
};

/* One thing wrong (or worth knowing) about one certificate of a path. Texts are escaped. */
struct cg_path_fault {
    enum cg_reason reason; /* CG_REASON_NONE: nothing */
    const struct cg_cert *cert; /* the certificate it concerns, borrowed from the engine */
    char found[CG_MAX_NOTE];
    char wanted[CG_MAX_NOTE];
    char note[CG_MAX_NOTE]; /* e.g. "a valid twin of this CA is in the store" */
};

struct cg_path_result {
    bool valid; /* a path passes everything that check `chain` asks for */
    bool anchored;
    const struct cg_cert *certs[CG_MAX_PATH_CERTS]; /* leaf first; best attempt when not valid */
    size_t count;
    struct cg_path_fault chain; /* why there is none */
    struct cg_path_fault critical; /* unknown critical extension on the best path (or chain sent) */
    struct cg_path_fault ca_eku; /* a CA of the best path does not allow the purpose */
    bool used_sha1; /* valid only because allow_sha1 */
    struct cg_window good; /* while the answer stands: the path's validity */
    struct cg_window same; /* while a new search gives it word for word */
    unsigned signatures; /* verified in this search, not from memory */
    unsigned edges; /* candidate issuers considered */
};

/*
 * Searches. CG_OK whenever the search could be made, a missing path included; CG_E_CRYPTO or CG_E_NOMEM
 * otherwise, and then the caller refuses the peer. Borrowed certificates live until the engine's next search.
 */
CG_CHECKED enum cg_status cg_path_search(struct cg_engine *engine,
        const struct cg_path_query *query, struct cg_path_result *result, struct cg_error *err);

/*
 * A critical extension outside our list, on any of these certificates, as a fault; reason NONE when
 * all are known. cRLDistributionPoints is only while revocation is checked (`crl_points`).
 */
void cg_path_find_unknown_critical(const struct cg_cert *const *certs, size_t count,
        bool crl_points, struct cg_path_fault *fault);

#endif
