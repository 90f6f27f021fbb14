#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "journal/entry.h"
#include "journal/journal.h"

/* Read at once; a line that is longer lets the buffer grow up to JOURNAL_MAX_LINE beside it. */
#define BLOCK_BYTES ((size_t)512 * 1024)
#define BUFFER_BYTES (BLOCK_BYTES + JOURNAL_MAX_LINE + 1)
/* Room for the number of a rotated file. */
#define SUFFIX_SIZE 16

struct source {
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t size; /* when it was opened */
    int64_t changed_ms; /* last change */
};

struct journal_reader {
    char *path;
    struct source *sources; /* oldest first; the last one is the file itself, if there is one */
    size_t count;
    size_t current;
    uint64_t offset; /* of what is read next in the current file */
    char *buffer;
    size_t begin, end; /* what of the buffer was read and not given yet */
    bool passing; /* within a line that is too long, or that begins before where we started */
    uint64_t passed;
};

/* ---- opening ----------------------------------------------------------------------------------- */

static bool
add_source(struct journal_reader *reader, const char *path)
{
    struct source source = { .fd = open(path, O_RDONLY | O_CLOEXEC) }, *grown;
    struct stat facts;

    if (source.fd < 0)
        return errno == ENOENT;
    if (fstat(source.fd, &facts) != 0) {
        close(source.fd);
        return false;
    }
    if (S_ISDIR(facts.st_mode)) {
        close(source.fd);
        errno = EISDIR;
        return false;
    }
    source.device = facts.st_dev;
    source.inode = facts.st_ino;
    source.size = S_ISREG(facts.st_mode) ? (uint64_t)facts.st_size : 0;
    source.changed_ms = (int64_t)facts.st_mtim.tv_sec * 1000 + facts.st_mtim.tv_nsec / 1000000;
    /* Renamed between two looks: the same file under its next name. */
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->sources[i].device == source.device &&
                reader->sources[i].inode == source.inode) {
            close(source.fd);
            return true;
        }
    }
    grown = realloc(reader->sources, (reader->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        close(source.fd);
        return false;
    }
    reader->sources = grown;
    grown[reader->count++] = source;
    return true;
}

struct journal_reader *
journal_reader_open(const char *path, bool rotated, struct cg_error *err)
{
    const size_t size = strlen(path) + SUFFIX_SIZE;
    struct journal_reader *reader = calloc(1, sizeof(*reader));
    char *name = malloc(size);
    bool ok = reader != NULL && name != NULL && (reader->path = strdup(path)) != NULL &&
            (reader->buffer = malloc(BUFFER_BYTES)) != NULL;

    /* Newest first: what is renamed meanwhile is then seen twice, not missed. */
    for (unsigned i = 0; ok && i <= (rotated ? JOURNAL_MAX_KEEP : 0); i++) {
        (void)snprintf(name, size, i == 0 ? "%s" : "%s.%u", path, i);
        ok = add_source(reader, name);
    }
    if (ok && reader->count == 0) {
        errno = ENOENT;
        ok = false;
    }
    if (!ok) {
        (void)cg_fail(err, CG_E_USAGE, "%s: cannot be read: %s", path, strerror(errno));
        journal_reader_free(reader);
        reader = NULL;
    }
    for (size_t i = 0; ok && i < reader->count / 2; i++) {
        struct source other = reader->sources[i];

        reader->sources[i] = reader->sources[reader->count - 1 - i];
        reader->sources[reader->count - 1 - i] = other;
    }
    free(name);
    return reader;
}

void
journal_reader_free(struct journal_reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t i = 0; i < reader->count; i++)
        close(reader->sources[i].fd);
    free(reader->sources);
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
    if (offset != 0)
        (void)!pread(reader->sources[source].fd, &before, 1, (off_t)offset - 1);
    reader->passing = before != '\n';
}

uint64_t
journal_reader_bytes(const struct journal_reader *reader)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < reader->count; i++)
        sum += reader->sources[i].size;
    return sum;
}

void
journal_reader_from_end(struct journal_reader *reader, uint64_t bytes)
{
    size_t i = reader->count;

    while (i > 1 && reader->sources[i - 1].size < bytes)
        bytes -= reader->sources[--i].size;
    i = i == 0 ? 0 : i - 1;
    start_at(reader, i, reader->sources[i].size > bytes ? reader->sources[i].size - bytes : 0);
}

void
journal_reader_at_end(struct journal_reader *reader)
{
    start_at(reader, reader->count - 1, reader->sources[reader->count - 1].size);
}

/* The time of the first line that begins at or after an offset, and where that is. */
static bool
time_at(const struct source *source, uint64_t offset, char *buffer, uint64_t *begins, int64_t *ms)
{
    ssize_t len = pread(source->fd, buffer, BUFFER_BYTES, (off_t)offset);
    const char *at = buffer, *end = buffer + (len < 0 ? 0 : len), *newline;

    if (offset != 0) {
        newline = memchr(at, '\n', (size_t)(end - at));
        at = newline == NULL ? end : newline + 1;
    }
    /* A line that says no time does not count. */
    while (at < end && !journal_line_time(at, (size_t)(end - at), ms)) {
        newline = memchr(at, '\n', (size_t)(end - at));
        at = newline == NULL ? end : newline + 1;
    }
    *begins = offset + (uint64_t)(at - buffer);
    return at < end;
}

void
journal_reader_from_time(struct journal_reader *reader, int64_t time_ms)
{
    const int64_t wanted =
            time_ms > INT64_MIN + JOURNAL_DISORDER_MS ? time_ms - JOURNAL_DISORDER_MS : INT64_MIN;
    const struct source *source;
    uint64_t low = 0, high, begins = 0;
    size_t i = 0;
    int64_t ms;

    while (i + 1 < reader->count && reader->sources[i].changed_ms < wanted)
        i++;
    source = &reader->sources[i];
    high = source->size;
    /* Lines that begin before low are older; from high on they are not, as far as we know. */
    while (high - low > BLOCK_BYTES) {
        uint64_t middle = low + (high - low) / 2;

        if (!time_at(source, middle, reader->buffer, &begins, &ms) || begins >= high ||
                ms >= wanted)
            high = middle;
        else
            low = begins;
    }
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
        len = pread(reader->sources[reader->current].fd, reader->buffer + reader->end,
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
        if (reader->current + 1 >= reader->count)
            return JOURNAL_END;
        reader->passed += reader->end != reader->begin && !reader->passing;
        start_at(reader, reader->current + 1, 0);
        looked = 0;
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
    const struct source *last = &reader->sources[reader->count - 1];

    return stat(path, facts) == 0 && facts->st_dev == last->device && facts->st_ino == last->inode;
}

/* Adds what came after the last file, which is FILE.1 now, or further back if we were slow. */
static bool
add_newer(struct journal_reader *reader)
{
    const size_t size = strlen(reader->path) + SUFFIX_SIZE, before = reader->count;
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
        (void)add_source(reader, name);
    }
    free(name);
    return reader->count > before;
}

bool
journal_reader_renew(struct journal_reader *reader)
{
    const size_t before = reader->count;
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
    for (size_t i = 0; i < before; i++)
        close(reader->sources[i].fd);
    reader->count -= before;
    memmove(reader->sources, reader->sources + before, reader->count * sizeof(*reader->sources));
    start_at(reader, 0, 0);
    return true;
}
