#include "journal/filter.h"

#include <arpa/inet.h>
#include <string.h>

#include "journal/index.h"

void
journal_filter_init(struct journal_filter *filter)
{
    *filter = (struct journal_filter) { .since_ms = INT64_MIN, .until_ms = INT64_MAX };
}

bool
journal_peer_octets(const char *peer, uint8_t out[16])
{
    static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
    char address[INET6_ADDRSTRLEN];

    journal_peer_address(peer, address, sizeof(address));
    memcpy(out, mapped, sizeof(mapped));
    if (inet_pton(AF_INET, address, out + 12) == 1 || inet_pton(AF_INET6, address, out) == 1)
        return true;
    memset(out, 0, 16);
    return false;
}

bool
journal_network_holds(const struct snapshot_network *network, const uint8_t address[16])
{
    struct snapshot_network one = { .bits = 128 };

    memcpy(one.prefix, address, sizeof(one.prefix));
    return snapshot_networks_overlap(network, &one);
}

static bool
in_network(const struct journal_filter *filter, const char *peer)
{
    uint8_t address[16];

    return journal_peer_octets(peer, address) && journal_network_holds(&filter->network, address);
}

static bool
is_or_any(const char *wanted, const char *text)
{
    return wanted == NULL || strcmp(wanted, text) == 0;
}

static bool
on_interface(const struct journal_filter *filter, const char *name)
{
    for (size_t i = 0; i < filter->interface_count; i++)
        if (strcmp(filter->interfaces[i], name) == 0)
            return true;
    return filter->interface_count == 0;
}

bool
journal_filter_has(const struct journal_filter *filter, const struct journal_entry *entry)
{
    return entry->time_ms >= filter->since_ms && entry->time_ms <= filter->until_ms &&
            on_interface(filter, entry->interface) && is_or_any(filter->verdict, entry->verdict) &&
            is_or_any(filter->reason, entry->reason) && is_or_any(filter->class, entry->class) &&
            (filter->sha256 == NULL ||
                    strncmp(filter->sha256, entry->sha256, strlen(filter->sha256)) == 0) &&
            (filter->incident == NULL || strcmp(filter->incident, entry->incident) == 0 ||
                    strcmp(filter->incident, entry->decided_in) == 0) &&
            (!filter->has_network || in_network(filter, entry->peer));
}

/* True when `text` stands in the line as a quoted member value, or the beginning of one. */
static bool
holds(const char *line, size_t len, const char *name, const char *text, bool whole)
{
    char needle[256];
    int size = snprintf(needle, sizeof(needle), "\"%s\":\"%s%s", name, text, whole ? "\"" : "");

    /* Text that JSON would write otherwise is not looked for here. */
    if (size < 0 || size >= (int)sizeof(needle) || text[strcspn(text, "\"\\/")] != '\0')
        return true;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            return true;
    return memmem(line, len, needle, (size_t)size) != NULL;
}

/* The record's own verdict stands before those of its levels. */
static bool
first_verdict(const char *line, size_t len, const char *verdict)
{
    static const char name[] = "\"verdict\":\"";
    const char *at = memmem(line, len, name, sizeof(name) - 1);
    size_t size = strlen(verdict);

    if (at == NULL)
        return true;
    at += sizeof(name) - 1;
    return (size_t)(line + len - at) > size && memcmp(at, verdict, size) == 0;
}

bool
journal_filter_may_have(const struct journal_filter *filter, const char *line, size_t len)
{
    static const char ours[] = "{\"v\":1,\"time\":\"";
    int64_t ms;

    if (len < sizeof(ours) || memcmp(line, ours, sizeof(ours) - 1) != 0)
        return true;
    if (journal_line_time(line, len, &ms) && (ms < filter->since_ms || ms > filter->until_ms))
        return false;
    if (filter->interface_count == 1 && !holds(line, len, "interface", filter->interfaces[0], true))
        return false;
    if (filter->verdict != NULL && !first_verdict(line, len, filter->verdict))
        return false;
    if (filter->incident != NULL && !holds(line, len, "incident", filter->incident, true) &&
            !holds(line, len, "decided_in", filter->incident, true))
        return false;
    return (filter->reason == NULL || holds(line, len, "reason", filter->reason, true)) &&
            (filter->class == NULL || holds(line, len, "class", filter->class, true)) &&
            (filter->sha256 == NULL || holds(line, len, "sha256", filter->sha256, false));
}

/* Nothing that is wanted comes any more, as far as lines are in order of time. */
static bool
is_past(const struct journal_filter *filter, const char *line, size_t len)
{
    int64_t ms;

    return filter->until_ms < INT64_MAX - JOURNAL_DISORDER_MS &&
            journal_line_time(line, len, &ms) && ms > filter->until_ms + JOURNAL_DISORDER_MS;
}

enum journal_next
journal_next_match(struct journal_reader *reader, const struct journal_filter *filter,
        struct journal_entry *entry, const char **line, size_t *len, struct journal_notes *notes)
{
    struct index_filter wanted;
    enum journal_next next;

    index_filter_init(&wanted, filter);
    for (;;) {
        journal_reader_skip(reader, &wanted);
        next = journal_reader_next(reader, line, len);
        if (next != JOURNAL_LINE)
            return next;
        if (is_past(filter, *line, *len))
            return JOURNAL_END;
        if (!journal_filter_may_have(filter, *line, *len))
            continue;
        if (!journal_entry_parse(*line, *len, entry)) {
            notes->malformed += *len != 0;
            continue;
        }
        if (journal_filter_has(filter, entry)) {
            notes->matched++;
            return JOURNAL_LINE;
        }
        journal_entry_release(entry);
    }
}
