/*
 * Preparing attribute values of names for comparison: RFC 4518 as RFC 5280 section 7.1 asks for it, by
 * caseIgnoreMatch. Normalisation (step 3) is left out: it needs tables of its own, and CAs write their
 * names the same way twice.
 */
#ifndef CG_X509_STRINGPREP_H
#define CG_X509_STRINGPREP_H

#include "base/buf.h"

/*
 * Folds the UTF-8 text in place; it never grows. Letters of the Latin, Greek, Cyrillic and Armenian
 * scripts in lower case, characters without a shape left out, white space as one blank, none at the
 * ends. False when the text is not UTF-8: then it is unchanged.
 */
bool cg_string_prepare(struct cg_buf *text);

/* Appends the character's UTF-8. */
void cg_buf_add_utf8(struct cg_buf *buf, uint32_t c);

#endif
