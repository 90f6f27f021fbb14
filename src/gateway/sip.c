#include "gateway/sip.h"

#include "gateway/sip_field.h"
#include "gateway/sip_osip.h"
#include "gateway/sip_text.h"

#define VERSION "sip/2.0"

/* The fields of a head, as far as they concern us. */
struct facts {
    unsigned counts[SIP_NAMES];
    struct cg_span values[SIP_NAMES]; /* of the first of each */
};

static enum sip_result
bad(const char **why, const char *text)
{
    *why = text;
    return SIP_BAD;
}

/* ---- where a head ends ------------------------------------------------------------------------- */

/* Section 7.5: CRLFs before a start-line are to be ignored; RFC 5626 section 3.5.1 makes pings of them. */
static enum sip_result
read_keepalive(struct cg_span data, size_t *used, const char **why)
{
    while (data.len - *used >= 2 && memcmp(data.data + *used, "\r\n", 2) == 0)
        *used += 2;
    if (*used != 0)
        return SIP_KEEPALIVE;
    return data.len == 1 && data.data[0] == '\r' ? SIP_MORE
                                                 : bad(why, "a bare CR or LF between messages");
}

/* A start-line that has not come to its end yet can still be one. */
static bool
may_begin(struct cg_span data)
{
    struct cg_reader reader = cg_reader(data);
    struct cg_span word;

    if (!sip_take(&reader, sip_is_token, &word) || word.len > GW_MAX_SIP_METHOD)
        return false;
    if (sip_span_is(word, "sip") && sip_accept(&reader, '/'))
        (void)sip_take(&reader, sip_is_token, &word);
    return cg_reader_done(&reader) || sip_accept(&reader, ' ');
}

/* Status-Line: SIP-Version SP Status-Code SP Reason-Phrase (section 7.2). The reader is at the first SP. */
static bool
read_status(struct cg_reader *line, struct sip_head *head)
{
    uint8_t digit;

    if (!sip_accept(line, ' '))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!cg_read_u8(line, &digit) || digit < '0' || digit > '9')
            return false;
        head->status = head->status * 10 + digit - '0';
    }
    return head->status >= 100 && head->status < 700 && sip_accept(line, ' ');
}

static bool
is_not_space(uint8_t c)
{
    return c != ' ';
}

/* Request-Line: Method SP Request-URI SP SIP-Version (section 7.1), with exactly one space each. */
static bool
read_request(struct cg_span text, struct sip_head *head, struct cg_span *uri)
{
    struct cg_reader line = cg_reader(text);
    struct cg_span method;

    if (!sip_take(&line, sip_is_token, &method) || method.len > GW_MAX_SIP_METHOD)
        return false;
    memcpy(head->method, method.data, method.len);
    head->request = true;
    return sip_accept(&line, ' ') && sip_take(&line, is_not_space, uri) && sip_accept(&line, ' ') &&
            sip_span_is(cg_span(line.at, cg_reader_left(&line)), VERSION);
}

static enum sip_result
read_start_line(struct cg_span text, struct sip_head *head, const char **why)
{
    struct cg_reader line = cg_reader(text);
    struct cg_span version, uri_text;
    struct sip_uri uri;

    if (text.len >= sizeof(VERSION) - 1 && cg_read_bytes(&line, sizeof(VERSION) - 1, &version) &&
            sip_span_is(version, VERSION))
        return read_status(&line, head) ? SIP_HEAD : bad(why, "a malformed status line");
    if (!read_request(text, head, &uri_text))
        return bad(why, "a first line that is neither of a SIP request nor of a response");
    /* Kamailio ends a message of this name where MSRP does (RFC 4975 section 7.1). */
    if (strcmp(head->method, "MSRP") == 0)
        return bad(why, "MSRP on a connection for SIP");
    /* Schemes that nobody knows have no host to agree on (RFC 4475 section 3.3.2), and pass. */
    if (!sip_uri_read(uri_text, &uri) ||
            (uri.kind != SIP_URI_OTHER && !sip_osip_agrees_on_uri(uri_text, &uri)))
        return bad(why, "a malformed Request-URI");
    if (uri.kind == SIP_URI_SIP && !sip_host_name(&uri, head->request_domain))
        return bad(why, "a Request-URI with a host that is none");
    return SIP_HEAD;
}

static enum sip_result
check_line(struct cg_span line, size_t number, const char **why)
{
    struct cg_reader reader = cg_reader(line);

    if (number > GW_MAX_SIP_LINES)
        return bad(why, "a head of too many lines");
    if (line.len == 0 || !sip_is_blank(line.data[0]))
        return SIP_HEAD;
    sip_skip_blanks(&reader);
    if (number == 2)
        return bad(why, "a folded first line");
    /* To a reader that trims lines it would be the end of the head. */
    if (cg_reader_done(&reader))
        return bad(why, "a continuation line of blanks alone");
    if (sip_continuation_misleads(line))
        return bad(why, "a continuation line that reads as a header field");
    return SIP_HEAD;
}

/* Finds the empty line. fields comes back as what stands between it and the start-line. */
static enum sip_result
find_end(struct cg_span data, struct sip_head *head, struct cg_span *fields, const char **why)
{
    struct cg_reader reader =
            cg_reader(cg_span(data.data, data.len < GW_MAX_SIP_HEAD ? data.len : GW_MAX_SIP_HEAD));
    enum sip_result result = SIP_HEAD;
    struct cg_span line;
    size_t number;

    for (number = 1; sip_line(&reader, &line); number++) {
        if (number == 1) {
            result = read_start_line(line, head, why);
            *fields = cg_span(reader.at, 0);
        } else {
            result = check_line(line, number, why);
        }
        if (result != SIP_HEAD)
            return result;
        if (line.len == 0) {
            head->head_len = (size_t)(reader.at - data.data);
            fields->len = (size_t)(line.data - fields->data);
            return SIP_HEAD;
        }
    }
    if (!cg_reader_done(&reader) && memchr(reader.at, '\n', cg_reader_left(&reader)) != NULL)
        return bad(why, "a line that does not end in CRLF");
    if (data.len >= GW_MAX_SIP_HEAD)
        return bad(why, "a head of more than 64 KiB");
    if (number == 1 && !may_begin(data))
        return bad(why, "no SIP message");
    return SIP_MORE;
}

/* ---- what it says ------------------------------------------------------------------------------ */

/* Control characters stand only behind a backslash (quoted-pair, section 25.1); NUL ends C strings. */
static enum sip_result
check_bytes(struct cg_span head, const char **why)
{
    uint8_t before = '\n', c;

    for (size_t i = 0; i < head.len; i++, before = c) {
        c = head.data[i];
        if (c == '\0')
            return bad(why, "a NUL");
        if (before == '\r' && c != '\n')
            return bad(why, "a bare CR");
        if ((c < ' ' || c == 0x7f) && c != '\r' && c != '\n' && c != '\t' && before != '\\')
            return bad(why, "a control character");
    }
    return SIP_HEAD;
}

/* All values are read, as a backend will; the first of all is the topmost. */
static enum sip_result
read_via(struct cg_span head, struct cg_span value, bool first, struct sip_head *out,
        const char **why)
{
    struct cg_reader reader = cg_reader(value);
    struct sip_via via;

    do {
        if (!sip_via_read(&reader, &via) || !sip_osip_agrees_on_via(&via))
            return bad(why, "a malformed Via");
        if (first && via.alias_count > 1)
            return bad(why, "a Via with two alias parameters");
        if (first && via.alias_count == 1) {
            out->alias_at = (size_t)(via.alias.data - head.data);
            out->alias_len = via.alias.len;
        }
        first = false;
    } while (via.more);
    return SIP_HEAD;
}

static enum sip_result
read_fields(struct cg_span data, struct cg_span text, struct sip_head *head, struct facts *facts,
        const char **why)
{
    struct cg_reader fields = cg_reader(text);
    struct sip_field field;

    while (!cg_reader_done(&fields)) {
        if (!sip_field_read(&fields, &field))
            return bad(why, "a line that is no header field");
        if (field.name == SIP_LOOKALIKE ||
                (field.name == SIP_CONTENT_LENGTH &&
                        (field.folded || facts->counts[SIP_CONTENT_LENGTH] != 0)))
            return bad(why, "a Content-Length that can be read in two ways");
        if (head->request && field.name == SIP_VIA &&
                read_via(data, field.value, facts->counts[SIP_VIA] == 0, head, why) == SIP_BAD)
            return SIP_BAD;
        if (facts->counts[field.name]++ == 0)
            facts->values[field.name] = field.value;
    }
    return SIP_HEAD;
}

static enum sip_result
read_length(const struct facts *facts, struct sip_head *head, const char **why)
{
    struct cg_span value = facts->values[SIP_CONTENT_LENGTH];

    if (facts->counts[SIP_CONTENT_LENGTH] == 0)
        return bad(why, "no Content-Length");
    if (value.len == 0)
        return bad(why, "a malformed Content-Length");
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return bad(why, "a malformed Content-Length");
        head->body_len = head->body_len * 10 + (size_t)(value.data[i] - '0');
        if (head->body_len > GW_MAX_SIP_BODY)
            return bad(why, "a body of more than 1 MiB");
    }
    return SIP_HEAD;
}

/*
 * Schemes beside sip, sips and tel are refused: they name no caller, and a backend may find a domain in
 * them where we see none (Kamailio does in urn:x:example.com).
 */
static enum sip_result
read_from(struct cg_span value, struct sip_head *head, const char **why)
{
    struct sip_address address;
    struct sip_uri uri;

    if (!sip_address_read(value, &address) || !sip_uri_read(address.uri, &uri) ||
            !sip_osip_agrees_on_address(value, &uri, address.tagged))
        return bad(why, "a malformed From");
    if (uri.kind == SIP_URI_OTHER)
        return bad(why, "a From that is neither a sip, sips nor tel URI");
    if (uri.kind == SIP_URI_SIP && !sip_host_name(&uri, head->from_domain))
        return bad(why, "a From with a host that is none");
    return SIP_HEAD;
}

/* Section 8.1.1, but for Max-Forwards, which RFC 2543 did not know. */
static enum sip_result
check_request(const struct facts *facts, struct sip_head *head, const char **why)
{
    static const enum sip_name single[] = { SIP_FROM, SIP_TO, SIP_CALL_ID, SIP_CSEQ };

    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (facts->counts[single[i]] != 1)
            return bad(why, "a request without exactly one From, To, Call-ID and CSeq each");
        if (facts->values[single[i]].len == 0)
            return bad(why, "an empty From, To, Call-ID or CSeq");
    }
    if (facts->counts[SIP_VIA] == 0)
        return bad(why, "a request without Via");
    return read_from(facts->values[SIP_FROM], head, why);
}

enum sip_result
sip_read(const uint8_t *data, size_t len, size_t *used, struct sip_head *head, const char **why)
{
    struct cg_span all = cg_span(data, len), fields = { NULL, 0 };
    struct facts facts = { .counts = { 0 } };
    enum sip_result result;

    *used = 0;
    *head = (struct sip_head) { .head_len = 0 };
    if (len == 0)
        return SIP_MORE;
    if (data[0] == '\r' || data[0] == '\n')
        return read_keepalive(all, used, why);
    result = find_end(all, head, &fields, why);
    if (result == SIP_HEAD) {
        all.len = head->head_len;
        result = check_bytes(all, why);
    }
    if (result == SIP_HEAD)
        result = read_fields(all, fields, head, &facts, why);
    if (result == SIP_HEAD)
        result = read_length(&facts, head, why);
    if (result == SIP_HEAD && head->request)
        result = check_request(&facts, head, why);
    if (result == SIP_HEAD)
        *used = head->head_len;
    return result;
}
