/* Filling struct cg_error. */
#ifndef CG_BASE_ERROR_H
#define CG_BASE_ERROR_H

#include <certgate/status.h>

/* Writes the sentence (err may be NULL) and returns status, so that reporting costs one line. */
enum cg_status cg_fail(struct cg_error *err, enum cg_status status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
