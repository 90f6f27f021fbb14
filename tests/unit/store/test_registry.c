/* Names and values of settings. */
#include "store/fixture.h"

static const struct {
    const char *name, *value;
    const char *kept; /* NULL: refused */
} values[] = {
    { "checks.management", "none", "none" },
    { "checks.management", "high+remote", "high+remote" },
    { "checks.management", "High", NULL },
    { "checks.management", "custom", NULL },
    { "checks.management", "", NULL },
    { "checks.telephony", "medium ", NULL },
    { "line.hq.level", "high", "high" },
    { "line.hq.level", "medium+remote", NULL },
    { "line.hq.level", "high+remote", NULL },
    { "trunk.sm.level", "high+remote", "high+remote" },
    { "service.web.security", "secure-high", "secure-high" },
    { "service.web.security", "disabled", "disabled" },
    { "service.web.security", "secure", NULL },
    { "interface.web.live", "drain", "drain" },
    { "interface.web.live", "cut", NULL },
    { "partial-chain", "true", "true" },
    { "partial-chain", "yes", NULL },
    { "max-path-depth", "1", "1" },
    { "max-path-depth", "32", "32" },
    { "max-path-depth", "0", NULL },
    { "max-path-depth", "33", NULL },
    { "max-path-depth", "007", "7" },
    { "max-path-depth", "-1", NULL },
    { "max-path-depth", "+7", NULL },
    { "max-path-depth", "7 ", NULL },
    { "max-path-depth", "0x7", NULL },
    { "max-path-depth", "18446744073709551623", NULL },
    { "expiry.warning-days", "30", "30" },
    { "expiry.warning-days", "180", "180" },
    { "expiry.warning-days", "29", NULL },
    { "expiry.warning-days", "181", NULL },
    { "interface.web.allow", "", "" },
    { "interface.web.allow", "allow-sip-wildcard", "allow-sip-wildcard" },
    { "interface.web.allow",
            "allow-sha1-chain until 2028-02-29 ,allow-server-auth-clients until 2026-12-31",
            "allow-server-auth-clients until 2026-12-31, allow-sha1-chain until 2028-02-29" },
    { "interface.web.allow", "allow-sip-wildcard,", NULL },
    { "interface.web.allow", ",", NULL },
    { "interface.web.allow", "allow-sip-wildcard, allow-sip-wildcard until 2027-01-01", NULL },
    { "interface.web.allow", "allow-sip-wildcard until 2027-02-30", NULL },
    { "interface.web.allow", "allow-everything", NULL },
};

static void
values_are_kept_in_one_form_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct registry_row *row;
        struct cg_error err = { "" };
        struct cg_buf kept;
        enum store_status status;

        cg_buf_init(&kept, STORE_VALUE_SIZE);
        assert_int_equal(registry_find(values[i].name, &row, &err), STORE_OK);
        status = registry_canonical(row, values[i].name, values[i].value, &kept, &err);
        if ((status == STORE_OK) != (values[i].kept != NULL))
            fail_msg("%s = '%s': %s", values[i].name, values[i].value, err.text);
        if (status == STORE_OK && strcmp(cg_buf_text(&kept), values[i].kept) != 0)
            fail_msg("%s = '%s'", values[i].name, cg_buf_text(&kept));
        if (status != STORE_OK && strstr(err.text, values[i].name) == NULL)
            fail_msg("'%s' does not name the setting", err.text);
        cg_buf_release(&kept);
    }
}

static const struct {
    const char *name;
    const char *sentence; /* NULL: known */
} names[] = {
    { "line.hq.level", NULL },
    { "line.a.b.c.level", NULL },
    { "line.head office.level", NULL },
    { "checks.managment",
            "there is no setting 'checks.managment'; did you mean 'checks.management'?" },
    { "max-path-dept", "there is no setting 'max-path-dept'; did you mean 'max-path-depth'?" },
    { "line.hq.levle", "there is no setting 'line.hq.levle'; did you mean 'line.hq.level'?" },
    { "lines.hq.level", "there is no setting 'lines.hq.level'; did you mean 'line.hq.level'?" },
    { "service.web.secure",
            "there is no setting 'service.web.secure'; did you mean 'service.web.security'?" },
    { "line..level", "there is no setting 'line..level'; did you mean 'line.<name>.level'?" },
    { "quite.something.else.altogether", "there is no setting 'quite.something.else.altogether'" },
    { "", "there is no setting ''" },
};

static void
unknown_names_get_the_nearest_known_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct registry_row *row;
        struct cg_error err = { "" };
        enum store_status status = registry_find(names[i].name, &row, &err);

        if (status != (names[i].sentence == NULL ? STORE_OK : STORE_INVALID) ||
                (row != NULL) != (status == STORE_OK))
            fail_msg("'%s': %s", names[i].name, store_status_name(status));
        if (names[i].sentence != NULL)
            assert_string_equal(err.text, names[i].sentence);
    }
}

static void
odd_names_are_refused(void **state)
{
    static const char *const odd[] = { "line.a\nb.level", "line.\xff.level",
        "line.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.level" };
    const struct registry_row *row;
    char longest[512];

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++)
        assert_int_equal(registry_find(odd[i], &row, NULL), STORE_INVALID);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(registry_find(longest, &row, NULL), STORE_INVALID);
}

static void
every_row_explains_itself_and_allows_its_default(void **state)
{
    (void)state;
    for (size_t i = 0; i < registry_count(); i++) {
        const struct registry_row *row = registry_row(i);
        struct cg_buf text;

        cg_buf_init(&text, 4096);
        registry_describe_values(row, &text);
        assert_true(text.len != 0 && row->help[0] != '\0');
        cg_buf_release(&text);
        if (row->initial == NULL)
            continue;
        assert_int_equal(registry_canonical(row, row->name, row->initial, &text, NULL), STORE_OK);
        assert_string_equal(cg_buf_text(&text), row->initial);
        cg_buf_release(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept_in_one_form_or_refused),
        cmocka_unit_test(unknown_names_get_the_nearest_known_one),
        cmocka_unit_test(odd_names_are_refused),
        cmocka_unit_test(every_row_explains_itself_and_allows_its_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
