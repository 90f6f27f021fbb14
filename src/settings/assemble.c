#include "settings/assemble.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "settings/values.h"

void
problem_add(struct problems *problems, int line, const char *text)
{
    cg_buf_addf(problems->text, "%s:%d: %s\n", problems->path, line, text);
    problems->count++;
}

/* What the whole work is about. */
struct work {
    struct settings *settings;
    struct block *blocks;
    size_t count;
    struct settings_level management;
    struct settings_level telephony;
    struct problems *problems;
};

static void complain(const struct work *work, const struct block *block, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* "FILE:LINE: interface 'x': sentence". */
static void
complain(const struct work *work, const struct block *block, const char *format, ...)
{
    char text[512];
    va_list args;
    int len = snprintf(text, sizeof(text), "%s '%s': ", block_kind_name(block->kind), block->name);

    va_start(args, format);
    (void)vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
    va_end(args);
    problem_add(work->problems, block->line, text);
}

static cg_check_set
rules_checks(const struct snapshot_rules *rules)
{
    return rules->level == CG_LEVEL_CUSTOM ? rules->checks : cg_level_info(rules->level)->checks;
}

static bool
is_remote(const struct snapshot_rules *rules)
{
    const cg_check_set remote = 1u << CG_CHECK_HOST_NAME | 1u << CG_CHECK_SIP_DOMAIN;

    return (rules_checks(rules) & remote) != 0;
}

static void
check_custom(const struct work *work, const struct block *block, const struct snapshot_rules *rules)
{
    if (rules->level == CG_LEVEL_CUSTOM && rules->checks == 0)
        complain(work, block, "level custom needs 'checks'");
    if (rules->level != CG_LEVEL_CUSTOM && rules->checks != 0)
        complain(work, block, "'checks' counts only with level = custom");
}

/* A trunk at a remote level without a configured name or domain could never be judged. */
static void
check_sip_names(const struct work *work, const struct block *block,
        const struct snapshot_rules *rules, bool outbound)
{
    cg_check_set checks = rules_checks(rules);

    if ((checks & 1u << CG_CHECK_HOST_NAME) != 0 && rules->name_count == 0 && !outbound)
        complain(work, block, "level %s on SIP needs 'names'", cg_level_name(rules->level));
    if ((checks & 1u << CG_CHECK_SIP_DOMAIN) != 0 && rules->sip_domain_count == 0)
        complain(work, block, "level %s on SIP needs 'sip-domains'", cg_level_name(rules->level));
}

static void
check_line_level(
        const struct work *work, const struct block *block, const struct snapshot_rules *rules)
{
    check_custom(work, block, rules);
    if (is_remote(rules))
        complain(work, block, "remote levels are not offered for lines; use medium or high");
}

static void
check_names(const struct work *work, const struct block *block, const struct snapshot_interface *it)
{
    check_custom(work, block, &it->rules);
    if (it->service == CG_SERVICE_LINE)
        check_line_level(work, block, &it->rules);
    else if (it->service == CG_SERVICE_SIP && !it->phones && it->others)
        check_sip_names(work, block, &it->rules, it->role == CG_ROLE_OUTBOUND);
}

static void
check_presented(const struct work *work, struct block *block)
{
    struct snapshot_interface *it = &block->interface;

    /* A name of no identity was told before. */
    if (it->role == CG_ROLE_INBOUND && it->presented_count == 0 &&
            (block_gives(block, "identity") ? work->problems->count == 0 : !work->settings->store))
        complain(work, block, "'identity' is missing");
    if (it->role == CG_ROLE_OUTBOUND && it->presented_count > 1)
        complain(work, block, "several identities count only with role = inbound");
    if (it->presented_count > SNAPSHOT_MAX_PRESENTED) {
        complain(work, block, "more than %d identities", SNAPSHOT_MAX_PRESENTED);
        it->presented_count = SNAPSHOT_MAX_PRESENTED;
    }
    for (size_t i = 0; i < it->presented_count; i++)
        for (size_t j = 0; j < i; j++)
            if (it->presented[i] == it->presented[j])
                complain(work, block, "identity '%s' stands twice",
                        work->settings->identities[it->presented[i]].name);
}

/* Settings that mean nothing where they stand are errors: somebody believes that they do something. */
static void
check_role(const struct work *work, struct block *block)
{
    static const char *const inbound_only[] = { "backend", "listen-plain", "phones", "mode",
        "require-certificate", "ca-names", "proxy", "proxy-from", "identity-fields", "answer",
        "session-timeout", "request-timeout", "max-per-source", "service-security" };
    bool outbound = block->interface.role == CG_ROLE_OUTBOUND;

    if (outbound && !block_gives(block, "listen"))
        complain(work, block, "'listen' is missing");
    check_presented(work, block);
    if (outbound && !block_gives(block, "identity") && block_gives(block, "offer-chain"))
        complain(work, block, "'offer-chain' counts only with an identity");
    if (!outbound && block->kind == BLOCK_INTERFACE && !block_gives(block, "backend"))
        complain(work, block, "'backend' is missing");
    if (outbound && !block_gives(block, "connect"))
        complain(work, block, "'connect' is missing");
    if (!outbound && (block_gives(block, "connect") || block_gives(block, "server-name")))
        complain(work, block, "'connect' and 'server-name' count only with role = outbound");
    for (size_t i = 0; outbound && i < sizeof(inbound_only) / sizeof(inbound_only[0]); i++)
        if (block_gives(block, inbound_only[i]))
            complain(work, block, "'%s' counts only with role = inbound", inbound_only[i]);
    for (size_t i = 0; i < block->interface.listen_count; i++)
        if (!outbound && block->interface.listen[i].at.addr.ss_family == AF_UNIX)
            complain(work, block, "peers connect to ADDRESS:PORT; unix:PATH is for outbound only");
}

/* By its socket the console learns from fields who asks; in another mode the peer would write them itself. */
static void
check_console(const struct work *work, const struct block *block)
{
    const struct snapshot_interface *it = &block->interface;
    const struct sockaddr_un *at = (const void *)&it->backend.addr;

    if (work->settings->console_socket != NULL && it->backend.addr.ss_family == AF_UNIX &&
            strcmp(at->sun_path, work->settings->console_socket) == 0 &&
            it->mode != SNAPSHOT_MODE_HTTP)
        complain(work, block, "the console is reached only with mode = http");
}

/* How many trunks or lines name this interface. */
static size_t
count_classes(const struct work *work, const struct block *block)
{
    size_t count = 0;

    for (size_t i = 0; i < work->count; i++)
        if (work->blocks[i].kind != BLOCK_INTERFACE && work->blocks[i].on[0] != '\0' &&
                strcmp(work->blocks[i].on, block->name) == 0)
            count++;
    return count;
}

static void
default_mode(const struct work *work, const struct block *block, struct snapshot_interface *it,
        size_t classes)
{
    bool shared = classes != 0 || it->phones;
    enum snapshot_mode wanted =
            it->service == CG_SERVICE_SIP ? SNAPSHOT_MODE_SIP : SNAPSHOT_MODE_HTTP;

    if (!block_gives(block, "mode"))
        it->mode = shared ? wanted : SNAPSHOT_MODE_TCP;
    else if (shared && it->mode != wanted)
        complain(work, block, "trunks, lines and phones share a port only with mode = %s",
                wanted == SNAPSHOT_MODE_SIP ? "sip" : "http");
    if ((it->mode == SNAPSHOT_MODE_SIP) != (it->service == CG_SERVICE_SIP) &&
            it->mode != SNAPSHOT_MODE_TCP)
        complain(work, block, "mode = sip goes with service = sip, mode = http with the others");
}

static void
default_level(const struct work *work, const struct block *block, struct snapshot_rules *rules,
        enum cg_service service)
{
    bool telephony = service == CG_SERVICE_SIP;

    if (block->kind != BLOCK_INTERFACE || block_gives(block, "level"))
        return;
    rules->level = telephony ? work->telephony.level : work->management.level;
    rules->latched =
            rules->latched || (telephony ? work->telephony.latched : work->management.latched);
    rules->level_from = telephony ? SNAPSHOT_LEVEL_TELEPHONY : SNAPSHOT_LEVEL_MANAGEMENT;
}

/* The service security opens and closes ports: what it closes is as if it were not there. */
static void
open_ports(const struct work *work, const struct block *block, struct snapshot_interface *it)
{
    const struct security_info *security = security_info(it->security);
    size_t kept = 0;

    if (it->role == CG_ROLE_OUTBOUND)
        return;
    if (security->plain && !block_gives(block, "listen-plain"))
        complain(work, block, "service-security %s needs 'listen-plain'", security->id);
    if (security->plain && block_gives(block, "require-certificate") &&
            it->rules.require_certificate)
        complain(work, block,
                "require-certificate = true cannot hold at service-security %s: without TLS nobody "
                "shows "
                "one",
                security->id);
    if (security->tls && !block_gives(block, "listen"))
        complain(work, block, "service-security %s needs 'listen'", security->id);
    for (size_t i = 0; i < it->listen_count; i++)
        if (it->listen[i].plain ? security->plain : security->tls)
            it->listen[kept++] = it->listen[i];
    it->listen_count = kept;
}

static void
default_rest(const struct block *block, struct snapshot_interface *it, size_t classes)
{
    const cg_check_set pinned = 1u << CG_CHECK_IN_TCS;

    if (!block_gives(block, "require-certificate"))
        it->rules.require_certificate = !it->phones &&
                (it->service != CG_SERVICE_HTTPS ||
                        security_info(it->security)->require_certificate);
    /* Where it is not wanted of anybody, none is asked for; browsers would show their users a question. */
    it->ask_certificate = it->rules.require_certificate || classes != 0 ||
            it->service != CG_SERVICE_HTTPS || block_gives(block, "require-certificate");
    if (!block_gives(block, "identity-fields"))
        it->identity_fields = SNAPSHOT_FIELD_CLIENT_CERT;
    if (!block_gives(block, "live"))
        it->live = (rules_checks(&it->rules) & pinned) != 0 ? SNAPSHOT_LIVE_CLOSE
                                                            : SNAPSHOT_LIVE_LEAVE;
}

/* Who names no identity presents the default one; where there is none yet, it is about to be made. */
static void
default_identity(const struct work *work, const struct block *block, struct snapshot_interface *it)
{
    if (it->role == CG_ROLE_OUTBOUND || block_gives(block, "identity") || !work->settings->store)
        return;
    if (settings_identity_find(SETTINGS_DEFAULT_IDENTITY, &it->presented[0]))
        it->presented_count = 1;
    else
        work->settings->wants_default = true;
}

/* The far end is judged by its configured name, never by one that DNS gave (RFC 9525). */
static void
take_far_end(const struct work *work, const struct block *block, struct snapshot_interface *it)
{
    struct cg_policy *policy;

    if (it->role != CG_ROLE_OUTBOUND || it->connect_host[0] == '\0')
        return;
    if (value_numeric(it->connect_host, it->connect_port, &it->connect[0]))
        it->connect_count = 1;
    else if (it->server_name[0] == '\0')
        (void)snprintf(it->server_name, sizeof(it->server_name), "%s", it->connect_host);
    if (it->rules.name_count != 0)
        return;
    policy = cg_policy_new();
    it->rules.names = calloc(1, sizeof(char *));
    if (policy == NULL || it->rules.names == NULL)
        complain(work, block, "no memory");
    else if (cg_policy_add_name(policy, it->connect_host, NULL) != CG_OK)
        complain(work, block, "'%s' is not a name that a certificate could hold", it->connect_host);
    else
        it->rules.names[it->rules.name_count++] = strdup(it->connect_host);
    cg_policy_free(policy);
}

static bool
add_interface(const struct work *work, struct block *block)
{
    struct settings *settings = work->settings;
    struct snapshot_interface *it = &block->interface, *grown;
    size_t classes = count_classes(work, block);

    (void)snprintf(it->name, sizeof(it->name), "%s", block->name);
    if (settings->interface_count == SNAPSHOT_MAX_INTERFACES) {
        complain(work, block, "more than %d interfaces", SNAPSHOT_MAX_INTERFACES);
        return false;
    }
    /* By its name an interface is found again after a reload. */
    for (size_t i = 0; i < settings->interface_count && block->kind == BLOCK_LINE; i++)
        if (strcmp(settings->interfaces[i].name, it->name) == 0)
            complain(work, block, "there is an interface of this name");
    it->rules = block->rules; /* ownership moves to the interface */
    block->rules = (struct snapshot_rules) { .level = CG_LEVEL_NONE };
    it->others = it->service != CG_SERVICE_SIP || it->phones || classes == 0;
    default_mode(work, block, it, classes);
    check_console(work, block);
    default_level(work, block, &it->rules, it->service);
    default_rest(block, it, classes);
    default_identity(work, block, it);
    open_ports(work, block, it);
    check_role(work, block);
    take_far_end(work, block, it);
    check_names(work, block, it);
    it->classes = calloc(classes + 1, sizeof(*it->classes));
    grown = realloc(settings->interfaces, (settings->interface_count + 1) * sizeof(*grown));
    if (grown != NULL)
        settings->interfaces = grown;
    if (grown == NULL || it->classes == NULL) {
        complain(work, block, "no memory");
        snapshot_interface_release(it);
        return false;
    }
    grown[settings->interface_count++] = *it; /* ownership moves to the list */
    *it = (struct snapshot_interface) { .role = CG_ROLE_INBOUND };
    return true;
}

static struct snapshot_interface *
find_interface(const struct work *work, const struct block *block)
{
    for (size_t i = 0; i < work->settings->interface_count; i++)
        if (strcmp(work->settings->interfaces[i].name, block->on) == 0)
            return &work->settings->interfaces[i];
    complain(work, block, "there is no interface '%s'", block->on);
    return NULL;
}

/* Copies what the interface asks, for a line whose own setting does not apply. */
static bool
copy_rules(const struct snapshot_rules *from, struct snapshot_rules *to)
{
    *to = *from;
    to->names = NULL;
    to->sip_domains = NULL;
    to->pins = NULL;
    to->name_count = to->sip_domain_count = to->pin_count = 0;
    for (size_t i = 0; i < from->pin_count; i++)
        if (snapshot_rules_pin(to, &from->pins[i], NULL) != CG_OK)
            return false;
    if (from->name_count == 0)
        return true;
    to->names = calloc(from->name_count, sizeof(char *));
    while (to->names != NULL && to->name_count < from->name_count) {
        to->names[to->name_count] = strdup(from->names[to->name_count]);
        if (to->names[to->name_count++] == NULL)
            return false;
    }
    return to->names != NULL;
}

/* Two classes that one peer could be both of would make the stricter one avoidable. */
static void
check_apart(const struct work *work, const struct block *block, const struct snapshot_interface *it,
        const struct snapshot_class *class)
{
    for (size_t i = 0; i < it->class_count; i++) {
        const struct snapshot_class *other = &it->classes[i];

        if (class->path[0] != '\0' && strcmp(other->path, class->path) == 0)
            complain(work, block, "line '%s' has the path %s too", other->name, class->path);
        for (size_t j = 0; j < class->rules.sip_domain_count; j++)
            for (size_t k = 0; k < other->rules.sip_domain_count; k++)
                if (strcasecmp(class->rules.sip_domains[j], other->rules.sip_domains[k]) == 0)
                    complain(work, block, "trunk '%s' has the SIP domain %s too", other->name,
                            class->rules.sip_domains[j]);
        for (size_t j = 0; j < class->from_count; j++)
            for (size_t k = 0; k < other->from_count; k++)
                if (snapshot_networks_overlap(&class->from[j], &other->from[k]))
                    complain(work, block, "a source address of it is one of %s '%s' too",
                            other->kind == SNAPSHOT_CLASS_LINE ? "line" : "trunk", other->name);
    }
}

static void
add_class(const struct work *work, struct block *block, struct snapshot_interface *it)
{
    struct snapshot_class class = block->class;

    (void)snprintf(class.name, sizeof(class.name), "%s", block->name);
    class.rules = block->rules; /* ownership moves to the class */
    block->rules = (struct snapshot_rules) { .level = CG_LEVEL_NONE };
    class.rules.require_certificate = true;
    if (it->class_count == SNAPSHOT_MAX_CLASSES) {
        complain(work, block, "more than %d trunks or lines on interface '%s'",
                SNAPSHOT_MAX_CLASSES, it->name);
        snapshot_rules_release(&class.rules);
        return;
    }
    check_apart(work, block, it, &class);
    it->classes[it->class_count++] = class;
}

static void
add_trunk(const struct work *work, struct block *block)
{
    struct snapshot_interface *it =
            block->on[0] == '\0' ? NULL : find_interface(work, block); /* told before */

    if (it == NULL)
        return;
    if (it->service != CG_SERVICE_SIP || it->role != CG_ROLE_INBOUND) {
        complain(work, block, "interface '%s' is not an inbound one of service sip", it->name);
        return;
    }
    block->class.kind = SNAPSHOT_CLASS_TRUNK;
    if (!block_gives(block, "revocation"))
        block->rules.revocation = it->rules.revocation;
    if (!block_gives(block, "level")) {
        block->rules.level = it->rules.level;
        block->rules.level_from = it->rules.level_from;
        block->rules.latched = block->rules.latched || it->rules.latched;
    }
    check_custom(work, block, &block->rules);
    check_sip_names(work, block, &block->rules, false);
    if (block->class.every_request &&
            (rules_checks(&block->rules) & 1u << CG_CHECK_SIP_DOMAIN) == 0)
        complain(work, block,
                "sip-match = every-request counts only at a level with the check sip-domain");
    if (block->class.from_count == 0 && block->rules.sip_domain_count == 0)
        complain(
                work, block, "needs 'from' or 'sip-domains': nothing would make a peer this trunk");
    add_class(work, block, it);
}

/* The far end connects to us: a class of an interface of service https. */
static void
add_line_server(const struct work *work, struct block *block)
{
    struct snapshot_interface *it;

    if (block->on[0] == '\0') {
        complain(work, block, "'interface' is missing");
        return;
    }
    it = find_interface(work, block);
    if (it == NULL)
        return;
    if (it->service != CG_SERVICE_HTTPS || it->role != CG_ROLE_INBOUND)
        complain(work, block, "interface '%s' is not an inbound one of service https", it->name);
    if (block->class.path[0] == '\0')
        complain(work, block, "'path' is missing");
    for (size_t i = 0; i < row_count; i++)
        if ((rows[i].blocks & BLOCK_INTERFACE) != 0 && (rows[i].blocks & BLOCK_TRUNK) == 0 &&
                block_gives(block, rows[i].name))
            complain(work, block, "'%s' counts only with transport = websocket-client",
                    rows[i].name);
    block->class.kind = SNAPSHOT_CLASS_LINE;
    block->class.tls_only = block->security != LINE_UNSECURED;
    if (!block_gives(block, "revocation"))
        block->rules.revocation = it->rules.revocation;
    check_line_level(work, block, &block->rules);
    if (block->security != LINE_HIGH) {
        snapshot_rules_release(&block->rules);
        if (!copy_rules(&it->rules, &block->rules))
            complain(work, block, "no memory");
    }
    add_class(work, block, it);
    if (block->security != LINE_HIGH && it->class_count != 0)
        it->classes[it->class_count - 1].rules.require_certificate = it->rules.require_certificate;
}

/* We connect to the far end: an outbound interface of service line. */
static void
add_line_client(const struct work *work, struct block *block)
{
    if (block->on[0] != '\0' || block->class.path[0] != '\0' || block->class.from_count != 0)
        complain(work, block,
                "'interface', 'path' and 'from' count only with transport = websocket-server");
    if (block->security == LINE_UNSECURED)
        complain(work, block, "an unsecured line to the far end needs no TLS and so no certgate");
    if (block->security != LINE_HIGH) {
        block->rules.level = work->management.level;
        block->rules.latched = work->management.latched;
        block->rules.level_from = SNAPSHOT_LEVEL_MANAGEMENT;
    }
    block->interface.role = CG_ROLE_OUTBOUND;
    block->interface.service = CG_SERVICE_LINE;
    (void)add_interface(work, block);
}

static void
add_line(const struct work *work, struct block *block)
{
    if (!block_gives(block, "level"))
        block->rules.level = CG_LEVEL_HIGH;
    if (block->transport == LINE_WEBSOCKET_SERVER)
        add_line_server(work, block);
    else
        add_line_client(work, block);
}

void
assemble(struct settings *settings, struct block *blocks, size_t count,
        struct settings_level management, struct settings_level telephony,
        struct problems *problems)
{
    const struct work work = { settings, blocks, count, management, telephony, problems };

    for (size_t i = 0; i < count; i++)
        if (blocks[i].kind == BLOCK_INTERFACE)
            (void)add_interface(&work, &blocks[i]);
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].kind == BLOCK_TRUNK)
            add_trunk(&work, &blocks[i]);
        else if (blocks[i].kind == BLOCK_LINE)
            add_line(&work, &blocks[i]);
    }
    if (settings->interface_count == 0 && problems->count == 0) {
        cg_buf_addf(problems->text, "%s: there is no interface block: nothing to serve\n",
                problems->path);
        problems->count++;
    }
}
