/* What an administrator is told where no path exists: the culprit, by name, and what to look at next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/mint.h"
#include "x509/engine.h"
#include "x509/path.h"

#define CA "basicConstraints=critical,CA:TRUE"
#define SKI(byte) "2.5.29.14=DER:04:04:aa:bb:cc:" byte
#define AKI(byte) "2.5.29.35=DER:30:06:80:04:aa:bb:cc:" byte

/* clang-format off */
static const struct {
    char id;
    const char *subject, *key, *issuer, *signer;
    const char *extensions[4];
    int from, until; /* days around MINT_NOW; 0 and 0: the mint's own */
    int version;
    bool spoil;
} world[] = {
    { 'R', "CN=root", "P-256 root", "CN=root", "P-256 root", { CA, SKI("01") } },
    { 'r', "CN=root", "P-256 root", "CN=root", "P-256 root", { CA, SKI("01") }, -90, -2 },
    { 'Q', "CN=root", "P-256 other", "CN=root", "P-256 other", { CA, SKI("02") } },
    { 'S', "CN=second", "P-256 second", "CN=second", "P-256 second", { CA } },
    { 'I', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, SKI("03"), AKI("01") } },
    { 'X', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, SKI("03"), AKI("01") }, -90, -2 },
    { 'F', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, SKI("03") }, 3, 90 },
    { 'K', "CN=inter", "P-256 wrong", "CN=root", "P-256 root", { CA, SKI("04") } },
    { 'k', "CN=inter", "P-256 wrong", "CN=root", "P-256 root", { CA, SKI("03") } },
    { 'Y', "CN=inter", "P-256 inter", "CN=gone", "P-256 gone", { CA, SKI("03") } },
    { 'C', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "nameConstraints=permitted;DNS:b.example" } },
    { 'E', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "nameConstraints=excluded;DNS:a.example" } },
    { 'N', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { "basicConstraints=CA:FALSE" } },
    { '1', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { NULL }, 0, 0, 1 },
    { 'z', "CN=inter", "P-256 inter", "CN=top", "P-256 top", { CA } },
    { 't', "CN=top", "P-256 top", "CN=root", "P-256 root", { "basicConstraints=critical,CA:TRUE,pathlen:0" } },
    { 'L', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", { "subjectAltName=DNS:www.a.example", AKI("03") } },
    { 'l', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", { AKI("03") }, 0, 0, 0, true },
    { 'D', "CN=leaf", "P-256 leaf", "CN=root", "P-256 root", { NULL } },
    { 'e', "CN=self", "P-256 self", "CN=self", "P-256 self", { NULL } },
};

static const struct {
    const char *why;
    char leaf;
    const char *sent;
    const char *store;
    size_t unreadable;
    enum cg_reason reason;
    char on; /* the certificate concerned */
    const char *found[2];
    const char *wanted;
    const char *note;
} rows[] = {
    { "no intermediate sent", 'L', "", "R", 0, CG_REASON_ISSUER_UNKNOWN, 'L',
      { "issuer 'CN=inter'", "key id aabbcc03" }, "a CA of this name", "the peer sent no intermediate certificate" },
    { "others sent", 'L', "SQ", "R", 0, CG_REASON_ISSUER_UNKNOWN, 'L',
      { "issuer 'CN=inter'", NULL }, "a CA of this name", "the peer sent 2 certificates along, but not this CA's" },
    { "junk sent", 'L', "", "R", 1, CG_REASON_ISSUER_UNKNOWN, 'L',
      { "issuer 'CN=inter'", NULL }, "a CA of this name", "1 of what the peer sent along cannot be read" },
    { "the root is nowhere", 'L', "I", "S", 0, CG_REASON_ISSUER_UNKNOWN, 'I',
      { "issuer 'CN=root'", "key id aabbcc01" }, "in the TCS", "the chain sent ends here" },
    { "nothing is trusted", 'L', "I", "", 0, CG_REASON_ISSUER_UNKNOWN, 'I',
      { "issuer 'CN=root'", NULL }, "in the TCS", "the TCS is empty" },
    { "a copy of the leaf is trusted", 'L', "I", "L", 0, CG_REASON_ISSUER_UNKNOWN, 'I',
      { "issuer 'CN=root'", NULL }, "in the TCS", "it replaces no chain" },
    { "a trusted intermediate", 'L', "", "I", 0, CG_REASON_ISSUER_UNKNOWN, 'I',
      { "issuer 'CN=root'", NULL }, "in the TCS", "partial-chain is off" },
    { "root sent, not trusted", 'L', "IR", "S", 0, CG_REASON_ROOT_NOT_TRUSTED, 'R',
      { "root 'CN=root', SHA-256 ", NULL }, "this root in the TCS", NULL },
    { "root sent, another of its name trusted", 'L', "IR", "Q", 0, CG_REASON_ROOT_NOT_TRUSTED, 'R',
      { "root 'CN=root', SHA-256 ", NULL }, "this root in the TCS", ", with another key" },
    { "another root of its name trusted", 'L', "I", "Q", 0, CG_REASON_SIGNATURE_INVALID, 'I',
      { "'CN=root' (TCS)", "did not sign it" }, "its issuer's key", "names an issuer with key id aabbcc01" },
    { "root sent, nothing trusted", 'L', "IR", "", 0, CG_REASON_ROOT_NOT_TRUSTED, 'R',
      { "root 'CN=root'", NULL }, "this root in the TCS", "the TCS is empty" },
    { "self-signed", 'e', "", "R", 0, CG_REASON_ROOT_NOT_TRUSTED, 'e',
      { "self-signed 'CN=self', SHA-256 ", NULL }, "an exact copy in the TCS", NULL },
    { "intermediate expired, no other", 'L', "X", "R", 0, CG_REASON_CA_EXPIRED, 'X',
      { "'CN=inter' expired 2026-11-22T00:00:00Z", "(sent)" }, "valid at 2026-11-24T00:00:00Z",
      "no valid certificate of this CA is in the TCS or was sent" },
    { "intermediate expired, a twin leads nowhere", 'L', "XY", "R", 0, CG_REASON_CA_EXPIRED, 'X',
      { "'CN=inter' expired", "(sent)" }, "valid at", "of this CA and key is there (sent), but leads to no trusted root" },
    { "intermediate expired, the TCS's twin leads nowhere", 'L', "X", "RY", 0, CG_REASON_CA_EXPIRED, 'X',
      { "'CN=inter' expired", "(sent)" }, "valid at", "of this CA and key is there (TCS), but leads to no trusted root" },
    { "intermediate expired, a namesake", 'L', "XK", "R", 0, CG_REASON_CA_EXPIRED, 'X',
      { "'CN=inter' expired", "(sent)" }, "valid at", "with another key is there (sent), but did not sign" },
    { "root expired", 'L', "I", "r", 0, CG_REASON_CA_EXPIRED, 'r',
      { "'CN=root' expired", "(TCS)" }, "valid at", "no valid certificate of this CA" },
    { "root expired, renewed one sent", 'L', "IR", "r", 0, CG_REASON_CA_EXPIRED, 'r',
      { "'CN=root' expired", "(TCS)" }, "valid at", "sent a renewed certificate of this root, SHA-256 " },
    { "intermediate in the future", 'L', "F", "R", 0, CG_REASON_CA_NOT_YET_VALID, 'F',
      { "'CN=inter' is not valid before 2026-11-27T00:00:00Z", NULL }, "valid at", "no valid certificate" },
    { "outside of what is permitted", 'L', "C", "R", 0, CG_REASON_NAME_CONSTRAINT_VIOLATED, 'L',
      { "www.a.example", NULL }, "b.example", "constraint of 'CN=inter' on 'CN=leaf'" },
    { "inside of what is excluded", 'L', "E", "R", 0, CG_REASON_NAME_CONSTRAINT_VIOLATED, 'L',
      { "www.a.example", NULL }, "a.example", "constraint of 'CN=inter' on 'CN=leaf'" },
    { "altered", 'l', "I", "R", 0, CG_REASON_SIGNATURE_INVALID, 'l',
      { "the key of 'CN=inter' (sent), SHA-256 ", "did not sign it" }, "ecdsa-with-SHA256", "it was altered" },
    { "a namesake with another key id", 'L', "K", "R", 0, CG_REASON_SIGNATURE_INVALID, 'L',
      { "the key of 'CN=inter' (sent)", NULL }, "its issuer's key", "names an issuer with key id aabbcc03: another CA" },
    { "a namesake with the key id", 'L', "k", "R", 0, CG_REASON_SIGNATURE_INVALID, 'L',
      { "the key of 'CN=inter' (sent)", NULL }, "its issuer's key", "not made by this CA" },
    { "a namesake of the root trusted", 'D', "", "Q", 0, CG_REASON_SIGNATURE_INVALID, 'D',
      { "the key of 'CN=root' (TCS)", NULL }, "its issuer's key", NULL },
    { "no CA", 'L', "N", "R", 0, CG_REASON_NOT_A_CA, 'N',
      { "basicConstraints without the CA flag", NULL }, "a CA certificate", NULL },
    { "an old intermediate", 'L', "1", "R", 0, CG_REASON_NOT_A_CA, '1',
      { "before version 3", NULL }, "a CA certificate", NULL },
    { "too many below", 'L', "zt", "R", 0, CG_REASON_PATH_LENGTH_EXCEEDED, 't',
      { "1 intermediate CA below it", NULL }, "at most 0 (basicConstraints)", NULL },
};
/* clang-format on */

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
            .serial = (long)i + 1,
            .version = world[i].version,
            .spoil = world[i].spoil };

        if (world[i].until != 0) {
            mint.not_before = MINT_NOW + world[i].from * MINT_DAY;
            mint.not_after = MINT_NOW + world[i].until * MINT_DAY;
        }
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

static struct cg_cert *
find(char id)
{
    for (size_t i = 0; i < WORLD; i++)
        if (world[i].id == id)
            return certs[i];
    fail_msg("no certificate '%c'", id);
    return NULL;
}

static bool
is(const struct cg_cert *cert, char id)
{
    const struct cg_cert *wanted = find(id);

    return cert != NULL && memcmp(cert->sha256, wanted->sha256, CG_SHA256_SIZE) == 0;
}

static size_t
pick(const char *ids, struct cg_cert **out)
{
    size_t count = strlen(ids);

    for (size_t i = 0; i < count; i++)
        out[i] = find(ids[i]);
    out[count] = NULL;
    return count;
}

static void
search(struct cg_engine *engine, size_t row, struct cg_path_result *result, struct cg_buf *trace)
{
    struct cg_cert *sent[8], *trusted[8];
    struct cg_path_query query = { .leaf = find(rows[row].leaf),
        .unreadable = rows[row].unreadable,
        .now = MINT_NOW,
        .max_depth = CG_DEFAULT_PATH_DEPTH,
        .trace = trace };
    struct cg_store *store;

    query.sent_count = pick(rows[row].sent, sent);
    query.sent = (const struct cg_cert *const *)sent;
    (void)pick(rows[row].store, trusted);
    store = mint_store(trusted);
    query.store = store;
    assert_int_equal(cg_path_search(engine, &query, result, NULL), CG_OK);
    cg_store_free(store);
}

static bool
says(const char *text, const char *wanted)
{
    return wanted == NULL || strstr(text, wanted) != NULL;
}

static void
every_row(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct cg_path_fault *fault = &result.chain;

        search(engine, i, &result, NULL);
        if (fault->reason != rows[i].reason || !is(fault->cert, rows[i].on) ||
                !says(fault->found, rows[i].found[0]) || !says(fault->found, rows[i].found[1]) ||
                !says(fault->wanted, rows[i].wanted) || !says(fault->note, rows[i].note) ||
                (rows[i].note == NULL && fault->note[0] != '\0'))
            fail_msg("%s: %s; found: %s; wanted: %s; note: %s", rows[i].why,
                    cg_reason_info(fault->reason)->code, fault->found, fault->wanted, fault->note);
    }
    cg_engine_free(engine);
}

/* Tracing changes no answer, and the tree ends where the answer says. */
static void
traces(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result plain, traced;
    struct cg_buf trace;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cg_buf_init(&trace, CG_MAX_TRACE_BYTES);
        search(engine, i, &plain, NULL);
        search(engine, i, &traced, &trace);
        assert_int_equal(plain.chain.reason, traced.chain.reason);
        assert_string_equal(plain.chain.found, traced.chain.found);
        if (strncmp(cg_buf_text(&trace), "'CN=", 4) != 0 ||
                strchr(cg_buf_text(&trace), '\n') == NULL)
            fail_msg("%s: %s", rows[i].why, cg_buf_text(&trace));
        if (rows[i].reason == CG_REASON_ISSUER_UNKNOWN &&
                !says(cg_buf_text(&trace), ": neither sent nor trusted\n"))
            fail_msg("%s: %s", rows[i].why, cg_buf_text(&trace));
        cg_buf_release(&trace);
    }
    cg_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(traces),
    };

    return cmocka_run_group_tests(tests, make_world, free_world);
}
