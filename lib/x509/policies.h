/* Certificate policies: RFC 5280 section 6.1, as a graph instead of a tree (RFC 9618). */
#ifndef CG_X509_POLICIES_H
#define CG_X509_POLICIES_H

#include "x509/facts.h"

enum cg_policy_result {
    CG_POLICY_OK,
    CG_POLICY_REQUIRED, /* a certificate asks for a policy that holds for the whole path: there is none */
    CG_POLICY_LIMIT, /* more than CG_MAX_POLICY_NODES at one certificate */
};

/*
 * True when this certificate's certificatePolicies, policyMappings, policyConstraints and
 * inhibitAnyPolicy are well formed as far as it has them; else *where is the extension concerned.
 */
bool cg_policies_well_formed(const struct cg_cert *cert, struct cg_span *where);

/*
 * Judges a complete path (received certificate first, anchor last, or a path of one) with the initial
 * values any-policy, explicit policy not required, mapping and anyPolicy not inhibited. *failed is set
 * to the index of the certificate at which no policy was left.
 */
enum cg_policy_result cg_policies_check(
        const struct cg_cert *const *certs, size_t count, size_t *failed);

#endif
