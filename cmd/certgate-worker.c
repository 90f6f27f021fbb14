/*
 * certgate-worker: serves TLS connections for certgated, which starts it and gives it everything over
 * descriptor 3. It opens no file.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "gateway/algorithms.h"
#include "gateway/clock.h"
#include "gateway/sandbox.h"
#include "gateway/worker.h"
#include "snapshot/ipc.h"

#define KEPT_HEAP (16 * 1024 * 1024)
#define HEAP_STEP (1024 * 1024)

static bool
is_control_socket(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

/* What libraries do once and lazily, some of it with files: before the sandbox takes these away. */
static bool
warm_up(void)
{
    const uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
    unsigned char byte;
    SSL_CTX *tls;

    tzset();
    if (OPENSSL_init_ssl(options | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1 ||
            !algorithms_narrow() || RAND_bytes(&byte, 1) != 1)
        return false;
    tls = SSL_CTX_new(TLS_method());
    SSL_CTX_free(tls);
    return tls != NULL;
}

static bool
take_sandbox(int argc, char **argv, enum ipc_sandbox *sandbox)
{
    static const char option[] = "--sandbox=";

    *sandbox = IPC_SANDBOX_ON;
    if (argc < 2)
        return true;
    return argc == 2 && strncmp(argv[1], option, sizeof(option) - 1) == 0 &&
            ipc_sandbox_from_name(argv[1] + sizeof(option) - 1, sandbox);
}

int
main(int argc, char **argv)
{
    struct sandbox_report report;
    struct cg_error err = { "" };
    enum ipc_sandbox sandbox;
    struct worker *worker;
    int status;

    if (!is_control_socket(IPC_WORKER_FD) || !take_sandbox(argc, argv, &sandbox)) {
        fputs("certgate-worker: started by certgated, not by hand\n", stderr);
        return 2;
    }
    /* Started by descriptor, so the kernel knows no name to show. */
    (void)prctl(PR_SET_NAME, "certgate-worker", 0, 0, 0);
    /* A terminal's interrupt and hang-up are certgated's business. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    /* What a burst of peers took is not given back to the kernel at once: the next one takes it again. */
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_HEAP);
    (void)mallopt(M_TOP_PAD, HEAP_STEP);
    if (!warm_up()) {
        fputs("certgate-worker: libcrypto cannot be set up\n", stderr);
        return EXIT_FAILURE;
    }
    worker = worker_new(IPC_WORKER_FD, gw_clock_system, &err);
    if (worker == NULL) {
        fprintf(stderr, "certgate-worker: %s\n", err.text);
        return EXIT_FAILURE;
    }
    if (sandbox == IPC_SANDBOX_OFF)
        sandbox_report_off(&report);
    else
        sandbox_enter(&report);
    if (sandbox == IPC_SANDBOX_REQUIRED && report.state != IPC_CONFINED_FULL)
        status = IPC_EXIT_UNCONFINED;
    else
        status = EXIT_SUCCESS;
    worker_confined(worker, report.state, report.text);
    if (status == EXIT_SUCCESS)
        status = worker_run(worker);
    worker_free(worker);
    return status;
}
