#include "journal/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x3130305844494743) /* "CGIDX001", and the order of octets with it */
/* Enough of a line to see its time. */
#define HEAD_BYTES 128

struct header {
    uint64_t magic;
    uint64_t inode; /* of the file that it is of */
};

/* ---- rows -------------------------------------------------------------------------------------- */

/* FNV-1a, 32 bits; never 0 but for no text. */
static uint32_t
hash(const char *text)
{
    uint32_t value = 2166136261u;

    if (text[0] == '\0')
        return 0;
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * 16777619u;
    return value == 0 ? 1 : value;
}

static uint16_t
short_hash(const char *text)
{
    uint32_t value = hash(text);

    return (uint16_t)(value ^ value >> 16);
}

/* Up to eight hex digits in front, the rest zero; how many there were. */
static unsigned
first_digits(const char *text, uint32_t *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned count = 0;
    const char *digit;

    *out = 0;
    for (; count < 8 && text[count] != '\0' && (digit = strchr(digits, text[count])) != NULL;
            count++)
        *out |= (uint32_t)(digit - digits) << (28 - 4 * count);
    return count;
}

static struct index_row
row_of(const struct journal_facts *facts, uint64_t offset, size_t len)
{
    struct index_row row = { .time_ms = facts->time_ms,
        .offset = offset,
        .len = (uint32_t)len,
        .incident = hash(facts->incident),
        .decided_in = hash(facts->decided_in),
        .interface = short_hash(facts->interface),
        .class = short_hash(facts->class),
        .reason = short_hash(facts->reason),
        .flags = facts->accepted ? INDEX_ACCEPTED : 0 };

    if (facts->sha256[0] != '\0')
        row.flags |= INDEX_SHA256;
    if (first_digits(facts->sha256, &row.sha256) < 8)
        row.flags |= INDEX_ODD;
    if (journal_peer_octets(facts->peer, row.address))
        row.flags |= INDEX_ADDRESS;
    return row;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static bool
fits(int fd, const struct stat *log)
{
    struct header header;
    struct stat facts;

    return fstat(fd, &facts) == 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
            header.magic == MAGIC && header.inode == log->st_ino &&
            ((size_t)facts.st_size - sizeof(header)) % sizeof(struct index_row) == 0;
}

static bool
begin(int fd, const struct stat *log)
{
    const struct header header = { MAGIC, log->st_ino };

    return ftruncate(fd, 0) == 0 && write(fd, &header, sizeof(header)) == sizeof(header);
}

static char *
index_path(const char *path)
{
    char *out;

    return asprintf(&out, "%s" JOURNAL_INDEX_SUFFIX, path) < 0 ? NULL : out;
}

void
index_writer_open(struct index_writer *index, const char *path, int log)
{
    char *name = index_path(path);
    struct stat facts;

    index->count = 0;
    index->fd = -1;
    if (name != NULL && fstat(log, &facts) == 0 && S_ISREG(facts.st_mode))
        index->fd = open(name, O_CREAT | O_APPEND | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (index->fd >= 0 && !fits(index->fd, &facts) && !begin(index->fd, &facts))
        index_writer_close(index);
    free(name);
}

void
index_writer_close(struct index_writer *index)
{
    if (index->fd >= 0)
        close(index->fd);
    index->fd = -1;
    index->count = 0;
}

void
index_writer_add(
        struct index_writer *index, const struct journal_facts *facts, uint64_t offset, size_t len)
{
    if (index->fd >= 0 && index->count < JOURNAL_INDEX_BATCH)
        index->rows[index->count++] = row_of(facts, offset, len);
}

void
index_writer_flush(struct index_writer *index, int log, uint64_t size)
{
    const size_t wanted = index->count * sizeof(*index->rows);
    struct stat facts, own;
    ssize_t done;

    if (index->fd < 0 || index->count == 0)
        return;
    index->count = 0;
    if (fstat(log, &facts) != 0 || fstat(index->fd, &own) != 0)
        return;
    /* Somebody has emptied the file in its place: the rows are of lines that are no more. */
    if ((uint64_t)facts.st_size != size) {
        if (!begin(index->fd, &facts))
            index_writer_close(index);
        return;
    }
    do
        done = write(index->fd, index->rows, wanted);
    while (done < 0 && errno == EINTR);
    /* A row that was cut would shift all that come: none of these, then, and the lines are read instead. */
    if (done != (ssize_t)wanted && ftruncate(index->fd, own.st_size) != 0)
        index_writer_close(index);
}

void
index_rename(const char *from, const char *to)
{
    char *old = index_path(from), *new = index_path(to);

    if (old != NULL && new != NULL && rename(old, new) != 0)
        (void)unlink(new);
    free(old);
    free(new);
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* Whether the line of a row is where it says: the file may have been emptied and begun anew. */
static bool
is_true(const struct index_row *row, int log, uint64_t size)
{
    char head[HEAD_BYTES];
    ssize_t len = pread(log, head, sizeof(head), (off_t)row->offset);
    int64_t ms;

    return row->offset + row->len + 1 <= size && len > 0 &&
            journal_line_time(head, (size_t)len, &ms) && ms == row->time_ms;
}

void
index_reader_open(struct index_reader *index, const char *path, int log, uint64_t size)
{
    const struct index_row *row;
    char *name = index_path(path);
    struct stat facts, own;

    *index = (struct index_reader) { .fd = -1 };
    if (name != NULL && fstat(log, &facts) == 0 && S_ISREG(facts.st_mode))
        index->fd = open(name, O_RDONLY | O_CLOEXEC);
    free(name);
    if (index->fd < 0)
        return;
    if (fstat(index->fd, &own) == 0 && own.st_size > (off_t)sizeof(struct header))
        index->count = ((uint64_t)own.st_size - sizeof(struct header)) / sizeof(struct index_row);
    index->chunk = malloc(JOURNAL_INDEX_CHUNK * sizeof(*index->chunk));
    if (index->chunk == NULL || index->count == 0 || !fits(index->fd, &facts) ||
            (row = index_reader_get(index, 0)) == NULL || !is_true(row, log, size) ||
            (row = index_reader_get(index, index->count - 1)) == NULL || !is_true(row, log, size)) {
        index_reader_close(index);
        return;
    }
    index->last = row->offset;
}

void
index_reader_close(struct index_reader *index)
{
    if (index->fd >= 0)
        close(index->fd);
    free(index->chunk);
    *index = (struct index_reader) { .fd = -1, .read = index->read };
}

const struct index_row *
index_reader_get(struct index_reader *index, uint64_t i)
{
    const uint64_t first = i - i % JOURNAL_INDEX_CHUNK;
    ssize_t len;

    if (i >= index->count)
        return NULL;
    if (index->have == 0 || first != index->first) {
        len = pread(index->fd, index->chunk, JOURNAL_INDEX_CHUNK * sizeof(*index->chunk),
                (off_t)(sizeof(struct header) + first * sizeof(*index->chunk)));
        index->have = len < 0 ? 0 : (size_t)len / sizeof(*index->chunk);
        index->first = first;
        index->read += len < 0 ? 0 : (uint64_t)len;
    }
    return i - index->first < index->have ? &index->chunk[i - index->first] : NULL;
}

uint64_t
index_reader_find(struct index_reader *index, uint64_t offset)
{
    uint64_t low = 0, high = index->count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct index_row *row = index_reader_get(index, middle);

        if (row == NULL)
            return index->count;
        if (row->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- filters ----------------------------------------------------------------------------------- */

void
index_filter_init(struct index_filter *out, const struct journal_filter *filter)
{
    unsigned digits;

    *out = (struct index_filter) { .filter = filter };
    for (size_t i = 0; i < filter->interface_count; i++)
        out->interfaces[i] = short_hash(filter->interfaces[i]);
    out->class = filter->class == NULL ? 0 : short_hash(filter->class);
    out->reason = filter->reason == NULL ? 0 : short_hash(filter->reason);
    out->incident = filter->incident == NULL ? 0 : hash(filter->incident);
    if (filter->sha256 == NULL)
        return;
    digits = first_digits(filter->sha256, &out->sha256);
    out->sha256_mask = digits == 0 ? 0 : UINT32_MAX << (32 - 4 * digits);
}

static bool
on_interface(const struct index_filter *wanted, const struct index_row *row)
{
    for (size_t i = 0; i < wanted->filter->interface_count; i++)
        if (wanted->interfaces[i] == row->interface)
            return true;
    return wanted->filter->interface_count == 0;
}

bool
index_filter_may_have(const struct index_filter *wanted, const struct index_row *row)
{
    const struct journal_filter *filter = wanted->filter;
    const bool accepted = (row->flags & INDEX_ACCEPTED) != 0;

    return row->time_ms >= filter->since_ms && row->time_ms <= filter->until_ms &&
            on_interface(wanted, row) &&
            (filter->verdict == NULL || accepted == (strcmp(filter->verdict, "accept") == 0)) &&
            (filter->reason == NULL || row->reason == wanted->reason) &&
            (filter->class == NULL || row->class == wanted->class) &&
            (filter->incident == NULL || row->incident == wanted->incident ||
                    row->decided_in == wanted->incident) &&
            (filter->sha256 == NULL || filter->sha256[0] == '\0' ||
                    ((row->flags & INDEX_SHA256) != 0 &&
                            ((row->flags & INDEX_ODD) != 0 ||
                                    ((row->sha256 ^ wanted->sha256) & wanted->sha256_mask) ==
                                            0))) &&
            (!filter->has_network ||
                    ((row->flags & INDEX_ADDRESS) != 0 &&
                            journal_network_holds(&filter->network, row->address)));
}
