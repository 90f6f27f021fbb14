#include "control/edits.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "control/decisions.h"
#include "control/shapes.h"
#include "input/input.h"

typedef enum store_status edit_fn(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err);

static const char *
text_of(const json_t *edit, const char *name)
{
    return json_string_value(json_object_get(edit, name));
}

static enum store_status
missing(const char *name, struct cg_error *err)
{
    return store_fail(err, STORE_INVALID, "'%s' is missing, or not a text", name);
}

/* ---- settings ---------------------------------------------------------------------------------- */

static bool
has_class(const struct snapshot_interface *it, const char *name)
{
    for (size_t i = 0; i < it->class_count; i++)
        if (strcmp(it->classes[i].name, name) == 0)
            return true;
    return false;
}

static bool
has_place(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->interface_count; i++)
        if (strcmp(snapshot->interfaces[i].name, name) == 0 ||
                has_class(&snapshot->interfaces[i], name))
            return true;
    return false;
}

/* A setting of an interface, trunk or line needs one of that name in the file. */
static enum store_status
check_name(const struct edits *edits, const char *name, struct cg_error *err)
{
    const struct snapshot *snapshot = &edits->control->candidate->snapshot;
    const struct registry_row *row;
    char inside[SNAPSHOT_NAME_SIZE];
    enum store_status status = registry_find(name, &row, err);

    if (status != STORE_OK)
        return status;
    if (row->use == REGISTRY_OWN)
        return store_fail(err, STORE_INVALID, "%s is certgated's own and is not set", name);
    if (strncmp(name, "user.", 5) == 0 || !registry_inside(row, name, inside, sizeof(inside)))
        return STORE_OK;
    if (has_place(snapshot, inside))
        return STORE_OK;
    return store_fail(err, STORE_INVALID, "%s: there is no interface, trunk or line '%s' in %s",
            name, inside, edits->control->options.config);
}

static enum store_status
edit_set(struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const json_t *value = json_object_get(edit, "value");
    const char *name = text_of(edit, "name");
    enum store_status status;
    char number[32];

    if (name == NULL)
        return missing("name", err);
    status = check_name(edits, name, err);
    if (status != STORE_OK)
        return status;
    if (json_is_string(value))
        return store_set(change, name, json_string_value(value), err);
    if (json_is_boolean(value))
        return store_set(change, name, json_is_true(value) ? "true" : "false", err);
    if (!json_is_integer(value))
        return missing("value", err);
    (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
    return store_set(change, name, number, err);
}

static enum store_status
edit_unset(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const char *name = text_of(edit, "name");
    const struct registry_row *row;
    enum store_status status;

    (void)edits;
    if (name == NULL)
        return missing("name", err);
    status = registry_find(name, &row, err);
    if (status == STORE_OK && row->use == REGISTRY_OWN)
        status = store_fail(err, STORE_INVALID, "%s is certgated's own and is not set", name);
    return status == STORE_OK ? store_unset(change, name, err) : status;
}

static enum store_status
edit_import(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const json_t *settings = json_object_get(edit, "settings");
    char *text = json_is_object(settings) ? json_dumps(settings, JSON_COMPACT) : NULL;
    enum store_status status;

    (void)edits;
    if (text == NULL)
        return store_fail(err, STORE_INVALID, "'settings' has to be what an export gave");
    status = store_import_settings(change, text, strlen(text), text_of(edit, "from_release"), err);
    free(text);
    return status;
}

static enum store_status
edit_rollback(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const json_t *generation = json_object_get(edit, "generation");

    (void)edits;
    if (!json_is_integer(generation) || json_integer_value(generation) < 1)
        return store_fail(
                err, STORE_INVALID, "'generation' has to be the number of an earlier one");
    return store_rollback(
            change, (uint64_t)json_integer_value(generation), STORE_LATCHES_STAY_CLEARED, err);
}

/* ---- trusted certificates ---------------------------------------------------------------------- */

bool
edits_decode(const char *text, uint8_t **out, size_t *len)
{
    size_t size = strlen(text), used = 0;
    unsigned char *bytes;
    EVP_ENCODE_CTX *context;
    int count = 0, last = 0;
    bool ok;

    *out = NULL;
    if (strstr(text, "-----BEGIN ") != NULL) {
        *out = (uint8_t *)strdup(text);
        *len = size;
        return *out != NULL;
    }
    bytes = malloc(size + 4);
    context = EVP_ENCODE_CTX_new();
    if (bytes == NULL || context == NULL || size > INT32_MAX) {
        free(bytes);
        EVP_ENCODE_CTX_free(context);
        return false;
    }
    EVP_DecodeInit(context);
    ok = EVP_DecodeUpdate(context, bytes, &count, (const unsigned char *)text, (int)size) >= 0;
    used = ok ? (size_t)count : 0;
    ok = ok && EVP_DecodeFinal(context, bytes + used, &last) >= 0;
    used += ok ? (size_t)last : 0;
    EVP_ENCODE_CTX_free(context);
    if (!ok || used == 0) {
        free(bytes);
        return false;
    }
    *out = bytes;
    *len = used;
    return true;
}

enum store_status
edits_read_certificates(
        const char *data, const char *passphrase, struct input_list *list, struct cg_error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum store_status status = STORE_INVALID;

    if (data == NULL)
        (void)missing("data", err);
    else if (!edits_decode(data, &bytes, &len))
        (void)store_fail(err, STORE_INVALID, "the certificates are neither PEM nor base64");
    else if (input_load_bytes("the certificates", bytes, len, passphrase, list, err) == CG_OK)
        status = STORE_OK;
    free(bytes);
    return status;
}

enum store_status
edits_add_list(struct store_change *change, const struct input_list *list, uint64_t *added,
        struct cg_error *err)
{
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < list->count; i++) {
        bool is_new = false;
        const uint8_t *der;
        size_t len;

        der = cg_cert_get0_der(list->certs[i], &len);
        status = store_tcs_add(change, der, len, &is_new, err);
        *added += is_new;
    }
    return status;
}

static enum store_status
edit_tcs_add(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    struct input_list list = { 0 };
    uint64_t added = 0;
    enum store_status status =
            edits_read_certificates(text_of(edit, "data"), text_of(edit, "passphrase"), &list, err);

    if (status == STORE_OK)
        status = edits_add_list(change, &list, &added, err);
    if (status == STORE_OK)
        (void)json_array_append_new(edits->notes,
                json_sprintf("%llu certificate%s added, %llu %s there already",
                        (unsigned long long)added, added == 1 ? "" : "s",
                        (unsigned long long)(list.count - added),
                        list.count - added == 1 ? "was" : "were"));
    input_list_release(&list);
    return status;
}

static enum store_status
edit_tcs_remove(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const char *fingerprint = text_of(edit, "sha256");
    struct input_list list = { 0 };
    uint8_t sha256[CG_SHA256_SIZE];
    uint64_t count = 0;
    bool removed = false;
    enum store_status status = STORE_OK;

    if (fingerprint != NULL) {
        if (!shape_fingerprint(fingerprint, sha256))
            return store_fail(err, STORE_INVALID, "'%.80s' is not a SHA-256 in hex", fingerprint);
        status = store_tcs_remove(change, sha256, &removed, err);
        if (status == STORE_OK && !removed)
            return store_fail(err, STORE_MISSING, "%.64s is not in the trust store", fingerprint);
        return status;
    }
    status =
            edits_read_certificates(text_of(edit, "data"), text_of(edit, "passphrase"), &list, err);
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const uint8_t *der;
        size_t len;

        der = cg_cert_get0_der(list.certs[i], &len);
        status = store_tcs_remove_der(change, der, len, &removed, err);
        count += removed;
    }
    if (status == STORE_OK)
        (void)json_array_append_new(edits->notes,
                json_sprintf(
                        "%llu of %zu certificates removed", (unsigned long long)count, list.count));
    input_list_release(&list);
    return status;
}

/* ---- pins and identities ----------------------------------------------------------------------- */

static enum store_status
edit_pin(struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const char *until = text_of(edit, "until"), *incident = text_of(edit, "incident");
    struct store_pin pin = { .interface = text_of(edit, "interface"),
        .reason = text_of(edit, "reason"),
        .incident = incident == NULL ? "" : incident };
    char fingerprint[2 * CG_SHA256_SIZE + 1];
    const char *sha256 = text_of(edit, "sha256");

    if (until == NULL || !shape_parse_time(until, &pin.until))
        return store_fail(err, STORE_INVALID, "'until' has to be a date such as 2027-06-30");
    if (pin.reason == NULL || pin.reason[0] == '\0')
        return missing("reason", err);
    if (pin.interface == NULL)
        return missing("interface", err);
    if (sha256 == NULL) {
        if (incident == NULL)
            return missing("incident", err);
        if (!decisions_certificate(edits->control, incident, fingerprint, err))
            return STORE_MISSING;
        sha256 = fingerprint;
    }
    if (!shape_fingerprint(sha256, pin.sha256))
        return store_fail(err, STORE_INVALID, "'%.80s' is not a SHA-256 in hex", sha256);
    if (has_place(&edits->control->candidate->snapshot, pin.interface))
        return store_pin_put(change, &pin, err);
    return store_fail(
            err, STORE_INVALID, "there is no interface, trunk or line '%.64s'", pin.interface);
}

static enum store_status
edit_unpin(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const char *sha256 = text_of(edit, "sha256"), *interface = text_of(edit, "interface");
    uint8_t bytes[CG_SHA256_SIZE];
    bool removed = false;
    enum store_status status;

    (void)edits;
    if (interface == NULL)
        return missing("interface", err);
    if (!shape_fingerprint(sha256, bytes))
        return store_fail(err, STORE_INVALID, "'sha256' has to be a SHA-256 in hex");
    status = store_pin_remove(change, bytes, interface, &removed, err);
    if (status == STORE_OK && !removed)
        return store_fail(err, STORE_MISSING, "%.64s is not admitted on %.64s", sha256, interface);
    return status;
}

static enum store_status
edit_identity_remove(
        struct edits *edits, const json_t *edit, struct store_change *change, struct cg_error *err)
{
    const char *name = text_of(edit, "name");
    bool removed = false;
    enum store_status status;

    (void)edits;
    if (name == NULL)
        return missing("name", err);
    status = store_identity_remove(change, name, &removed, err);
    if (status == STORE_OK && !removed)
        return store_fail(err, STORE_MISSING, "there is no identity '%.64s'", name);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static const struct edit_row {
    const char *op;
    bool for_operators;
    edit_fn *fn;
} edit_rows[] = {
    { "set", false, edit_set },
    { "unset", false, edit_unset },
    { "import", false, edit_import },
    { "rollback", false, edit_rollback },
    { "tcs-add", false, edit_tcs_add },
    { "tcs-remove", false, edit_tcs_remove },
    { "pin", true, edit_pin },
    { "unpin", true, edit_unpin },
    { "identity-remove", false, edit_identity_remove },
};

#define EDIT_COUNT (sizeof(edit_rows) / sizeof(edit_rows[0]))

static const struct edit_row *
find_row(const char *op)
{
    for (size_t i = 0; op != NULL && i < EDIT_COUNT; i++)
        if (strcmp(edit_rows[i].op, op) == 0)
            return &edit_rows[i];
    return NULL;
}

bool
edits_is_for_operators(const char *op)
{
    const struct edit_row *row = find_row(op);

    return row != NULL && row->for_operators;
}

enum store_status
edits_make(void *arg, struct store_change *change, struct cg_error *err)
{
    struct edits *edits = arg;
    enum store_status status = STORE_OK;
    json_t *edit;
    size_t i;

    json_array_foreach(edits->list, i, edit)
    {
        const char *op = text_of(edit, "op");
        const struct edit_row *row = find_row(op);

        if (row == NULL)
            return store_fail(err, STORE_INVALID,
                    "edit %zu: '%.40s' is no edit; one of set, unset, import, rollback, tcs-add, "
                    "tcs-remove, pin, unpin, identity-remove",
                    i + 1, op == NULL ? "" : op);
        status = row->fn(edits, edit, change, err);
        if (status != STORE_OK)
            break;
    }
    return status;
}
