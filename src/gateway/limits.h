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
/* What a session needs beside the certificate at least: one with a larger certificate is not kept. */
#define GW_MIN_SESSION 512

/* PROXY header that a balancer may send: addresses, and TLVs with a client certificate among them. */
#define GW_MAX_PROXY_HEADER (16 * 1024)

/* Head of an HTTP request (shared contract, section 9), its target, and the head of a response. */
#define GW_MAX_REQUEST_HEAD (32 * 1024)
#define GW_MAX_REQUEST_TARGET (8 * 1024)
#define GW_MAX_RESPONSE_HEAD (64 * 1024)
/* Fields of one head: browsers send under 30, and every pass over them is bounded by this. */
#define GW_MAX_HTTP_FIELDS 100
/* Options of all Connection fields together: each is held against each field. */
#define GW_MAX_HTTP_OPTIONS 32
/* Empty lines before a request line that are passed over (RFC 9112 section 2.2). */
#define GW_MAX_HTTP_BLANKS 2
/* Length of one body or chunk: larger numbers are not exact in every backend's arithmetic. */
#define GW_MAX_HTTP_LENGTH ((UINT64_C(1) << 53) - 1)
/* What is no content in a chunked body, at a stretch: a size with extensions, or the trailers. */
#define GW_MAX_CHUNK_FRAMING (8 * 1024)
/* Interim responses to one request: a backend sends one or two. */
#define GW_MAX_HTTP_INTERIMS 32
/* Above this much output a source is not read any further … */
#define GW_HTTP_OUTPUT_MARK (64 * 1024)
/*
 * … and this is never exceeded: the mark, what GW_RELAY_BYTES of input become, and a head with the
 * identity of a chain of GW_MAX_CHAIN_BYTES in three forms.
 */
#define GW_MAX_HTTP_OUTPUT (512 * 1024)
/* Identity of a peer as fields: a chain in base64 (88 KiB), a certificate as PEM (50 KiB), its names. */
#define GW_MAX_IDENTITY_FIELDS (256 * 1024)
/* SIP message head (shared contract, section 9). */
#define GW_MAX_SIP_HEAD (64 * 1024)
/* Its lines, folds among them: 70 Via, 70 Record-Route (RFC 3261 section 8.1.1.6) and the rest thrice. */
#define GW_MAX_SIP_LINES 512
/* SIP message body: SDP and MIME take a few KiB; a proxy behind us must hold a message as a whole. */
#define GW_MAX_SIP_BODY (1024 * 1024)
/* Method: the longest registered one has nine letters; RFC 4475 section 3.1.1.2 tries 42. */
#define GW_MAX_SIP_METHOD 63
/* Request-URI, From, or one value of a Via: RFC 4475 section 3.1.1.7 goes a little over 1 KiB. */
#define GW_MAX_SIP_VALUE (8 * 1024)
/* Host of a URI: RFC 1035 section 2.3.4. */
#define GW_MAX_SIP_HOST 255
/* Bytes of a peer that wait to be looked at: a whole head, and what came with its end. */
#define GW_SIP_INPUT (GW_MAX_SIP_HEAD + 4096)
/* Above this much output a peer is not read any further. */
#define GW_SIP_OUTPUT_MARK (64 * 1024)

/* Bytes moved at once: one system call for four records of TLS; more does not go faster (measured). */
#define GW_RELAY_BYTES (64 * 1024)
/*
 * Reads of the socket by one SSL_read(), which goes on by itself over records that carry nothing for us:
 * a peer that sends key updates or ClientHellos without end is left for the others' turn.
 */
#define GW_TLS_READS 8
/* Reads in one direction before the next connection has its turn. */
#define GW_RELAY_ROUNDS 4
/* Sockets that have something to say and are looked at before timers and certgated are. */
#define GW_EVENTS 256
/* Connections taken from one listener before the loop looks at the others. */
#define GW_ACCEPT_ROUNDS 32
/* After a refusal the peer's bytes are read to the end for this long, so that it sees the alert … */
#define GW_LINGER_MS 2000
/* … and at most this many: what a peer sends before it has seen the alert fits into its first window. */
#define GW_LINGER_BYTES (256 * 1024)
/* A backend connection without a request is kept for so long: less than backends do, mostly 60 s or more. */
#define GW_POOL_IDLE_MS 30000
/* A connection that is to end in order ends when nothing passed for so long … */
#define GW_DRAIN_IDLE_MS 2000
/* … and at the latest after this time. */
#define GW_DRAIN_MS 30000
/* How often connected peers are looked at whose certificates may have run out … */
#define GW_SWEEP_MS 1000
/* … and how long that may take before others have their turn: to judge one again takes some 100 µs. */
#define GW_LOOK_NS (5 * UINT64_C(1000000))
/* An outbound program that has not read what came before a cut: how often we look whether it has now. */
#define GW_CUT_LOOK_MS 50
/* The same of a backend, for this long: the peer is gone, and its place is wanted by others. */
#define GW_CUT_MS 10000
/* Time for one address of a far end before the next is tried beside it (RFC 8305 section 8). */
#define GW_ATTEMPT_MS 250
/* Pause of the accepting when the process has no descriptor left. */
#define GW_ACCEPT_PAUSE_MS 200

/* Records and log lines waiting for certgated. A record takes 2 to 6 KiB: a second's worth of both. */
#define GW_OUTBOX_BYTES (8 * 1024 * 1024)
/* Longest a worker that ends waits for certgated to take one of them. */
#define GW_OUTBOX_PATIENCE_S 1
/* From here on no new connection is accepted until certgated has caught up. */
#define GW_OUTBOX_PAUSE_BYTES (2 * 1024 * 1024)
/* Text from libssl's error queue in a record. */
#define GW_MAX_DETAIL 400

/*
 * Chains of admitted peers that certgated is told of once: of more than these at a time some are told again.
 */
#define GW_TOLD_CHAINS 4096

#endif
