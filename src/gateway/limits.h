/* Every bound of the worker, each with its reason. The engine's own are in lib/base/limits.h. */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

/* Certificates and bytes of a chain that are judged; more is `too-large` (shared contract, section 9). */
#define GW_MAX_CHAIN_CERTS 16
#define GW_MAX_CHAIN_BYTES (64 * 1024)
/*
 * Certificate message that libssl takes at all. Above GW_MAX_CHAIN_BYTES, so that a chain just over the
 * limit is answered by us, with a record that names its size; and a bound on what one peer that is not
 * yet known can make the worker allocate.
 */
#define GW_MAX_CERT_MESSAGE (80 * 1024)
/* server_name of a ClientHello: RFC 1035 section 2.3.4 allows 255 octets. */
#define GW_MAX_SNI 255
/* Ticket application data: the fixed part is under 260 octets, beside it one server name and three octets a class. */
#define GW_MAX_TICKET_DATA 640

/* PROXY header that a balancer may send: addresses, and TLVs with a client certificate among them. */
#define GW_MAX_PROXY_HEADER (16 * 1024)

/* Bytes moved at once: one system call for four records of TLS; more does not go faster (measured). */
#define GW_RELAY_BYTES (64 * 1024)
/* Reads in one direction before the next connection has its turn. */
#define GW_RELAY_ROUNDS 4
/* Connections taken from one listener before the loop looks at the others. */
#define GW_ACCEPT_ROUNDS 32
/* After a refusal the peer's bytes are read to the end for this long, so that it sees the alert … */
#define GW_LINGER_MS 2000
/* … and at most this many: what a peer sends before it has seen the alert fits into its first window. */
#define GW_LINGER_BYTES (256 * 1024)
/* Pause of the accepting when the process has no descriptor left. */
#define GW_ACCEPT_PAUSE_MS 200

/* Records and log lines waiting for certgated. A record takes 2 to 6 KiB: a second's worth of both. */
#define GW_OUTBOX_BYTES (8 * 1024 * 1024)
/* From here on no new connection is accepted until certgated has caught up. */
#define GW_OUTBOX_PAUSE_BYTES (2 * 1024 * 1024)
/* Text from libssl's error queue in a record. */
#define GW_MAX_DETAIL 400

#endif
