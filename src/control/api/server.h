/* What handlers need of the server itself. */
#ifndef CONTROL_API_SERVER_H
#define CONTROL_API_SERVER_H

#include "control/api/request.h"

struct access_state *api_access(struct api *api);
/* Where a browser on this machine finds the console; len 0: nowhere. */
const struct snapshot_address *api_loopback(const struct api *api);

#endif
