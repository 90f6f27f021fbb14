#include "control/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/reader.h"
#include "control/spawn.h"
#include "snapshot/ipc.h"

/* One that died is not started again sooner. */
#define RESTART_DELAY_MS 2000

struct fetcher {
    char program[4096];
    pid_t pid; /* 0: not running */
    int socket;
    int64_t not_before_ms;
    uint8_t *packet;
    struct fetcher_events events;
};

struct fetcher *
fetcher_new(const char *worker_program, const struct fetcher_events *events)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    const char *slash = strrchr(worker_program, '/');

    if (fetcher == NULL)
        return NULL;
    fetcher->packet = malloc(IPC_MAX_PAYLOAD + 16);
    if (fetcher->packet == NULL) {
        free(fetcher);
        return NULL;
    }
    (void)snprintf(fetcher->program, sizeof(fetcher->program), "%.*scertgate-fetch",
            slash == NULL ? 0 : (int)(slash - worker_program + 1), worker_program);
    fetcher->socket = -1;
    fetcher->events = *events;
    return fetcher;
}

void
fetcher_stop(struct fetcher *fetcher)
{
    if (fetcher->socket >= 0)
        close(fetcher->socket);
    fetcher->socket = -1;
    if (fetcher->pid != 0) {
        (void)kill(fetcher->pid, SIGKILL);
        (void)waitpid(fetcher->pid, NULL, 0);
    }
    fetcher->pid = 0;
    fetcher->not_before_ms = 0; /* it has not died by itself */
}

void
fetcher_free(struct fetcher *fetcher)
{
    if (fetcher == NULL)
        return;
    fetcher_stop(fetcher);
    free(fetcher->packet);
    free(fetcher);
}

static bool
start(struct fetcher *fetcher, const struct candidate *candidate, int64_t now_ms)
{
    char name[] = "certgate-fetch";
    char *argv[] = { name, NULL };
    int pair[2], program;

    if (now_ms < fetcher->not_before_ms)
        return false;
    fetcher->not_before_ms = now_ms + RESTART_DELAY_MS;
    program = open(fetcher->program, O_PATH | O_CLOEXEC);
    if (program < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        fetcher->events.lost(fetcher->events.arg, strerror(errno));
        if (program >= 0)
            close(program);
        return false;
    }
    fetcher->pid = spawn_program(program, candidate, pair[1], argv);
    close(pair[1]);
    close(program);
    if (fetcher->pid <= 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
        fetcher->pid = 0;
        close(pair[0]);
        return false;
    }
    fetcher->socket = pair[0];
    return true;
}

static void
put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

bool
fetcher_ask(struct fetcher *fetcher, const struct candidate *candidate, uint64_t number,
        enum cg_evidence_kind kind, const char *url, struct cg_span request, int64_t now_ms)
{
    uint8_t message[12 + IPC_MAX_URL + IPC_MAX_REQUEST];
    size_t url_len = strlen(url);
    struct cg_error err;

    if (url_len > IPC_MAX_URL || request.len > IPC_MAX_REQUEST ||
            (fetcher->socket < 0 && (fetcher->pid != 0 || !start(fetcher, candidate, now_ms))))
        return false;
    put_u64(message, number);
    message[8] = (uint8_t)kind;
    message[9] = candidate->settings->revocation_allow_private;
    message[10] = (uint8_t)(url_len >> 8);
    message[11] = (uint8_t)url_len;
    memcpy(message + 12, url, url_len);
    if (request.len != 0)
        memcpy(message + 12 + url_len, request.data, request.len);
    return ipc_send(fetcher->socket, IPC_FETCH, message, 12 + url_len + request.len, NULL, 0,
                   &err) == CG_OK;
}

bool
fetcher_probe(struct fetcher *fetcher, const struct candidate *candidate, const char *host,
        uint16_t port, int64_t now_ms)
{
    uint8_t message[3 + IPC_MAX_HOST];
    size_t len = strlen(host);
    struct cg_error err;

    if (len > IPC_MAX_HOST ||
            (fetcher->socket < 0 && (fetcher->pid != 0 || !start(fetcher, candidate, now_ms))))
        return false;
    message[0] = candidate->settings->revocation_allow_private;
    message[1] = (uint8_t)(port >> 8);
    message[2] = (uint8_t)port;
    memcpy(message + 3, host, len);
    return ipc_send(fetcher->socket, IPC_PROBE, message, 3 + len, NULL, 0, &err) == CG_OK;
}

int
fetcher_fd(const struct fetcher *fetcher)
{
    return fetcher == NULL ? -1 : fetcher->socket;
}

static bool
take_fetched(struct fetcher *fetcher, struct ipc_message *message)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    uint64_t number, from, until;
    char why[CG_ERROR_TEXT_SIZE];
    struct cg_span text;

    if (message->fd_count > 1 || !cg_read_u64(&reader, &number) || !cg_read_u64(&reader, &from) ||
            !cg_read_u64(&reader, &until) ||
            !cg_read_bytes(&reader, cg_reader_left(&reader), &text))
        return false;
    (void)snprintf(why, sizeof(why), "%.*s", (int)text.len, (const char *)text.data);
    for (char *c = why; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' '; /* it goes into the log */
    fetcher->events.done(fetcher->events.arg, number, message->fd_count == 1 ? message->fds[0] : -1,
            (int64_t)from, (int64_t)until, why);
    message->fd_count = 0; /* taken over */
    return true;
}

static bool
take(struct fetcher *fetcher, struct ipc_message *message)
{
    struct probed probed;

    if (message->type == IPC_FETCHED && fetcher->events.done != NULL)
        return take_fetched(fetcher, message);
    if (message->type != IPC_PROBED || fetcher->events.probed == NULL || message->fd_count != 0 ||
            !probed_read(cg_span(message->payload, message->len), &probed))
        return false;
    fetcher->events.probed(fetcher->events.arg, &probed);
    return true;
}

void
fetcher_receive(struct fetcher *fetcher)
{
    struct ipc_message message;
    struct cg_error err;
    bool closed = false;

    while (fetcher->socket >= 0) {
        if (ipc_receive(fetcher->socket, fetcher->packet, &message, &closed, &err) != CG_OK)
            closed = true;
        else if (!closed && message.type == IPC_TYPE_COUNT)
            return;
        else if (!closed && !take(fetcher, &message))
            closed = true;
        for (size_t i = 0; i < message.fd_count; i++)
            close(message.fds[i]);
        if (!closed)
            continue;
        close(fetcher->socket);
        fetcher->socket = -1;
        if (fetcher->pid != 0)
            (void)kill(fetcher->pid, SIGKILL); /* one that does not speak as it should */
    }
}

void
fetcher_reap(struct fetcher *fetcher, int64_t now_ms)
{
    char text[160];
    int status;

    if (fetcher->pid == 0 || waitpid(fetcher->pid, &status, WNOHANG) != fetcher->pid)
        return;
    fetcher->pid = 0; /* its number may be another's now */
    fetcher_receive(fetcher);
    if (fetcher->socket >= 0)
        close(fetcher->socket);
    fetcher->socket = -1;
    fetcher->not_before_ms = now_ms + RESTART_DELAY_MS;
    if (WIFSIGNALED(status))
        (void)snprintf(text, sizeof(text), "certgate-fetch was ended by signal %d%s",
                WTERMSIG(status), spawn_end_text(status));
    else
        (void)snprintf(
                text, sizeof(text), "certgate-fetch ended with status %d", WEXITSTATUS(status));
    fetcher->events.lost(fetcher->events.arg, text);
}
