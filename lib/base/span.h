/* A borrowed run of bytes. */
#ifndef CG_BASE_SPAN_H
#define CG_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cg_span {
    const uint8_t *data;
    size_t len;
};

static inline struct cg_span
cg_span(const void *data, size_t len)
{
    return (struct cg_span){ .data = data, .len = len };
}

static inline bool
cg_span_equal(struct cg_span a, struct cg_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* FNV-1a: spreads over buckets; nothing depends on it being hard to invert. */
static inline uint64_t
cg_span_hash(struct cg_span span)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < span.len; i++)
        hash = (hash ^ span.data[i]) * 0x100000001b3u;
    return hash;
}

/* Compares with a string literal or array without its terminator. */
#define CG_SPAN_IS(span, bytes) cg_span_equal((span), cg_span((bytes), sizeof(bytes) - 1))

#endif
