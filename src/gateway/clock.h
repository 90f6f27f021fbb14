/* The worker's only look at a clock of the day; everything else is given the time. */
#ifndef GATEWAY_CLOCK_H
#define GATEWAY_CLOCK_H

#include <stdint.h>

/*
 * No correct clock stands before this release: 2026-11-01T00:00:00Z. A machine whose clock does has lost
 * its battery, and `in-date` says time-unknown instead of believing it.
 */
#define GW_CLOCK_FLOOR INT64_C(1793491200)

/* Milliseconds since 1970-01-01T00:00:00Z. A type of its own, so that tests can put another in its place. */
typedef int64_t gw_clock(void);

int64_t gw_clock_system(void);

#endif
