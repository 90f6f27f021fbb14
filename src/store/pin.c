#include <string.h>

#include "snapshot/snapshot.h"
#include "store/internal.h"

enum store_status
store_pins(const struct store_view *view, store_pin_fn *fn, void *arg, struct cg_error *err)
{
    struct store_pin pin = { .since = 0 };
    sqlite3_stmt *stmt;
    bool more = false;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT sha256, interface, until, reason, incident, born FROM pin WHERE " STORE_ALIVE
            " ORDER BY sha256, interface",
            "i", view->generation);

    while (status == STORE_OK) {
        status = sql_next(view->sql, stmt, &more, err);
        if (status != STORE_OK || !more)
            break;
        if (sql_sha256(stmt, 0) != NULL) /* the table allows nothing else */
            memcpy(pin.sha256, sql_sha256(stmt, 0), CG_SHA256_SIZE);
        pin.interface = sql_text(stmt, 1);
        pin.until = sqlite3_column_int64(stmt, 2);
        pin.reason = sql_text(stmt, 3);
        pin.incident = sql_text(stmt, 4);
        pin.since = sql_u64(stmt, 5);
        if (!fn(arg, &pin))
            break;
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
pins_validate(const struct store_view *view, struct cg_error *err)
{
    uint64_t count;
    enum store_status status = sql_number(view->sql, &count, err,
            "SELECT count(*) FROM pin WHERE " STORE_ALIVE, "i", view->generation);

    if (status == STORE_OK && count > STORE_MAX_PINS)
        status = store_fail(err, STORE_INVALID, "more than %d pins", STORE_MAX_PINS);
    return status;
}

static enum store_status
check(const struct store_pin *pin, struct cg_error *err)
{
    if (pin->interface[0] == '\0' || !store_text_ok(pin->interface, SNAPSHOT_NAME_SIZE - 1))
        return store_fail(err, STORE_INVALID,
                "a pin needs an interface, a text of 1 to %d octets without control characters",
                SNAPSHOT_NAME_SIZE - 1);
    if (pin->reason[0] == '\0' || !store_text_ok(pin->reason, STORE_MAX_COMMENT))
        return store_fail(err, STORE_INVALID,
                "a pin needs a reason, a text of 1 to %d octets without control characters",
                STORE_MAX_COMMENT);
    if (!store_text_ok(pin->incident, SNAPSHOT_NAME_SIZE - 1))
        return store_fail(err, STORE_INVALID,
                "the incident of a pin is longer than %d octets or has control characters",
                SNAPSHOT_NAME_SIZE - 1);
    return STORE_OK;
}

enum store_status
pin_put(struct store_change *change, const struct store_pin *pin, struct cg_error *err)
{
    const size_t len = CG_SHA256_SIZE;
    struct sql *sql = change->sql;
    uint64_t same = 0;
    enum store_status status = check(pin, err);

    if (status == STORE_OK)
        status = sql_run(sql, err,
                "DELETE FROM pin WHERE sha256 = ?1 AND interface = ?2 AND born = ?3", "bti",
                pin->sha256, len, pin->interface, change->next);
    if (status == STORE_OK)
        status = sql_run(sql, err,
                "UPDATE pin SET died = NULL WHERE sha256 = ?1 AND interface = ?2 AND died = ?3",
                "bti", pin->sha256, len, pin->interface, change->next);
    if (status == STORE_OK)
        status = sql_number(sql, &same, err,
                "SELECT count(*) FROM pin WHERE sha256 = ?1 AND interface = ?2 AND died IS NULL"
                " AND until = ?3 AND reason = ?4 AND incident = ?5",
                "btitt", pin->sha256, len, pin->interface, pin->until, pin->reason, pin->incident);
    if (status != STORE_OK || same != 0)
        return status;
    status = sql_run(sql, err,
            "UPDATE pin SET died = ?3 WHERE sha256 = ?1 AND interface = ?2 AND died IS NULL", "bti",
            pin->sha256, len, pin->interface, change->next);
    if (status == STORE_OK)
        status = sql_run(sql, err,
                "INSERT INTO pin (sha256, interface, born, died, until, reason, incident)"
                " VALUES (?1, ?2, ?3, NULL, ?4, ?5, ?6)",
                "btiitt", pin->sha256, len, pin->interface, change->next, pin->until, pin->reason,
                pin->incident);
    return status;
}

enum store_status
store_pin_put(struct store_change *change, const struct store_pin *pin, struct cg_error *err)
{
    enum store_status status;

    if (pin->until <= change->time)
        status = store_fail(err, STORE_INVALID, "the pin would end before it begins");
    else
        status = pin_put(change, pin, err);
    return change_did(change, status);
}

enum store_status
store_pin_remove(struct store_change *change, const uint8_t sha256[CG_SHA256_SIZE],
        const char *interface, bool *removed, struct cg_error *err)
{
    const size_t len = CG_SHA256_SIZE;
    enum store_status status = sql_run(change->sql, err,
            "DELETE FROM pin WHERE sha256 = ?1 AND interface = ?2 AND born = ?3", "bti", sha256,
            len, interface, change->next);
    bool was = status == STORE_OK && sqlite3_changes(change->sql->db) != 0;

    if (status == STORE_OK && !was) {
        status = sql_run(change->sql, err,
                "UPDATE pin SET died = ?3 WHERE sha256 = ?1 AND interface = ?2 AND died IS NULL",
                "bti", sha256, len, interface, change->next);
        was = status == STORE_OK && sqlite3_changes(change->sql->db) != 0;
    }
    if (removed != NULL)
        *removed = was;
    return change_did(change, status);
}

struct past {
    struct store_change *change;
    enum store_status status;
    struct cg_error *err;
};

static bool
roll_one(void *arg, const struct store_pin *then)
{
    struct past *past = arg;

    past->status = pin_put(past->change, then, past->err);
    return past->status == STORE_OK;
}

enum store_status
pins_rollback(struct store_change *change, uint64_t generation, struct cg_error *err)
{
    struct store_view then = { change->sql, generation };
    struct past past = { change, STORE_OK, err };
    enum store_status status = store_pins(&then, roll_one, &past, err);

    return status == STORE_OK ? past.status : status;
}
