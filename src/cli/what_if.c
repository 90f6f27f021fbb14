/* certgate what-if: who would be refused, or admitted, after a change. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/foretell.h"
#include "cli/options.h"
#include "cli/received.h"
#include "input/input.h"
#include "inventory/would.h"
#include "settings/values.h"
#include "store/registry.h"

struct what_if {
    struct cli_received received;
    enum cli_output output;
    /* As typed. */
    struct option_list sets, add, remove, replay, interfaces;
    const char *format;
    /* The change. */
    struct foretell_set set[OPTIONS_MAX_LIST];
    uint8_t removed[OPTIONS_MAX_LIST][CG_SHA256_SIZE];
    struct input_list added;
    struct snapshot_blob *added_blobs;
    struct foretold now, then;
    /* What was found. */
    json_t *breaks, *admits; /* peers as JSON, with "then" */
    json_t *unsure; /* those of which what is kept does not say enough */
    struct would_counts counts;
};

/* ---- which rules the change covers --------------------------------------------------------------- */

static bool
differ(const struct snapshot_rules *now, const struct snapshot_rules *then)
{
    return now->level != then->level || !would_rules_alike(now, then);
}

static void
append_cover(json_t *list, const char *interface, const char *class,
        const struct snapshot_rules *now, const struct snapshot_rules *then)
{
    json_t *one = json_pack("{s:s,s:s,s:s,s:s}", "interface", interface, "class", class, "from",
            cg_level_name(now->level), "to", cg_level_name(then->level));

    if (now->latched != then->latched)
        (void)json_object_set_new(one, "latch_ends", json_boolean(now->latched));
    (void)json_array_append_new(list, one);
}

/* Blocks stand in the file, which is the same for both: so do interfaces, trunks and lines. */
static json_t *
covers_json(const struct what_if *what_if)
{
    const struct snapshot *now = &what_if->now.snapshot, *then = &what_if->then.snapshot;
    json_t *list = json_array();

    for (size_t i = 0; i < now->interface_count && i < then->interface_count; i++) {
        const struct snapshot_interface *a = &now->interfaces[i], *b = &then->interfaces[i];

        if (differ(&a->rules, &b->rules))
            append_cover(list, a->name, a->phones ? "phone" : "other", &a->rules, &b->rules);
        for (size_t j = 0; j < a->class_count && j < b->class_count; j++)
            if (differ(&a->classes[j].rules, &b->classes[j].rules))
                append_cover(list, a->name, a->classes[j].name, &a->classes[j].rules,
                        &b->classes[j].rules);
    }
    return list;
}

/* ---- peers ------------------------------------------------------------------------------------- */

static const char *
code_of(const struct would_side *side)
{
    return side->known && side->reason != CG_REASON_NONE ? cg_reason_info(side->reason)->code
                                                         : NULL;
}

static json_t *
side_json(const struct would_side *side)
{
    return json_pack("{s:s,s:s,s:s?}", "level", cg_level_name(side->level), "verdict",
            !side->known                             ? "unknown"
                    : side->reason == CG_REASON_NONE ? "accept"
                                                     : "reject",
            "reason", code_of(side));
}

static bool
take_peer(void *arg, enum would_kind kind, const struct inventory_peer *peer,
        const struct would_verdict *verdict)
{
    struct what_if *what_if = arg;
    json_t *const lists[] = { [WOULD_REFUSE] = what_if->breaks,
        [WOULD_ADMIT] = what_if->admits,
        [WOULD_UNSURE] = what_if->unsure };
    json_t *json = cli_peer_json(peer, what_if->received.now);

    (void)json_object_set_new(json, "then", side_json(&verdict->then));
    (void)json_object_set_new(json, "now", side_json(&verdict->now));
    (void)json_object_set_new(json, "from_certificates", json_boolean(verdict->from_certificates));
    return json != NULL && json_array_append_new(lists[kind], json) == 0;
}

/* ---- output ------------------------------------------------------------------------------------ */

static void
print_peers(const char *title, const json_t *list, const char *side)
{
    static const char *const replaced[] = { "name", "replaced since by", "address",
        "perhaps replaced since by" };

    if (json_array_size(list) == 0)
        return;
    printf("\n%s\n", title);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *peer = json_array_get(list, i);
        const char *subject = journal_text(peer, "subject"),
                   *by = journal_text(peer, "successor_by");
        const char *reason = journal_text(json_object_get(peer, side), "reason");

        fputs("  ", stdout);
        cli_put_clean(subject[0] == '\0' ? journal_text(peer, "sha256") : subject, 0);
        printf("\n      on %s as %s, ", journal_text(peer, "interface"),
                journal_text(peer, "class")[0] == '\0' ? "other" : journal_text(peer, "class"));
        if (reason[0] != '\0')
            printf("%s: %s, ", journal_text(json_object_get(peer, side), "level"), reason);
        printf("seen %lld times, last on %.10s from ",
                (long long)json_integer_value(json_object_get(peer, "count")),
                journal_text(peer, "last_seen"));
        cli_put_clean(journal_text(peer, "peer"), 0);
        printf(", %lld days left\n",
                (long long)json_integer_value(json_object_get(peer, "days_left")));
        for (size_t j = 0; j < 4; j += 2)
            if (strcmp(by, replaced[j]) == 0)
                printf("      %s %.16s\n", replaced[j + 1], journal_text(peer, "successor"));
    }
}

static void
print_text(const struct what_if *what_if, const json_t *covers)
{
    const struct would_counts *counts = &what_if->counts;
    const bool trust = what_if->added.count != 0 || what_if->remove.count != 0;

    for (size_t i = 0; i < json_array_size(covers); i++) {
        const json_t *one = json_array_get(covers, i);
        const char *from = journal_text(one, "from"), *to = journal_text(one, "to");

        printf("%s%s (%s)", i == 0 ? "The change would take " : ",\n                      ",
                journal_text(one, "interface"), journal_text(one, "class"));
        if (strcmp(from, to) != 0)
            printf(" from %s to %s", from, to);
        else
            printf(" to other rules at level %s", to);
        if (json_is_true(json_object_get(one, "latch_ends")))
            fputs(", and end its latch: key usage, extended key usage and unknown critical "
                  "extensions begin to count",
                    stdout);
    }
    if (json_array_size(covers) != 0)
        puts(".");
    else if (!trust)
        puts("No interface, trunk or line takes its rules from this setting, or they are so "
             "already: nothing would change.");
    if (trust)
        printf("%zu certificate%s would be trusted besides, and %zu no more.\n",
                what_if->added.count, what_if->added.count == 1 ? "" : "s", what_if->remove.count);
    printf("%llu certificate%s received there %s looked at.\n", (unsigned long long)counts->seen,
            counts->seen == 1 ? "" : "s", counts->seen == 1 ? "was" : "were");
    if (counts->refused == 0)
        puts("\nNobody of them who is admitted now would be refused.");
    print_peers("These would be REFUSED, and are admitted now:", what_if->breaks, "then");
    print_peers("These would be ADMITTED, and are refused now:", what_if->admits, "now");
    print_peers("Of these not enough is kept to say:", what_if->unsure, "then");
    if (counts->expired != 0)
        printf("\n%llu more expired since they were seen: every level refuses them.\n",
                (unsigned long long)counts->expired);
}

static int
put_json(const struct what_if *what_if, json_t *covers)
{
    const struct would_counts *counts = &what_if->counts;
    json_t *set = json_object();

    for (size_t i = 0; i < what_if->sets.count; i++)
        (void)json_object_set_new(set, what_if->set[i].name, json_string(what_if->set[i].value));
    return cli_put_json(json_pack("{s:o,s:O,s:I,s:I,s:I,s:I,s:I,s:I,s:O,s:O,s:O}", "set", set,
            "covers", covers, "tcs_added", (json_int_t)what_if->added.count, "tcs_removed",
            (json_int_t)what_if->remove.count, "certificates", (json_int_t)counts->seen, "judged",
            (json_int_t)counts->judged, "expired", (json_int_t)counts->expired, "latched",
            (json_int_t)counts->latched, "breaks", what_if->breaks, "admits", what_if->admits,
            "unsure", what_if->unsure));
}

static int
ask(struct what_if *what_if, struct inventory *inventory)
{
    const struct would_query query = { .now = &what_if->now.snapshot,
        .then = &what_if->then.snapshot,
        .at = what_if->received.now,
        .since = what_if->received.since,
        .interfaces = what_if->received.interfaces,
        .interface_count = what_if->received.interface_count };
    json_t *covers = covers_json(what_if);
    struct cg_error err;
    int result = CLI_ACCEPT;

    what_if->breaks = json_array();
    what_if->admits = json_array();
    what_if->unsure = json_array();
    if (would_each(inventory, &query, take_peer, what_if, &what_if->counts, &err) != CG_OK)
        result = cli_fail("%s", err.text);
    else if (what_if->output == CLI_JSON)
        result = put_json(what_if, covers);
    else
        print_text(what_if, covers);
    if (result == CLI_ACCEPT && what_if->counts.refused != 0)
        result = CLI_REJECT;
    json_decref(covers);
    json_decref(what_if->breaks);
    json_decref(what_if->admits);
    json_decref(what_if->unsure);
    return result;
}

static int
answer(struct what_if *what_if)
{
    const struct foretell_change change = { .sets = what_if->set,
        .set_count = what_if->sets.count,
        .tcs_add = what_if->added_blobs,
        .tcs_add_count = what_if->added.count,
        .tcs_remove = what_if->removed,
        .tcs_remove_count = what_if->remove.count };
    const char *config = what_if->received.config;
    struct inventory *inventory = NULL;
    int result = CLI_USAGE;

    if (foretell(config, NULL, what_if->received.now, &what_if->now) &&
            foretell(config, &change, what_if->received.now, &what_if->then))
        inventory = cli_inventory(&what_if->received, what_if->now.settings);
    if (inventory != NULL)
        result = ask(what_if, inventory);
    inventory_close(inventory);
    foretold_release(&what_if->now);
    foretold_release(&what_if->then);
    return result;
}

/* ---- options ----------------------------------------------------------------------------------- */

static int
take_setting(const char *text, struct foretell_set *out)
{
    const struct registry_row *row;
    const char *equals = strchr(text, '=');
    struct cg_error err = { "" };
    struct cg_buf value;
    int result = CLI_ACCEPT;

    if (equals == NULL || (size_t)(equals - text) >= sizeof(out->name))
        return cli_fail("--set '%s' is not SETTING=VALUE", text);
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)(equals - text), text);
    cg_buf_init(&value, STORE_VALUE_SIZE);
    if (registry_find(out->name, &row, &err) != STORE_OK ||
            registry_canonical(row, out->name, equals + 1, &value, &err) != STORE_OK)
        result = cli_fail("--set: %s", err.text);
    else
        out->value = cg_buf_take(&value);
    cg_buf_release(&value);
    return result == CLI_ACCEPT && out->value == NULL ? cli_fail("no memory") : result;
}

/* Files of certificates to trust, as they go into a snapshot; the bytes stay the list's. */
static int
take_added(struct what_if *what_if)
{
    struct cg_error err;

    for (size_t i = 0; i < what_if->add.count; i++)
        if (input_load(what_if->add.values[i], NULL, &what_if->added, &err) != CG_OK)
            return cli_fail("%s", err.text);
    what_if->added_blobs = calloc(what_if->added.count + 1, sizeof(*what_if->added_blobs));
    if (what_if->added_blobs == NULL)
        return cli_fail("no memory");
    for (size_t i = 0; i < what_if->added.count; i++) {
        struct snapshot_blob *blob = &what_if->added_blobs[i];

        blob->data = (uint8_t *)(uintptr_t)cg_cert_get0_der(what_if->added.certs[i], &blob->len);
    }
    return CLI_ACCEPT;
}

static int
take_change(struct what_if *what_if)
{
    int result = CLI_ACCEPT;

    for (size_t i = 0; i < what_if->sets.count && result == CLI_ACCEPT; i++)
        result = take_setting(what_if->sets.values[i], &what_if->set[i]);
    for (size_t i = 0; i < what_if->remove.count && result == CLI_ACCEPT; i++) {
        const char *end = value_sha256(what_if->remove.values[i], what_if->removed[i]);

        if (end == NULL || *end != '\0')
            result = cli_fail("--tcs-remove '%s' is no SHA-256 of a certificate (64 hexadecimal "
                              "digits)",
                    what_if->remove.values[i]);
    }
    return result == CLI_ACCEPT ? take_added(what_if) : result;
}

static int
take_received(struct what_if *what_if)
{
    struct cli_received *received = &what_if->received;
    int result = CLI_ACCEPT;

    for (size_t i = 0; i < what_if->replay.count && result == CLI_ACCEPT; i++)
        result = cli_add_replay(what_if->replay.values[i], received);
    for (size_t i = 0; i < what_if->interfaces.count && result == CLI_ACCEPT; i++)
        result = cli_add_interface(
                what_if->interfaces.values[i], received->interfaces, &received->interface_count);
    if (result == CLI_ACCEPT && what_if->format != NULL)
        result = cli_output(what_if->format, false, &what_if->output);
    return result;
}

static void
release(struct what_if *what_if)
{
    for (size_t i = 0; i < what_if->sets.count; i++)
        free(what_if->set[i].value);
    free(what_if->added_blobs);
    input_list_release(&what_if->added);
    free(what_if);
}

static int
run(int argc, char **argv)
{
    const int64_t now = (int64_t)time(NULL);
    struct what_if *what_if = calloc(1, sizeof(*what_if));
    int result;

    if (what_if == NULL)
        return cli_fail("no memory");
    what_if->received = (struct cli_received) {
        .config = CLI_DEFAULT_CONFIG, .since = now - CLI_USUAL_DAYS * CLI_SECONDS_A_DAY, .now = now
    };
    const struct option_row rows[] = { { "set", OPTION_LIST, &what_if->sets },
        { "tcs-add", OPTION_LIST, &what_if->add }, { "tcs-remove", OPTION_LIST, &what_if->remove },
        { "interface", OPTION_LIST, &what_if->interfaces },
        { "since", OPTION_MOMENT, &what_if->received.since },
        { "config", OPTION_TEXT, &what_if->received.config },
        { "inventory", OPTION_TEXT, &what_if->received.inventory },
        { "replay", OPTION_LIST, &what_if->replay }, { "format", OPTION_TEXT, &what_if->format },
        { NULL, OPTION_FLAG, NULL } };

    if (!options_read("what-if", cli_what_if.help, rows, NULL, argc, argv, &result))
        goto done;
    if (optind != argc || what_if->sets.count + what_if->add.count + what_if->remove.count == 0) {
        result = cli_fail("say what is to change: certgate what-if --set checks.management=high");
        goto done;
    }
    result = take_received(what_if);
    if (result == CLI_ACCEPT)
        result = take_change(what_if);
    if (result == CLI_ACCEPT)
        result = answer(what_if);
done:
    release(what_if);
    return result;
}

const struct cli_command cli_what_if = {
    .name = "what-if",
    .summary = "who would be refused, or admitted, after a change",
    .run = run,
    .help = "usage: certgate what-if --set SETTING=VALUE... [OPTIONS]\n"
            "       certgate what-if --tcs-add FILE... --tcs-remove SHA256... [OPTIONS]\n"
            "\n"
            "Lists who of the peers lately received is admitted now and would be refused after the "
            "change,\n"
            "with the first reason, and who would newly be admitted. Each is judged anew from the "
            "certificates\n"
            "that it sent. Where these are not kept, as in a log and of peers that were refused, "
            "its verdicts\n"
            "at the six levels answer what they can. Nothing is changed.\n"
            "\n"
            "  --set SETTING=VALUE  as 'certgate settings set' would, checks.management=high; may "
            "be repeated\n"
            "  --tcs-add FILE       certificates that would be trusted; may be repeated\n"
            "  --tcs-remove SHA256  one that would no longer be; may be repeated\n"
            "  --interface I        only this interface; may be repeated\n"
            "  --since WHEN         only peers seen since: a time, a date, or how long ago "
            "(default 30d)\n"
            "  --config FILE        default " CLI_DEFAULT_CONFIG "; its store is looked into too\n"
            "  --inventory FILE     default: inventory.db in the state directory\n"
            "  --replay LOG         read this decision log and its rotated files instead; may be "
            "repeated\n"
            "  --format F           text (default) or json\n"
            "\n"
            "Who shows no certificate is in no inventory: a setting that makes one required is not "
            "answered\n"
            "for them.\n"
            "\n"
            "Exit status: 0 nobody would be refused who is admitted now, 1 somebody would, 2 wrong "
            "usage.\n"
            "\n"
            "example:\n"
            "  certgate what-if --set checks.management=high --since 14d\n",
};
