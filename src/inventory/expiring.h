/* What runs out soon, counted by how near the end is: for the command and for certgated's daily report. */
#ifndef INVENTORY_EXPIRING_H
#define INVENTORY_EXPIRING_H

#include "base/buf.h"

enum expiring_kind { EXPIRING_TCS, EXPIRING_IDENTITY, EXPIRING_PEER, EXPIRING_KINDS };

/* How near the end is, in days; the most urgent first, and the last one has no end. */
struct expiring_span {
    int64_t days;
    const char *id, *title;
};
#define EXPIRING_SPANS 5
extern const struct expiring_span expiring_spans[EXPIRING_SPANS];

/* Whole days until then, below 0 once it has passed. */
int64_t expiring_days_left(int64_t until, int64_t now);
/* The span that so many days fall into. */
unsigned expiring_span_of(int64_t days_left);

struct expiring_report {
    uint64_t counts[EXPIRING_SPANS][EXPIRING_KINDS];
    /* The one of each span that ends first. */
    int64_t first[EXPIRING_SPANS];
    char name[EXPIRING_SPANS][128];
};

void expiring_add(struct expiring_report *report, enum expiring_kind kind, const char *name,
        int64_t not_after, int64_t now);
/*
 * One line: "expire within 7 days: 1 identity, 2 peers; first CN=gw on 2026-12-01". False, and nothing is added,
 * where there is none in the span.
 */
bool expiring_words(const struct expiring_report *report, unsigned span, struct cg_buf *out);
/* The word of a metric's label. */
const char *expiring_kind_name(enum expiring_kind kind);

#endif
