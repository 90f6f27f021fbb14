#include "control/ports.h"

#include <stdlib.h>

static size_t
count_listeners(const struct candidate *candidate)
{
    size_t total = 0;

    for (size_t i = 0; i < candidate->snapshot.interface_count; i++)
        total += candidate->snapshot.interfaces[i].listen_count;
    return total;
}

bool
ports_take(struct sockets *sockets, const struct candidate *candidate, size_t **listeners,
        struct cg_buf *problems)
{
    const struct snapshot *snapshot = &candidate->snapshot;
    size_t count = 0, total = count_listeners(candidate);
    struct socket_set *set;
    struct cg_error err;

    *listeners = calloc(total + 1, sizeof(**listeners));
    if (*listeners == NULL) {
        cg_buf_add(problems, "no memory\n");
        return false;
    }
    for (size_t i = 0; i < sockets->count; i++)
        sockets->sets[i].in_use = false;
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        for (size_t j = 0; j < snapshot->interfaces[i].listen_count; j++) {
            set = sockets_get(sockets, &snapshot->interfaces[i].listen[j].at, &err);
            if (set == NULL)
                cg_buf_addf(
                        problems, "interface '%s': %s\n", snapshot->interfaces[i].name, err.text);
            else
                (*listeners)[count++] = (size_t)(set - sockets->sets);
        }
    }
    return count == total;
}

void
ports_keep(struct sockets *sockets, const struct candidate *candidate, size_t *listeners)
{
    size_t total = count_listeners(candidate);

    for (size_t i = 0; i < sockets->count; i++)
        sockets->sets[i].in_use = false;
    for (size_t i = 0; i < total; i++)
        sockets->sets[listeners[i]].in_use = true;
    ports_sweep(sockets, candidate, listeners);
}

void
ports_sweep(struct sockets *sockets, const struct candidate *candidate, size_t *listeners)
{
    size_t next = 0, total = count_listeners(candidate);
    bool any = false;
    size_t *moved;

    for (size_t i = 0; i < sockets->count; i++)
        any = any || !sockets->sets[i].in_use;
    if (!any)
        return;
    moved = calloc(sockets->count + 1, sizeof(*moved));
    if (moved == NULL)
        return;
    for (size_t i = 0; i < sockets->count; i++)
        moved[i] = sockets->sets[i].in_use ? next++ : 0;
    for (size_t i = 0; i < total; i++)
        listeners[i] = moved[listeners[i]];
    free(moved);
    sockets_sweep(sockets);
}
