/*
 * Decision records on their way to the log: written with rotation, told to syslog and journald, kept in memory
 * for a while when the disk does not take them, and counted when they are lost. docs/decisions/0015-recording.md
 * has the reasons.
 */
#ifndef CONTROL_RECORDER_H
#define CONTROL_RECORDER_H

#include "journal/entry.h"
#include "settings/recording.h"

/* Records that wait for the disk: octets of lines. Those that find no room are lost; the oldest stay. */
#define RECORDER_MAX_WAITING ((size_t)4 * 1024 * 1024)
/* A log that could not be written is tried again after it. */
#define RECORDER_RETRY_MS 1000
/* Losses are told at most once in this time. */
#define RECORDER_TELL_MS 60000

struct recorder;

/*
 * path   of the log, or "stdout"
 * fd     the log as it was handed over by the certgated before, which becomes the recorder's, or -1: it is opened
 *
 * NULL after saying why.
 */
struct recorder *recorder_open(const char *path, int fd, const struct settings_recording *settings);
/* Tries a last time to write what waits. NULL is allowed for this one. */
void recorder_close(struct recorder *recorder);

/* From here on by these settings, which are copied. */
void recorder_settle(struct recorder *recorder, const struct settings_recording *settings);
/* Another program may have renamed the log: goes on in the file that has its name now. */
void recorder_reopen(struct recorder *recorder);
/* Whether the log may use the disk. False: what little is left is for others, and records wait. */
void recorder_allow(struct recorder *recorder, bool allowed);

/*
 * One record: a JSON object without a newline. facts is what it says, or NULL where that is not known. False when it
 * can be no line of the log: then it is counted as lost.
 */
bool recorder_take(struct recorder *recorder, const char *line, size_t len,
        const struct journal_facts *facts, int64_t now_ms, int64_t clock);
/* Whether such a decision is told elsewhere, in words. */
bool recorder_tells(const struct recorder *recorder, bool accepted);
/* Tells it where that is so. */
void recorder_tell_decision(struct recorder *recorder, const struct journal_entry *entry);
/*
 * Tries again, and tells what was lost.
 *
 * elsewhere   records that were lost before they came here, in all: workers count them
 */
void recorder_step(struct recorder *recorder, uint64_t elsewhere, int64_t now_ms, int64_t clock);
/* When recorder_step() wants to be called next; INT64_MAX: not before something happens. */
int64_t recorder_next_ms(const struct recorder *recorder);

/* Anything that an administrator is to see where decisions are told, and on standard error. */
void recorder_tell(struct recorder *recorder, int priority, int64_t clock, const char *topic,
        const char *words);

/* False while a record could not be written at once. */
bool recorder_works(const struct recorder *recorder);
/* Records that wait for the disk. */
uint64_t recorder_waiting(const struct recorder *recorder);
/* Lost here since the start, and told to nobody by syslog or journald. */
uint64_t recorder_lost(const struct recorder *recorder);
void recorder_set_lost(struct recorder *recorder, uint64_t lost);
uint64_t recorder_untold(const struct recorder *recorder);
/* The log itself, borrowed; and so that another process can go on with it. */
int recorder_fd(const struct recorder *recorder);
int recorder_hand_over(struct recorder *recorder);

#endif
