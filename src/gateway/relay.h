/*
 * Bytes between a peer and what is behind us, both ways, untouched. What was read and not yet taken by
 * the other side waits, bounded, and that direction reads no further: backpressure reaches the sender.
 * An idle connection holds no buffer.
 */
#ifndef GATEWAY_RELAY_H
#define GATEWAY_RELAY_H

#include "gateway/stream.h"

/* One direction. */
struct relay_way {
    uint8_t *waiting; /* read, not yet written; NULL mostly */
    size_t at;
    size_t len;
    bool ended; /* the source has said that no more comes … */
    bool passed; /* … and the other side knows */
    const char *why; /* the source broke off: once `waiting` is written, all is over */
    uint64_t bytes;
};

struct relay {
    struct relay_way up; /* peer to backend */
    struct relay_way down; /* backend to peer */
};

enum relay_result {
    RELAY_WAIT, /* until a descriptor is ready for what was asked */
    RELAY_AGAIN, /* there is more to do: after the others' turn */
    RELAY_DONE, /* both ways ended in order */
    RELAY_BROKEN, /* the peer or the backend went without saying so */
};

/* What a run needs and what it found out. */
struct relay_io {
    struct stream peer; /* in: ssl and fd; out: events */
    struct stream backend;
    uint8_t *scratch; /* GW_RELAY_BYTES */
    bool moved; /* out: at least one byte went on */
    const char *who; /* out, with RELAY_BROKEN: "the peer" or "the backend" … */
    bool by_peer;
    const char *why; /* … and what it did */
};

/* One direction's turn, for steps that read the other themselves. FLOW_BROKEN: io->who and io->why. */
enum flow relay_turn(
        struct relay_way *way, struct stream *from, struct stream *to, struct relay_io *io);
/* Writes what waits, and reads nothing: FLOW_MORE when nothing waits any more. */
enum flow relay_flush(struct relay_way *way, struct stream *to, struct relay_io *io);
enum relay_result relay_run(struct relay *relay, struct relay_io *io);
/* Puts bytes before what comes up from the peer; false without memory. Only before the first run. */
bool relay_prepend(struct relay_way *way, const uint8_t *data, size_t len);
void relay_release(struct relay *relay);

#endif
