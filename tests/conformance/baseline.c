/* Reads cases, one a line of tab-separated columns, and answers each with "id, verdict, reason". */
#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum column {
    COLUMN_ID,
    COLUMN_TIME,
    COLUMN_PURPOSE,
    COLUMN_NAME_KIND,
    COLUMN_NAME,
    COLUMN_DEPTH,
    COLUMN_ANCHORS,
    COLUMN_SENT,
    COLUMN_LEAF,
    COLUMN_COUNT
};

static int
sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* Base64 up to the end, a comma or padding; the blob ends in a NUL that is not counted. */
static struct baseline_blob
decode(const char *text)
{
    struct baseline_blob blob = { malloc(strlen(text) / 4 * 3 + 4), 0 };
    unsigned bits = 0, held = 0;
    int value;

    if (blob.data == NULL)
        abort();
    for (; (value = sextet(*text)) >= 0; text++) {
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            blob.data[blob.len++] = (uint8_t)(bits >> held);
        }
    }
    blob.data[blob.len] = 0;
    return blob;
}

static size_t
decode_list(char *text, struct baseline_blob *out)
{
    size_t count = 0;
    char *item;

    if (strcmp(text, "-") == 0)
        return 0;
    while ((item = strsep(&text, ",")) != NULL && count < BASELINE_MAX_CERTS)
        out[count++] = decode(item);
    return count;
}

static void
release_list(struct baseline_blob *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].data);
}

static void
answer(char *line, struct baseline_case *c)
{
    char *columns[COLUMN_COUNT];
    const char *reason;

    for (int i = 0; i < COLUMN_COUNT; i++) {
        columns[i] = strsep(&line, "\t");
        if (columns[i] == NULL)
            return;
    }
    c->time = strcmp(columns[COLUMN_TIME], "-") == 0 ? (int64_t)time(NULL)
                                                     : strtoll(columns[COLUMN_TIME], NULL, 10);
    c->purpose = columns[COLUMN_PURPOSE][0];
    c->name_kind = columns[COLUMN_NAME_KIND];
    c->name = decode(columns[COLUMN_NAME]);
    c->depth = strcmp(columns[COLUMN_DEPTH], "-") == 0 ? -1 : atoi(columns[COLUMN_DEPTH]);
    c->anchor_count = decode_list(columns[COLUMN_ANCHORS], c->anchors);
    c->sent_count = decode_list(columns[COLUMN_SENT], c->sent);
    c->leaf = decode(columns[COLUMN_LEAF]);
    reason = baseline_judge(c);
    printf("%s\t%s\t%s\n", columns[COLUMN_ID], reason == NULL ? "accept" : "reject",
            reason == NULL ? "" : reason);
    fflush(stdout);
    release_list(c->anchors, c->anchor_count);
    release_list(c->sent, c->sent_count);
    free(c->name.data);
    free(c->leaf.data);
}

int
main(void)
{
    static struct baseline_case c;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        answer(line, &c);
    }
    free(line);
    return ferror(stdin) || ferror(stdout) ? 1 : 0;
}
