/* Values as they stand in the file. */
#ifndef SETTINGS_VALUES_H
#define SETTINGS_VALUES_H

#include "snapshot/snapshot.h"

/* "500ms", "10s", "5m", "2h", "7d" as milliseconds; false when it is no duration. */
bool value_duration(const char *text, uint64_t *ms);
/* "512B", "64KB", "100MB", "2GB" (thousands) as octets; false when it is no size. */
bool value_size(const char *text, uint64_t *bytes);

/* "192.0.2.1:8443", "[2001:db8::1]:8443"; with allow_unix also "unix:/path". Names are not resolved. */
bool value_address(const char *text, bool allow_unix, struct snapshot_address *out);

/* "sbc.example.com": letters, digits, hyphens, underscores and dots; or an address. */
bool value_host(const char *text, char out[SNAPSHOT_HOST_SIZE]);

/* "sbc.example.com:5061", "192.0.2.1:443", "[2001:db8::1]:443"; the brackets are left out of host. */
bool value_host_port(const char *text, char host[SNAPSHOT_HOST_SIZE], uint16_t *port);

/*
 * A SIP domain in the form that hosts of URIs are compared in: lower case, without the root's dot; an
 * address as inet_ntop() writes it, an IPv4 one that IPv6 maps as IPv4. False when it does not fit.
 */
bool value_sip_domain(const char *text, char out[SNAPSHOT_HOST_SIZE]);

/* True when host is an IP address; out is then it, with the port. */
bool value_numeric(const char *host, uint16_t port, struct snapshot_address *out);

/* "/line/hq": absolute, of unreserved characters and slashes, no empty or dot segment, shorter than size. */
bool value_path(const char *text, size_t size);

/* "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"; bits after the prefix must be zero. */
bool value_network(const char *text, struct snapshot_network *out);

/* "2027-06-30" as its last second, UTC. */
bool value_end_date(const char *text, int64_t *out);

/* "allow-sha1-chain" or "allow-sha1-chain until 2027-06-30". */
bool value_allowance(const char *text, struct snapshot_allowance *out);

/*
 * "SHA256 until 2027-06-30: why" or "… until 2027-06-30T12:00:00Z: why", the fingerprint as 64 hexadecimal
 * digits, with or without colons between octets; out->reason stays as it is, *reason is borrowed.
 */
bool value_pin(const char *text, struct snapshot_pin *out, const char **reason);

/* The SHA-256 of a certificate as above, at the front of a text; what follows it, or NULL. */
const char *value_sha256(const char *text, uint8_t out[CG_SHA256_SIZE]);

/* The name among `names` (NULL at the end) that is nearest to a mistyped one, or NULL. */
const char *value_nearest(const char *typed, const char *const *names);

#endif
