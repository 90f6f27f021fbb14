#include "control/lockout.h"

#include <string.h>
#include <sys/un.h>

#include "control/peers.h"
#include "control/shapes.h"
#include "inventory/would.h"

struct look {
    json_t *refused;
    json_t *admitted;
    uint64_t unsure; /* who was admitted in fact, and of whom what is kept does not say what then */
    int64_t now;
};

static json_t *
peer_json(const struct inventory_peer *peer, enum cg_reason reason, int64_t now)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:I,s:s,s:I}", "interface", peer->interface, "class",
            peer->class, "sha256", peer->sha256, "subject", peer->subject, "last_seen",
            shape_time(peer->last_seen), "count", (json_int_t)peer->count, "reason",
            reason == CG_REASON_NONE ? "" : cg_reason_info(reason)->code, "days_left",
            (json_int_t)shape_days_left(peer->not_after, now));
}

static bool
add(void *arg, enum would_kind kind, const struct inventory_peer *peer,
        const struct would_verdict *verdict)
{
    struct look *look = arg;
    json_t *list = kind == WOULD_REFUSE ? look->refused : look->admitted;

    look->unsure += kind == WOULD_UNSURE && peer->ever_accepted;
    if (kind != WOULD_UNSURE && json_array_size(list) < LOCKOUT_MAX_NAMED)
        (void)json_array_append_new(list,
                peer_json(peer, kind == WOULD_REFUSE ? verdict->then.reason : verdict->now.reason,
                        look->now));
    return true;
}

/* The interface by which an administrator comes is any whose backend is our own socket. */
static bool
is_way_in(const struct control *control, const struct snapshot_interface *it)
{
    const struct sockaddr_un *at = (const void *)&it->backend.addr;
    const char *socket = control->candidate->settings->console_socket;

    return socket != NULL && it->backend.addr.ss_family == AF_UNIX &&
            strcmp(at->sun_path, socket) == 0;
}

/* NULL with the text; JSON null where nothing is known. */
static json_t *
look_at_self(const struct control *control, struct inventory *inventory,
        const struct would_query *query, const char *administrator, struct cg_error *err)
{
    for (size_t i = 0; i < query->now->interface_count; i++) {
        const struct snapshot_interface *it = &query->now->interfaces[i];
        struct would_verdict verdict;
        bool found = false, admitted;

        if (!is_way_in(control, it))
            continue;
        if (would_one(inventory, query, it->name, administrator, &verdict, &found, err) != CG_OK)
            return NULL;
        if (!found || !verdict.then.known)
            continue;
        admitted = !verdict.then.closed && verdict.then.reason == CG_REASON_NONE;
        return json_pack("{s:s,s:b,s:s}", "interface", it->name, "admitted", admitted, "reason",
                admitted ? "" : cg_reason_info(verdict.then.reason)->code);
    }
    return json_null();
}

json_t *
lockout_look(const struct control *control, const struct candidate *candidate,
        const char *administrator, int64_t now, struct cg_error *err)
{
    struct inventory *inventory = peers_inventory(control->peers);
    const struct would_query query = { .now = &control->candidate->snapshot,
        .then = &candidate->snapshot,
        .at = now,
        .since = now - WOULD_USUAL_S };
    struct look look = { .refused = json_array(), .admitted = json_array(), .now = now };
    struct would_counts counts = { 0 };
    json_t *self = json_null(), *out = NULL;

    if (inventory == NULL) {
        out = json_null();
        goto done;
    }
    if (inventory_flush(inventory, err) != CG_OK ||
            would_each(inventory, &query, add, &look, &counts, err) != CG_OK)
        goto done;
    if (administrator != NULL && administrator[0] != '\0')
        self = look_at_self(control, inventory, &query, administrator, err);
    if (self != NULL)
        out = json_pack("{s:o,s:I,s:I,s:O,s:I,s:O,s:O}", "since", shape_time(query.since), "total",
                (json_int_t)counts.refused, "unsure", (json_int_t)look.unsure, "peers",
                look.refused, "admitted", (json_int_t)counts.admitted, "admits", look.admitted,
                "self", self);
done:
    json_decref(self);
    json_decref(look.refused);
    json_decref(look.admitted);
    return out;
}

bool
lockout_refuses(const json_t *look)
{
    const json_t *self = json_object_get(look, "self");

    return json_integer_value(json_object_get(look, "total")) != 0 ||
            json_integer_value(json_object_get(look, "unsure")) != 0 ||
            (json_is_object(self) && json_is_false(json_object_get(self, "admitted")));
}
