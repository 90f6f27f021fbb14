/*
 * One X.509 certificate, parsed from DER by certgate's own bounded reader.
 *
 * A certificate is immutable and reference-counted; the count is atomic, so that
 * one certificate may be shared by threads. Text that comes from the certificate
 * is escaped: control characters, quotes and bytes that are not UTF-8 appear as \xNN.
 */
#ifndef CERTGATE_CERT_H
#define CERTGATE_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <certgate/status.h>

#define CG_SHA256_SIZE 32

struct cg_cert;

/*
 * Parses exactly one DER certificate (RFC 5280 section 4.1); trailing bytes are refused.
 *
 * der, len   copied; at most CG_MAX_CERT_BYTES
 * out        set to NULL first; the caller owns the reference
 * err        may be NULL; names the field and the byte offset at which parsing stopped
 *
 * Malformed *extensions* do not fail the parse: they are kept as defects, which the checks that
 * need the extension report. Returns CG_OK, CG_E_PARSE, CG_E_LIMIT, CG_E_NOMEM or CG_E_CRYPTO.
 */
CG_CHECKED enum cg_status cg_cert_from_der(
        const uint8_t *der, size_t len, struct cg_cert **out, struct cg_error *err);

/* A new reference to the same certificate; NULL gives NULL. */
struct cg_cert *cg_cert_ref(const struct cg_cert *cert);
/* Drops a reference; NULL is allowed. */
void cg_cert_free(struct cg_cert *cert);

/* The DER, borrowed; *len is set. */
const uint8_t *cg_cert_get0_der(const struct cg_cert *cert, size_t *len);
/* SHA-256 of the DER, CG_SHA256_SIZE bytes, borrowed. */
const uint8_t *cg_cert_get0_sha256(const struct cg_cert *cert);

/* Validity in seconds since 1970-01-01T00:00:00Z, both ends included (RFC 5280 section 4.1.2.5). */
int64_t cg_cert_not_before(const struct cg_cert *cert);
int64_t cg_cert_not_after(const struct cg_cert *cert);

/* Subject and issuer are the same name (RFC 5280 section 6.1: self-issued). */
bool cg_cert_is_self_issued(const struct cg_cert *cert);
/* basicConstraints says CA, or a version 1 certificate that is self-issued. */
bool cg_cert_is_ca(const struct cg_cert *cert);

enum cg_cert_field {
    CG_FIELD_SUBJECT,   /* RFC 4514 style, most significant RDN last written first: "CN=…,O=…" */
    CG_FIELD_ISSUER,    /* the same */
    CG_FIELD_SERIAL,    /* hex, upper case, no separators */
    CG_FIELD_SHA256,    /* hex, lower case */
    CG_FIELD_NOT_BEFORE, /* RFC 3339, UTC */
    CG_FIELD_NOT_AFTER,
    CG_FIELD_KEY,       /* "RSA 2048 bits", "EC P-256", "Ed25519" */
    CG_FIELD_SIGNATURE, /* "sha256WithRSAEncryption" */
    CG_FIELD_KEY_USAGE, /* "digitalSignature, keyEncipherment", or "" where absent */
    CG_FIELD_EXT_KEY_USAGE,
    CG_FIELD_SAN,       /* "DNS:a.example, IP:192.0.2.1, URI:sip:example.com" */
    CG_FIELD_KIND,      /* "root", "intermediate", "end entity", "self-signed end entity" */
};

/* One field as text for people; the caller frees it with free(). NULL only without memory. */
char *cg_cert_text(const struct cg_cert *cert, enum cg_cert_field field);

/* All facts as one JSON object; the caller frees it with free(). NULL only without memory. */
char *cg_cert_json(const struct cg_cert *cert);

#endif
