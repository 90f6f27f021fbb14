#include "settings/settings.h"

#include <confuse.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/values.h"

#define MAX_WORKERS 64

/*
 * libconfuse hands no pointer of ours to its callbacks, and its lexer is global anyway: this is set
 * while settings_load() runs and only then.
 */
static struct {
    struct settings *settings;
    struct cg_buf *problems;
    struct snapshot_interface current; /* the interface block that is being read */
    unsigned seen[32]; /* values of each row that were read in this block */
    size_t problem_count;
} loading;

static void problem(cfg_t *cfg, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
problem(cfg_t *cfg, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    cg_buf_addf(loading.problems, "%s:%d: %s\n", loading.settings->path, cfg->line, text);
    loading.problem_count++;
}

/* Value readers: true when the text is fine and stored; otherwise `wanted` says what is. */

struct row;
typedef bool reader(struct snapshot_interface *it, const char *text, const struct row *row);

struct row {
    const char *name;
    cfg_type_t type; /* CFGT_STR, CFGT_BOOL or CFGT_INT */
    bool list;
    const char *initial; /* default, as in the file; NULL: must be given, "" none */
    reader *read; /* CFGT_BOOL comes as "true" or "false" */
    size_t offset; /* of the field in struct snapshot_interface, where the reader is generic */
    uint64_t low, high; /* bounds, in the unit of the value */
    const char *wanted; /* completes "'x' is not …" */
    const char *help;
};

static bool
read_duration(struct snapshot_interface *it, const char *text, const struct row *row)
{
    uint64_t ms;

    if (!value_duration(text, &ms) || ms < row->low || ms > row->high)
        return false;
    *(uint32_t *)(void *)((char *)it + row->offset) = (uint32_t)ms;
    return true;
}

static bool
read_seconds(struct snapshot_interface *it, const char *text, const struct row *row)
{
    uint64_t ms;

    if (!value_duration(text, &ms) || ms < row->low || ms > row->high)
        return false;
    *(uint32_t *)(void *)((char *)it + row->offset) = (uint32_t)(ms / 1000);
    return true;
}

static bool
read_count(struct snapshot_interface *it, const char *text, const struct row *row)
{
    uint64_t value = strtoull(text, NULL, 10);

    if (text[0] == '-' || value < row->low || value > row->high)
        return false;
    *(uint32_t *)(void *)((char *)it + row->offset) = (uint32_t)value;
    return true;
}

static bool
read_bool(struct snapshot_interface *it, const char *text, const struct row *row)
{
    *(bool *)(void *)((char *)it + row->offset) = strcmp(text, "true") == 0;
    return true;
}

static bool
read_listen(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    return it->listen_count < SNAPSHOT_MAX_LISTENERS &&
            value_address(text, false, &it->listen[it->listen_count]) && ++it->listen_count != 0;
}

static bool
read_backend(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    return value_address(text, true, &it->backend);
}

static bool
read_proxy(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    if (strcmp(text, "off") == 0)
        it->proxy = SNAPSHOT_PROXY_OFF;
    else if (strcmp(text, "v1") == 0)
        it->proxy = SNAPSHOT_PROXY_V1;
    else if (strcmp(text, "v2") == 0)
        it->proxy = SNAPSHOT_PROXY_V2;
    else
        return false;
    return true;
}

static bool
read_proxy_from(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    return it->proxy_from_count < SNAPSHOT_MAX_NETWORKS &&
            value_network(text, &it->proxy_from[it->proxy_from_count]) &&
            ++it->proxy_from_count != 0;
}

static bool
read_service(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    return cg_service_from_name(text, &it->service);
}

static bool
read_level(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    if (strcmp(text, "custom") == 0) {
        it->level = CG_LEVEL_CUSTOM;
        return true;
    }
    return cg_level_from_name(text, &it->level);
}

static bool
read_check(struct snapshot_interface *it, const char *text, const struct row *row)
{
    enum cg_check check;

    (void)row;
    if (!cg_check_from_name(text, &check))
        return false;
    it->checks |= 1u << check;
    return true;
}

static bool
read_allowance(struct snapshot_interface *it, const char *text, const struct row *row)
{
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
read_name(struct snapshot_interface *it, const char *text, const struct row *row)
{
    struct cg_policy *policy = cg_policy_new();
    bool ok = policy != NULL && cg_policy_add_name(policy, text, NULL) == CG_OK;

    (void)row;
    cg_policy_free(policy);
    return ok && it->name_count < 64 && append(&it->names, &it->name_count, text);
}

static bool
read_sip_domain(struct snapshot_interface *it, const char *text, const struct row *row)
{
    struct cg_policy *policy = cg_policy_new();
    bool ok = policy != NULL && cg_policy_add_sip_domain(policy, text, NULL) == CG_OK;

    (void)row;
    cg_policy_free(policy);
    return ok && it->sip_domain_count < 64 && append(&it->sip_domains, &it->sip_domain_count, text);
}

static bool
read_min_tls(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    it->min_tls = strcmp(text, "1.2") == 0 ? TLS1_2_VERSION
            : strcmp(text, "1.3") == 0     ? TLS1_3_VERSION
                                           : 0;
    return it->min_tls != 0;
}

static bool
read_identity(struct snapshot_interface *it, const char *text, const struct row *row)
{
    (void)row;
    for (size_t i = 0; i < loading.settings->identity_count; i++) {
        if (strcmp(loading.settings->identities[i].name, text) == 0) {
            it->identity = (unsigned)i;
            return true;
        }
    }
    return false;
}

#define FIELD(name) offsetof(struct snapshot_interface, name)
#define MINUTE 60000ull
#define HOUR (60 * MINUTE)

/* clang-format off */
static const struct row rows[] = {
    { "listen", CFGT_STR, true, NULL, read_listen, 0, 0, 0, "ADDRESS:PORT or [IPV6]:PORT",
      "addresses to listen on" },
    { "backend", CFGT_STR, false, NULL, read_backend, 0, 0, 0, "ADDRESS:PORT or unix:PATH",
      "the plaintext service that accepted peers reach" },
    { "proxy", CFGT_STR, false, "off", read_proxy, 0, 0, 0, "off, v1 or v2",
      "PROXY protocol header that the backend is sent" },
    { "proxy-from", CFGT_STR, true, "", read_proxy_from, 0, 0, 0, "an address or network such as 192.0.2.0/24, with no bit set after the prefix",
      "balancers: what connects from there must begin with a PROXY protocol header" },
    { "identity", CFGT_STR, false, NULL, read_identity, 0, 0, 0, "the name of an identity block above",
      "which identity block's certificate and key we present" },
    { "service", CFGT_STR, false, "https", read_service, 0, 0, 0, "https, sip or line",
      "what peers speak: decides which purposes fit" },
    { "level", CFGT_STR, false, "medium", read_level, 0, 0, 0, "none, low, medium, high, medium+remote, high+remote or custom",
      "the checks that a received certificate must pass" },
    { "checks", CFGT_STR, true, "", read_check, 0, 0, 0, "the id of a check; see 'certgate help checks'",
      "with level = custom: exactly these checks" },
    { "latched", CFGT_BOOL, false, "false", read_bool, FIELD(latched), 0, 0, "true or false",
      "skip key usage, extended key usage and critical extensions, as a setting from before R11.1.3 does" },
    { "require-certificate", CFGT_BOOL, false, "true", read_bool, FIELD(require_certificate), 0, 0, "true or false",
      "refuse a peer that presents no certificate" },
    { "names", CFGT_STR, true, "", read_name, 0, 0, 0, "a DNS name (in A-labels) or an IP address",
      "names of the peers, for the remote levels; any one must match" },
    { "sip-domains", CFGT_STR, true, "", read_sip_domain, 0, 0, 0, "a SIP domain (in A-labels)",
      "SIP domains of the line, for the remote levels on SIP; any one must match" },
    { "allow", CFGT_STR, true, "", read_allowance, 0, 0, 0, "an allowance, once, optionally 'NAME until YYYY-MM-DD'",
      "narrow allowances; see 'certgate help levels'" },
    { "enforce-ca-eku", CFGT_BOOL, false, "false", read_bool, FIELD(ca_eku), 0, 0, "true or false",
      "every CA of the path must allow the purpose too" },
    { "partial-chain", CFGT_BOOL, false, "false", read_bool, FIELD(partial_chain), 0, 0, "true or false",
      "an intermediate in the trust store may end a path" },
    { "max-path-depth", CFGT_INT, false, "10", read_count, FIELD(max_depth), 1, 32, "a number from 1 to 32",
      "most intermediates between a certificate and its root" },
    { "min-tls", CFGT_STR, false, "1.2", read_min_tls, 0, 0, 0, "1.2 or 1.3",
      "lowest TLS version" },
    { "handshake-timeout", CFGT_STR, false, "10s", read_duration, FIELD(handshake_timeout_ms), 100, 2 * MINUTE, "a duration from 100ms to 2m",
      "longest a peer may take for the TLS handshake" },
    { "connect-timeout", CFGT_STR, false, "5s", read_duration, FIELD(connect_timeout_ms), 100, 2 * MINUTE, "a duration from 100ms to 2m",
      "longest the backend may take to accept a connection" },
    { "idle-timeout", CFGT_STR, false, "1h", read_duration, FIELD(idle_timeout_ms), 1000, 24 * HOUR, "a duration from 1s to 24h",
      "close a connection on which nothing passed for so long" },
    { "session-timeout", CFGT_STR, false, "2h", read_seconds, FIELD(session_timeout_s), 0, 24 * HOUR, "a duration from 0s to 24h",
      "longest a TLS session may be resumed; 0s turns resumption off" },
    { "max-connections", CFGT_INT, false, "8192", read_count, FIELD(max_connections), 1, 1000000, "a number from 1 to 1000000",
      "most connections at once in each worker" },
};
/* clang-format on */

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROW_COUNT <= sizeof(loading.seen) / sizeof(loading.seen[0]), "a count for each row");

static const struct row *
find_row(const char *name)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static void
release_interface(struct snapshot_interface *it)
{
    for (size_t i = 0; i < it->name_count; i++)
        free(it->names[i]);
    for (size_t i = 0; i < it->sip_domain_count; i++)
        free(it->sip_domains[i]);
    free(it->names);
    free(it->sip_domains);
    *it = (struct snapshot_interface) { .handshake_timeout_ms = 0 };
}

/* Called for each value as it is read, so that cfg->line is its line. */
static int
value_read(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct row *row = find_row(opt->name);
    unsigned last = cfg_opt_size(opt) - 1;
    char number[32];
    const char *text;

    /* libconfuse calls once more at the end of a list. */
    if (row->list && loading.seen[row - rows] == last + 1)
        return 0;
    loading.seen[row - rows] = last + 1;
    if (row->type == CFGT_BOOL) {
        text = cfg_opt_getnbool(opt, last) == cfg_true ? "true" : "false";
    } else if (row->type == CFGT_INT) {
        (void)snprintf(number, sizeof(number), "%ld", cfg_opt_getnint(opt, last));
        text = number;
    } else {
        text = cfg_opt_getnstr(opt, last);
    }
    if (!row->read(&loading.current, text, row))
        problem(cfg, "%s: '%.100s' is not %s", row->name, text, row->wanted);
    return 0;
}

/* Rules between settings of one interface. */
static void
check_interface(cfg_t *cfg, const char *name, const struct snapshot_interface *it)
{
    cg_check_set checks =
            it->level == CG_LEVEL_CUSTOM ? it->checks : cg_level_info(it->level)->checks;
    bool remote = (checks & (1u << CG_CHECK_HOST_NAME)) != 0;

    if (it->level == CG_LEVEL_CUSTOM && it->checks == 0)
        problem(cfg, "interface '%s': level custom needs 'checks'", name);
    if (it->level != CG_LEVEL_CUSTOM && it->checks != 0)
        problem(cfg, "interface '%s': 'checks' counts only with level = custom", name);
    if (it->service == CG_SERVICE_LINE &&
            (it->level == CG_LEVEL_MEDIUM_REMOTE || it->level == CG_LEVEL_HIGH_REMOTE))
        problem(cfg, "interface '%s': remote levels are not offered for lines; use medium or high",
                name);
    if (it->service == CG_SERVICE_SIP && remote && it->name_count == 0)
        problem(cfg, "interface '%s': level %s on SIP needs 'names'", name,
                cg_level_name(it->level));
    if (it->service == CG_SERVICE_SIP && (checks & (1u << CG_CHECK_SIP_DOMAIN)) != 0 &&
            it->sip_domain_count == 0)
        problem(cfg, "interface '%s': level %s on SIP needs 'sip-domains'", name,
                cg_level_name(it->level));
}

/* Called at the end of each interface block. */
static int
interface_read(cfg_t *cfg, cfg_opt_t *opt)
{
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    struct settings *settings = loading.settings;
    struct snapshot_interface *it = &loading.current, *grown;
    const char *name = cfg_title(section);

    memset(loading.seen, 0, sizeof(loading.seen));
    for (size_t i = 0; i < ROW_COUNT; i++) {
        cfg_opt_t *value = cfg_getopt(section, rows[i].name);

        if ((value->flags & CFGF_MODIFIED) != 0)
            continue;
        if (rows[i].initial == NULL)
            problem(cfg, "interface '%s': '%s' is missing", name, rows[i].name);
        else if (rows[i].initial[0] != '\0' && !rows[i].read(it, rows[i].initial, &rows[i]))
            problem(cfg, "interface '%s': default of '%s' is broken", name, rows[i].name);
    }
    if (strlen(name) >= sizeof(it->name))
        problem(cfg, "interface name '%.100s' is longer than %d characters", name,
                SNAPSHOT_NAME_SIZE - 1);
    for (size_t i = 0; i < settings->interface_count; i++)
        if (strcmp(settings->interfaces[i].name, name) == 0)
            problem(cfg, "interface '%s' stands twice", name);
    if (settings->interface_count == SNAPSHOT_MAX_INTERFACES) {
        problem(cfg, "more than %d interfaces", SNAPSHOT_MAX_INTERFACES);
        release_interface(it);
        return 0;
    }
    (void)snprintf(it->name, sizeof(it->name), "%s", name);
    check_interface(cfg, name, it);
    grown = realloc(settings->interfaces, (settings->interface_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        problem(cfg, "no memory");
        release_interface(it);
        return -1;
    }
    settings->interfaces = grown;
    grown[settings->interface_count++] = *it; /* ownership moves to the list */
    *it = (struct snapshot_interface) { .handshake_timeout_ms = 0 };
    return 0;
}

/* A path in the file is relative to the file's folder. */
static char *
resolve(const char *text)
{
    const char *slash = strrchr(loading.settings->path, '/');
    char *out = NULL;

    if (text[0] == '/' || slash == NULL)
        return strdup(text);
    if (asprintf(&out, "%.*s/%s", (int)(slash - loading.settings->path), loading.settings->path,
                text) < 0)
        return NULL;
    return out;
}

static int
identity_read(cfg_t *cfg, cfg_opt_t *opt)
{
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    struct settings *settings = loading.settings;
    struct settings_identity *grown, *it;
    const char *certificate = cfg_getstr(section, "certificate"), *key = cfg_getstr(section, "key");
    const char *name = cfg_title(section);

    if (certificate == NULL || key == NULL) {
        problem(cfg, "identity '%.100s': '%s' is missing", name,
                certificate == NULL ? "certificate" : "key");
        return 0;
    }
    if (settings->identity_count == SNAPSHOT_MAX_IDENTITIES || strlen(name) >= sizeof(it->name)) {
        problem(cfg, "identity '%.100s': more than %d identities, or a name of over %d characters",
                name, SNAPSHOT_MAX_IDENTITIES, SNAPSHOT_NAME_SIZE - 1);
        return 0;
    }
    grown = realloc(settings->identities, (settings->identity_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        problem(cfg, "no memory");
        return -1;
    }
    settings->identities = grown;
    it = &grown[settings->identity_count++];
    (void)snprintf(it->name, sizeof(it->name), "%s", name);
    it->certificate = resolve(certificate);
    it->key = resolve(key);
    if (it->certificate == NULL || it->key == NULL)
        problem(cfg, "no memory");
    return 0;
}

/* The nearest setting to a mistyped one: of the node, or of an interface. */
static const char *
nearest_setting(const char *typed)
{
    static const char *const node_names[] = { "node", "workers", "state", "log", "tcs", "user",
        "identity", "interface", "certificate", "key" };
    const size_t node_count = sizeof(node_names) / sizeof(node_names[0]);
    const char *names[sizeof(node_names) / sizeof(node_names[0]) + ROW_COUNT + 1] = { NULL };

    memcpy(names, node_names, sizeof(node_names));
    for (size_t i = 0; i < ROW_COUNT; i++)
        names[node_count + i] = rows[i].name;
    return value_nearest(typed, names);
}

/* libconfuse's own complaints: unknown names get the nearest known one. */
static void parser_error(cfg_t *cfg, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));

static void
parser_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[256];
    char unknown[128] = "";
    const char *nearest;

    (void)vsnprintf(text, sizeof(text), format, args);
    if (sscanf(text, "no such option '%127[^']'", unknown) == 1) {
        nearest = nearest_setting(unknown);
        problem(cfg, "unknown setting '%s'%s%s%s", unknown,
                nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
                nearest == NULL ? "" : "'?");
    } else {
        problem(cfg, "%s", text);
    }
}

static void
interface_options(cfg_opt_t options[ROW_COUNT + 1])
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        cfg_opt_t text = CFG_STR(0, 0, CFGF_NODEFAULT), number = CFG_INT(0, 0, CFGF_NODEFAULT),
                  flag = CFG_BOOL(0, cfg_false, CFGF_NODEFAULT),
                  list = CFG_STR_LIST(0, 0, CFGF_NODEFAULT);

        options[i] = rows[i].list           ? list
                : rows[i].type == CFGT_INT  ? number
                : rows[i].type == CFGT_BOOL ? flag
                                            : text;
        options[i].name = rows[i].name;
        options[i].validcb = value_read;
    }
    options[ROW_COUNT] = (cfg_opt_t)CFG_END();
}

/* Node-wide values, after the file was read. */
static void
take_node_settings(cfg_t *cfg)
{
    struct settings *settings = loading.settings;
    const char *log = cfg_getstr(cfg, "log"), *user = cfg_getstr(cfg, "user");
    long workers = cfg_getint(cfg, "workers");

    if (workers < 0 || workers > MAX_WORKERS)
        problem(cfg, "workers: %ld is not a number from 0 (one per core) to %d", workers,
                MAX_WORKERS);
    settings->workers = workers == 0 ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : (unsigned)workers;
    if (settings->workers > MAX_WORKERS)
        settings->workers = MAX_WORKERS;
    if (strlen(cfg_getstr(cfg, "node")) >= SNAPSHOT_NAME_SIZE)
        problem(cfg, "node: the name is longer than %d characters", SNAPSHOT_NAME_SIZE - 1);
    settings->node = strdup(cfg_getstr(cfg, "node"));
    settings->state = resolve(cfg_getstr(cfg, "state"));
    settings->tcs = cfg_getstr(cfg, "tcs") == NULL ? NULL : resolve(cfg_getstr(cfg, "tcs"));
    settings->log = strcmp(log, "stdout") == 0 ? strdup(log) : resolve(log);
    settings->user = user == NULL ? NULL : strdup(user);
    if (cfg_getstr(cfg, "tcs") == NULL)
        problem(cfg, "'tcs' is missing: the folder of trusted certificates");
    if (settings->interface_count == 0)
        problem(cfg, "there is no interface block: nothing to serve");
    if (settings->node == NULL || settings->state == NULL || settings->log == NULL)
        problem(cfg, "no memory");
}

struct settings *
settings_load(const char *path, struct cg_buf *problems)
{
    cfg_opt_t interface[ROW_COUNT + 1];
    cfg_opt_t identity[] = { CFG_STR("certificate", 0, CFGF_NODEFAULT),
        CFG_STR("key", 0, CFGF_NODEFAULT), CFG_END() };
    cfg_opt_t root[] = { CFG_STR("node", "certgate", CFGF_NONE), CFG_INT("workers", 0, CFGF_NONE),
        CFG_STR("state", "/var/lib/certgate", CFGF_NONE), CFG_STR("log", "stdout", CFGF_NONE),
        CFG_STR("tcs", 0, CFGF_NODEFAULT), CFG_STR("user", 0, CFGF_NODEFAULT),
        CFG_SEC("identity", identity, CFGF_MULTI | CFGF_TITLE),
        CFG_SEC("interface", interface, CFGF_MULTI | CFGF_TITLE), CFG_END() };
    struct settings *settings = calloc(1, sizeof(*settings));
    cfg_t *cfg = NULL;
    int result;

    if (settings == NULL || (settings->path = strdup(path)) == NULL) {
        cg_buf_add(problems, "no memory for the settings\n");
        goto fail;
    }
    loading.settings = settings;
    loading.problems = problems;
    loading.problem_count = 0;
    memset(loading.seen, 0, sizeof(loading.seen));
    interface_options(interface);
    cfg = cfg_init(root, CFGF_NONE);
    if (cfg == NULL) {
        cg_buf_add(problems, "no memory for the settings\n");
        goto fail;
    }
    (void)cfg_set_error_function(cfg, parser_error);
    (void)cfg_set_validate_func(cfg, "interface", interface_read);
    (void)cfg_set_validate_func(cfg, "identity", identity_read);
    result = cfg_parse(cfg, path);
    if (result == CFG_FILE_ERROR) {
        cg_buf_addf(problems, "%s: cannot be read: %s\n", path, strerror(errno));
        goto fail;
    }
    if (result == CFG_SUCCESS)
        take_node_settings(cfg);
    else if (loading.problem_count == 0)
        problem(cfg, "cannot be parsed");
    if (loading.problem_count != 0)
        goto fail;
    cfg_free(cfg);
    return settings;
fail:
    if (cfg != NULL)
        cfg_free(cfg);
    release_interface(&loading.current);
    settings_free(settings);
    return NULL;
}

void
settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    for (size_t i = 0; i < settings->identity_count; i++) {
        free(settings->identities[i].certificate);
        free(settings->identities[i].key);
    }
    for (size_t i = 0; i < settings->interface_count; i++)
        release_interface(&settings->interfaces[i]);
    free(settings->identities);
    free(settings->interfaces);
    free(settings->path);
    free(settings->node);
    free(settings->state);
    free(settings->log);
    free(settings->tcs);
    free(settings->user);
    free(settings);
}

void
settings_describe(struct cg_buf *out)
{
    cg_buf_add(out,
            "certgate.conf: names and values, strings in double quotes, lists in braces.\n\n"
            "  node = \"NAME\"       name of this node in records (default certgate)\n"
            "  workers = N         processes that serve connections (default 0: one per core)\n"
            "  state = \"FOLDER\"    state directory (default /var/lib/certgate)\n"
            "  log = \"FILE\"        decision log, JSON lines (default stdout)\n"
            "  tcs = \"FOLDER\"      the Trusted Certificate Store: certificate files\n"
            "  user = \"NAME\"       whom workers run as when certgated is started as root\n"
            "  identity NAME { certificate = \"FILE\" key = \"FILE\" }\n"
            "                      our certificate (first in its file, then its chain) and key\n"
            "  interface NAME { ... }\n\n"
            "In an interface block:\n\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        cg_buf_addf(out, "  %-20s %s\n", rows[i].name, rows[i].help);
        cg_buf_addf(out, "  %-20s %s%s%s%s\n", "", rows[i].list ? "list; each " : "",
                rows[i].wanted,
                rows[i].initial == NULL              ? "; required"
                        : rows[i].initial[0] == '\0' ? ""
                                                     : "; default ",
                rows[i].initial == NULL ? "" : rows[i].initial);
    }
}
