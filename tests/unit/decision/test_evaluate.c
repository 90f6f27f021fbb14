/*
 * How findings become a decision: presence, order, levels, latch, allowances, the window in which it holds,
 * and its JSON. What each check says is in checks/, whole decisions as data in cases/.
 */
#include <certgate/certgate.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A root, a peer's certificate below it, and what judging takes. */
struct bench {
    struct cg_engine *engine;
    struct cg_cert *root;
    struct cg_store *store;
    struct cg_policy *policy;
    struct cg_peer peer;
    uint8_t *leaf;
    struct cg_error err;
};

static void
issue(struct bench *bench, struct mint what)
{
    free(bench->leaf);
    what.subject = what.subject == NULL ? "CN=peer" : what.subject;
    what.issuer = "CN=Root";
    what.key = mint_key("P-256");
    what.signer = mint_key("P-256 root");
    bench->leaf = mint_der(&what, &bench->peer.leaf_len);
    bench->peer.leaf = bench->leaf;
}

static int
make(void **state)
{
    static struct bench bench;

    bench = (struct bench) { .engine = cg_engine_new(), .policy = cg_policy_new() };
    bench.root = mint_cert(&(struct mint) { .subject = "CN=Root",
            .key = mint_key("P-256 root"),
            .extensions = {
                    "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign" } });
    bench.store = mint_store((struct cg_cert *[]) { bench.root, NULL });
    bench.peer.now = MINT_NOW;
    issue(&bench,
            (struct mint) { .extensions = { "keyUsage=critical,digitalSignature",
                                    "extendedKeyUsage=clientAuth" } });
    *state = &bench;
    return bench.engine == NULL || bench.policy == NULL;
}

static int
drop(void **state)
{
    struct bench *bench = *state;

    free(bench->leaf);
    cg_policy_free(bench->policy);
    cg_store_free(bench->store);
    cg_cert_free(bench->root);
    cg_engine_free(bench->engine);
    return 0;
}

static struct cg_decision *
judge(struct bench *bench)
{
    struct cg_decision *decision = NULL;

    if (cg_evaluate(bench->engine, bench->store, bench->policy, &bench->peer, &decision,
                &bench->err) != CG_OK)
        fail_msg("%s", bench->err.text);
    return decision;
}

static void
expect(struct bench *bench, enum cg_verdict verdict, enum cg_reason reason)
{
    struct cg_decision *decision = judge(bench);

    if (cg_decision_verdict(decision) != verdict || cg_decision_reason(decision) != reason)
        fail_msg("%s", cg_reason_info(cg_decision_reason(decision))->code);
    cg_decision_free(decision);
}

static const struct cg_finding *
finding_of(const struct cg_decision *decision, enum cg_check check)
{
    for (size_t i = 0; i < cg_decision_count(decision); i++)
        if (cg_decision_get0(decision, i)->check == check)
            return cg_decision_get0(decision, i);
    return NULL;
}

/* Every level evaluates all checks, in page order; those of the level are enforced. */
static void
all_checks_once(void **state)
{
    struct bench *bench = *state;

    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        struct cg_decision *decision;

        cg_policy_set_level(bench->policy, (enum cg_level)level);
        decision = judge(bench);
        assert_int_equal(cg_decision_count(decision), CG_CHECK_REVOCATION);
        assert_int_equal(cg_decision_level(decision), level);
        for (size_t i = 0; i < CG_CHECK_REVOCATION; i++) {
            const struct cg_finding *finding = cg_decision_get0(decision, i);

            assert_int_equal(finding->check, i);
            assert_int_equal(finding->enforced,
                    cg_level_info((enum cg_level)level)->checks >> finding->check & 1u);
            assert_non_null(finding->found);
            assert_non_null(finding->wanted);
            assert_non_null(finding->note);
            assert_string_equal(finding->certificate, "received");
        }
        cg_decision_free(decision);
    }
}

/* The verdict that a level gets from another level's decision is the one that it gets by itself. */
static void
a_level_from_anothers_decision(void **state)
{
    struct bench *bench = *state;
    enum cg_verdict verdicts[CG_LEVEL_COUNT];
    enum cg_reason reasons[CG_LEVEL_COUNT], reason;

    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        struct cg_decision *decision;

        cg_policy_set_level(bench->policy, (enum cg_level)level);
        decision = judge(bench);
        verdicts[level] = cg_decision_verdict(decision);
        reasons[level] = cg_decision_reason(decision);
        cg_decision_free(decision);
    }
    assert_int_equal(reasons[CG_LEVEL_HIGH], CG_REASON_NOT_IN_TCS);
    assert_int_equal(reasons[CG_LEVEL_MEDIUM_REMOTE], CG_REASON_NAME_MISSING);
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        struct cg_decision *decision;

        cg_policy_set_level(bench->policy, (enum cg_level)level);
        decision = judge(bench);
        for (int other = 0; other < CG_LEVEL_COUNT; other++) {
            assert_int_equal(
                    cg_decision_at_level(decision, (enum cg_level)other, &reason), verdicts[other]);
            assert_int_equal(reason, reasons[other]);
        }
        cg_decision_free(decision);
    }
}

/* A custom set makes its own checks only, and so can say nothing good of a level. */
static void
custom_checks(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision;
    enum cg_reason reason;

    cg_policy_set_checks(bench->policy, 1u << CG_CHECK_IN_DATE | 1u << CG_CHECK_KEY_USAGE);
    decision = judge(bench);
    assert_int_equal(cg_decision_verdict(decision), CG_ACCEPT);
    assert_int_equal(cg_decision_count(decision), 2);
    assert_int_equal(cg_decision_at_level(decision, CG_LEVEL_NONE, &reason), CG_ACCEPT);
    assert_int_equal(cg_decision_at_level(decision, CG_LEVEL_MEDIUM, &reason), CG_REJECT);
    assert_int_equal(reason, CG_REASON_INTERNAL_ERROR);
    cg_decision_free(decision);
}

/* Several faults: all are found, the first in page order names the verdict. */
static void
the_first_in_page_order(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision;

    issue(bench,
            (struct mint) { .not_before = 1000,
                    .not_after = 2000,
                    .extensions = {
                            "extendedKeyUsage=emailProtection", "1.2.3.4=critical,DER:05:00" } });
    decision = judge(bench);
    assert_int_equal(cg_decision_reason(decision), CG_REASON_EXPIRED);
    assert_int_equal(finding_of(decision, CG_CHECK_KEY_USAGE)->reason, CG_REASON_KEY_USAGE_MISSING);
    assert_int_equal(
            finding_of(decision, CG_CHECK_EXTENDED_KEY_USAGE)->reason, CG_REASON_PURPOSE_MISMATCH);
    assert_int_equal(finding_of(decision, CG_CHECK_CRITICAL_EXTENSIONS)->reason,
            CG_REASON_CRITICAL_EXTENSION_UNKNOWN);
    assert_int_equal(finding_of(decision, CG_CHECK_CHAIN)->outcome, CG_PASS);
    assert_string_equal(finding_of(decision, CG_CHECK_IN_DATE)->remedy,
            cg_reason_info(CG_REASON_EXPIRED)->remedy);
    cg_decision_free(decision);
}

static void
presence(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision;
    enum cg_reason reason;

    bench->peer.leaf = NULL;
    cg_policy_set_level(bench->policy, CG_LEVEL_NONE);
    expect(bench, CG_REJECT, CG_REASON_CERTIFICATE_MISSING);
    cg_policy_set_require_certificate(bench->policy, false);
    cg_policy_set_level(bench->policy, CG_LEVEL_HIGH_REMOTE);
    decision = judge(bench);
    assert_int_equal(cg_decision_verdict(decision), CG_ACCEPT);
    assert_int_equal(cg_decision_count(decision), 0);
    assert_null(cg_decision_get0_cert(decision));
    assert_int_equal(cg_decision_at_level(decision, CG_LEVEL_HIGH, &reason), CG_ACCEPT);
    cg_decision_free(decision);
}

/* Cut at every byte, and with one too many: unparsable, never an error of ours and never accepted. */
static void
a_received_certificate_that_is_none(void **state)
{
    struct bench *bench = *state;
    size_t whole = bench->peer.leaf_len;
    uint8_t *longer = calloc(1, whole + 1);

    assert_non_null(longer);
    cg_policy_set_require_certificate(bench->policy, false);
    memcpy(longer, bench->leaf, whole);
    for (size_t len = 0; len < whole; len++) {
        uint8_t *cut =
                malloc(len + 1); /* of its very size, so that a sanitizer sees a byte too far */

        assert_non_null(cut);
        memcpy(cut, longer, len);
        bench->peer.leaf = realloc(cut, len == 0 ? 1 : len);
        bench->peer.leaf_len = len;
        expect(bench, CG_REJECT, CG_REASON_UNPARSABLE);
        free((void *)(uintptr_t)bench->peer.leaf);
    }
    bench->peer.leaf = longer;
    bench->peer.leaf_len = whole;
    expect(bench, CG_ACCEPT, CG_REASON_NONE);
    bench->peer.leaf_len = whole + 1;
    expect(bench, CG_REJECT, CG_REASON_UNPARSABLE);
    free(longer);
}

static void
too_large(void **state)
{
    struct bench *bench = *state;
    const uint8_t *chain[CG_MAX_CANDIDATES + 1];
    size_t chain_len[CG_MAX_CANDIDATES + 1];
    uint8_t *large = calloc(1, CG_MAX_CERT_BYTES + 1);
    const uint8_t *leaf = bench->peer.leaf;
    size_t leaf_len = bench->peer.leaf_len;

    assert_non_null(large);
    bench->peer.leaf = large;
    bench->peer.leaf_len = CG_MAX_CERT_BYTES + 1;
    expect(bench, CG_REJECT, CG_REASON_TOO_LARGE);
    bench->peer.leaf_len = CG_MAX_CERT_BYTES;
    expect(bench, CG_REJECT, CG_REASON_UNPARSABLE);
    bench->peer.leaf = leaf;
    bench->peer.leaf_len = leaf_len;
    /* Junk beside it is passed over, up to the limit of what is looked at. */
    for (size_t i = 0; i <= CG_MAX_CANDIDATES; i++) {
        chain[i] = large;
        chain_len[i] = 1;
    }
    bench->peer.chain = chain;
    bench->peer.chain_len = chain_len;
    bench->peer.chain_count = CG_MAX_CANDIDATES;
    expect(bench, CG_ACCEPT, CG_REASON_NONE);
    bench->peer.chain_count = CG_MAX_CANDIDATES + 1;
    expect(bench, CG_REJECT, CG_REASON_TOO_LARGE);
    free(large);
}

/* The latch skips its three checks at every level, and says so. */
static void
latched(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision;

    issue(bench,
            (struct mint) { .extensions = { "extendedKeyUsage=emailProtection",
                                    "1.2.3.4=critical,DER:05:00" } });
    expect(bench, CG_REJECT, CG_REASON_KEY_USAGE_MISSING);
    cg_policy_set_latched(bench->policy, true);
    decision = judge(bench);
    assert_int_equal(cg_decision_verdict(decision), CG_ACCEPT);
    assert_true(cg_decision_latched(decision));
    for (int check = 0; check < CG_CHECK_REVOCATION; check++) {
        const struct cg_finding *finding = finding_of(decision, (enum cg_check)check);
        bool skipped = check == CG_CHECK_KEY_USAGE || check == CG_CHECK_EXTENDED_KEY_USAGE ||
                check == CG_CHECK_CRITICAL_EXTENSIONS;

        assert_int_equal(cg_check_info((enum cg_check)check)->latchable, skipped);
        assert_int_equal(strncmp(finding->note, "latched:", 8) == 0, skipped);
        if (skipped)
            assert_int_equal(finding->outcome, CG_NOT_APPLICABLE);
    }
    cg_decision_free(decision);
}

/* An allowance counts where a check of the level needed it, and never beside another refusal. */
static void
by_allowance(void **state)
{
    static const struct {
        const char *why;
        enum cg_level level;
        enum cg_verdict verdict;
        bool by_allowance;
    } rows[] = {
        { "its check is not asked for", CG_LEVEL_LOW, CG_ACCEPT, false },
        { "its check is", CG_LEVEL_MEDIUM, CG_ACCEPT, true },
        { "refused for something else", CG_LEVEL_HIGH, CG_REJECT, false },
    };
    struct bench *bench = *state;

    issue(bench,
            (struct mint) { .extensions = { "keyUsage=critical,digitalSignature",
                                    "extendedKeyUsage=serverAuth" } });
    cg_policy_allow(bench->policy, CG_ALLOW_SERVER_AUTH_CLIENTS, INT64_MAX);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_decision *decision;

        cg_policy_set_level(bench->policy, rows[i].level);
        decision = judge(bench);
        if (cg_decision_verdict(decision) != rows[i].verdict ||
                cg_decision_by_allowance(decision) != rows[i].by_allowance)
            fail_msg("%s", rows[i].why);
        cg_decision_free(decision);
    }
}

/* From the latest start to the earliest end of the path and of the allowances, both included. */
static void
the_window(void **state)
{
    const int64_t from = MINT_NOW - 100, until = MINT_NOW + 100;
    struct bench *bench = *state;
    static const struct {
        const char *why;
        int64_t shift, from, until; /* from MINT_NOW; both 0: this second only */
        int64_t allowance;
    } rows[] = {
        { "the leaf's dates", 0, -100, 100, INT64_MAX },
        { "in its first second", -100, -100, 100, INT64_MAX },
        { "in its last second", 100, -100, 100, INT64_MAX },
        { "after its end", 101, 101, 101, INT64_MAX },
        { "before its start", -101, -101, -101, INT64_MAX },
        { "an allowance that ends first", 0, -100, 50, 50 },
        { "an allowance that ends now", 0, -100, 0, 0 },
        { "an allowance that has ended does not count", 0, -100, 100, -1 },
    };

    issue(bench,
            (struct mint) { .not_before = from,
                    .not_after = until,
                    .extensions = { "keyUsage=critical,digitalSignature" } });
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_decision *decision;

        bench->peer.now = MINT_NOW + rows[i].shift;
        cg_policy_allow(bench->policy, CG_ALLOW_SHA1_CHAIN,
                rows[i].allowance == INT64_MAX ? INT64_MAX : MINT_NOW + rows[i].allowance);
        decision = judge(bench);
        if (cg_decision_good_from(decision) != MINT_NOW + rows[i].from ||
                cg_decision_good_until(decision) != MINT_NOW + rows[i].until)
            fail_msg("%s: from %lld to %lld", rows[i].why,
                    (long long)(cg_decision_good_from(decision) - MINT_NOW),
                    (long long)(cg_decision_good_until(decision) - MINT_NOW));
        cg_decision_free(decision);
    }
}

static void
admit(struct bench *bench, int64_t until)
{
    struct cg_cert *leaf;

    assert_int_equal(cg_cert_from_der(bench->peer.leaf, bench->peer.leaf_len, &leaf, NULL), CG_OK);
    assert_int_equal(
            cg_policy_admit(bench->policy, cg_cert_get0_sha256(leaf), until, "lab phone", NULL),
            CG_OK);
    cg_cert_free(leaf);
}

/* What an administrator overrides: failing checks, and nothing that is none. */
static void
by_an_administrator(void **state)
{
    static const struct {
        const char *why;
        enum cg_level level;
        int64_t now, until, floor; /* from MINT_NOW; floor 0: none */
        bool ours, latched;
        enum cg_verdict verdict;
        enum cg_reason reason;
        bool by_allowance;
    } rows[] = {
        { "expired", CG_LEVEL_NONE, 101, 500, 0, false, false, CG_ACCEPT, CG_REASON_NONE, true },
        { "not valid yet", CG_LEVEL_NONE, -101, 500, 0, false, false, CG_ACCEPT, CG_REASON_NONE,
                true },
        { "several at once", CG_LEVEL_HIGH, 101, 500, 0, false, false, CG_ACCEPT, CG_REASON_NONE,
                true },
        { "nothing fails", CG_LEVEL_NONE, 0, 500, 0, false, false, CG_ACCEPT, CG_REASON_NONE,
                false },
        { "latched", CG_LEVEL_MEDIUM, 101, 500, 0, false, true, CG_ACCEPT, CG_REASON_NONE, true },
        { "in its last second", CG_LEVEL_NONE, 101, 101, 0, false, false, CG_ACCEPT, CG_REASON_NONE,
                true },
        { "a second later", CG_LEVEL_NONE, 102, 101, 0, false, false, CG_REJECT, CG_REASON_EXPIRED,
                false },
        { "our own", CG_LEVEL_HIGH, 0, 500, 0, true, false, CG_REJECT, CG_REASON_REFLECTED, false },
        { "our own, and expired", CG_LEVEL_HIGH, 101, 500, 0, true, false, CG_REJECT,
                CG_REASON_EXPIRED, false },
        { "our own where that is not asked", CG_LEVEL_NONE, 101, 500, 0, true, false, CG_ACCEPT,
                CG_REASON_NONE, true },
        { "a clock that is not believed", CG_LEVEL_NONE, 0, 500, 1, false, false, CG_REJECT,
                CG_REASON_TIME_UNKNOWN, false },
        { "one that is", CG_LEVEL_NONE, 101, 500, 101, false, false, CG_ACCEPT, CG_REASON_NONE,
                true },
    };
    struct bench *bench = *state;

    issue(bench,
            (struct mint) { .not_before = MINT_NOW - 100,
                    .not_after = MINT_NOW + 100,
                    .extensions = { "keyUsage=critical,digitalSignature" } });
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_decision *decision;
        struct cg_cert *leaf;

        cg_policy_free(bench->policy);
        bench->policy = cg_policy_new();
        cg_policy_set_level(bench->policy, rows[i].level);
        cg_policy_set_latched(bench->policy, rows[i].latched);
        assert_int_equal(
                cg_cert_from_der(bench->peer.leaf, bench->peer.leaf_len, &leaf, NULL), CG_OK);
        if (rows[i].ours)
            assert_int_equal(cg_policy_add_identity(bench->policy, leaf, NULL), CG_OK);
        cg_cert_free(leaf);
        admit(bench, MINT_NOW + rows[i].until);
        bench->peer.now = MINT_NOW + rows[i].now;
        bench->peer.clock_floor = rows[i].floor == 0 ? 0 : MINT_NOW + rows[i].floor;
        decision = judge(bench);
        if (cg_decision_verdict(decision) != rows[i].verdict ||
                cg_decision_reason(decision) != rows[i].reason ||
                cg_decision_by_allowance(decision) != rows[i].by_allowance)
            fail_msg("%s: %s", rows[i].why, cg_reason_info(cg_decision_reason(decision))->code);
        cg_decision_free(decision);
    }
    bench->peer.clock_floor = 0;
}

/* Findings stay what they are and say who overrides them; the levels know nothing of it. */
static void
what_is_told_of_an_admission(void **state)
{
    struct bench *bench = *state;
    const struct cg_finding *finding;
    struct cg_decision *decision;
    enum cg_reason reason;
    char *json;

    issue(bench, (struct mint) { .not_after = MINT_NOW - 1, .extensions = { NULL } });
    cg_policy_set_level(bench->policy, CG_LEVEL_MEDIUM);
    admit(bench, MINT_NOW + 60);
    decision = judge(bench);
    finding = cg_decision_get0(decision, CG_CHECK_IN_DATE);
    assert_int_equal(finding->outcome, CG_FAIL);
    assert_int_equal(finding->reason, CG_REASON_EXPIRED);
    assert_true(finding->allowed && finding->allowance == CG_ALLOW_ADMITTED);
    assert_string_equal(
            finding->note, "admitted by an administrator until 2026-11-24T00:01:00Z: lab phone");
    finding = cg_decision_get0(decision, CG_CHECK_KEY_1024);
    assert_true(finding->outcome == CG_PASS && !finding->allowed && finding->note[0] == '\0');
    finding = cg_decision_get0(decision, CG_CHECK_IN_TCS);
    assert_true(finding->outcome == CG_FAIL && !finding->enforced && !finding->allowed);
    assert_int_equal(cg_decision_at_level(decision, CG_LEVEL_MEDIUM, &reason), CG_REJECT);
    assert_int_equal(reason, CG_REASON_EXPIRED);
    json = cg_decision_json_members(decision);
    assert_non_null(strstr(json, "\"allowances\":[\"admitted-by-administrator\"]"));
    assert_non_null(strstr(json, "\"medium\":{\"verdict\":\"reject\",\"reason\":\"expired\"}"));
    free(json);
    cg_decision_free(decision);
}

/* An admission ends with its last second, and is looked at again where a date passes. */
static void
the_window_of_an_admission(void **state)
{
    static const struct {
        const char *why;
        int64_t now, until, floor, good_until;
    } rows[] = {
        { "expired", 101, 500, 0, 500 },
        { "not valid yet: when it is", -101, 500, 0, -101 },
        { "in date: when it is not", 0, 500, 0, 100 },
        { "in date, and ends first", 0, 50, 0, 50 },
        { "expired, by a clock that has a floor", 101, 500, 7, 500 },
    };
    struct bench *bench = *state;

    issue(bench, (struct mint) { .not_before = MINT_NOW - 100, .not_after = MINT_NOW + 100 });
    cg_policy_set_level(bench->policy, CG_LEVEL_HIGH);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_decision *decision;
        int64_t from;

        admit(bench, MINT_NOW + rows[i].until);
        bench->peer.now = MINT_NOW + rows[i].now;
        bench->peer.clock_floor = rows[i].floor == 0 ? 0 : MINT_NOW + rows[i].floor;
        decision = judge(bench);
        assert_int_equal(cg_decision_verdict(decision), CG_ACCEPT);
        from = cg_decision_good_from(decision);
        if (cg_decision_good_until(decision) != MINT_NOW + rows[i].good_until ||
                from > bench->peer.now || from < bench->peer.clock_floor)
            fail_msg("%s: until %lld", rows[i].why,
                    (long long)(cg_decision_good_until(decision) - MINT_NOW));
        cg_decision_free(decision);
    }
}

static void
a_time_that_is_none(void **state)
{
    static const int64_t times[] = { INT64_MIN, INT64_MAX, CG_MAX_SECONDS + 1,
        -CG_MAX_SECONDS - 1 };
    struct bench *bench = *state;
    struct cg_decision *decision = (struct cg_decision *)bench;

    for (size_t i = 0; i < COUNT(times); i++) {
        bench->peer.now = times[i];
        assert_int_equal(cg_evaluate(bench->engine, bench->store, bench->policy, &bench->peer,
                                 &decision, &bench->err),
                CG_E_USAGE);
        assert_null(decision);
    }
    bench->peer.now = CG_MAX_SECONDS;
    expect(bench, CG_REJECT, CG_REASON_EXPIRED);
    bench->peer.now = -CG_MAX_SECONDS;
    expect(bench, CG_REJECT, CG_REASON_NOT_YET_VALID);
}

static void
the_path_and_its_end(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision = judge(bench), *again;

    assert_int_equal(cg_decision_path_count(decision), 2);
    assert_memory_equal(cg_cert_get0_sha256(cg_decision_path_get0(decision, 1)),
            cg_cert_get0_sha256(bench->root), CG_SHA256_SIZE);
    assert_true(cg_decision_anchored(decision));
    again = cg_decision_ref(decision);
    assert_ptr_equal(again, decision);
    cg_decision_free(decision);
    assert_int_equal(cg_decision_verdict(again), CG_ACCEPT);
    cg_decision_free(again);
    cg_decision_free(NULL);
}

static bool
holds(const char *text, const char *piece)
{
    return strstr(text, piece) != NULL;
}

static void
as_json(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision;
    char *json;

    issue(bench,
            (struct mint) { .subject = "CN=\"pe\\er\"\x1b[31m",
                    .extensions = { "keyUsage=critical,digitalSignature",
                            "extendedKeyUsage=serverAuth" } });
    decision = judge(bench);
    json = cg_decision_json_members(decision);
    assert_non_null(json);
    assert_int_equal(strncmp(json,
                             "\"verdict\":\"reject\",\"level\":\"medium\",\"latched\":false,"
                             "\"reason\":\"purpose-mismatch\",\"alert\":43,",
                             89),
            0);
    assert_true(holds(json,
            "{\"check\":\"extended-key-usage\",\"outcome\":\"fail\",\"reason\":"
            "\"purpose-mismatch\",\"certificate\":\"received\",\"found\":"
            "\"serverAuth\",\"wanted\":\"clientAuth\",\"remedy\":"));
    assert_true(holds(json, "\"high\":{\"verdict\":\"reject\",\"reason\":\"purpose-mismatch\"}"));
    assert_true(holds(json, "\"low\":{\"verdict\":\"accept\",\"reason\":null}"));
    assert_false(holds(json, "\"in-tcs\"")); /* not asked for */
    assert_false(holds(json, "enforced"));
    assert_false(holds(json, "\x1b"));
    free(json);
    json = cg_decision_json_all_members(decision);
    assert_non_null(json);
    assert_true(holds(json, "{\"check\":\"in-tcs\",\"outcome\":\"fail\""));
    assert_true(holds(json, "\"enforced\":true}"));
    assert_true(holds(json, "\"enforced\":false}"));
    free(json);
    cg_decision_free(decision);
}

static void
a_refusal_without_a_certificate(void **state)
{
    struct bench *bench = *state;
    struct cg_decision *decision =
            cg_decision_refuse(bench->policy, CG_REASON_HANDSHAKE_TIMEOUT, "no \"ClientHello\"");
    char *json = cg_decision_json_members(decision);

    assert_string_equal(json,
            "\"verdict\":\"reject\",\"level\":\"medium\",\"latched\":false,\"reason\":"
            "\"handshake-timeout\",\"detail\":\"no \\\"ClientHello\\\"\",\"remedy\":"
            "\"look for a peer that does not speak TLS on this port, or a network fault\","
            "\"allowances\":[],\"findings\":[]");
    free(json);
    cg_decision_free(decision);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_checks_once, make, drop),
        cmocka_unit_test_setup_teardown(a_level_from_anothers_decision, make, drop),
        cmocka_unit_test_setup_teardown(custom_checks, make, drop),
        cmocka_unit_test_setup_teardown(the_first_in_page_order, make, drop),
        cmocka_unit_test_setup_teardown(presence, make, drop),
        cmocka_unit_test_setup_teardown(a_received_certificate_that_is_none, make, drop),
        cmocka_unit_test_setup_teardown(too_large, make, drop),
        cmocka_unit_test_setup_teardown(latched, make, drop),
        cmocka_unit_test_setup_teardown(by_allowance, make, drop),
        cmocka_unit_test_setup_teardown(by_an_administrator, make, drop),
        cmocka_unit_test_setup_teardown(what_is_told_of_an_admission, make, drop),
        cmocka_unit_test_setup_teardown(the_window_of_an_admission, make, drop),
        cmocka_unit_test_setup_teardown(the_window, make, drop),
        cmocka_unit_test_setup_teardown(a_time_that_is_none, make, drop),
        cmocka_unit_test_setup_teardown(the_path_and_its_end, make, drop),
        cmocka_unit_test_setup_teardown(as_json, make, drop),
        cmocka_unit_test_setup_teardown(a_refusal_without_a_certificate, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
