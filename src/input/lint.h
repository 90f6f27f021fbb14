/* What may be wrong with a trusted certificate. */
#ifndef INPUT_LINT_H
#define INPUT_LINT_H

#include <certgate/certgate.h>

#include "base/span.h"

/* CA names that a CertificateRequest may carry (shared contract, section 5). */
#define LINT_MAX_CA_NAMES (64 * 1024)

struct lint_rule {
    const char *id; /* "key-weak" */
    bool (*holds)(const struct cg_cert *cert, int64_t now);
    const char *says;
};

extern const struct lint_rule lint_rules[];
extern const size_t lint_rule_count;

/* Its subject in DER, borrowed. */
struct cg_span lint_ca_name(const struct cg_cert *cert);
/* Octets that the certificate's subject takes in a list of CA names (RFC 5246 section 7.4.4); 0: it is no CA. */
size_t lint_ca_name_size(const struct cg_cert *cert);

#endif
