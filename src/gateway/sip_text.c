#include "gateway/sip_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "names/names.h"

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alpha(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_alnum(uint8_t c)
{
    return is_alpha(c) || is_digit(c);
}

static bool
is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_one_of(uint8_t c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_unreserved(uint8_t c)
{
    return is_alnum(c) || is_one_of(c, "-_.!~*'()");
}

bool
sip_is_token(uint8_t c)
{
    return is_alnum(c) || is_one_of(c, "-.!%*_+`'~");
}

bool
sip_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_display(uint8_t c)
{
    return sip_is_token(c) || sip_is_blank(c);
}

/*
 * gen-value without quotes: token or host; the bare IPv6 address of a Via's "received" (RFC 5118 section
 * 4.5); and "=" and "/", as equipment puts base64 into tags and branches.
 */
static bool
is_value(uint8_t c)
{
    return sip_is_token(c) || is_one_of(c, "[]:=/");
}

static bool
is_scheme(uint8_t c)
{
    return is_alnum(c) || is_one_of(c, "+-.");
}

static bool
is_user(uint8_t c)
{
    return is_unreserved(c) || is_one_of(c, "&=+$,;?/");
}

static bool
is_password(uint8_t c)
{
    return is_unreserved(c) || is_one_of(c, "&=+$,");
}

/* With the underscore, which is no host name but stands in the names of real equipment. */
static bool
is_host(uint8_t c)
{
    return is_alnum(c) || is_one_of(c, "-._");
}

static bool
is_ipv6(uint8_t c)
{
    return is_hex(c) || is_one_of(c, ":.");
}

static bool
is_uri_param(uint8_t c)
{
    return is_unreserved(c) || is_one_of(c, "[]/:&+$");
}

static bool
is_uri_header(uint8_t c)
{
    return is_unreserved(c) || is_one_of(c, "[]/?:+$");
}

/* RFC 3966 section 3: digits, visual separators and hexadecimal digits of local numbers. */
static bool
is_tel(uint8_t c)
{
    return is_hex(c) || is_one_of(c, "+*#-.()");
}

static bool
is_uric(uint8_t c)
{
    return is_unreserved(c) || is_one_of(c, ";/?:@&=+$,");
}

/* What may stand between "<" and ">", or for a bare URI before the blank or parameter that ends it. */
static bool
is_enclosed(uint8_t c)
{
    return c > ' ' && c < 0x7f && !is_one_of(c, "<>\"");
}

static bool
is_bare(uint8_t c)
{
    return is_enclosed(c) && c != ';';
}

bool
sip_take(struct cg_reader *reader, sip_class *is, struct cg_span *out)
{
    size_t left = cg_reader_left(reader), len = 0;

    while (len < left && is(reader->at[len]))
        len++;
    return len != 0 && cg_read_bytes(reader, len, out);
}

void
sip_skip_blanks(struct cg_reader *reader)
{
    struct cg_span blanks;

    (void)sip_take(reader, sip_is_blank, &blanks);
}

bool
sip_accept(struct cg_reader *reader, char c)
{
    uint8_t next;

    return !cg_reader_done(reader) && reader->at[0] == (uint8_t)c && cg_read_u8(reader, &next);
}

bool
sip_span_is(struct cg_span span, const char *text)
{
    if (span.len != strlen(text))
        return false;
    for (size_t i = 0; i < span.len; i++)
        if ((is_alpha(span.data[i]) ? span.data[i] | 0x20 : span.data[i]) != (uint8_t)text[i])
            return false;
    return true;
}

/* One or more bytes of a class or escaped ones: "%" HEXDIG HEXDIG. */
static bool
take_escaped(struct cg_reader *reader, sip_class *is, struct cg_span *out)
{
    struct cg_reader at = *reader;
    struct cg_span part;
    uint8_t high, low;
    size_t len;

    while (!cg_reader_done(&at)) {
        if (sip_take(&at, is, &part))
            continue;
        if (!sip_accept(&at, '%'))
            break;
        if (!cg_read_u8(&at, &high) || !cg_read_u8(&at, &low) || !is_hex(high) || !is_hex(low))
            return false;
    }
    len = cg_reader_left(reader) - cg_reader_left(&at);
    return len != 0 && cg_read_bytes(reader, len, out);
}

static bool
is_all(struct cg_span text, sip_class *is)
{
    struct cg_reader reader = cg_reader(text);
    struct cg_span taken;

    return take_escaped(&reader, is, &taken) && cg_reader_done(&reader);
}

/* user [ ":" password ] */
static bool
userinfo_is_valid(struct cg_span text)
{
    const uint8_t *colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
    size_t user = colon == NULL ? text.len : (size_t)(colon - text.data);

    if (!is_all(cg_span(text.data, user), is_user))
        return false;
    return colon == NULL || user + 1 == text.len ||
            is_all(cg_span(colon + 1, text.len - user - 1), is_password);
}

/* host [ ":" port ]; blanks may stand around the colon of a Via (COLON), not of a URI. */
static bool
read_host_port(struct cg_reader *reader, bool blanks, struct cg_span *host, bool *ipv6)
{
    struct cg_reader before;
    struct cg_span port;
    unsigned number = 0;

    *ipv6 = sip_accept(reader, '[');
    if (!sip_take(reader, *ipv6 ? is_ipv6 : is_host, host) || (*ipv6 && !sip_accept(reader, ']')))
        return false;
    before = *reader;
    if (blanks)
        sip_skip_blanks(reader);
    if (!sip_accept(reader, ':')) {
        *reader = before;
        return true;
    }
    if (blanks)
        sip_skip_blanks(reader);
    if (!sip_take(reader, is_digit, &port) || port.len > 5)
        return false;
    for (size_t i = 0; i < port.len; i++)
        number = number * 10 + (unsigned)(port.data[i] - '0');
    return number <= 65535;
}

/* *( ";" pname [ "=" pvalue ] ) */
static bool
read_uri_params(struct cg_reader *reader)
{
    struct cg_span text;

    while (sip_accept(reader, ';'))
        if (!take_escaped(reader, is_uri_param, &text) ||
                (sip_accept(reader, '=') && !take_escaped(reader, is_uri_param, &text)))
            return false;
    return true;
}

/* [ "?" hname "=" hvalue *( "&" hname "=" hvalue ) ] */
static bool
read_uri_headers(struct cg_reader *reader)
{
    struct cg_span text;

    if (!sip_accept(reader, '?'))
        return true;
    do {
        if (!take_escaped(reader, is_uri_header, &text) || !sip_accept(reader, '='))
            return false;
        if (!cg_reader_done(reader) && reader->at[0] != '&' &&
                !take_escaped(reader, is_uri_header, &text))
            return false;
    } while (sip_accept(reader, '&'));
    return true;
}

/*
 * What follows "sip:". An "@" that is not the end of userinfo is allowed nowhere. A user part may begin
 * with "//" by the grammar; to a reader of URIs in general the host would follow there.
 */
static bool
read_sip_uri(struct cg_span text, struct sip_uri *uri)
{
    const uint8_t *at = text.len == 0 ? NULL : memchr(text.data, '@', text.len);
    struct cg_reader reader;
    size_t user;

    if (text.len >= 2 && memcmp(text.data, "//", 2) == 0)
        return false;
    if (at != NULL) {
        user = (size_t)(at - text.data);
        if (!userinfo_is_valid(cg_span(text.data, user)))
            return false;
        text = cg_span(at + 1, text.len - user - 1);
    }
    reader = cg_reader(text);
    return read_host_port(&reader, false, &uri->host, &uri->ipv6) && read_uri_params(&reader) &&
            read_uri_headers(&reader) && cg_reader_done(&reader);
}

bool
sip_uri_read(struct cg_span text, struct sip_uri *uri)
{
    struct cg_reader reader = cg_reader(text);
    struct cg_span scheme, rest, number;

    *uri = (struct sip_uri) { .kind = SIP_URI_OTHER };
    if (text.len > GW_MAX_SIP_VALUE || !sip_take(&reader, is_scheme, &scheme) ||
            !is_alpha(scheme.data[0]) || !sip_accept(&reader, ':'))
        return false;
    rest = cg_span(reader.at, cg_reader_left(&reader));
    if (sip_span_is(scheme, "sip") || sip_span_is(scheme, "sips")) {
        uri->kind = SIP_URI_SIP;
        return read_sip_uri(rest, uri);
    }
    if (sip_span_is(scheme, "tel")) {
        uri->kind = SIP_URI_TEL;
        return sip_take(&reader, is_tel, &number) && read_uri_params(&reader) &&
                cg_reader_done(&reader);
    }
    return is_all(rest, is_uric);
}

static bool
ipv6_name(const char *text, char out[GW_MAX_SIP_HOST + 1])
{
    struct in6_addr address;
    bool mapped;

    if (inet_pton(AF_INET6, text, &address) != 1)
        return false;
    mapped = IN6_IS_ADDR_V4MAPPED(&address);
    return inet_ntop(mapped ? AF_INET : AF_INET6,
                   mapped ? (const void *)&address.s6_addr[12] : (const void *)&address, out,
                   GW_MAX_SIP_HOST) != NULL;
}

bool
sip_host_name(const struct sip_uri *uri, char out[GW_MAX_SIP_HOST + 1])
{
    struct cg_reference reference;
    char text[GW_MAX_SIP_HOST + 1];
    size_t len = uri->host.len;
    const char *last;
    bool root;

    out[0] = '\0';
    if (len == 0 || len > GW_MAX_SIP_HOST)
        return false;
    memcpy(text, uri->host.data, len);
    text[len] = '\0';
    if (uri->ipv6)
        return ipv6_name(text, out);
    root = text[len - 1] == '.';
    if (root)
        text[--len] = '\0';
    if (len == 0 || text[len - 1] == '.' || !cg_reference_parse(text, &reference))
        return false;
    /* toplabel begins with a letter: 0x7f000001 is an address to some, and 192.0.2.1. to others. */
    last = strrchr(reference.text, '.');
    last = last == NULL ? reference.text : last + 1;
    if (reference.kind == CG_REFERENCE_IP ? root : !is_alpha((uint8_t)last[0]))
        return false;
    memcpy(out, reference.text, len + 1);
    return true;
}

/* quoted-string: a backslash takes the next byte with it, whatever it is but CR and LF. */
static bool
read_quoted(struct cg_reader *reader)
{
    uint8_t c;

    if (!sip_accept(reader, '"'))
        return false;
    while (cg_read_u8(reader, &c)) {
        if (c == '"')
            return true;
        if (c == '\\' && (!cg_read_u8(reader, &c) || c == '\r' || c == '\n' || c >= 0x80))
            return false;
    }
    return false;
}

/* SEMI token [ EQUAL gen-value ]; false, and nothing taken, where no SEMI follows. */
static bool
read_param(struct cg_reader *reader, struct cg_span *name, bool *bad)
{
    struct cg_reader at = *reader, before;
    struct cg_span value;

    sip_skip_blanks(&at);
    if (!sip_accept(&at, ';'))
        return false;
    sip_skip_blanks(&at);
    if (!sip_take(&at, sip_is_token, name)) {
        *bad = true;
        return false;
    }
    before = at;
    sip_skip_blanks(&at);
    if (sip_accept(&at, '=')) {
        sip_skip_blanks(&at);
        *bad = !sip_take(&at, is_value, &value) && !read_quoted(&at);
    } else {
        at = before;
    }
    *reader = at;
    return !*bad;
}

bool
sip_address_read(struct cg_span value, struct sip_address *address)
{
    struct cg_reader reader = cg_reader(value), start;
    struct cg_span display, name;
    bool bad = false, quoted;

    *address = (struct sip_address) { .tagged = false };
    if (value.len > GW_MAX_SIP_VALUE)
        return false;
    sip_skip_blanks(&reader);
    start = reader;
    quoted = read_quoted(&reader);
    if (quoted)
        sip_skip_blanks(&reader);
    else
        (void)sip_take(&reader, is_display, &display);
    if (sip_accept(&reader, '<')) {
        if (!sip_take(&reader, is_enclosed, &address->uri) || !sip_accept(&reader, '>'))
            return false;
    } else {
        /* addr-spec: without brackets a comma, question mark or semicolon is not of the URI (20). */
        reader = start;
        if (quoted || !sip_take(&reader, is_bare, &address->uri) ||
                memchr(address->uri.data, ',', address->uri.len) != NULL ||
                memchr(address->uri.data, '?', address->uri.len) != NULL)
            return false;
    }
    while (read_param(&reader, &name, &bad))
        address->tagged = address->tagged || sip_span_is(name, "tag");
    sip_skip_blanks(&reader);
    return !bad && cg_reader_done(&reader);
}

/* sent-protocol LWS sent-by */
static bool
read_sent_by(struct cg_reader *reader, struct cg_span *host)
{
    struct cg_span part;
    bool ipv6;

    for (int i = 0; i < 3; i++) {
        sip_skip_blanks(reader);
        if (i != 0 && !sip_accept(reader, '/'))
            return false;
        sip_skip_blanks(reader);
        if (!sip_take(reader, sip_is_token, &part))
            return false;
    }
    return sip_take(reader, sip_is_blank, &part) && read_host_port(reader, true, host, &ipv6);
}

bool
sip_via_read(struct cg_reader *value, struct sip_via *via)
{
    struct cg_reader start, before;
    struct cg_span name;
    bool bad = false;

    *via = (struct sip_via) { .alias_count = 0 };
    sip_skip_blanks(value);
    start = *value;
    if (!read_sent_by(value, &via->host))
        return false;
    before = *value;
    while (read_param(value, &name, &bad)) {
        if (sip_span_is(name, "alias")) {
            via->alias_count++;
            via->alias = cg_span(before.at, cg_reader_left(&before) - cg_reader_left(value));
        }
        before = *value;
    }
    via->whole = cg_span(start.at, cg_reader_left(&start) - cg_reader_left(value));
    sip_skip_blanks(value);
    via->more = sip_accept(value, ',');
    return !bad && via->whole.len <= GW_MAX_SIP_VALUE && (via->more || cg_reader_done(value));
}
