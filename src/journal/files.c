#include "journal/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "journal/entry.h"

bool
journal_files_add(struct journal_files *files, const char *path)
{
    struct journal_file file = { .fd = open(path, O_RDONLY | O_CLOEXEC) }, *grown;
    struct stat facts;

    if (file.fd < 0)
        return errno == ENOENT;
    if (fstat(file.fd, &facts) != 0) {
        close(file.fd);
        return false;
    }
    if (S_ISDIR(facts.st_mode)) {
        close(file.fd);
        errno = EISDIR;
        return false;
    }
    file.device = facts.st_dev;
    file.inode = facts.st_ino;
    file.size = S_ISREG(facts.st_mode) ? (uint64_t)facts.st_size : 0;
    file.changed_ms = (int64_t)facts.st_mtim.tv_sec * 1000 + facts.st_mtim.tv_nsec / 1000000;
    /* Renamed between two looks: the same file under its next name. */
    for (size_t i = 0; i < files->count; i++) {
        if (files->at[i].device == file.device && files->at[i].inode == file.inode) {
            close(file.fd);
            return true;
        }
    }
    grown = realloc(files->at, (files->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        close(file.fd);
        return false;
    }
    index_reader_open(&file.index, path, file.fd, file.size);
    files->at = grown;
    grown[files->count++] = file;
    return true;
}

enum cg_status
journal_files_open(const char *path, bool rotated, struct journal_files *out, struct cg_error *err)
{
    const size_t size = strlen(path) + JOURNAL_SUFFIX_SIZE;
    char *name = malloc(size);
    bool ok = name != NULL;

    *out = (struct journal_files) { 0 };
    /* Newest first: what is renamed meanwhile is then seen twice, not missed. */
    for (unsigned i = 0; ok && i <= (rotated ? JOURNAL_MAX_KEEP : 0); i++) {
        (void)snprintf(name, size, i == 0 ? "%s" : "%s.%u", path, i);
        ok = journal_files_add(out, name);
    }
    if (ok && out->count == 0) {
        errno = ENOENT;
        ok = false;
    }
    free(name);
    if (!ok) {
        (void)cg_fail(err, CG_E_USAGE, "%s: cannot be read: %s", path, strerror(errno));
        journal_files_release(out);
        return CG_E_USAGE;
    }
    for (size_t i = 0; i < out->count / 2; i++) {
        struct journal_file other = out->at[i];

        out->at[i] = out->at[out->count - 1 - i];
        out->at[out->count - 1 - i] = other;
    }
    return CG_OK;
}

void
journal_files_release(struct journal_files *files)
{
    journal_files_forget(files, files->count);
    free(files->at);
    *files = (struct journal_files) { 0 };
}

void
journal_files_forget(struct journal_files *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(files->at[i].fd);
        index_reader_close(&files->at[i].index);
    }
    files->count -= count;
    if (files->count != 0)
        memmove(files->at, files->at + count, files->count * sizeof(*files->at));
}

/* ---- moments ----------------------------------------------------------------------------------- */

/* The time of the first line that begins at or after an offset, and where that is. */
static bool
time_at(const struct journal_file *file, uint64_t offset, char *buffer, size_t size,
        uint64_t *begins, int64_t *ms)
{
    ssize_t len = pread(file->fd, buffer, size, (off_t)offset);
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
journal_file_halve(const struct journal_file *file, int64_t wanted_ms, char *buffer, size_t size,
        uint64_t *low, uint64_t *high)
{
    uint64_t begins = 0;
    int64_t ms;

    *low = 0;
    *high = file->size;
    while (*high - *low > JOURNAL_BLOCK_BYTES) {
        uint64_t middle = *low + (*high - *low) / 2;

        if (!time_at(file, middle, buffer, size, &begins, &ms) || begins >= *high ||
                ms >= wanted_ms)
            *high = middle;
        else
            *low = begins;
    }
}

/* ---- backwards --------------------------------------------------------------------------------- */

bool
journal_backward_init(struct journal_backward *at)
{
    *at = (struct journal_backward) { .buffer = malloc(JOURNAL_WINDOW_BYTES) };
    return at->buffer != NULL;
}

void
journal_backward_release(struct journal_backward *at)
{
    free(at->buffer);
    at->buffer = NULL;
}

void
journal_backward_start(struct journal_backward *at, const struct journal_file *file, uint64_t end)
{
    at->file = file;
    at->end = end;
    at->base = at->have = 0;
    /* Whether a line ends there is seen when it is read: the newline counts as part of what is passed. */
    at->passing = true;
}

void
journal_backward_skip(struct journal_backward *at, uint64_t begins)
{
    at->end = begins;
    at->passing = false;
}

/* Reads what stands before at->end; false when it cannot be read. What is not there any more is taken as passed. */
static bool
load(struct journal_backward *at)
{
    const uint64_t base = at->end > JOURNAL_WINDOW_BYTES ? at->end - JOURNAL_WINDOW_BYTES : 0;
    const size_t wanted = (size_t)(at->end - base);
    size_t have = 0;

    while (have < wanted) {
        ssize_t n = pread(at->file->fd, at->buffer + have, wanted - have, (off_t)(base + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    at->base = base;
    at->have = have;
    at->read += have;
    /* Half a line was taken back since the file was opened: nothing that was whole. */
    if (have < wanted) {
        at->end = base + have;
        at->passing = true;
    }
    return true;
}

/* The end of the line before is looked for; a line's own newline stands at end - 1. */
static const char *
newline_before(const struct journal_backward *at)
{
    const size_t own = at->passing ? 0 : 1;

    return memrchr(at->buffer, '\n', (size_t)(at->end - at->base) - own);
}

enum journal_next
journal_backward_next(struct journal_backward *at, const char **line, size_t *len)
{
    while (at->end != 0) {
        const char *newline = NULL;
        uint64_t begins = 0;

        if (at->end > at->base && at->end <= at->base + at->have)
            newline = newline_before(at);
        if (newline == NULL && (at->have == 0 || at->base != 0 || at->end > at->have)) {
            /* Not in the window: the window that ends here, unless it did already. */
            if (at->end == at->base + at->have && at->have == JOURNAL_WINDOW_BYTES) {
                at->passed += !at->passing;
                at->passing = true;
                at->end = at->base;
            }
            if (at->end != 0 && !load(at))
                return JOURNAL_UNREADABLE;
            continue;
        }
        if (newline != NULL)
            begins = at->base + (uint64_t)(newline - at->buffer) + 1;
        if (at->passing) {
            at->passing = false;
            at->end = begins;
            continue;
        }
        *line = at->buffer + (begins - at->base);
        *len = (size_t)(at->end - 1 - begins);
        at->end = begins;
        if (*len <= JOURNAL_MAX_LINE)
            return JOURNAL_LINE;
        at->passed++;
    }
    return JOURNAL_END;
}
