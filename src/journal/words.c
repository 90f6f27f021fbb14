#include "journal/words.h"

#include <string.h>

void
journal_words(const struct journal_entry *entry, struct cg_buf *out)
{
    struct cg_buf text;

    cg_buf_init(&text, JOURNAL_MAX_WORDS * 4);
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
