#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

static void
change_free(struct store_change *change)
{
    if (change == NULL)
        return;
    change->store->change = NULL;
    free(change->actor);
    free(change->comment);
    free(change);
}

void
store_abort(struct store_change *change)
{
    if (change == NULL)
        return;
    /* SQLite has rolled back by itself where the disk failed. */
    if (sqlite3_get_autocommit(change->sql->db) == 0)
        (void)sqlite3_exec(change->sql->db, "ROLLBACK", NULL, NULL, NULL);
    change_free(change);
}

/* The generation's row comes first: everything that is born or dies refers to it. */
static enum store_status
begin(struct store_change *change, struct cg_error *err)
{
    static const uint8_t none[CG_SHA256_SIZE];
    struct sql *sql = change->sql;
    enum store_status status = sql_exec(sql, err, "BEGIN IMMEDIATE");

    if (status == STORE_OK)
        status = sql_number(
                sql, &change->base, err, "SELECT coalesce(max(number), 0) FROM generation", "");
    if (status == STORE_OK && change->base == 0)
        status = sql_number(sql, &change->next, err, "SELECT first FROM store", "");
    else
        change->next = change->base + 1;
    if (status == STORE_OK)
        status = sql_run(sql, err,
                "INSERT INTO generation (number, time, actor, comment, kind, source, digest,"
                " tcs_digest) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6)",
                "iitttb", change->next, change->time, change->actor, change->comment, change->kind,
                none, sizeof(none));
    return status;
}

enum store_status
store_begin(struct store *store, const struct store_author *author, struct store_change **out,
        struct cg_error *err)
{
    struct store_change *change;
    enum store_status status;

    *out = NULL;
    status = author_check(author->time, author->actor, author->comment, err);
    if (status != STORE_OK)
        return status;
    if (store->read_only)
        return store_fail(err, STORE_READ_ONLY, "%.300s: the store was opened to be read",
                store->reader.path);
    if (store->change != NULL)
        return store_fail(
                err, STORE_BUSY, "another change is open, by '%.256s'", store->change->actor);
    change = calloc(1, sizeof(*change));
    if (change == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for a change");
    store->change = change;
    *change = (struct store_change) { .store = store,
        .sql = &store->writer,
        .time = author->time,
        .actor = strdup(author->actor),
        .comment = strdup(author->comment),
        .kind = "commit" };
    status = change->actor == NULL || change->comment == NULL
            ? store_fail(err, STORE_NOMEM, "no memory for a change")
            : begin(change, err);
    if (status == STORE_OK)
        *out = change; /* ownership moves to the caller */
    else
        store_abort(change);
    return status;
}

struct store_view
store_pending(const struct store_change *change)
{
    return (struct store_view) { change->sql, change->next };
}

/* Equal states have equal digests; the state before the first generation is never one of them. */
static enum store_status
compare_with_base(
        struct store_change *change, const uint8_t digest[CG_SHA256_SIZE], struct cg_error *err)
{
    uint64_t same = 0;
    enum store_status status = sql_number(change->sql, &same, err,
            "SELECT count(*) FROM generation WHERE number = ?1 AND digest = ?2", "ib", change->base,
            digest, (size_t)CG_SHA256_SIZE);

    if (status == STORE_OK && same != 0)
        status = store_fail(err, STORE_UNCHANGED,
                "nothing differs from generation %llu: none was made",
                (unsigned long long)change->base);
    return status;
}

static enum store_status
validate_state(struct store_change *change, struct cg_error *err)
{
    static enum store_status (*const parts[])(const struct store_view *, struct cg_error *) = {
        settings_validate, tcs_validate, identities_validate, pins_validate
    };
    struct store_view view = store_pending(change);
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        status = parts[i](&view, err);
    return status;
}

/* The digests of the pending state; that of a TCS which nobody touched is the one in force. */
static enum store_status
compute_digests(struct store_change *change, struct digests *out, struct cg_error *err)
{
    struct store_view view = store_pending(change);
    sqlite3_stmt *stmt = NULL;
    bool known = false;
    enum store_status status = sql_rows(change->sql, &stmt, err,
            "SELECT tcs_digest FROM generation WHERE number = ?1"
            " AND NOT EXISTS (SELECT 1 FROM tcs WHERE born = ?2)"
            " AND NOT EXISTS (SELECT 1 FROM tcs WHERE died = ?2)",
            "ii", change->base, change->next);

    if (status == STORE_OK)
        status = sql_next(change->sql, stmt, &known, err);
    known = known && sql_sha256(stmt, 0) != NULL;
    if (known)
        memcpy(out->tcs, sql_sha256(stmt, 0), CG_SHA256_SIZE);
    (void)sqlite3_finalize(stmt);
    return status != STORE_OK ? status : state_digest(&view, known, out, err);
}

static enum store_status
record(struct store_change *change, const struct digests *digests, struct cg_error *err)
{
    struct cg_buf detail;
    enum store_status status = sql_run(change->sql, err,
            "UPDATE generation SET kind = ?2, source = ?3, digest = ?4, tcs_digest = ?5"
            " WHERE number = ?1",
            "itibb", change->next, change->kind, change->source, digests->state,
            sizeof(digests->state), digests->tcs, sizeof(digests->tcs));

    cg_buf_init(&detail, STORE_MAX_DETAIL);
    if (status == STORE_OK)
        status = audit_describe(change, digests->state, &detail, err);
    if (status == STORE_OK)
        status = audit_append(change->sql, change->time, change->actor, change->kind, change->next,
                cg_buf_text(&detail), err);
    cg_buf_release(&detail);
    return status;
}

enum store_status
store_commit(struct store_change *change, store_validate_fn *validate, void *arg,
        uint64_t *generation, struct cg_error *err)
{
    struct store_view view = store_pending(change);
    struct digests digests;
    enum store_status status;

    if (change->spoiled)
        status = store_fail(
                err, STORE_INVALID, "an edit of this change failed, so nothing of it can be saved");
    else
        status = validate_state(change, err);
    if (status == STORE_OK)
        status = compute_digests(change, &digests, err);
    if (status == STORE_OK)
        status = compare_with_base(change, digests.state, err);
    if (status == STORE_OK && validate != NULL)
        status = validate(arg, &view, err);
    if (status == STORE_OK)
        status = record(change, &digests, err);
    if (status == STORE_OK)
        status = sql_exec(change->sql, err, "COMMIT");
    if (status == STORE_OK && generation != NULL)
        *generation = change->next;
    store_abort(change); /* of a committed one only the memory is left */
    return status;
}

enum store_status
change_clear(struct store_change *change, struct cg_error *err)
{
    static const char *const parts[][2] = {
        { "DELETE FROM setting WHERE born = ?1",
                "UPDATE setting SET died = ?1 WHERE died IS NULL" },
        { "DELETE FROM tcs WHERE born = ?1", "UPDATE tcs SET died = ?1 WHERE died IS NULL" },
        { "DELETE FROM identity WHERE born = ?1",
                "UPDATE identity SET died = ?1 WHERE died IS NULL" },
        { "DELETE FROM pin WHERE born = ?1", "UPDATE pin SET died = ?1 WHERE died IS NULL" },
    };
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
        status = sql_run(change->sql, err, parts[i][0], "i", change->next);
        if (status == STORE_OK)
            status = sql_run(change->sql, err, parts[i][1], "i", change->next);
    }
    return status;
}

enum store_status
store_rollback(struct store_change *change, uint64_t generation, enum store_latches latches,
        struct cg_error *err)
{
    uint64_t known = 0;
    enum store_status status = sql_number(change->sql, &known, err,
            "SELECT count(*) FROM generation WHERE number = ?1 AND number < ?2", "ii", generation,
            change->next);

    if (status == STORE_OK && known == 0)
        status = store_fail(
                err, STORE_MISSING, "there is no generation %llu", (unsigned long long)generation);
    if (status == STORE_OK)
        status = change_clear(change, err);
    if (status == STORE_OK)
        status = settings_rollback(change, generation, latches, err);
    if (status == STORE_OK)
        status = tcs_rollback(change, generation, err);
    if (status == STORE_OK)
        status = identities_rollback(change, generation, err);
    if (status == STORE_OK)
        status = pins_rollback(change, generation, err);
    change->kind = "rollback";
    change->source = generation;
    return change_did(change, status);
}
