#include <string.h>

#include "store/internal.h"

enum store_status
store_history(struct store *store, uint64_t before, store_generation_fn *fn, void *arg,
        struct cg_error *err)
{
    struct sql *sql = &store->reader;
    sqlite3_stmt *stmt;
    bool more = false;
    enum store_status status = sql_rows(sql, &stmt, err,
            "SELECT number, time, actor, comment, kind, source, digest FROM generation"
            " WHERE ?1 = 0 OR number < ?1 ORDER BY number DESC",
            "i", before);

    while (status == STORE_OK) {
        status = sql_next(sql, stmt, &more, err);
        if (status != STORE_OK || !more)
            break;
        if (!fn(arg,
                    &(struct store_generation) {
                            .number = sql_u64(stmt, 0),
                            .time = sqlite3_column_int64(stmt, 1),
                            .actor = sql_text(stmt, 2),
                            .comment = sql_text(stmt, 3),
                            .kind = sql_text(stmt, 4),
                            .source = sql_u64(stmt, 5),
                            .digest = sql_sha256(stmt, 6),
                    }))
            break;
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
store_setting_history(
        struct store *store, const char *name, store_past_fn *fn, void *arg, struct cg_error *err)
{
    struct sql *sql = &store->reader;
    const struct registry_row *row;
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    enum store_status status = registry_find(name, &row, err);

    if (status == STORE_OK)
        status = sql_rows(sql, &stmt, err,
                "SELECT g.number, g.time, g.actor, s.value, s.latched FROM"
                " (SELECT born AS at, value, latched FROM setting WHERE name = ?1"
                /* an end without a new beginning in the same generation: back to the default */
                " UNION ALL SELECT died, NULL, 0 FROM setting d WHERE name = ?1 AND died IS NOT "
                "NULL"
                "  AND NOT EXISTS (SELECT 1 FROM setting b WHERE b.name = ?1 AND b.born = d.died)) "
                "s"
                " JOIN generation g ON g.number = s.at ORDER BY g.number DESC",
                "t", name);
    while (status == STORE_OK) {
        status = sql_next(sql, stmt, &more, err);
        if (status != STORE_OK || !more)
            break;
        if (!fn(arg,
                    &(struct store_past) {
                            .generation = sql_u64(stmt, 0),
                            .time = sqlite3_column_int64(stmt, 1),
                            .actor = sql_text(stmt, 2),
                            .value = sql_text_or_null(stmt, 3),
                            .latched = sqlite3_column_int(stmt, 4) != 0,
                    }))
            break;
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

/* ------------------------------------------------------------------ differences */

const char *
store_part_name(enum store_part part)
{
    static const char *const names[STORE_PARTS] = {
        [STORE_PART_SETTING] = "setting",
        [STORE_PART_TCS] = "tcs",
        [STORE_PART_IDENTITY] = "identity",
        [STORE_PART_PIN] = "pin",
    };

    return (size_t)part < STORE_PARTS ? names[part] : "unknown";
}

#define ALIVE_AT(row, g) row ".born <= " g " AND (" row ".died IS NULL OR " row ".died > " g ")"
/* The name of a row in states ?1 and ?2: where they differ, by name. */
#define PAIRS(columns, table, key, rest)                                                           \
    "WITH a AS (SELECT * FROM " table                                                              \
    " x WHERE " ALIVE_AT("x", "?1") "),"                                                           \
                                    " b AS (SELECT * FROM " table " x WHERE " ALIVE_AT("x",        \
                                            "?2") ")"                                              \
                                                  " SELECT " columns " FROM a FULL JOIN b ON " key \
                                                  " WHERE " rest " ORDER BY 1, 2"

/*
 * Columns: names 1 and 2 (fingerprints as octets, the second name may be NULL), then for the states before
 * and after: three columns that the part's words are made of, the first NULL where it is absent.
 */
static const char *const queries[STORE_PARTS] = {
    [STORE_PART_SETTING] = PAIRS(
            "coalesce(a.name, b.name), NULL, a.value, a.latched, NULL, b.value, b.latched, NULL",
            "setting", "a.name = b.name", "a.value IS NOT b.value OR a.latched IS NOT b.latched"),
    /* Only what was born or ended between the two can differ: ?3 and ?4 are they in order. */
    [STORE_PART_TCS] = "SELECT c.sha256, NULL, iif(sum(" ALIVE_AT("t",
            "?1") "), c.subject, NULL), NULL, NULL,"
                  " iif(sum(" ALIVE_AT("t",
                          "?2") "), c.subject, NULL), NULL, NULL"
                                " FROM (SELECT * FROM tcs WHERE born > ?3 AND born <= ?4"
                                "  UNION SELECT * FROM tcs WHERE died > ?3 AND died <= ?4) t"
                                " JOIN certificate c ON c.id = t.certificate GROUP BY t.certificate"
                                " HAVING sum(" ALIVE_AT("t", "?1") ") <> sum(" ALIVE_AT(
                                        "t", "?2") ") ORDER BY 1",
    [STORE_PART_IDENTITY] = PAIRS(
            "coalesce(a.name, b.name), NULL, a.key_path, a.chain, NULL, b.key_path, b.chain, NULL",
            "identity", "a.name = b.name",
            "a.key_path IS NOT b.key_path OR a.chain IS NOT b.chain"),
    [STORE_PART_PIN] = PAIRS("coalesce(a.sha256, b.sha256), coalesce(a.interface, b.interface),"
                             " a.reason, a.until, a.incident, b.reason, b.until, b.incident",
            "pin", "a.sha256 = b.sha256 AND a.interface = b.interface",
            "a.until IS NOT b.until OR a.reason IS NOT b.reason OR a.incident IS NOT b.incident"),
};

static void
add_fingerprint(struct cg_buf *out, struct cg_span bytes)
{
    cg_buf_add_hex(out, bytes, false);
}

static void
describe_name(enum store_part part, sqlite3_stmt *stmt, struct cg_buf *out)
{
    if (part == STORE_PART_SETTING || part == STORE_PART_IDENTITY)
        cg_buf_add(out, sql_text(stmt, 0));
    else
        add_fingerprint(out, sql_span(stmt, 0));
    if (part == STORE_PART_PIN)
        cg_buf_addf(out, " on %s", sql_text(stmt, 1));
}

/* What a part was or will be, in words; column is the first of its three. */
static void
describe_value(enum store_part part, sqlite3_stmt *stmt, int column, struct cg_buf *out)
{
    struct cg_span chain;
    uint8_t digest[CG_SHA256_SIZE] = { 0 };

    switch (part) {
    case STORE_PART_IDENTITY:
        chain = sql_span(stmt, column + 1);
        (void)EVP_Digest(chain.data, chain.len, digest, NULL, EVP_sha256(), NULL);
        cg_buf_add(out, "chain ");
        add_fingerprint(out, cg_span(digest, sizeof(digest)));
        cg_buf_addf(out, ", key %s", sql_text(stmt, column));
        break;
    case STORE_PART_PIN:
        cg_buf_add(out, "until ");
        cg_buf_add_time(out, sqlite3_column_int64(stmt, column + 1));
        cg_buf_addf(out, ": %s", sql_text(stmt, column));
        if (sql_text(stmt, column + 2)[0] != '\0')
            cg_buf_addf(out, " (incident %s)", sql_text(stmt, column + 2));
        break;
    case STORE_PART_SETTING:
        cg_buf_add(out, registry_is_secret(sql_text(stmt, 0)) ? "hidden" : sql_text(stmt, column));
        break;
    default:
        cg_buf_add(out, sql_text(stmt, column));
    }
}

struct words {
    struct cg_buf name, before, after;
};

static enum store_status
tell(enum store_part part, sqlite3_stmt *stmt, struct words *words, store_difference_fn *fn,
        void *arg, bool *more, struct cg_error *err)
{
    const bool was = sqlite3_column_type(stmt, 2) != SQLITE_NULL;
    const bool is = sqlite3_column_type(stmt, 5) != SQLITE_NULL;
    const bool has_latch = part == STORE_PART_SETTING;

    words->name.len = words->before.len = words->after.len = 0;
    describe_name(part, stmt, &words->name);
    if (was)
        describe_value(part, stmt, 2, &words->before);
    if (is)
        describe_value(part, stmt, 5, &words->after);
    if (words->name.failed || words->before.failed || words->after.failed)
        return store_fail(err, STORE_NOMEM, "no memory for differences");
    *more = fn(arg,
            &(struct store_difference) {
                    .part = part,
                    .name = cg_buf_text(&words->name),
                    .before = !was                   ? NULL
                            : words->before.len == 0 ? ""
                                                     : words->before.data,
                    .after = !is                    ? NULL
                            : words->after.len == 0 ? ""
                                                    : words->after.data,
                    .latched_before = has_latch && sqlite3_column_int(stmt, 3) != 0,
                    .latched_after = has_latch && sqlite3_column_int(stmt, 6) != 0,
            });
    return STORE_OK;
}

/* A pending state is seen by the connection of its change alone, which sees everything else too. */
static struct sql *
which_sees_more(const struct store_view *from, const struct store_view *to)
{
    return sqlite3_get_autocommit(from->sql->db) == 0 ? from->sql : to->sql;
}

static enum store_status
diff_part(struct sql *sql, enum store_part part, uint64_t from, uint64_t to, struct words *words,
        store_difference_fn *fn, void *arg, bool *more, struct cg_error *err)
{
    sqlite3_stmt *stmt;
    bool row = true;
    enum store_status status = part == STORE_PART_TCS
            ? sql_rows(sql, &stmt, err, queries[part], "iiii", from, to, from < to ? from : to,
                      from < to ? to : from)
            : sql_rows(sql, &stmt, err, queries[part], "ii", from, to);

    while (status == STORE_OK && *more) {
        status = sql_next(sql, stmt, &row, err);
        if (status != STORE_OK || !row)
            break;
        status = tell(part, stmt, words, fn, arg, more, err);
    }
    (void)sqlite3_finalize(stmt);
    return status;
}

enum store_status
store_diff(const struct store_view *from, const struct store_view *to, store_difference_fn *fn,
        void *arg, struct cg_error *err)
{
    struct sql *sql = which_sees_more(from, to);
    enum store_status status = STORE_OK;
    struct words words;
    bool more = true;

    cg_buf_init(&words.name, 4 * STORE_MAX_PATH);
    cg_buf_init(&words.before, (size_t)64 * 1024);
    cg_buf_init(&words.after, (size_t)64 * 1024);
    for (unsigned i = 0; status == STORE_OK && more && i < STORE_PARTS; i++)
        status = diff_part(sql, (enum store_part)i, from->generation, to->generation, &words, fn,
                arg, &more, err);
    cg_buf_release(&words.name);
    cg_buf_release(&words.before);
    cg_buf_release(&words.after);
    return status;
}
