/*
 * From (certificates, store, policy, peer, time) to a decision: a verdict and every finding behind it.
 */
#ifndef CERTGATE_DECISION_H
#define CERTGATE_DECISION_H

#include <certgate/policy.h>
#include <certgate/revocation.h>
#include <certgate/store.h>

/*
 * Working memory of one thread: a library context of the cryptographic library, fetched algorithms,
 * and bounded caches of what is known (verified signatures, loaded keys, decisions). Nothing in it
 * changes a verdict; it only makes the next one cheaper. Not to be used by two threads at once.
 */
struct cg_engine;

/* NULL only without memory or when the cryptographic library cannot be set up. */
struct cg_engine *cg_engine_new(void);
void cg_engine_free(struct cg_engine *engine);

/* The stable reason codes; cg_reason_info() holds the row of each. */
enum cg_reason {
    CG_REASON_NONE,
    /* in-date */
    CG_REASON_NOT_YET_VALID,
    CG_REASON_EXPIRED,
    CG_REASON_TIME_UNKNOWN,
    /* key-1024, key-2048 */
    CG_REASON_KEY_TOO_SMALL,
    CG_REASON_KEY_TYPE_UNKNOWN,
    /* chain */
    CG_REASON_ISSUER_UNKNOWN,
    CG_REASON_ROOT_NOT_TRUSTED,
    CG_REASON_SIGNATURE_INVALID,
    CG_REASON_SIGNATURE_ALGORITHM_REFUSED,
    CG_REASON_CA_EXPIRED,
    CG_REASON_CA_NOT_YET_VALID,
    CG_REASON_NOT_A_CA,
    CG_REASON_CA_KEY_USAGE,
    CG_REASON_CA_KEY_TOO_SMALL,
    CG_REASON_PATH_LENGTH_EXCEEDED,
    CG_REASON_NAME_CONSTRAINT_VIOLATED,
    CG_REASON_POLICY_REQUIRED,
    CG_REASON_PATH_TOO_DEEP,
    CG_REASON_WORK_LIMIT_REACHED,
    CG_REASON_CERTIFICATE_MALFORMED, /* an extension or field of a path certificate breaks RFC 5280 */
    /* key-usage */
    CG_REASON_KEY_USAGE_MISSING,
    CG_REASON_KEY_USAGE_UNFIT,
    /* extended-key-usage */
    CG_REASON_PURPOSE_MISMATCH,
    /* critical-extensions */
    CG_REASON_CRITICAL_EXTENSION_UNKNOWN,
    /* not-self-signed, not-reflected, in-tcs */
    CG_REASON_SELF_SIGNED,
    CG_REASON_REFLECTED,
    CG_REASON_NOT_IN_TCS,
    /* host-name */
    CG_REASON_NAME_MISMATCH,
    CG_REASON_NAME_MISSING,
    /* sip-domain */
    CG_REASON_SIP_DOMAIN_MISMATCH,
    CG_REASON_SIP_IDENTITY_MISSING,
    /* revocation */
    CG_REASON_REVOKED,
    CG_REASON_REVOCATION_UNKNOWN,
    /* no check: each refuses and is recorded */
    CG_REASON_CERTIFICATE_MISSING,
    CG_REASON_UNPARSABLE,
    CG_REASON_TOO_LARGE,
    CG_REASON_HANDSHAKE_TIMEOUT,
    CG_REASON_HANDSHAKE_FAILED,
    CG_REASON_CLASS_UNKNOWN,
    CG_REASON_BACKEND_UNAVAILABLE,
    CG_REASON_AUDIT_UNAVAILABLE,
    CG_REASON_INTERNAL_ERROR,
    CG_REASON_COUNT
};

struct cg_reason_info {
    const char *code;    /* "expired" */
    const char *explain; /* what it means, a sentence for an operator */
    const char *remedy;  /* what to do about it, a sentence for an operator */
    int x509_error;      /* the X509_V_ERR code that makes libssl send `alert` */
    int alert;           /* TLS alert when refused in the handshake (shared contract, section 4) */
};

const struct cg_reason_info *cg_reason_info(enum cg_reason reason);
bool cg_reason_from_code(const char *code, enum cg_reason *out);

/* What is judged. All pointers are borrowed for the call. */
struct cg_peer {
    const uint8_t *leaf; /* DER of the received certificate; NULL when none came */
    size_t leaf_len;
    const uint8_t *const *chain; /* DER of what came with it, any order */
    const size_t *chain_len;
    size_t chain_count;
    int64_t now;            /* seconds since 1970 */
    int64_t clock_floor;    /* 0, or: `now` is the system clock's; before this second it is not believed */
    const char *address;    /* the peer's source address as text, or NULL */
    const char *from_domain; /* host of the first SIP request's From, or NULL */
    bool phone;             /* a SIP phone: host-name and sip-domain are not applicable */
    bool trace;             /* record the path search for cg_decision_trace() */
    const struct cg_revocation *revocation; /* what is known, frozen; NULL for nothing */
    const uint8_t *staple;  /* OCSP response that the peer sent in the handshake, or NULL */
    size_t staple_len;
};

enum cg_outcome { CG_PASS, CG_FAIL, CG_NOT_APPLICABLE, CG_UNDECIDED };
enum cg_verdict { CG_ACCEPT, CG_REJECT };

struct cg_finding {
    enum cg_check check;
    enum cg_outcome outcome;
    enum cg_reason reason;   /* CG_REASON_NONE unless it failed */
    bool enforced;           /* belongs to the level in force; false: known, but not asked for */
    bool allowed;            /* does not refuse, by an allowance only: CG_PASS, or CG_FAIL of an admitted one */
    enum cg_allowance allowance; /* which, if `allowed` */
    /* Text, escaped, never NULL, "" where there is nothing to say; owned by the decision. */
    const char *certificate; /* which: "received", "sent 2", "TCS", with the subject */
    const char *found;
    const char *wanted;
    const char *remedy;
    const char *note; /* something to know although it does not decide: "anyExtendedKeyUsage" */
};

/* Immutable and reference-counted. */
struct cg_decision;

/*
 * Judges a peer. Evaluates all checks once (custom policies: those of the set), whatever the level.
 *
 * out   set to NULL first; the caller owns the reference
 * Returns CG_OK whenever there is a verdict, reject included. Any other status: refuse the peer.
 */
CG_CHECKED enum cg_status cg_evaluate(struct cg_engine *engine, const struct cg_store *store,
        const struct cg_policy *policy, const struct cg_peer *peer, struct cg_decision **out,
        struct cg_error *err);

struct cg_decision *cg_decision_ref(const struct cg_decision *decision);
void cg_decision_free(struct cg_decision *decision);

/*
 * A decision that no certificate led to: certificate-missing, unparsable, handshake-timeout, …
 * detail may be NULL. The caller owns it; NULL only without memory.
 */
struct cg_decision *cg_decision_refuse(
        const struct cg_policy *policy, enum cg_reason reason, const char *detail);

enum cg_verdict cg_decision_verdict(const struct cg_decision *decision);
/* The first failure in page order; CG_REASON_NONE when accepted. */
enum cg_reason cg_decision_reason(const struct cg_decision *decision);
/* What led to a refusal that no check made (missing, unparsable, timeout); "" otherwise. Borrowed. */
const char *cg_decision_detail(const struct cg_decision *decision);
/* The level that was asked for, and whether its setting is latched. */
enum cg_level cg_decision_level(const struct cg_decision *decision);
bool cg_decision_latched(const struct cg_decision *decision);
/* An allowance was needed: nothing may report such a peer simply as verified. */
bool cg_decision_by_allowance(const struct cg_decision *decision);
/*
 * Verdict and first reason at any of the six levels, latched as the policy is: what the certificate is worth
 * there by itself, also where an administrator admits it.
 */
enum cg_verdict cg_decision_at_level(
        const struct cg_decision *decision, enum cg_level level, enum cg_reason *reason);

size_t cg_decision_count(const struct cg_decision *decision);
const struct cg_finding *cg_decision_get0(const struct cg_decision *decision, size_t i);

/* The received certificate, borrowed; NULL when there is none or it does not parse. */
const struct cg_cert *cg_decision_get0_cert(const struct cg_decision *decision);
/* The certification path, received certificate first, anchor last; 0 when none was found. */
size_t cg_decision_path_count(const struct cg_decision *decision);
const struct cg_cert *cg_decision_path_get0(const struct cg_decision *decision, size_t i);
/* True when the last certificate of the path is trusted (in the TCS). */
bool cg_decision_anchored(const struct cg_decision *decision);

/* What the check revocation found out about certificate i of the path; NOT_ASKED where it was not made. */
enum cg_revocation_status cg_decision_revocation(const struct cg_decision *decision, size_t i);

/* The seconds during which the decision stands: what it rests on is valid in them, both included. */
int64_t cg_decision_good_from(const struct cg_decision *decision);
int64_t cg_decision_good_until(const struct cg_decision *decision);

/*
 * Work done for the path when the decision was made: signatures verified (not from memory) and edges
 * considered. A remembered decision says what it took then.
 */
unsigned cg_decision_signatures(const struct cg_decision *decision);
unsigned cg_decision_edges(const struct cg_decision *decision);

/* The path search as an indented tree; "" unless asked for. Borrowed. */
const char *cg_decision_trace(const struct cg_decision *decision);

/*
 * The decision as JSON: members "verdict", "level", "latched", "reason", "alert", "allowances",
 * "findings", "levels", "certificate", "path" and, if it was asked for, "trace" (its lines), without
 * the outer braces, so that a caller can put its own members (time, interface, peer) around them. The
 * caller frees it; NULL only without memory.
 */
char *cg_decision_json_members(const struct cg_decision *decision);
/* The same with every finding, those of other levels too; each says whether it is "enforced". */
char *cg_decision_json_all_members(const struct cg_decision *decision);

#endif
