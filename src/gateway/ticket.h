/*
 * What a session ticket carries beside libssl's own state: the verdict that the session was opened with
 * and everything that it rests on (shared contract, section 8). libssl's serialised session holds the
 * received certificate only and checks nothing again, so without this a resumption outlives its verdict.
 */
#ifndef GATEWAY_TICKET_H
#define GATEWAY_TICKET_H

#include <certgate/certgate.h>

#include "gateway/limits.h"
#include "snapshot/snapshot.h"

#define TICKET_INCIDENT_SIZE 16
#define TICKET_ADDRESS_SIZE 46 /* an IPv6 address as text, with its NUL */

#define TICKET_MAX_CLASSES (1 + SNAPSHOT_MAX_CLASSES)

_Static_assert(CG_ALLOWANCES <= 8, "struct ticket_verdict has a bit for each allowance");

/* What the peer's certificate is worth to one class of its interface. */
struct ticket_verdict {
    uint8_t reason; /* enum cg_reason; CG_REASON_NONE: admitted */
    uint8_t allowances; /* bit i = enum cg_allowance i: needed for the verdict */
    bool chain_passed; /* the chain check was evaluated and passed, no allowance used */
};

struct ticket {
    uint64_t generation;
    uint32_t interface; /* index in the generation */
    uint8_t policy[CG_SHA256_SIZE]; /* digest of level, checks, names, store, … of the interface */
    uint16_t tls_version;
    bool certificate; /* the peer had presented one */
    uint8_t leaf[CG_SHA256_SIZE];
    uint8_t chain[CG_SHA256_SIZE]; /* of the chain sent */
    bool chain_left_out; /* more than the received certificate was sent; the session holds only that */
    uint8_t levels
            [CG_LEVEL_COUNT]; /* enum cg_reason at each level, by the rules of the first class */
    struct ticket_verdict verdicts[TICKET_MAX_CLASSES]; /* of each class of the interface */
    uint8_t verdict_count;
    int64_t decided; /* the second of the full handshake */
    int64_t good_from; /* what admits the peer holds from … */
    int64_t good_until; /* … to, both included */
    uint8_t incident[TICKET_INCIDENT_SIZE]; /* of the record with all findings */
    char address[TICKET_ADDRESS_SIZE]; /* the peer's: names and classes may rest on it */
    char sni[GW_MAX_SNI + 1];
    size_t sni_len;
};

/* What a ticket is held against when it comes back. */
struct ticket_scene {
    uint64_t generation;
    uint32_t interface;
    const uint8_t *policy;
    uint16_t tls_version;
    const char *address;
    bool needs_chain; /* the chain sent is passed on: a session that holds only its first part will not do */
    const char *sni;
    size_t sni_len;
    int64_t now;
    uint32_t lifetime; /* seconds after the full handshake, renewals included */
};

/* Writes the ticket's data; the number of octets, 0 when size is too small. */
size_t ticket_encode(const struct ticket *ticket, uint8_t *out, size_t size);
/* Reads it back; false unless data is exactly one ticket of this version. */
bool ticket_decode(const uint8_t *data, size_t len, struct ticket *out);
/* True while everything that the verdict rests on still holds. */
bool ticket_holds(const struct ticket *ticket, const struct ticket_scene *scene);

#endif
