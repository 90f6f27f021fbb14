#include "settings/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/values.h"

#define SYSLOG_SOCKET "/dev/log"
#define JOURNALD_SOCKET "/run/systemd/journal/socket"

#define MB UINT64_C(1000000)
#define GB (1000 * MB)
#define DAY_S (24 * 3600)

static bool
is_off(const char *text)
{
    return strcmp(text, "off") == 0 || strcmp(text, "0") == 0;
}

static bool
read_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0;
}

static bool
read_max_size(struct settings_recording *it, const char *text)
{
    it->max_bytes = 0;
    return is_off(text) ||
            (value_size(text, &it->max_bytes) && it->max_bytes >= MB && it->max_bytes <= 1000 * GB);
}

static bool
read_max_age(struct settings_recording *it, const char *text)
{
    uint64_t ms;

    it->max_age_s = 0;
    if (is_off(text))
        return true;
    if (!value_duration(text, &ms) || ms < 60000 || ms > UINT64_C(366) * DAY_S * 1000)
        return false;
    it->max_age_s = (int64_t)(ms / 1000);
    return true;
}

static bool
read_keep(struct settings_recording *it, const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    it->keep = (unsigned)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= 1 && value <= 100;
}

static bool
read_sync(struct settings_recording *it, const char *text)
{
    return read_bool(text, &it->sync);
}

/* One of the words, `len` octets of it. */
static bool
take_told(struct settings_recording *it, const char *word, size_t len)
{
    static const struct {
        const char *name, *socket;
    } kinds[] = { [SETTINGS_SYSLOG] = { "syslog", SYSLOG_SOCKET },
        [SETTINGS_JOURNALD] = { "journald", JOURNALD_SOCKET } };
    const char *colon = memchr(word, ':', len);
    const size_t name = colon == NULL ? len : (size_t)(colon - word);

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const char *socket = colon == NULL ? kinds[i].socket : colon + 1;
        const size_t size = colon == NULL ? strlen(socket) : len - name - 1;

        if (strlen(kinds[i].name) != name || memcmp(kinds[i].name, word, name) != 0)
            continue;
        if (size >= SETTINGS_SOCKET_SIZE || socket[0] != '/' || it->told_count == SETTINGS_MAX_TOLD)
            return false;
        it->told[it->told_count].kind = (enum settings_told)i;
        (void)snprintf(
                it->told[it->told_count].socket, SETTINGS_SOCKET_SIZE, "%.*s", (int)size, socket);
        it->told_count++;
        return true;
    }
    return false;
}

static bool
read_to(struct settings_recording *it, const char *text)
{
    size_t len;

    it->told_count = 0;
    for (text += strspn(text, " "); *text != '\0'; text += len + strspn(text + len, " ")) {
        len = strcspn(text, " ");
        if (!take_told(it, text, len))
            return false;
    }
    return it->told_count != 0;
}

static bool
read_to_accepted(struct settings_recording *it, const char *text)
{
    return read_bool(text, &it->told_accepted);
}

static bool
read_audit(struct settings_recording *it, const char *text)
{
    it->required = strcmp(text, "required") == 0;
    return it->required || strcmp(text, "best-effort") == 0;
}

static bool
read_reserve(struct settings_recording *it, const char *text)
{
    it->reserve = 0;
    return is_off(text) || (value_size(text, &it->reserve) && it->reserve <= 10 * GB);
}

static const struct {
    const char *name;
    const char *initial;
    const char *wanted;
    bool (*read)(struct settings_recording *it, const char *text);
} rows[] = {
#define X(name, value, read, initial, wanted, help) { name, initial, wanted, read },
    RECORDING_ROWS(X)
#undef X
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

void
recording_init(struct settings_recording *recording)
{
    *recording = (struct settings_recording) { 0 };
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (rows[i].initial[0] != '\0')
            (void)rows[i].read(recording, rows[i].initial);
}

const char *
recording_read(struct settings_recording *recording, const char *name, const char *text)
{
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].read(recording, text) ? NULL : rows[i].wanted;
    return "a setting";
}

const char *
recording_name(unsigned i)
{
    return i < ROW_COUNT ? rows[i].name : NULL;
}
