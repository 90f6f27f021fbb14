/* Responses: what the peer gets of them, what becomes of both connections, and which are refused. */
#include "http_drive.h"

#include "gateway/limits.h"

#define HOST "Host: a.example\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"
#define HEAD "HEAD / HTTP/1.1\r\n" HOST "\r\n"
#define CLOSING "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
#define OLD "GET / HTTP/1.0\r\n" HOST "\r\n"
#define OLD_STAYS "GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n"
#define SOCKET                                                                                     \
    "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"                      \
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: 5\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define CLOSE "Connection: close\r\n"

struct row {
    const char *what;
    const char *request;
    const char *response;
    size_t len;
    bool ends; /* the backend closes behind it */
    const char *event; /* after that of the request */
    const char *peer;
};

#define STAYS(what, request, response, event, peer)                                                \
    {                                                                                              \
        what, request, response, sizeof(response) - 1, false, event, peer                          \
    }
#define ENDS(what, request, response, event, peer)                                                 \
    {                                                                                              \
        what, request, response, sizeof(response) - 1, true, event, peer                           \
    }

static const struct row passed[] = {
    /* lengths */
    STAYS("a length", GET, OK LENGTH "\r\nhello", "done;", OK LENGTH "\r\nhello"),
    STAYS("a length of nothing", GET, OK "Content-Length: 0\r\n\r\n", "done;",
            OK "Content-Length: 0\r\n\r\n"),
    STAYS("a body of NULs and line ends", GET, OK LENGTH "\r\n\0\r\n\r\n", "done;",
            OK LENGTH "\r\n"), /* compared as text */
    STAYS("the backend closes", GET, OK LENGTH CLOSE "\r\nhello", "close;", OK LENGTH "\r\nhello"),
    STAYS("the peer closes", CLOSING, OK LENGTH "\r\nhello", "end;", OK LENGTH CLOSE "\r\nhello"),
    STAYS("HTTP/1.0 of the backend", GET, "HTTP/1.0 200 OK\r\n" LENGTH "\r\nhello", "close;",
            OK LENGTH "\r\nhello"),
    STAYS("HTTP/1.0 that stays", GET,
            "HTTP/1.0 200 OK\r\n" LENGTH "Connection: Keep-Alive\r\n\r\nhello", "done;",
            OK LENGTH "\r\nhello"),
    /* chunks */
    STAYS("chunks", GET, OK CHUNKED "\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nX: a\r\n\r\n", "done;",
            OK CHUNKED "\r\n{hello!}"),
    STAYS("chunks that close", GET, OK CHUNKED CLOSE "\r\n0\r\n\r\n", "close;",
            OK CHUNKED "\r\n{}"),
    STAYS("chunks for HTTP/1.0", OLD, OK CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n", "end;",
            OK CLOSE "\r\nhello"),
    STAYS("chunks for HTTP/1.0 that would stay", OLD_STAYS,
            OK CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n", "end;", OK CLOSE "\r\nhello"),
    STAYS("a length for HTTP/1.0", OLD, OK LENGTH "\r\nhello", "end;", OK LENGTH CLOSE "\r\nhello"),
    STAYS("a length for HTTP/1.0 that stays", OLD_STAYS, OK LENGTH "\r\nhello", "done;",
            OK LENGTH "Connection: keep-alive\r\n\r\nhello"),
    STAYS("an answer to HTTP/1.0 without Host", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            OK LENGTH "\r\nhello", "close;", OK LENGTH "Connection: keep-alive\r\n\r\nhello"),
    /* until close */
    ENDS("until close", GET, OK "\r\nhello", "close;", OK CHUNKED "\r\n{hello}"),
    ENDS("nothing until close", GET, OK "\r\n", "close;", OK CHUNKED "\r\n{}"),
    ENDS("until close of HTTP/1.0", GET, "HTTP/1.0 200 OK\r\n\r\nhello", "close;",
            OK CHUNKED "\r\n{hello}"),
    ENDS("until close for HTTP/1.0", OLD_STAYS, OK "\r\nhello", "end;", OK CLOSE "\r\nhello"),
    ENDS("until close, and the peer closes", CLOSING, OK "\r\nhello", "end;",
            OK CHUNKED CLOSE "\r\n{hello}"),
    /* no body (RFC 9112 section 6.3) */
    STAYS("HEAD with a length", HEAD, OK LENGTH "\r\n", "done;", OK LENGTH "\r\n"),
    STAYS("HEAD with chunks", HEAD, OK CHUNKED "\r\n", "done;", OK "\r\n"),
    STAYS("HEAD without either", HEAD, OK "\r\n", "done;", OK "\r\n"),
    STAYS("204", GET, "HTTP/1.1 204 No Content\r\n\r\n", "done;",
            "HTTP/1.1 204 No Content\r\n\r\n"),
    STAYS("204 with a length of nothing", GET,
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "done;",
            "HTTP/1.1 204 No Content\r\n\r\n"),
    STAYS("304 with the length of what it is not", GET,
            "HTTP/1.1 304 Not Modified\r\n" LENGTH "ETag: \"a\"\r\n\r\n", "done;",
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n" LENGTH "\r\n"),
    STAYS("304 for HTTP/1.0", OLD_STAYS, "HTTP/1.1 304 Not Modified\r\n\r\n", "done;",
            "HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\n\r\n"),
    /* interim responses (RFC 9110 section 15.2) */
    STAYS("100", GET, "HTTP/1.1 100 Continue\r\n\r\n" OK LENGTH "\r\nhello", "done;",
            "HTTP/1.1 100 Continue\r\n\r\n" OK LENGTH "\r\nhello"),
    STAYS("103 and 102", GET,
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X\r\nX: a\r\n\r\n"
            "HTTP/1.1 102 Processing\r\n\r\n" OK LENGTH "\r\nhello",
            "done;",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            "HTTP/1.1 102 Processing\r\n\r\n" OK LENGTH "\r\nhello"),
    STAYS("100 is not for HTTP/1.0", OLD, "HTTP/1.1 100 Continue\r\n\r\n" OK LENGTH "\r\nhello",
            "end;", OK LENGTH CLOSE "\r\nhello"),
    /* upgrades */
    STAYS("101", SOCKET,
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"
            "Sec-WebSocket-Accept: a\r\n\r\n\x81\x01",
            "tunnel;",
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\n"
            "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    STAYS("101 after 103", SOCKET,
            "HTTP/1.1 103 Early Hints\r\n\r\n"
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            "tunnel;",
            "HTTP/1.1 103 Early Hints\r\n\r\n"
            "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    STAYS("an upgrade that is declined", SOCKET, OK LENGTH "\r\nhello", "done;",
            OK LENGTH "\r\nhello"),
    STAYS("426", SOCKET,
            "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"
            "Connection: upgrade\r\nContent-Length: 0\r\n\r\n",
            "done;",
            "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n"
            "Content-Length: 0\r\n\r\n"),
    /* fields */
    STAYS("hop by hop", GET,
            OK
            "Connection: X, keep-alive\r\nX: a\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n"
            "Trailer: Y\r\nProxy-Connection: a\r\nServer: b\r\nSet-Cookie: c\r\nSet-Cookie: d\r\n"
            "Content-Length: 0\r\n\r\n",
            "done;", OK "Server: b\r\nSet-Cookie: c\r\nSet-Cookie: d\r\nContent-Length: 0\r\n\r\n"),
    STAYS("no reason", GET, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "done;",
            "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
    STAYS("no reason and no space", GET, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "done;",
            "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
    STAYS("a reason beyond ASCII", GET,
            "HTTP/1.1 404 Pas trouv\xc3\xa9\r\nContent-Length: 0\r\n\r\n", "done;",
            "HTTP/1.1 404 Pas trouv\xc3\xa9\r\nContent-Length: 0\r\n\r\n"),
};

static const struct row refused[] = {
    STAYS("CL.TE", GET, OK LENGTH CHUNKED "\r\n0\r\n\r\n", "502;", ""),
    STAYS("two lengths", GET, OK LENGTH LENGTH "\r\nhello", "502;", ""),
    STAYS("a list of lengths", GET, OK "Content-Length: 5, 5\r\n\r\nhello", "502;", ""),
    STAYS("a malformed length", GET, OK "Content-Length: 5x\r\n\r\nhello", "502;", ""),
    STAYS("TE gzip, chunked", GET, OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "502;", ""),
    STAYS("TE identity", GET, OK "Transfer-Encoding: identity\r\n\r\n", "502;", ""),
    STAYS("TE in HTTP/1.0", GET, "HTTP/1.0 200 OK\r\n" CHUNKED "\r\n0\r\n\r\n", "502;", ""),
    STAYS("a bare LF in the head", GET, OK "X: a\n" LENGTH "\r\nhello", "502;", ""),
    STAYS("a bare CR in a value", GET, OK "X: a\rSet-Cookie: b\r\n\r\n", "502;", ""),
    STAYS("a bare CR in the reason", GET, "HTTP/1.1 200 O\rK\r\n\r\n", "502;", ""),
    STAYS("a NUL in a value", GET, OK "X: a\0b\r\n\r\n", "502;", ""),
    STAYS("obs-fold", GET, OK "X: a\r\n b\r\n" LENGTH "\r\nhello", "502;", ""),
    STAYS("a space before a colon", GET, OK "Content-Length : 5\r\n\r\nhello", "502;", ""),
    STAYS("a name with a space", GET, OK "X Y: a\r\n\r\n", "502;", ""),
    STAYS("a field without a colon", GET, OK "HTTP/1.1 200 OK\r\n\r\n", "502;", ""),
    STAYS("an empty line before", GET, "\r\n" OK LENGTH "\r\nhello", "502;", ""),
    STAYS("a space before", GET, " " OK LENGTH "\r\nhello", "502;", ""),
    STAYS("no HTTP", GET, "SSH-2.0-OpenSSH_9.2\r\n\r\n", "502;", ""),
    STAYS("HTTP/2", GET, "HTTP/2.0 200 OK\r\n\r\n", "502;", ""),
    STAYS("ICY", GET, "ICY 200 OK\r\n\r\n", "502;", ""),
    STAYS("two spaces", GET, "HTTP/1.1  200 OK\r\n\r\n", "502;", ""),
    STAYS("a status of two digits", GET, "HTTP/1.1 20 OK\r\n\r\n", "502;", ""),
    STAYS("a status of four digits", GET, "HTTP/1.1 2000 OK\r\n\r\n", "502;", ""),
    STAYS("a status of 099", GET, "HTTP/1.1 099 OK\r\n\r\n", "502;", ""),
    STAYS("a status of 600", GET, "HTTP/1.1 600 OK\r\n\r\n", "502;", ""),
    STAYS("a status with a sign", GET, "HTTP/1.1 +20 OK\r\n\r\n", "502;", ""),
    STAYS("204 with a body", GET, "HTTP/1.1 204 No Content\r\n" LENGTH "\r\nhello", "502;", ""),
    STAYS("204 with chunks", GET, "HTTP/1.1 204 No Content\r\n" CHUNKED "\r\n0\r\n\r\n", "502;",
            ""),
    STAYS("100 with a body", GET, "HTTP/1.1 100 Continue\r\n" LENGTH "\r\nhello", "502;", ""),
    STAYS("101 unasked", GET, "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            "502;", ""),
    STAYS("101 to h2c", SOCKET, "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            "502;", ""),
    STAYS("101 to nothing", SOCKET, "HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n", "502;", ""),
    STAYS("101 that Connection does not name", SOCKET,
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", "502;", ""),
    ENDS("nothing at all", GET, "", "502;", ""),
    ENDS("half a head", GET, "HTTP/1.1 200 O", "502;", ""),
    ENDS("an interim response alone", GET, "HTTP/1.1 100 Continue\r\n\r\n", "502;",
            "HTTP/1.1 100 Continue\r\n\r\n"),
    /* too late for an answer of ours: the peer sees that it is cut */
    ENDS("half a body", GET, OK LENGTH "\r\nhel", "502 cut;", OK LENGTH "\r\nhel"),
    ENDS("half a chunked body", GET, OK CHUNKED "\r\n5\r\nhello\r\n", "502 cut;",
            OK CHUNKED "\r\n{hello!}"),
    STAYS("a malformed chunk", GET, OK CHUNKED "\r\n5\r\nhello\r\nx\r\n", "502 cut;",
            OK CHUNKED "\r\n{hello!}"),
    STAYS("a chunk that ends in a bare LF", GET, OK CHUNKED "\r\n5\r\nhello\n0\r\n\r\n", "502 cut;",
            OK CHUNKED "\r\n{hello!}"),
    STAYS("a bare LF after a chunk size", GET, OK CHUNKED "\r\n5\nhello\r\n0\r\n\r\n", "502 cut;",
            OK CHUNKED "\r\n{!}"),
};

/* What came before the page of ours, if one did. */
static void
cut_refusal(struct cg_buf *peer)
{
    char *at = strstr(cg_buf_text(peer), "HTTP/1.1 502 Bad Gateway\r\n");

    if (at == NULL)
        return;
    *at = '\0';
    peer->len = strlen(cg_buf_text(peer));
}

static void
run(const struct row *row)
{
    struct drive drive = {
        .peer = { .data = row->request, .len = strlen(row->request) },
        .backend = { .data = row->response, .len = row->len },
        .backend_ends = row->ends,
    };
    struct drive once = drive;
    const char *event;

    drive_run(&once);
    event = strchr(cg_buf_text(&once.events), ';');
    assert_non_null(event);
    if (strcmp(event + 1, row->event) != 0)
        fail_msg("%s: '%s' (%s)", row->what, event + 1, http_why(once.http));
    /* llhttp is the second reader, not the only one */
    if (strstr(http_why(once.http), "llhttp") != NULL)
        fail_msg("%s: %s", row->what, http_why(once.http));
    cut_refusal(&once.to_peer);
    drive_expect(row->what, "the peer", &once.to_peer, row->peer);
    drive_release(&once);
    drive_all_cuts(&drive, row->what);
}

static void
passes_what_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
        run(&passed[i]);
}

static void
refuses_what_a_peer_may_read_in_two_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        run(&refused[i]);
}

/* A tunnel's bytes are the owner's: none of them is used. */
static void
a_tunnel_begins_behind_the_head(void **state)
{
    static const char response[] =
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x05hello";
    struct drive drive = { .peer = INPUT(SOCKET), .backend = INPUT(response) };
    const uint8_t byte = 0x81;
    size_t used = 9;

    (void)state;
    drive_run(&drive);
    assert_int_equal(drive.result, HTTP_TUNNEL);
    assert_int_equal(drive.backend.at, sizeof(response) - 1 - 7);
    assert_int_equal(http_take_peer(drive.http, &byte, 1, &used), HTTP_TUNNEL);
    assert_int_equal(used, 0);
    assert_int_equal(http_take_backend(drive.http, &byte, 1, &used), HTTP_TUNNEL);
    assert_int_equal(used, 0);
    assert_int_equal(http_end_backend(drive.http), HTTP_TUNNEL);
    assert_false(http_refuse(drive.http, 502, NULL));
    drive_release(&drive);
}

static void
interim_responses_are_counted(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct drive drive = { .peer = INPUT(GET) };
        struct cg_buf text;

        cg_buf_init(&text, DRIVE_MAX);
        for (size_t i = 0; i < GW_MAX_HTTP_INTERIMS + more; i++)
            cg_buf_add(&text, "HTTP/1.1 102 Processing\r\n\r\n");
        cg_buf_add(&text, OK LENGTH "\r\nhello");
        drive.backend = (struct input) { .data = text.data, .len = text.len };
        drive_run(&drive);
        assert_string_equal(cg_buf_text(&drive.events),
                more ? "GET / a.example;502;" : "GET / a.example;done;");
        drive_release(&drive);
        cg_buf_release(&text);
    }
}

/* fields: beside the length; size: of the whole head. */
static void
limit(size_t fields, size_t size, const char *wanted)
{
    struct drive drive = { .peer = INPUT(GET) };
    struct cg_buf text;

    cg_buf_init(&text, DRIVE_MAX);
    cg_buf_add(&text, OK "Content-Length: 0\r\n");
    for (size_t i = 0; i < fields; i++)
        cg_buf_add(&text, "X: a\r\n");
    if (size > 0) {
        cg_buf_add(&text, "Y: ");
        while (text.len < size - 4)
            cg_buf_add(&text, "b");
        cg_buf_add(&text, "\r\n");
    }
    cg_buf_add(&text, "\r\n");
    drive.backend = (struct input) { .data = text.data, .len = text.len };
    drive_run(&drive);
    if (strstr(cg_buf_text(&drive.events), wanted) == NULL)
        fail_msg("fields %zu, size %zu: '%s' (%s)", fields, size, cg_buf_text(&drive.events),
                http_why(drive.http));
    drive_release(&drive);
    cg_buf_release(&text);
}

static void
limits_are_where_they_are_said_to_be(void **state)
{
    (void)state;
    limit(GW_MAX_HTTP_FIELDS - 1, 0, ";done;");
    limit(GW_MAX_HTTP_FIELDS, 0, ";502;");
    limit(0, GW_MAX_RESPONSE_HEAD, ";done;");
    limit(0, GW_MAX_RESPONSE_HEAD + 1, ";502;");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_is_sound),
        cmocka_unit_test(refuses_what_a_peer_may_read_in_two_ways),
        cmocka_unit_test(a_tunnel_begins_behind_the_head),
        cmocka_unit_test(interim_responses_are_counted),
        cmocka_unit_test(limits_are_where_they_are_said_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
