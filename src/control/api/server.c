/* The ways in, and how a request finds its route. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "control/api/api.h"
#include "control/api/events.h"
#include "control/api/pages.h"
#include "control/api/server.h"
#include "control/say.h"
#include "control/sockets.h"

#define MAX_CONNECTIONS 64
#define TIMEOUT_S 60
#define BASE "/api/v1"
#define COOKIE_OPTIONS "; HttpOnly; SameSite=Strict; Path=/"

struct way {
    struct api *api;
    enum access_way way;
    struct MHD_Daemon *daemon;
    struct snapshot_address at;
};

struct api {
    struct control *control;
    struct access_state *access;
    struct events *events;
    struct way ways[API_WAYS];
};

/* A request while it comes in. */
struct incoming {
    struct api_request request;
    const struct api_route *route;
    bool refused; /* answered before its body came */
    bool page; /* a file of the console */
    bool handled; /* its handler was called */
    struct cg_buf body;
    char name[256];
};

/* ---- routes ------------------------------------------------------------------------------------ */

/* True when the path is the route's; what stands in {…} is copied. */
static bool
route_matches(const struct api_route *route, const char *path, char *name, size_t size)
{
    const char *open = strchr(route->path, '{'), *tail;
    size_t before, after, len = strlen(path);

    name[0] = '\0';
    if (open == NULL)
        return strcmp(route->path, path) == 0;
    tail = strchr(open, '}') + 1;
    before = (size_t)(open - route->path);
    after = strlen(tail);
    if (len <= before + after || memcmp(path, route->path, before) != 0 ||
            strcmp(path + len - after, tail) != 0 ||
            memchr(path + before, '/', len - before - after) != NULL ||
            len - before - after >= size)
        return false;
    memcpy(name, path + before, len - before - after);
    name[len - before - after] = '\0';
    return true;
}

/* Exact routes stand before those with a name in the same place. */
static const struct api_route *
find_route(const char *method, const char *path, char *name, size_t size, bool *other_method)
{
    const struct api_route *found = NULL;

    *other_method = false;
    for (size_t i = 0; i < api_route_count && found == NULL; i++) {
        if (!route_matches(&api_routes[i], path, name, size))
            continue;
        if (strcmp(api_routes[i].method, method) == 0)
            found = &api_routes[i];
        else
            *other_method = true;
    }
    return found;
}

/* ---- answers ----------------------------------------------------------------------------------- */

static void
add_headers(struct MHD_Response *response, const struct api_request *request)
{
    char cookie[ACCESS_TOKEN_SIZE + 128];

    (void)MHD_add_response_header(response, "Content-Type", request->type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->cookie == NULL)
        return;
    (void)snprintf(cookie, sizeof(cookie), "certgate-session=%s%s%s%s", request->cookie,
            COOKIE_OPTIONS, request->over_tls ? "; Secure" : "",
            request->cookie[0] == '\0' ? "; Max-Age=0" : "");
    (void)MHD_add_response_header(response, "Set-Cookie", cookie);
}

static enum MHD_Result
queue_answer(struct api_request *request)
{
    struct MHD_Response *response;
    enum MHD_Result result;
    char *text = NULL;
    size_t len = 0;

    if (request->answer != NULL) {
        text = json_dumps(request->answer, JSON_COMPACT);
        len = text == NULL ? 0 : strlen(text);
        request->type = "application/json";
    } else {
        len = request->text.len;
        text = cg_buf_take(&request->text);
        if (request->type == NULL)
            request->type = "text/plain; charset=utf-8";
    }
    if (text == NULL)
        return MHD_NO;
    response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    add_headers(response, request);
    result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- one request ------------------------------------------------------------------------------- */

static bool
is_body_of(const char *type, const char *kind)
{
    size_t len = strlen(kind);

    return type != NULL && strncasecmp(type, kind, len) == 0 &&
            (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

/* What can be said before the body has come. False: refused, and the answer is set. */
static bool
admit(struct incoming *in, const char *method, const char *path)
{
    struct api_request *request = &in->request;
    bool other_method = false;
    const char *type = MHD_lookup_connection_value(
            request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);

    in->route = find_route(method, path, in->name, sizeof(in->name), &other_method);
    request->name = in->name;
    if (in->route == NULL)
        api_error(request, other_method ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
                other_method ? "invalid" : "not-found",
                other_method ? "%s is not answered here"
                             : "there is no %s " BASE "%s; GET " BASE
                               "/openapi.json lists what there is",
                method, path);
    else if (request->who.role < in->route->role)
        api_error(request,
                request->who.role == ACCESS_NOBODY ? MHD_HTTP_UNAUTHORIZED : MHD_HTTP_FORBIDDEN,
                request->who.role == ACCESS_NOBODY ? "unauthenticated" : "forbidden",
                request->who.role == ACCESS_NOBODY ? "sign in first%s%s%s"
                                                   : "%s is %s; this needs the role %s",
                request->who.role == ACCESS_NOBODY ? "" : request->who.user,
                request->who.role == ACCESS_NOBODY ? "" : access_role_name(request->who.role),
                request->who.role == ACCESS_NOBODY ? "" : access_role_name(in->route->role));
    else if (strcmp(method, "GET") != 0 && !access_is_meant(&request->who, request->connection))
        api_error(request, MHD_HTTP_FORBIDDEN, "forbidden",
                "a change must carry the header X-Csrf-Token with the token of GET " BASE
                "/whoami");
    else if (strcmp(method, "GET") != 0 && in->route->body[0] != '\0' &&
            !is_body_of(type,
                    strcmp(in->route->body, "bytes") == 0 ? "application/octet-stream"
                                                          : "application/json"))
        api_error(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "invalid",
                "the body's Content-Type has to be %s",
                strcmp(in->route->body, "bytes") == 0 ? "application/octet-stream"
                                                      : "application/json");
    return request->status == 0;
}

static void
read_body(struct incoming *in)
{
    struct api_request *request = &in->request;
    json_error_t error;

    if (in->body.failed) {
        api_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
                "the body is larger than %zu octets", in->body.max);
        return;
    }
    request->bytes = (const uint8_t *)in->body.data;
    request->len = in->body.len;
    if (in->route->body[0] == '\0' || strcmp(in->route->body, "bytes") == 0)
        return;
    if (in->body.len == 0) {
        request->body = json_object();
        return;
    }
    request->body =
            json_loadb((const char *)in->body.data, in->body.len, JSON_REJECT_DUPLICATES, &error);
    if (request->body == NULL)
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "the body is not JSON: line %d, column %d: %s", error.line, error.column,
                error.text);
    else if (!json_is_object(request->body))
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "the body is not a JSON object");
}

static struct incoming *
begin_request(
        struct way *way, struct MHD_Connection *connection, const char *url, const char *method)
{
    struct incoming *in = calloc(1, sizeof(*in));
    struct control *control = way->api->control;
    struct store_view view;
    const bool viewed =
            control->store != NULL && store_now(control->store, &view, NULL) == STORE_OK;

    if (in == NULL)
        return NULL;
    in->request.api = way->api;
    in->request.control = control;
    in->request.connection = connection;
    in->request.way = way->way;
    in->request.over_tls = way->way == ACCESS_CONSOLE;
    cg_buf_init(&in->request.text, API_MAX_LARGE_BODY);
    access_find(way->api->access, way->way, connection,
            control->candidate == NULL ? geteuid() : control->candidate->uid, viewed ? &view : NULL,
            (int64_t)time(NULL), &in->request.who);
    in->page = strncmp(url, BASE "/", sizeof(BASE)) != 0;
    if (!in->page)
        in->refused = !admit(in, method, url + sizeof(BASE) - 1);
    cg_buf_init(
            &in->body, in->route != NULL && in->route->large ? API_MAX_LARGE_BODY : API_MAX_BODY);
    return in;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
        const char *version, const char *data, size_t *len, void **state)
{
    struct way *way = arg;
    struct incoming *in = *state;

    (void)version;
    if (in == NULL) {
        *state = in = begin_request(way, connection, url, method);
        if (in == NULL)
            return MHD_NO;
        return in->refused ? queue_answer(&in->request) : MHD_YES;
    }
    if (in->refused)
        return MHD_NO;
    if (in->handled) /* it has waited: now there is an answer */
        return in->request.status == 0 ? MHD_NO : queue_answer(&in->request);
    if (*len != 0) {
        cg_buf_add_bytes(&in->body, data, *len);
        *len = 0;
        return MHD_YES;
    }
    if (in->page)
        return pages_answer(&in->request, way->api->access, way->way, url, method);
    read_body(in);
    in->handled = true;
    if (in->request.status == 0)
        in->route->handler(&in->request);
    if (in->request.probe != NULL) {
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    if (in->request.events && !events_full(way->api->events))
        return events_begin(way->api->events, connection);
    if (in->request.events)
        api_error(&in->request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                "%d listen to events already: end one of them", EVENTS_MAX_LISTENERS);
    return queue_answer(&in->request);
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **state,
        enum MHD_RequestTerminationCode code)
{
    struct incoming *in = *state;

    (void)arg;
    (void)connection;
    (void)code;
    if (in == NULL)
        return;
    probes_cancel(in->request.probe);
    json_decref(in->request.body);
    json_decref(in->request.answer);
    cg_buf_release(&in->request.text);
    cg_buf_release(&in->body);
    free(in);
    *state = NULL;
}

/* ---- the ways in ------------------------------------------------------------------------------- */

static bool
start_way(struct way *way, int socket, const char *where, struct cg_buf *problems)
{
    errno = 0;
    way->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
            on_request, way, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_NOTIFY_COMPLETED,
            on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)(64 * 1024), MHD_OPTION_END);
    if (way->daemon != NULL)
        return true;
    close(socket);
    cg_buf_addf(problems, "the admin API cannot be served on %s: %s\n", where, strerror(errno));
    return false;
}

/* A name is made anew: what has it is left from a process that is no more, for the state directory is locked. */
static int
listen_local(const char *path, mode_t mode, struct cg_buf *problems)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat before;
    int fd = -1;

    if (lstat(path, &before) == 0 && !S_ISSOCK(before.st_mode)) {
        cg_buf_addf(
                problems, "%s: there is something that is no socket; name another path\n", path);
        return -1;
    }
    if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
            sizeof(address.sun_path)) {
        cg_buf_addf(problems, "%s: the path is too long for a socket\n", path);
        return -1;
    }
    (void)unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
            chmod(path, mode) == 0 && listen(fd, 64) == 0)
        return fd;
    cg_buf_addf(problems, "the socket %s cannot be opened: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int
listen_loopback(const struct snapshot_address *at, struct cg_buf *problems)
{
    const int on = 1;
    char where[SOCKETS_TEXT_SIZE];
    int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
            bind(fd, (const struct sockaddr *)&at->addr, at->len) == 0 && listen(fd, 64) == 0)
        return fd;
    sockets_text(at, where, sizeof(where));
    cg_buf_addf(problems, "console: %s cannot be opened: %s\n", where, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool
open_way(struct api *api, enum access_way which, const struct snapshot_address *at,
        const char *path, struct cg_buf *problems)
{
    struct way *way = &api->ways[which];
    char where[SOCKETS_TEXT_SIZE] = "";
    int fd;

    way->api = api;
    way->way = which;
    way->at = *at;
    if (path == NULL && at->len == 0)
        return true;
    fd = path != NULL ? listen_local(path, which == ACCESS_SOCKET ? 0600 : 0666, problems)
                      : listen_loopback(at, problems);
    if (path == NULL)
        sockets_text(at, where, sizeof(where));
    return fd >= 0 && start_way(way, fd, path == NULL ? where : path, problems);
}

struct api *
api_open(struct control *control, const struct settings *settings, struct cg_buf *problems)
{
    static const struct snapshot_address none = { .len = 0 };
    struct api *api = calloc(1, sizeof(*api));
    char path[4096];
    bool ok;

    if (api != NULL)
        api->control = control;
    ok = api != NULL && (api->access = access_new()) != NULL &&
            (api->events = events_new()) != NULL;

    if (!ok) {
        cg_buf_add(problems, "no memory for the admin API\n");
        api_close(api);
        return NULL;
    }
    (void)snprintf(path, sizeof(path), "%s/" API_SOCKET, settings->state);
    ok = open_way(api, ACCESS_SOCKET, &none, path, problems) &&
            open_way(api, ACCESS_CONSOLE, &none, settings->console_socket, problems) &&
            open_way(api, ACCESS_LOOPBACK, &settings->console, NULL, problems);
    if (ok)
        return api;
    api_close(api);
    return NULL;
}

void
api_close(struct api *api)
{
    if (api == NULL)
        return;
    events_end(api->events);
    probes_abandon(api->control->probes, "certgated is stopping");
    for (size_t i = 0; i < API_WAYS; i++)
        if (api->ways[i].daemon != NULL)
            MHD_stop_daemon(api->ways[i].daemon);
    events_free(api->events);
    access_free(api->access);
    free(api);
}

struct access_state *
api_access(struct api *api)
{
    return api->access;
}

const struct snapshot_address *
api_loopback(const struct api *api)
{
    return &api->ways[ACCESS_LOOPBACK].at;
}

void
api_poll(const struct api *api, struct pollfd *fds)
{
    for (size_t i = 0; i < API_WAYS; i++) {
        const union MHD_DaemonInfo *info = api == NULL || api->ways[i].daemon == NULL
                ? NULL
                : MHD_get_daemon_info(api->ways[i].daemon, MHD_DAEMON_INFO_EPOLL_FD);

        fds[i] = (struct pollfd) { .fd = info == NULL ? -1 : info->epoll_fd, .events = POLLIN };
    }
}

void
api_run(struct api *api, int64_t now)
{
    if (api == NULL)
        return;
    events_beat(api->events, now);
    for (size_t i = 0; i < API_WAYS; i++)
        if (api->ways[i].daemon != NULL)
            (void)MHD_run(api->ways[i].daemon);
}

int64_t
api_next_ms(const struct api *api, int64_t now)
{
    int64_t next = api == NULL ? INT64_MAX : events_next_ms(api->events);
    MHD_UNSIGNED_LONG_LONG wait;

    for (size_t i = 0; api != NULL && i < API_WAYS; i++)
        if (api->ways[i].daemon != NULL && MHD_get_timeout(api->ways[i].daemon, &wait) == MHD_YES &&
                now + (int64_t)wait < next)
            next = now + (int64_t)wait;
    return next;
}

void
api_event(struct api *api, const char *event, const char *data, size_t len)
{
    if (api != NULL)
        events_add(api->events, event, data, len);
}
