/*
 * certgate.conf: what this node is. Read at start and at each reload, validated as a whole.
 */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/buf.h"
#include "snapshot/ipc.h"
#include "snapshot/snapshot.h"

struct settings_identity {
    char name[SNAPSHOT_NAME_SIZE];
    char *certificate; /* path: own certificate first, then its chain */
    char *key; /* path of the private key, PEM */
};

struct settings {
    char *path; /* the file */
    char *node;
    char *state; /* state directory */
    char *log; /* decision log: a path, or "stdout" */
    char *tcs; /* folder of trusted certificates */
    char *user; /* whom workers run as when certgated is root; NULL: not set */
    struct snapshot_address metrics; /* where metrics are served; len 0: nowhere */
    bool inventory; /* keep one of the certificates received */
    unsigned workers;
    enum ipc_sandbox sandbox;
    uint32_t drain_ms; /* how long connections may go on after SIGTERM */
    uint32_t retire_ms; /* … and in the workers of before an upgrade */
    struct settings_identity *identities;
    size_t identity_count;
    struct snapshot_interface *interfaces; /* identity and addresses resolved */
    size_t interface_count;
};

/*
 * Reads and validates a file. Every problem found is one line in `problems` ("FILE:LINE: sentence").
 *
 * Returns NULL when there was any; the caller frees the result with settings_free(). Not to be called
 * from two threads: libconfuse's lexer has global state.
 */
struct settings *settings_load(const char *path, struct cg_buf *problems);
void settings_free(struct settings *settings);

/* The registry of settings as text for `certgate help config`. */
void settings_describe(struct cg_buf *out);

#endif
