/* Metrics in Prometheus' text format 0.0.4: what the workers count, and what certgated knows of them. */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include "base/buf.h"
#include "snapshot/metrics.h"

/* Text of all metrics: 128 interfaces with all reasons stay under 2 MiB. */
#define METRICS_MAX_TEXT (4 * 1024 * 1024)

/* What certgated itself knows. */
struct metrics_node {
    uint64_t generation;
    uint64_t records_lost;
    uint64_t records_waiting;
    uint64_t untold;
    bool recording; /* the log can be written */
    unsigned workers; /* configured */
    unsigned running;
    uint64_t restarts;
};

/* Sums the pages; each was mapped by metrics_page_new(). */
void metrics_render(const struct metrics_node *node, struct metrics_page *const *pages,
        size_t count, struct cg_buf *out);

/* NAME="VALUE", with what is escaped in a label. */
void metrics_label(struct cg_buf *out, const char *name, const char *value);

/* A page in shared memory and the descriptor to hand on; NULL without memory. */
struct metrics_page *metrics_page_new(int *fd);
/* The page behind a descriptor of before an upgrade; NULL where that version counted other things. */
struct metrics_page *metrics_page_map(int fd);
/* Adds what a worker that has ended has counted. */
void metrics_page_add(struct metrics_page *sum, const struct metrics_page *page);
void metrics_page_free(struct metrics_page *page, int fd);

/* Serves GET /metrics on an address; the text comes from a callback at each request. */
struct metrics_server;
typedef void metrics_text(void *arg, struct cg_buf *out);

CG_CHECKED enum cg_status metrics_server_new(const struct snapshot_address *address,
        metrics_text *text, void *arg, struct metrics_server **out, struct cg_error *err);
/* Becomes readable when metrics_server_run() has something to do. */
int metrics_server_fd(const struct metrics_server *server);
void metrics_server_run(struct metrics_server *server);
void metrics_server_free(struct metrics_server *server);

#endif
