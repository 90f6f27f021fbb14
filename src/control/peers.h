/*
 * The peer inventory as certgated feeds it: from every decision record, in STATE/inventory.db. It may be
 * lost without harm, so nothing waits for it and its failures are one line each.
 */
#ifndef CONTROL_PEERS_H
#define CONTROL_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "control/repeats.h"

struct peers;

/* Opens or creates it in the state directory; NULL when that fails, which has been said. */
struct peers *peers_open(const char *state);
/* NULL is allowed for all of these. */
void peers_take(struct peers *peers, const struct journal_entry *entry, const char *json,
        size_t len, int64_t now_ms);
/* Takes a record that repeats one of before, and says what is counted of it; NULL: parse it. */
const struct repeat *peers_repeat(
        struct peers *peers, const char *json, size_t len, int64_t now_ms);
/* The certificates that an admitted peer sent, as a CHAIN message holds them. */
void peers_take_chain(struct peers *peers, struct cg_span chain, int64_t now_ms);
/* Writes what has waited for its batch long enough; with now_ms INT64_MAX at once. */
void peers_flush(struct peers *peers, int64_t now_ms);
/* When peers_flush() wants to be called next; INT64_MAX: not before another record comes. */
int64_t peers_next_ms(const struct peers *peers);
void peers_close(struct peers *peers);

/* What it is kept in, or NULL. */
struct inventory;
struct inventory *peers_inventory(struct peers *peers);

#endif
