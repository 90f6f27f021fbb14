/* Certificates for tests, made in the process with OpenSSL: whatever a test wants, malformed too. */
#ifndef TESTS_MINT_H
#define TESTS_MINT_H

#include <openssl/evp.h>

#include <certgate/cert.h>
#include <certgate/store.h>

/* The moment at which minted certificates are valid unless asked otherwise: 2026-11-24T00:00:00Z. */
#define MINT_NOW INT64_C(1795478400)
#define MINT_DAY INT64_C(86400)

struct mint {
    const char *subject; /* "CN=a,O=b", first RDN first; "" for an empty name */
    const char *issuer; /* NULL: the subject */
    EVP_PKEY *key;
    EVP_PKEY *signer; /* NULL: key */
    int64_t not_before; /* both 0: from a day before MINT_NOW to a year after it */
    int64_t not_after;
    int version; /* 0: 3 */
    long serial; /* 0: 1 */
    const char *serial_hex; /* NULL: serial; "-1", "00" */
    const char *digest; /* NULL: SHA256, or none where the key wants none */
    bool pss; /* RSASSA-PSS with a salt as long as the digest */
    bool spoil; /* break the signature */
    /*
     * As in an OpenSSL configuration file, "name=value", up to the first NULL:
     * "basicConstraints=critical,CA:TRUE,pathlen:0", "nameConstraints=permitted;DNS:a.example",
     * "2.5.29.30=DER:30:00" (raw bytes), "1.2.3.4=critical,DER:05:00".
     */
    const char *extensions[12];
};

/* A new key: "P-256", "RSA-1024", "PSS-2048", "DSA-1024", "ED25519", …; kept until the process ends, one per name. */
EVP_PKEY *mint_key(const char *name);

/* DER in malloc'ed memory. Fails the test when OpenSSL does not want to. */
uint8_t *mint_der(const struct mint *what, size_t *len);

/* The same, parsed by the library under test; free with cg_cert_free(). */
struct cg_cert *mint_cert(const struct mint *what);

/* A frozen store of these certificates (NULL ends them); free with cg_store_free(). */
struct cg_store *mint_store(struct cg_cert *const *certs);

#endif
