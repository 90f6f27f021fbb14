/* Settings as JSON, for exports and for backups. */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include <jansson.h>

#include "store/internal.h"

/*
 * {"NAME": {"value": …, "latched": …}, …} of all that are set; the caller owns *out. all: with
 * secrets and what is certgated's own, for backups.
 */
CG_CHECKED enum store_status transfer_settings(
        const struct store_view *view, bool all, json_t **out, struct cg_error *err);
/* The way back; older: they are of a release before the latched checks. */
CG_CHECKED enum store_status transfer_carry(struct store_change *change, const json_t *settings,
        bool older, enum setting_origin origin, struct cg_error *err);

#endif
