/* Feeds a peer inventory from a decision log, as certgated does record by record: LOG INVENTORY. */
#include <stdio.h>
#include <time.h>

#include "inventory/inventory.h"
#include "journal/filter.h"

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
    struct cg_error note, err = { "usage: bench-inventory LOG INVENTORY" };
    struct journal_reader *reader = argc == 3 ? journal_reader_open(argv[1], true, &err) : NULL;
    struct inventory *inventory =
            reader == NULL ? NULL : inventory_open(argv[2], NULL, &note, &err);
    struct journal_filter filter;
    struct journal_notes notes = { 0 };
    struct journal_entry entry;
    enum cg_status status = CG_OK;
    double begin, parsed = 0, at;
    const char *line;
    size_t len;

    if (inventory == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    journal_filter_init(&filter);
    begin = seconds();
    while (status == CG_OK &&
            journal_next_match(reader, &filter, &entry, &line, &len, &notes) == JOURNAL_LINE) {
        at = seconds();
        status = inventory_add(inventory, &entry, 1, &err);
        parsed += seconds() - at;
        journal_entry_release(&entry);
    }
    if (status == CG_OK)
        status = inventory_flush(inventory, &err);
    at = seconds() - begin;
    printf("%8.3f s  feeding the inventory: %.1f us a record, of which %.1f for its row\n", at,
            at * 1e6 / (double)(notes.matched + !notes.matched),
            parsed * 1e6 / (double)(notes.matched + !notes.matched));
    inventory_close(inventory);
    journal_reader_free(reader);
    if (status != CG_OK)
        (void)fprintf(stderr, "%s\n", err.text);
    return status == CG_OK ? 0 : 1;
}
