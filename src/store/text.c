#include "store/text.h"

#include <stdio.h>
#include <time.h>

void
store_show(char *out, size_t size, const char *text)
{
    struct cg_buf buf;

    cg_buf_init(&buf, size - 1); /* what does not fit is cut */
    cg_buf_add_escaped(&buf, cg_span(text, strnlen(text, size)));
    (void)snprintf(out, size, "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
}

bool
store_text_ok(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1), backslashes = 0;
    struct cg_buf buf;
    bool ok;

    if (len > max)
        return false;
    for (size_t i = 0; i < len; i++)
        backslashes += text[i] == '\\';
    cg_buf_init(&buf, 4 * max + 1);
    cg_buf_add_escaped(&buf, cg_span(text, len)); /* of plain text only backslashes grow, to \x5c */
    ok = !buf.failed && buf.len == len + 3 * backslashes;
    cg_buf_release(&buf);
    return ok;
}

void
store_add_date(struct cg_buf *out, int64_t seconds)
{
    struct tm date = { 0 };
    time_t when = (time_t)seconds;
    char text[32];

    (void)gmtime_r(&when, &date);
    (void)strftime(text, sizeof(text), "%Y-%m-%d", &date);
    cg_buf_add(out, text);
}

void
store_hex(char out[STORE_HEX_SIZE], const uint8_t sha256[32])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = digits[sha256[i] >> 4];
        out[2 * i + 1] = digits[sha256[i] & 15];
    }
    out[64] = '\0';
}

static int
digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
store_unhex(const char *text, uint8_t sha256[32])
{
    if (strnlen(text, 65) != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        sha256[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
