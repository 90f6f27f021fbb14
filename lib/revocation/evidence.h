/* The inside of a CRL and of an OCSP response: spans into its own DER, filled once, never changed. */
#ifndef CG_REVOCATION_EVIDENCE_H
#define CG_REVOCATION_EVIDENCE_H

#include <certgate/revocation.h>

#include "base/window.h"
#include "x509/crypto.h"
#include "x509/facts.h"

/* The serial number of an entry and what stands behind it, as places in the DER: a CRL has many. */
struct cg_crl_entry {
    uint32_t serial;
    uint16_t serial_len;
    uint16_t rest_len; /* revocationDate and crlEntryExtensions, right behind the serial number */
};

struct cg_crl {
    struct cg_span issuer; /* Name, header included */
    struct cg_canonical_name canonical_issuer;
    struct cg_crl_entry *entries; /* ascending by length and bytes of the serial number */
    size_t entry_count;
    /* issuingDistributionPoint (RFC 5280 section 5.2.5) */
    bool only_user;
    bool only_ca;
    struct cg_span point; /* contents of fullName; empty where there is none */
};

/* One SingleResponse (RFC 6960 section 4.2.1). */
struct cg_ocsp_answer {
    struct cg_span hash; /* OID contents of the certID's digest */
    struct cg_span issuer_name;
    struct cg_span issuer_key;
    struct cg_span serial;
    enum cg_revocation_status status;
    int64_t revoked_at;
    int reason; /* CRLReason, -1 where none is given */
    int64_t this_update;
    struct cg_window fresh;
    bool critical_unknown; /* an extension that is critical, so it answers nothing */
};

struct cg_ocsp {
    struct cg_canonical_name responder; /* byName; data NULL where … */
    struct cg_span responder_key; /* … byKey: SHA-1 of the responder's key bits */
    struct cg_ocsp_answer *answers;
    size_t answer_count;
    struct cg_cert *certs[CG_MAX_OCSP_CERTS]; /* that came with it and parse */
    size_t cert_count;
};

struct cg_evidence {
    unsigned refs; /* atomic */
    enum cg_evidence_kind kind;
    uint8_t *der;
    size_t len;
    uint8_t sha256[CG_SHA256_SIZE];
    char *source; /* escaped */
    const char *unusable; /* NULL, or why nothing can be told by it */
    int64_t this_update; /* CRL; of a response each answer has its own */
    struct cg_window fresh;
    struct cg_signed body;
    struct cg_crl crl;
    struct cg_ocsp ocsp;
};

/* What a list of extensions is asked: true where this one is known to it. */
typedef bool cg_extension_taker(void *context, const struct cg_extension *extension);

/*
 * Walks Extensions (the SEQUENCE). False when malformed; *unknown is set where one that is critical was not
 * taken or one came twice.
 */
bool cg_evidence_extensions(
        struct cg_reader *reader, cg_extension_taker *take, void *context, bool *unknown);
/* From thisUpdate to nextUpdate; without one (`next` NULL) for a day. */
struct cg_window cg_evidence_window(int64_t this_update, const int64_t *next);

/* Parse evidence->der into what it says. CG_OK, CG_E_PARSE, CG_E_LIMIT or CG_E_NOMEM. */
enum cg_status cg_crl_parse(struct cg_evidence *evidence, struct cg_error *err);
enum cg_status cg_ocsp_parse(struct cg_evidence *evidence, struct cg_error *err);

/* The entry of this serial number, or NULL. */
const struct cg_crl_entry *cg_crl_find(const struct cg_evidence *evidence, struct cg_span serial);
/* When it was revoked, and why: CRLReason, or -1. */
void cg_crl_entry_read(const struct cg_evidence *evidence, const struct cg_crl_entry *entry,
        int64_t *when, int *reason);

/*
 * The CRL is made for certificates like this one (RFC 5280 section 6.3.3 (b)(2)): NULL, or why it is not.
 */
const char *cg_crl_out_of_scope(const struct cg_evidence *evidence, const struct cg_cert *cert);

/* The set's inside: `judge.c` walks it. */
struct cg_revocation {
    unsigned refs; /* atomic */
    struct cg_evidence **items; /* ascending by fingerprint once frozen */
    size_t count;
    size_t size;
    bool frozen;
    uint8_t digest[CG_SHA256_SIZE];
};

#endif
