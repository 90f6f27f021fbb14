/*
 * A candidate: settings, trusted certificates and identities, read and validated as a whole, not yet in
 * force. Nothing is started or changed before a candidate is complete.
 */
#ifndef CONTROL_CANDIDATE_H
#define CONTROL_CANDIDATE_H

#include <sys/types.h>

#include "settings/settings.h"
#include "store/store.h"

/* Name of the store inside the state directory. */
#define CANDIDATE_STORE "store.db"

struct candidate {
    struct settings *settings;
    struct snapshot snapshot; /* what workers get; its interfaces belong to settings */
    struct snapshot_blob *keys; /* PKCS#8 DER of each identity's private key */
    char **key_paths; /* where each of them lies; NULL for one of the moment */
    size_t tcs_expiring; /* trusted certificates that end within the time of warnings, or have ended */
    bool give_up_root; /* certgated is root: workers become this user */
    uid_t uid;
    gid_t gid;
};

/*
 * Reads everything that the file names, and of the store what stands in place of it. Each problem is one
 * line in `problems`. NULL when there was any; otherwise the caller frees it.
 *
 * text   of the file
 * view   of the store; NULL: the file alone counts
 * now    seconds since 1970: an identity that has expired by then is a problem
 */
struct candidate *candidate_load(const char *path, const char *text, const struct store_view *view,
        int64_t now, struct cg_buf *problems);

/*
 * The same for who only wants to look: the file's text is read, and its store if there is one, which
 * nobody needs to have locked. Where the file differs from the store is a line in `notes` (may be NULL).
 */
struct candidate *candidate_look(
        const char *path, int64_t now, struct cg_buf *notes, struct cg_buf *problems);

/* The settings with the store's values in place of the file's. */
struct settings *candidate_settings(
        const char *path, const char *text, const struct store_view *view, struct cg_buf *problems);
/* Reads the key of an identity whose chain is there. False with problems. */
bool candidate_take_key(
        struct candidate *candidate, size_t index, const char *path, struct cg_buf *problems);
/* Whom workers become. */
void candidate_find_user(struct candidate *candidate, struct cg_buf *problems);
/* SHA-256 of its snapshot as it would be with this generation's number: equal means the same snapshot. */
CG_CHECKED enum cg_status candidate_digest(struct candidate *candidate, uint64_t generation,
        uint8_t out[CG_SHA256_SIZE], struct cg_error *err);
void candidate_free(struct candidate *candidate);

#endif
