#include "decision/policy.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "x509/engine.h"

/* What a policy's digest is made of: the names' texts, and what is known of each admitted certificate. */
#define MAX_DIGESTED (64 * 1024 + CG_MAX_ADMITTED * (CG_SHA256_SIZE + 16 + CG_MAX_NOTE))

/* Of digest_state: not made, being made by some thread, there to be read. */
enum { DIGEST_UNMADE, DIGEST_BEING_MADE, DIGEST_MADE };

/* Every setter's last word: what was known of the policy is void. */
static void
changed(struct cg_policy *policy)
{
    policy->digest_state = DIGEST_UNMADE;
}

static cg_check_set
revocation_bit(const struct cg_policy *policy)
{
    return policy->revocation == CG_REVOCATION_OFF ? 0 : 1u << CG_CHECK_REVOCATION;
}

struct cg_policy *
cg_policy_new(void)
{
    struct cg_policy *policy = calloc(1, sizeof(*policy));

    if (policy == NULL)
        return NULL;
    cg_policy_set_level(policy, CG_LEVEL_MEDIUM);
    policy->require_certificate = true;
    policy->max_depth = CG_DEFAULT_PATH_DEPTH;
    return policy;
}

void
cg_policy_free(struct cg_policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->sip_domain_count; i++)
        free(policy->sip_domains[i]);
    for (size_t i = 0; i < policy->identity_count; i++)
        cg_cert_free(policy->identities[i]);
    for (size_t i = 0; i < policy->admitted_count; i++)
        free(policy->admitted[i].reason);
    free(policy->admitted);
    free(policy);
}

void
cg_policy_set_level(struct cg_policy *policy, enum cg_level level)
{
    policy->level = level;
    policy->checks = cg_level_info(level)->checks | revocation_bit(policy);
    changed(policy);
}

void
cg_policy_set_checks(struct cg_policy *policy, cg_check_set checks)
{
    policy->level = CG_LEVEL_CUSTOM;
    if ((checks >> CG_CHECK_REVOCATION & 1u) != 0 && policy->revocation == CG_REVOCATION_OFF)
        policy->revocation = CG_REVOCATION_HARD;
    policy->checks = checks | revocation_bit(policy);
    changed(policy);
}

void
cg_policy_set_revocation(struct cg_policy *policy, enum cg_revocation_mode mode)
{
    policy->revocation = mode;
    policy->checks = (policy->checks & ~(1u << CG_CHECK_REVOCATION)) | revocation_bit(policy);
    changed(policy);
}

void
cg_policy_set_role(struct cg_policy *policy, enum cg_role role)
{
    policy->role = role;
    changed(policy);
}

void
cg_policy_set_service(struct cg_policy *policy, enum cg_service service)
{
    policy->service = service;
    changed(policy);
}

void
cg_policy_set_latched(struct cg_policy *policy, bool latched)
{
    policy->latched = latched;
    changed(policy);
}

void
cg_policy_set_ca_eku(struct cg_policy *policy, bool enforce)
{
    policy->ca_eku = enforce;
    changed(policy);
}

void
cg_policy_set_partial_chain(struct cg_policy *policy, bool allowed)
{
    policy->partial_chain = allowed;
    changed(policy);
}

void
cg_policy_set_require_certificate(struct cg_policy *policy, bool required)
{
    policy->require_certificate = required;
    changed(policy);
}

enum cg_status
cg_policy_set_max_depth(struct cg_policy *policy, unsigned depth, struct cg_error *err)
{
    if (depth > CG_MAX_PATH_DEPTH)
        return cg_fail(
                err, CG_E_LIMIT, "path depth %u, at most %d is possible", depth, CG_MAX_PATH_DEPTH);
    policy->max_depth = depth;
    changed(policy);
    return CG_OK;
}

void
cg_policy_allow(struct cg_policy *policy, enum cg_allowance allowance, int64_t until)
{
    policy->allowed[allowance] = true;
    policy->allowed_until[allowance] = until;
    changed(policy);
}

bool
cg_policy_allows(const struct cg_policy *policy, enum cg_allowance allowance, int64_t now)
{
    return policy->allowed[allowance] && now <= policy->allowed_until[allowance];
}

enum cg_status
cg_policy_add_name(struct cg_policy *policy, const char *name, struct cg_error *err)
{
    if (policy->name_count == CG_MAX_POLICY_NAMES)
        return cg_fail(err, CG_E_LIMIT, "more than %d names", CG_MAX_POLICY_NAMES);
    if (!cg_reference_parse(name, &policy->names[policy->name_count]))
        return cg_fail(err, CG_E_PARSE, "'%.100s' is neither a DNS name nor an IP address", name);
    policy->name_count++;
    changed(policy);
    return CG_OK;
}

enum cg_status
cg_policy_add_sip_domain(struct cg_policy *policy, const char *domain, struct cg_error *err)
{
    struct cg_reference checked;
    char *copy;

    if (policy->sip_domain_count == CG_MAX_POLICY_NAMES)
        return cg_fail(err, CG_E_LIMIT, "more than %d SIP domains", CG_MAX_POLICY_NAMES);
    if (!cg_reference_parse(domain, &checked))
        return cg_fail(err, CG_E_PARSE, "'%.100s' is not a SIP domain", domain);
    copy = strdup(checked.text);
    if (copy == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for a SIP domain");
    policy->sip_domains[policy->sip_domain_count++] = copy;
    changed(policy);
    return CG_OK;
}

enum cg_status
cg_policy_add_identity(
        struct cg_policy *policy, const struct cg_cert *identity, struct cg_error *err)
{
    if (policy->identity_count == CG_MAX_IDENTITIES)
        return cg_fail(err, CG_E_LIMIT, "more than %d identities", CG_MAX_IDENTITIES);
    policy->identities[policy->identity_count++] = cg_cert_ref(identity);
    changed(policy);
    return CG_OK;
}

/* Where it stands, or would. */
static size_t
place_of(const struct cg_policy *policy, const uint8_t sha256[CG_SHA256_SIZE], bool *found)
{
    size_t low = 0, high = policy->admitted_count;

    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(policy->admitted[middle].sha256, sha256, CG_SHA256_SIZE);

        *found = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

enum cg_status
cg_policy_admit(struct cg_policy *policy, const uint8_t sha256[CG_SHA256_SIZE], int64_t until,
        const char *reason, struct cg_error *err)
{
    struct cg_admitted admitted = { .until = until }, *grown;
    bool known;
    size_t at = place_of(policy, sha256, &known);

    if (!known && policy->admitted_count == CG_MAX_ADMITTED)
        return cg_fail(err, CG_E_LIMIT, "more than %d admitted certificates", CG_MAX_ADMITTED);
    memcpy(admitted.sha256, sha256, CG_SHA256_SIZE);
    admitted.reason = strndup(reason, CG_MAX_NOTE);
    grown = known ? policy->admitted
                  : realloc(policy->admitted, (policy->admitted_count + 1) * sizeof(*grown));
    if (grown != NULL)
        policy->admitted = grown;
    if (grown == NULL || admitted.reason == NULL) {
        free(admitted.reason);
        return cg_fail(err, CG_E_NOMEM, "no memory for an admitted certificate");
    }
    if (known)
        free(grown[at].reason);
    else
        memmove(&grown[at + 1], &grown[at], (policy->admitted_count++ - at) * sizeof(*grown));
    grown[at] = admitted;
    changed(policy);
    return CG_OK;
}

const struct cg_admitted *
cg_policy_admitted(const struct cg_policy *policy, const uint8_t sha256[CG_SHA256_SIZE])
{
    bool found;
    size_t at = place_of(policy, sha256, &found);

    return found ? &policy->admitted[at] : NULL;
}

enum cg_level
cg_policy_level(const struct cg_policy *policy)
{
    return policy->level;
}

cg_check_set
cg_policy_checks(const struct cg_policy *policy)
{
    return policy->checks;
}

enum cg_revocation_mode
cg_policy_revocation(const struct cg_policy *policy)
{
    return policy->revocation;
}

bool
cg_policy_latched(const struct cg_policy *policy)
{
    return policy->latched;
}

static void
add_number(struct cg_buf *buf, int64_t number)
{
    cg_buf_add_bytes(buf, &number, sizeof(number));
}

static void
add_text(struct cg_buf *buf, const char *text)
{
    size_t len = strlen(text);

    add_number(buf, (int64_t)len);
    cg_buf_add_bytes(buf, text, len);
}

/* A new field of struct cg_policy belongs here first: a forgotten one makes old decisions look right. */
_Static_assert(sizeof(void *) != 8 || offsetof(struct cg_policy, digest_state) == 19296,
        "add_policy() does not know every field of struct cg_policy");

/* Everything that an evaluation can read from a policy, counts and lengths before what they count. */
static void
add_policy(struct cg_buf *buf, const struct cg_policy *policy)
{
    const int64_t numbers[] = { policy->level, policy->checks, policy->role, policy->service,
        policy->latched, policy->ca_eku, policy->partial_chain, policy->require_certificate,
        policy->revocation, policy->max_depth, (int64_t)policy->name_count,
        (int64_t)policy->sip_domain_count, (int64_t)policy->identity_count,
        (int64_t)policy->admitted_count };

    cg_buf_add_bytes(buf, numbers, sizeof(numbers));
    for (int i = 0; i < CG_ALLOW_COUNT; i++) {
        add_number(buf, policy->allowed[i]);
        add_number(buf, policy->allowed_until[i]);
    }
    for (size_t i = 0; i < policy->name_count; i++) {
        add_number(buf, policy->names[i].kind);
        add_text(buf, policy->names[i].text);
        add_number(buf, (int64_t)policy->names[i].address_len);
        cg_buf_add_bytes(buf, policy->names[i].address, policy->names[i].address_len);
    }
    for (size_t i = 0; i < policy->sip_domain_count; i++)
        add_text(buf, policy->sip_domains[i]);
    for (size_t i = 0; i < policy->identity_count; i++)
        cg_buf_add_bytes(buf, policy->identities[i]->sha256, CG_SHA256_SIZE);
    for (size_t i = 0; i < policy->admitted_count; i++) {
        cg_buf_add_bytes(buf, policy->admitted[i].sha256, CG_SHA256_SIZE);
        add_number(buf, policy->admitted[i].until);
        add_text(buf, policy->admitted[i].reason);
    }
}

/*
 * Threads may share a policy that is only read: the first makes the digest, those that come while it
 * does make their own copy.
 */
bool
cg_policy_digest(
        const struct cg_policy *policy, struct cg_engine *engine, uint8_t out[CG_SHA256_SIZE])
{
    struct cg_policy *mine = (struct cg_policy *)(uintptr_t)policy; /* only the digest changes */
    unsigned unmade = DIGEST_UNMADE;
    struct cg_buf buf;
    struct cg_span all;
    bool ok;

    if (__atomic_load_n(&mine->digest_state, __ATOMIC_ACQUIRE) == DIGEST_MADE) {
        memcpy(out, policy->digest, CG_SHA256_SIZE);
        return true;
    }
    cg_buf_init(&buf, MAX_DIGESTED);
    add_policy(&buf, policy);
    all = cg_span(buf.data, buf.len);
    ok = !buf.failed && cg_engine_sha256(engine, &all, 1, out);
    cg_buf_release(&buf);
    if (ok &&
            __atomic_compare_exchange_n(&mine->digest_state, &unmade, DIGEST_BEING_MADE, false,
                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        memcpy(mine->digest, out, CG_SHA256_SIZE);
        __atomic_store_n(&mine->digest_state, DIGEST_MADE, __ATOMIC_RELEASE);
    }
    return ok;
}
