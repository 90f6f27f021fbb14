#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "snapshot/layout.h"
#include "snapshot/snapshot.h"

#define MAX_SNAPSHOT_BYTES ((size_t)4 * 1024 * 1024 * 1024)

/* A growing byte buffer; a failure sticks and is asked for once. */
struct writer {
    uint8_t *data;
    size_t len;
    size_t size;
    bool failed;
};

static void
put_bytes(struct writer *w, const void *bytes, size_t len)
{
    size_t size = w->size == 0 ? 4096 : w->size;
    uint8_t *data;

    if (w->failed || len > MAX_SNAPSHOT_BYTES - w->len) {
        w->failed = true;
        return;
    }
    while (size - w->len < len)
        size *= 2;
    if (size != w->size) {
        data = realloc(w->data, size);
        if (data == NULL) {
            w->failed = true;
            return;
        }
        w->data = data;
        w->size = size;
    }
    if (len != 0)
        memcpy(w->data + w->len, bytes, len);
    w->len += len;
}

static void
put_u32(struct writer *w, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
        (uint8_t)value };

    put_bytes(w, bytes, sizeof(bytes));
}

static void
put_u64(struct writer *w, uint64_t value)
{
    put_u32(w, (uint32_t)(value >> 32));
    put_u32(w, (uint32_t)value);
}

static void
put_blob(struct writer *w, const void *bytes, size_t len)
{
    put_u32(w, (uint32_t)len);
    put_bytes(w, bytes, len);
}

static void
put_strings(struct writer *w, char *const *strings, size_t count)
{
    put_u32(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_blob(w, strings[i], strlen(strings[i]));
}

static void
put_blobs(struct writer *w, const struct snapshot_blob *blobs, size_t count)
{
    put_u32(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_blob(w, blobs[i].data, blobs[i].len);
}

static void
put_networks(struct writer *w, const struct snapshot_network *networks, size_t count)
{
    put_u32(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_bytes(w, networks[i].prefix, sizeof(networks[i].prefix));
        put_u32(w, networks[i].bits);
    }
}

static void
put_text(struct writer *w, const char *text)
{
    put_blob(w, text, strlen(text));
}

static void
put_address(struct writer *w, const struct snapshot_address *address)
{
    put_blob(w, &address->addr, address->len);
}

static void
put_pins(struct writer *w, const struct snapshot_pin *pins, size_t count)
{
    put_u32(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_bytes(w, pins[i].sha256, sizeof(pins[i].sha256));
        put_u64(w, (uint64_t)pins[i].until);
        put_text(w, pins[i].reason);
    }
}

static void
put_rules(struct writer *w, const struct snapshot_rules *it)
{
    put_u32(w, it->level);
    put_u32(w, it->checks);
    put_u32(w, it->latched);
    put_u32(w, it->require_certificate);
    put_u32(w, it->ca_eku);
    put_u32(w, it->partial_chain);
    put_u32(w, it->revocation);
    put_u32(w, it->max_depth);
    put_u32(w, (uint32_t)it->allowance_count);
    for (size_t i = 0; i < it->allowance_count; i++) {
        put_u32(w, it->allowances[i].allowance);
        put_u64(w, (uint64_t)it->allowances[i].until);
    }
    put_strings(w, it->names, it->name_count);
    put_strings(w, it->sip_domains, it->sip_domain_count);
    put_pins(w, it->pins, it->pin_count);
}

static void
put_class(struct writer *w, const struct snapshot_class *it)
{
    put_text(w, it->name);
    put_u32(w, it->kind);
    put_rules(w, &it->rules);
    put_networks(w, it->from, it->from_count);
    put_text(w, it->path);
    put_u32(w, it->every_request);
    put_u32(w, it->tls_only);
}

static void
put_interface(struct writer *w, const struct snapshot_interface *it)
{
    const uint32_t numbers[] = { it->identity_fields, it->handshake_timeout_ms,
        it->request_timeout_ms, it->connect_timeout_ms, it->idle_timeout_ms, it->session_timeout_s,
        it->max_connections, it->max_per_source };

    put_text(w, it->name);
    put_u32(w, it->role);
    put_u32(w, it->service);
    put_u32(w, it->mode);
    put_u32(w, it->security);
    put_u32(w, it->ask_certificate);
    put_rules(w, &it->rules);
    put_u32(w, it->phones);
    put_u32(w, it->others);
    put_u32(w, (uint32_t)it->class_count);
    for (size_t i = 0; i < it->class_count; i++)
        put_class(w, &it->classes[i]);
    put_u32(w, (uint32_t)it->presented_count);
    for (size_t i = 0; i < it->presented_count; i++)
        put_u32(w, it->presented[i]);
    put_u32(w, it->ca_names);
    put_u32(w, it->offer_chain);
    put_u32(w, (uint32_t)it->min_tls);
    put_u32(w, (uint32_t)it->listen_count);
    for (size_t i = 0; i < it->listen_count; i++) {
        put_address(w, &it->listen[i].at);
        put_u32(w, it->listen[i].plain);
    }
    put_address(w, &it->backend);
    put_text(w, it->connect_host);
    put_u32(w, it->connect_port);
    put_u32(w, (uint32_t)it->connect_count);
    for (size_t i = 0; i < it->connect_count; i++)
        put_address(w, &it->connect[i]);
    put_text(w, it->server_name);
    put_u32(w, it->proxy);
    put_networks(w, it->proxy_from, it->proxy_from_count);
    put_u32(w, it->answer);
    put_u32(w, it->live);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        put_u32(w, numbers[i]);
}

static void
put_snapshot(struct writer *w, const struct snapshot *snapshot)
{
    put_u32(w, SNAPSHOT_MAGIC);
    put_u64(w, snapshot->generation);
    put_blob(w, snapshot->node, strlen(snapshot->node));
    put_u32(w, (uint32_t)snapshot->interface_count);
    for (size_t i = 0; i < snapshot->interface_count; i++)
        put_interface(w, &snapshot->interfaces[i]);
    put_u32(w, (uint32_t)snapshot->identity_count);
    for (size_t i = 0; i < snapshot->identity_count; i++) {
        put_blob(w, snapshot->identities[i].name, strlen(snapshot->identities[i].name));
        put_blobs(w, snapshot->identities[i].chain, snapshot->identities[i].chain_count);
    }
    put_blobs(w, snapshot->tcs, snapshot->tcs_count);
    put_blobs(w, snapshot->ca_names, snapshot->ca_name_count);
}

static bool
write_all(int fd, const uint8_t *data, size_t len)
{
    while (len != 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

enum cg_status
snapshot_write(const struct snapshot *snapshot, int *fd, struct cg_error *err)
{
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    struct writer w = { 0 };
    enum cg_status status = CG_OK;
    int file = -1;

    *fd = -1;
    put_snapshot(&w, snapshot);
    if (w.failed) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for the snapshot");
        goto done;
    }
    file = memfd_create("certgate-snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0 || !write_all(file, w.data, w.len) || fcntl(file, F_ADD_SEALS, seals) != 0) {
        status = cg_fail(err, CG_E_NOMEM, "cannot write the snapshot: %s", strerror(errno));
        goto done;
    }
    *fd = file; /* ownership moves to the caller */
    file = -1;
done:
    if (file >= 0)
        close(file);
    free(w.data);
    return status;
}
