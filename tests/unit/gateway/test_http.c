/* Whole conversations: one request after the other, and what an owner may ask in between. */
#include "http_drive.h"

#include "gateway/limits.h"

#define HOST "Host: a.example\r\n"
#define OURS "Via: 1.1 certgate\r\nCertgate-Verdict: accept\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static enum http_result
peer(struct http *http, const char *text, size_t *used)
{
    return http_take_peer(http, (const uint8_t *)text, strlen(text), used);
}

static enum http_result
backend(struct http *http, const char *text, size_t *used)
{
    return http_take_backend(http, (const uint8_t *)text, strlen(text), used);
}

/* The output so far, taken. */
static void
expect(struct cg_buf *output, const char *wanted)
{
    assert_string_equal(output->len == 0 ? "" : cg_buf_text(output), wanted);
    cg_buf_drop(output, output->len);
}

static struct http *
asked(const char *request)
{
    struct http *http = http_new();
    size_t used;

    assert_non_null(http);
    assert_int_equal(peer(http, request, &used), HTTP_REQUEST);
    return http;
}

static struct http *
sent(const char *request)
{
    struct http *http = asked(request);

    assert_true(http_forward(http, NULL, 0));
    cg_buf_drop(http_to_backend(http), http_to_backend(http)->len);
    return http;
}

#define GET_A "GET /a HTTP/1.1\r\n" HOST "\r\n"

static void
requests_follow_one_another(void **state)
{
    static const char requests[] = GET_A
            "\r\n" /* RFC 9112 section 2.2 */
            "POST /b HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
            "HEAD /c HTTP/1.1\r\n" HOST "\r\n"
            "PUT /d HTTP/1.1\r\n" HOST "Content-Length: 3\r\nConnection: close\r\n\r\nyou"
            "GET /never HTTP/1.1\r\n" HOST "\r\n";
    static const char responses[] = OK "Content-Length: 1\r\n\r\nA" OK
                                       "Transfer-Encoding: chunked\r\n\r\n1\r\nB\r\n0\r\n\r\n" OK
                                       "Content-Length: 1000\r\n\r\n"
                                       "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nD";
    /* One response a request: more at a time would be more than was asked for. */
    struct drive drive = { .peer = INPUT(requests), .backend = INPUT(responses) };

    (void)state;
    drive.backend.step = 1;
    drive_run(&drive);
    assert_string_equal(cg_buf_text(&drive.events),
            "GET /a a.example;done;POST /b a.example;done;HEAD /c a.example;done;"
            "PUT /d a.example close;end;");
    drive_expect("pipelined", "the backend", &drive.to_backend,
            "GET /a HTTP/1.1\r\n" HOST OURS "POST /b HTTP/1.1\r\n" HOST
            "Transfer-Encoding: chunked\r\n" OURS "{hi}HEAD /c HTTP/1.1\r\n" HOST OURS
            "PUT /d HTTP/1.1\r\n" HOST "Content-Length: 3\r\n" OURS "you");
    drive_expect("pipelined", "the peer", &drive.to_peer,
            OK "Content-Length: 1\r\n\r\nA" OK "Transfer-Encoding: chunked\r\n\r\n{B}" OK
               "Content-Length: 1000\r\n\r\n"
               "HTTP/1.1 201 Created\r\nContent-Length: 1\r\nConnection: close\r\n\r\nD");
    assert_int_equal(drive.peer.len - drive.peer.at, strlen("GET /never HTTP/1.1\r\n" HOST "\r\n"));
    drive_release(&drive);
}

static void
a_smuggled_request_stays_content(void **state)
{
    static const char requests[] = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 47\r\n\r\n"
                                   "GET /admin HTTP/1.1\r\nCertgate-Verdict: accept\r\n\r\n" GET_A;
    static const char responses[] = OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 0\r\n\r\n";
    struct drive drive = { .peer = INPUT(requests), .backend = INPUT(responses) };

    (void)state;
    drive.backend.step = 1;
    drive_run(&drive);
    assert_string_equal(
            cg_buf_text(&drive.events), "POST /a a.example;done;GET /a a.example;done;");
    drive_release(&drive);
}

static void
continue_works_end_to_end(void **state)
{
    struct http *http =
            sent("POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    size_t used;

    (void)state;
    assert_int_equal(backend(http, CONTINUE, &used), HTTP_MORE);
    expect(http_to_peer(http), CONTINUE);
    assert_int_equal(peer(http, "hi", &used), HTTP_WAIT);
    expect(http_to_backend(http), "hi");
    assert_int_equal(backend(http, OK "Content-Length: 0\r\n\r\n", &used), HTTP_DONE);
    expect(http_to_peer(http), OK "Content-Length: 0\r\n\r\n");
    assert_true(http_idle(http));
    http_free(http);
}

/* RFC 9110 section 10.1.1: without its content the request never ends, so the connection does. */
static void
a_final_status_instead_of_continue_ends_the_connection(void **state)
{
    struct http *http =
            sent("POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    size_t used;

    (void)state;
    assert_int_equal(
            backend(http, "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno", &used), HTTP_END);
    expect(http_to_peer(http),
            "HTTP/1.1 417 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    assert_int_equal(peer(http, "hi", &used), HTTP_END);
    assert_int_equal(used, 0);
    assert_int_equal(http_end_backend(http), HTTP_END);
    assert_false(http_refuse(http, 502, NULL));
    http_free(http);
}

/* The content goes on as long as the response does. */
static void
an_early_response_does_not_stop_the_content(void **state)
{
    struct http *http = sent("POST /a HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n");
    size_t used;

    (void)state;
    assert_int_equal(peer(http, "ab", &used), HTTP_MORE);
    assert_int_equal(backend(http, OK "Content-Length: 2\r\n\r\nA", &used), HTTP_MORE);
    assert_int_equal(peer(http, "cd", &used), HTTP_WAIT);
    expect(http_to_backend(http), "abcd");
    assert_int_equal(backend(http, "B", &used), HTTP_END);
    expect(http_to_peer(http), OK "Content-Length: 2\r\nConnection: close\r\n\r\nAB");
    http_free(http);
}

static void
a_body_that_breaks_is_answered_if_nothing_was(void **state)
{
    struct http *http = sent("POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    size_t used;

    (void)state;
    assert_int_equal(backend(http, CONTINUE, &used), HTTP_MORE);
    assert_int_equal(peer(http, "2\r\nhi\r\n-1\r\n", &used), HTTP_BAD);
    expect(http_to_backend(http), "2\r\nhi\r\n");
    assert_int_equal(http_status(http), 400);
    assert_int_equal(backend(http, OK, &used), HTTP_BAD);
    assert_true(http_refuse(http, 400, "abc234"));
    assert_int_equal(peer(http, "", &used), HTTP_END);
    http_free(http);
}

/* Nobody asked: what it says must not become the response to the next request. */
static void
a_backend_that_speaks_unasked_is_spent(void **state)
{
    struct http *http = http_new();
    size_t used;

    (void)state;
    assert_int_equal(backend(http, OK "Content-Length: 0\r\n\r\n", &used), HTTP_CLOSE);
    assert_int_equal(peer(http, GET_A, &used), HTTP_REQUEST);
    assert_int_equal(backend(http, OK, &used), HTTP_CLOSE);
    assert_int_equal(http_end_backend(http), HTTP_CLOSE);
    assert_true(http_forward(http, NULL, 0));
    assert_int_equal(backend(http, OK "Content-Length: 0\r\n\r\nHTTP", &used), HTTP_CLOSE);
    expect(http_to_peer(http), OK "Content-Length: 0\r\n\r\n");
    assert_int_equal(peer(http, GET_A, &used), HTTP_REQUEST);
    http_free(http);
}

/*
 * A backend may answer before it has taken the request. What it did not take would be the beginning of
 * what the next backend connection gets, and the peer has chosen it.
 */
static void
what_an_early_answer_leaves_of_a_request_goes_nowhere(void **state)
{
    static const struct {
        const char *answer;
        bool taken;
        enum http_result wanted;
    } rows[] = {
        { OK "Connection: close\r\nContent-Length: 0\r\n\r\n", false, HTTP_CLOSE },
        { OK "Content-Length: 0\r\n\r\n", false, HTTP_CLOSE },
        { OK "Content-Length: 0\r\n\r\n", true, HTTP_DONE },
    };
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http *http = sent("POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n");

        assert_int_equal(peer(http, "GET /", &used), HTTP_WAIT);
        if (rows[i].taken)
            expect(http_to_backend(http), "GET /");
        assert_int_equal(backend(http, rows[i].answer, &used), rows[i].wanted);
        assert_int_equal(http_to_backend(http)->len, 0);
        assert_int_equal(peer(http, GET_A, &used), HTTP_REQUEST);
        assert_true(http_forward(http, NULL, 0));
        assert_memory_equal(http_to_backend(http)->data, GET_A, sizeof("GET /a") - 1);
        http_free(http);
    }
}

/* RFC 9112 section 8: a connection that broke off does not end a body in order. */
static void
a_body_that_ends_with_its_connection_wants_a_clean_end(void **state)
{
    size_t used;

    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct http *http = sent(GET_A);

        assert_false(http_begun(http));
        assert_int_equal(backend(http, OK "\r\nhalf", &used), HTTP_MORE);
        assert_true(http_begun(http));
        if (broken)
            assert_int_equal(http_break_backend(http), HTTP_BAD);
        else
            assert_int_equal(http_end_backend(http), HTTP_CLOSE);
        http_free(http);
    }
}

static void
a_safe_request_may_be_sent_again(void **state)
{
    static const struct {
        const char *request;
        const char *heard;
        bool again;
    } rows[] = {
        { GET_A, "", true },
        { "HEAD /a HTTP/1.1\r\n" HOST "\r\n", "", true },
        { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "", true },
        { GET_A, "H", false },
        { GET_A, CONTINUE, false },
        { GET_A, OK "Content-Length: 2\r\n\r\n", false },
        { "DELETE /a HTTP/1.1\r\n" HOST "\r\n", "", false },
        { "POST /a HTTP/1.1\r\n" HOST "\r\n", "", false },
        { "GET /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "", false },
    };
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http *http = sent(rows[i].request);

        assert_false(http_again(http));
        assert_int_equal(backend(http, rows[i].heard, &used), HTTP_MORE);
        assert_int_equal(http_end_backend(http), HTTP_BAD);
        assert_int_equal(http_status(http), 502);
        if (http_again(http) != rows[i].again)
            fail_msg("%s'%s'", rows[i].request, rows[i].heard);
        if (rows[i].again) {
            assert_false(http_again(http));
            assert_int_equal(peer(http, "x", &used), HTTP_REQUEST);
            assert_true(http_forward(http, NULL, 0));
            assert_int_equal(http_to_backend(http)->data[0], rows[i].request[0]);
            cg_buf_drop(http_to_backend(http), http_to_backend(http)->len);
            assert_int_equal(backend(http, "HTTP/1.1 204 X\r\n\r\n", &used), HTTP_DONE);
        }
        http_free(http);
    }
}

#define PAGE(status, phrase)                                                                       \
    "HTTP/1.1 " status " " phrase "\r\nContent-Type: text/html; charset=utf-8\r\n"
#define JSON(status, phrase) "HTTP/1.1 " status " " phrase "\r\nContent-Type: application/json\r\n"
#define REST "Cache-Control: no-store\r\nConnection: close\r\n\r\n"

static void
refusals_say_what_and_which_and_never_why(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
        const char *incident;
        const char *wanted;
    } rows[] = {
        { GET_A, 403, "abc234",
                PAGE("403", "Forbidden") "Content-Length: 87\r\n" REST
                                         "<!doctype html>\n<title>403 Forbidden</title>\n"
                                         "<h1>Forbidden</h1>\n<p>Incident abc234</p>\n" },
        { GET_A, 503, NULL,
                PAGE("503", "Service Unavailable") "Content-Length: 84\r\n" REST "<!doctype html>\n"
                                                   "<title>503 Service Unavailable</title>\n"
                                                   "<h1>Service Unavailable</h1>\n" },
        { "GET /a HTTP/1.1\r\n" HOST "Accept: text/plain, application/json;q=0.9\r\n\r\n", 403,
                "abc234",
                JSON("403", "Forbidden") "Content-Length: 55\r\n" REST
                                         "{\"status\":403,\"error\":\"Forbidden\","
                                         "\"incident\":\"abc234\"}\n" },
        { "GET /a HTTP/1.1\r\n" HOST "Accept: text/html\r\nAccept: application/json\r\n\r\n", 499,
                NULL,
                PAGE("499", "Refused") "Content-Length: 60\r\n" REST
                                       "<!doctype html>\n<title>499 Refused</title>\n"
                                       "<h1>Refused</h1>\n" },
        { "HEAD /a HTTP/1.1\r\n" HOST "\r\n", 403, "abc234",
                PAGE("403", "Forbidden") "Content-Length: 87\r\n" REST },
    };
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http *http = asked(rows[i].request);

        assert_true(http_refuse(http, rows[i].status, rows[i].incident));
        expect(http_to_peer(http), rows[i].wanted);
        assert_int_equal(http_to_backend(http)->len, 0);
        assert_int_equal(peer(http, GET_A, &used), HTTP_END);
        assert_int_equal(used, 0);
        assert_false(http_forward(http, NULL, 0));
        assert_false(http_refuse(http, 403, NULL));
        http_free(http);
    }
}

static void
what_the_gateway_adds_is_checked_too(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        bool good;
    } rows[] = {
        { "X-Line", "a b", true },
        { "X-Line", "", true },
        { "X-Line", "a\r\nY: b", false },
        { "X-Line", "a\n", false },
        { "X-Line", " a", false },
        { "X-Line", "\x7f", false },
        { "X Line", "a", false },
        { "", "a", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http *http = asked("GET /a HTTP/1.1\r\n" HOST "X_LINE: theirs\r\n\r\n");
        struct http_field field = {
            .name = rows[i].name,
            .value = cg_span(rows[i].value, strlen(rows[i].value)),
        };

        if (http_forward(http, &field, 1) != rows[i].good)
            fail_msg("%s: %s", rows[i].name, rows[i].value);
        /* and a name that is ours is not theirs, in whatever spelling */
        assert_null(strstr(cg_buf_text(http_to_backend(http)), "theirs"));
        assert_int_equal(http_to_backend(http)->len != 0, rows[i].good);
        http_free(http);
    }
    for (size_t i = 0; i < 3; i++) {
        const char *incidents[] = { "a\r\n", "<b>", "\"" };
        struct http *http = asked(GET_A);

        assert_false(http_refuse(http, 403, incidents[i]));
        http_free(http);
    }
}

static void
refuses_before_a_request_was_whole(void **state)
{
    struct http *http = http_new();
    size_t used;

    (void)state;
    assert_true(http_idle(http));
    assert_null(http_request(http));
    assert_int_equal(peer(http, "GET /a HT", &used), HTTP_MORE);
    assert_false(http_idle(http));
    assert_null(http_request(http));
    assert_false(http_forward(http, NULL, 0));
    assert_true(http_refuse(http, 408, NULL));
    assert_memory_equal(cg_buf_text(http_to_peer(http)), "HTTP/1.1 408 ", 13);
    http_free(http);
}

/* An owner that does not look at its mark is stopped before memory is. */
static void
output_is_bounded(void **state)
{
    static uint8_t block[GW_RELAY_BYTES];
    struct http *http =
            sent("POST /a HTTP/1.1\r\n" HOST "Content-Length: 8707199254740991\r\n\r\n");
    enum http_result result = HTTP_MORE;
    size_t used, taken = 0;

    (void)state;
    while (result == HTTP_MORE) {
        result = http_take_peer(http, block, sizeof(block), &used);
        taken += used;
        assert_true(taken <= GW_MAX_HTTP_OUTPUT + sizeof(block));
    }
    assert_int_equal(result, HTTP_BAD);
    assert_int_equal(http_status(http), 500);
    http_free(http);
}

static void
output_is_taken_from_its_front(void **state)
{
    struct http *http = sent("POST /a HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\n");
    struct cg_buf *output = http_to_backend(http);
    size_t used;

    (void)state;
    assert_int_equal(peer(http, "abcd", &used), HTTP_MORE);
    cg_buf_drop(output, 3);
    assert_int_equal(peer(http, "ef", &used), HTTP_WAIT);
    assert_int_equal(output->len, 3);
    assert_memory_equal(output->data, "def", 3);
    cg_buf_drop(output, 3);
    assert_int_equal(output->len, 0);
    assert_null(output->data);
    http_free(http);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_one_another),
        cmocka_unit_test(a_smuggled_request_stays_content),
        cmocka_unit_test(continue_works_end_to_end),
        cmocka_unit_test(a_final_status_instead_of_continue_ends_the_connection),
        cmocka_unit_test(an_early_response_does_not_stop_the_content),
        cmocka_unit_test(a_body_that_breaks_is_answered_if_nothing_was),
        cmocka_unit_test(a_backend_that_speaks_unasked_is_spent),
        cmocka_unit_test(what_an_early_answer_leaves_of_a_request_goes_nowhere),
        cmocka_unit_test(a_body_that_ends_with_its_connection_wants_a_clean_end),
        cmocka_unit_test(a_safe_request_may_be_sent_again),
        cmocka_unit_test(refusals_say_what_and_which_and_never_why),
        cmocka_unit_test(what_the_gateway_adds_is_checked_too),
        cmocka_unit_test(refuses_before_a_request_was_whole),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(output_is_taken_from_its_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
