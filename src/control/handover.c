#include "control/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "config.h"

#define MAGIC 0x43474833u /* "CGH3": changes with the layout */
#define MAX_HANDOVER (4 * 1024 * 1024)
#define MAX_TEXT 4096
#define MAX_WORKERS 64
#define MAX_SETS (SNAPSHOT_MAX_INTERFACES * SNAPSHOT_MAX_LISTENERS * 2)
#define MAX_RUNNING (FLEET_MAX_RETIRED + MAX_WORKERS)
#define MAX_FD 0xfffff

static void
put_u32(struct cg_buf *out, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
        (uint8_t)value };

    cg_buf_add_bytes(out, bytes, sizeof(bytes));
}

static void
put_u64(struct cg_buf *out, uint64_t value)
{
    put_u32(out, (uint32_t)(value >> 32));
    put_u32(out, (uint32_t)value);
}

static void
put_blob(struct cg_buf *out, const void *bytes, size_t len)
{
    put_u32(out, (uint32_t)len);
    cg_buf_add_bytes(out, bytes, len);
}

static void
put_text(struct cg_buf *out, const char *text)
{
    put_blob(out, text, strlen(text));
}

/* A descriptor may be absent: 0 stands for that, so numbers are one higher. */
static void
put_fd(struct cg_buf *out, int fd)
{
    put_u32(out, (uint32_t)(fd + 1));
}

static void
put_address(struct cg_buf *out, const struct snapshot_address *address)
{
    put_blob(out, &address->addr, address->len);
}

static void
put_handover(struct cg_buf *out, const struct handover *handover)
{
    put_u32(out, MAGIC);
    put_text(out, CERTGATE_VERSION);
    put_u32(out, IPC_TYPE_COUNT);
    for (unsigned i = 0; i < IPC_TYPE_COUNT; i++)
        put_text(out, ipc_type_name((enum ipc_type)i));
    put_text(out, handover->state_path);
    put_text(out, handover->log_path);
    put_fd(out, handover->state.folder);
    put_fd(out, handover->state.lock);
    put_fd(out, handover->state.control);
    put_fd(out, handover->log);
    put_fd(out, handover->client);
    put_u64(out, handover->generation);
    cg_buf_add_bytes(out, handover->digest, sizeof(handover->digest));
    put_u64(out, handover->restarts);
    put_u64(out, handover->records_lost);
    put_fd(out, handover->past);
    put_fd(out, handover->sessions);
    put_u32(out, handover->sockets.workers);
    put_u32(out, (uint32_t)handover->sockets.count);
    for (size_t i = 0; i < handover->sockets.count; i++) {
        put_address(out, &handover->sockets.sets[i].wanted);
        put_address(out, &handover->sockets.sets[i].bound);
        put_u64(out, handover->sockets.sets[i].file.st_dev);
        put_u64(out, handover->sockets.sets[i].file.st_ino);
        for (unsigned j = 0; j < handover->sockets.workers; j++)
            put_fd(out, handover->sockets.sets[i].fds[j]);
    }
    put_u32(out, handover->worker_count);
    for (unsigned i = 0; i < handover->worker_count; i++) {
        put_u32(out, handover->workers[i].number);
        put_u32(out, (uint32_t)handover->workers[i].pid);
        put_fd(out, handover->workers[i].socket);
        put_fd(out, handover->workers[i].metrics_fd);
        put_u64(out, (uint64_t)handover->workers[i].kill_ms);
        put_u32(out, handover->workers[i].knows);
    }
}

enum cg_status
handover_write(const struct handover *handover, int *fd, struct cg_error *err)
{
    struct cg_buf text;
    enum cg_status status = CG_OK;
    int file = memfd_create("certgate-handover", MFD_CLOEXEC);

    *fd = -1;
    cg_buf_init(&text, MAX_HANDOVER);
    put_handover(&text, handover);
    if (text.failed)
        status = cg_fail(err, CG_E_NOMEM, "no memory for the handover");
    else if (file < 0 || write(file, text.data, text.len) != (ssize_t)text.len)
        status = cg_fail(err, CG_E_NOMEM, "cannot write the handover: %s", strerror(errno));
    else
        *fd = file;
    if (file >= 0 && status != CG_OK)
        close(file);
    if (text.data != NULL)
        OPENSSL_cleanse(text.data, text.len);
    cg_buf_release(&text);
    return status;
}

/* Reading: false at the first thing that is not as put_… writes it. */

static bool
get_count(struct cg_reader *r, uint32_t max, uint32_t *out)
{
    return cg_read_u32(r, out) && *out <= max;
}

static bool
get_blob(struct cg_reader *r, size_t max, struct cg_span *out)
{
    uint32_t len;

    return cg_read_u32(r, &len) && len <= max && cg_read_bytes(r, len, out);
}

static bool
get_text(struct cg_reader *r, char **out)
{
    struct cg_span text;

    if (!get_blob(r, MAX_TEXT, &text) || memchr(text.data, '\0', text.len) != NULL)
        return false;
    *out = strndup((const char *)text.data, text.len);
    return *out != NULL;
}

static bool
get_fd(struct cg_reader *r, int *out)
{
    uint32_t value;

    if (!get_count(r, MAX_FD, &value))
        return false;
    *out = (int)value - 1;
    return true;
}

static bool
get_time(struct cg_reader *r, int64_t *out)
{
    uint64_t value;

    if (!cg_read_u64(r, &value) || value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}

static bool
get_address(struct cg_reader *r, struct snapshot_address *out)
{
    struct cg_span bytes;

    if (!get_blob(r, sizeof(out->addr), &bytes))
        return false;
    memset(&out->addr, 0, sizeof(out->addr));
    memcpy(&out->addr, bytes.data, bytes.len);
    out->len = (socklen_t)bytes.len;
    return true;
}

/* The messages of the workers that we take over must be the first of ours: rows only grow, at the end. */
static bool
get_messages(struct cg_reader *r)
{
    struct cg_span name;
    uint32_t count;

    if (!get_count(r, IPC_TYPE_COUNT, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const char *ours = ipc_type_name((enum ipc_type)i);

        if (!get_blob(r, MAX_TEXT, &name) || name.len != strlen(ours) ||
                memcmp(name.data, ours, name.len) != 0)
            return false;
    }
    return true;
}

static bool
get_sockets(struct cg_reader *r, struct sockets *out)
{
    uint32_t workers, count;

    if (!get_count(r, MAX_WORKERS, &workers) || !get_count(r, MAX_SETS, &count))
        return false;
    out->workers = workers;
    out->sets = calloc(count + 1, sizeof(*out->sets));
    if (out->sets == NULL)
        return false;
    for (; out->count < count; out->count++) {
        struct socket_set *set = &out->sets[out->count];
        uint64_t device, inode;

        set->fds = calloc(workers + 1, sizeof(int));
        if (set->fds == NULL || !get_address(r, &set->wanted) || !get_address(r, &set->bound) ||
                !cg_read_u64(r, &device) || !cg_read_u64(r, &inode)) {
            free(set->fds);
            return false;
        }
        set->file.st_dev = device;
        set->file.st_ino = inode;
        for (unsigned j = 0; j < workers; j++) {
            if (!get_fd(r, &set->fds[j])) {
                free(set->fds);
                return false;
            }
        }
    }
    return true;
}

static bool
get_workers(struct cg_reader *r, struct handover *out)
{
    uint32_t count, number, pid, knows;

    if (!get_count(r, MAX_RUNNING, &count))
        return false;
    out->workers = calloc(count + 1, sizeof(*out->workers));
    if (out->workers == NULL)
        return false;
    for (; out->worker_count < count; out->worker_count++) {
        struct fleet_worker *worker = &out->workers[out->worker_count];

        if (!get_count(r, MAX_WORKERS, &number) || !get_count(r, INT32_MAX, &pid) || pid == 1 ||
                !get_fd(r, &worker->socket) || !get_fd(r, &worker->metrics_fd) ||
                !get_time(r, &worker->kill_ms) || !get_count(r, IPC_TYPE_COUNT, &knows))
            return false;
        worker->number = number;
        worker->knows = knows;
        worker->pid = (pid_t)pid;
    }
    return true;
}

static bool
get_rest(struct cg_reader *r, struct handover *out)
{
    struct cg_span digest;

    if (!get_text(r, &out->state_path) || !get_text(r, &out->log_path) ||
            !get_fd(r, &out->state.folder) || !get_fd(r, &out->state.lock) ||
            !get_fd(r, &out->state.control) || !get_fd(r, &out->log) || !get_fd(r, &out->client) ||
            !cg_read_u64(r, &out->generation) || !cg_read_bytes(r, sizeof(out->digest), &digest) ||
            !cg_read_u64(r, &out->restarts) || !cg_read_u64(r, &out->records_lost) ||
            !get_fd(r, &out->past) || !get_fd(r, &out->sessions))
        return false;
    if (out->state.folder < 0 || out->state.lock < 0 || out->state.control < 0 || out->log < 0)
        return false;
    memcpy(out->digest, digest.data, digest.len);
    return get_sockets(r, &out->sockets) && get_workers(r, out) && cg_reader_done(r);
}

enum cg_status
handover_read(int fd, struct handover *out, struct cg_error *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    enum cg_status status = CG_OK;
    struct cg_reader reader;
    uint32_t magic = 0;
    void *map;

    *out = (struct handover) {
        .state = STATE_NONE, .log = -1, .client = -1, .past = -1, .sessions = -1
    };
    if (size <= 0 || size > MAX_HANDOVER)
        return cg_fail(err, CG_E_PARSE, "the handover cannot be read");
    map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return cg_fail(err, CG_E_NOMEM, "cannot map the handover: %s", strerror(errno));
    reader = cg_reader(cg_span(map, (size_t)size));
    if (!cg_read_u32(&reader, &magic) || magic != MAGIC || !get_text(&reader, &out->version))
        status = cg_fail(err, CG_E_PARSE,
                "the running version hands over in a form that this one does not know: restart");
    else if (!get_messages(&reader))
        status = cg_fail(err, CG_E_PARSE,
                "workers of the running version %s say things that this one does not know: restart",
                out->version);
    else if (!get_rest(&reader, out))
        status = cg_fail(err, CG_E_PARSE, "the handover is malformed");
    munmap(map, (size_t)size);
    if (status != CG_OK)
        handover_release(out);
    return status;
}

void
handover_release(struct handover *handover)
{
    for (size_t i = 0; i < handover->sockets.count; i++)
        free(handover->sockets.sets[i].fds);
    free(handover->sockets.sets);
    free(handover->workers);
    free(handover->version);
    free(handover->state_path);
    free(handover->log_path);
    OPENSSL_cleanse(handover, sizeof(*handover));
}

static bool
inherit_one(int fd, bool inherit)
{
    return fd < 0 || fcntl(fd, F_SETFD, inherit ? 0 : FD_CLOEXEC) == 0;
}

bool
handover_inherit(const struct handover *handover, bool inherit)
{
    bool ok = inherit_one(handover->state.folder, inherit) &&
            inherit_one(handover->state.lock, inherit) &&
            inherit_one(handover->state.control, inherit) && inherit_one(handover->log, inherit) &&
            inherit_one(handover->client, inherit) && inherit_one(handover->past, inherit) &&
            inherit_one(handover->sessions, inherit);

    for (size_t i = 0; i < handover->sockets.count; i++)
        for (unsigned j = 0; j < handover->sockets.workers; j++)
            ok = inherit_one(handover->sockets.sets[i].fds[j], inherit) && ok;
    for (unsigned i = 0; i < handover->worker_count; i++)
        ok = inherit_one(handover->workers[i].socket, inherit) &&
                inherit_one(handover->workers[i].metrics_fd, inherit) && ok;
    return ok;
}
