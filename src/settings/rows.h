/*
 * The registry of settings that stand in blocks of certgate.conf: interface, trunk and line. Each row
 * names its setting, its default, how it is read, where it may stand, and what help says of it.
 */
#ifndef SETTINGS_ROWS_H
#define SETTINGS_ROWS_H

#include <confuse.h>

#include "settings/settings.h"

/* Kinds of blocks; bits. */
enum block_kind { BLOCK_INTERFACE = 1 << 0, BLOCK_TRUNK = 1 << 1, BLOCK_LINE = 1 << 2 };

enum line_transport { LINE_WEBSOCKET_SERVER, LINE_WEBSOCKET_CLIENT };
enum line_security { LINE_UNSECURED, LINE_MEDIUM, LINE_HIGH };

/* One block as it was read; what it becomes is decided when the whole file is known. */
struct block {
    enum block_kind kind;
    char name[SNAPSHOT_NAME_SIZE];
    int line; /* of its end in the file */
    uint64_t given; /* bit i: row i stands in the file */
    char on[SNAPSHOT_NAME_SIZE]; /* trunk, line: the interface */
    enum line_transport transport;
    enum line_security security;
    struct snapshot_rules rules;
    struct snapshot_class class; /* trunk, line; its rules stay empty here */
    struct snapshot_interface
            interface; /* interface, line; its rules and classes stay empty here */
};

struct row;
/* True when the text is fine and stored; otherwise the row's `wanted` says what is. */
typedef bool row_reader(struct block *block, const char *text, const struct row *row);

struct row {
    const char *name;
    unsigned blocks; /* where it may stand */
    unsigned required; /* where it must */
    cfg_type_t type; /* CFGT_STR, CFGT_BOOL or CFGT_INT */
    bool list;
    const char *initial; /* default as in the file, "" none */
    row_reader *read; /* CFGT_BOOL comes as "true" or "false" */
    size_t offset; /* of the field in struct block, where the reader is generic */
    uint64_t low, high; /* bounds, in the unit of the value */
    const char *wanted; /* completes "'x' is not …" */
    const char *help;
};

extern const struct row rows[];
extern const size_t row_count;

/* A setting of the node, or a kind of block. */
struct node_row {
    const char *name;
    const char *value; /* "\"FILE\"", or "NAME { ... }" for a block */
    const char *initial; /* default in words, "" none */
    const char *help;
};
extern const struct node_row node_rows[];
extern const size_t node_row_count;
bool node_row_is_block(const struct node_row *row);

const char *block_kind_name(enum block_kind kind);
/* The row of that name, or NULL. */
const struct row *row_find(const char *name);
/* True when the setting stands in the block itself. */
bool block_gives(const struct block *block, const char *name);
/* The identity block of that name, of the file that is being read. */
bool settings_identity_find(const char *name, unsigned *index);
/* Frees what the block holds, not itself. */
void block_release(struct block *block);

#endif
