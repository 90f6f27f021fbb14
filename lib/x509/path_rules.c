/* RFC 5280 section 6.1 on one certificate and on one step of a path. */
#include "x509/constraints.h"
#include "x509/crypto.h"
#include "x509/path_search.h"
#include "x509/policies.h"

/*
 * Which defects make a certificate unfit for any path, and for a received certificate. What is not here
 * is tolerated, with its reason in docs/decisions/0006-leniences.md.
 */
/* clang-format off */
static const struct {
    enum cg_defect defect;
    bool ca;
    bool leaf;
} unfit[] = {
    { CG_DEFECT_DUPLICATE_EXTENSION,  true, true },
    { CG_DEFECT_EXTENSIONS_BEFORE_V3, true, true },
    { CG_DEFECT_ALGORITHM_MISMATCH,   true, true },
    { CG_DEFECT_SERIAL_TOO_LONG,      true, true },
    { CG_DEFECT_EMPTY_ISSUER,         true, true },
    { CG_DEFECT_UNIQUE_ID,            true, true },
    { CG_DEFECT_BASIC_CONSTRAINTS,    true, true },
    { CG_DEFECT_KEY_USAGE,            true, true },
    { CG_DEFECT_KEY_USAGE_EMPTY,      true, false }, /* of the received one: check key-usage */
    { CG_DEFECT_EXT_KEY_USAGE,        true, true },
    { CG_DEFECT_SUBJECT_ALT_NAME,     true, true },
    { CG_DEFECT_NAME_CONSTRAINTS,     true, true },
    { CG_DEFECT_CERTIFICATE_POLICIES, true, true },
    { CG_DEFECT_POLICY_MAPPINGS,      true, true },
    { CG_DEFECT_POLICY_CONSTRAINTS,   true, true },
    { CG_DEFECT_INHIBIT_ANY_POLICY,   true, true },
    { CG_DEFECT_SUBJECT_KEY_ID,       true, true },
    { CG_DEFECT_AUTHORITY_KEY_ID,     true, true },
};
/* clang-format on */

const char *
cg_path_malformed(const struct cg_cert *cert, bool leaf, struct cg_span *where)
{
    const struct cg_extension *constraints = cg_cert_extension(cert, CG_EXT_NAME_CONSTRAINTS);

    *where = cert->defect_where;
    for (size_t i = 0; cert->defects != 0 && i < sizeof(unfit) / sizeof(unfit[0]); i++)
        if ((leaf ? unfit[i].leaf : unfit[i].ca) && cg_cert_has_defect(cert, unfit[i].defect))
            return cg_defect_text(unfit[i].defect);
    if (!cg_policies_well_formed(cert, where))
        return "a policy extension does not parse (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11, "
               "4.2.1.14)";
    if (constraints == NULL)
        return NULL;
    *where = constraints->oid;
    if (leaf && !cert->ca)
        return "nameConstraints in an end entity certificate (RFC 5280 section 4.2.1.10)";
    if (!cg_constraints_well_formed(constraints->value))
        return cg_defect_text(CG_DEFECT_NAME_CONSTRAINTS);
    return NULL;
}

enum cg_reason
cg_path_rate_leaf(const struct cg_cert *leaf)
{
    struct cg_span where;

    if (cg_path_malformed(leaf, true, &where) != NULL)
        return CG_REASON_CERTIFICATE_MALFORMED;
    /* RFC 5480 section 2.1.1: implicitCurve and specifiedCurve must not be used. */
    if (leaf->key_type == CG_KEY_EC && leaf->key_curve.len == 0)
        return CG_REASON_CERTIFICATE_MALFORMED;
    /* The floor for CA keys holds here too: whoever asks for a path alone gets no weaker one. */
    if (leaf->key_type != CG_KEY_UNKNOWN && leaf->key_bits != 0 && cg_key_strength(leaf) < 80)
        return CG_REASON_KEY_TOO_SMALL;
    return CG_REASON_NONE;
}

static bool
purpose_allowed(const struct cg_path_query *query, const struct cg_cert *cert)
{
    uint32_t wanted = CG_EKU_ANY;

    wanted |= query->role == CG_ROLE_INBOUND ? CG_EKU_CLIENT_AUTH : CG_EKU_SERVER_AUTH;
    if (query->service == CG_SERVICE_SIP)
        wanted |= CG_EKU_SIP_DOMAIN;
    return !cert->has_eku || (cert->eku & wanted) != 0;
}

/* Section 6.1.4 (k) to (n), section 6.1.3 (a)(2), and our own floor for keys. */
static enum cg_reason
issuer_fault(const struct cg_path_query *query, const struct path_node *node)
{
    const struct cg_cert *cert = node->cert;
    struct cg_span where;
    /* Versions 1 and 2 cannot say that they are CAs: believed of trusted roots only (6.1.4 (k)). */
    bool old_root = cert->version < 3 && node->in_store && node->self_issued;

    if (!(cert->has_basic_constraints && cert->ca) && !old_root)
        return CG_REASON_NOT_A_CA;
    if (cert->has_key_usage && (cert->key_usage & CG_KU_KEY_CERT_SIGN) == 0)
        return CG_REASON_CA_KEY_USAGE;
    if (query->now < cert->not_before)
        return CG_REASON_CA_NOT_YET_VALID;
    if (query->now > cert->not_after)
        return CG_REASON_CA_EXPIRED;
    if (cg_key_strength(cert) < 80)
        return CG_REASON_CA_KEY_TOO_SMALL;
    if (cg_path_malformed(cert, false, &where) != NULL)
        return CG_REASON_CERTIFICATE_MALFORMED;
    return CG_REASON_NONE;
}

void
cg_path_rate_issuer(const struct cg_path_query *query, struct path_node *node)
{
    struct cg_path_fault critical;

    node->fault = issuer_fault(query, node);
    node->may_anchor = node->in_store && node->fault != CG_REASON_NOT_A_CA &&
            (node->self_issued || query->partial_chain);
    node->sha1 = cg_signature_is_sha1(node->cert);
    cg_path_find_unknown_critical(&node->cert, 1, query->crl_points_processed, &critical);
    node->critical_unknown = critical.reason != CG_REASON_NONE;
    node->purpose_refused = !purpose_allowed(query, node->cert);
    node->cost = (node->critical_unknown && query->prefer_critical_known ? 2u : 0u) +
            (node->purpose_refused && query->enforce_ca_eku ? 2u : 0u);
}

static void
count_signature(struct cg_path_scratch *search, const struct cg_cert *issuer,
        enum cg_signature_result result, bool fresh)
{
    if (result != CG_SIGNATURE_VALID && result != CG_SIGNATURE_INVALID)
        return;
    search->signatures += fresh ? 1 : 0;
    search->judged++;
    search->work += cg_signature_weight(issuer);
}

bool
cg_path_is_self_signed(struct cg_path_scratch *search, struct path_node *node)
{
    enum cg_signature_result result;
    bool fresh = false;

    if (!node->self_issued)
        return false;
    if (node->own == PATH_UNKNOWN) {
        if (search->work >= CG_MAX_SIGNATURES) {
            search->limited = true;
            return false;
        }
        node->own = PATH_NO;
        result = cg_signature_verify_own(search->engine, node->cert, &fresh);
        if (result == CG_SIGNATURE_VALID)
            node->own = PATH_YES;
        else if (result == CG_SIGNATURE_FAILED)
            search->failed = true;
        count_signature(search, node->cert, result, fresh);
    }
    return node->own == PATH_YES;
}

bool
cg_path_is_anchor(struct cg_path_scratch *search, struct path_node *node)
{
    return node->may_anchor &&
            ((search->query->partial_chain && node->cert->version == 3) ||
                    cg_path_is_self_signed(search, node));
}

bool
cg_path_is_loop(const struct cg_path_scratch *search, const struct path_node *node)
{
    for (size_t i = 0; i < search->depth; i++) {
        const struct cg_cert *below = search->nodes[search->path[i].node].cert;

        if (below == node->cert ||
                (memcmp(below->spki_sha256, node->cert->spki_sha256, CG_SHA256_SIZE) == 0 &&
                        cg_canonical_name_equal(
                                &below->canonical_subject, &node->cert->canonical_subject)))
            return true;
    }
    return false;
}

/* One CA's constraints on one certificate, remembered: the same pair comes up on many paths. */
static enum cg_constraint_result
judge_constraints(struct cg_path_scratch *search, uint16_t ca, uint16_t below, bool leaf,
        const struct cg_extension *constraints)
{
    uint32_t key = ((uint32_t)ca + 1) << 16 | ((uint32_t)below << 1) | (leaf ? 1 : 0);
    struct path_memo *slot = &search->memo[(key * 2654435761u >> 16) & (CG_PATH_MEMO_SLOTS - 1)];
    struct cg_constraint_fault unused;

    if (slot->key != key) {
        search->memo_used = true;
        slot->result = (uint8_t)cg_constraints_check(constraints->value, search->nodes[below].cert,
                leaf, &search->comparisons_left, &unused);
        slot->key = key;
    }
    return (enum cg_constraint_result)slot->result;
}

/* Sections 6.1.3 (b) and (c): everything below, self-issued intermediates excepted. */
static struct path_finding
judge_names(struct cg_path_scratch *search, uint16_t ca)
{
    const struct cg_extension *constraints =
            cg_cert_extension(search->nodes[ca].cert, CG_EXT_NAME_CONSTRAINTS);

    for (size_t i = 0; constraints != NULL && i < search->depth; i++) {
        uint16_t below = search->path[i].node;

        if (i != 0 && search->nodes[below].self_issued)
            continue;
        switch (judge_constraints(search, ca, below, i == 0, constraints)) {
        case CG_CONSTRAINT_OK:
            break;
        case CG_CONSTRAINT_VIOLATED:
            return (struct path_finding) { CG_REASON_NAME_CONSTRAINT_VIOLATED, ca, below };
        case CG_CONSTRAINT_LIMIT:
            search->limited = true;
            return (struct path_finding) { CG_REASON_WORK_LIMIT_REACHED, ca, below };
        }
    }
    return (struct path_finding) { 0 };
}

static enum cg_reason
judge_signature(
        struct cg_path_scratch *search, const struct path_node *subject, struct path_edge *edge)
{
    bool fresh = false;

    if (!edge->tried) {
        if (search->work >= CG_MAX_SIGNATURES) {
            search->limited = true;
            return CG_REASON_WORK_LIMIT_REACHED;
        }
        edge->signature = (uint8_t)cg_signature_verify(search->engine, subject->cert,
                search->nodes[edge->issuer].cert, search->query->allow_sha1, &fresh);
        edge->tried = true;
        count_signature(search, search->nodes[edge->issuer].cert,
                (enum cg_signature_result)edge->signature, fresh);
    }
    switch ((enum cg_signature_result)edge->signature) {
    case CG_SIGNATURE_VALID:
        return CG_REASON_NONE;
    case CG_SIGNATURE_SHA1:
        return CG_REASON_SIGNATURE_ALGORITHM_REFUSED;
    case CG_SIGNATURE_REFUSED:
        /* A fine algorithm that this key cannot have used is a wrong signature. */
        return cg_signature_is_refused(subject->cert) ? CG_REASON_SIGNATURE_ALGORITHM_REFUSED
                                                      : CG_REASON_SIGNATURE_INVALID;
    case CG_SIGNATURE_FAILED:
        search->failed = true;
        return CG_REASON_INTERNAL_ERROR;
    case CG_SIGNATURE_KEY:
    case CG_SIGNATURE_INVALID:
        break;
    }
    return CG_REASON_SIGNATURE_INVALID;
}

struct path_finding
cg_path_judge_edge(struct cg_path_scratch *search, struct path_edge *edge)
{
    const struct path_step *top = &search->path[search->depth - 1];
    const struct path_node *subject = &search->nodes[top->node];
    const struct path_node *issuer = &search->nodes[edge->issuer];
    struct path_finding finding = { CG_REASON_NONE, edge->issuer, top->node };

    if (issuer->fault != CG_REASON_NONE) {
        finding.reason = issuer->fault;
        return finding;
    }
    /* Section 6.1.4 (l), (m): self-issued certificates do not count, nor does the received one. */
    if (issuer->cert->has_path_len && top->lengths > issuer->cert->path_len) {
        finding.reason = CG_REASON_PATH_LENGTH_EXCEEDED;
        return finding;
    }
    if (!issuer->may_anchor && search->depth > search->query->max_depth) {
        finding.reason = CG_REASON_PATH_TOO_DEEP;
        return finding;
    }
    finding = judge_names(search, edge->issuer);
    if (finding.reason == CG_REASON_NONE) {
        finding.reason = judge_signature(search, subject, edge);
        finding.at = top->node;
        finding.other = edge->issuer;
    }
    return finding;
}

struct path_finding
cg_path_judge_policies(struct cg_path_scratch *search, const uint16_t *nodes, size_t count)
{
    const struct cg_cert *certs[CG_MAX_PATH_CERTS];
    struct path_finding finding = { 0 };
    size_t failed = 0;

    for (size_t i = 0; i < count; i++)
        certs[i] = search->nodes[nodes[i]].cert;
    switch (cg_policies_check(certs, count, &failed)) {
    case CG_POLICY_OK:
        break;
    case CG_POLICY_REQUIRED:
        finding.reason = CG_REASON_POLICY_REQUIRED;
        break;
    case CG_POLICY_LIMIT:
        search->limited = true;
        finding.reason = CG_REASON_WORK_LIMIT_REACHED;
        break;
    }
    finding.at = finding.other = nodes[failed];
    return finding;
}
