/* Tells a backend who its peer is: the PROXY header of an admitted connection. */
#ifndef GATEWAY_INTRODUCE_H
#define GATEWAY_INTRODUCE_H

#include "gateway/proxy.h"
#include "gateway/tls.h"

/*
 * The header in new memory, which the caller frees; NULL without memory.
 *
 * version    1 or 2
 * ends       the peer's address and the one it connected to
 * handshake  finished and admitted; its decision still there unless the session was resumed
 */
uint8_t *introduce(unsigned version, const struct proxy_ends *ends, SSL *ssl,
        const struct handshake *handshake, size_t *len);

#endif
