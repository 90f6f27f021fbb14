#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/received.h"
#include "journal/entry.h"

/* Longest cell that is shown whole. */
#define MAX_CELL (16 * 1024)

void
table_init(struct table *table, const struct table_column *columns, int indent)
{
    *table = (struct table) { .columns = columns, .indent = indent };
    for (; table->count < TABLE_MAX_COLUMNS && columns[table->count].title != NULL; table->count++)
        table->widths[table->count] = (int)strlen(columns[table->count].title);
}

static void
forget_rows(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    table->cell_count = 0;
}

void
table_release(struct table *table)
{
    forget_rows(table);
    free(table->cells);
    table->cells = NULL;
}

/* Columns of UTF-8 text, every character taken as one. */
static int
width_of(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

void
table_add(struct table *table, const char *text)
{
    const size_t column = table->cell_count % table->count;
    struct cg_buf clean;
    char **grown;

    if (table->cell_count == table->size) {
        grown = realloc(table->cells, (table->size * 2 + 64) * sizeof(*grown));
        if (grown == NULL) {
            table->failed = true;
            return;
        }
        table->cells = grown;
        table->size = table->size * 2 + 64;
    }
    cg_buf_init(&clean, MAX_CELL);
    journal_add_clean(&clean, text == NULL || text[0] == '\0' ? "-" : text);
    table->cells[table->cell_count] = strdup(cg_buf_text(&clean));
    cg_buf_release(&clean);
    if (table->cells[table->cell_count] == NULL) {
        table->failed = true;
        return;
    }
    if (width_of(table->cells[table->cell_count]) > table->widths[column])
        table->widths[column] = width_of(table->cells[table->cell_count]);
    table->cell_count++;
}

void
table_addf(struct table *table, const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
        table->failed = true;
    }
    va_end(args);
    table_add(table, text);
    free(text);
}

/* "2026-11-25T08:00:00Z" */
static bool
is_time(const char *text)
{
    return strlen(text) == 20 && text[4] == '-' && text[10] == 'T' && text[19] == 'Z';
}

void
table_member(struct table *table, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);

    if (text != NULL && is_time(text))
        table_addf(table, "%.10s %.5s", text, text + 11);
    else if (json_is_integer(value))
        table_addf(table, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        table_add(table, json_is_true(value) ? "yes" : "no");
    else
        table_add(table, text);
}

static void
print_row(const struct table *table, char *const *cells)
{
    printf("%*s", table->indent, "");
    for (size_t i = 0; i < table->count; i++) {
        const int fill = table->widths[i] - width_of(cells[i]);
        const bool last = i + 1 == table->count;

        if (table->columns[i].right)
            printf("%*s%s", fill, "", cells[i]);
        else
            printf("%s%*s", cells[i], last ? 0 : fill, "");
        fputs(last ? "\n" : "  ", stdout);
    }
}

static void
print_titles(struct table *table)
{
    char *titles[TABLE_MAX_COLUMNS];
    const struct cli_style style = cli_style();

    for (size_t i = 0; i < table->count; i++)
        titles[i] = (char *)(uintptr_t)table->columns[i].title;
    fputs(style.dim, stdout);
    print_row(table, titles);
    fputs(style.off, stdout);
    table->titled = true;
}

bool
table_print(struct table *table)
{
    const size_t rows = table->cell_count / table->count;

    if (!table->titled && rows != 0)
        print_titles(table);
    for (size_t i = 0; i < rows; i++)
        print_row(table, table->cells + i * table->count);
    forget_rows(table);
    return !table->failed;
}
