/* Decision records in words. */
#ifndef JOURNAL_WORDS_H
#define JOURNAL_WORDS_H

#include "journal/entry.h"

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

/*
 * Opens syslog(3) for decisions: facility authpriv, `ident` must stay. perror copies each line to standard
 * error too. journald reads the same socket.
 */
void journal_syslog_open(const char *ident, bool perror);
/*
 * One line a decision: notice for a refusal, info for an admission. False when the record cannot be put into
 * words. syslog(3) itself reports no loss, so it never stands in for the file where audit is required.
 */
bool journal_syslog(const char *line, size_t len);
void journal_syslog_close(void);

#endif
