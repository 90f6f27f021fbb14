/*
 * certgate-fetch: fetches CRLs and OCSP responses for certgated, or looks what a TLS server shows. certgated
 * starts it and gives it everything over descriptor 3. It keeps nothing and opens no file of ours.
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch/confine.h"
#include "fetch/service.h"
#include "snapshot/ipc.h"

int
main(void)
{
    int type = 0, status;
    socklen_t len = sizeof(type);

    if (getsockopt(IPC_WORKER_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
            type != SOCK_SEQPACKET) {
        fputs("certgate-fetch: started by certgated, not by hand\n", stderr);
        return 2;
    }
    (void)prctl(PR_SET_NAME, "certgate-fetch", 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !confine()) {
        fputs("certgate-fetch: cannot be confined\n", stderr);
        return EXIT_FAILURE;
    }
    status = service_run(IPC_WORKER_FD);
    _exit(status); /* threads that look names up may still be at it */
}
