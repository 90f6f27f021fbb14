/* Records that repeat one of before: counted without being parsed, and never taken for another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "control/repeats.h"

#define HEAD(time, incident, peer)                                                                 \
    "{\"v\":1,\"time\":\"2026-11-25T09:04:" time "Z\",\"node\":\"a\",\"incident\":\"" incident     \
    "\",\"interface\":\"web\",\"service\":\"https\",\"peer\":" peer                                \
    ",\"class\":\"other\",\"sni\":"                                                                \
    "null,\"resumed\":false,\"presented\":2,"
#define TAIL                                                                                       \
    "\"verdict\":\"accept\",\"reason\":null,\"certificate\":{\"sha256\":\"aa\",\"subject\":\"CN="  \
    "\\\"a\\\"\"}}"

struct told {
    unsigned calls, times;
    int64_t time_ms;
    char peer[64], sha256[8];
};

static void
on_settled(void *arg, const struct journal_entry *entry, unsigned times)
{
    struct told *told = arg;

    told->calls++;
    told->times += times;
    told->time_ms = entry->time_ms;
    (void)snprintf(told->peer, sizeof(told->peer), "%s", entry->peer);
    (void)snprintf(told->sha256, sizeof(told->sha256), "%s", entry->sha256);
}

static void
keep(struct repeats *repeats, const char *json, struct told *told)
{
    struct journal_entry entry;

    assert_true(journal_entry_parse(json, strlen(json), &entry));
    repeats_keep(repeats, json, strlen(json), &entry, on_settled, told);
    journal_entry_release(&entry);
}

/* clang-format off */
static const struct {
    const char *why;
    const char *json;
    bool again;
} rows[] = {
    { "another time, incident and port", HEAD("23.001", "b", "\"192.0.2.1:6\"") TAIL, true },
    { "no peer", HEAD("23.001", "b", "null") TAIL, true },
    { "another interface", "{\"v\":1,\"time\":\"2026-11-25T09:04:23.001Z\",\"node\":\"a\",\"incident\":\"b\",\"interface\":\"sip\",\"service\":"
      "\"https\",\"peer\":null,\"class\":\"other\",\"sni\":null,\"resumed\":false,\"presented\":2," TAIL, false },
    { "a member more", HEAD("23.001", "b", "null") "\"live\":\"close\"," TAIL, false },
    { "another verdict", HEAD("23.001", "b", "null") "\"verdict\":\"reject\",\"reason\":null,\"certificate\":{\"sha256\":\"aa\","
      "\"subject\":\"CN=\\\"a\\\"\"}}", false },
    { "another certificate", HEAD("23.001", "b", "null") "\"verdict\":\"accept\",\"reason\":null,\"certificate\":{\"sha256\":\"ab\","
      "\"subject\":\"CN=\\\"a\\\"\"}}", false },
    { "more at the end", HEAD("23.001", "b", "null") TAIL " ", false },
    { "an escape before the verdict", HEAD("23.001", "b", "\"\\u0031\"") TAIL, false },
    { "no time", "{\"v\":1,\"node\":\"a\",\"interface\":\"web\",\"service\":\"https\",\"class\":\"other\",\"resumed\":false,\"presented\":2," TAIL, false },
    { "nothing", "", false },
    { "no object", "[" TAIL "]", false },
    { "cut in its head", "{\"v\":1,\"time\":\"2026-11-25T09:04:23.001Z\",\"interface\":\"we", false },
};
/* clang-format on */

static void
test_only_the_same_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct repeats *repeats = repeats_new();
        size_t len = strlen(rows[i].json);
        char *exact = malloc(len + 1); /* so that a sanitizer sees a read behind the end */
        struct told told = { 0 };

        memcpy(exact + 1, rows[i].json, len);
        keep(repeats, HEAD("22.068", "a", "\"192.0.2.1:5\"") TAIL, &told);
        if ((repeats_count(repeats, exact + 1, len) != NULL) != rows[i].again)
            fail_msg("%s", rows[i].why);
        free(exact);
        repeats_free(repeats);
    }
}

/* What the log's index gets of a record that was not parsed. */
static void
says_what_is_parsed(const struct journal_facts *facts, const char *json, size_t len)
{
    struct journal_entry entry;

    assert_true(journal_entry_parse(json, len, &entry));
    assert_int_equal(facts->time_ms, entry.time_ms);
    assert_string_equal(facts->incident, entry.incident);
    assert_string_equal(facts->decided_in, entry.decided_in);
    assert_string_equal(facts->interface, entry.interface);
    assert_string_equal(facts->class, entry.class);
    assert_string_equal(facts->reason, entry.reason);
    assert_string_equal(facts->sha256, entry.sha256);
    assert_string_equal(facts->peer, entry.peer);
    assert_int_equal(facts->accepted, entry.accepted);
    journal_entry_release(&entry);
}

static void
test_what_came_again_is_told_once_with_the_last_of_it(void **state)
{
    struct repeats *repeats = repeats_new();
    struct told told = { 0 };
    const struct repeat *repeat;
    static const char third[] = HEAD("25.500", "c", "\"192.0.2.1:7\"") TAIL;
    static const char second[] = HEAD("23.001", "b", "\"192.0.2.1:6\"") TAIL;

    (void)state;
    assert_null(repeats_count(repeats, second, sizeof(second) - 1));
    keep(repeats, HEAD("22.068", "a", "\"192.0.2.1:5\"") TAIL, &told);
    repeats_settle(repeats, on_settled, &told);
    assert_int_equal(told.calls, 0); /* the first was parsed and counted by whoever parsed it */
    assert_non_null(repeats_count(repeats, second, sizeof(second) - 1));
    repeat = repeats_count(repeats, third, sizeof(third) - 1);
    assert_non_null(repeat);
    says_what_is_parsed(&repeat->facts, third, sizeof(third) - 1);
    repeats_settle(repeats, on_settled, &told);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.times, 2);
    assert_int_equal(told.time_ms % 60000, 25500);
    assert_string_equal(told.peer, "192.0.2.1:7");
    assert_string_equal(told.sha256, "aa");
    repeats_settle(repeats, on_settled, &told);
    assert_int_equal(told.calls, 1);
    repeats_free(repeats);
}

/* More kinds than there are places: none is lost on the way. */
static void
test_what_is_driven_out_is_told_before(void **state)
{
    struct repeats *repeats = repeats_new();
    struct told told = { 0 };
    char json[1024];
    unsigned counted = 0;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3 * REPEATS_PLACES; i++) {
            (void)snprintf(json, sizeof(json),
                    HEAD("22.068", "a",
                            "null") "\"verdict\":\"accept\",\"certificate\":{\"sha256\":\"%u\"}}",
                    i);
            if (repeats_count(repeats, json, strlen(json)) != NULL)
                counted++;
            else
                keep(repeats, json, &told);
            if (i % 3 == 0 && repeats_count(repeats, json, strlen(json)) != NULL)
                counted++;
        }
    }
    repeats_settle(repeats, on_settled, &told);
    assert_true(counted >= 2 * REPEATS_PLACES);
    assert_int_equal(told.times, counted);
    repeats_free(repeats);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_same_is_the_same),
        cmocka_unit_test(test_what_came_again_is_told_once_with_the_last_of_it),
        cmocka_unit_test(test_what_is_driven_out_is_told_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
