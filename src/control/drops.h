/*
 * The folders STATE/tcs/add and STATE/tcs/delete: certificates that are dropped into them come into the Trusted
 * Certificate Store, or leave it. A file that was done is removed; one that cannot be is renamed to
 * NAME.refused, and why is said.
 */
#ifndef CONTROL_DROPS_H
#define CONTROL_DROPS_H

#include <stdint.h>

struct control;
struct drops;

/* NULL without memory or watches. */
struct drops *drops_new(void);
void drops_free(struct drops *drops);

/* To be polled for reading, or -1; NULL is allowed in each of these. */
int drops_fd(const struct drops *drops);
int64_t drops_next_ms(const struct drops *drops);
void drops_step(struct drops *drops, struct control *control, int64_t now_ms);

#endif
