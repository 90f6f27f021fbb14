#include "decision/decision.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

#define MAX_JSON (4 * 1024 * 1024)

struct cg_decision *
cg_decision_ref(const struct cg_decision *decision)
{
    struct cg_decision *mine =
            (struct cg_decision *)(uintptr_t)decision; /* only the count changes */

    if (mine != NULL)
        __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

static void
drop(const char *text)
{
    if (text != NULL && text[0] != '\0')
        free((char *)(uintptr_t)text);
}

void
cg_decision_free(struct cg_decision *decision)
{
    if (decision == NULL || __atomic_sub_fetch(&decision->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < decision->count; i++) {
        drop(decision->findings[i].certificate);
        drop(decision->findings[i].found);
        drop(decision->findings[i].wanted);
        drop(decision->findings[i].remedy);
        drop(decision->findings[i].note);
    }
    for (size_t i = 0; i < decision->path_count; i++)
        cg_cert_free(decision->path[i]);
    free(decision->path);
    cg_cert_free(decision->cert);
    free(decision->detail);
    free(decision->trace);
    free(decision->members);
    free(decision);
}

enum cg_verdict
cg_decision_verdict(const struct cg_decision *decision)
{
    return decision->verdict;
}

enum cg_reason
cg_decision_reason(const struct cg_decision *decision)
{
    return decision->reason;
}

enum cg_level
cg_decision_level(const struct cg_decision *decision)
{
    return decision->level;
}

bool
cg_decision_latched(const struct cg_decision *decision)
{
    return decision->latched;
}

bool
cg_decision_by_allowance(const struct cg_decision *decision)
{
    return decision->by_allowance;
}

const char *
cg_decision_detail(const struct cg_decision *decision)
{
    return decision->detail == NULL ? "" : decision->detail;
}

size_t
cg_decision_count(const struct cg_decision *decision)
{
    return decision->count;
}

const struct cg_finding *
cg_decision_get0(const struct cg_decision *decision, size_t i)
{
    return &decision->findings[i];
}

const struct cg_cert *
cg_decision_get0_cert(const struct cg_decision *decision)
{
    return decision->cert;
}

size_t
cg_decision_path_count(const struct cg_decision *decision)
{
    return decision->path_count;
}

const struct cg_cert *
cg_decision_path_get0(const struct cg_decision *decision, size_t i)
{
    return decision->path[i];
}

bool
cg_decision_anchored(const struct cg_decision *decision)
{
    return decision->anchored;
}

enum cg_revocation_status
cg_decision_revocation(const struct cg_decision *decision, size_t i)
{
    return (enum cg_revocation_status)decision->revocation[i];
}

int64_t
cg_decision_good_from(const struct cg_decision *decision)
{
    return decision->good.from;
}

int64_t
cg_decision_good_until(const struct cg_decision *decision)
{
    return decision->good.until;
}

unsigned
cg_decision_signatures(const struct cg_decision *decision)
{
    return decision->signatures;
}

unsigned
cg_decision_edges(const struct cg_decision *decision)
{
    return decision->edges;
}

const char *
cg_decision_trace(const struct cg_decision *decision)
{
    return decision->trace == NULL ? "" : decision->trace;
}

static const char *
outcome_name(enum cg_outcome outcome)
{
    static const char *const names[] = { "pass", "fail", "not-applicable", "undecided" };

    return names[outcome];
}

static void
member(struct cg_buf *buf, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    cg_buf_addf(buf, ",\"%s\":", name);
    cg_buf_add_json(buf, text);
}

static void
add_reason(struct cg_buf *buf, enum cg_reason reason)
{
    if (reason == CG_REASON_NONE)
        cg_buf_add(buf, "null");
    else
        cg_buf_add_json(buf, cg_reason_info(reason)->code);
}

static void
add_finding(struct cg_buf *buf, const struct cg_finding *finding, bool all)
{
    cg_buf_addf(buf,
            "{\"check\":\"%s\",\"outcome\":\"%s\",\"reason\":", cg_check_info(finding->check)->id,
            outcome_name(finding->outcome));
    add_reason(buf, finding->reason);
    member(buf, "certificate", finding->certificate);
    member(buf, "found", finding->found);
    member(buf, "wanted", finding->wanted);
    member(buf, "remedy", finding->remedy);
    member(buf, "note", finding->note);
    if (finding->allowed)
        member(buf, "allowance", cg_allowance_name(finding->allowance));
    if (all)
        cg_buf_addf(buf, ",\"enforced\":%s", finding->enforced ? "true" : "false");
    cg_buf_add(buf, "}");
}

static void
add_findings(struct cg_buf *buf, const struct cg_decision *decision, bool all)
{
    bool first = true;

    cg_buf_add(buf, ",\"findings\":[");
    for (size_t i = 0; i < decision->count; i++) {
        if (!all && !decision->findings[i].enforced)
            continue;
        cg_buf_add(buf, first ? "" : ",");
        add_finding(buf, &decision->findings[i], all);
        first = false;
    }
    cg_buf_add(buf, "]");
}

/* Each that was needed, once. */
static void
add_allowances(struct cg_buf *buf, const struct cg_decision *decision)
{
    const char *comma = "";
    unsigned needed = 0;

    for (size_t i = 0; i < decision->count; i++)
        if (decision->findings[i].enforced && decision->findings[i].allowed)
            needed |= 1u << decision->findings[i].allowance;
    cg_buf_add(buf, ",\"allowances\":[");
    for (unsigned i = 0; i < CG_ALLOWANCES; i++) {
        if ((needed >> i & 1u) == 0)
            continue;
        cg_buf_add(buf, comma);
        cg_buf_add_json(buf, cg_allowance_name((enum cg_allowance)i));
        comma = ",";
    }
    cg_buf_add(buf, "]");
}

/* The verdict at all six levels: who would be refused if the level were another one. */
static void
add_levels(struct cg_buf *buf, const struct cg_decision *decision)
{
    enum cg_reason reason;
    enum cg_verdict verdict;

    if (!cg_decision_knows_levels(decision))
        return;
    cg_buf_add(buf, ",\"levels\":{");
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        verdict = cg_decision_at_level(decision, (enum cg_level)level, &reason);
        cg_buf_addf(buf, "%s\"%s\":{\"verdict\":\"%s\",\"reason\":", level == 0 ? "" : ",",
                cg_level_name((enum cg_level)level), verdict == CG_ACCEPT ? "accept" : "reject");
        add_reason(buf, reason);
        cg_buf_add(buf, "}");
    }
    cg_buf_add(buf, "}");
}

static void
add_cert(struct cg_buf *buf, const struct cg_cert *cert)
{
    char *json = cg_cert_json(cert);

    if (json == NULL)
        buf->failed = true;
    else
        cg_buf_add(buf, json);
    free(json);
}

static void
add_path(struct cg_buf *buf, const struct cg_decision *decision)
{
    cg_buf_add(buf, ",\"path\":[");
    for (size_t i = 0; i < decision->path_count; i++) {
        char *subject = cg_cert_text(decision->path[i], CG_FIELD_SUBJECT);
        char *sha256 = cg_cert_text(decision->path[i], CG_FIELD_SHA256);
        char *until = cg_cert_text(decision->path[i], CG_FIELD_NOT_AFTER);

        if (subject == NULL || sha256 == NULL || until == NULL) {
            buf->failed = true;
        } else {
            cg_buf_add(buf, i == 0 ? "{\"subject\":" : ",{\"subject\":");
            cg_buf_add_json(buf, subject);
            cg_buf_addf(buf, ",\"sha256\":\"%s\",\"not_after\":\"%s\"}", sha256, until);
        }
        free(subject);
        free(sha256);
        free(until);
    }
    cg_buf_addf(buf, "],\"anchored\":%s", decision->anchored ? "true" : "false");
}

/* The search as it is printed, line by line. */
static void
add_trace(struct cg_buf *buf, const char *trace)
{
    struct cg_buf line;

    cg_buf_add(buf, ",\"trace\":[");
    for (bool first = true; *trace != '\0'; first = false) {
        size_t len = strcspn(trace, "\n");

        cg_buf_init(&line, CG_MAX_TRACE_BYTES);
        cg_buf_add_bytes(&line, trace, len);
        cg_buf_add(buf, first ? "" : ",");
        cg_buf_add_json(buf, cg_buf_text(&line));
        buf->failed = buf->failed || line.failed;
        cg_buf_release(&line);
        trace += len + (trace[len] == '\n' ? 1 : 0);
    }
    cg_buf_add(buf, "]");
}

static char *
render(const struct cg_decision *decision, bool all)
{
    struct cg_buf buf;

    cg_buf_init(&buf, MAX_JSON);
    cg_buf_addf(&buf, "\"verdict\":\"%s\",\"level\":\"%s\",\"latched\":%s,\"reason\":",
            decision->verdict == CG_ACCEPT ? "accept" : "reject", cg_level_name(decision->level),
            decision->latched ? "true" : "false");
    add_reason(&buf, decision->reason);
    if (decision->reason != CG_REASON_NONE && cg_reason_info(decision->reason)->alert >= 0)
        cg_buf_addf(&buf, ",\"alert\":%d", cg_reason_info(decision->reason)->alert);
    if (decision->detail != NULL)
        member(&buf, "detail", decision->detail);
    if (decision->reason != CG_REASON_NONE)
        member(&buf, "remedy", cg_reason_info(decision->reason)->remedy);
    add_allowances(&buf, decision);
    add_findings(&buf, decision, all);
    if (decision->cert != NULL) {
        add_levels(&buf, decision);
        cg_buf_add(&buf, ",\"certificate\":");
        add_cert(&buf, decision->cert);
        add_path(&buf, decision);
    }
    if (decision->trace != NULL)
        add_trace(&buf, decision->trace);
    return cg_buf_take(&buf);
}

static bool
set_once(char **place, char *text)
{
    char *empty = NULL;

    return __atomic_compare_exchange_n(
            place, &empty, text, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/*
 * A remembered decision is written as often as its peer comes back, in the same words: they are kept with
 * it from the second time on. Whoever else renders it meanwhile has the same text, and one is thrown away.
 */
char *
cg_decision_json_members(const struct cg_decision *decision)
{
    struct cg_decision *mine = (struct cg_decision *)(uintptr_t)decision;
    char *text = __atomic_load_n(&mine->members, __ATOMIC_ACQUIRE), *copy;

    if (text != NULL)
        return strdup(text);
    text = render(decision, false);
    if (text == NULL || !__atomic_exchange_n(&mine->asked, true, __ATOMIC_RELAXED) ||
            strlen(text) > CG_MAX_REMEMBERED_BYTES)
        return text;
    copy = strdup(text);
    if (copy != NULL && !set_once(&mine->members, copy))
        free(copy);
    return text;
}

char *
cg_decision_json_all_members(const struct cg_decision *decision)
{
    return render(decision, true);
}
