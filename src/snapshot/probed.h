/*
 * What a TLS server showed to certgate-fetch, as it tells certgated (messages PROBE and PROBED of ipc.h).
 *
 * certgate-fetch has read a stranger's handshake: what it tells is read like anything of a stranger.
 */
#ifndef SNAPSHOT_PROBED_H
#define SNAPSHOT_PROBED_H

#include <certgate/status.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

#define PROBED_ADDRESS_SIZE 48
#define PROBED_TLS_SIZE 16
#define PROBED_MAX_CERTS (1 + CG_MAX_CHAIN_CERTS)

enum probed_outcome {
    PROBED_CHAIN,
    PROBED_UNRESOLVED, /* the name has no address */
    PROBED_ADDRESS, /* it has one that is not to be reached */
    PROBED_REFUSED, /* no connection */
    PROBED_TIMEOUT,
    PROBED_NO_TLS, /* something else answered, or it hung up */
    PROBED_HANDSHAKE, /* TLS, which ended before a certificate came */
    PROBED_NO_CERTIFICATE, /* TLS without one */
    PROBED_TOO_LARGE, /* more certificates than a peer may send */
    PROBED_FAILED, /* nothing was found out */
    PROBED_OUTCOMES
};

struct probed {
    enum probed_outcome outcome;
    char address[PROBED_ADDRESS_SIZE]; /* that was connected to; "" none */
    char tls[PROBED_TLS_SIZE]; /* "TLSv1.3"; "" none */
    char why[CG_ERROR_TEXT_SIZE]; /* in the words of whoever noticed */
    struct cg_span certs[PROBED_MAX_CERTS]; /* DER, borrowed, the server's own first */
    size_t count; /* of PROBED_CHAIN at least one, else 0 */
};

/* The payload of PROBED. */
void probed_write(const struct probed *probed, struct cg_buf *out);
/* False unless it is one in all its parts; its texts are printable ASCII then. */
bool probed_read(struct cg_span payload, struct probed *out);

#endif
