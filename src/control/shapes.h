/* Times, fingerprints and the like as the admin API has them in JSON. */
#ifndef CONTROL_SHAPES_H
#define CONTROL_SHAPES_H

#include <certgate/certgate.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_DAY_S 86400

/* Whole days until then; negative once it has passed. */
int64_t shape_days_left(int64_t not_after, int64_t now);
/* "2026-11-25T08:00:00Z", or null for none. */
json_t *shape_time(int64_t time);
/* RFC 3339, a date (its end), or seconds since 1970. False when it is none. */
bool shape_parse_time(const char *text, int64_t *out);
json_t *shape_hex(const uint8_t *bytes, size_t len);
/* 64 hex digits as 32 octets. */
bool shape_fingerprint(const char *text, uint8_t out[CG_SHA256_SIZE]);

#endif
