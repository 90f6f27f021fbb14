/* What runs out soon: our own certificates with each generation, everything once a day; and as metrics. */
#ifndef CONTROL_EXPIRY_H
#define CONTROL_EXPIRY_H

#include "control/node.h"

/* A warning for each that expires within the days of the setting expiry.warning-days. */
void expiry_say(const struct control *control, int64_t now);

/*
 * Once a day: counts what of the trust store, our identities and the peers that were admitted lately ends within 7, 30
 * and 60 days, and tells it where decisions are told.
 */
void expiry_step(struct control *control, int64_t now);
/* What was counted, as a metric. */
void expiry_count(const struct control *control, struct cg_buf *out);

/* The end of each as a metric. */
void expiry_metrics(const struct candidate *candidate, struct cg_buf *out);

#endif
