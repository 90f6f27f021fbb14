/*
 * Settings that the store may hold: what stands in the file seeds them once, afterwards the store's
 * value counts and the file's is only compared with it.
 */
#ifndef SETTINGS_STORED_H
#define SETTINGS_STORED_H

#include "settings/assemble.h"

/* Remembers what the block's file text says of settings that the store may hold. */
bool stored_collect_block(struct settings *settings, cfg_t *section, const struct block *block);
/* The same for one setting of the node. */
bool stored_collect(struct settings *settings, const char *name, const char *value, bool latched);

/* Puts the store's values into a block, in place of the file's. */
void stored_apply(const struct settings_overlay *overlay, struct block *block);

/* The store's value of a level of the node, where it has one. */
void stored_level(
        const struct settings_overlay *overlay, const char *name, struct settings_level *level);

/* Makes the identities known that only the store has. */
bool stored_add_identities(const struct settings_overlay *overlay, struct settings *settings);

#endif
