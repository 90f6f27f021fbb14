/*
 * What the worker still has to say to certgated: messages are sent at once while the socket takes them,
 * and wait here, bounded, when it does not. Nothing of what was accepted into the box is ever dropped.
 */
#ifndef GATEWAY_OUTBOX_H
#define GATEWAY_OUTBOX_H

#include "snapshot/ipc.h"

struct outbox_entry;

struct outbox {
    int socket;
    struct outbox_entry *first;
    struct outbox_entry *last;
    size_t bytes; /* waiting */
    bool broken; /* certgated is gone */
};

void outbox_init(struct outbox *outbox, int socket);
void outbox_release(struct outbox *outbox);
/* CG_OK when the message is sent or waits; CG_E_LIMIT when the box is full or the message too large. */
CG_CHECKED enum cg_status outbox_put(
        struct outbox *outbox, enum ipc_type type, const void *payload, size_t len);
/* Sends what the socket takes. */
void outbox_flush(struct outbox *outbox);
/* The last word: sends what waits, and waits for certgated to take it, as long as it goes on to. */
void outbox_finish(struct outbox *outbox);

#endif
