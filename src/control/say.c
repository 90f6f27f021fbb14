#include "control/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
say(const char *format, ...)
{
    char text[2048];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len > sizeof(text) - 2)
        len = (int)sizeof(text) - 2;
    text[len] = '\n';
    (void)fprintf(stderr, "certgated: %.*s", len + 1, text);
    (void)fflush(stderr);
}

void
say_problems(const struct cg_buf *problems)
{
    const char *at = cg_buf_text(problems), *end;

    for (; (end = strchr(at, '\n')) != NULL; at = end + 1)
        say("%.*s", (int)(end - at), at);
}

bool
write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len != 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
