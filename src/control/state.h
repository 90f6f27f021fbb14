/*
 * The state directory: the lock that keeps a second certgated out, the generation counter and the control
 * socket. All descriptors are -1 while not open.
 */
#ifndef CONTROL_STATE_H
#define CONTROL_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct state {
    int folder;
    int lock;
    int control; /* listening */
};

/* A change that takes itself back unless it is confirmed; generation 0: none waits. */
struct pending {
    uint64_t generation;
    uint64_t back_to;
    int64_t reverts_at; /* seconds since 1970: what is told, and how long a restart leaves */
    uint32_t within_s; /* never longer than this, wherever the clock was set */
    int64_t due_ms; /* of now_ms(), which nobody sets; not kept */
};

#define STATE_NONE ((struct state) { -1, -1, -1 })

/* Each says what is wrong and returns false. */
bool state_open(struct state *state, const char *path, uint64_t *generation);
bool state_open_control(struct state *state, const char *path);
/* A small file of the directory, whole or not at all. */
bool state_store_text(const struct state *state, const char *name, const char *text);
bool state_store_generation(const struct state *state, uint64_t generation);

/* What waits survives a restart, so that it goes back even then. */
bool state_store_pending(const struct state *state, const struct pending *pending);
/* None where there is no file, or it makes no sense. `now` in seconds since 1970. */
void state_load_pending(const struct state *state, int64_t now, struct pending *pending);

/* Closes everything and removes the control socket's name. */
void state_close(struct state *state);

#endif
