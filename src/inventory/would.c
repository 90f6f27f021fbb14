#include "inventory/would.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/reader.h"
#include "snapshot/policy.h"

/* One of the two settings, with what was last looked up in them: rows come in order of their places. */
struct scene {
    const struct snapshot *snapshot;
    struct cg_store *store;
    char interface[SNAPSHOT_NAME_SIZE], class[SNAPSHOT_NAME_SIZE];
    bool looked_up;
    const struct snapshot_rules *rules; /* NULL: there is no such place, or it is shut */
    struct cg_policy *policy;
    bool phone;
};

/* How the trust store of then is to that of now. */
enum trust { TRUST_SAME, TRUST_GROWN, TRUST_OTHER };

struct work {
    struct inventory *inventory;
    const struct would_query *query;
    struct cg_engine *engine;
    struct scene now, then;
    enum trust trust;
    bool same_identities; /* whose certificates nobody else may show */
    would_visit *visit;
    void *arg;
    struct would_counts *counts;
    enum cg_status status;
    struct cg_error *err;
    uint8_t chain[INVENTORY_MAX_CHAIN_BYTES];
    /* of would_one() */
    const char *only;
    struct would_verdict *answer;
    bool answered;
};

/* ---- places ------------------------------------------------------------------------------------ */

/* Peers of an interface whose ports are all shut, or speak no TLS, show no certificate to anybody. */
static bool
is_open(const struct snapshot_interface *it)
{
    if (it->role == CG_ROLE_OUTBOUND)
        return it->listen_count != 0;
    for (size_t i = 0; i < it->listen_count; i++)
        if (!it->listen[i].plain)
            return true;
    return false;
}

static const struct snapshot_interface *
find_interface(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->interface_count; i++)
        if (strcmp(snapshot->interfaces[i].name, name) == 0)
            return is_open(&snapshot->interfaces[i]) ? &snapshot->interfaces[i] : NULL;
    return NULL;
}

static void
find_rules(struct scene *scene, const struct snapshot_interface *it, const char *class)
{
    scene->rules = NULL;
    scene->phone = false;
    for (size_t i = 0; it != NULL && i < it->class_count; i++) {
        if (strcmp(it->classes[i].name, class) == 0) {
            scene->rules = &it->classes[i].rules;
            return;
        }
    }
    /* Whoever is of no trunk and no line, or no more. */
    if (it != NULL && it->others) {
        scene->rules = &it->rules;
        scene->phone = it->phones;
    }
}

static enum cg_status
look_up(struct scene *scene, const struct inventory_peer *peer, struct cg_error *err)
{
    const struct snapshot_interface *it;

    if (scene->looked_up && strcmp(scene->interface, peer->interface) == 0 &&
            strcmp(scene->class, peer->class) == 0)
        return CG_OK;
    cg_policy_free(scene->policy);
    scene->policy = NULL;
    scene->looked_up = true;
    (void)snprintf(scene->interface, sizeof(scene->interface), "%s", peer->interface);
    (void)snprintf(scene->class, sizeof(scene->class), "%s", peer->class);
    it = find_interface(scene->snapshot, peer->interface);
    find_rules(scene, it, peer->class);
    return scene->rules == NULL
            ? CG_OK
            : snapshot_policy(scene->snapshot, it, scene->rules, &scene->policy, err);
}

/* ---- from the certificates --------------------------------------------------------------------- */

/* The certificates that were sent; the number, 0 where they are not known. */
static size_t
read_chain(struct work *work, const struct inventory_peer *peer,
        struct cg_span certs[CG_MAX_CHAIN_CERTS])
{
    struct cg_reader reader;
    size_t len, count = 0;
    uint8_t tag;

    work->status = inventory_chain(work->inventory, peer->sha256, work->chain, &len, work->err);
    if (work->status != CG_OK)
        return 0;
    reader = cg_reader(cg_span(work->chain, len));
    while (!cg_reader_done(&reader)) {
        if (count == CG_MAX_CHAIN_CERTS || !cg_der_any(&reader, &tag, NULL, &certs[count++]))
            return 0;
    }
    return count;
}

static enum cg_status
evaluate(const struct work *work, const struct scene *scene, const struct cg_peer *peer,
        struct would_side *out)
{
    struct cg_decision *decision = NULL;
    enum cg_status status;

    out->known = true;
    if (scene->rules == NULL) {
        out->closed = true;
        out->reason = CG_REASON_CLASS_UNKNOWN;
        return CG_OK;
    }
    out->level = scene->rules->level;
    status = cg_evaluate(work->engine, scene->store, scene->policy, peer, &decision, work->err);
    if (status == CG_OK) {
        out->reason = cg_decision_reason(decision);
        out->by_allowance = cg_decision_by_allowance(decision);
    }
    cg_decision_free(decision);
    return status;
}

static enum cg_status
by_certificates(const struct work *work, const struct inventory_peer *peer,
        const struct cg_span *certs, size_t count, struct would_verdict *out)
{
    const uint8_t *chain[CG_MAX_CHAIN_CERTS];
    size_t lens[CG_MAX_CHAIN_CERTS];
    char address[64];
    struct cg_peer asked = { .leaf = certs[0].data,
        .leaf_len = certs[0].len,
        .chain = chain,
        .chain_len = lens,
        .chain_count = count - 1,
        .now = work->query->at,
        .address = address };
    enum cg_status status;

    for (size_t i = 1; i < count; i++) {
        chain[i - 1] = certs[i].data;
        lens[i - 1] = certs[i].len;
    }
    journal_peer_address(peer->peer, address, sizeof(address));
    if (address[0] == '\0' || strcmp(address, "unix") == 0)
        asked.address = NULL;
    out->from_certificates = true;
    asked.phone = work->now.phone;
    status = evaluate(work, &work->now, &asked, &out->now);
    asked.phone = work->then.phone;
    return status != CG_OK ? status : evaluate(work, &work->then, &asked, &out->then);
}

/* ---- from the verdicts at the six levels --------------------------------------------------------- */

static bool
same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && a_count == b_count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return a_count == b_count;
}

/* A new field belongs here: a forgotten one makes another question look like a question of levels. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct snapshot_rules) == 128,
        "would_rules_alike() does not know every field of struct snapshot_rules");

bool
would_rules_alike(const struct snapshot_rules *a, const struct snapshot_rules *b)
{
    for (size_t i = 0; i < a->allowance_count && a->allowance_count == b->allowance_count; i++)
        if (a->allowances[i].allowance != b->allowances[i].allowance ||
                a->allowances[i].until != b->allowances[i].until)
            return false;
    return a->allowance_count == b->allowance_count && a->latched == b->latched &&
            a->ca_eku == b->ca_eku && a->partial_chain == b->partial_chain &&
            a->max_depth == b->max_depth &&
            same_texts(a->names, a->name_count, b->names, b->name_count) &&
            same_texts(a->sip_domains, a->sip_domain_count, b->sip_domains, b->sip_domain_count);
}

/* Who is admitted by an administrator is the same in both. */
static bool
same_pins(const struct snapshot_rules *a, const struct snapshot_rules *b)
{
    for (size_t i = 0; i < a->pin_count && a->pin_count == b->pin_count; i++)
        if (a->pins[i].until != b->pins[i].until ||
                memcmp(a->pins[i].sha256, b->pins[i].sha256, CG_SHA256_SIZE) != 0)
            return false;
    return a->pin_count == b->pin_count;
}

/* Nothing that peers of this place are judged by is another. */
static bool
same_place(const struct work *work)
{
    const struct snapshot_rules *now = work->now.rules, *then = work->then.rules;

    if (now == NULL || then == NULL)
        return now == then;
    return work->trust == TRUST_SAME && work->same_identities && now->level == then->level &&
            now->checks == then->checks && work->now.phone == work->then.phone &&
            would_rules_alike(now, then) && same_pins(now, then);
}

/* An administrator admits it; what refuses in spite of that is not overlooked. */
static bool
is_pinned(const struct work *work, const struct snapshot_rules *rules,
        const struct inventory_peer *peer, enum cg_reason reason)
{
    struct cg_buf hex;
    bool pinned = false;

    if (reason == CG_REASON_REFLECTED)
        return false;
    cg_buf_init(&hex, 2 * CG_SHA256_SIZE + 1);
    for (size_t i = 0; i < rules->pin_count && !pinned; i++) {
        cg_buf_drop(&hex, hex.len);
        cg_buf_add_hex(&hex, cg_span(rules->pins[i].sha256, CG_SHA256_SIZE), false);
        pinned = work->query->at <= rules->pins[i].until &&
                strcmp(cg_buf_text(&hex), peer->sha256) == 0;
    }
    cg_buf_release(&hex);
    return pinned;
}

static struct would_side
recorded(const struct work *work, const struct scene *scene, const struct inventory_peer *peer)
{
    struct would_side side = { .known = true };

    if (scene->rules == NULL) {
        side.closed = true;
        side.reason = CG_REASON_CLASS_UNKNOWN;
        return side;
    }
    side.level = scene->rules->level;
    side.known = side.level < CG_LEVEL_COUNT && peer->at[side.level].known;
    if (side.known)
        side.reason = peer->at[side.level].reason;
    if (peer->not_after < work->query->at) {
        side.known = true;
        side.reason = CG_REASON_EXPIRED;
    }
    if (side.known && side.reason != CG_REASON_NONE &&
            is_pinned(work, scene->rules, peer, side.reason)) {
        side.reason = CG_REASON_NONE;
        side.by_allowance = true;
    }
    return side;
}

static void
by_verdicts(const struct work *work, const struct inventory_peer *peer, struct would_verdict *out)
{
    const struct snapshot_rules *now = work->now.rules, *then = work->then.rules;
    bool alike;

    out->now = recorded(work, &work->now, peer);
    if (!out->now.known) { /* then the last that was seen of it */
        out->now.known = true;
        out->now.reason = CG_REASON_INTERNAL_ERROR;
        if (peer->accepted || !cg_reason_from_code(peer->reason, &out->now.reason))
            out->now.reason = peer->accepted ? CG_REASON_NONE : out->now.reason;
    }
    out->then = recorded(work, &work->then, peer);
    if (now == NULL || then == NULL || out->then.reason == CG_REASON_EXPIRED)
        return;
    alike = would_rules_alike(now, then) &&
            (now->level < CG_LEVEL_COUNT || now->checks == then->checks);
    if (alike && now->level == then->level && out->now.known && out->now.reason == CG_REASON_NONE &&
            !out->now.by_allowance && work->trust != TRUST_OTHER) {
        out->then = out->now; /* more trust refuses nobody */
        return;
    }
    if (!alike || work->trust == TRUST_OTHER)
        out->then.known = out->then.known && out->then.by_allowance;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

static void
judge(struct work *work, const struct inventory_peer *peer, struct would_verdict *out)
{
    struct cg_span certs[CG_MAX_CHAIN_CERTS];
    unsigned most = work->query->most_judged == 0 ? WOULD_MAX_JUDGED : work->query->most_judged;
    size_t count = 0;

    *out = (struct would_verdict) { .from_certificates = false };
    if (work->counts->judged < most)
        count = read_chain(work, peer, certs);
    if (work->status != CG_OK)
        return;
    work->counts->judged += count != 0;
    if (count != 0)
        work->status = by_certificates(work, peer, certs, count, out);
    else
        by_verdicts(work, peer, out);
}

static bool
look_up_both(struct work *work, const struct inventory_peer *peer)
{
    work->status = look_up(&work->now, peer, work->err);
    if (work->status == CG_OK)
        work->status = look_up(&work->then, peer, work->err);
    return work->status == CG_OK;
}

/* False where nothing changes, as far as is known. */
static bool
kind_of(const struct would_verdict *verdict, enum would_kind *out)
{
    const struct would_side *now = &verdict->now, *then = &verdict->then;
    const bool admitted = now->reason == CG_REASON_NONE;

    if (!now->known || !then->known) {
        *out = WOULD_UNSURE;
        return admitted; /* of who is refused now nothing gets worse */
    }
    *out = admitted ? WOULD_REFUSE : WOULD_ADMIT;
    return admitted != (then->reason == CG_REASON_NONE);
}

static bool
visit_peer(void *arg, const struct inventory_peer *peer)
{
    struct work *work = arg;
    struct would_counts *counts = work->counts;
    struct would_verdict verdict;
    enum would_kind kind;

    if (!look_up_both(work, peer))
        return false;
    if (work->now.rules == NULL || same_place(work))
        return true; /* nobody comes there now, or it all stays as it is */
    judge(work, peer, &verdict);
    if (work->status != CG_OK)
        return false;
    counts->seen++;
    counts->expired += verdict.now.known && verdict.now.reason == CG_REASON_EXPIRED;
    counts->latched +=
            work->now.rules->latched && work->then.rules != NULL && !work->then.rules->latched;
    if (!kind_of(&verdict, &kind))
        return true;
    counts->refused += kind == WOULD_REFUSE;
    counts->admitted += kind == WOULD_ADMIT;
    counts->unsure += kind == WOULD_UNSURE;
    return work->visit(work->arg, kind, peer, &verdict);
}

/* The answer that would keep the peer out, where it came as more than one kind. */
static bool
visit_one(void *arg, const struct inventory_peer *peer)
{
    struct work *work = arg;
    struct would_verdict verdict;

    if (strcmp(peer->sha256, work->only) != 0)
        return true;
    if (look_up_both(work, peer))
        judge(work, peer, &verdict);
    if (work->status != CG_OK)
        return false;
    if (!work->answered ||
            (work->answer->then.known && work->answer->then.reason == CG_REASON_NONE))
        *work->answer = verdict;
    work->answered = true;
    return true;
}

static bool
same_blobs(const struct snapshot *a, const struct snapshot *b)
{
    if (a->tcs_count != b->tcs_count)
        return false;
    for (size_t i = 0; i < a->tcs_count; i++)
        if (!cg_span_equal(
                    cg_span(a->tcs[i].data, a->tcs[i].len), cg_span(b->tcs[i].data, b->tcs[i].len)))
            return false;
    return true;
}

/* The certificates that we show ourselves. */
static bool
same_identities(const struct snapshot *a, const struct snapshot *b)
{
    if (a->identity_count != b->identity_count)
        return false;
    for (size_t i = 0; i < a->identity_count; i++) {
        const struct snapshot_identity *one = &a->identities[i], *other = &b->identities[i];

        if (one->chain_count == 0 || other->chain_count == 0 ||
                !cg_span_equal(cg_span(one->chain[0].data, one->chain[0].len),
                        cg_span(other->chain[0].data, other->chain[0].len)))
            return false;
    }
    return true;
}

static enum trust
compare_trust(const struct cg_store *now, const struct cg_store *then)
{
    if (memcmp(cg_store_get0_digest(now), cg_store_get0_digest(then), CG_SHA256_SIZE) == 0)
        return TRUST_SAME;
    for (size_t i = 0; i < cg_store_count(now); i++)
        if (!cg_store_contains(then, cg_store_get0_sha256(now, i)))
            return TRUST_OTHER;
    return TRUST_GROWN;
}

static enum cg_status
walk(struct work *work, inventory_visit *visit)
{
    const struct would_query *query = work->query;
    const struct inventory_query rows = { .interfaces = query->interfaces,
        .interface_count = query->interface_count,
        .since = query->since,
        .expires_by = INT64_MAX };
    enum cg_status status;

    work->now.snapshot = query->now;
    work->then.snapshot = query->then;
    work->same_identities = same_identities(query->now, query->then);
    work->engine = cg_engine_new();
    status = work->engine == NULL ? cg_fail(work->err, CG_E_NOMEM, "no memory")
                                  : snapshot_store(query->now, &work->now.store, work->err);
    if (status == CG_OK && same_blobs(query->now, query->then))
        work->then.store = cg_store_ref(work->now.store);
    else if (status == CG_OK)
        status = snapshot_store(query->then, &work->then.store, work->err);
    if (status == CG_OK) {
        work->trust = compare_trust(work->now.store, work->then.store);
        status = inventory_each(work->inventory, &rows, visit, work, work->err);
    }
    if (status == CG_OK)
        status = work->status;
    cg_policy_free(work->now.policy);
    cg_policy_free(work->then.policy);
    cg_store_free(work->now.store);
    cg_store_free(work->then.store);
    cg_engine_free(work->engine);
    return status;
}

enum cg_status
would_each(struct inventory *inventory, const struct would_query *query, would_visit *visit,
        void *arg, struct would_counts *counts, struct cg_error *err)
{
    struct work *work = calloc(1, sizeof(*work));
    enum cg_status status;

    *counts = (struct would_counts) { .seen = 0 };
    if (work == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory");
    work->inventory = inventory;
    work->query = query;
    work->visit = visit;
    work->arg = arg;
    work->counts = counts;
    work->err = err;
    status = walk(work, visit_peer);
    free(work);
    return status;
}

enum cg_status
would_one(struct inventory *inventory, const struct would_query *query, const char *interface,
        const char *sha256, struct would_verdict *out, bool *found, struct cg_error *err)
{
    struct would_query there = *query;
    struct would_counts counts = { .seen = 0 };
    struct work *work = calloc(1, sizeof(*work));
    enum cg_status status;

    *found = false;
    *out = (struct would_verdict) { .from_certificates = false };
    if (work == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory");
    there.interfaces = &interface;
    there.interface_count = 1;
    there.since = INT64_MIN;
    work->inventory = inventory;
    work->query = &there;
    work->counts = &counts;
    work->err = err;
    work->only = sha256;
    work->answer = out;
    status = walk(work, visit_one);
    *found = work->answered;
    free(work);
    return status;
}
