/* The server name of a ClientHello, read before libssl looks at tickets (RFC 6066 section 3). */
#ifndef GATEWAY_HELLO_H
#define GATEWAY_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/limits.h"

/*
 * data is the body of the server_name extension. True when it holds a host_name, which is then in name
 * (NUL-terminated, lower case) and *len; a body that is malformed or names nothing gives false.
 */
bool hello_server_name(
        const uint8_t *data, size_t len, char name[GW_MAX_SNI + 1], size_t *name_len);

#endif
