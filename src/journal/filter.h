/* Which decision records are wanted. */
#ifndef JOURNAL_FILTER_H
#define JOURNAL_FILTER_H

#include "journal/entry.h"
#include "journal/journal.h"
#include "snapshot/snapshot.h"

/* Interfaces that can be asked for at once. */
#define JOURNAL_MAX_INTERFACES 16

struct journal_filter {
    const char *interfaces[JOURNAL_MAX_INTERFACES]; /* any one of them */
    size_t interface_count;
    const char *verdict; /* "accept", "reject"; NULL: both, and so on below */
    const char *reason;
    const char *class;
    const char *sha256; /* hex, lower case; may be cut short */
    const char *incident; /* also records that were decided in it */
    bool has_network;
    struct snapshot_network network; /* of the peer's address */
    int64_t since_ms, until_ms; /* both included; INT64_MIN and INT64_MAX for none */
};

/* The address of "192.0.2.1:5555" as 16 octets, IPv4 mapped as in snapshot_network; false where there is none. */
bool journal_peer_octets(const char *peer, uint8_t out[16]);
bool journal_network_holds(const struct snapshot_network *network, const uint8_t address[16]);

/* Nothing is left out. */
void journal_filter_init(struct journal_filter *filter);
bool journal_filter_has(const struct journal_filter *filter, const struct journal_entry *entry);
/*
 * False when the line can be left out unparsed. Looks for octets that a matching line written by certgate
 * must hold; a line in another notation is never left out.
 */
bool journal_filter_may_have(const struct journal_filter *filter, const char *line, size_t len);

/* What a walk through a log left out, for a note to the reader. */
struct journal_notes {
    uint64_t malformed; /* lines that are no decision record */
    uint64_t matched;
};

/*
 * The next record that matches, to be released by the caller. JOURNAL_END, which also comes once a line is later
 * than until_ms by more than JOURNAL_DISORDER_MS, and JOURNAL_UNREADABLE leave nothing to release.
 */
enum journal_next journal_next_match(struct journal_reader *reader,
        const struct journal_filter *filter, struct journal_entry *entry, const char **line,
        size_t *len, struct journal_notes *notes);

#endif
