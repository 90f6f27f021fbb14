/* Who would break: from the certificates that were sent, and where these are not kept from the verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inventory/would.h"
#include "snapshot/policy.h"
#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Peers below one root; pinned is in the trust store too. */
enum { PINNED, PLAIN, NO_KEY_USAGE, SERVER_ONLY, PEERS };
static const char *const names[PEERS] = { "pinned", "plain", "no-key-usage", "server-only" };

static struct snapshot_blob root, other_root, peers[PEERS];
static struct snapshot_blob trusted[3];

static struct snapshot_blob
blob(struct mint mint)
{
    struct snapshot_blob out;

    out.data = mint_der(&mint, &out.len);
    return out;
}

static int
make(void **state)
{
    static const char *const extensions[PEERS][2] = {
        { "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth" },
        { "keyUsage=critical,digitalSignature", NULL },
        { NULL, NULL },
        { "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth" },
    };
    char subject[32];

    (void)state;
    root = blob((struct mint) { .subject = "CN=Root",
            .key = mint_key("P-256 root"),
            .extensions = {
                    "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign" } });
    other_root = blob((struct mint) { .subject = "CN=Other",
            .key = mint_key("P-256"),
            .extensions = {
                    "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign" } });
    for (int i = 0; i < PEERS; i++) {
        (void)snprintf(subject, sizeof(subject), "CN=%s", names[i]);
        peers[i] = blob((struct mint) { .subject = subject,
                .issuer = "CN=Root",
                .key = mint_key("P-256"),
                .signer = mint_key("P-256 root"),
                .extensions = { extensions[i][0], extensions[i][1] } });
    }
    trusted[0] = root;
    trusted[1] = peers[PINNED];
    trusted[2] = other_root;
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    free(root.data);
    free(other_root.data);
    for (int i = 0; i < PEERS; i++)
        free(peers[i].data);
    return 0;
}

/* ---- settings ---------------------------------------------------------------------------------- */

/* One interface with one line, as a test changes them. */
struct world {
    struct snapshot_class line;
    struct snapshot_interface interfaces[2];
    struct snapshot_pin pin;
    struct snapshot snapshot;
};

static void
world_init(struct world *world)
{
    const struct snapshot_rules rules = { .level = CG_LEVEL_MEDIUM,
        .max_depth = 10,
        .allowances = { { CG_ALLOW_SERVER_AUTH_CLIENTS, INT64_MAX } },
        .allowance_count = 1 };

    *world = (struct world) { .line = {
                                      .name = "hq", .kind = SNAPSHOT_CLASS_LINE, .rules = rules } };
    world->interfaces[0] = (struct snapshot_interface) { .name = "web",
        .rules = rules,
        .others = true,
        .classes = &world->line,
        .class_count = 1,
        .listen = { { .plain = false } },
        .listen_count = 1 };
    world->interfaces[1] = world->interfaces[0];
    (void)snprintf(world->interfaces[1].name, sizeof(world->interfaces[1].name), "own");
    world->interfaces[1].class_count = 0;
    world->interfaces[1].rules.level = CG_LEVEL_NONE;
    world->snapshot = (struct snapshot) {
        .interfaces = world->interfaces, .interface_count = 2, .tcs = trusted, .tcs_count = 2
    };
}

static void
same(struct world *then)
{
    (void)then;
}

static void
raise_level(struct world *then)
{
    then->interfaces[0].rules.level = CG_LEVEL_HIGH;
}

static void
raise_level_of_line(struct world *then)
{
    then->line.rules.level = CG_LEVEL_HIGH;
}

static void
raise_level_and_admit(struct world *then)
{
    struct cg_cert *cert;

    raise_level(then);
    assert_int_equal(cg_cert_from_der(peers[PLAIN].data, peers[PLAIN].len, &cert, NULL), CG_OK);
    memcpy(then->pin.sha256, cg_cert_get0_sha256(cert), CG_SHA256_SIZE);
    cg_cert_free(cert);
    then->pin.until = MINT_NOW;
    then->pin.reason = (char *)(uintptr_t) "a test";
    then->interfaces[0].rules.pins = &then->pin;
    then->interfaces[0].rules.pin_count = 1;
}

static void
raise_level_and_admit_until_before(struct world *then)
{
    raise_level_and_admit(then);
    then->pin.until = MINT_NOW - 1;
}

static void
lower_level(struct world *then)
{
    then->interfaces[0].rules.level = CG_LEVEL_LOW;
}

static void
end_latch(struct world *then)
{
    then->interfaces[0].rules.latched = false;
}

static void
take_root_away(struct world *then)
{
    then->snapshot.tcs = trusted + 1;
}

static void
take_pinned_away(struct world *then)
{
    then->snapshot.tcs_count = 1;
}

static void
trust_more(struct world *then)
{
    then->snapshot.tcs_count = 3;
}

static void
end_allowance(struct world *then)
{
    then->interfaces[0].rules.allowance_count = 0;
}

static void
shut(struct world *then)
{
    then->interfaces[0].listen[0].plain = true;
}

static void
forget_line(struct world *then)
{
    then->interfaces[0].class_count = 0;
    then->interfaces[0].rules.level = CG_LEVEL_HIGH;
}

static void
latched(struct world *now)
{
    now->interfaces[0].rules.latched = true;
}

static void
at_high(struct world *now)
{
    now->interfaces[0].rules.level = CG_LEVEL_HIGH;
}

/* ---- the inventory ------------------------------------------------------------------------------ */

/* A record as the gateway would write it, under the settings of then. */
static void
receive(struct inventory *inventory, const struct snapshot *snapshot, const char *class, int peer,
        bool with_chain)
{
    const struct snapshot_interface *it = &snapshot->interfaces[0];
    const struct cg_peer asked = {
        .leaf = peers[peer].data, .leaf_len = peers[peer].len, .now = MINT_NOW - 60
    };
    struct cg_engine *engine = cg_engine_new();
    struct cg_decision *decision;
    struct cg_policy *policy;
    struct cg_store *store;
    struct journal_entry entry;
    struct cg_error err = { "" };
    struct cg_buf line;
    char *members;

    assert_int_equal(snapshot_store(snapshot, &store, &err), CG_OK);
    assert_int_equal(
            snapshot_policy(snapshot, it,
                    strcmp(class, "hq") == 0 ? &it->classes[0].rules : &it->rules, &policy, &err),
            CG_OK);
    assert_int_equal(cg_evaluate(engine, store, policy, &asked, &decision, &err), CG_OK);
    members = cg_decision_json_members(decision);
    cg_buf_init(&line, 64 * 1024);
    cg_buf_add(&line, "{\"time\":\"");
    cg_buf_add_time(&line, MINT_NOW - 60);
    cg_buf_addf(&line, "\",\"interface\":\"web\",\"class\":\"%s\",\"peer\":\"192.0.2.%d:5\",%s}",
            class, peer + 1, members);
    assert_true(journal_entry_parse(cg_buf_text(&line), line.len, &entry));
    assert_int_equal(inventory_add(inventory, &entry, 1, &err), CG_OK);
    if (with_chain && entry.accepted)
        assert_int_equal(
                inventory_add_chain(inventory, cg_span(peers[peer].data, peers[peer].len), &err),
                CG_OK);
    journal_entry_release(&entry);
    cg_buf_release(&line);
    free(members);
    cg_decision_free(decision);
    cg_policy_free(policy);
    cg_store_free(store);
    cg_engine_free(engine);
}

static struct inventory *
received(const struct snapshot *snapshot, const char *class, bool with_chain)
{
    struct cg_error note, err = { "" };
    struct inventory *inventory = inventory_open(":memory:", NULL, &note, &err);

    if (inventory == NULL)
        fail_msg("%s", err.text);
    for (int i = 0; i < PEERS; i++)
        receive(inventory, snapshot, class, i, with_chain);
    assert_int_equal(inventory_flush(inventory, &err), CG_OK);
    return inventory;
}

/* "-plain:not-in-tcs +no-key-usage ?server-only", in order of names. */
static bool
tell(void *arg, enum would_kind kind, const struct inventory_peer *peer,
        const struct would_verdict *verdict)
{
    char(*told)[64] = arg;
    int i = 0;

    while (strcmp(peer->subject + 3, names[i]) != 0)
        i++;
    (void)snprintf(told[i], sizeof(told[i]), "%c%s%s%s ", "-+?"[kind], names[i],
            kind == WOULD_REFUSE ? ":" : "",
            kind == WOULD_REFUSE ? cg_reason_info(verdict->then.reason)->code : "");
    return true;
}

static void
ask(struct inventory *inventory, const struct world *now, const struct world *then, unsigned most,
        char out[256], struct would_counts *counts)
{
    const struct would_query query = { .now = &now->snapshot,
        .then = &then->snapshot,
        .at = MINT_NOW,
        .since = INT64_MIN,
        .most_judged = most };
    struct cg_error err = { "" };
    char told[PEERS][64] = { "" };

    if (would_each(inventory, &query, tell, told, counts, &err) != CG_OK)
        fail_msg("%s", err.text);
    out[0] = '\0';
    for (int i = 0; i < PEERS; i++)
        strcat(out, told[i]);
    if (out[0] != '\0')
        out[strlen(out) - 1] = '\0';
}

/* ---- tests ------------------------------------------------------------------------------------- */

static const struct {
    const char *why;
    void (*before)(struct world *now);
    void (*change)(struct world *then);
    const char *class;
    const char *from_certificates, *from_verdicts;
} rows[] = {
    { "nothing changes", same, same, "other", "", "" },
    { "a level is raised", same, raise_level, "other", "-plain:not-in-tcs -server-only:not-in-tcs",
            "-plain:not-in-tcs -server-only:not-in-tcs" },
    { "that of the others, not of the line", same, raise_level, "hq", "", "" },
    { "that of the line", same, raise_level_of_line, "hq",
            "-plain:not-in-tcs -server-only:not-in-tcs",
            "-plain:not-in-tcs -server-only:not-in-tcs" },
    { "a level is lowered", same, lower_level, "other", "+no-key-usage", "+no-key-usage" },
    { "one is admitted by an administrator", same, raise_level_and_admit, "other",
            "-server-only:not-in-tcs", "-server-only:not-in-tcs" },
    { "… but no longer", same, raise_level_and_admit_until_before, "other",
            "-plain:not-in-tcs -server-only:not-in-tcs",
            "-plain:not-in-tcs -server-only:not-in-tcs" },
    { "a latch ends", latched, end_latch, "other", "-no-key-usage:key-usage-missing",
            "?pinned ?plain ?no-key-usage ?server-only" },
    { "a root is taken away", same, take_root_away, "other",
            "-pinned:issuer-unknown -plain:issuer-unknown -server-only:issuer-unknown",
            "?pinned ?plain ?server-only" },
    { "a copy is taken away that nobody asks for", same, take_pinned_away, "other", "",
            "?pinned ?plain ?server-only" },
    { "a copy is taken away", at_high, take_pinned_away, "other", "-pinned:not-in-tcs", "?pinned" },
    { "more is trusted", same, trust_more, "other", "", "" },
    { "an allowance ends", same, end_allowance, "other", "-server-only:purpose-mismatch",
            "?pinned ?plain ?server-only" },
    { "the port is shut", same, shut, "other",
            "-pinned:class-unknown -plain:class-unknown -server-only:class-unknown",
            "-pinned:class-unknown -plain:class-unknown -server-only:class-unknown" },
    { "a line is given up", same, forget_line, "hq", "-plain:not-in-tcs -server-only:not-in-tcs",
            "-plain:not-in-tcs -server-only:not-in-tcs" },
};

static void
who_would_break(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        const char *expected =
                i % 2 == 0 ? rows[i / 2].from_certificates : rows[i / 2].from_verdicts;
        struct inventory *inventory;
        struct would_counts counts;
        struct world now, then;
        char out[256];

        world_init(&now);
        rows[i / 2].before(&now);
        world_init(&then);
        rows[i / 2].before(&then);
        rows[i / 2].change(&then);
        inventory = received(&now.snapshot, rows[i / 2].class, i % 2 == 0);
        ask(inventory, &now, &then, 0, out, &counts);
        inventory_close(inventory);
        if (strcmp(out, expected) != 0)
            fail_msg("%s, %s: '%s'", rows[i / 2].why,
                    i % 2 == 0 ? "from certificates" : "from verdicts", out);
        /* Where nothing changes nobody is looked at. */
        if (expected[0] != '\0' && counts.seen != PEERS)
            fail_msg("%s: %d were looked at", rows[i / 2].why, (int)counts.seen);
        assert_int_equal(counts.judged != 0, counts.seen != 0 && i % 2 == 0);
    }
}

/* What is too much to judge is answered as well as it can be. */
static void
bounded(void **state)
{
    struct would_counts counts;
    struct inventory *inventory;
    struct world now, then;
    char out[256];

    (void)state;
    world_init(&now);
    world_init(&then);
    raise_level(&then);
    inventory = received(&now.snapshot, "other", true);
    ask(inventory, &now, &then, 1, out, &counts);
    assert_string_equal(out, "-plain:not-in-tcs -server-only:not-in-tcs");
    assert_int_equal(counts.judged, 1);
    assert_int_equal(counts.refused, 2);
    take_root_away(&then);
    ask(inventory, &now, &then, 1, out, &counts);
    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.unsure, 2);
    inventory_close(inventory);
}

static void
the_administrators_own(void **state)
{
    struct inventory *inventory;
    struct world now, then;
    struct would_query query = { .now = &now.snapshot, .then = &then.snapshot, .at = MINT_NOW };
    struct would_verdict verdict;
    struct cg_cert *cert;
    struct cg_error err;
    char *sha256;
    bool found;

    (void)state;
    world_init(&now);
    world_init(&then);
    raise_level_of_line(&then);
    inventory = received(&now.snapshot, "other", true);
    receive(inventory, &now.snapshot, "hq", PLAIN, true);
    assert_int_equal(inventory_flush(inventory, &err), CG_OK);
    assert_int_equal(cg_cert_from_der(peers[PLAIN].data, peers[PLAIN].len, &cert, NULL), CG_OK);
    sha256 = cg_cert_text(cert, CG_FIELD_SHA256);
    assert_int_equal(would_one(inventory, &query, "web", sha256, &verdict, &found, &err), CG_OK);
    assert_true(found && verdict.from_certificates);
    assert_int_equal(verdict.now.reason, CG_REASON_NONE);
    assert_int_equal(verdict.then.reason, CG_REASON_NOT_IN_TCS); /* as the line that it was once */
    assert_int_equal(would_one(inventory, &query, "own", sha256, &verdict, &found, &err), CG_OK);
    assert_false(found);
    free(sha256);
    cg_cert_free(cert);
    inventory_close(inventory);
}

static void
an_expired_peer_is_not_missed(void **state)
{
    struct inventory *inventory;
    struct would_counts counts;
    struct world now, then;
    const struct would_query query = { .now = &now.snapshot,
        .then = &then.snapshot,
        .at = MINT_NOW + 400 * MINT_DAY,
        .since = INT64_MIN };
    char told[PEERS][64] = { "" };
    struct cg_error err;

    (void)state;
    for (int with_chain = 0; with_chain < 2; with_chain++) {
        world_init(&now);
        world_init(&then);
        raise_level(&then);
        inventory = received(&now.snapshot, "other", with_chain != 0);
        assert_int_equal(would_each(inventory, &query, tell, told, &counts, &err), CG_OK);
        assert_int_equal(counts.expired, PEERS);
        assert_int_equal(counts.refused + counts.admitted + counts.unsure, 0);
        inventory_close(inventory);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_would_break),
        cmocka_unit_test(bounded),
        cmocka_unit_test(the_administrators_own),
        cmocka_unit_test(an_expired_peer_is_not_missed),
    };

    return cmocka_run_group_tests_name("inventory-would", tests, make, drop);
}
