/* One JSON object a line in, one out (shared contract, section 10). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "cli/cli.h"
#include "config.h"

/* A line of 128 certificates at their largest, as base64. */
#define MAX_LINE (8 * 1024 * 1024)
#define MAX_LIST 256

/* One case, put together from the command line and the line. */
struct batch_case {
    struct cli_check_options options; /* names, domains and lists: borrowed or own, see the flags */
    struct input_list anchors;
    struct input_list identities;
    bool own_anchors;
    uint8_t *leaf;
    size_t leaf_len;
    uint8_t *sent[MAX_LIST];
    size_t sent_len[MAX_LIST];
    size_t sent_count;
    char error[512];
};

static bool
fail(struct batch_case *c, const char *format, const char *what)
{
    if (c->error[0] == '\0') {
        /* the format is one of the literals below */
        size_t len = strcspn(format, "%");

        (void)snprintf(c->error, sizeof(c->error), "%.*s%.200s%s", (int)len, format, what,
                format[len] == '\0' ? "" : format + len + 2);
    }
    return false;
}

/* PEM text or base64 of DER, as raw DER: what does not parse is for the engine to say. */
static uint8_t *
decode_base64(const char *text, size_t *len)
{
    size_t size = strlen(text), padding = 0;
    uint8_t *out;
    int decoded;

    if (size == 0 || size % 4 != 0 || size > MAX_LINE)
        return NULL;
    padding = (size_t)(text[size - 1] == '=') + (size_t)(text[size - 2] == '=');
    out = malloc(size / 4 * 3 + 1);
    if (out == NULL)
        return NULL;
    decoded = EVP_DecodeBlock(out, (const unsigned char *)text, (int)size);
    if (decoded < 0) {
        free(out);
        return NULL;
    }
    *len = (size_t)decoded - padding;
    return out;
}

/* The next PEM block's DER, without judging it. */
static uint8_t *
next_pem(const char **at, size_t *len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const char *start = strstr(*at, begin), *stop;
    uint8_t *out;
    char *clean;
    size_t count = 0;

    if (start == NULL)
        return NULL;
    start += strlen(begin);
    stop = strstr(start, end);
    if (stop == NULL)
        return NULL;
    clean = malloc((size_t)(stop - start) + 1);
    if (clean == NULL)
        return NULL;
    for (const char *c = start; c < stop; c++)
        if (strchr(" \t\r\n", *c) == NULL)
            clean[count++] = *c;
    clean[count] = '\0';
    out = decode_base64(clean, len);
    free(clean);
    *at = stop + strlen(end);
    return out;
}

static bool
add_sent(struct batch_case *c, uint8_t *der, size_t len)
{
    if (c->sent_count == MAX_LIST) {
        free(der);
        return fail(c, "more than 256 certificates in '%s'", "intermediates");
    }
    c->sent[c->sent_count] = der;
    c->sent_len[c->sent_count++] = len;
    return true;
}

static bool
read_leaf(struct batch_case *c, const json_t *value, const char *key)
{
    const char *text, *at;
    uint8_t *der;
    size_t len = 0;

    if (json_is_null(value))
        return true;
    text = at = json_string_value(value);
    if (text == NULL)
        return fail(c, "'%s' is not a string", key);
    if (strstr(text, "-----BEGIN") == NULL) {
        c->leaf = decode_base64(text, &c->leaf_len);
        return c->leaf != NULL || fail(c, "'%s' is neither PEM nor base64", key);
    }
    c->leaf = next_pem(&at, &c->leaf_len);
    if (c->leaf == NULL)
        return fail(c, "'%s' is neither PEM nor base64", key);
    while ((der = next_pem(&at, &len)) != NULL)
        if (!add_sent(c, der, len))
            return false;
    return true;
}

static bool
read_sent_text(struct batch_case *c, const char *text, const char *key)
{
    const char *at = text;
    uint8_t *der;
    size_t len = 0;

    if (text == NULL)
        return fail(c, "'%s' is not a list of strings", key);
    if (strstr(text, "-----BEGIN") == NULL) {
        der = decode_base64(text, &len);
        return der == NULL ? fail(c, "'%s' holds what is neither PEM nor base64", key)
                           : add_sent(c, der, len);
    }
    while ((der = next_pem(&at, &len)) != NULL)
        if (!add_sent(c, der, len))
            return false;
    return true;
}

static bool
read_sent(struct batch_case *c, const json_t *value, const char *key)
{
    const json_t *item;
    size_t i;

    if (json_is_string(value))
        return read_sent_text(c, json_string_value(value), key);
    if (!json_is_array(value))
        return json_is_null(value) || fail(c, "'%s' is not a list of strings", key);
    json_array_foreach(
            value, i, item) if (!read_sent_text(c, json_string_value(item), key)) return false;
    return true;
}

static bool
load_text(struct batch_case *c, const char *text, const char *key, struct input_list *list)
{
    struct cg_error err;
    uint8_t *der;
    size_t len = 0;
    bool ok;

    if (text == NULL)
        return fail(c, "'%s' is not a list of strings", key);
    if (strstr(text, "-----BEGIN") != NULL)
        return input_load_bytes(key, (const uint8_t *)text, strlen(text), NULL, list, &err) ==
                CG_OK ||
                fail(c, "%s", err.text);
    der = decode_base64(text, &len);
    if (der == NULL)
        return fail(c, "'%s' holds what is neither PEM nor base64", key);
    ok = input_load_bytes(key, der, len, NULL, list, &err) == CG_OK || fail(c, "%s", err.text);
    free(der);
    return ok;
}

static bool
read_certificates(
        struct batch_case *c, const json_t *value, const char *key, struct input_list *list)
{
    const json_t *item;
    size_t i;

    if (json_is_string(value))
        return load_text(c, json_string_value(value), key, list);
    if (!json_is_array(value))
        return json_is_null(value) || fail(c, "'%s' is not a list of strings", key);
    json_array_foreach(
            value, i, item) if (!load_text(c, json_string_value(item), key, list)) return false;
    return true;
}

static bool
read_anchors(struct batch_case *c, const json_t *value, const char *key)
{
    c->own_anchors = true;
    return read_certificates(c, value, key, &c->anchors);
}

static bool
read_identities(struct batch_case *c, const json_t *value, const char *key)
{
    return read_certificates(c, value, key, &c->identities);
}

static bool
read_time(struct batch_case *c, const json_t *value, const char *key)
{
    if (json_is_null(value))
        return true;
    c->options.has_time = true;
    if (json_is_number(value))
        c->options.time = (int64_t)json_number_value(value);
    else if (!json_is_string(value) || !cli_time(json_string_value(value), &c->options.time))
        return fail(c, "'%s' is neither seconds since 1970 nor RFC 3339", key);
    return true;
}

static bool
read_level(struct batch_case *c, const json_t *value, const char *key)
{
    c->options.custom = false;
    return (json_is_string(value) &&
                   cg_level_from_name(json_string_value(value), &c->options.level)) ||
            fail(c, "'%s' is not a level", key);
}

static bool
read_checks(struct batch_case *c, const json_t *value, const char *key)
{
    char unknown[64] = "";
    const json_t *item;
    enum cg_check check;
    size_t i;

    c->options.custom = true;
    if (json_is_string(value))
        return cli_checks(json_string_value(value), &c->options.checks, unknown) ||
                fail(c, "unknown check '%s'", unknown);
    c->options.checks = 0;
    if (!json_is_array(value))
        return fail(c, "'%s' is not a list of checks", key);
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item) || !cg_check_from_name(json_string_value(item), &check))
            return fail(
                    c, "unknown check '%s'", json_is_string(item) ? json_string_value(item) : "");
        c->options.checks |= 1u << check;
    }
    return c->options.checks != 0 || fail(c, "'%s' is empty", key);
}

static bool
read_role(struct batch_case *c, const json_t *value, const char *key)
{
    return (json_is_string(value) &&
                   cg_role_from_name(json_string_value(value), &c->options.role)) ||
            fail(c, "'%s' is neither inbound nor outbound", key);
}

static bool
read_service(struct batch_case *c, const json_t *value, const char *key)
{
    return (json_is_string(value) &&
                   cg_service_from_name(json_string_value(value), &c->options.service)) ||
            fail(c, "'%s' is none of https, sip, line", key);
}

/* One name or a list, replacing what the command line gave. */
static bool
read_references(
        struct batch_case *c, const json_t *value, const char *key, char *list[64], size_t *count)
{
    const json_t *item;
    size_t i;

    *count = 0;
    if (json_is_null(value))
        return true;
    if (json_is_string(value)) {
        list[0] = cli_reference(json_string_value(value));
        *count = list[0] != NULL;
        return *count == 1 || fail(c, "'%s' is not a name", key);
    }
    if (!json_is_array(value) || json_array_size(value) > 64)
        return fail(c, "'%s' is neither a name nor a list of at most 64", key);
    json_array_foreach(value, i, item)
    {
        list[*count] = json_is_string(item) ? cli_reference(json_string_value(item)) : NULL;
        if (list[*count] == NULL)
            return fail(c, "'%s' holds what is not a name", key);
        (*count)++;
    }
    return true;
}

static bool
read_name(struct batch_case *c, const json_t *value, const char *key)
{
    return read_references(c, value, key, c->options.names, &c->options.name_count);
}

static bool
read_domain(struct batch_case *c, const json_t *value, const char *key)
{
    return read_references(c, value, key, c->options.domains, &c->options.domain_count);
}

static bool
read_string(struct batch_case *c, const json_t *value, const char *key, const char **out)
{
    *out = json_string_value(value);
    return *out != NULL || json_is_null(value) || fail(c, "'%s' is not a string", key);
}

static bool
read_from(struct batch_case *c, const json_t *value, const char *key)
{
    return read_string(c, value, key, &c->options.from_domain);
}

static bool
read_address(struct batch_case *c, const json_t *value, const char *key)
{
    return read_string(c, value, key, &c->options.peer_address);
}

static bool
read_flag(struct batch_case *c, const json_t *value, const char *key, bool *out)
{
    *out = json_is_true(value);
    return json_is_boolean(value) || json_is_null(value) ||
            fail(c, "'%s' is neither true nor false", key);
}

static bool
read_latched(struct batch_case *c, const json_t *value, const char *key)
{
    return read_flag(c, value, key, &c->options.latched);
}

static bool
read_ca_eku(struct batch_case *c, const json_t *value, const char *key)
{
    return read_flag(c, value, key, &c->options.ca_eku);
}

static bool
read_partial(struct batch_case *c, const json_t *value, const char *key)
{
    return read_flag(c, value, key, &c->options.partial_chain);
}

static bool
read_allow(struct batch_case *c, const json_t *value, const char *key)
{
    const json_t *item;
    size_t i;

    memset(c->options.allowed, 0, sizeof(c->options.allowed));
    if (json_is_string(value))
        return cli_allowance(json_string_value(value), &c->options) ||
                fail(c, "unknown allowance in '%s'", key);
    if (!json_is_array(value))
        return json_is_null(value) || fail(c, "'%s' is not a list of allowances", key);
    json_array_foreach(value, i, item) if (!json_is_string(item) ||
            !cli_allowance(json_string_value(item), &c->options)) return fail(c,
            "unknown allowance in '%s'", key);
    return true;
}

static bool
read_depth(struct batch_case *c, const json_t *value, const char *key)
{
    if (json_is_null(value))
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 32)
        return fail(c, "'%s' is not a number from 0 to 32", key);
    c->options.max_depth = (unsigned)json_integer_value(value);
    return true;
}

static bool
read_id(struct batch_case *c, const json_t *value, const char *key)
{
    (void)c;
    (void)value;
    (void)key;
    return true; /* printed back as it is */
}

static const struct {
    const char *key;
    bool (*read)(struct batch_case *c, const json_t *value, const char *key);
} keys[] = {
    { "id", read_id },
    { "leaf", read_leaf },
    { "intermediates", read_sent },
    { "anchors", read_anchors },
    { "time", read_time },
    { "level", read_level },
    { "checks", read_checks },
    { "role", read_role },
    { "service", read_service },
    { "name", read_name },
    { "sip_domain", read_domain },
    { "from_domain", read_from },
    { "peer_address", read_address },
    { "identities", read_identities },
    { "latched", read_latched },
    { "allow", read_allow },
    { "ca_eku", read_ca_eku },
    { "partial_chain", read_partial },
    { "max_depth", read_depth },
};

static bool
read_case(struct batch_case *c, json_t *line)
{
    const char *key;
    json_t *value;

    json_object_foreach(line, key, value)
    {
        size_t i = 0;

        while (i < sizeof(keys) / sizeof(keys[0]) && strcmp(keys[i].key, key) != 0)
            i++;
        if (i == sizeof(keys) / sizeof(keys[0]))
            return fail(c, "unknown key '%s'", key);
        if (!keys[i].read(c, value, key))
            return false;
    }
    return true;
}

static struct cg_store *
build_store(const struct input_list *list, struct cg_error *err)
{
    struct cg_store *store = cg_store_new();
    enum cg_status status = store == NULL ? CG_E_NOMEM : CG_OK;

    for (size_t i = 0; status == CG_OK && i < list->count; i++)
        status = cg_store_add(store, list->certs[i], err);
    if (status == CG_OK)
        status = cg_store_freeze(store, err);
    if (status != CG_OK) {
        cg_store_free(store);
        return NULL;
    }
    return store;
}

/* The decision's JSON members, or NULL with c->error. */
static char *
judge(struct batch_case *c, struct cg_engine *engine, const struct cg_store *common)
{
    struct cg_peer peer = { .leaf = c->leaf,
        .leaf_len = c->leaf_len,
        .chain = (const uint8_t *const *)c->sent,
        .chain_len = c->sent_len,
        .chain_count = c->sent_count,
        .now = c->options.has_time ? c->options.time : (int64_t)time(NULL),
        .clock_floor = c->options.has_time ? 0 : CERTGATE_RELEASE_TIME,
        .address = c->options.peer_address,
        .from_domain = c->options.from_domain };
    struct cg_error err = { "no memory" };
    struct cg_policy *policy = cli_policy(&c->options, &err);
    struct cg_store *store = policy == NULL ? NULL
            : c->own_anchors                ? build_store(&c->anchors, &err)
                                            : cg_store_ref(common);
    struct cg_decision *decision = NULL;
    char *members = NULL;

    for (size_t i = 0; policy != NULL && i < c->identities.count; i++) {
        if (cg_policy_add_identity(policy, c->identities.certs[i], &err) != CG_OK) {
            (void)fail(c, "%s", err.text);
            goto done;
        }
    }
    if (store == NULL || cg_evaluate(engine, store, policy, &peer, &decision, &err) != CG_OK)
        (void)fail(c, "%s", err.text);
    else if ((members = cg_decision_json_members(decision)) == NULL)
        (void)fail(c, "no memory for '%s'", "the answer");
done:
    cg_decision_free(decision);
    cg_store_free(store);
    cg_policy_free(policy);
    return members;
}

static void
answer(FILE *out, const json_t *id, const char *members, const char *error)
{
    char *id_text = id == NULL ? NULL : json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
    json_t *text;
    char *quoted;

    fprintf(out, "{\"id\":%s,", id_text == NULL ? "null" : id_text);
    if (members != NULL) {
        fprintf(out, "%s}\n", members);
    } else {
        text = json_string(error);
        quoted = text == NULL ? NULL : json_dumps(text, JSON_ENCODE_ANY);
        fprintf(out, "\"verdict\":\"error\",\"error\":%s}\n", quoted == NULL ? "\"\"" : quoted);
        free(quoted);
        json_decref(text);
    }
    free(id_text);
    fflush(out);
}

static void
do_line(const struct cli_check_options *options, struct cg_engine *engine,
        const struct cg_store *store, const char *line, size_t len, FILE *out)
{
    struct batch_case *c = calloc(1, sizeof(*c));
    json_error_t where;
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    bool own_names = false, own_domains = false;
    char *members = NULL;

    if (c == NULL) {
        answer(out, NULL, NULL, "no memory");
        json_decref(object);
        return;
    }
    c->options = *options;
    if (!json_is_object(object)) {
        (void)fail(c, "not a JSON object: %s", object == NULL ? where.text : "another type");
    } else {
        own_names = json_object_get(object, "name") != NULL;
        own_domains = json_object_get(object, "sip_domain") != NULL;
        if (own_names)
            c->options.name_count = 0;
        if (own_domains)
            c->options.domain_count = 0;
        if (read_case(c, object))
            members = judge(c, engine, store);
    }
    answer(out, json_object_get(object, "id"), members, c->error);
    for (size_t i = 0; own_names && i < c->options.name_count; i++)
        free(c->options.names[i]);
    for (size_t i = 0; own_domains && i < c->options.domain_count; i++)
        free(c->options.domains[i]);
    for (size_t i = 0; i < c->sent_count; i++)
        free(c->sent[i]);
    free(c->leaf);
    free(members);
    input_list_release(&c->anchors);
    input_list_release(&c->identities);
    json_decref(object);
    free(c);
}

/* Reads one line of at most MAX_LINE; *cut when it was longer (the rest is passed over). */
static bool
read_line(FILE *in, char *line, size_t *len, bool *cut)
{
    int c;

    *len = 0;
    *cut = false;
    while ((c = getc_unlocked(in)) != EOF && c != '\n') {
        if (*len == MAX_LINE)
            *cut = true;
        else
            line[(*len)++] = (char)c;
    }
    return c != EOF || *len != 0;
}

int
cli_batch(const struct cli_check_options *options, FILE *in, FILE *out)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_error err = { "no memory" };
    struct cg_store *store = build_store(&options->tcs, &err);
    char *line = malloc(MAX_LINE);
    int result = CLI_ACCEPT;
    size_t len;
    bool cut;

    if (engine == NULL || store == NULL || line == NULL) {
        result = cli_fail("%s", err.text);
    } else {
        while (read_line(in, line, &len, &cut)) {
            if (cut)
                answer(out, NULL, NULL, "line too long");
            else if (len != 0)
                do_line(options, engine, store, line, len, out);
        }
        if (ferror(in) || ferror(out))
            result = cli_fail("standard input or output failed");
    }
    free(line);
    cg_store_free(store);
    cg_engine_free(engine);
    return result;
}
