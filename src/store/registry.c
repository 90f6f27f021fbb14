#include "store/registry.h"

#include <certgate/certgate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "settings/values.h"
#include "snapshot/security.h"
#include "store/limits.h"
#include "store/text.h"

#define PLACE "<name>"

struct registry_type {
    /* Writes the value as it is kept; false when it is none. */
    bool (*canonical)(const struct registry_row *row, const char *value, struct cg_buf *out);
    /* Says what it may be. */
    void (*describe)(const struct registry_row *row, struct cg_buf *out);
};

static void
add_list(struct cg_buf *out, size_t i, const char *word)
{
    cg_buf_add(out, i == 0 ? "one of " : ", ");
    cg_buf_add(out, word);
}

static bool
level_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    enum cg_level level;

    (void)row;
    if (!cg_level_from_name(value, &level))
        return false;
    cg_buf_add(out, cg_level_name(level));
    return true;
}

static void
level_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    for (size_t i = 0; i < CG_LEVEL_COUNT; i++)
        add_list(out, i, cg_level_name((enum cg_level)i));
}

/* An IP Office line has no remote levels: those whose checks look at the peer's name. */
static bool
is_remote(enum cg_level level)
{
    return (cg_level_info(level)->checks & 1u << CG_CHECK_HOST_NAME) != 0;
}

static bool
line_level_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    enum cg_level level;

    return cg_level_from_name(value, &level) && !is_remote(level) &&
            level_canonical(row, value, out);
}

static void
line_level_describe(const struct registry_row *row, struct cg_buf *out)
{
    size_t count = 0;

    (void)row;
    for (size_t i = 0; i < CG_LEVEL_COUNT; i++)
        if (!is_remote((enum cg_level)i))
            add_list(out, count++, cg_level_name((enum cg_level)i));
}

static bool
security_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    enum security security;

    (void)row;
    if (!security_from_name(value, &security))
        return false;
    cg_buf_add(out, security_info(security)->id);
    return true;
}

static void
security_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    for (size_t i = 0; i < SECURITY_COUNT; i++)
        add_list(out, i, security_info((enum security)i)->id);
}

static const char *const live_words[] = { "close", "drain", "leave" };

static bool
live_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    (void)row;
    for (size_t i = 0; i < sizeof(live_words) / sizeof(live_words[0]); i++) {
        if (strcmp(value, live_words[i]) == 0) {
            cg_buf_add(out, value);
            return true;
        }
    }
    return false;
}

static void
live_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    for (size_t i = 0; i < sizeof(live_words) / sizeof(live_words[0]); i++)
        add_list(out, i, live_words[i]);
}

static bool
bool_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    (void)row;
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return false;
    cg_buf_add(out, value);
    return true;
}

static void
bool_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    cg_buf_add(out, "true or false");
}

static bool
number_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    size_t len = strlen(value);
    long long number;

    if (len == 0 || len > 9 || strspn(value, "0123456789") != len)
        return false;
    number = strtoll(value, NULL, 10);
    if (number < row->low || number > row->high)
        return false;
    cg_buf_addf(out, "%lld", number);
    return true;
}

static void
number_describe(const struct registry_row *row, struct cg_buf *out)
{
    cg_buf_addf(out, "a number from %lld to %lld", (long long)row->low, (long long)row->high);
}

/* One allowance from the front of a list; *at then stands behind its comma, NULL after the last. */
static bool
next_allowance(const char **at, struct snapshot_allowance *out)
{
    const char *comma = strchr(*at, ',');
    size_t len = comma == NULL ? strlen(*at) : (size_t)(comma - *at);
    char one[STORE_VALUE_SIZE];
    const char *from = *at;

    while (len != 0 && *from == ' ') {
        from++;
        len--;
    }
    while (len != 0 && from[len - 1] == ' ')
        len--;
    if (len >= sizeof(one))
        return false;
    memcpy(one, from, len);
    one[len] = '\0';
    *at = comma == NULL ? NULL : comma + 1;
    return value_allowance(one, out);
}

/* "allow-sha1-chain until 2027-06-30, allow-sip-wildcard", kept in the order of the allowances. */
static bool
allow_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    struct snapshot_allowance found[CG_ALLOW_COUNT], one;
    bool given[CG_ALLOW_COUNT] = { false };
    const char *at = value[0] == '\0' ? NULL : value;
    size_t written = 0;

    (void)row;
    while (at != NULL) {
        if (!next_allowance(&at, &one) || given[one.allowance])
            return false;
        found[one.allowance] = one;
        given[one.allowance] = true;
    }
    for (size_t i = 0; i < CG_ALLOW_COUNT; i++) {
        if (!given[i])
            continue;
        cg_buf_addf(
                out, "%s%s", written++ == 0 ? "" : ", ", cg_allowance_name((enum cg_allowance)i));
        if (found[i].until != INT64_MAX) {
            cg_buf_add(out, " until ");
            store_add_date(out, found[i].until);
        }
    }
    return true;
}

static void
allow_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    cg_buf_add(out, "a list, each with or without 'until YYYY-MM-DD', of ");
    for (size_t i = 0; i < CG_ALLOW_COUNT; i++)
        cg_buf_addf(out, "%s%s", i == 0 ? "" : ", ", cg_allowance_name((enum cg_allowance)i));
}

static const struct registry_type type_LEVEL = { level_canonical, level_describe };
static const struct registry_type type_LINE_LEVEL = { line_level_canonical, line_level_describe };
static const struct registry_type type_SECURITY = { security_canonical, security_describe };
static const struct registry_type type_LIVE = { live_canonical, live_describe };
static const struct registry_type type_BOOL = { bool_canonical, bool_describe };
static const struct registry_type type_NUMBER = { number_canonical, number_describe };
static const struct registry_type type_ALLOW = { allow_canonical, allow_describe };

/* clang-format off */
#define SETTINGS(X)                                                                                \
    /* name                        type        low high               initial        latchable help */ \
    X("checks.management",         LEVEL,       0,  0,                "medium",      true,         \
      "Checks of certificates received on management interfaces: services https and line")         \
    X("checks.telephony",          LEVEL,       0,  0,                "medium",      true,         \
      "Checks of certificates received on telephony interfaces: service sip")                      \
    X("partial-chain",             BOOL,        0,  0,                "false",       false,        \
      "An intermediate certificate of the Trusted Certificate Store may end a path")               \
    X("max-path-depth",            NUMBER,      1,  CG_MAX_PATH_DEPTH, "10",         false,        \
      "Most intermediate certificates between the received one and its root")                      \
    X("expiry.warning-days",       NUMBER,     30,  180,              "60",          false,        \
      "Days before the end of a certificate at which warnings of it begin")                        \
    X("line." PLACE ".level",      LINE_LEVEL,  0,  0,                "high",        true,         \
      "Checks of certificates received on an IP Office line of security high")                     \
    X("trunk." PLACE ".level",     LEVEL,       0,  0,                NULL,          true,         \
      "Checks of certificates received from a SIP trunk; without it, those of its interface")      \
    X("service." PLACE ".security", SECURITY,   0,  0,                "secure-high", false,        \
      "Which ports of an interface's service are open, and by which algorithms its TLS is spoken") \
    X("interface." PLACE ".allow", ALLOW,       0,  0,                "",            false,        \
      "Narrow allowances on an interface, each with an optional last day")                         \
    X("interface." PLACE ".live",  LIVE,        0,  0,                NULL,          false,        \
      "What becomes of connected peers that are no longer admitted; without it, the level decides")
/* clang-format on */

static const struct registry_row rows[] = {
#define X(name, type, low, high, initial, latchable, help)                                         \
    { name, &type_##type, low, high, initial, latchable, help },
    SETTINGS(X)
#undef X
};

size_t
registry_count(void)
{
    return sizeof(rows) / sizeof(rows[0]);
}

const struct registry_row *
registry_row(size_t i)
{
    return &rows[i];
}

bool
registry_has_name(const struct registry_row *row)
{
    return strstr(row->name, PLACE) != NULL;
}

void
registry_describe_values(const struct registry_row *row, struct cg_buf *out)
{
    row->type->describe(row, out);
}

/* The name inside, borrowed from `name`; false when the setting is not of this row. */
static bool
matches(const struct registry_row *row, const char *name)
{
    const char *place = strstr(row->name, PLACE), *tail;
    size_t before, after, len = strlen(name);

    if (place == NULL)
        return strcmp(row->name, name) == 0;
    tail = place + strlen(PLACE);
    before = (size_t)(place - row->name);
    after = strlen(tail);
    return len > before + after && len - before - after < SNAPSHOT_NAME_SIZE &&
            memcmp(name, row->name, before) == 0 && strcmp(name + len - after, tail) == 0;
}

/* Splits a typed name at its first and last dot; false where there is nothing between them. */
static bool
split(const char *name, size_t *before, size_t *after)
{
    const char *first = strchr(name, '.'), *last = strrchr(name, '.');

    if (first == NULL || last - first < 2)
        return false;
    *before = (size_t)(first - name) + 1;
    *after = (size_t)(last - name);
    return true;
}

/* A name without what stands inside: only the rest can be mistyped. */
static void
without_inside(const char *name, size_t before, size_t after, char out[STORE_NAME_SIZE])
{
    (void)snprintf(out, STORE_NAME_SIZE, "%.*s%s", (int)before, name, name + after);
}

static enum store_status
unknown(const char *name, struct cg_error *err)
{
    char texts[sizeof(rows) / sizeof(rows[0])][STORE_NAME_SIZE], typed[STORE_NAME_SIZE];
    const char *names[sizeof(rows) / sizeof(rows[0]) + 1] = { NULL }, *nearest, *place;
    size_t before = 0, after = 0;
    const bool named = split(name, &before, &after);
    char shown[4 * 64];

    store_show(shown, sizeof(shown), name);
    without_inside(name, before, after, typed);
    for (size_t i = 0; i < registry_count(); i++) {
        place = strstr(rows[i].name, PLACE);
        before = place == NULL ? 0 : (size_t)(place - rows[i].name);
        without_inside(rows[i].name, before, place == NULL ? 0 : before + strlen(PLACE), texts[i]);
        names[i] = texts[i];
    }
    nearest = value_nearest(typed, names);
    for (size_t i = 0; nearest != NULL && i < registry_count(); i++) {
        place = strstr(rows[i].name, PLACE);
        if (nearest != names[i])
            continue;
        if (place == NULL || !named || !split(name, &before, &after))
            return store_fail(err, STORE_INVALID, "there is no setting '%s'; did you mean '%s'?",
                    shown, rows[i].name);
        return store_fail(err, STORE_INVALID,
                "there is no setting '%s'; did you mean '%.*s%.*s%s'?", shown,
                (int)(place - rows[i].name), rows[i].name, (int)(after - before), name + before,
                place + strlen(PLACE));
    }
    return store_fail(err, STORE_INVALID, "there is no setting '%s'", shown);
}

enum store_status
registry_find(const char *name, const struct registry_row **out, struct cg_error *err)
{
    *out = NULL;
    if (!store_text_ok(name, STORE_NAME_SIZE - 1))
        return store_fail(err, STORE_INVALID,
                "the name of a setting is no text of up to %d octets without control characters",
                STORE_NAME_SIZE - 1);
    for (size_t i = 0; i < registry_count(); i++) {
        if (matches(&rows[i], name)) {
            *out = &rows[i];
            return STORE_OK;
        }
    }
    return unknown(name, err);
}

enum store_status
registry_canonical(const struct registry_row *row, const char *name, const char *value,
        struct cg_buf *out, struct cg_error *err)
{
    struct cg_buf wanted;
    char shown[4 * 64];
    enum store_status status = STORE_OK;

    cg_buf_init(&wanted, CG_ERROR_TEXT_SIZE);
    if (!store_text_ok(value, STORE_VALUE_SIZE - 1) || !row->type->canonical(row, value, out)) {
        registry_describe_values(row, &wanted);
        store_show(shown, sizeof(shown), value);
        status = store_fail(
                err, STORE_INVALID, "%s: '%s' is not %s", name, shown, cg_buf_text(&wanted));
    } else if (out->failed) {
        status = store_fail(err, STORE_NOMEM, "no memory for a value of '%s'", name);
    }
    cg_buf_release(&wanted);
    return status;
}
