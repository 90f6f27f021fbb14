/*
 * The admin API: HTTP and JSON by libmicrohttpd, run from certgated's own loop.
 *
 * There are three ways in. The socket in the state directory is for the command: who may open it is an
 * administrator. The console's socket is the backend of a certgate interface, which tells who the peer is.
 * The loopback address is for a browser on this machine: a password, or the link of `certgate console`.
 */
#ifndef CONTROL_API_API_H
#define CONTROL_API_API_H

#include <poll.h>

#include "control/node.h"

/* Name of the socket inside the state directory. */
#define API_SOCKET "admin.sock"
#define API_WAYS 3

struct api;

/*
 * Opens the ways in that the settings name. NULL with problems; what was opened before stays unless the
 * settings of it have changed.
 */
struct api *api_open(
        struct control *control, const struct settings *settings, struct cg_buf *problems);
void api_close(struct api *api);

/* The descriptors to wait for: API_WAYS of them, -1 where a way is closed. */
void api_poll(const struct api *api, struct pollfd *fds);
/* Goes on with what has come, and with what timed out. */
void api_run(struct api *api, int64_t now);
int64_t api_next_ms(const struct api *api, int64_t now);

/* Tells those who listen (GET /events). `data` is JSON on one line. */
void api_event(struct api *api, const char *event, const char *data, size_t len);

/* The description of all routes, as an OpenAPI document. */
bool api_describe(struct cg_buf *out);

#endif
