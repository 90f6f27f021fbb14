/* libmicrohttpd for one page; it is run from certgated's own loop and starts no thread. */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "control/metrics.h"
#include "control/sockets.h"

#define MAX_CONNECTIONS 16
#define TIMEOUT_S 10

struct metrics_server {
    struct MHD_Daemon *daemon;
    metrics_text *text;
    void *arg;
};

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, char *text, size_t len)
{
    struct MHD_Response *response =
            MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(
            response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
        const char *version, const char *body, size_t *body_len, void **state)
{
    struct metrics_server *server = arg;
    struct cg_buf text;
    size_t len;
    char *taken;

    (void)version;
    (void)body;
    (void)state;
    if (*body_len != 0)
        return MHD_NO;
    cg_buf_init(&text, METRICS_MAX_TEXT);
    if (strcmp(method, "GET") != 0) {
        cg_buf_add(&text, "only GET is answered here\n");
        len = text.len;
        taken = cg_buf_take(&text);
        return taken == NULL ? MHD_NO : answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, taken, len);
    }
    if (strcmp(url, "/metrics") != 0) {
        cg_buf_add(&text, "the metrics are at /metrics\n");
        len = text.len;
        taken = cg_buf_take(&text);
        return taken == NULL ? MHD_NO : answer(connection, MHD_HTTP_NOT_FOUND, taken, len);
    }
    server->text(server->arg, &text);
    len = text.len;
    taken = cg_buf_take(&text);
    return taken == NULL ? MHD_NO : answer(connection, MHD_HTTP_OK, taken, len);
}

enum cg_status
metrics_server_new(const struct snapshot_address *address, metrics_text *text, void *arg,
        struct metrics_server **out, struct cg_error *err)
{
    unsigned flags = MHD_USE_EPOLL | (address->addr.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    struct metrics_server *server = calloc(1, sizeof(*server));
    char where[80];

    *out = NULL;
    if (server == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the metrics");
    server->text = text;
    server->arg = arg;
    errno = 0;
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,
            MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&address->addr,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)TIMEOUT_S, MHD_OPTION_END);
    if (server->daemon == NULL) {
        sockets_text(address, where, sizeof(where));
        free(server);
        return cg_fail(
                err, CG_E_USAGE, "metrics cannot be served on %s: %s", where, strerror(errno));
    }
    *out = server;
    return CG_OK;
}

int
metrics_server_fd(const struct metrics_server *server)
{
    const union MHD_DaemonInfo *info =
            server == NULL ? NULL : MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    return info == NULL ? -1 : info->epoll_fd;
}

void
metrics_server_run(struct metrics_server *server)
{
    if (server != NULL)
        (void)MHD_run(server->daemon);
}

void
metrics_server_free(struct metrics_server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}
