#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "journal/entry.h"
#include "journal/index.h"
#include "journal/journal.h"

/* Room for the number of a rotated file. */
#define SUFFIX_SIZE 16
/* The time stands in a line's first octets. */
#define HEAD_BYTES 256

struct journal_writer {
    char *path; /* NULL: a descriptor, which is never rotated */
    int fd;
    struct journal_limits limits;
    uint64_t size;
    int64_t began; /* time of the first line, seconds; INT64_MAX while there is none */
    int64_t retry; /* no rotation before this time */
    struct index_writer index;
    bool torn; /* half a line could not be taken back: the next one starts with a newline */
};

static bool
is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

/* When the first line of a file was written, by what it says itself. */
static int64_t
first_time(int fd, const struct stat *facts)
{
    char head[HEAD_BYTES];
    ssize_t len = pread(fd, head, sizeof(head), 0);
    int64_t ms;

    if (len <= 0)
        return INT64_MAX;
    return journal_line_time(head, (size_t)len, &ms) ? ms / 1000 : (int64_t)facts->st_mtime;
}

/* Writes to this file from here on; a negative descriptor is one that could not be opened. */
static enum cg_status
take_fd(struct journal_writer *writer, int fd, struct cg_error *err)
{
    struct stat facts;
    char last = '\n';

    if (fd < 0 || fstat(fd, &facts) != 0 ||
            (S_ISREG(facts.st_mode) && facts.st_size != 0 &&
                    pread(fd, &last, 1, facts.st_size - 1) != 1)) {
        (void)cg_fail(err, CG_E_USAGE, "decision log %s cannot be opened: %s", writer->path,
                strerror(errno));
        if (fd >= 0)
            close(fd);
        return CG_E_USAGE;
    }
    journal_flush(writer);
    index_writer_close(&writer->index);
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = fd;
    index_writer_open(&writer->index, writer->path, fd);
    writer->size = S_ISREG(facts.st_mode) ? (uint64_t)facts.st_size : 0;
    writer->began = writer->size == 0 ? INT64_MAX : first_time(fd, &facts);
    writer->torn = last != '\n';
    /* At once, so that a reader does not wait for the next line; a full disk lets it wait. */
    if (writer->torn && write(fd, "\n", 1) == 1) {
        writer->torn = false;
        writer->size++;
    }
    return CG_OK;
}

static enum cg_status
take_file(struct journal_writer *writer, struct cg_error *err)
{
    return take_fd(writer, open(writer->path, O_CREAT | O_APPEND | O_RDWR | O_CLOEXEC, 0600), err);
}

static struct journal_writer *
new_writer(const char *path, const struct journal_limits *limits, struct cg_error *err)
{
    struct journal_writer *writer = calloc(1, sizeof(*writer));

    if (limits->keep < 1 || limits->keep > JOURNAL_MAX_KEEP) {
        (void)cg_fail(err, CG_E_USAGE, "between 1 and %d rotated files are kept, not %u",
                JOURNAL_MAX_KEEP, limits->keep);
        free(writer);
        return NULL;
    }
    if (writer == NULL || (writer->path = strdup(path)) == NULL) {
        (void)cg_fail(err, CG_E_NOMEM, "no memory for the decision log");
        free(writer);
        return NULL;
    }
    writer->fd = writer->index.fd = -1;
    writer->limits = *limits;
    return writer;
}

struct journal_writer *
journal_open(const char *path, const struct journal_limits *limits, struct cg_error *err)
{
    struct journal_writer *writer = new_writer(path, limits, err);

    if (writer != NULL && take_file(writer, err) != CG_OK) {
        journal_close(writer);
        writer = NULL;
    }
    return writer;
}

struct journal_writer *
journal_open_at(const char *path, int fd, const struct journal_limits *limits, struct cg_error *err)
{
    struct journal_writer *writer = new_writer(path, limits, err);

    if (writer == NULL) {
        close(fd);
    } else if (take_fd(writer, fd, err) != CG_OK) {
        journal_close(writer);
        writer = NULL;
    }
    return writer;
}

void
journal_set_limits(struct journal_writer *writer, const struct journal_limits *limits)
{
    writer->limits = *limits;
}

int
journal_fd(const struct journal_writer *writer)
{
    return writer->fd;
}

struct journal_writer *
journal_open_fd(int fd, struct cg_error *err)
{
    struct journal_writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL) {
        (void)cg_fail(err, CG_E_NOMEM, "no memory for the decision log");
        return NULL;
    }
    writer->fd = fd;
    writer->index.fd = -1;
    return writer;
}

void
journal_close(struct journal_writer *writer)
{
    if (writer == NULL)
        return;
    journal_flush(writer);
    index_writer_close(&writer->index);
    if (writer->fd >= 0)
        close(writer->fd);
    free(writer->path);
    free(writer);
}

/* Renaming is on the disk when its folder is. */
static void
sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

/* FILE.N-1 becomes FILE.N and so on; what was FILE.N is gone. */
static bool
shift_files(const struct journal_writer *writer)
{
    const size_t size = strlen(writer->path) + SUFFIX_SIZE;
    char *from = malloc(size), *to = malloc(size);
    bool ok = from != NULL && to != NULL;

    for (unsigned i = writer->limits.keep; ok && i > 0; i--) {
        (void)snprintf(to, size, "%s.%u", writer->path, i);
        if (i == 1)
            (void)snprintf(from, size, "%s", writer->path);
        else
            (void)snprintf(from, size, "%s.%u", writer->path, i - 1);
        ok = rename(from, to) == 0 || errno == ENOENT;
        if (ok)
            index_rename(from, to);
    }
    free(from);
    free(to);
    return ok;
}

static void
rotate(struct journal_writer *writer, int64_t now, struct cg_error *err)
{
    journal_flush(writer);
    if (!shift_files(writer)) {
        writer->retry = now + JOURNAL_RETRY_S;
        (void)cg_fail(err, CG_E_USAGE, "decision log %s cannot be rotated: %s", writer->path,
                strerror(errno));
        return;
    }
    if (take_file(writer, err) != CG_OK)
        writer->retry = now + JOURNAL_RETRY_S;
    if (writer->limits.sync_each)
        sync_folder(writer->path);
}

static bool
is_due(const struct journal_writer *writer, size_t more, int64_t now)
{
    const struct journal_limits *limits = &writer->limits;

    if (writer->path == NULL || writer->size == 0 || now < writer->retry)
        return false;
    return (limits->max_bytes != 0 && writer->size + more > limits->max_bytes) ||
            (limits->max_age_s != 0 && writer->began != INT64_MAX &&
                    now - writer->began >= limits->max_age_s);
}

/* Octets that went out: all of them, or fewer with errno. */
static size_t
write_parts(int fd, struct iovec *parts, int count)
{
    size_t done = 0;
    ssize_t n;

    while (count > 0) {
        n = writev(fd, parts, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
        while (count > 0 && (size_t)n >= parts->iov_len) {
            n -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + n;
            parts->iov_len -= (size_t)n;
        }
    }
    return done;
}

void
journal_flush(struct journal_writer *writer)
{
    index_writer_flush(&writer->index, writer->fd, writer->size);
}

static void
add_row(struct journal_writer *writer, const struct journal_facts *facts, uint64_t offset,
        size_t len)
{
    if (facts != NULL)
        index_writer_add(&writer->index, facts, offset, len);
    if (writer->index.count == JOURNAL_INDEX_BATCH)
        journal_flush(writer);
}

enum journal_result
journal_write_facts(struct journal_writer *writer, const char *line, size_t len,
        const struct journal_facts *facts, int64_t now, struct cg_error *err)
{
    char newline[] = "\n";
    struct iovec parts[] = { { newline, 1 }, { (char *)(uintptr_t)line, len }, { newline, 1 } };
    const int skip = writer->torn ? 0 : 1;
    const size_t wanted = len + 2 - (size_t)skip;
    size_t done;
    int error;

    if (err != NULL)
        err->text[0] = '\0';
    if (len > JOURNAL_MAX_LINE || memchr(line, '\n', len) != NULL) {
        (void)cg_fail(err, CG_E_LIMIT, "a record of %zu octets is no line of the log", len);
        return JOURNAL_FAILED;
    }
    if (is_due(writer, wanted, now))
        rotate(writer, now, err);
    done = write_parts(writer->fd, parts + skip, 3 - skip);
    error = errno;
    if (done == wanted && (!writer->limits.sync_each || fdatasync(writer->fd) == 0)) {
        writer->size += wanted;
        writer->torn = false;
        add_row(writer, facts, writer->size - len - 1, len);
        if (writer->began == INT64_MAX)
            writer->began = now;
        return JOURNAL_WRITTEN;
    }
    if (done == wanted)
        error = errno;
    /* What is reported as lost must not be found in the file, and half a line must not spoil the next. */
    if (done != 0 && (writer->path == NULL || ftruncate(writer->fd, (off_t)writer->size) != 0))
        writer->torn = true;
    (void)cg_fail(err, CG_E_USAGE, "decision log%s%s: %s", writer->path == NULL ? "" : " ",
            writer->path == NULL ? "" : writer->path, strerror(error));
    return is_full(error) ? JOURNAL_FULL : JOURNAL_FAILED;
}

enum journal_result
journal_write(struct journal_writer *writer, const char *line, size_t len, int64_t now,
        struct cg_error *err)
{
    struct journal_facts facts;
    struct journal_entry entry;
    enum journal_result result;

    if (!journal_entry_parse(line, len, &entry))
        return journal_write_facts(writer, line, len, NULL, now, err);
    facts = journal_entry_facts(&entry);
    result = journal_write_facts(writer, line, len, &facts, now, err);
    journal_entry_release(&entry);
    return result;
}

enum cg_status
journal_sync(struct journal_writer *writer, struct cg_error *err)
{
    /* A pipe or a terminal has nothing to sync. */
    if (fdatasync(writer->fd) == 0 || errno == EINVAL || errno == EROFS)
        return CG_OK;
    return cg_fail(err, CG_E_USAGE, "decision log cannot be put on the disk: %s", strerror(errno));
}

enum cg_status
journal_reopen(struct journal_writer *writer, struct cg_error *err)
{
    return writer->path == NULL ? CG_OK : take_file(writer, err);
}
