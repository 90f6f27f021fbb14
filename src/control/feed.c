#include "control/feed.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* A worker that is fed and does not read for so long is broken. */
#define SEND_TIMEOUT_MS 5000

/* Sends and waits for room: what feeds a worker is small, and a worker always reads. */
enum cg_status
feed_send(struct fleet_worker *worker, enum ipc_type type, const void *payload, size_t len,
        const int *fds, size_t fd_count, struct cg_error *err)
{
    struct pollfd room = { .fd = worker->socket, .events = POLLOUT };
    enum cg_status status;

    for (;;) {
        status = ipc_send(worker->socket, type, payload, len, fds, fd_count, err);
        if (status != CG_E_USAGE || errno != EAGAIN)
            return status;
        if (poll(&room, 1, SEND_TIMEOUT_MS) <= 0)
            return cg_fail(err, CG_E_USAGE, "worker %u does not read", worker->number);
    }
}

/* ---- payloads ---------------------------------------------------------------------------------- */

static void
put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)(value >> 32));
    put_u32(at + 4, (uint32_t)value);
}

static enum cg_status
send_keys(const struct fleet *fleet, struct fleet_worker *worker, struct cg_error *err)
{
    const struct snapshot *snapshot = &fleet->candidate->snapshot;
    enum cg_status status = CG_OK;
    uint8_t *message;
    size_t len;

    for (size_t i = 0; status == CG_OK && i < snapshot->identity_count; i++) {
        len = 12 + fleet->candidate->keys[i].len;
        message = malloc(len);
        if (message == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for a key");
        put_u64(message, snapshot->generation);
        put_u32(message + 8, (uint32_t)i);
        memcpy(message + 12, fleet->candidate->keys[i].data, fleet->candidate->keys[i].len);
        status = feed_send(worker, IPC_KEY, message, len, NULL, 0, err);
        OPENSSL_cleanse(message, len);
        free(message);
    }
    return status;
}

static enum cg_status
send_listeners(const struct fleet *fleet, struct fleet_worker *worker, struct cg_error *err)
{
    const struct snapshot *snapshot = &fleet->candidate->snapshot;
    uint8_t message[8 + 8 * IPC_MAX_FDS];
    int fds[IPC_MAX_FDS];
    size_t count = 0, next = 0;
    enum cg_status status = CG_OK;

    if (fleet->sockets == NULL || worker->retired)
        return CG_OK;
    put_u64(message, snapshot->generation);
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        for (size_t j = 0; j < snapshot->interfaces[i].listen_count; j++) {
            put_u32(message + 8 + 8 * count, (uint32_t)i);
            put_u32(message + 12 + 8 * count, (uint32_t)j);
            fds[count++] = fleet->sockets->sets[fleet->listeners[next++]].fds[worker->number];
            if (count < IPC_MAX_FDS)
                continue;
            status = feed_send(worker, IPC_LISTENERS, message, 8 + 8 * count, fds, count, err);
            count = 0;
            if (status != CG_OK)
                return status;
        }
    }
    if (count != 0)
        status = feed_send(worker, IPC_LISTENERS, message, 8 + 8 * count, fds, count, err);
    return status;
}

static enum cg_status
send_addresses(const struct fleet *fleet, struct fleet_worker *worker, uint32_t interface,
        const struct resolver_name *name, struct cg_error *err)
{
    uint8_t message[12 + IPC_ADDRESS_SIZE * SNAPSHOT_MAX_ADDRESSES];
    size_t len = 12;

    put_u64(message, fleet->candidate->snapshot.generation);
    put_u32(message + 8, interface);
    for (size_t i = 0; i < name->count; i++)
        if (snapshot_address_octets(&name->addresses[i], message + len))
            len += IPC_ADDRESS_SIZE;
    return feed_send(worker, IPC_ADDRESSES, message, len, NULL, 0, err);
}

enum cg_status
feed_far_ends(const struct fleet *fleet, struct fleet_worker *worker, const char *host,
        struct cg_error *err)
{
    const struct snapshot *snapshot = &fleet->candidate->snapshot;
    enum cg_status status = CG_OK;
    struct resolver_name name;

    if (fleet->resolver == NULL)
        return CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < snapshot->interface_count; i++) {
        const struct snapshot_interface *it = &snapshot->interfaces[i];

        if (!snapshot_wants_name(it) || (host != NULL && strcmp(host, it->connect_host) != 0))
            continue;
        if (resolver_get(fleet->resolver, it->connect_host, &name) && name.answered)
            status = send_addresses(fleet, worker, i, &name, err);
    }
    return status;
}

enum cg_status
feed_generation(
        const struct fleet *fleet, struct fleet_worker *worker, int snapshot, struct cg_error *err)
{
    uint8_t message[8];
    enum cg_status status;

    put_u64(message, fleet->candidate->snapshot.generation);
    status = send_keys(fleet, worker, err);
    if (status == CG_OK)
        status = send_listeners(fleet, worker, err);
    if (status == CG_OK)
        status = feed_send(worker, IPC_SNAPSHOT, message, sizeof(message), &snapshot, 1, err);
    if (status == CG_OK)
        status = feed_far_ends(fleet, worker, NULL, err);
    return status;
}

enum cg_status
feed_evidence(struct fleet_worker *worker, uint64_t number, enum cg_evidence_kind kind,
        const char *source, int fd, struct cg_error *err)
{
    uint8_t message[9 + IPC_MAX_URL];
    size_t len = strnlen(source, IPC_MAX_URL);

    put_u64(message, number);
    message[8] = (uint8_t)kind;
    memcpy(message + 9, source, len);
    return feed_send(worker, IPC_EVIDENCE, message, 9 + len, &fd, fd >= 0 ? 1 : 0, err);
}

enum cg_status
feed_drain(struct fleet_worker *worker, uint32_t ms, struct cg_error *err)
{
    uint8_t message[4];

    put_u32(message, ms);
    return feed_send(worker, IPC_DRAIN, message, sizeof(message), NULL, 0, err);
}

enum cg_status
feed_audit(struct fleet_worker *worker, enum ipc_audit audit, struct cg_error *err)
{
    const uint8_t message[1] = { (uint8_t)audit };

    if (worker->knows <= IPC_AUDIT)
        return CG_OK;
    return feed_send(worker, IPC_AUDIT, message, sizeof(message), NULL, 0, err);
}
