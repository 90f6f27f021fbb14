/* The text of the settings file. */
#ifndef SETTINGS_TEXT_H
#define SETTINGS_TEXT_H

#include "base/buf.h"

/* Sixty-four interfaces with sixty-four long names each stay below it. */
#define SETTINGS_MAX_BYTES (1024 * 1024)

/*
 * Reads a file whole: libconfuse's own reading ends the process where a read fails (a folder, a bad disk).
 * The caller frees the result; NULL with one line in `problems`.
 */
char *settings_text(const char *path, struct cg_buf *problems);

#endif
