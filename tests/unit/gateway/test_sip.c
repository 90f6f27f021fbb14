/*
 * SIP in a stream: where messages begin and end, and what is not one. The rows follow the ideas of RFC
 * 4475 and 5118; their texts are ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sip.h"

/* A connection that brings SIP messages in pieces, and a log of what was read from it. */
struct stream {
    uint8_t held[1024];
    size_t len;
    size_t body_left;
    size_t keepalive;
    bool bad;
    const char *why;
    char log[512];
    size_t log_len;
};

static void stream_note(struct stream *stream, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void
stream_note(struct stream *stream, const char *format, ...)
{
    size_t room = sizeof(stream->log) - stream->log_len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(stream->log + stream->log_len, room, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < room);
    stream->log_len += (size_t)len;
}

static void
stream_flush(struct stream *stream)
{
    if (stream->keepalive != 0)
        stream_note(stream, "%zu CRLF; ", stream->keepalive / 2);
    stream->keepalive = 0;
}

static void
stream_head(struct stream *stream, const struct sip_head *head)
{
    stream_flush(stream);
    if (head->request)
        stream_note(
                stream, "%s from '%s' body %zu; ", head->method, head->from_domain, head->body_len);
    else
        stream_note(stream, "%d body %zu; ", head->status, head->body_len);
    stream->body_left = head->body_len;
}

static void
stream_push(struct stream *stream, const uint8_t *data, size_t len)
{
    enum sip_result result = SIP_HEAD;
    struct sip_head head;
    size_t used;

    assert_true(stream->len + len <= sizeof(stream->held));
    if (len != 0)
        memcpy(stream->held + stream->len, data, len);
    stream->len += len;
    while (!stream->bad && result != SIP_MORE) {
        /* What is read lies at the end of its own memory, so that a byte too far is seen. */
        uint8_t *exact = malloc(stream->len == 0 ? 1 : stream->len);

        assert_non_null(exact);
        memcpy(exact, stream->held, stream->len);
        used = stream->len < stream->body_left ? stream->len : stream->body_left;
        if (stream->body_left != 0) {
            stream->body_left -= used;
            result = stream->len == used ? SIP_MORE : SIP_HEAD;
        } else {
            result = sip_read(exact, stream->len, &used, &head, &stream->why);
            if (result == SIP_HEAD)
                stream_head(stream, &head);
            else if (result == SIP_KEEPALIVE)
                stream->keepalive += used;
            else if (result == SIP_BAD)
                stream->bad = true;
        }
        free(exact);
        stream->len -= used;
        memmove(stream->held, stream->held + used, stream->len);
    }
}

/* The log of a whole stream that came in pieces: up to `cut`, then `step` bytes at a time. */
static const char *
stream_log(struct stream *stream, const uint8_t *data, size_t len, size_t cut, size_t step)
{
    memset(stream, 0, sizeof(*stream));
    stream_push(stream, data, cut);
    for (size_t at = cut; at < len && !stream->bad; at += step)
        stream_push(stream, data + at, len - at < step ? len - at : step);
    stream_flush(stream);
    stream_note(stream, "%s", stream->bad ? "bad" : stream->len != 0 ? "more" : "");
    return stream->log;
}

/* Fails unless the stream reads so however it is cut in two, and byte by byte. */
static void
stream_check(const char *what, const char *text, size_t len, const char *log)
{
    const uint8_t *data = (const uint8_t *)text;
    static struct stream stream;

    for (size_t cut = 0; cut <= len; cut++)
        if (strcmp(stream_log(&stream, data, len, cut, len), log) != 0)
            fail_msg("%s, cut at %zu: '%s' (%s), not '%s'", what, cut, stream.log,
                    stream.why == NULL ? "" : stream.why, log);
    if (strcmp(stream_log(&stream, data, len, 0, 1), log) != 0)
        fail_msg("%s, byte by byte: '%s', not '%s'", what, stream.log, log);
}

#define START "OPTIONS sip:b@phone.example SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/TLS h.example:5061;branch=z9hG4bK1\r\n"
#define FROM "From: <sip:a@phone.example>;tag=1\r\n"
#define TO "To: <sip:b@phone.example>\r\n"
#define CALL "Call-ID: 1@h\r\nCSeq: 1 OPTIONS\r\n"
#define HEAD START VIA FROM TO CALL
#define EMPTY "Content-Length: 0\r\n\r\n"
#define FINE "OPTIONS from 'phone.example' body 0; "

static const struct {
    const char *what;
    const char *data;
    size_t len;
    const char *log;
} rows[] = {
#define ROW(what, data, log)                                                                       \
    {                                                                                              \
        what, data, sizeof(data) - 1, log                                                          \
    }
    /* clang-format off */
    ROW("nothing", "", ""),
    ROW("a request", HEAD EMPTY, FINE),
    ROW("a request with a body", HEAD "Content-Length: 5\r\n\r\nhello", "OPTIONS from 'phone.example' body 5; "),
    ROW("two requests in a row", HEAD "Content-Length: 4\r\n\r\nbody" HEAD EMPTY,
        "OPTIONS from 'phone.example' body 4; " FINE),
    ROW("a body that looks like a request is a body", START VIA FROM TO CALL "Content-Length: 37\r\n\r\nFrom: <sip:a@trunk.example>;tag=1\r\n\r\n",
        "OPTIONS from 'phone.example' body 37; "),
    ROW("the body is cut off", HEAD "Content-Length: 9\r\n\r\nhello", "OPTIONS from 'phone.example' body 9; "),
    ROW("the head is cut off", HEAD, "more"),
    ROW("a response", "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "200 body 0; "),
    ROW("a response without a phrase", "SIP/2.0 100 \r\nl: 0\r\n\r\n", "100 body 0; "),
    ROW("a response with a phrase in Cyrillic", "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe\r\nl: 0\r\n\r\n", "200 body 0; "),
    ROW("the From of a response is not ours to judge", "SIP/2.0 486 Busy\r\nFrom: Bell, A <sip:a@b>\r\nl: 1\r\n\r\nx", "486 body 1; "),

    ROW("a ping, RFC 5626", "\r\n\r\n", "2 CRLF; "),
    ROW("half a ping", "\r\n", "1 CRLF; "),
    ROW("three quarters of a ping", "\r\n\r", "1 CRLF; more"),
    ROW("CRLFs before, between and behind", "\r\n\r\n" HEAD EMPTY "\r\n" HEAD EMPTY "\r\n\r\n\r\n",
        "2 CRLF; " FINE "1 CRLF; " FINE "3 CRLF; "),
    ROW("LFs between messages", "\n\n" HEAD EMPTY, "bad"),
    ROW("a CR alone between messages", "\r\r\n" HEAD EMPTY, "bad"),
    ROW("a blank before the first line", " " HEAD EMPTY, "bad"),

    ROW("compact names", START "v: SIP/2.0/TLS h\r\nf: sip:a@phone.example\r\nt: sip:b@h\r\ni: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n", FINE),
    ROW("names in any case", START "vIA: SIP/2.0/TLS h\r\nF: sip:a@phone.example\r\nTO: sip:b@h\r\ncall-id: 1\r\ncSEQ: 1 OPTIONS\r\nCONTENT-LENGTH: 0\r\n\r\n", FINE),
    ROW("blanks around colons", START VIA "From \t:\t <sip:a@phone.example>\t\r\n" TO CALL "Content-Length   :  0  \r\n\r\n", FINE),
    ROW("folds between the parts of values", START "Via  : SIP  /   2.0\r\n /TLS\r\n    h;branch=390skdjuw\r\nfrom   : \"A \\\\\\\"\"\r\n\t<sip:a@phone.example>\r\n  ;\r\n  tag = 98\r\nTO :\r\n sip:b@h ;   tag    = 19\r\nCall-ID:\r\n 1\r\ncseq: 0009\r\n  OPTIONS\r\nNew: value\r\n continued\r\n" EMPTY, FINE),
    ROW("empty and odd values of fields we do not read", START VIA FROM TO CALL "s:\r\nX: ;;,,;;,;\r\nY: \"\r\nextensionHeader-!.%*+_`'~: \xef\xbb\xbf\xe5\xa4\xa7\r\n" EMPTY, FINE),
    ROW("a quoted control character", START VIA "From: \"BEL:\\\a DEL:\\\x7f\" <sip:a@phone.example>\r\n" TO CALL EMPTY, FINE),
    ROW("a method of every mark", "!i-Method0123456789_*+`.%indeed'~ sip:b@phone.example SIP/2.0\r\n" VIA FROM TO "Call-ID: 1\r\nCSeq: 1 X\r\n" EMPTY,
        "!i-Method0123456789_*+`.%indeed'~ from 'phone.example' body 0; "),
    ROW("a method in lower case is another", "register sip:phone.example SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "register from 'phone.example' body 0; "),
    ROW("the version in lower case", "OPTIONS sip:b@phone.example sip/2.0\r\n" VIA FROM TO CALL EMPTY, FINE),

    ROW("two spaces in the first line", "OPTIONS  sip:b@h SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("a space in the Request-URI", "OPTIONS sip:b@h; lr SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("a space behind the version", "OPTIONS sip:b@h SIP/2.0 \r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("a tab in the first line", "OPTIONS\tsip:b@h SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("brackets around the Request-URI", "OPTIONS <sip:b@h> SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("another version", "OPTIONS sip:b@h SIP/7.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("HTTP", "GET / HTTP/1.1\r\n\r\n", "bad"),
    ROW("HTTP with a SIP URI", "GET sip:a@b HTTP/1.1\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("MSRP", "MSRP sip:a@b SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("TLS", "\x16\x03\x01\x02", "bad"),
    ROW("letters without end", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "bad"),
    ROW("a first line folded", "OPTIONS sip:b@h\r\n SIP/2.0\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("a fold of the first line", START " X: y\r\n" VIA FROM TO CALL EMPTY, "bad"),
    ROW("a status of four digits", "SIP/2.0 4294 X\r\nl: 0\r\n\r\n", "bad"),
    ROW("a status of two digits", "SIP/2.0 20 X\r\nl: 0\r\n\r\n", "bad"),
    ROW("a status of no class", "SIP/2.0 700 X\r\nl: 0\r\n\r\n", "bad"),
    ROW("a status without the space", "SIP/2.0 200\r\nl: 0\r\n\r\n", "bad"),

    ROW("a bare LF ends a line", START VIA "X: y\nFrom: <sip:a@trunk.example>\r\n" FROM TO CALL EMPTY, "bad"),
    ROW("LFs throughout", "OPTIONS sip:b@h SIP/2.0\nContent-Length: 0\n\n", "bad"),
    ROW("a bare CR", START VIA "X: y\rFrom: <sip:a@trunk.example>\r\n" FROM TO CALL EMPTY, "bad"),
    ROW("CR CR LF", START VIA "X: y\r\r\n" FROM TO CALL EMPTY, "bad"),
    ROW("a NUL", HEAD "X: a\0b\r\n" EMPTY, "bad"),
    ROW("a quoted NUL", START VIA "From: \"\\\0\" <sip:a@phone.example>\r\n" TO CALL EMPTY, "bad"),
    ROW("a vertical tab", HEAD "X:\v y\r\n" EMPTY, "bad"),
    ROW("a NUL in a body is the body's", HEAD "Content-Length: 3\r\n\r\na\0\n", "OPTIONS from 'phone.example' body 3; "),
    ROW("a line without a colon", HEAD "X\r\n" EMPTY, "bad"),
    ROW("a line without a name", HEAD ": x\r\n" EMPTY, "bad"),
    ROW("a name with a space in it", HEAD "X Y: z\r\n" EMPTY, "bad"),
    ROW("a name with a byte beyond ASCII", HEAD "Fr\xc3\xb6m: z\r\n" EMPTY, "bad"),
    ROW("a fold before the colon", HEAD "X\r\n : z\r\n" EMPTY, "bad"),
    ROW("a continuation of blanks alone", HEAD "X: y\r\n \r\n" EMPTY, "bad"),
    ROW("fields behind the empty line are no fields", START VIA TO CALL "Content-Length: 0\r\n\r\n" FROM, "bad"),

    ROW("no Content-Length", HEAD "\r\n", "bad"),
    ROW("two that are the same", HEAD "Content-Length: 0\r\n" EMPTY, "bad"),
    ROW("one of each form", HEAD "l: 0\r\n" EMPTY, "bad"),
    ROW("two in a list", HEAD "Content-Length: 0, 0\r\n\r\n", "bad"),
    ROW("an empty one", HEAD "Content-Length:\r\n\r\n", "bad"),
    ROW("a negative one", HEAD "Content-Length: -1\r\n\r\n", "bad"),
    ROW("a sign", HEAD "Content-Length: +0\r\n\r\n", "bad"),
    ROW("hexadecimal", HEAD "Content-Length: 0x0\r\n\r\n", "bad"),
    ROW("words behind it", HEAD "Content-Length: 0 octets\r\n\r\n", "bad"),
    ROW("leading zeros", HEAD "Content-Length: 0000000000000000000000\r\n\r\n", FINE),
    ROW("more than 64 bits", HEAD "Content-Length: 18446744073709551616\r\n\r\n", "bad"),
    ROW("a folded one", HEAD "Content-Length:\r\n 0\r\n\r\n", "bad"),
    ROW("one with a fold behind it", HEAD "Content-Length: 0\r\n 0\r\n\r\n", "bad"),
    ROW("one in a continuation line, as Kamailio reads it", HEAD "s: x\r\n l: 0\r\n" EMPTY, "bad"),
    ROW("the long form there", HEAD "s: x\r\n\tContent-Length : 0\r\n" EMPTY, "bad"),
    ROW("with an underscore, as Kamailio reads it", HEAD "Content_Length: 0\r\n" EMPTY, "bad"),
    ROW("without a mark", HEAD "ContentLength: 0\r\n" EMPTY, "bad"),
    ROW("with an underscore in a continuation line", HEAD "s: x\r\n content_length: 0\r\n" EMPTY, "bad"),
    ROW("a longer name is another", HEAD "Content-Lengths: 7\r\nX-Content-Length: 8\r\nContent-Lengt: 9\r\n" EMPTY, FINE),
    ROW("a From in a continuation line", HEAD "s: x\r\n From: <sip:a@trunk.example>\r\n" EMPTY, "bad"),
    ROW("other words with a colon there", HEAD "s: x\r\n see: y\r\n" EMPTY, FINE),

    ROW("no From", START VIA TO CALL EMPTY, "bad"),
    ROW("two Froms", HEAD "From: <sip:a@trunk.example>\r\n" EMPTY, "bad"),
    ROW("two Froms that are the same", HEAD FROM EMPTY, "bad"),
    ROW("a From of each form", HEAD "f: <sip:a@trunk.example>\r\n" EMPTY, "bad"),
    ROW("a compact From first", START VIA "f : <sip:a@trunk.example>\r\n" FROM TO CALL EMPTY, "bad"),
    ROW("no To", START VIA FROM CALL EMPTY, "bad"),
    ROW("two Tos", HEAD "t: sip:b@h\r\n" EMPTY, "bad"),
    ROW("no Call-ID", START VIA FROM TO "CSeq: 1 OPTIONS\r\n" EMPTY, "bad"),
    ROW("two Call-IDs", HEAD "i: 2\r\n" EMPTY, "bad"),
    ROW("an empty Call-ID", START VIA FROM TO "CSeq: 1 OPTIONS\r\nCall-ID: \r\n" EMPTY, "bad"),
    ROW("no CSeq", START VIA FROM TO "Call-ID: 1\r\n" EMPTY, "bad"),
    ROW("no Via", START FROM TO CALL EMPTY, "bad"),
    ROW("a good message before a bad one", HEAD EMPTY HEAD "\r\n", FINE "bad"),
/* clang-format on */
#undef ROW
};

static void
reads_streams_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        stream_check(rows[i].what, rows[i].data, rows[i].len, rows[i].log);
}

static void
a_refusal_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stream stream;

        stream_log(&stream, (const uint8_t *)rows[i].data, rows[i].len, rows[i].len, 1);
        if (stream.bad && (stream.why == NULL || stream.why[0] == '\0'))
            fail_msg("%s: no reason", rows[i].what);
    }
}

/* A head whose parts have these sizes. */
struct sizes {
    size_t method, fields, field, body;
};

static enum sip_result
read_sized(struct sizes sizes, size_t total, const char **why)
{
    struct sip_head head;
    struct cg_buf buf;
    enum sip_result result;
    size_t used;

    cg_buf_init(&buf, 2 * 1024 * 1024);
    for (size_t i = 0; i < sizes.method; i++)
        cg_buf_add(&buf, "M");
    cg_buf_add(&buf, " sip:b@h SIP/2.0\r\n" VIA FROM TO CALL);
    for (size_t i = 0; i < sizes.fields; i++) {
        cg_buf_add(&buf, "X: ");
        for (size_t j = 0; j < sizes.field; j++)
            cg_buf_add(&buf, "x");
        cg_buf_add(&buf, "\r\n");
    }
    cg_buf_addf(&buf, "Y: ");
    while (buf.len + strlen("\r\nContent-Length: 00000000\r\n\r\n") < total)
        cg_buf_add(&buf, "y");
    cg_buf_addf(&buf, "\r\nContent-Length: %08zu\r\n\r\n", sizes.body);
    assert_false(buf.failed);
    assert_true(total == 0 || buf.len == total);
    result = sip_read((const uint8_t *)buf.data, buf.len, &used, &head, why);
    if (result == SIP_HEAD) {
        assert_int_equal(used, buf.len);
        assert_int_equal(head.head_len, buf.len);
        assert_int_equal(head.body_len, sizes.body);
        assert_int_equal(strlen(head.method), sizes.method);
    }
    cg_buf_release(&buf);
    return result;
}

static void
limits_are_where_they_are_said_to_be(void **state)
{
    /* Beside the fields: the first line, Via, From, To, Call-ID, CSeq, Y, Content-Length, the empty line. */
    const size_t others = 9;
    static const char *too_long = "a head of more than 64 KiB",
                      *too_many = "a head of too many lines", *body = "a body of more than 1 MiB",
                      *method = "a first line that is neither of a SIP request nor of a response";
    const struct {
        const char *what;
        struct sizes sizes;
        size_t total;
        const char *why; /* NULL: a head */
    } cases[] = {
        { "the longest head", { 3, 0, 0, 0 }, GW_MAX_SIP_HEAD, NULL },
        { "a byte more", { 3, 0, 0, 0 }, GW_MAX_SIP_HEAD + 1, too_long },
        { "the most lines", { 3, GW_MAX_SIP_LINES - others, 1, 0 }, 0, NULL },
        { "a line more", { 3, GW_MAX_SIP_LINES - others + 1, 1, 0 }, 0, too_many },
        { "the longest body", { 3, 0, 0, GW_MAX_SIP_BODY }, 0, NULL },
        { "a byte more of body", { 3, 0, 0, GW_MAX_SIP_BODY + 1 }, 0, body },
        { "the longest method", { GW_MAX_SIP_METHOD, 0, 0, 0 }, 0, NULL },
        { "a letter more", { GW_MAX_SIP_METHOD + 1, 0, 0, 0 }, 0, method },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = "";
        enum sip_result result = read_sized(cases[i].sizes, cases[i].total, &why);

        if (cases[i].why == NULL ? result != SIP_HEAD
                                 : result != SIP_BAD || strcmp(why, cases[i].why) != 0)
            fail_msg("%s: %d (%s)", cases[i].what, result, why);
    }
}

/* A head that never ends is refused at its limit, not kept. */
static void
a_head_without_end_is_refused(void **state)
{
    static uint8_t data[GW_MAX_SIP_HEAD];
    const char *why = "";
    struct sip_head head;
    size_t used;

    (void)state;
    memset(data, 'x', sizeof(data));
    memcpy(data, START "X: ", strlen(START "X: "));
    assert_int_equal(sip_read(data, sizeof(data) - 1, &used, &head, &why), SIP_MORE);
    assert_int_equal(sip_read(data, sizeof(data), &used, &head, &why), SIP_BAD);
    assert_string_equal(why, "a head of more than 64 KiB");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_streams_however_they_are_cut),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(limits_are_where_they_are_said_to_be),
        cmocka_unit_test(a_head_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
