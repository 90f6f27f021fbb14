/* Decision records in words. */
#ifndef JOURNAL_WORDS_H
#define JOURNAL_WORDS_H

#include "journal/entry.h"

/* Longest line for syslog: RFC 5424 section 6.1 asks receivers for 2,048 octets, header included. */
#define JOURNAL_MAX_WORDS 1800

/*
 * One line: "refused 192.0.2.1:5555 on web at level high: expired (CN=…, incident …)". Control characters are
 * taken out, so that it is fit for syslog and terminals.
 */
void journal_words(const struct journal_entry *entry, struct cg_buf *out);

/*
 * The whole story of one record, in paragraphs: who, from where, what was presented, the path, each check,
 * why, what to do, and the levels at which it would have passed.
 *
 * decided   the record in which a resumed session was decided, or NULL
 */
void journal_story(
        const struct journal_entry *entry, const struct journal_entry *decided, struct cg_buf *out);

#endif
