#include "store/schema.h"

#include <stdio.h>

/*
 * Rows of a state have `born`, the generation that made them, and `died`, the one that ended them: they
 * are part of every generation from born to before died. A row is only ever written at its birth and at
 * its death.
 */
static const char *const steps[] = {
    /* 1: generations, settings, TCS, identities, audit */
    "CREATE TABLE store ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " first INTEGER NOT NULL CHECK (first > 0)" /* number of the first generation */
    ") STRICT;"
    "CREATE TABLE generation ("
    " number INTEGER PRIMARY KEY,"
    " time INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " comment TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " source INTEGER NOT NULL,"
    " digest BLOB NOT NULL CHECK (length(digest) = 32),"
    " tcs_digest BLOB NOT NULL CHECK (length(tcs_digest) = 32)"
    ") STRICT;"
    "CREATE TABLE setting ("
    " name TEXT NOT NULL,"
    " born INTEGER NOT NULL REFERENCES generation (number),"
    " died INTEGER REFERENCES generation (number) CHECK (died > born),"
    " value TEXT NOT NULL,"
    " latched INTEGER NOT NULL CHECK (latched IN (0, 1)),"
    " PRIMARY KEY (name, born)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX setting_now ON setting (name) WHERE died IS NULL;"
    /* Certificates by content, whether in the TCS now, once, or again. */
    "CREATE TABLE certificate ("
    " id INTEGER PRIMARY KEY,"
    " sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),"
    " kind INTEGER NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL,"
    " subject TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " der BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE tcs ("
    " certificate INTEGER NOT NULL REFERENCES certificate (id),"
    " born INTEGER NOT NULL REFERENCES generation (number),"
    " died INTEGER REFERENCES generation (number) CHECK (died > born),"
    " PRIMARY KEY (certificate, born)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX tcs_now ON tcs (certificate) WHERE died IS NULL;"
    "CREATE INDEX tcs_born ON tcs (born);"
    "CREATE INDEX tcs_died ON tcs (died) WHERE died IS NOT NULL;"
    "CREATE TABLE identity ("
    " name TEXT NOT NULL,"
    " born INTEGER NOT NULL REFERENCES generation (number),"
    " died INTEGER REFERENCES generation (number) CHECK (died > born),"
    " key_path TEXT NOT NULL,"
    " chain BLOB NOT NULL," /* DER after DER, own certificate first */
    " PRIMARY KEY (name, born)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX identity_now ON identity (name) WHERE died IS NULL;"
    "CREATE TABLE audit ("
    " number INTEGER PRIMARY KEY,"
    " time INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " generation INTEGER NOT NULL,"
    " detail TEXT NOT NULL,"
    " previous BLOB NOT NULL CHECK (length(previous) = 32),"
    " hash BLOB NOT NULL CHECK (length(hash) = 32)"
    ") STRICT;"
    "CREATE INDEX audit_generation ON audit (generation);",

    /* 2: pins */
    "CREATE TABLE pin ("
    " sha256 BLOB NOT NULL CHECK (length(sha256) = 32),"
    " interface TEXT NOT NULL,"
    " born INTEGER NOT NULL REFERENCES generation (number),"
    " died INTEGER REFERENCES generation (number) CHECK (died > born),"
    " until INTEGER NOT NULL,"
    " reason TEXT NOT NULL,"
    " incident TEXT NOT NULL,"
    " PRIMARY KEY (sha256, interface, born)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX pin_now ON pin (sha256, interface) WHERE died IS NULL;",
};

unsigned
schema_version(void)
{
    return sizeof(steps) / sizeof(steps[0]);
}

static enum store_status
run_steps(struct sql *sql, unsigned have, struct cg_error *err)
{
    char pragmas[96];
    enum store_status status = STORE_OK;

    for (unsigned i = have; status == STORE_OK && i < schema_version(); i++)
        status = sql_exec(sql, err, steps[i]);
    (void)snprintf(pragmas, sizeof(pragmas),
            "PRAGMA application_id = %d; PRAGMA user_version = %u;", SCHEMA_APPLICATION_ID,
            schema_version());
    if (status == STORE_OK)
        status = sql_exec(sql, err, pragmas);
    return status;
}

enum store_status
schema_upgrade(struct sql *sql, unsigned have, struct cg_error *err)
{
    enum store_status status;

    if (have == schema_version())
        return STORE_OK;
    status = sql_exec(sql, err, "BEGIN IMMEDIATE");
    if (status != STORE_OK)
        return status;
    status = run_steps(sql, have, err);
    if (status == STORE_OK)
        status = sql_exec(sql, err, "COMMIT");
    if (status != STORE_OK)
        (void)sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL); /* the cause is told already */
    return status;
}

enum store_status
schema_read(struct sql *sql, unsigned *version, struct cg_error *err)
{
    uint64_t application, user;
    enum store_status status = sql_number(sql, &application, err, "PRAGMA application_id", "");

    if (status == STORE_OK)
        status = sql_number(sql, &user, err, "PRAGMA user_version", "");
    if (status != STORE_OK)
        return status;
    if (application != SCHEMA_APPLICATION_ID || user == 0)
        return store_fail(err, STORE_FOREIGN,
                "%.300s: this file is another program's; certgate leaves it alone", sql->path);
    if (user > schema_version())
        return store_fail(err, STORE_NEWER,
                "%.200s: a newer certgate wrote this store (schema %llu, this one knows %u): run "
                "that "
                "one, or restore a backup of this one's into a new store",
                sql->path, (unsigned long long)user, schema_version());
    *version = (unsigned)user;
    return STORE_OK;
}
