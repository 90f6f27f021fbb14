/*
 * Questions to the whole decision log, its rotated files and the current one, newest record first, a page at a
 * time. Memory is bounded by the page's size; what one call may read is bounded by its budget.
 */
#ifndef JOURNAL_QUERY_H
#define JOURNAL_QUERY_H

#include "journal/filter.h"

/* Most records of one page. */
#define JOURNAL_MAX_PAGE 1000
/* A budget for a caller that others wait for: read in some tens of milliseconds. */
#define JOURNAL_SHORT_BUDGET (UINT64_C(64) * 1024 * 1024)
#define JOURNAL_TOKEN_SIZE 64
/* Records of one connection that are kept: one a class, and a few more while it lives. */
#define JOURNAL_MAX_TOLD 128

struct journal_query {
    struct journal_filter filter;
    const char
            *before; /* the token that the page before ended with; NULL or "": from the newest on */
    unsigned limit; /* 1 to JOURNAL_MAX_PAGE */
    uint64_t budget; /* octets that may be read; 0: as many as it takes */
};

struct journal_page {
    size_t count;
    char next
            [JOURNAL_TOKEN_SIZE]; /* "": there is no more. A page after this one may still be empty. */
    bool cut; /* the budget ended the page early: what was asked for may still come */
    uint64_t malformed; /* lines that are no decision record */
};

/* One record: the entry may be used until the call returns; its `json` may be kept by json_incref(). */
typedef void journal_take(
        void *arg, const struct journal_entry *entry, const char *line, size_t len);

/*
 * Gives the records that match, the newest first, in the opposite order of writing.
 *
 * A token stays good while files are rotated. Where its record has gone since, the next page begins with what is
 * not younger than it was.
 *
 * CG_E_USAGE: there is no log, or the token or the limit is none. A log that cannot be read to its end is
 * CG_E_USAGE too, with what was found before.
 */
CG_CHECKED enum cg_status journal_query_run(const char *path, const struct journal_query *query,
        journal_take *take, void *arg, struct journal_page *page, struct cg_error *err);

/* All that the log says of one connection. */
struct journal_incident {
    struct journal_entry entries[JOURNAL_MAX_TOLD]; /* in order of time */
    size_t count;
    size_t left_out; /* more than there is room for: the oldest ones */
    struct journal_entry decided; /* in which a resumed session was decided */
    bool has_decided;
};

/* CG_OK with count 0 when there is none. To be freed in any case; *out is NULL where that failed. */
CG_CHECKED enum cg_status journal_incident_find(const char *path, const char *incident,
        struct journal_incident **out, struct cg_error *err);
void journal_incident_free(struct journal_incident *found);
/* Its whole story in words, at most JOURNAL_MAX_STORY octets. */
#define JOURNAL_MAX_STORY (1024 * 1024)
void journal_incident_tell(const struct journal_incident *found, struct cg_buf *out);
/* Whether the text looks like one: 26 letters and digits. */
bool journal_is_incident(const char *text);

#endif
