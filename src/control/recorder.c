#include "control/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "control/say.h"
#include "journal/journal.h"
#include "journal/teller.h"

struct waiting {
    struct waiting *next;
    size_t len;
    char line[];
};

struct recorder {
    struct journal_writer *writer;
    struct settings_recording settings;
    struct journal_teller tellers[SETTINGS_MAX_TOLD];
    bool allowed;
    bool failing; /* and that was said */
    int64_t retry_ms;
    struct waiting *first, *last;
    size_t waiting_bytes;
    uint64_t waiting;
    uint64_t lost, untold;
    uint64_t told_lost; /* lost in all when losses were told last */
    uint64_t elsewhere;
    int64_t tell_ms; /* no loss is told before */
    char cause[sizeof(((struct cg_error *)0)->text)];
};

/* ---- opening ----------------------------------------------------------------------------------- */

static struct journal_limits
limits_of(const struct settings_recording *settings)
{
    return (struct journal_limits) { .max_bytes = settings->max_bytes,
        .max_age_s = settings->max_age_s,
        .keep = settings->keep,
        .sync_each = settings->sync };
}

static struct journal_writer *
open_writer(
        const char *path, int fd, const struct settings_recording *settings, struct cg_error *err)
{
    const struct journal_limits limits = limits_of(settings);

    struct journal_writer *writer = NULL;

    if (strcmp(path, "stdout") != 0) {
        if (fd >= 0)
            writer = journal_open_at(path, fd, &limits, err);
        return writer != NULL ? writer : journal_open(path, &limits, err);
    }
    if (fd < 0)
        fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0)
        return journal_open_fd(fd, err);
    (void)snprintf(err->text, sizeof(err->text), "standard output: %s", strerror(errno));
    return NULL;
}

static void
settle_tellers(struct recorder *recorder)
{
    for (unsigned i = 0; i < recorder->settings.told_count; i++)
        journal_teller_init(&recorder->tellers[i],
                recorder->settings.told[i].kind == SETTINGS_SYSLOG ? JOURNAL_SYSLOG
                                                                   : JOURNAL_JOURNALD,
                recorder->settings.told[i].socket);
}

struct recorder *
recorder_open(const char *path, int fd, const struct settings_recording *settings)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    struct cg_error err = { "no memory" };

    if (recorder != NULL)
        recorder->writer = open_writer(path, fd, settings, &err);
    if (recorder == NULL || recorder->writer == NULL) {
        say("decision log %s cannot be opened: %s", path, err.text);
        free(recorder);
        return NULL;
    }
    recorder->settings = *settings;
    recorder->allowed = true;
    settle_tellers(recorder);
    return recorder;
}

void
recorder_settle(struct recorder *recorder, const struct settings_recording *settings)
{
    const struct journal_limits limits = limits_of(settings);

    for (unsigned i = 0; i < recorder->settings.told_count; i++)
        journal_teller_release(&recorder->tellers[i]);
    recorder->settings = *settings;
    settle_tellers(recorder);
    journal_set_limits(recorder->writer, &limits);
}

void
recorder_reopen(struct recorder *recorder)
{
    struct cg_error err;

    if (journal_reopen(recorder->writer, &err) != CG_OK)
        say("%s; the file that was written so far goes on", err.text);
}

/* ---- what waits -------------------------------------------------------------------------------- */

static void
put_off(struct recorder *recorder, const char *line, size_t len)
{
    struct waiting *it = NULL;

    if (recorder->waiting_bytes + len <= RECORDER_MAX_WAITING)
        it = malloc(sizeof(*it) + len);
    if (it == NULL) {
        recorder->lost++;
        return;
    }
    it->next = NULL;
    it->len = len;
    memcpy(it->line, line, len);
    if (recorder->last != NULL)
        recorder->last->next = it;
    else
        recorder->first = it;
    recorder->last = it;
    recorder->waiting_bytes += len;
    recorder->waiting++;
}

static void
drop_first(struct recorder *recorder)
{
    struct waiting *it = recorder->first;

    recorder->first = it->next;
    if (recorder->first == NULL)
        recorder->last = NULL;
    recorder->waiting_bytes -= it->len;
    recorder->waiting--;
    free(it);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void
note_failure(struct recorder *recorder, const char *cause, int64_t now_ms, int64_t clock)
{
    char text[sizeof(recorder->cause) + 128];

    (void)snprintf(recorder->cause, sizeof(recorder->cause), "%s", cause);
    recorder->retry_ms = now_ms + RECORDER_RETRY_MS;
    if (recorder->failing)
        return;
    recorder->failing = true;
    recorder->tell_ms = now_ms + RECORDER_TELL_MS;
    (void)snprintf(text, sizeof(text), "decisions cannot be recorded: %s; %s", recorder->cause,
            recorder->settings.required ? "new peers are refused until they can"
                                        : "records wait in memory, and are lost beyond 4 MB");
    recorder_tell(recorder, LOG_ERR, clock, "log", text);
}

static bool
write_line(struct recorder *recorder, const char *line, size_t len,
        const struct journal_facts *facts, int64_t now_ms, int64_t clock)
{
    struct cg_error err = { "" };
    enum journal_result result = facts == NULL /* it has waited */
            ? journal_write(recorder->writer, line, len, clock, &err)
            : journal_write_facts(recorder->writer, line, len, facts, clock, &err);

    if (result == JOURNAL_WRITTEN) {
        if (err.text[0] != '\0')
            say("%s", err.text);
        return true;
    }
    note_failure(recorder, err.text, now_ms, clock);
    return false;
}

bool
recorder_tells(const struct recorder *recorder, bool accepted)
{
    return recorder->settings.told_count != 0 && (!accepted || recorder->settings.told_accepted);
}

void
recorder_tell_decision(struct recorder *recorder, const struct journal_entry *entry)
{
    if (!recorder_tells(recorder, entry->accepted))
        return;
    for (unsigned i = 0; i < recorder->settings.told_count; i++)
        recorder->untold += !journal_tell_decision(&recorder->tellers[i], entry);
}

bool
recorder_take(struct recorder *recorder, const char *line, size_t len,
        const struct journal_facts *facts, int64_t now_ms, int64_t clock)
{
    /* No record that a worker of ours makes; waiting would not help it. */
    if (len > JOURNAL_MAX_LINE || memchr(line, '\n', len) != NULL) {
        recorder->lost++;
        (void)snprintf(recorder->cause, sizeof(recorder->cause), "it was no line of the log");
        return false;
    }
    /* In their order. */
    if (!recorder->allowed || recorder->first != NULL ||
            !write_line(recorder, line, len, facts, now_ms, clock))
        put_off(recorder, line, len);
    return true;
}

void
recorder_allow(struct recorder *recorder, bool allowed)
{
    if (allowed != recorder->allowed)
        recorder->retry_ms = 0;
    recorder->allowed = allowed;
}

/* ---- time -------------------------------------------------------------------------------------- */

static void
try_again(struct recorder *recorder, int64_t now_ms, int64_t clock)
{
    char text[128];

    if (!recorder->allowed) {
        note_failure(recorder,
                "the disk is nearly full, and the rest is kept for administrative changes", now_ms,
                clock);
        return;
    }
    while (recorder->first != NULL) {
        if (!write_line(recorder, recorder->first->line, recorder->first->len, NULL, now_ms, clock))
            return;
        drop_first(recorder);
    }
    if (!recorder->failing)
        return;
    recorder->failing = false;
    (void)snprintf(text, sizeof(text), "decisions are recorded again");
    recorder_tell(recorder, LOG_NOTICE, clock, "log", text);
}

static void
tell_losses(struct recorder *recorder, int64_t now_ms, int64_t clock)
{
    const uint64_t lost = recorder->lost + recorder->elsewhere, more = lost - recorder->told_lost;
    char text[sizeof(recorder->cause) + 128];

    if (more == 0 || now_ms < recorder->tell_ms)
        return;
    recorder->tell_ms = now_ms + RECORDER_TELL_MS;
    recorder->told_lost = lost;
    (void)snprintf(text, sizeof(text), "%llu decision record%s lost%s%s", (unsigned long long)more,
            more == 1 ? " was" : "s were", recorder->cause[0] == '\0' ? "" : ": ", recorder->cause);
    recorder_tell(recorder, LOG_ERR, clock, "loss", text);
}

void
recorder_step(struct recorder *recorder, uint64_t elsewhere, int64_t now_ms, int64_t clock)
{
    recorder->elsewhere = elsewhere;
    if ((recorder->first != NULL || recorder->failing || !recorder->allowed) &&
            now_ms >= recorder->retry_ms)
        try_again(recorder, now_ms, clock);
    tell_losses(recorder, now_ms, clock);
}

int64_t
recorder_next_ms(const struct recorder *recorder)
{
    int64_t next = INT64_MAX;

    if (recorder->first != NULL || recorder->failing || !recorder->allowed)
        next = recorder->retry_ms;
    if (recorder->lost + recorder->elsewhere != recorder->told_lost && recorder->tell_ms < next)
        next = recorder->tell_ms;
    return next;
}

void
recorder_tell(struct recorder *recorder, int priority, int64_t clock, const char *topic,
        const char *words)
{
    say("%s", words);
    for (unsigned i = 0; i < recorder->settings.told_count; i++)
        recorder->untold += !journal_tell(&recorder->tellers[i], priority, clock, topic, words);
}

/* ---- facts ------------------------------------------------------------------------------------- */

bool
recorder_works(const struct recorder *recorder)
{
    return recorder->allowed && !recorder->failing && recorder->first == NULL;
}

uint64_t
recorder_waiting(const struct recorder *recorder)
{
    return recorder->waiting;
}

uint64_t
recorder_lost(const struct recorder *recorder)
{
    return recorder->lost;
}

void
recorder_set_lost(struct recorder *recorder, uint64_t lost)
{
    recorder->lost = recorder->told_lost = lost;
}

uint64_t
recorder_untold(const struct recorder *recorder)
{
    return recorder->untold;
}

int
recorder_hand_over(struct recorder *recorder)
{
    journal_flush(recorder->writer);
    return journal_fd(recorder->writer);
}

int
recorder_fd(const struct recorder *recorder)
{
    return journal_fd(recorder->writer);
}

void
recorder_close(struct recorder *recorder)
{
    struct cg_error err;

    if (recorder == NULL)
        return;
    while (recorder->first != NULL) {
        if (recorder->allowed &&
                journal_write(recorder->writer, recorder->first->line, recorder->first->len,
                        (int64_t)time(NULL), &err) != JOURNAL_WRITTEN)
            recorder->allowed = false;
        recorder->lost += !recorder->allowed;
        drop_first(recorder);
    }
    if (recorder->lost != recorder->told_lost)
        say("%llu decision records are lost", (unsigned long long)recorder->lost);
    for (unsigned i = 0; i < recorder->settings.told_count; i++)
        journal_teller_release(&recorder->tellers[i]);
    if (journal_sync(recorder->writer, &err) != CG_OK)
        say("%s", err.text);
    journal_close(recorder->writer);
    free(recorder);
}
