#include <string.h>

#include "base/limits.h"
#include "base/reader.h"
#include "snapshot/snapshot.h"
#include "store/internal.h"

/* Splits a kept chain; false when it is none. */
static bool
split(struct cg_span bytes, struct cg_span chain[CG_MAX_CHAIN_CERTS], size_t *count)
{
    struct cg_reader reader = cg_reader(bytes);
    uint8_t tag;

    *count = 0;
    while (!cg_reader_done(&reader)) {
        if (*count == CG_MAX_CHAIN_CERTS || !cg_der_any(&reader, &tag, NULL, &chain[*count]))
            return false;
        ++*count;
    }
    return *count != 0;
}

enum store_status
store_identities(
        const struct store_view *view, store_identity_fn *fn, void *arg, struct cg_error *err)
{
    struct cg_span chain[CG_MAX_CHAIN_CERTS];
    struct store_identity identity = { .chain = chain };
    sqlite3_stmt *stmt;
    bool more = false;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT name, key_path, chain, born FROM identity WHERE " STORE_ALIVE " ORDER BY name",
            "i", view->generation);

    while (status == STORE_OK) {
        status = sql_next(view->sql, stmt, &more, err);
        if (status != STORE_OK || !more)
            break;
        identity.name = sql_text(stmt, 0);
        identity.key_path = sql_text(stmt, 1);
        identity.since = sql_u64(stmt, 3);
        if (!split(sql_span(stmt, 2), chain, &identity.chain_count)) {
            status = store_fail(err, STORE_DAMAGED,
                    "%.200s: the store is damaged: the chain of identity '%.64s' does not parse; "
                    "restore a backup, workers go on with the last snapshot meanwhile",
                    view->sql->path, identity.name);
            break;
        }
        if (!fn(arg, &identity))
            break;
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
identities_validate(const struct store_view *view, struct cg_error *err)
{
    uint64_t count;
    enum store_status status = sql_number(view->sql, &count, err,
            "SELECT count(*) FROM identity WHERE " STORE_ALIVE, "i", view->generation);

    if (status == STORE_OK && count > SNAPSHOT_MAX_IDENTITIES)
        status = store_fail(err, STORE_INVALID, "more than %d identities", SNAPSHOT_MAX_IDENTITIES);
    return status;
}

static enum store_status
check(const struct store_identity *identity, struct cg_error *err)
{
    struct cg_error cause = { "" };
    struct cg_cert *cert;

    if (identity->name[0] == '\0' || !store_text_ok(identity->name, SNAPSHOT_NAME_SIZE - 1))
        return store_fail(err, STORE_INVALID,
                "the name of an identity is no text of 1 to %d octets without control characters",
                SNAPSHOT_NAME_SIZE - 1);
    if (identity->key_path[0] != '/' || !store_text_ok(identity->key_path, STORE_MAX_PATH))
        return store_fail(err, STORE_INVALID,
                "identity '%s': the key is not given as an absolute path", identity->name);
    if (identity->chain_count == 0 || identity->chain_count > CG_MAX_CHAIN_CERTS)
        return store_fail(err, STORE_INVALID,
                "identity '%s': %zu certificates, and there must be 1 to %d", identity->name,
                identity->chain_count, CG_MAX_CHAIN_CERTS);
    for (size_t i = 0; i < identity->chain_count; i++) {
        if (cg_cert_from_der(identity->chain[i].data, identity->chain[i].len, &cert, &cause) !=
                CG_OK)
            return store_fail(err, STORE_INVALID,
                    "identity '%s': certificate %zu does not parse: %.300s", identity->name, i + 1,
                    cause.text);
        cg_cert_free(cert);
    }
    return STORE_OK;
}

/* Puts a row that equals an ended one where that one was; otherwise a new one. */
static enum store_status
put(struct store_change *change, const struct store_identity *identity, const struct cg_buf *chain,
        struct cg_error *err)
{
    struct sql *sql = change->sql;
    enum store_status status;
    uint64_t same = 0;

    status = sql_run(sql, err, "DELETE FROM identity WHERE name = ?1 AND born = ?2", "ti",
            identity->name, change->next);
    if (status == STORE_OK)
        status = sql_run(sql, err, "UPDATE identity SET died = NULL WHERE name = ?1 AND died = ?2",
                "ti", identity->name, change->next);
    if (status == STORE_OK)
        status = sql_number(sql, &same, err,
                "SELECT count(*) FROM identity WHERE name = ?1 AND died IS NULL"
                " AND key_path = ?2 AND chain = ?3",
                "ttb", identity->name, identity->key_path, chain->data, chain->len);
    if (status != STORE_OK || same != 0)
        return status;
    status = sql_run(sql, err, "UPDATE identity SET died = ?2 WHERE name = ?1 AND died IS NULL",
            "ti", identity->name, change->next);
    if (status == STORE_OK)
        status = sql_run(sql, err,
                "INSERT INTO identity (name, born, died, key_path, chain)"
                " VALUES (?1, ?2, NULL, ?3, ?4)",
                "titb", identity->name, change->next, identity->key_path, chain->data, chain->len);
    return status;
}

enum store_status
store_identity_put(
        struct store_change *change, const struct store_identity *identity, struct cg_error *err)
{
    struct cg_buf chain;
    enum store_status status = check(identity, err);

    cg_buf_init(&chain, (size_t)CG_MAX_CHAIN_CERTS * CG_MAX_CERT_BYTES);
    for (size_t i = 0; status == STORE_OK && i < identity->chain_count; i++)
        cg_buf_add_bytes(&chain, identity->chain[i].data, identity->chain[i].len);
    if (status == STORE_OK && chain.failed)
        status = store_fail(err, STORE_NOMEM, "no memory for an identity");
    if (status == STORE_OK)
        status = put(change, identity, &chain, err);
    cg_buf_release(&chain);
    return change_did(change, status);
}

enum store_status
store_identity_remove(
        struct store_change *change, const char *name, bool *removed, struct cg_error *err)
{
    enum store_status status = sql_run(change->sql, err,
            "DELETE FROM identity WHERE name = ?1 AND born = ?2", "ti", name, change->next);
    bool was = status == STORE_OK && sqlite3_changes(change->sql->db) != 0;

    if (status == STORE_OK && !was) {
        status = sql_run(change->sql, err,
                "UPDATE identity SET died = ?2 WHERE name = ?1 AND died IS NULL", "ti", name,
                change->next);
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
roll_one(void *arg, const struct store_identity *then)
{
    struct past *past = arg;

    past->status = store_identity_put(past->change, then, past->err);
    return past->status == STORE_OK;
}

enum store_status
identities_rollback(struct store_change *change, uint64_t generation, struct cg_error *err)
{
    struct store_view then = { change->sql, generation };
    struct past past = { change, STORE_OK, err };
    enum store_status status = store_identities(&then, roll_one, &past, err);

    return status == STORE_OK ? past.status : status;
}
