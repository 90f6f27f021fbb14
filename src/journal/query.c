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
    struct index_filter wanted;
    struct journal_backward lines;
    struct index_reader *index; /* of the file that is read */
    uint64_t row; /* rows before it may be of lines that come */
    bool over; /* all that comes is older than what is wanted */
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

/* ---- the walk ---------------------------------------------------------------------------------- */

static bool
is_past(const struct walk *walk, int64_t time_ms)
{
    return walk->filter.since_ms > INT64_MIN + JOURNAL_DISORDER_MS && time_ms != INT64_MIN &&
            time_ms < walk->filter.since_ms - JOURNAL_DISORDER_MS;
}

/*
 * The line before, but for those that the index of the file rules out. Where the index says nothing about what
 * stands directly before, that is read.
 */
static enum journal_next
previous_in_file(struct walk *walk, const char **line, size_t *len)
{
    struct journal_backward *lines = &walk->lines;
    const struct index_row *row;

    while (walk->row != 0 && (row = index_reader_get(walk->index, walk->row - 1)) != NULL) {
        if (row->offset >= lines->end) {
            walk->row--;
            continue;
        }
        if (row->offset + row->len + 1 != lines->end)
            break;
        walk->over = is_past(walk, row->time_ms);
        if (walk->over || index_filter_may_have(&walk->wanted, row))
            break;
        journal_backward_skip(lines, row->offset);
        walk->row--;
    }
    return walk->over ? JOURNAL_END : journal_backward_next(lines, line, len);
}

static void
start_file(struct walk *walk, struct journal_file *file, uint64_t end)
{
    journal_backward_start(&walk->lines, file, end);
    walk->index = &file->index;
    walk->row = file->index.fd < 0 ? 0 : index_reader_find(&file->index, end);
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
        start_file(walk, &walk->files.at[i], place.offset);
        return true;
    }
    if (place.time_ms != INT64_MIN && place.time_ms < walk->filter.until_ms)
        walk->filter.until_ms = place.time_ms;
    return true;
}

/* The line before, over the ends of files. */
static enum journal_next
previous(struct walk *walk, const char **line, size_t *len)
{
    enum journal_next next = JOURNAL_END;

    while (walk->lines.file == NULL || (next = previous_in_file(walk, line, len)) == JOURNAL_END) {
        struct journal_file *file;

        if (walk->next == 0 || walk->over)
            return JOURNAL_END;
        file = &walk->files.at[--walk->next];
        start_file(walk, file, end_of(walk, file));
    }
    return next;
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
    index_filter_init(&walk.wanted, &walk.filter);
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
