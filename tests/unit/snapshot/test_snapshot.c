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
static struct snapshot_pin pins[] = { { { 1, 2, 3 }, 1000, (char *)"lab phone" },
    { { 4 }, INT64_MAX, (char *)"" } };
static struct snapshot_blob chain[] = { { (uint8_t *)"leaf", 4 }, { (uint8_t *)"inter", 5 } };
static struct snapshot_blob tcs[] = { { (uint8_t *)"one", 3 }, { (uint8_t *)"t\0wo", 4 },
    { (uint8_t *)"3", 1 } };
static struct snapshot_class classes[2];
static struct snapshot_interface interfaces[2];
static struct snapshot_identity identities[] = { { .name = "gw", .chain = chain, .chain_count = 2 },
    { .name = "other", .chain = chain + 1, .chain_count = 1 } };

static struct snapshot_rules
rules(enum cg_level level, bool flags)
{
    return (struct snapshot_rules) { .level = level,
        .checks = 1u << CG_CHECK_SIP_DOMAIN | 1u << CG_CHECK_IN_DATE,
        .latched = flags,
        .require_certificate = !flags,
        .ca_eku = flags,
        .partial_chain = !flags,
        .max_depth = 30 + flags,
        .allowances = { { CG_ALLOW_SHA1_CHAIN, INT64_MAX }, { CG_ALLOW_SIP_WILDCARD, -5 } },
        .allowance_count = 2,
        .names = names,
        .name_count = 2,
        .sip_domains = domains,
        .sip_domain_count = 1,
        .pins = pins,
        .pin_count = 2 };
}

static struct snapshot
full(void)
{
    classes[0] = (struct snapshot_class) { .name = "trunk",
        .kind = SNAPSHOT_CLASS_TRUNK,
        .rules = rules(CG_LEVEL_HIGH, false),
        .from = { { { 0x20, 0x02 }, 17 }, { { 0x20, 0x03 }, 18 } },
        .from_count = 2,
        .every_request = true,
        .tls_only = true };
    classes[1] = (struct snapshot_class) {
        .name = "line", .kind = SNAPSHOT_CLASS_LINE, .path = "/line"
    };
    interfaces[0] = (struct snapshot_interface) { .name = "web",
        .role = CG_ROLE_OUTBOUND,
        .service = CG_SERVICE_SIP,
        .mode = SNAPSHOT_MODE_HTTP,
        .rules = rules(CG_LEVEL_CUSTOM, true),
        .phones = true,
        .classes = classes,
        .class_count = 2,
        .presented = { 1, 0 },
        .presented_count = 2,
        .offer_chain = true,
        .min_tls = 0x0304,
        .listen = { { v4("127.0.0.1", 8443), false }, { v4("192.0.2.1", 443), true } },
        .listen_count = 2,
        .backend = unix_path("/run/backend"),
        .connect_host = "far.example",
        .connect_port = 5061,
        .connect = { v4("192.0.2.2", 5061) },
        .connect_count = 1,
        .server_name = "sni.example",
        .proxy = SNAPSHOT_PROXY_V2,
        .proxy_from = { { { 0x20, 0x01 }, 16 } },
        .proxy_from_count = 1,
        .answer = true,
        .identity_fields = SNAPSHOT_FIELD_XFCC,
        .live = SNAPSHOT_LIVE_LEAVE,
        .handshake_timeout_ms = 101,
        .request_timeout_ms = 102,
        .connect_timeout_ms = 103,
        .idle_timeout_ms = 104,
        .session_timeout_s = 105,
        .max_connections = 106,
        .max_per_source = 107 };
    interfaces[1] =
            (struct snapshot_interface) { .name = "least", .others = true, .min_tls = 0x0303 };
    return (struct snapshot) { .generation = UINT64_C(0x1122334455667788),
        .node = "node",
        .interfaces = interfaces,
        .interface_count = 2,
        .identities = identities,
        .identity_count = 2,
        .tcs = tcs,
        .tcs_count = 3 };
}

static uint8_t *
bytes_of(const struct snapshot *snapshot, size_t *len)
{
    struct stat facts;
    uint8_t *bytes;
    int fd;

    assert_int_equal(snapshot_write(snapshot, &fd, NULL), CG_OK);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fstat(fd, &facts), 0);
    *len = (size_t)facts.st_size;
    bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, *len, 0), *len);
    close(fd);
    return bytes;
}

/* What was read, or NULL with CG_E_PARSE. */
static struct snapshot *
read_back(const uint8_t *bytes, size_t len, struct cg_error *err)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    struct snapshot *out = NULL;
    enum cg_status status;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    status = snapshot_read(fd, &out, err);
    assert_int_equal(status, out == NULL ? CG_E_PARSE : CG_OK);
    close(fd);
    return out;
}

/* The trusted certificates of a mapped snapshot lie in the file; everything else is as if it was read. */
static void
trusted_stay_in_the_file(void **state)
{
    struct snapshot in = full(), *out;
    uint8_t *bytes, *again;
    size_t len, again_len;
    int fd;

    (void)state;
    bytes = bytes_of(&in, &len);
    assert_int_equal(snapshot_write(&in, &fd, NULL), CG_OK);
    assert_int_equal(snapshot_map(fd, &out, NULL), CG_OK);
    close(fd);
    assert_int_equal(out->tcs_count, 3);
    assert_memory_equal(out->tcs[1].data, "t\0wo", 4);
    /* A length of four octets stands between one and the next. */
    assert_ptr_equal(out->tcs[1].data, out->tcs[0].data + out->tcs[0].len + 4);
    again = bytes_of(out, &again_len);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, bytes, len);
    snapshot_drop_tcs(out);
    assert_int_equal(out->tcs_count, 0);
    snapshot_free(out);
    free(bytes);
    free(again);
}

/* Every field has a value of its own, so written again it gives the same bytes only if each came back. */
static void
there_and_back(void **state)
{
    struct snapshot in = full(), *out;
    struct cg_error err = { "" };
    size_t len, again_len;
    uint8_t *bytes = bytes_of(&in, &len), *again;

    (void)state;
    out = read_back(bytes, len, &err);
    if (out == NULL)
        fail_msg("%s", err.text);
    again = bytes_of(out, &again_len);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, bytes, len);
    assert_true(out->generation == in.generation);
    assert_string_equal(out->interfaces[0].classes[0].rules.names[1], "192.0.2.1");
    assert_true(out->interfaces[0].rules.latched && !out->interfaces[0].classes[0].rules.latched);
    assert_int_equal(out->interfaces[0].session_timeout_s, 105);
    assert_int_equal(out->interfaces[1].presented_count, 0);
    assert_int_equal(out->interfaces[1].backend.len, 0);
    assert_string_equal(out->identities[1].name, "other");
    assert_int_equal(out->tcs[1].len, 4);
    assert_memory_equal(out->tcs[1].data, "t\0wo", 4);
    snapshot_free(out);
    snapshot_free(NULL);
    free(again);
    free(bytes);
}

/* An interface's name is the interface's own rules; a trunk's or line's is theirs, wherever it stands. */
static void
pins_have_their_place(void **state)
{
    struct snapshot_class own[] = { { .name = "web" }, { .name = "hq" } };
    struct snapshot_class other[] = { { .name = "hq" } };
    struct snapshot_interface all[] = {
        { .name = "web", .classes = own, .class_count = 2 },
        { .name = "sip", .classes = other, .class_count = 1 },
    };
    struct snapshot_pin pin = { { 7 }, 1000, (char *)(uintptr_t) "once" };
    struct cg_error err;

    (void)state;
    assert_int_equal(snapshot_pin_add(all, 2, "web", &pin, &err), CG_OK);
    pin.until = 2000;
    pin.reason = (char *)(uintptr_t) "twice";
    assert_int_equal(snapshot_pin_add(all, 2, "web", &pin, &err), CG_OK);
    assert_int_equal(all[0].rules.pin_count, 1);
    assert_int_equal(all[0].rules.pins[0].until, 2000);
    assert_string_equal(all[0].rules.pins[0].reason, "twice");
    assert_int_equal(own[0].rules.pin_count + own[1].rules.pin_count, 0);
    assert_int_equal(snapshot_pin_add(all, 2, "hq", &pin, &err), CG_OK);
    assert_int_equal(own[1].rules.pin_count, 1);
    assert_int_equal(other[0].rules.pin_count, 1);
    assert_int_equal(all[1].rules.pin_count + own[0].rules.pin_count, 0);
    assert_int_equal(snapshot_pin_add(all, 2, "nowhere", &pin, &err), CG_E_USAGE);
    assert_string_equal(err.text, "there is no interface, trunk or line 'nowhere'");
    snapshot_rules_release(&all[0].rules);
    snapshot_rules_release(&own[1].rules);
    snapshot_rules_release(&other[0].rules);
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

static bool
is_read(const uint8_t *bytes, size_t len, struct cg_error *err)
{
    struct snapshot *out = read_back(bytes, len, err);

    snapshot_free(out);
    return out != NULL;
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
        if (is_read(bytes, cut, &err))
            fail_msg("accepted, cut at byte %zu of %zu", cut, len);
        if (cut != 0 && strncmp(err.text, "the snapshot is malformed at byte ", 34) != 0)
            fail_msg("%s", err.text);
    }
    bytes[len] = 0;
    assert_false(is_read(bytes, len + 1, &err));
    assert_true(is_read(bytes, len, &err));
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
            refused += !is_read(bytes, len, &err);
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
    snapshot->interfaces[0].presented[1] = 2; /* there are two: 0 and 1 */
}

static void
check_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].rules.checks = 1u << CG_CHECK_COUNT;
}

static void
level_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].rules.level = (enum cg_level)(CG_LEVEL_CUSTOM + 1);
}

static void
family_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].backend.addr.ss_family = AF_NETLINK;
}

static void
class_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].classes[0].kind = SNAPSHOT_CLASS_KINDS;
}

static void
rules_of_a_class(struct snapshot *snapshot)
{
    snapshot->interfaces[0].classes[0].rules.level = (enum cg_level)(CG_LEVEL_CUSTOM + 1);
}

static void
mode_that_is_none(struct snapshot *snapshot)
{
    snapshot->interfaces[0].mode = SNAPSHOT_MODES;
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
    { "a class that is none", class_that_is_none },
    { "a level that is none in a class", rules_of_a_class },
    { "a mode that is none", mode_that_is_none },
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
        if (is_read(bytes, len, &err))
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

/* As they travel in an ADDRESSES message. */
static void
addresses_survive_as_octets(void **state)
{
    static const struct {
        const char *text;
        int family;
        const char *back;
    } rows[] = { { "192.0.2.1", AF_INET, "192.0.2.1" }, { "2001:db8::1", AF_INET6, "2001:db8::1" },
        { "::1", AF_INET6, "::1" }, { "::", AF_INET6, "::" },
        { "::ffff:192.0.2.7", AF_INET6, "192.0.2.7" } };
    const struct snapshot_address path = unix_path("/run/x");
    uint8_t octets[16];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct snapshot_address address = { .len = sizeof(struct sockaddr_in6) }, back;
        struct sockaddr_in *in = (void *)&back.addr;
        struct sockaddr_in6 *v6 = (void *)&address.addr;
        char text[INET6_ADDRSTRLEN];
        bool is_v4;

        if (rows[i].family == AF_INET) {
            address = v4(rows[i].text, 1);
        } else {
            v6->sin6_family = AF_INET6;
            assert_int_equal(inet_pton(AF_INET6, rows[i].text, &v6->sin6_addr), 1);
        }
        assert_true(snapshot_address_octets(&address, octets));
        back = snapshot_address_from(octets, 5061);
        is_v4 = back.addr.ss_family == AF_INET;
        assert_int_equal(back.len, is_v4 ? sizeof(*in) : sizeof(*v6));
        assert_int_equal(ntohs(in->sin_port), 5061); /* both families have it in one place */
        assert_non_null(inet_ntop(back.addr.ss_family,
                is_v4 ? (const void *)&in->sin_addr
                      : (const void *)&((struct sockaddr_in6 *)(void *)&back.addr)->sin6_addr,
                text, sizeof(text)));
        assert_string_equal(text, rows[i].back);
    }
    assert_false(snapshot_address_octets(&path, octets));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(trusted_stay_in_the_file),
        cmocka_unit_test(pins_have_their_place),
        cmocka_unit_test(sealed),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(changed_at_every_byte),
        cmocka_unit_test(out_of_range),
        cmocka_unit_test(addresses_in_networks),
        cmocka_unit_test(a_unix_peer_is_in_no_network),
        cmocka_unit_test(addresses_survive_as_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
