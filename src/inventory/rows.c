#include "inventory/rows.h"

#include <stdlib.h>
#include <string.h>

/*
 * The newest certificate of each subject, each set of names and each address on an interface: a successor of
 * whichever began earlier (SQLite takes sha256 from the row of the maximum). No index is kept for it, since
 * rows are written far more often than read.
 */
#define NEWEST(column)                                                                             \
    "(SELECT interface, " column ", max(not_before) AS began, sha256 FROM peer WHERE " column      \
    " <> '' GROUP BY interface, " column ")"
#define FOLLOWS(alias, column)                                                                     \
    alias ".interface = p.interface AND " alias "." column " = p." column " AND " alias            \
          ".began > p.not_before"

const char inventory_select[] =
        "SELECT p.interface, class, service, role, p.sha256, p.subject, p.names, issuer, peer,"
        " not_before, not_after, first_seen, last_seen, count, accepted, admitted, latched, level,"
        " reason, levels, coalesce(s.sha256, n.sha256), a.sha256, p.path FROM peer p"
        " LEFT JOIN " NEWEST("subject") " s ON " FOLLOWS("s", "subject") " LEFT JOIN " NEWEST(
                "names") " n ON " FOLLOWS("n",
                "names") " LEFT JOIN " NEWEST("address") " a ON " FOLLOWS("a",
                "address") " WHERE last_seen >= ?1 AND not_after <= ?2"
                           " ORDER BY p.interface, class, last_seen DESC, p.sha256";

/* ---- writing ----------------------------------------------------------------------------------- */

/* At most INVENTORY_MAX_TEXT octets, ending before a character that would be cut in two. */
static bool
bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    size_t len = strlen(text);

    if (len > INVENTORY_MAX_TEXT)
        for (len = INVENTORY_MAX_TEXT; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
            ;
    return sqlite3_bind_text(statement, column, text, (int)len, SQLITE_TRANSIENT) == SQLITE_OK;
}

static bool
bind_time(sqlite3_stmt *statement, int column, const char *text)
{
    int64_t ms = 0;

    if (!journal_time(text, strlen(text), &ms))
        ms = 0;
    return sqlite3_bind_int64(statement, column, ms / 1000) == SQLITE_OK;
}

static bool
bind_names(sqlite3_stmt *statement, int column, const struct journal_entry *entry)
{
    const json_t *names = json_object_get(entry->certificate, "san");
    struct cg_buf text;
    bool ok;

    cg_buf_init(&text, 2 * INVENTORY_MAX_TEXT);
    for (size_t i = 0; i < json_array_size(names) && text.len <= INVENTORY_MAX_TEXT; i++) {
        const char *name = json_string_value(json_array_get(names, i));

        cg_buf_addf(&text, "%s%s", i == 0 ? "" : ", ", name == NULL ? "" : name);
    }
    ok = bind_text(statement, column, cg_buf_text(&text));
    cg_buf_release(&text);
    return ok;
}

/* Six reason codes, "ok" for an acceptance and "?" where the record does not say; "" for none at all. */
static bool
bind_levels(sqlite3_stmt *statement, int column, const struct journal_entry *entry)
{
    struct cg_buf text;
    enum cg_reason reason;
    bool ok;

    cg_buf_init(&text, INVENTORY_MAX_TEXT);
    for (int level = 0; entry->levels != NULL && level < CG_LEVEL_COUNT; level++) {
        bool known = journal_entry_at_level(entry, (enum cg_level)level, &reason);

        cg_buf_addf(&text, "%s%s", level == 0 ? "" : " ",
                !known                             ? "?"
                        : reason == CG_REASON_NONE ? "ok"
                                                   : cg_reason_info(reason)->code);
    }
    ok = bind_text(statement, column, cg_buf_text(&text));
    cg_buf_release(&text);
    return ok;
}

/* Fingerprints of the path but for the certificate's own, the root last; "" where there is no whole path. */
static bool
bind_path(sqlite3_stmt *statement, int column, const struct journal_entry *entry)
{
    struct cg_buf text;
    bool ok;

    cg_buf_init(&text, INVENTORY_MAX_TEXT);
    for (size_t i = 1; json_is_true(json_object_get(entry->judged, "anchored")) &&
            i < json_array_size(entry->path);
            i++)
        cg_buf_addf(&text, "%s%s", i == 1 ? "" : " ",
                journal_text(json_array_get(entry->path, i), "sha256"));
    ok = bind_text(statement, column, cg_buf_text(&text));
    cg_buf_release(&text);
    return ok;
}

/* Who was admitted by its certificate was, though the service behind it did not answer. */
static bool
was_admitted(const struct journal_entry *entry)
{
    const json_t *before = json_object_get(entry->json, "peer_decision");

    return entry->accepted || strcmp(journal_text(before, "verdict"), "accept") == 0;
}

bool
inventory_bind(sqlite3_stmt *statement, const struct journal_entry *entry)
{
    char address[64];
    bool admitted = was_admitted(entry);

    journal_peer_address(entry->peer, address, sizeof(address));
    return bind_text(statement, 1, entry->interface) && bind_text(statement, 2, entry->class) &&
            bind_text(statement, 3, entry->sha256) && bind_text(statement, 4, entry->service) &&
            bind_text(statement, 5, entry->role) && bind_text(statement, 6, entry->subject) &&
            bind_names(statement, 7, entry) && bind_text(statement, 8, entry->issuer) &&
            bind_time(statement, 9, entry->not_before) &&
            bind_time(statement, 10, entry->not_after) &&
            sqlite3_bind_int64(statement, 11, entry->time_ms / 1000) == SQLITE_OK &&
            bind_text(statement, 12, entry->peer) && bind_text(statement, 13, address) &&
            sqlite3_bind_int(statement, 14, admitted) == SQLITE_OK &&
            sqlite3_bind_int(statement, 15, entry->latched) == SQLITE_OK &&
            bind_text(statement, 16, entry->level) &&
            bind_text(statement, 17, admitted ? "" : entry->reason) &&
            bind_levels(statement, 18, entry) && bind_path(statement, 19, entry);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static const char *
text_of(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text == NULL ? "" : text;
}

static void
fill_levels(const char *text, struct inventory_verdict at[CG_LEVEL_COUNT])
{
    char code[64];

    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        size_t len = strcspn(text, " ");

        (void)snprintf(code, sizeof(code), "%.*s", (int)len, text);
        at[level].reason = CG_REASON_NONE;
        at[level].known = strcmp(code, "ok") == 0 || cg_reason_from_code(code, &at[level].reason);
        text += len + (text[len] == ' ');
    }
}

void
inventory_fill(sqlite3_stmt *statement, struct inventory_peer *peer)
{
    const char *by_name = text_of(statement, 20), *by_address = text_of(statement, 21);

    *peer = (struct inventory_peer) {
        .interface = text_of(statement, 0),
        .class = text_of(statement, 1),
        .service = text_of(statement, 2),
        .role = text_of(statement, 3),
        .sha256 = text_of(statement, 4),
        .subject = text_of(statement, 5),
        .names = text_of(statement, 6),
        .issuer = text_of(statement, 7),
        .peer = text_of(statement, 8),
        .not_before = sqlite3_column_int64(statement, 9),
        .not_after = sqlite3_column_int64(statement, 10),
        .first_seen = sqlite3_column_int64(statement, 11),
        .last_seen = sqlite3_column_int64(statement, 12),
        .count = (uint64_t)sqlite3_column_int64(statement, 13),
        .accepted = sqlite3_column_int(statement, 14) != 0,
        .ever_accepted = sqlite3_column_int(statement, 15) != 0,
        .latched = sqlite3_column_int(statement, 16) != 0,
        .level = text_of(statement, 17),
        .reason = text_of(statement, 18),
    };
    peer->path = text_of(statement, 22);
    fill_levels(text_of(statement, 19), peer->at);
    peer->successor = by_name[0] != '\0' ? INVENTORY_BY_NAME
            : by_address[0] != '\0'      ? INVENTORY_BY_ADDRESS
                                         : INVENTORY_NO_SUCCESSOR;
    peer->successor_sha256 = by_name[0] != '\0' ? by_name : by_address;
}
