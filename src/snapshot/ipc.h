/*
 * Messages between certgated and a worker, or certgate-fetch: one SOCK_SEQPACKET pair for each, descriptor 3
 * in it.
 *
 * A message is a header and a payload in one packet, descriptors beside it. Each row says who may send
 * it, how many descriptors it carries and when it is allowed; anything else ends the connection.
 */
#ifndef SNAPSHOT_IPC_H
#define SNAPSHOT_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <certgate/status.h>

#define IPC_WORKER_FD 3
#define IPC_MAX_PAYLOAD (128 * 1024) /* a record with 16 certificates' facts stays under 100 KiB */
#define IPC_MAX_FDS 64

/* clang-format off */
#define IPC_MESSAGES(X)                                                                             \
    /* name         from     fds              when                                                */  \
    X(KEY,          CONTROL, "none",          "before SNAPSHOT: generation, identity index, PKCS#8 DER") \
    X(METRICS,      CONTROL, "the page",      "first of all: the worker counts in it (metrics.h)")            \
    X(SESSIONS,     CONTROL, "the memory file", "before the first SNAPSHOT: the worker keeps TLS sessions in it, shared with the others (sessions.h)") \
    X(LISTENERS,    CONTROL, "one per socket", "before SNAPSHOT: generation, then interface index and listener index of each") \
    X(SNAPSHOT,     CONTROL, "the memory file", "last of a generation: the worker builds and switches to it") \
    X(ADDRESSES,    CONTROL, "none",          "after SNAPSHOT and when a name's addresses change: where an outbound interface's far end is; none: its name leads nowhere") \
    X(DRAIN,        CONTROL, "none",          "stop accepting, end when the last connection ends or after N ms") \
    X(READY,        WORKER,  "none",          "the generation is in force in this worker")           \
    X(FAILED,       WORKER,  "none",          "the generation could not be built: text; the old one stays") \
    X(RECORD,       WORKER,  "none",          "one decision record: a JSON object, UTF-8, no newline") \
    X(LOG,          WORKER,  "none",          "one line for the operator: severity octet, text")         \
    X(SANDBOX,      WORKER,  "none",          "first of all: confinement octet, text")                  \
    X(CHAIN,        WORKER,  "none",          "after the RECORD of a peer that was admitted: the certificates that it sent, where they are not known to have been told") \
    X(AUDIT,        CONTROL, "none",          "before the first SNAPSHOT and when it changes: whether what is decided must be recorded, and can be") \
    X(EVIDENCE,     CONTROL, "the memory file, or none", "before the first SNAPSHOT and when it changes: a CRL or an OCSP response; without a file it is no longer known") \
    X(ASK,          WORKER,  "none",          "a certificate with a path to a trusted root names this CRL or responder, and what it says is not known") \
    X(FETCH,        CONTROL, "none",          "to certgate-fetch: what to fetch, and whether private addresses may be reached for it") \
    X(FETCHED,      FETCHER, "the memory file, or none", "what came, and how long it is good; or why nothing did") \
    X(PROBE,        CONTROL, "none",          "to a certgate-fetch that is there for nothing else: the TLS server whose certificates are wanted, and whether this machine may be reached") \
    X(PROBED,       FETCHER, "none",          "once, after PROBE: the certificates that the server showed, or why none came")
/* clang-format on */

enum ipc_type {
#define X(name, from, fds, when) IPC_##name,
    IPC_MESSAGES(X)
#undef X
            IPC_TYPE_COUNT
};

struct ipc_message {
    enum ipc_type type;
    const uint8_t *payload; /* borrowed from the receive buffer, valid until the next receive */
    size_t len;
    int fds[IPC_MAX_FDS]; /* owned by the receiver, close on exec */
    size_t fd_count;
};

/*
 * Payload layouts, big-endian, read with the library's bounded reader:
 *
 *   KEY          u64 generation, u32 identity index, PKCS#8 DER to the end
 *   METRICS      nothing
 *   SESSIONS     nothing
 *   LISTENERS    u64 generation, then for each descriptor u32 interface index, u32 listener index
 *   SNAPSHOT     u64 generation
 *   ADDRESSES    u64 generation, u32 interface index, then 0..SNAPSHOT_MAX_ADDRESSES times
 *                IPC_ADDRESS_SIZE octets in the order in which they are to be tried: an IPv6 address, or
 *                an IPv4 one as ::ffff:0:0/96 maps it (RFC 4291 section 2.5.5.2)
 *   DRAIN        u32 milliseconds
 *   READY        u64 generation
 *   FAILED       u64 generation, text to the end
 *   RECORD       the JSON object
 *   LOG          u8 severity (enum ipc_severity), text to the end
 *   SANDBOX      u8 confinement (enum ipc_confinement), text to the end
 *   CHAIN        certificates, DER, one behind the other, the received one first
 *   AUDIT        u8 (enum ipc_audit)
 *   EVIDENCE     u64 number (of the item, so that it can be replaced), u8 kind (enum cg_evidence_kind), source
 *                to the end; the file holds the DER
 *   ASK          u8 kind, u64 last second at which it is of interest, u16 length of the URL, URL, OCSP request
 *                to the end
 *   FETCH        u64 number, u8 kind, u8 1: private addresses too, u16 length of the URL, URL, OCSP request to
 *                the end
 *   FETCHED      u64 number, u64 from and u64 until: seconds in which it may be believed, text to the end: why
 *                nothing came, or why it is of no use; "" where it is
 *   PROBE        u8 1: every address, u16 port, host to the end: an address, or a name of IPC_MAX_HOST octets
 *   PROBED       see probed.h
 *
 * After an upgrade in place, workers of the version before talk to certgated of the version after: the
 * rows only grow, at the end, and a payload whose layout must change gets a row of its own.
 */
enum ipc_severity { IPC_LOG_ERROR = 3, IPC_LOG_WARNING = 4, IPC_LOG_INFO = 6, IPC_LOG_DEBUG = 7 };

/*
 * Whether a decision must be recorded: losses are counted; peers are refused whose record finds no way; nothing can
 * be recorded now, so that nobody is admitted.
 */
enum ipc_audit { IPC_AUDIT_BEST_EFFORT, IPC_AUDIT_REQUIRED, IPC_AUDIT_UNAVAILABLE };

/* What a worker is confined by: nothing, some of what the sandbox is made of, all of it. */
enum ipc_confinement { IPC_CONFINED_OFF, IPC_CONFINED_PARTIAL, IPC_CONFINED_FULL };

/* The setting `sandbox`, in the worker's arguments as --sandbox=NAME. */
enum ipc_sandbox { IPC_SANDBOX_OFF, IPC_SANDBOX_ON, IPC_SANDBOX_REQUIRED };
const char *ipc_sandbox_name(enum ipc_sandbox sandbox);
bool ipc_sandbox_from_name(const char *name, enum ipc_sandbox *out);

/* Exit status of a worker that must be confined and cannot be. */
#define IPC_EXIT_UNCONFINED 78

#define IPC_ADDRESS_SIZE 16
#define IPC_MAX_URL 1024
#define IPC_MAX_HOST 255
#define IPC_MAX_REQUEST 256 /* an OCSP request without a nonce has some 80 octets */
#define IPC_MAX_CHAIN (16 * 1024) /* longer ones are not told: real chains have 2 to 7 KiB */

/* Sends one packet. CG_E_LIMIT when too large, CG_E_USAGE when the peer is gone or the queue is full
 * (errno tells: EAGAIN, EPIPE). Never blocks on a non-blocking socket. */
CG_CHECKED enum cg_status ipc_send(int socket, enum ipc_type type, const void *payload, size_t len,
        const int *fds, size_t fd_count, struct cg_error *err);

/*
 * Receives one packet into buffer (IPC_MAX_PAYLOAD + 16 bytes). CG_OK with *more false at end of
 * stream or when nothing is waiting (then message->type is IPC_TYPE_COUNT; *closed tells which).
 */
CG_CHECKED enum cg_status ipc_receive(int socket, uint8_t *buffer, struct ipc_message *message,
        bool *closed, struct cg_error *err);

const char *ipc_type_name(enum ipc_type type);

#endif
