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
    const char *name;
    /* Writes the value as it is kept; false when it is none. */
    bool (*canonical)(const struct registry_row *row, const char *value, struct cg_buf *out);
    /* Says what it may be; NULL: one of the choices. */
    void (*describe)(const struct registry_row *row, struct cg_buf *out);
    /* The words that it is chosen from; NULL: it is none of several words. */
    const char *(*choice)(size_t i);
};

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

static const char *
level_choice(size_t i)
{
    return i < CG_LEVEL_COUNT ? cg_level_name((enum cg_level)i) : NULL;
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

static const char *
line_level_choice(size_t i)
{
    for (size_t level = 0; level < CG_LEVEL_COUNT; level++)
        if (!is_remote((enum cg_level)level) && i-- == 0)
            return cg_level_name((enum cg_level)level);
    return NULL;
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

static const char *
security_choice(size_t i)
{
    return i < SECURITY_COUNT ? security_info((enum security)i)->id : NULL;
}

/* One of the words, kept as it is. */
static bool
word_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    const char *word;

    for (size_t i = 0; (word = row->type->choice(i)) != NULL; i++) {
        if (strcmp(value, word) == 0) {
            cg_buf_add(out, word);
            return true;
        }
    }
    return false;
}

static const char *
word_of(const char *const *words, size_t count, size_t i)
{
    return i < count ? words[i] : NULL;
}

static const char *
live_choice(size_t i)
{
    static const char *const words[] = { "close", "drain", "leave" };

    return word_of(words, 3, i);
}

static const char *
bool_choice(size_t i)
{
    static const char *const words[] = { "true", "false" };

    return word_of(words, 2, i);
}

static const char *
role_choice(size_t i)
{
    static const char *const words[] = { "administrator", "operator", "auditor" };

    return word_of(words, 3, i);
}

static bool
fingerprint_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    (void)row;
    if (strlen(value) != 2 * CG_SHA256_SIZE ||
            strspn(value, "0123456789abcdef") != 2 * CG_SHA256_SIZE)
        return false;
    cg_buf_add(out, value);
    return true;
}

static void
fingerprint_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    cg_buf_add(out, "a SHA-256 as 64 lower-case hex digits");
}

/* What crypt(5) makes of a password by yescrypt: "$y$PARAMETERS$SALT$HASH". */
static bool
hash_canonical(const struct registry_row *row, const char *value, struct cg_buf *out)
{
    static const char alphabet[] =
            "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$";

    (void)row;
    if (strncmp(value, "$y$", 3) != 0 || strlen(value) < 40 ||
            strspn(value, alphabet) != strlen(value))
        return false;
    cg_buf_add(out, value);
    return true;
}

static void
hash_describe(const struct registry_row *row, struct cg_buf *out)
{
    (void)row;
    cg_buf_add(out, "a password's yescrypt hash ('certgate user passwd' makes one)");
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

static const struct registry_type type_LEVEL = { "level", level_canonical, NULL, level_choice };
static const struct registry_type type_LINE_LEVEL = { "line-level", line_level_canonical, NULL,
    line_level_choice };
static const struct registry_type type_SECURITY = { "security", security_canonical, NULL,
    security_choice };
static const struct registry_type type_LIVE = { "live", word_canonical, NULL, live_choice };
static const struct registry_type type_BOOL = { "bool", word_canonical, NULL, bool_choice };
static const struct registry_type type_NUMBER = { "number", number_canonical, number_describe,
    NULL };
static const struct registry_type type_ALLOW = { "allow", allow_canonical, allow_describe, NULL };
static const struct registry_type type_ROLE = { "role", word_canonical, NULL, role_choice };
static const struct registry_type type_HASH = { "hash", hash_canonical, hash_describe, NULL };
static const struct registry_type type_FINGERPRINT = { "fingerprint", fingerprint_canonical,
    fingerprint_describe, NULL };

/* clang-format off */
#define SETTINGS(X)                                                                                \
    /* name                        type        low high               initial        latchable use help */ \
    X("checks.management",         LEVEL,       0,  0,                "medium",      true,  SHOWN, \
      "Checks of certificates received on management interfaces: services https and line")         \
    X("checks.telephony",          LEVEL,       0,  0,                "medium",      true,  SHOWN, \
      "Checks of certificates received on telephony interfaces: service sip")                      \
    X("partial-chain",             BOOL,        0,  0,                "false",       false, SHOWN, \
      "An intermediate certificate of the Trusted Certificate Store may end a path")               \
    X("max-path-depth",            NUMBER,      1,  CG_MAX_PATH_DEPTH, "10",         false, SHOWN, \
      "Most intermediate certificates between the received one and its root")                      \
    X("expiry.warning-days",       NUMBER,     30,  180,              "60",          false, SHOWN, \
      "Days before the end of a certificate at which warnings of it begin")                        \
    X("interface." PLACE ".level", LEVEL,       0,  0,                NULL,          true,  SHOWN, \
      "Checks of certificates received on one interface; without it, those of checks.management or checks.telephony") \
    X("line." PLACE ".level",      LINE_LEVEL,  0,  0,                "high",        true,  SHOWN, \
      "Checks of certificates received on an IP Office line of security high")                     \
    X("trunk." PLACE ".level",     LEVEL,       0,  0,                NULL,          true,  SHOWN, \
      "Checks of certificates received from a SIP trunk; without it, those of its interface")      \
    X("service." PLACE ".security", SECURITY,   0,  0,                "secure-high", false, SHOWN, \
      "Which ports of an interface's service are open, and by which algorithms its TLS is spoken") \
    X("interface." PLACE ".allow", ALLOW,       0,  0,                "",            false, SHOWN, \
      "Narrow allowances on an interface, each with an optional last day")                         \
    X("interface." PLACE ".live",  LIVE,        0,  0,                NULL,          false, SHOWN, \
      "What becomes of connected peers that are no longer admitted; without it, the level decides") \
    X("user." PLACE ".role",       ROLE,        0,  0,                NULL,          false, SHOWN, \
      "What a user of the console and the admin API may do")                                       \
    X("user." PLACE ".password",   HASH,        0,  0,                NULL,          false, SECRET, \
      "A user's password, as its yescrypt hash")                                                   \
    X("user." PLACE ".certificate", FINGERPRINT, 0, 0,                NULL,          false, SHOWN, \
      "The certificate that stands for a user")                                                    \
    X("node.configuration",        FINGERPRINT, 0,  0,                NULL,          false, OWN,   \
      "What certgate.conf was when this generation was made")
/* clang-format on */

static const struct registry_row rows[] = {
#define X(name, type, low, high, initial, latchable, use, help)                                    \
    { name, &type_##type, low, high, initial, latchable, REGISTRY_##use, help },
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
    const char *word;

    if (row->type->describe != NULL)
        row->type->describe(row, out);
    for (size_t i = 0; (word = registry_choice(row, i)) != NULL; i++)
        cg_buf_addf(out, "%s%s", i == 0 ? "one of " : ", ", word);
}

const char *
registry_type_name(const struct registry_row *row)
{
    return row->type->name;
}

const char *
registry_choice(const struct registry_row *row, size_t i)
{
    return row->type->choice == NULL ? NULL : row->type->choice(i);
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

bool
registry_inside(const struct registry_row *row, const char *name, char *out, size_t size)
{
    const char *place = strstr(row->name, PLACE);
    size_t before, after;

    if (place == NULL || !matches(row, name))
        return false;
    before = (size_t)(place - row->name);
    after = strlen(place + strlen(PLACE));
    return (size_t)snprintf(
                   out, size, "%.*s", (int)(strlen(name) - before - after), name + before) < size;
}

void
registry_name(const struct registry_row *row, const char *inside, char *out, size_t size)
{
    const char *place = strstr(row->name, PLACE);

    if (place == NULL)
        (void)snprintf(out, size, "%s", row->name);
    else
        (void)snprintf(out, size, "%.*s%s%s", (int)(place - row->name), row->name, inside,
                place + strlen(PLACE));
}

bool
registry_is_secret(const char *name)
{
    const struct registry_row *row;

    return registry_find(name, &row, NULL) == STORE_OK && row->use == REGISTRY_SECRET;
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
