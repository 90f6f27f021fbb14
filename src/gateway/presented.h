/* Which of an interface's certificates a peer gets, by the server name that it asks for (RFC 6066 section 3). */
#ifndef GATEWAY_PRESENTED_H
#define GATEWAY_PRESENTED_H

#include "gateway/generation.h"

/*
 * The first that is for this very name, else the first whose wildcard covers it, else the first of all: a
 * peer that wants another one refuses us by itself, and one that does not care is served.
 *
 * name   lower case; "" where the peer asks for none
 */
const struct gw_presented *presented_for(const struct gw_interface *iface, const char *name);

#endif
