/* The parts of a URI that names and constraints look at (RFC 3986 section 3, RFC 3261 section 19.1.1). */
#include "names/dns.h"

static bool
is_scheme_character(uint8_t c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (!first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
}

static bool
take_scheme(struct cg_span *rest, struct cg_span *scheme)
{
    size_t i = 0;

    while (i < rest->len && is_scheme_character(rest->data[i], i == 0))
        i++;
    if (i == 0 || i == rest->len || rest->data[i] != ':')
        return false;
    *scheme = cg_span(rest->data, i);
    *rest = cg_span(rest->data + i + 1, rest->len - i - 1);
    return true;
}

/* Up to the first of these characters, or everything. */
static struct cg_span
until(struct cg_span text, const char *stops)
{
    size_t i = 0;

    while (i < text.len && (text.data[i] == '\0' || strchr(stops, text.data[i]) == NULL))
        i++;
    return cg_span(text.data, i);
}

/* host [ ":" port ]; an IPv6 host stands in brackets, which are left off. */
static bool
take_host(struct cg_span text, struct cg_span *host)
{
    struct cg_span port;
    const uint8_t *close;
    size_t used;

    if (text.len != 0 && text.data[0] == '[') {
        close = memchr(text.data, ']', text.len);
        if (close == NULL)
            return false;
        *host = cg_span(text.data + 1, (size_t)(close - text.data) - 1);
        used = (size_t)(close - text.data) + 1;
    } else {
        *host = until(text, ":");
        used = host->len;
    }
    port = cg_span(text.data + used, text.len - used);
    if (port.len != 0 && port.data[0] != ':')
        return false;
    for (size_t i = 1; i < port.len; i++)
        if (port.data[i] < '0' || port.data[i] > '9')
            return false;
    return host->len != 0;
}

bool
cg_uri_host(struct cg_span uri, struct cg_span *scheme, struct cg_span *userinfo,
        bool *has_userinfo, struct cg_span *host)
{
    struct cg_span rest = uri, head;
    const uint8_t *at;
    bool sip;

    *scheme = *userinfo = *host = cg_span(NULL, 0);
    *has_userinfo = false;
    if (!take_scheme(&rest, scheme))
        return false;
    sip = cg_names_equal_ignoring_case(*scheme, cg_span("sip", 3)) ||
            cg_names_equal_ignoring_case(*scheme, cg_span("sips", 4));
    if (!sip) {
        if (rest.len < 2 || rest.data[0] != '/' || rest.data[1] != '/')
            return false;
        rest = cg_span(rest.data + 2, rest.len - 2);
    }
    /* A SIP user part may hold ';' and '?', so it is taken off first. */
    head = until(rest, sip ? "" : "/?#");
    at = head.len == 0 ? NULL : memrchr(head.data, '@', head.len);
    if (at != NULL) {
        *has_userinfo = true;
        *userinfo = cg_span(rest.data, (size_t)(at - rest.data));
        rest = cg_span(at + 1, rest.len - userinfo->len - 1);
    }
    return take_host(until(rest, sip ? ";?" : "/?#"), host);
}
