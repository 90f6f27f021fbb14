/* Requests: which are taken, what the backend gets of them, and which are refused with what. */
#include "http_drive.h"

#include "gateway/limits.h"

#define HOST "Host: a.example\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define OURS "Via: 1.1 certgate\r\nCertgate-Verdict: accept\r\n\r\n"
#define OURS_10 "Via: 1.0 certgate\r\nCertgate-Verdict: accept\r\n\r\n"

/* ---- refused heads ----------------------------------------------------------------------------- */

struct refusal {
    const char *what;
    const char *data;
    size_t len;
    unsigned status;
};

#define REFUSED(what, data, status)                                                                \
    {                                                                                              \
        what, data, sizeof(data) - 1, status                                                       \
    }

static const struct refusal refusals[] = {
    /* two lengths (RFC 9112 section 6.3) */
    REFUSED("CL.TE", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    REFUSED("TE.CL", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    REFUSED("two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    REFUSED("the same length twice", POST "Content-Length: 5\r\ncontent-length: 5\r\n\r\n", 400),
    REFUSED("a list of lengths", POST "Content-Length: 5, 5\r\n\r\nhello", 400),
    REFUSED("a length with a sign", POST "Content-Length: +5\r\n\r\nhello", 400),
    REFUSED("a negative length", POST "Content-Length: -1\r\n\r\n", 400),
    REFUSED("a length in hex", POST "Content-Length: 0x5\r\n\r\nhello", 400),
    REFUSED("a length with a space in it", POST "Content-Length: 1 0\r\n\r\n", 400),
    REFUSED("an empty length", POST "Content-Length:\r\n\r\n", 400),
    REFUSED("a length with a word behind", POST "Content-Length: 5;a\r\n\r\n", 400),
    REFUSED("a length of 2^53", POST "Content-Length: 9007199254740992\r\n\r\n", 400),
    REFUSED("a length of 2^64 and 5", POST "Content-Length: 18446744073709551621\r\n\r\n", 400),
    REFUSED("a length in seventeen digits", POST "Content-Length: 00000000000000005\r\n\r\n", 400),
    /* transfer codings */
    REFUSED("TE identity", POST "Transfer-Encoding: identity\r\n\r\n", 400),
    REFUSED("TE gzip", POST "Transfer-Encoding: gzip\r\n\r\n", 400),
    REFUSED("TE gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400),
    REFUSED("TE chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n", 400),
    REFUSED("TE chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    REFUSED("TE in two fields",
            POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400),
    REFUSED("TE chunked in two fields",
            POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    REFUSED("TE with a quote", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 400),
    REFUSED("TE with a parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n", 400),
    REFUSED("TE with a leading comma", POST "Transfer-Encoding: ,chunked\r\n\r\n", 400),
    REFUSED("TE with a vertical tab",
            POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n",
            400),
    REFUSED("TE with xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", 400),
    REFUSED("an empty TE", POST "Transfer-Encoding:\r\n\r\n", 400),
    REFUSED("TE in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400),
    REFUSED("TE with a space before its colon", POST "Transfer-Encoding : chunked\r\n\r\n", 400),
    REFUSED("TE with a tab before its colon", POST "Transfer-Encoding\t: chunked\r\n\r\n", 400),
    REFUSED("TE in a folded field", POST "X: a\r\n Transfer-Encoding: chunked\r\n\r\n", 400),
    REFUSED("TE folded before its value", POST "Transfer-Encoding:\r\n chunked\r\n\r\n", 400),
    /* line ends and octets (RFC 9112 section 2.2) */
    REFUSED("a bare LF after the request line", "GET / HTTP/1.1\n" HOST "\r\n", 400),
    REFUSED("a bare LF after a field", GET "X: a\nY: b\r\n\r\n", 400),
    REFUSED("a bare LF as the last line", GET "\n", 400),
    REFUSED("bare LFs alone", "GET / HTTP/1.1\nHost: a.example\n\n", 400),
    REFUSED("a bare CR in a value", GET "X: a\rY: b\r\n\r\n", 400),
    REFUSED("a bare CR in a name", GET "X\r: a\r\n\r\n", 400),
    REFUSED("a bare CR in the request line", "GET /\r HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("CR CR LF", GET "X: a\r\r\n\r\n", 400),
    REFUSED("a CR as the last line", GET "\rX", 400),
    REFUSED("a NUL in a value", GET "X: a\0b\r\n\r\n", 400),
    REFUSED("a NUL in a name", GET "X\0: a\r\n\r\n", 400),
    REFUSED("a NUL in the target", "GET /\0 HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a DEL in a value", GET "X: a\x7f\r\n\r\n", 400),
    REFUSED("an ESC in a value", GET "X: \x1b[2J\r\n\r\n", 400),
    REFUSED("a form feed before a value",
            GET "X:\x0c"
                "a\r\n\r\n",
            400),
    REFUSED("obs-fold with a space", GET "X: a\r\n b\r\n\r\n", 400),
    REFUSED("obs-fold with a tab", GET "X: a\r\n\tb\r\n\r\n", 400),
    REFUSED("obs-fold before the first field", "GET / HTTP/1.1\r\n " HOST "\r\n", 400),
    REFUSED("obs-fold of nothing", GET "X: a\r\n \r\n\r\n", 400),
    /* names */
    REFUSED("a space before a colon", GET "X : a\r\n\r\n", 400),
    REFUSED("a tab before a colon", GET "X\t: a\r\n\r\n", 400),
    REFUSED("a space in a name", GET "X Y: a\r\n\r\n", 400),
    REFUSED("an empty name", GET ": a\r\n\r\n", 400),
    REFUSED("no colon", GET "X\r\n\r\n", 400),
    REFUSED("a quote in a name", GET "X\": a\r\n\r\n", 400),
    REFUSED("a letter beyond ASCII in a name", GET "X\xe4: a\r\n\r\n", 400),
    REFUSED("brackets in a name", GET "[X]: a\r\n\r\n", 400),
    /* Host (RFC 9112 section 3.2) */
    REFUSED("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    REFUSED("two Hosts", GET "Host: b.example\r\n\r\n", 400),
    REFUSED("the same Host twice", GET HOST "\r\n", 400),
    REFUSED("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400),
    REFUSED("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    REFUSED("a Host with user information", "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n", 400),
    REFUSED("a Host with a path", "GET / HTTP/1.1\r\nHost: a.example/b\r\n\r\n", 400),
    REFUSED("a list of Hosts", "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", 400),
    REFUSED("a Host with a port that is none", "GET / HTTP/1.1\r\nHost: a.example:x\r\n\r\n", 400),
    REFUSED("a Host of half an address", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    REFUSED("a Host with words behind an address", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400),
    /* the request line (RFC 9112 section 3) */
    REFUSED("two spaces after the method", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("two spaces before the version", "GET /  HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a space at the end", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
    REFUSED("a tab after the method", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a tab before the version", "GET /\tHTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a space in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("white space before the request line", " GET / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a tab before the request line", "\tGET / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a bare LF before the request line", "\nGET / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("three empty lines before", "\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("HTTP/0.9", "GET /\r\n\r\n", 400),
    REFUSED("HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", 505),
    REFUSED("HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505),
    REFUSED("HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505),
    REFUSED("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    REFUSED("HTTP/1.10", "GET / HTTP/1.10\r\n" HOST "\r\n", 400),
    REFUSED("HTTP/01.1", "GET / HTTP/01.1\r\n" HOST "\r\n", 400),
    REFUSED("HTTP/1", "GET / HTTP/1\r\n" HOST "\r\n", 400),
    REFUSED("http/1.1", "GET / http/1.1\r\n" HOST "\r\n", 400),
    REFUSED("RTSP", "OPTIONS / RTSP/1.0\r\n\r\n", 400),
    REFUSED("a method in lower case", "get / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a method with a colon", "GET: / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("no method", "/ HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a space for a method", " / HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("an unknown method", "BREW /pot HTTP/1.1\r\n" HOST "\r\n", 501),
    REFUSED("CONNECT", "CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n", 501),
    REFUSED("CONNECT with a path", "CONNECT / HTTP/1.1\r\n" HOST "\r\n", 501),
    REFUSED("TRACE", "TRACE / HTTP/1.1\r\n" HOST "\r\n", 501),
    REFUSED("a TLS record", "\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    REFUSED("SIP", "OPTIONS sip:a.example SIP/2.0\r\nCSeq: 1\r\n\r\n", 400),
    /* targets */
    REFUSED("a fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a target beyond ASCII", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a target without a slash", "GET a HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("a query alone", "GET ?a HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("an asterisk for GET", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("authority-form for GET", "GET a.example:80 HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("another scheme", "GET ftp://a.example/ HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("absolute-form without authority", "GET http:///a HTTP/1.1\r\n" HOST "\r\n", 400),
    REFUSED("absolute-form with user", "GET http://u@b.example/ HTTP/1.1\r\n" HOST "\r\n", 400),
    /* Connection */
    REFUSED("a connection option that is no token", GET "Connection: a b\r\n\r\n", 400),
    REFUSED("more connection options than are looked at",
            GET "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n"
                "\r\n",
            431),
};

static void
refuses_what_two_readers_may_read_in_two_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *row = &refusals[i];
        struct drive drive = { .peer = { .data = row->data, .len = row->len } }, run = drive;
        char wanted[32];

        drive_run(&run);
        snprintf(wanted, sizeof(wanted), "%u;", row->status);
        if (strcmp(cg_buf_text(&run.events), wanted) != 0)
            fail_msg("%s: '%s' (%s)", row->what, cg_buf_text(&run.events), http_why(run.http));
        /* llhttp is the second reader, not the only one */
        if (strstr(http_why(run.http), "llhttp") != NULL)
            fail_msg("%s: %s", row->what, http_why(run.http));
        if (run.to_backend.len != 0)
            fail_msg("%s: the backend got %zu octets", row->what, run.to_backend.len);
        snprintf(wanted, sizeof(wanted), "HTTP/1.1 %u ", row->status);
        assert_memory_equal(cg_buf_text(&run.to_peer), wanted, strlen(wanted));
        assert_non_null(strstr(cg_buf_text(&run.to_peer), "\r\nConnection: close\r\n"));
        drive_release(&run);
        drive_all_cuts(&drive, row->what);
    }
}

/* ---- taken requests ---------------------------------------------------------------------------- */

struct taken {
    const char *what;
    const char *data;
    size_t len;
    const char *event;
    const char *backend;
};

#define TAKEN(what, data, event, backend)                                                          \
    {                                                                                              \
        what, data, sizeof(data) - 1, event, backend                                               \
    }
#define PLAIN "GET / a.example;"

static const struct taken requests[] = {
    TAKEN("a plain request", GET "\r\n", PLAIN, GET OURS),
    TAKEN("end-to-end fields", GET "Accept: */*\r\nCookie: a=b\r\nX-Empty:\r\n\r\n", PLAIN,
            GET "Accept: */*\r\nCookie: a=b\r\nX-Empty: \r\n" OURS),
    TAKEN("white space around a value", GET "X: \t a  b \t\r\n\r\n", PLAIN, GET "X: a  b\r\n" OURS),
    TAKEN("a value beyond ASCII", GET "X: \xc3\xa4\r\n\r\n", PLAIN, GET "X: \xc3\xa4\r\n" OURS),
    TAKEN("two empty lines before", "\r\n\r\n" GET "\r\n", PLAIN, GET OURS),
    TAKEN("a Host with a port", "GET / HTTP/1.1\r\nhost: a.example:8443\r\n\r\n",
            "GET / a.example:8443;", "GET / HTTP/1.1\r\nHost: a.example:8443\r\n" OURS),
    TAKEN("a Host that is an address", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:1\r\n\r\n",
            "GET / [2001:db8::1]:1;", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:1\r\n" OURS),
    /* hop by hop (RFC 9110 section 7.6.1) */
    TAKEN("what Connection names",
            GET "X-Hop: a\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\n\r\n", PLAIN,
            GET OURS),
    TAKEN("TE, Trailer and the proxy's own",
            GET "TE: trailers\r\nTrailer: X\r\nProxy-Authorization: a\r\nProxy-Connection: a\r\n"
                "Proxy: http://evil.example\r\n\r\n",
            PLAIN, GET OURS),
    TAKEN("Connection names what is ours, and Host",
            GET "Connection: close, Certgate-Verdict, Host, Via\r\n\r\n", "GET / a.example close;",
            GET OURS),
    TAKEN("Connection names the length",
            POST "Connection: Content-Length\r\nContent-Length: 2\r\n\r\nhi", "POST / a.example;",
            POST "Content-Length: 2\r\n" OURS "hi"),
    TAKEN("empty elements of Connection", GET "Connection: ,close, ,\r\n\r\n",
            "GET / a.example close;", GET OURS),
    /* identity: in every spelling */
    TAKEN("a verdict of the peer's own", GET "certgate-verdict: accept\r\nCERTGATE-X: a\r\n\r\n",
            PLAIN, GET OURS),
    TAKEN("underscores for hyphens",
            GET "Certgate_Verdict: a\r\nClient_Cert: a\r\nclient_cert-chain: a\r\n\r\n", PLAIN,
            GET OURS),
    TAKEN("what else becomes an underscore in CGI",
            GET "Client.Cert: a\r\nX~Forwarded~For: a\r\nContent_Length: 7\r\n\r\n", PLAIN,
            GET OURS),
    TAKEN("a certificate of the peer's own",
            GET "Client-Cert: :AAAA:\r\nClient-Cert-Chain: :AAAA:\r\n"
                "X-Forwarded-Client-Cert: Hash=a\r\nCLIENT-CERT: :AAAA:\r\n\r\n",
            PLAIN, GET OURS),
    TAKEN("forwarding of the peer's own",
            GET "Forwarded: for=a\r\nX-Forwarded-For: a\r\nX-Forwarded-Host: b\r\n"
                "X-Forwarded-Proto: http\r\nX-Forwarded-User: root\r\nX-Real-IP: a\r\n\r\n",
            PLAIN, GET OURS),
    TAKEN("names that only begin like ours",
            GET "Certgate: a\r\nClient-Certificate: a\r\nForwarded-By: a\r\nTEA: a\r\n\r\n", PLAIN,
            GET "Certgate: a\r\nClient-Certificate: a\r\nForwarded-By: a\r\nTEA: a\r\n" OURS),
    /* upgrades (RFC 9110 section 7.8) */
    TAKEN("a WebSocket",
            GET "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n",
            "GET / a.example websocket;",
            GET "Sec-WebSocket-Version: 13\r\nVia: 1.1 certgate\r\n"
                "Connection: upgrade\r\nUpgrade: websocket\r\nCertgate-Verdict: accept\r\n\r\n"),
    TAKEN("a WebSocket in a list", GET "Upgrade: h2c, websocket\r\nConnection: UPGRADE\r\n\r\n",
            "GET / a.example websocket;",
            GET "Via: 1.1 certgate\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                "Certgate-Verdict: accept\r\n\r\n"),
    TAKEN("h2c",
            GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n",
            PLAIN, GET OURS),
    TAKEN("an upgrade that Connection does not name", GET "Upgrade: websocket\r\n\r\n", PLAIN,
            GET OURS),
    TAKEN("a WebSocket with a version", GET "Connection: upgrade\r\nUpgrade: websocket/13\r\n\r\n",
            PLAIN, GET OURS),
    TAKEN("a WebSocket by POST",
            POST "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\na",
            "POST / a.example;", POST "Content-Length: 1\r\n" OURS "a"),
    TAKEN("a WebSocket with a body",
            GET "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\na", PLAIN,
            GET "Content-Length: 1\r\n" OURS "a"),
    TAKEN("a WebSocket in HTTP/1.0",
            "GET / HTTP/1.0\r\n" HOST "Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n"
            "\r\n",
            PLAIN, GET OURS_10),
    /* versions */
    TAKEN("HTTP/1.0", "GET / HTTP/1.0\r\n" HOST "\r\n", "GET / a.example close;", GET OURS_10),
    TAKEN("HTTP/1.0 that would stay", "GET / HTTP/1.0\r\n" HOST "Connection: Keep-Alive\r\n\r\n",
            PLAIN, GET OURS_10),
    TAKEN("HTTP/1.0 without Host", "GET /a HTTP/1.0\r\n\r\n", "GET /a  close;",
            "GET /a HTTP/1.0\r\n" OURS_10),
    TAKEN("an expectation of HTTP/1.0", "GET / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n\r\n",
            "GET / a.example close;", GET OURS_10),
    TAKEN("an expectation", POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
            "POST / a.example;", POST "Expect: 100-continue\r\nContent-Length: 2\r\n" OURS "hi"),
    TAKEN("close beside keep-alive", GET "Connection: keep-alive, close\r\n\r\n",
            "GET / a.example close;", GET OURS),
    /* targets (RFC 9112 section 3.2) */
    TAKEN("a query", "GET /a/b?c=/../d HTTP/1.1\r\n" HOST "\r\n", "GET /a/b a.example;",
            "GET /a/b?c=/../d HTTP/1.1\r\n" HOST OURS),
    TAKEN("absolute-form", "GET HTTP://b.example/a?b HTTP/1.1\r\n" HOST "\r\n", "GET /a b.example;",
            "GET /a?b HTTP/1.1\r\nHost: b.example\r\n" OURS),
    TAKEN("absolute-form without a path", "GET https://b.example:1 HTTP/1.1\r\n" HOST "\r\n",
            "GET / b.example:1;", "GET / HTTP/1.1\r\nHost: b.example:1\r\n" OURS),
    TAKEN("absolute-form with a query alone", "GET http://b.example?a HTTP/1.1\r\n" HOST "\r\n",
            "GET / b.example;", "GET /?a HTTP/1.1\r\nHost: b.example\r\n" OURS),
    TAKEN("OPTIONS of the server", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS * a.example;",
            "OPTIONS * HTTP/1.1\r\n" HOST OURS),
    TAKEN("OPTIONS in absolute-form", "OPTIONS http://b.example HTTP/1.1\r\n" HOST "\r\n",
            "OPTIONS * b.example;", "OPTIONS * HTTP/1.1\r\nHost: b.example\r\n" OURS),
    TAKEN("M-SEARCH", "M-SEARCH / HTTP/1.1\r\n" HOST "\r\n", "M-SEARCH / a.example;",
            "M-SEARCH / HTTP/1.1\r\n" HOST OURS),
    /* bodies, framed by us */
    TAKEN("a length", POST "Content-Length: 5\r\n\r\nhello", "POST / a.example;",
            POST "Content-Length: 5\r\n" OURS "hello"),
    TAKEN("a length of nothing", POST "Content-Length: 00\r\n\r\n", "POST / a.example;",
            POST "Content-Length: 0\r\n" OURS),
    TAKEN("no length", POST "\r\n", "POST / a.example;", POST OURS),
    TAKEN("chunks", POST "transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            "POST / a.example;", POST "Transfer-Encoding: chunked\r\n" OURS "{hello world}"),
    TAKEN("a chunk with line ends in it",
            POST "Transfer-Encoding: chunked\r\n\r\n008\r\n\r\n0\r\n\r\n\n\r\n000\r\n\r\n",
            "POST / a.example;", POST "Transfer-Encoding: chunked\r\n" OURS "{\r\n0\r\n\r\n\n}"),
    TAKEN("no chunk", POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST / a.example;",
            POST "Transfer-Encoding: chunked\r\n" OURS "{}"),
    TAKEN("chunk extensions",
            POST "Transfer-Encoding: "
                 "chunked\r\n\r\na;b;c=\"d;e\"\r\n0123456789\r\n1;f=g\r\nX\r\n0;h\r\n\r\n",
            "POST / a.example;", POST "Transfer-Encoding: chunked\r\n" OURS "{0123456789X}"),
    TAKEN("trailers",
            POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: b\r\nContent-Length: 9\r\n"
                 "Client-Cert: :AA:\r\n\r\n",
            "POST / a.example;", POST "Transfer-Encoding: chunked\r\n" OURS "{a}"),
};

static void
forwards_what_is_sound_without_what_is_not_the_backends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const struct taken *row = &requests[i];
        struct drive drive = { .peer = { .data = row->data, .len = row->len } }, run = drive;
        struct http *http;
        size_t used;

        drive_run(&run);
        if (strcmp(cg_buf_text(&run.events), row->event) != 0)
            fail_msg("%s: '%s' (%s)", row->what, cg_buf_text(&run.events), http_why(run.http));
        drive_expect(row->what, "the backend", &run.to_backend, row->backend);
        http = run.http;
        assert_int_equal(http_take_peer(http, (const uint8_t *)"G", 1, &used), HTTP_WAIT);
        assert_int_equal(used, 0);
        drive_release(&run);
        drive_all_cuts(&drive, row->what);
    }
}

/* ---- bodies that break ------------------------------------------------------------------------- */

#define CHUNKS POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct refusal bodies[] = {
    REFUSED("a chunk size with a sign", CHUNKS "+5\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a negative chunk size", CHUNKS "-1\r\n", 400),
    REFUSED("a chunk size with 0x", CHUNKS "0x5\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("no chunk size", CHUNKS "\r\n", 400),
    REFUSED("a chunk size with a space before", CHUNKS " 5\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a chunk size with a space behind", CHUNKS "5 \r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a chunk size with a tab behind", CHUNKS "5\t\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a chunk size with an underscore", CHUNKS "1_0\r\n", 400),
    REFUSED("a chunk size that is no number", CHUNKS "five\r\n", 400),
    REFUSED("a chunk size of 2^53", CHUNKS "20000000000000\r\n", 400),
    REFUSED("a chunk size of 2^64 and 5", CHUNKS "10000000000000005\r\nhello\r\n", 400),
    REFUSED("a bare LF after a size", CHUNKS "5\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a bare CR after a size", CHUNKS "5\rXhello\r\n0\r\n\r\n", 400),
    REFUSED("a chunk longer than its size", CHUNKS "4\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a chunk shorter than its size", CHUNKS "6\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a chunk that ends in a bare LF", CHUNKS "5\r\nhello\n0\r\n\r\n", 400),
    REFUSED("a chunk that ends in nothing", CHUNKS "5\r\nhello0\r\n\r\n", 400),
    REFUSED("a bare LF in an extension", CHUNKS "5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a bare LF in a quoted extension", CHUNKS "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a NUL in an extension", CHUNKS "5;a=\"\0\"\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a space before an extension", CHUNKS "5 ;a\r\nhello\r\n0\r\n\r\n", 400),
    REFUSED("a bare LF at the end", CHUNKS "0\r\n\n", 400),
    REFUSED("a bare LF after a trailer", CHUNKS "0\r\nX: a\n\r\n", 400),
    REFUSED("a folded trailer", CHUNKS "0\r\nX: a\r\n b\r\n\r\n", 400),
    REFUSED("a trailer without a colon", CHUNKS "0\r\nGET / HTTP/1.1\r\n\r\n", 400),
    REFUSED("a trailer with a space before its colon", CHUNKS "0\r\nX : a\r\n\r\n", 400),
    REFUSED("a trailer with a NUL", CHUNKS "0\r\nX: \0\r\n\r\n", 400),
    REFUSED("a trailer without a name", CHUNKS "0\r\n: a\r\n\r\n", 400),
};

static void
ends_a_request_whose_body_breaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct refusal *row = &bodies[i];
        struct drive drive = { .peer = { .data = row->data, .len = row->len } }, run = drive;

        drive_run(&run);
        if (strcmp(cg_buf_text(&run.events), "POST / a.example;400;") != 0)
            fail_msg("%s: '%s' (%s)", row->what, cg_buf_text(&run.events), http_why(run.http));
        /* no last chunk: the backend must not take what came for the whole */
        if (memmem(run.to_backend.data, run.to_backend.len, "0\r\n\r\n", 5) != NULL)
            fail_msg("%s: the backend got an end", row->what);
        drive_release(&run);
        drive_all_cuts(&drive, row->what);
    }
}

/* ---- limits ------------------------------------------------------------------------------------ */

/* A request with a target of so many octets, so many fields, and filled up to a size by one value. */
static void
limit(size_t target, size_t fields, size_t size, const char *wanted)
{
    struct cg_buf text;
    struct drive drive = { 0 };

    cg_buf_init(&text, DRIVE_MAX);
    cg_buf_add(&text, "GET /");
    for (size_t i = 1; i < target; i++)
        cg_buf_add(&text, "a");
    cg_buf_add(&text, " HTTP/1.1\r\n" HOST);
    for (size_t i = 1; i < fields; i++)
        cg_buf_add(&text, "X: a\r\n");
    if (size > 0) {
        cg_buf_add(&text, "Y: ");
        while (text.len < size - 4)
            cg_buf_add(&text, "b");
        cg_buf_add(&text, "\r\n");
    }
    cg_buf_add(&text, "\r\n");
    for (size_t step = 0; step < 2; step++) {
        drive.peer = (struct input) { .data = text.data, .len = text.len, .step = step };
        drive_run(&drive);
        if (strncmp(cg_buf_text(&drive.events), wanted, strlen(wanted)) != 0)
            fail_msg("target %zu, fields %zu, size %zu: '%s' (%s)", target, fields, size,
                    cg_buf_text(&drive.events), http_why(drive.http));
        drive_release(&drive);
    }
    cg_buf_release(&text);
}

static void
limits_are_where_they_are_said_to_be(void **state)
{
    (void)state;
    limit(GW_MAX_REQUEST_TARGET, 1, 0, "GET /a");
    limit(GW_MAX_REQUEST_TARGET + 1, 1, 0, "414;");
    limit(GW_MAX_REQUEST_TARGET * 2, 1, 0, "414;");
    limit(1, GW_MAX_HTTP_FIELDS, 0, "GET /");
    limit(1, GW_MAX_HTTP_FIELDS + 1, 0, "431;");
    limit(1, 1, GW_MAX_REQUEST_HEAD, "GET /");
    limit(1, 1, GW_MAX_REQUEST_HEAD + 1, "431;");
    limit(1, 1, GW_MAX_REQUEST_HEAD * 2, "431;");
}

static void
chunk_framing_is_bounded(void **state)
{
    static const struct {
        const char *before;
        const char *after;
        size_t fill;
        bool good;
    } cases[] = {
        { CHUNKS "1;", "\r\nx\r\n0\r\n\r\n", GW_MAX_CHUNK_FRAMING - 4, true },
        { CHUNKS "1;", "\r\nx\r\n0\r\n\r\n", GW_MAX_CHUNK_FRAMING - 3, false },
        { CHUNKS "0\r\n", ": b\r\n\r\n", GW_MAX_CHUNK_FRAMING - 10, true },
        { CHUNKS "0\r\n", ": b\r\n\r\n", GW_MAX_CHUNK_FRAMING - 9, false },
        { CHUNKS "", "1\r\nx\r\n0\r\n\r\n", GW_MAX_CHUNK_FRAMING - 3, true },
        { CHUNKS "", "1\r\nx\r\n0\r\n\r\n", GW_MAX_CHUNK_FRAMING - 2, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct drive drive = { 0 };
        struct cg_buf text;

        cg_buf_init(&text, DRIVE_MAX);
        cg_buf_add(&text, cases[i].before);
        for (size_t n = 0; n < cases[i].fill; n++)
            cg_buf_add(&text, "0");
        cg_buf_add(&text, cases[i].after);
        for (size_t step = 0; step < 2; step++) {
            drive.peer = (struct input) { .data = text.data, .len = text.len, .step = step };
            drive_run(&drive);
            if (strcmp(cg_buf_text(&drive.events),
                        cases[i].good ? "POST / a.example;" : "POST / a.example;400;") != 0)
                fail_msg(
                        "case %zu: '%s' (%s)", i, cg_buf_text(&drive.events), http_why(drive.http));
            drive_release(&drive);
        }
        cg_buf_release(&text);
    }
}

/* ---- paths ------------------------------------------------------------------------------------- */

static void
paths_are_compared_as_backends_read_them(void **state)
{
    static const struct {
        const char *target;
        const char *path;
        bool ambiguous;
    } rows[] = {
        { "/", "/", false },
        { "/a/b", "/a/b", false },
        { "/a/", "/a/", false },
        { "/%61%2D%7e", "/a-~", false },
        { "/a%20b", "/a b", false },
        { "/a//b///", "/a/b/", false },
        { "//a", "/a", false },
        { "/a/./b", "/a/b", false },
        { "/a/.", "/a/", false },
        { "/a/../b", "/b", false },
        { "/a/b/..", "/a/", false },
        { "/a/%2e%2E/b", "/b", false },
        { "/a/.%2e/b", "/b", false },
        { "/./a", "/a", false },
        { "/a//../b", "/b", false },
        { "/...", "/...", false },
        { "/..a", "/..a", false },
        { "/a;b=c/d", "/a;b=c/d", false },
        { "/a?b=%2f..", "/a", false },
        { "/%252e%252e/a", "/%2e%2e/a", false },
        { "/a%2Fb", "/a/b", true },
        { "/a%2fb", "/a/b", true },
        { "/a%5cb", "/a\\b", true },
        { "/a\\b", "/a\\b", true },
        { "/a%00b", "/a", true }, /* compared as text */
        { "/a%0ab", "/a\nb", true },
        { "/a%7fb",
                "/a\x7f"
                "b",
                true },
        { "/..", "/", true },
        { "/../a", "/a", true },
        { "/a/../../b", "/b", true },
        { "/%2e%2e/a", "/a", true },
        { "/..;/a", "/..;/a", true },
        { "/a/..;b=c/d", "/a/..;b=c/d", true },
        { "/.;/a", "/.;/a", true },
        { "/%", "/%", true },
        { "/%4", "/%4", true },
        { "/%zz", "/%zz", true },
        { "/%c0%ae%c0%ae/a", "/\xc0\xae\xc0\xae/a", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http *http = http_new();
        const struct http_request *request;
        char text[200];
        size_t used;
        int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", rows[i].target);

        assert_int_equal(
                http_take_peer(http, (const uint8_t *)text, (size_t)len, &used), HTTP_REQUEST);
        request = http_request(http);
        snprintf(text, sizeof(text), "%.*s", (int)request->path.len,
                (const char *)request->path.data);
        if (strcmp(text, rows[i].path) != 0 || request->path_ambiguous != rows[i].ambiguous)
            fail_msg("%s: '%s'%s", rows[i].target, text,
                    request->path_ambiguous ? " ambiguous" : "");
        assert_int_equal(request->target.len, strlen(rows[i].target));
        assert_memory_equal(request->target.data, rows[i].target, request->target.len);
        http_free(http);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_two_readers_may_read_in_two_ways),
        cmocka_unit_test(forwards_what_is_sound_without_what_is_not_the_backends),
        cmocka_unit_test(ends_a_request_whose_body_breaks),
        cmocka_unit_test(limits_are_where_they_are_said_to_be),
        cmocka_unit_test(chunk_framing_is_bounded),
        cmocka_unit_test(paths_are_compared_as_backends_read_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
