/*
 * The snapshot: one committed generation as certgated compiles it and workers read it.
 *
 * certgated fills a struct snapshot, encodes it into a sealed memory file and hands the descriptor to
 * each worker, which maps and decodes it. Private keys are never in it (see ipc.h). The encoding is
 * versioned, big-endian, bounds-checked by the library's reader, and the same on both sides: this is
 * the one header through which control and gateway meet, beside ipc.h.
 */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <certgate/certgate.h>

#include "snapshot/security.h"

#define SNAPSHOT_MAX_INTERFACES 64
#define SNAPSHOT_MAX_LISTENERS 16 /* per interface */
#define SNAPSHOT_MAX_IDENTITIES 32
#define SNAPSHOT_MAX_PRESENTED 16 /* identities of one interface, chosen by server name */
/* Octets of all CA names, each with two of length, that a request for a certificate may carry. */
#define SNAPSHOT_MAX_CA_NAMES (64 * 1024)
#define SNAPSHOT_NAME_SIZE 64
#define SNAPSHOT_MAX_NETWORKS 64
#define SNAPSHOT_MAX_CLASSES 32 /* per interface: a session ticket holds a verdict for each */
#define SNAPSHOT_PATH_SIZE 256
#define SNAPSHOT_HOST_SIZE 256
#define SNAPSHOT_MAX_PINS 4096 /* of one interface, trunk or line */
#define SNAPSHOT_REASON_SIZE 1025 /* of a pin */
#define SNAPSHOT_MAX_ADDRESSES 8 /* of an outbound interface's far end */

struct snapshot_blob {
    uint8_t *data;
    size_t len;
};

/* A certificate of our own with what is sent along; the key comes over IPC under the same index. */
struct snapshot_identity {
    char name[SNAPSHOT_NAME_SIZE];
    struct snapshot_blob *chain; /* DER, own certificate first */
    size_t chain_count;
};

struct snapshot_allowance {
    enum cg_allowance allowance;
    int64_t until; /* INT64_MAX: no end */
};

/* A certificate that an administrator admits although checks fail on it. */
struct snapshot_pin {
    uint8_t sha256[CG_SHA256_SIZE];
    int64_t until; /* last second */
    char *reason;
};

struct snapshot_address {
    struct sockaddr_storage addr; /* AF_INET, AF_INET6 or AF_UNIX */
    socklen_t len;
};

/* Source addresses: an IPv6 prefix, or an IPv4 one as ::ffff:0:0/96 maps it (RFC 4291 section 2.5.5.2). */
struct snapshot_network {
    uint8_t prefix[16];
    uint8_t bits; /* 0 to 128 */
};

/* PROXY protocol version that a backend is told the connection by. */
enum snapshot_proxy { SNAPSHOT_PROXY_OFF, SNAPSHOT_PROXY_V1, SNAPSHOT_PROXY_V2 };

/* Which setting a level was taken from. */
enum snapshot_level_from {
    SNAPSHOT_LEVEL_OWN, /* the interface's, trunk's or line's own */
    SNAPSHOT_LEVEL_MANAGEMENT,
    SNAPSHOT_LEVEL_TELEPHONY,
};

/* What a received certificate is judged by. */
struct snapshot_rules {
    enum cg_level level;
    enum snapshot_level_from level_from; /* stays with certgated: workers are not told */
    cg_check_set checks; /* where level is CG_LEVEL_CUSTOM */
    bool latched;
    bool require_certificate;
    bool ca_eku;
    bool partial_chain;
    enum cg_revocation_mode revocation;
    unsigned max_depth;
    struct snapshot_allowance allowances[CG_ALLOW_COUNT];
    size_t allowance_count;
    char **names; /* reference names of the peers, A-labels or addresses */
    size_t name_count;
    char **sip_domains;
    size_t sip_domain_count;
    struct snapshot_pin *pins;
    size_t pin_count;
};

/* A kind of peer that shares an interface with others and has rules of its own. */
enum snapshot_class_kind { SNAPSHOT_CLASS_TRUNK, SNAPSHOT_CLASS_LINE, SNAPSHOT_CLASS_KINDS };

struct snapshot_class {
    char name[SNAPSHOT_NAME_SIZE];
    enum snapshot_class_kind kind;
    struct snapshot_rules rules;
    struct snapshot_network from[SNAPSHOT_MAX_NETWORKS]; /* source addresses that make a peer one */
    size_t from_count;
    char path[SNAPSHOT_PATH_SIZE]; /* of a line's WebSocket upgrade; "" for a trunk */
    bool every_request; /* sip-match: the From domain of each request is judged */
    bool tls_only; /* a line whose security is above unsecured: not without TLS */
};

/* What is understood of the bytes after the handshake. */
enum snapshot_mode { SNAPSHOT_MODE_TCP, SNAPSHOT_MODE_HTTP, SNAPSHOT_MODE_SIP, SNAPSHOT_MODES };

/* What becomes of a connected peer that the settings, the trust store or the clock no longer admit. */
enum snapshot_live {
    SNAPSHOT_LIVE_CLOSE,
    SNAPSHOT_LIVE_DRAIN,
    SNAPSHOT_LIVE_LEAVE,
    SNAPSHOT_LIVES
};

/* Header fields that tell an HTTP backend of the peer's certificate, beside Certgate-Verdict; bits. */
enum {
    SNAPSHOT_FIELD_CLIENT_CERT = 1 << 0, /* RFC 9440 Client-Cert */
    SNAPSHOT_FIELD_CLIENT_CERT_CHAIN = 1 << 1, /* RFC 9440 Client-Cert-Chain */
    SNAPSHOT_FIELD_XFCC = 1 << 2, /* X-Forwarded-Client-Cert */
    SNAPSHOT_FIELD_XFCC_CERT = 1 << 3, /* … with the certificate in it */
    SNAPSHOT_FIELD_ALL = (1 << 4) - 1,
};

struct snapshot_listener {
    struct snapshot_address at;
    bool plain; /* without TLS: service security unsecure-only or unsecure+secure */
};

struct snapshot_interface {
    char name[SNAPSHOT_NAME_SIZE];
    enum cg_role role;
    enum cg_service service;
    enum snapshot_mode mode;
    enum security security;
    bool ask_certificate; /* false: none is asked for, because nobody here needs one */
    struct snapshot_rules rules; /* of whoever is of no class below */
    bool phones; /* whoever is no trunk is a SIP phone */
    bool others; /* false: a peer of no class is refused, class-unknown */
    struct snapshot_class *classes; /* trunks of a SIP interface, lines of an HTTPS one */
    size_t class_count;
    /*
     * Indexes into identities. Inbound: the first is presented to who asks for a name that none is for.
     * Outbound: one, or none where no certificate is shown.
     */
    uint32_t presented[SNAPSHOT_MAX_PRESENTED];
    size_t presented_count;
    bool ca_names; /* inbound: the request for a certificate names the CAs that are trusted */
    bool offer_chain; /* send what is between our certificate and its root */
    int min_tls; /* TLS1_2_VERSION or TLS1_3_VERSION */
    struct snapshot_listener listen[SNAPSHOT_MAX_LISTENERS];
    size_t listen_count;
    struct snapshot_address backend; /* inbound */
    char connect_host[SNAPSHOT_HOST_SIZE]; /* outbound: DNS name or address of the far end … */
    uint16_t connect_port;
    struct snapshot_address connect[SNAPSHOT_MAX_ADDRESSES]; /* … and where it is now */
    size_t connect_count;
    char server_name[SNAPSHOT_HOST_SIZE]; /* outbound: SNI; "" for an address */
    enum snapshot_proxy proxy;
    struct snapshot_network
            proxy_from[SNAPSHOT_MAX_NETWORKS]; /* balancers that send PROXY headers */
    size_t proxy_from_count;
    bool answer; /* a refusal after the handshake is answered in the protocol */
    uint32_t identity_fields; /* SNAPSHOT_FIELD_… */
    enum snapshot_live live;
    uint32_t handshake_timeout_ms;
    uint32_t request_timeout_ms; /* from the handshake to the first whole request head */
    uint32_t connect_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t session_timeout_s; /* 0: no sessions */
    uint32_t max_connections; /* per worker */
    uint32_t max_per_source; /* per worker and source address */
};

struct snapshot_mapping; /* mapping.h */

struct snapshot {
    uint64_t generation;
    char node[SNAPSHOT_NAME_SIZE];
    struct snapshot_interface *interfaces;
    size_t interface_count;
    struct snapshot_identity *identities;
    size_t identity_count;
    struct snapshot_blob *tcs; /* DER of every entry of the Trusted Certificate Store … */
    size_t tcs_count;
    struct snapshot_mapping *mapping; /* … which lies in here; NULL where each was allocated */
    struct snapshot_blob
            *ca_names; /* DER of the subjects of its CAs; empty where no interface sends them */
    size_t ca_name_count;
};

/* Encodes into a new sealed memory file; *fd is owned by the caller (close on exec). */
CG_CHECKED enum cg_status snapshot_write(
        const struct snapshot *snapshot, int *fd, struct cg_error *err);
/* Maps, checks and decodes; *out is owned by the caller. fd stays the caller's. */
CG_CHECKED enum cg_status snapshot_read(int fd, struct snapshot **out, struct cg_error *err);
/*
 * The same, but the trusted certificates stay in the file's pages, which all that map it share: it must be sealed, as
 * snapshot_write() leaves it.
 */
CG_CHECKED enum cg_status snapshot_map(int fd, struct snapshot **out, struct cg_error *err);
/* Lets go of the trusted certificates, once there is a store of them. */
void snapshot_drop_tcs(struct snapshot *snapshot);
/* True when the address (AF_INET or AF_INET6) lies in one of the networks. */
bool snapshot_networks_hold(
        const struct snapshot_network *networks, size_t count, const struct sockaddr *address);
/* True when some address lies in both networks. */
bool snapshot_networks_overlap(const struct snapshot_network *a, const struct snapshot_network *b);
/* True for an outbound interface whose far end is given by name: where that is comes in ADDRESSES. */
bool snapshot_wants_name(const struct snapshot_interface *it);
/* An IP address as 16 octets, IPv4 mapped as in snapshot_network; false for another family. */
bool snapshot_address_octets(const struct snapshot_address *address, uint8_t out[16]);
/* The way back, with a port. */
struct snapshot_address snapshot_address_from(const uint8_t octets[16], uint16_t port);
/*
 * Admits a certificate on the interface of that name, for peers of no trunk and no line; or, where no
 * interface has it, as the trunk or line of that name. A pin of the same certificate is replaced.
 *
 * pin   borrowed, its reason too
 *
 * Returns CG_OK, CG_E_USAGE when there is no such place, CG_E_LIMIT or CG_E_NOMEM.
 */
CG_CHECKED enum cg_status snapshot_pin_add(struct snapshot_interface *interfaces, size_t count,
        const char *place, const struct snapshot_pin *pin, struct cg_error *err);
/* The same on one set of rules. */
CG_CHECKED enum cg_status snapshot_rules_pin(
        struct snapshot_rules *rules, const struct snapshot_pin *pin, struct cg_error *err);
/* Frees what an interface holds, not itself. */
void snapshot_interface_release(struct snapshot_interface *it);
/* Frees what rules hold, not themselves. */
void snapshot_rules_release(struct snapshot_rules *rules);
/* Frees a decoded or hand-built snapshot with all it holds; NULL is allowed. */
void snapshot_free(struct snapshot *snapshot);

#endif
