/* Measuring: the loop, the histogram of latencies, the report. */
#include "load.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "gateway/algorithms.h"

const char *const mode_names[] = { "handshake", "resume", "request", "bulk", "idle" };
struct options opt = { .mode = MODE_HANDSHAKE,
    .confirm = CONFIRM_REQUEST,
    .proto = PROTO_HTTP,
    .connections = 16,
    .seconds = 5,
    .warmup = 1,
    .timeout = 10,
    .min_version = TLS1_3_VERSION,
    .max_version = TLS1_3_VERSION,
    .path = "/",
    .bytes = 1 << 20,
    .opening = 64 };
struct load load = { .ready_last = &load.ready_first };
struct counters count;

/* ---- latency histogram: 64 steps to a power of two, in nanoseconds ---- */

#define HIST_SUB 64
#define HIST_SIZE (64 * HIST_SUB)
static struct {
    uint64_t count[HIST_SIZE], n, max;
    double sum;
} hist;

static unsigned
hist_index(uint64_t v)
{
    if (v < HIST_SUB)
        return (unsigned)v;
    unsigned shift = 63u - (unsigned)__builtin_clzll(v) - 6u;
    return (shift + 1) * HIST_SUB + (unsigned)((v >> shift) - HIST_SUB);
}

static uint64_t
hist_value(unsigned i)
{
    if (i < HIST_SUB)
        return i;
    unsigned shift = i / HIST_SUB - 1;
    return ((uint64_t)(i % HIST_SUB) + HIST_SUB) << shift;
}

void
hist_add(uint64_t ns)
{
    hist.count[hist_index(ns)]++;
    hist.n++;
    hist.sum += (double)ns;
    if (ns > hist.max)
        hist.max = ns;
}

static double
hist_ms(double quantile)
{
    uint64_t want = (uint64_t)(quantile * (double)hist.n), seen = 0;
    if (hist.n == 0)
        return 0;
    for (unsigned i = 0; i < HIST_SIZE; i++) {
        seen += hist.count[i];
        if (seen > want)
            return (double)hist_value(i) / 1e6;
    }
    return (double)hist.max / 1e6;
}

uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("load: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    unsigned long e = ERR_get_error();
    if (e != 0)
        fprintf(stderr, "load: %s\n", ERR_error_string(e, NULL));
    exit(2);
}

uint64_t
errors_total(void)
{
    return count.err_connect + count.err_handshake + count.err_io + count.err_timeout +
            count.err_reply;
}

static void
sweep_timeouts(void)
{
    uint64_t limit = (uint64_t)(opt.timeout * 1e9);
    for (int i = 0; i < opt.connections; i++) {
        struct conn *c = &load.conns[i];
        if (c->state == ST_FREE || c->state == ST_HOLD || load.clock_now - c->activity < limit)
            continue;
        ERR_clear_error();
        errno = ETIMEDOUT;
        conn_fail(c, &count.err_timeout, "operation");
    }
}

/* Gives free connections something to do. */
static void
feed_work(int *in_progress_limit)
{
    uint64_t due;
    if (opt.rate <= 0) {
        int opened = 0;
        for (int i = 0; i < opt.connections; i++) {
            struct conn *c = &load.conns[i];
            if (c->state != ST_FREE)
                continue;
            if (opt.mode == MODE_IDLE && opened++ >= *in_progress_limit)
                break;
            if (!due_time(&due))
                break;
            conn_start(c, due);
        }
        return;
    }
    static int turn;
    for (int k = 0; k < opt.connections; k++) {
        struct conn *c = &load.conns[turn];
        if (c->state == ST_FREE && (opt.mode == MODE_REQUEST || opt.mode == MODE_BULK)) {
            conn_start(
                    c, load.clock_now); /* the connection first; requests become due afterwards */
        } else if (c->state == ST_FREE || c->state == ST_HOLD) {
            if (!due_time(&due))
                return;
            if (c->state == ST_FREE) {
                conn_start(c, due);
            } else {
                c->begun = due;
                c->activity = load.clock_now;
                begin_exchange(c);
                queue_ready(c);
            }
        }
        turn = (turn + 1) % opt.connections;
    }
}

/* Runs the event loop until the clock reads `until` or `done()` says so. */
static void
run_until(uint64_t until, bool (*done)(void))
{
    static uint64_t next_sweep;
    struct epoll_event ev[256];
    for (;;) {
        load.clock_now = now_ns();
        if (load.clock_now >= until || (done != NULL && done()))
            return;
        if (errors_total() > 1000 && errors_total() > count.ops)
            die("giving up after %llu errors, the last: %s", (unsigned long long)errors_total(),
                    count.last_error);
        int limit = opt.opening;
        if (opt.mode == MODE_IDLE)
            for (int i = 0; i < opt.connections; i++)
                limit -= load.conns[i].state != ST_FREE && load.conns[i].state != ST_HOLD;
        if (!load.stopping)
            feed_work(&limit);
        if (load.clock_now >= next_sweep) {
            sweep_timeouts();
            next_sweep = load.clock_now + 100000000u;
        }
        uint64_t wait = 50000000u;
        if (opt.rate > 0 && !load.stopping && load.next_due > load.clock_now &&
                load.next_due - load.clock_now < wait)
            wait = load.next_due - load.clock_now;
        if (load.ready_first != NULL)
            wait = 0;
        struct timespec ts = { 0, (long)wait };
        int n = epoll_pwait2(load.ep, ev, 256, &ts, NULL);
        load.clock_now = now_ns();
        for (int i = 0; i < n; i++)
            drive(ev[i].data.ptr);
        struct conn *list = load.ready_first;
        load.ready_first = NULL;
        load.ready_last = &load.ready_first;
        while (list != NULL) {
            struct conn *c = list;
            list = c->next_ready;
            c->queued = false;
            drive(c);
        }
    }
}

static bool
all_held(void)
{
    return load.held == opt.connections;
}

static bool
max_reached(void)
{
    return opt.max_ops != 0 && count.ops + errors_total() >= opt.max_ops;
}

static double
cpu_self(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6 +
            (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec / 1e6;
}

struct result {
    double wall, client_cpu;
    struct procstat before, after;
};

static void
report(const struct result *r)
{
    double ops = (double)count.ops, rate = r->wall > 0 ? ops / r->wall : 0;
    double cpu = r->after.cpu - r->before.cpu;
    if (opt.json) {
        printf("{\"mode\":\"%s\",\"negotiated\":\"%s\",\"connections\":%d,\"seconds\":%.3f,",
                mode_names[opt.mode], load.negotiated, opt.connections, r->wall);
        if (opt.mode == MODE_IDLE) {
            printf("\"held\":%d,", load.held);
        } else {
            printf("\"ops\":%llu,\"rate\":%.1f,\"resumed\":%llu,\"full\":%llu,",
                    (unsigned long long)count.ops, rate, (unsigned long long)count.resumed,
                    (unsigned long long)count.full);
            printf("\"p50_ms\":%.4f,\"p90_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,", hist_ms(0.5),
                    hist_ms(0.9), hist_ms(0.99), (double)hist.max / 1e6);
        }
        if (opt.mode == MODE_BULK)
            printf("\"bytes\":%llu,\"gbytes_per_s\":%.4f,", (unsigned long long)count.bytes,
                    (double)count.bytes / r->wall / 1e9);
        printf("\"client_cpu_s\":%.3f,", r->client_cpu);
        if (opt.npids > 0) {
            printf("\"server_cpu_s\":%.3f,\"server_processes\":%d,\"server_threads\":%d,", cpu,
                    r->after.processes, r->after.threads);
            if (ops > 0)
                printf("\"server_us_per_op\":%.3f,\"server_util\":%.3f,", cpu * 1e6 / ops,
                        cpu / r->wall);
            if (opt.mode == MODE_BULK && count.bytes > 0)
                printf("\"server_s_per_gbyte\":%.4f,", cpu * 1e9 / (double)count.bytes);
            printf("\"rss_kb\":%llu,\"pss_kb\":%llu,\"rss_before_kb\":%llu,\"pss_before_kb\":%llu,",
                    (unsigned long long)r->after.rss_kb, (unsigned long long)r->after.pss_kb,
                    (unsigned long long)r->before.rss_kb, (unsigned long long)r->before.pss_kb);
            if (opt.mode == MODE_IDLE && load.held > 0)
                printf("\"pss_kb_per_conn\":%.3f,",
                        ((double)r->after.pss_kb - (double)r->before.pss_kb) / (double)load.held);
        }
        printf("\"errors\":%llu,\"last_error\":\"%s\"}\n", (unsigned long long)errors_total(),
                count.last_error);
        return;
    }
    printf("%s  %s  %d connections  %.2f s\n", mode_names[opt.mode], load.negotiated,
            opt.connections, r->wall);
    if (opt.mode == MODE_IDLE) {
        printf("  load.held        %d\n", load.held);
    } else {
        printf("  rate        %.1f /s   (%llu operations; %llu resumed)\n", rate,
                (unsigned long long)count.ops, (unsigned long long)count.resumed);
        printf("  latency ms  p50 %.3f   p90 %.3f   p99 %.3f   max %.3f\n", hist_ms(0.5),
                hist_ms(0.9), hist_ms(0.99), (double)hist.max / 1e6);
    }
    if (opt.mode == MODE_BULK)
        printf("  throughput  %.3f GB/s\n", (double)count.bytes / r->wall / 1e9);
    printf("  client CPU  %.2f s (%.0f%%)\n", r->client_cpu,
            r->wall > 0 ? 100 * r->client_cpu / r->wall : 0);
    if (opt.npids > 0) {
        printf("  server CPU  %.2f s (%.0f%%)", cpu, r->wall > 0 ? 100 * cpu / r->wall : 0);
        if (ops > 0 && cpu > 0)
            printf("   %.2f us an operation   %.1f operations per CPU second", cpu * 1e6 / ops,
                    ops / cpu);
        printf("\n  server mem  RSS %llu kB, PSS %llu kB (before: %llu, %llu)   %d processes, %d "
               "threads\n",
                (unsigned long long)r->after.rss_kb, (unsigned long long)r->after.pss_kb,
                (unsigned long long)r->before.rss_kb, (unsigned long long)r->before.pss_kb,
                r->after.processes, r->after.threads);
        if (opt.mode == MODE_IDLE && load.held > 0)
            printf("  per connection  %.2f kB\n",
                    ((double)r->after.pss_kb - (double)r->before.pss_kb) / (double)load.held);
    }
    printf("  errors      %llu (connect %llu, handshake %llu, io %llu, time-out %llu, reply "
           "%llu)%s%s\n",
            (unsigned long long)errors_total(), (unsigned long long)count.err_connect,
            (unsigned long long)count.err_handshake, (unsigned long long)count.err_io,
            (unsigned long long)count.err_timeout, (unsigned long long)count.err_reply,
            count.last_error[0] != '\0' ? "; the last: " : "", count.last_error);
}

static void
read_server(struct procstat *p)
{
    memset(p, 0, sizeof *p);
    if (opt.npids > 0 && procstat_read(opt.pids, opt.npids, p) != 0)
        die("cannot read /proc of the server");
}

int
main(int argc, char **argv)
{
    struct rlimit rl;
    struct result r = { 0 };
    /* Few algorithms, as in the worker: halves what a handshake costs the generator. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 || !algorithms_narrow())
        die("libcrypto cannot be set up");
    parse_args(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL); /* --rate: wake within a microsecond of the due time */
    if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
    getrlimit(RLIMIT_NOFILE, &rl);
    if ((rlim_t)opt.connections + 64 > rl.rlim_cur)
        die("%d connections need a higher limit of open files (now %llu)", opt.connections,
                (unsigned long long)rl.rlim_cur);
    if (!opt.plain)
        load_identities();
    make_requests();
    load.conns = calloc((size_t)opt.connections, sizeof *load.conns);
    load.ep = epoll_create1(EPOLL_CLOEXEC);
    if (load.conns == NULL || load.ep < 0)
        die("set-up: %s", strerror(errno));
    for (int i = 0; i < opt.connections; i++) {
        load.conns[i].fd = -1;
        load.conns[i].serial = i;
        load.conns[i].identity = load.nctxs > 0 ? i % load.nctxs : 0;
    }

    load.clock_now = now_ns();
    if (opt.mode == MODE_IDLE) {
        read_server(&r.before);
        uint64_t t0 = load.clock_now;
        run_until(load.clock_now + (uint64_t)((60 + opt.connections / 200) * 1e9), all_held);
        load.stopping = true;
        run_until(now_ns() + (uint64_t)(opt.seconds * 1e9), NULL);
        r.wall = (double)(now_ns() - t0) / 1e9;
        read_server(&r.after);
    } else {
        run_until(load.clock_now + (uint64_t)(opt.warmup * 1e9), NULL);
        read_server(&r.before);
        double cpu0 = cpu_self();
        load.measure_from = load.clock_now = now_ns();
        load.measuring = true;
        run_until(load.measure_from + (uint64_t)(opt.seconds * 1e9), max_reached);
        r.wall = (double)(now_ns() - load.measure_from) / 1e9;
        r.client_cpu = cpu_self() - cpu0;
        read_server(&r.after);
        load.measuring = false;
    }
    report(&r);
    int code = opt.mode == MODE_IDLE ? load.held != opt.connections : count.ops == 0;
    load.stopping = true;
    for (int i = 0; i < opt.connections; i++) {
        conn_close(&load.conns[i], true);
        SSL_SESSION_free(load.conns[i].session);
    }
    for (int i = 0; i < load.nctxs; i++)
        SSL_CTX_free(load.ctxs[i]);
    free(load.ctxs);
    free(load.conns);
    free(load.request_keep);
    free(load.request_close);
    return code;
}
