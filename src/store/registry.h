/* The settings that the store holds: one row each, with type, bounds, default and help. */
#ifndef STORE_REGISTRY_H
#define STORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/status.h"

/* How a type reads its values; the rows of types are in registry.c. */
struct registry_type;

enum registry_use {
    REGISTRY_SHOWN,
    REGISTRY_SECRET, /* nobody is shown its value */
    REGISTRY_OWN, /* certgated's own: nobody sets it */
};

struct registry_row {
    const char *name; /* "line.<name>.level": <name> stands for a line, trunk or interface */
    const struct registry_type *type;
    int64_t low; /* bounds of a number */
    int64_t high;
    const char *
            initial; /* value while none is set; NULL: the node's file or another setting decides */
    bool latchable; /* keeps a latch when it is carried over by an upgrade */
    enum registry_use use;
    const char *help;
};

size_t registry_count(void);
const struct registry_row *registry_row(size_t i);
/* True when the row's name has a <name> inside. */
bool registry_has_name(const struct registry_row *row);
/* The row's type in one word: "level", "number". */
const char *registry_type_name(const struct registry_row *row);
/* The words that its values are chosen from, in their order; NULL after the last one. */
const char *registry_choice(const struct registry_row *row, size_t i);
/* What its values are: "one of none, low, …", "a number from 1 to 32". */
void registry_describe_values(const struct registry_row *row, struct cg_buf *out);

/* The name inside ("hq" of "line.hq.level"), for rows that have one. False when it is not of this row. */
bool registry_inside(const struct registry_row *row, const char *name, char *out, size_t size);
/* The row's name with another put inside. */
void registry_name(const struct registry_row *row, const char *inside, char *out, size_t size);

/* True for a setting whose value is shown to nobody, and stands in no audit row and no export. */
bool registry_is_secret(const char *name);

/* The row of a setting. STORE_INVALID with the nearest known name; *out is then NULL. */
CG_CHECKED enum store_status registry_find(
        const char *name, const struct registry_row **out, struct cg_error *err);

/*
 * A value as it is kept, so that equal values are equal texts. STORE_INVALID when the row does not allow
 * it; `name` stands for the setting in the sentence.
 */
CG_CHECKED enum store_status registry_canonical(const struct registry_row *row, const char *name,
        const char *value, struct cg_buf *out, struct cg_error *err);

#endif
