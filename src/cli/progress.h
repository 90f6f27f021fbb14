/* A bar on a terminal, while something takes long. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *doing; /* NULL: nothing is shown */
    uint64_t total;
    int64_t started_ms, shown_ms;
};

/* Shows nothing where `doing` is NULL or standard error is no terminal. */
struct progress progress_begin(const char *doing, uint64_t total);
/* So many of the total are done; `answered`: the other side has begun to say how it went. */
void progress_show(struct progress *progress, uint64_t done, bool answered);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
