/* Tables of text that people read: columns as wide as what is in them, the last one as long as it is. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>

#include "base/buf.h"

#define TABLE_MAX_COLUMNS 16

struct table_column {
    const char *title; /* NULL ends the columns */
    bool right; /* numbers */
};

struct table {
    const struct table_column *columns;
    size_t count; /* of columns */
    int widths[TABLE_MAX_COLUMNS];
    char **cells;
    size_t cell_count, size;
    int indent;
    bool titled; /* the titles have been printed */
    bool failed; /* no memory */
};

void table_init(struct table *table, const struct table_column *columns, int indent);
void table_release(struct table *table);

/* The next cell: made fit for a terminal; NULL and "" appear as "-". */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A member of an object: text, number, yes or no; times lose their seconds. */
void table_member(struct table *table, const json_t *object, const char *name);

/* Prints the rows so far and forgets them; a later call goes on below. False without memory. */
bool table_print(struct table *table);

#endif
