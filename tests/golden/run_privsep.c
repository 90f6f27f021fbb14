/*
 * The tables in docs/PRIVSEP.md are what the program says: its messages, and the system calls of a worker.
 *
 *   run_privsep FILE            compares what stands between "<!-- NAME -->" and "<!-- end -->"; TAP
 *   run_privsep FILE --accept   writes it anew: the diff is then for a person to judge
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sandbox.h"
#include "snapshot/ipc.h"

#define MAX_FILE (1024 * 1024)
#define END "<!-- end -->\n"

static void
write_messages(FILE *out)
{
    static const struct {
        const char *name, *from, *fds, *when;
    } rows[] = {
#define X(name, from, fds, when) { #name, #from, fds, when },
        IPC_MESSAGES(X)
#undef X
    };

    fputs("| message | from | descriptors | when, and what |\n| --- | --- | --- | --- |\n", out);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        fprintf(out, "| %s | %s | %s | %s |\n", rows[i].name,
                strcmp(rows[i].from, "WORKER") == 0          ? "worker"
                        : strcmp(rows[i].from, "FETCHER") == 0 ? "certgate-fetch"
                                                               : "certgated", rows[i].fds,
                rows[i].when);
}

static void
write_allowed(FILE *out)
{
    fputs("| call | only | for |\n| --- | --- | --- |\n", out);
    for (size_t i = 0; i < sandbox_call_count; i++)
        if (sandbox_calls[i].answer == SANDBOX_ALLOW)
            fprintf(out, "| %s | %s | %s |\n", sandbox_calls[i].name, sandbox_calls[i].when,
                    sandbox_calls[i].why);
}

static void
write_killed(FILE *out)
{
    for (size_t i = 0, shown = 0; i < sandbox_call_count; i++)
        if (sandbox_calls[i].answer == SANDBOX_KILL)
            fprintf(out, "%s`%s`", shown++ == 0 ? "" : ", ", sandbox_calls[i].name);
    fputs("\n", out);
}

static const struct {
    const char *name;
    void (*write)(FILE *out);
} blocks[] = {
    { "messages", write_messages },
    { "allowed calls", write_allowed },
    { "killing calls", write_killed },
};

#define BLOCK_COUNT (sizeof(blocks) / sizeof(blocks[0]))

/* The whole file, NUL-terminated. */
static char *
read_file(const char *path)
{
    char *text = calloc(1, MAX_FILE);
    FILE *file = fopen(path, "r");
    size_t len = 0;

    if (file != NULL && text != NULL)
        len = fread(text, 1, MAX_FILE - 1, file);
    if (file != NULL)
        fclose(file);
    if (len != 0)
        return text;
    free(text);
    return NULL;
}

/* Where a block's text begins and how long it is; false when the file lacks it. */
static bool
find_block(const char *text, const char *name, const char **begin, size_t *len)
{
    char marker[64];
    const char *end;

    snprintf(marker, sizeof(marker), "<!-- %s -->\n", name);
    *begin = strstr(text, marker);
    if (*begin == NULL)
        return false;
    *begin += strlen(marker);
    end = strstr(*begin, END);
    *len = end == NULL ? 0 : (size_t)(end - *begin);
    return end != NULL;
}

static bool
check_block(size_t which, const char *text)
{
    const char *begin;
    char *wanted = NULL;
    size_t len, size = 0;
    FILE *out = open_memstream(&wanted, &size);
    bool ok = out != NULL && find_block(text, blocks[which].name, &begin, &len);

    if (out != NULL) {
        blocks[which].write(out);
        fclose(out);
    }
    ok = ok && size == len && memcmp(wanted, begin, len) == 0;
    if (!ok)
        printf("# '%s' differs from what the rows say now; after a change that is meant: "
               "run_privsep FILE --accept\n",
                blocks[which].name);
    free(wanted);
    return ok;
}

static bool
accept_all(const char *path, const char *text)
{
    const char *at = text, *begin;
    FILE *out = fopen(path, "w");
    size_t len;

    for (size_t i = 0; out != NULL && i < BLOCK_COUNT; i++) {
        if (!find_block(at, blocks[i].name, &begin, &len))
            continue;
        fwrite(at, 1, (size_t)(begin - at), out);
        blocks[i].write(out);
        at = begin + len;
    }
    return out != NULL && fputs(at, out) >= 0 && fclose(out) == 0;
}

int
main(int argc, char **argv)
{
    bool accept = argc == 3 && strcmp(argv[2], "--accept") == 0;
    char *text = NULL;
    int failed = 0;

    if (argc < 2 || (argc == 3 && !accept)) {
        fprintf(stderr, "usage: run_privsep FILE [--accept]\n");
        return 2;
    }
    text = read_file(argv[1]);
    if (text == NULL || (accept && !accept_all(argv[1], text))) {
        fprintf(stderr, "%s cannot be read or written\n", argv[1]);
        free(text);
        return 1;
    }
    if (accept) {
        free(text);
        text = read_file(argv[1]);
    }
    printf("1..%zu\n", BLOCK_COUNT);
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        bool ok = text != NULL && check_block(i, text);

        printf("%sok %zu - %s\n", ok ? "" : "not ", i + 1, blocks[i].name);
        failed += !ok;
    }
    free(text);
    return failed != 0;
}
