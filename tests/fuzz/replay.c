/*
 * Runs a fuzz target over files and folders of inputs, without a fuzzer:
 *
 *     replay-TARGET PATH...
 *
 * Each input lies in memory of exactly its size, so that the sanitizers see a read behind its end. The
 * name is printed before the input is run: after a crash the last one is the culprit.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define MAX_PATH_TEXT 4096

static size_t passed, failed;

static void
replay_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    struct stat facts;
    uint8_t *data = NULL;
    size_t len = 0;

    if (file != NULL && fstat(fileno(file), &facts) == 0) {
        len = (size_t)facts.st_size;
        data = malloc(len == 0 ? 1 : len);
    }
    if (data == NULL || fread(data, 1, len, file) != len) {
        printf("%s: cannot be read\n", path);
        failed++;
    } else {
        printf("%s\n", path);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(data, len);
        passed++;
    }
    free(data);
    if (file != NULL)
        (void)fclose(file);
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void
replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible, alphasort);
    char file[MAX_PATH_TEXT];

    for (int i = 0; i < count; i++) {
        if (snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) < (int)sizeof(file))
            replay_file(file);
        else
            failed++;
        free(entries[i]);
    }
    free(entries);
}

int
main(int argc, char **argv)
{
    struct stat facts;

    for (int i = 1; i < argc; i++) {
        if (stat(argv[i], &facts) != 0) {
            printf("%s: %s\n", argv[i], strerror(errno));
            failed++;
        } else if (S_ISDIR(facts.st_mode)) {
            replay_folder(argv[i]);
        } else {
            replay_file(argv[i]);
        }
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 && passed != 0 ? 0 : 1;
}
