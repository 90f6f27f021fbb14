/* Routes about the Trusted Certificate Store. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/api/certificates.h"
#include "control/api/handlers.h"
#include "control/api/view.h"
#include "control/edits.h"
#include "control/peers.h"
#include "input/lint.h"
#include "inventory/inventory.h"

struct listing {
    json_t *list;
    const char *wanted; /* part of the subject or fingerprint; NULL: all */
    uint64_t limit;
    int64_t now;
    uint8_t last[CG_SHA256_SIZE];
    bool more;
};

static bool
add_trusted(void *arg, const struct store_cert *cert)
{
    struct listing *listing = arg;
    char hex[2 * CG_SHA256_SIZE + 1];

    for (size_t i = 0; i < CG_SHA256_SIZE; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", cert->sha256[i]);
    if (listing->wanted != NULL && strcasestr(cert->subject, listing->wanted) == NULL &&
            strncasecmp(hex, listing->wanted, strlen(listing->wanted)) != 0)
        return true;
    if (json_array_size(listing->list) == listing->limit) {
        listing->more = true;
        return false;
    }
    memcpy(listing->last, cert->sha256, CG_SHA256_SIZE);
    return json_array_append_new(listing->list, certificates_trusted(cert, listing->now)) == 0;
}

void
api_tcs_list(struct api_request *request)
{
    struct listing listing = { .list = json_array(),
        .wanted = api_query(request, "q"),
        .limit = api_query_number(request, "limit", 100, 1, API_MAX_LIMIT),
        .now = (int64_t)time(NULL) };
    const char *after = api_query(request, "after");
    uint8_t from[CG_SHA256_SIZE];
    struct cg_error err = { "" };
    struct store_view view;
    uint64_t count = 0;
    enum store_status status;

    if (after != NULL && !shape_fingerprint(after, from)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "'after' has to be a fingerprint");
        goto done;
    }
    if (!api_view(request, &view))
        goto done;
    status = store_tcs_count(&view, &count, &err);
    if (status == STORE_OK)
        status = store_tcs(&view, after == NULL ? NULL : from, add_trusted, &listing, &err);
    if (status == STORE_OK)
        api_ok(request,
                json_pack("{s:I,s:O,s:o}", "count", (json_int_t)count, "certificates", listing.list,
                        "next",
                        listing.more ? shape_hex(listing.last, CG_SHA256_SIZE) : json_null()));
    else
        api_store_error(request, status, &err);
done:
    json_decref(listing.list);
}

static bool
add_pem(void *arg, const struct store_cert *cert)
{
    certificates_add_pem(arg, cert->der, cert->len);
    return !((struct cg_buf *)arg)->failed;
}

void
api_tcs_export(struct api_request *request)
{
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (!api_view(request, &view))
        return;
    status = store_tcs(&view, NULL, add_pem, &request->text, &err);
    request->status = MHD_HTTP_OK;
    request->type = "text/plain; charset=us-ascii";
    if (status != STORE_OK)
        api_store_error(request, status, &err);
    else if (request->text.failed)
        api_error(request, MHD_HTTP_INSUFFICIENT_STORAGE, "too-large", "no memory for all of it");
}

struct one {
    json_t *json;
    int64_t now;
};

static bool
take_one(void *arg, const struct store_cert *cert)
{
    struct one *one = arg;
    struct cg_buf pem;

    one->json = certificates_trusted(cert, one->now);
    cg_buf_init(&pem, 128 * 1024);
    certificates_add_pem(&pem, cert->der, cert->len);
    if (one->json != NULL)
        (void)json_object_set_new(one->json, "pem", json_string(cg_buf_text(&pem)));
    cg_buf_release(&pem);
    return false;
}

void
api_tcs_get(struct api_request *request)
{
    struct one one = { .now = (int64_t)time(NULL) };
    uint8_t sha256[CG_SHA256_SIZE];
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (!shape_fingerprint(request->name, sha256)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "'%s' is not a SHA-256 in hex",
                request->name);
        return;
    }
    if (!api_view(request, &view))
        return;
    status = store_tcs_get(&view, sha256, take_one, &one, &err);
    if (status == STORE_OK)
        api_ok(request, one.json);
    else
        api_store_error(request, status, &err);
}

/* ---- what may be wrong ------------------------------------------------------------------------- */

struct lint {
    json_t *findings;
    int64_t now;
    uint64_t count; /* of findings, all of them */
    uint64_t names; /* octets of all CA names */
};

static bool
lint_one(void *arg, const struct store_cert *it)
{
    struct lint *lint = arg;
    struct cg_cert *cert = NULL;

    if (cg_cert_from_der(it->der, it->len, &cert, NULL) != CG_OK)
        return false;
    lint->names += lint_ca_name_size(cert);
    for (size_t i = 0; i < lint_rule_count; i++) {
        if (!lint_rules[i].holds(cert, lint->now))
            continue;
        lint->count++;
        if (json_array_size(lint->findings) < API_MAX_LIMIT)
            (void)json_array_append_new(lint->findings,
                    json_pack("{s:s,s:o,s:s,s:s}", "kind", lint_rules[i].id, "sha256",
                            shape_hex(it->sha256, CG_SHA256_SIZE), "subject", it->subject, "text",
                            lint_rules[i].says));
    }
    cg_cert_free(cert);
    return true;
}

void
api_tcs_lint(struct api_request *request)
{
    struct lint lint = { .findings = json_array(), .now = (int64_t)time(NULL) };
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (api_view(request, &view)) {
        status = store_tcs(&view, NULL, lint_one, &lint, &err);
        if (status == STORE_OK)
            api_ok(request,
                    json_pack("{s:I,s:O,s:I,s:I}", "count", (json_int_t)lint.count, "findings",
                            lint.findings, "ca_names_bytes", (json_int_t)lint.names,
                            "ca_names_limit", (json_int_t)LINT_MAX_CA_NAMES));
        else
            api_store_error(request, status, &err);
    }
    json_decref(lint.findings);
}

/* ---- who needs it ------------------------------------------------------------------------------ */

#define UNUSED_DAYS 90

struct paths {
    const char *wanted; /* fingerprint that dependents are asked of; NULL: collect all */
    json_t *peers;
    json_t *used; /* fingerprints that stand in some path */
    int64_t now;
};

static bool
look_at_path(void *arg, const struct inventory_peer *peer)
{
    struct paths *paths = arg;

    if (paths->wanted != NULL) {
        if ((strcasestr(peer->path, paths->wanted) != NULL ||
                    strcasecmp(peer->sha256, paths->wanted) == 0) &&
                json_array_size(paths->peers) < API_MAX_LIMIT)
            (void)json_array_append_new(paths->peers,
                    json_pack("{s:s,s:s,s:s,s:s,s:o,s:I}", "interface", peer->interface, "class",
                            peer->class, "sha256", peer->sha256, "subject", peer->subject,
                            "last_seen", shape_time(peer->last_seen), "count",
                            (json_int_t)peer->count));
        return true;
    }
    for (const char *at = peer->path; *at != '\0';) {
        size_t len = strcspn(at, " ");

        char hex[2 * CG_SHA256_SIZE + 1];

        (void)snprintf(hex, sizeof(hex), "%.*s", (int)len, at);
        (void)json_object_set_new(paths->used, hex, json_true());
        at += len + (at[len] == ' ');
    }
    (void)json_object_set_new(paths->used, peer->sha256, json_true());
    return true;
}

void
api_tcs_dependents(struct api_request *request)
{
    const int64_t now = (int64_t)time(NULL);
    struct inventory *inventory = peers_inventory(request->control->peers);
    const struct inventory_query query = { .since = now - UNUSED_DAYS * SHAPE_DAY_S,
        .expires_by = INT64_MAX };
    struct paths paths = { .wanted = request->name, .peers = json_array(), .now = now };
    struct cg_error err = { "" };
    uint8_t sha256[CG_SHA256_SIZE];

    if (!shape_fingerprint(request->name, sha256))
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "'%s' is not a SHA-256 in hex",
                request->name);
    else if (inventory == NULL)
        api_error(request, MHD_HTTP_CONFLICT, "invalid", "there is no inventory of peers");
    else if (inventory_flush(inventory, &err) != CG_OK ||
            inventory_each(inventory, &query, look_at_path, &paths, &err) != CG_OK)
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err.text);
    else
        api_ok(request, json_pack("{s:i,s:O}", "days", UNUSED_DAYS, "peers", paths.peers));
    json_decref(paths.peers);
}

struct unused {
    struct listing listing;
    const json_t *used;
};

static bool
add_unused(void *arg, const struct store_cert *cert)
{
    struct unused *unused = arg;
    json_t *hex = shape_hex(cert->sha256, CG_SHA256_SIZE);
    const bool used = json_object_get(unused->used, json_string_value(hex)) != NULL;

    json_decref(hex);
    return used || add_trusted(&unused->listing, cert);
}

/* What no peer of that time needed: neither as its path's CA nor as its own copy. */
void
api_tcs_unused(struct api_request *request)
{
    const int64_t now = (int64_t)time(NULL),
                  days = (int64_t)api_query_number(request, "days", UNUSED_DAYS, 1, 3650);
    struct inventory *inventory = peers_inventory(request->control->peers);
    const struct inventory_query query = { .since = now - days * SHAPE_DAY_S,
        .expires_by = INT64_MAX };
    struct paths paths = { .used = json_object(), .now = now };
    struct unused unused = { .listing = { .list = json_array(),
                                     .limit = api_query_number(
                                             request, "limit", 100, 1, API_MAX_LIMIT),
                                     .now = now },
        .used = paths.used };
    struct cg_error err = { "" };
    struct store_view view;

    if (!api_view(request, &view))
        goto done;
    if (inventory == NULL)
        api_error(request, MHD_HTTP_CONFLICT, "invalid", "there is no inventory of peers");
    else if (inventory_flush(inventory, &err) != CG_OK ||
            inventory_each(inventory, &query, look_at_path, &paths, &err) != CG_OK ||
            store_tcs(&view, NULL, add_unused, &unused, &err) != STORE_OK)
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err.text);
    else
        api_ok(request,
                json_pack("{s:I,s:O,s:b}", "days", (json_int_t)days, "certificates",
                        unused.listing.list, "more", unused.listing.more));
done:
    json_decref(paths.used);
    json_decref(unused.listing.list);
}

/* What is in a file, before anything is done with it. */
void
api_tcs_inspect(struct api_request *request)
{
    const int64_t now = (int64_t)time(NULL);
    struct input_list list = { 0 };
    json_t *certificates = json_array();
    struct cg_error err = { "" };
    struct store_view view;

    if (!api_view(request, &view))
        goto done;
    if (edits_read_certificates(api_text(request, "data"), api_text(request, "passphrase"), &list,
                &err) != STORE_OK) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err.text);
        goto done;
    }
    for (size_t i = 0; i < list.count && i < API_MAX_LIMIT; i++)
        (void)json_array_append_new(
                certificates, certificates_inspected(list.certs[i], &view, now));
    api_ok(request,
            json_pack("{s:I,s:O}", "count", (json_int_t)list.count, "certificates", certificates));
done:
    input_list_release(&list);
    json_decref(certificates);
}

/* ---- pins -------------------------------------------------------------------------------------- */

static bool
add_pin(void *arg, const struct store_pin *pin)
{
    return json_array_append_new(arg,
                   json_pack("{s:o,s:s,s:o,s:s,s:s,s:I}", "sha256",
                           shape_hex(pin->sha256, CG_SHA256_SIZE), "interface", pin->interface,
                           "until", shape_time(pin->until), "reason", pin->reason, "incident",
                           pin->incident, "since", (json_int_t)pin->since)) == 0;
}

void
api_pins(struct api_request *request)
{
    json_t *list = json_array();
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (api_view(request, &view)) {
        status = store_pins(&view, add_pin, list, &err);
        if (status == STORE_OK)
            api_ok(request, json_pack("{s:O}", "pins", list));
        else
            api_store_error(request, status, &err);
    }
    json_decref(list);
}
