/* Reading the extensions that we process into a certificate's facts. */
#ifndef CG_X509_EXTENSIONS_H
#define CG_X509_EXTENSIONS_H

#include "x509/facts.h"

/*
 * Fills cert's extension list and facts from the contents of [3] EXPLICIT Extensions. False when the
 * list itself does not parse or memory is short; a malformed extension value is a defect.
 */
bool cg_extensions_read(struct cg_cert *cert, struct cg_span contents);

/* Notes a defect; the first one keeps the extension's OID. */
void cg_cert_note_defect(struct cg_cert *cert, enum cg_defect defect, struct cg_span oid);

/* Reads one Extension (section 4.1) at the cursor: of a certificate, a CRL, an entry, a response. */
struct cg_reader;
bool cg_extension_read(struct cg_reader *list, struct cg_extension *out);

#endif
