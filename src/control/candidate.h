/*
 * A candidate: settings, trusted certificates and identities, read and validated as a whole, not yet in
 * force. Nothing is started or changed before a candidate is complete.
 */
#ifndef CONTROL_CANDIDATE_H
#define CONTROL_CANDIDATE_H

#include "settings/settings.h"

struct candidate {
    struct settings *settings;
    struct snapshot snapshot; /* what workers get; its interfaces belong to settings */
    struct snapshot_blob *keys; /* PKCS#8 DER of each identity's private key */
};

/*
 * Reads everything that the file names. Each problem is one line in `problems`. NULL when there was any;
 * otherwise the caller frees it.
 *
 * now   seconds since 1970: an identity that has expired by then is a problem
 */
struct candidate *candidate_load(const char *path, int64_t now, struct cg_buf *problems);
void candidate_free(struct candidate *candidate);

#endif
