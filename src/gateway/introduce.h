/* Tells a backend who its peer is: the PROXY header of an admitted connection. */
#ifndef GATEWAY_INTRODUCE_H
#define GATEWAY_INTRODUCE_H

#include "gateway/conn.h"
#include "gateway/proxy.h"

/*
 * The header in new memory, which the caller frees; NULL without memory.
 *
 * version  1 or 2
 * ends     the peer's address and the one it connected to
 * conn     admitted; its decision still there unless the session was resumed
 */
uint8_t *introduce(
        unsigned version, const struct proxy_ends *ends, const struct conn *conn, size_t *len);

#endif
