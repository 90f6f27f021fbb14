#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "folder.h"
#include "journal/query.h"

/* 2026-11-25T00:00:00Z */
#define START INT64_C(1795564800)
#define INCIDENT "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ORIGIN "bbbbbbbbbbbbbbbbbbbbbbbbbb"

/* The record of one moment; its class tells which it is. */
static void
add_record(struct cg_buf *out, int64_t second, const char *name, const char *interface,
        const char *more)
{
    cg_buf_add(out, "{\"v\":1,\"time\":\"");
    cg_buf_add_time(out, START + second);
    cg_buf_addf(out, "\",\"interface\":\"%s\",\"class\":\"%s\",\"verdict\":\"accept\"%s}\n",
            interface, name, more);
}

/* A file of one record for each word: "second:name". */
static void
put_records(const struct folder *folder, const char *suffix, const char *words)
{
    struct cg_buf lines;
    int second, used;
    char name[32];

    cg_buf_init(&lines, 64 * 1024);
    for (; sscanf(words, "%d:%31s%n", &second, name, &used) == 2; words += used)
        add_record(&lines, second, name, name[0] == 'w' ? "web" : "sip", "");
    folder_put(folder, suffix, cg_buf_text(&lines));
    cg_buf_release(&lines);
}

static void
note_name(void *arg, const struct journal_entry *entry, const char *line, size_t len)
{
    (void)line;
    (void)len;
    cg_buf_addf(arg, "%s%s", ((struct cg_buf *)arg)->len == 0 ? "" : " ", entry->class);
}

/* The names of one page. */
static const char *
page_of(const struct folder *folder, const struct journal_query *query, struct journal_page *page,
        char *out, size_t size)
{
    struct cg_error err = { "" };
    struct cg_buf names;

    cg_buf_init(&names, 64 * 1024);
    if (journal_query_run(folder->log, query, note_name, &names, page, &err) != CG_OK)
        fail_msg("%s", err.text);
    (void)snprintf(out, size, "%s", cg_buf_text(&names));
    cg_buf_release(&names);
    return out;
}

static struct journal_query
ask(unsigned limit)
{
    struct journal_query query = { .limit = limit };

    journal_filter_init(&query.filter);
    return query;
}

static void
test_pages(void **state)
{
    const struct folder *folder = *state;
    struct journal_query query = ask(3);
    struct journal_page page;
    char text[128];

    put_records(folder, ".2", "1:w1 2:s2");
    put_records(folder, ".1", "3:w3");
    folder_put(folder, "", "");
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "w3 s2 w1");
    assert_string_equal(page.next, "");
    put_records(folder, "", "4:s4 5:w5");
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "w5 s4 w3");
    query.before = strdup(page.next);
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "s2 w1");
    assert_false(page.cut);
    assert_string_equal(page.next, "");
    free((char *)(uintptr_t)query.before);
    query = ask(1);
    query.filter.interfaces[query.filter.interface_count++] = "web";
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "w5");
    query.before = strdup(page.next);
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "w3");
    free((char *)(uintptr_t)query.before);
}

static void
rename_log(const struct folder *folder, const char *from, const char *to)
{
    char old[128], new[128];

    (void)snprintf(old, sizeof(old), "%s%s", folder->log, from);
    (void)snprintf(new, sizeof(new), "%s%s", folder->log, to);
    assert_int_equal(rename(old, new), 0);
}

static void
test_a_page_goes_on_after_a_rotation(void **state)
{
    const struct folder *folder = *state;
    struct journal_query query = ask(2);
    struct journal_page page;
    char text[128], path[128];

    put_records(folder, ".1", "1:a 2:b 3:c");
    put_records(folder, "", "4:d 5:e 6:f");
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "f e");
    rename_log(folder, ".1", ".2");
    rename_log(folder, "", ".1");
    put_records(folder, "", "7:g");
    query.before = strdup(page.next);
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "d c");
    /* The record that the token tells of is gone, and something else has its place: its time counts. */
    (void)snprintf(path, sizeof(path), "%s.1", folder->log);
    assert_int_equal(unlink(path), 0);
    put_records(folder, ".1", "2:x 4:y 90:z");
    query.limit = 10;
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "y x c b a");
    free((char *)(uintptr_t)query.before);
}

static void
test_from_and_to(void **state)
{
    static const struct {
        const char *why;
        int64_t since, until;
        const char *expect;
    } rows[] = {
        { "both ends are in it", 100, 400, "d c b a" },
        { "the first", -1000, 100, "a" },
        { "the last", 400, 1000, "d" },
        { "between two", 201, 299, "" },
        { "one that was written late", 200, 200, "b" },
    };
    const struct folder *folder = *state;
    struct journal_query query = ask(10);
    struct journal_page page;
    char text[128];

    put_records(folder, ".1", "100:a 200:b");
    put_records(folder, "", "300:c 400:d");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        query.filter.since_ms = (START + rows[i].since) * 1000;
        query.filter.until_ms = (START + rows[i].until) * 1000;
        if (strcmp(page_of(folder, &query, &page, text, sizeof(text)), rows[i].expect) != 0)
            fail_msg("%s: '%s' is not '%s'", rows[i].why, text, rows[i].expect);
    }
}

/* Enough for the end to be looked for by halving, and for the budget to count. */
static void
test_large(void **state)
{
    const struct folder *folder = *state;
    struct journal_query query = ask(2);
    struct journal_page page;
    struct cg_buf lines;
    char text[128], name[16], before[JOURNAL_TOKEN_SIZE] = "";
    unsigned pages = 0;

    cg_buf_init(&lines, 64 * 1024 * 1024);
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        add_record(&lines, i, name, i == 7 ? "rare" : "web",
                ",\"fill\":\"........................................................"
                "................................................................\"");
    }
    folder_put(folder, "", cg_buf_text(&lines));
    cg_buf_release(&lines);
    query.filter.until_ms = (START + 3000) * 1000;
    query.budget = 3 * 1024 * 1024;
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), "n3000 n2999");
    assert_false(page.cut);
    query = ask(2);
    query.filter.interfaces[query.filter.interface_count++] = "rare";
    query.budget = 1;
    query.before = before;
    do {
        (void)page_of(folder, &query, &page, text, sizeof(text));
        memcpy(before, page.next, sizeof(before));
        pages++;
    } while (page.cut && page.count == 0);
    /* Each call read a part only, and the search went on where it had ended. */
    assert_string_equal(text, "n7");
    assert_true(pages >= 4);
}

/* Lines of every awkward length come backwards as they come forwards. */
static void
test_lines_of_any_length(void **state)
{
    static const size_t lengths[] = { 10, JOURNAL_MAX_LINE, 1, 400000, JOURNAL_MAX_LINE - 1, 0,
        JOURNAL_MAX_LINE + 1, JOURNAL_MAX_LINE, 3000000, 77, JOURNAL_MAX_LINE, JOURNAL_MAX_LINE,
        JOURNAL_MAX_LINE, JOURNAL_MAX_LINE, 20, 0, 1100000, 5 };
    const struct folder *folder = *state;
    const size_t count = sizeof(lengths) / sizeof(lengths[0]);
    struct journal_query query = ask(100);
    struct journal_page page;
    struct cg_buf lines, expect;
    char text[256], name[32];
    size_t before;

    cg_buf_init(&lines, 64 * 1024 * 1024);
    cg_buf_init(&expect, 4096);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "n%zu", i);
        before = lines.len;
        add_record(&lines, (int64_t)i, name, "web", ",\"f\":\"");
        lines.len -= 2; /* "}\n" */
        while (lines.len - before + 2 < lengths[i])
            cg_buf_add(&lines, ".");
        cg_buf_add(&lines, "\"}\n");
    }
    cg_buf_add(&lines, "{\"v\":1,\"torn");
    folder_put(folder, "", cg_buf_text(&lines));
    for (size_t i = count; i-- > 0;)
        if (lengths[i] <= JOURNAL_MAX_LINE)
            cg_buf_addf(&expect, "%sn%zu", expect.len == 0 ? "" : " ", i);
    assert_string_equal(page_of(folder, &query, &page, text, sizeof(text)), cg_buf_text(&expect));
    cg_buf_release(&lines);
    cg_buf_release(&expect);
}

static void
test_what_is_no_question(void **state)
{
    static const char *const tokens[] = { "x", "1-2", "1-2-3-4", "1-2-3x", "-1-2-3", "1--3",
        "1-8000000000000000-3", "11111111111111111-2-3" };
    const struct folder *folder = *state;
    struct journal_query query = ask(10);
    struct journal_page page;
    struct cg_error err;

    assert_int_equal(
            journal_query_run(folder->log, &query, note_name, NULL, &page, &err), CG_E_USAGE);
    assert_non_null(strstr(err.text, "No such file"));
    folder_put(folder, "", "");
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        query.before = tokens[i];
        if (journal_query_run(folder->log, &query, note_name, NULL, &page, &err) != CG_E_USAGE)
            fail_msg("%s was taken for a token", tokens[i]);
    }
    query = ask(0);
    assert_int_equal(
            journal_query_run(folder->log, &query, note_name, NULL, &page, &err), CG_E_USAGE);
    query = ask(JOURNAL_MAX_PAGE + 1);
    assert_int_equal(
            journal_query_run(folder->log, &query, note_name, NULL, &page, &err), CG_E_USAGE);
}

static void
test_incident(void **state)
{
    const struct folder *folder = *state;
    struct journal_incident *found;
    struct cg_error err;
    struct cg_buf lines, story;

    cg_buf_init(&lines, 64 * 1024);
    add_record(&lines, 1, "origin", "web", ",\"incident\":\"" ORIGIN "\"");
    add_record(&lines, 2, "later", "web", ",\"incident\":\"" ORIGIN "\"");
    folder_put(folder, ".1", cg_buf_text(&lines));
    lines.len = 0;
    add_record(&lines, 3, "first", "web",
            ",\"incident\":\"" INCIDENT "\",\"resumed\":true,\"decided_in\":\"" ORIGIN "\"");
    add_record(&lines, 4, "other", "web", ",\"incident\":\"cccccccccccccccccccccccccc\"");
    add_record(&lines, 5, "second", "web",
            ",\"incident\":\"" INCIDENT "\",\"resumed\":true,\"decided_in\":\"" ORIGIN "\"");
    folder_put(folder, "", cg_buf_text(&lines));
    assert_int_equal(journal_incident_find(folder->log, INCIDENT, &found, &err), CG_OK);
    assert_int_equal(found->count, 2);
    assert_string_equal(found->entries[0].class, "first");
    assert_string_equal(found->entries[1].class, "second");
    assert_true(found->has_decided);
    assert_string_equal(found->decided.class, "origin");
    cg_buf_init(&story, JOURNAL_MAX_STORY);
    journal_incident_tell(found, &story);
    assert_non_null(strstr(cg_buf_text(&story), "2 decisions on one connection"));
    assert_non_null(strstr(cg_buf_text(&story), "in which that session was decided"));
    cg_buf_release(&story);
    journal_incident_free(found);
    assert_int_equal(
            journal_incident_find(folder->log, "dddddddddddddddddddddddddd", &found, &err), CG_OK);
    assert_int_equal(found->count, 0);
    journal_incident_free(found);
    cg_buf_release(&lines);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)
        TEST(test_pages),
        TEST(test_a_page_goes_on_after_a_rotation),
        TEST(test_from_and_to),
        TEST(test_large),
        TEST(test_lines_of_any_length),
        TEST(test_what_is_no_question),
        TEST(test_incident),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
