#include "settings/rows.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "settings/values.h"

static bool
read_duration(struct block *block, const char *text, const struct row *row)
{
    uint64_t ms;

    if (!value_duration(text, &ms) || ms < row->low || ms > row->high)
        return false;
    *(uint32_t *)(void *)((char *)block + row->offset) = (uint32_t)ms;
    return true;
}

static bool
read_seconds(struct block *block, const char *text, const struct row *row)
{
    uint64_t ms;

    if (!value_duration(text, &ms) || ms < row->low || ms > row->high)
        return false;
    *(uint32_t *)(void *)((char *)block + row->offset) = (uint32_t)(ms / 1000);
    return true;
}

static bool
read_count(struct block *block, const char *text, const struct row *row)
{
    uint64_t value = strtoull(text, NULL, 10);

    if (text[0] == '-' || value < row->low || value > row->high)
        return false;
    *(uint32_t *)(void *)((char *)block + row->offset) = (uint32_t)value;
    return true;
}

static bool
read_bool(struct block *block, const char *text, const struct row *row)
{
    *(bool *)(void *)((char *)block + row->offset) = strcmp(text, "true") == 0;
    return true;
}

/* One word of several: the number of the word is the value of the enum at the row's offset. */
static bool
read_word(struct block *block, const char *text, const char *const *words, const struct row *row)
{
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *(unsigned *)(void *)((char *)block + row->offset) = i;
            return true;
        }
    }
    return false;
}

static bool
read_proxy(struct block *block, const char *text, const struct row *row)
{
    static const char *const words[] = { "off", "v1", "v2", NULL };

    return read_word(block, text, words, row);
}

static bool
read_mode(struct block *block, const char *text, const struct row *row)
{
    static const char *const words[] = { "tcp", "http", "sip", NULL };

    return read_word(block, text, words, row);
}

static bool
read_live(struct block *block, const char *text, const struct row *row)
{
    static const char *const words[] = { "close", "drain", "leave", NULL };

    return read_word(block, text, words, row);
}

static bool
read_transport(struct block *block, const char *text, const struct row *row)
{
    static const char *const words[] = { "websocket-server", "websocket-client", NULL };

    return read_word(block, text, words, row);
}

static bool
read_line_security(struct block *block, const char *text, const struct row *row)
{
    static const char *const words[] = { "unsecured", "medium", "high", NULL };

    return read_word(block, text, words, row);
}

static bool
read_service_security(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return security_from_name(text, &block->interface.security);
}

static bool
read_sip_match(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    block->class.every_request = strcmp(text, "every-request") == 0;
    return block->class.every_request || strcmp(text, "first-request") == 0;
}

static bool
read_role(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return cg_role_from_name(text, &block->interface.role);
}

static bool
read_service(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return cg_service_from_name(text, &block->interface.service);
}

static bool
read_listener(struct block *block, const char *text, bool plain)
{
    struct snapshot_interface *it = &block->interface;
    struct snapshot_listener *listener = &it->listen[it->listen_count];

    if (it->listen_count == SNAPSHOT_MAX_LISTENERS || !value_address(text, true, &listener->at))
        return false;
    listener->plain = plain;
    it->listen_count++;
    return true;
}

static bool
read_listen(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return read_listener(block, text, false);
}

static bool
read_listen_plain(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return read_listener(block, text, true);
}

static bool
read_backend(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return value_address(text, true, &block->interface.backend);
}

static bool
read_connect(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_interface *it = &block->interface;

    (void)row;
    return value_host_port(text, it->connect_host, &it->connect_port);
}

static bool
read_server_name(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_interface *it = &block->interface;

    (void)row;
    return value_host(text, it->server_name);
}

static bool
add_network(struct snapshot_network *networks, size_t *count, const char *text)
{
    return *count < SNAPSHOT_MAX_NETWORKS && value_network(text, &networks[*count]) &&
            ++*count != 0;
}

static bool
read_proxy_from(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return add_network(block->interface.proxy_from, &block->interface.proxy_from_count, text);
}

static bool
read_from(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return add_network(block->class.from, &block->class.from_count, text);
}

static bool
read_path(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    if (!value_path(text, sizeof(block->class.path)))
        return false;
    (void)snprintf(block->class.path, sizeof(block->class.path), "%s", text);
    return true;
}

static bool
read_on(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return text[0] != '\0' &&
            (size_t)snprintf(block->on, sizeof(block->on), "%s", text) < sizeof(block->on);
}

static bool
read_level(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    if (strcmp(text, "custom") == 0) {
        block->rules.level = CG_LEVEL_CUSTOM;
        return true;
    }
    return cg_level_from_name(text, &block->rules.level);
}

static bool
read_revocation(struct block *block, const char *text, const struct row *row)
{
    (void)row;
    return cg_revocation_mode_from_name(text, &block->rules.revocation);
}

static bool
read_check(struct block *block, const char *text, const struct row *row)
{
    enum cg_check check;

    (void)row;
    if (!cg_check_from_name(text, &check) || (CG_CHECKS_OF_LEVELS >> check & 1u) == 0)
        return false;
    block->rules.checks |= 1u << check;
    return true;
}

static bool
read_allowance(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_rules *it = &block->rules;
    struct snapshot_allowance allowance;

    (void)row;
    if (!value_allowance(text, &allowance) || it->allowance_count == CG_ALLOW_COUNT)
        return false;
    for (size_t i = 0; i < it->allowance_count; i++)
        if (it->allowances[i].allowance == allowance.allowance)
            return false;
    it->allowances[it->allowance_count++] = allowance;
    return true;
}

static bool
read_pin(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_rules *it = &block->rules;
    struct snapshot_pin pin;
    const char *reason;
    size_t before = it->pin_count;

    (void)row;
    if (!value_pin(text, &pin, &reason))
        return false;
    pin.reason = (char *)(uintptr_t)reason; /* copied */
    return snapshot_rules_pin(it, &pin, NULL) == CG_OK && it->pin_count != before;
}

static bool
append(char ***list, size_t *count, const char *text)
{
    char **grown = realloc(*list, (*count + 1) * sizeof(char *));

    if (grown == NULL)
        return false;
    *list = grown;
    grown[*count] = strdup(text);
    return grown[(*count)++] != NULL;
}

/* The engine's own reading of names decides what is one. */
static bool
read_name(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_rules *it = &block->rules;
    struct cg_policy *policy = cg_policy_new();
    bool ok = policy != NULL && cg_policy_add_name(policy, text, NULL) == CG_OK;

    (void)row;
    cg_policy_free(policy);
    return ok && it->name_count < 64 && append(&it->names, &it->name_count, text);
}

static bool
read_sip_domain(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_rules *it = &block->rules;
    struct cg_policy *policy = cg_policy_new();
    bool ok = policy != NULL && cg_policy_add_sip_domain(policy, text, NULL) == CG_OK;
    char domain[SNAPSHOT_HOST_SIZE];

    (void)row;
    cg_policy_free(policy);
    /* Requests are put under a trunk's rules by this text: it must be spelt as theirs is. */
    return ok && value_sip_domain(text, domain) && it->sip_domain_count < 64 &&
            append(&it->sip_domains, &it->sip_domain_count, domain);
}

static bool
read_min_tls(struct block *block, const char *text, const struct row *row)
{
    int *version = &block->interface.min_tls;

    (void)row;
    *version = strcmp(text, "1.2") == 0 ? TLS1_2_VERSION
            : strcmp(text, "1.3") == 0  ? TLS1_3_VERSION
                                        : 0;
    return *version != 0;
}

static bool
read_identity(struct block *block, const char *text, const struct row *row)
{
    struct snapshot_interface *it = &block->interface;
    unsigned index;

    (void)row;
    if (!settings_identity_find(text, &index))
        return false;
    if (it->presented_count < SNAPSHOT_MAX_PRESENTED)
        it->presented[it->presented_count] = index;
    it->presented_count++; /* too many are found out when the block is known */
    return true;
}

static bool
read_identity_field(struct block *block, const char *text, const struct row *row)
{
    static const char *const words[] = { "client-cert", "client-cert-chain",
        "x-forwarded-client-cert", "x-forwarded-client-cert+cert", NULL };

    (void)row;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            block->interface.identity_fields |= 1u << i;
            return true;
        }
    }
    return false;
}

#define FIELD(name) offsetof(struct block, name)
#define INTERFACE BLOCK_INTERFACE
#define TRUNK BLOCK_TRUNK
#define LINE BLOCK_LINE
#define CLASS (BLOCK_TRUNK | BLOCK_LINE)
#define TLS_END (BLOCK_INTERFACE | BLOCK_LINE)
#define ANY (BLOCK_INTERFACE | BLOCK_TRUNK | BLOCK_LINE)
#define MINUTE 60000ull
#define HOUR (60 * MINUTE)

/* clang-format off */
const struct row rows[] = {
    { "role", INTERFACE, 0, CFGT_STR, false, "inbound", read_role, 0, 0, 0, "inbound or outbound",
      "inbound: peers connect to us; outbound: local programs connect and we carry them out over TLS" },
    { "listen", TLS_END, 0, CFGT_STR, true, "", read_listen, 0, 0, 0, "ADDRESS:PORT, [IPV6]:PORT or unix:PATH",
      "where to listen: for TLS peers, or on outbound interfaces for local programs in plaintext" },
    { "listen-plain", INTERFACE, 0, CFGT_STR, true, "", read_listen_plain, 0, 0, 0, "ADDRESS:PORT or [IPV6]:PORT",
      "where to listen without TLS; open only at service-security unsecure-only and unsecure+secure" },
    { "backend", INTERFACE, 0, CFGT_STR, false, "", read_backend, 0, 0, 0, "ADDRESS:PORT or unix:PATH",
      "the plaintext service that accepted peers reach" },
    { "connect", TLS_END, 0, CFGT_STR, false, "", read_connect, 0, 0, 0, "HOST:PORT, a DNS name in A-labels or an address",
      "outbound: the TLS server that local programs are carried to; its certificate is judged by this name" },
    { "server-name", TLS_END, 0, CFGT_STR, false, "", read_server_name, 0, 0, 0, "a DNS name in A-labels",
      "outbound: server name to ask for in the handshake, where it is not the host of 'connect'" },
    { "identity", TLS_END, 0, CFGT_STR, true, "", read_identity, 0, 0, 0, "the name of an identity block above",
      "which identity block's certificate and key we present; of several the one for the server name that the peer asks for, else the first" },
    { "ca-names", INTERFACE, 0, CFGT_BOOL, false, "false", read_bool, FIELD(interface.ca_names), 0, 0, "true or false",
      "name the trusted CAs when a client is asked for its certificate (at most 64 KiB); clients then show one that fits, or none, and strangers learn whom we trust" },
    { "offer-chain", TLS_END, 0, CFGT_BOOL, false, "true", read_bool, FIELD(interface.offer_chain), 0, 0, "true or false",
      "send the certificates between ours and its root too" },
    { "service", INTERFACE, 0, CFGT_STR, false, "https", read_service, 0, 0, 0, "https, sip or line",
      "what peers speak: decides which purposes fit" },
    { "service-security", INTERFACE, 0, CFGT_STR, false, "secure-high", read_service_security, 0, 0, 0, "disabled, unsecure-only, unsecure+secure, secure-low, secure-medium or secure-high",
      "which of its ports are open, by which ciphers, and whether every client needs a certificate; see 'certgate help services'" },
    { "mode", INTERFACE, 0, CFGT_STR, false, "", read_mode, FIELD(interface.mode), 0, 0, "tcp, http or sip",
      "what we understand of it: tcp relays bytes untouched (default), http and sip read each request (default where lines, trunks or phones need it)" },
    { "phones", INTERFACE, 0, CFGT_BOOL, false, "false", read_bool, FIELD(interface.phones), 0, 0, "true or false",
      "SIP: whoever is no trunk is a phone, which needs no certificate and is judged if it shows one" },
    { "interface", CLASS, TRUNK, CFGT_STR, false, "", read_on, 0, 0, 0, "the name of an interface block",
      "the interface that this trunk or line shares with other peers" },
    { "transport", LINE, 0, CFGT_STR, false, "websocket-server", read_transport, FIELD(transport), 0, 0, "websocket-server or websocket-client",
      "websocket-server: the far end connects to us; websocket-client: we connect to it" },
    { "path", LINE, 0, CFGT_STR, false, "", read_path, 0, 0, 0, "a path such as /line/hq, without a query",
      "websocket-server: the path whose WebSocket upgrade makes a peer this line" },
    { "security", LINE, 0, CFGT_STR, false, "high", read_line_security, FIELD(security), 0, 0, "unsecured, medium or high",
      "high: the line's own level counts, whatever the interface's is; else the interface's rules do" },
    { "from", CLASS, 0, CFGT_STR, true, "", read_from, 0, 0, 0, "an address or network such as 192.0.2.0/24, with no bit set after the prefix",
      "source addresses that make a peer this trunk or line, so that it is judged in the handshake" },
    { "level", ANY, 0, CFGT_STR, false, "", read_level, 0, 0, 0, "none, low, medium, high, medium+remote, high+remote or custom",
      "the checks that a received certificate must pass (default: the node's 'management' or 'telephony'; of a line: high)" },
    { "checks", ANY, 0, CFGT_STR, true, "", read_check, 0, 0, 0, "the id of a check of a level; see 'certgate help checks'",
      "with level = custom: exactly these checks" },
    { "latched", ANY, 0, CFGT_BOOL, false, "false", read_bool, FIELD(rules.latched), 0, 0, "true or false",
      "skip key usage, extended key usage and critical extensions, as a setting from before R11.1.3 does" },
    { "require-certificate", INTERFACE, 0, CFGT_BOOL, false, "", read_bool, FIELD(rules.require_certificate), 0, 0, "true or false",
      "refuse a peer that presents no certificate (default: as service-security says; false for phones)" },
    { "names", ANY, 0, CFGT_STR, true, "", read_name, 0, 0, 0, "a DNS name (in A-labels) or an IP address",
      "names of the peers, for the remote levels; any one must match" },
    { "sip-domains", INTERFACE | TRUNK, 0, CFGT_STR, true, "", read_sip_domain, 0, 0, 0, "a SIP domain (in A-labels)",
      "SIP domains of the line: a From domain among them makes a peer this trunk, and the remote levels want one in its certificate" },
    { "sip-match", TRUNK, 0, CFGT_STR, false, "first-request", read_sip_match, 0, 0, 0, "first-request or every-request",
      "whether the From domain of each request must be one that the certificate speaks for" },
    { "allow", ANY, 0, CFGT_STR, true, "", read_allowance, 0, 0, 0, "an allowance, once, optionally 'NAME until YYYY-MM-DD'",
      "narrow allowances; see 'certgate help levels'" },
    { "admit", ANY, 0, CFGT_STR, true, "", read_pin, 0, 0, 0, "a certificate, once, as 'SHA256 until YYYY-MM-DD: REASON', or until an RFC 3339 time in UTC",
      "certificates that are admitted although checks fail on them, until the end of that day; never reported as simply verified" },
    { "enforce-ca-eku", ANY, 0, CFGT_BOOL, false, "false", read_bool, FIELD(rules.ca_eku), 0, 0, "true or false",
      "every CA of the path must allow the purpose too" },
    { "partial-chain", ANY, 0, CFGT_BOOL, false, "false", read_bool, FIELD(rules.partial_chain), 0, 0, "true or false",
      "an intermediate in the trust store may end a path" },
    { "revocation", ANY, 0, CFGT_STR, false, "off", read_revocation, 0, 0, 0, "off, soft or hard",
      "whether it is asked if certificates were revoked, at every level: soft admits where nobody knows, hard refuses (a trunk's or line's default: the interface's)" },
    { "max-path-depth", ANY, 0, CFGT_INT, false, "10", read_count, FIELD(rules.max_depth), 1, 32, "a number from 1 to 32",
      "most intermediates between a certificate and its root" },
    { "min-tls", TLS_END, 0, CFGT_STR, false, "1.2", read_min_tls, 0, 0, 0, "1.2 or 1.3",
      "lowest TLS version" },
    { "proxy", INTERFACE, 0, CFGT_STR, false, "off", read_proxy, FIELD(interface.proxy), 0, 0, "off, v1 or v2",
      "PROXY protocol header that the backend is sent" },
    { "proxy-from", INTERFACE, 0, CFGT_STR, true, "", read_proxy_from, 0, 0, 0, "an address or network such as 192.0.2.0/24, with no bit set after the prefix",
      "balancers: what connects from there must begin with a PROXY protocol header" },
    { "identity-fields", INTERFACE, 0, CFGT_STR, true, "", read_identity_field, 0, 0, 0, "client-cert, client-cert-chain, x-forwarded-client-cert or x-forwarded-client-cert+cert",
      "mode http: header fields that tell the backend of the certificate, beside Certgate-Verdict (default client-cert)" },
    { "answer", INTERFACE, 0, CFGT_BOOL, false, "true", read_bool, FIELD(interface.answer), 0, 0, "true or false",
      "modes http and sip: a refused request gets a 403 with the incident id, never the reason" },
    { "live", INTERFACE, 0, CFGT_STR, false, "", read_live, FIELD(interface.live), 0, 0, "close, drain or leave",
      "connected peers that are no longer admitted: closed (default where in-tcs is enforced), drained (closed once nothing passed for 2 s, at the latest after 30 s), or left (default)" },
    { "handshake-timeout", TLS_END, 0, CFGT_STR, false, "10s", read_duration, FIELD(interface.handshake_timeout_ms), 100, 2 * MINUTE, "a duration from 100ms to 2m",
      "longest a peer may take for the TLS handshake" },
    { "request-timeout", INTERFACE, 0, CFGT_STR, false, "20s", read_duration, FIELD(interface.request_timeout_ms), 100, 10 * MINUTE, "a duration from 100ms to 10m",
      "modes http and sip: longest from the handshake, or from the first byte of a later request, to a whole request head" },
    { "connect-timeout", TLS_END, 0, CFGT_STR, false, "5s", read_duration, FIELD(interface.connect_timeout_ms), 100, 2 * MINUTE, "a duration from 100ms to 2m",
      "longest the other side may take to accept a connection of ours" },
    { "idle-timeout", TLS_END, 0, CFGT_STR, false, "1h", read_duration, FIELD(interface.idle_timeout_ms), 1000, 24 * HOUR, "a duration from 1s to 24h",
      "close a connection on which nothing passed for so long" },
    { "session-timeout", INTERFACE, 0, CFGT_STR, false, "2h", read_seconds, FIELD(interface.session_timeout_s), 0, 24 * HOUR, "a duration from 0s to 24h",
      "longest a TLS session may be resumed; 0s turns resumption off" },
    { "max-connections", TLS_END, 0, CFGT_INT, false, "8192", read_count, FIELD(interface.max_connections), 1, 1000000, "a number from 1 to 1000000",
      "most connections at once in each worker" },
    { "max-per-source", INTERFACE, 0, CFGT_INT, false, "1024", read_count, FIELD(interface.max_per_source), 1, 1000000, "a number from 1 to 1000000",
      "most connections at once from one address in each worker (IPv6: from one /64 network); by default an eighth of max-connections' default, so that one source leaves room for others: raise it before a balancer that is not in proxy-from, or for many phones behind one address" },
};
/* clang-format on */
const size_t row_count = sizeof(rows) / sizeof(rows[0]);
_Static_assert(
        sizeof(rows) / sizeof(rows[0]) <= 64, "a bit of struct block's `given` for each row");

const char *
block_kind_name(enum block_kind kind)
{
    return kind == BLOCK_INTERFACE ? "interface" : kind == BLOCK_TRUNK ? "trunk" : "line";
}

const struct row *
row_find(const char *name)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

bool
block_gives(const struct block *block, const char *name)
{
    return (block->given >> (row_find(name) - rows) & 1) != 0;
}

void
block_release(struct block *block)
{
    snapshot_rules_release(&block->rules);
}
