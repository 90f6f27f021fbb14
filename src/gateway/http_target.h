/* Request targets (RFC 9112 section 3.2): what is forwarded, and the path that rules are held against. */
#ifndef GATEWAY_HTTP_TARGET_H
#define GATEWAY_HTTP_TARGET_H

#include "gateway/http_head.h"

/* Borrowed from the head. */
struct http_target {
    struct cg_span
            authority; /* the target's own in absolute-form, else Host; empty: HTTP/1.0 without */
    bool asterisk; /* "*" */
    bool slash; /* what is forwarded is "/" and then rest: "http://a.example?q" has no path */
    struct cg_span rest; /* path and query */
};

/* Reads target and Host of a complete request head; false with the fault. */
bool http_target_read(
        const struct http_head *head, struct http_target *target, struct http_fault *fault);

/*
 * Writes the target's path percent-decoded, without dot segments (RFC 3986 section 5.2.4) and doubled
 * slashes. *ambiguous: a backend may well read another path out of it, so no rule must rest on it.
 */
void http_target_path(const struct http_target *target, struct cg_buf *path, bool *ambiguous);

#endif
