/*
 * A reference, and a certificate that holds nothing but names, from a text of lines:
 *
 *     gw.example.com          the reference
 *     D*.example.com          a dNSName
 *     Usip:example.com        a uniformResourceIdentifier
 *     I....                   an iPAddress, raw bytes behind the I
 *     Nsip.example.com        the commonName
 *
 * Lines that begin with any other letter are otherNames. A line may hold any byte but the newline. Every
 * value lies in memory of exactly its size, so that the sanitizers see a read behind its end.
 */
#ifndef TESTS_FUZZ_PRESENTED_H
#define TESTS_FUZZ_PRESENTED_H

#include "names/names.h"

#define MAX_PRESENTED 32

struct presented {
    char *reference; /* up to its first NUL */
    struct cg_general_name san[MAX_PRESENTED];
    uint8_t *subject; /* DER of a Name; NULL while there was no commonName */
    struct cg_cert cert; /* borrows from the above */
};

void presented_read(struct presented *presented, const uint8_t *data, size_t len);
void presented_release(struct presented *presented);

/* The certificate's entry for OpenSSL: another's idea of the same names. The caller frees it. */
struct x509_st;
struct x509_st *presented_x509(const struct presented *presented);

#endif
