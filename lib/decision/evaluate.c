/* Evaluates every check once and derives the verdict. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "checks/check.h"
#include "decision/cache.h"
#include "decision/decision.h"
#include "decision/policy.h"
#include "x509/engine.h"
#include "x509/path.h"

/* The certificates of one evaluation, parsed. */
struct input {
    struct cg_cert *leaf;
    struct cg_cert *sent[CG_MAX_CANDIDATES];
    size_t sent_count;
};

static void
input_release(struct input *input)
{
    cg_cert_free(input->leaf);
    for (size_t i = 0; i < input->sent_count; i++)
        cg_cert_free(input->sent[i]);
}

/*
 * Certificates that came along and do not parse are left out: a peer may send junk, and what cannot be
 * read cannot be an issuer.
 */
static enum cg_status
input_chain(struct cg_engine *engine, struct input *input, const struct cg_peer *peer,
        struct cg_error *err)
{
    enum cg_status status;

    for (size_t i = 0; i < peer->chain_count; i++) {
        status = cg_engine_cert(
                engine, peer->chain[i], peer->chain_len[i], &input->sent[input->sent_count], err);
        if (status == CG_OK)
            input->sent_count++;
        else if (status != CG_E_PARSE && status != CG_E_LIMIT)
            return status;
    }
    return CG_OK;
}

struct cg_decision *
cg_decision_refuse(const struct cg_policy *policy, enum cg_reason reason, const char *detail)
{
    struct cg_decision *decision = calloc(1, sizeof(*decision));

    if (decision == NULL)
        return NULL;
    decision->refs = 1;
    decision->level = policy->level;
    decision->latched = policy->latched;
    decision->verdict = reason == CG_REASON_NONE ? CG_ACCEPT : CG_REJECT;
    decision->reason = reason;
    decision->good = decision->same = CG_WINDOW_ALWAYS;
    if (detail != NULL) {
        decision->detail = strdup(detail);
        if (decision->detail == NULL) {
            cg_decision_free(decision);
            return NULL;
        }
    }
    return decision;
}

static bool
is_latched(const struct cg_policy *policy, enum cg_check check)
{
    return policy->latched && cg_check_info(check)->latchable;
}

/* "" for the empty string costs nothing; everything else is the decision's own copy. */
static bool
keep(const char **field, const char *text)
{
    *field = text[0] == '\0' ? "" : strdup(text);
    return *field != NULL;
}

/* Which certificate a finding is about, with its subject. */
static bool
describe_certificate(const struct cg_subject *subject, const struct input *input,
        const struct cg_cert *cert, const char **out)
{
    struct cg_buf buf;
    char *text;

    cg_buf_init(&buf, 4 * CG_MAX_CERT_BYTES);
    if (cert == NULL || cert == subject->leaf) {
        cg_buf_add(&buf, "received");
    } else {
        /* What was sent twice is one certificate: its first place. */
        for (size_t i = 0; i < input->sent_count && buf.len == 0; i++)
            if (cert == input->sent[i])
                cg_buf_addf(&buf, "sent %zu", i + 1);
        if (buf.len == 0)
            cg_buf_add(&buf, "TCS");
        cg_buf_add(&buf, " '");
        cg_name_text(&buf, cert->subject);
        cg_buf_add(&buf, "'");
    }
    text = cg_buf_take(&buf);
    *out = text;
    return text != NULL;
}

static bool
add_finding(struct cg_decision *decision, const struct cg_subject *subject,
        const struct input *input, enum cg_check check)
{
    struct cg_finding *finding = &decision->findings[decision->count];
    struct cg_note note = { 0 };

    finding->check = check;
    finding->certificate = finding->found = finding->wanted = finding->remedy = finding->note = "";
    finding->enforced = (subject->policy->checks >> check & 1u) != 0;
    decision->count++;
    if (is_latched(subject->policy, check)) {
        finding->outcome = CG_NOT_APPLICABLE;
        return keep(
                &finding->note, "latched: skipped since an upgrade, until this setting is changed");
    }
    finding->outcome = cg_check_row(check)->run(subject, &note);
    finding->reason = finding->outcome == CG_FAIL || finding->outcome == CG_UNDECIDED
            ? note.reason
            : CG_REASON_NONE;
    if (finding->outcome == CG_UNDECIDED && note.reason == CG_REASON_NONE)
        finding->reason = CG_REASON_INTERNAL_ERROR;
    finding->allowed = finding->outcome == CG_PASS && note.allowed;
    finding->allowance = note.allowance;
    return describe_certificate(subject, input, note.concerns, &finding->certificate) &&
            keep(&finding->found, note.found) && keep(&finding->wanted, note.wanted) &&
            keep(&finding->note, note.note) &&
            keep(&finding->remedy,
                    finding->reason == CG_REASON_NONE ? ""
                                                      : cg_reason_info(finding->reason)->remedy);
}

/* A finding that stands in nobody's way at the policy's own level. */
static bool
accepts(const struct cg_finding *finding)
{
    return finding->outcome == CG_PASS || finding->outcome == CG_NOT_APPLICABLE;
}

/* The words of a finding that does not decide, after those that it has. */
static bool
note_admitted(struct cg_finding *finding, const struct cg_admitted *admitted)
{
    struct cg_buf buf;
    char *text;

    cg_buf_init(&buf, 8 * CG_MAX_NOTE);
    cg_buf_addf(&buf, "%s%sadmitted by an administrator", finding->note,
            finding->note[0] == '\0' ? "" : "; ");
    if (admitted->until != INT64_MAX) {
        cg_buf_add(&buf, " until ");
        cg_buf_add_time(&buf, admitted->until);
    }
    cg_buf_add(&buf, admitted->reason[0] == '\0' ? "" : ": ");
    cg_buf_add_escaped(&buf, cg_span(admitted->reason, strlen(admitted->reason)));
    text = cg_buf_take(&buf);
    if (text == NULL)
        return false;
    if (finding->note[0] != '\0')
        free((char *)(uintptr_t)finding->note);
    finding->note = text;
    finding->allowed = true;
    finding->allowance = CG_ALLOW_ADMITTED;
    return true;
}

static cg_check_set
made(const struct cg_decision *decision)
{
    cg_check_set set = 0;

    for (size_t i = 0; i < decision->count; i++)
        set |= 1u << decision->findings[i].check;
    return set;
}

/*
 * An administrator admits this certificate: what fails on it is told and does not refuse. It is all or
 * nothing; where something else refuses it too, the decision is what it would be without.
 */
static bool
override(struct cg_decision *decision, const struct cg_admitted *admitted)
{
    bool failed = false;

    for (size_t i = 0; i < decision->count; i++) {
        const struct cg_finding *finding = &decision->findings[i];

        if (!finding->enforced || accepts(finding))
            continue;
        /* Who admitted it did not know of its revocation, or else says so by revocation = off. */
        if (finding->outcome != CG_FAIL || cg_check_info(finding->check)->binding ||
                finding->reason == CG_REASON_REVOKED)
            return true;
        failed = true;
    }
    decision->admitted = failed;
    for (size_t i = 0; failed && i < decision->count; i++) {
        struct cg_finding *finding = &decision->findings[i];

        if (finding->enforced && !accepts(finding) && !note_admitted(finding, admitted))
            return false;
    }
    return true;
}

/*
 * Only pass and not-applicable accept, and what an administrator overrides. The first of these checks that
 * does none of it gives the reason; one that was not made at all accepts nobody.
 */
static enum cg_verdict
derive(const struct cg_decision *decision, cg_check_set checks, bool admitted,
        enum cg_reason *reason, bool *allowed)
{
    *reason = CG_REASON_NONE;
    *allowed = false;
    for (size_t i = 0; i < decision->count; i++) {
        const struct cg_finding *finding = &decision->findings[i];

        if ((checks >> finding->check & 1u) == 0)
            continue;
        *allowed = *allowed || finding->allowed;
        if (accepts(finding) || (admitted && finding->allowed))
            continue;
        *reason = finding->reason;
        *allowed = false;
        return CG_REJECT;
    }
    if ((checks & ~made(decision)) != 0) {
        *reason = CG_REASON_INTERNAL_ERROR;
        *allowed = false;
        return CG_REJECT;
    }
    return CG_ACCEPT;
}

static bool
keep_path(struct cg_decision *decision, const struct cg_path_result *path)
{
    if (path->count == 0)
        return true;
    decision->path = calloc(path->count, sizeof(struct cg_cert *));
    if (decision->path == NULL)
        return false;
    for (size_t i = 0; i < path->count; i++)
        decision->path[i] = cg_cert_ref(path->certs[i]);
    decision->path_count = path->count;
    decision->anchored = path->valid && path->anchored;
    return true;
}

/*
 * How long a decision stands: as long as what it rests on, the allowances among it. Where the received
 * certificate is out of date or the clock is not believed, its words name the moment. That of an admitted
 * one stands all the same, until a date of its path passes, for better or worse.
 */
static void
set_windows(struct cg_decision *decision, const struct cg_subject *subject,
        const struct cg_admitted *admitted, bool searched)
{
    const struct cg_policy *policy = subject->policy;
    const struct cg_path_result *path = subject->path;
    struct cg_window window = { subject->leaf->not_before, subject->leaf->not_after };
    struct cg_window good = window;
    int64_t now = subject->peer->now;

    if (decision->admitted) {
        good = (struct cg_window) { INT64_MIN, admitted->until };
        cg_window_stay(&good, now, window.from, window.until);
    }
    if (subject->peer->clock_floor != 0) {
        cg_window_narrow(&window, subject->peer->clock_floor, INT64_MAX);
        cg_window_narrow(&good, subject->peer->clock_floor, INT64_MAX);
    }
    decision->good = good;
    decision->same = window;
    if (admitted != NULL)
        cg_window_stay(&decision->same, now, INT64_MIN, admitted->until);
    for (int i = 0; i < CG_ALLOW_COUNT; i++) {
        if (policy->allowed[i])
            cg_window_stay(&decision->same, now, INT64_MIN, policy->allowed_until[i]);
        if (cg_policy_allows(policy, (enum cg_allowance)i, now))
            cg_window_narrow(&decision->good, INT64_MIN, policy->allowed_until[i]);
    }
    if (searched) {
        if (!decision->admitted)
            cg_window_narrow(&decision->good, path->good.from, path->good.until);
        for (size_t i = 1; decision->admitted && i < path->count; i++)
            cg_window_stay(
                    &decision->good, now, path->certs[i]->not_before, path->certs[i]->not_after);
        cg_window_narrow(&decision->same, path->same.from, path->same.until);
    }
    cg_window_narrow(
            &decision->good, subject->revocation->good.from, subject->revocation->good.until);
    cg_window_narrow(
            &decision->same, subject->revocation->same.from, subject->revocation->same.until);
    if (!cg_window_holds(&window, now)) {
        decision->same = (struct cg_window) { now, now };
        if (!decision->admitted)
            decision->good = decision->same;
    }
}

/* What an administrator says of the received certificate, and whether it holds by the clock. */
static const struct cg_admitted *
find_admitted(const struct cg_subject *subject, bool *holds)
{
    const struct cg_peer *peer = subject->peer;
    const struct cg_admitted *admitted = cg_policy_admitted(subject->policy, subject->leaf->sha256);

    *holds = admitted != NULL && peer->now <= admitted->until &&
            (peer->clock_floor == 0 || peer->now >= peer->clock_floor);
    return admitted;
}

static enum cg_status
search_path(const struct cg_subject *subject, const struct input *input, struct cg_buf *trace,
        struct cg_path_result *path, struct cg_error *err)
{
    const struct cg_policy *policy = subject->policy;
    struct cg_path_query query = {
        .leaf = subject->leaf,
        .sent = (const struct cg_cert *const *)input->sent,
        .sent_count = input->sent_count,
        .unreadable = subject->peer->chain_count - input->sent_count,
        .store = subject->store,
        .now = subject->peer->now,
        .role = policy->role,
        .service = policy->service,
        .allow_sha1 = cg_policy_allows(policy, CG_ALLOW_SHA1_CHAIN, subject->peer->now),
        .partial_chain = policy->partial_chain,
        .enforce_ca_eku = policy->ca_eku,
        .crl_points_processed = policy->revocation != CG_REVOCATION_OFF,
        .prefer_critical_known = !policy->latched,
        .max_depth = policy->max_depth,
        .trace = subject->peer->trace ? trace : NULL,
    };

    return cg_path_search(subject->engine, &query, path, err);
}

/*
 * Levels evaluate all checks that levels are made of, so that every level's verdict is known; a custom set
 * only its own.
 */
static cg_check_set
checks_to_run(const struct cg_policy *policy)
{
    return policy->level == CG_LEVEL_CUSTOM ? policy->checks : policy->checks | CG_CHECKS_OF_LEVELS;
}

static enum cg_status
judge(struct cg_engine *engine, const struct cg_store *store, const struct cg_policy *policy,
        const struct cg_peer *peer, const struct input *input, struct cg_decision *decision,
        struct cg_error *err)
{
    const cg_check_set need_path = 1u << CG_CHECK_CHAIN | 1u << CG_CHECK_EXTENDED_KEY_USAGE |
            1u << CG_CHECK_CRITICAL_EXTENSIONS | 1u << CG_CHECK_REVOCATION;
    struct cg_path_result path = { 0 };
    struct cg_revocation_result revocation = { .good = CG_WINDOW_ALWAYS, .same = CG_WINDOW_ALWAYS };
    struct cg_subject subject = { input->leaf, policy, peer, store, &path, engine, &revocation };
    cg_check_set run = checks_to_run(policy);
    const struct cg_admitted *admitted;
    enum cg_status status = CG_OK;
    struct cg_buf trace;
    bool holds;

    cg_buf_init(&trace, CG_MAX_TRACE_BYTES);
    if ((run & need_path) != 0) {
        status = search_path(&subject, input, &trace, &path, err);
        if (status != CG_OK)
            goto done;
    }
    if ((run >> CG_CHECK_REVOCATION & 1u) != 0) {
        status = cg_revocation_judge(engine, &path, peer, &revocation, err);
        if (status != CG_OK)
            goto done;
        memcpy(decision->revocation, revocation.certs, sizeof(decision->revocation));
    }
    for (int check = 0; check < CG_CHECK_COUNT; check++) {
        if ((run >> check & 1u) != 0 &&
                !add_finding(decision, &subject, input, (enum cg_check)check)) {
            status = cg_fail(err, CG_E_NOMEM, "no memory for the findings");
            goto done;
        }
    }
    admitted = find_admitted(&subject, &holds);
    if (holds && !override(decision, admitted)) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for the findings");
        goto done;
    }
    decision->verdict = derive(decision, policy->checks, decision->admitted, &decision->reason,
            &decision->by_allowance);
    decision->cert = cg_cert_ref(input->leaf);
    decision->signatures = path.signatures + revocation.signatures;
    decision->edges = path.edges;
    set_windows(decision, &subject, admitted, (run & need_path) != 0);
    if (!keep_path(decision, &path)) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for the path");
        goto done;
    }
    if (trace.len != 0)
        decision->trace = strdup(cg_buf_text(&trace));
done:
    cg_buf_release(&trace);
    return status;
}

static enum cg_status
evaluate(struct cg_engine *engine, const struct cg_store *store, const struct cg_policy *policy,
        const struct cg_peer *peer, struct cg_decision **out, struct cg_error *err)
{
    struct cg_decision *decision = NULL;
    struct input *input = NULL;
    struct cg_error why = { "" };
    enum cg_reason early = CG_REASON_NONE;
    enum cg_status status;

    if (peer->now > CG_MAX_SECONDS || peer->now < -CG_MAX_SECONDS)
        return cg_fail(err, CG_E_USAGE, "%lld is no time to judge at", (long long)peer->now);
    input = calloc(1, sizeof(*input));
    if (input == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory to judge a certificate");
    if (peer->leaf == NULL) {
        early = policy->require_certificate ? CG_REASON_CERTIFICATE_MISSING : CG_REASON_NONE;
        cg_fail(&why, CG_OK, "no certificate was presented");
    } else if (peer->chain_count > CG_MAX_CANDIDATES) {
        early = CG_REASON_TOO_LARGE;
        cg_fail(&why, CG_OK, "%zu certificates beside the received one, at most %d are read",
                peer->chain_count, CG_MAX_CANDIDATES);
    } else {
        status = cg_cert_from_der(peer->leaf, peer->leaf_len, &input->leaf, &why);
        if (status == CG_E_PARSE)
            early = CG_REASON_UNPARSABLE;
        else if (status == CG_E_LIMIT)
            early = CG_REASON_TOO_LARGE;
        else if (status != CG_OK) {
            status = cg_fail(err, status, "%s", why.text);
            goto done;
        }
    }
    decision = cg_decision_refuse(policy, early, why.text[0] == '\0' ? NULL : why.text);
    if (decision == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for a decision");
        goto done;
    }
    status = CG_OK;
    if (input->leaf != NULL) {
        status = input_chain(engine, input, peer, err);
        if (status == CG_OK)
            status = judge(engine, store, policy, peer, input, decision, err);
    }
    if (status == CG_OK) {
        *out = decision; /* ownership moves to the caller */
        decision = NULL;
    }
done:
    cg_decision_free(decision);
    input_release(input);
    free(input);
    return status;
}

enum cg_status
cg_evaluate(struct cg_engine *engine, const struct cg_store *store, const struct cg_policy *policy,
        const struct cg_peer *peer, struct cg_decision **out, struct cg_error *err)
{
    uint8_t key[CG_SHA256_SIZE];
    bool remembered = cg_decision_cache_key(engine, store, policy, peer, key);
    enum cg_status status;

    *out = remembered ? cg_decision_cache_get(engine, key, peer->now) : NULL;
    if (*out != NULL)
        return CG_OK;
    status = evaluate(engine, store, policy, peer, out, err);
    if (status == CG_OK && remembered)
        cg_decision_cache_put(engine, key, *out);
    return status;
}

bool
cg_decision_knows_levels(const struct cg_decision *decision)
{
    return (made(decision) & CG_CHECKS_OF_LEVELS) == CG_CHECKS_OF_LEVELS;
}

/* Revocation is the interface's: it goes on whatever the level. */
enum cg_verdict
cg_decision_at_level(
        const struct cg_decision *decision, enum cg_level level, enum cg_reason *reason)
{
    const cg_check_set extra = made(decision) & ~CG_CHECKS_OF_LEVELS;
    bool allowed;

    if (decision->cert == NULL) {
        *reason = decision->reason;
        return decision->verdict;
    }
    return derive(decision, cg_level_info(level)->checks | extra, false, reason, &allowed);
}
