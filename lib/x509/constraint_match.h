/* One name against one subtree of a nameConstraints extension (RFC 5280 section 4.2.1.10). */
#ifndef CG_X509_CONSTRAINT_MATCH_H
#define CG_X509_CONSTRAINT_MATCH_H

#include "x509/facts.h"

enum cg_subtree_relation {
    CG_SUBTREE_OUTSIDE, /* no name that this one stands for is in the subtree */
    CG_SUBTREE_OVERLAPS, /* a wildcard: some are, some are not */
    CG_SUBTREE_INSIDE,
    CG_SUBTREE_UNCLEAR, /* the name is not valid for its type: nothing can be said */
};

/* The base is a valid one for its type; types that we do not process are taken as valid. */
bool cg_subtree_base_valid(const struct cg_general_name *base);

/* The name is one as its type wants it; URIs and types that we do not process always are. */
bool cg_subtree_name_valid(const struct cg_general_name *name);

/* Where a name stands to a subtree of the same type; both are valid. */
enum cg_subtree_relation cg_subtree_relate(
        const struct cg_general_name *base, const struct cg_general_name *name);

/* What one comparison costs in units of the cheapest; 0 for types whose subtrees we do not process. */
unsigned cg_subtree_cost(enum cg_name_type type);

/* A host name in letter-digit-hyphen form (underscores too), at least `labels` labels, no final dot. */
bool cg_constraint_host_valid(struct cg_span host, unsigned labels);

#endif
