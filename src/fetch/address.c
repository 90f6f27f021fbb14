#include "fetch/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* A network: its address as 16 octets (IPv4 as ::ffff:0:0/96 maps it), and the length of its prefix. */
struct network {
    uint8_t prefix[16];
    unsigned bits;
};

#define V4(a, b, c, d, bits)                                                                       \
    {                                                                                              \
        { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, 96 + (bits)                      \
    }

/* The registries of special-purpose addresses (RFC 6890): all that is not globally reachable. */
/* clang-format off */
static const struct network special[] = {
    V4(0, 0, 0, 0, 8),          /* this network */
    V4(10, 0, 0, 0, 8),         /* private, RFC 1918 */
    V4(100, 64, 0, 0, 10),      /* shared by carriers, RFC 6598 */
    V4(127, 0, 0, 0, 8),        /* loopback */
    V4(169, 254, 0, 0, 16),     /* link-local; metadata servers of clouds */
    V4(172, 16, 0, 0, 12),      /* private */
    V4(192, 0, 0, 0, 24),       /* IETF protocols */
    V4(192, 0, 2, 0, 24),       /* documentation */
    V4(192, 168, 0, 0, 16),     /* private */
    V4(198, 18, 0, 0, 15),      /* benchmarks */
    V4(198, 51, 100, 0, 24),    /* documentation */
    V4(203, 0, 113, 0, 24),     /* documentation */
    V4(224, 0, 0, 0, 3),        /* multicast and reserved, broadcast too */
};
/* Of IPv6 only global unicast is fetched from (RFC 4291 section 2.4), and of that not … */
static const struct network global = { { 0x20 }, 3 };
static const struct network inside_global[] = {
    { { 0x20, 0x01, 0x00, 0x00 }, 23 },             /* IETF protocols, Teredo among them */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },             /* documentation */
    { { 0x20, 0x02 }, 16 },                         /* 6to4: an IPv4 address inside */
    { { 0x3f, 0xff, 0x00 }, 20 },                   /* documentation */
};
/* What a network of one's own has beside public addresses. */
static const struct network routed[] = {
    V4(10, 0, 0, 0, 8),
    V4(172, 16, 0, 0, 12),
    V4(192, 168, 0, 0, 16),
    V4(100, 64, 0, 0, 10),      /* tunnels between sites use them too */
    { { 0xfc }, 7 },            /* unique local, RFC 4193 */
};
/* Servers inside these and public networks that give a cloud's machines their secrets. */
static const struct network metadata[] = {
    V4(100, 100, 100, 200, 32),
    V4(168, 63, 129, 16, 32),
    { { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54 }, 128 },
    { { 0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54 }, 128 },
};
static const struct network mapped = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 };
static const struct network nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };
/* clang-format on */

static bool
holds(const struct network *network, const uint8_t address[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    if (memcmp(network->prefix, address, whole) != 0)
        return false;
    return rest == 0 || ((network->prefix[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool
is_in(const struct network *networks, size_t count, const uint8_t address[16])
{
    for (size_t i = 0; i < count; i++)
        if (holds(&networks[i], address))
            return true;
    return false;
}

static bool
octets_are_public(const uint8_t address[16])
{
    if (holds(&mapped, address))
        return !is_in(special, sizeof(special) / sizeof(special[0]), address);
    return holds(&global, address) &&
            !is_in(inside_global, sizeof(inside_global) / sizeof(inside_global[0]), address);
}

static bool
octets_of(const struct sockaddr *address, uint8_t octets[16])
{
    memcpy(octets, mapped.prefix, 16);
    if (address->sa_family == AF_INET)
        memcpy(octets + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(octets, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    /* What a translator makes of it counts (RFC 6052). */
    if (holds(&nat64, octets))
        memcpy(octets, mapped.prefix, 12);
    return true;
}

bool
address_is_public(const struct sockaddr *address)
{
    uint8_t octets[16];

    return octets_of(address, octets) && octets_are_public(octets);
}

bool
address_is_routed(const struct sockaddr *address)
{
    uint8_t octets[16];

    if (!octets_of(address, octets) ||
            is_in(metadata, sizeof(metadata) / sizeof(metadata[0]), octets))
        return false;
    if (is_in(routed, sizeof(routed) / sizeof(routed[0]), octets))
        return true;
    return octets_are_public(octets);
}
