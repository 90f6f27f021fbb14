/*
 * The PROXY protocol, versions 1 and 2: what a balancer in front of us says about a connection, and
 * what we say to the backend about it. (docs/protocols/proxy.md)
 */
#ifndef GATEWAY_PROXY_H
#define GATEWAY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Both ends of a TCP connection; AF_UNSPEC when they are not known. */
struct proxy_ends {
    struct sockaddr_storage from;
    struct sockaddr_storage to;
};

enum proxy_result {
    PROXY_MORE, /* all of data belongs to a header that goes on */
    PROXY_DONE, /* the first *used bytes are the header */
    PROXY_BAD, /* no header, or a malformed one; *why says what */
};

/*
 * Reads a header at the start of data. ends comes back AF_UNSPEC where the balancer speaks for itself
 * (v1 UNKNOWN, v2 LOCAL or no address family): the connection's own ends are then the right ones.
 */
enum proxy_result proxy_read(
        const uint8_t *data, size_t len, size_t *used, struct proxy_ends *ends, const char **why);

/* What a header for the backend says. Pointers are borrowed; NULL text is left out. */
struct proxy_facts {
    struct proxy_ends ends; /* AF_INET or AF_INET6 both; families may differ */
    const char *authority; /* server name of the ClientHello */
    const char *unique_id;
    const char *tls; /* "TLSv1.3" */
    const char *cipher;
    const char *common_name; /* UTF-8 */
    const char *key_algorithm; /* "RSA2048" */
    const char *signature_algorithm; /* "RSA-SHA256" */
    const uint8_t *certificate; /* DER; NULL: the peer showed none */
    size_t certificate_len;
    bool full_handshake; /* the certificate came on this connection, not with a session */
    bool verified; /* `chain` was evaluated and passed without an allowance */
};

/*
 * Writes a version 1 or 2 header into new memory that the caller frees; NULL without memory, or when
 * the facts do not fit a header (64 KiB).
 */
uint8_t *proxy_write(unsigned version, const struct proxy_facts *facts, size_t *len);

#endif
