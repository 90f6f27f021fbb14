/*
 * The store: what is trusted and enforced, with its history. Settings with their upgrade latch, the
 * Trusted Certificate Store, identities and pins, in one SQLite file that one program writes.
 *
 * Every commit makes a generation: validated as a whole, atomic, numbered, attributed, reversible. Rows
 * are never overwritten: each carries the generation that made it and the one that ended it, so that any
 * generation can be read. There is no clock in here: times are given. Not to be used by two threads.
 *
 * Private keys are never in the store, only the paths of their files.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <certgate/certgate.h>

#include "base/buf.h"
#include "store/limits.h"
#include "store/registry.h"
#include "store/status.h"

struct store;
struct store_change;

/* Who changes something and when: seconds since 1970, a user's name, a word about why ("" for none). */
struct store_author {
    int64_t time;
    const char *actor;
    const char *comment;
};

/* ------------------------------------------------------------------ opening */

struct store_options {
    const char *path;
    bool read_only; /* for a store on a disk that cannot be written, or to look at a copy */
    const char *vfs; /* NULL: SQLite's own */
};

/*
 * Makes a new store, readable for its owner alone; it appears under its name whole or not at all. It has
 * no generation until the first commit, which gets the number `first` (1 or more): one more than what
 * was in force before.
 *
 * Returns STORE_OK, STORE_EXISTS when there is a file of that name, or how the disk failed.
 */
CG_CHECKED enum store_status store_create(const struct store_options *options, uint64_t first,
        const struct store_author *author, struct cg_error *err);

/*
 * Opens a store, with an older schema brought up to date. Nothing is ever made anew in place of a file
 * that is missing (STORE_MISSING), damaged (STORE_DAMAGED), no store (STORE_FOREIGN) or of a newer
 * certgate (STORE_NEWER): the sentence in err says what to do.
 *
 * out   set to NULL first; to be closed by store_close()
 */
CG_CHECKED enum store_status store_open(
        const struct store_options *options, struct store **out, struct cg_error *err);
/* Ends an open change without saving it; NULL is allowed. */
void store_close(struct store *store);

/* Reads the whole file and says whether it holds together: slow with a large TCS. */
CG_CHECKED enum store_status store_check(struct store *store, struct cg_error *err);

/* ------------------------------------------------------------------ views */

/*
 * A state to be read: one generation, or an open change as it would be. Valid while the store is open,
 * of a change until it ends. Generation 0: nothing has been committed, settings have their defaults.
 */
struct store_view {
    struct sql *sql;
    uint64_t generation;
};

/* The generation in force. */
CG_CHECKED enum store_status store_now(
        struct store *store, struct store_view *out, struct cg_error *err);
/* An earlier one; STORE_MISSING when there is none of that number. */
CG_CHECKED enum store_status store_at(
        struct store *store, uint64_t generation, struct store_view *out, struct cg_error *err);

struct store_setting {
    char name[STORE_NAME_SIZE];
    char value[STORE_VALUE_SIZE]; /* "" where neither a value nor a default is */
    bool is_set; /* false: `value` is the default */
    bool latched; /* carried over by an upgrade: the checks of latch_checks() are skipped */
    uint64_t since; /* generation that set it; 0 for a default */
};

/* Each callback returns false to end the listing, which is then STORE_OK as well. */
typedef bool store_setting_fn(void *arg, const struct store_setting *setting);

/* One setting; STORE_INVALID when there is no such name (the sentence holds the nearest known one). */
CG_CHECKED enum store_status store_get(const struct store_view *view, const char *name,
        struct store_setting *out, struct cg_error *err);
/* Those without a name inside, set or not, in order of the registry; then all others that are set. */
CG_CHECKED enum store_status store_settings(
        const struct store_view *view, store_setting_fn *fn, void *arg, struct cg_error *err);

enum store_cert_kind { STORE_ROOT, STORE_INTERMEDIATE, STORE_END_ENTITY, STORE_CERT_KINDS };
const char *store_cert_kind_name(enum store_cert_kind kind); /* "end-entity" */

enum store_cert_kind store_cert_kind_of(const struct cg_cert *cert);

/* An entry of the TCS; everything is borrowed for the call. */
struct store_cert {
    const uint8_t *sha256; /* CG_SHA256_SIZE */
    const uint8_t *der;
    size_t len;
    enum store_cert_kind kind;
    int64_t not_before;
    int64_t not_after;
    const char *subject; /* escaped text */
    const char *key; /* "RSA 2048 bits" */
    uint64_t since; /* generation that added it */
};
typedef bool store_cert_fn(void *arg, const struct store_cert *cert);

/*
 * The TCS in order of fingerprints, from the first above `after` on (NULL: from the start). Every entry
 * is compared with its fingerprint: STORE_DAMAGED when the file lies.
 */
CG_CHECKED enum store_status store_tcs(const struct store_view *view, const uint8_t *after,
        store_cert_fn *fn, void *arg, struct cg_error *err);
/* Those that end at or before a moment, in seconds since 1970; the first to end first. */
CG_CHECKED enum store_status store_tcs_expiring(const struct store_view *view, int64_t until,
        store_cert_fn *fn, void *arg, struct cg_error *err);
CG_CHECKED enum store_status store_tcs_count(
        const struct store_view *view, uint64_t *out, struct cg_error *err);
/* One entry by fingerprint; STORE_MISSING when it is not there. */
CG_CHECKED enum store_status store_tcs_get(const struct store_view *view,
        const uint8_t sha256[CG_SHA256_SIZE], store_cert_fn *fn, void *arg, struct cg_error *err);

/* A certificate of our own with what is sent along; the key stays in its file. */
struct store_identity {
    const char *name;
    const char *key_path; /* absolute */
    const struct cg_span *chain; /* DER, own certificate first */
    size_t chain_count; /* 1 to CG_MAX_CHAIN_CERTS */
    uint64_t since;
};
typedef bool store_identity_fn(void *arg, const struct store_identity *identity);
CG_CHECKED enum store_status store_identities(
        const struct store_view *view, store_identity_fn *fn, void *arg, struct cg_error *err);

/* One refused certificate that an administrator admits on one interface until a date. */
struct store_pin {
    uint8_t sha256[CG_SHA256_SIZE];
    const char *interface;
    int64_t until; /* last second at which it is admitted */
    const char *reason; /* the administrator's words */
    const char *incident; /* that it answers; "" for none */
    uint64_t since;
};
typedef bool store_pin_fn(void *arg, const struct store_pin *pin);
CG_CHECKED enum store_status store_pins(
        const struct store_view *view, store_pin_fn *fn, void *arg, struct cg_error *err);

/* ------------------------------------------------------------------ changes */

/*
 * Begins a change; one at a time (STORE_BUSY). Edits are seen by nobody but store_pending() until
 * store_commit(). An edit that fails spoils its change: it cannot be committed any more.
 *
 * out   set to NULL first; to be ended by store_commit() or store_abort()
 */
CG_CHECKED enum store_status store_begin(struct store *store, const struct store_author *author,
        struct store_change **out, struct cg_error *err);
/* The whole state as the change would make it. */
struct store_view store_pending(const struct store_change *change);
/* Ends a change and leaves nothing of it; NULL is allowed. */
void store_abort(struct store_change *change);

/*
 * Says whether the state that is about to be committed can be in force: listeners, references, whatever
 * the owner knows. Anything but STORE_OK saves nothing; err says why.
 */
typedef enum store_status store_validate_fn(
        void *arg, const struct store_view *pending, struct cg_error *err);

/*
 * Validates the state as a whole and makes it the next generation. The change ends whatever is returned.
 *
 * validate     may be NULL
 * generation   may be NULL; the new number
 *
 * Returns STORE_OK when it is on disk; STORE_UNCHANGED when the state is the one in force (no generation
 * is made); STORE_INVALID; or how the disk failed, then the last generation stays in force.
 */
CG_CHECKED enum store_status store_commit(struct store_change *change, store_validate_fn *validate,
        void *arg, uint64_t *generation, struct cg_error *err);

/*
 * Sets a value. Where it differs from the one in force the latch is cleared for good; the same value is
 * no change, also after another one within this change. STORE_INVALID for an unknown name or a value
 * outside its bounds.
 */
CG_CHECKED enum store_status store_set(
        struct store_change *change, const char *name, const char *value, struct cg_error *err);
/* Back to the default. A latched setting whose value is the default stays as it is: no change. */
CG_CHECKED enum store_status store_unset(
        struct store_change *change, const char *name, struct cg_error *err);

/*
 * Adds one DER certificate to the TCS; twice is no change. added may be NULL. STORE_INVALID when it
 * does not parse.
 */
CG_CHECKED enum store_status store_tcs_add(struct store_change *change, const uint8_t *der,
        size_t len, bool *added, struct cg_error *err);
/* Removes by fingerprint; removed (may be NULL) is false when it was not there, which is no failure. */
CG_CHECKED enum store_status store_tcs_remove(struct store_change *change,
        const uint8_t sha256[CG_SHA256_SIZE], bool *removed, struct cg_error *err);
/* The same by content. */
CG_CHECKED enum store_status store_tcs_remove_der(struct store_change *change, const uint8_t *der,
        size_t len, bool *removed, struct cg_error *err);

/* Adds an identity or replaces the one of its name. */
CG_CHECKED enum store_status store_identity_put(
        struct store_change *change, const struct store_identity *identity, struct cg_error *err);
CG_CHECKED enum store_status store_identity_remove(
        struct store_change *change, const char *name, bool *removed, struct cg_error *err);

/* Admits a certificate on an interface; until must lie after the author's time. */
CG_CHECKED enum store_status store_pin_put(
        struct store_change *change, const struct store_pin *pin, struct cg_error *err);
CG_CHECKED enum store_status store_pin_remove(struct store_change *change,
        const uint8_t sha256[CG_SHA256_SIZE], const char *interface, bool *removed,
        struct cg_error *err);

/* What becomes of latches when an earlier generation is restored. */
enum store_latches {
    STORE_LATCHES_STAY_CLEARED, /* a latch that a commit has cleared since does not come back */
    STORE_LATCHES_AS_THEN, /* for a change that takes itself back because nobody confirmed it */
};

/* Makes the whole state that of an earlier generation; committed as a new one. */
CG_CHECKED enum store_status store_rollback(struct store_change *change, uint64_t generation,
        enum store_latches latches, struct cg_error *err);

/* ------------------------------------------------------------------ the latch (latch.h has its rules) */

struct store_cleared {
    const char *name;
    const char *before;
    const char *after;
    cg_check_set
            begin; /* checks that were skipped and now apply; empty where the new level has none */
};
typedef bool store_cleared_fn(void *arg, const struct store_cleared *cleared);

/* The latches that committing the change would clear, by name. Changes nothing. */
CG_CHECKED enum store_status store_preview_latches(
        const struct store_change *change, store_cleared_fn *fn, void *arg, struct cg_error *err);
/* The same in words, one line each with the checks' names; nothing is added where none is cleared. */
CG_CHECKED enum store_status store_preview(
        const struct store_change *change, struct cg_buf *out, struct cg_error *err);

/* ------------------------------------------------------------------ history */

struct store_generation {
    uint64_t number;
    int64_t time;
    const char *actor;
    const char *comment;
    const char *kind; /* "commit", "rollback", "import", "restore" */
    uint64_t source; /* generation that a rollback or a backup is of; 0 otherwise */
    const uint8_t *digest; /* SHA-256 over the whole state: equal states, equal digests */
};
typedef bool store_generation_fn(void *arg, const struct store_generation *generation);

/* Newest first, from the first below `before` on (0: from the newest). */
CG_CHECKED enum store_status store_history(struct store *store, uint64_t before,
        store_generation_fn *fn, void *arg, struct cg_error *err);

/* What one setting has been: newest first; value is NULL where it went back to the default. */
struct store_past {
    uint64_t generation;
    int64_t time;
    const char *actor;
    const char *value;
    bool latched;
};
typedef bool store_past_fn(void *arg, const struct store_past *past);
CG_CHECKED enum store_status store_setting_history(
        struct store *store, const char *name, store_past_fn *fn, void *arg, struct cg_error *err);

enum store_part {
    STORE_PART_SETTING,
    STORE_PART_TCS,
    STORE_PART_IDENTITY,
    STORE_PART_PIN,
    STORE_PARTS
};
const char *store_part_name(enum store_part part); /* "setting", "tcs", "identity", "pin" */

struct store_difference {
    enum store_part part;
    const char
            *name; /* a setting's or identity's; fingerprint in hex; "FINGERPRINT on INTERFACE" */
    const char *
            before; /* value, subject, "FINGERPRINT, key PATH", "until DATE: REASON"; NULL: absent */
    const char *after;
    bool latched_before; /* settings */
    bool latched_after;
};
typedef bool store_difference_fn(void *arg, const struct store_difference *difference);

/* What differs between two states of one store, by part and name; either may be a pending one. */
CG_CHECKED enum store_status store_diff(const struct store_view *from, const struct store_view *to,
        store_difference_fn *fn, void *arg, struct cg_error *err);

/* ------------------------------------------------------------------ export, import, backup */

/*
 * All settings that are set, with their latches, as one JSON object; the caller frees *json with free().
 *
 *   {"certgate-settings": 1, "generation": 7,
 *    "settings": {"checks.management": {"value": "medium", "latched": true}, …}}
 */
CG_CHECKED enum store_status store_export_settings(
        const struct store_view *view, char **json, struct cg_error *err);

/*
 * Sets what such an object holds; "NAME": "VALUE" is enough for a setting, numbers and booleans too.
 * Settings that it does not name stay.
 *
 * from_release   the release that the object is of, "11.1.2": before 11.1.3, levels of medium and above
 *                are latched. NULL: latches are those of the object.
 */
CG_CHECKED enum store_status store_import_settings(struct store_change *change, const char *json,
        size_t len, const char *from_release, struct cg_error *err);

/* A private key for a backup: PEM or whatever the key file holds. */
struct store_key {
    const char *identity;
    struct cg_span bytes;
};

/*
 * Writes one file with the whole state: settings with latches, TCS, identities, pins. The file appears
 * whole or not at all, readable for its owner alone.
 *
 * keys         may be NULL; only with a passphrase
 * passphrase   NULL without keys; with one the whole file is authenticated by it and the keys encrypted
 */
CG_CHECKED enum store_status store_backup(const struct store_view *view, const char *path,
        int64_t time, const struct store_key *keys, size_t key_count, const char *passphrase,
        struct cg_error *err);

struct store_backup_info {
    uint64_t generation;
    int64_t time;
    uint64_t certificates; /* of the TCS */
    bool encrypted; /* there are keys, and a passphrase is needed */
};

/* Reads a backup to its end and says what it is; STORE_DAMAGED when one octet is not as it was. */
CG_CHECKED enum store_status store_backup_inspect(
        const char *path, struct store_backup_info *out, struct cg_error *err);

/* What to do with a key that a backup holds; borrowed for the call. Anything but STORE_OK ends it all. */
typedef enum store_status store_key_fn(
        void *arg, const struct store_key *key, struct cg_error *err);

/*
 * Makes the whole state that of a backup, latches among it. Nothing is touched, and no key given,
 * before the file has been read and found whole.
 *
 * from_release   as in store_import_settings()
 * passphrase     of an encrypted one; NULL leaves its keys where they are
 * keys           called for each key, before the commit: to be put where they belong only after it; NULL
 *                leaves them out
 */
CG_CHECKED enum store_status store_restore(struct store_change *change, const char *path,
        const char *from_release, const char *passphrase, store_key_fn *keys, void *arg,
        struct cg_error *err);

/* ------------------------------------------------------------------ audit */

struct store_audit {
    uint64_t number; /* from 1, without gaps */
    int64_t time;
    const char *actor;
    const char *action; /* "commit", "rollback", …, or what the owner writes */
    uint64_t generation; /* that was in force or that it made */
    const char *detail; /* a JSON object */
    const uint8_t *hash; /* over the row and the hash before it */
};
typedef bool store_audit_fn(void *arg, const struct store_audit *audit);

/* Writes down an act that is no commit, in a transaction of its own. detail: a JSON object or NULL. */
CG_CHECKED enum store_status store_audit_add(struct store *store, int64_t time, const char *actor,
        const char *action, const char *detail, struct cg_error *err);
/* In order of time, from the first above `after` on (0: from the start). */
CG_CHECKED enum store_status store_audit_list(
        struct store *store, uint64_t after, store_audit_fn *fn, void *arg, struct cg_error *err);

/*
 * Follows the chain of hashes, looks for a row of every generation, and compares the state in force with
 * the digest that was written with it.
 *
 * broken   may be NULL; number of the first row that does not fit, 0 where it is not a row
 *
 * Returns STORE_OK or STORE_DAMAGED with what does not fit. A tail that was cut off together with its
 * generations is seen only by whoever kept the last hash: store_audit_list() gives it.
 */
CG_CHECKED enum store_status store_audit_verify(
        struct store *store, uint64_t *broken, struct cg_error *err);

#endif
