/* What certgated writes is what a worker reads; everything else is refused, wherever it stops or changes. */
#include "snapshot/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct snapshot_address
v4(const char *text, uint16_t port)
{
    struct snapshot_address address = { .len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *in = (void *)&address.addr;

    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
    return address;
}

static struct snapshot_address
unix_path(const char *text)
{
    struct snapshot_address address = { .len = sizeof(struct sockaddr_un) };
    struct sockaddr_un *un = (void *)&address.addr;

    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, text, strlen(text) + 1);
    return address;
}

/* Every field with a value that no other has. */
static char *names[] = { (char *)"a.example", (char *)"192.0.2.1" };
static char *domains[] = { (char *)"s.example" };
static struct snapshot_blob chain[] = { { (uint8_t *)"leaf", 4 }, { (uint8_t *)"inter", 5 } };
static struct snapshot_blob tcs[] = { { (uint8_t *)"one", 3 }, { (uint8_t *)"t\0wo", 4 },
    { (uint8_t *)"3", 1 } };
static struct snapshot_interface interfaces[2];
static struct snapshot_identity identities[] = { { .name = "gw", .chain = chain, .chain_count = 2 },
    { .name = "other", .chain = chain + 1, .chain_count = 1 } };

static struct snapshot
full(void)
{
    interfaces[0] = (struct snapshot_interface) { .name = "web",
        .role = CG_ROLE_OUTBOUND,
        .service = CG_SERVICE_SIP,
        .level = CG_LEVEL_CUSTOM,
        .checks = 1u << CG_CHECK_SIP_DOMAIN | 1u << CG_CHECK_IN_DATE,
        .latched = true,
        .ca_eku = true,
        .partial_chain = true,
        .max_depth = 32,
        .allowances = { { CG_ALLOW_SHA1_CHAIN, INT64_MAX }, { CG_ALLOW_SIP_WILDCARD, -5 } },
        .allowance_count = 2,
        .names = names,
        .name_count = 2,
        .sip_domains = domains,
        .sip_domain_count = 1,
        .identity = 1,
        .min_tls = 0x0304,
        .listen = { v4("127.0.0.1", 8443), v4("192.0.2.1", 443) },
        .listen_count = 2,
        .backend = unix_path("/run/backend"),
        .proxy = SNAPSHOT_PROXY_V2,
        .proxy_from = { { { 0x20, 0x01 }, 16 } },
        .proxy_from_count = 1,
        .handshake_timeout_ms = 101,
        .connect_timeout_ms = 102,
        .idle_timeout_ms = 103,
        .session_timeout_s = 104,
        .max_connections = 105 };
    interfaces[1] = (struct snapshot_interface) { .name = "least",
        .require_certificate = true,
        .backend = v4("127.0.0.1", 80),
        .min_tls = 0x0303 };
    return (struct snapshot) { .generation = UINT64_C(0x1122334455667788),
        .node = "node",
        .interfaces = interfaces,
        .interface_count = 2,
        .identities = identities,
        .identity_count = 2,
        .tcs = tcs,
        .tcs_count = 3 };
}

static void
same_blobs(const struct snapshot_blob *a, const struct snapshot_blob *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].len, b[i].len);
        assert_memory_equal(a[i].data, b[i].data, a[i].len);
    }
}

static void
same_address(const struct snapshot_address *a, const struct snapshot_address *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(&a->addr, &b->addr, a->len);
}

static void
same_interface(const struct snapshot_interface *a, const struct snapshot_interface *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->service, b->service);
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->checks, b->checks);
    assert_int_equal(a->latched, b->latched);
    assert_int_equal(a->require_certificate, b->require_certificate);
    assert_int_equal(a->ca_eku, b->ca_eku);
    assert_int_equal(a->partial_chain, b->partial_chain);
    assert_int_equal(a->max_depth, b->max_depth);
    assert_int_equal(a->allowance_count, b->allowance_count);
    for (size_t i = 0; i < a->allowance_count; i++) {
        assert_int_equal(a->allowances[i].allowance, b->allowances[i].allowance);
        assert_true(a->allowances[i].until == b->allowances[i].until);
    }
    assert_int_equal(a->name_count, b->name_count);
    for (size_t i = 0; i < a->name_count; i++)
        assert_string_equal(a->names[i], b->names[i]);
    assert_int_equal(a->sip_domain_count, b->sip_domain_count);
    for (size_t i = 0; i < a->sip_domain_count; i++)
        assert_string_equal(a->sip_domains[i], b->sip_domains[i]);
    assert_int_equal(a->identity, b->identity);
    assert_int_equal(a->min_tls, b->min_tls);
    assert_int_equal(a->listen_count, b->listen_count);
    for (size_t i = 0; i < a->listen_count; i++)
        same_address(&a->listen[i], &b->listen[i]);
    same_address(&a->backend, &b->backend);
    assert_int_equal(a->proxy, b->proxy);
    assert_int_equal(a->proxy_from_count, b->proxy_from_count);
    for (size_t i = 0; i < a->proxy_from_count; i++) {
        assert_memory_equal(a->proxy_from[i].prefix, b->proxy_from[i].prefix, 16);
        assert_int_equal(a->proxy_from[i].bits, b->proxy_from[i].bits);
    }
    assert_int_equal(a->handshake_timeout_ms, b->handshake_timeout_ms);
    assert_int_equal(a->connect_timeout_ms, b->connect_timeout_ms);
    assert_int_equal(a->idle_timeout_ms, b->idle_timeout_ms);
    assert_int_equal(a->session_timeout_s, b->session_timeout_s);
    assert_int_equal(a->max_connections, b->max_connections);
}

static void
there_and_back(void **state)
{
    struct snapshot in = full(), *out = NULL;
    struct cg_error err = { "" };
    int fd;

    (void)state;
    assert_int_equal(snapshot_write(&in, &fd, &err), CG_OK);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    if (snapshot_read(fd, &out, &err) != CG_OK)
        fail_msg("%s", err.text);
    assert_true(out->generation == in.generation);
    assert_string_equal(out->node, in.node);
    assert_int_equal(out->interface_count, in.interface_count);
    for (size_t i = 0; i < in.interface_count; i++)
        same_interface(&out->interfaces[i], &in.interfaces[i]);
    assert_int_equal(out->identity_count, in.identity_count);
    for (size_t i = 0; i < in.identity_count; i++) {
        assert_string_equal(out->identities[i].name, in.identities[i].name);
        assert_int_equal(out->identities[i].chain_count, in.identities[i].chain_count);
        same_blobs(out->identities[i].chain, in.identities[i].chain, in.identities[i].chain_count);
    }
    assert_int_equal(out->tcs_count, in.tcs_count);
    same_blobs(out->tcs, in.tcs, in.tcs_count);
    snapshot_free(out);
    snapshot_free(NULL);
    close(fd);
}

/* A worker can neither write into it nor change its length: its master's word stands. */
static void
sealed(void **state)
{
    struct snapshot in = full();
    int fd;

    (void)state;
    assert_int_equal(snapshot_write(&in, &fd, NULL), CG_OK);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
}

static uint8_t *
bytes_of(const struct snapshot *snapshot, size_t *len)
{
    struct stat facts;
    uint8_t *bytes;
    int fd;

    assert_int_equal(snapshot_write(snapshot, &fd, NULL), CG_OK);
    assert_int_equal(fstat(fd, &facts), 0);
    *len = (size_t)facts.st_size;
    bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, *len, 0), *len);
    close(fd);
    return bytes;
}

static enum cg_status
read_bytes(const uint8_t *bytes, size_t len, struct cg_error *err)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    struct snapshot *out = (struct snapshot *)err;
    enum cg_status status;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    status = snapshot_read(fd, &out, err);
    assert_int_equal(out != NULL, status == CG_OK);
    snapshot_free(out);
    close(fd);
    return status;
}

static void
cut_at_every_byte(void **state)
{
    struct snapshot in = full();
    struct cg_error err;
    size_t len;
    uint8_t *bytes = bytes_of(&in, &len);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        if (read_bytes(bytes, cut, &err) != CG_E_PARSE)
            fail_msg("accepted, cut at byte %zu of %zu", cut, len);
        if (cut != 0 && strncmp(err.text, "the snapshot is malformed at byte ", 34) != 0)
            fail_msg("%s", err.text);
    }
    bytes[len] = 0;
    assert_int_equal(read_bytes(bytes, len + 1, &err), CG_E_PARSE);
    assert_int_equal(read_bytes(bytes, len, &err), CG_OK);
    free(bytes);
}

/*
 * Each byte to each of some values: refused or read, never more (the sanitizers watch), and no length or count
 * is believed: nothing allocates in proportion to a number that was just read.
 */
static void
changed_at_every_byte(void **state)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    struct snapshot in = full();
    struct cg_error err;
    size_t len, refused = 0;
    uint8_t *bytes = bytes_of(&in, &len);

    (void)state;
    for (size_t at = 0; at < len; at++) {
        uint8_t whole = bytes[at];

        for (size_t i = 0; i < COUNT(values); i++) {
            bytes[at] = values[i];
            refused += read_bytes(bytes, len, &err) == CG_E_PARSE;
        }
        bytes[at] = whole;
    }
    assert_true(refused >
            len); /* it does look: most of the bytes are counts, lengths and enumerations */
    free(bytes);
}

/* What certgated could write by mistake, and a worker must not take. */
static void
identity_beyond_the_last(struct snapshot *snapshot)
{
    snapshot->interfaces[0].identity = 2; /* there are two: 0 and 1 */
}

static void
check_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].checks = 1u << CG_CHECK_COUNT;
}

static void
level_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].level = (enum cg_level)(CG_LEVEL_CUSTOM + 1);
}

static void
family_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].backend.addr.ss_family = AF_NETLINK;
}

static void
identity_without_certificate(struct snapshot *snapshot)
{
    snapshot->identities[1].chain_count = 0;
}

static void
network_of_129_bits(struct snapshot *snapshot)
{
    snapshot->interfaces[0].proxy_from[0].bits = 129;
}

static void
empty_certificate(struct snapshot *snapshot)
{
    snapshot->tcs[1].len = 0;
}

static const struct {
    const char *why;
    void (*spoil)(struct snapshot *snapshot);
} spoils[] = {
    { "an identity beyond the last", identity_beyond_the_last },
    { "a check that is none", check_that_is_none },
    { "a level that is none", level_that_is_none },
    { "an address of another family", family_that_is_none },
    { "an identity without a certificate", identity_without_certificate },
    { "a network of 129 bits", network_of_129_bits },
    { "an empty certificate", empty_certificate },
};

static void
out_of_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(spoils); i++) {
        struct snapshot in = full();
        struct cg_error err;
        size_t len;
        uint8_t *bytes;

        spoils[i].spoil(&in);
        bytes = bytes_of(&in, &len);
        if (read_bytes(bytes, len, &err) != CG_E_PARSE)
            fail_msg("%s was taken", spoils[i].why);
        free(bytes);
        identities[1].chain_count = 1;
        tcs[1].len = 4;
    }
}

static const struct {
    const char *network;
    uint8_t bits;
    const char *address;
    bool inside;
} holds[] = {
    { "192.0.2.0", 24, "192.0.2.0", true },
    { "192.0.2.0", 24, "192.0.2.255", true },
    { "192.0.2.0", 24, "192.0.3.0", false },
    { "192.0.2.0", 24, "192.0.1.255", false },
    { "192.0.2.128", 25, "192.0.2.127", false },
    { "192.0.2.128", 25, "192.0.2.128", true },
    { "192.0.2.7", 32, "192.0.2.7", true },
    { "192.0.2.7", 32, "192.0.2.6", false },
    { "0.0.0.0", 0, "255.255.255.255", true },
    { "0.0.0.0", 0, "2001:db8::1", false },
    { "192.0.2.0", 24, "::ffff:192.0.2.9", true }, /* as a dual-stack listener sees it */
    { "2001:db8::", 32, "2001:db8:ffff::1", true },
    { "2001:db8::", 32, "2001:db9::", false },
    { "2001:db8::", 33, "2001:db8:8000::", false },
    { "::", 0, "2001:db8::1", true },
    { "::", 0, "192.0.2.1", true },
};

static void
addresses_in_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(holds); i++) {
        bool net6 = strchr(holds[i].network, ':') != NULL;
        bool peer6 = strchr(holds[i].address, ':') != NULL;
        struct snapshot_network network = { .bits = (uint8_t)(holds[i].bits + (net6 ? 0 : 96)) };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        struct sockaddr_in four = { .sin_family = AF_INET };

        if (!net6)
            network.prefix[10] = network.prefix[11] = 0xff;
        assert_int_equal(inet_pton(net6 ? AF_INET6 : AF_INET, holds[i].network,
                                 network.prefix + (net6 ? 0 : 12)),
                1);
        assert_int_equal(inet_pton(peer6 ? AF_INET6 : AF_INET, holds[i].address,
                                 peer6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr),
                1);
        if (snapshot_networks_hold(&network, 1, peer6 ? (void *)&six : (void *)&four) !=
                holds[i].inside)
            fail_msg("%s in %s/%u", holds[i].address, holds[i].network, holds[i].bits);
        assert_false(snapshot_networks_hold(&network, 0, (void *)&four));
    }
}

static void
a_unix_peer_is_in_no_network(void **state)
{
    struct snapshot_network everything = { .bits = 0 };
    struct sockaddr_un peer = { .sun_family = AF_UNIX };

    (void)state;
    assert_false(snapshot_networks_hold(&everything, 1, (void *)&peer));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(sealed),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(changed_at_every_byte),
        cmocka_unit_test(out_of_range),
        cmocka_unit_test(addresses_in_networks),
        cmocka_unit_test(a_unix_peer_is_in_no_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
