#include "control/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t
shape_days_left(int64_t not_after, int64_t now)
{
    int64_t left = not_after - now;

    return left >= 0 ? left / SHAPE_DAY_S : -((-left + SHAPE_DAY_S - 1) / SHAPE_DAY_S);
}

json_t *
shape_time(int64_t seconds)
{
    time_t at = (time_t)seconds;
    char text[32];
    struct tm tm;

    if (seconds == INT64_MAX || gmtime_r(&at, &tm) == NULL ||
            strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return json_null();
    return json_string(text);
}

bool
shape_parse_time(const char *text, int64_t *out)
{
    static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };
    size_t len = strlen(text);

    if (len != 0 && len <= 12 && strspn(text, "0123456789") == len) {
        *out = strtoll(text, NULL, 10);
        return true;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = { .tm_mday = 1 };
        const char *end = strptime(text, forms[i], &tm);

        if (end == NULL || *end != '\0')
            continue;
        *out = timegm(&tm) + (i == 1 ? 86399 : 0); /* a date as its last second */
        return true;
    }
    return false;
}

json_t *
shape_hex(const uint8_t *bytes, size_t len)
{
    char text[2 * CG_SHA256_SIZE + 1] = "";

    for (size_t i = 0; i < len && i < CG_SHA256_SIZE; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return json_string(text);
}

bool
shape_fingerprint(const char *text, uint8_t out[CG_SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    if (text == NULL || strlen(text) != 2 * CG_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < 2 * CG_SHA256_SIZE; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
        const char *at = strchr(digits, c);

        if (at == NULL || c == '\0')
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? (at - digits) << 4 : out[i / 2] | (at - digits));
    }
    return true;
}
