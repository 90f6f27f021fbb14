#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

const char *
store_cert_kind_name(enum store_cert_kind kind)
{
    static const char *const names[STORE_CERT_KINDS] = {
        [STORE_ROOT] = "root",
        [STORE_INTERMEDIATE] = "intermediate",
        [STORE_END_ENTITY] = "end-entity",
    };

    return (size_t)kind < STORE_CERT_KINDS ? names[kind] : "unknown";
}

static bool
sha256(const uint8_t *der, size_t len, uint8_t out[CG_SHA256_SIZE])
{
    return EVP_Digest(der, len, out, NULL, EVP_sha256(), NULL) == 1;
}

/* ------------------------------------------------------------------ reading */

enum store_cert_kind
store_cert_kind_of(const struct cg_cert *cert)
{
    return !cg_cert_is_ca(cert)            ? STORE_END_ENTITY
            : cg_cert_is_self_issued(cert) ? STORE_ROOT
                                           : STORE_INTERMEDIATE;
}

#define COLUMNS "c.sha256, c.der, c.kind, c.not_before, c.not_after, c.subject, c.key, t.born"

/* The row as an entry; STORE_DAMAGED when the certificate is not the one of its fingerprint. */
static enum store_status
take(sqlite3_stmt *stmt, struct store_cert *out, const char *path, struct cg_error *err)
{
    struct cg_span der = sql_span(stmt, 1);
    uint8_t digest[CG_SHA256_SIZE];
    int kind = sqlite3_column_int(stmt, 2);

    *out = (struct store_cert) {
        .sha256 = sql_sha256(stmt, 0),
        .der = der.data,
        .len = der.len,
        .kind = (enum store_cert_kind)kind,
        .not_before = sqlite3_column_int64(stmt, 3),
        .not_after = sqlite3_column_int64(stmt, 4),
        .subject = sql_text(stmt, 5),
        .key = sql_text(stmt, 6),
        .since = sql_u64(stmt, 7),
    };
    if (!sha256(der.data, der.len, digest))
        return store_fail(err, STORE_NOMEM, "cannot compute a fingerprint");
    if (out->sha256 == NULL || kind < 0 || kind >= STORE_CERT_KINDS ||
            memcmp(digest, out->sha256, CG_SHA256_SIZE) != 0)
        return store_fail(err, STORE_DAMAGED,
                "%.200s: the store is damaged: the certificate '%.100s' is not what was added; "
                "restore "
                "a backup, workers go on with the last snapshot meanwhile",
                path, out->subject);
    return STORE_OK;
}

static enum store_status
each(struct sql *sql, sqlite3_stmt *stmt, store_cert_fn *fn, void *arg, bool *found,
        struct cg_error *err)
{
    struct store_cert cert;
    enum store_status status;
    bool row;

    *found = false;
    for (;;) {
        status = sql_next(sql, stmt, &row, err);
        if (status != STORE_OK || !row)
            return status;
        status = take(stmt, &cert, sql->path, err);
        if (status != STORE_OK)
            return status;
        *found = true;
        if (!fn(arg, &cert))
            return STORE_OK;
    }
}

enum store_status
store_tcs(const struct store_view *view, const uint8_t *after, store_cert_fn *fn, void *arg,
        struct cg_error *err)
{
    sqlite3_stmt *stmt;
    bool found;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT " COLUMNS " FROM certificate c CROSS JOIN tcs t ON t.certificate = c.id"
            " WHERE " STORE_ALIVE " AND c.sha256 > ?2 ORDER BY c.sha256",
            "ib", view->generation, after == NULL ? (const uint8_t *)"" : after,
            (size_t)(after == NULL ? 0 : CG_SHA256_SIZE));

    if (status == STORE_OK)
        status = each(view->sql, stmt, fn, arg, &found, err);
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
store_tcs_expiring(const struct store_view *view, int64_t until, store_cert_fn *fn, void *arg,
        struct cg_error *err)
{
    sqlite3_stmt *stmt;
    bool found;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT " COLUMNS " FROM certificate c CROSS JOIN tcs t ON t.certificate = c.id"
            " WHERE " STORE_ALIVE " AND c.not_after <= ?2 ORDER BY c.not_after, c.sha256",
            "ii", view->generation, until);

    if (status == STORE_OK)
        status = each(view->sql, stmt, fn, arg, &found, err);
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
store_tcs_get(const struct store_view *view, const uint8_t fingerprint[CG_SHA256_SIZE],
        store_cert_fn *fn, void *arg, struct cg_error *err)
{
    sqlite3_stmt *stmt;
    char hex[STORE_HEX_SIZE];
    bool found = false;
    enum store_status status = sql_rows(view->sql, &stmt, err,
            "SELECT " COLUMNS " FROM certificate c CROSS JOIN tcs t ON t.certificate = c.id"
            " WHERE " STORE_ALIVE " AND c.sha256 = ?2",
            "ib", view->generation, fingerprint, (size_t)CG_SHA256_SIZE);

    if (status == STORE_OK)
        status = each(view->sql, stmt, fn, arg, &found, err);
    (void)sqlite3_finalize(stmt);
    store_hex(hex, fingerprint);
    if (status == STORE_OK && !found)
        status = store_fail(err, STORE_MISSING, "the TCS holds no certificate %s", hex);
    return status;
}

enum store_status
store_tcs_count(const struct store_view *view, uint64_t *out, struct cg_error *err)
{
    return sql_number(view->sql, out, err, "SELECT count(*) FROM tcs WHERE " STORE_ALIVE, "i",
            view->generation);
}

/* Of the pending state, which is every row that is alive: its index is counted in a fraction of the time. */
enum store_status
tcs_validate(const struct store_view *pending, struct cg_error *err)
{
    uint64_t count;
    enum store_status status = sql_number(
            pending->sql, &count, err, "SELECT count(*) FROM tcs WHERE died IS NULL", "");

    if (status == STORE_OK && count > STORE_MAX_TCS)
        status = store_fail(
                err, STORE_INVALID, "more than %d certificates in the TCS", STORE_MAX_TCS);
    return status;
}

/* ------------------------------------------------------------------ edits */

static enum store_status
insert_certificate(struct store_change *change, const uint8_t *der, size_t len, uint64_t *id,
        struct cg_error *err)
{
    struct cg_cert *cert = NULL;
    struct cg_error cause = { "" };
    char *subject = NULL, *key = NULL;
    enum store_cert_kind kind;
    enum store_status status;

    if (cg_cert_from_der(der, len, &cert, &cause) != CG_OK)
        return store_fail(err, STORE_INVALID, "not a certificate: %.400s", cause.text);
    kind = store_cert_kind_of(cert);
    subject = cg_cert_text(cert, CG_FIELD_SUBJECT);
    key = cg_cert_text(cert, CG_FIELD_KEY);
    if (subject == NULL || key == NULL)
        status = store_fail(err, STORE_NOMEM, "no memory for a certificate");
    else
        status = sql_run(change->sql, err,
                "INSERT INTO certificate (sha256, kind, not_before, not_after, subject, key, der)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                "biiittb", cg_cert_get0_sha256(cert), (size_t)CG_SHA256_SIZE, (uint64_t)kind,
                cg_cert_not_before(cert), cg_cert_not_after(cert), subject, key, der, len);
    *id = (uint64_t)sqlite3_last_insert_rowid(change->sql->db);
    free(subject);
    free(key);
    cg_cert_free(cert);
    return status;
}

/* Id of a certificate that was ever added, or 0. */
static enum store_status
find_certificate(struct store_change *change, const uint8_t fingerprint[CG_SHA256_SIZE],
        uint64_t *id, struct cg_error *err)
{
    return sql_number(change->sql, id, err, "SELECT id FROM certificate WHERE sha256 = ?1", "b",
            fingerprint, (size_t)CG_SHA256_SIZE);
}

/* Puts a known certificate into the pending TCS. */
static enum store_status
revive(struct store_change *change, uint64_t id, bool *added, struct cg_error *err)
{
    uint64_t there = 0;
    enum store_status status = sql_number(change->sql, &there, err,
            "SELECT count(*) FROM tcs WHERE certificate = ?1 AND died IS NULL", "i", id);

    *added = there == 0;
    if (status != STORE_OK || there != 0)
        return status;
    status = sql_run(change->sql, err,
            "UPDATE tcs SET died = NULL WHERE certificate = ?1 AND died = ?2", "ii", id,
            change->next);
    if (status == STORE_OK && sqlite3_changes(change->sql->db) == 0)
        status = sql_run(change->sql, err,
                "INSERT INTO tcs (certificate, born, died) VALUES (?1, ?2, NULL)", "ii", id,
                change->next);
    return status;
}

enum store_status
store_tcs_add(struct store_change *change, const uint8_t *der, size_t len, bool *added,
        struct cg_error *err)
{
    uint8_t digest[CG_SHA256_SIZE];
    uint64_t id = 0;
    bool new = false;
    enum store_status status;

    if (!sha256(der, len, digest))
        return change_did(change, store_fail(err, STORE_NOMEM, "cannot compute a fingerprint"));
    status = find_certificate(change, digest, &id, err);
    if (status == STORE_OK && id == 0)
        status = insert_certificate(change, der, len, &id, err);
    if (status == STORE_OK)
        status = revive(change, id, &new, err);
    if (added != NULL)
        *added = new;
    return change_did(change, status);
}

/* Ends an entry; one that only this change added leaves nothing behind. */
static enum store_status
end_entry(struct store_change *change, uint64_t id, bool *removed, struct cg_error *err)
{
    enum store_status status = sql_run(change->sql, err,
            "DELETE FROM tcs WHERE certificate = ?1 AND born = ?2", "ii", id, change->next);

    if (status != STORE_OK)
        return status;
    *removed = sqlite3_changes(change->sql->db) != 0;
    if (*removed)
        return sql_run(change->sql, err,
                "DELETE FROM certificate WHERE id = ?1"
                " AND NOT EXISTS (SELECT 1 FROM tcs WHERE certificate = ?1)",
                "i", id);
    status = sql_run(change->sql, err,
            "UPDATE tcs SET died = ?2 WHERE certificate = ?1 AND died IS NULL", "ii", id,
            change->next);
    *removed = status == STORE_OK && sqlite3_changes(change->sql->db) != 0;
    return status;
}

enum store_status
store_tcs_remove(struct store_change *change, const uint8_t fingerprint[CG_SHA256_SIZE],
        bool *removed, struct cg_error *err)
{
    uint64_t id = 0;
    bool was = false;
    enum store_status status = find_certificate(change, fingerprint, &id, err);

    if (status == STORE_OK && id != 0)
        status = end_entry(change, id, &was, err);
    if (removed != NULL)
        *removed = was;
    return change_did(change, status);
}

enum store_status
store_tcs_remove_der(struct store_change *change, const uint8_t *der, size_t len, bool *removed,
        struct cg_error *err)
{
    uint8_t digest[CG_SHA256_SIZE];

    if (!sha256(der, len, digest))
        return change_did(change, store_fail(err, STORE_NOMEM, "cannot compute a fingerprint"));
    return store_tcs_remove(change, digest, removed, err);
}

enum store_status
tcs_rollback(struct store_change *change, uint64_t generation, struct cg_error *err)
{
    /* change_clear() has ended every entry: those of then go on where they ended just now … */
    enum store_status status = sql_run(change->sql, err,
            "UPDATE tcs SET died = NULL WHERE died = ?2 AND certificate IN"
            " (SELECT certificate FROM tcs WHERE " STORE_ALIVE ")",
            "ii", generation, change->next);

    /* … and begin again where they had ended before. */
    if (status == STORE_OK)
        status = sql_run(change->sql, err,
                "INSERT INTO tcs (certificate, born, died)"
                " SELECT certificate, ?2, NULL FROM tcs t WHERE " STORE_ALIVE
                " AND NOT EXISTS (SELECT 1 FROM tcs n"
                " WHERE n.certificate = t.certificate AND n.died IS NULL)",
                "ii", generation, change->next);
    return status;
}
