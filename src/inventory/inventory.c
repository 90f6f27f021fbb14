#include "inventory/inventory.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/reader.h"
#include "inventory/rows.h"

/* Grows with the tables: another number is an inventory of another release, which is begun anew. */
#define SCHEMA_VERSION 3
#define APPLICATION_ID 0x63674976 /* "cgIv" */
/* How long a reader or writer waits for the other. */
#define BUSY_MS 2000

struct inventory {
    sqlite3 *db;
    sqlite3_stmt *add, *count, *evict, *keep, *chain;
    bool chains_came; /* in the open transaction */
    struct inventory_limits limits;
    unsigned pending; /* records of the open transaction */
};

static const char schema[] =
        "CREATE TABLE peer ("
        " interface TEXT NOT NULL, class TEXT NOT NULL, sha256 TEXT NOT NULL,"
        " service TEXT NOT NULL, role TEXT NOT NULL,"
        " subject TEXT NOT NULL, names TEXT NOT NULL, issuer TEXT NOT NULL,"
        " not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
        " first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,"
        " peer TEXT NOT NULL, address TEXT NOT NULL,"
        " accepted INTEGER NOT NULL, admitted INTEGER NOT NULL, latched INTEGER NOT NULL,"
        " level TEXT NOT NULL, reason TEXT NOT NULL, levels TEXT NOT NULL, path TEXT NOT NULL,"
        " PRIMARY KEY (interface, class, sha256)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX peer_age ON peer (admitted, last_seen);"
        "CREATE TABLE chain (sha256 TEXT NOT NULL UNIQUE, der BLOB NOT NULL) STRICT;";

/* A resumed session and a record that was cut say nothing of the levels: what was known stays. */
static const char add_sql[] =
        "INSERT INTO peer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?20, ?12, ?13,"
        " ?14, ?14, ?15, ?16, ?17, ?18, ?19)"
        " ON CONFLICT (interface, class, sha256) DO UPDATE SET count = count + excluded.count,"
        " first_seen = min(first_seen, excluded.first_seen),"
        " admitted = max(admitted, excluded.admitted),"
        " subject = CASE WHEN excluded.subject = '' THEN subject ELSE excluded.subject END,"
        " names = CASE WHEN excluded.names = '' THEN names ELSE excluded.names END,"
        " issuer = CASE WHEN excluded.issuer = '' THEN issuer ELSE excluded.issuer END,"
        " not_before = CASE WHEN excluded.not_before = 0 THEN not_before ELSE excluded.not_before"
        " END,"
        " not_after = CASE WHEN excluded.not_after = 0 THEN not_after ELSE excluded.not_after END,"
        " peer = iif(excluded.last_seen >= last_seen, excluded.peer, peer),"
        " address = iif(excluded.last_seen >= last_seen, excluded.address, address),"
        " accepted = iif(excluded.last_seen >= last_seen, excluded.accepted, accepted),"
        " level = iif(excluded.last_seen >= last_seen, excluded.level, level),"
        " reason = iif(excluded.last_seen >= last_seen, excluded.reason, reason),"
        " latched = iif(excluded.last_seen >= last_seen AND excluded.levels <> '',"
        " excluded.latched, latched),"
        " levels = iif(excluded.last_seen >= last_seen AND excluded.levels <> '',"
        " excluded.levels, levels),"
        " path = iif(excluded.last_seen >= last_seen AND excluded.path <> '', excluded.path, path),"
        " last_seen = max(last_seen, excluded.last_seen)";

static const char count_sql[] = "SELECT count(*) FROM peer WHERE admitted = ?1";

static const char evict_sql[] =
        "DELETE FROM peer WHERE (interface, class, sha256) IN (SELECT interface, class, sha256"
        " FROM peer WHERE admitted = ?1 ORDER BY last_seen LIMIT ?2)";

static const char keep_sql[] = "INSERT INTO chain VALUES (?1, ?2)"
                               " ON CONFLICT (sha256) DO UPDATE SET der = excluded.der";

static const char chain_sql[] = "SELECT der FROM chain WHERE sha256 = ?1";

/* Of peers that are gone, then of those not seen for longest; some more than must, for each is a look at all. */
static const char evict_chains_sql[] =
        "DELETE FROM chain WHERE rowid IN (SELECT c.rowid FROM chain c LEFT JOIN (SELECT sha256,"
        " max(last_seen) AS seen FROM peer GROUP BY sha256) p ON p.sha256 = c.sha256"
        " ORDER BY p.seen IS NOT NULL, p.seen LIMIT ?1)";

static enum cg_status
fail(const struct inventory *inventory, struct cg_error *err)
{
    return cg_fail(err, CG_E_USAGE, "peer inventory: %s",
            inventory->db == NULL ? "no memory" : sqlite3_errmsg(inventory->db));
}

static bool
run(struct inventory *inventory, const char *sql)
{
    return sqlite3_exec(inventory->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool
read_number(struct inventory *inventory, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(inventory->db, sql, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW;

    *out = ok ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return ok;
}

static bool
prepare(struct inventory *inventory)
{
    return sqlite3_prepare_v2(inventory->db, add_sql, -1, &inventory->add, NULL) == SQLITE_OK &&
            sqlite3_prepare_v2(inventory->db, count_sql, -1, &inventory->count, NULL) ==
            SQLITE_OK &&
            sqlite3_prepare_v2(inventory->db, evict_sql, -1, &inventory->evict, NULL) ==
            SQLITE_OK &&
            sqlite3_prepare_v2(inventory->db, keep_sql, -1, &inventory->keep, NULL) == SQLITE_OK;
}

/* An empty file gets its tables; one that holds anything but ours is no inventory. */
static bool
set_up(struct inventory *inventory)
{
    int64_t application, version, pages;
    char ours[96];

    (void)sqlite3_busy_timeout(inventory->db, BUSY_MS);
    (void)snprintf(ours, sizeof(ours), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
            APPLICATION_ID, SCHEMA_VERSION);
    if (!read_number(inventory, "PRAGMA application_id", &application) ||
            !read_number(inventory, "PRAGMA user_version", &version) ||
            !read_number(inventory, "PRAGMA page_count", &pages) ||
            (pages != 0 && (application != APPLICATION_ID || version != SCHEMA_VERSION)))
        return false;
    /* NORMAL: a power cut may take the last batches, it does not damage the file. */
    if (!run(inventory,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 4194304;"))
        return false;
    if (pages == 0 &&
            (!run(inventory, "BEGIN IMMEDIATE") || !run(inventory, schema) ||
                    !run(inventory, ours) || !run(inventory, "COMMIT")))
        return false;
    return prepare(inventory);
}

static struct inventory *
open_file(const char *path, int flags)
{
    struct inventory *inventory = calloc(1, sizeof(*inventory));

    if (inventory != NULL)
        (void)sqlite3_open_v2(path, &inventory->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    return inventory;
}

static bool
is_memory(const char *path)
{
    return strcmp(path, ":memory:") == 0;
}

/* Out of the way, with what belongs to it. */
static bool
put_aside(const char *path)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    const size_t size = strlen(path) + 16;
    char *from = malloc(size), *to = malloc(size);
    bool ok = from != NULL && to != NULL;

    for (size_t i = 0; ok && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(from, size, "%s%s", path, suffixes[i]);
        (void)snprintf(to, size, "%s.broken", path);
        if (i == 0)
            ok = rename(from, to) == 0;
        else
            (void)unlink(from);
    }
    free(from);
    free(to);
    return ok;
}

/* What can be read and is no inventory of ours; not what cannot be reached, or is busy. */
static bool
is_broken(const struct inventory *inventory)
{
    switch (sqlite3_errcode(inventory->db)) {
    case SQLITE_OK: /* another program's, or another release's */
    case SQLITE_ROW:
    case SQLITE_DONE:
    case SQLITE_ERROR: /* a table that is not as we make it */
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return true;
    default:
        return false;
    }
}

/* SQLite gives its other files the mode of this one. */
static void
create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

static struct inventory *
open_ours(const char *path, struct cg_error *note, struct cg_error *err)
{
    struct inventory *inventory = NULL;

    for (int attempt = 0; attempt < 2; attempt++) {
        if (!is_memory(path))
            create_private(path);
        inventory = open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        if (inventory == NULL) {
            (void)cg_fail(err, CG_E_NOMEM, "no memory for the peer inventory");
            return NULL;
        }
        if (set_up(inventory))
            return inventory;
        (void)cg_fail(err, CG_E_USAGE, "%s: %s", path, sqlite3_errmsg(inventory->db));
        if (attempt != 0 || is_memory(path) || !is_broken(inventory) || !put_aside(path))
            break;
        (void)cg_fail(note, CG_OK,
                "%s was damaged, or no inventory of this release: it is %s.broken now and a new "
                "one was begun",
                path, path);
        inventory_close(inventory);
        inventory = NULL;
    }
    inventory_close(inventory);
    return NULL;
}

struct inventory *
inventory_open(const char *path, const struct inventory_limits *limits, struct cg_error *note,
        struct cg_error *err)
{
    static const struct inventory_limits usual = { INVENTORY_BATCH, INVENTORY_MAX_ADMITTED,
        INVENTORY_MAX_REFUSED, INVENTORY_MAX_CHAINS };
    struct inventory *inventory;

    note->text[0] = '\0';
    inventory = open_ours(path, note, err);
    if (inventory != NULL)
        inventory->limits = limits == NULL ? usual : *limits;
    return inventory;
}

struct inventory *
inventory_open_read(const char *path, struct cg_error *err)
{
    struct inventory *inventory = NULL;
    int64_t application = 0, version = 0;

    if (access(path, R_OK) == 0)
        inventory = open_file(path, SQLITE_OPEN_READONLY);
    if (inventory == NULL) {
        (void)cg_fail(err, CG_E_USAGE, "%s: there is no peer inventory that can be read", path);
        return NULL;
    }
    (void)sqlite3_busy_timeout(inventory->db, BUSY_MS);
    if (!read_number(inventory, "PRAGMA application_id", &application) ||
            !read_number(inventory, "PRAGMA user_version", &version)) {
        (void)cg_fail(err, CG_E_USAGE, "%s: %s", path, sqlite3_errmsg(inventory->db));
    } else if (application != APPLICATION_ID || version != SCHEMA_VERSION) {
        (void)cg_fail(err, CG_E_USAGE, "%s: no peer inventory of this release", path);
    } else {
        return inventory;
    }
    inventory_close(inventory);
    return NULL;
}

void
inventory_close(struct inventory *inventory)
{
    struct cg_error ignored;

    if (inventory == NULL)
        return;
    (void)!inventory_flush(inventory, &ignored);
    sqlite3_finalize(inventory->add);
    sqlite3_finalize(inventory->count);
    sqlite3_finalize(inventory->evict);
    sqlite3_finalize(inventory->keep);
    sqlite3_finalize(inventory->chain);
    (void)sqlite3_close(inventory->db);
    free(inventory);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static bool
keep_within(struct inventory *inventory, int admitted, unsigned most)
{
    int64_t count;
    bool ok;

    (void)sqlite3_bind_int(inventory->count, 1, admitted);
    ok = sqlite3_step(inventory->count) == SQLITE_ROW;
    count = ok ? sqlite3_column_int64(inventory->count, 0) : 0;
    (void)sqlite3_reset(inventory->count);
    if (!ok || count <= (int64_t)most)
        return ok;
    (void)sqlite3_bind_int(inventory->evict, 1, admitted);
    (void)sqlite3_bind_int64(inventory->evict, 2, count - (int64_t)most);
    ok = sqlite3_step(inventory->evict) == SQLITE_DONE;
    (void)sqlite3_reset(inventory->evict);
    return ok;
}

static bool
keep_chains_within(struct inventory *inventory)
{
    sqlite3_stmt *statement = NULL;
    int64_t count, most = inventory->limits.chains;
    bool ok;

    if (!inventory->chains_came)
        return true;
    if (!read_number(inventory, "SELECT count(*) FROM chain", &count))
        return false;
    if (count <= most)
        return true;
    ok = sqlite3_prepare_v2(inventory->db, evict_chains_sql, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_bind_int64(statement, 1, count - most + most / 16) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return ok;
}

static enum cg_status
give_up(struct inventory *inventory, struct cg_error *err)
{
    enum cg_status status = fail(inventory, err);

    (void)run(inventory, "ROLLBACK");
    inventory->pending = 0;
    inventory->chains_came = false;
    return status;
}

enum cg_status
inventory_flush(struct inventory *inventory, struct cg_error *err)
{
    if (inventory->pending == 0)
        return CG_OK;
    if (!keep_within(inventory, 0, inventory->limits.refused) ||
            !keep_within(inventory, 1, inventory->limits.admitted) ||
            !keep_chains_within(inventory) || !run(inventory, "COMMIT"))
        return give_up(inventory, err);
    inventory->pending = 0;
    inventory->chains_came = false;
    return CG_OK;
}

enum cg_status
inventory_add(struct inventory *inventory, const struct journal_entry *entry, unsigned times,
        struct cg_error *err)
{
    bool ok;

    if (entry->sha256[0] == '\0')
        return CG_OK;
    if (inventory->pending == 0 && !run(inventory, "BEGIN IMMEDIATE"))
        return fail(inventory, err);
    ok = inventory_bind(inventory->add, entry) &&
            sqlite3_bind_int64(inventory->add, 20, times) == SQLITE_OK &&
            sqlite3_step(inventory->add) == SQLITE_DONE;
    (void)sqlite3_reset(inventory->add);
    if (!ok)
        return give_up(inventory, err);
    inventory->pending++;
    return inventory->pending < inventory->limits.batch ? CG_OK : inventory_flush(inventory, err);
}

/* The received certificate's fingerprint in hex; false where the chain does not begin with a certificate. */
static bool
fingerprint(struct cg_span chain, struct cg_buf *out)
{
    struct cg_reader reader = cg_reader(chain);
    struct cg_cert *cert = NULL;
    struct cg_span whole;
    uint8_t tag;
    bool ok = chain.len <= INVENTORY_MAX_CHAIN_BYTES && cg_der_any(&reader, &tag, NULL, &whole) &&
            cg_cert_from_der(whole.data, whole.len, &cert, NULL) == CG_OK;

    if (ok)
        cg_buf_add_hex(out, cg_span(cg_cert_get0_sha256(cert), CG_SHA256_SIZE), false);
    cg_cert_free(cert);
    return ok && !out->failed;
}

enum cg_status
inventory_add_chain(struct inventory *inventory, struct cg_span chain, struct cg_error *err)
{
    enum cg_status status = CG_OK;
    struct cg_buf sha256;
    bool ok;

    cg_buf_init(&sha256, 2 * CG_SHA256_SIZE + 1);
    if (!fingerprint(chain, &sha256))
        goto done;
    if (inventory->pending == 0 && !run(inventory, "BEGIN IMMEDIATE")) {
        status = fail(inventory, err);
        goto done;
    }
    ok = sqlite3_bind_text(inventory->keep, 1, cg_buf_text(&sha256), -1, SQLITE_TRANSIENT) ==
                    SQLITE_OK &&
            sqlite3_bind_blob(inventory->keep, 2, chain.data, (int)chain.len, SQLITE_TRANSIENT) ==
                    SQLITE_OK &&
            sqlite3_step(inventory->keep) == SQLITE_DONE;
    (void)sqlite3_reset(inventory->keep);
    (void)sqlite3_clear_bindings(inventory->keep);
    if (!ok) {
        status = give_up(inventory, err);
        goto done;
    }
    inventory->chains_came = true;
    inventory->pending++;
    if (inventory->pending >= inventory->limits.batch)
        status = inventory_flush(inventory, err);
done:
    cg_buf_release(&sha256);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------- */

enum cg_status
inventory_each(struct inventory *inventory, const struct inventory_query *query,
        inventory_visit *visit, void *arg, struct cg_error *err)
{
    sqlite3_stmt *statement = NULL;
    struct inventory_peer peer;
    bool wanted, more = true;
    int result;

    if (sqlite3_prepare_v2(inventory->db, inventory_select, -1, &statement, NULL) != SQLITE_OK)
        return fail(inventory, err);
    (void)sqlite3_bind_int64(statement, 1, query->since);
    (void)sqlite3_bind_int64(statement, 2, query->expires_by);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW && more) {
        inventory_fill(statement, &peer);
        wanted = query->interface_count == 0;
        for (size_t i = 0; !wanted && i < query->interface_count; i++)
            wanted = strcmp(query->interfaces[i], peer.interface) == 0;
        more = !wanted || visit(arg, &peer);
    }
    if (result != SQLITE_DONE && result != SQLITE_ROW) {
        (void)fail(inventory, err);
        sqlite3_finalize(statement);
        return CG_E_USAGE;
    }
    sqlite3_finalize(statement);
    return CG_OK;
}

enum cg_status
inventory_chain(struct inventory *inventory, const char *sha256, uint8_t *out, size_t *len,
        struct cg_error *err)
{
    int result = SQLITE_OK;

    *len = 0;
    if (inventory->chain == NULL)
        result = sqlite3_prepare_v2(inventory->db, chain_sql, -1, &inventory->chain, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(inventory->chain, 1, sha256, -1, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_step(inventory->chain);
    if (result == SQLITE_ROW) {
        int size = sqlite3_column_bytes(inventory->chain, 0);

        if (size > 0 && size <= INVENTORY_MAX_CHAIN_BYTES) {
            memcpy(out, sqlite3_column_blob(inventory->chain, 0), (size_t)size);
            *len = (size_t)size;
        }
    }
    (void)sqlite3_reset(inventory->chain);
    (void)sqlite3_clear_bindings(inventory->chain);
    return result == SQLITE_ROW || result == SQLITE_DONE ? CG_OK : fail(inventory, err);
}
