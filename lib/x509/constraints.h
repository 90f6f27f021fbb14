/* Name constraints: RFC 5280 section 4.2.1.10. */
#ifndef CG_X509_CONSTRAINTS_H
#define CG_X509_CONSTRAINTS_H

#include "x509/facts.h"

enum cg_constraint_result {
    CG_CONSTRAINT_OK,
    CG_CONSTRAINT_VIOLATED,
    CG_CONSTRAINT_LIMIT, /* more comparisons than the budget has */
};

/* The first name that is not allowed and why; texts are escaped. */
struct cg_constraint_fault {
    char found[CG_MAX_NOTE];
    char wanted[CG_MAX_NOTE];
};

/*
 * True when the extension's value is well formed, subtree by subtree: at least one, minimum 0, no
 * maximum, and a base that is valid for its type.
 */
bool cg_constraints_well_formed(struct cg_span value);

/*
 * Judges every name of `cert` by one nameConstraints value that is well formed.
 *
 * end_entity  the certificate is the received one: its CN counts where it has no dNSName
 * budget      comparisons left, counted down; a dear one counts for several
 * fault       filled when violated
 */
enum cg_constraint_result cg_constraints_check(struct cg_span value, const struct cg_cert *cert,
        bool end_entity, unsigned *budget, struct cg_constraint_fault *fault);

#endif
