#include "cli/foretell.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "control/candidate.h"
#include "settings/text.h"

/* What the settings are read from, and what is changed of them. */
struct source {
    struct store *store;
    struct store_view view;
    bool has_view;
    const struct settings *file; /* by itself */
    const struct foretell_change *change;
    char names[SNAPSHOT_MAX_IDENTITIES][SNAPSHOT_NAME_SIZE];
    const char *name_list[SNAPSHOT_MAX_IDENTITIES];
    size_t name_count;
};

/* ---- settings ---------------------------------------------------------------------------------- */

static bool
stored(const struct source *source, const char *name, char *value, size_t size, bool *latched)
{
    struct store_setting setting;

    if (!source->has_view || store_get(&source->view, name, &setting, NULL) != STORE_OK ||
            !setting.is_set || strlen(setting.value) >= size)
        return false;
    (void)snprintf(value, size, "%s", setting.value);
    *latched = setting.latched;
    return true;
}

/* A change of the value clears the latch; the same value again is no change. */
static bool
keeps_latch(const struct source *source, const struct foretell_set *set)
{
    char value[STORE_VALUE_SIZE];
    bool latched;

    if (stored(source, set->name, value, sizeof(value), &latched))
        return latched && strcmp(value, set->value) == 0;
    for (size_t i = 0; i < source->file->given_count; i++)
        if (strcmp(source->file->given[i].name, set->name) == 0)
            return source->file->given[i].latched &&
                    strcmp(source->file->given[i].value, set->value) == 0;
    return false;
}

static bool
get_value(void *arg, const char *name, char *value, size_t size, bool *latched)
{
    const struct source *source = arg;

    for (size_t i = 0; source->change != NULL && i < source->change->set_count; i++) {
        const struct foretell_set *set = &source->change->sets[i];

        if (strcmp(set->name, name) != 0 || strlen(set->value) >= size)
            continue;
        (void)snprintf(value, size, "%s", set->value);
        *latched = keeps_latch(source, set);
        return true;
    }
    return stored(source, name, value, size, latched);
}

static bool
take_name(void *arg, const struct store_identity *identity)
{
    struct source *source = arg;
    char *name = source->names[source->name_count];

    if (source->name_count == SNAPSHOT_MAX_IDENTITIES)
        return false;
    (void)snprintf(name, SNAPSHOT_NAME_SIZE, "%s", identity->name);
    source->name_list[source->name_count++] = name;
    return true;
}

/* ---- certificates ------------------------------------------------------------------------------ */

static bool
append(struct snapshot *snapshot, const uint8_t *der, size_t len)
{
    struct snapshot_blob *grown =
            realloc(snapshot->tcs, (snapshot->tcs_count + 1) * sizeof(*grown));

    if (grown == NULL)
        return false;
    snapshot->tcs = grown;
    grown[snapshot->tcs_count].data = malloc(len);
    if (grown[snapshot->tcs_count].data == NULL)
        return false;
    memcpy(grown[snapshot->tcs_count].data, der, len);
    grown[snapshot->tcs_count++].len = len;
    return true;
}

static bool
take_trusted(void *arg, const struct store_cert *cert)
{
    return append(arg, cert->der, cert->len);
}

static bool
load_tcs(const struct source *source, struct foretold *out)
{
    struct input_list list = { NULL };
    struct cg_error err = { "no memory" };
    bool ok = true;

    if (source->has_view)
        ok = store_tcs(&source->view, NULL, take_trusted, &out->snapshot, &err) == STORE_OK;
    else if (out->settings->tcs != NULL)
        ok = input_load(out->settings->tcs, NULL, &list, &err) == CG_OK;
    for (size_t i = 0; ok && i < list.count; i++) {
        size_t len;
        const uint8_t *der = cg_cert_get0_der(list.certs[i], &len);

        ok = append(&out->snapshot, der, len);
    }
    input_list_release(&list);
    if (!ok)
        (void)cli_fail("trusted certificates: %s", err.text);
    return ok;
}

static bool
fingerprint_is(const struct snapshot_blob *blob, const uint8_t sha256[CG_SHA256_SIZE])
{
    struct cg_cert *cert = NULL;
    bool same = cg_cert_from_der(blob->data, blob->len, &cert, NULL) == CG_OK &&
            memcmp(cg_cert_get0_sha256(cert), sha256, CG_SHA256_SIZE) == 0;

    cg_cert_free(cert);
    return same;
}

/* What would be taken away must be there: else nothing is told about what was meant. */
static bool
change_tcs(const struct foretell_change *change, struct snapshot *snapshot)
{
    for (size_t i = 0; i < change->tcs_remove_count; i++) {
        size_t at = 0;

        while (at < snapshot->tcs_count &&
                !fingerprint_is(&snapshot->tcs[at], change->tcs_remove[i]))
            at++;
        if (at == snapshot->tcs_count) {
            (void)cli_fail("--tcs-remove: no certificate of that SHA-256 is trusted");
            return false;
        }
        free(snapshot->tcs[at].data);
        snapshot->tcs[at] = snapshot->tcs[--snapshot->tcs_count];
    }
    for (size_t i = 0; i < change->tcs_add_count; i++)
        if (!append(snapshot, change->tcs_add[i].data, change->tcs_add[i].len))
            return false;
    return true;
}

struct pinning {
    struct foretold *out;
    int64_t at;
};

/* One whose place is no more, or whose time is over, admits nobody. */
static bool
take_pin(void *arg, const struct store_pin *it)
{
    struct pinning *pinning = arg;
    struct settings *settings = pinning->out->settings;
    struct snapshot_pin pin = { .until = it->until, .reason = (char *)(uintptr_t)it->reason };
    enum cg_status status;

    memcpy(pin.sha256, it->sha256, sizeof(pin.sha256));
    if (it->until < pinning->at)
        return true;
    status = snapshot_pin_add(
            settings->interfaces, settings->interface_count, it->interface, &pin, NULL);
    return status == CG_OK || status == CG_E_USAGE;
}

/* ---- all of it --------------------------------------------------------------------------------- */

/* Without a store, or where only its owner may read it, the file is what there is to say. */
static bool
open_store(struct source *source)
{
    struct cg_error err = { "no memory" };
    enum store_status status = STORE_MISSING;
    char *where = NULL;

    if (!source->file->store)
        return true;
    if (asprintf(&where, "%s/" CANDIDATE_STORE, source->file->state) < 0)
        return false;
    status = store_open(
            &(struct store_options) { .path = where, .read_only = true }, &source->store, &err);
    free(where);
    if (status == STORE_MISSING || (status == STORE_IO && geteuid() != 0))
        return true;
    if (status == STORE_OK)
        status = store_now(source->store, &source->view, &err);
    if (status == STORE_OK)
        status = store_identities(&source->view, take_name, source, &err);
    source->has_view = status == STORE_OK;
    if (!source->has_view)
        (void)cli_fail("%s", err.text);
    return source->has_view;
}

static bool
fill(struct source *source, const char *path, const char *text, int64_t at, struct foretold *out,
        struct cg_buf *problems)
{
    const struct settings_overlay overlay = { .get = get_value,
        .arg = source,
        .identities = source->name_list,
        .identity_count = source->name_count };
    const bool overlaid = source->has_view || source->change != NULL;
    struct pinning pinning = { out, at };
    struct cg_error err = { "no memory" };

    out->settings = settings_load_text(path, text, overlaid ? &overlay : NULL, problems);
    if (out->settings == NULL)
        return false;
    if (source->has_view && store_pins(&source->view, take_pin, &pinning, &err) != STORE_OK) {
        (void)cli_fail("admitted certificates: %s", err.text);
        return false;
    }
    out->snapshot.interfaces = out->settings->interfaces;
    out->snapshot.interface_count = out->settings->interface_count;
    return load_tcs(source, out) &&
            (source->change == NULL || change_tcs(source->change, &out->snapshot));
}

bool
foretell(const char *path, const struct foretell_change *change, int64_t at, struct foretold *out)
{
    struct source source = { .change = change };
    struct settings *file = NULL;
    struct cg_buf problems;
    char *text;
    bool ok = false;

    *out = (struct foretold) { .settings = NULL };
    cg_buf_init(&problems, 1024 * 1024);
    text = settings_text(path, &problems);
    if (text != NULL)
        source.file = file = settings_load_text(path, text, NULL, &problems);
    if (file != NULL && open_store(&source))
        ok = fill(&source, path, text, at, out, &problems);
    fputs(cg_buf_text(&problems), stderr);
    cg_buf_release(&problems);
    store_close(source.store);
    settings_free(file);
    free(text);
    if (!ok)
        foretold_release(out);
    return ok;
}

void
foretold_release(struct foretold *it)
{
    for (size_t i = 0; i < it->snapshot.tcs_count; i++)
        free(it->snapshot.tcs[i].data);
    free(it->snapshot.tcs);
    settings_free(it->settings); /* the interfaces with it */
    *it = (struct foretold) { .settings = NULL };
}
