/* certgate-fetch as certgated sees it: started when there is something to ask, started again when it dies. */
#ifndef CONTROL_FETCHER_H
#define CONTROL_FETCHER_H

#include "base/span.h"
#include "control/candidate.h"
#include "snapshot/probed.h"

/* What came; fd is the memory file, taken over by whoever is called, or -1 and why. */
typedef void fetcher_done(
        void *arg, uint64_t number, int fd, int64_t from, int64_t until, const char *why);
/* What a server showed, borrowed for the call. */
typedef void fetcher_probed(void *arg, const struct probed *probed);
/* The process has ended: what was under way has to be asked for again. */
typedef void fetcher_lost(void *arg, const char *text);

/* Who is told. NULL where it is not asked for: who tells it none the less is ended. */
struct fetcher_events {
    fetcher_done *done;
    fetcher_probed *probed;
    fetcher_lost *lost;
    void *arg;
};

struct fetcher;

/* worker_program: certgate-fetch lies beside it. NULL without memory. */
struct fetcher *fetcher_new(const char *worker_program, const struct fetcher_events *events);
/* Ends the process, also from within what it tells; it is started again with the next question. */
void fetcher_stop(struct fetcher *fetcher);
void fetcher_free(struct fetcher *fetcher);
/* False while it cannot be asked: then again later. */
bool fetcher_ask(struct fetcher *fetcher, const struct candidate *candidate, uint64_t number,
        enum cg_evidence_kind kind, const char *url, struct cg_span request, int64_t now_ms);
/* The same of what a TLS server shows. One that is asked this answers it, and nothing else until then. */
bool fetcher_probe(struct fetcher *fetcher, const struct candidate *candidate, const char *host,
        uint16_t port, int64_t now_ms);
/* Readable when something came; -1 while it does not run. */
int fetcher_fd(const struct fetcher *fetcher);
void fetcher_receive(struct fetcher *fetcher);
/* Collects the process when it has ended. */
void fetcher_reap(struct fetcher *fetcher, int64_t now_ms);

#endif
