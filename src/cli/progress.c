#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 30
/* A line is drawn at most so often. */
#define EVERY_MS 100

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct progress
progress_begin(const char *doing, uint64_t total)
{
    return (struct progress) {
        .doing = isatty(STDERR_FILENO) ? doing : NULL, .total = total, .started_ms = now_ms()
    };
}

void
progress_show(struct progress *progress, uint64_t done, bool answered)
{
    const int64_t now = progress->doing == NULL ? 0 : now_ms();
    char bar[WIDTH + 1];
    int filled;

    if (progress->doing == NULL || answered || now - progress->shown_ms < EVERY_MS)
        return;
    progress->shown_ms = now;
    if (done >= progress->total) {
        fprintf(stderr, "\r\033[Kcertgated checks and commits ... %lld s",
                (long long)(now - progress->started_ms) / 1000);
        return;
    }
    filled = (int)(done * WIDTH / progress->total);
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %3d %%", progress->doing, bar,
            (int)(done * 100 / progress->total));
}

void
progress_end(struct progress *progress)
{
    if (progress->doing != NULL && progress->shown_ms != 0)
        fputs("\r\033[K", stderr);
    progress->doing = NULL;
}
