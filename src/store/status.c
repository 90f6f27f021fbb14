#include "store/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

const char *
store_status_name(enum store_status status)
{
    static const char *const names[STORE_STATUSES] = {
        [STORE_OK] = "ok",
        [STORE_UNCHANGED] = "unchanged",
        [STORE_INVALID] = "invalid",
        [STORE_MISSING] = "missing",
        [STORE_EXISTS] = "exists",
        [STORE_BUSY] = "busy",
        [STORE_DAMAGED] = "damaged",
        [STORE_FOREIGN] = "foreign",
        [STORE_NEWER] = "newer",
        [STORE_FULL] = "full",
        [STORE_READ_ONLY] = "read-only",
        [STORE_IO] = "io",
        [STORE_NOMEM] = "no memory",
    };

    return (size_t)status < STORE_STATUSES ? names[status] : "unknown";
}

enum store_status
store_fail(struct cg_error *err, enum store_status status, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return status;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return status;
}
