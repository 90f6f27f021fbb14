#include "control/recording.h"

#include <stdlib.h>
#include <time.h>

#include "control/api/api.h"
#include "control/peers.h"
#include "control/rates.h"
#include "control/recorder.h"
#include "control/say.h"

bool
recording_open(struct control *control, const char *path, int fd,
        const struct settings_recording *settings)
{
    control->recorder = recorder_open(path, fd, settings);
    if (control->recorder == NULL)
        return false;
    disk_init(&control->disk, control->state.folder, settings->reserve);
    disk_look(&control->disk, 0);
    return true;
}

static enum ipc_audit
audit_now(const struct control *control)
{
    if (control->candidate == NULL || !control->candidate->settings->recording.required)
        return IPC_AUDIT_BEST_EFFORT;
    return recorder_works(control->recorder) ? IPC_AUDIT_REQUIRED : IPC_AUDIT_UNAVAILABLE;
}

void
recording_settle(struct control *control)
{
    const struct settings_recording *settings = &control->candidate->settings->recording;

    recorder_settle(control->recorder, settings);
    disk_settle(&control->disk, settings->reserve);
    /* Workers that are started from here on know from the beginning. */
    fleet_set_audit(&control->fleet, audit_now(control));
}

/* A record that repeats one of before is not parsed, unless somebody is told of it in words. */
static bool
take_repeat(struct control *control, const char *line, size_t len, const struct repeat *repeat,
        int64_t now)
{
    if (repeat == NULL || recorder_tells(control->recorder, repeat->facts.accepted))
        return false;
    (void)recorder_take(control->recorder, line, len, &repeat->facts, now, (int64_t)time(NULL));
    rates_count(control->rates, repeat->facts.interface, repeat->facts.accepted, repeat->reason,
            repeat->facts.time_ms);
    api_event(control->api, "decision", line, len);
    return true;
}

void
recording_take(struct control *control, const uint8_t *json, size_t len)
{
    const char *line = (const char *)json;
    const int64_t now = now_ms();
    const bool kept = disk_allows(&control->disk, DISK_INVENTORY);
    const struct repeat *repeat = kept ? peers_repeat(control->peers, line, len, now) : NULL;
    struct journal_facts facts;
    struct journal_entry entry;

    if (take_repeat(control, line, len, repeat, now))
        return;
    if (!journal_entry_parse(line, len, &entry)) {
        (void)recorder_take(control->recorder, line, len, NULL, now, (int64_t)time(NULL));
        return;
    }
    facts = journal_entry_facts(&entry);
    if (recorder_take(control->recorder, line, len, &facts, now, (int64_t)time(NULL)))
        recorder_tell_decision(control->recorder, &entry);
    if (kept && repeat == NULL)
        peers_take(control->peers, &entry, line, len, now);
    rates_take(control->rates, &entry);
    api_event(control->api, "decision", line, len);
    journal_entry_release(&entry);
}

static uint64_t
lost_by_workers(const struct control *control)
{
    struct metrics_page *pages[FLEET_MAX_POLLED + 1];
    const size_t count = fleet_pages(&control->fleet, pages);
    uint64_t lost = 0;

    for (size_t i = 0; i < count; i++)
        lost += pages[i] == NULL ? 0 : pages[i]->records_lost;
    return lost;
}

uint64_t
recording_lost(const struct control *control)
{
    return recorder_lost(control->recorder) + lost_by_workers(control);
}

void
recording_step(struct control *control, int64_t now_ms)
{
    if (control->recorder == NULL)
        return;
    disk_look(&control->disk, now_ms);
    recorder_allow(control->recorder,
            disk_allows(&control->disk, DISK_LOG) ||
                    !disk_holds(&control->disk, recorder_fd(control->recorder)));
    recorder_step(control->recorder, lost_by_workers(control), now_ms, (int64_t)time(NULL));
    fleet_set_audit(&control->fleet, audit_now(control));
}

int64_t
recording_next_ms(const struct control *control)
{
    int64_t next = control->recorder == NULL ? INT64_MAX : recorder_next_ms(control->recorder);

    /* While little is free, when there is more again. */
    if (!disk_allows(&control->disk, DISK_INVENTORY) && control->disk.look_ms < next)
        next = control->disk.look_ms;
    return next;
}

void
recording_make_room(struct control *control)
{
    disk_make_room(&control->disk);
}

void
recording_close(struct control *control)
{
    recorder_close(control->recorder);
    control->recorder = NULL;
    disk_release(&control->disk);
}
