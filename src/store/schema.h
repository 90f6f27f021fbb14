/* The tables, by version: an ordered list of steps, each from one version to the next. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/sql.h"

/* "cgst": tells a store from other SQLite files. */
#define SCHEMA_APPLICATION_ID 0x63677374
/* The version of this certgate: that of the last step. */
unsigned schema_version(void);

/*
 * Brings the tables up to date, from version `have` on, in one transaction. 0 is an empty file.
 * sql must have no transaction open.
 */
CG_CHECKED enum store_status schema_upgrade(struct sql *sql, unsigned have, struct cg_error *err);

/* Reads what the file says it is: STORE_OK with its version, STORE_FOREIGN, STORE_NEWER, STORE_DAMAGED. */
CG_CHECKED enum store_status schema_read(struct sql *sql, unsigned *version, struct cg_error *err);

#endif
