/* A folder for one test, and files in it. */
#ifndef TESTS_JOURNAL_FOLDER_H
#define TESTS_JOURNAL_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct folder {
    char path[64];
    char log[80];
};

static inline int
folder_make(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    if (folder == NULL)
        return -1;
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/certgate-journal-XXXXXX");
    if (mkdtemp(folder->path) == NULL)
        return -1;
    (void)snprintf(folder->log, sizeof(folder->log), "%s/log", folder->path);
    *state = folder;
    return 0;
}

static inline int
folder_remove(void **state)
{
    struct folder *folder = *state;
    char command[128];
    int result;

    (void)snprintf(command, sizeof(command), "rm -r %s", folder->path);
    result = system(command);
    free(folder);
    return result;
}

/* "log" with a suffix holds exactly this text afterwards. */
static inline void
folder_put(const struct folder *folder, const char *suffix, const char *text)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s%s", folder->log, suffix);
    file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

/* The text of "log" with a suffix; "(none)" where there is no such file. */
static inline const char *
folder_get(const struct folder *folder, const char *suffix, char *out, size_t size)
{
    char path[128];
    FILE *file;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s%s", folder->log, suffix);
    file = fopen(path, "r");
    if (file == NULL)
        return "(none)";
    len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    (void)fclose(file);
    return out;
}

#endif
