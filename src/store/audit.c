#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* ------------------------------------------------------------------ rows */

/* The hash of a row: over every field with its length, and the hash before it. */
static bool
hash_row(const struct store_audit *row, const uint8_t previous[CG_SHA256_SIZE],
        uint8_t out[CG_SHA256_SIZE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
            digest_text(md, "certgate audit 1") &&
            digest_bytes(md, cg_span(previous, CG_SHA256_SIZE)) && digest_number(md, row->number) &&
            digest_number(md, (uint64_t)row->time) && digest_text(md, row->actor) &&
            digest_text(md, row->action) && digest_number(md, row->generation) &&
            digest_text(md, row->detail) && EVP_DigestFinal_ex(md, out, NULL) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

/* Number and hash of the last row; zeros before the first. */
static enum store_status
last_row(struct sql *sql, uint64_t *number, uint8_t hash[CG_SHA256_SIZE], struct cg_error *err)
{
    sqlite3_stmt *stmt;
    bool row;
    enum store_status status = sql_rows(
            sql, &stmt, err, "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1", "");

    if (status != STORE_OK)
        return status;
    *number = 0;
    memset(hash, 0, CG_SHA256_SIZE);
    status = sql_next(sql, stmt, &row, err);
    if (status == STORE_OK && row) {
        *number = sql_u64(stmt, 0);
        if (sql_sha256(stmt, 1) != NULL) /* the table allows nothing else */
            memcpy(hash, sql_sha256(stmt, 1), CG_SHA256_SIZE);
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
audit_append(struct sql *sql, int64_t time, const char *actor, const char *action,
        uint64_t generation, const char *detail, struct cg_error *err)
{
    struct store_audit row = {
        .time = time, .actor = actor, .action = action, .generation = generation, .detail = detail
    };
    uint8_t previous[CG_SHA256_SIZE], hash[CG_SHA256_SIZE];
    enum store_status status = last_row(sql, &row.number, previous, err);

    if (status != STORE_OK)
        return status;
    row.number++;
    if (!hash_row(&row, previous, hash))
        return store_fail(err, STORE_NOMEM, "cannot compute the hash of an audit row");
    return sql_run(sql, err,
            "INSERT INTO audit (number, time, actor, action, generation, detail, previous, hash)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            "iittitbb", row.number, time, actor, action, generation, detail, previous,
            sizeof(previous), hash, sizeof(hash));
}

static enum store_status
check_detail(const char *detail, struct cg_error *err)
{
    json_t *json;
    bool ok;

    if (strnlen(detail, STORE_MAX_DETAIL) == STORE_MAX_DETAIL)
        return store_fail(err, STORE_INVALID, "the detail of an audit row is longer than %d octets",
                STORE_MAX_DETAIL - 1);
    json = json_loads(detail, JSON_REJECT_DUPLICATES, NULL);
    ok = json_is_object(json);
    json_decref(json);
    return ok ? STORE_OK
              : store_fail(err, STORE_INVALID, "the detail of an audit row is no JSON object");
}

enum store_status
store_audit_add(struct store *store, int64_t time, const char *actor, const char *action,
        const char *detail, struct cg_error *err)
{
    struct sql *sql = &store->writer;
    struct store_view now;
    enum store_status status = author_check(time, actor, "", err);

    if (status == STORE_OK && (action[0] == '\0' || !store_text_ok(action, 64)))
        status = store_fail(err, STORE_INVALID, "the action of an audit row is no word");
    if (status == STORE_OK && detail != NULL)
        status = check_detail(detail, err);
    if (status == STORE_OK && store->read_only)
        status = store_fail(err, STORE_READ_ONLY, "%.300s: the store was opened to be read",
                store->reader.path);
    if (status == STORE_OK && store->change != NULL)
        status = store_fail(err, STORE_BUSY, "a change is open, by '%.256s'", store->change->actor);
    if (status == STORE_OK)
        status = store_now(store, &now, err);
    if (status == STORE_OK)
        status = sql_exec(sql, err, "BEGIN IMMEDIATE");
    if (status != STORE_OK)
        return status;
    status = audit_append(
            sql, time, actor, action, now.generation, detail == NULL ? "{}" : detail, err);
    if (status == STORE_OK)
        status = sql_exec(sql, err, "COMMIT");
    if (status != STORE_OK && sqlite3_get_autocommit(sql->db) == 0)
        (void)sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL); /* the cause is told already */
    return status;
}

/* ------------------------------------------------------------------ reading */

static void
take(sqlite3_stmt *stmt, struct store_audit *out)
{
    *out = (struct store_audit) {
        .number = sql_u64(stmt, 0),
        .time = sqlite3_column_int64(stmt, 1),
        .actor = sql_text(stmt, 2),
        .action = sql_text(stmt, 3),
        .generation = sql_u64(stmt, 4),
        .detail = sql_text(stmt, 5),
        .hash = sql_sha256(stmt, 6),
    };
}

#define COLUMNS "number, time, actor, action, generation, detail, hash, previous"

enum store_status
store_audit_list(
        struct store *store, uint64_t after, store_audit_fn *fn, void *arg, struct cg_error *err)
{
    struct sql *sql = &store->reader;
    struct store_audit audit;
    sqlite3_stmt *stmt;
    bool more = false;
    enum store_status status = sql_rows(sql, &stmt, err,
            "SELECT " COLUMNS " FROM audit WHERE number > ?1 ORDER BY number", "i", after);

    while (status == STORE_OK) {
        status = sql_next(sql, stmt, &more, err);
        if (status != STORE_OK || !more)
            break;
        take(stmt, &audit);
        if (!fn(arg, &audit))
            break;
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

/* One row against the one before it; both hashes go on to be those of this row. */
static bool
follows(sqlite3_stmt *stmt, uint64_t *number, uint8_t hash[CG_SHA256_SIZE])
{
    struct store_audit audit;
    uint8_t expected[CG_SHA256_SIZE];
    const uint8_t *previous = sql_sha256(stmt, 7);

    take(stmt, &audit);
    if (audit.number != ++*number || audit.hash == NULL || previous == NULL ||
            memcmp(previous, hash, CG_SHA256_SIZE) != 0 || !hash_row(&audit, hash, expected) ||
            memcmp(expected, audit.hash, CG_SHA256_SIZE) != 0)
        return false;
    memcpy(hash, expected, CG_SHA256_SIZE);
    return true;
}

static enum store_status
verify_chain(struct sql *sql, uint64_t *broken, struct cg_error *err)
{
    uint8_t hash[CG_SHA256_SIZE] = { 0 };
    uint64_t number = 0;
    sqlite3_stmt *stmt;
    bool row = true;
    enum store_status status =
            sql_rows(sql, &stmt, err, "SELECT " COLUMNS " FROM audit ORDER BY number", "");

    while (status == STORE_OK) {
        status = sql_next(sql, stmt, &row, err);
        if (status != STORE_OK || !row)
            break;
        if (!follows(stmt, &number, hash)) {
            *broken = number;
            status = store_fail(err, STORE_DAMAGED,
                    "audit row %llu was changed, or rows before it are missing",
                    (unsigned long long)number);
        }
    }
    (void)sqlite3_finalize(stmt);
    if (status == STORE_OK && number == 0)
        status = store_fail(err, STORE_DAMAGED, "the audit has no rows");
    return status;
}

/* Every generation was written with its row, so a row that is missing at the end is missed. */
static enum store_status
verify_generations(struct sql *sql, struct cg_error *err)
{
    uint64_t number = 0;
    enum store_status status = sql_number(sql, &number, err,
            "SELECT coalesce(min(g.number), 0) FROM generation g WHERE NOT EXISTS"
            " (SELECT 1 FROM audit a WHERE a.generation = g.number AND a.action = g.kind"
            "  AND instr(a.detail, lower(hex(g.digest))) <> 0)",
            "");

    if (status == STORE_OK && number != 0)
        status = store_fail(err, STORE_DAMAGED,
                "generation %llu has no audit row that says what it is",
                (unsigned long long)number);
    return status;
}

static enum store_status
verify_state(struct store *store, struct cg_error *err)
{
    struct digests digests;
    struct store_view now;
    uint64_t same = 1;
    enum store_status status = store_now(store, &now, err);

    if (status != STORE_OK || now.generation == 0)
        return status;
    status = state_digest(&now, false, &digests, err);
    if (status == STORE_OK)
        status = sql_number(&store->reader, &same, err,
                "SELECT count(*) FROM generation WHERE number = ?1 AND digest = ?2 AND tcs_digest "
                "= ?3",
                "ibb", now.generation, digests.state, sizeof(digests.state), digests.tcs,
                sizeof(digests.tcs));
    if (status == STORE_OK && same == 0)
        status = store_fail(err, STORE_DAMAGED,
                "the state in force is not what was committed as generation %llu",
                (unsigned long long)now.generation);
    return status;
}

enum store_status
store_audit_verify(struct store *store, uint64_t *broken, struct cg_error *err)
{
    uint64_t ignored;
    enum store_status status;

    if (broken == NULL)
        broken = &ignored;
    *broken = 0;
    status = verify_chain(&store->reader, broken, err);
    if (status == STORE_OK)
        status = verify_generations(&store->reader, err);
    if (status == STORE_OK)
        status = verify_state(store, err);
    return status;
}

/* ------------------------------------------------------------------ the detail of a commit */

struct description {
    struct cg_buf *out;
    size_t listed;
    size_t certificates[2]; /* removed, added */
};

static void
add_member(struct cg_buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    cg_buf_addf(out, ",\"%s\":", name);
    cg_buf_add_json(out, value);
}

static bool
describe_one(void *arg, const struct store_difference *difference)
{
    struct description *description = arg;
    struct cg_buf *out = description->out;

    if (difference->part == STORE_PART_TCS &&
            ++description->certificates[difference->after != NULL] +
                            description->certificates[difference->after == NULL] >
                    STORE_MAX_LISTED)
        return true;
    cg_buf_addf(out, "%s{\"part\":\"%s\"", description->listed++ == 0 ? "" : ",",
            store_part_name(difference->part));
    add_member(out, "name", difference->name);
    add_member(out, "before", difference->before);
    add_member(out, "after", difference->after);
    if (difference->latched_before != difference->latched_after)
        cg_buf_addf(out, ",\"latch\":\"%s\"", difference->latched_after ? "set" : "cleared");
    cg_buf_add(out, "}");
    return true;
}

enum store_status
audit_describe(struct store_change *change, const uint8_t digest[CG_SHA256_SIZE],
        struct cg_buf *out, struct cg_error *err)
{
    struct description description = { .out = out };
    struct store_view base = { change->sql, change->base }, next = store_pending(change);
    enum store_status status;

    cg_buf_add(out, "{\"comment\":");
    cg_buf_add_json(out, change->comment);
    cg_buf_add(out, ",\"digest\":\"");
    cg_buf_add_hex(out, cg_span(digest, CG_SHA256_SIZE), false);
    cg_buf_add(out, "\"");
    if (change->source != 0)
        cg_buf_addf(out, ",\"source\":%llu", (unsigned long long)change->source);
    cg_buf_add(out, ",\"changes\":[");
    status = store_diff(&base, &next, describe_one, &description, err);
    cg_buf_addf(out, "],\"certificates\":{\"added\":%zu,\"removed\":%zu}}",
            description.certificates[1], description.certificates[0]);
    if (status == STORE_OK && out->failed)
        status = store_fail(err, STORE_INVALID,
                "the change is too large to be written down: make it in several commits");
    return status;
}
