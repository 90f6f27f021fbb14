#include "control/repeats.h"

#include <stdlib.h>
#include <string.h>

struct repeats {
    struct repeat places[REPEATS_PLACES];
};

/* ---- the head of a record ---------------------------------------------------------------------- */

/* Members that differ from record to record and say nothing that is counted by. */
static bool
is_passing(struct cg_span name)
{
    static const char *const names[] = { "time", "incident", "peer", "local", "via", "sni", "tls",
        "cipher", "decided_in", "decided_at" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (cg_span_equal(name, cg_span(names[i], strlen(names[i]))))
            return true;
    return false;
}

/* A string without escapes, its quotes left out; what follows its second quote. */
static const char *
read_string(const char *at, const char *end, struct cg_span *out)
{
    const char *from = at + 1;

    if (at >= end || *at != '"')
        return NULL;
    for (at = from; at < end && *at != '"'; at++)
        if (*at == '\\')
            return NULL;
    *out = cg_span(from, (size_t)(at - from));
    return at < end ? at + 1 : NULL;
}

/* A string, a number, or one of the three words. */
static const char *
read_value(const char *at, const char *end, struct cg_span *out)
{
    const char *from = at;

    if (at < end && *at == '"')
        return read_string(at, end, out);
    while (at < end &&
            ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-' || *at == '.'))
        at++;
    *out = cg_span(from, (size_t)(at - from));
    return at != from ? at : NULL;
}

/* null is no text, as in a parsed record. */
static bool
take_text(struct cg_span value, char *out, size_t size)
{
    if (value.data[-1] != '"')
        value.len = 0;
    if (value.len >= size)
        return false;
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
    return true;
}

static bool
take_member(
        struct record_head *head, struct cg_span name, struct cg_span value, struct cg_span whole)
{
    if (CG_SPAN_IS(name, "time"))
        return journal_time((const char *)value.data, value.len, &head->time_ms);
    if ((CG_SPAN_IS(name, "peer") && !take_text(value, head->peer, sizeof(head->peer))) ||
            (CG_SPAN_IS(name, "incident") &&
                    !take_text(value, head->incident, sizeof(head->incident))) ||
            (CG_SPAN_IS(name, "decided_in") &&
                    !take_text(value, head->decided_in, sizeof(head->decided_in))))
        return false;
    if (is_passing(name))
        return true;
    if (whole.len > sizeof(head->kept) - head->kept_len)
        return false;
    memcpy(head->kept + head->kept_len, whole.data, whole.len);
    head->kept_len += whole.len;
    return true;
}

bool
record_head_read(const char *json, size_t len, struct record_head *out)
{
    const char *at = json, *end = json + len;

    out->time_ms = INT64_MIN;
    out->peer[0] = out->incident[0] = out->decided_in[0] = '\0';
    out->kept_len = 0;
    while (at < end && (*at == '{' || *at == ',') && (*at == '{') == (at == json)) {
        const char *member = ++at;
        struct cg_span name, value;

        at = read_string(at, end, &name);
        if (at == NULL || at == end || *at != ':')
            return false;
        if (CG_SPAN_IS(name, "verdict")) {
            out->rest = (size_t)(member - json);
            return out->time_ms != INT64_MIN;
        }
        at = read_value(at + 1, end, &value);
        if (at == NULL || !take_member(out, name, value, cg_span(member, (size_t)(at - member))))
            return false;
    }
    return false;
}

/* ---- what came before -------------------------------------------------------------------------- */

struct repeats *
repeats_new(void)
{
    return calloc(1, sizeof(struct repeats));
}

void
repeats_free(struct repeats *repeats)
{
    if (repeats == NULL)
        return;
    for (size_t i = 0; i < REPEATS_PLACES; i++)
        free(repeats->places[i].record);
    free(repeats);
}

/* FNV-1a by eight octets; a place is compared whole, so that nothing hangs on it but speed. */
static uint64_t
mix(uint64_t hash, const char *at, size_t len)
{
    uint64_t word;

    for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    while (len-- > 0)
        hash = (hash ^ (uint8_t)*at++) * 0x100000001b3u;
    return hash;
}

static struct repeat *
place_of(struct repeats *repeats, const char *json, size_t len, const struct record_head *head)
{
    uint64_t hash = mix(0xcbf29ce484222325u, head->kept, head->kept_len);

    hash = mix(hash, json + head->rest, len - head->rest);
    return &repeats->places[(hash ^ hash >> 32) % REPEATS_PLACES];
}

static bool
is_same(const struct repeat *place, const char *json, size_t len, const struct record_head *head)
{
    return place->record != NULL && place->head.kept_len == head->kept_len &&
            memcmp(place->head.kept, head->kept, head->kept_len) == 0 &&
            place->len - place->head.rest == len - head->rest &&
            memcmp(place->record + place->head.rest, json + head->rest, len - head->rest) == 0;
}

const struct repeat *
repeats_count(struct repeats *repeats, const char *json, size_t len)
{
    struct record_head head;
    struct repeat *place;
    size_t rest;

    if (repeats == NULL || len > REPEATS_MAX_RECORD || !record_head_read(json, len, &head))
        return NULL;
    place = place_of(repeats, json, len, &head);
    if (!is_same(place, json, len, &head))
        return NULL;
    rest = place->head.rest; /* stays that of the record that is kept */
    place->head = head;
    place->head.rest = rest;
    place->facts.time_ms = head.time_ms;
    place->times++;
    return place;
}

static void
settle(struct repeat *place, repeats_settled *settled, void *arg)
{
    struct journal_entry entry;

    if (place->times == 0)
        return;
    if (journal_entry_parse(place->record, place->len, &entry)) {
        entry.time_ms = place->head.time_ms;
        entry.peer = place->head.peer;
        settled(arg, &entry, place->times);
        journal_entry_release(&entry);
    }
    place->times = 0;
}

/* The facts of a place, in memory of its own. */
static bool
keep_facts(struct repeat *place, const struct journal_facts *from)
{
    const char *const words[] = { from->interface, from->class, from->reason, from->sha256 };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (snprintf(place->words[i], REPEATS_WORD_SIZE, "%s", words[i]) >= REPEATS_WORD_SIZE)
            return false;
    place->facts = (struct journal_facts) { .time_ms = from->time_ms,
        .incident = place->head.incident,
        .decided_in = place->head.decided_in,
        .interface = place->words[0],
        .class = place->words[1],
        .reason = place->words[2],
        .sha256 = place->words[3],
        .peer = place->head.peer,
        .accepted = from->accepted };
    return true;
}

void
repeats_keep(struct repeats *repeats, const char *json, size_t len,
        const struct journal_entry *entry, repeats_settled *settled, void *arg)
{
    const struct journal_facts facts = journal_entry_facts(entry);
    struct record_head head;
    struct repeat *place;
    char *copy;

    if (repeats == NULL || len > REPEATS_MAX_RECORD || !record_head_read(json, len, &head))
        return;
    copy = malloc(len);
    if (copy == NULL)
        return;
    memcpy(copy, json, len);
    place = place_of(repeats, json, len, &head);
    settle(place, settled, arg);
    free(place->record);
    *place = (struct repeat) { .record = copy, .len = len, .head = head };
    /* Words that do not fit are not known from here: such a record is parsed each time. */
    if (!keep_facts(place, &facts)) {
        free(place->record);
        place->record = NULL;
        return;
    }
    if (entry->accepted || !cg_reason_from_code(entry->reason, &place->reason))
        place->reason = CG_REASON_NONE;
}

void
repeats_settle(struct repeats *repeats, repeats_settled *settled, void *arg)
{
    for (size_t i = 0; repeats != NULL && i < REPEATS_PLACES; i++)
        settle(&repeats->places[i], settled, arg);
}
