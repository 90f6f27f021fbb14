#include "settings/settings.h"

#include <arpa/inet.h>
#include <confuse.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/assemble.h"
#include "settings/rows.h"
#include "settings/stored.h"
#include "settings/text.h"
#include "settings/values.h"

#define MAX_WORKERS 64
#define DAY_MS (24 * 3600 * 1000)
/* Ours among an option's flags, far above libconfuse's: the option was given. */
#define FLAG_GIVEN (1 << 30)

/*
 * libconfuse hands no pointer of ours to its callbacks, and its lexer is global anyway: this is set
 * while settings_load() runs and only then.
 */
static struct {
    struct settings *settings;
    const struct settings_overlay *overlay;
    struct problems problems;
    struct block current; /* the block that is being read */
    unsigned seen[64]; /* values of each row that were read in this block … */
    char last[64][64]; /* … and how the last of them begins */
    unsigned crls_seen; /* the same of `crl` */
    char last_crl[64];
    struct block *blocks; /* those read */
    size_t block_count;
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
    problem_add(&loading.problems, cfg->line, text);
}

bool
settings_identity_find(const char *name, unsigned *index)
{
    for (size_t i = 0; i < loading.settings->identity_count; i++) {
        if (strcmp(loading.settings->identities[i].name, name) == 0) {
            *index = (unsigned)i;
            return true;
        }
    }
    return false;
}

/* Called as an option is read: libconfuse lets a second value take the place of the first without a word. */
static int
once_read(cfg_t *cfg, cfg_opt_t *opt)
{
    if ((opt->flags & FLAG_GIVEN) != 0)
        problem(cfg, "'%s' stands twice", opt->name);
    opt->flags |= FLAG_GIVEN;
    return 0;
}

/* The node's own list, by the same signs as those of blocks. */
static int
list_read(cfg_t *cfg, cfg_opt_t *opt)
{
    unsigned count = cfg_opt_size(opt);
    const char *text = count == 0 ? "" : cfg_opt_getnstr(opt, count - 1);

    if (count < loading.crls_seen ||
            (count == loading.crls_seen &&
                    strncmp(loading.last_crl, text, sizeof(loading.last_crl) - 1) != 0))
        problem(cfg, "'%s' stands twice", opt->name);
    loading.crls_seen = count;
    (void)snprintf(loading.last_crl, sizeof(loading.last_crl), "%s", text);
    return 0;
}

static void
options_once(cfg_opt_t *options)
{
    for (; options->name != NULL; options++)
        if (options->type != CFGT_SEC && options->validcb == NULL)
            options->validcb = (options->flags & CFGF_LIST) != 0 ? list_read : once_read;
}

/*
 * False for a value that is none: libconfuse calls once more at the end of a list, and a second list begins
 * again at its first place.
 */
static bool
is_new_value(cfg_t *cfg, cfg_opt_t *opt, const struct row *row, const char *text)
{
    size_t i = (size_t)(row - rows);
    unsigned count = cfg_opt_size(opt);
    bool again = loading.seen[i] != 0 && count <= loading.seen[i];

    if (!row->list)
        return once_read(cfg, opt) == 0;
    if (again &&
            (count < loading.seen[i] ||
                    strncmp(loading.last[i], text, sizeof(loading.last[i]) - 1) != 0))
        problem(cfg, "'%s' stands twice", row->name);
    loading.seen[i] = count;
    (void)snprintf(loading.last[i], sizeof(loading.last[i]), "%s", text);
    return !again;
}

/* Called for each value as it is read, so that cfg->line is its line. */
static int
value_read(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct row *row = row_find(opt->name);
    unsigned last = cfg_opt_size(opt) - 1;
    char number[32];
    const char *text;

    if (cfg_opt_size(opt) == 0) /* the end of an empty list */
        return 0;
    if (row->type == CFGT_BOOL) {
        text = cfg_opt_getnbool(opt, last) == cfg_true ? "true" : "false";
    } else if (row->type == CFGT_INT) {
        (void)snprintf(number, sizeof(number), "%ld", cfg_opt_getnint(opt, last));
        text = number;
    } else {
        text = cfg_opt_getnstr(opt, last);
    }
    if (is_new_value(cfg, opt, row, text) && !row->read(&loading.current, text, row))
        problem(cfg, "%s: '%.100s' is not %s", row->name, text, row->wanted);
    return 0;
}

/* Defaults of what the block does not say. */
static void
fill_defaults(cfg_t *cfg, cfg_t *section, struct block *block)
{
    for (size_t i = 0; i < row_count; i++) {
        cfg_opt_t *value;

        if ((rows[i].blocks & block->kind) == 0)
            continue;
        value = cfg_getopt(section, rows[i].name);
        if ((value->flags & CFGF_MODIFIED) != 0)
            block->given |= (uint64_t)1 << i;
        else if ((rows[i].required & block->kind) != 0)
            problem(cfg, "%s '%s': '%s' is missing", block_kind_name(block->kind), block->name,
                    rows[i].name);
        else if (rows[i].initial[0] != '\0' && !rows[i].read(block, rows[i].initial, &rows[i]))
            problem(cfg, "%s '%s': default of '%s' is broken", block_kind_name(block->kind),
                    block->name, rows[i].name);
    }
}

/* Called at the end of each block. */
static int
keep_block(cfg_t *cfg, cfg_opt_t *opt, enum block_kind kind)
{
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    struct block *it = &loading.current, *grown;
    const char *name = cfg_title(section);

    memset(loading.seen, 0, sizeof(loading.seen));
    it->kind = kind;
    it->line = cfg->line;
    (void)snprintf(it->name, sizeof(it->name), "%s", name);
    fill_defaults(cfg, section, it);
    if (!stored_collect_block(loading.settings, section, it))
        problem(cfg, "no memory");
    stored_apply(loading.overlay, it);
    if (strlen(name) >= sizeof(it->name))
        problem(cfg, "%s name '%.100s' is longer than %d characters", block_kind_name(kind), name,
                SNAPSHOT_NAME_SIZE - 1);
    for (size_t i = 0; i < loading.block_count; i++)
        if (loading.blocks[i].kind == kind && strcmp(loading.blocks[i].name, name) == 0)
            problem(cfg, "%s '%s' stands twice", block_kind_name(kind), name);
    grown = realloc(loading.blocks, (loading.block_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        problem(cfg, "no memory");
        block_release(it);
        return -1;
    }
    loading.blocks = grown;
    grown[loading.block_count++] = *it; /* ownership moves to the list */
    memset(it, 0, sizeof(*it));
    return 0;
}

static int
interface_read(cfg_t *cfg, cfg_opt_t *opt)
{
    return keep_block(cfg, opt, BLOCK_INTERFACE);
}

static int
trunk_read(cfg_t *cfg, cfg_opt_t *opt)
{
    return keep_block(cfg, opt, BLOCK_TRUNK);
}

static int
line_read(cfg_t *cfg, cfg_opt_t *opt)
{
    return keep_block(cfg, opt, BLOCK_LINE);
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
    unsigned same;
    bool known;

    if (certificate == NULL || key == NULL) {
        problem(cfg, "identity '%.100s': '%s' is missing", name,
                certificate == NULL ? "certificate" : "key");
        return 0;
    }
    known = settings_identity_find(name, &same);
    if (known && settings->identities[same].certificate != NULL) {
        problem(cfg, "identity '%.100s' stands twice", name);
        return 0;
    }
    if (!known &&
            (settings->identity_count == SNAPSHOT_MAX_IDENTITIES ||
                    strlen(name) >= sizeof(it->name))) {
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
    /* What the file says of an identity counts before what the store has kept of it. */
    it = &grown[known ? same : settings->identity_count++];
    *it = (struct settings_identity) { .key = NULL };
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
    const char *names[128] = { "certificate", "key" };
    size_t count = 2;

    for (size_t i = 0; i < node_row_count; i++)
        names[count++] = node_rows[i].name;
    for (size_t i = 0; i < row_count; i++)
        names[count++] = rows[i].name;
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
        if (nearest != NULL && strcmp(nearest, unknown) == 0) {
            problem(cfg, "'%s' cannot stand here", unknown);
            return;
        }
        problem(cfg, "unknown setting '%s'%s%s%s", unknown,
                nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
                nearest == NULL ? "" : "'?");
    } else {
        problem(cfg, "%s", text);
    }
}

/* The options of one kind of block; the array holds row_count + 1. */
static void
block_options(cfg_opt_t *options, enum block_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < row_count; i++) {
        cfg_opt_t text = CFG_STR(0, 0, CFGF_NODEFAULT), number = CFG_INT(0, 0, CFGF_NODEFAULT),
                  flag = CFG_BOOL(0, cfg_false, CFGF_NODEFAULT),
                  list = CFG_STR_LIST(0, 0, CFGF_NODEFAULT);

        if ((rows[i].blocks & kind) == 0)
            continue;
        options[count] = rows[i].list       ? list
                : rows[i].type == CFGT_INT  ? number
                : rows[i].type == CFGT_BOOL ? flag
                                            : text;
        options[count].name = rows[i].name;
        options[count++].validcb = value_read;
    }
    options[count] = (cfg_opt_t)CFG_END();
}

/* management, telephony: the levels that interfaces take theirs from (shared contract, section 5). */
static struct settings_level
node_level(cfg_t *cfg, const char *name)
{
    struct settings_level level = { .level = CG_LEVEL_MEDIUM };
    char stored[SETTINGS_NAME_SIZE];

    (void)cg_level_from_name(cfg_getstr(cfg, name), &level.level); /* told by level_read() */
    (void)snprintf(stored, sizeof(stored), "checks.%s", name);
    if ((cfg_getopt(cfg, name)->flags & FLAG_GIVEN) != 0 &&
            !stored_collect(loading.settings, stored, cfg_getstr(cfg, name), false))
        problem(cfg, "no memory");
    stored_level(loading.overlay, stored, &level);
    return level;
}

/* Called as these are read, so that cfg->line is their line. */
static int
level_read(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *text = cfg_opt_getnstr(opt, 0);
    enum cg_level level;

    (void)once_read(cfg, opt);
    if (!cg_level_from_name(text, &level))
        problem(cfg, "%s: '%.100s' is not none, low, medium, high, medium+remote or high+remote",
                opt->name, text);
    return 0;
}

static int
workers_read(cfg_t *cfg, cfg_opt_t *opt)
{
    long workers = cfg_opt_getnint(opt, 0);

    (void)once_read(cfg, opt);
    if (workers < 0 || workers > MAX_WORKERS)
        problem(cfg, "workers: '%ld' is not a number from 0 (one per core) to %d", workers,
                MAX_WORKERS);
    return 0;
}

static int
node_read(cfg_t *cfg, cfg_opt_t *opt)
{
    (void)once_read(cfg, opt);
    if (strlen(cfg_opt_getnstr(opt, 0)) >= SNAPSHOT_NAME_SIZE)
        problem(cfg, "node: the name is longer than %d characters", SNAPSHOT_NAME_SIZE - 1);
    return 0;
}

static int
sandbox_read(cfg_t *cfg, cfg_opt_t *opt)
{
    enum ipc_sandbox sandbox;

    (void)once_read(cfg, opt);
    if (!ipc_sandbox_from_name(cfg_opt_getnstr(opt, 0), &sandbox))
        problem(cfg, "sandbox: '%.100s' is not on, off or required", cfg_opt_getnstr(opt, 0));
    return 0;
}

static int
recording_value_read(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *text = cfg_opt_getnstr(opt, 0), *wanted;

    (void)once_read(cfg, opt);
    wanted = recording_read(&loading.settings->recording, opt->name, text);
    if (wanted != NULL)
        problem(cfg, "%s: '%.100s' is not %s", opt->name, text, wanted);
    return 0;
}

static int
node_duration_read(cfg_t *cfg, cfg_opt_t *opt)
{
    uint64_t ms;

    (void)once_read(cfg, opt);
    if (!value_duration(cfg_opt_getnstr(opt, 0), &ms) || ms > DAY_MS)
        problem(cfg, "%s: '%.100s' is not a duration from 0s to 24h", opt->name,
                cfg_opt_getnstr(opt, 0));
    return 0;
}

/* Told by node_duration_read() where it is none. */
static uint32_t
node_duration(cfg_t *cfg, const char *name)
{
    uint64_t ms = 0;

    (void)value_duration(cfg_getstr(cfg, name), &ms);
    return ms > DAY_MS ? 0 : (uint32_t)ms;
}

static bool
is_loopback(const struct snapshot_address *at)
{
    const struct sockaddr_in *v4 = (const void *)&at->addr;
    const struct sockaddr_in6 *v6 = (const void *)&at->addr;

    return at->addr.ss_family == AF_INET ? (ntohl(v4->sin_addr.s_addr) >> 24) == 127
                                         : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
}

/* Without TLS it is for this machine alone; from elsewhere it is reached through an interface. */
static void
take_console(cfg_t *cfg)
{
    struct settings *settings = loading.settings;
    const char *text = cfg_getstr(cfg, "console"), *path = cfg_getstr(cfg, "console-socket");

    if (text != NULL &&
            (!value_address(text, false, &settings->console) || !is_loopback(&settings->console)))
        problem(cfg, "console: '%.100s' is not a loopback ADDRESS:PORT such as 127.0.0.1:8480",
                text);
    if (path == NULL)
        return;
    settings->console_socket = resolve(path);
    if (settings->console_socket == NULL)
        problem(cfg, "no memory");
}

/* URLs stay as they are; everything else is a file's path. */
static void
take_crls(cfg_t *cfg)
{
    struct settings *settings = loading.settings;
    unsigned count = cfg_size(cfg, "crl");

    settings->revocation_allow_private = cfg_getbool(cfg, "revocation-allow-private") == cfg_true;
    if (count > SETTINGS_MAX_CRLS) {
        problem(cfg, "crl: %u files and URLs, at most %d are kept", count, SETTINGS_MAX_CRLS);
        return;
    }
    settings->crls = calloc(count + 1, sizeof(char *));
    for (unsigned i = 0; settings->crls != NULL && i < count; i++) {
        const char *text = cfg_getnstr(cfg, "crl", i);
        bool url = text != NULL && strstr(text, "://") != NULL;

        if (url && strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
            problem(cfg, "crl: '%.100s' is neither a file nor an http or https URL", text);
        settings->crls[i] = text == NULL ? NULL : url ? strdup(text) : resolve(text);
        settings->crl_count += settings->crls[i] != NULL;
    }
    if (settings->crl_count != count)
        problem(cfg, "no memory");
}

/* Node-wide values, after the file was read. */
static void
take_node_settings(cfg_t *cfg)
{
    struct settings *settings = loading.settings;
    const char *log = cfg_getstr(cfg, "log"), *user = cfg_getstr(cfg, "user");
    long workers = cfg_getint(cfg, "workers");

    settings->workers = workers == 0 ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : (unsigned)workers;
    if (settings->workers > MAX_WORKERS)
        settings->workers = MAX_WORKERS;
    if (cfg_getstr(cfg, "metrics") != NULL &&
            !value_address(cfg_getstr(cfg, "metrics"), false, &settings->metrics))
        problem(cfg, "metrics: '%.100s' is not ADDRESS:PORT or [IPV6]:PORT",
                cfg_getstr(cfg, "metrics"));
    take_console(cfg);
    take_crls(cfg);
    settings->node = strdup(cfg_getstr(cfg, "node"));
    settings->state = resolve(cfg_getstr(cfg, "state"));
    settings->tcs = cfg_getstr(cfg, "tcs") == NULL ? NULL : resolve(cfg_getstr(cfg, "tcs"));
    settings->log = strcmp(log, "stdout") == 0 ? strdup(log) : resolve(log);
    settings->user = user == NULL ? NULL : strdup(user);
    (void)ipc_sandbox_from_name(cfg_getstr(cfg, "sandbox"), &settings->sandbox);
    settings->inventory = cfg_getbool(cfg, "inventory") == cfg_true;
    settings->drain_ms = node_duration(cfg, "drain-timeout");
    settings->retire_ms = node_duration(cfg, "upgrade-drain-timeout");
    settings->store = cfg_getbool(cfg, "store") == cfg_true;
    if (cfg_getstr(cfg, "tcs") == NULL && !settings->store)
        problem(cfg, "'tcs' is missing: the folder of trusted certificates");
    if (settings->node == NULL || settings->state == NULL || settings->log == NULL)
        problem(cfg, "no memory");
}

struct settings *
settings_load(const char *path, const struct settings_overlay *overlay, struct cg_buf *problems)
{
    char *text = settings_text(path, problems);
    struct settings *settings =
            text == NULL ? NULL : settings_load_text(path, text, overlay, problems);

    free(text);
    return settings;
}

struct settings *
settings_load_text(const char *path, const char *text, const struct settings_overlay *overlay,
        struct cg_buf *problems)
{
    cfg_opt_t interface[65], trunk[65], line[65];
    cfg_opt_t identity[] = { CFG_STR("certificate", 0, CFGF_NODEFAULT),
        CFG_STR("key", 0, CFGF_NODEFAULT), CFG_END() };
    cfg_opt_t root[] = { CFG_STR("node", "certgate", CFGF_NONE), CFG_INT("workers", 0, CFGF_NONE),
        CFG_STR("state", "/var/lib/certgate", CFGF_NONE), CFG_STR("log", "stdout", CFGF_NONE),
        CFG_STR("tcs", 0, CFGF_NODEFAULT), CFG_STR("metrics", 0, CFGF_NODEFAULT),
        CFG_STR("user", 0, CFGF_NODEFAULT), CFG_STR("sandbox", "on", CFGF_NONE),
        CFG_STR("console", 0, CFGF_NODEFAULT), CFG_STR("console-socket", 0, CFGF_NODEFAULT),
        CFG_STR_LIST("crl", 0, CFGF_NODEFAULT),
        CFG_BOOL("revocation-allow-private", cfg_false, CFGF_NONE),
        CFG_BOOL("store", cfg_true, CFGF_NONE), CFG_BOOL("inventory", cfg_true, CFGF_NONE),
#define X(name, value, read, initial, wanted, help) CFG_STR(name, initial, CFGF_NONE),
        RECORDING_ROWS(X)
#undef X
                CFG_STR("drain-timeout", "10s", CFGF_NONE),
        CFG_STR("upgrade-drain-timeout", "1h", CFGF_NONE),
        CFG_STR("management", "medium", CFGF_NONE), CFG_STR("telephony", "medium", CFGF_NONE),
        CFG_SEC("identity", identity, CFGF_MULTI | CFGF_TITLE),
        CFG_SEC("interface", interface, CFGF_MULTI | CFGF_TITLE),
        CFG_SEC("trunk", trunk, CFGF_MULTI | CFGF_TITLE),
        CFG_SEC("line", line, CFGF_MULTI | CFGF_TITLE), CFG_END() };
    struct settings *settings = calloc(1, sizeof(*settings)), *result_settings = NULL;
    cfg_t *cfg = NULL;
    int result;

    if (settings == NULL || (settings->path = strdup(path)) == NULL) {
        cg_buf_add(problems, "no memory for the settings\n");
        goto fail;
    }
    memset(&loading, 0, sizeof(loading));
    loading.settings = settings;
    loading.overlay = overlay;
    recording_init(&settings->recording);
    if (!stored_add_identities(overlay, settings)) {
        cg_buf_add(problems, "no memory for the settings\n");
        goto fail;
    }
    loading.problems = (struct problems) { settings->path, problems, 0 };
    options_once(root);
    options_once(identity);
    block_options(interface, BLOCK_INTERFACE);
    block_options(trunk, BLOCK_TRUNK);
    block_options(line, BLOCK_LINE);
    cfg = cfg_init(root, CFGF_NONE);
    if (cfg == NULL) {
        cg_buf_add(problems, "no memory for the settings\n");
        goto fail;
    }
    (void)cfg_set_error_function(cfg, parser_error);
    (void)cfg_set_validate_func(cfg, "interface", interface_read);
    (void)cfg_set_validate_func(cfg, "trunk", trunk_read);
    (void)cfg_set_validate_func(cfg, "line", line_read);
    (void)cfg_set_validate_func(cfg, "identity", identity_read);
    (void)cfg_set_validate_func(cfg, "workers", workers_read);
    (void)cfg_set_validate_func(cfg, "node", node_read);
    (void)cfg_set_validate_func(cfg, "sandbox", sandbox_read);
    (void)cfg_set_validate_func(cfg, "drain-timeout", node_duration_read);
    (void)cfg_set_validate_func(cfg, "upgrade-drain-timeout", node_duration_read);
    (void)cfg_set_validate_func(cfg, "management", level_read);
    (void)cfg_set_validate_func(cfg, "telephony", level_read);
    for (unsigned i = 0; recording_name(i) != NULL; i++)
        (void)cfg_set_validate_func(cfg, recording_name(i), recording_value_read);
    result = cfg_parse_buf(cfg, text);
    if (result == CFG_SUCCESS) {
        take_node_settings(cfg);
        assemble(settings, loading.blocks, loading.block_count, node_level(cfg, "management"),
                node_level(cfg, "telephony"), &loading.problems);
    } else if (loading.problems.count == 0) {
        problem(cfg, "cannot be parsed");
    }
    if (loading.problems.count == 0) {
        result_settings = settings;
        settings = NULL;
    }
fail:
    if (cfg != NULL)
        cfg_free(cfg);
    for (size_t i = 0; i < loading.block_count; i++)
        block_release(&loading.blocks[i]);
    free(loading.blocks);
    block_release(&loading.current);
    memset(&loading, 0, sizeof(loading));
    settings_free(settings);
    return result_settings;
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
        snapshot_interface_release(&settings->interfaces[i]);
    for (size_t i = 0; i < settings->given_count; i++)
        free(settings->given[i].value);
    free(settings->given);
    for (size_t i = 0; i < settings->crl_count; i++)
        free(settings->crls[i]);
    free(settings->crls);
    free(settings->identities);
    free(settings->interfaces);
    free(settings->path);
    free(settings->node);
    free(settings->state);
    free(settings->log);
    free(settings->tcs);
    free(settings->user);
    free(settings->console_socket);
    free(settings);
}
