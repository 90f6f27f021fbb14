#include "revocation/evidence.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "x509/extensions.h"

/* Extensions of a CRL, of an entry or of a response: more than any has. */
#define MAX_EXTENSIONS 16

bool
cg_evidence_extensions(
        struct cg_reader *reader, cg_extension_taker *take, void *context, bool *unknown)
{
    struct cg_span seen[MAX_EXTENSIONS];
    struct cg_extension extension;
    struct cg_reader list;
    size_t count = 0;

    if (!cg_der_enter(reader, CG_DER_SEQUENCE, &list))
        return false;
    while (!cg_reader_done(&list)) {
        if (count == MAX_EXTENSIONS || !cg_extension_read(&list, &extension))
            return false;
        for (size_t i = 0; i < count; i++)
            if (cg_span_equal(seen[i], extension.oid))
                *unknown = true;
        seen[count++] = extension.oid;
        if (!take(context, &extension) && extension.critical)
            *unknown = true;
    }
    return true;
}

struct cg_window
cg_evidence_window(int64_t this_update, const int64_t *next)
{
    return (struct cg_window) { this_update - CG_REVOCATION_SKEW,
        next != NULL ? *next : this_update + CG_REVOCATION_UNDATED };
}

static char *
escaped(const char *source)
{
    struct cg_buf buf;

    cg_buf_init(&buf, 4 * CG_MAX_EVIDENCE_SOURCE);
    cg_buf_add(&buf, "");
    cg_buf_add_escaped(&buf, cg_span(source, strnlen(source, CG_MAX_EVIDENCE_SOURCE)));
    return cg_buf_take(&buf);
}

enum cg_status
cg_evidence_from_der(enum cg_evidence_kind kind, const uint8_t *der, size_t len, const char *source,
        struct cg_evidence **out, struct cg_error *err)
{
    const size_t most = kind == CG_EVIDENCE_CRL ? CG_MAX_CRL_BYTES : CG_MAX_OCSP_BYTES;
    struct cg_evidence *evidence = NULL;
    enum cg_status status;

    *out = NULL;
    if (len == 0 || len > most)
        return cg_fail(err, len == 0 ? CG_E_PARSE : CG_E_LIMIT,
                "%s of %zu bytes, at most %zu are read",
                kind == CG_EVIDENCE_CRL ? "CRL" : "OCSP response", len, most);
    evidence = calloc(1, sizeof(*evidence));
    if (evidence == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for revocation data");
    evidence->refs = 1;
    evidence->kind = kind;
    evidence->source = escaped(source);
    evidence->der = malloc(len);
    if (evidence->der == NULL || evidence->source == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for revocation data of %zu bytes", len);
        goto done;
    }
    memcpy(evidence->der, der, len);
    evidence->len = len;
    status = kind == CG_EVIDENCE_CRL ? cg_crl_parse(evidence, err) : cg_ocsp_parse(evidence, err);
    if (status != CG_OK)
        goto done;
    if (EVP_Digest(evidence->der, len, evidence->sha256, NULL, EVP_sha256(), NULL) != 1) {
        status = cg_fail(err, CG_E_CRYPTO, "cannot compute the SHA-256 of revocation data");
        goto done;
    }
    evidence->body.sha256 = evidence->sha256;
    evidence->body.remember = true;
    *out = evidence; /* ownership moves to the caller */
    evidence = NULL;
done:
    cg_evidence_free(evidence);
    return status;
}

struct cg_evidence *
cg_evidence_ref(const struct cg_evidence *evidence)
{
    struct cg_evidence *mine =
            (struct cg_evidence *)(uintptr_t)evidence; /* only the count changes */

    if (mine != NULL)
        __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void
cg_evidence_free(struct cg_evidence *evidence)
{
    if (evidence == NULL || __atomic_sub_fetch(&evidence->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (size_t i = 0; i < evidence->ocsp.cert_count; i++)
        cg_cert_free(evidence->ocsp.certs[i]);
    free(evidence->ocsp.responder.data);
    free(evidence->ocsp.answers);
    free(evidence->crl.canonical_issuer.data);
    free(evidence->crl.entries);
    free(evidence->source);
    free(evidence->der);
    free(evidence);
}

enum cg_evidence_kind
cg_evidence_kind(const struct cg_evidence *evidence)
{
    return evidence->kind;
}

const uint8_t *
cg_evidence_get0_der(const struct cg_evidence *evidence, size_t *len)
{
    *len = evidence->len;
    return evidence->der;
}

const uint8_t *
cg_evidence_get0_sha256(const struct cg_evidence *evidence)
{
    return evidence->sha256;
}

int64_t
cg_evidence_fresh_from(const struct cg_evidence *evidence)
{
    return evidence->fresh.from;
}

int64_t
cg_evidence_fresh_until(const struct cg_evidence *evidence)
{
    return evidence->fresh.until;
}

const char *
cg_evidence_unusable(const struct cg_evidence *evidence)
{
    return evidence->unusable;
}
