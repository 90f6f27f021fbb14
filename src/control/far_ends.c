#include "control/far_ends.h"

#include <string.h>

void
far_ends_want(struct resolver *resolver, const struct snapshot *snapshot)
{
    const char *hosts[SNAPSHOT_MAX_INTERFACES];
    size_t count = 0;

    for (size_t i = 0; i < snapshot->interface_count; i++)
        if (snapshot_wants_name(&snapshot->interfaces[i]))
            hosts[count++] = snapshot->interfaces[i].connect_host;
    resolver_want(resolver, hosts, count);
}

void
far_ends_pass_on(struct resolver *resolver, struct fleet *fleet, struct cg_buf *lines)
{
    struct resolver_news news;

    while (resolver_next(resolver, &news)) {
        if (news.moved)
            fleet_send_addresses(fleet, news.name.host);
        if (news.failed)
            cg_buf_addf(lines, "%s cannot be looked up: %s; %s\n", news.name.host,
                    gai_strerror(news.name.code),
                    news.name.count != 0 ? "its last addresses stay in use"
                                         : "outbound connections to it are refused");
        if (news.recovered)
            cg_buf_addf(lines, "%s can be looked up again\n", news.name.host);
    }
}
