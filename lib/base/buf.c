#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
cg_buf_init(struct cg_buf *buf, size_t max)
{
    *buf = (struct cg_buf) { .max = max };
}

void
cg_buf_release(struct cg_buf *buf)
{
    free(buf->data);
    *buf = (struct cg_buf) { .max = buf->max };
}

char *
cg_buf_take(struct cg_buf *buf)
{
    char *text = NULL;

    if (buf->data == NULL && !buf->failed)
        cg_buf_add_bytes(buf, "", 0);
    if (!buf->failed) {
        text = buf->data;
        buf->data = NULL;
    }
    cg_buf_release(buf);
    return text;
}

void
cg_buf_drop(struct cg_buf *buf, size_t len)
{
    if (buf->failed)
        return;
    if (len >= buf->len) {
        cg_buf_release(buf);
        return;
    }
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
    buf->data[buf->len] = '\0';
}

const char *
cg_buf_text(const struct cg_buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

/* Makes room for len more bytes and the terminator; doubles, so that appending is linear. */
static bool
reserve(struct cg_buf *buf, size_t len)
{
    size_t size = buf->size == 0 ? 64 : buf->size;
    char *data;

    if (buf->failed || len > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    if (buf->data != NULL && len < buf->size - buf->len)
        return true;
    while (size <= buf->len + len)
        size *= 2;
    data = realloc(buf->data, size);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->size = size;
    return true;
}

void
cg_buf_add_bytes(struct cg_buf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len != 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void
cg_buf_add(struct cg_buf *buf, const char *text)
{
    cg_buf_add_bytes(buf, text, strlen(text));
}

void
cg_buf_addf(struct cg_buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !reserve(buf, (size_t)len)) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void
cg_buf_add_hex(struct cg_buf *buf, struct cg_span bytes, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char pairs[64];
    size_t len = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        pairs[len++] = digits[bytes.data[i] >> 4];
        pairs[len++] = digits[bytes.data[i] & 0x0f];
        if (len == sizeof(pairs) || i + 1 == bytes.len) {
            cg_buf_add_bytes(buf, pairs, len);
            len = 0;
        }
    }
}

/* Length of the UTF-8 sequence at the start (RFC 3629), 0 when it is not one. */
static size_t
utf8_length(struct cg_span bytes)
{
    uint8_t first = bytes.data[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first > 0xf4 || len == 0 || len > bytes.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((bytes.data[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && bytes.data[1] < 0xa0) || (first == 0xed && bytes.data[1] > 0x9f) ||
            (first == 0xf0 && bytes.data[1] < 0x90) || (first == 0xf4 && bytes.data[1] > 0x8f))
        return 0;
    return len;
}

/* C0 and C1 controls, and the bidirectional and line separators that could disguise a log line. */
static bool
is_unsafe(const uint8_t *at, size_t len)
{
    if (len == 1)
        return at[0] < 0x20 || at[0] == 0x7f || at[0] == '\\';
    if (len == 2)
        return at[0] == 0xc2 && at[1] < 0xa0;
    if (len == 3)
        return at[0] == 0xe2 &&
                ((at[1] == 0x80 && at[2] >= 0x8b && at[2] <= 0xaf) ||
                        (at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf));
    return false;
}

void
cg_buf_add_escaped(struct cg_buf *buf, struct cg_span bytes)
{
    size_t at = 0, len;

    while (at < bytes.len) {
        len = utf8_length(cg_span(bytes.data + at, bytes.len - at));
        if (len != 0 && !is_unsafe(bytes.data + at, len)) {
            cg_buf_add_bytes(buf, bytes.data + at, len);
        } else {
            len = len == 0 ? 1 : len;
            for (size_t i = 0; i < len; i++)
                cg_buf_addf(buf, "\\x%02x", bytes.data[at + i]);
        }
        at += len;
    }
}

void
cg_buf_add_json(struct cg_buf *buf, const char *text)
{
    struct cg_span rest = cg_span(text, strlen(text));
    size_t len;

    cg_buf_add(buf, "\"");
    while (rest.len != 0) {
        /* What stands for itself, at once: nearly everything. */
        for (len = 0; len < rest.len && rest.data[len] >= 0x20 && rest.data[len] < 0x7f &&
                rest.data[len] != '"' && rest.data[len] != '\\';)
            len++;
        cg_buf_add_bytes(buf, rest.data, len);
        rest = cg_span(rest.data + len, rest.len - len);
        if (rest.len == 0)
            break;
        len = utf8_length(rest);
        if (len == 0) {
            cg_buf_addf(buf, "\\\\x%02x", rest.data[0]);
            len = 1;
        } else if (rest.data[0] == '"' || rest.data[0] == '\\') {
            cg_buf_addf(buf, "\\%c", rest.data[0]);
        } else if (rest.data[0] < 0x20) {
            cg_buf_addf(buf, "\\u%04x", rest.data[0]);
        } else {
            cg_buf_add_bytes(buf, rest.data, len);
        }
        rest = cg_span(rest.data + len, rest.len - len);
    }
    cg_buf_add(buf, "\"");
}

void
cg_buf_add_time(struct cg_buf *buf, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    char text[48];

    if (gmtime_r(&when, &parts) == NULL ||
            strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        cg_buf_addf(buf, "%lld", (long long)seconds);
        return;
    }
    cg_buf_add(buf, text);
}
