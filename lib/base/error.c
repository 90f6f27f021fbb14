#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum cg_status
cg_fail(struct cg_error *err, enum cg_status status, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return status;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return status;
}

const char *
cg_status_name(enum cg_status status)
{
    static const char *const names[] = {
        [CG_OK] = "ok",
        [CG_E_PARSE] = "parse",
        [CG_E_LIMIT] = "limit",
        [CG_E_NOMEM] = "no memory",
        [CG_E_USAGE] = "usage",
        [CG_E_CRYPTO] = "crypto",
    };

    if ((size_t)status >= sizeof(names) / sizeof(names[0]))
        return "unknown";
    return names[status];
}
