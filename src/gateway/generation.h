/*
 * One generation as the worker serves it: built whole from a snapshot before anything switches to it,
 * immutable afterwards, alive until its last connection ends.
 */
#ifndef GATEWAY_GENERATION_H
#define GATEWAY_GENERATION_H

#include <openssl/ssl.h>

#include "gateway/pool.h"
#include "snapshot/metrics.h"
#include "snapshot/snapshot.h"

struct generation;

/* Connections of an interface; outlives generations, so that a reload does not forget the old ones. */
struct usage {
    unsigned refs;
    struct metrics_interface *metrics; /* never NULL */
    uint32_t connections;
    bool limit_logged;
    struct pool pool; /* of backend connections */
};

/* A kind of peer on an interface, and what it is judged by. */
struct gw_class {
    const struct snapshot_class *settings; /* NULL: whoever is of no class that has a name */
    const struct snapshot_rules *rules;
    const char *name; /* of the trunk or line; "phone"; "other" */
    bool phone;
    struct cg_policy *policy;
    /*
     * sip-domain alone, where it is enforced on trunks: a resumed session brings the verdict on all the
     * rest, and the From domain of its first request is judged by this.
     */
    struct cg_policy *domains;
};

/* Where the far end of an outbound interface is: all of a generation that changes (message ADDRESSES). */
struct far_end {
    struct snapshot_address at[SNAPSHOT_MAX_ADDRESSES]; /* in the order in which they are tried */
    size_t count;
    bool known; /* false: the name's first look-up is still under way */
};

/* One of the certificates that we present, with what it is presented by. */
struct gw_presented {
    SSL_CTX *tls;
    struct cg_cert *cert; /* NULL: an outbound interface that shows none */
};

struct gw_interface {
    const struct snapshot_interface *settings;
    struct generation *generation;
    uint32_t index;
    struct gw_class *classes; /* the first is the one without a name */
    size_t class_count;
    bool revocation; /* some class asks whether certificates were revoked */
    /* Of everything that a verdict here rests on, the peer's certificates apart … */
    uint8_t rules[CG_SHA256_SIZE];
    uint8_t digest[CG_SHA256_SIZE]; /* … and the generation's number with it */
    struct gw_presented *presented; /* the first where the peer asks for none of the others */
    size_t presented_count; /* 1 or more */
    struct usage *usage;
    struct far_end far_end;
    int (*default_security)(const SSL *, const SSL_CTX *, int, int, int, void *, void *);
};

struct generation {
    unsigned refs;
    uint64_t number;
    struct snapshot *snapshot;
    struct cg_store *store;
    struct gw_interface *interfaces;
    size_t interface_count;
};

/* The class without a name: what a peer is until something makes it another. */
static inline const struct gw_class *
gw_other(const struct gw_interface *iface)
{
    return &iface->classes[0];
}

/* Requests may bring a connection under the rules of another class than its handshake did. */
static inline bool
gw_reads_requests(const struct gw_interface *iface)
{
    return iface->settings->mode != SNAPSHOT_MODE_TCP;
}

/*
 * Builds a generation.
 *
 * metrics    where its interfaces count; outlives them all
 * snapshot   taken over, also on failure
 * keys       one for each identity of the snapshot, borrowed
 * before     the generation in force, or NULL: interfaces of the same name keep their usage
 * out        set to NULL first; the caller owns the reference
 */
CG_CHECKED enum cg_status generation_new(struct snapshot *snapshot, EVP_PKEY *const *keys,
        struct metrics_page *metrics, const struct generation *before, struct generation **out,
        struct cg_error *err);

struct generation *generation_ref(struct generation *generation);
void generation_unref(struct generation *generation);

#endif
