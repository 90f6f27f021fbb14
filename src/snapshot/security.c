#include "snapshot/security.h"

#include <stddef.h>
#include <string.h>

#include <openssl/obj_mac.h>
#include <openssl/prov_ssl.h>

/* AES-128 first: SHA-256 has instructions of its own on the machines we run on, SHA-384 has not. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* Forward secrecy and authenticated encryption (RFC 9325 section 4.2). */
#define CIPHERS_HIGH                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* With CBC and SHA-2 (RFC 5289 section 3.1): forward secrecy still, for peers without GCM. */
#define CIPHERS_MEDIUM                                                                             \
    CIPHERS_HIGH ":"                                                                               \
                 "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"                              \
                 "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384"

/*
 * With CBC and SHA-1, and with RSA key exchange, which has no forward secrecy (RFC 9325 section 4.1 says
 * SHOULD NOT). No finite-field DH: what can do that can do one of these.
 */
#define CIPHERS_LOW                                                                                \
    CIPHERS_MEDIUM ":"                                                                             \
                   "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"                                  \
                   "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"                                  \
                   "AES128-GCM-SHA256:AES256-GCM-SHA384:"                                          \
                   "AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA"

#define GROUPS                                                                                     \
    {                                                                                              \
        NID_X25519, NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1, NID_X448, 0                \
    }

static const struct security_info rows[SECURITY_COUNT] = {
    [SECURITY_DISABLED] = {
        .id = "disabled",
        .explain = "the service has no open port",
    },
    [SECURITY_UNSECURE_ONLY] = {
        .id = "unsecure-only",
        .explain = "the port without TLS alone: nothing is encrypted and no peer is known",
        .plain = true,
    },
    [SECURITY_UNSECURE_AND_SECURE] = {
        .id = "unsecure+secure",
        .explain = "both ports; TLS as at secure-low",
        .plain = true,
        .tls = true,
        .min_tls = TLS1_2_VERSION,
        .ciphers = CIPHERS_LOW,
        .suites = SUITES,
        .groups = GROUPS,
    },
    [SECURITY_LOW] = {
        .id = "secure-low",
        .explain = "TLS alone, for old equipment: also CBC with SHA-1 and RSA key exchange, by which "
                   "whoever gets our key later reads what was recorded",
        .tls = true,
        .min_tls = TLS1_2_VERSION,
        .ciphers = CIPHERS_LOW,
        .suites = SUITES,
        .groups = GROUPS,
    },
    [SECURITY_MEDIUM] = {
        .id = "secure-medium",
        .explain = "TLS alone, with forward secrecy always: AES-GCM, ChaCha20, and CBC with SHA-2",
        .tls = true,
        .min_tls = TLS1_2_VERSION,
        .ciphers = CIPHERS_MEDIUM,
        .suites = SUITES,
        .groups = GROUPS,
    },
    [SECURITY_HIGH] = {
        .id = "secure-high",
        .explain = "TLS alone, with forward secrecy and authenticated encryption always; every client "
                   "must present a certificate",
        .tls = true,
        .require_certificate = true,
        .min_tls = TLS1_2_VERSION,
        .ciphers = CIPHERS_HIGH,
        .suites = SUITES,
        .groups = GROUPS,
    },
};

const struct security_info *
security_info(enum security security)
{
    return &rows[security];
}

bool
security_from_name(const char *name, enum security *out)
{
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        if (strcmp(rows[i].id, name) == 0) {
            *out = (enum security)i;
            return true;
        }
    }
    return false;
}

bool
security_has_group(const struct security_info *info, int nid)
{
    for (size_t i = 0; info->groups[i] != 0; i++)
        if (info->groups[i] == nid)
            return true;
    return false;
}
