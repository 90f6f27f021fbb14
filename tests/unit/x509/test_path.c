/* The path search: one table of certificates, one table of what is found among some of them. */
#include "x509/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/mint.h"
#include "x509/engine.h"
#include "x509/path_search.h"

#define CA_USAGE "keyUsage=critical,keyCertSign"
#define CA "basicConstraints=critical,CA:TRUE"
#define SKI "subjectKeyIdentifier=hash"

/* A certificate of the world; `id` is what the rows below call it. Keys are named, see mint_key(). */
struct entry {
    char id;
    const char *subject;
    const char *key;
    const char *issuer;
    const char *signer;
    const char *extensions[6];
    int from; /* days before MINT_NOW, 0: 1 */
    int days; /* days after MINT_NOW, 0: 365; negative: expired */
    int version;
    const char *digest;
    bool spoil;
};

/* clang-format off */
static const struct entry world[] = {
    { 'R', "CN=root", "P-256 root", "CN=root", "P-256 root", { CA, CA_USAGE, SKI } },
    { 'r', "CN=root", "P-256 root", "CN=root", "P-256 root", { CA, CA_USAGE, SKI }, 90, -30 }, /* R, expired */
    { 'Q', "CN=root", "P-256 fake", "CN=root", "P-256 fake", { CA, CA_USAGE, SKI } }, /* R's name, other key */
    { 'S', "CN=second", "P-256 second", "CN=second", "P-256 second", { CA, CA_USAGE, SKI } },
    { 'V', "CN=old", "P-256 old", "CN=old", "P-256 old", { NULL }, 0, 0, 1 }, /* version 1 root */
    { '5', "CN=md5", "RSA-1024", "CN=md5", "RSA-1024", { CA }, 0, 0, 0, "MD5" }, /* root by MD5 */
    { 'I', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, CA_USAGE, SKI } },
    { 'J', "CN=inter", "P-256 inter", "CN=second", "P-256 second", { CA, CA_USAGE, SKI } }, /* I, cross-signed */
    { 'X', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, CA_USAGE, SKI }, 90, -30 }, /* I, expired */
    { 'F', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, CA_USAGE, SKI }, -30, 365 }, /* I, future */
    { 'N', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { "basicConstraints=CA:FALSE", SKI } },
    { 'B', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { SKI } }, /* no basicConstraints */
    { 'U', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "keyUsage=digitalSignature", SKI } },
    { 'W', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, SKI } }, /* no keyUsage */
    { 'K', "CN=inter", "P-256 wrong", "CN=root", "P-256 root", { CA, CA_USAGE, SKI } }, /* other key */
    { 'T', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, CA_USAGE, SKI }, 0, 0, 0, NULL, true },
    { '1', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, CA_USAGE, SKI }, 0, 0, 0, "SHA1" },
    { 'M', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "2.5.29.30=DER:30:00" } }, /* malformed */
    { 'C', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "nameConstraints=permitted;DNS:b.example" } },
    { 'E', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "1.2.3.4=critical,DER:05:00" } },
    { 'G', "CN=inter", "P-256 inter", "CN=root", "P-256 root", { CA, "extendedKeyUsage=clientAuth" } },
    { 'P', "CN=inter", "P-256 inter", "CN=root", "P-256 root",
      { CA, "certificatePolicies=1.2.3", "policyConstraints=requireExplicitPolicy:0" } },
    { '0', "CN=inter", "P-256 inter", "CN=mid", "P-256 mid", { CA, CA_USAGE } }, /* below m or z */
    { 'm', "CN=mid", "P-256 mid", "CN=root", "P-256 root", { CA, CA_USAGE } },
    { 'z', "CN=mid", "P-256 mid", "CN=root", "P-256 root", { "basicConstraints=critical,CA:TRUE,pathlen:0" } },
    { 's', "CN=mid", "P-256 mid", "CN=mid", "P-256 mid old", { CA, CA_USAGE } }, /* self-issued rollover */
    { 'o', "CN=mid", "P-256 mid old", "CN=root", "P-256 root", { "basicConstraints=critical,CA:TRUE,pathlen:1" } },
    { 't', "CN=tiny", "RSA-512", "CN=root", "P-256 root", { CA } }, /* key below the 1024 class */
    /* roots that changed: R's certificate by the second root, its new key by the old one, and the other way */
    { 'p', "CN=root", "P-256 root", "CN=second", "P-256 second", { CA, CA_USAGE, SKI } },
    { 'A', "CN=root", "P-256 root", "CN=second", "P-256 second", { CA, CA_USAGE, SKI }, 90, -30 },
    { 'Z', "CN=root", "P-256 root new", "CN=root", "P-256 root new", { CA, CA_USAGE, SKI } },
    { 'O', "CN=root", "P-256 root new", "CN=root", "P-256 root", { CA, CA_USAGE, SKI } },
    { 'H', "CN=root", "P-256 root", "CN=root", "P-256 root new", { CA, CA_USAGE, SKI } },
    { 'd', "CN=second", "P-256 second", "CN=root", "P-256 root", { CA }, 90, -30 }, /* a dead branch */
    /* a ring: a is by b, b is by a; and a way out of it */
    { 'c', "CN=ring b", "P-256 b", "CN=root", "P-256 root", { CA } },
    { 'a', "CN=ring a", "P-256 a", "CN=ring b", "P-256 b", { CA } },
    { 'b', "CN=ring b", "P-256 b", "CN=ring a", "P-256 a", { CA } },
    /* end entities */
    { 'L', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter",
      { "subjectAltName=DNS:a.example", "authorityKeyIdentifier=none" } },
    { 'D', "CN=leaf", "P-256 leaf", "CN=root", "P-256 root", { "subjectAltName=DNS:a.example" } },
    { 'w', "CN=leaf", "P-256 leaf", "CN=root", "P-256 root new", { NULL } },
    { 'v', "CN=leaf", "P-256 leaf", "CN=old", "P-256 old", { NULL } },
    { '6', "CN=leaf", "P-256 leaf", "CN=md5", "RSA-1024", { NULL } },
    { 'l', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", { NULL }, 0, 0, 0, NULL, true },
    { 'h', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", { NULL }, 0, 0, 0, "SHA1" },
    { 'x', "CN=leaf", "P-256 leaf", "CN=ring a", "P-256 a", { NULL } },
    { 'y', "CN=leaf", "P-256 leaf", "CN=tiny", "RSA-512", { NULL } },
    { 'n', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", { "nameConstraints=permitted;DNS:a.example" } },
    { 'q', "CN=leaf", "P-256 leaf", "CN=inter", "P-256 inter", { "1.2.3.4=critical,DER:05:00" } },
    { 'e', "CN=self", "P-256 self", "CN=self", "P-256 self", { "subjectAltName=DNS:a.example" } },
    { 'i', "CN=leaf", "P-256 leaf", "CN=leaf 2", "P-256 leaf 2", { NULL } }, /* by an end entity */
    { 'j', "CN=leaf 2", "P-256 leaf 2", "CN=root", "P-256 root", { NULL } },
};

#define SHA1 1u
#define PARTIAL 2u
#define EKU 4u
#define LATCHED 8u

static const struct {
    const char *why;
    char leaf;
    const char *sent;
    const char *store;
    unsigned options;
    int depth; /* 0: the default */
    enum cg_reason expect;
    const char *path; /* the one found, or the best attempt */
} rows[] = {
    { "plain", 'L', "I", "R", 0, 0, CG_REASON_NONE, "LIR" },
    { "directly below the root", 'D', "", "R", 0, 0, CG_REASON_NONE, "DR" },
    { "any order, duplicates, junk, the root too", 'L', "RSJIILm", "R", 0, 0, CG_REASON_NONE, "LIR" },
    { "intermediate from the store", 'L', "", "RI", 0, 0, CG_REASON_NONE, "LIR" },
    { "cross-signed: the other root", 'L', "IJ", "S", 0, 0, CG_REASON_NONE, "LJS" },
    { "expired twin sent, good one trusted", 'L', "X", "RI", 0, 0, CG_REASON_NONE, "LIR" },
    { "a renewal to come", 'L', "IF", "R", 0, 0, CG_REASON_NONE, "LIR" },
    { "expired twin of the root", 'L', "I", "rR", 0, 0, CG_REASON_NONE, "LIR" },
    { "root of the same name, other key", 'L', "I", "QR", 0, 0, CG_REASON_NONE, "LIR" },
    { "intermediate of the same name, other key", 'L', "KI", "R", 0, 0, CG_REASON_NONE, "LIR" },
    { "CA without keyUsage", 'L', "W", "R", 0, 0, CG_REASON_NONE, "LWR" },
    { "version 1 root", 'v', "", "V", 0, 0, CG_REASON_NONE, "vV" },
    { "root signed with MD5", '6', "", "5", 0, 0, CG_REASON_NONE, "65" },
    { "self-issued rollover does not count", 'L', "0so", "R", 0, 0, CG_REASON_NONE, "L0soR" },
    { "ring", 'x', "ab", "R", 0, 0, CG_REASON_ISSUER_UNKNOWN, NULL },
    { "ring with a way out", 'x', "abc", "R", 0, 0, CG_REASON_NONE, "xacR" },
    { "dead after two steps: goes back", 'L', "Jd0m", "R", 0, 0, CG_REASON_NONE, "L0mR" },
    { "one level with another key, the next expired", 'L', "KX0zm", "R", 0, 0, CG_REASON_NONE, "L0mR" },
    { "several roots, all trusted", 'L', "IJ", "RSVQ", 0, 0, CG_REASON_NONE, NULL },
    { "several roots, one expired", 'L', "IJ", "rS", 0, 0, CG_REASON_NONE, "LJS" },
    { "several roots, one forged", 'L', "IJ", "QS", 0, 0, CG_REASON_NONE, "LJS" },
    { "root cross-signed by a trusted one", 'L', "Ip", "S", 0, 0, CG_REASON_NONE, "LIpS" },
    { "trusted root expired, its cross-certificate is not", 'L', "Ip", "rS", 0, 0, CG_REASON_NONE, "LIpS" },
    { "cross-certificate expired, the root is trusted", 'L', "IA", "SR", 0, 0, CG_REASON_NONE, "LIR" },
    { "cross-certificate expired, the root is not trusted", 'L', "IAR", "S", 0, 0, CG_REASON_CA_EXPIRED, "LIAS" },
    { "root rollover: the new key by the old one", 'w', "O", "R", 0, 0, CG_REASON_NONE, "wOR" },
    { "root rollover: the old key by the new one", 'D', "H", "Z", 0, 0, CG_REASON_NONE, "DHZ" },
    { "root rollover: both roots trusted", 'w', "OH", "RZ", 0, 0, CG_REASON_NONE, "wZ" },
    { "root rollover: without the link", 'w', "", "R", 0, 0, CG_REASON_SIGNATURE_INVALID, "wR" },

    { "nothing sent", 'L', "", "R", 0, 0, CG_REASON_ISSUER_UNKNOWN, "L" },
    { "nothing trusted", 'L', "I", "S", 0, 0, CG_REASON_ISSUER_UNKNOWN, "LI" },
    { "root sent, not trusted", 'L', "IR", "S", 0, 0, CG_REASON_ROOT_NOT_TRUSTED, "LIR" },
    { "forged: right name, wrong key", 'L', "K", "R", 0, 0, CG_REASON_SIGNATURE_INVALID, "LKR" },
    { "forged below a trusted name", 'D', "", "Q", 0, 0, CG_REASON_SIGNATURE_INVALID, "DQ" },
    { "leaf spoilt", 'l', "I", "R", 0, 0, CG_REASON_SIGNATURE_INVALID, "lIR" },
    { "intermediate spoilt", 'L', "T", "R", 0, 0, CG_REASON_SIGNATURE_INVALID, "LTR" },
    { "intermediate expired", 'L', "X", "R", 0, 0, CG_REASON_CA_EXPIRED, "LXR" },
    { "root expired", 'L', "I", "r", 0, 0, CG_REASON_CA_EXPIRED, "LIr" },
    { "intermediate not yet valid", 'L', "F", "R", 0, 0, CG_REASON_CA_NOT_YET_VALID, "LFR" },
    { "CA flag false", 'L', "N", "R", 0, 0, CG_REASON_NOT_A_CA, "LNR" },
    { "no basicConstraints", 'L', "B", "R", 0, 0, CG_REASON_NOT_A_CA, "LBR" },
    { "keyUsage without keyCertSign", 'L', "U", "R", 0, 0, CG_REASON_CA_KEY_USAGE, "LUR" },
    { "CA key too small", 'y', "t", "R", 0, 0, CG_REASON_CA_KEY_TOO_SMALL, "ytR" },
    { "SHA-1 below the root", 'L', "1", "R", 0, 0, CG_REASON_SIGNATURE_ALGORITHM_REFUSED, "L1R" },
    { "SHA-1 on the leaf", 'h', "I", "R", 0, 0, CG_REASON_SIGNATURE_ALGORITHM_REFUSED, "hIR" },
    { "malformed constraints", 'L', "M", "R", 0, 0, CG_REASON_CERTIFICATE_MALFORMED, "LMR" },
    { "constraints in an end entity", 'n', "I", "R", 0, 0, CG_REASON_CERTIFICATE_MALFORMED, "n" },
    { "name outside", 'L', "C", "R", 0, 0, CG_REASON_NAME_CONSTRAINT_VIOLATED, "LCR" },
    { "policy asked for", 'L', "P", "R", 0, 0, CG_REASON_POLICY_REQUIRED, "LPR" },
    { "path length", 'L', "0z", "R", 0, 0, CG_REASON_PATH_LENGTH_EXCEEDED, "L0zR" },
    { "path length fits elsewhere", 'L', "0zm", "R", 0, 0, CG_REASON_NONE, "L0mR" },
    { "depth 1 is enough", 'L', "I", "R", 0, 1, CG_REASON_NONE, "LIR" },
    { "depth 1 is too little", 'L', "0m", "R", 0, 1, CG_REASON_PATH_TOO_DEEP, "L0mR" },
    { "an end entity as issuer", 'i', "j", "R", 0, 0, CG_REASON_NOT_A_CA, "ijR" },
    { "a pinned end entity as issuer", 'i', "", "Rj", 0, 0, CG_REASON_NOT_A_CA, "ijR" },

    { "self-signed, exact copy", 'e', "", "e", 0, 0, CG_REASON_NONE, "e" },
    { "self-signed, no copy", 'e', "", "R", 0, 0, CG_REASON_ROOT_NOT_TRUSTED, "e" },
    { "pinned leaf without path", 'L', "", "L", 0, 0, CG_REASON_ISSUER_UNKNOWN, "L" },
    { "pinned leaf, partial chain: no CA, no end", 'L', "", "L", PARTIAL, 0, CG_REASON_ISSUER_UNKNOWN, "L" },
    { "trusted intermediate", 'L', "", "I", 0, 0, CG_REASON_ISSUER_UNKNOWN, "LI" },
    { "trusted intermediate, partial chain", 'L', "", "I", PARTIAL, 0, CG_REASON_NONE, "LI" },
    { "self-issued in the store is no root", 'L', "0", "s", 0, 0, CG_REASON_ISSUER_UNKNOWN, NULL },

    { "SHA-1 allowed", 'L', "1", "R", SHA1, 0, CG_REASON_NONE, "L1R" },
    { "SHA-1 allowed, better without", 'L', "1I", "R", SHA1, 0, CG_REASON_NONE, "LIR" },
    { "critical extension avoided", 'L', "EI", "R", 0, 0, CG_REASON_NONE, "LIR" },
    { "critical extension, no other way", 'L', "E", "R", 0, 0, CG_REASON_NONE, "LER" },
    { "CA for another purpose avoided", 'L', "GI", "R", EKU, 0, CG_REASON_NONE, "LIR" },
    { "CA for another purpose, no other way", 'L', "G", "R", EKU, 0, CG_REASON_NONE, "LGR" },
};
/* clang-format on */

#define WORLD (sizeof(world) / sizeof(world[0]))

static struct cg_cert *certs[WORLD];

static int
make_world(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORLD; i++) {
        const struct entry *entry = &world[i];
        struct mint mint = { .subject = entry->subject,
            .key = mint_key(entry->key),
            .issuer = entry->issuer,
            .signer = mint_key(entry->signer),
            .not_before = MINT_NOW - (entry->from == 0 ? 1 : entry->from) * MINT_DAY,
            .not_after = MINT_NOW + (entry->days == 0 ? 365 : entry->days) * MINT_DAY,
            .version = entry->version,
            .serial = (long)i + 1,
            .digest = entry->digest,
            .spoil = entry->spoil };

        memcpy(mint.extensions, entry->extensions, sizeof(entry->extensions));
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

static char
id_of(const struct cg_cert *cert)
{
    for (size_t i = 0; i < WORLD; i++)
        if (memcmp(certs[i]->sha256, cert->sha256, CG_SHA256_SIZE) == 0)
            return world[i].id;
    return '?';
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
    struct cg_cert *sent[16], *trusted[16];
    unsigned options = rows[row].options;
    struct cg_path_query query = { .leaf = find(rows[row].leaf),
        .now = MINT_NOW,
        .role = CG_ROLE_OUTBOUND,
        .max_depth = rows[row].depth == 0 ? CG_DEFAULT_PATH_DEPTH : (unsigned)rows[row].depth,
        .allow_sha1 = (options & SHA1) != 0,
        .partial_chain = (options & PARTIAL) != 0,
        .enforce_ca_eku = (options & EKU) != 0,
        .prefer_critical_known = (options & LATCHED) == 0,
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

static void
judge_row(struct cg_engine *engine, size_t row)
{
    char path[CG_MAX_PATH_CERTS + 1] = "";
    struct cg_path_result result;

    search(engine, row, &result, NULL);
    for (size_t i = 0; i < result.count; i++)
        path[i] = id_of(result.certs[i]);
    if (result.chain.reason != rows[row].expect ||
            result.valid != (rows[row].expect == CG_REASON_NONE))
        fail_msg("%s: %s, path %s: %s", rows[row].why, cg_reason_info(result.chain.reason)->code,
                path, result.chain.found);
    if (rows[row].path != NULL && strcmp(path, rows[row].path) != 0)
        fail_msg("%s: path %s instead of %s", rows[row].why, path, rows[row].path);
    if (!result.valid)
        assert_true(result.chain.found[0] != '\0' && result.chain.wanted[0] != '\0');
}

static void
every_row(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        judge_row(engine, i);
    cg_engine_free(engine);
}

/* What an engine has seen before must not change any answer. */
static void
memory_changes_nothing(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (int round = 0; round < 2; round++)
        for (size_t i = sizeof(rows) / sizeof(rows[0]); i-- > 0;)
            judge_row(engine, i);
    cg_engine_free(engine);
}

static size_t
row_of(const char *why)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].why, why) == 0)
            return i;
    fail_msg("no row '%s'", why);
    return 0;
}

static void
known_ca_costs_one_signature(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result result;

    (void)state;
    search(engine, row_of("plain"), &result, NULL);
    assert_int_equal(result.signatures, 3); /* leaf, intermediate, and the root's own */
    search(engine, row_of("plain"), &result, NULL);
    assert_int_equal(result.signatures, 0);
    search(engine, row_of("leaf spoilt"), &result, NULL);
    assert_int_equal(result.signatures, 1);
    cg_engine_free(engine);
}

static void
blemishes_are_told(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result result;

    (void)state;
    search(engine, row_of("critical extension, no other way"), &result, NULL);
    assert_int_equal(result.critical.reason, CG_REASON_CRITICAL_EXTENSION_UNKNOWN);
    assert_ptr_equal(result.critical.cert, find('E'));
    search(engine, row_of("CA for another purpose, no other way"), &result, NULL);
    assert_int_equal(result.ca_eku.reason, CG_REASON_PURPOSE_MISMATCH);
    assert_ptr_equal(result.ca_eku.cert, find('G'));
    search(engine, row_of("SHA-1 allowed"), &result, NULL);
    assert_true(result.used_sha1);
    search(engine, row_of("SHA-1 allowed, better without"), &result, NULL);
    assert_false(result.used_sha1);
    cg_engine_free(engine);
}

static void
words_name_the_culprit(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result result;

    (void)state;
    search(engine, row_of("nothing sent"), &result, NULL);
    assert_non_null(strstr(result.chain.found, "CN=inter"));
    assert_string_equal(result.chain.note, "the peer sent no intermediate certificate");
    search(engine, row_of("name outside"), &result, NULL);
    assert_ptr_equal(result.chain.cert, find('L'));
    assert_non_null(strstr(result.chain.found, "a.example"));
    assert_non_null(strstr(result.chain.wanted, "b.example"));
    assert_non_null(strstr(result.chain.note, "CN=inter"));
    search(engine, row_of("intermediate expired"), &result, NULL);
    assert_ptr_equal(result.chain.cert, find('X'));
    assert_non_null(strstr(result.chain.found, "expired 2026-10-25T00:00:00Z"));
    cg_engine_free(engine);
}

static void
trace_is_a_tree(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result result;
    struct cg_buf trace;

    (void)state;
    cg_buf_init(&trace, CG_MAX_TRACE_BYTES);
    search(engine, row_of("intermediate of the same name, other key"), &result, &trace);
    assert_non_null(strstr(cg_buf_text(&trace), "'CN=leaf' (received, "));
    assert_non_null(strstr(cg_buf_text(&trace), "\n  'CN=inter' (sent, "));
    assert_non_null(strstr(cg_buf_text(&trace), "): no: signature-invalid\n"));
    assert_non_null(strstr(cg_buf_text(&trace), "\n    'CN=root' (TCS, "));
    assert_non_null(strstr(cg_buf_text(&trace), "): trusted: path found\n"));
    cg_buf_release(&trace);
    cg_engine_free(engine);
}

/* A path holds while its certificates do; word for word an answer stays until any candidate changes. */
static void
windows(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_path_result result;

    (void)state;
    search(engine, row_of("plain"), &result, NULL);
    assert_int_equal(result.good.from, MINT_NOW - MINT_DAY);
    assert_int_equal(result.good.until, MINT_NOW + 365 * MINT_DAY);
    search(engine, row_of("nothing trusted"), &result, NULL);
    assert_int_equal(result.good.until, MINT_NOW + 365 * MINT_DAY);
    search(engine, row_of("intermediate not yet valid"), &result, NULL);
    assert_int_equal(result.good.until, MINT_NOW + 30 * MINT_DAY - 1);
    assert_int_equal(result.same.until, MINT_NOW);
    search(engine, row_of("intermediate expired"), &result, NULL);
    assert_int_equal(result.good.from, MINT_NOW - MINT_DAY);
    assert_int_equal(result.same.from, MINT_NOW);
    search(engine, row_of("a renewal to come"), &result, NULL);
    assert_true(result.valid);
    assert_int_equal(result.good.until, MINT_NOW + 365 * MINT_DAY);
    assert_int_equal(result.same.until, MINT_NOW + 30 * MINT_DAY - 1);
    cg_engine_free(engine);
}

/* Sixteen CAs that all cross-signed each other, none of which leads anywhere a name does not. */
static void
hostile_graph_is_bounded(void **state)
{
    enum { N = 16 };
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *mesh[N * N + 1], *leaf, *trusted[2];
    size_t count = 0;
    unsigned edges;
    struct cg_path_result result;
    struct cg_path_query query = { .now = MINT_NOW, .max_depth = CG_MAX_PATH_DEPTH };
    struct cg_store *store;
    char names[N][16], keys[N][16];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "CN=mesh %zu", i);
        snprintf(keys[i], sizeof(keys[i]), "P-256 mesh %zu", i % 4);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 7; j++, count++)
            mesh[count] = mint_cert(&(struct mint) { .subject = names[i],
                    .key = mint_key(keys[i]),
                    .issuer = names[(i + j + 1) % N],
                    .signer = mint_key(keys[(i + j + 1) % N]),
                    .serial = (long)count + 1,
                    .extensions = { CA } });
    /* a trusted CA of one of the names whose key nobody used: every way to it is a wrong one */
    trusted[0] = mint_cert(&(struct mint) {
            .subject = names[0], .key = mint_key("P-256 wrong"), .extensions = { CA } });
    trusted[1] = NULL;
    leaf = mint_cert(&(struct mint) { .subject = "CN=leaf",
            .key = mint_key("P-256 leaf"),
            .issuer = names[N / 2],
            .signer = mint_key(keys[N / 2]) });
    store = mint_store(trusted);
    query.leaf = leaf;
    query.sent = (const struct cg_cert *const *)mesh;
    query.sent_count = count;
    query.store = store;
    assert_int_equal(cg_path_search(engine, &query, &result, NULL), CG_OK);
    assert_false(result.valid);
    assert_int_equal(result.chain.reason, CG_REASON_WORK_LIMIT_REACHED);
    assert_true(result.signatures <= CG_MAX_SIGNATURES);
    assert_true(result.edges <= CG_MAX_EDGES);
    /* What is remembered makes no limit come later: the same question, the same answer. */
    edges = result.edges;
    assert_int_equal(cg_path_search(engine, &query, &result, NULL), CG_OK);
    assert_int_equal(result.chain.reason, CG_REASON_WORK_LIMIT_REACHED);
    assert_int_equal(result.edges, edges);
    for (size_t i = 0; i < count; i++)
        cg_cert_free(mesh[i]);
    cg_cert_free(trusted[0]);
    cg_cert_free(leaf);
    cg_store_free(store);
    cg_engine_free(engine);
}

/* A mesh of 112 valid cross-signatures, and one of its CAs also below a trusted root: best first. */
static void
needle_in_a_mesh(void **state)
{
    enum { N = 16, EACH = 7 };
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *mesh[N * EACH + 2], *leaf;
    struct cg_path_result result;
    struct cg_path_query query = { .now = MINT_NOW, .max_depth = CG_DEFAULT_PATH_DEPTH };
    struct cg_store *store = mint_store((struct cg_cert *[]) { find('R'), NULL });
    char names[N][16], keys[N][16];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "CN=mesh %zu", i);
        snprintf(keys[i], sizeof(keys[i]), "P-256 mesh %zu", i % 4);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < EACH; j++, count++)
            mesh[count] = mint_cert(&(struct mint) { .subject = names[i],
                    .key = mint_key(keys[i]),
                    .issuer = names[(i + j + 1) % N],
                    .signer = mint_key(keys[(i + j + 1) % N]),
                    .serial = (long)count + 1,
                    .extensions = { CA } });
    mesh[count++] = mint_cert(&(struct mint) { .subject = names[5],
            .key = mint_key(keys[5]),
            .issuer = "CN=root",
            .signer = mint_key("P-256 root"),
            .extensions = { CA } });
    leaf = mint_cert(&(struct mint) { .subject = "CN=leaf",
            .key = mint_key("P-256 leaf"),
            .issuer = names[0],
            .signer = mint_key(keys[0]) });
    query.leaf = leaf;
    query.sent = (const struct cg_cert *const *)mesh;
    query.sent_count = count;
    query.store = store;
    assert_int_equal(cg_path_search(engine, &query, &result, NULL), CG_OK);
    assert_true(result.valid);
    assert_int_equal(result.count, 4); /* mesh 0 by mesh 5 by the root: nothing shorter */
    assert_true(result.edges <= 4);
    for (size_t i = 0; i < count; i++)
        cg_cert_free(mesh[i]);
    cg_cert_free(leaf);
    cg_store_free(store);
    cg_engine_free(engine);
}

/* As deep as may be asked for, in the worst order; one less is too deep. */
static void
deepest_path(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *sent[CG_MAX_PATH_DEPTH], *leaf;
    struct cg_store *store = mint_store((struct cg_cert *[]) { find('R'), NULL });
    struct cg_path_query query = { .now = MINT_NOW,
        .sent = (const struct cg_cert *const *)sent,
        .sent_count = CG_MAX_PATH_DEPTH,
        .store = store };
    char subject[24], issuer[24] = "CN=root";
    struct cg_path_result result;

    (void)state;
    for (size_t i = 0; i < CG_MAX_PATH_DEPTH; i++) {
        snprintf(subject, sizeof(subject), "CN=level %zu", i);
        sent[i] = mint_cert(&(struct mint) { .subject = subject,
                .key = mint_key(i % 2 == 0 ? "P-256 even" : "P-256 odd"),
                .issuer = issuer,
                .signer = mint_key(i == 0    ? "P-256 root"
                                : i % 2 == 0 ? "P-256 odd"
                                             : "P-256 even"),
                .extensions = { CA } });
        memcpy(issuer, subject, sizeof(issuer));
    }
    leaf = mint_cert(&(struct mint) { .subject = "CN=leaf",
            .key = mint_key("P-256 leaf"),
            .issuer = issuer,
            .signer = mint_key("P-256 odd") });
    query.leaf = leaf;
    for (unsigned depth = CG_MAX_PATH_DEPTH - 1; depth <= CG_MAX_PATH_DEPTH; depth++) {
        query.max_depth = depth;
        assert_int_equal(cg_path_search(engine, &query, &result, NULL), CG_OK);
        assert_int_equal(result.chain.reason,
                depth == CG_MAX_PATH_DEPTH ? CG_REASON_NONE : CG_REASON_PATH_TOO_DEEP);
        assert_int_equal(result.valid, depth == CG_MAX_PATH_DEPTH);
    }
    for (size_t i = 0; i < CG_MAX_PATH_DEPTH; i++)
        cg_cert_free(sent[i]);
    cg_cert_free(leaf);
    cg_store_free(store);
    cg_engine_free(engine);
}

/*
 * A store with more CAs of one name than are looked at, the right one last: its key identifier finds it. Without one, no
 * more are parsed than there is room for, however many there are.
 */
static void
namesakes_in_the_store(void **state)
{
    enum { NAMESAKES = 3 * CG_PATH_MAX_NODES };
    struct cg_engine *engine = cg_engine_new();
    struct cg_store *store = cg_store_new();
    struct mint ca = {
        .subject = "CN=namesake", .key = mint_key("ED25519"), .extensions = { CA, NULL }
    };
    struct mint leaf = {
        .subject = "CN=leaf", .issuer = "CN=namesake", .key = mint_key("P-256 l")
    };
    struct cg_path_query query = { .store = store, .now = MINT_NOW, .max_depth = 1 };
    struct cg_path_result result;
    struct cg_cert *cert;
    size_t parsed = 0;
    char ski[64];

    (void)state;
    for (int i = 1; i <= NAMESAKES; i++) {
        snprintf(ski, sizeof(ski), "subjectKeyIdentifier=%08x", (unsigned)i);
        ca.extensions[1] = ski;
        ca.serial = i;
        ca.key = mint_key(i == NAMESAKES ? "P-256 last" : "ED25519");
        cert = mint_cert(&ca);
        assert_int_equal(cg_store_add(store, cert, NULL), CG_OK);
        cg_cert_free(cert);
    }
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    leaf.signer = mint_key("P-256 last");
    snprintf(ski, sizeof(ski), "2.5.29.35=DER:30:06:80:04:00:00:%02x:%02x", NAMESAKES >> 8,
            NAMESAKES & 255);
    leaf.extensions[0] = ski;
    query.leaf = cert = mint_cert(&leaf);
    assert_int_equal(cg_path_search(engine, &query, &result, NULL), CG_OK);
    assert_true(result.valid);
    assert_int_equal(result.count, 2);
    cg_cert_free(cert);
    leaf.extensions[0] = NULL;
    query.leaf = cert = mint_cert(&leaf);
    assert_int_equal(cg_path_search(engine, &query, &result, NULL), CG_OK);
    assert_false(result.valid);
    for (size_t i = 0; i < CG_ENGINE_TRUSTED_SETS * 2; i++)
        parsed += engine->trusted[i] != NULL;
    assert_true(parsed > CG_PATH_MAX_NODES / 2 && parsed <= CG_PATH_MAX_NODES + 1);
    cg_cert_free(cert);
    cg_store_free(store);
    cg_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(memory_changes_nothing),
        cmocka_unit_test(known_ca_costs_one_signature),
        cmocka_unit_test(blemishes_are_told),
        cmocka_unit_test(words_name_the_culprit),
        cmocka_unit_test(trace_is_a_tree),
        cmocka_unit_test(windows),
        cmocka_unit_test(hostile_graph_is_bounded),
        cmocka_unit_test(needle_in_a_mesh),
        cmocka_unit_test(namesakes_in_the_store),
        cmocka_unit_test(deepest_path),
    };

    return cmocka_run_group_tests(tests, make_world, free_world);
}
