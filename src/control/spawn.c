#include "control/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot/ipc.h"

/* Exit statuses of the child before it is a worker. */
enum { CHILD_SETUP = 70, CHILD_EXEC = 71, CHILD_USER = 77 };

static const struct {
    int status;
    const char *text;
} ends[] = {
    { CHILD_SETUP, "could not be set up" },
    { CHILD_EXEC, "could not run the worker program" },
    { CHILD_USER, "could not give up root" },
    { IPC_EXIT_UNCONFINED, "could not enter the whole sandbox, which is required" },
};

const char *
spawn_end_text(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? " (a system call that the sandbox does not forgive)"
                                          : "";
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends[i].status == WEXITSTATUS(status))
            return ends[i].text;
    return "";
}

/* The socket as IPC_WORKER_FD, nothing to read or write by accident, all other descriptors gone on exec. */
static bool
arrange_descriptors(int socket)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return false;
    if (socket == IPC_WORKER_FD ? fcntl(socket, F_SETFD, 0) != 0 : dup2(socket, IPC_WORKER_FD) < 0)
        return false;
    /* They are marked so anyhow; this is for one that a library forgot. */
    (void)close_range(IPC_WORKER_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    return true;
}

/*
 * In the child. Never returns. Threads of the parent may have been anywhere, so that only what is
 * async-signal-safe is called (signal-safety(7)).
 */
static void
become_worker(int program, const struct candidate *candidate, int socket, pid_t parent,
        char *const argv[])
{
    int copy = fcntl(program, F_DUPFD_CLOEXEC, IPC_WORKER_FD + 1);
    sigset_t none;

    sigemptyset(&none);
    if (copy < 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0 || !arrange_descriptors(socket))
        _exit(CHILD_SETUP);
    if (candidate->give_up_root &&
            (setgroups(0, NULL) != 0 || setgid(candidate->gid) != 0 || setuid(candidate->uid) != 0))
        _exit(CHILD_USER);
    /* A certgated that may bind low ports without being root passes nothing of that on. */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* After the change of user, which would clear it; and the parent may have ended before. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
            getppid() != parent)
        _exit(CHILD_SETUP);
    fexecve(copy, argv, environ);
    _exit(CHILD_EXEC);
}

pid_t
spawn_program(int program, const struct candidate *candidate, int socket, char *const argv[])
{
    pid_t pid, self = getpid();

    pid = fork();
    if (pid == 0)
        become_worker(program, candidate, socket, self, argv);
    return pid;
}

pid_t
spawn_worker(int program, const struct candidate *candidate, int socket)
{
    char sandbox[32], name[] = "certgate-worker";
    char *argv[] = { name, sandbox, NULL };

    (void)snprintf(sandbox, sizeof(sandbox), "--sandbox=%s",
            ipc_sandbox_name(candidate->settings->sandbox));
    return spawn_program(program, candidate, socket, argv);
}
