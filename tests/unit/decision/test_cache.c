/*
 * Remembered decisions against fresh ones: whatever is asked, in whatever order, an engine that has
 * seen it all says word for word what a new engine says.
 */
#include "decision/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decision/policy.h"
#include "support/mint.h"
#include "x509/engine.h"

#define CA "basicConstraints=critical,CA:TRUE"
#define SAN "subjectAltName=DNS:a.example,IP:192.0.2.1,URI:sip:sip.example"

/* Validity in days around MINT_NOW. */
static const struct {
    char id;
    const char *subject, *key, *issuer, *signer;
    int from, until;
    const char *digest;
    const char *extensions[4];
} world[] = {
    { 'R', "CN=root", "P-256 root", "CN=root", "P-256 root", -900, 900, NULL, { CA } },
    { 'r', "CN=root", "P-256 root", "CN=root", "P-256 root", -900, 40, NULL, { CA } },
    { 'S', "CN=second", "P-256 second", "CN=second", "P-256 second", -900, 900, NULL, { CA } },
    { 'I', "CN=inter", "P-256 inter", "CN=root", "P-256 root", -90, 60, NULL, { CA } },
    { 'J', "CN=inter", "P-256 inter", "CN=root", "P-256 root", -20, 90, NULL,
            { CA } }, /* its renewal */
    { 'C', "CN=inter", "P-256 inter", "CN=second", "P-256 second", 10, 900, NULL, { CA } },
    { '1', "CN=inter", "P-256 inter", "CN=root", "P-256 root", -90, 900, "SHA1", { CA } },
    { 'L', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", -30, 70, NULL,
            { SAN, "keyUsage=digitalSignature" } },
    { 'K', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", -30, 70, NULL, { NULL } },
    { 'e', "CN=self", "P-256 self", "CN=self", "P-256 self", -30, 30, NULL, { SAN } },
};
#define WORLD (sizeof(world) / sizeof(world[0]))

static struct cg_cert *certs[WORLD];

static int
make_world(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORLD; i++) {
        struct mint mint = { .subject = world[i].subject,
            .key = mint_key(world[i].key),
            .issuer = world[i].issuer,
            .signer = mint_key(world[i].signer),
            .not_before = MINT_NOW + world[i].from * MINT_DAY,
            .not_after = MINT_NOW + world[i].until * MINT_DAY,
            .serial = (long)i + 1,
            .digest = world[i].digest };

        memcpy(mint.extensions, world[i].extensions, sizeof(world[i].extensions));
        certs[i] = mint_cert(&mint);
    }
    return 0;
}

static int
free_world(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORLD; i++)
        cg_cert_free(certs[i]);
    return 0;
}

static const struct cg_cert *
find(char id)
{
    for (size_t i = 0; i < WORLD; i++)
        if (world[i].id == id)
            return certs[i];
    fail_msg("no certificate '%c'", id);
    return NULL;
}

static struct cg_store *
store_of(const char *ids)
{
    struct cg_cert *trusted[WORLD + 1] = { NULL };

    for (size_t i = 0; ids[i] != '\0'; i++)
        trusted[i] = (struct cg_cert *)(uintptr_t)find(ids[i]);
    return mint_store(trusted);
}

/* ---- policies: each differs from the first in one thing ------------------------------------------ */

static void
plain(struct cg_policy *policy)
{
    (void)policy;
}

static void
level(struct cg_policy *policy)
{
    cg_policy_set_level(policy, CG_LEVEL_HIGH_REMOTE);
}

static void
checks(struct cg_policy *policy)
{
    cg_policy_set_checks(policy, 1u << CG_CHECK_IN_DATE | 1u << CG_CHECK_KEY_1024);
}

static void
role(struct cg_policy *policy)
{
    cg_policy_set_role(policy, CG_ROLE_OUTBOUND);
}

static void
service(struct cg_policy *policy)
{
    cg_policy_set_service(policy, CG_SERVICE_SIP);
}

static void
latched(struct cg_policy *policy)
{
    cg_policy_set_latched(policy, true);
}

static void
ca_eku(struct cg_policy *policy)
{
    cg_policy_set_ca_eku(policy, true);
}

static void
partial(struct cg_policy *policy)
{
    cg_policy_set_partial_chain(policy, true);
}

static void
optional(struct cg_policy *policy)
{
    cg_policy_set_require_certificate(policy, false);
}

static void
depth(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_set_max_depth(policy, 0, NULL), CG_OK);
}

static void
allowed(struct cg_policy *policy)
{
    cg_policy_allow(policy, CG_ALLOW_SHA1_CHAIN, INT64_MAX);
}

static void
allowed_for_days(struct cg_policy *policy)
{
    cg_policy_allow(policy, CG_ALLOW_SHA1_CHAIN, MINT_NOW + 5 * MINT_DAY);
}

static void
admitted(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_admit(policy, cg_cert_get0_sha256(find('L')),
                             MINT_NOW + 5 * MINT_DAY, "a test", NULL),
            CG_OK);
}

static void
admitted_longer(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_admit(policy, cg_cert_get0_sha256(find('L')),
                             MINT_NOW + 6 * MINT_DAY, "a test", NULL),
            CG_OK);
}

static void
admitted_for_another_reason(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_admit(policy, cg_cert_get0_sha256(find('L')),
                             MINT_NOW + 5 * MINT_DAY, "another test", NULL),
            CG_OK);
}

static void
name(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_add_name(policy, "a.example", NULL), CG_OK);
}

static void
other_name(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_add_name(policy, "b.example", NULL), CG_OK);
}

static void
domain(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_add_sip_domain(policy, "sip.example", NULL), CG_OK);
}

static void
identity(struct cg_policy *policy)
{
    assert_int_equal(cg_policy_add_identity(policy, find('L'), NULL), CG_OK);
}

static void (*const policies[])(struct cg_policy *policy) = { plain, level, checks, role, service,
    latched, ca_eku, partial, optional, depth, allowed, allowed_for_days, admitted, admitted_longer,
    admitted_for_another_reason, name, other_name, domain, identity };
#define POLICIES (sizeof(policies) / sizeof(policies[0]))

static struct cg_policy *
policy_of(size_t which)
{
    struct cg_policy *policy = cg_policy_new();

    assert_non_null(policy);
    policies[which](policy);
    return policy;
}

/* ---- questions --------------------------------------------------------------------------------- */

struct question {
    size_t policy;
    const char *store;
    const char *shown; /* the received certificate first */
    int64_t now;
    int64_t clock_floor;
    const char *address;
    const char *from_domain;
    bool phone;
    bool trace;
};

static const struct question usual = { 0, "R", "LI", MINT_NOW, 0, NULL, NULL, false, false };

static struct cg_decision *
ask(struct cg_engine *engine, const struct question *q)
{
    const uint8_t *chain[8];
    size_t lens[8];
    struct cg_peer peer = { .chain = chain,
        .chain_len = lens,
        .now = q->now,
        .clock_floor = q->clock_floor,
        .address = q->address,
        .from_domain = q->from_domain,
        .phone = q->phone,
        .trace = q->trace };
    struct cg_policy *policy = policy_of(q->policy);
    struct cg_store *store = store_of(q->store);
    struct cg_decision *decision;

    peer.leaf = cg_cert_get0_der(find(q->shown[0]), &peer.leaf_len);
    for (size_t i = 1; q->shown[i] != '\0'; i++, peer.chain_count++)
        chain[i - 1] = cg_cert_get0_der(find(q->shown[i]), &lens[i - 1]);
    assert_int_equal(cg_evaluate(engine, store, policy, &peer, &decision, NULL), CG_OK);
    cg_policy_free(policy);
    cg_store_free(store);
    return decision;
}

/* Everything that a decision says, but for the work it took. */
static char *
words(const struct cg_decision *decision)
{
    char *members = cg_decision_json_members(decision), *all = NULL;

    assert_non_null(members);
    assert_true(asprintf(&all, "%s %lld %lld", members, (long long)cg_decision_good_from(decision),
                        (long long)cg_decision_good_until(decision)) > 0);
    free(members);
    return all;
}

static void
assert_as_fresh(struct cg_engine *engine, const struct question *q, const char *why)
{
    struct cg_engine *fresh = cg_engine_new();
    struct cg_decision *known = ask(engine, q), *anew = ask(fresh, q);
    char *said = words(known), *wanted = words(anew);

    if (strcmp(said, wanted) != 0)
        fail_msg("%s, policy %zu, %s of %s at %+lld s: %s\ninstead of %s", why, q->policy, q->shown,
                q->store, (long long)(q->now - MINT_NOW), said, wanted);
    assert_true(cg_decision_good_from(known) <= q->now && q->now <= cg_decision_good_until(known));
    free(said);
    free(wanted);
    cg_decision_free(known);
    cg_decision_free(anew);
    cg_engine_free(fresh);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void
asked_again(void **state)
{
    static const char *const shown[] = { "LI", "K", "L", "e", "LJIC" };
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        struct question q = usual;
        struct cg_decision *first, *second;

        q.shown = shown[i];
        first = ask(engine, &q);
        second = ask(engine, &q);
        assert_ptr_equal(first, second); /* accepted or refused: remembered */
        cg_decision_free(first);
        cg_decision_free(second);
    }
    cg_engine_free(engine);
}

/* What changes one part of the question is another question. */
static void
another_question(void **state)
{
    static const struct {
        const char *why;
        struct question q;
    } rows[] = {
        { "another store", { 0, "RS", "LI", MINT_NOW } },
        { "no store", { 0, "", "LI", MINT_NOW } },
        { "another leaf", { 0, "R", "KI", MINT_NOW } },
        { "another chain", { 0, "R", "LJ", MINT_NOW } },
        { "more sent", { 0, "R", "LIJ", MINT_NOW } },
        { "less sent", { 0, "R", "L", MINT_NOW } },
        { "another order", { 0, "R", "IL", MINT_NOW } },
        { "an address", { 0, "R", "LI", MINT_NOW, 0, "192.0.2.1" } },
        { "no address, but an empty one", { 0, "R", "LI", MINT_NOW, 0, "" } },
        { "a From domain", { 0, "R", "LI", MINT_NOW, 0, NULL, "192.0.2.1" } },
        { "a phone", { 0, "R", "LI", MINT_NOW, 0, NULL, NULL, true } },
        { "a clock that is not believed", { 0, "R", "LI", MINT_NOW, MINT_NOW + 1 } },
        { "a clock that is", { 0, "R", "LI", MINT_NOW, MINT_NOW } },
        { "a trace", { 0, "R", "LI", MINT_NOW, 0, NULL, NULL, false, true } },
    };
    struct cg_engine *engine = cg_engine_new();
    struct cg_decision *first = ask(engine, &usual), *other;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        other = ask(engine, &rows[i].q);
        if (other == first)
            fail_msg("%s: the same decision", rows[i].why);
        cg_decision_free(other);
        assert_as_fresh(engine, &rows[i].q, rows[i].why);
    }
    for (size_t i = 1; i < POLICIES; i++) {
        struct question q = usual;

        q.policy = i;
        other = ask(engine, &q);
        if (other == first)
            fail_msg("policy %zu: the same decision", i);
        cg_decision_free(other);
    }
    other = ask(engine, &usual);
    assert_ptr_equal(other, first);
    cg_decision_free(other);
    cg_decision_free(first);
    cg_engine_free(engine);
}

/* One bit of the leaf or of what came with it, at the same lengths. */
static void
one_bit_is_another_question(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_policy *policy = cg_policy_new();
    struct cg_store *store = store_of("R");
    size_t lens[2];
    const uint8_t *ders[2] = { cg_cert_get0_der(find('L'), &lens[0]),
        cg_cert_get0_der(find('I'), &lens[1]) };
    struct cg_decision *decision;

    (void)state;
    for (size_t changed = 0; changed < 3; changed++) {
        uint8_t copies[2][4096];
        const uint8_t *chain[] = { copies[1] };
        struct cg_peer peer = { copies[0], lens[0], chain, &lens[1], 1, .now = MINT_NOW };

        for (size_t i = 0; i < 2; i++) {
            assert_true(lens[i] < sizeof(copies[i]));
            memcpy(copies[i], ders[i], lens[i]);
        }
        if (changed > 0)
            copies[changed - 1][lens[changed - 1] - 2] ^= 1; /* in its signature */
        assert_int_equal(cg_evaluate(engine, store, policy, &peer, &decision, NULL), CG_OK);
        assert_int_equal(cg_decision_reason(decision),
                changed == 0 ? CG_REASON_NONE : CG_REASON_SIGNATURE_INVALID);
        cg_decision_free(decision);
    }
    cg_store_free(store);
    cg_policy_free(policy);
    cg_engine_free(engine);
}

static void
assert_shows_trace(const struct cg_decision *decision, bool shown)
{
    char *members = cg_decision_json_members(decision);

    assert_non_null(members);
    assert_int_equal(strstr(members, ",\"trace\":[\"'CN=leaf' (received, ") != NULL, shown);
    free(members);
}

/* A traced search is never taken from memory, and leaves nothing there. */
static void
traces_are_fresh(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct question q = usual;
    struct cg_decision *first, *second;

    (void)state;
    q.trace = true;
    first = ask(engine, &q);
    second = ask(engine, &q);
    assert_ptr_not_equal(first, second);
    assert_string_not_equal(cg_decision_trace(second), "");
    assert_shows_trace(second, true);
    cg_decision_free(first);
    q.trace = false;
    first = ask(engine, &q);
    assert_string_equal(cg_decision_trace(first), "");
    assert_shows_trace(first, false);
    cg_decision_free(first);
    cg_decision_free(second);
    cg_engine_free(engine);
}

/* Every second at which something begins or ends, and its neighbours, in both directions of time. */
static void
no_boundary_is_outlived(void **state)
{
    static const char *const shown[] = { "LI", "LIJ", "LJC", "L1", "L1IC", "K", "e" };
    static const char *const stores[] = { "R", "Rr", "rS", "Re" };
    /* plain, high+remote, checks, latched, allowed and admitted for days */
    static const size_t some[] = { 0, 1, 2, 5, 11, 12 };
    struct cg_engine *engine = cg_engine_new();
    int64_t moments[3 * 2 * WORLD + 8];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < WORLD; i++)
        for (int64_t d = -1; d <= 1; d++) {
            moments[count++] = MINT_NOW + world[i].from * MINT_DAY + d;
            moments[count++] = MINT_NOW + world[i].until * MINT_DAY + d;
        }
    for (int64_t d = -1; d <= 1; d++)
        moments[count++] = MINT_NOW + 5 * MINT_DAY + d; /* allowed_for_days(), admitted() */
    for (size_t s = 0; s < sizeof(stores) / sizeof(stores[0]); s++)
        for (size_t c = 0; c < sizeof(shown) / sizeof(shown[0]); c++) {
            /* The first pass fills the memory, the second compares, in another order. */
            for (size_t m = 0; m < count; m++)
                for (size_t p = 0; p < sizeof(some) / sizeof(some[0]); p++) {
                    struct question q = { some[p], stores[s], shown[c], moments[m] };

                    cg_decision_free(ask(engine, &q));
                }
            for (size_t m = count; m-- > 0;) {
                struct question q = { some[(m + c) % (sizeof(some) / sizeof(some[0]))], stores[s],
                    shown[c], moments[m] };

                assert_as_fresh(engine, &q, "boundary");
            }
        }
    cg_engine_free(engine);
}

/* Fails where the certificate is not accepted in a second of the decision's window; the seconds looked at. */
static size_t
assert_stands(
        struct cg_engine *engine, const struct cg_decision *decision, const struct question *asked)
{
    size_t stood = 0;

    for (size_t i = 0; i < 2 * WORLD + 1; i++) {
        int day = i == 2 * WORLD ? 5 : i % 2 == 0 ? world[i / 2].from : world[i / 2].until;

        for (int d = -1; d <= 1; d++) {
            struct question q = *asked;
            struct cg_decision *then;

            q.now = MINT_NOW + day * MINT_DAY + d;
            if (q.now < cg_decision_good_from(decision) || q.now > cg_decision_good_until(decision))
                continue;
            then = ask(engine, &q);
            if (cg_decision_verdict(then) != CG_ACCEPT)
                fail_msg("policy %zu, %s of %s: accepted at %+lld s, and not %+lld s", q.policy,
                        q.shown, q.store, (long long)(asked->now - MINT_NOW),
                        (long long)(q.now - MINT_NOW));
            cg_decision_free(then);
            stood++;
        }
    }
    return stood;
}

/*
 * The seconds for which a decision says that it stands are what sessions and connections live by: who is accepted is
 * accepted in each of them.
 */
static void
nobody_is_let_in_outside_the_window(void **state)
{
    static const char *const shown[] = { "LI", "LJC", "L1", "K", "e" };
    static const char *const stores[] = { "R", "rS", "Re" };
    static const size_t some[] = { 0, 1, 11, 12 }; /* plain, high+remote, allowed, admitted */
    static const int days[] = { -50, -25, 0, 20, 50, 65 };
    struct cg_engine *engine = cg_engine_new();
    size_t stood = 0;

    (void)state;
    for (size_t i = 0; i < 4 * 3 * 5 * 6; i++) {
        struct question q = { some[i % 4], stores[i / 4 % 3], shown[i / 12 % 5],
            MINT_NOW + days[i / 60] * MINT_DAY };
        struct cg_decision *decision = ask(engine, &q);

        if (cg_decision_verdict(decision) == CG_ACCEPT)
            stood += assert_stands(engine, decision, &q);
        cg_decision_free(decision);
    }
    assert_true(stood > 500);
    cg_engine_free(engine);
}

/* A clock that is believed from some second on. */
static void
clock_floor_is_a_boundary(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct question q = usual;

    (void)state;
    q.clock_floor = MINT_NOW;
    for (int64_t now = MINT_NOW + 2; now >= MINT_NOW - 2; now--) {
        q.now = now;
        assert_as_fresh(engine, &q, "clock floor");
    }
    for (int64_t now = MINT_NOW - 2; now <= MINT_NOW + 2; now++) {
        q.now = now;
        assert_as_fresh(engine, &q, "clock floor, back");
    }
    cg_engine_free(engine);
}

/* The same policy object, changed by each setter after it was used. */
static void
a_changed_policy_is_another(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    uint8_t seen[POLICIES + 1][CG_SHA256_SIZE], twin[CG_SHA256_SIZE];
    struct cg_policy *policy = cg_policy_new(), *other = cg_policy_new();

    (void)state;
    for (size_t i = 0; i < POLICIES; i++) {
        policies[i](policy);
        assert_true(cg_policy_digest(policy, engine, seen[i]));
        for (size_t k = 0; k < i; k++)
            if (memcmp(seen[i], seen[k], CG_SHA256_SIZE) == 0)
                fail_msg("setter %zu: the digest of step %zu", i, k);
    }
    for (size_t i = 0; i < POLICIES; i++)
        policies[i](other);
    assert_true(cg_policy_digest(other, engine, twin));
    assert_memory_equal(twin, seen[POLICIES - 1], CG_SHA256_SIZE);
    cg_policy_free(policy);
    cg_policy_free(other);
    cg_engine_free(engine);
}

/* Names and domains that run together are not the same policy. */
static void
lists_do_not_run_together(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_policy *one = cg_policy_new(), *two = cg_policy_new();
    uint8_t a[CG_SHA256_SIZE], b[CG_SHA256_SIZE];

    (void)state;
    name(one);
    assert_int_equal(cg_policy_add_sip_domain(two, "a.example", NULL), CG_OK);
    assert_true(cg_policy_digest(one, engine, a) && cg_policy_digest(two, engine, b));
    assert_memory_not_equal(a, b, CG_SHA256_SIZE);
    cg_policy_free(one);
    cg_policy_free(two);
    cg_engine_free(engine);
}

/* Ten times more refusals than there is room for: the one peer that is known stays known. */
static void
strangers_drive_out_no_peer(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct question q = usual;
    struct cg_decision *first = ask(engine, &usual), *again;
    char address[32];

    (void)state;
    assert_int_equal(cg_decision_verdict(first), CG_ACCEPT);
    q.shown = "K";
    for (int i = 0; i < 10 * 2 * CG_REFUSAL_SETS; i++) {
        snprintf(address, sizeof(address), "10.0.%d.%d", i >> 8, i & 255);
        q.address = address;
        again = ask(engine, &q);
        assert_int_equal(cg_decision_verdict(again), CG_REJECT);
        cg_decision_free(again);
    }
    again = ask(engine, &usual);
    assert_ptr_equal(again, first);
    cg_decision_free(again);
    cg_decision_free(first);
    cg_engine_free(engine);
}

/* A decision belongs to whoever holds it: the engine may forget it, or end. */
static void
decisions_outlive_the_engine(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_decision *first = ask(engine, &usual), *again = ask(engine, &usual);

    (void)state;
    cg_engine_free(engine);
    cg_decision_free(first);
    assert_int_equal(cg_decision_verdict(again), CG_ACCEPT);
    assert_int_equal(cg_decision_path_count(again), 3);
    cg_decision_free(again);
}

/* Another store at the address of one that is gone, and one that is still being built. */
static void
stores_are_known_by_content(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_policy *policy = cg_policy_new();
    struct cg_store *store = cg_store_new();
    struct cg_peer peer = { .now = MINT_NOW };
    struct cg_decision *decision;
    uint8_t key[CG_SHA256_SIZE];

    (void)state;
    peer.leaf = cg_cert_get0_der(find('e'), &peer.leaf_len);
    assert_false(cg_decision_cache_key(engine, store, policy, &peer, key));
    assert_int_equal(cg_store_add(store, find('e'), NULL), CG_OK);
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    assert_true(cg_decision_cache_key(engine, store, policy, &peer, key));
    assert_int_equal(cg_evaluate(engine, store, policy, &peer, &decision, NULL), CG_OK);
    assert_int_equal(
            cg_decision_at_level(decision, CG_LEVEL_LOW, &(enum cg_reason) { 0 }), CG_ACCEPT);
    cg_decision_free(decision);
    cg_store_free(store);
    for (size_t i = 0; i < 4; i++)
        assert_as_fresh(engine, &(struct question) { 0, i % 2 == 0 ? "e" : "R", "e", MINT_NOW },
                "stores by turns");
    cg_policy_free(policy);
    cg_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_again),
        cmocka_unit_test(another_question),
        cmocka_unit_test(one_bit_is_another_question),
        cmocka_unit_test(traces_are_fresh),
        cmocka_unit_test(no_boundary_is_outlived),
        cmocka_unit_test(nobody_is_let_in_outside_the_window),
        cmocka_unit_test(clock_floor_is_a_boundary),
        cmocka_unit_test(a_changed_policy_is_another),
        cmocka_unit_test(lists_do_not_run_together),
        cmocka_unit_test(strangers_drive_out_no_peer),
        cmocka_unit_test(decisions_outlive_the_engine),
        cmocka_unit_test(stores_are_known_by_content),
    };

    return cmocka_run_group_tests(tests, make_world, free_world);
}
