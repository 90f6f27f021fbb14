#include "settings/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

char *
settings_text(const char *path, struct cg_buf *problems)
{
    FILE *file = fopen(path, "rbe");
    char *text = file == NULL ? NULL : malloc(SETTINGS_MAX_BYTES + 1), *result = NULL;
    size_t len = text == NULL ? 0 : fread(text, 1, SETTINGS_MAX_BYTES + 1, file);
    const char *nul = text == NULL ? NULL : memchr(text, '\0', len);

    if (text == NULL || ferror(file)) {
        cg_buf_addf(problems, "%s: cannot be read: %s\n", path, strerror(errno));
    } else if (len > SETTINGS_MAX_BYTES) {
        cg_buf_addf(problems, "%s: larger than %d bytes\n", path, SETTINGS_MAX_BYTES);
    } else if (nul != NULL) {
        cg_buf_addf(problems, "%s: a NUL at byte %zu\n", path, (size_t)(nul - text));
    } else {
        text[len] = '\0';
        result = text; /* ownership moves to the caller */
        text = NULL;
    }
    free(text);
    if (file != NULL)
        fclose(file);
    return result;
}
