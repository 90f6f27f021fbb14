/*
 * DER written from its end to its beginning: contents stand before the header that needs their length, so
 * that no length is ever guessed. Of two elements the last is put first.
 */
#ifndef TESTS_FUZZ_DER_WRITER_H
#define TESTS_FUZZ_DER_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/reader.h"
#include "fuzz.h"

#define DER_WRITER_SIZE 16384

struct der_writer {
    uint8_t bytes[DER_WRITER_SIZE];
    size_t start; /* of what is written; DER_WRITER_SIZE in the beginning */
};

static inline void
der_put(struct der_writer *out, const void *bytes, size_t len)
{
    FUZZ_CHECK(len <= out->start, "%zu octets do not fit", len);
    out->start -= len;
    if (len != 0)
        memcpy(out->bytes + out->start, bytes, len);
}

/* Makes what was written since start was `end` the contents of an element. */
static inline void
der_wrap(struct der_writer *out, uint8_t tag, size_t end)
{
    size_t len = end - out->start;
    uint8_t header[4] = { tag };
    size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1 : 2;

    header[1] = (uint8_t)(octets == 0 ? len : 0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        header[2 + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
    der_put(out, header, 2 + octets);
}

static inline void
der_put_element(struct der_writer *out, uint8_t tag, const void *bytes, size_t len)
{
    size_t end = out->start;

    der_put(out, bytes, len);
    der_wrap(out, tag, end);
}

static inline void
der_put_text(struct der_writer *out, uint8_t tag, const char *text)
{
    der_put_element(out, tag, text, strlen(text));
}

/* A small INTEGER, or one of another tag; 0x80 and above get their sign octet. */
static inline void
der_put_uint(struct der_writer *out, uint8_t tag, uint8_t value)
{
    uint8_t octets[2] = { 0, value };

    der_put_element(out, tag, value < 0x80 ? octets + 1 : octets, value < 0x80 ? 1 : 2);
}

#endif
