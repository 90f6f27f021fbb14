/* Results of the store's functions: what an owner tells apart, and an administrator does something about. */
#ifndef STORE_STATUS_H
#define STORE_STATUS_H

#include <certgate/status.h>

enum store_status {
    STORE_OK,
    STORE_UNCHANGED, /* the state is the one in force: no generation was made */
    STORE_INVALID, /* a name, a value or the whole state is refused: nothing was saved */
    STORE_MISSING, /* there is no such file, generation or entry */
    STORE_EXISTS, /* there is a file already */
    STORE_BUSY, /* another change, or another program, holds the store */
    STORE_DAMAGED, /* the file does not hold what was written */
    STORE_FOREIGN, /* the file is something else */
    STORE_NEWER, /* the file was written by a newer certgate */
    STORE_FULL, /* the disk is full */
    STORE_READ_ONLY, /* the disk, the folder or the file cannot be written */
    STORE_IO, /* the disk fails */
    STORE_NOMEM,
    STORE_STATUSES
};

/* "ok", "unchanged", "invalid", …; never NULL. */
const char *store_status_name(enum store_status status);

/* Writes the sentence (err may be NULL) and returns status. */
enum store_status store_fail(struct cg_error *err, enum store_status status, const char *format,
        ...) __attribute__((format(printf, 3, 4)));

#endif
