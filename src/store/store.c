#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"
#include "store/schema.h"

#define PATH_SIZE 4096

/*
 * What every connection that writes is set to. FULL: a commit is on the disk before it is reported. The cache
 * (64 MiB) holds the fingerprints of a million certificates, which come in no order.
 */
static const char writer_pragmas[] = "PRAGMA journal_mode = WAL;"
                                     "PRAGMA synchronous = FULL;"
                                     "PRAGMA foreign_keys = ON;"
                                     "PRAGMA cell_size_check = ON;"
                                     "PRAGMA cache_size = -65536;"
                                     "PRAGMA journal_size_limit = 16777216;";
static const char reader_pragmas[] = "PRAGMA query_only = ON;"
                                     "PRAGMA cell_size_check = ON;";

enum store_status
author_check(int64_t time, const char *actor, const char *comment, struct cg_error *err)
{
    if (actor == NULL || actor[0] == '\0' || !store_text_ok(actor, STORE_MAX_ACTOR))
        return store_fail(err, STORE_INVALID,
                "the actor is no text of 1 to %d octets without control characters",
                STORE_MAX_ACTOR);
    if (!store_text_ok(comment, STORE_MAX_COMMENT))
        return store_fail(err, STORE_INVALID,
                "the comment is longer than %d octets or has control characters",
                STORE_MAX_COMMENT);
    if (time < 0)
        return store_fail(err, STORE_INVALID, "the time %lld lies before 1970", (long long)time);
    return STORE_OK;
}

/* ------------------------------------------------------------------ creating */

static enum store_status
fill_new(struct sql *sql, uint64_t first, const struct store_author *author, struct cg_error *err)
{
    enum store_status status = sql_exec(sql, err, writer_pragmas);

    if (status == STORE_OK)
        status = schema_upgrade(sql, 0, err);
    if (status == STORE_OK)
        status = sql_run(sql, err, "INSERT INTO store (id, first) VALUES (1, ?1)", "i", first);
    if (status == STORE_OK)
        status = audit_append(sql, author->time, author->actor, "create", 0, "{}", err);
    return status;
}

/* A new name is on the disk once its folder is. */
static bool
sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    free(copy);
    return synced;
}

static enum store_status
system_failed(const char *path, struct cg_error *err)
{
    static const struct {
        int code;
        enum store_status status;
    } meanings[] = { { ENOSPC, STORE_FULL }, { EDQUOT, STORE_FULL }, { EROFS, STORE_READ_ONLY },
        { EACCES, STORE_READ_ONLY }, { EPERM, STORE_READ_ONLY }, { EEXIST, STORE_EXISTS },
        { ENOENT, STORE_MISSING }, { ENOMEM, STORE_NOMEM } };
    int code = errno;

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].code == code)
            return store_fail(err, meanings[i].status, "%.300s: %s", path, strerror(code));
    return store_fail(err, STORE_IO, "%.300s: %s", path, strerror(code));
}

/* Leftovers of a creation that was cut short belong to nobody. */
static void
remove_new(const char *path)
{
    static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
    char name[PATH_SIZE + 16];

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

enum store_status
store_create(const struct store_options *options, uint64_t first, const struct store_author *author,
        struct cg_error *err)
{
    struct sql sql = { 0 };
    char path[PATH_SIZE];
    enum store_status status = author_check(author->time, author->actor, author->comment, err);
    int fd = -1, len;

    if (status != STORE_OK)
        return status;
    if (first == 0 || first > INT64_MAX / 2)
        return store_fail(err, STORE_INVALID, "%llu is no number of a first generation",
                (unsigned long long)first);
    len = snprintf(path, sizeof(path), "%s.new", options->path);
    if (len < 0 || (size_t)len >= sizeof(path))
        return store_fail(err, STORE_INVALID, "the path of the store is too long");
    if (access(options->path, F_OK) == 0)
        return store_fail(err, STORE_EXISTS, "%.300s: there is a store already", options->path);
    remove_new(path);
    fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return system_failed(path, err);
    (void)close(fd);
    status = sql_connect(&sql, path, options->path, SQLITE_OPEN_READWRITE, options->vfs, err);
    if (status == STORE_OK)
        status = fill_new(&sql, first, author, err);
    /* All of it into the one file, for what gets the name is that file alone. */
    if (status == STORE_OK)
        status = sql_exec(&sql, err, "PRAGMA wal_checkpoint(TRUNCATE)");
    sql_disconnect(&sql);
    if (status == STORE_OK && (link(path, options->path) != 0 || !sync_folder(path)))
        status = system_failed(options->path, err);
    remove_new(path);
    return status;
}

/* ------------------------------------------------------------------ opening */

/* A file that SQLite would take for a new database, or not find at all. */
static enum store_status
look_at_file(const char *path, struct cg_error *err)
{
    struct stat st;

    if (stat(path, &st) != 0 && errno == ENOENT)
        return store_fail(err, STORE_MISSING, "%.300s: there is no store", path);
    if (stat(path, &st) != 0)
        return system_failed(path, err);
    if (!S_ISREG(st.st_mode))
        return store_fail(err, STORE_FOREIGN, "%.300s: this is not a file", path);
    if (st.st_size == 0)
        return store_fail(err, STORE_DAMAGED,
                "%.200s: the store is empty: move it away and restore a backup into a new one; "
                "workers "
                "go on with the last snapshot meanwhile",
                path);
    return STORE_OK;
}

/* The small tables whole; certificates are compared with their fingerprints when they are read. */
static enum store_status
look_at_tables(struct sql *sql, struct cg_error *err)
{
    static const char *const checks[] = { "PRAGMA quick_check(store)",
        "PRAGMA quick_check(generation)", "PRAGMA quick_check(setting)",
        "PRAGMA quick_check(identity)", "PRAGMA quick_check(pin)" };
    enum store_status status = STORE_OK;
    sqlite3_stmt *stmt;
    bool row;

    for (size_t i = 0; status == STORE_OK && i < sizeof(checks) / sizeof(checks[0]); i++) {
        status = sql_rows(sql, &stmt, err, checks[i], "");
        if (status != STORE_OK)
            break;
        status = sql_next(sql, stmt, &row, err);
        if (status == STORE_OK && row && strcmp(sql_text(stmt, 0), "ok") != 0)
            status = store_fail(err, STORE_DAMAGED,
                    "%.200s: the store is damaged (%.100s): move it away and restore a backup into "
                    "a "
                    "new one; workers go on with the last snapshot meanwhile",
                    sql->path, sql_text(stmt, 0));
        (void)sqlite3_finalize(stmt);
    }
    return status;
}

/* "file:…?…" with everything escaped that SQLite would read as part of a URI. */
static bool
make_uri(const char *path, const char *query, char out[3 * PATH_SIZE])
{
    struct cg_buf buf;

    cg_buf_init(&buf, 3 * PATH_SIZE - 1);
    cg_buf_add(&buf, "file:");
    for (; *path != '\0'; path++) {
        if (*path == '?' || *path == '#' || *path == '%')
            cg_buf_addf(&buf, "%%%02x", (unsigned char)*path);
        else
            cg_buf_add_bytes(&buf, path, 1);
    }
    cg_buf_addf(&buf, "?%s", query);
    (void)snprintf(out, 3 * PATH_SIZE, "%s", cg_buf_text(&buf));
    cg_buf_release(&buf);
    return !buf.failed;
}

static bool
has_journal(const char *path)
{
    char name[PATH_SIZE + 16];
    struct stat st;

    (void)snprintf(name, sizeof(name), "%s-wal", path);
    return stat(name, &st) == 0 && st.st_size != 0;
}

/*
 * Reading on a disk that cannot be written: SQLite wants its shared memory beside the file, except for a
 * file that is declared unchanging. It is so declared only when no journal could hold a newer state.
 */
static enum store_status
connect_reader(struct store *store, const struct store_options *options, struct cg_error *err)
{
    static const char *const queries[] = { "mode=ro", "mode=ro&immutable=1" };
    const size_t tries = options->read_only && !has_journal(options->path) ? 2 : 1;
    char uri[3 * PATH_SIZE];
    enum store_status status = STORE_IO;
    uint64_t version;

    for (size_t i = 0; i < tries; i++) {
        if (!make_uri(options->path, queries[i], uri))
            return store_fail(err, STORE_INVALID, "the path of the store is too long");
        sql_disconnect(&store->reader);
        status = sql_connect(&store->reader, uri, options->path,
                SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, options->vfs, err);
        if (status == STORE_OK)
            status = sql_exec(&store->reader, err, reader_pragmas);
        if (status == STORE_OK)
            status = sql_number(&store->reader, &version, err, "PRAGMA user_version", "");
        if (status != STORE_READ_ONLY && status != STORE_IO && status != STORE_FULL)
            break;
    }
    return status;
}

static enum store_status
open_writer(struct store *store, const struct store_options *options, struct cg_error *err)
{
    unsigned version = 0;
    enum store_status status = sql_connect(
            &store->writer, options->path, options->path, SQLITE_OPEN_READWRITE, options->vfs, err);

    if (status == STORE_OK)
        status = schema_read(&store->writer, &version, err);
    if (status == STORE_OK && sqlite3_db_readonly(store->writer.db, "main") == 1)
        status = store_fail(err, STORE_READ_ONLY,
                "%.200s: the store cannot be written: give it and its folder back to certgated; "
                "workers go on with the last snapshot meanwhile",
                options->path);
    if (status == STORE_OK)
        status = sql_exec(&store->writer, err, writer_pragmas);
    if (status == STORE_OK)
        status = schema_upgrade(&store->writer, version, err);
    return status;
}

enum store_status
store_open(const struct store_options *options, struct store **out, struct cg_error *err)
{
    struct store *store = NULL;
    enum store_status status;
    unsigned version = 0;

    *out = NULL;
    if (strlen(options->path) >= PATH_SIZE)
        return store_fail(err, STORE_INVALID, "the path of the store is too long");
    status = look_at_file(options->path, err);
    if (status != STORE_OK)
        return status;
    store = calloc(1, sizeof(*store));
    if (store == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for the store");
    store->read_only = options->read_only;
    if (!store->read_only)
        status = open_writer(store, options, err);
    if (status == STORE_OK)
        status = connect_reader(store, options, err);
    if (status == STORE_OK)
        status = schema_read(&store->reader, &version, err);
    if (status == STORE_OK && version != schema_version())
        status = store_fail(err, STORE_READ_ONLY,
                "%.300s: the store is of an older certgate, and read-only it cannot be brought up "
                "to "
                "date",
                options->path);
    if (status == STORE_OK)
        status = look_at_tables(&store->reader, err);
    if (status != STORE_OK)
        goto done;
    *out = store; /* ownership moves to the caller */
    store = NULL;
done:
    store_close(store);
    return status;
}

void
store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_abort(store->change);
    sql_disconnect(&store->reader); /* first, so that the writer ends the journal */
    sql_disconnect(&store->writer);
    free(store);
}

enum store_status
store_check(struct store *store, struct cg_error *err)
{
    sqlite3_stmt *stmt;
    enum store_status status =
            sql_rows(&store->reader, &stmt, err, "PRAGMA integrity_check(1)", "");
    bool row;

    if (status != STORE_OK)
        return status;
    status = sql_next(&store->reader, stmt, &row, err);
    if (status == STORE_OK && row && strcmp(sql_text(stmt, 0), "ok") != 0)
        status = store_fail(err, STORE_DAMAGED,
                "%.200s: the store is damaged (%.100s): move it away and restore a backup into a "
                "new "
                "one; workers go on with the last snapshot meanwhile",
                store->reader.path, sql_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    return status;
}

/* ------------------------------------------------------------------ views */

enum store_status
store_now(struct store *store, struct store_view *out, struct cg_error *err)
{
    *out = (struct store_view) { .sql = &store->reader };
    return sql_number(&store->reader, &out->generation, err,
            "SELECT coalesce(max(number), 0) FROM generation", "");
}

enum store_status
store_at(struct store *store, uint64_t generation, struct store_view *out, struct cg_error *err)
{
    uint64_t known = 0;
    enum store_status status;

    *out = (struct store_view) { .sql = &store->reader, .generation = generation };
    status = sql_number(&store->reader, &known, err,
            "SELECT count(*) FROM generation WHERE number = ?1", "i", generation);
    if (status == STORE_OK && known == 0)
        status = store_fail(
                err, STORE_MISSING, "there is no generation %llu", (unsigned long long)generation);
    return status;
}
