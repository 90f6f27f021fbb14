/* The decision log as certgated itself reads it, for who asks through the admin API. */
#ifndef CONTROL_DECISIONS_H
#define CONTROL_DECISIONS_H

#include "control/node.h"
#include "journal/filter.h"

/*
 * The records that match, newest first, as a json_t array that the caller owns; NULL with the text.
 *
 * before   incident id of a record: only older ones; NULL: from the newest
 * more     set when there are further ones
 */
json_t *decisions_find(const struct control *control, struct journal_filter *filter,
        const char *before, size_t limit, bool *more, struct cg_error *err);

/* SHA-256 in hex of the certificate that a refusal was about. */
bool decisions_certificate(const struct control *control, const char *incident,
        char out[2 * CG_SHA256_SIZE + 1], struct cg_error *err);

#endif
