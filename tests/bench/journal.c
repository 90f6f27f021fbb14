/* Writes the lines of standard input as certgated writes its decision log: LOG MAX-BYTES. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "journal/entry.h"
#include "journal/journal.h"

static double
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    const struct journal_limits limits = {
        .max_bytes = argc == 3 ? strtoull(argv[2], NULL, 10) : 0,
        .keep = JOURNAL_MAX_KEEP,
    };
    struct cg_error err = { "usage: bench-journal LOG MAX-BYTES" };
    struct journal_writer *writer = argc == 3 ? journal_open(argv[1], &limits, &err) : NULL;
    unsigned long long lines = 0;
    double spent = 0, at;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (writer == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while ((len = getline(&line, &size, stdin)) > 1) {
        struct journal_entry entry;
        struct journal_facts facts;

        /* certgated has parsed it for others. */
        if (!journal_entry_parse(line, (size_t)len - 1, &entry))
            break;
        at = seconds();
        facts = journal_entry_facts(&entry);
        if (journal_write_facts(writer, line, (size_t)len - 1, &facts, entry.time_ms / 1000,
                    &err) != JOURNAL_WRITTEN)
            break;
        spent += seconds() - at;
        journal_entry_release(&entry);
        lines++;
    }
    journal_close(writer);
    free(line);
    printf("%8.3f s  writing %llu records: %.2f us each\n", spent, lines,
            spent * 1e6 / (double)(lines + !lines));
    if (len > 1)
        (void)fprintf(stderr, "%s\n", err.text);
    return len > 1;
}
