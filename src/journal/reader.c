#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "journal/files.h"
#include "journal/journal.h"

/* Read at once; a line that is longer lets the buffer grow up to JOURNAL_MAX_LINE beside it. */
#define BUFFER_BYTES (JOURNAL_BLOCK_BYTES + JOURNAL_MAX_LINE + 1)

struct journal_reader {
    char *path;
    struct journal_files files; /* oldest first; the last one is the file itself, if there is one */
    size_t current;
    uint64_t offset; /* of what is read next in the current file */
    char *buffer;
    size_t begin, end; /* what of the buffer was read and not given yet */
    bool passing; /* within a line that is too long, or that begins before where we started */
    uint64_t passed;
    uint64_t row; /* of the index, that is perhaps of the next line */
    uint64_t silent; /* before this offset the index says nothing */
};

/* ---- opening ----------------------------------------------------------------------------------- */

struct journal_reader *
journal_reader_open(const char *path, bool rotated, struct cg_error *err)
{
    struct journal_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL || (reader->path = strdup(path)) == NULL ||
            (reader->buffer = malloc(BUFFER_BYTES)) == NULL) {
        (void)cg_fail(err, CG_E_NOMEM, "no memory to read %s", path);
        journal_reader_free(reader);
        return NULL;
    }
    if (journal_files_open(path, rotated, &reader->files, err) != CG_OK) {
        journal_reader_free(reader);
        return NULL;
    }
    return reader;
}

void
journal_reader_free(struct journal_reader *reader)
{
    if (reader == NULL)
        return;
    journal_files_release(&reader->files);
    free(reader->buffer);
    free(reader->path);
    free(reader);
}

/* ---- where to start ---------------------------------------------------------------------------- */

static void
start_at(struct journal_reader *reader, size_t source, uint64_t offset)
{
    char before = '\n';

    reader->current = source;
    reader->offset = offset;
    reader->begin = reader->end = 0;
    reader->row = reader->silent = 0;
    if (offset != 0)
        (void)!pread(reader->files.at[source].fd, &before, 1, (off_t)offset - 1);
    reader->passing = before != '\n';
}

uint64_t
journal_reader_bytes(const struct journal_reader *reader)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < reader->files.count; i++)
        sum += reader->files.at[i].size;
    return sum;
}

void
journal_reader_from_end(struct journal_reader *reader, uint64_t bytes)
{
    size_t i = reader->files.count;

    while (i > 1 && reader->files.at[i - 1].size < bytes)
        bytes -= reader->files.at[--i].size;
    i = i == 0 ? 0 : i - 1;
    start_at(reader, i, reader->files.at[i].size > bytes ? reader->files.at[i].size - bytes : 0);
}

void
journal_reader_at_end(struct journal_reader *reader)
{
    start_at(reader, reader->files.count - 1, reader->files.at[reader->files.count - 1].size);
}

void
journal_reader_from_time(struct journal_reader *reader, int64_t time_ms)
{
    const int64_t wanted =
            time_ms > INT64_MIN + JOURNAL_DISORDER_MS ? time_ms - JOURNAL_DISORDER_MS : INT64_MIN;
    uint64_t low, high;
    size_t i = 0;

    while (i + 1 < reader->files.count && reader->files.at[i].changed_ms < wanted)
        i++;
    journal_file_halve(&reader->files.at[i], wanted, reader->buffer, BUFFER_BYTES, &low, &high);
    start_at(reader, i, low);
}

/* ---- lines ------------------------------------------------------------------------------------- */

/* Reads on in the current file: octets, 0 at its end, -1. */
static ssize_t
fill(struct journal_reader *reader)
{
    ssize_t len;

    if (reader->begin != 0) {
        memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    do
        len = pread(reader->files.at[reader->current].fd, reader->buffer + reader->end,
                BUFFER_BYTES - reader->end, (off_t)reader->offset);
    while (len < 0 && errno == EINTR);
    if (len > 0) {
        reader->end += (size_t)len;
        reader->offset += (uint64_t)len;
    }
    return len;
}

/* A line without an end has filled the buffer: its rest is passed over as it comes. */
static void
pass_overlong(struct journal_reader *reader)
{
    if (!reader->passing)
        reader->passed++;
    reader->passing = true;
    reader->begin = reader->end = 0;
}

enum journal_next
journal_reader_next(struct journal_reader *reader, const char **line, size_t *len)
{
    size_t looked = 0;

    for (;;) {
        char *at = reader->buffer + reader->begin;
        char *newline = memchr(at + looked, '\n', reader->end - reader->begin - looked);
        ssize_t got;

        if (newline != NULL) {
            bool skip = reader->passing, overlong = newline - at > JOURNAL_MAX_LINE;

            reader->passing = false;
            reader->begin = (size_t)(newline + 1 - reader->buffer);
            looked = 0;
            reader->passed += overlong && !skip;
            if (skip || overlong)
                continue;
            *line = at;
            *len = (size_t)(newline - at);
            return JOURNAL_LINE;
        }
        looked = reader->end - reader->begin;
        if (looked > JOURNAL_MAX_LINE) {
            pass_overlong(reader);
            looked = 0;
        }
        got = fill(reader);
        if (got < 0)
            return JOURNAL_UNREADABLE;
        if (got > 0)
            continue;
        if (reader->current + 1 >= reader->files.count)
            return JOURNAL_END;
        reader->passed += reader->end != reader->begin && !reader->passing;
        start_at(reader, reader->current + 1, 0);
        looked = 0;
    }
}

/* The row of the line that begins here, or NULL. */
static const struct index_row *
row_at(struct journal_reader *reader, struct index_reader *index, uint64_t at)
{
    const struct index_row *row;

    if (at > index->last || at < reader->silent)
        return NULL;
    row = index_reader_get(index, reader->row);
    if (row == NULL || row->offset != at) {
        reader->row = index_reader_find(index, at);
        row = index_reader_get(index, reader->row);
    }
    if (row == NULL || row->offset == at)
        return row;
    reader->silent = row->offset;
    return NULL;
}

void
journal_reader_skip(struct journal_reader *reader, const struct index_filter *wanted)
{
    struct index_reader *index = &reader->files.at[reader->current].index;
    const uint64_t begins = reader->offset - (reader->end - reader->begin);
    const struct index_row *row;
    uint64_t at = begins;

    if (index->fd < 0 || reader->passing)
        return;
    while ((row = row_at(reader, index, at)) != NULL && !index_filter_may_have(wanted, row)) {
        at = row->offset + row->len + 1;
        reader->row++;
    }
    if (at - begins <= reader->end - reader->begin) {
        reader->begin += (size_t)(at - begins);
    } else {
        reader->offset = at;
        reader->begin = reader->end = 0;
    }
}

uint64_t
journal_reader_passed(const struct journal_reader *reader)
{
    return reader->passed;
}

size_t
journal_reader_torn(const struct journal_reader *reader)
{
    return reader->end - reader->begin;
}

/* Whether this name stands for the file that was read last. */
static bool
is_last(const struct journal_reader *reader, const char *path, struct stat *facts)
{
    const struct journal_file *last = &reader->files.at[reader->files.count - 1];

    return stat(path, facts) == 0 && facts->st_dev == last->device && facts->st_ino == last->inode;
}

/* Adds what came after the last file, which is FILE.1 now, or further back if we were slow. */
static bool
add_newer(struct journal_reader *reader)
{
    const size_t size = strlen(reader->path) + JOURNAL_SUFFIX_SIZE, before = reader->files.count;
    char *name = malloc(size);
    unsigned ours = 1;
    struct stat facts;

    if (name == NULL)
        return false;
    for (unsigned i = 1; i <= JOURNAL_MAX_KEEP; i++) {
        (void)snprintf(name, size, "%s.%u", reader->path, i);
        if (is_last(reader, name, &facts)) {
            ours = i;
            break;
        }
    }
    for (unsigned i = ours; i-- > 0;) {
        (void)snprintf(name, size, i == 0 ? "%s" : "%s.%u", reader->path, i);
        (void)journal_files_add(&reader->files, name);
    }
    free(name);
    return reader->files.count > before;
}

bool
journal_reader_renew(struct journal_reader *reader)
{
    const size_t before = reader->files.count;
    uint64_t given = reader->offset - (reader->end - reader->begin);
    struct stat facts;

    if (is_last(reader, reader->path, &facts)) {
        if ((uint64_t)facts.st_size >= reader->offset)
            return false;
        /* Half a line was taken back, or the file was emptied in its place: then all in it is new. */
        start_at(reader, before - 1, given <= (uint64_t)facts.st_size ? given : 0);
        return true;
    }
    if (!add_newer(reader))
        return false;
    journal_files_forget(&reader->files, before);
    start_at(reader, 0, 0);
    return true;
}
