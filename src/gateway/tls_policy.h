/* Which algorithms we use, and which we let a peer's certificate use so that our checks can speak. */
#ifndef GATEWAY_TLS_POLICY_H
#define GATEWAY_TLS_POLICY_H

#include "gateway/generation.h"

bool tls_policy_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err);

#endif
