/* What certgated is asked for while it runs, by the control socket and by signals. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "control/commit.h"
#include "control/node.h"
#include "control/recorder.h"
#include "control/say.h"

/* A local client that says nothing for so long is dropped. */
#define CLIENT_TIMEOUT_S 2

/* ---- reload ------------------------------------------------------------------------------------ */

void
control_check_fixed(const char *state, const char *log, unsigned workers,
        const struct settings *then, struct cg_buf *problems)
{
    static const char text[] = "'%s' cannot change while certgated runs: restart it\n";

    if (strcmp(state, then->state) != 0)
        cg_buf_addf(problems, text, "state");
    if (workers != then->workers)
        cg_buf_addf(problems, text, "workers");
    if (strcmp(log, then->log) != 0)
        cg_buf_addf(problems, text, "log");
}

/* The process and its workers are started with these: a new certgated, by restart or upgrade, takes them. */
void
control_check_reload(
        const struct control *control, const struct candidate *then, struct cg_buf *problems)
{
    const struct candidate *now = control->candidate;
    static const char text[] = "'%s' cannot change on reload: restart or upgrade certgated\n";

    control_check_fixed(now->settings->state, now->settings->log, now->settings->workers,
            then->settings, problems);
    if (now->settings->store != then->settings->store)
        cg_buf_addf(problems, text, "store");
    if (now->settings->metrics.len != then->settings->metrics.len ||
            memcmp(&now->settings->metrics.addr, &then->settings->metrics.addr,
                    now->settings->metrics.len) != 0)
        cg_buf_addf(problems, text, "metrics");
    if (now->settings->sandbox != then->settings->sandbox)
        cg_buf_addf(problems, text, "sandbox");
    if (now->give_up_root && (now->uid != then->uid || now->gid != then->gid))
        cg_buf_addf(problems, text, "user");
}

/* ---- requests: by the control socket and by signals --------------------------------------------- */

/* Each returns false with the problems, or true with the answer; no answer means that it comes later. */

static bool
reload(struct control *control, struct cg_buf *problems)
{
    struct commit commit = {
        .author = { (int64_t)time(NULL), "local", "reload" }, .reread = true, .force = true
    };

    switch (commit_run(control, &commit, problems)) {
    case COMMIT_MADE:
        return true;
    case COMMIT_SAME:
        say("nothing has changed: generation %llu stays in force",
                (unsigned long long)control->generation);
        return true;
    default:
        return false;
    }
}

static bool
request_reload(struct control *control, struct cg_buf *answer, struct cg_buf *problems)
{
    /* Also where nothing else has changed: what rotates logs asks for this. */
    recorder_reopen(control->recorder);
    if (control->candidate == NULL) {
        if (!start_begin(control, problems))
            return false;
    } else if (!reload(control, problems)) {
        say("reload refused, generation %llu stays in force",
                (unsigned long long)control->generation);
        say_problems(problems);
        return false;
    }
    cg_buf_addf(answer, "ok generation %llu\n", (unsigned long long)control->generation);
    return true;
}

static bool
request_upgrade(struct control *control, struct cg_buf *answer, struct cg_buf *problems)
{
    bool ok = upgrade_start(control, problems);

    (void)answer;
    if (!ok)
        say_problems(problems);
    return ok;
}

static bool
request_metrics(struct control *control, struct cg_buf *answer, struct cg_buf *problems)
{
    (void)problems;
    cg_buf_add(answer, "ok ");
    control_metrics(control, answer);
    return true;
}

/* A request of a local client, and the signal that asks for the same. */
static const struct request {
    const char *name;
    unsigned signal; /* 0: none */
    bool alone; /* not while an upgrade is under way */
    bool (*run)(struct control *control, struct cg_buf *answer, struct cg_buf *problems);
} requests[] = {
    { "reload\n", SIGHUP, true, request_reload },
    { "upgrade\n", SIGUSR2, true, request_upgrade },
    { "metrics\n", 0, false, request_metrics },
};

#define REQUEST_COUNT (sizeof(requests) / sizeof(requests[0]))

static void
answer_client(int client, const char *text, size_t len)
{
    if (client < 0)
        return;
    (void)write_all(client, text, len);
    close(client);
}

/* `client` waits for the answer, or is -1 where a signal asked. */
static void
run_request(struct control *control, const struct request *request, int client)
{
    static const char busy[] = "error\nan upgrade is under way\n";
    struct cg_buf problems, answer;

    if (request->alone && (control->upgrade.pid != 0 || control->client >= 0)) {
        say("an upgrade is under way: %.*s is not done", (int)strcspn(request->name, "\n"),
                request->name);
        answer_client(client, busy, sizeof(busy) - 1);
        return;
    }
    cg_buf_init(&problems, 1024 * 1024);
    cg_buf_init(&answer, METRICS_MAX_TEXT);
    if (!request->run(control, &answer, &problems))
        cg_buf_addf(&answer, "error\n%s", cg_buf_text(&problems));
    if (answer.len == 0)
        control->client = client;
    else
        answer_client(client, cg_buf_text(&answer), answer.len);
    cg_buf_release(&problems);
    cg_buf_release(&answer);
}

/* One request a connection. The answer is "ok TEXT", or "error" and the problems. */
void
requests_serve_client(struct control *control)
{
    static const char unknown[] = "error\nunknown request\n";
    struct timeval limit = { .tv_sec = CLIENT_TIMEOUT_S };
    int client = accept4(control->state.control, NULL, NULL, SOCK_CLOEXEC);
    char text[64];
    ssize_t len;

    if (client < 0)
        return;
    (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    len = read(client, text, sizeof(text) - 1);
    text[len < 0 ? 0 : len] = '\0';
    for (size_t i = 0; i < REQUEST_COUNT; i++) {
        if (strcmp(text, requests[i].name) == 0) {
            run_request(control, &requests[i], client);
            return;
        }
    }
    answer_client(client, unknown, sizeof(unknown) - 1);
}

void
requests_signal(struct control *control, unsigned signal)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++)
        if (requests[i].signal == signal)
            run_request(control, &requests[i], -1);
}

void
requests_add_signals(sigset_t *set)
{
    for (size_t i = 0; i < REQUEST_COUNT; i++)
        if (requests[i].signal != 0)
            sigaddset(set, (int)requests[i].signal);
}
