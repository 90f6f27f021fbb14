/* Which addresses may be connected to. */
#ifndef FETCH_ADDRESS_H
#define FETCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * False for what only this machine or this network knows: loopback, link-local, private and shared
 * addresses, multicast, documentation, and IPv6 addresses that stand for such an IPv4 one.
 */
bool address_is_public(const struct sockaddr *address);
/*
 * True for public addresses and those of networks of one's own, private and unique local ones. False for this
 * machine, for what is reached on one link only, and for where a cloud keeps its machines' secrets.
 */
bool address_is_routed(const struct sockaddr *address);

#endif
