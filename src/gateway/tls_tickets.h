/* Session tickets: sealed with the workers' shared keys, honoured only while their verdict holds. */
#ifndef GATEWAY_TLS_TICKETS_H
#define GATEWAY_TLS_TICKETS_H

#include "gateway/generation.h"

bool tls_tickets_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err);

#endif
