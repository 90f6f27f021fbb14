#include "journal/words.h"

#include <string.h>
#include <syslog.h>

/* Longest line for syslog: RFC 5424 section 6.1 asks receivers for 2,048 octets, header included. */
#define MAX_WORDS 1800

void
journal_words(const struct journal_entry *entry, struct cg_buf *out)
{
    struct cg_buf text;

    cg_buf_init(&text, MAX_WORDS * 4);
    cg_buf_addf(&text, "%s %s on %s", entry->accepted ? "admitted" : "refused",
            entry->peer[0] == '\0' ? "a peer" : entry->peer, entry->interface);
    if (entry->class[0] != '\0' && strcmp(entry->class, "other") != 0)
        cg_buf_addf(&text, " as %s", entry->class);
    if (entry->level[0] != '\0')
        cg_buf_addf(&text, " at level %s%s", entry->level, entry->latched ? ", latched" : "");
    if (!entry->accepted)
        cg_buf_addf(&text, ": %s", entry->reason);
    for (size_t i = 0; i < json_array_size(entry->allowances); i++)
        cg_buf_addf(&text, "%s%s", i == 0 ? " by allowance " : ", ",
                json_string_value(json_array_get(entry->allowances, i)));
    cg_buf_addf(&text, " (incident %s", entry->incident);
    if (entry->resumed)
        cg_buf_addf(&text, ", resumed from %s", entry->decided_in);
    if (entry->subject[0] != '\0')
        cg_buf_addf(&text, ", certificate %s, SHA-256 %.16s", entry->subject, entry->sha256);
    cg_buf_add(&text, ")");
    if (!entry->accepted && entry->detail[0] != '\0')
        cg_buf_addf(&text, ": %s", entry->detail);
    journal_add_clean(out, cg_buf_text(&text));
    cg_buf_release(&text);
}

void
journal_syslog_open(const char *ident, bool perror)
{
    openlog(ident, LOG_PID | LOG_NDELAY | (perror ? LOG_PERROR : 0), LOG_AUTHPRIV);
}

bool
journal_syslog(const char *line, size_t len)
{
    struct journal_entry entry;
    struct cg_buf words;

    if (!journal_entry_parse(line, len, &entry))
        return false;
    cg_buf_init(&words, MAX_WORDS);
    journal_words(&entry, &words);
    syslog(entry.accepted ? LOG_INFO : LOG_NOTICE, "%s", cg_buf_text(&words));
    cg_buf_release(&words);
    journal_entry_release(&entry);
    return true;
}

void
journal_syslog_close(void)
{
    closelog();
}
