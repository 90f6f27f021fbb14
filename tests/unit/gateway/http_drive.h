/*
 * Carries a whole conversation through src/gateway/http.h, cut into pieces as the test wants. Every piece
 * lies in memory of its own, so that the sanitizers see whoever looks beyond or back.
 */
#ifndef TESTS_HTTP_DRIVE_H
#define TESTS_HTTP_DRIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http.h"

#define DRIVE_MAX (1024 * 1024)
#define DRIVE_CHUNKED "\r\nTransfer-Encoding: chunked\r\n"

/* What one side sends: all at once, or `step` octets at a time, or in two pieces cut at `cut`. */
struct input {
    const char *data;
    size_t len;
    size_t step;
    size_t cut;
    size_t at;
};

#define INPUT(text)                                                                                \
    (struct input)                                                                                 \
    {                                                                                              \
        .data = (text), .len = sizeof(text) - 1                                                    \
    }

struct drive {
    struct http *http;
    struct input peer;
    struct input backend;
    bool backend_ends; /* it closes after its last octet */
    struct cg_buf
            events; /* "GET /a example.test" for a request, then how it went, ';' behind each */
    struct cg_buf to_backend;
    struct cg_buf to_peer;
    enum http_result result; /* the last one */
};

typedef enum http_result take_function(
        struct http *http, const uint8_t *data, size_t len, size_t *used);

static inline void
drive_collect(struct drive *drive)
{
    struct cg_buf *from[] = { http_to_backend(drive->http), http_to_peer(drive->http) };
    struct cg_buf *to[] = { &drive->to_backend, &drive->to_peer };

    for (size_t i = 0; i < 2; i++) {
        cg_buf_add_bytes(to[i], from[i]->data, from[i]->len);
        cg_buf_drop(from[i], from[i]->len);
    }
}

/* Feeds one side until it blocks, or says something else than "more". */
static inline enum http_result
drive_feed(struct drive *drive, struct input *input, take_function *take)
{
    enum http_result result = HTTP_MORE;

    while (result == HTTP_MORE && input->at < input->len) {
        size_t len = input->len - input->at, used = 0;
        uint8_t *piece;

        if (input->step != 0 && len > input->step)
            len = input->step;
        else if (input->at < input->cut)
            len = input->cut - input->at;
        piece = malloc(len);
        assert_non_null(piece);
        memcpy(piece, input->data + input->at, len);
        result = take(drive->http, piece, len, &used);
        free(piece);
        assert_true(used <= len);
        assert_true(result != HTTP_MORE || used == len);
        input->at += used;
        drive_collect(drive);
    }
    return result;
}

static inline void
drive_request(struct drive *drive)
{
    static const struct http_field ours = {
        .name = "Certgate-Verdict",
        .value = { (const uint8_t *)"accept", 6 },
    };
    const struct http_request *request = http_request(drive->http);

    assert_non_null(request);
    assert_int_equal(http_to_backend(drive->http)->len, 0);
    cg_buf_add_bytes(&drive->events, request->method.data, request->method.len);
    cg_buf_add(&drive->events, " ");
    cg_buf_add_bytes(&drive->events, request->path.data, request->path.len);
    cg_buf_add(&drive->events, " ");
    cg_buf_add_bytes(&drive->events, request->host.data, request->host.len);
    cg_buf_addf(&drive->events, "%s%s%s;", request->path_ambiguous ? " ambiguous" : "",
            request->upgrade_websocket ? " websocket" : "", request->keep_alive ? "" : " close");
    assert_true(http_forward(drive->http, &ours, 1));
}

/* Refuses what is bad, as an owner would. */
static inline void
drive_bad(struct drive *drive)
{
    assert_string_not_equal(http_why(drive->http), "");
    cg_buf_addf(&drive->events, "%u%s;", http_status(drive->http),
            http_refuse(drive->http, http_status(drive->http), "abc234") ? "" : " cut");
}

/* True when the conversation goes on. */
static inline bool
drive_turn(struct drive *drive)
{
    static const char *const names[] = {
        [HTTP_DONE] = "done;",
        [HTTP_CLOSE] = "close;",
        [HTTP_END] = "end;",
        [HTTP_TUNNEL] = "tunnel;",
    };
    enum http_result result = drive_feed(drive, &drive->peer, http_take_peer);

    if (result == HTTP_MORE || result == HTTP_WAIT) {
        if (drive->backend.at < drive->backend.len)
            result = drive_feed(drive, &drive->backend, http_take_backend);
        if (result == HTTP_MORE && drive->backend_ends)
            result = http_end_backend(drive->http);
    }
    drive->result = result;
    if (result == HTTP_REQUEST)
        drive_request(drive);
    else if (result == HTTP_BAD)
        drive_bad(drive);
    else if (result != HTTP_MORE && result != HTTP_WAIT)
        cg_buf_add(&drive->events, names[result]);
    drive_collect(drive);
    return result == HTTP_REQUEST ||
            ((result == HTTP_DONE || result == HTTP_CLOSE) && drive->peer.at < drive->peer.len);
}

static inline void
drive_start(struct drive *drive)
{
    drive->http = http_new();
    assert_non_null(drive->http);
    cg_buf_init(&drive->events, DRIVE_MAX);
    cg_buf_init(&drive->to_backend, DRIVE_MAX);
    cg_buf_init(&drive->to_peer, DRIVE_MAX);
}

static inline void
drive_run(struct drive *drive)
{
    drive_start(drive);
    while (drive_turn(drive))
        continue;
}

static inline void
drive_release(struct drive *drive)
{
    http_free(drive->http);
    cg_buf_release(&drive->events);
    cg_buf_release(&drive->to_backend);
    cg_buf_release(&drive->to_peer);
}

/*
 * Messages with the chunks of each body joined to one, "{…}", and "!" where the last chunk is missing:
 * how a body is cut into chunks depends on how it came.
 */
static inline void
drive_join(const struct cg_buf *from, struct cg_buf *to)
{
    const char *text = cg_buf_text(from);
    size_t at = 0, size;

    cg_buf_init(to, DRIVE_MAX);
    while (at < from->len) {
        const char *end = strstr(text + at, "\r\n\r\n");
        const char *chunked = strstr(text + at, DRIVE_CHUNKED);
        size_t body = end == NULL ? from->len : (size_t)(end - text) + 4;

        cg_buf_add_bytes(to, text + at, body - at);
        at = body;
        if (end == NULL || chunked == NULL || chunked > end)
            continue;
        cg_buf_add(to, "{");
        for (size = 1; at < from->len && size != 0; at += size + 2) {
            size = strtoul(text + at, NULL, 16);
            at += strcspn(text + at, "\r") + 2;
            assert_true(at + size + 2 <= from->len);
            assert_memory_equal(text + at + size, "\r\n", 2);
            cg_buf_add_bytes(to, text + at, size);
        }
        cg_buf_add(to, size == 0 ? "}" : "!}");
    }
}

/* Everything that the conversation came to, for comparison. */
static inline char *
drive_outcome(struct drive *drive)
{
    struct cg_buf text, side;

    cg_buf_init(&text, 2 * DRIVE_MAX);
    cg_buf_addf(&text, "%s\n(%s)\n-- to the backend\n", cg_buf_text(&drive->events),
            drive->http == NULL ? "" : http_why(drive->http));
    drive_join(&drive->to_backend, &side);
    cg_buf_add_bytes(&text, side.data, side.len);
    cg_buf_release(&side);
    cg_buf_add(&text, "\n-- to the peer\n");
    drive_join(&drive->to_peer, &side);
    cg_buf_add_bytes(&text, side.data, side.len);
    cg_buf_release(&side);
    return cg_buf_take(&text);
}

static inline void
drive_same(const struct drive *like, const char *what, const char *wanted, size_t step,
        size_t peer_cut, size_t backend_cut)
{
    struct drive drive = *like;
    char *outcome;

    drive.peer.step = step;
    drive.backend.step = step;
    drive.peer.cut = peer_cut;
    drive.backend.cut = backend_cut;
    drive_run(&drive);
    outcome = drive_outcome(&drive);
    if (strcmp(outcome, wanted) != 0)
        fail_msg("%s: steps of %zu, peer cut at %zu, backend at %zu:\n%s\n==== instead of\n%s",
                what, step, peer_cut, backend_cut, outcome, wanted);
    free(outcome);
    drive_release(&drive);
}

/* The same conversation octet by octet, and with each side cut in two at every place. */
static inline void
drive_all_cuts(const struct drive *like, const char *what)
{
    struct drive whole = *like;
    char *wanted;

    drive_run(&whole);
    wanted = drive_outcome(&whole);
    drive_release(&whole);
    drive_same(like, what, wanted, 1, 0, 0);
    drive_same(like, what, wanted, 3, 0, 0);
    for (size_t cut = 1; cut < like->peer.len; cut++)
        drive_same(like, what, wanted, 0, cut, 0);
    for (size_t cut = 1; cut < like->backend.len; cut++)
        drive_same(like, what, wanted, 0, 0, cut);
    free(wanted);
}

static inline void
drive_expect(const char *what, const char *side, const struct cg_buf *got, const char *wanted)
{
    struct cg_buf joined;

    drive_join(got, &joined);
    if (strcmp(cg_buf_text(&joined), wanted) != 0)
        fail_msg("%s: %s got\n%s\n==== instead of\n%s", what, side, cg_buf_text(&joined), wanted);
    cg_buf_release(&joined);
}

#endif
