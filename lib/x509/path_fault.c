/* Words for what the search found: what an administrator needs to find the culprit. */
#include <stdarg.h>
#include <stdio.h>

#include "base/reader.h"
#include "x509/constraints.h"
#include "x509/path_search.h"

static void text(char out[CG_MAX_NOTE], const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static void
text(char out[CG_MAX_NOTE], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out, CG_MAX_NOTE, format, args);
    va_end(args);
}

/* A name in quotes, cut so that the sentence around it has room. */
struct quoted {
    char text[CG_MAX_NOTE / 2];
};

static const char *
quote(struct quoted *out, struct cg_span name)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 4 * CG_MAX_CERT_BYTES);
    cg_name_text(&buf, name);
    snprintf(out->text, sizeof(out->text), "'%.*s'", (int)sizeof(out->text) - 3, cg_buf_text(&buf));
    cg_buf_release(&buf);
    return out->text;
}

static const char *
hex(struct quoted *out, struct cg_span bytes)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 4 * CG_MAX_CERT_BYTES);
    cg_buf_add_hex(&buf, bytes, false);
    snprintf(out->text, sizeof(out->text), "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
    return out->text;
}

static const char *
date(struct quoted *out, int64_t seconds)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 4 * CG_MAX_CERT_BYTES);
    cg_buf_add_time(&buf, seconds);
    snprintf(out->text, sizeof(out->text), "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
    return out->text;
}

static const char *
oid(struct quoted *out, struct cg_span bytes)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 4 * CG_MAX_CERT_BYTES);
    cg_oid_text(&buf, bytes);
    snprintf(out->text, sizeof(out->text), "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
    return out->text;
}

static const char *
place(const struct path_node *node)
{
    if (node->in_store)
        return "TCS";
    return node->sent == 0 ? "received" : "sent";
}

/* Another candidate of the same name: what the administrator would have expected to be used. */
static const struct path_node *
find_twin(const struct cg_path_scratch *search, const struct path_node *node, bool in_store)
{
    const struct path_node *found = NULL;

    for (size_t i = 1; i < search->node_count; i++) {
        const struct path_node *other = &search->nodes[i];

        if (other != node && other->fault == CG_REASON_NONE && (!in_store || other->in_store) &&
                cg_canonical_name_equal(
                        &other->cert->canonical_subject, &node->cert->canonical_subject))
            found = other;
    }
    return found;
}

static void
tell_issuer_unknown(const struct cg_path_scratch *search, const struct path_node *node,
        struct cg_path_fault *fault)
{
    struct quoted name, key;

    if (node->cert->authority_key_id.len != 0)
        text(fault->found, "issuer %s, key id %s", quote(&name, node->cert->issuer),
                hex(&key, node->cert->authority_key_id));
    else
        text(fault->found, "issuer %s", quote(&name, node->cert->issuer));
    text(fault->wanted, "a CA of this name in the chain sent or in the TCS");
    if (cg_store_count(search->query->store) == 0)
        text(fault->note, "the TCS is empty: nothing is trusted");
    else if (search->nodes[0].in_store)
        text(fault->note, "a copy of the received certificate is in the TCS; it replaces no chain");
    else if (node->in_store)
        text(fault->note,
                "this intermediate is in the TCS, its root is not, and partial-chain is off");
    else if (node->sent != 0)
        text(fault->note,
                "the chain sent ends here: the next intermediate is missing, or the root "
                "is not in the TCS");
    else if (search->query->unreadable != 0)
        text(fault->note, "%zu of what the peer sent along cannot be read as a certificate",
                search->query->unreadable);
    else if (search->query->sent_count == 0)
        text(fault->note, "the peer sent no intermediate certificate");
    else
        text(fault->note, "the peer sent %zu certificate%s along, but not this CA's",
                search->query->sent_count, search->query->sent_count == 1 ? "" : "s");
}

static void
tell_root_not_trusted(const struct cg_path_scratch *search, const struct path_node *node,
        struct cg_path_fault *fault)
{
    const struct path_node *twin = find_twin(search, node, true);
    struct quoted name, print;

    text(fault->found, "%s %s, SHA-256 %s", node->sent == 0 ? "self-signed" : "root",
            quote(&name, node->cert->subject),
            hex(&print, cg_span(node->cert->sha256, CG_SHA256_SIZE)));
    text(fault->wanted, node->sent == 0 ? "an exact copy in the TCS" : "this root in the TCS");
    if (cg_store_count(search->query->store) == 0)
        text(fault->note, "the TCS is empty: nothing is trusted");
    else if (twin != NULL)
        text(fault->note, "the TCS has a CA of the same name, SHA-256 %s%s",
                hex(&print, cg_span(twin->cert->sha256, CG_SHA256_SIZE)),
                memcmp(twin->cert->spki_sha256, node->cert->spki_sha256, CG_SHA256_SIZE) == 0
                        ? ""
                        : ", with another key");
}

static void
tell_dates(const struct cg_path_scratch *search, const struct path_node *node,
        enum cg_reason reason, struct cg_path_fault *fault)
{
    const struct path_node *twin = find_twin(search, node, false);
    struct quoted name, when, print;

    text(fault->found, "%s %s %s (%s)", quote(&name, node->cert->subject),
            reason == CG_REASON_CA_EXPIRED ? "expired" : "is not valid before",
            date(&when,
                    reason == CG_REASON_CA_EXPIRED ? node->cert->not_after
                                                   : node->cert->not_before),
            place(node));
    text(fault->wanted, "valid at %s", date(&when, search->query->now));
    if (twin == NULL)
        text(fault->note, "no valid certificate of this CA is in the TCS or was sent");
    else if (memcmp(twin->cert->spki_sha256, node->cert->spki_sha256, CG_SHA256_SIZE) != 0)
        text(fault->note,
                "a valid CA of this name with another key is there (%s), but did not sign",
                place(twin));
    else if (twin->self_issued && !twin->in_store)
        text(fault->note,
                "the peer sent a renewed certificate of this root, SHA-256 %s, which is "
                "not in the TCS",
                hex(&print, cg_span(twin->cert->sha256, CG_SHA256_SIZE)));
    else
        text(fault->note,
                "a valid certificate of this CA and key is there (%s), but leads to no trusted "
                "root",
                place(twin));
}

static void
tell_signature(const struct cg_path_scratch *search, const struct path_finding *finding,
        struct cg_path_fault *fault)
{
    const struct path_node *subject = &search->nodes[finding->at];
    const struct path_node *issuer = &search->nodes[finding->other];
    struct cg_reader reader = cg_reader(subject->cert->signature_algorithm), inside;
    struct cg_span algorithm = { 0 };
    struct quoted name, print;

    if (cg_der_enter(&reader, CG_DER_SEQUENCE, &inside))
        (void)cg_der_oid(&inside, &algorithm);
    if (finding->reason == CG_REASON_SIGNATURE_ALGORITHM_REFUSED) {
        text(fault->found, "signed with %s", oid(&name, algorithm));
        text(fault->wanted, "a signature with SHA-2 or EdDSA and correct parameters");
        return;
    }
    text(fault->found, "the key of %s (%s), SHA-256 %s, did not sign it",
            quote(&name, issuer->cert->subject), place(issuer),
            hex(&print, cg_span(issuer->cert->sha256, CG_SHA256_SIZE)));
    text(fault->wanted, "a signature by its issuer's key (%s)", oid(&name, algorithm));
    if (subject->cert->authority_key_id.len == 0 || !issuer->cert->has_subject_key_id)
        return;
    if (cg_span_equal(subject->cert->authority_key_id, issuer->cert->subject_key_id))
        text(fault->note, "it names this CA's key id: it was altered, or not made by this CA");
    else
        text(fault->note, "it names an issuer with key id %s: another CA of the same name",
                hex(&print, subject->cert->authority_key_id));
}

static void
tell_constraint(const struct cg_path_scratch *search, const struct path_finding *finding,
        struct cg_path_fault *fault)
{
    const struct path_node *ca = &search->nodes[finding->at];
    const struct path_node *below = &search->nodes[finding->other];
    const struct cg_extension *constraints = cg_cert_extension(ca->cert, CG_EXT_NAME_CONSTRAINTS);
    struct cg_constraint_fault words = { 0 };
    unsigned budget = CG_MAX_CONSTRAINT_COMPARISONS;
    struct quoted name, by;

    (void)cg_constraints_check(constraints->value, below->cert, below->sent == 0, &budget, &words);
    text(fault->found, "%s", words.found);
    text(fault->wanted, "%s", words.wanted);
    text(fault->note, "constraint of %s on %s", quote(&by, ca->cert->subject),
            quote(&name, below->cert->subject));
}

static void
tell_key(const struct path_node *node, struct cg_path_fault *fault)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 4 * CG_MAX_CERT_BYTES);
    cg_key_text(&buf, node->cert);
    text(fault->found, "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
    text(fault->wanted, "RSA 1024 bits or more, or equal strength");
}

static void
tell_path_length(const struct cg_path_scratch *search, const struct path_attempt *attempt,
        const struct path_node *node, struct cg_path_fault *fault)
{
    unsigned below = 0;

    for (size_t i = 1; i < attempt->count && search->nodes[attempt->nodes[i]].cert != node->cert;
            i++)
        below += search->nodes[attempt->nodes[i]].self_issued ? 0 : 1;
    text(fault->found, "%u intermediate CA%s below it", below, below == 1 ? "" : "s");
    text(fault->wanted, "at most %u (basicConstraints)", node->cert->path_len);
}

static void
tell_malformed(const struct path_node *node, struct cg_path_fault *fault)
{
    struct cg_span where = { 0 };
    const char *what = cg_path_malformed(node->cert, node->sent == 0, &where);
    struct quoted name;

    if (what == NULL)
        what = "EC parameters are not a named curve (RFC 5480 section 2.1.1)";
    else if (where.len != 0)
        text(fault->note, "extension %s", oid(&name, where));
    text(fault->found, "%s", what);
    text(fault->wanted, "a certificate as RFC 5280 has it");
}

void
cg_path_explain(struct cg_path_scratch *search, const struct path_attempt *attempt,
        struct cg_path_fault *fault)
{
    const struct path_finding *finding = &attempt->finding;
    const struct path_node *node = &search->nodes[finding->at];

    *fault = (struct cg_path_fault) { .reason = finding->reason, .cert = node->cert };
    switch (finding->reason) {
    case CG_REASON_ISSUER_UNKNOWN:
        tell_issuer_unknown(search, node, fault);
        break;
    case CG_REASON_ROOT_NOT_TRUSTED:
        tell_root_not_trusted(search, node, fault);
        break;
    case CG_REASON_CA_EXPIRED:
    case CG_REASON_CA_NOT_YET_VALID:
        tell_dates(search, node, finding->reason, fault);
        break;
    case CG_REASON_SIGNATURE_INVALID:
    case CG_REASON_SIGNATURE_ALGORITHM_REFUSED:
        tell_signature(search, finding, fault);
        break;
    case CG_REASON_NAME_CONSTRAINT_VIOLATED:
        fault->cert = search->nodes[finding->other].cert;
        tell_constraint(search, finding, fault);
        break;
    case CG_REASON_NOT_A_CA:
        text(fault->found, "%s",
                node->cert->version < 3 ? "a certificate before version 3 that is no trusted root"
                        : node->cert->has_basic_constraints ? "basicConstraints without the CA flag"
                                                            : "no basicConstraints");
        text(fault->wanted, "a CA certificate");
        break;
    case CG_REASON_CA_KEY_USAGE:
        text(fault->found, "keyUsage without keyCertSign");
        text(fault->wanted, "keyCertSign");
        break;
    case CG_REASON_KEY_TOO_SMALL:
    case CG_REASON_CA_KEY_TOO_SMALL:
        tell_key(node, fault);
        break;
    case CG_REASON_PATH_LENGTH_EXCEEDED:
        tell_path_length(search, attempt, node, fault);
        break;
    case CG_REASON_PATH_TOO_DEEP:
        text(fault->found, "more than %u intermediates", search->query->max_depth);
        text(fault->wanted, "at most %u (max-path-depth)", search->query->max_depth);
        break;
    case CG_REASON_POLICY_REQUIRED:
        text(fault->found, "no certificate policy holds for the whole path");
        text(fault->wanted, "one: a CA of the path asks for it (policyConstraints)");
        break;
    case CG_REASON_WORK_LIMIT_REACHED:
        text(fault->found, "%u signatures verified, %u candidate issuers considered",
                search->judged, search->steps);
        text(fault->wanted, "a path within %d signatures, %d candidates and %d name comparisons",
                CG_MAX_SIGNATURES, CG_MAX_EDGES, CG_MAX_CONSTRAINT_COMPARISONS);
        break;
    case CG_REASON_CERTIFICATE_MALFORMED:
        tell_malformed(node, fault);
        break;
    default:
        break;
    }
}

void
cg_path_find_unknown_critical(const struct cg_cert *const *certs, size_t count, bool crl_points,
        struct cg_path_fault *fault)
{
    struct quoted name;

    *fault = (struct cg_path_fault) { 0 };
    for (size_t i = 0; i < count; i++) {
        for (size_t e = 0; e < certs[i]->extension_count; e++) {
            const struct cg_extension *extension = &certs[i]->extensions[e];

            if (!extension->critical ||
                    (extension->id != CG_EXT_OTHER &&
                            (crl_points || extension->id != CG_EXT_CRL_DISTRIBUTION_POINTS)))
                continue;
            fault->reason = CG_REASON_CRITICAL_EXTENSION_UNKNOWN;
            fault->cert = certs[i];
            text(fault->found, "critical extension %s", oid(&name, extension->oid));
            text(fault->wanted, "no critical extension that is not processed");
            return;
        }
    }
}

void
cg_path_trace_end(struct cg_path_scratch *search, size_t depth, const struct path_node *node)
{
    struct quoted issuer;

    if (search->tracing && node->edge_count == 0)
        cg_buf_addf(search->query->trace, "%*s%s: neither sent nor trusted\n", (int)(2 * depth), "",
                quote(&issuer, node->cert->issuer));
}

void
cg_path_trace(struct cg_path_scratch *search, size_t depth, const struct path_node *node,
        const char *format, ...)
{
    struct quoted name, print;
    char words[CG_MAX_NOTE];
    va_list args;

    if (!search->tracing)
        return;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    cg_buf_addf(search->query->trace, "%*s%s (%s, %.8s): %s\n", (int)(2 * depth), "",
            quote(&name, node->cert->subject), depth == 0 ? "received" : place(node),
            hex(&print, cg_span(node->cert->sha256, CG_SHA256_SIZE)), words);
}
