/* The decision record of one connection (docs/protocols/record.md). */
#ifndef GATEWAY_RECORD_H
#define GATEWAY_RECORD_H

#include <certgate/certgate.h>

#include "gateway/ticket.h"

/* Grows by one when a member changes its meaning or goes; new members do not count. */
#define RECORD_VERSION 1

/* What is told of a connection. Pointers are borrowed; NULL text is null in the record. */
struct record {
    int64_t time_ms;
    const char *node;
    uint64_t generation;
    const uint8_t *incident; /* TICKET_INCIDENT_SIZE octets */
    const char *interface;
    enum cg_service service;
    enum cg_role role;
    const char *step; /* where it was decided */
    const char *peer; /* address:port; outbound NULL while none is connected */
    const char *local; /* outbound: the local program's address:port, or NULL */
    const char *via; /* the balancer that said so, or NULL */
    const char *class; /* which class it was judged as, NULL while that is not known … */
    const char *class_by; /* … and what made it that */
    size_t class_index; /* of the ticket's verdicts */
    const char *sni;
    const char *tls;
    const char *cipher;
    const struct cg_policy *policy;
    /* One of the two: a decision, or the ticket of a resumed session with the certificate it was about. */
    const struct cg_decision *decision;
    const struct ticket *ticket;
    const char *ticket_cert; /* in JSON */
    /* With a decision that refuses although the peer's certificate was accepted: that acceptance. */
    const struct cg_decision *before;
    bool resumed;
    const char *live; /* what becomes of a connection that is no longer admitted; NULL: it is new */
    int presented; /* certificates that the peer sent; -1: it did not come to that */
    int alert_sent; /* -1: none */
    int alert_received; /* -1: none */
};

/* 26 letters and digits (RFC 4648 section 6, lower case, no padding), NUL-terminated. */
#define INCIDENT_TEXT_SIZE 27
void incident_text(const uint8_t incident[TICKET_INCIDENT_SIZE], char out[INCIDENT_TEXT_SIZE]);

/*
 * The record as one JSON object of at most max octets; findings, path and other levels are left out
 * (with "cut": true) before that is exceeded. The caller frees it; NULL only without memory.
 */
char *record_json(const struct record *record, size_t max);

#endif
