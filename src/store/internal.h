/* What the files of the store share: its connections, an open change, and the parts of a state. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <openssl/evp.h>

#include "store/sql.h"
#include "store/store.h"
#include "store/text.h"

/* A row is part of generation ?1. */
#define STORE_ALIVE "born <= ?1 AND (died IS NULL OR died > ?1)"

struct store {
    struct sql writer; /* unused in a store that is opened read-only */
    struct sql reader; /* sees what is committed, also while a change is open */
    bool read_only;
    struct store_change *change;
};

struct store_change {
    struct store *store;
    struct sql *sql;
    uint64_t base; /* generation in force */
    uint64_t next;
    int64_t time;
    char *actor;
    char *comment;
    const char *kind; /* of the generation: a literal */
    uint64_t source;
    bool spoiled; /* an edit failed: the change cannot be committed */
};

/* Ends every edit: spoils the change unless status is STORE_OK. */
static inline enum store_status
change_did(struct store_change *change, enum store_status status)
{
    if (status != STORE_OK)
        change->spoiled = true;
    return status;
}

/* True when author's texts are such; the sentence is written otherwise. */
CG_CHECKED enum store_status author_check(
        int64_t time, const char *actor, const char *comment, struct cg_error *err);

/* ---- settings.c */

/* How settings of a document come in. */
enum setting_origin {
    SETTING_IMPORTED, /* beside others that stay: an unlatched equal value is no change */
    SETTING_RESTORED, /* as part of a whole state: exactly so */
};

CG_CHECKED enum store_status setting_carry(struct store_change *change, const char *name,
        const char *value, bool latched, bool older, enum setting_origin origin,
        struct cg_error *err);
/* Latches settings that an older release left at a default which the latch covers. */
CG_CHECKED enum store_status settings_carry_defaults(
        struct store_change *change, struct cg_error *err);
CG_CHECKED enum store_status settings_rollback(struct store_change *change, uint64_t generation,
        enum store_latches latches, struct cg_error *err);
/* Every setting of the state against the registry, and their number. */
CG_CHECKED enum store_status settings_validate(const struct store_view *view, struct cg_error *err);
/* Settings that are set, by name. */
CG_CHECKED enum store_status settings_each(
        const struct store_view *view, store_setting_fn *fn, void *arg, struct cg_error *err);

/* ---- tcs.c, identity.c, pin.c: the rows of an earlier generation live again; bounds */

CG_CHECKED enum store_status tcs_rollback(
        struct store_change *change, uint64_t generation, struct cg_error *err);
CG_CHECKED enum store_status tcs_validate(const struct store_view *pending, struct cg_error *err);
CG_CHECKED enum store_status identities_rollback(
        struct store_change *change, uint64_t generation, struct cg_error *err);
CG_CHECKED enum store_status identities_validate(
        const struct store_view *view, struct cg_error *err);
CG_CHECKED enum store_status pins_rollback(
        struct store_change *change, uint64_t generation, struct cg_error *err);
CG_CHECKED enum store_status pins_validate(const struct store_view *view, struct cg_error *err);
/* store_pin_put() for one of a whole state, which may have ended. */
CG_CHECKED enum store_status pin_put(
        struct store_change *change, const struct store_pin *pin, struct cg_error *err);

/* ---- change.c */

/* Ends every part of the state within the change, before another state takes its place. */
CG_CHECKED enum store_status change_clear(struct store_change *change, struct cg_error *err);

/* ---- digest.c */

/* Equal states have equal digests. That of the TCS is kept apart: it is large and seldom changes. */
struct digests {
    uint8_t state[CG_SHA256_SIZE];
    uint8_t tcs[CG_SHA256_SIZE];
};

/* SHA-256 over the state; tcs_known: out->tcs is that of the state's TCS already. */
CG_CHECKED enum store_status state_digest(
        const struct store_view *view, bool tcs_known, struct digests *out, struct cg_error *err);

/* Hashing with lengths, so that no two lists of fields give the same octets. */
bool digest_number(EVP_MD_CTX *md, uint64_t number);
bool digest_bytes(EVP_MD_CTX *md, struct cg_span bytes);
bool digest_text(EVP_MD_CTX *md, const char *text);

/* ---- audit.c */

CG_CHECKED enum store_status audit_append(struct sql *sql, int64_t time, const char *actor,
        const char *action, uint64_t generation, const char *detail, struct cg_error *err);
/* The detail of a commit: a JSON object with every difference, certificates by number where many. */
CG_CHECKED enum store_status audit_describe(struct store_change *change,
        const uint8_t digest[CG_SHA256_SIZE], struct cg_buf *out, struct cg_error *err);

#endif
