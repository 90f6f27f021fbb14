#include "control/assets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
finds_what_a_page_asks_for(void **state)
{
    static const struct {
        const char *path, *type;
    } rows[] = {
        { "/", "text/html; charset=utf-8" },
        { "/app.js", "text/javascript; charset=utf-8" },
        { "/chart.js", "text/javascript; charset=utf-8" },
        { "/style.css", "text/css; charset=utf-8" },
        { "/icon.svg", "image/svg+xml" },
        { "/index.html", NULL },
        { "/app.js/", NULL },
        { "app.js", NULL },
        { "/../app.js", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct asset *asset = asset_find(rows[i].path);

        if ((asset == NULL) != (rows[i].type == NULL))
            fail_msg("%s", rows[i].path);
        if (asset != NULL)
            assert_string_equal(asset->type, rows[i].type);
    }
}

static void
every_file_is_gzip_with_a_tag_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < asset_count; i++) {
        assert_true(assets[i].len > 18);
        assert_int_equal(assets[i].gzip[0], 0x1f);
        assert_int_equal(assets[i].gzip[1], 0x8b);
        assert_int_equal(strlen(assets[i].etag), 34);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(assets[i].etag, assets[j].etag);
    }
}

static void
knows_what_a_browser_has(void **state)
{
    static const struct {
        const char *why, *before, *after;
        bool tag, known;
    } rows[] = {
        { "the tag", "", "", true, true },
        { "a weak one", "W/", "", true, true },
        { "in a list", "\"other\", ", ", \"more\"", true, true },
        { "without spaces", "\"other\",", "", true, true },
        { "any", "*", "", false, true },
        { "another", "\"other\"", "", false, false },
        { "a longer text", "", "x", true, false },
        { "within another", "\"x", "", true, false },
        { "nothing", "", "", false, false },
        { "commas", ",, ,", "", false, false },
    };
    const struct asset *asset = asset_find("/");
    char field[128];

    (void)state;
    assert_non_null(asset);
    assert_false(asset_is_known(asset, NULL));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(field, sizeof(field), "%s%s%s", rows[i].before,
                rows[i].tag ? asset->etag : "", rows[i].after);
        if (asset_is_known(asset, field) != rows[i].known)
            fail_msg("%s: %s", rows[i].why, field);
    }
}

static void
allows_nothing_of_others(void **state)
{
    (void)state;
    assert_non_null(strstr(asset_policy, "default-src 'none'"));
    assert_null(strstr(asset_policy, "unsafe"));
    assert_null(strstr(asset_policy, "http"));
    assert_null(strstr(asset_policy, "*"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_page_asks_for),
        cmocka_unit_test(every_file_is_gzip_with_a_tag_of_its_own),
        cmocka_unit_test(knows_what_a_browser_has),
        cmocka_unit_test(allows_nothing_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
