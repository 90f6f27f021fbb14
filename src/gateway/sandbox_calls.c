/*
 * The system calls of a worker. Everything that takes a path, makes a process, or makes memory executable
 * is absent; descriptors come from certgated over the IPC socket, so nothing here opens one but `socket`
 * and `accept4`.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "gateway/sandbox.h"

#define INT 0xffffffffu /* the kernel reads the lower half of what is an int */
#define TYPE 0xfu /* of a socket, without SOCK_NONBLOCK and SOCK_CLOEXEC */

#define ROW(call, answer, ...)                                                                     \
    {                                                                                              \
#call, SCMP_SYS(call), answer, __VA_ARGS__                                                 \
    }
#define PASS(call, why) ROW(call, SANDBOX_ALLOW, "", { { 0 } }, false, why)
#define PASS_IF(call, when, index, mask, value, why)                                               \
    ROW(call, SANDBOX_ALLOW, when, { { index, mask, value } }, false, why)
#define SOCKET(domain)                                                                             \
    ROW(socket, SANDBOX_ALLOW, #domain ", stream",                                                 \
            { { 0, INT, domain }, { 1, TYPE, SOCK_STREAM } }, false,                               \
            "connections to backends and far ends")
#define KILL(call, why) ROW(call, SANDBOX_KILL, "", { { 0 } }, false, why)

/* clang-format off */
const struct sandbox_call sandbox_calls[] = {
    PASS(read, "relay"),
    PASS(write, "relay"),
    PASS(readv, "relay"),
    PASS(writev, "relay"),
    PASS(recvfrom, "relay, PROXY header"),
    PASS(recvmsg, "messages from certgated, with descriptors"),
    PASS(sendto, "relay"),
    PASS(sendmsg, "messages to certgated"),
    PASS(close, "end of a connection"),
    PASS(shutdown, "half-close"),
    PASS(accept4, "new connections"),
    PASS(connect, "backends, by address or path"),
    SOCKET(AF_INET),
    SOCKET(AF_INET6),
    SOCKET(AF_UNIX),
    PASS(getsockname, "PROXY header to the backend"),
    PASS(getpeername, "records"),
    PASS_IF(getsockopt, "level SOL_SOCKET", 1, INT, SOL_SOCKET, "outcome of a connect"),
    PASS_IF(getsockopt, "level TCP", 1, INT, IPPROTO_TCP, "state of a connection"),
    PASS_IF(setsockopt, "level SOL_SOCKET", 1, INT, SOL_SOCKET, "buffers, keep-alive"),
    PASS_IF(setsockopt, "level TCP", 1, INT, IPPROTO_TCP, "no delay, keep-alive"),
    PASS(epoll_ctl, "event loop"),
    PASS(epoll_wait, "event loop"),
    PASS(epoll_pwait, "event loop"),
    PASS_IF(fcntl, "F_GETFD", 1, INT, F_GETFD, "event loop"),
    PASS_IF(fcntl, "F_SETFD", 1, INT, F_SETFD, "event loop"),
    PASS_IF(fcntl, "F_GETFL", 1, INT, F_GETFL, "event loop"),
    PASS_IF(fcntl, "F_SETFL", 1, INT, F_SETFL, "event loop"),
    PASS_IF(ioctl, "FIONBIO", 1, INT, FIONBIO, "event loop: no blocking"),
    PASS_IF(ioctl, "SIOCOUTQ", 1, INT, SIOCOUTQ, "whether a peer has read what was sent"),
    PASS_IF(ioctl, "FIOCLEX", 1, INT, FIOCLEX, "event loop: close on exec"),
    PASS(lseek, "size of a snapshot"),
    PASS_IF(mmap, "not executable", 2, PROT_EXEC, 0, "memory, snapshots"),
    PASS_IF(mprotect, "not executable", 2, PROT_EXEC, 0, "memory"),
    PASS(munmap, "memory"),
    PASS(mremap, "memory"),
    PASS(madvise, "memory"),
    PASS(brk, "memory"),
    PASS(sysinfo, "qsort() asks how much memory there is"),
    PASS(futex, "locks of the C library and libcrypto"),
    PASS(sched_yield, "locks"),
    PASS(getrandom, "keys, nonces"),
    PASS(clock_gettime, "time, where the vDSO has no answer"),
    PASS(clock_getres, "time"),
    PASS(gettimeofday, "time"),
    PASS(time, "time"),
    PASS(getpid, "raise(), libcrypto's fork detection"),
    PASS(gettid, "raise()"),
    ROW(tgkill, SANDBOX_ALLOW, "own process", { { 0 } }, true, "abort()"),
    PASS(rt_sigaction, "abort()"),
    PASS(rt_sigprocmask, "abort(), event loop"),
    PASS(rt_sigreturn, "return from a signal"),
    PASS(sigaltstack, "signals"),
    PASS(restart_syscall, "a call after a stop"),
    PASS(exit, "end"),
    PASS(exit_group, "end"),

    KILL(execve, "no other program"),
    KILL(execveat, "no other program"),
    KILL(ptrace, "no other process"),
    KILL(process_vm_readv, "no other process's memory"),
    KILL(process_vm_writev, "no other process's memory"),
    KILL(pidfd_getfd, "no other process's descriptors"),
    KILL(kcmp, "no other process"),
    KILL(bpf, "kernel"),
    KILL(perf_event_open, "kernel"),
    KILL(userfaultfd, "kernel"),
    KILL(io_uring_setup, "calls that no filter sees"),
    KILL(io_uring_enter, "calls that no filter sees"),
    KILL(io_uring_register, "calls that no filter sees"),
    KILL(kexec_load, "kernel"),
    KILL(kexec_file_load, "kernel"),
    KILL(init_module, "kernel"),
    KILL(finit_module, "kernel"),
    KILL(delete_module, "kernel"),
    KILL(mount, "file systems"),
    KILL(umount2, "file systems"),
    KILL(move_mount, "file systems"),
    KILL(open_tree, "file systems"),
    KILL(fsopen, "file systems"),
    KILL(mount_setattr, "file systems"),
    KILL(pivot_root, "file systems"),
    KILL(chroot, "file systems"),
    KILL(open_by_handle_at, "file systems"),
    KILL(unshare, "namespaces"),
    KILL(setns, "namespaces"),
    KILL(add_key, "keyrings"),
    KILL(request_key, "keyrings"),
    KILL(keyctl, "keyrings"),
    KILL(reboot, "machine"),
    KILL(swapon, "machine"),
    KILL(swapoff, "machine"),
    KILL(iopl, "machine"),
    KILL(ioperm, "machine"),
    KILL(clock_settime, "machine"),
    KILL(settimeofday, "machine"),
};
const size_t sandbox_call_count = sizeof(sandbox_calls) / sizeof(sandbox_calls[0]);

/*
 * A sanitizer reads /proc and its own binary for a report, and LeakSanitizer looks at the process from a
 * thread that it makes at the end. Such a build is for tests; what is shipped has none of these rows.
 */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if SANITIZED
const struct sandbox_call sandbox_sanitizer_calls[] = {
    PASS(open, "reports: /proc, the binary"),
    PASS(openat, "reports"),
    PASS(newfstatat, "reports"),
    PASS(fstat, "reports"),
    PASS(pread64, "reports"),
    PASS(readlink, "reports: /proc/self/exe"),
    PASS(getdents, "leaks: the threads"),
    PASS(getdents64, "leaks: the threads"),
    PASS(clone, "leaks: the thread that looks"),
    PASS(wait4, "leaks"),
    PASS(ptrace, "leaks"),
    PASS(process_vm_readv, "leaks"),
    PASS(prctl, "leaks: whether it may be looked at"),
    PASS(prlimit64, "stack bounds"),
    PASS(sched_getaffinity, "stack bounds"),
    PASS(getppid, "leaks"),
};
const size_t sandbox_sanitizer_call_count =
        sizeof(sandbox_sanitizer_calls) / sizeof(sandbox_sanitizer_calls[0]);
const uint64_t sandbox_readable_root = 0xc; /* read files, list folders */
#else
const struct sandbox_call sandbox_sanitizer_calls[] = { { 0 } };
const size_t sandbox_sanitizer_call_count = 0;
const uint64_t sandbox_readable_root = 0;
#endif
