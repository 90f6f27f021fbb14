/*
 * A growing text buffer with a maximum from birth. Failures stick: append freely, ask once at the end.
 */
#ifndef CG_BASE_BUF_H
#define CG_BASE_BUF_H

#include "base/span.h"

struct cg_buf {
    char *data; /* NUL-terminated once anything was appended */
    size_t len;
    size_t size;
    size_t max;
    bool failed; /* out of memory, or the maximum was reached: contents are cut */
};

void cg_buf_init(struct cg_buf *buf, size_t max);
void cg_buf_release(struct cg_buf *buf);
/* The text, owned by the caller; the buffer is empty afterwards. NULL when it failed. */
char *cg_buf_take(struct cg_buf *buf);
/* The text, borrowed; "" while nothing was appended. */
const char *cg_buf_text(const struct cg_buf *buf);

/* Takes len octets, at most all, from the front; an empty buffer holds no memory. */
void cg_buf_drop(struct cg_buf *buf, size_t len);
void cg_buf_add(struct cg_buf *buf, const char *text);
void cg_buf_add_bytes(struct cg_buf *buf, const void *bytes, size_t len);
void cg_buf_addf(struct cg_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cg_buf_add_hex(struct cg_buf *buf, struct cg_span bytes, bool upper);
/* UTF-8 kept, control characters, backslash and invalid bytes as \xNN. */
void cg_buf_add_escaped(struct cg_buf *buf, struct cg_span bytes);
/* A quoted JSON string; bytes that are not UTF-8 appear as the text \xNN. */
void cg_buf_add_json(struct cg_buf *buf, const char *text);
/* "2026-11-24T00:00:00Z" */
void cg_buf_add_time(struct cg_buf *buf, int64_t seconds);

#endif
