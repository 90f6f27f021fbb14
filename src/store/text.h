/* Text of administrators: checked where it comes in, escaped where it is shown. */
#ifndef STORE_TEXT_H
#define STORE_TEXT_H

#include "base/buf.h"

/* UTF-8 of at most max octets without control characters. */
bool store_text_ok(const char *text, size_t max);
/* For error texts: escaped and cut to what fits. */
void store_show(char *out, size_t size, const char *text);
/* "2027-06-30", UTC. */
void store_add_date(struct cg_buf *out, int64_t seconds);
/* 64 hexadecimal digits and a terminator. */
#define STORE_HEX_SIZE 65
void store_hex(char out[STORE_HEX_SIZE], const uint8_t sha256[32]);
/* The way back; false unless text is exactly 64 hexadecimal digits. */
bool store_unhex(const char *text, uint8_t sha256[32]);

#endif
