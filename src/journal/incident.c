/* One connection: every record of it, and the one that a resumed session rests on. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "journal/query.h"
#include "journal/words.h"

struct search {
    struct journal_incident *found;
    const char *incident;
    bool origin;
};

bool
journal_is_incident(const char *text)
{
    return strlen(text) == JOURNAL_INCIDENT_LENGTH &&
            strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == JOURNAL_INCIDENT_LENGTH;
}

/* A second hold on what was read. */
static struct journal_entry
keep(const struct journal_entry *entry)
{
    struct journal_entry kept = *entry;

    (void)json_incref(kept.json);
    return kept;
}

/* The newest come first; of the origin the oldest counts, in which the session was decided. */
static void
take(void *arg, const struct journal_entry *entry, const char *line, size_t len)
{
    struct search *search = arg;
    struct journal_incident *found = search->found;

    (void)line;
    (void)len;
    if (strcmp(entry->incident, search->incident) != 0)
        return;
    if (search->origin && !entry->resumed) {
        if (found->has_decided)
            journal_entry_release(&found->decided);
        found->decided = keep(entry);
        found->has_decided = true;
    } else if (!search->origin && found->count < JOURNAL_MAX_TOLD) {
        found->entries[found->count++] = keep(entry);
    } else if (!search->origin) {
        found->left_out++;
    }
}

static enum cg_status
search(const char *path, const char *incident, bool origin, struct journal_incident *found,
        struct cg_error *err)
{
    struct search arg = { found, incident, origin };
    struct journal_query query = { .limit = JOURNAL_MAX_PAGE };
    struct journal_page page = { 0 };
    char before[JOURNAL_TOKEN_SIZE] = "";
    enum cg_status status;

    journal_filter_init(&query.filter);
    query.filter.incident = incident;
    query.before = before;
    do {
        status = journal_query_run(path, &query, take, &arg, &page, err);
        memcpy(before, page.next, sizeof(before));
    } while (status == CG_OK && before[0] != '\0');
    return status;
}

static void
reverse(struct journal_incident *found)
{
    for (size_t i = 0; i < found->count / 2; i++) {
        struct journal_entry other = found->entries[i];

        found->entries[i] = found->entries[found->count - 1 - i];
        found->entries[found->count - 1 - i] = other;
    }
}

static const char *
decided_in(const struct journal_incident *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->entries[i].resumed && found->entries[i].decided_in[0] != '\0')
            return found->entries[i].decided_in;
    return NULL;
}

enum cg_status
journal_incident_find(
        const char *path, const char *incident, struct journal_incident **out, struct cg_error *err)
{
    struct journal_incident *found = calloc(1, sizeof(*found));
    const char *origin;
    enum cg_status status;

    *out = NULL;
    if (found == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for an incident");
    status = search(path, incident, false, found, err);
    reverse(found);
    origin = decided_in(found);
    if (status == CG_OK && origin != NULL && strcmp(origin, incident) != 0)
        status = search(path, origin, true, found, err);
    if (status != CG_OK) {
        journal_incident_free(found);
        return status;
    }
    *out = found;
    return CG_OK;
}

void
journal_incident_free(struct journal_incident *found)
{
    if (found == NULL)
        return;
    for (size_t i = 0; i < found->count; i++)
        journal_entry_release(&found->entries[i]);
    if (found->has_decided)
        journal_entry_release(&found->decided);
    free(found);
}

void
journal_incident_tell(const struct journal_incident *found, struct cg_buf *out)
{
    const struct journal_entry *decided = found->has_decided ? &found->decided : NULL;

    if (found->count == 0)
        return;
    cg_buf_addf(out, "Incident %s", found->entries[0].incident);
    if (found->count > 1)
        cg_buf_addf(out, ": %zu decisions on one connection", found->count + found->left_out);
    cg_buf_add(out, "\n\n");
    if (found->left_out != 0)
        cg_buf_addf(out, "%zu earlier decisions of this connection are not told here.\n\n",
                found->left_out);
    for (size_t i = 0; i < found->count; i++) {
        if (found->count > 1)
            cg_buf_addf(out, "%sDecision %zu of %zu\n\n", i == 0 ? "" : "\n",
                    found->left_out + i + 1, found->left_out + found->count);
        journal_story(&found->entries[i], decided, out);
    }
    if (decided != NULL) {
        cg_buf_addf(out, "\nThe connection in which that session was decided, incident %s:\n\n",
                decided->incident);
        journal_story(decided, NULL, out);
    }
}
