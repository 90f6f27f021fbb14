/*
 * Certificates of peers that resume, parsed and in words: a resumption brings the bytes that a full handshake
 * has judged before, and they are read as often as the peer comes back.
 */
#ifndef GATEWAY_LEAVES_H
#define GATEWAY_LEAVES_H

#include <certgate/certgate.h>

#include "base/span.h"

#define LEAVES_PLACES 1024 /* some 3 KiB each */

struct leaf {
    uint8_t sha256[CG_SHA256_SIZE];
    struct cg_cert *cert; /* NULL: free */
    char *json; /* cg_cert_json() */
};

struct leaves;
struct leaves *leaves_new(void);
void leaves_free(struct leaves *leaves);

/*
 * The certificate with this digest, which the caller has compared with the bytes; borrowed until the next
 * call. NULL without memory, or when it cannot be read.
 */
const struct leaf *leaves_get(
        struct leaves *leaves, const uint8_t sha256[CG_SHA256_SIZE], struct cg_span der);

#endif
