/*
 * The upgrade in place. The program at our path is run first as a child that only tries: it reads the
 * settings and the handover and starts a worker of its own that nobody can reach. When it says that all is
 * well, this process becomes it, with the same process id; see docs/decisions/0008-upgrade-in-place.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "control/evidence.h"
#include "control/node.h"
#include "control/peers.h"
#include "control/probes.h"
#include "control/recorder.h"
#include "control/say.h"

/* A million trusted certificates are read in less. */
#define TRIAL_MS 60000
#define MAX_OUTPUT (64 * 1024)

/* Everything that runs, for the one that takes our place. The arrays are the handover's own. */
static enum cg_status
fill_handover(struct control *control, struct handover *out, struct cg_error *err)
{
    const struct fleet *fleet = &control->fleet;
    size_t room = fleet->count + fleet->retired_count;
    enum cg_status status;

    *out = (struct handover) {
        .state = control->state,
        .log = recorder_hand_over(control->recorder),
        .client = control->client,
        .generation = control->generation,
        .restarts = fleet->restarts,
        .records_lost = recorder_lost(control->recorder),
        .past = fleet->past_fd,
        .sessions = fleet->sessions,
        .sockets = control->sockets,
    };
    if (control->candidate != NULL) {
        out->state_path = control->candidate->settings->state;
        out->log_path = control->candidate->settings->log;
    } else {
        out->state_path = control->handover.state_path;
        out->log_path = control->handover.log_path;
        memcpy(out->digest, control->handover.digest, sizeof(out->digest));
    }
    if (!recorder_works(control->recorder))
        return cg_fail(err, CG_E_USAGE,
                "%llu decision records wait for the disk: make room for the log first",
                (unsigned long long)recorder_waiting(control->recorder));
    if (room > FLEET_MAX_RETIRED)
        return cg_fail(err, CG_E_LIMIT,
                "%u workers of upgrades before still end: wait for them, or restart",
                fleet->retired_count);
    if (control->candidate != NULL) {
        status = candidate_digest(control->candidate, control->generation, out->digest, err);
        if (status != CG_OK)
            return status;
    }
    out->workers = calloc(room + 1, sizeof(*out->workers));
    if (out->workers == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the handover");
    for (size_t i = 0; i < room; i++)
        out->workers[out->worker_count++] =
                i < fleet->count ? fleet->workers[i] : fleet->retired[i - fleet->count];
    return CG_OK;
}

static void
forget_handover(struct handover *handover)
{
    free(handover->workers);
    explicit_bzero(handover, sizeof(*handover));
}

/* What the new program is run with; a trial is said by the last. */
struct arguments {
    char number[16];
    const char *argv[7];
};

static char *const *
arguments(struct arguments *out, const struct control *control, int handover, bool try)
{
    (void)snprintf(out->number, sizeof(out->number), "%d", handover);
    memcpy(out->argv,
            (const char *[]) { control->options.program, "--config", control->options.config,
                    "--handover", out->number, try ? "--check" : NULL, NULL },
            sizeof(out->argv));
    return (char *const *)(uintptr_t)out->argv;
}

/*
 * In the child: what it says goes to the pipe; no descriptor but the handover. Never returns. The resolver's
 * threads may have been anywhere, so that only what is async-signal-safe is called (signal-safety(7)).
 */
static void
run_trial(char *const *argv, int handover, int output, pid_t parent)
{
    static const char text[] = "it cannot be run\n";
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    sigemptyset(&none);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
            dup2(output, STDERR_FILENO) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
            fcntl(handover, F_SETFD, 0) != 0)
        _exit(1);
    execv(argv[0], argv);
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(1);
}

bool
upgrade_start(struct control *control, struct cg_buf *problems)
{
    struct upgrade *upgrade = &control->upgrade;
    struct handover handover;
    struct arguments list;
    char *const *argv;
    int pipes[2] = { -1, -1 }, file = -1;
    struct cg_error err = { "" };
    pid_t pid = -1, self = getpid();

    if (fill_handover(control, &handover, &err) == CG_OK &&
            handover_write(&handover, &file, &err) == CG_OK) {
        argv = arguments(&list, control, file, true);
        if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0)
            pid = fork();
        if (pid == 0)
            run_trial(argv, file, pipes[1], self);
        if (pid < 0)
            (void)cg_fail(&err, CG_E_USAGE, "cannot run the new program: %s", strerror(errno));
    }
    forget_handover(&handover);
    if (file >= 0)
        close(file);
    if (pipes[1] >= 0)
        close(pipes[1]);
    if (pid < 0) {
        if (pipes[0] >= 0)
            close(pipes[0]);
        cg_buf_addf(problems, "%s\n", err.text);
        return false;
    }
    upgrade->pid = pid;
    upgrade->output = pipes[0];
    upgrade->deadline_ms = now_ms() + TRIAL_MS;
    cg_buf_init(&upgrade->text, MAX_OUTPUT);
    say("trying %s as process %d before it takes over", control->options.program, (int)pid);
    return true;
}

static void
read_output(struct upgrade *upgrade)
{
    char text[4096];
    ssize_t len;

    while ((len = read(upgrade->output, text, sizeof(text))) > 0)
        if (upgrade->text.len + (size_t)len < MAX_OUTPUT - 1)
            cg_buf_add_bytes(&upgrade->text, text, (size_t)len);
}

static void
end_trial(struct upgrade *upgrade)
{
    close(upgrade->output);
    cg_buf_release(&upgrade->text);
    *upgrade = (struct upgrade) { .output = -1 };
}

void
upgrade_cancel(struct control *control)
{
    if (control->upgrade.pid == 0)
        return;
    (void)kill(control->upgrade.pid, SIGKILL);
    (void)waitpid(control->upgrade.pid, NULL, 0);
    end_trial(&control->upgrade);
    control_answer(control, "error\ncertgated is stopping\n");
}

/* The lines that the tried program said, for our operator: without its name, and harmless. */
static void
add_output(struct cg_buf *out, const struct cg_buf *text)
{
    static const char prefix[] = "certgated: ";
    const char *at = cg_buf_text(text), *end = at + text->len, *next;

    for (; at < end; at = next + 1) {
        next = memchr(at, '\n', (size_t)(end - at));
        if (next == NULL)
            next = end;
        if ((size_t)(next - at) >= sizeof(prefix) - 1 &&
                memcmp(at, prefix, sizeof(prefix) - 1) == 0)
            at += sizeof(prefix) - 1;
        cg_buf_add_escaped(out, cg_span((const uint8_t *)at, (size_t)(next - at)));
        cg_buf_add(out, "\n");
    }
}

static void
refuse(struct control *control, const struct cg_buf *why)
{
    struct cg_buf answer;

    say("upgrade refused, this version goes on");
    say_problems(why);
    cg_buf_init(&answer, 2 * MAX_OUTPUT);
    cg_buf_addf(&answer, "error\n%s", cg_buf_text(why));
    control_answer(control, cg_buf_text(&answer));
    cg_buf_release(&answer);
}

/* Returns only when it could not be done; then nothing has changed. */
static void
become_it(struct control *control)
{
    struct handover handover;
    struct arguments list;
    struct cg_error err = { "" };
    struct cg_buf why;
    int file = -1;

    if (fill_handover(control, &handover, &err) == CG_OK &&
            handover_write(&handover, &file, &err) == CG_OK) {
        if (handover_inherit(&handover, true) && fcntl(file, F_SETFD, 0) == 0) {
            say("%s takes over", control->options.program);
            peers_flush(control->peers, INT64_MAX);
            evidence_quiet(control->evidence);
            probes_abandon(control->probes, "certgated is being upgraded");
            execv(control->options.program, arguments(&list, control, file, false));
        }
        (void)cg_fail(&err, CG_E_USAGE, "%s cannot be run: %s", control->options.program,
                strerror(errno));
        (void)handover_inherit(&handover, false);
        close(file);
    }
    forget_handover(&handover);
    cg_buf_init(&why, sizeof(err.text) + 2);
    cg_buf_addf(&why, "%s\n", err.text);
    refuse(control, &why);
    cg_buf_release(&why);
}

void
upgrade_step(struct control *control, int64_t now_ms)
{
    struct upgrade *upgrade = &control->upgrade;
    struct cg_buf why;
    int status;

    if (upgrade->pid == 0)
        return;
    read_output(upgrade);
    if (now_ms >= upgrade->deadline_ms)
        (void)kill(upgrade->pid, SIGKILL);
    if (waitpid(upgrade->pid, &status, WNOHANG) != upgrade->pid)
        return;
    read_output(upgrade);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        end_trial(upgrade);
        become_it(control);
        return;
    }
    cg_buf_init(&why, 2 * MAX_OUTPUT);
    if (now_ms >= upgrade->deadline_ms)
        cg_buf_add(&why, "the new program was not ready in time\n");
    else
        cg_buf_addf(&why, "the new program cannot start (status %d)\n",
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    add_output(&why, &upgrade->text);
    end_trial(upgrade);
    refuse(control, &why);
    cg_buf_release(&why);
}
