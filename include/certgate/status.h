/*
 * Results of library calls.
 *
 * A status says whether a function could do its job. It is never a verdict: a
 * refused certificate is data (see decision.h). A caller that gets anything but
 * CG_OK from cg_evaluate() refuses the peer with reason internal-error.
 */
#ifndef CERTGATE_STATUS_H
#define CERTGATE_STATUS_H

#define CG_CHECKED __attribute__((warn_unused_result))

enum cg_status {
    CG_OK = 0,
    CG_E_PARSE,   /* the input is malformed */
    CG_E_LIMIT,   /* a named limit of lib/base/limits.h would be exceeded */
    CG_E_NOMEM,   /* no memory */
    CG_E_USAGE,   /* the caller's arguments do not fit together */
    CG_E_CRYPTO,  /* the cryptographic library failed to do its job */
};

#define CG_ERROR_TEXT_SIZE 512

/* A sentence for an operator: lower case, what failed first, no final full stop. */
struct cg_error {
    char text[CG_ERROR_TEXT_SIZE];
};

/* The status's name for logs ("ok", "parse", "limit", …); never NULL. */
const char *cg_status_name(enum cg_status status);

#endif
