/*
 * The index beside a file of the log, FILE.index: a row for each record with what filters ask for, so that lines
 * that do not match need not be read. It may be missing, older than its file, or have gaps: what it says nothing
 * about is read as if there were none, and every match is looked up in the line itself. Inside the journal only.
 */
#ifndef JOURNAL_INDEX_H
#define JOURNAL_INDEX_H

#include "journal/filter.h"

#define JOURNAL_INDEX_SUFFIX ".index"
/* Rows that wait in memory until they are written: what a killed process leaves to be read. */
#define JOURNAL_INDEX_BATCH 256
/* Rows that are read at once. */
#define JOURNAL_INDEX_CHUNK 4096

/* As it lies on the disk, in the machine's own order of octets: the index is of use on this machine only. */
struct index_row {
    int64_t time_ms;
    uint64_t offset; /* of the line */
    uint32_t len; /* without its newline */
    uint32_t incident, decided_in; /* hashes of text, as the shorter ones below; 0 for "" */
    uint32_t sha256; /* its first octets */
    uint8_t address
            [16]; /* of the peer, IPv4 mapped as in snapshot_network; zeroes where it is none */
    uint16_t interface, class, reason;
    uint8_t flags;
    uint8_t unused;
};
_Static_assert(sizeof(struct index_row) == 56, "the layout is that of the files");

enum {
    INDEX_ACCEPTED = 1 << 0,
    INDEX_SHA256 = 1 << 1, /* there is one */
    INDEX_ODD = 1 << 2, /* … that does not begin with eight hex digits */
    INDEX_ADDRESS = 1 << 3,
};

/* ---- writing ---- */

struct index_writer {
    int fd; /* -1: there is none */
    size_t count;
    struct index_row rows[JOURNAL_INDEX_BATCH];
};

/* Goes on with the index beside the file `log`, or begins it anew. Without one nothing fails. */
void index_writer_open(struct index_writer *index, const char *path, int log);
void index_writer_add(
        struct index_writer *index, const struct journal_facts *facts, uint64_t offset, size_t len);
/* Writes the rows that wait. `log` is the file with its size, as it should be: another one ends the index. */
void index_writer_flush(struct index_writer *index, int log, uint64_t size);
void index_writer_close(struct index_writer *index);
/* FILE.index goes where its file went; one in its place is gone. */
void index_rename(const char *from, const char *to);

/* ---- reading ---- */

struct index_reader {
    int fd; /* -1: there is none, or it is of another file */
    uint64_t count;
    uint64_t first; /* row that the chunk begins with */
    size_t have;
    struct index_row *chunk;
    uint64_t last; /* offset of the last row's line */
    uint64_t read; /* octets */
};

/* What a filter asks for, in the terms of rows. */
struct index_filter {
    const struct journal_filter *filter;
    uint32_t incident;
    uint16_t interfaces[JOURNAL_MAX_INTERFACES];
    uint16_t class, reason;
    uint32_t sha256, sha256_mask;
};

void index_reader_open(struct index_reader *index, const char *path, int log, uint64_t size);
void index_reader_close(struct index_reader *index);
/* Row i, borrowed until the next call; NULL when it cannot be read. */
const struct index_row *index_reader_get(struct index_reader *index, uint64_t i);
/* The first row whose line begins at or after the offset; index->count where there is none. */
uint64_t index_reader_find(struct index_reader *index, uint64_t offset);

void index_filter_init(struct index_filter *out, const struct journal_filter *filter);
/* False when the line of this row does not match. */
bool index_filter_may_have(const struct index_filter *wanted, const struct index_row *row);

#endif
