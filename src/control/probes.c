#include "control/probes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/fetcher.h"
#include "control/say.h"

struct probe {
    struct fetcher *fetcher;
    probes_done *done; /* NULL: free */
    void *arg;
    int client;
    int64_t deadline_ms;
};

struct probes {
    struct probe each[PROBES_MAX];
};

/* Freed before who waits is told: what is called may begin another. */
static void
finish(struct probe *probe, const struct probed *probed)
{
    probes_done *done = probe->done;

    if (done == NULL)
        return;
    probe->done = NULL;
    fetcher_stop(probe->fetcher);
    done(probe->arg, probed);
}

static void
finish_with(struct probe *probe, enum probed_outcome outcome, const char *why)
{
    struct probed probed = { .outcome = outcome };

    (void)snprintf(probed.why, sizeof(probed.why), "%s", why);
    finish(probe, &probed);
}

static void
on_probed(void *arg, const struct probed *probed)
{
    finish(arg, probed);
}

static void
on_lost(void *arg, const char *text)
{
    struct probe *probe = arg;

    if (probe->done == NULL)
        return;
    say("%s; it was looking at a server", text);
    finish_with(probe, PROBED_FAILED, text);
}

struct probes *
probes_new(const char *worker_program)
{
    struct probes *probes = calloc(1, sizeof(*probes));
    bool ok = probes != NULL;

    for (size_t i = 0; ok && i < PROBES_MAX; i++) {
        const struct fetcher_events events = {
            .probed = on_probed, .lost = on_lost, .arg = &probes->each[i]
        };

        probes->each[i].fetcher = fetcher_new(worker_program, &events);
        ok = probes->each[i].fetcher != NULL;
    }
    if (ok)
        return probes;
    probes_free(probes);
    return NULL;
}

void
probes_free(struct probes *probes)
{
    for (size_t i = 0; probes != NULL && i < PROBES_MAX; i++)
        fetcher_free(probes->each[i].fetcher);
    free(probes);
}

struct probe *
probes_begin(struct probes *probes, const struct candidate *candidate, const char *host,
        uint16_t port, int client, probes_done *done, void *arg, const char **why)
{
    struct probe *probe = NULL;
    const int64_t now = now_ms();

    for (size_t i = 0; probes != NULL && probe == NULL && i < PROBES_MAX; i++)
        if (probes->each[i].done == NULL)
            probe = &probes->each[i];
    if (probe == NULL) {
        *why = "as many servers as may be are being looked at already: try again in a moment";
        return NULL;
    }
    if (!fetcher_probe(probe->fetcher, candidate, host, port, now)) {
        fetcher_stop(probe->fetcher);
        *why = "certgate-fetch cannot be started: see certgated's log";
        return NULL;
    }
    probe->done = done;
    probe->arg = arg;
    probe->client = client;
    probe->deadline_ms = now + PROBES_LONGEST_MS;
    return probe;
}

void
probes_cancel(struct probe *probe)
{
    if (probe == NULL || probe->done == NULL)
        return;
    probe->done = NULL;
    fetcher_stop(probe->fetcher);
}

void
probes_abandon(struct probes *probes, const char *why)
{
    for (size_t i = 0; probes != NULL && i < PROBES_MAX; i++)
        finish_with(&probes->each[i], PROBED_FAILED, why);
}

void
probes_poll(const struct probes *probes, struct pollfd *fds)
{
    for (size_t i = 0; i < PROBES_MAX; i++) {
        const struct probe *probe =
                probes == NULL || probes->each[i].done == NULL ? NULL : &probes->each[i];

        fds[2 * i] = (struct pollfd) { .fd = probe == NULL ? -1 : fetcher_fd(probe->fetcher),
            .events = POLLIN };
        fds[2 * i + 1] =
                (struct pollfd) { .fd = probe == NULL ? -1 : probe->client, .events = POLLRDHUP };
    }
}

static bool
is_left(const struct probe *probe)
{
    struct pollfd client = { .fd = probe->client, .events = POLLRDHUP };

    return poll(&client, 1, 0) > 0;
}

void
probes_step(struct probes *probes, int64_t now_ms)
{
    for (size_t i = 0; probes != NULL && i < PROBES_MAX; i++) {
        struct probe *probe = &probes->each[i];

        if (probe->done != NULL)
            fetcher_receive(probe->fetcher);
        if (probe->done != NULL)
            fetcher_reap(probe->fetcher, now_ms);
        if (probe->done != NULL && now_ms >= probe->deadline_ms)
            finish_with(probe, PROBED_TIMEOUT, "certgate-fetch did not answer in time");
        if (probe->done != NULL && is_left(probe))
            finish_with(probe, PROBED_FAILED, "nobody waits for it any more");
    }
}

int64_t
probes_next_ms(const struct probes *probes)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; probes != NULL && i < PROBES_MAX; i++)
        if (probes->each[i].done != NULL && probes->each[i].deadline_ms < next)
            next = probes->each[i].deadline_ms;
    return next;
}
