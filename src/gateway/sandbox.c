#include "gateway/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* ---- Landlock ---------------------------------------------------------------------------------- */

/*
 * The kernel's interface, by number: Debian 12's headers end with ABI 2. The structure has grown at its
 * end, and a kernel takes the part that it knows.
 */
struct landlock_ruleset {
    uint64_t handled_access_fs;
    uint64_t
            handled_access_net; /* ABI 4; left alone: a worker connects to backends, seccomp refuses bind */
    uint64_t scoped; /* ABI 6 */
};

struct landlock_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

#define LANDLOCK_VERSION 1u
#define LANDLOCK_BENEATH 1
#define SCOPE_ABSTRACT_UNIX_SOCKET 1u
#define SCOPE_SIGNAL 2u

/* What each ABI can deny, up to the newest that we know; a newer kernel does these too. */
static const struct {
    uint64_t fs;
    uint64_t scoped;
    size_t size;
} landlock_abis[] = {
    { 0, 0, 0 }, { 0x1fff, 0, 8 }, /* 1: execute … make symbolic links */
    { 0x3fff, 0, 8 }, /* 2: link and rename across folders */
    { 0x7fff, 0, 8 }, /* 3: truncate */
    { 0x7fff, 0, 16 }, /* 4: network */
    { 0xffff, 0, 16 }, /* 5: ioctl of devices */
    { 0xffff, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, 24 }, /* 6 */
};

/* The ABI in force, 0 with the text when there is none. */
static int
enter_landlock(char *text, size_t size)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
    size_t known = sizeof(landlock_abis) / sizeof(landlock_abis[0]) - 1, row;
    struct landlock_ruleset ruleset = { 0 };
    int fd = -1, result = 0;

    if (abi < 1)
        goto done;
    row = (size_t)abi < known ? (size_t)abi : known;
    ruleset.handled_access_fs = landlock_abis[row].fs;
    ruleset.scoped = landlock_abis[row].scoped;
    fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, landlock_abis[row].size, 0);
    if (fd < 0)
        goto done;
    if (sandbox_readable_root != 0) {
        struct landlock_beneath root = { sandbox_readable_root,
            open("/", O_PATH | O_CLOEXEC | O_DIRECTORY) };

        (void)syscall(SYS_landlock_add_rule, fd, LANDLOCK_BENEATH, &root, 0);
        close(root.parent_fd);
    }
    if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
        result = (int)abi;
done:
    if (result == 0)
        (void)snprintf(text, size, "no landlock: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return result;
}

/* ---- seccomp ----------------------------------------------------------------------------------- */

/*
 * Where we know the register of a call's result, a refused call is trapped: the handler answers EPERM and
 * notes the number for the log. Elsewhere the kernel answers EPERM and writes its own audit line.
 */
#if defined(__x86_64__)
#define REFUSE SCMP_ACT_TRAP
#define KERNEL_LOGS 0
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define REFUSE SCMP_ACT_TRAP
#define KERNEL_LOGS 0
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#else
#define REFUSE SCMP_ACT_ERRNO(EPERM)
#define KERNEL_LOGS 1
#define RESULT(context) (*(long *)(context))
#endif

#define MAX_CALLS 1024
#define BY_SECCOMP 1 /* si_code SYS_SECCOMP, which glibc 2.36 does not name */

/* A signal handler has no argument of ours; written there, read in the loop. A bit for each call. */
static atomic_uint_least64_t refused[MAX_CALLS / 64];
static atomic_bool refused_new;
static uint64_t refused_said[MAX_CALLS / 64];

static void
on_refused(int number, siginfo_t *info, void *context)
{
    unsigned call = (unsigned)info->si_syscall;

    (void)number;
    if (info->si_code != BY_SECCOMP)
        return; /* sent by somebody, who interrupted anything: there is no result to set */
    RESULT((ucontext_t *)context) = -EPERM;
    if (call >= MAX_CALLS)
        call = MAX_CALLS - 1;
    atomic_fetch_or(&refused[call / 64], UINT64_C(1) << call % 64);
    atomic_store(&refused_new, true);
}

bool
sandbox_next_refused(char *name, size_t size)
{
    char *resolved;

    if (!atomic_load_explicit(&refused_new, memory_order_relaxed))
        return false;
    for (unsigned call = 0; call < MAX_CALLS; call++) {
        uint64_t bit = UINT64_C(1) << call % 64;

        if ((atomic_load(&refused[call / 64]) & ~refused_said[call / 64] & bit) == 0)
            continue;
        refused_said[call / 64] |= bit;
        resolved = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);
        (void)snprintf(name, size, "%s (%u)", resolved == NULL ? "unknown" : resolved, call);
        free(resolved);
        return true;
    }
    atomic_store(&refused_new, false);
    return false;
}

static int
add_row(scmp_filter_ctx filter, const struct sandbox_call *row)
{
    uint32_t action = row->answer == SANDBOX_ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS;
    struct scmp_arg_cmp tests[3];
    unsigned count = 0;
    int result;

    for (size_t i = 0; i < sizeof(row->tests) / sizeof(row->tests[0]); i++)
        if (row->tests[i].mask != 0)
            tests[count++] = (struct scmp_arg_cmp) { row->tests[i].index, SCMP_CMP_MASKED_EQ,
                row->tests[i].mask, row->tests[i].value };
    if (row->own_process)
        tests[count++] =
                (struct scmp_arg_cmp) { 0, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint64_t)getpid() };
    result = seccomp_rule_add_array(filter, action, row->number, count, tests);
    return result == -EDOM ? 0 : result; /* a call that this architecture lacks */
}

static bool
sanitizer_needs(int number)
{
    for (size_t i = 0; i < sandbox_sanitizer_call_count; i++)
        if (sandbox_sanitizer_calls[i].number == number)
            return true;
    return false;
}

static int
add_rows(scmp_filter_ctx filter)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < sandbox_call_count; i++)
        if (!sanitizer_needs(sandbox_calls[i].number))
            result = add_row(filter, &sandbox_calls[i]);
    for (size_t i = 0; result == 0 && i < sandbox_sanitizer_call_count; i++)
        result = add_row(filter, &sandbox_sanitizer_calls[i]);
    return result;
}

static bool
enter_seccomp(char *text, size_t size)
{
    struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
    scmp_filter_ctx filter = seccomp_init(REFUSE);
    int result = filter == NULL ? -ENOMEM : 0;

    sigemptyset(&action.sa_mask);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = add_rows(filter);
    /* The kernel's own lines and a search tree: wishes, not needs. It always logs what it kills for. */
    if (result == 0) {
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, KERNEL_LOGS);
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (sigaction(SIGSYS, &action, NULL) != 0)
            result = -errno;
    }
    if (result == 0)
        result = seccomp_load(filter);
    if (result != 0)
        (void)snprintf(text, size, "no seccomp: %s", strerror(-result));
    seccomp_release(filter);
    return result == 0;
}

/* ---- both -------------------------------------------------------------------------------------- */

void
sandbox_enter(struct sandbox_report *report)
{
    const struct rlimit none = { 0, 0 };
    char landlock[64] = "", seccomp[64] = "", process[64] = "";
    bool private, calls;
    int abi;

    /* No core file, no attaching: keys are in this memory. Without no_new_privs neither filter loads. */
    private = setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!private)
        (void)snprintf(process, sizeof(process), "prctl: %s", strerror(errno));
    abi = enter_landlock(landlock, sizeof(landlock));
    calls = enter_seccomp(seccomp, sizeof(seccomp));
    if (private && abi != 0 && calls) {
        report->state = IPC_CONFINED_FULL;
        (void)snprintf(report->text, sizeof(report->text),
                "sandbox=full (landlock ABI %d, seccomp%s)", abi,
                sandbox_sanitizer_call_count == 0 ? "" : ", with the sanitizers' calls");
        return;
    }
    report->state = IPC_CONFINED_PARTIAL;
    if (abi != 0)
        (void)snprintf(landlock, sizeof(landlock), "landlock ABI %d", abi);
    if (calls)
        (void)snprintf(seccomp, sizeof(seccomp), "seccomp");
    (void)snprintf(report->text, sizeof(report->text), "sandbox=partial (%s, %s%s%s)", landlock,
            seccomp, process[0] == '\0' ? "" : ", ", process);
}

void
sandbox_report_off(struct sandbox_report *report)
{
    report->state = IPC_CONFINED_OFF;
    (void)snprintf(report->text, sizeof(report->text), "sandbox=off");
}
