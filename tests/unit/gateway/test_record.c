/* The decision record: its members, hostile text in them, the bound, and what a resumed session shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/record.h"

static const uint8_t incident[TICKET_INCIDENT_SIZE] = { 0 };

static struct record
sample(const struct cg_policy *policy)
{
    return (struct record) {
        .time_ms = 1795478400007,
        .node = "n1",
        .generation = 7,
        .incident = incident,
        .interface = "web",
        .service = CG_SERVICE_HTTPS,
        .role = CG_ROLE_INBOUND,
        .step = "handshake",
        .peer = "192.0.2.1:5555",
        .tls = "TLSv1.3",
        .policy = policy,
        .presented = -1,
        .alert_sent = 40,
    };
}

static void
assert_holds(const char *json, const char *part)
{
    assert_non_null(json);
    if (strstr(json, part) == NULL)
        fail_msg("no %s in %s", part, json);
}

static void
tells_a_refusal(void **state)
{
    struct cg_policy *policy = cg_policy_new();
    struct cg_decision *decision =
            cg_decision_refuse(policy, CG_REASON_HANDSHAKE_FAILED, "wrong \"version\"\n");
    struct record record = sample(policy);
    char *json;

    (void)state;
    record.decision = decision;
    record.sni = "a\"b\\c\x01";
    json = record_json(&record, 64 * 1024);
    assert_holds(json, "{\"v\":1,\"time\":\"2026-11-24T00:00:00.007Z\",\"node\":\"n1\",");
    assert_holds(json, "\"generation\":7,\"incident\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",");
    assert_holds(json, "\"interface\":\"web\",\"service\":\"https\",\"role\":\"inbound\",");
    assert_holds(json, "\"step\":\"handshake\",\"peer\":\"192.0.2.1:5555\",");
    assert_holds(json, "\"sni\":\"a\\\"b\\\\c");
    assert_holds(json, "\"tls\":\"TLSv1.3\",\"cipher\":null,\"resumed\":false,");
    assert_holds(json, "\"presented\":null,\"alert_sent\":40,");
    assert_holds(json, "\"verdict\":\"reject\"");
    assert_holds(json, "\"reason\":\"handshake-failed\"");
    for (const char *at = json; *at != '\0'; at++)
        assert_true((unsigned char)*at >= ' ');
    free(json);
    cg_decision_free(decision);
    cg_policy_free(policy);
}

static void
tells_a_resumption(void **state)
{
    struct cg_policy *policy = cg_policy_new();
    struct record record = sample(policy);
    struct ticket ticket = { .decided = 1795478300,
        .verdicts = { { CG_REASON_NONE, 1u << CG_ALLOW_SHA1_CHAIN | 1u << CG_ALLOW_ADMITTED, false } },
        .verdict_count = 1 };
    char *json;

    (void)state;
    cg_policy_set_level(policy, CG_LEVEL_HIGH);
    memset(ticket.incident, 0xff, sizeof(ticket.incident));
    record.ticket = &ticket;
    record.resumed = true;
    json = record_json(&record, 64 * 1024);
    assert_holds(json, "\"resumed\":true,");
    assert_holds(json, "\"decided_in\":\"77777777777777777777777774\",");
    assert_holds(json, "\"decided_at\":\"2026-11-23T23:58:20.000Z\",");
    assert_holds(json, "\"verdict\":\"accept\",\"level\":\"high\",");
    assert_holds(json, "\"allowances\":[\"allow-sha1-chain\",\"admitted-by-administrator\"]");
    assert_null(strstr(json, "\"certificate\""));
    free(json);
    cg_policy_free(policy);
}

static void
never_exceeds_its_bound(void **state)
{
    struct cg_policy *policy = cg_policy_new();
    struct record record = sample(policy);
    char detail[400];
    char *json;

    (void)state;
    memset(detail, 'x', sizeof(detail));
    detail[sizeof(detail) - 1] = '\0';
    record.decision = cg_decision_refuse(policy, CG_REASON_INTERNAL_ERROR, detail);
    json = record_json(&record, 600);
    assert_holds(json, "\"verdict\":\"reject\",\"reason\":\"internal-error\"");
    assert_holds(json, "\"cut\":true}");
    assert_true(strlen(json) <= 600);
    free(json);
    assert_null(record_json(&record, 100));
    cg_decision_free((struct cg_decision *)(uintptr_t)record.decision);
    cg_policy_free(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_refusal),
        cmocka_unit_test(tells_a_resumption),
        cmocka_unit_test(never_exceeds_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
