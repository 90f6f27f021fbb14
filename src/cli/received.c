#include "cli/received.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "inventory/expiring.h"

/* ---- options ----------------------------------------------------------------------------------- */

/* "30d": how many seconds that is. */
static bool
ago(const char *text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", CLI_SECONDS_A_DAY },
        { "w", 7 * CLI_SECONDS_A_DAY } };
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].unit, text + digits) == 0) {
            *out = strtoll(text, NULL, 10) * units[i].seconds;
            return true;
        }
    }
    return false;
}

bool
cli_moment(const char *text, int64_t now, int64_t *out)
{
    char whole[32];
    int64_t seconds;

    if (ago(text, &seconds)) {
        *out = now - seconds;
        return true;
    }
    if (strlen(text) == 10 && text[4] == '-' && text[7] == '-') {
        (void)snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
        return cli_time(whole, out);
    }
    return cli_time(text, out);
}

bool
cli_days(const char *text, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    *out = strtoll(text, NULL, 10);
    return *out <= 36500;
}

int
cli_output(const char *text, bool csv, enum cli_output *out)
{
    static const char *const names[] = { "text", "json", "csv" };

    for (int i = 0; i < (csv ? 3 : 2); i++) {
        if (strcmp(names[i], text) == 0) {
            *out = (enum cli_output)i;
            return CLI_ACCEPT;
        }
    }
    return cli_fail(
            "--format is text%s json%s, not '%s'", csv ? "," : " or", csv ? " or csv" : "", text);
}

int
cli_add_interface(const char *text, const char **list, size_t *count)
{
    if (*count == JOURNAL_MAX_INTERFACES)
        return cli_fail("more than %d interfaces", JOURNAL_MAX_INTERFACES);
    list[(*count)++] = text;
    return CLI_ACCEPT;
}

int
cli_add_replay(const char *text, struct cli_received *received)
{
    if (received->replay_count == CLI_MAX_REPLAYS)
        return cli_fail("more than %d logs to replay", CLI_MAX_REPLAYS);
    received->replay[received->replay_count++] = text;
    return CLI_ACCEPT;
}

/* ---- settings, log, inventory ------------------------------------------------------------------ */

struct settings *
cli_settings(const char *path)
{
    struct cg_buf problems;
    struct settings *settings;

    cg_buf_init(&problems, 1024 * 1024);
    settings = settings_load(path, NULL, &problems);
    if (settings == NULL)
        fputs(cg_buf_text(&problems), stderr);
    cg_buf_release(&problems);
    return settings;
}

char *
cli_log_path(const char *file, const char *config)
{
    struct settings *settings;
    char *path = NULL;

    if (file != NULL)
        return strdup(file);
    settings = cli_settings(config);
    if (settings == NULL)
        (void)cli_fail("the settings do not say where the decision log is; name it with --file");
    else if (strcmp(settings->log, "stdout") == 0)
        (void)cli_fail("the decision log goes to standard output; name the file that keeps it with "
                       "--file");
    else
        path = strdup(settings->log);
    settings_free(settings);
    return path;
}

/* Feeds the records of one log. */
static bool
replay(struct inventory *inventory, const char *path, const struct journal_filter *filter)
{
    struct cg_error err = { "" };
    struct journal_reader *reader = journal_reader_open(path, true, &err);
    struct journal_notes notes = { 0 };
    struct journal_entry entry;
    enum journal_next next = JOURNAL_UNREADABLE;
    enum cg_status status = CG_OK;
    const char *line;
    size_t len;

    if (reader == NULL) {
        (void)cli_fail("%s", err.text);
        return false;
    }
    journal_reader_from_time(reader, filter->since_ms);
    while (status == CG_OK &&
            (next = journal_next_match(reader, filter, &entry, &line, &len, &notes)) ==
                    JOURNAL_LINE) {
        status = inventory_add(inventory, &entry, 1, &err);
        journal_entry_release(&entry);
    }
    if (status != CG_OK)
        (void)cli_fail("%s", err.text);
    else if (next == JOURNAL_UNREADABLE)
        (void)cli_fail("%s: cannot be read to its end", path);
    else if (notes.malformed != 0 || journal_reader_passed(reader) != 0)
        (void)cli_fail("note: %s: %llu lines are no decision records and were left out", path,
                (unsigned long long)(notes.malformed + journal_reader_passed(reader)));
    journal_reader_free(reader);
    return status == CG_OK && next == JOURNAL_END;
}

static struct inventory *
from_logs(const struct cli_received *received)
{
    struct cg_error note, err = { "" };
    struct inventory *inventory = inventory_open(":memory:", NULL, &note, &err);
    struct journal_filter filter;
    bool ok = inventory != NULL;

    journal_filter_init(&filter);
    if (received->since != INT64_MIN)
        filter.since_ms = received->since * 1000;
    filter.interface_count = received->interface_count;
    memcpy(filter.interfaces, received->interfaces, sizeof(filter.interfaces));
    if (!ok)
        (void)cli_fail("%s", err.text);
    for (size_t i = 0; ok && i < received->replay_count; i++)
        ok = replay(inventory, received->replay[i], &filter);
    if (ok && inventory_flush(inventory, &err) != CG_OK) {
        (void)cli_fail("%s", err.text);
        ok = false;
    }
    if (ok)
        return inventory;
    inventory_close(inventory);
    return NULL;
}

struct inventory *
cli_inventory(const struct cli_received *received, const struct settings *settings)
{
    struct settings *own = NULL;
    struct inventory *inventory = NULL;
    struct cg_error err = { "no memory" };
    char *path = NULL;

    if (received->replay_count != 0)
        return from_logs(received);
    if (received->inventory == NULL && settings == NULL) {
        settings = own = cli_settings(received->config);
        if (own == NULL) {
            (void)cli_fail("name an inventory with --inventory, or logs with --replay");
            return NULL;
        }
    }
    if (received->inventory != NULL)
        path = strdup(received->inventory);
    else if (asprintf(&path, "%s/inventory.db", settings->state) < 0)
        path = NULL;
    if (path != NULL)
        inventory = inventory_open_read(path, &err);
    if (inventory == NULL)
        (void)cli_fail("%s; --replay reads the decision log instead", err.text);
    free(path);
    settings_free(own);
    return inventory;
}

struct inventory_query
cli_query(const struct cli_received *received)
{
    return (struct inventory_query) { .interfaces = received->interfaces,
        .interface_count = received->interface_count,
        .since = received->since,
        .expires_by = INT64_MAX };
}

/* ---- output ------------------------------------------------------------------------------------ */

int64_t
cli_days_left(int64_t until, int64_t now)
{
    return expiring_days_left(until, now);
}

const char *
cli_when(int64_t seconds, bool day, char out[32])
{
    struct cg_buf text;

    cg_buf_init(&text, 64);
    cg_buf_add_time(&text, seconds);
    (void)snprintf(out, 32, "%.*s", day ? 10 : 31, cg_buf_text(&text));
    cg_buf_release(&text);
    return out;
}

static json_t *
levels_json(const struct inventory_peer *peer)
{
    json_t *levels = json_object();

    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        const struct inventory_verdict *at = &peer->at[level];
        bool accept = at->reason == CG_REASON_NONE;

        if (at->known)
            (void)json_object_set_new(levels, cg_level_name((enum cg_level)level),
                    json_pack("{s:s,s:s?}", "verdict", accept ? "accept" : "reject", "reason",
                            accept ? NULL : cg_reason_info(at->reason)->code));
    }
    return levels;
}

json_t *
cli_peer_json(const struct inventory_peer *peer, int64_t now)
{
    static const char *const ways[] = { NULL, "name", "address" };
    char from[32], until[32], first[32], last[32];
    const bool known = peer->successor != INVENTORY_NO_SUCCESSOR;

    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:s,s:s,s:s?,s:"
                     "b,s:o,s:s?,s:s?}",
            "interface", peer->interface, "class", peer->class, "service", peer->service, "role",
            peer->role, "sha256", peer->sha256, "subject", peer->subject, "names", peer->names,
            "issuer", peer->issuer, "not_before", cli_when(peer->not_before, false, from),
            "not_after", cli_when(peer->not_after, false, until), "days_left",
            (json_int_t)cli_days_left(peer->not_after, now), "first_seen",
            cli_when(peer->first_seen, false, first), "last_seen",
            cli_when(peer->last_seen, false, last), "count", (json_int_t)peer->count, "peer",
            peer->peer, "verdict", peer->accepted ? "accept" : "reject", "level", peer->level,
            "reason", peer->accepted ? NULL : peer->reason, "latched", (int)peer->latched, "levels",
            levels_json(peer), "successor", known ? peer->successor_sha256 : NULL, "successor_by",
            ways[peer->successor]);
}

int
cli_put_json(json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    json_decref(json);
    if (text == NULL)
        return cli_fail("no memory");
    puts(text);
    free(text);
    return CLI_ACCEPT;
}

/* Columns of UTF-8 text, every character taken as one. */
static int
columns(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

void
cli_put_clean(const char *text, int width)
{
    struct cg_buf clean;
    int fill;

    cg_buf_init(&clean, 256 * 1024);
    journal_add_clean(&clean, text);
    fputs(cg_buf_text(&clean), stdout);
    fill = width - columns(cg_buf_text(&clean));
    if (fill > 0)
        printf("%*s", fill, "");
    cg_buf_release(&clean);
}

struct cli_style
cli_style(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    const bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    struct cli_style style = { "", "", "", "", utf8 ? "\xe2\x9c\x93" : "+",
        utf8 ? "\xe2\x9c\x97" : "-", "?" };

    if (isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') &&
            (term == NULL || strcmp(term, "dumb") != 0)) {
        style.good = "\033[32m";
        style.bad = "\033[31m";
        style.dim = "\033[2m";
        style.off = "\033[0m";
    }
    return style;
}
