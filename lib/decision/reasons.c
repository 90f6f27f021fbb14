/* One row per reason: code, words for the operator, and the TLS alert by way of libssl's table. */
#include <certgate/decision.h>

#include <openssl/x509_vfy.h>
#include <string.h>

/*
 * libssl turns the X509_V_ERR code that a verify hook leaves behind into an alert. These are the codes
 * that give the alerts of the contract; a code that libssl's table does not know gives 46.
 */
#define EXPIRED_45 X509_V_ERR_CERT_HAS_EXPIRED, 45
#define UNKNOWN_CA_48 X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 48
#define BAD_42 X509_V_ERR_CERT_REJECTED, 42
#define PURPOSE_43 X509_V_ERR_INVALID_PURPOSE, 43
#define REVOKED_44 X509_V_ERR_CERT_REVOKED, 44
#define OTHER_46 X509_V_ERR_PERMITTED_VIOLATION, 46
#define INTERNAL_80 X509_V_ERR_UNSPECIFIED, 80
#define MISSING_116 X509_V_ERR_UNSPECIFIED, 116
#define DECODE_50 X509_V_ERR_CERT_REJECTED, 50
#define NO_ALERT X509_V_ERR_UNSPECIFIED, -1

/* clang-format off */
static const struct cg_reason_info rows[CG_REASON_COUNT] = {
    [CG_REASON_NONE] = { "none", "nothing is wrong", "", X509_V_OK, -1 },
    [CG_REASON_NOT_YET_VALID] = { "not-yet-valid", "the certificate is not valid yet",
        "check the clocks of both sides; otherwise wait, or have the certificate issued again", EXPIRED_45 },
    [CG_REASON_EXPIRED] = { "expired", "the certificate is past its last valid second",
        "have the peer's certificate renewed", EXPIRED_45 },
    [CG_REASON_TIME_UNKNOWN] = { "time-unknown", "this machine's clock stands before the program was built",
        "set this machine's clock", EXPIRED_45 },
    [CG_REASON_KEY_TOO_SMALL] = { "key-too-small", "the certificate's public key is too small",
        "have the peer make a new key of at least 2048 bits (RSA) or P-256 and a new certificate", OTHER_46 },
    [CG_REASON_KEY_TYPE_UNKNOWN] = { "key-type-unknown", "the certificate's public key is of an unknown kind or does not load",
        "have the peer use an RSA, P-256, P-384, P-521, Ed25519 or Ed448 key", OTHER_46 },
    [CG_REASON_ISSUER_UNKNOWN] = { "issuer-unknown", "no certificate was sent or is trusted that issued it",
        "have the peer send its intermediate certificates, or add the issuing CA to the Trusted Certificate Store", UNKNOWN_CA_48 },
    [CG_REASON_ROOT_NOT_TRUSTED] = { "root-not-trusted", "the chain ends in a root that is not in the Trusted Certificate Store",
        "add the root to the Trusted Certificate Store if you trust every certificate below it", UNKNOWN_CA_48 },
    [CG_REASON_SIGNATURE_INVALID] = { "signature-invalid", "a signature of the chain does not verify",
        "the certificate was altered or its issuer is another CA of the same name: have it issued again", BAD_42 },
    [CG_REASON_SIGNATURE_ALGORITHM_REFUSED] = { "signature-algorithm-refused", "a certificate of the chain is signed with an algorithm that is not accepted",
        "have it issued again with SHA-256 or better", OTHER_46 },
    [CG_REASON_CA_EXPIRED] = { "ca-expired", "a CA certificate of the chain is past its last valid second",
        "have the peer send the CA's current certificate, or renew it in the Trusted Certificate Store", EXPIRED_45 },
    [CG_REASON_CA_NOT_YET_VALID] = { "ca-not-yet-valid", "a CA certificate of the chain is not valid yet",
        "check this machine's clock and the CA's validity", EXPIRED_45 },
    [CG_REASON_NOT_A_CA] = { "not-a-ca", "a certificate of the chain issued another one without being a CA",
        "have the certificate issued by a real CA (basicConstraints CA:TRUE)", OTHER_46 },
    [CG_REASON_CA_KEY_USAGE] = { "ca-key-usage", "a CA's key usage does not allow it to sign certificates",
        "have the CA certificate issued again with keyCertSign", PURPOSE_43 },
    [CG_REASON_CA_KEY_TOO_SMALL] = { "ca-key-too-small", "a CA's key is below the 1024-bit class",
        "move to a CA with a stronger key", OTHER_46 },
    [CG_REASON_PATH_LENGTH_EXCEEDED] = { "path-length-exceeded", "more CAs stand below a CA than its path length allows",
        "have the lower CA issued by one that may have CAs below it", OTHER_46 },
    [CG_REASON_NAME_CONSTRAINT_VIOLATED] = { "name-constraint-violated", "a name is outside of what a CA of the chain may certify",
        "have the certificate issued with names that its CA may certify", OTHER_46 },
    [CG_REASON_POLICY_REQUIRED] = { "policy-required", "a CA of the chain requires a certificate policy that the path does not have",
        "have the certificate issued under a policy that its CAs allow", OTHER_46 },
    [CG_REASON_PATH_TOO_DEEP] = { "path-too-deep", "the chain needs more intermediates than are allowed",
        "raise max-path-depth if the chain is legitimate", UNKNOWN_CA_48 },
    [CG_REASON_WORK_LIMIT_REACHED] = { "work-limit-reached", "the search for a chain was stopped at its work limit",
        "have the peer send only the certificates of its chain", OTHER_46 },
    [CG_REASON_CERTIFICATE_MALFORMED] = { "certificate-malformed", "a certificate of the chain breaks RFC 5280",
        "have it issued again by software that follows RFC 5280", OTHER_46 },
    [CG_REASON_KEY_USAGE_MISSING] = { "key-usage-missing", "the certificate has no key usage",
        "have the certificate issued again with key usage digitalSignature", PURPOSE_43 },
    [CG_REASON_KEY_USAGE_UNFIT] = { "key-usage-unfit", "the key usage does not allow digital signatures",
        "have the certificate issued again with key usage digitalSignature", PURPOSE_43 },
    [CG_REASON_PURPOSE_MISMATCH] = { "purpose-mismatch", "the extended key usage does not allow this purpose",
        "have the certificate issued again with the wanted extended key usage", PURPOSE_43 },
    [CG_REASON_CRITICAL_EXTENSION_UNKNOWN] = { "critical-extension-unknown", "a certificate has a critical extension that is not known here",
        "have the certificate issued again without it, or with it not critical", OTHER_46 },
    [CG_REASON_SELF_SIGNED] = { "self-signed", "the certificate is signed with its own key",
        "have the peer use a certificate from a CA", OTHER_46 },
    [CG_REASON_REFLECTED] = { "reflected", "the peer shows our own certificate",
        "give the peer a certificate of its own; if nobody did this on purpose, look for a loop or a copied key", OTHER_46 },
    [CG_REASON_NOT_IN_TCS] = { "not-in-tcs", "no exact copy of the certificate is in the Trusted Certificate Store",
        "add the peer's certificate to the Trusted Certificate Store", OTHER_46 },
    [CG_REASON_NAME_MISMATCH] = { "name-mismatch", "no name in the certificate is one that the connection is configured with",
        "have the certificate issued with the right subjectAltName, or correct the configured name", OTHER_46 },
    [CG_REASON_NAME_MISSING] = { "name-missing", "there is no name to compare",
        "have the certificate issued with a subjectAltName, and configure the peer's name", OTHER_46 },
    [CG_REASON_SIP_DOMAIN_MISMATCH] = { "sip-domain-mismatch", "the certificate is not authoritative for the SIP domain",
        "have the certificate issued with the SIP domain as subjectAltName, or correct the configured domain", OTHER_46 },
    [CG_REASON_SIP_IDENTITY_MISSING] = { "sip-identity-missing", "there is no SIP domain to compare",
        "have the certificate issued with a subjectAltName URI sip:DOMAIN, and configure the line's domain", OTHER_46 },
    [CG_REASON_REVOKED] = { "revoked", "the certificate, or a CA of its chain, was revoked by its issuer",
        "have the peer get a new certificate; ask its CA why the old one was revoked", REVOKED_44 },
    [CG_REASON_REVOCATION_UNKNOWN] = { "revocation-unknown", "nobody could say whether the certificate was revoked, and revocation = hard asks for an answer",
        "see what was found: make the CRL or OCSP responder reachable, configure its CRL, or set revocation = soft", OTHER_46 },
    [CG_REASON_CERTIFICATE_MISSING] = { "certificate-missing", "the peer presented no certificate",
        "give the peer a certificate and key, and have it present them", MISSING_116 },
    [CG_REASON_UNPARSABLE] = { "unparsable", "the received certificate cannot be read",
        "have the certificate issued again by software that follows RFC 5280", DECODE_50 },
    [CG_REASON_TOO_LARGE] = { "too-large", "the peer sent more certificates or bytes than are read",
        "have the peer send only the certificates of its chain", OTHER_46 },
    [CG_REASON_HANDSHAKE_TIMEOUT] = { "handshake-timeout", "the peer did not finish the TLS handshake in time",
        "look for a peer that does not speak TLS on this port, or a network fault", NO_ALERT },
    [CG_REASON_HANDSHAKE_FAILED] = { "handshake-failed", "the TLS handshake failed",
        "see the detail: often no common TLS version or cipher, or a peer that refuses our certificate", NO_ALERT },
    [CG_REASON_CLASS_UNKNOWN] = { "class-unknown", "what kind of peer this is could not be told in time",
        "have the peer send its first request within the time allowed", NO_ALERT },
    [CG_REASON_BACKEND_UNAVAILABLE] = { "backend-unavailable", "the service behind this interface cannot be reached",
        "start the service, or correct the interface's backend", NO_ALERT },
    [CG_REASON_AUDIT_UNAVAILABLE] = { "audit-unavailable", "the decision could not be recorded, and recording is required",
        "make room for the log, or repair it", INTERNAL_80 },
    [CG_REASON_INTERNAL_ERROR] = { "internal-error", "certgate could not do its job, so the peer was refused",
        "see the detail; if memory was not short, report a bug", INTERNAL_80 },
};
/* clang-format on */

const struct cg_reason_info *
cg_reason_info(enum cg_reason reason)
{
    return &rows[reason < CG_REASON_COUNT ? reason : CG_REASON_INTERNAL_ERROR];
}

bool
cg_reason_from_code(const char *code, enum cg_reason *out)
{
    for (int i = 0; i < CG_REASON_COUNT; i++) {
        if (strcmp(rows[i].code, code) == 0) {
            *out = (enum cg_reason)i;
            return true;
        }
    }
    return false;
}
