/* Routes about the certificates that peers have shown. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "control/api/certificates.h"
#include "control/api/handlers.h"
#include "control/api/view.h"
#include "control/peers.h"
#include "inventory/inventory.h"

/* ---- the inventory ----------------------------------------------------------------------------- */

struct listing {
    json_t *list;
    const char *wanted; /* part of the subject, names or fingerprint; NULL: all */
    uint64_t skip;
    uint64_t limit;
    uint64_t total;
    int64_t now;
};

static json_t *
verdict_json(const char *verdict, const char *reason)
{
    return json_pack("{s:s,s:s}", "verdict", verdict, "reason", reason);
}

static json_t *
verdicts_json(const struct inventory_peer *peer)
{
    json_t *out = json_object();

    for (size_t i = 0; i < CG_LEVEL_COUNT; i++) {
        const struct inventory_verdict *at = &peer->at[i];
        const bool accepted = at->reason == CG_REASON_NONE;

        (void)json_object_set_new(out, cg_level_name((enum cg_level)i),
                !at->known ? json_null()
                           : verdict_json(accepted ? "accept" : "reject",
                                     accepted ? "" : cg_reason_info(at->reason)->code));
    }
    return out;
}

static json_t *
peer_json(const struct inventory_peer *peer, int64_t now)
{
    return json_pack(
            "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:o,s:o,s:o,s:I,s:s?,s:s,s:b,s:o}",
            "interface", peer->interface, "class", peer->class, "service", peer->service, "role",
            peer->role, "sha256", peer->sha256, "subject", peer->subject, "issuer", peer->issuer,
            "san", peer->names, "peer", peer->peer, "first_seen", shape_time(peer->first_seen),
            "last_seen", shape_time(peer->last_seen), "count", (json_int_t)peer->count, "verdicts",
            verdicts_json(peer), "not_before", shape_time(peer->not_before), "not_after",
            shape_time(peer->not_after), "days_left",
            (json_int_t)shape_days_left(peer->not_after, now), "successor",
            peer->successor_sha256[0] == '\0' ? NULL : peer->successor_sha256, "level", peer->level,
            "latched", peer->latched, "enforced",
            verdict_json(peer->accepted ? "accept" : "reject", peer->reason));
}

static bool
is_wanted(const struct inventory_peer *peer, const char *wanted)
{
    return wanted == NULL || strcasestr(peer->subject, wanted) != NULL ||
            strcasestr(peer->names, wanted) != NULL ||
            strncasecmp(peer->sha256, wanted, strlen(wanted)) == 0;
}

static bool
add_peer(void *arg, const struct inventory_peer *peer)
{
    struct listing *listing = arg;

    if (!is_wanted(peer, listing->wanted))
        return true;
    listing->total++;
    if (listing->total > listing->skip && json_array_size(listing->list) < listing->limit)
        (void)json_array_append_new(listing->list, peer_json(peer, listing->now));
    return true;
}

static struct inventory *
find_inventory(struct api_request *request)
{
    struct inventory *inventory = peers_inventory(request->control->peers);

    if (inventory == NULL)
        api_error(request, MHD_HTTP_CONFLICT, "invalid",
                "there is no inventory of peers (inventory = false in %s)",
                request->control->options.config);
    return inventory;
}

void
api_peers(struct api_request *request)
{
    const char *interface = api_query(request, "interface");
    const struct inventory_query query = { .interfaces = &interface,
        .interface_count = interface == NULL ? 0 : 1,
        .since = INT64_MIN,
        .expires_by = INT64_MAX };
    struct listing listing = { .list = json_array(),
        .wanted = api_query(request, "q"),
        .skip = api_query_number(request, "after", 0, 0, UINT32_MAX),
        .limit = api_query_number(request, "limit", 200, 1, API_MAX_LIMIT),
        .now = (int64_t)time(NULL) };
    struct inventory *inventory = find_inventory(request);
    struct cg_error err = { "" };
    uint64_t shown;

    if (inventory == NULL)
        goto done;
    if (inventory_flush(inventory, &err) != CG_OK ||
            inventory_each(inventory, &query, add_peer, &listing, &err) != CG_OK) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err.text);
        goto done;
    }
    shown = listing.skip + json_array_size(listing.list);
    api_ok(request,
            json_pack("{s:I,s:O,s:o}", "total", (json_int_t)listing.total, "peers", listing.list,
                    "next", shown < listing.total ? json_integer((json_int_t)shown) : json_null()));
done:
    json_decref(listing.list);
}

/* ---- what expires ------------------------------------------------------------------------------ */

struct expiring {
    json_t *list;
    int64_t by;
    int64_t now;
};

static json_t *
expiring_json(const char *sha256, const char *subject, int64_t not_after, int64_t now,
        const char *key, const char *value)
{
    json_t *out = json_pack("{s:s,s:s,s:o,s:I}", "sha256", sha256, "subject", subject, "not_after",
            shape_time(not_after), "days_left", (json_int_t)shape_days_left(not_after, now));

    if (out != NULL && key != NULL)
        (void)json_object_set_new(out, key, json_string(value));
    return out;
}

static bool
add_expiring_trusted(void *arg, const struct store_cert *cert)
{
    struct expiring *expiring = arg;
    json_t *hex;

    if (cert->not_after > expiring->by)
        return true;
    hex = shape_hex(cert->sha256, CG_SHA256_SIZE);
    (void)json_array_append_new(expiring->list,
            expiring_json(json_string_value(hex), cert->subject, cert->not_after, expiring->now,
                    NULL, NULL));
    json_decref(hex);
    return true;
}

static bool
add_expiring_identity(void *arg, const struct store_identity *it)
{
    struct expiring *expiring = arg;
    struct cg_cert *cert = NULL;
    char *sha256, *subject;

    if (cg_cert_from_der(it->chain[0].data, it->chain[0].len, &cert, NULL) == CG_OK &&
            cg_cert_not_after(cert) <= expiring->by) {
        sha256 = cg_cert_text(cert, CG_FIELD_SHA256);
        subject = cg_cert_text(cert, CG_FIELD_SUBJECT);
        if (sha256 != NULL && subject != NULL)
            (void)json_array_append_new(expiring->list,
                    expiring_json(sha256, subject, cg_cert_not_after(cert), expiring->now, "name",
                            it->name));
        free(sha256);
        free(subject);
    }
    cg_cert_free(cert);
    return true;
}

static bool
add_expiring_peer(void *arg, const struct inventory_peer *peer)
{
    struct expiring *expiring = arg;

    (void)json_array_append_new(expiring->list,
            expiring_json(peer->sha256, peer->subject, peer->not_after, expiring->now, "interface",
                    peer->interface));
    return true;
}

void
api_expiring(struct api_request *request)
{
    const int64_t now = (int64_t)time(NULL);
    const int64_t by = now + (int64_t)api_query_number(request, "days", 60, 0, 3650) * SHAPE_DAY_S;
    struct expiring tcs = { json_array(), by, now }, identities = { json_array(), by, now },
                    peers = { json_array(), by, now };
    /* Only who was here within a month is still missed. */
    const struct inventory_query query = { .since = now - 30 * SHAPE_DAY_S, .expires_by = by };
    struct inventory *inventory = peers_inventory(request->control->peers);
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (!api_view(request, &view))
        goto done;
    status = store_tcs(&view, NULL, add_expiring_trusted, &tcs, &err);
    if (status == STORE_OK)
        status = store_identities(&view, add_expiring_identity, &identities, &err);
    if (status == STORE_OK && inventory != NULL &&
            inventory_each(inventory, &query, add_expiring_peer, &peers, &err) != CG_OK)
        status = STORE_IO;
    if (status == STORE_OK)
        api_ok(request,
                json_pack("{s:O,s:O,s:O}", "tcs", tcs.list, "identities", identities.list, "peers",
                        peers.list));
    else
        api_store_error(request, status, &err);
done:
    json_decref(tcs.list);
    json_decref(identities.list);
    json_decref(peers.list);
}
