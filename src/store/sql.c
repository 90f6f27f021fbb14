#include "store/sql.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum store_status
sql_connect(struct sql *sql, const char *path, const char *shown, int flags, const char *vfs,
        struct cg_error *err)
{
    *sql = (struct sql) { .path = strdup(shown) };
    if (sql->path == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for the store");
    if (sqlite3_open_v2(path, &sql->db, flags, vfs) != SQLITE_OK)
        return sql->db == NULL ? store_fail(err, STORE_NOMEM, "no memory for the store")
                               : sql_failed(sql, err);
    (void)sqlite3_extended_result_codes(sql->db, 1);
    (void)sqlite3_busy_timeout(sql->db, STORE_BUSY_MS);
    (void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return STORE_OK;
}

void
sql_disconnect(struct sql *sql)
{
    for (size_t i = 0; i < sql->prepared_count; i++)
        (void)sqlite3_finalize(sql->prepared[i].stmt);
    (void)sqlite3_close_v2(sql->db);
    free(sql->path);
    *sql = (struct sql) { 0 };
}

#define DAMAGED                                                                                    \
    "the store is damaged: move it away and restore a backup into a new one; workers go on with "  \
    "the "                                                                                         \
    "last snapshot meanwhile"
#define READ_ONLY                                                                                  \
    "the store cannot be written: give it and its folder back to certgated; the last generation "  \
    "stays "                                                                                       \
    "in force"

/* SQLite's results by primary code, and what to do. */
static const struct {
    int code;
    enum store_status status;
    const char *advice;
} meanings[] = {
    { SQLITE_FULL, STORE_FULL,
            "the disk is full: nothing was saved; make room and try again, the last generation "
            "stays "
            "in force" },
    { SQLITE_IOERR, STORE_IO,
            "the disk fails: nothing was saved; look into the system log, the last generation "
            "stays in "
            "force" },
    { SQLITE_READONLY, STORE_READ_ONLY, READ_ONLY }, { SQLITE_PERM, STORE_READ_ONLY, READ_ONLY },
    { SQLITE_CANTOPEN, STORE_READ_ONLY,
            "the store or a file beside it cannot be opened: look at owner and permissions of its "
            "folder, and for room on the disk" },
    { SQLITE_CORRUPT, STORE_DAMAGED, DAMAGED }, { SQLITE_NOTADB, STORE_DAMAGED, DAMAGED },
    { SQLITE_BUSY, STORE_BUSY, "another program holds the store: end it and try again" },
    { SQLITE_LOCKED, STORE_BUSY, "another program holds the store: end it and try again" },
    { SQLITE_NOMEM, STORE_NOMEM, "no memory for the store: nothing was saved" },
    { SQLITE_CONSTRAINT, STORE_DAMAGED, DAMAGED }, /* what could break one is checked before */
    { SQLITE_MISMATCH, STORE_DAMAGED, DAMAGED },
    { SQLITE_ERROR, STORE_DAMAGED, DAMAGED }, /* our statements fit our schema */
};

enum store_status
sql_failed(struct sql *sql, struct cg_error *err)
{
    int code = sqlite3_errcode(sql->db);

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].code == (code & 0xff))
            return store_fail(err, meanings[i].status, "%.200s: %s (%.80s)", sql->path,
                    meanings[i].advice, sqlite3_errmsg(sql->db));
    return store_fail(err, STORE_IO, "%.200s: %s", sql->path, sqlite3_errmsg(sql->db));
}

enum store_status
sql_exec(struct sql *sql, struct cg_error *err, const char *text)
{
    if (sqlite3_exec(sql->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return sql_failed(sql, err);
    return STORE_OK;
}

static enum store_status
bind(struct sql *sql, sqlite3_stmt *stmt, struct cg_error *err, const char *kinds, va_list args)
{
    int rc = SQLITE_OK;

    for (int i = 1; rc == SQLITE_OK && kinds[i - 1] != '\0'; i++) {
        switch (kinds[i - 1]) {
        case 'i':
            rc = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
            break;
        case 't':
            rc = sqlite3_bind_text(stmt, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        default: {
            const void *data = va_arg(args, const void *);
            size_t len = va_arg(args, size_t);

            rc = sqlite3_bind_blob64(stmt, i, data, len, SQLITE_TRANSIENT);
        }
        }
    }
    return rc == SQLITE_OK ? STORE_OK : sql_failed(sql, err);
}

/* A literal's statement, ready for new values. */
static enum store_status
prepare(struct sql *sql, const char *text, sqlite3_stmt **out, struct cg_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < sql->prepared_count; i++) {
        if (sql->prepared[i].text == text) {
            *out = sql->prepared[i].stmt;
            return STORE_OK;
        }
    }
    if (sql->prepared_count == SQL_MAX_PREPARED)
        return store_fail(err, STORE_NOMEM, "more than %d statements", SQL_MAX_PREPARED);
    if (sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
        return sql_failed(sql, err);
    sql->prepared[sql->prepared_count].text = text;
    sql->prepared[sql->prepared_count++].stmt = *out;
    return STORE_OK;
}

/* Runs a statement once; *number is the first column of its first row. */
static enum store_status
once(struct sql *sql, uint64_t *number, struct cg_error *err, const char *text, const char *kinds,
        va_list args)
{
    sqlite3_stmt *stmt;
    enum store_status status = prepare(sql, text, &stmt, err);
    bool row;

    *number = 0;
    if (status != STORE_OK)
        return status;
    status = bind(sql, stmt, err, kinds, args);
    if (status == STORE_OK)
        status = sql_next(sql, stmt, &row, err);
    if (status == STORE_OK && row)
        *number = sql_u64(stmt, 0);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

enum store_status
sql_run(struct sql *sql, struct cg_error *err, const char *text, const char *kinds, ...)
{
    va_list args;
    uint64_t ignored;
    enum store_status status;

    va_start(args, kinds);
    status = once(sql, &ignored, err, text, kinds, args);
    va_end(args);
    return status;
}

enum store_status
sql_number(struct sql *sql, uint64_t *out, struct cg_error *err, const char *text,
        const char *kinds, ...)
{
    va_list args;
    enum store_status status;

    va_start(args, kinds);
    status = once(sql, out, err, text, kinds, args);
    va_end(args);
    return status;
}

enum store_status
sql_rows(struct sql *sql, sqlite3_stmt **out, struct cg_error *err, const char *text,
        const char *kinds, ...)
{
    va_list args;
    enum store_status status;

    if (sqlite3_prepare_v2(sql->db, text, -1, out, NULL) != SQLITE_OK)
        return sql_failed(sql, err);
    va_start(args, kinds);
    status = bind(sql, *out, err, kinds, args);
    va_end(args);
    if (status != STORE_OK) {
        (void)sqlite3_finalize(*out);
        *out = NULL;
    }
    return status;
}

enum store_status
sql_next(struct sql *sql, sqlite3_stmt *stmt, bool *row, struct cg_error *err)
{
    int rc = sqlite3_step(stmt);

    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? STORE_OK : sql_failed(sql, err);
}

const char *
sql_text_or_null(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

const char *
sql_text(sqlite3_stmt *stmt, int column)
{
    const char *text = sql_text_or_null(stmt, column);

    return text == NULL ? "" : text;
}

uint64_t
sql_u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

struct cg_span
sql_span(sqlite3_stmt *stmt, int column)
{
    const void *data = sqlite3_column_blob(stmt, column);

    return cg_span(data, data == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, column));
}

const uint8_t *
sql_sha256(sqlite3_stmt *stmt, int column)
{
    struct cg_span span = sql_span(stmt, column);

    return span.len == CG_SHA256_SIZE ? span.data : NULL;
}
