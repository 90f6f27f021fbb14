/*
 * Looking at what a TLS server shows, for somebody who waits for it: a certgate-fetch for each, which lives no longer
 * than that. certgated speaks to no server itself, and waits for none.
 */
#ifndef CONTROL_PROBES_H
#define CONTROL_PROBES_H

#include <poll.h>

#include "control/candidate.h"
#include "snapshot/probed.h"

/* At once; each takes ten seconds at the most. */
#define PROBES_MAX 4
/* When certgate-fetch has not answered by then, it is ended. */
#define PROBES_LONGEST_MS 15000
#define PROBES_POLLED (2 * PROBES_MAX)

struct probe;
struct probes;

/* Called once, never from probes_begin(); `probed` is borrowed for the call, and the probe is over. */
typedef void probes_done(void *arg, const struct probed *probed);

/* NULL without memory. */
struct probes *probes_new(const char *worker_program);
void probes_free(struct probes *probes);

/*
 * client   the connection of who waits: when it is closed, the probe is ended
 *
 * NULL while PROBES_MAX are under way, or when certgate-fetch cannot be started; *why then says which.
 */
struct probe *probes_begin(struct probes *probes, const struct candidate *candidate,
        const char *host, uint16_t port, int client, probes_done *done, void *arg,
        const char **why);
/* Ends one that nobody waits for any more: nothing is called. */
void probes_cancel(struct probe *probe);
/* Ends all; who waits is told that nothing was found out. */
void probes_abandon(struct probes *probes, const char *why);

/* PROBES_POLLED descriptors to wait for. */
void probes_poll(const struct probes *probes, struct pollfd *fds);
void probes_step(struct probes *probes, int64_t now_ms);
int64_t probes_next_ms(const struct probes *probes);

#endif
