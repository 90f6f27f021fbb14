#include "control/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct metrics_page *
metrics_page_new(int *fd)
{
    struct metrics_page *page = MAP_FAILED;

    /* Sealed in size: a worker that could cut the page would end certgated, which reads it. */
    *fd = memfd_create("certgate-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd >= 0 && ftruncate(*fd, sizeof(*page)) == 0 &&
            fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (page != MAP_FAILED)
        return page;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return NULL;
}

struct metrics_page *
metrics_page_map(int fd)
{
    struct metrics_page *page = MAP_FAILED;

    if (fd >= 0 && lseek(fd, 0, SEEK_END) == (off_t)sizeof(*page))
        page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

void
metrics_page_free(struct metrics_page *page, int fd)
{
    if (page != NULL)
        munmap(page, sizeof(*page));
    if (fd >= 0)
        close(fd);
}

/* HELP and TYPE stand once before all lines of a metric (the rows of one stand together). */
static void
head(struct cg_buf *out, const char *metric, const char *type, const char *help, const char **last)
{
    if (*last != NULL && strcmp(*last, metric) == 0)
        return;
    *last = metric;
    cg_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static const char *
type_name(enum metrics_type type)
{
    return type == METRICS_COUNTER ? "counter" : "gauge";
}

/* The interfaces of all pages by name, summed. */
struct sums {
    struct metrics_page page;
    size_t count;
};

static void
add_interface(struct metrics_interface *sum, const struct metrics_interface *it)
{
#define X(field, metric, type, labels, help) sum->field += it->field;
    METRICS_INTERFACE(X)
#undef X
    for (size_t i = 0; i < CG_REASON_COUNT; i++)
        sum->decisions[i] += it->decisions[i];
    sum->accepted_by_allowance += it->accepted_by_allowance;
    for (size_t i = 0; i < METRICS_BUCKET_COUNT; i++)
        sum->handshake_buckets[i] += it->handshake_buckets[i];
    sum->handshake_us += it->handshake_us;
}

static void
add_page(struct metrics_page *to, const struct metrics_page *page, bool ended)
{
#define X(field, metric, type, labels, help) to->field += page->field;
    METRICS_WORKER(X)
#undef X
    for (size_t i = 0; i < METRICS_MAX_INTERFACES; i++) {
        struct metrics_interface copy = page->interfaces[i], *sum;

        copy.name[sizeof(copy.name) - 1] = '\0';
        if (copy.name[0] == '\0')
            break;
        if (ended)
            copy.open = 0;
        sum = metrics_find(to, copy.name);
        if (sum != NULL)
            add_interface(sum, &copy);
    }
}

void
metrics_page_add(struct metrics_page *sum, const struct metrics_page *page)
{
    add_page(sum, page, true);
}

static void
count_interfaces(struct sums *sums)
{
    while (sums->count < METRICS_MAX_INTERFACES &&
            sums->page.interfaces[sums->count].name[0] != '\0')
        sums->count++;
}

void
metrics_label(struct cg_buf *out, const char *name, const char *value)
{
    cg_buf_addf(out, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            cg_buf_addf(out, "\\%c", *value);
        else if (*value == '\n')
            cg_buf_add(out, "\\n");
        else
            cg_buf_add_bytes(out, value, 1);
    }
    cg_buf_add(out, "\"");
}

static void
label(struct cg_buf *out, const char *name)
{
    metrics_label(out, "interface", name);
}

static void
line(struct cg_buf *out, const char *metric, const char *interface, const char *labels,
        uint64_t value)
{
    cg_buf_addf(out, "%s{", metric);
    label(out, interface);
    cg_buf_addf(
            out, "%s%s} %llu\n", labels[0] != '\0' ? "," : "", labels, (unsigned long long)value);
}

static void
add_rows(struct cg_buf *out, const struct sums *sums)
{
    static const struct {
        const char *metric, *labels, *help;
        enum metrics_type type;
        size_t offset;
    } rows[] = {
#define X(field, metric, type, labels, help)                                                       \
    { metric, labels, help, METRICS_##type, offsetof(struct metrics_interface, field) },
        METRICS_INTERFACE(X)
#undef X
    };
    const char *last = NULL;

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        head(out, rows[row].metric, type_name(rows[row].type), rows[row].help, &last);
        for (size_t i = 0; i < sums->count; i++) {
            const struct metrics_interface *it = &sums->page.interfaces[i];
            uint64_t value;

            memcpy(&value, (const char *)it + rows[row].offset, sizeof(value));
            line(out, rows[row].metric, it->name, rows[row].labels, value);
        }
    }
}

/* Only reasons that occurred: a line for each possible one would bury them. */
static void
add_decisions(struct cg_buf *out, const struct sums *sums)
{
    static const char metric[] = "certgate_decisions_total";
    const char *last = NULL;
    char labels[128];

    head(out, metric, "counter", "decisions by verdict and first reason", &last);
    for (size_t i = 0; i < sums->count; i++) {
        const struct metrics_interface *it = &sums->page.interfaces[i];
        uint64_t accepted = it->decisions[CG_REASON_NONE], allowed = it->accepted_by_allowance;

        line(out, metric, it->name, "verdict=\"accept\",reason=\"\"",
                accepted > allowed ? accepted - allowed : 0);
        line(out, metric, it->name, "verdict=\"accept-with-allowance\",reason=\"\"", allowed);
        for (size_t reason = 1; reason < CG_REASON_COUNT; reason++) {
            if (it->decisions[reason] == 0)
                continue;
            (void)snprintf(labels, sizeof(labels), "verdict=\"reject\",reason=\"%s\"",
                    cg_reason_info((enum cg_reason)reason)->code);
            line(out, metric, it->name, labels, it->decisions[reason]);
        }
    }
}

static void
add_histogram(struct cg_buf *out, const struct sums *sums)
{
    static const unsigned bounds[] = {
#define X(ms) ms,
        METRICS_BUCKETS(X)
#undef X
    };
    const char *last = NULL;
    char labels[64];

    head(out, "certgate_handshake_seconds", "histogram",
            "time from the first byte to a finished handshake", &last);
    for (size_t i = 0; i < sums->count; i++) {
        const struct metrics_interface *it = &sums->page.interfaces[i];
        uint64_t total = 0;

        for (size_t b = 0; b < METRICS_BUCKET_COUNT; b++) {
            total += it->handshake_buckets[b];
            if (b < METRICS_BUCKET_MORE)
                (void)snprintf(labels, sizeof(labels), "le=\"%g\"", bounds[b] / 1000.0);
            else
                (void)snprintf(labels, sizeof(labels), "le=\"+Inf\"");
            line(out, "certgate_handshake_seconds_bucket", it->name, labels, total);
        }
        cg_buf_add(out, "certgate_handshake_seconds_sum{");
        label(out, it->name);
        cg_buf_addf(out, "} %.6f\n", (double)it->handshake_us / 1e6);
        line(out, "certgate_handshake_seconds_count", it->name, "", total);
    }
}

static void
add_node(struct cg_buf *out, const struct metrics_node *node, const struct metrics_page *page)
{
    const struct {
        const char *metric, *type, *help;
        unsigned long long value;
    } rows[] = {
        { "certgate_generation", "gauge", "generation in force", node->generation },
        { "certgate_workers", "gauge", "workers that are configured", node->workers },
        { "certgate_workers_running", "gauge", "workers that run", node->running },
        { "certgate_worker_restarts_total", "counter", "workers that ended and were replaced",
                node->restarts },
        { "certgate_records_lost_total", "counter", "decision records that could not be written",
                node->records_lost },
        { "certgate_records_waiting", "gauge", "decision records that wait for the disk",
                node->records_waiting },
        { "certgate_recording", "gauge", "1 while the decision log can be written",
                node->recording },
        { "certgate_untold_total", "counter", "lines that syslog or journald did not take",
                node->untold },
    };
    const char *last = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        head(out, rows[i].metric, rows[i].type, rows[i].help, &last);
        cg_buf_addf(out, "%s %llu\n", rows[i].metric, rows[i].value);
    }
#define X(field, metric, type, labels, help)                                                       \
    head(out, metric, type_name(METRICS_##type), help, &last);                                     \
    cg_buf_addf(out, "%s{%s} %llu\n", metric, labels, (unsigned long long)page->field);
    METRICS_WORKER(X)
#undef X
}

void
metrics_render(const struct metrics_node *node, struct metrics_page *const *pages, size_t count,
        struct cg_buf *out)
{
    struct sums *sums = calloc(1, sizeof(*sums));

    if (sums == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (pages[i] != NULL)
            add_page(&sums->page, pages[i], false);
    count_interfaces(sums);
    add_node(out, node, &sums->page);
    add_rows(out, sums);
    add_decisions(out, sums);
    add_histogram(out, sums);
    free(sums);
}
