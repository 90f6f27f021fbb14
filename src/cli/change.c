#include "cli/change.h"

#include <string.h>

#include "cli/ask.h"
#include "cli/table.h"
#include "journal/entry.h"

/* Rows of a list that text shows; --format json has all of them. */
#define MAX_SHOWN 20

static bool
is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void
print_more(size_t all)
{
    if (all > MAX_SHOWN)
        printf("  ... and %zu more (--format json lists all)\n", all - MAX_SHOWN);
}

/* ---- what it does ------------------------------------------------------------------------------ */

static void
add_value(struct table *table, const json_t *one, const char *value, const char *latched)
{
    if (is_true(one, latched))
        table_addf(table, "%s (latched)", journal_text(one, value));
    else
        table_add(table, journal_text(one, value));
}

/* Fingerprints by their first digits: "4348a0e9f444c78c on web". */
static void
add_name(struct table *table, const json_t *one)
{
    const char *name = journal_text(one, "name"), *part = journal_text(one, "part");

    if (strcmp(part, "tcs") != 0 && strcmp(part, "pin") != 0)
        table_add(table, name);
    else
        table_addf(table, "%.16s%s", name, strlen(name) > 64 ? name + 64 : "");
}

bool
change_print_diff(const json_t *diff, size_t most, int indent)
{
    static const struct table_column columns[] = { { "What", false }, { "Name", false },
        { "Before", false }, { "After", false }, { NULL, false } };
    const size_t count = json_array_size(diff);
    struct table table;
    bool ok;

    table_init(&table, columns, indent);
    for (size_t i = 0; i < count && i < most; i++) {
        const json_t *one = json_array_get(diff, i);

        table_add(&table, journal_text(one, "part"));
        add_name(&table, one);
        add_value(&table, one, "before", "latched_before");
        add_value(&table, one, "after", "latched_after");
    }
    ok = table_print(&table);
    table_release(&table);
    return ok;
}

static bool
print_diff(const json_t *diff)
{
    bool ok;

    if (json_array_size(diff) == 0)
        return true;
    putchar('\n');
    ok = change_print_diff(diff, MAX_SHOWN, 2);
    print_more(json_array_size(diff));
    return ok;
}

/* The latch as SPEC section 6 has it: gone for good, and which checks begin. */
static void
print_latches(const json_t *cleared, bool preview)
{
    const json_t *one, *check;
    enum cg_check id;
    size_t i, j;

    json_array_foreach(cleared, i, one)
    {
        printf("\nThe upgrade latch of %s %s cleared for good", journal_text(one, "name"),
                preview ? "would be" : "is");
        if (json_array_size(json_object_get(one, "begin")) == 0) {
            puts(".");
            continue;
        }
        printf("; these checks %s to apply:\n", preview ? "would begin" : "begin");
        json_array_foreach(json_object_get(one, "begin"), j, check)
        {
            const char *name = json_string_value(check);

            if (name != NULL && cg_check_from_name(name, &id))
                printf("  %-20s %s\n", name, cg_check_info(id)->explain);
        }
    }
}

/* ---- who it refuses ---------------------------------------------------------------------------- */

static bool
print_refused(const json_t *refused)
{
    static const struct table_column columns[] = { { "Interface", false },
        { "Last seen (UTC)", false }, { "Times", true }, { "Days left", true }, { "Reason", false },
        { "SHA-256", false }, { "Subject", false }, { NULL, false } };
    const json_t *peers = json_object_get(refused, "peers");
    const long long total = ask_number(refused, "total");
    struct table table;
    bool ok;

    if (total == 0)
        return true;
    table_init(&table, columns, 2);
    for (size_t i = 0; i < json_array_size(peers) && i < MAX_SHOWN; i++) {
        const json_t *peer = json_array_get(peers, i);

        table_member(&table, peer, "interface");
        table_member(&table, peer, "last_seen");
        table_member(&table, peer, "count");
        table_member(&table, peer, "days_left");
        table_member(&table, peer, "reason");
        table_addf(&table, "%.16s", journal_text(peer, "sha256"));
        table_member(&table, peer, "subject");
    }
    printf("\n%lld peer%s seen since %.10s would be refused:\n", total, total == 1 ? "" : "s",
            journal_text(refused, "since"));
    ok = table_print(&table);
    table_release(&table);
    print_more(total < 0 ? 0 : (size_t)total);
    return ok;
}

static void
print_self(const json_t *self)
{
    if (!json_is_object(self))
        return;
    if (is_true(self, "admitted"))
        printf("\nYour own certificate would still be admitted on %s.\n",
                journal_text(self, "interface"));
    else
        printf("\nYour own certificate would be refused on %s: %s.\n",
                journal_text(self, "interface"), journal_text(self, "reason"));
}

static bool
refuses(const json_t *told)
{
    const json_t *self = json_object_get(told, "self");

    return ask_number(json_object_get(told, "would_refuse"), "total") > 0 ||
            (json_is_object(self) && !is_true(self, "admitted"));
}

/* ---- the whole --------------------------------------------------------------------------------- */

static void
print_head(const json_t *told, bool lockout)
{
    if (lockout)
        puts("Refused: nothing has been changed.");
    else if (is_true(told, "preview"))
        puts("A preview: nothing has been changed.");
    else if (is_true(told, "changed"))
        printf("Done: generation %lld is in force.\n", ask_number(told, "generation"));
    else
        printf("Nothing changes: generation %lld stays in force.\n",
                ask_number(told, "generation"));
}

static void
print_tail(const json_t *told, bool lockout)
{
    const json_t *confirm = json_object_get(told, "confirm"), *note;
    size_t i;

    json_array_foreach(json_object_get(told, "notes"), i, note)
    {
        if (i == 0)
            putchar('\n');
        fputs("  ", stdout);
        cli_put_clean(json_string_value(note) == NULL ? "" : json_string_value(note), 0);
        putchar('\n');
    }
    if (journal_text(told, "backup")[0] != '\0')
        printf("\nThe state of before is in %s ('certgate restore' brings it back).\n",
                journal_text(told, "backup"));
    if (json_is_object(confirm))
        printf("\nIt takes itself back at %s unless you confirm it: certgate confirm\n",
                journal_text(confirm, "reverts_at"));
    if (lockout || (is_true(told, "preview") && refuses(told)))
        puts("\nThe way out: give these peers new certificates, or admit one for a while (certgate "
             "trust);\nor go on with --force, best with --confirm-within 10m, which takes it back "
             "by itself.");
}

static int
print_told(const json_t *told, bool lockout)
{
    bool ok;

    print_head(told, lockout);
    ok = print_diff(json_object_get(told, "diff"));
    print_latches(json_object_get(told, "latches_cleared"), lockout || is_true(told, "preview"));
    ok = print_refused(json_object_get(told, "would_refuse")) && ok;
    print_self(json_object_get(told, "self"));
    print_tail(told, lockout);
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

int
change_report(const struct change *change, const struct client_answer *answer)
{
    const bool lockout = strcmp(client_code(answer), "lockout") == 0;
    json_t *told = lockout
            ? json_array_get(json_object_get(json_object_get(answer->json, "error"), "details"), 0)
            : answer->json;
    int result;

    if (answer->status == 0 || (answer->status >= 400 && !json_is_object(told)) ||
            (answer->status >= 400 && !lockout))
        return client_failure(answer);
    result = change->node.output == CLI_JSON ? cli_put_json(json_incref(told))
                                             : print_told(told, lockout);
    if (result != CLI_ACCEPT)
        return result;
    return lockout || (change->preview && !change->force && refuses(told)) ? CLI_REJECT
                                                                           : CLI_ACCEPT;
}

json_t *
change_options(const struct change *change)
{
    json_t *options = json_pack("{s:b,s:b,s:b}", "preview", (int)change->preview, "force",
            (int)change->force, "backup", (int)!change->no_backup);

    if (change->comment != NULL)
        (void)json_object_set_new(options, "comment", json_string(change->comment));
    if (change->confirm_s != 0)
        (void)json_object_set_new(
                options, "confirm_within", json_integer((json_int_t)change->confirm_s));
    return options;
}

int
change_send(
        const struct change *change, struct client *client, const struct client_request *request)
{
    struct client_answer answer;
    int result;

    (void)client_ask(client, request, &answer);
    result = change_report(change, &answer);
    client_release(&answer);
    return result;
}

int
change_make(const struct change *change, json_t *edits)
{
    struct client *client = client_open(change->node.state);
    json_t *body = change_options(change);
    int result = CLI_USAGE;

    if (edits == NULL || json_object_set(body, "edits", edits) != 0)
        (void)cli_fail("no memory, or text that is not UTF-8");
    else if (client != NULL)
        result = change_send(change, client,
                &(struct client_request) { .method = "POST", .path = "/changes", .body = body });
    json_decref(edits);
    json_decref(body);
    client_close(client);
    return result;
}

int
change_make_one(const struct change *change, json_t *edit)
{
    return change_make(change, edit == NULL ? NULL : json_pack("[o]", edit));
}
