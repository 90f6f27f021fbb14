/* Sessions: kept in memory that the workers share, resumed only while their verdict holds. */
#ifndef GATEWAY_TLS_SESSIONS_H
#define GATEWAY_TLS_SESSIONS_H

#include "gateway/generation.h"

bool tls_sessions_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err);

#endif
