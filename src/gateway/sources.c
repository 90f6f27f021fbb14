#include "gateway/sources.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* An IPv4 address as IPv6 maps it, whatever socket it came by; of IPv6 the network that one host has. */
static bool
prefix_of(const struct sockaddr *from, uint8_t out[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    const struct sockaddr_in6 *from6 = (const struct sockaddr_in6 *)(const void *)from;
    const struct sockaddr_in *from4 = (const struct sockaddr_in *)(const void *)from;

    memset(out, 0, 16);
    if (from->sa_family == AF_INET) {
        memcpy(out, mapped, sizeof(mapped));
        memcpy(out + 12, &from4->sin_addr, 4);
        return true;
    }
    if (from->sa_family != AF_INET6)
        return false;
    memcpy(out, &from6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&from6->sin6_addr) ? 16 : 8);
    return true;
}

/* FNV-1a from a random start, folded. */
static size_t
bucket_of(const struct sources *sources, const uint8_t prefix[16])
{
    uint64_t hash = sources->seed ^ 14695981039346656037u;

    for (size_t i = 0; i < 16; i++)
        hash = (hash ^ prefix[i]) * 1099511628211u;
    return (size_t)((hash ^ hash >> 32) % SOURCES_BUCKETS);
}

struct source *
sources_take(struct sources *sources, const struct sockaddr *from, bool *failed)
{
    struct source **at, *source;
    uint8_t prefix[16];

    *failed = false;
    if (!prefix_of(from, prefix))
        return NULL;
    at = &sources->buckets[bucket_of(sources, prefix)];
    for (source = *at; source != NULL; source = source->next)
        if (memcmp(source->prefix, prefix, sizeof(prefix)) == 0)
            break;
    if (source == NULL) {
        source = calloc(1, sizeof(*source));
        *failed = source == NULL;
        if (source == NULL)
            return NULL;
        memcpy(source->prefix, prefix, sizeof(prefix));
        source->next = *at;
        *at = source;
    }
    source->connections++;
    return source;
}

void
sources_give(struct sources *sources, struct source *source)
{
    struct source **at;

    if (source == NULL || --source->connections != 0)
        return;
    at = &sources->buckets[bucket_of(sources, source->prefix)];
    while (*at != source)
        at = &(*at)->next;
    *at = source->next;
    free(source);
}
