/* Object identifiers as DER contents, and the names that people know them by. */
#ifndef CG_X509_OID_H
#define CG_X509_OID_H

#include "base/span.h"
#include "x509/facts.h"

/* The row's name for the OID ("serverAuth", "sha256WithRSAEncryption"), or NULL. */
const char *cg_oid_name(struct cg_span oid);

/* Which extension an OID names. */
enum cg_extension_id cg_oid_extension(struct cg_span oid);
/* Which key algorithm an OID names. */
enum cg_key_type cg_oid_key_type(struct cg_span oid);
/* CG_EKU_… bit of a purpose; CG_EKU_OTHER when it is none of ours. */
uint32_t cg_oid_purpose(struct cg_span oid);
/* Field size of a named curve in bits; 0 when unknown. */
unsigned cg_oid_curve_bits(struct cg_span oid);

#endif
