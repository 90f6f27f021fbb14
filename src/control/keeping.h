/* The node's store beside its configuration file: opened, made at the first start, and kept in step. */
#ifndef CONTROL_KEEPING_H
#define CONTROL_KEEPING_H

#include "control/node.h"

/* The folder of the keys that certgated made, absolute; the caller frees it. NULL without memory or folder. */
char *keeping_keys(const struct settings *settings);
/* True when a key lies there. */
bool keeping_is_ours(const char *folder, const char *key_path);

/* Backups that are made before a latch is cleared. */
#define KEEPING_BACKUPS "backups"

/* Opens the store of this node, or makes it. False with what to do in `problems`. */
bool keeping_open(struct control *control, const struct settings *settings, int64_t now,
        struct cg_buf *problems);

/*
 * Takes from the file into an open change: values of settings that the store has none of, identities with
 * their certificates as they are in their files now, at the first generation the folder of trusted
 * certificates, and what the file itself is. Where an interface names no identity, and there is none to
 * stand in, one is made.
 */
enum store_status keeping_sync(struct control *control, struct store_change *change,
        const char *text, int64_t now, struct cg_buf *problems, struct cg_error *err);

#endif
