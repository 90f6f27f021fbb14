/* The decision log as certgated itself reads it, for who asks through the admin API. */
#ifndef CONTROL_DECISIONS_H
#define CONTROL_DECISIONS_H

#include "control/node.h"

/* The log's path, or NULL with the text where it cannot be read back. */
const char *decisions_log(const struct control *control, struct cg_error *err);

/* SHA-256 in hex of the certificate that an incident was about. */
bool decisions_certificate(const struct control *control, const char *incident,
        char out[2 * CG_SHA256_SIZE + 1], struct cg_error *err);

#endif
