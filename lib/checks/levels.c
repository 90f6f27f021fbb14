/* The registry of checks, and the levels: each is the level below it and its own checks. */
#include <string.h>

#include "checks/check.h"

static const struct cg_check_row *const checks[CG_CHECK_COUNT] = {
    [CG_CHECK_IN_DATE] = &cg_check_in_date,
    [CG_CHECK_KEY_1024] = &cg_check_key_1024,
    [CG_CHECK_CHAIN] = &cg_check_chain,
    [CG_CHECK_KEY_USAGE] = &cg_check_key_usage,
    [CG_CHECK_EXTENDED_KEY_USAGE] = &cg_check_extended_key_usage,
    [CG_CHECK_CRITICAL_EXTENSIONS] = &cg_check_critical_extensions,
    [CG_CHECK_KEY_2048] = &cg_check_key_2048,
    [CG_CHECK_NOT_SELF_SIGNED] = &cg_check_not_self_signed,
    [CG_CHECK_NOT_REFLECTED] = &cg_check_not_reflected,
    [CG_CHECK_IN_TCS] = &cg_check_in_tcs,
    [CG_CHECK_HOST_NAME] = &cg_check_host_name,
    [CG_CHECK_SIP_DOMAIN] = &cg_check_sip_domain,
    [CG_CHECK_REVOCATION] = &cg_check_revocation,
};

#define BIT(check) (1u << CG_CHECK_##check)
#define NONE_CHECKS BIT(IN_DATE)
#define LOW_CHECKS (NONE_CHECKS | BIT(KEY_1024))
#define MEDIUM_CHECKS                                                                              \
    (LOW_CHECKS | BIT(CHAIN) | BIT(KEY_USAGE) | BIT(EXTENDED_KEY_USAGE) | BIT(CRITICAL_EXTENSIONS))
#define HIGH_CHECKS                                                                                \
    (MEDIUM_CHECKS | BIT(KEY_2048) | BIT(NOT_SELF_SIGNED) | BIT(NOT_REFLECTED) | BIT(IN_TCS))
#define REMOTE_CHECKS (BIT(HOST_NAME) | BIT(SIP_DOMAIN))

static const struct cg_level_info levels[CG_LEVEL_COUNT] = {
    [CG_LEVEL_NONE] = { "none", "None", "in date, nothing else", NONE_CHECKS },
    [CG_LEVEL_LOW] = { "low", "Low", "None, and a key of 1024 bits", LOW_CHECKS },
    [CG_LEVEL_MEDIUM] = { "medium", "Medium",
            "Low, and a chain to a trusted root, key usage, purpose, no unknown critical extension",
            MEDIUM_CHECKS },
    [CG_LEVEL_HIGH] = { "high", "High",
            "Medium, and a key of 2048 bits, not self-signed, not our own, and an exact copy in "
            "the "
            "Trusted Certificate Store",
            HIGH_CHECKS },
    [CG_LEVEL_MEDIUM_REMOTE] = { "medium+remote", "Medium + Remote Checks",
            "Medium, and the right host name and SIP domain", MEDIUM_CHECKS | REMOTE_CHECKS },
    [CG_LEVEL_HIGH_REMOTE] = { "high+remote", "High + Remote Checks",
            "High, and the right host name and SIP domain", HIGH_CHECKS | REMOTE_CHECKS },
};

static const char *const roles[] = { "inbound", "outbound" };
static const char *const services[] = { "https", "sip", "line" };
static const char *const revocation_modes[] = { "off", "soft", "hard" };
static const struct {
    const char *name;
    const char *explain;
} allowances[CG_ALLOWANCES] = {
    [CG_ALLOW_SERVER_AUTH_CLIENTS] = { "allow-server-auth-clients",
            "an inbound peer whose extended key usage has serverAuth but not clientAuth" },
    [CG_ALLOW_SIP_WILDCARD] = { "allow-sip-wildcard",
            "a wildcard dNSName may stand for the SIP domain" },
    [CG_ALLOW_SHA1_CHAIN] = { "allow-sha1-chain", "SHA-1 signatures below the root" },
    [CG_ALLOW_ADMITTED] = { "admitted-by-administrator",
            "checks fail on this certificate, and an administrator admits it until a given day" },
};

const struct cg_check_row *
cg_check_row(enum cg_check check)
{
    return checks[check];
}

const struct cg_check_info *
cg_check_info(enum cg_check check)
{
    return &checks[check]->info;
}

const struct cg_level_info *
cg_level_info(enum cg_level level)
{
    return &levels[level];
}

const char *
cg_level_name(enum cg_level level)
{
    return level < CG_LEVEL_COUNT ? levels[level].id : "custom";
}

const char *
cg_role_name(enum cg_role role)
{
    return roles[role];
}

const char *
cg_service_name(enum cg_service service)
{
    return services[service];
}

const char *
cg_revocation_mode_name(enum cg_revocation_mode mode)
{
    return revocation_modes[mode];
}

const char *
cg_allowance_name(enum cg_allowance allowance)
{
    return allowances[allowance].name;
}

const char *
cg_allowance_explain(enum cg_allowance allowance)
{
    return allowances[allowance].explain;
}

bool
cg_check_from_name(const char *name, enum cg_check *out)
{
    for (int i = 0; i < CG_CHECK_COUNT; i++) {
        if (strcmp(checks[i]->info.id, name) == 0) {
            *out = (enum cg_check)i;
            return true;
        }
    }
    return false;
}

bool
cg_level_from_name(const char *name, enum cg_level *out)
{
    for (int i = 0; i < CG_LEVEL_COUNT; i++) {
        if (strcmp(levels[i].id, name) == 0) {
            *out = (enum cg_level)i;
            return true;
        }
    }
    return false;
}

static bool
find(const char *const *names, size_t count, const char *name, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool
cg_role_from_name(const char *name, enum cg_role *out)
{
    size_t i;

    if (!find(roles, sizeof(roles) / sizeof(roles[0]), name, &i))
        return false;
    *out = (enum cg_role)i;
    return true;
}

bool
cg_service_from_name(const char *name, enum cg_service *out)
{
    size_t i;

    if (!find(services, sizeof(services) / sizeof(services[0]), name, &i))
        return false;
    *out = (enum cg_service)i;
    return true;
}

bool
cg_revocation_mode_from_name(const char *name, enum cg_revocation_mode *out)
{
    size_t i;

    if (!find(revocation_modes, sizeof(revocation_modes) / sizeof(revocation_modes[0]), name, &i))
        return false;
    *out = (enum cg_revocation_mode)i;
    return true;
}

bool
cg_allowance_from_name(const char *name, enum cg_allowance *out)
{
    for (int i = 0; i < CG_ALLOW_COUNT; i++) {
        if (strcmp(allowances[i].name, name) == 0) {
            *out = (enum cg_allowance)i;
            return true;
        }
    }
    return false;
}
