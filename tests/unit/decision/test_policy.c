#include "decision/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int
make(void **state)
{
    *state = cg_policy_new();
    return *state == NULL;
}

static int
drop(void **state)
{
    cg_policy_free(*state);
    return 0;
}

/* As policy.h says: level medium, inbound, https, no allowance, depth 10, certificate required. */
static void
defaults(void **state)
{
    const struct cg_policy *policy = *state;

    assert_int_equal(cg_policy_level(policy), CG_LEVEL_MEDIUM);
    assert_int_equal(cg_policy_checks(policy), cg_level_info(CG_LEVEL_MEDIUM)->checks);
    assert_int_equal(policy->role, CG_ROLE_INBOUND);
    assert_int_equal(policy->service, CG_SERVICE_HTTPS);
    assert_true(policy->require_certificate);
    assert_int_equal(policy->max_depth, CG_DEFAULT_PATH_DEPTH);
    assert_false(cg_policy_latched(policy) || policy->ca_eku || policy->partial_chain);
    for (int i = 0; i < CG_ALLOW_COUNT; i++)
        assert_false(cg_policy_allows(policy, (enum cg_allowance)i, 0));
    cg_policy_free(NULL);
}

static void
level_and_custom_checks(void **state)
{
    struct cg_policy *policy = *state;

    cg_policy_set_level(policy, CG_LEVEL_HIGH_REMOTE);
    assert_int_equal(cg_policy_checks(policy), CG_CHECKS_OF_LEVELS);
    cg_policy_set_checks(policy, 1u << CG_CHECK_IN_TCS);
    assert_int_equal(cg_policy_level(policy), CG_LEVEL_CUSTOM);
    assert_int_equal(cg_policy_checks(policy), 1u << CG_CHECK_IN_TCS);
    cg_policy_set_level(policy, CG_LEVEL_NONE);
    assert_int_equal(cg_policy_checks(policy), 1u << CG_CHECK_IN_DATE);
}

static void
depth_has_bounds(void **state)
{
    struct cg_policy *policy = *state;
    struct cg_error err = { "" };

    assert_int_equal(cg_policy_set_max_depth(policy, 0, &err), CG_OK);
    assert_int_equal(policy->max_depth, 0);
    assert_int_equal(cg_policy_set_max_depth(policy, 32, &err), CG_OK);
    assert_int_equal(cg_policy_set_max_depth(policy, 33, &err), CG_E_LIMIT);
    assert_string_equal(err.text, "path depth 33, at most 32 is possible");
    assert_int_equal(policy->max_depth, 32);
}

static void
allowances_end(void **state)
{
    struct cg_policy *policy = *state;

    cg_policy_allow(policy, CG_ALLOW_SHA1_CHAIN, 1000);
    assert_true(cg_policy_allows(policy, CG_ALLOW_SHA1_CHAIN, 1000));
    assert_false(cg_policy_allows(policy, CG_ALLOW_SHA1_CHAIN, 1001));
    assert_false(cg_policy_allows(policy, CG_ALLOW_SIP_WILDCARD, 1000));
    cg_policy_allow(policy, CG_ALLOW_SHA1_CHAIN, INT64_MAX);
    assert_true(cg_policy_allows(policy, CG_ALLOW_SHA1_CHAIN, INT64_MAX));
}

/* Found by bisection whatever the order they came in; the same one again is not another. */
static void
admitted_certificates(void **state)
{
    static const uint8_t order[] = { 5, 1, 9, 3, 7, 1, 9 };
    struct cg_policy *policy = *state;
    uint8_t sha256[CG_SHA256_SIZE] = { 0 };

    for (size_t i = 0; i < COUNT(order); i++) {
        sha256[0] = order[i];
        assert_int_equal(
                cg_policy_admit(policy, sha256, (int64_t)i, i < 5 ? "first" : "again", NULL),
                CG_OK);
    }
    assert_int_equal(policy->admitted_count, 5);
    for (uint8_t i = 0; i < 11; i++) {
        const struct cg_admitted *admitted;

        sha256[0] = i;
        admitted = cg_policy_admitted(policy, sha256);
        assert_int_equal(admitted != NULL, i % 2 == 1 && i < 10);
        if (admitted == NULL)
            continue;
        assert_memory_equal(admitted->sha256, sha256, sizeof(sha256));
        assert_string_equal(admitted->reason, i == 1 || i == 9 ? "again" : "first");
        assert_int_equal(admitted->until, i == 1 ? 5 : i == 9 ? 6 : i == 5 ? 0 : i == 3 ? 3 : 4);
    }
}

static void
admitted_certificates_are_bounded(void **state)
{
    struct cg_policy *policy = *state;
    uint8_t sha256[CG_SHA256_SIZE] = { 0 };
    struct cg_error err;

    for (int i = 0; i < CG_MAX_ADMITTED; i++) {
        sha256[0] = (uint8_t)(i >> 8);
        sha256[1] = (uint8_t)i;
        assert_int_equal(cg_policy_admit(policy, sha256, 1, "", NULL), CG_OK);
    }
    assert_int_equal(cg_policy_admit(policy, sha256, 2, "", NULL), CG_OK);
    sha256[0] = 0xff;
    assert_int_equal(cg_policy_admit(policy, sha256, 1, "", &err), CG_E_LIMIT);
    assert_string_equal(err.text, "more than 4096 admitted certificates");
}

static const struct {
    const char *text;
    enum cg_status as_name, as_domain;
} references[] = {
    { "peer.example", CG_OK, CG_OK },
    { "PEER.example", CG_OK, CG_OK },
    { "192.0.2.1", CG_OK, CG_OK },
    { "2001:db8::1", CG_OK, CG_OK },
    { "", CG_E_PARSE, CG_E_PARSE },
    { "*.example", CG_E_PARSE, CG_E_PARSE },
    { "a b", CG_E_PARSE, CG_E_PARSE },
    { "b\xc3\xbc"
      "cher.example",
            CG_E_PARSE, CG_E_PARSE },
};

static void
references_are_read(void **state)
{
    struct cg_policy *policy = *state;
    struct cg_error err = { "" };

    for (size_t i = 0; i < COUNT(references); i++) {
        if (cg_policy_add_name(policy, references[i].text, &err) != references[i].as_name)
            fail_msg("'%s' as a name: %s", references[i].text, err.text);
        if (cg_policy_add_sip_domain(policy, references[i].text, &err) != references[i].as_domain)
            fail_msg("'%s' as a domain: %s", references[i].text, err.text);
    }
    assert_int_equal(policy->name_count, 4);
    assert_int_equal(policy->sip_domain_count, 4);
    assert_string_equal(policy->sip_domains[1], "peer.example");
}

static void
lists_are_bounded(void **state)
{
    struct cg_policy *policy = *state;
    struct cg_cert cert = { .refs = 1 };
    char name[32];

    for (int i = 0; i < CG_MAX_POLICY_NAMES; i++) {
        (void)snprintf(name, sizeof(name), "p%d.example", i);
        assert_int_equal(cg_policy_add_name(policy, name, NULL), CG_OK);
        assert_int_equal(cg_policy_add_sip_domain(policy, name, NULL), CG_OK);
    }
    assert_int_equal(cg_policy_add_name(policy, "more.example", NULL), CG_E_LIMIT);
    assert_int_equal(cg_policy_add_sip_domain(policy, "more.example", NULL), CG_E_LIMIT);
    for (int i = 0; i < CG_MAX_IDENTITIES; i++)
        assert_int_equal(cg_policy_add_identity(policy, &cert, NULL), CG_OK);
    assert_int_equal(cg_policy_add_identity(policy, &cert, NULL), CG_E_LIMIT);
    assert_int_equal(cert.refs, 1 + CG_MAX_IDENTITIES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults, make, drop),
        cmocka_unit_test_setup_teardown(level_and_custom_checks, make, drop),
        cmocka_unit_test_setup_teardown(depth_has_bounds, make, drop),
        cmocka_unit_test_setup_teardown(allowances_end, make, drop),
        cmocka_unit_test_setup_teardown(admitted_certificates, make, drop),
        cmocka_unit_test_setup_teardown(admitted_certificates_are_bounded, make, drop),
        cmocka_unit_test_setup_teardown(references_are_read, make, drop),
        cmocka_unit_test_setup_teardown(lists_are_bounded, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
