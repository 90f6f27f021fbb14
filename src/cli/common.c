#include <errno.h>
#include <idn2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

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

bool
cli_time(const char *text, int64_t *out)
{
    struct tm parts = { 0 };
    const char *end;
    char *number_end;
    int hours, minutes, used = 0;
    char sign;

    errno = 0;
    *out = strtoll(text, &number_end, 10);
    if (text[0] != '\0' && *number_end == '\0' && errno == 0)
        return true;
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == NULL)
        return false;
    *out = (int64_t)timegm(&parts);
    if (*end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (strcmp(end, "Z") == 0 || strcmp(end, "z") == 0)
        return true;
    if (sscanf(end, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || end[used] != '\0' ||
            (sign != '+' && sign != '-'))
        return false;
    *out -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return true;
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
    char name[64], end[64];
    enum cg_allowance allowance;
    int64_t until = INT64_MAX;

    (void)snprintf(name, sizeof(name), "%.*s",
            (int)(equals == NULL ? strlen(text) : (size_t)(equals - text)), text);
    if (!cg_allowance_from_name(name, &allowance))
        return false;
    if (equals != NULL) {
        (void)snprintf(end, sizeof(end), "%.32sT23:59:59Z", equals + 1);
        if (!cli_time(end, &until))
            return false;
    }
    options->allowed[allowance] = true;
    options->allowed_until[allowance] = until;
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
    cg_policy_set_role(policy, options->role);
    cg_policy_set_service(policy, options->service);
    cg_policy_set_latched(policy, options->latched);
    cg_policy_set_ca_eku(policy, options->ca_eku);
    cg_policy_set_partial_chain(policy, options->partial_chain);
    status = cg_policy_set_max_depth(policy, options->max_depth, err);
    for (int i = 0; i < CG_ALLOW_COUNT; i++)
        if (options->allowed[i])
            cg_policy_allow(policy, (enum cg_allowance)i, options->allowed_until[i]);
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
