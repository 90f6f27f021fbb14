/* Transfers of CRLs and OCSP responses with libcurl: several at once, each bounded in everything. */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include <certgate/certgate.h>

#include "base/span.h"
#include "snapshot/ipc.h"

#define TRANSFER_MAX 16 /* at once; more wait */
#define TRANSFER_MAX_REDIRECTS 3
#define TRANSFER_CONNECT_MS 10000
#define TRANSFER_TOTAL_MS 60000

/* What to fetch. Everything is copied. */
struct transfer_job {
    uint64_t number;
    enum cg_evidence_kind kind;
    bool allow_private;
    char url[IPC_MAX_URL + 1];
    uint8_t request[IPC_MAX_REQUEST];
    size_t request_len; /* of an OCSP request, which is posted */
};

/* evidence NULL: nothing that is of use came, and why. Both borrowed for the call. */
typedef void transfer_done(void *arg, const struct transfer_job *job, struct cg_span der,
        const struct cg_evidence *evidence, const char *why);

struct transfers;

/* NULL when libcurl cannot be set up. */
struct transfers *transfers_new(transfer_done *done, void *arg);
void transfers_free(struct transfers *transfers);
/* False when too many wait already. */
bool transfers_add(struct transfers *transfers, const struct transfer_job *job);
/* Goes on with all of them until the descriptor is readable; false when libcurl fails. */
bool transfers_run(struct transfers *transfers, int fd);

#endif
