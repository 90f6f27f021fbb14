/*
 * Decisions told elsewhere than in the log: to syslog (RFC 3164 section 4.1, as syslog(3) writes it) or journald
 * (its native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), by datagrams that never wait. Whether
 * anybody took them is not known, so that they never stand in for the log.
 */
#ifndef JOURNAL_TELLER_H
#define JOURNAL_TELLER_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/entry.h"

enum journal_teller_kind { JOURNAL_SYSLOG, JOURNAL_JOURNALD };

struct journal_teller {
    enum journal_teller_kind kind;
    const char *socket; /* borrowed path */
    int fd; /* -1: to be connected when there is something to say */
};

void journal_teller_init(
        struct journal_teller *teller, enum journal_teller_kind kind, const char *socket);
void journal_teller_release(struct journal_teller *teller);

/*
 * A decision in one line of words: priority notice for a refusal, info for an admission; with journald its members
 * as fields too, CERTGATE_INCIDENT and so on. False when it could not be handed over.
 */
bool journal_tell_decision(struct journal_teller *teller, const struct journal_entry *entry);
/*
 * Anything else that an administrator is to see. `priority` is of <syslog.h>, `time` in seconds since 1970; the
 * topic becomes CERTGATE_TOPIC.
 */
bool journal_tell(struct journal_teller *teller, int priority, int64_t time, const char *topic,
        const char *words);

#endif
