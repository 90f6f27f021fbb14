#include "journal/entry.h"

#include <string.h>
#include <time.h>

/* ---- time -------------------------------------------------------------------------------------- */

static bool
number(const char *text, size_t count, int low, int high, int *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return *out >= low && *out <= high;
}

bool
journal_time(const char *text, size_t len, int64_t *ms)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    int year, month, fraction = 0, digits = 0;
    struct tm parts = { 0 };
    size_t at = sizeof(shape) - 1;

    if (len <= at)
        return false;
    for (size_t i = 0; i < at; i++)
        if (shape[i] != 'd' && text[i] != shape[i])
            return false;
    if (!number(text, 4, 1, 9999, &year) || !number(text + 5, 2, 1, 12, &month) ||
            !number(text + 8, 2, 1, 31, &parts.tm_mday) ||
            !number(text + 11, 2, 0, 23, &parts.tm_hour) ||
            !number(text + 14, 2, 0, 59, &parts.tm_min) ||
            !number(text + 17, 2, 0, 60, &parts.tm_sec))
        return false;
    if (text[at] == '.')
        for (at++; at < len && text[at] >= '0' && text[at] <= '9'; at++, digits++)
            if (digits < 3)
                fraction = fraction * 10 + (text[at] - '0');
    for (; digits > 0 && digits < 3; digits++)
        fraction *= 10;
    if (at + 1 != len || text[at] != 'Z')
        return false;
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    *ms = (int64_t)timegm(&parts) * 1000 + fraction;
    return true;
}

bool
journal_line_time(const char *line, size_t len, int64_t *ms)
{
    static const char name[] = "\"time\":\"";
    const char *at = memmem(line, len < 64 ? len : 64, name, sizeof(name) - 1), *end;

    if (at == NULL)
        return false;
    at += sizeof(name) - 1;
    end = memchr(at, '"', len - (size_t)(at - line));
    return end != NULL && journal_time(at, (size_t)(end - at), ms);
}

/* ---- members ----------------------------------------------------------------------------------- */

const char *
journal_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static const json_t *
of_type(const json_t *object, const char *name, json_type type)
{
    const json_t *value = json_object_get(object, name);

    return value != NULL && json_typeof(value) == type ? value : NULL;
}

/* The decision about the certificate: the record's own, or the one before the backend failed. */
static void
take_certificate(struct journal_entry *entry)
{
    const json_t *from = entry->json, *before = of_type(from, "peer_decision", JSON_OBJECT);

    if (of_type(from, "certificate", JSON_OBJECT) == NULL && before != NULL)
        from = before;
    entry->judged = from;
    entry->certificate = of_type(from, "certificate", JSON_OBJECT);
    entry->levels = of_type(from, "levels", JSON_OBJECT);
    entry->path = of_type(from, "path", JSON_ARRAY);
    entry->findings = of_type(from, "findings", JSON_ARRAY);
    entry->allowances = of_type(from, "allowances", JSON_ARRAY);
    entry->sha256 = journal_text(entry->certificate, "sha256");
    entry->subject = journal_text(entry->certificate, "subject");
    entry->issuer = journal_text(entry->certificate, "issuer");
    entry->not_before = journal_text(entry->certificate, "not_before");
    entry->not_after = journal_text(entry->certificate, "not_after");
}

bool
journal_entry_parse(const char *line, size_t len, struct journal_entry *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } texts[] = {
#define TEXT(member) { #member, offsetof(struct journal_entry, member) }
        TEXT(time),
        TEXT(node),
        TEXT(incident),
        TEXT(interface),
        TEXT(service),
        TEXT(role),
        TEXT(step),
        TEXT(peer),
        TEXT(via),
        TEXT(class),
        TEXT(class_by),
        TEXT(sni),
        TEXT(tls),
        TEXT(cipher),
        TEXT(verdict),
        TEXT(level),
        TEXT(reason),
        TEXT(detail),
        TEXT(remedy),
        TEXT(live),
        TEXT(decided_in),
        TEXT(decided_at),
#undef TEXT
    };
    const json_t *presented;

    memset(out, 0, sizeof(*out));
    out->json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(out->json))
        goto malformed;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *(const char **)((char *)out + texts[i].offset) = journal_text(out->json, texts[i].name);
    out->accepted = strcmp(out->verdict, "accept") == 0;
    if ((!out->accepted && strcmp(out->verdict, "reject") != 0) || out->interface[0] == '\0' ||
            !journal_time(out->time, strlen(out->time), &out->time_ms))
        goto malformed;
    out->generation = (uint64_t)json_integer_value(json_object_get(out->json, "generation"));
    out->latched = json_is_true(json_object_get(out->json, "latched"));
    out->resumed = json_is_true(json_object_get(out->json, "resumed"));
    out->cut = json_is_true(json_object_get(out->json, "cut"));
    presented = json_object_get(out->json, "presented");
    out->has_presented = json_is_integer(presented);
    out->presented = json_integer_value(presented);
    take_certificate(out);
    return true;
malformed:
    journal_entry_release(out);
    return false;
}

struct journal_facts
journal_entry_facts(const struct journal_entry *entry)
{
    return (struct journal_facts) { .time_ms = entry->time_ms,
        .incident = entry->incident,
        .decided_in = entry->decided_in,
        .interface = entry->interface,
        .class = entry->class,
        .reason = entry->reason,
        .sha256 = entry->sha256,
        .peer = entry->peer,
        .accepted = entry->accepted };
}

void
journal_entry_release(struct journal_entry *entry)
{
    json_decref(entry->json);
    entry->json = NULL;
}

bool
journal_entry_admitted(const struct journal_entry *entry)
{
    for (size_t i = 0; i < json_array_size(entry->allowances); i++) {
        const char *name = json_string_value(json_array_get(entry->allowances, i));

        if (name != NULL && strcmp(name, cg_allowance_name(CG_ALLOW_ADMITTED)) == 0)
            return true;
    }
    return false;
}

const char *
journal_entry_place(const struct journal_entry *entry)
{
    /* "phone" and "other" are whoever is no trunk and no line; their rules are the interface's. */
    if (entry->class[0] == '\0' || strcmp(entry->class, "phone") == 0 ||
            strcmp(entry->class, "other") == 0)
        return entry->interface;
    return entry->class;
}

bool
journal_entry_at_level(
        const struct journal_entry *entry, enum cg_level level, enum cg_reason *reason)
{
    const json_t *at = json_object_get(entry->levels, cg_level_name(level));
    const char *verdict = journal_text(at, "verdict");

    *reason = CG_REASON_NONE;
    if (strcmp(verdict, "accept") == 0)
        return true;
    if (strcmp(verdict, "reject") != 0)
        return false;
    return cg_reason_from_code(journal_text(at, "reason"), reason) && *reason != CG_REASON_NONE;
}

void
journal_peer_address(const char *peer, char *out, size_t size)
{
    const char *end = strrchr(peer, ':');
    size_t len;

    if (peer[0] == '[' && strchr(peer, ']') != NULL) {
        peer++;
        end = strchr(peer, ']');
    }
    len = end == NULL ? strlen(peer) : (size_t)(end - peer);
    (void)snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), peer);
}

void
journal_add_clean(struct cg_buf *buf, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    for (; *at != '\0'; at++) {
        /* C0 and DEL, and C1 as UTF-8 writes it. */
        bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);

        cg_buf_add_bytes(buf, control ? "?" : (const char *)at, 1);
        at += control && *at == 0xc2;
    }
}
