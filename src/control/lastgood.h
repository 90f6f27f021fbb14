/*
 * The last good snapshot on disk: what a start serves when the store cannot be used, so that a damaged
 * file closes no port. Private keys are not in it, only the paths of their files.
 */
#ifndef CONTROL_LASTGOOD_H
#define CONTROL_LASTGOOD_H

#include "control/candidate.h"
#include "control/state.h"

/* True when there is one: the store was in use before. */
bool lastgood_exists(const struct state *state);

/* Keeps what has come into force. False with the text: the one before stays. */
bool lastgood_save(
        const struct state *state, const struct candidate *candidate, struct cg_error *err);

/*
 * The candidate that it makes, with the node's own settings from the file (whose interfaces and levels do
 * not count). NULL with problems.
 */
struct candidate *lastgood_load(
        const struct state *state, struct settings *settings, struct cg_buf *problems);

#endif
