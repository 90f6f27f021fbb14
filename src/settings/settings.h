/*
 * certgate.conf: what this node is. Read at start and at each reload, validated as a whole.
 */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include "base/buf.h"
#include "settings/recording.h"
#include "snapshot/ipc.h"
#include "snapshot/snapshot.h"

/* CRLs of the setting `crl`: each is kept by certgated and every worker. */
#define SETTINGS_MAX_CRLS 64

/* Longest name of a setting of the store, with its end: an interface's name and what stands around it. */
#define SETTINGS_NAME_SIZE 128

struct settings_identity {
    char name[SNAPSHOT_NAME_SIZE];
    char *certificate; /* path: own certificate first, then its chain; NULL: only the store has it */
    char *key; /* path of the private key, PEM */
};

/* What the file says of a setting that the store may hold. */
struct settings_given {
    char name[SETTINGS_NAME_SIZE]; /* as in the store: "line.hq.level" */
    char *value;
    bool latched;
};

/* A level of the node that interfaces take theirs from. */
struct settings_level {
    enum cg_level level;
    bool latched;
};

/* What the store says, in place of the file. */
struct settings_overlay {
    /* True with the value where the store holds one of that name. */
    bool (*get)(void *arg, const char *name, char *value, size_t size, bool *latched);
    void *arg;
    const char *const *identities; /* names that interfaces may use beside the file's */
    size_t identity_count;
};

/* With the store, the identity of interfaces that name none. */
#define SETTINGS_DEFAULT_IDENTITY "default"

struct settings {
    char *path; /* the file */
    char *node;
    char *state; /* state directory */
    char *log; /* decision log: a path, or "stdout" */
    struct settings_recording recording;
    char *tcs; /* folder of trusted certificates; NULL: not given */
    bool store; /* what is trusted and enforced is in the store, and the file only seeds it */
    struct settings_given *given;
    size_t given_count;
    bool wants_default; /* an interface names no identity */
    char *user; /* whom workers run as when certgated is root; NULL: not set */
    struct snapshot_address metrics; /* where metrics are served; len 0: nowhere */
    struct snapshot_address
            console; /* where a browser on this machine finds the console; len 0: nowhere */
    char *console_socket; /* path of the socket that a certgate interface has as its backend; NULL: none */
    bool inventory; /* keep one of the certificates received */
    char **crls; /* files and URLs of CRLs that are kept whether anybody names them or not */
    size_t crl_count;
    bool revocation_allow_private; /* addresses that only this network knows may be fetched from */
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
 * overlay   what the store says, or NULL where the file alone counts
 *
 * Returns NULL when there was any; the caller frees the result with settings_free(). Not to be called
 * from two threads: libconfuse's lexer has global state.
 */
struct settings *settings_load(
        const char *path, const struct settings_overlay *overlay, struct cg_buf *problems);
/* The same with the file's text in hand: what stands in it stays in force until the next reload. */
struct settings *settings_load_text(const char *path, const char *text,
        const struct settings_overlay *overlay, struct cg_buf *problems);
void settings_free(struct settings *settings);

/* The registry of settings as text for `certgate help config`. */
void settings_describe(struct cg_buf *out);

#endif
