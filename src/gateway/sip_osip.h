/*
 * The same values once more, read by libosip2's parser: a second opinion that shares no code with ours.
 * Where the two differ, a backend's parser might as well, and the message is refused.
 */
#ifndef GATEWAY_SIP_OSIP_H
#define GATEWAY_SIP_OSIP_H

#include "gateway/sip_text.h"

bool sip_osip_agrees_on_uri(struct cg_span text, const struct sip_uri *uri);
/* value: of a From. */
bool sip_osip_agrees_on_address(struct cg_span value, const struct sip_uri *uri, bool tagged);
bool sip_osip_agrees_on_via(const struct sip_via *via);

#endif
