#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "inventory/inventory.h"
#include "support/mint.h"

#define NOW INT64_C(1795564800)

/* One received certificate, as a record would tell it. */
struct received {
    const char *sha256, *subject, *names, *peer, *class;
    int64_t at; /* seconds after NOW */
    int64_t began; /* not_before, the same way */
    const char *reason; /* NULL: admitted */
    const char *levels; /* members, or NULL */
};

static void
take(struct inventory *inventory, struct received it)
{
    struct journal_entry entry;
    struct cg_buf line;
    struct cg_error err = { "" };

    cg_buf_init(&line, 8192);
    cg_buf_add(&line, "{\"time\":\"");
    cg_buf_add_time(&line, NOW + it.at);
    cg_buf_addf(&line,
            "\",\"interface\":\"web\",\"service\":\"https\",\"role\":\"inbound\",\"class\":\"%s\","
            "\"peer\":\"%s\",\"verdict\":\"%s\",\"level\":\"medium\",\"reason\":\"%s\"",
            it.class == NULL ? "other" : it.class, it.peer == NULL ? "192.0.2.1:5" : it.peer,
            it.reason == NULL ? "accept" : "reject", it.reason == NULL ? "" : it.reason);
    if (it.levels != NULL)
        cg_buf_addf(&line, ",\"levels\":{%s}", it.levels);
    cg_buf_addf(&line, ",\"certificate\":{\"sha256\":\"%s\",\"subject\":\"%s\",\"san\":[%s]",
            it.sha256, it.subject == NULL ? "" : it.subject, it.names == NULL ? "" : it.names);
    cg_buf_add(&line, ",\"not_before\":\"");
    cg_buf_add_time(&line, NOW + it.began);
    cg_buf_add(&line, "\",\"not_after\":\"");
    cg_buf_add_time(&line, NOW + it.began + 1000);
    cg_buf_add(&line, "\"}}");
    assert_true(journal_entry_parse(cg_buf_text(&line), line.len, &entry));
    if (inventory_add(inventory, &entry, 1, &err) != CG_OK)
        fail_msg("%s", err.text);
    journal_entry_release(&entry);
    cg_buf_release(&line);
}

static struct inventory *
in_memory(unsigned batch, unsigned admitted, unsigned refused)
{
    const struct inventory_limits limits = { batch, admitted, refused, 2 };
    struct cg_error note, err = { "" };
    struct inventory *inventory = inventory_open(":memory:", &limits, &note, &err);

    if (inventory == NULL)
        fail_msg("%s", err.text);
    return inventory;
}

static bool
list_one(void *arg, const struct inventory_peer *peer)
{
    char *out = arg;

    strcat(out, out[0] == '\0' ? "" : " ");
    strcat(out, peer->sha256);
    return true;
}

/* Fingerprints in order of rows, joined by spaces. */
static const char *
list(struct inventory *inventory, char out[256])
{
    const struct inventory_query all = { .since = INT64_MIN, .expires_by = INT64_MAX };
    struct cg_error err = { "" };

    out[0] = '\0';
    if (inventory_flush(inventory, &err) != CG_OK ||
            inventory_each(inventory, &all, list_one, out, &err) != CG_OK)
        fail_msg("%s", err.text);
    return out;
}

struct copy {
    char sha256[16], peer[64], reason[32], subject[64], successor_sha256[16];
    struct inventory_peer peer_row;
    const char *wanted;
    bool found;
};

static bool
copy_one(void *arg, const struct inventory_peer *peer)
{
    struct copy *copy = arg;

    if (strcmp(peer->sha256, copy->wanted) != 0)
        return true;
    copy->found = true;
    copy->peer_row = *peer;
    snprintf(copy->peer, sizeof(copy->peer), "%s", peer->peer);
    snprintf(copy->reason, sizeof(copy->reason), "%s", peer->reason);
    snprintf(copy->subject, sizeof(copy->subject), "%s", peer->subject);
    snprintf(copy->successor_sha256, sizeof(copy->successor_sha256), "%s", peer->successor_sha256);
    return false;
}

static struct copy
row(struct inventory *inventory, const char *sha256)
{
    const struct inventory_query all = { .since = INT64_MIN, .expires_by = INT64_MAX };
    struct copy copy = { .wanted = sha256 };
    struct cg_error err = { "" };

    assert_int_equal(inventory_flush(inventory, &err), CG_OK);
    assert_int_equal(inventory_each(inventory, &all, copy_one, &copy, &err), CG_OK);
    assert_true(copy.found);
    return copy;
}

static void
test_rows_are_kept_up(void **state)
{
    static const char levels[] =
            "\"none\":{\"verdict\":\"accept\"},\"medium\":{\"verdict\":\"accept\"},"
            "\"high\":{\"verdict\":\"reject\",\"reason\":\"not-in-tcs\"}";
    struct inventory *inventory = in_memory(2, 100, 100);
    struct copy copy;

    (void)state;
    take(inventory,
            (struct received) { .sha256 = "a", .subject = "CN=a", .at = 10, .levels = levels });
    /* A resumption: no levels, perhaps no more facts; what was known stays. */
    take(inventory, (struct received) { .sha256 = "a", .at = 20, .peer = "192.0.2.2:7" });
    /* One that comes late, as from an older log. */
    take(inventory,
            (struct received) {
                    .sha256 = "a", .at = 5, .peer = "192.0.2.3:7", .reason = "expired" });
    copy = row(inventory, "a");
    assert_int_equal(copy.peer_row.first_seen, NOW + 5);
    assert_int_equal(copy.peer_row.last_seen, NOW + 20);
    assert_int_equal(copy.peer_row.count, 3);
    assert_string_equal(copy.peer, "192.0.2.2:7");
    assert_string_equal(copy.subject, "CN=a");
    assert_true(copy.peer_row.accepted && copy.peer_row.ever_accepted);
    assert_true(copy.peer_row.at[CG_LEVEL_HIGH].known);
    assert_int_equal(copy.peer_row.at[CG_LEVEL_HIGH].reason, CG_REASON_NOT_IN_TCS);
    assert_true(copy.peer_row.at[CG_LEVEL_MEDIUM].known);
    assert_int_equal(copy.peer_row.at[CG_LEVEL_MEDIUM].reason, CG_REASON_NONE);
    assert_false(copy.peer_row.at[CG_LEVEL_LOW].known);
    /* Refused now: still one that was admitted. */
    take(inventory, (struct received) { .sha256 = "a", .at = 30, .reason = "ca-expired" });
    copy = row(inventory, "a");
    assert_false(copy.peer_row.accepted);
    assert_true(copy.peer_row.ever_accepted);
    assert_string_equal(copy.reason, "ca-expired");
    /* Another class is another row. */
    take(inventory, (struct received) { .sha256 = "a", .class = "carrier", .at = 31 });
    assert_int_equal(row(inventory, "a").peer_row.count, 1); /* classes in order: carrier, other */
    inventory_close(inventory);
}

static void
test_a_flood_pushes_out_only_its_own(void **state)
{
    struct inventory *inventory = in_memory(4, 3, 2);
    char text[256], sha256[16];

    (void)state;
    take(inventory, (struct received) { .sha256 = "old", .at = 0 });
    take(inventory, (struct received) { .sha256 = "back", .at = 1, .reason = "expired" });
    for (int i = 0; i < 50; i++) {
        snprintf(sha256, sizeof(sha256), "x%02d", i);
        take(inventory,
                (struct received) { .sha256 = sha256, .at = 100 + i, .reason = "issuer-unknown" });
    }
    assert_string_equal(list(inventory, text), "x49 x48 old");
    /* One that is admitted later has left the flood's quota. */
    take(inventory, (struct received) { .sha256 = "x49", .at = 200 });
    for (int i = 50; i < 60; i++) {
        snprintf(sha256, sizeof(sha256), "x%02d", i);
        take(inventory,
                (struct received) { .sha256 = sha256, .at = 200 + i, .reason = "issuer-unknown" });
    }
    assert_string_equal(list(inventory, text), "x59 x58 x49 old");
    /* Those that were admitted have their own bound: the one not seen for longest goes. */
    take(inventory, (struct received) { .sha256 = "n1", .at = 301 });
    take(inventory, (struct received) { .sha256 = "n2", .at = 302 });
    assert_string_equal(list(inventory, text), "n2 n1 x59 x58 x49");
    inventory_close(inventory);
}

static void
test_successors(void **state)
{
    static const struct {
        const char *sha256;
        enum inventory_successor expect;
        const char *by;
    } rows[] = {
        { "a1", INVENTORY_BY_NAME, "a2" }, /* same subject, began later */
        { "a2", INVENTORY_NO_SUCCESSOR, "" }, /* the one before is none */
        { "n1", INVENTORY_BY_NAME, "n2" }, /* same names */
        { "n2", INVENTORY_NO_SUCCESSOR, "" },
        { "i1", INVENTORY_BY_ADDRESS, "i2" }, /* another port is the same address */
        { "e1", INVENTORY_NO_SUCCESSOR, "" }, /* names that are empty are no names */
    };
    struct inventory *inventory = in_memory(100, 100, 100);

    (void)state;
    take(inventory,
            (struct received) {
                    "a1", "CN=a", "\"DNS:a1\"", "192.0.2.1:1", NULL, 0, 0, NULL, NULL });
    take(inventory,
            (struct received) {
                    "a2", "CN=a", "\"DNS:a2\"", "192.0.2.2:1", NULL, 0, 5, NULL, NULL });
    take(inventory,
            (struct received) {
                    "n1", "CN=n1", "\"DNS:n\",\"DNS:m\"", "192.0.2.3:1", NULL, 0, 0, NULL, NULL });
    take(inventory,
            (struct received) {
                    "n2", "CN=n2", "\"DNS:n\",\"DNS:m\"", "192.0.2.4:1", NULL, 0, 5, NULL, NULL });
    take(inventory,
            (struct received) { "i1", "CN=i1", NULL, "[2001:db8::1]:1", NULL, 0, 0, NULL, NULL });
    take(inventory,
            (struct received) { "i2", "CN=i2", NULL, "[2001:db8::1]:2", NULL, 0, 5, NULL, NULL });
    take(inventory, (struct received) { "e1", "", NULL, "192.0.2.7:1", NULL, 0, 0, NULL, NULL });
    take(inventory, (struct received) { "e2", "", NULL, "192.0.2.8:1", NULL, 0, 5, NULL, NULL });
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct copy copy = row(inventory, rows[i].sha256);

        if (copy.peer_row.successor != rows[i].expect ||
                strcmp(copy.successor_sha256, rows[i].by) != 0)
            fail_msg("%s: %d by '%s'", rows[i].sha256, (int)copy.peer_row.successor,
                    copy.successor_sha256);
    }
    inventory_close(inventory);
}

static void
test_queries(void **state)
{
    static const char *const web[] = { "web" }, *const sip[] = { "sip" };
    static const struct {
        const char *why;
        struct inventory_query query;
        const char *expect;
    } rows[] = {
        { "all", { NULL, 0, INT64_MIN, INT64_MAX }, "b a" },
        { "an interface", { web, 1, INT64_MIN, INT64_MAX }, "b a" },
        { "another", { sip, 1, INT64_MIN, INT64_MAX }, "" },
        { "seen since", { NULL, 0, NOW + 10, INT64_MAX }, "b" },
        { "seen since a second later", { NULL, 0, NOW + 11, INT64_MAX }, "" },
        { "expires by", { NULL, 0, INT64_MIN, NOW + 1000 }, "a" },
        { "expires by a second before", { NULL, 0, INT64_MIN, NOW + 999 }, "" },
    };
    struct inventory *inventory = in_memory(1, 100, 100);
    struct cg_error err;
    char text[256];

    (void)state;
    take(inventory, (struct received) { .sha256 = "a", .at = 0, .began = 0 });
    take(inventory, (struct received) { .sha256 = "b", .at = 10, .began = 50 });
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text[0] = '\0';
        assert_int_equal(inventory_each(inventory, &rows[i].query, list_one, text, &err), CG_OK);
        if (strcmp(text, rows[i].expect) != 0)
            fail_msg("%s: '%s'", rows[i].why, text);
    }
    inventory_close(inventory);
}

static void
test_the_file(void **state)
{
    char folder[] = "/tmp/certgate-inventory-XXXXXX", path[64], broken[80], text[256], command[80];
    struct inventory *inventory, *reader;
    struct cg_error note, err = { "" };
    struct stat facts;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/inventory.db", folder);
    snprintf(broken, sizeof(broken), "%s.broken", path);
    assert_null(inventory_open_read(path, &err));
    inventory = inventory_open(path, NULL, &note, &err);
    assert_non_null(inventory);
    assert_string_equal(note.text, "");
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    take(inventory, (struct received) { .sha256 = "a" });
    assert_int_equal(inventory_flush(inventory, &err), CG_OK);
    /* Read while it is being written. */
    take(inventory, (struct received) { .sha256 = "b" });
    reader = inventory_open_read(path, &err);
    assert_non_null(reader);
    assert_string_equal(list(reader, text), "a");
    inventory_close(reader);
    inventory_close(inventory); /* writes what is pending */
    inventory = inventory_open(path, NULL, &note, &err);
    assert_string_equal(list(inventory, text), "a b");
    inventory_close(inventory);
    /* Damaged: put aside, begun anew, and said. */
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("this was an inventory once, or so they say", file) > 0 && fclose(file) == 0);
    assert_null(inventory_open_read(path, &err));
    inventory = inventory_open(path, NULL, &note, &err);
    assert_non_null(inventory);
    assert_non_null(strstr(note.text, ".broken"));
    assert_string_equal(list(inventory, text), "");
    inventory_close(inventory);
    assert_int_equal(access(broken, F_OK), 0);
    assert_null(inventory_open("/nowhere/inventory.db", NULL, &note, &err));
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* A certificate that mint made, with its fingerprint as records tell it. */
struct minted {
    uint8_t *der;
    size_t len;
    char *sha256;
};

static struct minted
minted(const char *subject)
{
    struct mint mint = { .subject = subject, .key = mint_key("P-256") };
    struct minted out;
    struct cg_cert *cert;

    out.der = mint_der(&mint, &out.len);
    assert_int_equal(cg_cert_from_der(out.der, out.len, &cert, NULL), CG_OK);
    out.sha256 = cg_cert_text(cert, CG_FIELD_SHA256);
    cg_cert_free(cert);
    return out;
}

static size_t
chain_len(struct inventory *inventory, const char *sha256)
{
    uint8_t chain[INVENTORY_MAX_CHAIN_BYTES];
    struct cg_error err = { "" };
    size_t len;

    if (inventory_chain(inventory, sha256, chain, &len, &err) != CG_OK)
        fail_msg("%s", err.text);
    return len;
}

/* Two are kept: those of peers that are gone go first, then those not seen for longest. */
static void
test_chains(void **state)
{
    struct inventory *inventory = in_memory(100, 3, 1);
    uint8_t both[INVENTORY_MAX_CHAIN_BYTES + 1] = { 0 };
    struct minted certs[4] = { minted("CN=0"), minted("CN=1"), minted("CN=2"), minted("CN=3") };
    struct cg_error err = { "" };

    (void)state;
    for (int i = 0; i < 3; i++) {
        if (i != 1) /* no record tells of this one */
            take(inventory, (struct received) { certs[i].sha256, .at = i });
        assert_int_equal(
                inventory_add_chain(inventory, cg_span(certs[i].der, certs[i].len), &err), CG_OK);
    }
    assert_int_equal(inventory_flush(inventory, &err), CG_OK);
    assert_int_equal(chain_len(inventory, certs[0].sha256), certs[0].len);
    assert_int_equal(chain_len(inventory, certs[1].sha256), 0);
    assert_int_equal(chain_len(inventory, certs[2].sha256), certs[2].len);
    take(inventory, (struct received) { certs[3].sha256, .at = 9 });
    memcpy(both, certs[3].der, certs[3].len);
    memcpy(both + certs[3].len, certs[0].der, certs[0].len);
    assert_int_equal(
            inventory_add_chain(inventory, cg_span(certs[3].der, certs[3].len), &err), CG_OK);
    assert_int_equal(
            inventory_add_chain(inventory, cg_span(both, certs[3].len + certs[0].len), &err),
            CG_OK);
    assert_int_equal(inventory_flush(inventory, &err), CG_OK);
    assert_int_equal(chain_len(inventory, certs[0].sha256), 0);
    assert_int_equal(chain_len(inventory, certs[3].sha256), certs[3].len + certs[0].len);
    /* What is no chain, or too long, is left out. */
    assert_int_equal(inventory_add_chain(inventory, cg_span("junk", 4), &err), CG_OK);
    assert_int_equal(inventory_add_chain(inventory, cg_span(NULL, 0), &err), CG_OK);
    assert_int_equal(inventory_add_chain(inventory, cg_span(both, sizeof(both)), &err), CG_OK);
    assert_int_equal(chain_len(inventory, certs[3].sha256), certs[3].len + certs[0].len);
    inventory_close(inventory);
    for (int i = 0; i < 4; i++) {
        free(certs[i].der);
        free(certs[i].sha256);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_kept_up),
        cmocka_unit_test(test_a_flood_pushes_out_only_its_own),
        cmocka_unit_test(test_successors),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_the_file),
        cmocka_unit_test(test_chains),
    };

    return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
