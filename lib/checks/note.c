#include <stdarg.h>
#include <stdio.h>

#include "checks/check.h"

enum cg_outcome
cg_note_fail(struct cg_note *note, enum cg_reason reason, const char *found, ...)
{
    va_list args;

    note->reason = reason;
    va_start(args, found);
    (void)vsnprintf(note->found, sizeof(note->found), found, args);
    va_end(args);
    return CG_FAIL;
}

void
cg_note_text(char field[CG_MAX_NOTE], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(field, CG_MAX_NOTE, format, args);
    va_end(args);
}
