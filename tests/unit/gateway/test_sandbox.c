/*
 * The sandbox by trying what it forbids, each call in a process of its own that entered it. Built without
 * sanitizers whatever the build is, so that the list that is tried is the one that is shipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/sandbox.h"

/* Exit statuses of the child that are no errno. */
enum { UNCONFINED = 200, UNNOTED = 201 };

#define KILLED (-SIGSYS)

static const char path[] = "/tmp/certgate-test-sandbox";

/* ---- what is tried: each returns what the call returns ----------------------------------------- */

#define TRY(name, ...)                                                                             \
    static long name(void)                                                                         \
    {                                                                                              \
        return syscall(__VA_ARGS__);                                                               \
    }

TRY(do_openat, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
TRY(do_create, SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600)
TRY(do_openat2, SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0)
TRY(do_unlinkat, SYS_unlinkat, AT_FDCWD, path, 0)
TRY(do_mkdirat, SYS_mkdirat, AT_FDCWD, path, 0700)
TRY(do_renameat2, SYS_renameat2, AT_FDCWD, path, AT_FDCWD, path, 0)
TRY(do_linkat, SYS_linkat, AT_FDCWD, path, AT_FDCWD, path, 0)
TRY(do_symlinkat, SYS_symlinkat, path, AT_FDCWD, path)
TRY(do_mknodat, SYS_mknodat, AT_FDCWD, path, S_IFIFO, 0)
TRY(do_fchmodat, SYS_fchmodat, AT_FDCWD, path, 0600)
TRY(do_fchownat, SYS_fchownat, AT_FDCWD, path, 0, 0, 0)
TRY(do_truncate, SYS_truncate, path, 0)
TRY(do_newfstatat, SYS_newfstatat, AT_FDCWD, "/etc/passwd", NULL, 0)
TRY(do_statx, SYS_statx, AT_FDCWD, "/etc/passwd", 0, 0, NULL)
TRY(do_faccessat, SYS_faccessat, AT_FDCWD, "/etc/passwd", R_OK)
TRY(do_readlinkat, SYS_readlinkat, AT_FDCWD, "/proc/self/exe", NULL, 0)
TRY(do_chdir, SYS_chdir, "/")
TRY(do_inotify, SYS_inotify_init1, 0)
TRY(do_memfd, SYS_memfd_create, "x", 0)
TRY(do_clone, SYS_clone, SIGCHLD, 0, 0, 0, 0)
TRY(do_clone3, SYS_clone3, NULL, 0)
TRY(do_kill_parent, SYS_kill, getppid(), 0)
TRY(do_kill_all, SYS_kill, -1, 0)
TRY(do_tkill, SYS_tkill, getppid(), 0)
TRY(do_tgkill_parent, SYS_tgkill, getppid(), getppid(), 0)
TRY(do_pidfd_open, SYS_pidfd_open, 1, 0)
TRY(do_pidfd_signal, SYS_pidfd_send_signal, 0, 0, NULL, 0)
TRY(do_prlimit, SYS_prlimit64, 0, 0, NULL, NULL)
TRY(do_setpriority, SYS_setpriority, 0, 0, 0)
TRY(do_affinity, SYS_sched_setaffinity, 0, 0, NULL)
TRY(do_packet, SYS_socket, AF_PACKET, SOCK_RAW, 0)
TRY(do_raw, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP)
TRY(do_datagram, SYS_socket, AF_INET, SOCK_DGRAM, 0)
TRY(do_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
TRY(do_unix_datagram, SYS_socket, AF_UNIX, SOCK_DGRAM, 0)
TRY(do_vsock, SYS_socket, AF_VSOCK, SOCK_STREAM, 0)
TRY(do_socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL)
TRY(do_bind, SYS_bind, 0, NULL, 0)
TRY(do_listen, SYS_listen, 0, 1)
TRY(do_ip_option, SYS_setsockopt, 0, IPPROTO_IP, IP_TTL, NULL, 0)
TRY(do_exec_map, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
TRY(do_exec_protect, SYS_mprotect, NULL, 0, PROT_EXEC)
TRY(do_pkey_protect, SYS_pkey_mprotect, NULL, 0, PROT_EXEC, -1)
TRY(do_prctl, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
TRY(do_setuid, SYS_setuid, 0)
TRY(do_capset, SYS_capset, NULL, NULL)
TRY(do_personality, SYS_personality, 0xffffffffu)
TRY(do_seccomp, SYS_seccomp, 2, 0, NULL)
TRY(do_terminal, SYS_ioctl, 0, TIOCSTI, "x")
TRY(do_owner, SYS_fcntl, 0, F_SETOWN, 1)
TRY(do_duplicate, SYS_fcntl, 0, F_DUPFD, 0)
TRY(do_pipe, SYS_pipe2, NULL, 0)
TRY(do_shm, SYS_shmget, 0, 4096, 0)
TRY(do_mqueue, SYS_mq_open, "/x", 0, 0, NULL)
TRY(do_timer, SYS_timer_create, 0, NULL, NULL)
TRY(do_no_such_call, 999)

TRY(do_inet, SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
TRY(do_inet6, SYS_socket, AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)
TRY(do_unix, SYS_socket, AF_UNIX, SOCK_STREAM, 0)
TRY(do_map, SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
TRY(do_tgkill_self, SYS_tgkill, getpid(), getpid(), 0)

TRY(do_execve, SYS_execve, "/bin/true", NULL, NULL)
TRY(do_attach, SYS_ptrace, 16, getppid(), 0, 0)
TRY(do_mount, SYS_mount, "none", "/", "tmpfs", 0, NULL)
TRY(do_signal_of_refusal, SYS_tgkill, getpid(), getpid(), SIGSYS)

static long
do_connect(void)
{
    struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    /* Port 0 answers ECONNREFUSED; all that counts is that the call is made. */
    return connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) != 0 && errno == ECONNREFUSED
            ? 0
            : -1;
}

static long
do_random(void)
{
    char bytes[16];

    return getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes) ? 0 : -1;
}

static long
do_memory(void)
{
    char *block = malloc(64 * 1024 * 1024), *grown;

    if (block == NULL)
        return -1;
    grown = realloc(block, 128 * 1024 * 1024);
    free(grown == NULL ? block : grown);
    return grown == NULL ? -1 : 0;
}

static long
do_nonblocking(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), on = 1;

    return ioctl(fd, FIONBIO, &on) == 0 && fcntl(fd, F_GETFL) != -1 &&
                    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0
            ? 0
            : -1;
}

static const struct {
    const char *why;
    long (*try)(void);
    int expect; /* errno, 0: works, KILLED */
} rows[] = {
    { "open a file", do_openat, EPERM },
    { "create a file", do_create, EPERM },
    { "open a file, newer call", do_openat2, EPERM },
    { "remove a file", do_unlinkat, EPERM },
    { "make a folder", do_mkdirat, EPERM },
    { "rename", do_renameat2, EPERM },
    { "link", do_linkat, EPERM },
    { "make a symbolic link", do_symlinkat, EPERM },
    { "make a fifo", do_mknodat, EPERM },
    { "change a mode", do_fchmodat, EPERM },
    { "change an owner", do_fchownat, EPERM },
    { "cut a file", do_truncate, EPERM },
    { "look at a file's facts", do_newfstatat, EPERM },
    { "look at a file's facts, newer call", do_statx, EPERM },
    { "ask for access", do_faccessat, EPERM },
    { "read a symbolic link", do_readlinkat, EPERM },
    { "change the folder", do_chdir, EPERM },
    { "watch files", do_inotify, EPERM },
    { "make a memory file", do_memfd, EPERM },
    { "make a process", do_clone, EPERM },
    { "make a process, newer call", do_clone3, EPERM },
    { "signal the parent", do_kill_parent, EPERM },
    { "signal everybody", do_kill_all, EPERM },
    { "signal the parent's thread", do_tkill, EPERM },
    { "signal another process's thread", do_tgkill_parent, EPERM },
    { "hold another process", do_pidfd_open, EPERM },
    { "signal a process that is held", do_pidfd_signal, EPERM },
    { "change limits", do_prlimit, EPERM },
    { "change the priority", do_setpriority, EPERM },
    { "change the processors", do_affinity, EPERM },
    { "packet socket", do_packet, EPERM },
    { "raw socket", do_raw, EPERM },
    { "datagram socket", do_datagram, EPERM },
    { "netlink socket", do_netlink, EPERM },
    { "local datagram socket", do_unix_datagram, EPERM },
    { "socket to the hypervisor", do_vsock, EPERM },
    { "socket pair", do_socketpair, EPERM },
    { "bind", do_bind, EPERM },
    { "listen", do_listen, EPERM },
    { "option of the IP layer", do_ip_option, EPERM },
    { "executable memory", do_exec_map, EPERM },
    { "make memory executable", do_exec_protect, EPERM },
    { "make memory executable, newer call", do_pkey_protect, EPERM },
    { "become dumpable again", do_prctl, EPERM },
    { "become root", do_setuid, EPERM },
    { "take capabilities", do_capset, EPERM },
    { "another personality", do_personality, EPERM },
    { "another filter", do_seccomp, EPERM },
    { "type into the terminal", do_terminal, EPERM },
    { "direct signals", do_owner, EPERM },
    { "duplicate a descriptor", do_duplicate, EPERM },
    { "make a pipe", do_pipe, EPERM },
    { "shared memory", do_shm, EPERM },
    { "message queue", do_mqueue, EPERM },
    { "timer", do_timer, EPERM },
    { "a call that does not exist", do_no_such_call, EPERM },
    { "run a program", do_execve, KILLED },
    { "look into the parent", do_attach, KILLED },
    { "mount", do_mount, KILLED },

    { "TCP socket", do_inet, 0 },
    { "TCP socket over IPv6", do_inet6, 0 },
    { "local stream socket", do_unix, 0 },
    { "connect", do_connect, 0 },
    { "map memory", do_map, 0 },
    { "grow and free memory", do_memory, 0 },
    { "random bytes", do_random, 0 },
    { "descriptor without blocking", do_nonblocking, 0 },
    { "signal itself", do_tgkill_self, 0 },
    { "the refusal's signal without a refusal", do_signal_of_refusal, 0 },
};

/* ---- in a child -------------------------------------------------------------------------------- */

/* The wait status of a child that enters the sandbox and runs `try`; it exits with errno or 0. */
static int
run_confined(long (*try)(void))
{
    struct sandbox_report report;
    int status;
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        sandbox_enter(&report);
        if (report.state != IPC_CONFINED_FULL)
            _exit(UNCONFINED);
        _exit(try() >= 0 ? 0 : errno);
    }
    if (waitpid(pid, &status, 0) != pid)
        abort();
    return status;
}

static long
nothing(void)
{
    return 0;
}

static void
test_each_call_has_its_answer(void **state)
{
    int status, got, wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        status = run_confined(rows[i].try);
        got = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        if (got == rows[i].expect)
            continue;
        print_error("%s: wanted %d, got %d (an errno, or minus a signal)\n", rows[i].why,
                rows[i].expect, got);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static int tried_call; /* in the parent before the fork */

static long
call_by_number(void)
{
    return syscall(tried_call, 0, 0, 0, 0, 0, 0);
}

/* With no arguments none of these calls does any harm where it is not stopped. */
static void
test_what_only_an_attacker_calls_is_the_end(void **state)
{
    int status, killed = 0, wrong = 0;

    (void)state;
    for (size_t i = 0; i < sandbox_call_count; i++) {
        if (sandbox_calls[i].answer != SANDBOX_KILL || sandbox_calls[i].number < 0)
            continue;
        tried_call = sandbox_calls[i].number;
        status = run_confined(call_by_number);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
            print_error("%s: not killed, status %x\n", sandbox_calls[i].name, (unsigned)status);
            wrong++;
        }
        killed++;
    }
    assert_int_equal(wrong, 0);
    assert_true(killed > 30);
}

static long
refuse_and_ask(void)
{
    char first[64] = "", second[64] = "", third[64] = "";
    bool ok = !sandbox_next_refused(first, sizeof(first));

    (void)do_openat();
    (void)do_openat();
    (void)do_bind();
    ok = ok && sandbox_next_refused(first, sizeof(first)) &&
            sandbox_next_refused(second, sizeof(second)) &&
            !sandbox_next_refused(third, sizeof(third));
    (void)do_openat();
    ok = ok && !sandbox_next_refused(third, sizeof(third));
    ok = ok && (strstr(first, "openat (") == first || strstr(second, "openat (") == second) &&
            (strstr(first, "bind (") == first || strstr(second, "bind (") == second);
    if (!ok)
        _exit(UNNOTED);
    return 0;
}

static void
test_a_refused_call_is_noted_once(void **state)
{
    (void)state;
    assert_int_equal(run_confined(refuse_and_ask), 0);
}

/* ---- with a kernel that lacks something: a filter before ours says so --------------------------- */

static bool
kernel_without(const char *const *calls)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter != NULL;

    for (; ok && *calls != NULL; calls++) {
        int number = seccomp_syscall_resolve_name(*calls);
        /* Of prctl only what installs filters. */
        struct scmp_arg_cmp set_seccomp = SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP);
        unsigned tests = strcmp(*calls, "prctl") == 0 ? 1 : 0;

        /* libseccomp 2.5 knows Landlock's calls; one that does not would test nothing. */
        ok = number >= 0 &&
                seccomp_rule_add_array(
                        filter, SCMP_ACT_ERRNO(ENOSYS), number, tests, &set_seccomp) == 0;
    }
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

/* Its report by a pipe, and the errno of opening a file then. */
static int
enter_without(const char *const *calls, struct sandbox_report *report)
{
    int pipes[2], status;
    pid_t pid;

    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        if (!kernel_without(calls))
            _exit(UNCONFINED);
        sandbox_enter(report);
        if (write(pipes[1], report, sizeof(*report)) != sizeof(*report))
            _exit(UNNOTED);
        _exit(do_openat() >= 0 ? 0 : errno);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], report, sizeof(*report)), sizeof(*report));
    close(pipes[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_without_landlock_seccomp_still_refuses(void **state)
{
    static const char *const calls[] = { "landlock_create_ruleset", NULL };
    struct sandbox_report report;

    (void)state;
    assert_int_equal(enter_without(calls, &report), EPERM);
    assert_int_equal(report.state, IPC_CONFINED_PARTIAL);
    assert_string_equal(
            report.text, "sandbox=partial (no landlock: Function not implemented, seccomp)");
}

static void
test_without_seccomp_landlock_still_refuses(void **state)
{
    static const char *const calls[] = { "seccomp", "prctl", NULL };
    struct sandbox_report report;

    (void)state;
    assert_int_equal(enter_without(calls, &report), EACCES);
    assert_int_equal(report.state, IPC_CONFINED_PARTIAL);
    assert_non_null(strstr(report.text, "sandbox=partial (landlock ABI "));
    assert_non_null(strstr(report.text, ", no seccomp: "));
}

/* ---- the process itself ------------------------------------------------------------------------ */

static bool
line_of(pid_t pid, const char *file, const char *name, char *out, size_t size)
{
    char text[64], line[256];
    bool found = false;
    FILE *in;

    (void)snprintf(text, sizeof(text), "/proc/%d/%s", (int)pid, file);
    in = fopen(text, "re");
    while (in != NULL && !found && fgets(line, sizeof(line), in) != NULL)
        found = strncmp(line, name, strlen(name)) == 0;
    if (in != NULL)
        (void)fclose(in);
    if (found)
        (void)snprintf(out, size, "%s", line + strlen(name));
    return found;
}

static void
test_the_process_gives_nothing_away(void **state)
{
    const struct passwd *nobody = getpwnam("nobody");
    struct sandbox_report report;
    int ready[2], end[2], status;
    char text[256], byte = 0;
    struct stat facts;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        close(end[1]);
        if (geteuid() == 0 && (nobody == NULL || setuid(nobody->pw_uid) != 0))
            _exit(UNCONFINED);
        sandbox_enter(&report);
        (void)!write(ready[1], &byte, 1);
        (void)!read(end[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_true(line_of(pid, "status", "NoNewPrivs:", text, sizeof(text)));
    assert_int_equal(atoi(text), 1);
    assert_true(line_of(pid, "status", "Seccomp:", text, sizeof(text)));
    assert_int_equal(atoi(text), 2);
    assert_true(line_of(pid, "limits", "Max core file size", text, sizeof(text)));
    assert_int_equal(strtoul(text, NULL, 10), 0);
    /* The folder of a process that may not be looked into belongs to root, whoever it runs as. */
    (void)snprintf(text, sizeof(text), "/proc/%d/status", (int)pid);
    assert_int_equal(stat(text, &facts), 0);
    assert_int_equal(facts.st_uid, 0);
    close(end[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++)
        close(ready[i]);
    close(end[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_has_its_answer),
        cmocka_unit_test(test_what_only_an_attacker_calls_is_the_end),
        cmocka_unit_test(test_a_refused_call_is_noted_once),
        cmocka_unit_test(test_without_landlock_seccomp_still_refuses),
        cmocka_unit_test(test_without_seccomp_landlock_still_refuses),
        cmocka_unit_test(test_the_process_gives_nothing_away),
    };

    /* What cannot be tried is skipped, never passed: 77 is meson's word for that. */
    if (WEXITSTATUS(run_confined(nothing)) == UNCONFINED) {
        fputs("this kernel lacks seccomp or Landlock\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
