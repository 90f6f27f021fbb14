/* What the parts of the engine's benchmark share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <certgate/certgate.h>

struct der {
    uint8_t *bytes;
    size_t len;
};

/* Ends the program with this sentence where something that must hold does not. */
void need(bool ok, const char *what);
/* Time that this process had on the processor, in microseconds. */
double cpu_us(void);
/* Sorts. */
double median(double *values, size_t count);

/* "P-256", "P-384", "RSA-2048". */
EVP_PKEY *new_key(const char *kind);
/* issuer NULL: self-signed. */
struct der mint_ca(
        const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer, long serial);
struct der mint_leaf(const char *issuer, EVP_PKEY *key, EVP_PKEY *signer, long serial);

/* A frozen store of one certificate. */
struct cg_store *store_of(const struct der *root);

/* GnuTLS: one root from here on (NULL: none), and whether it accepts this leaf below it. */
void gnutls_trust(const struct der *root);
bool gnutls_judge(const struct der *leaf, const struct der *inter);

void measure_hostile(void);
void measure_stores(int rounds);
void measure_workers(int rounds);

#endif
