/* CRLs and OCSP responses from files and from what a server sent: PEM or DER. */
#ifndef INPUT_EVIDENCE_H
#define INPUT_EVIDENCE_H

#include <certgate/certgate.h>

/* Largest file: the largest CRL as PEM. */
#define INPUT_MAX_EVIDENCE_BYTES ((size_t)24 * 1024 * 1024)

/*
 * One CRL ("X509 CRL" where it is PEM) or one OCSP response (DER only). `name` is its source: the file or
 * the URL. Returns CG_OK, CG_E_PARSE, CG_E_LIMIT, CG_E_NOMEM or CG_E_CRYPTO; the text names the source.
 */
CG_CHECKED enum cg_status input_evidence_bytes(const char *name, enum cg_evidence_kind kind,
        const uint8_t *bytes, size_t len, struct cg_evidence **out, struct cg_error *err);

/* The same from a file; CG_E_USAGE when it cannot be read. */
CG_CHECKED enum cg_status input_evidence_load(const char *path, enum cg_evidence_kind kind,
        struct cg_evidence **out, struct cg_error *err);

#endif
