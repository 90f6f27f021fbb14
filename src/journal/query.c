#include "journal/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "journal/files.h"

/* Where a page goes on: before the record that begins there. */
struct place {
    ino_t inode;
    uint64_t offset;
    int64_t time_ms; /* of that record, which tells whether it is still the same file; INT64_MIN: it says none */
};

struct walk {
    const struct journal_query *query;
    struct journal_filter filter;
    struct journal_files files;
    struct journal_backward lines;
    size_t next; /* one more than the file that is read */
    struct journal_page *page;
    journal_take *take;
    void *arg;
};

/* ---- tokens ------------------------------------------------------------------------------------ */

static void
put_token(char *out, const struct place *place)
{
    (void)snprintf(out, JOURNAL_TOKEN_SIZE, "%" PRIx64 "-%" PRIx64 "-%" PRIx64,
            (uint64_t)place->inode, place->offset, (uint64_t)place->time_ms);
}

static bool
take_token(const char *text, struct place *out)
{
    uint64_t parts[3];
    char *end;

    for (size_t i = 0; i < 3; i++) {
        if (strspn(text, "0123456789abcdef") == 0 || strspn(text, "0123456789abcdef") > 16)
            return false;
        parts[i] = strtoull(text, &end, 16);
        if (*end != (i == 2 ? '\0' : '-'))
            return false;
        text = end + 1;
    }
    *out = (struct place) { (ino_t)parts[0], parts[1], (int64_t)parts[2] };
    return parts[1] <= INT64_MAX;
}

static int64_t
time_of(const char *line, size_t len)
{
    int64_t ms;

    return journal_line_time(line, len, &ms) ? ms : INT64_MIN;
}

/* Whether the record that the token tells of still begins there. */
static bool
is_at(const struct journal_file *file, const struct place *place)
{
    char head[129];
    ssize_t len;
    size_t before = place->offset != 0;

    if (file->inode != place->inode)
        return false;
    len = pread(file->fd, head, sizeof(head) - 1, (off_t)(place->offset - before));
    return len > (ssize_t)before && (before == 0 || head[0] == '\n') &&
            time_of(head + before, (size_t)len - before) == place->time_ms;
}

/* ---- where to start ---------------------------------------------------------------------------- */

/* Lines at or after it are younger than what is wanted, as far as lines are in order. */
static uint64_t
end_of(struct walk *walk, const struct journal_file *file)
{
    uint64_t low, high;

    if (walk->filter.until_ms >= INT64_MAX - JOURNAL_DISORDER_MS || file->size == 0)
        return file->size;
    journal_file_halve(file, walk->filter.until_ms + JOURNAL_DISORDER_MS + 1, walk->lines.buffer,
            JOURNAL_WINDOW_BYTES, &low, &high);
    return high;
}

static bool
start(struct walk *walk, struct cg_error *err)
{
    const char *before = walk->query->before;
    struct place place;

    walk->next = walk->files.count;
    if (before == NULL || before[0] == '\0')
        return true;
    if (!take_token(before, &place)) {
        (void)cg_fail(err, CG_E_USAGE, "'%s' is not where a page ended", before);
        return false;
    }
    for (size_t i = walk->files.count; i-- > 0;) {
        if (!is_at(&walk->files.at[i], &place))
            continue;
        walk->next = i;
        journal_backward_start(&walk->lines, &walk->files.at[i], place.offset);
        return true;
    }
    if (place.time_ms != INT64_MIN && place.time_ms < walk->filter.until_ms)
        walk->filter.until_ms = place.time_ms;
    return true;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

/* The line before, over the ends of files. */
static enum journal_next
previous(struct walk *walk, const char **line, size_t *len)
{
    enum journal_next next = JOURNAL_END;

    while (walk->lines.file == NULL ||
            (next = journal_backward_next(&walk->lines, line, len)) == JOURNAL_END) {
        const struct journal_file *file;

        if (walk->next == 0)
            return JOURNAL_END;
        file = &walk->files.at[--walk->next];
        journal_backward_start(&walk->lines, file, end_of(walk, file));
    }
    return next;
}

static bool
is_past(const struct walk *walk, int64_t time_ms)
{
    return walk->filter.since_ms > INT64_MIN + JOURNAL_DISORDER_MS && time_ms != INT64_MIN &&
            time_ms < walk->filter.since_ms - JOURNAL_DISORDER_MS;
}

/* One line; true when it was a match. */
static bool
look_at(struct walk *walk, const char *line, size_t len)
{
    struct journal_entry entry;
    bool match;

    if (len == 0 || !journal_filter_may_have(&walk->filter, line, len))
        return false;
    if (!journal_entry_parse(line, len, &entry)) {
        walk->page->malformed++;
        return false;
    }
    match = journal_filter_has(&walk->filter, &entry);
    if (match)
        walk->take(walk->arg, &entry, line, len);
    journal_entry_release(&entry);
    return match;
}

static enum journal_next
go(struct walk *walk)
{
    const struct journal_query *query = walk->query;
    struct journal_page *page = walk->page;
    struct place place;
    enum journal_next next;
    const char *line;
    size_t len;

    while ((next = previous(walk, &line, &len)) == JOURNAL_LINE) {
        place = (struct place) { walk->lines.file->inode, walk->lines.end, time_of(line, len) };
        if (is_past(walk, place.time_ms))
            return JOURNAL_END;
        page->count += look_at(walk, line, len);
        if (page->count == query->limit ||
                (query->budget != 0 && walk->lines.read >= query->budget)) {
            if (walk->next != 0 || place.offset != 0)
                put_token(page->next, &place);
            page->cut = page->count < query->limit && page->next[0] != '\0';
            break;
        }
    }
    return next;
}

enum cg_status
journal_query_run(const char *path, const struct journal_query *query, journal_take *take,
        void *arg, struct journal_page *page, struct cg_error *err)
{
    struct walk walk = {
        .query = query, .filter = query->filter, .page = page, .take = take, .arg = arg
    };
    enum cg_status status;

    *page = (struct journal_page) { 0 };
    if (query->limit < 1 || query->limit > JOURNAL_MAX_PAGE)
        return cg_fail(err, CG_E_USAGE, "a page has 1 to %d records", JOURNAL_MAX_PAGE);
    status = journal_files_open(path, true, &walk.files, err);
    if (status != CG_OK)
        return status;
    if (!journal_backward_init(&walk.lines))
        status = cg_fail(err, CG_E_NOMEM, "no memory to read %s", path);
    else if (!start(&walk, err))
        status = CG_E_USAGE;
    else if (go(&walk) == JOURNAL_UNREADABLE)
        status = cg_fail(err, CG_E_USAGE, "%s: cannot be read to its end", path);
    journal_backward_release(&walk.lines);
    journal_files_release(&walk.files);
    return status;
}
