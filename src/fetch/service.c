#include "fetch/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/reader.h"
#include "fetch/probe.h"
#include "fetch/transfer.h"

#define SEND_TIMEOUT_MS 10000

struct service {
    int socket;
    uint8_t *packet;
    struct transfers *transfers;
    bool broken;
};

static void
put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* A memory file that nobody can change, not even who gave it; -1 without memory. */
static int
sealed_file(struct cg_span bytes)
{
    int fd = memfd_create("certgate-evidence", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t at = 0;

    while (fd >= 0 && at < bytes.len) {
        ssize_t wrote = write(fd, bytes.data + at, bytes.len - at);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)wrote;
    }
    if (fd >= 0 &&
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
send_answer(struct service *service, enum ipc_type type, const void *payload, size_t len, int fd)
{
    struct pollfd room = { .fd = service->socket, .events = POLLOUT };
    struct cg_error err;

    while (ipc_send(service->socket, type, payload, len, &fd, fd >= 0 ? 1 : 0, &err) != CG_OK) {
        if (errno != EAGAIN || poll(&room, 1, SEND_TIMEOUT_MS) <= 0) {
            service->broken = true;
            return;
        }
    }
}

static void
on_done(void *arg, const struct transfer_job *job, struct cg_span der,
        const struct cg_evidence *evidence, const char *why)
{
    uint8_t payload[24 + CG_ERROR_TEXT_SIZE] = { 0 };
    size_t len = strnlen(why, CG_ERROR_TEXT_SIZE);
    int fd = evidence != NULL && len == 0 ? sealed_file(der) : -1;

    if (evidence != NULL && len == 0 && fd < 0) {
        why = "no memory for it";
        len = strlen(why);
    }
    put_u64(payload, job->number);
    if (fd >= 0) {
        put_u64(payload + 8, (uint64_t)cg_evidence_fresh_from(evidence));
        put_u64(payload + 16, (uint64_t)cg_evidence_fresh_until(evidence));
    }
    memcpy(payload + 24, why, len);
    send_answer(arg, IPC_FETCHED, payload, 24 + len, fd);
    if (fd >= 0)
        close(fd);
}

/* Nothing else goes on meanwhile: certgated starts a process for each, and ends it when nobody waits any more. */
static bool
take_probe(struct service *service, const struct ipc_message *message)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    struct probe_job job = { .port = 0 };
    struct probe *probe;
    struct cg_span host;
    struct cg_buf answer;
    uint8_t every;

    if (!cg_read_u8(&reader, &every) || !cg_read_u16(&reader, &job.port) ||
            cg_reader_left(&reader) > IPC_MAX_HOST ||
            !cg_read_bytes(&reader, cg_reader_left(&reader), &host))
        return false;
    memcpy(job.host, host.data, host.len);
    job.every_address = every == 1;
    cg_buf_init(&answer, IPC_MAX_PAYLOAD);
    probe = probe_run(&job);
    if (probe != NULL)
        probed_write(probe_get0(probe), &answer);
    if (probe == NULL || answer.failed)
        service->broken = true;
    else
        send_answer(service, IPC_PROBED, answer.data, answer.len, -1);
    cg_buf_release(&answer);
    probe_free(probe);
    return true;
}

/* False where certgated does not speak as it should: then this process is of no use. */
static bool
take_job(struct service *service, const struct ipc_message *message)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    struct transfer_job job = { 0 };
    struct cg_span url, request;
    uint8_t kind, private;
    uint16_t url_len;

    if (message->type != IPC_FETCH || !cg_read_u64(&reader, &job.number) ||
            !cg_read_u8(&reader, &kind) || kind > CG_EVIDENCE_OCSP ||
            !cg_read_u8(&reader, &private) || !cg_read_u16(&reader, &url_len) ||
            url_len > IPC_MAX_URL || !cg_read_bytes(&reader, url_len, &url) ||
            cg_reader_left(&reader) > IPC_MAX_REQUEST)
        return false;
    (void)cg_read_bytes(&reader, cg_reader_left(&reader), &request);
    job.kind = (enum cg_evidence_kind)kind;
    job.allow_private = private == 1;
    memcpy(job.url, url.data, url.len);
    if (request.len != 0)
        memcpy(job.request, request.data, request.len);
    job.request_len = request.len;
    if (!transfers_add(service->transfers, &job))
        on_done(service, &job, (struct cg_span) { 0 }, NULL, "too much is being fetched already");
    return true;
}

/* True while certgated is there. */
static bool
read_jobs(struct service *service)
{
    struct ipc_message message;
    struct cg_error err;
    bool closed = false, fine = true;

    while (fine && !service->broken) {
        if (ipc_receive(service->socket, service->packet, &message, &closed, &err) != CG_OK ||
                closed)
            return false;
        if (message.type == IPC_TYPE_COUNT)
            return true;
        fine = message.type == IPC_PROBE ? take_probe(service, &message)
                                         : take_job(service, &message);
        for (size_t i = 0; i < message.fd_count; i++)
            close(message.fds[i]);
    }
    return false;
}

int
service_run(int socket)
{
    struct service service = { .socket = socket, .packet = malloc(IPC_MAX_PAYLOAD + 16) };

    service.transfers = transfers_new(on_done, &service);
    if (service.packet == NULL || service.transfers == NULL ||
            fcntl(socket, F_SETFL, O_NONBLOCK) != 0) {
        fputs("certgate-fetch: cannot be set up\n", stderr);
        service.broken = true;
    }
    while (!service.broken && transfers_run(service.transfers, socket))
        if (!read_jobs(&service))
            break;
    transfers_free(service.transfers);
    free(service.packet);
    return service.broken ? EXIT_FAILURE : EXIT_SUCCESS;
}
