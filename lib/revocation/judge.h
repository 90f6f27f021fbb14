/* What the evidence says of a certification path: RFC 5280 section 6.3.3 and RFC 6960 section 3.2. */
#ifndef CG_REVOCATION_JUDGE_H
#define CG_REVOCATION_JUDGE_H

#include <certgate/decision.h>

#include "base/window.h"
#include "x509/path.h"

struct cg_revocation_result {
    /* The worst of the path's: revoked before unknown before good; NOT_ASKED where there is nobody to ask. */
    enum cg_revocation_status status;
    uint8_t certs[CG_MAX_PATH_CERTS]; /* enum cg_revocation_status, by place in the path */
    const struct cg_cert *concerns; /* the first of that status, borrowed from the path */
    char found[CG_MAX_NOTE];
    char note[CG_MAX_NOTE];
    struct cg_window good; /* while the answer stands */
    struct cg_window same; /* while a new one is the same word for word */
    unsigned signatures; /* verified, not from memory */
};

/*
 * Judges each certificate of a valid path but the last, the trust anchor; the certificates are judged in
 * the light of `known` (NULL for nothing) and, the received one, of what the peer stapled.
 *
 * Returns CG_OK whenever there is a result, CG_E_NOMEM or CG_E_CRYPTO.
 */
CG_CHECKED enum cg_status cg_revocation_judge(struct cg_engine *engine,
        const struct cg_path_result *path, const struct cg_peer *peer,
        struct cg_revocation_result *result, struct cg_error *err);

#endif
