#include "gateway/http_head.h"

#include <stdlib.h>

#include "base/reader.h"

/* Start line beside its target: the longest method, two spaces and the version. */
#define START_LINE_REST 64
/* The longest registered method has 17 letters. */
#define MAX_METHOD 32
/* Digits of GW_MAX_HTTP_LENGTH. */
#define MAX_LENGTH_DIGITS 16

/* ---- characters and lists ---------------------------------------------------------------------- */

static uint8_t
lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool
http_same(struct cg_span a, struct cg_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool
http_is(struct cg_span span, const char *text)
{
    return http_same(span, cg_span(text, strlen(text)));
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool
http_is_token(struct cg_span span)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < span.len; i++) {
        uint8_t c = span.data[i];

        if (!is_digit(c) && (lower(c) < 'a' || lower(c) > 'z') &&
                memchr(marks, c, sizeof(marks) - 1) == NULL)
            return false;
    }
    return span.len > 0;
}

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

bool
http_is_value(struct cg_span span)
{
    for (size_t i = 0; i < span.len; i++)
        if ((span.data[i] < 0x20 && span.data[i] != '\t') || span.data[i] == 0x7f)
            return false;
    return span.len == 0 || (!is_space(span.data[0]) && !is_space(span.data[span.len - 1]));
}

static struct cg_span
trim(struct cg_span span)
{
    while (span.len > 0 && is_space(span.data[0]))
        span = cg_span(span.data + 1, span.len - 1);
    while (span.len > 0 && is_space(span.data[span.len - 1]))
        span.len--;
    return span;
}

struct cg_span
http_cut(struct cg_reader *reader, uint8_t stop, bool *found)
{
    size_t left = cg_reader_left(reader);
    const uint8_t *at = left == 0 ? NULL : memchr(reader->at, stop, left);
    struct cg_span out = { NULL, 0 };
    uint8_t skipped;

    *found = at != NULL;
    (void)cg_read_bytes(reader, at == NULL ? left : (size_t)(at - reader->at), &out);
    if (at != NULL)
        (void)cg_read_u8(reader, &skipped);
    return out;
}

bool
http_next_item(struct cg_span *list, struct cg_span *item)
{
    struct cg_reader reader = cg_reader(*list);
    bool found = true;

    item->len = 0;
    while (found && item->len == 0)
        *item = trim(http_cut(&reader, ',', &found));
    *list = cg_span(reader.at, cg_reader_left(&reader));
    return item->len > 0;
}

/* ---- octet by octet ---------------------------------------------------------------------------- */

struct http_head *
http_head_new(enum http_head_kind kind)
{
    struct http_head *head = calloc(1, sizeof(*head));

    if (head == NULL)
        return NULL;
    head->kind = kind;
    cg_buf_init(&head->raw, kind == HTTP_HEAD_REQUEST ? GW_MAX_REQUEST_HEAD : GW_MAX_RESPONSE_HEAD);
    return head;
}

void
http_head_free(struct http_head *head)
{
    if (head == NULL)
        return;
    cg_buf_release(&head->raw);
    free(head);
}

/* A backend's fault is always answered with 502 (RFC 9110 section 15.6.3). */
static enum http_head_result
bad(struct http_head *head, unsigned status, const char *why)
{
    head->fault.status = head->kind == HTTP_HEAD_RESPONSE ? 502 : status;
    head->fault.why = why;
    return HTTP_HEAD_BAD;
}

static enum http_head_result
first_of_line(struct http_head *head, uint8_t c)
{
    if (is_space(c))
        return head->lines == 0 ? bad(head, 400, "white space before the start line")
                                : bad(head, 400, "a folded field (obs-fold)");
    if (head->lines > GW_MAX_HTTP_FIELDS)
        return bad(head, 431, "too many fields");
    return HTTP_HEAD_MORE;
}

static enum http_head_result
end_of_line(struct http_head *head)
{
    head->place = HTTP_AT_START;
    if (head->column > 0) {
        head->column = 0;
        head->lines++;
        return HTTP_HEAD_MORE;
    }
    if (head->lines > 0)
        return HTTP_HEAD_DONE;
    if (head->kind == HTTP_HEAD_RESPONSE)
        return bad(head, 400, "an empty line before the status line");
    if (++head->blanks > GW_MAX_HTTP_BLANKS)
        return bad(head, 400, "empty lines before the request line");
    head->size = 0;
    return HTTP_HEAD_MORE;
}

/* RFC 9112 section 2.2: a line ends in CRLF and in nothing else; section 5.2: no folding. */
static enum http_head_result
take_octet(struct http_head *head, uint8_t c)
{
    if (++head->size > head->raw.max)
        return bad(head, 431, "a head that is too long");
    if (head->place == HTTP_AFTER_CR)
        return c == '\n' ? end_of_line(head) : bad(head, 400, "a CR without LF");
    if (c == '\r') {
        head->place = HTTP_AFTER_CR;
        return HTTP_HEAD_MORE;
    }
    if (c == '\n')
        return bad(head, 400, "a line that ends in a bare LF");
    if (c == '\0')
        return bad(head, 400, "a NUL");
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        return bad(head, 400, "a control character");
    if (head->place == HTTP_AT_START && first_of_line(head, c) == HTTP_HEAD_BAD)
        return HTTP_HEAD_BAD;
    head->place = HTTP_IN_LINE;
    head->column++;
    if (head->lines == 0 && head->kind == HTTP_HEAD_REQUEST &&
            head->column > GW_MAX_REQUEST_TARGET + START_LINE_REST)
        return bad(head, 414, "a request line that is too long");
    return HTTP_HEAD_MORE;
}

static enum http_head_result read_head(struct http_head *head);

enum http_head_result
http_head_take(struct http_head *head, const uint8_t *data, size_t len, size_t *used)
{
    enum http_head_result result = HTTP_HEAD_MORE;
    size_t from = 0, at = 0;

    while (at < len && result == HTTP_HEAD_MORE) {
        result = take_octet(head, data[at++]);
        if (head->size == 0) { /* that was an empty line before the start line */
            head->raw.len = 0;
            from = at;
        }
    }
    *used = at;
    if (result == HTTP_HEAD_BAD)
        return result;
    cg_buf_add_bytes(&head->raw, data + from, at - from);
    if (head->raw.failed)
        return bad(head, 500, "no memory for a head");
    return result == HTTP_HEAD_DONE ? read_head(head) : HTTP_HEAD_MORE;
}

/* ---- the start line ---------------------------------------------------------------------------- */

/* "HTTP/1.0" or "HTTP/1.1" (RFC 9112 section 2.3). */
static enum http_head_result
read_version(struct http_head *head, struct cg_span version)
{
    if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0 || !is_digit(version.data[5]) ||
            version.data[6] != '.' || !is_digit(version.data[7]))
        return bad(head, 400, "a malformed start line");
    if (version.data[5] != '1' || version.data[7] > '1')
        return bad(head, 505, "a version that is neither HTTP/1.0 nor HTTP/1.1");
    head->minor = version.data[7] - (unsigned)'0';
    return HTTP_HEAD_DONE;
}

/* Registered methods are capitals and hyphens; whatever else looks like one is garbage. */
static bool
is_method(struct cg_span method)
{
    for (size_t i = 0; i < method.len; i++)
        if ((method.data[i] < 'A' || method.data[i] > 'Z') && method.data[i] != '-')
            return false;
    return method.len > 0 && method.len <= MAX_METHOD;
}

static enum http_head_result
read_request_line(struct http_head *head, struct cg_span line)
{
    struct cg_reader reader = cg_reader(line);
    bool first, second;

    head->method = http_cut(&reader, ' ', &first);
    head->target = http_cut(&reader, ' ', &second);
    if (!is_method(head->method))
        return bad(head, 400, "a malformed method");
    if (!first || !second || head->target.len == 0)
        return bad(head, 400, "a malformed start line");
    for (size_t i = 0; i < head->target.len; i++)
        if (head->target.data[i] <= 0x20 || head->target.data[i] >= 0x7f)
            return bad(head, 400, "a target with characters that a URI cannot have");
    if (head->target.len > GW_MAX_REQUEST_TARGET)
        return bad(head, 414, "a target that is too long");
    return read_version(head, cg_span(reader.at, cg_reader_left(&reader)));
}

/* RFC 9112 section 4. The space before an empty reason is missing in practice, and harmless. */
static enum http_head_result
read_status_line(struct http_head *head, struct cg_span line)
{
    struct cg_reader reader = cg_reader(line);
    bool found;
    struct cg_span version = http_cut(&reader, ' ', &found), code;

    if (!found || read_version(head, version) == HTTP_HEAD_BAD)
        return bad(head, 502, "a malformed status line");
    code = http_cut(&reader, ' ', &found);
    if (code.len != 3 || !is_digit(code.data[0]) || !is_digit(code.data[1]) ||
            !is_digit(code.data[2]))
        return bad(head, 502, "a malformed status");
    head->status = (code.data[0] - 48u) * 100 + (code.data[1] - 48u) * 10 + (code.data[2] - 48u);
    if (head->status < 100 || head->status > 599)
        return bad(head, 502, "a status that is none");
    head->reason = cg_span(reader.at, cg_reader_left(&reader));
    return HTTP_HEAD_DONE;
}

/* ---- fields ------------------------------------------------------------------------------------ */

/* RFC 9112 section 5: no white space before the colon (section 5.1). */
static enum http_head_result
read_field(struct http_head *head, struct cg_span line)
{
    struct http_line *field = &head->fields[head->field_count];
    struct cg_reader reader = cg_reader(line);
    bool colon;

    field->name = http_cut(&reader, ':', &colon);
    field->value = trim(cg_span(reader.at, cg_reader_left(&reader)));
    if (!colon)
        return bad(head, 400, "a field without a colon");
    if (field->name.len == 0)
        return bad(head, 400, "a field without a name");
    if (is_space(field->name.data[field->name.len - 1]))
        return bad(head, 400, "white space before a colon");
    if (!http_is_token(field->name))
        return bad(head, 400, "a malformed field name");
    head->field_count++;
    return HTTP_HEAD_DONE;
}

bool
http_head_field(const struct http_head *head, const char *name, struct cg_span *value)
{
    size_t found = 0;

    for (size_t i = 0; i < head->field_count; i++)
        if (http_is(head->fields[i].name, name)) {
            *value = head->fields[i].value;
            found++;
        }
    return found == 1;
}

bool
http_head_option(const struct http_head *head, struct cg_span option)
{
    for (size_t i = 0; i < head->option_count; i++)
        if (http_same(head->options[i], option))
            return true;
    return false;
}

bool
http_head_lists(const struct http_head *head, const char *name, const char *item)
{
    struct cg_span list, found;

    for (size_t i = 0; i < head->field_count; i++) {
        if (!http_is(head->fields[i].name, name))
            continue;
        list = head->fields[i].value;
        while (http_next_item(&list, &found))
            if (http_is(found, item))
                return true;
    }
    return false;
}

static size_t
count_fields(const struct http_head *head, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < head->field_count; i++)
        count += http_is(head->fields[i].name, name);
    return count;
}

static enum http_head_result
read_options(struct http_head *head)
{
    struct cg_span list, item;

    for (size_t i = 0; i < head->field_count; i++) {
        if (!http_is(head->fields[i].name, "Connection"))
            continue;
        list = head->fields[i].value;
        while (http_next_item(&list, &item)) {
            if (!http_is_token(item))
                return bad(head, 400, "a malformed Connection field");
            if (head->option_count == GW_MAX_HTTP_OPTIONS)
                return bad(head, 431, "too many connection options");
            head->options[head->option_count++] = item;
        }
    }
    return HTTP_HEAD_DONE;
}

static bool
read_length(struct cg_span text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > MAX_LENGTH_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        value = value * 10 + (text.data[i] - (unsigned)'0');
    }
    *out = value;
    return value <= GW_MAX_HTTP_LENGTH;
}

/*
 * RFC 9112 section 6.3, without its tolerance: what it lets a recipient repair (both fields, a length
 * said twice) is refused, and so is every coding but chunked, which we never asked for.
 */
static enum http_head_result
read_framing(struct http_head *head)
{
    size_t lengths = count_fields(head, "Content-Length");
    size_t codings = count_fields(head, "Transfer-Encoding");
    struct cg_span value;

    head->framing = head->kind == HTTP_HEAD_RESPONSE ? HTTP_BODY_CLOSE : HTTP_BODY_NONE;
    if (lengths > 0 && codings > 0)
        return bad(head, 400, "Content-Length beside Transfer-Encoding");
    if (lengths > 1)
        return bad(head, 400, "more than one Content-Length");
    if (codings > 1)
        return bad(head, 400, "more than one Transfer-Encoding");
    if (codings == 1) {
        if (head->minor == 0)
            return bad(head, 400, "Transfer-Encoding in HTTP/1.0");
        if (!http_head_field(head, "Transfer-Encoding", &value) || !http_is(value, "chunked"))
            return bad(head, 400, "a Transfer-Encoding that is not chunked");
        head->framing = HTTP_BODY_CHUNKED;
    }
    if (lengths == 1) {
        if (!http_head_field(head, "Content-Length", &value) || !read_length(value, &head->length))
            return bad(head, 400, "a malformed Content-Length");
        head->framing = HTTP_BODY_LENGTH;
    }
    return HTTP_HEAD_DONE;
}

static enum http_head_result
read_head(struct http_head *head)
{
    struct cg_reader reader = cg_reader(cg_span(head->raw.data, head->raw.len));
    enum http_head_result result;
    struct cg_span line;
    uint8_t lf;
    bool found;

    line = http_cut(&reader, '\r', &found);
    result = head->kind == HTTP_HEAD_REQUEST ? read_request_line(head, line)
                                             : read_status_line(head, line);
    while (result == HTTP_HEAD_DONE && cg_read_u8(&reader, &lf)) {
        line = http_cut(&reader, '\r', &found);
        if (line.len == 0)
            break;
        result = read_field(head, line);
    }
    if (result == HTTP_HEAD_DONE)
        result = read_options(head);
    return result == HTTP_HEAD_DONE ? read_framing(head) : result;
}
