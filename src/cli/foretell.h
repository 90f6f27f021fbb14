/* The settings as they are in force on this machine, and as they would be after a change: for who only looks. */
#ifndef CLI_FORETELL_H
#define CLI_FORETELL_H

#include "settings/settings.h"
#include "store/store.h"

/* A setting of the store and its value, as registry_canonical() writes it. */
struct foretell_set {
    char name[SETTINGS_NAME_SIZE];
    char *value;
};

struct foretell_change {
    struct foretell_set *sets;
    size_t set_count;
    const struct snapshot_blob *tcs_add;
    size_t tcs_add_count;
    uint8_t (*tcs_remove)[CG_SHA256_SIZE];
    size_t tcs_remove_count;
};

struct foretold {
    struct settings *settings;
    struct snapshot snapshot; /* its interfaces are the settings' */
};

/*
 * Reads certgate.conf and, where there is one, the store beside it; private keys are not touched.
 *
 * change   NULL: as in force
 * at       seconds since 1970
 *
 * False after saying why; otherwise to be released.
 */
bool foretell(
        const char *path, const struct foretell_change *change, int64_t at, struct foretold *out);
void foretold_release(struct foretold *it);

#endif
