/* One decision as a colleague would tell it. */
#include <string.h>

#include "journal/words.h"

/* Text of the record goes through here: nothing that a peer sent steers a terminal. */
static void
add_member(struct cg_buf *out, const char *label, const char *text)
{
    if (text[0] == '\0')
        return;
    cg_buf_addf(out, "  %-12s ", label);
    journal_add_clean(out, text);
    cg_buf_add(out, "\n");
}

static void
add_clean(struct cg_buf *out, const char *before, const char *text, const char *after)
{
    if (text[0] == '\0')
        return;
    cg_buf_add(out, before);
    journal_add_clean(out, text);
    cg_buf_add(out, after);
}

static void
tell_list(struct cg_buf *out, const char *label, const json_t *list)
{
    struct cg_buf text;

    cg_buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));

        cg_buf_addf(&text, "%s%s", i == 0 ? "" : ", ", one == NULL ? "" : one);
    }
    add_member(out, label, cg_buf_text(&text));
    cg_buf_release(&text);
}

/* ---- who, when, from where --------------------------------------------------------------------- */

static void
tell_class(const struct journal_entry *entry, struct cg_buf *out)
{
    static const struct {
        const char *by, *words;
    } ways[] = {
        { "interface", "the interface serves no other kind of peer" },
        { "source-address", "its source address is one of the configured ones" },
        { "upgrade-path", "the path of its WebSocket upgrade is that line's" },
        { "from-domain", "the From domain of its request is that trunk's" },
        { "no-other-class", "it is none of the configured trunks or lines" },
    };

    if (entry->class[0] == '\0') {
        cg_buf_add(out, "It was not known yet what kind of peer this is.\n");
        return;
    }
    if (strcmp(entry->class, "other") == 0 && strcmp(entry->class_by, "interface") == 0)
        return;
    add_clean(out, "It was judged as '", entry->class, "'");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].by, entry->class_by) == 0)
            cg_buf_addf(out, ", because %s", ways[i].words);
    cg_buf_add(out, ".\n");
}

static void
tell_connection(const struct journal_entry *entry, struct cg_buf *out)
{
    bool outbound = strcmp(entry->role, "outbound") == 0;

    cg_buf_addf(out, "On %.10s at %.8s UTC", entry->time, entry->time + 11);
    add_clean(out, outbound ? ", connecting to " : ", ",
            entry->peer[0] == '\0' ? "a peer" : entry->peer, outbound ? "" : " connected");
    add_clean(out, outbound ? " from interface '" : " to interface '", entry->interface, "'");
    add_clean(out, " (", entry->service, ")");
    add_clean(out, " of node '", entry->node, "'");
    add_clean(out, ", through the balancer ", entry->via, "");
    cg_buf_add(out, ".\n");
    if (entry->tls[0] != '\0') {
        add_clean(out, "It spoke ", entry->tls, "");
        add_clean(out, " with ", entry->cipher, "");
        add_clean(out, " and asked for the name ", entry->sni, "");
        cg_buf_add(out, ".\n");
    }
    tell_class(entry, out);
    if (entry->live[0] != '\0')
        cg_buf_addf(out,
                "It was connected already when settings or time changed; the connection is %s.\n",
                strcmp(entry->live, "close") == 0 ? "closed"
                        : strcmp(entry->live, "drain") == 0
                        ? "let finish what it is doing, then closed"
                        : "left as it is");
}

/* ---- what it presented ------------------------------------------------------------------------- */

static void
tell_path(const struct journal_entry *entry, struct cg_buf *out)
{
    const size_t count = json_array_size(entry->path);

    if (count == 0)
        return;
    cg_buf_add(out,
            json_is_true(json_object_get(entry->judged, "anchored"))
                    ? "\nThe path from it to a trusted certificate:\n"
                    : "\nAs far as a path from it could be followed, to nothing that is "
                      "trusted:\n");
    for (size_t i = 0; i < count; i++) {
        const json_t *at = json_array_get(entry->path, i);

        cg_buf_addf(out, "  %zu. ", i + 1);
        journal_add_clean(out, journal_text(at, "subject"));
        add_clean(out, ", valid until ", journal_text(at, "not_after"), "");
        cg_buf_add(out, "\n");
    }
}

static void
tell_certificate(const struct journal_entry *entry, struct cg_buf *out)
{
    if (entry->certificate == NULL) {
        if (entry->has_presented && entry->presented == 0)
            cg_buf_add(out, "\nIt presented no certificate.\n");
        else if (!entry->has_presented)
            cg_buf_add(out, "\nIt did not come to a certificate.\n");
        return;
    }
    cg_buf_add(out, "\nIt presented this certificate");
    if (entry->has_presented && entry->presented > 1)
        cg_buf_addf(out, ", and %lld more with it", (long long)entry->presented - 1);
    cg_buf_add(out, ":\n");
    add_member(out, "subject", entry->subject);
    tell_list(out, "names", json_object_get(entry->certificate, "san"));
    add_member(out, "issuer", entry->issuer);
    add_member(out, "valid from", entry->not_before);
    add_member(out, "valid until", entry->not_after);
    add_member(out, "key", journal_text(entry->certificate, "key"));
    tell_list(out, "key usage", json_object_get(entry->certificate, "key_usage"));
    tell_list(out, "purposes", json_object_get(entry->certificate, "extended_key_usage"));
    add_member(out, "serial", journal_text(entry->certificate, "serial"));
    add_member(out, "SHA-256", entry->sha256);
    tell_path(entry, out);
}

/* ---- what was found ---------------------------------------------------------------------------- */

static void
tell_finding(const json_t *finding, struct cg_buf *out)
{
    const char *outcome = journal_text(finding, "outcome"), *id = journal_text(finding, "check");
    const char *found = journal_text(finding, "found"), *wanted = journal_text(finding, "wanted");
    const char *certificate = journal_text(finding, "certificate");
    const bool failed = strcmp(outcome, "fail") == 0;
    enum cg_check check;

    cg_buf_addf(out, "  %-14s %s\n", failed ? "FAILED" : outcome,
            cg_check_from_name(id, &check) ? cg_check_info(check)->title : id);
    if (!failed && strcmp(outcome, "undecided") != 0) {
        add_clean(out, "                 found: ", found, "\n");
    } else {
        add_clean(out, "                 reason: ", journal_text(finding, "reason"), "\n");
        if (strcmp(certificate, "received") != 0)
            add_clean(out, "                 on: ", certificate, "\n");
        add_clean(out, "                 found: ", found, "\n");
        add_clean(out, "                 wanted: ", wanted, "\n");
    }
    add_clean(out,
            failed ? "                 overridden by the allowance "
                   : "                 only by the allowance ",
            journal_text(finding, "allowance"), "\n");
    add_clean(out, "                 note: ", journal_text(finding, "note"), "\n");
}

static void
tell_findings(const struct journal_entry *entry, struct cg_buf *out)
{
    if (json_array_size(entry->findings) == 0)
        return;
    cg_buf_addf(out, "\nWhat level %s asks, and what was found:\n", entry->level);
    for (size_t i = 0; i < json_array_size(entry->findings); i++)
        tell_finding(json_array_get(entry->findings, i), out);
    if (entry->latched)
        cg_buf_add(out,
                "  The setting is latched, carried over by an upgrade: key usage, extended key "
                "usage and\n  unknown critical extensions were not looked at.\n");
}

/* Each remedy once; the record's own first. */
static void
tell_remedies(const struct journal_entry *entry, struct cg_buf *out)
{
    bool first = true;

    for (size_t i = 0; i < json_array_size(entry->findings); i++) {
        const char *remedy = journal_text(json_array_get(entry->findings, i), "remedy");
        size_t same = 0;

        while (same < i &&
                strcmp(journal_text(json_array_get(entry->findings, same), "remedy"), remedy) != 0)
            same++;
        if (remedy[0] == '\0' || same < i)
            continue;
        add_clean(out, first ? "\nWhat to do: " : "            ", remedy, "\n");
        first = false;
    }
    if (first)
        add_clean(out, "\nWhat to do: ", entry->remedy, "\n");
}

static void
tell_levels(const struct journal_entry *entry, struct cg_buf *out)
{
    enum cg_reason reason;

    if (entry->levels == NULL)
        return;
    cg_buf_add(out, "\nAt the six levels this certificate would get:\n");
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        if (!journal_entry_at_level(entry, (enum cg_level)level, &reason))
            continue;
        cg_buf_addf(out, "  %-24s %s%s%s\n", cg_level_info((enum cg_level)level)->title,
                reason == CG_REASON_NONE ? "accept" : "reject: ",
                reason == CG_REASON_NONE ? "" : cg_reason_info(reason)->code,
                strcmp(entry->level, cg_level_name((enum cg_level)level)) == 0
                        ? "   <- the one in force"
                        : "");
    }
}

static void
tell_why(const struct journal_entry *entry, struct cg_buf *out)
{
    const json_t *alert = json_object_get(entry->json, "alert_sent");
    enum cg_reason reason;

    if (entry->accepted && journal_entry_admitted(entry)) {
        cg_buf_add(out,
                "\nIt was ADMITTED BY AN ADMINISTRATOR, although checks fail on it: it is not "
                "verified.\n");
        return;
    }
    if (entry->accepted && json_array_size(entry->allowances) != 0) {
        cg_buf_add(out, "\nIt was ADMITTED, but only by allowance: it is not simply verified.\n");
        return;
    }
    if (entry->accepted) {
        cg_buf_addf(out, "\nIt was ADMITTED at level %s.\n", entry->level);
        return;
    }
    cg_buf_addf(out, "\nIt was REFUSED%s%s: %s", entry->level[0] == '\0' ? "" : " at level ",
            entry->level, entry->reason);
    if (cg_reason_from_code(entry->reason, &reason))
        cg_buf_addf(out, ", %s", cg_reason_info(reason)->explain);
    cg_buf_add(out, ".\n");
    add_clean(out, "In detail: ", entry->detail, ".\n");
    if (json_is_integer(alert))
        cg_buf_addf(out, "The peer was told TLS alert %lld and no more.\n",
                (long long)json_integer_value(alert));
    else
        cg_buf_add(out, "The peer was sent no TLS alert.\n");
}

static void
tell_resumed(
        const struct journal_entry *entry, const struct journal_entry *decided, struct cg_buf *out)
{
    if (!entry->resumed)
        return;
    cg_buf_addf(out,
            "\nIt resumed an earlier session, whose certificate was judged in incident %s at %s.\n",
            entry->decided_in[0] == '\0' ? "(unknown)" : entry->decided_in,
            entry->decided_at[0] == '\0' ? "an unknown time" : entry->decided_at);
    if (decided == NULL)
        cg_buf_add(out, "That record is not in the log files that were read.\n");
}

void
journal_story(
        const struct journal_entry *entry, const struct journal_entry *decided, struct cg_buf *out)
{
    tell_connection(entry, out);
    tell_why(entry, out);
    tell_resumed(entry, decided, out);
    tell_certificate(entry, out);
    tell_findings(entry, out);
    if (!entry->accepted)
        tell_remedies(entry, out);
    tell_levels(entry, out);
    if (entry->cut)
        cg_buf_add(out, "\nThe record was too large to keep its findings and path.\n");
}
