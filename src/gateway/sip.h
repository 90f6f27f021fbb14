/*
 * SIP messages in a byte stream: where one begins and ends, and what decides whose it is (RFC 3261
 * sections 7 and 18.3, RFC 5626 section 3.5.1 keep-alives, RFC 5923 connection reuse).
 *
 * What is read here is read again by the backend, with another parser. A message that two of them could
 * take differently, in its length or in its From, is therefore refused, also where a liberal reader would
 * guess. (docs/protocols/sip.md)
 */
#ifndef GATEWAY_SIP_H
#define GATEWAY_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "gateway/limits.h"

enum sip_result {
    SIP_MORE, /* the head goes on beyond the data, or there is none yet */
    SIP_KEEPALIVE, /* the first *used bytes are CRLFs between messages; two in a row are a ping */
    SIP_HEAD, /* the first *used bytes are a head; body_len bytes of body follow it */
    SIP_BAD, /* *why says what: the connection is to be closed */
};

struct sip_head {
    size_t head_len;
    size_t body_len;
    bool request;
    /* Of a request: */
    char method[GW_MAX_SIP_METHOD + 1]; /* as sent: methods are case-sensitive */
    /*
     * Hosts of From and of the Request-URI where these are sip or sips URIs, otherwise "". DNS names in
     * lower case without the root's dot; IPv4 dotted; IPv6 as inet_ntop() writes it, without brackets,
     * and an IPv4 address mapped into it as IPv4.
     */
    char from_domain[GW_MAX_SIP_HOST + 1];
    char request_domain[GW_MAX_SIP_HOST + 1];
    /*
     * The "alias" parameter of the topmost Via with all that belongs to it, 0 and 0 where there is none:
     * these bytes are cut out where it must not be honoured.
     */
    size_t alias_at, alias_len;
    /* Of a response: */
    int status;
};

/*
 * Looks at the start of data. Of a response only the length and the status are read: its From was
 * written by the backend. However a stream is cut into calls, its messages come out the same.
 */
enum sip_result sip_read(
        const uint8_t *data, size_t len, size_t *used, struct sip_head *head, const char **why);

/*
 * Appends a final response to a request whose head sip_read() has accepted (RFC 3261 section 8.2.6). It
 * tells the peer the status, the phrase and the incident id, nothing of the reason. False where none may
 * be sent (ACK, a response) or none can be (a To that is not an address, out is full).
 */
bool sip_answer(const uint8_t *head, size_t head_len, unsigned status, const char *phrase,
        const char *incident, struct cg_buf *out);

#endif
