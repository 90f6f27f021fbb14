/*
 * Whole decisions as data: mints the certificates of certificates.txt, judges each line of cases.txt
 * and compares the verdict, the first reason and the findings that the line names.
 *
 *   run_cases FOLDER [ID-PREFIX]     TAP on stdout; with a prefix, only those, with all their findings
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <certgate/certgate.h>

#include "support/mint.h"

#define MAX_CERTS 200
#define MAX_WORDS 32
#define FIELDS 6

struct entry {
    char id[32];
    char subject[128];
    char key[32];
    uint8_t *der;
    size_t len;
    int64_t from, until;
};

static struct entry entries[MAX_CERTS];
static size_t entry_count;
static const char *file_name;
static unsigned line_number;

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%u: ", file_name, line_number);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    printf("Bail out! the data cannot be read\n");
    exit(1);
}

/* ---- text -------------------------------------------------------------------------------------- */

static char *
trim(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len > 0 && strchr(" \t\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

/* Cuts at `separator`, trims, and gives the number of parts. */
static size_t
split(char *text, const char *separator, char *parts[], size_t max)
{
    size_t count = 0;

    while (text != NULL) {
        char *end = strstr(text, separator), *next = NULL;

        if (end != NULL) {
            *end = '\0';
            next = end + strlen(separator);
        }
        text = trim(text);
        if (text[0] != '\0' || separator[0] == '|') {
            if (count == max)
                die("more than %zu parts", max);
            parts[count++] = text;
        }
        text = next;
    }
    return count;
}

/* "+3d", "-1h", "90" as seconds. */
static int64_t
duration(const char *text)
{
    char *end;
    int64_t value = strtoll(text, &end, 10);

    switch (*end) {
    case 'd':
        value *= MINT_DAY;
        end++;
        break;
    case 'h':
        value *= 3600;
        end++;
        break;
    default:
        break;
    }
    if (end == text || *end != '\0')
        die("'%s' is no time", text);
    return value;
}

static bool
has_prefix(const char *word, const char *prefix, const char **rest)
{
    size_t len = strlen(prefix);

    if (strncmp(word, prefix, len) != 0)
        return false;
    *rest = word + len;
    return true;
}

/* ---- certificates ------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    const char *extensions[4];
} shorthands[] = {
    { "ca",
            { "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                    "subjectKeyIdentifier=hash" } },
    { "use", { "keyUsage=critical,digitalSignature" } },
    { "client", { "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth" } },
    { "server", { "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth" } },
    { "both", { "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth,serverAuth" } },
};

static const struct entry *
find(const char *id)
{
    for (size_t i = 0; i < entry_count; i++)
        if (strcmp(entries[i].id, id) == 0)
            return &entries[i];
    die("no certificate '%s'", id);
}

static void
add_extensions(struct mint *mint, char *text)
{
    char *words[MAX_WORDS];
    size_t count = split(text, " ; ", words, MAX_WORDS), at = 0;

    for (size_t i = 0; i < count; i++) {
        bool done = false;

        for (size_t k = 0; k < sizeof(shorthands) / sizeof(shorthands[0]); k++) {
            if (strcmp(words[i], shorthands[k].word) != 0)
                continue;
            for (size_t n = 0; n < 4 && shorthands[k].extensions[n] != NULL; n++)
                mint->extensions[at++] = shorthands[k].extensions[n];
            done = true;
        }
        if (!done)
            mint->extensions[at++] = words[i];
        if (at > 11)
            die("more than 11 extensions");
    }
}

static void
add_options(struct mint *mint, char *text)
{
    char *words[MAX_WORDS];
    size_t count = split(text, " ", words, MAX_WORDS);

    for (size_t i = 0; i < count; i++) {
        const char *rest;

        if (has_prefix(words[i], "from=", &rest))
            mint->not_before = MINT_NOW + duration(rest);
        else if (has_prefix(words[i], "until=", &rest))
            mint->not_after = MINT_NOW + duration(rest);
        else if (has_prefix(words[i], "version=", &rest))
            mint->version = atoi(rest);
        else if (has_prefix(words[i], "serial=", &rest))
            mint->serial = atol(rest);
        else if (has_prefix(words[i], "digest=", &rest))
            mint->digest = rest;
        else if (strcmp(words[i], "pss") == 0)
            mint->pss = true;
        else if (strcmp(words[i], "spoil") == 0)
            mint->spoil = true;
        else
            die("unknown option '%s'", words[i]);
    }
}

static void
mint_line(char *line)
{
    char *fields[FIELDS];
    size_t count = split(line, "|", fields, FIELDS);
    struct entry *entry = &entries[entry_count];
    struct mint mint = { .not_before = MINT_NOW - MINT_DAY,
        .not_after = MINT_NOW + 365 * MINT_DAY };

    if (count < 4)
        die("wanted ID | subject | key | issuer | extensions | options");
    if (entry_count == MAX_CERTS)
        die("more than %d certificates", MAX_CERTS);
    snprintf(entry->id, sizeof(entry->id), "%s", fields[0]);
    snprintf(entry->subject, sizeof(entry->subject), "%s", fields[1]);
    snprintf(entry->key, sizeof(entry->key), "%s", fields[2]);
    mint.subject = entry->subject;
    mint.key = mint_key(entry->key);
    mint.serial = (long)entry_count + 1;
    if (strcmp(fields[3], "self") != 0) {
        mint.issuer = find(fields[3])->subject;
        mint.signer = mint_key(find(fields[3])->key);
    }
    if (count > 4)
        add_extensions(&mint, fields[4]);
    if (count > 5)
        add_options(&mint, fields[5]);
    entry->der = mint_der(&mint, &entry->len);
    entry->from = mint.not_before;
    entry->until = mint.not_after;
    entry_count++;
}

/* ---- cases ------------------------------------------------------------------------------------- */

struct verdicts {
    struct cg_policy *policy;
    struct cg_peer peer;
    const uint8_t *chain[MAX_WORDS];
    size_t chain_len[MAX_WORDS];
    int64_t allow_until;
};

static void
add_to(struct cg_store *store, const struct entry *entry)
{
    struct cg_cert *cert = NULL;
    struct cg_error err = { "" };

    if (cg_cert_from_der(entry->der, entry->len, &cert, &err) != CG_OK)
        die("'%s' does not parse: %s", entry->id, err.text);
    if (cg_store_add(store, cert, &err) != CG_OK)
        die("'%s' cannot be trusted: %s", entry->id, err.text);
    cg_cert_free(cert);
}

static void
add_identity(struct cg_policy *policy, const struct entry *entry)
{
    struct cg_cert *cert = NULL;

    if (cg_cert_from_der(entry->der, entry->len, &cert, NULL) != CG_OK ||
            cg_policy_add_identity(policy, cert, NULL) != CG_OK)
        die("'%s' is no identity", entry->id);
    cg_cert_free(cert);
}

static void
set_checks(struct cg_policy *policy, const char *text)
{
    char copy[256], *words[CG_CHECK_COUNT];
    size_t count;
    cg_check_set set = 0;

    snprintf(copy, sizeof(copy), "%s", text);
    count = split(copy, ",", words, CG_CHECK_COUNT);
    for (size_t i = 0; i < count; i++) {
        enum cg_check check;

        if (!cg_check_from_name(words[i], &check))
            die("no check '%s'", words[i]);
        set |= 1u << check;
    }
    cg_policy_set_checks(policy, set);
}

/* "start", "end-1", "+1d": relative to the leaf's validity or to MINT_NOW. */
static int64_t
moment(const char *text, const struct entry *leaf)
{
    const char *rest;

    if (leaf != NULL && has_prefix(text, "start", &rest))
        return leaf->from + (*rest != '\0' ? duration(rest) : 0);
    if (leaf != NULL && has_prefix(text, "end", &rest))
        return leaf->until + (*rest != '\0' ? duration(rest) : 0);
    return MINT_NOW + duration(text);
}

static bool
set_named(struct verdicts *v, const char *word, const struct entry *leaf)
{
    const char *rest;
    enum cg_level level;
    enum cg_allowance allowance;

    if (has_prefix(word, "level=", &rest)) {
        if (!cg_level_from_name(rest, &level))
            return false;
        cg_policy_set_level(v->policy, level);
    } else if (has_prefix(word, "checks=", &rest)) {
        set_checks(v->policy, rest);
    } else if (has_prefix(word, "until=", &rest)) {
        v->allow_until = moment(rest, leaf);
    } else if (has_prefix(word, "allow=", &rest)) {
        if (!cg_allowance_from_name(rest, &allowance))
            return false;
        cg_policy_allow(v->policy, allowance, v->allow_until);
    } else if (has_prefix(word, "name=", &rest)) {
        return cg_policy_add_name(v->policy, rest, NULL) == CG_OK;
    } else if (has_prefix(word, "domain=", &rest)) {
        return cg_policy_add_sip_domain(v->policy, rest, NULL) == CG_OK;
    } else if (has_prefix(word, "from=", &rest)) {
        v->peer.from_domain = rest;
    } else if (has_prefix(word, "address=", &rest)) {
        v->peer.address = rest;
    } else if (has_prefix(word, "identity=", &rest)) {
        add_identity(v->policy, find(rest));
    } else if (has_prefix(word, "depth=", &rest)) {
        return cg_policy_set_max_depth(v->policy, (unsigned)atoi(rest), NULL) == CG_OK;
    } else if (has_prefix(word, "at=", &rest)) {
        v->peer.now = moment(rest, leaf);
    } else if (has_prefix(word, "floor=", &rest)) {
        v->peer.clock_floor = moment(rest, leaf);
    } else {
        return false;
    }
    return true;
}

/* The received certificate, until what `until=` said. */
static bool
admit(struct verdicts *v, const struct entry *leaf)
{
    struct cg_cert *cert;
    bool ok;

    if (cg_cert_from_der(leaf->der, leaf->len, &cert, NULL) != CG_OK)
        return false;
    ok = cg_policy_admit(v->policy, cg_cert_get0_sha256(cert), v->allow_until, "a case", NULL) ==
            CG_OK;
    cg_cert_free(cert);
    return ok;
}

static bool
set_flag(struct verdicts *v, const char *word, const struct entry *leaf)
{
    if (strcmp(word, "outbound") == 0)
        cg_policy_set_role(v->policy, CG_ROLE_OUTBOUND);
    else if (strcmp(word, "sip") == 0)
        cg_policy_set_service(v->policy, CG_SERVICE_SIP);
    else if (strcmp(word, "line") == 0)
        cg_policy_set_service(v->policy, CG_SERVICE_LINE);
    else if (strcmp(word, "latched") == 0)
        cg_policy_set_latched(v->policy, true);
    else if (strcmp(word, "ca-eku") == 0)
        cg_policy_set_ca_eku(v->policy, true);
    else if (strcmp(word, "partial") == 0)
        cg_policy_set_partial_chain(v->policy, true);
    else if (strcmp(word, "optional") == 0)
        cg_policy_set_require_certificate(v->policy, false);
    else if (strcmp(word, "phone") == 0)
        v->peer.phone = true;
    else if (strcmp(word, "admit") == 0 && leaf != NULL)
        return admit(v, leaf);
    else
        return false;
    return true;
}

static const char *const outcomes[] = { "pass", "fail", "not-applicable", "undecided" };

static const struct cg_finding *
finding_of(const struct cg_decision *decision, enum cg_check check)
{
    for (size_t i = 0; i < cg_decision_count(decision); i++)
        if (cg_decision_get0(decision, i)->check == check)
            return cg_decision_get0(decision, i);
    return NULL;
}

/* "CHECK=OUTCOME[:REASON]", "CHECK=note", "CHECK=absent": false when it is otherwise. */
static bool
finding_matches(const struct cg_decision *decision, char *word)
{
    char *equals = strchr(word, '='), *reason;
    const struct cg_finding *finding;
    enum cg_check check;

    if (equals == NULL)
        die("unknown word '%s'", word);
    *equals++ = '\0';
    if (!cg_check_from_name(word, &check))
        die("no check '%s'", word);
    finding = finding_of(decision, check);
    if (strcmp(equals, "absent") == 0)
        return finding == NULL;
    if (finding == NULL)
        return false;
    if (strcmp(equals, "note") == 0)
        return finding->outcome == CG_PASS && finding->note[0] != '\0';
    reason = strchr(equals, ':');
    if (reason != NULL) {
        *reason++ = '\0';
        if (finding->reason == CG_REASON_NONE ||
                strcmp(cg_reason_info(finding->reason)->code, reason) != 0)
            return false;
    }
    return strcmp(outcomes[finding->outcome], equals) == 0;
}

static void
show(const struct cg_decision *decision)
{
    printf("#   %s %s %s\n", cg_decision_verdict(decision) == CG_ACCEPT ? "accept" : "reject",
            cg_decision_reason(decision) == CG_REASON_NONE
                    ? ""
                    : cg_reason_info(cg_decision_reason(decision))->code,
            cg_decision_by_allowance(decision) ? "by allowance" : "");
    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *f = cg_decision_get0(decision, i);

        printf("#   %s %-20s %-14s %s | %s | %s | %s\n", f->enforced ? "x" : " ",
                cg_check_info(f->check)->id, outcomes[f->outcome],
                f->reason == CG_REASON_NONE ? "" : cg_reason_info(f->reason)->code, f->found,
                f->wanted, f->note);
    }
}

/* The verdict at the level that was asked for, if that is one of the six; true where it fits. */
static bool
level_fits(const struct cg_decision *decision, enum cg_level level, bool accept, bool admitted)
{
    enum cg_reason reason;

    return level == CG_LEVEL_CUSTOM || cg_decision_count(decision) == 0 ||
            (cg_decision_at_level(decision, level, &reason) == CG_ACCEPT) == (accept && !admitted);
}

/* What holds for every decision: the verdict is what its enforced findings say, or an administrator. */
static bool
consistent(const struct cg_decision *decision, const struct cg_policy *policy)
{
    bool accept = cg_decision_verdict(decision) == CG_ACCEPT, all = true, admitted = false;
    enum cg_level level = cg_policy_level(policy);

    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *f = cg_decision_get0(decision, i);

        if (f->outcome == CG_FAIL && f->allowed)
            admitted = admitted || (f->enforced && f->allowance == CG_ALLOW_ADMITTED);
        else if (f->enforced && f->outcome != CG_PASS && f->outcome != CG_NOT_APPLICABLE)
            all = false;
        if (f->outcome == (f->reason == CG_REASON_NONE ? CG_FAIL : CG_PASS))
            return false;
        if (f->outcome == CG_FAIL && f->remedy[0] == '\0')
            return false;
    }
    if (cg_decision_count(decision) > 0 && accept != all)
        return false;
    if (accept != (cg_decision_reason(decision) == CG_REASON_NONE))
        return false;
    return level_fits(decision, level, accept, admitted);
}

static bool
as_expected(const struct cg_decision *decision, char *text)
{
    char *words[MAX_WORDS], *rest = text;
    size_t count = split(rest, " ", words, MAX_WORDS), at = 1;
    bool allowance = false, ok = true;
    enum cg_reason reason;

    if (count == 0)
        die("what is expected?");
    if (strcmp(words[0], "accept") == 0) {
        ok = cg_decision_verdict(decision) == CG_ACCEPT;
    } else if (strcmp(words[0], "reject") == 0 && count > 1) {
        if (!cg_reason_from_code(words[at++], &reason))
            die("no reason '%s'", words[1]);
        ok = cg_decision_verdict(decision) == CG_REJECT && cg_decision_reason(decision) == reason;
    } else {
        die("wanted 'accept' or 'reject REASON'");
    }
    for (; at < count; at++) {
        if (strcmp(words[at], "allowance") == 0)
            allowance = true;
        else
            ok = finding_matches(decision, words[at]) && ok;
    }
    return ok && cg_decision_by_allowance(decision) == allowance;
}

static struct cg_store *
store_of(char *text)
{
    char *words[MAX_WORDS];
    size_t count = split(text, " ", words, MAX_WORDS);
    struct cg_store *store = cg_store_new();

    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], "-") != 0)
            add_to(store, find(words[i]));
    if (cg_store_freeze(store, NULL) != CG_OK)
        die("the store cannot be frozen");
    return store;
}

/* The leaf and what is sent along; the leaf's row, or NULL where there is none. */
static const struct entry *
present(struct verdicts *v, char *text)
{
    static const uint8_t junk[] = { 0x30, 0x03, 0x02, 0x01, 0x00 };
    char *words[MAX_WORDS];
    size_t count = split(text, " ", words, MAX_WORDS);
    const struct entry *leaf = NULL;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "-") == 0)
            continue;
        if (strcmp(words[i], "junk") == 0 && i == 0) {
            v->peer.leaf = junk;
            v->peer.leaf_len = sizeof(junk);
        } else if (strcmp(words[i], "junk") == 0) {
            v->chain[v->peer.chain_count] = junk;
            v->chain_len[v->peer.chain_count++] = sizeof(junk);
        } else if (i == 0) {
            leaf = find(words[0]);
            v->peer.leaf = leaf->der;
            v->peer.leaf_len = leaf->len;
        } else {
            v->chain[v->peer.chain_count] = find(words[i])->der;
            v->chain_len[v->peer.chain_count++] = find(words[i])->len;
        }
    }
    v->peer.chain = v->chain;
    v->peer.chain_len = v->chain_len;
    return leaf;
}

static bool
judge_line(struct cg_engine *engine, char *fields[], unsigned number, bool verbose)
{
    struct verdicts v = { .policy = cg_policy_new(), .allow_until = INT64_MAX };
    struct cg_store *store = store_of(fields[2]);
    struct cg_decision *decision = NULL;
    struct cg_error err = { "" };
    char *words[MAX_WORDS], expected[512];
    const struct entry *leaf;
    size_t count;
    bool ok;

    v.peer.now = MINT_NOW;
    leaf = present(&v, fields[1]);
    count = split(fields[3], " ", words, MAX_WORDS);
    for (size_t i = 0; i < count; i++)
        if (!set_flag(&v, words[i], leaf) && !set_named(&v, words[i], leaf))
            die("unknown setting '%s'", words[i]);
    if (cg_evaluate(engine, store, v.policy, &v.peer, &decision, &err) != CG_OK)
        die("no verdict: %s", err.text);
    snprintf(expected, sizeof(expected), "%s", fields[4]);
    ok = as_expected(decision, fields[4]) && consistent(decision, v.policy);
    printf("%sok %u - %s\n", ok ? "" : "not ", number, fields[0]);
    if (!ok)
        printf("#   %s:%u wants: %s\n", file_name, line_number, expected);
    if (!ok || verbose)
        show(decision);
    cg_decision_free(decision);
    cg_policy_free(v.policy);
    cg_store_free(store);
    return ok;
}

/* ---- files ------------------------------------------------------------------------------------- */

/* The next line with something on it, without its comment; NULL at the end. */
static char *
next_line(FILE *file, char *buffer, size_t size)
{
    while (fgets(buffer, (int)size, file) != NULL) {
        char *hash = strchr(buffer, '#'), *text;

        line_number++;
        if (hash != NULL)
            *hash = '\0';
        text = trim(buffer);
        if (text[0] != '\0')
            return text;
    }
    return NULL;
}

static FILE *
open_data(const char *folder, const char *name, char path[4096])
{
    FILE *file;

    snprintf(path, 4096, "%s/%s", folder, name);
    file_name = path;
    line_number = 0;
    file = fopen(path, "r");
    if (file == NULL)
        die("cannot be opened");
    return file;
}

int
main(int argc, char **argv)
{
    struct cg_engine *engine = cg_engine_new();
    const char *prefix = argc > 2 ? argv[2] : "";
    char path[4096], buffer[1024], *line;
    unsigned count = 0, failed = 0;
    FILE *file;

    if (argc < 2 || engine == NULL) {
        fprintf(stderr, "usage: run_cases FOLDER [ID-PREFIX]\n");
        return 2;
    }
    file = open_data(argv[1], "certificates.txt", path);
    while ((line = next_line(file, buffer, sizeof(buffer))) != NULL)
        mint_line(line);
    fclose(file);
    file = open_data(argv[1], "cases.txt", path);
    while ((line = next_line(file, buffer, sizeof(buffer))) != NULL) {
        char *fields[FIELDS];

        if (split(line, "|", fields, FIELDS) != 5)
            die("wanted ID | leaf and chain | TCS | settings | what is expected");
        if (strncmp(fields[0], prefix, strlen(prefix)) != 0)
            continue;
        count++;
        failed += !judge_line(engine, fields, count, prefix[0] != '\0');
    }
    fclose(file);
    printf("1..%u\n", count);
    for (size_t i = 0; i < entry_count; i++)
        free(entries[i].der);
    cg_engine_free(engine);
    if (count == 0)
        fprintf(stderr, "no case\n");
    return failed == 0 && count > 0 ? 0 : 1;
}
