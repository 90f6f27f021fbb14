/* What certgated says to its operator: lines on standard error. */
#ifndef CONTROL_SAY_H
#define CONTROL_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* One line, written at once. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Each line of the buffer. */
void say_problems(const struct cg_buf *problems);

/* All of it, or false with errno. */
bool write_all(int fd, const void *bytes, size_t len);

/* Milliseconds of a clock that only goes forward, and goes on over an upgrade. */
int64_t now_ms(void);

#endif
