#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"
#include "store/latch.h"

/* Fills out from a row of (value, latched, born); value is the default where there is none. */
static void
take(struct store_setting *out, const struct registry_row *row, const char *name,
        sqlite3_stmt *stmt, bool found)
{
    const char *value = found ? sql_text(stmt, 0) : row->initial != NULL ? row->initial : "";

    *out = (struct store_setting) { .is_set = found };
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    (void)snprintf(out->value, sizeof(out->value), "%s", value);
    if (found) {
        out->latched = sqlite3_column_int(stmt, 1) != 0;
        out->since = sql_u64(stmt, 2);
    }
}

static enum store_status
read_setting(const struct store_view *view, const struct registry_row *row, const char *name,
        struct store_setting *out, struct cg_error *err)
{
    sqlite3_stmt *stmt;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT value, latched, born FROM setting WHERE " STORE_ALIVE " AND name = ?2", "it",
            view->generation, name);
    bool found;

    if (status != STORE_OK)
        return status;
    status = sql_next(view->sql, stmt, &found, err);
    if (status == STORE_OK)
        take(out, row, name, stmt, found);
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
store_get(const struct store_view *view, const char *name, struct store_setting *out,
        struct cg_error *err)
{
    const struct registry_row *row;
    enum store_status status = registry_find(name, &row, err);

    return status != STORE_OK ? status : read_setting(view, row, name, out, err);
}

enum store_status
settings_each(const struct store_view *view, store_setting_fn *fn, void *arg, struct cg_error *err)
{
    struct store_setting setting;
    const struct registry_row *row;
    sqlite3_stmt *stmt;
    bool more = false;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT value, latched, born, name FROM setting WHERE " STORE_ALIVE " ORDER BY name",
            "i", view->generation);

    while (status == STORE_OK) {
        status = sql_next(view->sql, stmt, &more, err);
        if (status != STORE_OK || !more)
            break;
        status = registry_find(sql_text(stmt, 3), &row, err);
        if (status != STORE_OK)
            break;
        take(&setting, row, sql_text(stmt, 3), stmt, true);
        if (!fn(arg, &setting))
            break;
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

struct listing {
    store_setting_fn *fn;
    void *arg;
    bool ended;
};

static bool
list_named(void *arg, const struct store_setting *setting)
{
    struct listing *listing = arg;
    const struct registry_row *row;

    if (registry_find(setting->name, &row, NULL) != STORE_OK || !registry_has_name(row))
        return true;
    return listing->fn(listing->arg, setting);
}

enum store_status
store_settings(const struct store_view *view, store_setting_fn *fn, void *arg, struct cg_error *err)
{
    struct listing listing = { fn, arg, false };
    struct store_setting setting;
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && !listing.ended && i < registry_count(); i++) {
        const struct registry_row *row = registry_row(i);

        if (registry_has_name(row))
            continue;
        status = read_setting(view, row, row->name, &setting, err);
        if (status == STORE_OK)
            listing.ended = !fn(arg, &setting);
    }
    if (status == STORE_OK && !listing.ended)
        status = settings_each(view, list_named, &listing, err);
    return status;
}

struct validation {
    enum store_status status;
    struct cg_error *err;
    size_t count;
};

static bool
validate_one(void *arg, const struct store_setting *setting)
{
    struct validation *validation = arg;
    const struct registry_row *row;
    struct cg_buf value;

    validation->count++;
    cg_buf_init(&value, STORE_VALUE_SIZE);
    validation->status = registry_find(setting->name, &row, validation->err);
    if (validation->status == STORE_OK)
        validation->status =
                registry_canonical(row, setting->name, setting->value, &value, validation->err);
    if (validation->status == STORE_OK && setting->latched &&
            latch_covers(row, setting->value) == 0)
        validation->status = store_fail(validation->err, STORE_INVALID,
                "%s: a latch means nothing at '%s'", setting->name, setting->value);
    cg_buf_release(&value);
    return validation->status == STORE_OK;
}

enum store_status
settings_validate(const struct store_view *view, struct cg_error *err)
{
    struct validation validation = { STORE_OK, err, 0 };
    enum store_status status = settings_each(view, validate_one, &validation, err);

    if (status == STORE_OK)
        status = validation.status;
    if (status == STORE_OK && validation.count > STORE_MAX_SETTINGS)
        status = store_fail(err, STORE_INVALID, "more than %d settings", STORE_MAX_SETTINGS);
    return status;
}

/* ------------------------------------------------------------------ edits */

/* Makes a setting so in the pending state, compared with the one in force; value NULL: not set. */
static enum store_status
put(struct store_change *change, const struct store_setting *base, const char *value, bool latched,
        struct cg_error *err)
{
    bool same = base->is_set == (value != NULL) &&
            (value == NULL || (strcmp(base->value, value) == 0 && base->latched == latched));
    struct sql *sql = change->sql;
    /* What earlier edits of this change made of it counts no more. */
    enum store_status status = sql_run(sql, err,
            "DELETE FROM setting WHERE name = ?1 AND born = ?2", "ti", base->name, change->next);

    if (status == STORE_OK)
        status = sql_run(sql, err, "UPDATE setting SET died = NULL WHERE name = ?1 AND died = ?2",
                "ti", base->name, change->next);
    if (status != STORE_OK || same)
        return status;
    status = sql_run(sql, err, "UPDATE setting SET died = ?2 WHERE name = ?1 AND died IS NULL",
            "ti", base->name, change->next);
    if (status == STORE_OK && value != NULL)
        status = sql_run(sql, err,
                "INSERT INTO setting (name, born, died, value, latched)"
                " VALUES (?1, ?2, NULL, ?3, ?4)",
                "titi", base->name, change->next, value, (uint64_t)latched);
    return status;
}

/* The row of a setting, its value in force, and the new value as it is kept. */
static enum store_status
prepare(struct store_change *change, const char *name, const char *value,
        const struct registry_row **row, struct store_setting *base, struct cg_buf *canonical,
        struct cg_error *err)
{
    struct store_view view = { change->sql, change->base };
    enum store_status status = registry_find(name, row, err);

    if (status == STORE_OK && value != NULL)
        status = registry_canonical(*row, name, value, canonical, err);
    if (status == STORE_OK)
        status = read_setting(&view, *row, name, base, err);
    return status;
}

/* Sets a value as an administrator does: the latch stays only where the value does. */
static enum store_status
set(struct store_change *change, const struct registry_row *row, const struct store_setting *base,
        const char *value, struct cg_error *err)
{
    bool same = strcmp(base->value, value) == 0 && (base->is_set || row->initial != NULL);

    if (same && !base->is_set && !registry_has_name(row))
        return put(change, base, NULL, false, err); /* the default already */
    return put(change, base, value, same && base->latched, err);
}

enum store_status
store_set(struct store_change *change, const char *name, const char *value, struct cg_error *err)
{
    const struct registry_row *row;
    struct store_setting base;
    struct cg_buf canonical;
    enum store_status status;

    cg_buf_init(&canonical, STORE_VALUE_SIZE);
    status = prepare(change, name, value, &row, &base, &canonical, err);
    if (status == STORE_OK)
        status = set(change, row, &base, cg_buf_text(&canonical), err);
    cg_buf_release(&canonical);
    return change_did(change, status);
}

enum store_status
store_unset(struct store_change *change, const char *name, struct cg_error *err)
{
    const struct registry_row *row;
    struct store_setting base;
    enum store_status status = prepare(change, name, NULL, &row, &base, NULL, err);

    if (status == STORE_OK && base.latched && row->initial != NULL &&
            strcmp(base.value, row->initial) == 0)
        status = put(change, &base, base.value, true, err);
    else if (status == STORE_OK)
        status = put(change, &base, NULL, false, err);
    return change_did(change, status);
}

enum store_status
setting_carry(struct store_change *change, const char *name, const char *value, bool latched,
        bool older, enum setting_origin origin, struct cg_error *err)
{
    const struct registry_row *row;
    struct store_setting base;
    struct cg_buf canonical;
    const char *text;
    enum store_status status;

    cg_buf_init(&canonical, STORE_VALUE_SIZE);
    status = prepare(change, name, value, &row, &base, &canonical, err);
    if (status != STORE_OK)
        goto done;
    text = cg_buf_text(&canonical);
    if (latched && latch_covers(row, text) == 0) {
        status = store_fail(err, STORE_INVALID, "%s: '%s' cannot be latched", name, text);
        goto done;
    }
    latched = latched || (older && latch_covers(row, text) != 0);
    if (latched || origin == SETTING_RESTORED)
        status = put(change, &base, text, latched, err);
    else
        status = set(change, row, &base, text, err);
done:
    cg_buf_release(&canonical);
    return status;
}

enum store_status
settings_carry_defaults(struct store_change *change, struct cg_error *err)
{
    struct store_view view = store_pending(change);
    struct store_setting setting;
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < registry_count(); i++) {
        const struct registry_row *row = registry_row(i);

        if (registry_has_name(row) || latch_covers(row, row->initial) == 0)
            continue;
        status = read_setting(&view, row, row->name, &setting, err);
        if (status == STORE_OK && !setting.is_set)
            status = setting_carry(
                    change, row->name, row->initial, true, true, SETTING_RESTORED, err);
    }
    return status;
}

struct past {
    struct store_change *change;
    struct store_view base;
    enum store_latches latches;
    enum store_status status;
    struct cg_error *err;
};

static bool
roll_one(void *arg, const struct store_setting *then)
{
    struct past *past = arg;
    const struct registry_row *row;
    struct store_setting now;
    bool latched = then->latched;

    past->status = registry_find(then->name, &row, past->err);
    if (past->status == STORE_OK)
        past->status = read_setting(&past->base, row, then->name, &now, past->err);
    if (past->status != STORE_OK)
        return false;
    if (past->latches == STORE_LATCHES_STAY_CLEARED)
        latched = latched && now.latched && strcmp(now.value, then->value) == 0;
    past->status = put(past->change, &now, then->value, latched, past->err);
    return past->status == STORE_OK;
}

enum store_status
settings_rollback(struct store_change *change, uint64_t generation, enum store_latches latches,
        struct cg_error *err)
{
    struct store_view then = { change->sql, generation };
    struct past past = { change, { change->sql, change->base }, latches, STORE_OK, err };
    enum store_status status = settings_each(&then, roll_one, &past, err);

    return status == STORE_OK ? past.status : status;
}
