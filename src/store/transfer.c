/* Settings as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"
#include "store/latch.h"
#include "store/transfer.h"

struct collection {
    json_t *object;
    bool all; /* secrets too, and what is certgated's own */
    bool failed;
};

static bool
collect(void *arg, const struct store_setting *setting)
{
    struct collection *collection = arg;
    const struct registry_row *row;
    json_t *one;

    if (!collection->all &&
            (registry_find(setting->name, &row, NULL) != STORE_OK || row->use != REGISTRY_SHOWN))
        return true;
    one = json_pack("{s:s, s:b}", "value", setting->value, "latched", setting->latched);

    if (one == NULL || json_object_set_new(collection->object, setting->name, one) != 0)
        collection->failed = true;
    return !collection->failed;
}

enum store_status
transfer_settings(const struct store_view *view, bool all, json_t **out, struct cg_error *err)
{
    struct collection collection = { .object = json_object(), .all = all };
    enum store_status status;

    *out = NULL;
    if (collection.object == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for settings");
    status = settings_each(view, collect, &collection, err);
    if (status == STORE_OK && collection.failed)
        status = store_fail(err, STORE_NOMEM, "no memory for settings");
    if (status == STORE_OK)
        *out = collection.object;
    else
        json_decref(collection.object);
    return status;
}

enum store_status
store_export_settings(const struct store_view *view, char **json, struct cg_error *err)
{
    json_t *settings = NULL, *document = NULL;
    enum store_status status = transfer_settings(view, false, &settings, err);

    *json = NULL;
    if (status != STORE_OK)
        return status;
    document = json_pack("{s:i, s:I, s:o}", "certgate-settings", 1, "generation",
            (json_int_t)view->generation, "settings", settings);
    if (document != NULL)
        *json = json_dumps(document, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(document);
    return *json != NULL ? STORE_OK : store_fail(err, STORE_NOMEM, "no memory for settings");
}

/* A value as text; false for what no setting is. */
static bool
as_text(const json_t *value, char out[STORE_VALUE_SIZE])
{
    int len = -1;

    if (json_is_string(value))
        len = snprintf(out, STORE_VALUE_SIZE, "%s", json_string_value(value));
    else if (json_is_boolean(value))
        len = snprintf(out, STORE_VALUE_SIZE, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_integer(value))
        len = snprintf(out, STORE_VALUE_SIZE, "%lld", (long long)json_integer_value(value));
    return len >= 0 && len < STORE_VALUE_SIZE;
}

static enum store_status
carry_one(struct store_change *change, const char *name, const json_t *given, bool older,
        enum setting_origin origin, struct cg_error *err)
{
    const json_t *value = given, *latched = NULL;
    char text[STORE_VALUE_SIZE];
    size_t known = 1;

    if (json_is_object(given)) {
        value = json_object_get(given, "value");
        latched = json_object_get(given, "latched");
        known = (size_t)(value != NULL) + (size_t)(latched != NULL);
    }
    if ((json_is_object(given) && known != json_object_size(given)) || !as_text(value, text) ||
            (latched != NULL && !json_is_boolean(latched)))
        return store_fail(err, STORE_INVALID,
                "%.128s: neither a value nor an object of 'value' and 'latched'", name);
    return setting_carry(change, name, text, json_is_true(latched), older, origin, err);
}

enum store_status
transfer_carry(struct store_change *change, const json_t *settings, bool older,
        enum setting_origin origin, struct cg_error *err)
{
    json_t *object = (json_t *)(uintptr_t)settings; /* jansson's iterators are not const */
    enum store_status status = STORE_OK;
    const char *name;
    json_t *given;

    if (!json_is_object(settings) || json_object_size(settings) > STORE_MAX_SETTINGS)
        return store_fail(err, STORE_INVALID, "'settings' is no object of up to %d settings",
                STORE_MAX_SETTINGS);
    json_object_foreach(object, name, given)
    {
        status = carry_one(change, name, given, older, origin, err);
        if (status != STORE_OK)
            break;
    }
    return status;
}

/* Members that are not known may mean something that would be lost. */
static enum store_status
check_document(const json_t *document, struct cg_error *err)
{
    static const char *const known[] = { "certgate-settings", "generation", "settings" };
    json_t *object = (json_t *)(uintptr_t)document;
    const char *name;
    json_t *ignored;

    if (json_integer_value(json_object_get(document, "certgate-settings")) != 1)
        return store_fail(err, STORE_INVALID,
                "these are no settings of certgate: 'certgate-settings' is not 1");
    json_object_foreach(object, name, ignored)
    {
        size_t i = 0;

        while (i < sizeof(known) / sizeof(known[0]) && strcmp(name, known[i]) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            return store_fail(err, STORE_INVALID, "'%.100s' is unknown", name);
    }
    return STORE_OK;
}

enum store_status
store_import_settings(struct store_change *change, const char *json, size_t len,
        const char *from_release, struct cg_error *err)
{
    json_t *document = NULL;
    json_error_t cause;
    bool older;
    enum store_status status = latch_is_older(from_release, &older, err);

    if (status == STORE_OK && len > STORE_MAX_JSON)
        status = store_fail(err, STORE_INVALID, "settings of more than %d octets", STORE_MAX_JSON);
    if (status != STORE_OK)
        goto done;
    document = json_loadb(json, len, JSON_REJECT_DUPLICATES, &cause);
    if (document == NULL) {
        status = store_fail(
                err, STORE_INVALID, "line %d, column %d: %s", cause.line, cause.column, cause.text);
        goto done;
    }
    status = check_document(document, err);
    if (status == STORE_OK)
        status = transfer_carry(
                change, json_object_get(document, "settings"), older, SETTING_IMPORTED, err);
    change->kind = "import";
done:
    json_decref(document);
    return change_did(change, status);
}
