/* One CRL or OCSP response in STATE/revocation/: a few lines of our own, an empty line, the DER. */
#ifndef CONTROL_EVIDENCE_FILE_H
#define CONTROL_EVIDENCE_FILE_H

#include <certgate/certgate.h>

#include "snapshot/ipc.h"

/* Where it comes from, and what is known of it. */
struct evidence_item {
    uint64_t number;
    enum cg_evidence_kind kind;
    char source[IPC_MAX_URL + 1]; /* a URL, or a file's path */
    uint8_t request[IPC_MAX_REQUEST];
    size_t request_len;
    int64_t wanted_until; /* seconds since 1970: the certificate that names it ends */
    int64_t from, until; /* it may be believed; until < from: nothing is here */
    int fd; /* the memory file, or -1 */
};

/* A sealed memory file of these bytes; -1 with errno. */
int evidence_memory(const uint8_t *bytes, size_t len);
/* Writes it whole or not at all; what goes wrong is lost until the next start only. */
bool evidence_file_write(int folder, const struct evidence_item *item);
void evidence_file_remove(int folder, const struct evidence_item *item);
/* Reads one; false where it is none of ours. The caller owns item->fd. */
bool evidence_file_read(int folder, const char *name, struct evidence_item *item);

#endif
