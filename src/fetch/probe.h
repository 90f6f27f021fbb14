/* One TLS handshake with a server, to see what it shows: no request is sent, and nothing of it is believed. */
#ifndef FETCH_PROBE_H
#define FETCH_PROBE_H

#include <stdint.h>

#include "snapshot/ipc.h"
#include "snapshot/probed.h"

#define PROBE_LONGEST_MS 10000

struct probe_job {
    char host[IPC_MAX_HOST + 1];
    uint16_t port;
    bool every_address; /* those of this machine and its links too */
};

struct probe;

/* Returns when there is an outcome, at the latest after PROBE_LONGEST_MS. NULL without memory. */
struct probe *probe_run(const struct probe_job *job);
void probe_free(struct probe *probe);
/* Borrowed from the probe. */
const struct probed *probe_get0(const struct probe *probe);

#endif
