/*
 * The state directory: the lock that keeps a second certgated out, the generation counter and the control
 * socket; and the decision log beside them. All descriptors are -1 while not open.
 */
#ifndef CONTROL_STATE_H
#define CONTROL_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct state {
    int folder;
    int lock;
    int control; /* listening */
    int log;
};

#define STATE_NONE ((struct state) { -1, -1, -1, -1 })

/* Each says what is wrong and returns false. */
bool state_open(struct state *state, const char *path, uint64_t *generation);
bool state_open_log(struct state *state, const char *path);
bool state_open_control(struct state *state, const char *path);
bool state_store_generation(const struct state *state, uint64_t generation);

/* Closes everything and removes the control socket's name. */
void state_close(struct state *state);

#endif
