#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/reader.h"

/* Changes with every change of the layout: control and worker are built together, but be sure. */
#define MAGIC 0x43475332u /* "CGS2" */
#define MAX_SNAPSHOT_BYTES ((size_t)4 * 1024 * 1024 * 1024)
#define MAX_STRINGS 64
#define MAX_STRING 255
#define MAX_TCS 16000000u
#define MAX_CHAIN 16
#define MAX_BLOB (64 * 1024)

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
put_interface(struct writer *w, const struct snapshot_interface *it)
{
    put_blob(w, it->name, strlen(it->name));
    put_u32(w, it->role);
    put_u32(w, it->service);
    put_u32(w, it->level);
    put_u32(w, it->checks);
    put_u32(w, it->latched);
    put_u32(w, it->require_certificate);
    put_u32(w, it->ca_eku);
    put_u32(w, it->partial_chain);
    put_u32(w, it->max_depth);
    put_u32(w, (uint32_t)it->allowance_count);
    for (size_t i = 0; i < it->allowance_count; i++) {
        put_u32(w, it->allowances[i].allowance);
        put_u64(w, (uint64_t)it->allowances[i].until);
    }
    put_strings(w, it->names, it->name_count);
    put_strings(w, it->sip_domains, it->sip_domain_count);
    put_u32(w, it->identity);
    put_u32(w, (uint32_t)it->min_tls);
    put_u32(w, (uint32_t)it->listen_count);
    for (size_t i = 0; i < it->listen_count; i++)
        put_blob(w, &it->listen[i].addr, it->listen[i].len);
    put_blob(w, &it->backend.addr, it->backend.len);
    put_u32(w, it->proxy);
    put_u32(w, (uint32_t)it->proxy_from_count);
    for (size_t i = 0; i < it->proxy_from_count; i++) {
        put_bytes(w, it->proxy_from[i].prefix, sizeof(it->proxy_from[i].prefix));
        put_u32(w, it->proxy_from[i].bits);
    }
    put_u32(w, it->handshake_timeout_ms);
    put_u32(w, it->connect_timeout_ms);
    put_u32(w, it->idle_timeout_ms);
    put_u32(w, it->session_timeout_s);
    put_u32(w, it->max_connections);
}

static void
put_snapshot(struct writer *w, const struct snapshot *snapshot)
{
    put_u32(w, MAGIC);
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

/* Reading: each function is false at the first thing that is not as put_… writes it. */

static bool
get_enum(struct cg_reader *r, uint32_t limit, uint32_t *out)
{
    return cg_read_u32(r, out) && *out < limit;
}

static bool
get_bool(struct cg_reader *r, bool *out)
{
    uint32_t value;

    if (!get_enum(r, 2, &value))
        return false;
    *out = value == 1;
    return true;
}

static bool
get_blob(struct cg_reader *r, size_t max, struct cg_span *out)
{
    uint32_t len;

    return cg_read_u32(r, &len) && len <= max && cg_read_bytes(r, len, out);
}

static bool
get_name(struct cg_reader *r, char out[SNAPSHOT_NAME_SIZE])
{
    struct cg_span text;

    if (!get_blob(r, SNAPSHOT_NAME_SIZE - 1, &text) || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static bool
get_strings(struct cg_reader *r, char ***out, size_t *count)
{
    struct cg_span text;
    uint32_t n;

    if (!get_enum(r, MAX_STRINGS + 1, &n))
        return false;
    if (n == 0)
        return true;
    *out = calloc(n, sizeof(char *));
    if (*out == NULL)
        return false;
    for (; *count < n; (*count)++) {
        if (!get_blob(r, MAX_STRING, &text) || memchr(text.data, '\0', text.len) != NULL)
            return false;
        (*out)[*count] = strndup((const char *)text.data, text.len);
        if ((*out)[*count] == NULL)
            return false;
    }
    return true;
}

static bool
get_blobs(struct cg_reader *r, uint32_t max, struct snapshot_blob **out, size_t *count)
{
    struct cg_span bytes;
    uint32_t n;

    /* Each blob takes four octets at least: never more room than the file can fill. */
    if (!get_enum(r, max + 1, &n) || n > cg_reader_left(r) / 4)
        return false;
    if (n == 0)
        return true;
    *out = calloc(n, sizeof(**out));
    if (*out == NULL)
        return false;
    for (; *count < n; (*count)++) {
        struct snapshot_blob *blob = &(*out)[*count];

        if (!get_blob(r, MAX_BLOB, &bytes) || bytes.len == 0)
            return false;
        blob->data = malloc(bytes.len);
        if (blob->data == NULL)
            return false;
        memcpy(blob->data, bytes.data, bytes.len);
        blob->len = bytes.len;
    }
    return true;
}

static bool
get_address(struct cg_reader *r, struct snapshot_address *out)
{
    struct cg_span bytes;

    if (!get_blob(r, sizeof(out->addr), &bytes) || bytes.len < sizeof(sa_family_t))
        return false;
    memcpy(&out->addr, bytes.data, bytes.len);
    out->len = (socklen_t)bytes.len;
    switch (out->addr.ss_family) {
    case AF_INET:
    case AF_INET6:
    case AF_UNIX:
        return true;
    default:
        return false;
    }
}

static bool
get_proxy(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t version, count, bits;
    struct cg_span prefix;

    if (!get_enum(r, SNAPSHOT_PROXY_V2 + 1, &version) ||
            !get_enum(r, SNAPSHOT_MAX_NETWORKS + 1, &count))
        return false;
    it->proxy = (enum snapshot_proxy)version;
    for (; it->proxy_from_count < count; it->proxy_from_count++) {
        struct snapshot_network *network = &it->proxy_from[it->proxy_from_count];

        if (!cg_read_bytes(r, sizeof(network->prefix), &prefix) || !get_enum(r, 129, &bits))
            return false;
        memcpy(network->prefix, prefix.data, prefix.len);
        network->bits = (uint8_t)bits;
    }
    return true;
}

static bool
get_allowances(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t count, allowance;
    uint64_t until;

    if (!get_enum(r, CG_ALLOW_COUNT + 1, &count))
        return false;
    for (; it->allowance_count < count; it->allowance_count++) {
        if (!get_enum(r, CG_ALLOW_COUNT, &allowance) || !cg_read_u64(r, &until))
            return false;
        it->allowances[it->allowance_count] =
                (struct snapshot_allowance) { (enum cg_allowance)allowance, (int64_t)until };
    }
    return true;
}

static bool
get_policy(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t role, service, level;

    if (!get_enum(r, CG_ROLE_OUTBOUND + 1, &role) || !get_enum(r, CG_SERVICE_LINE + 1, &service) ||
            !get_enum(r, CG_LEVEL_CUSTOM + 1, &level) ||
            !get_enum(r, 1u << CG_CHECK_COUNT, &it->checks))
        return false;
    it->role = (enum cg_role)role;
    it->service = (enum cg_service)service;
    it->level = (enum cg_level)level;
    return get_bool(r, &it->latched) && get_bool(r, &it->require_certificate) &&
            get_bool(r, &it->ca_eku) && get_bool(r, &it->partial_chain) &&
            cg_read_u32(r, &it->max_depth) && get_allowances(r, it) &&
            get_strings(r, &it->names, &it->name_count) &&
            get_strings(r, &it->sip_domains, &it->sip_domain_count);
}

static bool
get_interface(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t min_tls, listeners;

    if (!get_name(r, it->name) || !get_policy(r, it) || !cg_read_u32(r, &it->identity) ||
            !cg_read_u32(r, &min_tls) || !get_enum(r, SNAPSHOT_MAX_LISTENERS + 1, &listeners))
        return false;
    it->min_tls = (int)min_tls;
    for (; it->listen_count < listeners; it->listen_count++)
        if (!get_address(r, &it->listen[it->listen_count]))
            return false;
    return get_address(r, &it->backend) && get_proxy(r, it) &&
            cg_read_u32(r, &it->handshake_timeout_ms) && cg_read_u32(r, &it->connect_timeout_ms) &&
            cg_read_u32(r, &it->idle_timeout_ms) && cg_read_u32(r, &it->session_timeout_s) &&
            cg_read_u32(r, &it->max_connections);
}

static bool
get_identities(struct cg_reader *r, struct snapshot *snapshot)
{
    uint32_t count;

    if (!get_enum(r, SNAPSHOT_MAX_IDENTITIES + 1, &count))
        return false;
    snapshot->identities = calloc(count + 1, sizeof(*snapshot->identities));
    if (snapshot->identities == NULL)
        return false;
    while (snapshot->identity_count < count) {
        struct snapshot_identity *it = &snapshot->identities[snapshot->identity_count++];

        if (!get_name(r, it->name) || !get_blobs(r, MAX_CHAIN, &it->chain, &it->chain_count) ||
                it->chain_count == 0)
            return false;
    }
    return true;
}

static bool
get_snapshot(struct cg_reader *r, struct snapshot *snapshot)
{
    uint32_t magic, count;

    if (!cg_read_u32(r, &magic) || magic != MAGIC || !cg_read_u64(r, &snapshot->generation) ||
            !get_name(r, snapshot->node) || !get_enum(r, SNAPSHOT_MAX_INTERFACES + 1, &count))
        return false;
    snapshot->interfaces = calloc(count + 1, sizeof(*snapshot->interfaces));
    if (snapshot->interfaces == NULL)
        return false;
    while (snapshot->interface_count < count)
        if (!get_interface(r, &snapshot->interfaces[snapshot->interface_count++]))
            return false;
    if (!get_identities(r, snapshot) ||
            !get_blobs(r, MAX_TCS, &snapshot->tcs, &snapshot->tcs_count) || !cg_reader_done(r))
        return false;
    for (size_t i = 0; i < snapshot->interface_count; i++)
        if (snapshot->interfaces[i].identity >= snapshot->identity_count)
            return false;
    return true;
}

enum cg_status
snapshot_read(int fd, struct snapshot **out, struct cg_error *err)
{
    struct snapshot *snapshot = NULL;
    struct stat facts;
    enum cg_status status = CG_OK;
    struct cg_reader reader;
    size_t len;
    void *map;

    *out = NULL;
    if (fstat(fd, &facts) != 0 || facts.st_size <= 0)
        return cg_fail(err, CG_E_PARSE, "the snapshot is empty");
    len = (size_t)facts.st_size;
    map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return cg_fail(err, CG_E_NOMEM, "cannot map the snapshot: %s", strerror(errno));
    snapshot = calloc(1, sizeof(*snapshot));
    reader = cg_reader(cg_span(map, len));
    if (snapshot == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for the snapshot");
    } else if (!get_snapshot(&reader, snapshot)) {
        status = cg_fail(err, CG_E_PARSE, "the snapshot is malformed at byte %zu",
                (size_t)(reader.at - (const uint8_t *)map));
    } else {
        *out = snapshot; /* ownership moves to the caller */
        snapshot = NULL;
    }
    munmap(map, len);
    snapshot_free(snapshot);
    return status;
}

bool
snapshot_networks_hold(
        const struct snapshot_network *networks, size_t count, const struct sockaddr *address)
{
    uint8_t wanted[16] = { [10] = 0xff, [11] = 0xff };

    if (address->sa_family == AF_INET)
        memcpy(wanted + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(wanted, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t whole = networks[i].bits / 8;
        unsigned rest = networks[i].bits % 8;

        if (memcmp(networks[i].prefix, wanted, whole) == 0 &&
                (rest == 0 || (networks[i].prefix[whole] ^ wanted[whole]) >> (8 - rest) == 0))
            return true;
    }
    return false;
}

static void
free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static void
free_blobs(struct snapshot_blob *blobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(blobs[i].data);
    free(blobs);
}

void
snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        free_strings(snapshot->interfaces[i].names, snapshot->interfaces[i].name_count);
        free_strings(snapshot->interfaces[i].sip_domains, snapshot->interfaces[i].sip_domain_count);
    }
    free(snapshot->interfaces);
    for (size_t i = 0; i < snapshot->identity_count; i++)
        free_blobs(snapshot->identities[i].chain, snapshot->identities[i].chain_count);
    free(snapshot->identities);
    free_blobs(snapshot->tcs, snapshot->tcs_count);
    free(snapshot);
}
