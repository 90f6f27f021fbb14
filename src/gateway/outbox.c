#include "gateway/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "gateway/limits.h"

struct outbox_entry {
    struct outbox_entry *next;
    enum ipc_type type;
    size_t len;
    uint8_t payload[];
};

void
outbox_init(struct outbox *outbox, int socket)
{
    memset(outbox, 0, sizeof(*outbox));
    outbox->socket = socket;
}

void
outbox_release(struct outbox *outbox)
{
    while (outbox->first != NULL) {
        struct outbox_entry *entry = outbox->first;

        outbox->first = entry->next;
        free(entry);
    }
    outbox->last = NULL;
    outbox->bytes = 0;
}

enum send_result { SENT, SEND_LATER, SEND_FAILED };

static enum send_result
try_send(struct outbox *outbox, enum ipc_type type, const void *payload, size_t len)
{
    enum cg_status status;

    errno = 0;
    status = ipc_send(outbox->socket, type, payload, len, NULL, 0, NULL);
    if (status == CG_OK)
        return SENT;
    if (status == CG_E_LIMIT)
        return SEND_FAILED;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
        return SEND_LATER;
    outbox->broken = true;
    return SEND_FAILED;
}

enum cg_status
outbox_put(struct outbox *outbox, enum ipc_type type, const void *payload, size_t len)
{
    struct outbox_entry *entry;

    if (outbox->broken || len > IPC_MAX_PAYLOAD)
        return CG_E_LIMIT;
    if (outbox->first == NULL) {
        switch (try_send(outbox, type, payload, len)) {
        case SENT:
            return CG_OK;
        case SEND_FAILED:
            return CG_E_LIMIT;
        case SEND_LATER:
            break;
        }
    }
    if (outbox->bytes + len > GW_OUTBOX_BYTES)
        return CG_E_LIMIT;
    entry = malloc(sizeof(*entry) + len);
    if (entry == NULL)
        return CG_E_NOMEM;
    entry->next = NULL;
    entry->type = type;
    entry->len = len;
    memcpy(entry->payload, payload, len);
    if (outbox->last != NULL)
        outbox->last->next = entry;
    else
        outbox->first = entry;
    outbox->last = entry;
    outbox->bytes += len;
    return CG_OK;
}

void
outbox_flush(struct outbox *outbox)
{
    while (outbox->first != NULL) {
        struct outbox_entry *entry = outbox->first;

        if (try_send(outbox, entry->type, entry->payload, entry->len) == SEND_LATER)
            return;
        outbox->first = entry->next;
        if (outbox->first == NULL)
            outbox->last = NULL;
        outbox->bytes -= entry->len;
        free(entry);
    }
}

void
outbox_finish(struct outbox *outbox)
{
    const struct timeval patience = { .tv_sec = GW_OUTBOX_PATIENCE_S };
    int flags = fcntl(outbox->socket, F_GETFL);

    if (outbox->first == NULL || flags < 0 ||
            fcntl(outbox->socket, F_SETFL, flags & ~O_NONBLOCK) != 0 ||
            setsockopt(outbox->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
        return;
    outbox_flush(outbox);
}
