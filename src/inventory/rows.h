/* Between decision records and rows of the inventory's table. */
#ifndef INVENTORY_ROWS_H
#define INVENTORY_ROWS_H

#include <sqlite3.h>

#include "inventory/inventory.h"

/* Binds what a record says to ?1 … ?19 of the insertion; false without memory. */
bool inventory_bind(sqlite3_stmt *statement, const struct journal_entry *entry);

/* The rows seen since ?1 that expire by ?2, each with its successor. */
extern const char inventory_select[];
/* One row of it; text stays the statement's. */
void inventory_fill(sqlite3_stmt *statement, struct inventory_peer *peer);

#endif
