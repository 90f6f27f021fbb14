#include "fetch/confine.h"

#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Transfers, their look-ups and the socket of certgated. */
#define MAX_DESCRIPTORS 256

/* The kernel's Landlock interface by number, as far as ABI 1 goes: Debian 12's headers may lack it. */
#define LANDLOCK_BENEATH 1
#define FS_ALL_OF_ABI_1 UINT64_C(0x1fff)
#define FS_EXECUTE UINT64_C(1) /* mapping a library for names is one */
#define FS_READ UINT64_C(4)
#define FS_READ_DIR UINT64_C(8)

struct beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

/* What getaddrinfo() and the trust store of libcurl read. */
static const char *const readable[] = { "/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve",
    "/run/resolvconf" };

static void
hide_files(void)
{
    const uint64_t handled = FS_ALL_OF_ABI_1;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);

    if (ruleset < 0)
        return; /* a kernel without: what its user may not read stays out of reach */
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
        struct beneath rule = { FS_EXECUTE | FS_READ | FS_READ_DIR,
            open(readable[i], O_PATH | O_CLOEXEC) };

        if (rule.parent_fd < 0)
            continue;
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_BENEATH, &rule, 0);
        close(rule.parent_fd);
    }
    (void)syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
}

/* libcurl and the resolver make threads and sockets as they like; what only an attacker calls ends it. */
static bool
refuse_calls(void)
{
    static const int refused[] = { SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
        SCMP_SYS(kcmp), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
        SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
        SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree),
        SCMP_SYS(fsopen), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(open_by_handle_at),
        SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(add_key), SCMP_SYS(request_key),
        SCMP_SYS(keyctl), SCMP_SYS(listen), SCMP_SYS(accept4), SCMP_SYS(accept) };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter != NULL;

    for (size_t i = 0; ok && i < sizeof(refused) / sizeof(refused[0]); i++)
        ok = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, refused[i], 0) == 0;
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

bool
confine(void)
{
    const struct rlimit none = { 0, 0 }, few = { MAX_DESCRIPTORS, MAX_DESCRIPTORS };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_NOFILE, &few);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    hide_files();
    return refuse_calls();
}
