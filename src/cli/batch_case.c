#include "cli/batch_case.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

bool
batch_fail(struct batch_case *c, const char *format, const char *what)
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

    if (size % 4 != 0 || size > BATCH_MAX_LINE)
        return NULL;
    if (size != 0)
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
    if (c->sent_count == BATCH_MAX_LIST) {
        free(der);
        return batch_fail(c, "more than 256 certificates in '%s'", "intermediates");
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
        return batch_fail(c, "'%s' is not a string", key);
    if (strstr(text, "-----BEGIN") == NULL) {
        c->leaf = decode_base64(text, &c->leaf_len);
        return c->leaf != NULL || batch_fail(c, "'%s' is neither PEM nor base64", key);
    }
    c->leaf = next_pem(&at, &c->leaf_len);
    if (c->leaf == NULL)
        return batch_fail(c, "'%s' is neither PEM nor base64", key);
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
        return batch_fail(c, "'%s' is not a list of strings", key);
    if (strstr(text, "-----BEGIN") == NULL) {
        der = decode_base64(text, &len);
        return der == NULL ? batch_fail(c, "'%s' holds what is neither PEM nor base64", key)
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

    c->own_sent = true;
    if (json_is_string(value))
        return read_sent_text(c, json_string_value(value), key);
    if (!json_is_array(value))
        return json_is_null(value) || batch_fail(c, "'%s' is not a list of strings", key);
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
        return batch_fail(c, "'%s' is not a list of strings", key);
    if (strstr(text, "-----BEGIN") != NULL)
        return input_load_bytes(key, (const uint8_t *)text, strlen(text), NULL, list, &err) ==
                CG_OK ||
                batch_fail(c, "%s", err.text);
    der = decode_base64(text, &len);
    if (der == NULL)
        return batch_fail(c, "'%s' holds what is neither PEM nor base64", key);
    ok = input_load_bytes(key, der, len, NULL, list, &err) == CG_OK ||
            batch_fail(c, "%s", err.text);
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
        return json_is_null(value) || batch_fail(c, "'%s' is not a list of strings", key);
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
    c->own_identities = true;
    return read_certificates(c, value, key, &c->identities);
}

static bool
read_time(struct batch_case *c, const json_t *value, const char *key)
{
    if (json_is_null(value))
        return true;
    c->options.has_time = true;
    if (json_is_integer(value) && cli_seconds(json_integer_value(value), &c->options.time))
        return true;
    if (json_is_real(value) && json_real_value(value) >= CLI_EARLIEST &&
            json_real_value(value) <= CLI_LATEST)
        return cli_seconds((int64_t)json_real_value(value), &c->options.time);
    return (json_is_string(value) && cli_time(json_string_value(value), &c->options.time)) ||
            batch_fail(c, "'%s' is neither seconds since 1970 nor RFC 3339", key);
}

static bool
read_level(struct batch_case *c, const json_t *value, const char *key)
{
    c->options.custom = false;
    c->has_level = true;
    return (json_is_string(value) &&
                   cg_level_from_name(json_string_value(value), &c->options.level)) ||
            batch_fail(c, "'%s' is not a level", key);
}

static bool
read_checks(struct batch_case *c, const json_t *value, const char *key)
{
    char unknown[64] = "";
    const json_t *item;
    enum cg_check check;
    size_t i;

    c->options.custom = true;
    c->has_checks = true;
    if (json_is_string(value))
        return cli_checks(json_string_value(value), &c->options.checks, unknown) ||
                batch_fail(c, "unknown check '%s'", unknown);
    c->options.checks = 0;
    if (!json_is_array(value))
        return batch_fail(c, "'%s' is not a list of checks", key);
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item) || !cg_check_from_name(json_string_value(item), &check))
            return batch_fail(
                    c, "unknown check '%s'", json_is_string(item) ? json_string_value(item) : "");
        c->options.checks |= 1u << check;
    }
    return c->options.checks != 0 || batch_fail(c, "'%s' is empty", key);
}

static bool
read_role(struct batch_case *c, const json_t *value, const char *key)
{
    return (json_is_string(value) &&
                   cg_role_from_name(json_string_value(value), &c->options.role)) ||
            batch_fail(c, "'%s' is neither inbound nor outbound", key);
}

static bool
read_service(struct batch_case *c, const json_t *value, const char *key)
{
    return (json_is_string(value) &&
                   cg_service_from_name(json_string_value(value), &c->options.service)) ||
            batch_fail(c, "'%s' is none of https, sip, line", key);
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
        if (list[0] == NULL) /* no A-labels for it: as it is, for the policy to refuse */
            list[0] = strdup(json_string_value(value));
        *count = list[0] != NULL;
        return *count == 1 || batch_fail(c, "no memory for '%s'", key);
    }
    if (!json_is_array(value) || json_array_size(value) > 64)
        return batch_fail(c, "'%s' is neither a name nor a list of at most 64", key);
    json_array_foreach(value, i, item)
    {
        list[*count] = json_is_string(item) ? cli_reference(json_string_value(item)) : NULL;
        if (list[*count] == NULL)
            return batch_fail(c, "'%s' holds what is not a name", key);
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
    return *out != NULL || json_is_null(value) || batch_fail(c, "'%s' is not a string", key);
}

static bool
read_from(struct batch_case *c, const json_t *value, const char *key)
{
    return read_string(c, value, key, &c->options.from_domain);
}

static bool
read_address(struct batch_case *c, const json_t *value, const char *key)
{
    if (!read_string(c, value, key, &c->options.peer_address))
        return false;
    return c->options.peer_address == NULL || cli_address(c->options.peer_address) ||
            batch_fail(c, "'%s' is no IP address", key);
}

static bool
read_flag(struct batch_case *c, const json_t *value, const char *key, bool *out)
{
    *out = json_is_true(value);
    return json_is_boolean(value) || json_is_null(value) ||
            batch_fail(c, "'%s' is neither true nor false", key);
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
                batch_fail(c, "'%s' holds no allowance, or an end that is no date", key);
    if (!json_is_array(value))
        return json_is_null(value) || batch_fail(c, "'%s' is not a list of allowances", key);
    json_array_foreach(value, i, item) if (!json_is_string(item) ||
            !cli_allowance(json_string_value(item), &c->options)) return batch_fail(c,
            "'%s' holds no allowance, or an end that is no date", key);
    return true;
}

static bool
read_depth(struct batch_case *c, const json_t *value, const char *key)
{
    if (json_is_null(value))
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 32)
        return batch_fail(c, "'%s' is not a number from 0 to 32", key);
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
read_keys(struct batch_case *c, const json_t *line)
{
    const char *key;
    json_t *value, *object = (json_t *)(uintptr_t)line; /* jansson's iterators are not const */

    json_object_foreach(object, key, value)
    {
        size_t i = 0;

        while (i < sizeof(keys) / sizeof(keys[0]) && strcmp(keys[i].key, key) != 0)
            i++;
        if (i == sizeof(keys) / sizeof(keys[0]))
            return batch_fail(c, "unknown key '%s'", key);
        if (!keys[i].read(c, value, key))
            return false;
    }
    return !(c->has_level && c->has_checks) ||
            batch_fail(c, "'%s' stand in place of 'level': give one of them", "checks");
}

/* What the line left out comes from the command line. */
static bool
take_common(struct batch_case *c)
{
    const struct input_list *chain = &c->options.chain;

    if (c->own_identities)
        c->options.identities = c->identities;
    for (size_t i = 0; !c->own_sent && i < chain->count; i++) {
        size_t len;
        const uint8_t *der = cg_cert_get0_der(chain->certs[i], &len);
        uint8_t *copy = malloc(len);

        if (copy == NULL)
            return batch_fail(c, "no memory for '%s'", "intermediates");
        memcpy(copy, der, len);
        if (!add_sent(c, copy, len))
            return false;
    }
    return true;
}

bool
batch_case_read(struct batch_case *c, const struct cli_check_options *options, const json_t *line)
{
    c->options = *options;
    if (!json_is_object(line))
        return batch_fail(c, "not a JSON object: %s", "another type");
    c->own_names = json_object_get(line, "name") != NULL;
    c->own_domains = json_object_get(line, "sip_domain") != NULL;
    if (c->own_names)
        c->options.name_count = 0;
    if (c->own_domains)
        c->options.domain_count = 0;
    return read_keys(c, line) && take_common(c);
}

void
batch_case_release(struct batch_case *c)
{
    for (size_t i = 0; c->own_names && i < c->options.name_count; i++)
        free(c->options.names[i]);
    for (size_t i = 0; c->own_domains && i < c->options.domain_count; i++)
        free(c->options.domains[i]);
    for (size_t i = 0; i < c->sent_count; i++)
        free(c->sent[i]);
    free(c->leaf);
    input_list_release(&c->anchors);
    input_list_release(&c->identities);
}
