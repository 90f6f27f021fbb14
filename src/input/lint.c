#include "input/lint.h"

#include "x509/crypto.h"
#include "x509/facts.h"

static bool
has_expired(const struct cg_cert *cert, int64_t now)
{
    return cg_cert_not_after(cert) < now;
}

static bool
is_early(const struct cg_cert *cert, int64_t now)
{
    return cg_cert_not_before(cert) > now;
}

/* The sizes of checks key-1024 and key-2048. */
static bool
is_below(const struct cg_cert *cert, unsigned bits, unsigned strength)
{
    switch (cert->key_type) {
    case CG_KEY_RSA:
    case CG_KEY_RSA_PSS:
    case CG_KEY_DSA:
        return cert->key_bits < bits;
    case CG_KEY_UNKNOWN:
        return false;
    default:
        return cg_key_strength(cert) < strength;
    }
}

static bool
is_refused_key(const struct cg_cert *cert, int64_t now)
{
    (void)now;
    return is_below(cert, 1024, 80);
}

static bool
is_weak_key(const struct cg_cert *cert, int64_t now)
{
    return is_below(cert, 2048, 112) && !is_refused_key(cert, now);
}

static bool
is_unknown_key(const struct cg_cert *cert, int64_t now)
{
    (void)now;
    return cert->key_type == CG_KEY_UNKNOWN;
}

/* Nothing hangs on the signature of a root. */
static bool
is_weakly_signed(const struct cg_cert *cert, int64_t now)
{
    (void)now;
    return !cg_cert_is_self_issued(cert) &&
            (cg_signature_is_sha1(cert) || cg_signature_is_refused(cert));
}

static bool
cannot_sign(const struct cg_cert *cert, int64_t now)
{
    (void)now;
    return cg_cert_is_ca(cert) && cert->has_key_usage &&
            (cert->key_usage & CG_KU_KEY_CERT_SIGN) == 0;
}

static bool
is_malformed(const struct cg_cert *cert, int64_t now)
{
    (void)now;
    return cert->defects != 0;
}

const struct lint_rule lint_rules[] = {
    { "expired", has_expired, "has expired: nothing that needs it is accepted" },
    { "not-yet-valid", is_early, "is not valid yet" },
    { "key-refused", is_refused_key,
            "key below the 1024-bit class: refused at every level that looks at keys and chains" },
    { "key-weak", is_weak_key, "key below the 2048-bit class" },
    { "key-unknown", is_unknown_key, "key of a type that is not known: nothing verifies with it" },
    { "signature-weak", is_weakly_signed, "signed with an algorithm that is refused in a chain" },
    { "ca-without-cert-sign", cannot_sign,
            "a CA whose key usage does not let it sign certificates" },
    { "malformed", is_malformed, "breaks RFC 5280: see certgate inspect" },
};
const size_t lint_rule_count = sizeof(lint_rules) / sizeof(lint_rules[0]);

size_t
lint_ca_name_size(const struct cg_cert *cert)
{
    return cg_cert_is_ca(cert) ? 2 + cert->subject.len : 0;
}

struct cg_span
lint_ca_name(const struct cg_cert *cert)
{
    return cert->subject;
}
