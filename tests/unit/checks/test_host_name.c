/* Which names count for which connection; what matches what is in names/test_host.c. */
#include "trial.h"

#include "names/presented.h"

#define IN CG_ROLE_INBOUND
#define OUT CG_ROLE_OUTBOUND
#define V4 "\xc0\x00\x02\x07"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define NO_SAN                                                                                     \
    {                                                                                              \
        {                                                                                          \
            0,                                                                                     \
            {                                                                                      \
                NULL, 0                                                                            \
            }                                                                                      \
        }                                                                                          \
    }

/* clang-format off */
static struct {
    const char *why;
    struct cg_general_name san[MAX_PRESENTED];
    enum cg_role role;
    const char *names[3]; /* configured */
    const char *address;
    bool phone;
    enum cg_outcome outcome;
    enum cg_reason reason;
    const char *found, *wanted, *note;
} rows[] = {
    { "the name", { SAN(DNS, "a.example") }, IN, { "a.example" }, NULL, false, CG_PASS, 0, "DNS:a.example", "a.example", "" },
    { "the name, outbound", { SAN(DNS, "a.example") }, OUT, { "a.example" }, NULL, false, CG_PASS, 0,
      "DNS:a.example", "a.example", "" },
    { "another name", { SAN(DNS, "b.example") }, IN, { "a.example" }, NULL, false, CG_FAIL, CG_REASON_NAME_MISMATCH,
      "DNS:b.example", "a.example", "" },
    { "the second configured", { SAN(DNS, "b.example") }, IN, { "a.example", "b.example" }, NULL, false, CG_PASS, 0,
      "DNS:b.example", "a.example or b.example", "" },
    { "the second presented", { SAN(DNS, "a.example"), SAN(DNS, "b.example") }, IN, { "b.example" }, NULL, false, CG_PASS, 0,
      "DNS:a.example, DNS:b.example", "b.example", "" },
    { "neither of two", { SAN(DNS, "c.example") }, IN, { "a.example", "b.example" }, NULL, false, CG_FAIL,
      CG_REASON_NAME_MISMATCH, "DNS:c.example", "a.example or b.example", "" },
    { "a wildcard", { SAN(DNS, "*.a.example") }, IN, { "x.a.example" }, NULL, false, CG_PASS, 0,
      "DNS:*.a.example", "x.a.example", "by a wildcard name" },
    { "no SAN", NO_SAN, IN, { "a.example" }, NULL, false, CG_FAIL, CG_REASON_NAME_MISSING, "no subjectAltName", "a.example", "" },
    { "a SAN of another kind", { SAN(EMAIL, "x@a.example") }, IN, { "a.example" }, NULL, false, CG_FAIL,
      CG_REASON_NAME_MISSING, "email:x@a.example", "a.example", "" },
    { "an address that was configured", { SAN(IP, V4) }, IN, { "192.0.2.7" }, NULL, false, CG_PASS, 0,
      "IP:192.0.2.7", "192.0.2.7", "" },
    { "an address written as a name", { SAN(DNS, "192.0.2.7") }, IN, { "192.0.2.7" }, NULL, false, CG_FAIL,
      CG_REASON_NAME_MISMATCH, "DNS:192.0.2.7", "192.0.2.7", "" },
    { "none configured: where it comes from", { SAN(IP, V4) }, IN, { NULL }, "192.0.2.7", false, CG_PASS, 0,
      "IP:192.0.2.7", "192.0.2.7", "" },
    { "… by IPv6", { SAN(IP, V6) }, IN, { NULL }, "2001:db8::7", false, CG_PASS, 0,
      "IP:2001:db8:0:0:0:0:0:7", "2001:db8::7", "" },
    { "… from elsewhere", { SAN(IP, V4) }, IN, { NULL }, "192.0.2.8", false, CG_FAIL, CG_REASON_NAME_MISMATCH,
      "IP:192.0.2.7", "192.0.2.8", "" },
    { "… with names only", { SAN(DNS, "a.example") }, IN, { NULL }, "192.0.2.7", false, CG_FAIL, CG_REASON_NAME_MISMATCH,
      "DNS:a.example", "192.0.2.7", "" },
    { "… and no SAN", NO_SAN, IN, { NULL }, "192.0.2.7", false, CG_FAIL, CG_REASON_NAME_MISSING, "no subjectAltName",
      "192.0.2.7", "" },
    { "a configured name shuts out the address", { SAN(IP, V4) }, IN, { "a.example" }, "192.0.2.7", false, CG_FAIL,
      CG_REASON_NAME_MISMATCH, "IP:192.0.2.7", "a.example", "" },
    { "nothing known of the peer", { SAN(DNS, "a.example") }, IN, { NULL }, NULL, false, CG_UNDECIDED, CG_REASON_NAME_MISSING,
      "no name or address is configured for this peer", "", "" },
    { "an address that is none is not compared as a name", { SAN(DNS, "a.example") }, IN, { NULL }, "a.example", false,
      CG_UNDECIDED, CG_REASON_NAME_MISSING, "no name or address is configured for this peer", "", "" },
    { "outbound the address we dialled proves nothing", { SAN(IP, V4) }, OUT, { NULL }, "192.0.2.7", false, CG_UNDECIDED,
      CG_REASON_NAME_MISSING, "no name or address is configured for this peer", "", "" },
    { "a SIP phone", { SAN(DNS, "a.example") }, IN, { "b.example" }, NULL, true, CG_NOT_APPLICABLE, 0,
      "a SIP phone has no name to compare", "", "" },
};
/* clang-format on */

static void
references(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_cert leaf = presented_cert(rows[i].san);
        struct trial trial = { .policy = { .role = rows[i].role },
            .peer = { .address = rows[i].address, .phone = rows[i].phone } };

        for (size_t n = 0; n < 3 && rows[i].names[n] != NULL; n++)
            assert_int_equal(cg_policy_add_name(&trial.policy, rows[i].names[n], NULL), CG_OK);
        expect_outcome(rows[i].why, &trial, try_check(&trial, CG_CHECK_HOST_NAME, &leaf),
                rows[i].outcome, rows[i].reason);
        expect_text(rows[i].why, trial.note.found, rows[i].found);
        expect_text(rows[i].why, trial.note.wanted, rows[i].wanted);
        expect_text(rows[i].why, trial.note.note, rows[i].note);
    }
}

/* As many names as a policy holds, each as long as can be: the words are cut, nothing is overrun. */
static void
more_names_than_a_note_holds(void **state)
{
    struct cg_general_name san[MAX_PRESENTED] = { SAN(DNS, "a.example") };
    struct cg_cert leaf = presented_cert(san);
    struct trial trial = { .policy = { .role = IN } };
    char name[254];

    (void)state;
    for (size_t i = 0; i < sizeof(name) - 1; i++)
        name[i] = i % 64 == 63 ? '.' : 'b';
    name[sizeof(name) - 1] = '\0';
    while (trial.policy.name_count < CG_MAX_POLICY_NAMES - 1)
        assert_int_equal(cg_policy_add_name(&trial.policy, name, NULL), CG_OK);
    expect_outcome("none of them", &trial, try_check(&trial, CG_CHECK_HOST_NAME, &leaf), CG_FAIL,
            CG_REASON_NAME_MISMATCH);
    assert_true(strlen(trial.note.wanted) < CG_MAX_NOTE);
    assert_int_equal(cg_policy_add_name(&trial.policy, "a.example", NULL), CG_OK);
    expect_outcome("the last", &trial, try_check(&trial, CG_CHECK_HOST_NAME, &leaf), CG_PASS, 0);
    assert_int_equal(cg_policy_add_name(&trial.policy, "a.example", NULL), CG_E_LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(more_names_than_a_note_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
