#include "control/rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_S 60

struct minute {
    uint32_t accepted;
    uint32_t refused;
    uint16_t reasons[CG_REASON_COUNT];
};

struct line {
    char name[SNAPSHOT_NAME_SIZE];
    struct minute minutes[RATES_MINUTES]; /* minute N is at N % RATES_MINUTES */
};

struct rates {
    int64_t newest; /* minutes since 1970 */
    size_t count;
    struct line lines[SNAPSHOT_MAX_INTERFACES];
};

struct rates *
rates_new(void)
{
    return calloc(1, sizeof(struct rates));
}

void
rates_free(struct rates *rates)
{
    free(rates);
}

/* Minutes that came since are empty. */
static void
move_to(struct rates *rates, int64_t minute)
{
    int64_t steps = minute - rates->newest;

    if (steps <= 0)
        return;
    if (steps > RATES_MINUTES)
        steps = RATES_MINUTES;
    for (int64_t i = 0; i < steps; i++)
        for (size_t j = 0; j < rates->count; j++)
            memset(&rates->lines[j].minutes[(minute - i) % RATES_MINUTES], 0,
                    sizeof(struct minute));
    rates->newest = minute;
}

static struct line *
find_line(struct rates *rates, const char *name)
{
    for (size_t i = 0; i < rates->count; i++)
        if (strcmp(rates->lines[i].name, name) == 0)
            return &rates->lines[i];
    if (rates->count == SNAPSHOT_MAX_INTERFACES)
        return NULL;
    (void)snprintf(rates->lines[rates->count].name, SNAPSHOT_NAME_SIZE, "%s", name);
    return &rates->lines[rates->count++];
}

void
rates_count(struct rates *rates, const char *interface, bool accepted, enum cg_reason reason,
        int64_t time_ms)
{
    const int64_t minute = time_ms / 1000 / MINUTE_S;
    struct line *line;
    struct minute *it;

    if (rates == NULL || minute <= 0)
        return;
    move_to(rates, minute);
    if (minute <= rates->newest - RATES_MINUTES || (line = find_line(rates, interface)) == NULL)
        return;
    it = &line->minutes[minute % RATES_MINUTES];
    if (accepted)
        it->accepted++;
    else
        it->refused++;
    if (!accepted && reason != CG_REASON_NONE && it->reasons[reason] != UINT16_MAX)
        it->reasons[reason]++;
}

void
rates_take(struct rates *rates, const struct journal_entry *entry)
{
    enum cg_reason reason;

    if (entry->accepted || !cg_reason_from_code(entry->reason, &reason))
        reason = CG_REASON_NONE;
    rates_count(rates, entry->interface, entry->accepted, reason, entry->time_ms);
}

static void
add_reasons(const struct line *line, int64_t from, int64_t to, json_t *out)
{
    for (unsigned reason = 0; reason < CG_REASON_COUNT; reason++) {
        uint64_t count = 0;

        for (int64_t minute = from; minute <= to; minute++)
            count += line->minutes[minute % RATES_MINUTES].reasons[reason];
        if (count != 0)
            (void)json_array_append_new(out,
                    json_pack("{s:s,s:s,s:I}", "interface", line->name, "reason",
                            cg_reason_info((enum cg_reason)reason)->code, "count",
                            (json_int_t)count));
    }
}

json_t *
rates_json(const struct rates *rates, unsigned minutes, int64_t now)
{
    const int64_t to = now / MINUTE_S, from = to - (int64_t)minutes + 1;
    json_t *lines = json_array(), *reasons = json_array();

    for (size_t i = 0; i < rates->count; i++) {
        const struct line *line = &rates->lines[i];
        json_t *accepted = json_array(), *refused = json_array();

        for (int64_t minute = from; minute <= to; minute++) {
            const struct minute *it = &line->minutes[minute % RATES_MINUTES];
            const bool known = minute <= rates->newest && minute > rates->newest - RATES_MINUTES;

            (void)json_array_append_new(accepted, json_integer(known ? it->accepted : 0));
            (void)json_array_append_new(refused, json_integer(known ? it->refused : 0));
        }
        (void)json_array_append_new(lines,
                json_pack("{s:s,s:o,s:o}", "name", line->name, "accepted", accepted, "refused",
                        refused));
        if (from > rates->newest - RATES_MINUTES && from <= rates->newest)
            add_reasons(line, from, rates->newest < to ? rates->newest : to, reasons);
    }
    return json_pack("{s:I,s:o,s:o}", "minute0", (json_int_t)from * MINUTE_S, "interfaces", lines,
            "reasons", reasons);
}
