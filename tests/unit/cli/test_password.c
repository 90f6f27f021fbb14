/* The hash of a password is what crypt(3) checks. */
#include "cli/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

static void
test_hash(void **state)
{
    char *hash = password_hash("correct horse"), *again = password_hash("correct horse");

    (void)state;
    assert_non_null(hash);
    assert_non_null(again);
    assert_int_equal(strncmp(hash, "$y$", 3), 0);
    assert_string_equal(crypt("correct horse", hash), hash);
    assert_string_not_equal(crypt("battery horse", hash), hash);
    assert_string_not_equal(hash, again); /* salted */
    free(hash);
    free(again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hash) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
