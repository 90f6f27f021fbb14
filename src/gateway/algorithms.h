/*
 * The worker's library context holds what TLS here and X.509 need, and no more: for each public key that
 * it parses, OpenSSL 3.0 walks through every algorithm and decoder that it knows of.
 */
#ifndef GATEWAY_ALGORITHMS_H
#define GATEWAY_ALGORITHMS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Makes the process's default library context the narrow one. Before anything else of OpenSSL's is used,
 * and before the sandbox. False when OpenSSL is not as we know it: then nothing is changed for good but
 * the process must not go on.
 */
bool algorithms_narrow(void);

/* A private key from its DER, which takes decoders that only the whole provider has. */
EVP_PKEY *algorithms_private_key(const uint8_t *der, size_t len);

#endif
