/* Ticket data: what is written is read back, anything else is no ticket, and what it rests on decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/ticket.h"

static struct ticket
sample(void)
{
    struct ticket ticket = {
        .generation = 7,
        .interface = 3,
        .tls_version = 0x0304,
        .certificate = true,
        .verdicts = { { CG_REASON_NONE, 1u << CG_ALLOW_SHA1_CHAIN, true },
                { CG_REASON_NOT_IN_TCS, 0, false } },
        .verdict_count = 2,
        .decided = 1000,
        .address = "192.0.2.1",
        .good_from = 900,
        .good_until = 2000,
        .sni = "gw.example.test",
        .sni_len = 15,
    };

    memset(ticket.policy, 0x11, sizeof(ticket.policy));
    memset(ticket.leaf, 0x22, sizeof(ticket.leaf));
    memset(ticket.chain, 0x33, sizeof(ticket.chain));
    memset(ticket.incident, 0x44, sizeof(ticket.incident));
    ticket.levels[CG_LEVEL_HIGH_REMOTE] = CG_REASON_NAME_MISMATCH;
    return ticket;
}

static void
reads_what_was_written(void **state)
{
    struct ticket in = sample(), out;
    uint8_t data[GW_MAX_TICKET_DATA];
    size_t len = ticket_encode(&in, data, sizeof(data));

    (void)state;
    assert_int_not_equal(len, 0);
    assert_true(ticket_decode(data, len, &out));
    assert_int_equal(out.generation, in.generation);
    assert_int_equal(out.interface, in.interface);
    assert_int_equal(out.tls_version, in.tls_version);
    assert_true(out.certificate);
    assert_int_equal(out.verdict_count, 2);
    assert_true(out.verdicts[0].chain_passed);
    assert_int_equal(out.verdicts[1].reason, CG_REASON_NOT_IN_TCS);
    assert_string_equal(out.address, in.address);
    assert_int_equal(out.verdicts[0].allowances, in.verdicts[0].allowances);
    assert_int_equal(out.decided, in.decided);
    assert_int_equal(out.good_from, in.good_from);
    assert_int_equal(out.good_until, in.good_until);
    assert_memory_equal(out.policy, in.policy, sizeof(in.policy));
    assert_memory_equal(out.leaf, in.leaf, sizeof(in.leaf));
    assert_memory_equal(out.chain, in.chain, sizeof(in.chain));
    assert_memory_equal(out.levels, in.levels, sizeof(in.levels));
    assert_memory_equal(out.incident, in.incident, sizeof(in.incident));
    assert_int_equal(out.sni_len, in.sni_len);
    assert_string_equal(out.sni, in.sni);
}

static void
times_of_any_sign_survive(void **state)
{
    struct ticket in = sample(), out;
    uint8_t data[GW_MAX_TICKET_DATA];
    size_t len;

    (void)state;
    in.good_from = INT64_MIN;
    in.good_until = INT64_MAX;
    len = ticket_encode(&in, data, sizeof(data));
    assert_true(ticket_decode(data, len, &out));
    assert_true(out.good_from == INT64_MIN && out.good_until == INT64_MAX);
}

static void
the_longest_name_fits(void **state)
{
    struct ticket in = sample(), out;
    uint8_t data[GW_MAX_TICKET_DATA];
    size_t len;

    (void)state;
    memset(in.sni, 'a', GW_MAX_SNI);
    in.sni_len = GW_MAX_SNI;
    len = ticket_encode(&in, data, sizeof(data));
    assert_int_not_equal(len, 0);
    assert_true(ticket_decode(data, len, &out));
    assert_int_equal(out.sni_len, GW_MAX_SNI);
    assert_int_equal(ticket_encode(&in, data, len - 1), 0);
    assert_int_equal(ticket_encode(&in, data, len), len);
}

static void
refuses_every_truncation_and_any_more(void **state)
{
    struct ticket in = sample(), out;
    uint8_t data[GW_MAX_TICKET_DATA + 1];
    size_t len = ticket_encode(&in, data, GW_MAX_TICKET_DATA);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_false(ticket_decode(data, cut, &out));
    data[len] = 0;
    assert_false(ticket_decode(data, len + 1, &out));
}

/* Offsets of the layout that ticket_encode() writes. */
enum {
    AT_VERSION = 0,
    AT_CERTIFICATE = 47,
    AT_LEFT_OUT = 112,
    AT_LEVELS = 113,
    AT_COUNT = 119,
    AT_REASON = 120,
    AT_ALLOWANCES = 121,
    AT_PASSED = 122,
};

static void
refuses_values_outside_their_range(void **state)
{
    static const struct {
        const char *why;
        size_t at;
        uint8_t value;
    } rows[] = {
        { "another version", AT_VERSION, 1 },
        { "a boolean of 2", AT_CERTIFICATE, 2 },
        { "another boolean of 2", AT_PASSED, 2 },
        { "a third boolean of 2", AT_LEFT_OUT, 2 },
        { "an allowance that is none", AT_ALLOWANCES, 1u << CG_ALLOWANCES },
        { "a reason that is none", AT_LEVELS, CG_REASON_COUNT },
        { "a verdict's reason that is none", AT_REASON, CG_REASON_COUNT },
        { "no verdict", AT_COUNT, 0 },
        { "more verdicts than classes", AT_COUNT, TICKET_MAX_CLASSES + 1 },
    };
    struct ticket in = sample(), out;
    uint8_t data[GW_MAX_TICKET_DATA];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = ticket_encode(&in, data, sizeof(data));

        assert_true(ticket_decode(data, len, &out));
        data[rows[i].at] = rows[i].value;
        if (ticket_decode(data, len, &out))
            fail_msg("%s was taken", rows[i].why);
    }
}

static void
holds_only_while_everything_holds(void **state)
{
    static const uint8_t policy[CG_SHA256_SIZE] = { 0 };
    static const struct {
        const char *why;
        uint64_t generation;
        uint32_t interface;
        uint16_t tls;
        const char *sni;
        int64_t now;
        uint32_t lifetime;
        uint8_t policy; /* first octet of the digest */
        bool holds;
    } rows[] = {
        { "nothing changed", 7, 3, 0x0304, "gw.example.test", 1500, 600, 0, true },
        { "another generation", 8, 3, 0x0304, "gw.example.test", 1500, 600, 0, false },
        { "another interface", 7, 2, 0x0304, "gw.example.test", 1500, 600, 0, false },
        { "another TLS version", 7, 3, 0x0303, "gw.example.test", 1500, 600, 0, false },
        { "another server name", 7, 3, 0x0304, "gw.example.tesT", 1500, 600, 0, false },
        { "no server name", 7, 3, 0x0304, "", 1500, 600, 0, false },
        { "another policy", 7, 3, 0x0304, "gw.example.test", 1500, 600, 1, false },
        { "the verdict's last second", 7, 3, 0x0304, "gw.example.test", 2000, 5000, 0, true },
        { "a second later", 7, 3, 0x0304, "gw.example.test", 2001, 5000, 0, false },
        { "the session's last second", 7, 3, 0x0304, "gw.example.test", 1600, 600, 0, true },
        { "a second later", 7, 3, 0x0304, "gw.example.test", 1601, 600, 0, false },
        { "the second of the handshake", 7, 3, 0x0304, "gw.example.test", 1000, 600, 0, true },
        { "a clock set back", 7, 3, 0x0304, "gw.example.test", 999, 600, 0, false },
        { "before the verdict holds", 7, 3, 0x0304, "gw.example.test", 899, 600, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ticket ticket = sample();
        struct ticket_scene scene = {
            .generation = rows[i].generation,
            .interface = rows[i].interface,
            .policy = policy,
            .tls_version = rows[i].tls,
            .address = "192.0.2.1",
            .sni = rows[i].sni,
            .sni_len = strlen(rows[i].sni),
            .now = rows[i].now,
            .lifetime = rows[i].lifetime,
        };

        memset(ticket.policy, 0, sizeof(ticket.policy));
        ticket.policy[0] = rows[i].policy;
        if (ticket_holds(&ticket, &scene) != rows[i].holds)
            fail_msg("%s", rows[i].why);
    }
}

/* Ticket data is sealed, but a clock and a key may outlive what was meant: no second overflows. */
static void
holds_nothing_that_was_decided_ages_ago(void **state)
{
    struct ticket ticket = sample();
    struct ticket_scene scene = { .generation = 7,
        .interface = 3,
        .policy = ticket.policy,
        .tls_version = 0x0304,
        .address = "192.0.2.1",
        .sni = "gw.example.test",
        .sni_len = 15,
        .now = 1500,
        .lifetime = 600 };

    (void)state;
    assert_true(ticket_holds(&ticket, &scene));
    ticket.decided = INT64_MIN;
    assert_false(ticket_holds(&ticket, &scene));
    ticket.decided = INT64_MAX;
    assert_false(ticket_holds(&ticket, &scene));
    /* A verdict that was decided before it holds, which none is: then, too, it does not. */
    ticket.decided = scene.now - 1;
    ticket.good_from = scene.now + 1;
    assert_false(ticket_holds(&ticket, &scene));
    ticket.good_from = scene.now;
    assert_true(ticket_holds(&ticket, &scene));
}

static void
holds_for_the_address_it_was_given_to(void **state)
{
    static const char *const others[] = { "", "192.0.2.10", "192.0.2", "2001:db8::1" };
    struct ticket ticket = sample();
    struct ticket_scene scene = {
        .generation = 7,
        .interface = 3,
        .policy = ticket.policy,
        .tls_version = 0x0304,
        .address = "192.0.2.1",
        .sni = ticket.sni,
        .sni_len = ticket.sni_len,
        .now = 1500,
        .lifetime = 600,
    };

    (void)state;
    assert_true(ticket_holds(&ticket, &scene));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        scene.address = others[i];
        assert_false(ticket_holds(&ticket, &scene));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(times_of_any_sign_survive),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(refuses_every_truncation_and_any_more),
        cmocka_unit_test(refuses_values_outside_their_range),
        cmocka_unit_test(holds_only_while_everything_holds),
        cmocka_unit_test(holds_nothing_that_was_decided_ages_ago),
        cmocka_unit_test(holds_for_the_address_it_was_given_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
