/* Which addresses may be fetched from. */
#ifndef FETCH_ADDRESS_H
#define FETCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * False for what only this machine or this network knows: loopback, link-local, private and shared
 * addresses, multicast, documentation, and IPv6 addresses that stand for such an IPv4 one.
 */
bool address_is_public(const struct sockaddr *address);

#endif
