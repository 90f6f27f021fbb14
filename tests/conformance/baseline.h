/*
 * A plain verifier of another library behind the case stream of the conformance runner: what `certgate`
 * is compared with. Test-only; links nothing of certgate.
 */
#ifndef CONFORMANCE_BASELINE_H
#define CONFORMANCE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Certificates of one case; more than any case has. */
#define BASELINE_MAX_CERTS 1024

struct baseline_blob {
    uint8_t *data;
    size_t len;
};

/* One case: the columns of the stream, decoded. */
struct baseline_case {
    int64_t time;
    char purpose; /* 's'erver, 'c'lient or 'a'ny */
    const char *name_kind; /* "dns", "ip", "sip"; "-" without a name */
    struct baseline_blob name; /* ends in a NUL that is not counted */
    int depth; /* intermediates allowed; -1 without a limit */
    struct baseline_blob anchors[BASELINE_MAX_CERTS];
    size_t anchor_count;
    struct baseline_blob sent[BASELINE_MAX_CERTS];
    size_t sent_count;
    struct baseline_blob leaf;
};

/* The library's word on the case: NULL accepts, otherwise its reason, valid until the next call. */
const char *baseline_judge(const struct baseline_case *c);

#endif
