#include "snapshot/metrics.h"

#include <stdio.h>
#include <string.h>

struct metrics_interface *
metrics_find(struct metrics_page *page, const char *name)
{
    for (size_t i = 0; i < METRICS_MAX_INTERFACES; i++) {
        struct metrics_interface *it = &page->interfaces[i];

        if (it->name[0] == '\0')
            (void)snprintf(it->name, sizeof(it->name), "%s", name);
        if (strcmp(it->name, name) == 0)
            return it;
    }
    return NULL;
}

void
metrics_handshake(struct metrics_interface *metrics, uint64_t us)
{
    static const uint64_t bounds[] = {
#define X(ms) ms *UINT64_C(1000),
        METRICS_BUCKETS(X)
#undef X
    };
    size_t bucket = 0;

    while (bucket < METRICS_BUCKET_MORE && us > bounds[bucket])
        bucket++;
    metrics->handshake_buckets[bucket]++;
    metrics->handshake_us += us;
}
