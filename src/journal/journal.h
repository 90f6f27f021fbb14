/*
 * The decision log on disk: a file of JSON lines (docs/protocols/record.md) and its rotated predecessors
 * FILE.1 (the newest) to FILE.N. Nothing in here reads a clock: the time is given.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <certgate/status.h>

/* Longest line that is written or read: a record is at most 128 KiB, so that twice as much is damage. */
#define JOURNAL_MAX_LINE (256 * 1024)
/* Most rotated files, and so descriptors that a reader may hold. */
#define JOURNAL_MAX_KEEP 100
/* Workers hand their records over in turns: lines stand in order of time to within this. */
#define JOURNAL_DISORDER_MS 60000
/* Pause after a rotation that failed: the disk is not asked again for each record. */
#define JOURNAL_RETRY_S 60

struct journal_limits {
    uint64_t max_bytes; /* a file is rotated before it would grow beyond; 0: never */
    int64_t max_age_s; /* … or when its first line is older; 0: never */
    unsigned keep; /* rotated files that stay, 1 to JOURNAL_MAX_KEEP */
    /*
     * Put each line on the disk before journal_write() returns. Without it a line survives the end of the
     * process; a power cut takes what the kernel has not yet written (some 30 s) since the last
     * journal_sync(), which the owner calls at its own pace because it waits for the disk.
     */
    bool sync_each;
};

enum journal_result {
    JOURNAL_WRITTEN,
    JOURNAL_FULL, /* no space left, or a quota: nothing of the line was kept */
    JOURNAL_FAILED, /* anything else; nothing of the line was kept as far as the disk let us */
};

struct journal_writer;
struct journal_facts; /* entry.h */

/*
 * Opens a file for appending, mode 0600. A last line that a crash has torn is ended by a newline, so that
 * it stays the only one that is lost. NULL with the text.
 */
struct journal_writer *journal_open(
        const char *path, const struct journal_limits *limits, struct cg_error *err);
/* Goes on with the file that the descriptor is, which becomes the writer's also where this fails: no name is looked up. */
struct journal_writer *journal_open_at(
        const char *path, int fd, const struct journal_limits *limits, struct cg_error *err);
/* The same on a descriptor that becomes the writer's (standard output, a pipe): never rotated. */
struct journal_writer *journal_open_fd(int fd, struct cg_error *err);
/* From here on by these limits, which are as checked as for journal_open(). */
void journal_set_limits(struct journal_writer *writer, const struct journal_limits *limits);
/* The file, borrowed. */
int journal_fd(const struct journal_writer *writer);
/* NULL is allowed. */
void journal_close(struct journal_writer *writer);

/*
 * Appends one line; `line` has no newline in it. A line over JOURNAL_MAX_LINE is JOURNAL_FAILED.
 *
 * now   seconds since 1970, for the age
 * err   holds the cause of a failure; with JOURNAL_WRITTEN it is "" or says why the file could not be
 *       rotated (it then goes on growing, and rotation is tried again after JOURNAL_RETRY_S)
 */
enum journal_result journal_write(struct journal_writer *writer, const char *line, size_t len,
        int64_t now, struct cg_error *err);

/* The same where it is known what the record says: a row of that goes into the index beside the file; NULL: none. */
enum journal_result journal_write_facts(struct journal_writer *writer, const char *line, size_t len,
        const struct journal_facts *facts, int64_t now, struct cg_error *err);
/* Writes rows of the index that wait in memory: before another process goes on with the file. */
void journal_flush(struct journal_writer *writer);

/* Puts on the disk what was written. */
CG_CHECKED enum cg_status journal_sync(struct journal_writer *writer, struct cg_error *err);

/*
 * Goes on in the file that has the name now: another program has renamed ours. Where that cannot be opened
 * the writer stays with the one it has.
 */
CG_CHECKED enum cg_status journal_reopen(struct journal_writer *writer, struct cg_error *err);

/* ---- reading, oldest first; newest first and by incident: query.h ---- */

struct journal_reader;

/*
 * Opens the rotated files, where `rotated` is set, and the file itself; they are read as one, oldest line
 * first, even while they are rotated. NULL with the text when there is none of them.
 */
struct journal_reader *journal_reader_open(const char *path, bool rotated, struct cg_error *err);
void journal_reader_free(struct journal_reader *reader);

/* Octets of all files, as they were when they were opened. */
uint64_t journal_reader_bytes(const struct journal_reader *reader);
/* Starts with the first whole line within the last `bytes` octets; with as many as there are, or more, at the front. */
void journal_reader_from_end(struct journal_reader *reader, uint64_t bytes);
/*
 * Skips what is surely older: whole files by the time of their last change, and the rest by halving, which
 * takes lines to be in order to within JOURNAL_DISORDER_MS. Lines of a clock that was set back by more may
 * be skipped too.
 */
void journal_reader_from_time(struct journal_reader *reader, int64_t time_ms);
/* Starts at the end of what is there now: what comes next is new. */
void journal_reader_at_end(struct journal_reader *reader);

enum journal_next { JOURNAL_LINE, JOURNAL_END, JOURNAL_UNREADABLE };
/*
 * The next whole line, without its newline, borrowed until the next call. At the end the reader may be asked
 * again: it gives what was appended since. Lines over JOURNAL_MAX_LINE, and a rotated file's last line
 * without a newline, are passed over and counted.
 */
enum journal_next journal_reader_next(
        struct journal_reader *reader, const char **line, size_t *len);
struct index_filter;
/* Passes by lines that do not match, as far as the index of the file tells. */
void journal_reader_skip(struct journal_reader *reader, const struct index_filter *wanted);
/* Lines that were passed over. */
uint64_t journal_reader_passed(const struct journal_reader *reader);
/* Octets of a last line without its newline: a crash, or a line that is being written. */
size_t journal_reader_torn(const struct journal_reader *reader);
/*
 * For following, after JOURNAL_END: true when the name now stands for another file, or the file has become
 * shorter; the reader then goes on with what is new. Files that were rotated meanwhile are not missed.
 */
bool journal_reader_renew(struct journal_reader *reader);

#endif
