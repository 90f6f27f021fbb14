#include "x509/policies.h"

#include "base/reader.h"

#define ANY_POLICY "\x55\x1d\x20\x00"

/*
 * A level of the valid policy graph. Since the initial policy set is any-policy, all that is ever asked
 * is whether the level is empty, so the levels above need not be kept; and a node with several
 * expected policies is several pairs.
 */
struct pair {
    struct cg_span valid;
    struct cg_span expected;
};

struct level {
    struct pair pairs[CG_MAX_POLICY_NODES];
    size_t count;
    bool full;
};

struct state {
    struct level levels[2]; /* of the certificate before and of this one, in turns */
    struct level *now;
    struct level *next;
    size_t explicit_policy;
    size_t policy_mapping;
    size_t inhibit_any;
};

struct constraints {
    bool has_explicit;
    uint32_t explicit_policy;
    bool has_mapping;
    uint32_t mapping;
};

static bool
is_any(struct cg_span policy)
{
    return CG_SPAN_IS(policy, ANY_POLICY);
}

static void
add(struct level *level, struct cg_span valid, struct cg_span expected)
{
    for (size_t i = 0; i < level->count; i++)
        if (cg_span_equal(level->pairs[i].valid, valid) &&
                cg_span_equal(level->pairs[i].expected, expected))
            return;
    if (level->count == CG_MAX_POLICY_NODES) {
        level->full = true;
        return;
    }
    level->pairs[level->count++] = (struct pair) { valid, expected };
}

static bool
has_valid(const struct level *level, struct cg_span policy)
{
    for (size_t i = 0; i < level->count; i++)
        if (cg_span_equal(level->pairs[i].valid, policy))
            return true;
    return false;
}

static bool
has_expected(const struct level *level, struct cg_span policy)
{
    for (size_t i = 0; i < level->count; i++)
        if (cg_span_equal(level->pairs[i].expected, policy))
            return true;
    return false;
}

static bool
enter_extension(const struct cg_cert *cert, enum cg_extension_id id, struct cg_reader *inside)
{
    const struct cg_extension *extension = cg_cert_extension(cert, id);
    struct cg_reader reader;

    *inside = (struct cg_reader) { 0 };
    if (extension == NULL)
        return false;
    reader = cg_reader(extension->value);
    return cg_der_enter(&reader, CG_DER_SEQUENCE, inside) && cg_reader_done(&reader);
}

static bool
next_policy(struct cg_reader *reader, struct cg_span *policy)
{
    struct cg_reader inside, qualifiers, qualifier;
    struct cg_span id;

    if (!cg_der_enter(reader, CG_DER_SEQUENCE, &inside) || !cg_der_oid(&inside, policy))
        return false;
    if (cg_reader_done(&inside))
        return true;
    if (!cg_der_enter(&inside, CG_DER_SEQUENCE, &qualifiers) || cg_reader_done(&qualifiers))
        return false;
    while (!cg_reader_done(&qualifiers))
        if (!cg_der_enter(&qualifiers, CG_DER_SEQUENCE, &qualifier) || !cg_der_oid(&qualifier, &id))
            return false;
    return cg_reader_done(&inside);
}

static bool
next_mapping(struct cg_reader *reader, struct cg_span *issuer, struct cg_span *subject)
{
    struct cg_reader inside;

    return cg_der_enter(reader, CG_DER_SEQUENCE, &inside) && cg_der_oid(&inside, issuer) &&
            cg_der_oid(&inside, subject) && cg_reader_done(&inside);
}

/* Section 4.2.1.4: at least one, none twice. */
static bool
policies_well_formed(const struct cg_cert *cert)
{
    struct cg_reader reader;
    struct cg_span policies[CG_MAX_POLICIES];
    size_t count = 0;

    if (!enter_extension(cert, CG_EXT_CERTIFICATE_POLICIES, &reader))
        return false;
    while (!cg_reader_done(&reader)) {
        if (count == CG_MAX_POLICIES || !next_policy(&reader, &policies[count]))
            return false;
        for (size_t i = 0; i < count; i++)
            if (cg_span_equal(policies[i], policies[count]))
                return false;
        count++;
    }
    return count != 0;
}

/* Section 4.2.1.5: at least one, anyPolicy on neither side. */
static bool
mappings_well_formed(const struct cg_cert *cert)
{
    struct cg_span issuer, subject;
    struct cg_reader reader;
    size_t count = 0;

    if (!enter_extension(cert, CG_EXT_POLICY_MAPPINGS, &reader))
        return false;
    while (!cg_reader_done(&reader))
        if (count++ == CG_MAX_POLICIES || !next_mapping(&reader, &issuer, &subject) ||
                is_any(issuer) || is_any(subject))
            return false;
    return count != 0;
}

/* Section 4.2.1.11: not an empty sequence. */
static bool
read_constraints(const struct cg_cert *cert, struct constraints *out)
{
    struct cg_reader reader;

    *out = (struct constraints) { 0 };
    if (!enter_extension(cert, CG_EXT_POLICY_CONSTRAINTS, &reader))
        return false;
    if (cg_der_next_is(&reader, CG_DER_CONTEXT | 0)) {
        out->has_explicit = true;
        if (!cg_der_small_uint(&reader, CG_DER_CONTEXT | 0, &out->explicit_policy))
            return false;
    }
    if (cg_der_next_is(&reader, CG_DER_CONTEXT | 1)) {
        out->has_mapping = true;
        if (!cg_der_small_uint(&reader, CG_DER_CONTEXT | 1, &out->mapping))
            return false;
    }
    return cg_reader_done(&reader) && (out->has_explicit || out->has_mapping);
}

static bool
constraints_well_formed(const struct cg_cert *cert)
{
    struct constraints constraints;

    return read_constraints(cert, &constraints);
}

static bool
read_inhibit_any(const struct cg_cert *cert, uint32_t *skip)
{
    const struct cg_extension *extension = cg_cert_extension(cert, CG_EXT_INHIBIT_ANY_POLICY);
    struct cg_reader reader;

    if (extension == NULL)
        return false;
    reader = cg_reader(extension->value);
    return cg_der_small_uint(&reader, CG_DER_INTEGER, skip) && cg_reader_done(&reader);
}

static bool
inhibit_any_well_formed(const struct cg_cert *cert)
{
    uint32_t skip;

    return read_inhibit_any(cert, &skip);
}

bool
cg_policies_well_formed(const struct cg_cert *cert, struct cg_span *where)
{
    static const struct {
        enum cg_extension_id id;
        bool (*well_formed)(const struct cg_cert *cert);
    } rows[] = {
        { CG_EXT_CERTIFICATE_POLICIES, policies_well_formed },
        { CG_EXT_POLICY_MAPPINGS, mappings_well_formed },
        { CG_EXT_POLICY_CONSTRAINTS, constraints_well_formed },
        { CG_EXT_INHIBIT_ANY_POLICY, inhibit_any_well_formed },
    };
    const struct cg_extension *extension;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        extension = cg_cert_extension(cert, rows[i].id);
        if (extension != NULL && !rows[i].well_formed(cert)) {
            *where = extension->oid;
            return false;
        }
    }
    return true;
}

/* Section 6.1.3 (d) and (e); last: this is the received certificate. */
static void
process_policies(struct state *state, const struct cg_cert *cert, bool last)
{
    struct level *before = state->now, *level = state->next;
    struct cg_reader list, again;
    struct cg_span policy;
    bool any = false;

    level->count = 0;
    if (before->count != 0 && enter_extension(cert, CG_EXT_CERTIFICATE_POLICIES, &list)) {
        for (again = list; next_policy(&again, &policy);) {
            if (is_any(policy))
                any = true;
            /* (d)(1)(i), and (ii): what anyPolicy above stands for */
            else if (has_expected(before, policy) || has_valid(before, cg_span(ANY_POLICY, 4)))
                add(level, policy, policy);
        }
        /* (d)(2): anyPolicy here stands for all that is expected and was not named */
        if (any && (state->inhibit_any > 0 || (!last && cg_cert_is_self_issued(cert))))
            for (size_t i = 0; i < before->count; i++)
                if (!has_valid(level, before->pairs[i].expected))
                    add(level, before->pairs[i].expected, before->pairs[i].expected);
    }
    state->next = before;
    state->now = level;
}

/* Section 6.1.4 (b): what the issuer calls one way is expected the subject's way from here on. */
static void
process_mappings(struct state *state, const struct cg_cert *cert)
{
    struct level *before = state->now, *level = state->next;
    struct cg_span issuer, subject;
    struct cg_reader list, again;
    bool any = has_valid(before, cg_span(ANY_POLICY, 4));

    if (!enter_extension(cert, CG_EXT_POLICY_MAPPINGS, &list))
        return;
    level->count = 0;
    for (size_t i = 0; i < before->count; i++) {
        bool mapped = false;

        for (again = list; next_mapping(&again, &issuer, &subject);)
            mapped = mapped || cg_span_equal(issuer, before->pairs[i].valid);
        if (!mapped)
            add(level, before->pairs[i].valid, before->pairs[i].expected);
    }
    for (again = list; state->policy_mapping > 0 && next_mapping(&again, &issuer, &subject);)
        if (any || has_valid(before, issuer))
            add(level, issuer, subject);
    state->next = before;
    state->now = level;
}

static void
count_down(size_t *counter)
{
    if (*counter != 0)
        --*counter;
}

static void
lower_to(size_t *counter, bool present, uint32_t value)
{
    if (present && value < *counter)
        *counter = value;
}

/* Section 6.1.4 (a), (b), (h) to (j): from a CA's certificate to what it issued. */
static void
prepare_for_next(struct state *state, const struct cg_cert *cert)
{
    struct constraints constraints = { 0 };
    uint32_t skip = 0;

    process_mappings(state, cert);
    if (!cg_cert_is_self_issued(cert)) {
        count_down(&state->explicit_policy);
        count_down(&state->policy_mapping);
        count_down(&state->inhibit_any);
    }
    if (read_constraints(cert, &constraints)) {
        lower_to(&state->explicit_policy, constraints.has_explicit, constraints.explicit_policy);
        lower_to(&state->policy_mapping, constraints.has_mapping, constraints.mapping);
    }
    if (read_inhibit_any(cert, &skip))
        lower_to(&state->inhibit_any, true, skip);
}

/* Explicit policies can only be asked for by policyConstraints: without any the graph is not needed. */
static bool
explicit_policy_possible(const struct cg_cert *const *certs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cg_cert_extension(certs[i], CG_EXT_POLICY_CONSTRAINTS) != NULL)
            return true;
    return false;
}

enum cg_policy_result
cg_policies_check(const struct cg_cert *const *certs, size_t count, size_t *failed)
{
    /* The anchor is no part of the path proper (section 6.1): n certificates, counted from below. */
    size_t n = count > 1 ? count - 1 : count;
    struct constraints constraints = { 0 };
    struct state state;

    *failed = 0;
    if (!explicit_policy_possible(certs, n))
        return CG_POLICY_OK;
    state.now = &state.levels[0];
    state.next = &state.levels[1];
    state.levels[0].count = state.levels[1].count = 0;
    state.levels[0].full = state.levels[1].full = false;
    add(state.now, cg_span(ANY_POLICY, 4), cg_span(ANY_POLICY, 4));
    state.explicit_policy = state.policy_mapping = state.inhibit_any = n + 1;
    for (size_t i = n; i-- > 0;) {
        *failed = i;
        process_policies(&state, certs[i], i == 0);
        if (state.levels[0].full || state.levels[1].full)
            return CG_POLICY_LIMIT;
        if (state.explicit_policy == 0 && state.now->count == 0)
            return CG_POLICY_REQUIRED;
        if (i != 0)
            prepare_for_next(&state, certs[i]);
        if (state.levels[0].full || state.levels[1].full)
            return CG_POLICY_LIMIT;
    }
    /* Section 6.1.5 (a), (b), (g) */
    count_down(&state.explicit_policy);
    if (read_constraints(certs[0], &constraints))
        lower_to(&state.explicit_policy,
                constraints.has_explicit && constraints.explicit_policy == 0, 0);
    return state.explicit_policy == 0 && state.now->count == 0 ? CG_POLICY_REQUIRED : CG_POLICY_OK;
}
