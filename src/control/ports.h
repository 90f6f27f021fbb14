/*
 * Which listening sockets a generation uses. An index into the sets of struct sockets stands for each
 * address of each interface, in their order.
 */
#ifndef CONTROL_PORTS_H
#define CONTROL_PORTS_H

#include "control/candidate.h"
#include "control/sockets.h"

/* Marks and binds what a candidate listens on; *listeners is the caller's. */
bool ports_take(struct sockets *sockets, const struct candidate *candidate, size_t **listeners,
        struct cg_buf *problems);
/* Back to the sets that a generation uses: others were bound for a candidate that came to nothing. */
void ports_keep(struct sockets *sockets, const struct candidate *candidate, size_t *listeners);
/* Closes the sets that are not marked; listeners follow those that move. Nothing where memory is short. */
void ports_sweep(struct sockets *sockets, const struct candidate *candidate, size_t *listeners);

#endif
