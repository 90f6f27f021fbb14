#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/reader.h"
#include "snapshot/layout.h"
#include "snapshot/mapping.h"
#include "snapshot/snapshot.h"

#define MAX_STRINGS 64
#define MAX_STRING 255
#define MAX_TCS 16000000u
#define MAX_CHAIN 16
#define MAX_BLOB (64 * 1024)

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
get_text(struct cg_reader *r, char *out, size_t size)
{
    struct cg_span text;

    if (!get_blob(r, size - 1, &text) || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static bool
get_name(struct cg_reader *r, char out[SNAPSHOT_NAME_SIZE])
{
    return get_text(r, out, SNAPSHOT_NAME_SIZE);
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
get_blobs(
        struct cg_reader *r, uint32_t max, bool in_place, struct snapshot_blob **out, size_t *count)
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
        blob->len = bytes.len;
        if (in_place) {
            blob->data = (uint8_t *)(uintptr_t)bytes.data;
            continue;
        }
        blob->data = malloc(bytes.len);
        if (blob->data == NULL)
            return false;
        memcpy(blob->data, bytes.data, bytes.len);
    }
    return true;
}

/* One that may be left out: an inbound interface has no far end, an outbound one no backend. */
static bool
get_address(struct cg_reader *r, struct snapshot_address *out)
{
    struct cg_span bytes;

    if (!get_blob(r, sizeof(out->addr), &bytes))
        return false;
    if (bytes.len == 0)
        return true;
    if (bytes.len < sizeof(sa_family_t))
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
get_networks(struct cg_reader *r, struct snapshot_network *networks, size_t *count)
{
    struct cg_span prefix;
    uint32_t n, bits;

    if (!get_enum(r, SNAPSHOT_MAX_NETWORKS + 1, &n))
        return false;
    for (; *count < n; (*count)++) {
        if (!cg_read_bytes(r, sizeof(networks->prefix), &prefix) || !get_enum(r, 129, &bits))
            return false;
        memcpy(networks[*count].prefix, prefix.data, prefix.len);
        networks[*count].bits = (uint8_t)bits;
    }
    return true;
}

static bool
get_allowances(struct cg_reader *r, struct snapshot_rules *it)
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
get_pins(struct cg_reader *r, struct snapshot_rules *it)
{
    struct cg_span sha256;
    char reason[SNAPSHOT_REASON_SIZE];
    uint32_t count;
    uint64_t until;

    if (!get_enum(r, SNAPSHOT_MAX_PINS + 1, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct snapshot_pin pin = { .reason = reason };

        if (!cg_read_bytes(r, sizeof(pin.sha256), &sha256) || !cg_read_u64(r, &until) ||
                !get_text(r, reason, sizeof(reason)))
            return false;
        memcpy(pin.sha256, sha256.data, sha256.len);
        pin.until = (int64_t)until;
        if (snapshot_rules_pin(it, &pin, NULL) != CG_OK)
            return false;
    }
    return true;
}

static bool
get_rules(struct cg_reader *r, struct snapshot_rules *it)
{
    uint32_t level, revocation;

    if (!get_enum(r, CG_LEVEL_CUSTOM + 1, &level) ||
            !get_enum(r, 1u << CG_CHECK_COUNT, &it->checks))
        return false;
    it->level = (enum cg_level)level;
    if (!get_bool(r, &it->latched) || !get_bool(r, &it->require_certificate) ||
            !get_bool(r, &it->ca_eku) || !get_bool(r, &it->partial_chain) ||
            !get_enum(r, CG_REVOCATION_HARD + 1, &revocation))
        return false;
    it->revocation = (enum cg_revocation_mode)revocation;
    return cg_read_u32(r, &it->max_depth) && get_allowances(r, it) &&
            get_strings(r, &it->names, &it->name_count) &&
            get_strings(r, &it->sip_domains, &it->sip_domain_count) && get_pins(r, it);
}

static bool
get_classes(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t count, kind;

    if (!get_bool(r, &it->phones) || !get_bool(r, &it->others) ||
            !get_enum(r, SNAPSHOT_MAX_CLASSES + 1, &count))
        return false;
    it->classes = calloc(count + 1, sizeof(*it->classes));
    if (it->classes == NULL)
        return false;
    while (it->class_count < count) {
        struct snapshot_class *class = &it->classes[it->class_count++];

        if (!get_name(r, class->name) || !get_enum(r, SNAPSHOT_CLASS_KINDS, &kind) ||
                !get_rules(r, &class->rules) || !get_networks(r, class->from, &class->from_count) ||
                !get_text(r, class->path, sizeof(class->path)) ||
                !get_bool(r, &class->every_request) || !get_bool(r, &class->tls_only))
            return false;
        class->kind = (enum snapshot_class_kind)kind;
    }
    return true;
}

static bool
get_listeners(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t count;

    if (!get_enum(r, SNAPSHOT_MAX_LISTENERS + 1, &count))
        return false;
    for (; it->listen_count < count; it->listen_count++) {
        struct snapshot_listener *listener = &it->listen[it->listen_count];

        if (!get_address(r, &listener->at) || listener->at.len == 0 ||
                !get_bool(r, &listener->plain))
            return false;
    }
    return true;
}

static bool
get_presented(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t count;

    if (!get_enum(r, SNAPSHOT_MAX_PRESENTED + 1, &count))
        return false;
    for (; it->presented_count < count; it->presented_count++)
        if (!cg_read_u32(r, &it->presented[it->presented_count]))
            return false;
    return get_bool(r, &it->ca_names) && get_bool(r, &it->offer_chain);
}

static bool
get_far_end(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t port, count;

    if (!get_text(r, it->connect_host, sizeof(it->connect_host)) || !get_enum(r, 65536, &port) ||
            !get_enum(r, SNAPSHOT_MAX_ADDRESSES + 1, &count))
        return false;
    it->connect_port = (uint16_t)port;
    for (; it->connect_count < count; it->connect_count++)
        if (!get_address(r, &it->connect[it->connect_count]))
            return false;
    return get_text(r, it->server_name, sizeof(it->server_name));
}

static bool
get_numbers(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t *const numbers[] = { &it->identity_fields, &it->handshake_timeout_ms,
        &it->request_timeout_ms, &it->connect_timeout_ms, &it->idle_timeout_ms,
        &it->session_timeout_s, &it->max_connections, &it->max_per_source };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (!cg_read_u32(r, numbers[i]))
            return false;
    return true;
}

static bool
get_interface(struct cg_reader *r, struct snapshot_interface *it)
{
    uint32_t role, service, mode, security, min_tls, proxy, live;

    if (!get_name(r, it->name) || !get_enum(r, CG_ROLE_OUTBOUND + 1, &role) ||
            !get_enum(r, CG_SERVICE_LINE + 1, &service) || !get_enum(r, SNAPSHOT_MODES, &mode) ||
            !get_enum(r, SECURITY_COUNT, &security) || !get_bool(r, &it->ask_certificate) ||
            !get_rules(r, &it->rules) || !get_classes(r, it) || !get_presented(r, it) ||
            !cg_read_u32(r, &min_tls) || !get_listeners(r, it) || !get_address(r, &it->backend) ||
            !get_far_end(r, it) || !get_enum(r, SNAPSHOT_PROXY_V2 + 1, &proxy) ||
            !get_networks(r, it->proxy_from, &it->proxy_from_count) || !get_bool(r, &it->answer) ||
            !get_enum(r, SNAPSHOT_LIVES, &live))
        return false;
    it->role = (enum cg_role)role;
    it->service = (enum cg_service)service;
    it->mode = (enum snapshot_mode)mode;
    it->security = (enum security)security;
    it->min_tls = (int)min_tls;
    it->proxy = (enum snapshot_proxy)proxy;
    it->live = (enum snapshot_live)live;
    return get_numbers(r, it);
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

        if (!get_name(r, it->name) ||
                !get_blobs(r, MAX_CHAIN, false, &it->chain, &it->chain_count) ||
                it->chain_count == 0)
            return false;
    }
    return true;
}

static bool
get_snapshot(struct cg_reader *r, struct snapshot *snapshot)
{
    uint32_t magic, count;

    if (!cg_read_u32(r, &magic) || magic != SNAPSHOT_MAGIC ||
            !cg_read_u64(r, &snapshot->generation) || !get_name(r, snapshot->node) ||
            !get_enum(r, SNAPSHOT_MAX_INTERFACES + 1, &count))
        return false;
    snapshot->interfaces = calloc(count + 1, sizeof(*snapshot->interfaces));
    if (snapshot->interfaces == NULL)
        return false;
    while (snapshot->interface_count < count)
        if (!get_interface(r, &snapshot->interfaces[snapshot->interface_count++]))
            return false;
    if (!get_identities(r, snapshot) ||
            !get_blobs(
                    r, MAX_TCS, snapshot->mapping != NULL, &snapshot->tcs, &snapshot->tcs_count) ||
            !get_blobs(r, SNAPSHOT_MAX_CA_NAMES / 2, false, &snapshot->ca_names,
                    &snapshot->ca_name_count) ||
            !cg_reader_done(r))
        return false;
    for (size_t i = 0; i < snapshot->interface_count; i++)
        for (size_t j = 0; j < snapshot->interfaces[i].presented_count; j++)
            if (snapshot->interfaces[i].presented[j] >= snapshot->identity_count)
                return false;
    return true;
}

static enum cg_status
read_file(int fd, bool in_place, struct snapshot **out, struct cg_error *err)
{
    struct snapshot *snapshot = NULL;
    struct snapshot_mapping *mapping;
    struct cg_reader reader;
    enum cg_status status;

    *out = NULL;
    status = snapshot_mapping_new(fd, &mapping, err);
    if (status != CG_OK)
        return status;
    snapshot = calloc(1, sizeof(*snapshot));
    reader = cg_reader(snapshot_mapping_bytes(mapping));
    if (snapshot == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for the snapshot");
        goto done;
    }
    if (in_place)
        snapshot->mapping = snapshot_mapping_ref(mapping);
    if (!get_snapshot(&reader, snapshot)) {
        status = cg_fail(err, CG_E_PARSE, "the snapshot is malformed at byte %zu",
                (size_t)(reader.at - snapshot_mapping_bytes(mapping).data));
        goto done;
    }
    *out = snapshot; /* ownership moves to the caller */
    snapshot = NULL;
done:
    snapshot_mapping_unref(mapping);
    snapshot_free(snapshot);
    return status;
}

enum cg_status
snapshot_read(int fd, struct snapshot **out, struct cg_error *err)
{
    return read_file(fd, false, out, err);
}

enum cg_status
snapshot_map(int fd, struct snapshot **out, struct cg_error *err)
{
    return read_file(fd, true, out, err);
}
