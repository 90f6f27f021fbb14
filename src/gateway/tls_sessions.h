/* Sessions: kept in memory that the workers share, resumed only while their verdict holds. */
#ifndef GATEWAY_TLS_SESSIONS_H
#define GATEWAY_TLS_SESSIONS_H

#include "gateway/generation.h"

/*
 * Frees the certificates that libssl holds of the peer, after the handshake: parsed they take 9 KB of each
 * connection, and handshake->received has their bytes. Where that cannot be done, libssl keeps them.
 */
void tls_drop_peer(SSL *ssl);

bool tls_sessions_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err);

#endif
