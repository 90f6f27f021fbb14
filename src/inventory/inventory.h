/*
 * The peer inventory: every certificate received, by interface and class, with the verdict that it got and
 * those that it would have got at the other levels. Fed with decision records, kept in an SQLite file of its
 * own, which may be lost without harm: it fills again, or from the log.
 */
#ifndef INVENTORY_INVENTORY_H
#define INVENTORY_INVENTORY_H

#include "journal/entry.h"

/* Records written in one transaction: an unclean end loses at most these. */
#define INVENTORY_BATCH 256
/* Certificates that were admitted once: the oldest goes when there are more. Some 100 MB on disk. */
#define INVENTORY_MAX_ADMITTED 100000
/*
 * Certificates that never were, in a quota of their own: whoever floods us with certificates pushes out
 * others that were refused, never one that was admitted.
 */
#define INVENTORY_MAX_REFUSED 10000
/* Octets of a subject, an issuer and all names together that are kept. */
#define INVENTORY_MAX_TEXT 1024
/*
 * Chains that are kept as they were sent, of peers that were admitted, so that other settings can be tried on
 * them. With 3 KiB each some 60 MB; those of the peers not seen for longest go first.
 */
#define INVENTORY_MAX_CHAINS 20000
#define INVENTORY_MAX_CHAIN_BYTES (16 * 1024)

struct inventory_limits {
    unsigned batch, admitted, refused, chains;
};

struct inventory;

/*
 * Opens or creates it, mode 0600; path ":memory:" is one that is gone afterwards. A file that is no
 * inventory of ours, or damaged, is renamed to FILE.broken and begun anew, which `note` says ("" otherwise).
 * limits may be NULL for the named ones. NULL with the text.
 */
struct inventory *inventory_open(const char *path, const struct inventory_limits *limits,
        struct cg_error *note, struct cg_error *err);
/* For reading beside the process that writes it. NULL with the text. */
struct inventory *inventory_open_read(const char *path, struct cg_error *err);
/* Writes what is pending first. NULL is allowed. */
void inventory_close(struct inventory *inventory);

/*
 * Takes what a record says of a certificate, which came so many times, the last time as it is here; one without a certificate changes nothing. Written to disk with
 * its batch. On failure the batch is lost and the next record begins another.
 */
CG_CHECKED enum cg_status inventory_add(struct inventory *inventory,
        const struct journal_entry *entry, unsigned times, struct cg_error *err);
/*
 * Keeps what an admitted peer sent: certificates, DER, one behind the other, the received one first. What is
 * none, or longer than INVENTORY_MAX_CHAIN_BYTES, changes nothing. One of the same certificate is replaced.
 */
CG_CHECKED enum cg_status inventory_add_chain(
        struct inventory *inventory, struct cg_span chain, struct cg_error *err);
/* Ends the batch: to be called every few seconds while records come in slowly. */
CG_CHECKED enum cg_status inventory_flush(struct inventory *inventory, struct cg_error *err);

/* Verdict at one level. */
struct inventory_verdict {
    bool known; /* the record did say */
    enum cg_reason reason; /* CG_REASON_NONE: accept */
};

enum inventory_successor { INVENTORY_NO_SUCCESSOR, INVENTORY_BY_NAME, INVENTORY_BY_ADDRESS };

/* One row; text is borrowed until the callback returns. */
struct inventory_peer {
    const char *interface, *class, *service, *role;
    const char *sha256, *subject, *names, *issuer;
    const char *peer; /* last address and port */
    const char *
            path; /* fingerprints of the CAs of its path, the root last, with blanks between; "" for none */
    int64_t not_before, not_after, first_seen, last_seen; /* seconds since 1970 */
    uint64_t count;
    bool accepted; /* the last verdict */
    bool ever_accepted;
    bool latched;
    const char *level, *reason; /* of the last verdict */
    struct inventory_verdict at[CG_LEVEL_COUNT];
    /*
     * A certificate that began later, on the same interface: with the same subject or names, or, which says
     * less, from the same address.
     */
    enum inventory_successor successor;
    const char *successor_sha256; /* "" for none */
};

struct inventory_query {
    const char *const *interfaces;
    size_t interface_count; /* 0: all */
    int64_t since; /* last seen at or after; INT64_MIN: always */
    int64_t expires_by; /* not_after at or before; INT64_MAX: any */
};

/* False ends the walk. */
typedef bool inventory_visit(void *arg, const struct inventory_peer *peer);

/* Every row that fits, by interface, class and then the last seen first. */
CG_CHECKED enum cg_status inventory_each(struct inventory *inventory,
        const struct inventory_query *query, inventory_visit *visit, void *arg,
        struct cg_error *err);

/*
 * What was last sent with a certificate, as it was added, into a buffer of INVENTORY_MAX_CHAIN_BYTES.
 * *len is 0 where that is not known.
 */
CG_CHECKED enum cg_status inventory_chain(struct inventory *inventory, const char *sha256,
        uint8_t *out, size_t *len, struct cg_error *err);

#endif
