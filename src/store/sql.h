/*
 * SQLite as the store uses it: a connection with its prepared statements, values by their kinds, and
 * SQLite's results as sentences for an administrator.
 *
 * Kinds of values: i int64_t or uint64_t · t text, NULL for none · b octets and their size_t length.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <sqlite3.h>

#include "store/store.h"

#define SQL_MAX_PREPARED 64

struct sql {
    sqlite3 *db;
    char *path; /* for sentences */
    struct {
        const char *text; /* the literal's address tells statements apart */
        sqlite3_stmt *stmt;
    } prepared[SQL_MAX_PREPARED];
    size_t prepared_count;
};

/* flags are SQLite's, of sqlite3_open_v2(); path may be a URI then. */
CG_CHECKED enum store_status sql_connect(struct sql *sql, const char *path, const char *shown,
        int flags, const char *vfs, struct cg_error *err);
void sql_disconnect(struct sql *sql);

/* What SQLite's last failure means and what to do about it. */
enum store_status sql_failed(struct sql *sql, struct cg_error *err);

/* Runs statements without values or results. */
CG_CHECKED enum store_status sql_exec(struct sql *sql, struct cg_error *err, const char *text);
/* Runs one statement that gives no rows; text must be a literal: it stays prepared. */
CG_CHECKED enum store_status sql_run(
        struct sql *sql, struct cg_error *err, const char *text, const char *kinds, ...);
/* The first column of the first row; 0 where there is none. text as in sql_run(). */
CG_CHECKED enum store_status sql_number(struct sql *sql, uint64_t *out, struct cg_error *err,
        const char *text, const char *kinds, ...);
/* A statement whose rows are read with sql_next() and ended with sqlite3_finalize(). */
CG_CHECKED enum store_status sql_rows(struct sql *sql, sqlite3_stmt **out, struct cg_error *err,
        const char *text, const char *kinds, ...);
/* Steps to the next row; *row is false after the last. */
CG_CHECKED enum store_status sql_next(
        struct sql *sql, sqlite3_stmt *stmt, bool *row, struct cg_error *err);

/* Columns of the row; text is "" and octets NULL for NULL. */
const char *sql_text(sqlite3_stmt *stmt, int column);
const char *sql_text_or_null(sqlite3_stmt *stmt, int column);
uint64_t sql_u64(sqlite3_stmt *stmt, int column);
struct cg_span sql_span(sqlite3_stmt *stmt, int column);
/* 32 octets, or NULL where the column holds something else. */
const uint8_t *sql_sha256(sqlite3_stmt *stmt, int column);

#endif
