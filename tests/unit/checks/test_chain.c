/* The check only tells what the search found; the search's own tests are in x509/. */
#include "trial.h"

/* 30 11 31 0f 30 0d 06 03 55 04 03 0c 06 "Root 1" */
static const uint8_t root_name[] = "\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06Root 1";

static void
a_path_was_found(void **state)
{
    struct cg_cert leaf = { .version = 3 }, inter = { .version = 3 };
    struct cg_cert root = { .version = 3, .subject = { root_name, sizeof(root_name) - 1 } };
    struct trial trial = {
        .path = { .valid = true, .anchored = true, .certs = { &leaf, &inter, &root }, .count = 3 }
    };

    (void)state;
    expect_outcome("valid", &trial, try_check(&trial, CG_CHECK_CHAIN, &leaf), CG_PASS, 0);
    expect_text("found", trial.note.found, "3 certificates up to 'CN=Root 1'");
    expect_text("wanted", trial.note.wanted, "a path to a root in the Trusted Certificate Store");
    assert_false(trial.note.allowed);
    trial.path.certs[0] = &root;
    trial.path.count = 1;
    expect_outcome("alone", &trial, try_check(&trial, CG_CHECK_CHAIN, &root), CG_PASS, 0);
    expect_text("one", trial.note.found, "1 certificate up to 'CN=Root 1'");
}

static void
only_by_the_allowance(void **state)
{
    struct cg_cert root = { .version = 3, .subject = { root_name, sizeof(root_name) - 1 } };
    struct trial trial = {
        .path = { .valid = true, .used_sha1 = true, .certs = { &root }, .count = 1 }
    };

    (void)state;
    expect_outcome("SHA-1", &trial, try_check(&trial, CG_CHECK_CHAIN, &root), CG_PASS, 0);
    assert_true(trial.note.allowed);
    assert_int_equal(trial.note.allowance, CG_ALLOW_SHA1_CHAIN);
    expect_text("note", trial.note.note, "only because allow-sha1-chain is on");
}

/* Every reason that the search can give is handed on with its certificate and its words. */
static void
no_path_was_found(void **state)
{
    static const enum cg_reason reasons[] = { CG_REASON_ISSUER_UNKNOWN, CG_REASON_ROOT_NOT_TRUSTED,
        CG_REASON_SIGNATURE_INVALID, CG_REASON_SIGNATURE_ALGORITHM_REFUSED, CG_REASON_CA_EXPIRED,
        CG_REASON_CA_NOT_YET_VALID, CG_REASON_NOT_A_CA, CG_REASON_CA_KEY_USAGE,
        CG_REASON_CA_KEY_TOO_SMALL, CG_REASON_PATH_LENGTH_EXCEEDED,
        CG_REASON_NAME_CONSTRAINT_VIOLATED, CG_REASON_POLICY_REQUIRED, CG_REASON_PATH_TOO_DEEP,
        CG_REASON_WORK_LIMIT_REACHED, CG_REASON_CERTIFICATE_MALFORMED };
    struct cg_cert leaf = { .version = 3 }, inter = { .version = 3 };

    (void)state;
    for (size_t i = 0; i < COUNT(reasons); i++) {
        const char *why = cg_reason_info(reasons[i])->code;
        struct trial trial = { .path = { .certs = { &leaf },
                                       .count = 1,
                                       .chain = { .reason = reasons[i],
                                               .cert = &inter,
                                               .found = "this",
                                               .wanted = "that",
                                               .note = "and this" } } };

        expect_outcome(why, &trial, try_check(&trial, CG_CHECK_CHAIN, &leaf), CG_FAIL, reasons[i]);
        assert_ptr_equal(trial.note.concerns, &inter);
        expect_text(why, trial.note.found, "this");
        expect_text(why, trial.note.wanted, "that");
        expect_text(why, trial.note.note, "and this");
        assert_false(trial.note.allowed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_was_found),
        cmocka_unit_test(only_by_the_allowance),
        cmocka_unit_test(no_path_was_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
