/*
 * Service security: which port of a service is open, and by which algorithms its TLS is spoken. Rows of
 * data, each with a golden file (tests/golden/security-*.txt), which also holds what libssl makes of it.
 */
#ifndef SNAPSHOT_SECURITY_H
#define SNAPSHOT_SECURITY_H

#include <stdbool.h>

enum security {
    SECURITY_DISABLED,
    SECURITY_UNSECURE_ONLY,
    SECURITY_UNSECURE_AND_SECURE,
    SECURITY_LOW,
    SECURITY_MEDIUM,
    SECURITY_HIGH,
    SECURITY_COUNT,
};

#define SECURITY_MAX_GROUPS 8

struct security_info {
    const char *id; /* as in settings */
    const char *explain;
    bool plain; /* the port without TLS is open */
    bool tls; /* the port with TLS is open; only then do the members below count */
    bool require_certificate; /* otherwise none is asked for, unless another class on the port wants one */
    int min_tls; /* TLS1_2_VERSION */
    const char *ciphers; /* TLS 1.2, for SSL_CTX_set_cipher_list(), in our order of preference */
    const char *suites; /* TLS 1.3, for SSL_CTX_set_ciphersuites() */
    int groups[SECURITY_MAX_GROUPS +
            1]; /* of key agreement: NIDs for SSL_CTX_set1_groups(); 0 ends */
};

const struct security_info *security_info(enum security security);
bool security_from_name(const char *name, enum security *out);

/* True when a key may be agreed on this curve (a NID). */
bool security_has_group(const struct security_info *info, int nid);

#endif
