#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void
the_sentence_and_the_status(void **state)
{
    struct cg_error err = { "old" };
    char long_text[2 * CG_ERROR_TEXT_SIZE];

    (void)state;
    assert_int_equal(cg_fail(&err, CG_E_LIMIT, "%d certificates, at most %d", 17, 16), CG_E_LIMIT);
    assert_string_equal(err.text, "17 certificates, at most 16");
    assert_int_equal(cg_fail(NULL, CG_E_NOMEM, "nobody asked %s", "for words"), CG_E_NOMEM);
    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    assert_int_equal(cg_fail(&err, CG_E_PARSE, "%s", long_text), CG_E_PARSE);
    assert_int_equal(strlen(err.text), CG_ERROR_TEXT_SIZE - 1);
}

static void
names_of_statuses(void **state)
{
    (void)state;
    assert_string_equal(cg_status_name(CG_OK), "ok");
    assert_string_equal(cg_status_name(CG_E_CRYPTO), "crypto");
    assert_string_equal(cg_status_name((enum cg_status)1000), "unknown");
    assert_string_equal(cg_status_name((enum cg_status) - 1), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sentence_and_the_status),
        cmocka_unit_test(names_of_statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
