#include "gateway/http_write.h"

/* Longest page of ours. */
#define MAX_PAGE 1024

/* ---- which fields go on ------------------------------------------------------------------------ */

/* In which direction a field of the other side is kept back. */
enum { KEPT_FROM_BACKEND = 1 << 0, KEPT_FROM_PEER = 1 << 1, KEPT_FROM_BOTH = 3 };

/*
 * A name that ends in '-' stands for all that begin so. Comparison takes everything that is no letter
 * and no digit for '-': CGI and its descendants map '-', '_' and '.' to the same variable (RFC 3875
 * section 4.1.18), so Client_Cert would reach an application as Client-Cert.
 */
/* clang-format off */
static const struct rule {
    const char *name;
    unsigned kept;
} rules[] = {
    /* of one connection only (RFC 9110 section 7.6.1), or written by us */
    { "Connection",        KEPT_FROM_BOTH },
    { "Content-Length",    KEPT_FROM_BOTH },
    { "Host",              KEPT_FROM_BACKEND },
    { "HTTP2-Settings",    KEPT_FROM_BACKEND }, /* RFC 7540 section 3.2.1 */
    { "Keep-Alive",        KEPT_FROM_BOTH },
    { "Proxy",             KEPT_FROM_BACKEND }, /* HTTP_PROXY of CGI programs */
    { "Proxy-",            KEPT_FROM_BOTH },
    { "TE",                KEPT_FROM_BACKEND },
    { "Trailer",           KEPT_FROM_BOTH }, /* trailers are dropped */
    { "Transfer-Encoding", KEPT_FROM_BOTH },
    { "Upgrade",           KEPT_FROM_BOTH },
    /* who the peer is: the gateway's word, never the peer's */
    { "Certgate-",         KEPT_FROM_BACKEND },
    { "Client-Cert",       KEPT_FROM_BACKEND }, /* RFC 9440 section 2.4 */
    { "Client-Cert-",      KEPT_FROM_BACKEND },
    { "Forwarded",         KEPT_FROM_BACKEND }, /* RFC 7239 */
    { "X-Forwarded-",      KEPT_FROM_BACKEND }, /* -For, -Proto, -Host, -Client-Cert, -User, … */
    { "X-Real-IP",         KEPT_FROM_BACKEND },
};
/* clang-format on */

/* Letters in lower case, digits as they are, everything else as '-'. */
static uint8_t
plain(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c | 0x20);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

static bool
begins(struct cg_span name, const char *with, size_t len)
{
    if (name.len < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (plain(name.data[i]) != plain((uint8_t)with[i]))
            return false;
    return true;
}

static bool
is_kept(struct cg_span name, unsigned direction)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        size_t len = strlen(rules[i].name);
        bool prefix = rules[i].name[len - 1] == '-';

        if ((rules[i].kept & direction) != 0 && (prefix || name.len == len) &&
                begins(name, rules[i].name, len))
            return true;
    }
    return false;
}

bool
http_field_is_sound(const struct http_field *field)
{
    return http_is_token(cg_span(field->name, strlen(field->name))) && http_is_value(field->value);
}

static void
add_span(struct cg_buf *out, struct cg_span span)
{
    cg_buf_add_bytes(out, span.data, span.len);
}

static void
add_field(struct cg_buf *out, struct cg_span name, struct cg_span value)
{
    add_span(out, name);
    cg_buf_add(out, ": ");
    add_span(out, value);
    cg_buf_add(out, "\r\n");
}

/* A name that the gateway sets itself is its own, whatever the table says. */
static bool
is_ours(struct cg_span name, const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.len == strlen(fields[i].name) && begins(name, fields[i].name, name.len))
            return true;
    return false;
}

static void
add_framing(struct cg_buf *out, enum http_framing framing, uint64_t length)
{
    if (framing == HTTP_BODY_LENGTH)
        cg_buf_addf(out, "Content-Length: %llu\r\n", (unsigned long long)length);
    else if (framing == HTTP_BODY_CHUNKED)
        cg_buf_add(out, "Transfer-Encoding: chunked\r\n");
}

/* ---- requests and responses -------------------------------------------------------------------- */

/*
 * HTTP/1.1 whatever the peer speaks (RFC 9110 section 2.5), but where there is no Host to send, then
 * HTTP/1.0. An expectation of HTTP/1.0 is none (section 10.1.1).
 */
void
http_write_request(struct cg_buf *out, const struct http_head *head,
        const struct http_target *target, bool upgrade, const struct http_field *fields,
        size_t count)
{
    bool named = target->authority.len > 0;

    add_span(out, head->method);
    cg_buf_addf(out, " %s", target->asterisk ? "*" : target->slash ? "/" : "");
    add_span(out, target->rest);
    cg_buf_addf(out, " HTTP/1.%c\r\n", named ? '1' : '0');
    if (named)
        add_field(out, cg_span("Host", 4), target->authority);
    for (size_t i = 0; i < head->field_count; i++) {
        struct cg_span name = head->fields[i].name;

        if (is_kept(name, KEPT_FROM_BACKEND) || http_head_option(head, name) ||
                is_ours(name, fields, count) || (head->minor == 0 && http_is(name, "Expect")))
            continue;
        add_field(out, name, head->fields[i].value);
    }
    add_framing(out, head->framing, head->length);
    cg_buf_addf(out, "Via: 1.%u certgate\r\n", head->minor); /* RFC 9110 section 7.6.3 */
    if (upgrade)
        cg_buf_add(out, "Connection: upgrade\r\nUpgrade: websocket\r\n");
    for (size_t i = 0; i < count; i++)
        add_field(out, cg_span(fields[i].name, strlen(fields[i].name)), fields[i].value);
    cg_buf_add(out, "\r\n");
}

void
http_write_response(
        struct cg_buf *out, const struct http_head *head, const struct http_answer *answer)
{
    cg_buf_addf(out, "HTTP/1.1 %03u ", head->status);
    add_span(out, head->reason);
    cg_buf_add(out, "\r\n");
    for (size_t i = 0; i < head->field_count; i++)
        if (!is_kept(head->fields[i].name, KEPT_FROM_PEER) &&
                !http_head_option(head, head->fields[i].name))
            add_field(out, head->fields[i].name, head->fields[i].value);
    add_framing(out, answer->framing, head->length);
    if (answer->upgrade)
        cg_buf_add(out, "Connection: upgrade\r\nUpgrade: websocket\r\n");
    else if (answer->connection != NULL)
        cg_buf_addf(out, "Connection: %s\r\n", answer->connection);
    cg_buf_add(out, "\r\n");
}

/* ---- refusals ---------------------------------------------------------------------------------- */

static const char *
reason_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } rows[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 408, "Request Timeout" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 421, "Misdirected Request" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status)
            return rows[i].phrase;
    return "Refused";
}

/* Programs say that they want JSON; browsers list text/html; all others read what they get. */
static bool
wants_json(const struct http_head *request)
{
    bool json = false;
    struct cg_span list, item;

    for (size_t i = 0; i < request->field_count; i++) {
        list = request->fields[i].value;
        while (http_is(request->fields[i].name, "Accept") && http_next_item(&list, &item)) {
            struct cg_reader reader = cg_reader(item);
            bool parameters;
            struct cg_span type = http_cut(&reader, ';', &parameters);

            if (http_is(type, "text/html"))
                return false;
            json = json || http_is(type, "application/json");
        }
    }
    return json;
}

void
http_write_refusal(
        struct cg_buf *out, unsigned status, const char *incident, const struct http_head *request)
{
    bool json = request != NULL && wants_json(request);
    const char *phrase = reason_phrase(status);
    struct cg_buf page;

    cg_buf_init(&page, MAX_PAGE);
    if (json) {
        cg_buf_addf(&page, "{\"status\":%u,\"error\":\"%s\"", status, phrase);
        if (incident != NULL)
            cg_buf_addf(&page, ",\"incident\":\"%s\"", incident);
        cg_buf_add(&page, "}\n");
    } else {
        cg_buf_addf(&page, "<!doctype html>\n<title>%u %s</title>\n<h1>%s</h1>\n", status, phrase,
                phrase);
        if (incident != NULL)
            cg_buf_addf(&page, "<p>Incident %s</p>\n", incident);
    }
    cg_buf_addf(out,
            "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            status, phrase, json ? "application/json" : "text/html; charset=utf-8", page.len);
    /* RFC 9110 section 9.3.2 */
    if (request == NULL || !CG_SPAN_IS(request->method, "HEAD"))
        cg_buf_add(out, cg_buf_text(&page));
    out->failed = out->failed || page.failed;
    cg_buf_release(&page);
}
