#include "control/decisions.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* The end of the log is looked at first, and four times as much while that is not enough. */
#define FIRST_BYTES (1024 * 1024)

/* The last `limit` matches that were met, in a ring. */
struct last {
    json_t **records;
    size_t limit;
    size_t count;
    bool reached; /* the record that only older ones are wanted of */
};

static void
keep(struct last *last, json_t *record)
{
    json_t **place = &last->records[last->count++ % last->limit];

    json_decref(*place);
    *place = json_incref(record);
}

static void
forget(struct last *last)
{
    for (size_t i = 0; i < last->limit; i++) {
        json_decref(last->records[i]);
        last->records[i] = NULL;
    }
    last->count = 0;
    last->reached = false;
}

static enum journal_next
walk(struct journal_reader *reader, const struct journal_filter *filter, const char *before,
        struct last *last)
{
    struct journal_notes notes = { 0 };
    struct journal_entry entry;
    enum journal_next next;
    const char *line;
    size_t len;

    while ((next = journal_next_match(reader, filter, &entry, &line, &len, &notes)) ==
            JOURNAL_LINE) {
        if (before != NULL && strcmp(entry.incident, before) == 0)
            last->reached = true;
        if (before == NULL || !last->reached)
            keep(last, entry.json);
        journal_entry_release(&entry);
        if (last->reached)
            return JOURNAL_END;
    }
    return next;
}

static json_t *
newest_first(const struct last *last)
{
    size_t count = last->count < last->limit ? last->count : last->limit;
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append(list, last->records[(last->count - 1 - i) % last->limit]);
    return list;
}

json_t *
decisions_find(const struct control *control, struct journal_filter *filter, const char *before,
        size_t limit, bool *more, struct cg_error *err)
{
    struct last last = { .records = calloc(limit + 1, sizeof(json_t *)), .limit = limit + 1 };
    const char *path = control->candidate->settings->log;
    struct journal_reader *reader = NULL;
    uint64_t all = 0, bytes = FIRST_BYTES;
    json_t *list = NULL;

    *more = false;
    if (strcmp(path, "stdout") == 0) {
        (void)cg_fail(err, CG_E_USAGE,
                "the decision log goes to standard output, where it cannot be read back");
        goto done;
    }
    do {
        if (last.records == NULL || (reader = journal_reader_open(path, true, err)) == NULL)
            goto done;
        forget(&last);
        all = journal_reader_bytes(reader);
        journal_reader_from_end(reader, bytes);
        if (walk(reader, filter, before, &last) == JOURNAL_UNREADABLE) {
            (void)cg_fail(err, CG_E_USAGE, "the decision log cannot be read");
            goto done;
        }
        journal_reader_free(reader);
        reader = NULL;
        bytes *= 4;
    } while (bytes / 4 < all && (last.count <= limit || (before != NULL && !last.reached)));
    *more = last.count > limit;
    list = newest_first(&last);
    if (*more)
        (void)json_array_remove(list, json_array_size(list) - 1);
done:
    journal_reader_free(reader);
    if (last.records != NULL)
        forget(&last);
    free(last.records);
    return list;
}

bool
decisions_certificate(const struct control *control, const char *incident,
        char out[2 * CG_SHA256_SIZE + 1], struct cg_error *err)
{
    struct journal_filter filter;
    const json_t *certificate;
    const char *sha256;
    bool more, found;
    json_t *list;

    journal_filter_init(&filter);
    filter.incident = incident;
    list = decisions_find(control, &filter, NULL, 1, &more, err);
    if (list == NULL)
        return false;
    certificate = json_object_get(json_array_get(list, 0), "certificate");
    sha256 = json_string_value(json_object_get(certificate, "sha256"));
    found = sha256 != NULL && strlen(sha256) == 2 * CG_SHA256_SIZE;
    if (found)
        (void)snprintf(out, 2 * CG_SHA256_SIZE + 1, "%s", sha256);
    else
        (void)cg_fail(
                err, CG_E_USAGE, "the log holds no incident %.64s with a certificate", incident);
    json_decref(list);
    return found;
}
