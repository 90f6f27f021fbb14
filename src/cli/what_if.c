/* certgate what-if: who would be refused if a setting were changed. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/received.h"
#include "settings/values.h"

struct setting {
    const char *name;
    enum snapshot_level_from from;
};

static const struct setting settable[] = {
    { "checks.management", SNAPSHOT_LEVEL_MANAGEMENT },
    { "checks.telephony", SNAPSHOT_LEVEL_TELEPHONY },
};
#define SETTABLE (sizeof(settable) / sizeof(settable[0]))

struct what_if {
    struct cli_received received;
    enum cli_output output;
    bool set[SETTABLE];
    enum cg_level to[SETTABLE];
    struct settings *settings;
    /* What was found. */
    json_t *breaks, *admits; /* peers as JSON, with "then" */
    json_t *unsure; /* those whose records do not say */
    uint64_t judged, expired, latched;
};

/* ---- which rules a setting covers -------------------------------------------------------------- */

/* The rules by which a peer of this class is judged; NULL where the configuration knows them no more. */
static const struct snapshot_rules *
rules_of(const struct settings *settings, const char *interface, const char *class)
{
    for (size_t i = 0; i < settings->interface_count; i++) {
        const struct snapshot_interface *it = &settings->interfaces[i];

        if (strcmp(it->name, interface) != 0)
            continue;
        for (size_t j = 0; j < it->class_count; j++)
            if (strcmp(it->classes[j].name, class) == 0)
                return &it->classes[j].rules;
        return class[0] == '\0' || strcmp(class, "other") == 0 || strcmp(class, "phone") == 0 ||
                        strcmp(class, it->name) == 0
                ? &it->rules
                : NULL;
    }
    return NULL;
}

/* The level that the rules would have; false when the change does not concern them. */
static bool
new_level(const struct what_if *what_if, const struct snapshot_rules *rules, enum cg_level *out)
{
    for (size_t i = 0; i < SETTABLE; i++) {
        if (what_if->set[i] && rules->level_from == settable[i].from) {
            *out = what_if->to[i];
            return true;
        }
    }
    return false;
}

static bool
append_cover(json_t *list, const char *interface, const char *class,
        const struct snapshot_rules *rules, enum cg_level to)
{
    return json_array_append_new(list,
                   json_pack("{s:s,s:s,s:s,s:s}", "interface", interface, "class", class, "from",
                           cg_level_name(rules->level), "to", cg_level_name(to))) == 0;
}

static json_t *
covers_json(const struct what_if *what_if)
{
    json_t *list = json_array();
    enum cg_level to;

    for (size_t i = 0; i < what_if->settings->interface_count; i++) {
        const struct snapshot_interface *it = &what_if->settings->interfaces[i];

        if (new_level(what_if, &it->rules, &to))
            (void)append_cover(list, it->name, it->phones ? "phone" : "other", &it->rules, to);
        for (size_t j = 0; j < it->class_count; j++)
            if (new_level(what_if, &it->classes[j].rules, &to))
                (void)append_cover(list, it->name, it->classes[j].name, &it->classes[j].rules, to);
    }
    return list;
}

/* ---- peers ------------------------------------------------------------------------------------- */

static bool
append_peer(const struct what_if *what_if, json_t *list, const struct inventory_peer *peer,
        enum cg_level from, enum cg_level to)
{
    const struct inventory_verdict *now = &peer->at[from], *then = &peer->at[to];
    json_t *json = cli_peer_json(peer, what_if->received.now);
    bool refused = then->known && then->reason != CG_REASON_NONE;

    (void)json_object_set_new(json, "then",
            json_pack("{s:s,s:s,s:s?}", "level", cg_level_name(to), "verdict",
                    !then->known      ? "unknown"
                            : refused ? "reject"
                                      : "accept",
                    "reason", refused ? cg_reason_info(then->reason)->code : NULL));
    (void)json_object_set_new(json, "now",
            json_pack("{s:s,s:s?}", "level", cg_level_name(from), "reason",
                    now->known && now->reason != CG_REASON_NONE ? cg_reason_info(now->reason)->code
                                                                : NULL));
    return json != NULL && json_array_append_new(list, json) == 0;
}

static bool
judge(void *arg, const struct inventory_peer *peer)
{
    struct what_if *what_if = arg;
    const struct snapshot_rules *rules = rules_of(what_if->settings, peer->interface, peer->class);
    const struct inventory_verdict *now, *then;
    enum cg_level to;

    if (rules == NULL || !new_level(what_if, rules, &to) || rules->level >= CG_LEVEL_COUNT)
        return true;
    now = &peer->at[rules->level];
    then = &peer->at[to];
    what_if->judged++;
    what_if->latched += peer->latched;
    /* Refused at every level already: no setting changes that. */
    if (peer->not_after < what_if->received.now) {
        what_if->expired++;
        return true;
    }
    if (!now->known || !then->known)
        return append_peer(what_if, what_if->unsure, peer, rules->level, to);
    if (now->reason == CG_REASON_NONE && then->reason != CG_REASON_NONE)
        return append_peer(what_if, what_if->breaks, peer, rules->level, to);
    if (now->reason != CG_REASON_NONE && then->reason == CG_REASON_NONE)
        return append_peer(what_if, what_if->admits, peer, rules->level, to);
    return true;
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
    const size_t breaks = json_array_size(what_if->breaks);

    for (size_t i = 0; i < json_array_size(covers); i++) {
        const json_t *one = json_array_get(covers, i);

        printf("%s%s (%s) from %s to %s",
                i == 0 ? "The change would take " : ",\n                      ",
                journal_text(one, "interface"), journal_text(one, "class"),
                journal_text(one, "from"), journal_text(one, "to"));
    }
    puts(json_array_size(covers) == 0 ? "No interface, trunk or line takes its level from this "
                                        "setting: nothing would change."
                                      : ".");
    printf("%llu certificate%s received there %s looked at.\n", (unsigned long long)what_if->judged,
            what_if->judged == 1 ? "" : "s", what_if->judged == 1 ? "was" : "were");
    if (breaks == 0)
        puts("\nNobody of them who is admitted now would be refused.");
    print_peers("These would be REFUSED, and are admitted now:", what_if->breaks, "then");
    print_peers("These would be ADMITTED, and are refused now:", what_if->admits, "now");
    print_peers("Of these the records do not say enough:", what_if->unsure, "then");
    if (what_if->expired != 0)
        printf("\n%llu more expired since they were seen: every level refuses them.\n",
                (unsigned long long)what_if->expired);
    if (what_if->latched != 0)
        printf("\nNote: %llu of them were judged while the setting was latched, without key usage, "
               "extended\nkey usage and unknown critical extensions. A change ends the latch, and "
               "these "
               "checks begin.\n",
                (unsigned long long)what_if->latched);
}

static int
put_json(const struct what_if *what_if, json_t *covers)
{
    json_t *set = json_object();

    for (size_t i = 0; i < SETTABLE; i++)
        if (what_if->set[i])
            (void)json_object_set_new(
                    set, settable[i].name, json_string(cg_level_name(what_if->to[i])));
    return cli_put_json(json_pack("{s:o,s:O,s:I,s:I,s:I,s:O,s:O,s:O}", "set", set, "covers", covers,
            "certificates", (json_int_t)what_if->judged, "expired", (json_int_t)what_if->expired,
            "latched", (json_int_t)what_if->latched, "breaks", what_if->breaks, "admits",
            what_if->admits, "unsure", what_if->unsure));
}

static int
answer(struct what_if *what_if)
{
    const struct inventory_query query = cli_query(&what_if->received);
    struct inventory *inventory = NULL;
    struct cg_error err;
    json_t *covers = NULL;
    int result = CLI_USAGE;

    what_if->settings = cli_settings(what_if->received.config);
    if (what_if->settings == NULL)
        goto done;
    inventory = cli_inventory(&what_if->received, what_if->settings);
    if (inventory == NULL)
        goto done;
    what_if->breaks = json_array();
    what_if->admits = json_array();
    what_if->unsure = json_array();
    covers = covers_json(what_if);
    if (inventory_each(inventory, &query, judge, what_if, &err) != CG_OK) {
        (void)cli_fail("%s", err.text);
        goto done;
    }
    result = CLI_ACCEPT;
    if (what_if->output == CLI_JSON)
        result = put_json(what_if, covers);
    else
        print_text(what_if, covers);
    if (result == CLI_ACCEPT && json_array_size(what_if->breaks) != 0)
        result = CLI_REJECT;
done:
    json_decref(covers);
    json_decref(what_if->breaks);
    json_decref(what_if->admits);
    json_decref(what_if->unsure);
    inventory_close(inventory);
    settings_free(what_if->settings);
    return result;
}

/* ---- options ----------------------------------------------------------------------------------- */

static int
take_setting(const char *text, struct what_if *what_if)
{
    const char *equals = strchr(text, '='), *names[SETTABLE + 1] = { NULL }, *nearest;
    char name[64];

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
    for (size_t i = 0; i < SETTABLE; i++) {
        names[i] = settable[i].name;
        if (strcmp(name, settable[i].name) != 0)
            continue;
        what_if->set[i] = true;
        return equals != NULL && cg_level_from_name(equals + 1, &what_if->to[i]) &&
                        what_if->to[i] < CG_LEVEL_COUNT
                ? CLI_ACCEPT
                : cli_fail("--set '%s': the value is a level; see certgate help levels", text);
    }
    nearest = value_nearest(name, names);
    return cli_fail("--set '%s': %s%s%s", text,
            nearest == NULL ? "try checks.management=LEVEL or checks.telephony=LEVEL"
                            : "did you mean '",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static int
take_option(int option, char **argv, const struct option *known, struct what_if *what_if)
{
    struct cli_received *received = &what_if->received;

    switch (option) {
    case 'S':
        return take_setting(optarg, what_if);
    case 'c':
        received->config = optarg;
        return CLI_ACCEPT;
    case 'I':
        received->inventory = optarg;
        return CLI_ACCEPT;
    case 'R':
        return cli_add_replay(optarg, received);
    case 'i':
        return cli_add_interface(optarg, received->interfaces, &received->interface_count);
    case 's':
        return cli_moment(optarg, received->now, &received->since)
                ? CLI_ACCEPT
                : cli_fail("--since '%s' is neither a time nor how long ago (30d)", optarg);
    case 'o':
        return cli_output(optarg, false, &what_if->output);
    default:
        return cli_unknown_option(option, argv, known, "what-if");
    }
}

static int
run(int argc, char **argv)
{
    static const struct option known[] = { { "set", required_argument, NULL, 'S' },
        { "config", required_argument, NULL, 'c' }, { "inventory", required_argument, NULL, 'I' },
        { "replay", required_argument, NULL, 'R' }, { "interface", required_argument, NULL, 'i' },
        { "since", required_argument, NULL, 's' }, { "format", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    const int64_t now = (int64_t)time(NULL);
    struct what_if what_if = { .received = { .config = CLI_DEFAULT_CONFIG,
                                       .since = now - CLI_USUAL_DAYS * CLI_SECONDS_A_DAY,
                                       .now = now } };
    int option, result = CLI_ACCEPT;

    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_what_if.help, stdout);
            return CLI_ACCEPT;
        }
        result = take_option(option, argv, known, &what_if);
    }
    if (result != CLI_ACCEPT)
        return result;
    if (optind != argc || (!what_if.set[0] && !what_if.set[1]))
        return cli_fail("say what is to change: certgate what-if --set checks.management=high");
    return answer(&what_if);
}

const struct cli_command cli_what_if = {
    .name = "what-if",
    .summary = "who would be refused, or admitted, if a level were changed",
    .run = run,
    .help = "usage: certgate what-if --set SETTING=LEVEL... [OPTIONS]\n"
            "\n"
            "Every received certificate was judged at all six levels. This lists who is admitted "
            "now and\n"
            "would be refused at the new level, with the first reason, and who would newly be "
            "admitted.\n"
            "The configuration says which interfaces, trunks and lines a setting covers: those "
            "without\n"
            "a level of their own.\n"
            "\n"
            "  --set checks.management=L   web interfaces and lines\n"
            "  --set checks.telephony=L    SIP\n"
            "  --interface I     only this interface; may be repeated\n"
            "  --since WHEN      only peers seen since: a time, a date, or how long ago (default "
            "30d)\n"
            "  --config FILE     default " CLI_DEFAULT_CONFIG "\n"
            "  --inventory FILE  default: inventory.db in the state directory\n"
            "  --replay LOG      read this decision log and its rotated files instead; may be "
            "repeated\n"
            "  --format F        text (default) or json\n"
            "\n"
            "Exit status: 0 nobody would be refused who is admitted now, 1 somebody would, 2 wrong "
            "usage.\n"
            "\n"
            "example:\n"
            "  certgate what-if --set checks.management=high --since 14d\n",
};
