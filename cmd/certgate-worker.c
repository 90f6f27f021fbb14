/*
 * certgate-worker: serves TLS connections for certgated, which starts it and gives it everything over
 * descriptor 3. It opens no file.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "gateway/clock.h"
#include "gateway/worker.h"
#include "snapshot/ipc.h"

static bool
is_control_socket(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int
main(void)
{
    struct cg_error err = { "" };
    struct worker *worker;
    int status;

    if (!is_control_socket(IPC_WORKER_FD)) {
        fputs("certgate-worker: started by certgated, not by hand\n", stderr);
        return 2;
    }
    /* A terminal's interrupt and hang-up are certgated's business. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        fputs("certgate-worker: libcrypto cannot be set up\n", stderr);
        return EXIT_FAILURE;
    }
    worker = worker_new(IPC_WORKER_FD, gw_clock_system, &err);
    if (worker == NULL) {
        fprintf(stderr, "certgate-worker: %s\n", err.text);
        return EXIT_FAILURE;
    }
    status = worker_run(worker);
    worker_free(worker);
    return status;
}
