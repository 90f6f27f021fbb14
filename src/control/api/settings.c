/* Routes about settings and generations. */
#include <stdlib.h>
#include <string.h>

#include "control/api/handlers.h"
#include "control/api/view.h"

/* ---- one setting ------------------------------------------------------------------------------- */

static json_t *
choices_json(const struct registry_row *row)
{
    json_t *list = json_array();
    const char *word;

    for (size_t i = 0; (word = registry_choice(row, i)) != NULL; i++)
        (void)json_array_append_new(list, json_string(word));
    if (json_array_size(list) != 0)
        return list;
    json_decref(list);
    return json_null();
}

static json_t *
setting_json(const struct store_setting *setting)
{
    const struct registry_row *row;
    struct cg_buf values;
    json_t *out;
    bool secret;

    if (registry_find(setting->name, &row, NULL) != STORE_OK)
        return NULL;
    cg_buf_init(&values, 4096);
    registry_describe_values(row, &values);
    secret = row->use == REGISTRY_SECRET;
    out = json_pack("{s:s,s:s,s:b,s:s?,s:b,s:b,s:I,s:s,s:s,s:o,s:I,s:I,s:s,s:b}", "name",
            setting->name, "value", secret && setting->is_set ? "hidden" : setting->value, "is_set",
            setting->is_set, "default", row->initial, "latched", setting->latched, "latchable",
            row->latchable, "since", (json_int_t)setting->since, "type", registry_type_name(row),
            "values", cg_buf_text(&values), "choices", choices_json(row), "low",
            (json_int_t)row->low, "high", (json_int_t)row->high, "help", row->help, "secret",
            secret);
    cg_buf_release(&values);
    return out;
}

/* ---- all of them ------------------------------------------------------------------------------- */

struct listing {
    json_t *list;
    json_t *seen; /* names */
};

static bool
add_setting(void *arg, const struct store_setting *setting)
{
    struct listing *listing = arg;
    const struct registry_row *row;

    if (registry_find(setting->name, &row, NULL) == STORE_OK && row->use == REGISTRY_OWN)
        return true;
    (void)json_object_set_new(listing->seen, setting->name, json_true());
    return json_array_append_new(listing->list, setting_json(setting)) == 0;
}

/* The settings that the blocks of the file could have and the store has none of. */
static void
add_unset(struct listing *listing, const struct store_view *view, const char *family,
        const char *name)
{
    struct store_setting setting;

    for (size_t i = 0; i < registry_count(); i++) {
        const struct registry_row *row = registry_row(i);
        char text[STORE_NAME_SIZE];

        if (!registry_has_name(row) || strncmp(row->name, family, strlen(family)) != 0)
            continue;
        registry_name(row, name, text, sizeof(text));
        if (json_object_get(listing->seen, text) == NULL &&
                store_get(view, text, &setting, NULL) == STORE_OK)
            (void)add_setting(listing, &setting);
    }
}

void
api_settings_list(struct api_request *request)
{
    const struct snapshot *snapshot = &request->control->candidate->snapshot;
    struct listing listing = { json_array(), json_object() };
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (!api_view(request, &view))
        goto done;
    status = store_settings(&view, add_setting, &listing, &err);
    if (status != STORE_OK) {
        api_store_error(request, status, &err);
        goto done;
    }
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        const struct snapshot_interface *it = &snapshot->interfaces[i];

        if (it->service == CG_SERVICE_LINE)
            add_unset(&listing, &view, "line.", it->name);
        else
            add_unset(&listing, &view, "interface.", it->name);
        if (it->role == CG_ROLE_INBOUND)
            add_unset(&listing, &view, "service.", it->name);
        for (size_t j = 0; j < it->class_count; j++)
            add_unset(&listing, &view,
                    it->classes[j].kind == SNAPSHOT_CLASS_LINE ? "line." : "trunk.",
                    it->classes[j].name);
    }
    api_ok(request,
            json_pack("{s:I,s:O}", "generation", (json_int_t)view.generation, "settings",
                    listing.list));
done:
    json_decref(listing.list);
    json_decref(listing.seen);
}

void
api_settings_get(struct api_request *request)
{
    struct store_setting setting;
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (!api_view(request, &view))
        return;
    status = store_get(&view, request->name, &setting, &err);
    if (status == STORE_OK)
        api_ok(request, setting_json(&setting));
    else
        api_error(request, MHD_HTTP_NOT_FOUND, "not-found", "%s", err.text);
}

static bool
add_past(void *arg, const struct store_past *past)
{
    return json_array_append_new(arg,
                   json_pack("{s:I,s:o,s:s,s:s?,s:b}", "generation", (json_int_t)past->generation,
                           "time", shape_time(past->time), "actor", past->actor, "value",
                           past->value, "latched", past->latched)) == 0;
}

void
api_settings_history(struct api_request *request)
{
    json_t *list = json_array();
    struct cg_error err = { "" };
    const struct registry_row *row;
    struct store_view view;
    enum store_status status;

    if (!api_view(request, &view))
        goto done;
    status = registry_find(request->name, &row, &err);
    if (status != STORE_OK) {
        api_error(request, MHD_HTTP_NOT_FOUND, "not-found", "%s", err.text);
        goto done;
    }
    status = store_setting_history(request->control->store, request->name, add_past, list, &err);
    for (size_t i = 0; row->use != REGISTRY_SHOWN && i < json_array_size(list); i++)
        (void)json_object_set_new(json_array_get(list, i), "value", json_string("hidden"));
    if (status == STORE_OK)
        api_ok(request, json_pack("{s:O}", "history", list));
    else
        api_store_error(request, status, &err);
done:
    json_decref(list);
}

void
api_settings_export(struct api_request *request)
{
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;
    char *json = NULL;

    if (!api_view(request, &view))
        return;
    status = store_export_settings(&view, &json, &err);
    if (status == STORE_OK) {
        request->status = MHD_HTTP_OK;
        request->type = "application/json";
        cg_buf_add(&request->text, json);
    } else {
        api_store_error(request, status, &err);
    }
    free(json);
}

/* ---- generations ------------------------------------------------------------------------------- */

struct page {
    json_t *list;
    uint64_t limit;
    uint64_t last;
    bool more;
};

static bool
add_generation(void *arg, const struct store_generation *it)
{
    struct page *page = arg;

    if (json_array_size(page->list) == page->limit) {
        page->more = true;
        return false;
    }
    page->last = it->number;
    return json_array_append_new(page->list,
                   json_pack("{s:I,s:o,s:s,s:s,s:s,s:I,s:o}", "number", (json_int_t)it->number,
                           "time", shape_time(it->time), "actor", it->actor, "comment", it->comment,
                           "kind", it->kind, "source", (json_int_t)it->source, "digest",
                           shape_hex(it->digest, CG_SHA256_SIZE))) == 0;
}

void
api_generations(struct api_request *request)
{
    struct page page = { .list = json_array(),
        .limit = api_query_number(request, "limit", 100, 1, API_MAX_LIMIT) };
    const uint64_t before = api_query_number(request, "before", 0, 0, UINT64_MAX);
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (api_view(request, &view)) {
        status = store_history(request->control->store, before, add_generation, &page, &err);
        if (status == STORE_OK)
            api_ok(request,
                    json_pack("{s:O,s:o}", "generations", page.list, "next",
                            page.more ? json_integer((json_int_t)page.last) : json_null()));
        else
            api_store_error(request, status, &err);
    }
    json_decref(page.list);
}

void
api_diff(struct api_request *request)
{
    struct control *control = request->control;
    json_t *list = json_array();
    struct store_view now, from, to;
    struct cg_error err = { "" };
    enum store_status status;

    if (!api_view(request, &now))
        goto done;
    status = store_at(control->store,
            api_query_number(request, "from", now.generation - 1, 0, UINT64_MAX), &from, &err);
    if (status == STORE_OK)
        status = store_at(control->store,
                api_query_number(request, "to", now.generation, 0, UINT64_MAX), &to, &err);
    if (status == STORE_OK)
        status = store_diff(&from, &to, commit_add_difference, list, &err);
    if (status == STORE_OK)
        api_ok(request,
                json_pack("{s:I,s:I,s:O}", "from", (json_int_t)from.generation, "to",
                        (json_int_t)to.generation, "diff", list));
    else
        api_store_error(request, status, &err);
done:
    json_decref(list);
}

/* ---- audit ------------------------------------------------------------------------------------- */

static bool
add_audit(void *arg, const struct store_audit *it)
{
    struct page *page = arg;
    json_t *detail;

    if (json_array_size(page->list) == page->limit) {
        page->more = true;
        return false;
    }
    page->last = it->number;
    detail = json_loads(it->detail, 0, NULL);
    return json_array_append_new(page->list,
                   json_pack("{s:I,s:o,s:s,s:s,s:I,s:o,s:o}", "number", (json_int_t)it->number,
                           "time", shape_time(it->time), "actor", it->actor, "action", it->action,
                           "generation", (json_int_t)it->generation, "detail",
                           detail == NULL ? json_object() : detail, "hash",
                           shape_hex(it->hash, CG_SHA256_SIZE))) == 0;
}

void
api_audit(struct api_request *request)
{
    struct page page = { .list = json_array(),
        .limit = api_query_number(request, "limit", 100, 1, API_MAX_LIMIT) };
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;

    if (api_view(request, &view)) {
        status = store_audit_list(request->control->store,
                api_query_number(request, "after", 0, 0, UINT64_MAX), add_audit, &page, &err);
        if (status == STORE_OK)
            api_ok(request,
                    json_pack("{s:O,s:o}", "rows", page.list, "next",
                            page.more ? json_integer((json_int_t)page.last) : json_null()));
        else
            api_store_error(request, status, &err);
    }
    json_decref(page.list);
}

void
api_audit_verify(struct api_request *request)
{
    struct cg_error err = { "" };
    struct store_view view;
    uint64_t broken = 0;
    enum store_status status;

    if (!api_view(request, &view))
        return;
    status = store_audit_verify(request->control->store, &broken, &err);
    if (status == STORE_OK || status == STORE_DAMAGED)
        api_ok(request,
                json_pack("{s:b,s:o,s:s}", "ok", status == STORE_OK, "broken",
                        broken == 0 ? json_null() : json_integer((json_int_t)broken), "message",
                        status == STORE_OK ? "every row follows from the one before" : err.text));
    else
        api_store_error(request, status, &err);
}
