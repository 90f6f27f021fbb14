/* When our own certificates run out: told with each generation, and as a metric. */
#ifndef CONTROL_EXPIRY_H
#define CONTROL_EXPIRY_H

#include "control/node.h"

/* A warning for each that expires within the days of the setting expiry.warning-days. */
void expiry_say(const struct control *control, int64_t now);

/* The end of each as a metric. */
void expiry_metrics(const struct candidate *candidate, struct cg_buf *out);

#endif
