#include "gateway/http_target.h"

#include "base/reader.h"

static bool
bad(struct http_fault *fault, const char *why)
{
    *fault = (struct http_fault) { .status = 400, .why = why };
    return false;
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int
hex_value(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- authority --------------------------------------------------------------------------------- */

/* Digits, at most five; nothing at all is a port too (RFC 3986 section 3.2.3). */
static bool
is_port(struct cg_span port)
{
    for (size_t i = 0; i < port.len; i++)
        if (!is_digit(port.data[i]))
            return false;
    return port.len <= 5;
}

/*
 * uri-host [":" port] (RFC 9110 section 7.2) without user information, and of the characters that
 * reg-name allows those that names and addresses are made of.
 */
static bool
is_authority(struct cg_span text)
{
    size_t at = 0;

    if (text.len > 0 && text.data[0] == '[') {
        for (at = 1; at < text.len && text.data[at] != ']'; at++)
            if (hex_value(text.data[at]) < 0 && text.data[at] != ':' && text.data[at] != '.')
                return false;
        if (at < 3 || at == text.len)
            return false;
        at++;
    } else {
        while (at < text.len &&
                (is_letter(text.data[at]) || is_digit(text.data[at]) || text.data[at] == '-' ||
                        text.data[at] == '.' || text.data[at] == '_'))
            at++;
    }
    if (at == 0)
        return false;
    return at == text.len ||
            (text.data[at] == ':' && is_port(cg_span(text.data + at + 1, text.len - at - 1)));
}

/* RFC 9112 section 3.2: exactly one, and in HTTP/1.0 at most one. */
static bool
read_host(const struct http_head *head, struct http_target *target, struct http_fault *fault)
{
    struct cg_span value;
    size_t count = 0;

    for (size_t i = 0; i < head->field_count; i++)
        if (http_is(head->fields[i].name, "Host")) {
            value = head->fields[i].value;
            count++;
        }
    if (count > 1)
        return bad(fault, "more than one Host");
    if (count == 0 && head->minor > 0)
        return bad(fault, "no Host");
    if (count == 1) {
        if (!is_authority(value))
            return bad(fault, "a malformed Host");
        target->authority = value;
    }
    return true;
}

/* ---- forms ------------------------------------------------------------------------------------- */

static bool
skip_scheme(struct cg_reader *reader, const char *scheme)
{
    struct cg_reader cursor = *reader;
    struct cg_span text;

    if (!cg_read_bytes(&cursor, strlen(scheme), &text) || !http_is(text, scheme))
        return false;
    *reader = cursor;
    return true;
}

/* RFC 9112 section 3.2.2: its authority stands for Host's, whatever that says. */
static bool
read_absolute(const struct http_head *head, struct http_target *target, struct http_fault *fault)
{
    struct cg_reader reader = cg_reader(head->target);
    size_t len = 0;

    if (!skip_scheme(&reader, "https://") && !skip_scheme(&reader, "http://"))
        return bad(fault, "a malformed target");
    while (len < cg_reader_left(&reader) && reader.at[len] != '/' && reader.at[len] != '?')
        len++;
    (void)cg_read_bytes(&reader, len, &target->authority);
    if (!is_authority(target->authority))
        return bad(fault, "a malformed authority");
    target->rest = cg_span(reader.at, cg_reader_left(&reader));
    target->slash = target->rest.len == 0 || target->rest.data[0] != '/';
    if (target->rest.len == 0 && CG_SPAN_IS(head->method, "OPTIONS")) { /* section 3.2.4 */
        target->slash = false;
        target->asterisk = true;
    }
    return true;
}

bool
http_target_read(const struct http_head *head, struct http_target *target, struct http_fault *fault)
{
    *target = (struct http_target) { .rest = head->target };
    if (memchr(head->target.data, '#', head->target.len) != NULL)
        return bad(fault, "a target with a fragment");
    if (!read_host(head, target, fault))
        return false;
    if (head->target.data[0] == '/')
        return true;
    if (CG_SPAN_IS(head->target, "*")) {
        target->asterisk = true;
        target->rest.len = 0;
        return CG_SPAN_IS(head->method, "OPTIONS") || bad(fault, "a malformed target");
    }
    return read_absolute(head, target, fault);
}

/* ---- path -------------------------------------------------------------------------------------- */

/*
 * One octet of a segment, decoded. Ambiguous are what does not decode, what a decoder would take for a
 * delimiter, control characters, and lead octets that UTF-8 has only in overlong forms (RFC 3629).
 */
static bool
next_octet(struct cg_reader *reader, uint8_t *out, bool *ambiguous)
{
    struct cg_span digits;
    struct cg_reader cursor;

    if (!cg_read_u8(reader, out))
        return false;
    if (*out == '\\')
        *ambiguous = true;
    if (*out != '%')
        return true;
    cursor = *reader;
    if (!cg_read_bytes(&cursor, 2, &digits) || hex_value(digits.data[0]) < 0 ||
            hex_value(digits.data[1]) < 0) {
        *ambiguous = true;
        return true;
    }
    *reader = cursor;
    *out = (uint8_t)(hex_value(digits.data[0]) << 4 | hex_value(digits.data[1]));
    if (*out == '/' || *out == '\\' || *out < 0x20 || *out == 0x7f || *out == 0xc0 || *out == 0xc1)
        *ambiguous = true;
    return true;
}

/* "." and "..", also with parameters, which some servers cut off before they resolve. */
static size_t
dots(struct cg_span segment, bool *ambiguous)
{
    size_t count = 0;

    while (count < segment.len && segment.data[count] == '.')
        count++;
    if (count == 0 || count > 2)
        return 0;
    if (count < segment.len && segment.data[count] == ';')
        *ambiguous = true;
    return count == segment.len ? count : 0;
}

/* Takes the last segment with its slash away; false when there is none. */
static bool
pop(struct cg_buf *path)
{
    if (path->len == 0)
        return false;
    while (path->data[--path->len] != '/')
        continue;
    return true;
}

/* Appends "/segment"; false when that came to nothing, so that a slash is still to be written. */
static bool
push(struct cg_buf *path, struct cg_span segment, bool *ambiguous)
{
    struct cg_reader reader = cg_reader(segment);
    size_t start = path->len, back;
    uint8_t c;

    cg_buf_add(path, "/");
    while (next_octet(&reader, &c, ambiguous))
        cg_buf_add_bytes(path, &c, 1);
    if (path->failed)
        return true;
    back = dots(cg_span(path->data + start + 1, path->len - start - 1), ambiguous);
    if (back == 0 && path->len > start + 1)
        return true;
    path->len = start;
    if (back == 2 && !pop(path))
        *ambiguous = true;
    return false;
}

void
http_target_path(const struct http_target *target, struct cg_buf *path, bool *ambiguous)
{
    struct cg_reader reader = cg_reader(target->rest), segments;
    bool found = true, ends = false;
    uint8_t slash;

    *ambiguous = false;
    path->len = 0;
    if (target->asterisk) {
        cg_buf_add(path, "*");
        return;
    }
    segments = cg_reader(http_cut(&reader, '?', &found));
    (void)cg_read_u8(&segments, &slash);
    for (found = true; found;)
        ends = push(path, http_cut(&segments, '/', &found), ambiguous);
    if (!ends)
        cg_buf_add(path, "/");
}
