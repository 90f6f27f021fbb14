/* The files of a log, opened for reading; inside the journal only. */
#ifndef JOURNAL_FILES_H
#define JOURNAL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <certgate/status.h>

#include "journal/index.h"
#include "journal/journal.h"

/* Room for the number of a rotated file. */
#define JOURNAL_SUFFIX_SIZE 16
/* Read at once when a moment is looked for. */
#define JOURNAL_BLOCK_BYTES ((size_t)512 * 1024)
/* Read at once on the way back: more than a line at the limit with both its newlines. */
#define JOURNAL_WINDOW_BYTES ((size_t)1024 * 1024)

struct journal_file {
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t size; /* when it was opened */
    int64_t changed_ms; /* last change */
    struct index_reader index;
};

struct journal_files {
    struct journal_file *at; /* oldest first; the last one is the file itself, if there is one */
    size_t count;
};

/* CG_E_USAGE when there is none of them, or one cannot be read; the rotated ones only where asked for. */
CG_CHECKED enum cg_status journal_files_open(
        const char *path, bool rotated, struct journal_files *out, struct cg_error *err);
void journal_files_release(struct journal_files *files);
/* One more at the end, if there is such a file; false with errno. */
bool journal_files_add(struct journal_files *files, const char *path);
/* Closes the first ones. */
void journal_files_forget(struct journal_files *files, size_t count);

/*
 * Where a moment is: lines that begin before *low are older; from *high on they are not. As far as lines are in
 * order of time, and to within a block. The buffer holds JOURNAL_BLOCK_BYTES and a line at least.
 */
void journal_file_halve(const struct journal_file *file, int64_t wanted_ms, char *buffer,
        size_t size, uint64_t *low, uint64_t *high);

/* Lines of one file from its end to its beginning. */
struct journal_backward {
    const struct journal_file *file;
    char *buffer;
    uint64_t base; /* offset of what the buffer begins with */
    size_t have;
    uint64_t end; /* what comes next ends before it */
    bool passing; /* within a line that has no end, or is too long */
    uint64_t passed; /* lines that were too long */
    uint64_t read; /* octets */
};

/* False without memory. */
bool journal_backward_init(struct journal_backward *at);
void journal_backward_release(struct journal_backward *at);
/* Begins with the last whole line that ends before or at `end`. */
void journal_backward_start(
        struct journal_backward *at, const struct journal_file *file, uint64_t end);
/* Goes back to where a line is known to begin. */
void journal_backward_skip(struct journal_backward *at, uint64_t begins);
/* The line before, without its newline, borrowed until the next call; at->end is then where it begins. */
enum journal_next journal_backward_next(
        struct journal_backward *at, const char **line, size_t *len);

#endif
