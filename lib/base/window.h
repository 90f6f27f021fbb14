/* A run of seconds, both ends included. */
#ifndef CG_BASE_WINDOW_H
#define CG_BASE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct cg_window {
    int64_t from;
    int64_t until;
};

#define CG_WINDOW_ALWAYS ((struct cg_window) { INT64_MIN, INT64_MAX })

static inline bool
cg_window_holds(const struct cg_window *window, int64_t now)
{
    return window->from <= now && now <= window->until;
}

/* What is in both. */
static inline void
cg_window_narrow(struct cg_window *window, int64_t from, int64_t until)
{
    if (from > window->from)
        window->from = from;
    if (until < window->until)
        window->until = until;
}

/* The part around `now` in which it stays on the same side of from … until. */
static inline void
cg_window_stay(struct cg_window *window, int64_t now, int64_t from, int64_t until)
{
    if (now < from)
        cg_window_narrow(window, INT64_MIN, from - 1);
    else if (now > until)
        cg_window_narrow(window, until + 1, INT64_MAX);
    else
        cg_window_narrow(window, from, until);
}

#endif
