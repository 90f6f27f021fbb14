#include <arpa/inet.h>
#include <errno.h>
#include <idn2.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "settings/values.h"

int
cli_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("certgate: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_USAGE;
}

int
cli_unknown_option(int found, char **argv, const struct option *options, const char *command)
{
    const char *names[64] = { NULL }, *typed = argv[optind - 1], *nearest;
    char word[64];

    if (found == ':')
        return cli_fail("%s needs a value; see certgate %s --help", typed, command);
    for (size_t i = 0; options[i].name != NULL && i < 63; i++)
        names[i] = options[i].name;
    typed += strspn(typed, "-");
    (void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(typed, "="), typed);
    nearest = value_nearest(word, names);
    if (nearest == NULL)
        return cli_fail("unknown option '%s'; see certgate %s --help", argv[optind - 1], command);
    return cli_fail("unknown option '%s'; did you mean '--%s'?", argv[optind - 1], nearest);
}

/* Some digits at a fixed place, in bounds. */
static bool
digits(const char **at, int count, int low, int high, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (**at - '0');
    }
    return *out >= low && *out <= high;
}

static bool
one_of(const char **at, const char *letters)
{
    if (**at == '\0' || strchr(letters, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

/* RFC 3339 section 5.6: "Z" or "+01:00", as seconds to take off. */
static bool
offset(const char *at, int *out)
{
    int hours, minutes;
    bool west = *at == '-';

    if (one_of(&at, "Zz")) {
        *out = 0;
        return *at == '\0';
    }
    if (!one_of(&at, "+-") || !digits(&at, 2, 0, 23, &hours) || !one_of(&at, ":") ||
            !digits(&at, 2, 0, 59, &minutes))
        return false;
    *out = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return *at == '\0';
}

bool
cli_seconds(int64_t seconds, int64_t *out)
{
    *out = seconds;
    return seconds >= CLI_EARLIEST && seconds <= CLI_LATEST;
}

bool
cli_time(const char *text, int64_t *out)
{
    struct tm t = { 0 }, asked;
    const char *at = text;
    char *end;
    int year, month, shift;

    if (text[0] != '\0' && text[strspn(text, "-0123456789")] == '\0') {
        errno = 0;
        *out = strtoll(text, &end, 10);
        return *end == '\0' && errno == 0 && cli_seconds(*out, out);
    }
    if (!digits(&at, 4, 1, 9999, &year) || !one_of(&at, "-") || !digits(&at, 2, 1, 12, &month) ||
            !one_of(&at, "-") || !digits(&at, 2, 1, 31, &t.tm_mday) || !one_of(&at, "Tt ") ||
            !digits(&at, 2, 0, 23, &t.tm_hour) || !one_of(&at, ":") ||
            !digits(&at, 2, 0, 59, &t.tm_min) || !one_of(&at, ":") ||
            !digits(&at, 2, 0, 59, &t.tm_sec))
        return false;
    if (one_of(&at, ".")) {
        if (strspn(at, "0123456789") == 0)
            return false;
        at += strspn(at, "0123456789");
    }
    if (!offset(at, &shift))
        return false;
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    asked = t;
    *out = (int64_t)timegm(&t) - shift;
    return t.tm_mday == asked.tm_mday && cli_seconds(*out, out); /* no 30th of February */
}

bool
cli_address(const char *text)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

int
cli_password(const char *path, char **out)
{
    char line[1024] = "";
    FILE *file = fopen(path, "re");
    bool ok = file != NULL && fgets(line, sizeof(line), file) != NULL;

    if (!ok)
        (void)cli_fail("%s: cannot be read: %s", path, errno != 0 ? strerror(errno) : "empty");
    if (file != NULL)
        fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    free(*out);
    *out = ok ? strdup(line) : NULL;
    OPENSSL_cleanse(line, sizeof(line));
    if (ok && *out == NULL)
        return cli_fail("no memory");
    return ok ? CLI_ACCEPT : CLI_USAGE;
}

char *
cli_reference(const char *text)
{
    char *ascii = NULL, *copy;

    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x80)
            continue;
        if (idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
            return NULL;
        copy = strdup(ascii);
        idn2_free(ascii);
        return copy;
    }
    return strdup(text);
}

bool
cli_checks(const char *text, cg_check_set *out, char unknown[64])
{
    enum cg_check check;

    *out = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        (void)snprintf(unknown, 64, "%.*s", (int)len, text);
        if (!cg_check_from_name(unknown, &check))
            return false;
        *out |= 1u << check;
        text += len + (text[len] == ',');
    }
    return *out != 0;
}

bool
cli_allowance(const char *text, struct cli_check_options *options)
{
    const char *equals = strchr(text, '=');
    char name[64];
    enum cg_allowance allowance;
    int64_t until = INT64_MAX;

    (void)snprintf(name, sizeof(name), "%.*s",
            (int)(equals == NULL ? strlen(text) : (size_t)(equals - text)), text);
    if (!cg_allowance_from_name(name, &allowance) ||
            (equals != NULL && !value_end_date(equals + 1, &until)))
        return false;
    options->allowed[allowance] = true;
    options->allowed_until[allowance] = until;
    return true;
}

bool
cli_admit(const char *text, struct cli_check_options *options)
{
    const size_t room = sizeof(options->admitted) / sizeof(options->admitted[0]);
    struct snapshot_pin pin = { .until = INT64_MAX };
    const char *at = value_sha256(text, pin.sha256);

    if (at == NULL || options->admitted_count == room || (*at != '\0' && *at != '@'))
        return false;
    if (*at == '@' && !value_end_date(at + 1, &pin.until) && !cli_time(at + 1, &pin.until))
        return false;
    options->admitted[options->admitted_count++] = pin;
    return true;
}

struct cg_policy *
cli_policy(const struct cli_check_options *options, struct cg_error *err)
{
    struct cg_policy *policy = cg_policy_new();
    enum cg_status status = CG_OK;

    if (policy == NULL) {
        (void)snprintf(err->text, sizeof(err->text), "no memory");
        return NULL;
    }
    if (options->custom)
        cg_policy_set_checks(policy, options->checks);
    else
        cg_policy_set_level(policy, options->level);
    if (options->revocation != CG_REVOCATION_OFF)
        cg_policy_set_revocation(policy, options->revocation);
    cg_policy_set_role(policy, options->role);
    cg_policy_set_service(policy, options->service);
    cg_policy_set_latched(policy, options->latched);
    cg_policy_set_ca_eku(policy, options->ca_eku);
    cg_policy_set_partial_chain(policy, options->partial_chain);
    status = cg_policy_set_max_depth(policy, options->max_depth, err);
    for (int i = 0; i < CG_ALLOW_COUNT; i++)
        if (options->allowed[i])
            cg_policy_allow(policy, (enum cg_allowance)i, options->allowed_until[i]);
    for (size_t i = 0; status == CG_OK && i < options->admitted_count; i++)
        status = cg_policy_admit(
                policy, options->admitted[i].sha256, options->admitted[i].until, "", err);
    for (size_t i = 0; status == CG_OK && i < options->name_count; i++)
        status = cg_policy_add_name(policy, options->names[i], err);
    for (size_t i = 0; status == CG_OK && i < options->domain_count; i++)
        status = cg_policy_add_sip_domain(policy, options->domains[i], err);
    for (size_t i = 0; status == CG_OK && i < options->identities.count; i++)
        status = cg_policy_add_identity(policy, options->identities.certs[i], err);
    if (status != CG_OK) {
        cg_policy_free(policy);
        return NULL;
    }
    return policy;
}

struct cg_store *
cli_store(const struct input_list *list, struct cg_error *err)
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
